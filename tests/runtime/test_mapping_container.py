# SPDX-License-Identifier: Apache-2.0
"""Each member of a ContainerDefinition in what the Engine made of it: facts of docker inspect, and what a process inside
sees. Two tasks carry all members that get along with each other; members that a machine may refuse are in containers
that are not essential, so that the Engine keeps the attempt for us to look at."""

import pytest

from harness.wait import wait_until

SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"
MIB = 1 << 20


@pytest.fixture(scope="module")
def app(module_lab, started):
    """The members about the process, its surroundings and its neighbours."""
    lab = module_lab
    main = lab.container(
        "main", cpu=128, memory=64, memoryReservation=32,
        entryPoint=["sh", "-c"], command=[SLEEP],
        environment=[{"name": "TWICE", "value": "first"}, {"name": "EMPTY", "value": ""},
                     {"name": "TWICE", "value": "second"}, {"name": "LINES", "value": "a\nb"}],
        hostname="app-host", user="65534:65534", workingDirectory="/www", pseudoTerminal=True,
        dnsServers=["192.0.2.53", "192.0.2.54"], dnsSearchDomains=["example.test"],
        extraHosts=[{"hostname": "partner", "ipAddress": "192.0.2.7"}],
        dockerLabels={"team": "blue", "com.amazonaws.ecs.container-name": "mine", "localemu.owner": "mine"},
        links=["store:db", "store"],
        volumesFrom=[{"sourceContainer": "store", "readOnly": True}],
        logConfiguration={"logDriver": "json-file", "options": {"max-size": "1m", "max-file": "2"}},
        healthCheck={"command": ["CMD-SHELL", "test -d /www"], "interval": 7, "timeout": 3, "retries": 4,
                     "startPeriod": 11})
    store = lab.container(
        "store", command=["sh", "-c", "echo kept >/shared/file; " + SLEEP], cpu=0, interactive=True,
        mountPoints=[{"sourceVolume": "shared", "containerPath": "/shared"}],
        healthCheck={"command": ["CMD", "true"]})
    bare = lab.container("bare", disableNetworking=True, essential=False, cpu=1)
    del bare["memory"]
    bare["memoryReservation"] = 16
    return started(lab, lab.run(definition=lab.define(main, store, bare, volumes=[{"name": "shared"}])))


def docker_name(app, name):
    return app.engine("Name", name)


# (member, container, path of docker inspect, expected); a callable is asked with the value
ENGINE = [
    ("image", "main", "Config.Image", lambda image: image.startswith("localemu-test/busybox:")),
    ("cpu", "main", "HostConfig.CpuShares", 128),
    ("cpu-zero-is-2", "store", "HostConfig.CpuShares", 2),
    ("cpu-one-is-2", "bare", "HostConfig.CpuShares", 2),
    ("memory", "main", "HostConfig.Memory", 64 * MIB),
    ("memory-absent", "bare", "HostConfig.Memory", 0),
    ("memoryReservation", "main", "HostConfig.MemoryReservation", 32 * MIB),
    ("memoryReservation-alone", "bare", "HostConfig.MemoryReservation", 16 * MIB),
    ("memoryReservation-absent", "store", "HostConfig.MemoryReservation", 0),
    ("entryPoint-and-command", "main", "Config.Cmd", ["sh", "-c", SLEEP]),
    ("hostname", "main", "Config.Hostname", "app-host"),
    ("user", "main", "Config.User", "65534:65534"),
    ("workingDirectory", "main", "Config.WorkingDir", "/www"),
    ("disableNetworking", "bare", "Config.NetworkDisabled", True),
    ("pseudoTerminal", "main", "Config.Tty", True),
    ("pseudoTerminal-default", "store", "Config.Tty", False),
    ("interactive", "store", "Config.OpenStdin", True),
    ("interactive-more-than-once", "store", "Config.StdinOnce", False),
    ("interactive-default", "main", "Config.OpenStdin", False),
    ("privileged-default", "main", "HostConfig.Privileged", False),
    ("readonlyRootFilesystem-default", "main", "HostConfig.ReadonlyRootfs", False),
    ("dnsServers", "main", "HostConfig.Dns", ["192.0.2.53", "192.0.2.54"]),
    ("dnsSearchDomains", "main", "HostConfig.DnsSearch", ["example.test"]),
    ("extraHosts", "main", "HostConfig.ExtraHosts", ["partner:192.0.2.7"]),
    ("logConfiguration", "main", "HostConfig.LogConfig",
     {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}),
    ("healthCheck", "main", "Config.Healthcheck",
     {"Test": ["CMD-SHELL", "test -d /www"], "Interval": 7_000_000_000, "Timeout": 3_000_000_000, "Retries": 4,
      "StartPeriod": 11_000_000_000}),
    ("healthCheck-defaults", "store", "Config.Healthcheck",
     {"Test": ["CMD", "true"], "Interval": 30_000_000_000, "Timeout": 5_000_000_000, "Retries": 3}),
    ("stopTimeout", "main", "Config.StopTimeout", 2),
    ("restart-policy-is-never-the-engines", "main", "HostConfig.RestartPolicy.Name", lambda n: n in ("", "no")),
    ("auto-remove-is-never-the-engines", "main", "HostConfig.AutoRemove", False),
    ("network-mode-default", "main", "HostConfig.NetworkMode", "bridge"),
    ("pid-mode-default", "main", "HostConfig.PidMode", ""),
]


@pytest.mark.parametrize("container, path, expected", [row[1:] for row in ENGINE], ids=[row[0] for row in ENGINE])
def test_engine(app, container, path, expected):
    value = app.engine(path, container)
    assert expected(value) if callable(expected) else value == expected, value


# (member, container, command, expected output); a callable is asked with the output
INSIDE = [
    ("entryPoint-and-command", "main", "tr '\\0' '|' </proc/1/cmdline", f"sh|-c|{SLEEP}|"),
    ("environment-later-wins", "main", "echo $TWICE", "second"),
    ("environment-empty", "main", "env | busybox grep ^EMPTY=", "EMPTY="),
    ("environment-lines", "main", 'echo "$LINES"', "a\nb"),
    ("hostname", "main", "hostname", "app-host"),
    ("hostname-default", "store", "hostname", lambda name: len(name) == 12),
    ("user", "main", "id -u; id -g", "65534\n65534"),
    ("user-default", "store", "id -u; id -g", "0\n0"),
    ("workingDirectory", "main", "busybox readlink /proc/1/cwd", "/www"),
    ("disableNetworking", "bare", "ls /sys/class/net", lambda links: "eth0" not in links),
    ("pseudoTerminal", "main", "busybox readlink /proc/1/fd/0", lambda tty: tty.startswith("/dev/pts/")),
    ("interactive", "store", "busybox readlink /proc/1/fd/0", lambda stdin: stdin.startswith("pipe:")),
    ("interactive-default", "bare", "busybox readlink /proc/1/fd/0", "/dev/null"),
    ("dnsServers", "main", "cat /etc/resolv.conf", lambda text: "nameserver 192.0.2.53\nnameserver 192.0.2.54" in text),
    ("dnsSearchDomains", "main", "cat /etc/resolv.conf", lambda text: "search example.test" in text),
    ("extraHosts", "main", "cat /etc/hosts", lambda text: "192.0.2.7\tpartner" in text),
    ("memory", "main", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max",
     lambda text: str(64 * MIB) in text.split()),
    ("volumesFrom", "main", "cat /shared/file", "kept"),
    ("volumesFrom-readOnly", "main", "busybox grep ' /shared ' /proc/mounts",
     lambda mount: mount.split()[3].startswith("ro")),
    ("AWS_EXECUTION_ENV", "main", "echo $AWS_EXECUTION_ENV", "AWS_ECS_EC2"),
    ("AWS_REGION", "main", "echo $AWS_REGION $AWS_DEFAULT_REGION", "us-east-1 us-east-1"),
]


@pytest.mark.parametrize("container, command, expected", [row[1:] for row in INSIDE], ids=[row[0] for row in INSIDE])
def test_inside(app, container, command, expected):
    value = app.inside(command, container)
    assert expected(value) if callable(expected) else value == expected, value


def test_links(app):
    target, own = docker_name(app, "store"), docker_name(app, "main")
    assert sorted(app.engine("HostConfig.Links")) == [f"{target}:{own}/db", f"{target}:{own}/store"]
    hosts = app.inside("cat /etc/hosts")
    address = app.engine("NetworkSettings.Networks.bridge.IPAddress", "store")
    assert {"db", "store"} <= {name for line in hosts.splitlines() for name in line.split() if line.startswith(address)}


def test_volumes_from(app):
    own = app.inspect("main")["HostConfig"]["VolumesFrom"]
    assert own in ([docker_name(app, "store")[1:] + ":ro"], [app.inspect("store")["Id"] + ":ro"])


def test_docker_labels(app):
    """The agent's own labels, and ours, win over those of the definition."""
    labels = app.engine("Config.Labels")
    assert labels["team"] == "blue"
    assert labels["com.amazonaws.ecs.container-name"] == "main"
    assert labels["localemu.owner"] == app.lab.daemon.owner


def test_image_is_reported_as_given(app):
    assert {c["image"] for c in app.task["containers"]} == {app.lab.image}


def test_runtime_id_is_the_engines(app):
    for container in app.task["containers"]:
        assert container["runtimeId"] == app.inspect(container["name"])["Id"]


# -- the process of containers without an entry point or a command

def test_image_entry_point_stays(lab, engine, image, name):
    """A command alone goes to the image's entry point; an entry point alone drops the image's command."""
    made = f"localemu-test/{name('entry')}:1"
    commit = engine.request("POST", "/containers/create", {
        "Image": image, "Entrypoint": ["sh", "-c", 'echo "[$0]"; ' + SLEEP], "Cmd": ["image"]})
    try:
        repo, tag = made.split(":")
        engine.request("POST", "/commit", {}, query={"container": commit["Id"], "repo": repo, "tag": tag, "changes":
                       f'ENTRYPOINT ["sh", "-c", "echo $0; {SLEEP}"]\nCMD ["image"]'})
        default = lab.container("default", image=made)
        del default["command"]
        command = lab.container("command", image=made, command=["given"])
        entry = lab.container("entry", image=made, entryPoint=["sh", "-c", f"echo $0; {SLEEP}"])
        del entry["command"]
        task = lab.run(default, command, entry)
        assert lab.wait_output(task, "\n", "default").strip() == "image"
        assert lab.wait_output(task, "\n", "command").strip() == "given"
        assert lab.wait_output(task, "\n", "entry").strip() == "sh"
        lab.stop(task)
        lab.wait(task)
        wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")
    finally:
        engine.remove(commit["Id"])
        engine.remove_image(made)


USERS = [("nobody", "65534 65534"), ("nobody:root", "65534 0"), ("7", "7 0"), ("7:8", "7 8"), ("7:nogroup", "7 65534")]


def test_every_form_of_user(lab):
    containers = [lab.container(f"c{i}", command=["sh", "-c", "echo $(id -u) $(id -g); " + SLEEP], user=user)
                  for i, (user, _) in enumerate(USERS)]
    task = lab.run(*containers)
    for i, (user, expected) in enumerate(USERS):
        assert (user, lab.wait_output(task, "\n", f"c{i}").strip()) == (user, expected)


# -- overrides of RunTask

@pytest.fixture(scope="module")
def overridden(module_lab, started):
    lab = module_lab
    definition = lab.define(
        lab.container("main", cpu=10, memory=64, memoryReservation=32,
                      environment=[{"name": "KEPT", "value": "1"}, {"name": "REPLACED", "value": "2"}]),
        lab.container("side", cpu=10))
    return started(lab, lab.run(definition=definition, overrides={"containerOverrides": [
        {"name": "main", "cpu": 300000, "memory": 4, "memoryReservation": 6,
         "command": ["sh", "-c", "echo given; " + SLEEP],
         "environment": [{"name": "REPLACED", "value": ""}, {"name": "ADDED", "value": "4"}]}]}))


OVERRIDDEN = [
    ("cpu-at-most-262144", "main", "HostConfig.CpuShares", 262144),
    ("memory-at-least-6", "main", "HostConfig.Memory", 6 * MIB),
    ("memoryReservation", "main", "HostConfig.MemoryReservation", 6 * MIB),
    ("command", "main", "Config.Cmd", ["sh", "-c", "echo given; " + SLEEP]),
    ("others-are-as-defined", "side", "HostConfig.CpuShares", 10),
]


@pytest.mark.parametrize("container, path, expected", [r[1:] for r in OVERRIDDEN], ids=[r[0] for r in OVERRIDDEN])
def test_override(overridden, container, path, expected):
    assert overridden.engine(path, container) == expected


def test_override_of_environment(overridden):
    assert overridden.inside("echo $KEPT,$REPLACED,$ADDED") == "1,,4"


def test_overrides_are_echoed(overridden):
    echoed = overridden.task["overrides"]["containerOverrides"]
    assert [o["name"] for o in echoed] == ["main", "side"]
    assert (echoed[0]["cpu"], echoed[0]["memory"], echoed[1]) == (300000, 4, {"name": "side"})
    assert overridden.task["overrides"]["inferenceAcceleratorOverrides"] == []
    container = overridden.lab.container_of(overridden.task)
    assert (container["cpu"], container["memory"]) == ("300000", "4")
