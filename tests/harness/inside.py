# SPDX-License-Identifier: Apache-2.0
"""A started task as the Engine and its own processes see it: facts of `docker inspect` by their path, commands by
`docker exec`. What a test asserts about a mapping comes from here and never from the API under test."""


def run_inside(engine, container, command):
    """What a command prints inside a container; `command` is a line for sh."""
    made = engine.request("POST", f"/containers/{container}/exec", {
        "AttachStdout": True, "AttachStderr": True, "Tty": True,
        # the colon keeps the output from being taken for JSON
        "Cmd": ["/bin/sh", "-c", "echo :\n" + command]})
    out = engine.request("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": True})
    return out.replace("\r\n", "\n").removeprefix(":\n").rstrip("\n")


class Started:
    def __init__(self, lab, task):
        self.lab = lab
        self.task = task
        self.facts = {}

    def inspect(self, name="main"):
        if name not in self.facts:
            self.facts[name] = self.lab.inspect(self.task, name)
        return self.facts[name]

    def engine(self, path, name="main"):
        """One value of docker inspect: engine("HostConfig.CpuShares")."""
        value = self.inspect(name)
        for key in path.split("."):
            value = value[key]
        return value

    def sandbox(self):
        """The Engine's view of what owns the shared namespaces of the task, None where nothing does."""
        found = self.lab.daemon.containers(f"localemu.sandbox-of={self.task['taskArn']}")
        assert len(found) <= 1
        return self.lab.engine.inspect(found[0]["Id"]) if found else None

    def network(self):
        """An awsvpc task's endpoint on its VPC's network."""
        network, = (self.sandbox() or self.inspect(self.task["containers"][0]["name"]))["NetworkSettings"]["Networks"].values()
        return network

    def inside(self, command, name="main"):
        return run_inside(self.lab.engine, self.inspect(name)["Id"], command)
