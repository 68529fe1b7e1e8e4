# SPDX-License-Identifier: Apache-2.0
"""A cluster of one test with real containers: define, run, look, stop. Ends with every task stopped and the cluster
deleted, so that the shared daemon stays clean for the next test."""

import uuid

from harness.wait import wait_until


class Lab:
    def __init__(self, daemon, image, ecs=None):
        self.daemon = daemon
        self.engine = daemon.engine
        self.image = image
        self.ecs = ecs or daemon.client()
        self.cluster = "lab-" + uuid.uuid4().hex[:8]
        self.cluster_arn = self.ecs.create_cluster(clusterName=self.cluster)["cluster"]["clusterArn"]

    def close(self):
        for arn in self.ecs.list_tasks(cluster=self.cluster)["taskArns"]:
            self.ecs.stop_task(cluster=self.cluster, task=arn)
        wait_until(lambda: not self.daemon.containers(f"localemu.cluster={self.cluster_arn}"), 30,
                   "the containers of the test's cluster to go")
        self.ecs.delete_cluster(cluster=self.cluster)

    def container(self, name="main", command=None, **more):
        """A container definition that sleeps where nothing else is asked for, and ends at once on SIGTERM. Whatever is deaf
        to SIGTERM, as most programs are with pid 1, is killed after two seconds."""
        definition = {"name": name, "image": self.image, "memory": 32, "essential": True, "stopTimeout": 2}
        definition["command"] = command or ["sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait"]
        definition.update(more)
        return definition

    def define(self, *containers, **more):
        """Registers a new family of these containers (one that sleeps, without any). Returns its ARN."""
        reply = self.ecs.register_task_definition(
            family="lab-" + uuid.uuid4().hex[:8], networkMode=more.pop("networkMode", "bridge"),
            containerDefinitions=list(containers) or [self.container()], **more)
        return reply["taskDefinition"]["taskDefinitionArn"]

    def define_json(self, *containers, **more):
        """As define, without an SDK: for members that Debian's botocore does not know."""
        status, reply = self.daemon.call("RegisterTaskDefinition", {
            "family": "lab-" + uuid.uuid4().hex[:8], "containerDefinitions": list(containers), **more})
        assert status == 200, reply
        return reply["taskDefinition"]["taskDefinitionArn"]

    def run(self, *containers, definition=None, **more):
        """Defines and runs one task; returns the task of RunTask's reply."""
        reply = self.ecs.run_task(cluster=self.cluster, taskDefinition=definition or self.define(*containers), **more)
        assert reply["failures"] == [] and len(reply["tasks"]) == more.get("count", 1), reply
        return reply["tasks"][0] if "count" not in more else reply["tasks"]

    def task(self, task):
        reply = self.ecs.describe_tasks(cluster=self.cluster, tasks=[self.arn(task)])
        assert reply["failures"] == []
        return reply["tasks"][0]

    def task_json(self, task):
        """As task, without an SDK: with the members that Debian's botocore does not know, times as numbers."""
        status, reply = self.daemon.call("DescribeTasks", {"cluster": self.cluster, "tasks": [self.arn(task)]})
        assert status == 200, reply
        return reply["tasks"][0]

    def stop(self, task, **more):
        return self.ecs.stop_task(cluster=self.cluster, task=self.arn(task), **more)["task"]

    def wait(self, task, status="STOPPED", seconds=15):
        last = {}

        def look():
            last.update(self.task(task))
            return last if last["lastStatus"] == status else None

        try:
            return wait_until(look, seconds, f"the task to be {status}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{last}\n{self.daemon.log_text[-4000:]}") from None

    def run_to_end(self, *containers, **more):
        return self.wait(self.run(*containers, **more))

    def inspect(self, task, name="main"):
        """The Engine's view of one container of a task."""
        found = self.daemon.containers(f"localemu.task-arn={self.arn(task)}", f"localemu.container-name={name}")
        assert len(found) == 1, found
        return self.engine.inspect(found[0]["Id"])

    def output(self, task, name="main"):
        return self.engine.logs(self.inspect(task, name)["Id"])

    def wait_output(self, task, text, name="main", seconds=10):
        return wait_until(lambda: (out := self.output(task, name)) and text in out and out, seconds, f"output {text!r}")

    @staticmethod
    def arn(task):
        return task if isinstance(task, str) else task["taskArn"]

    @staticmethod
    def container_of(task, name="main"):
        return next(c for c in task["containers"] if c["name"] == name)

    def host_port(self, task, name="main", container_port=None):
        bindings = self.container_of(task, name)["networkBindings"]
        return next(b["hostPort"] for b in bindings if container_port in (None, b["containerPort"]))
