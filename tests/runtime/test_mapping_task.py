# SPDX-License-Identifier: Apache-2.0
"""What a task definition says about the task as a whole: namespaces, ports, sizes, platform. Read from docker inspect, from
inside the containers, and from the host."""

import os
import pathlib
import socket
import urllib.request

import pytest

from harness.engine import busybox_layer
from harness.registry import Registry
from harness.wait import wait_until

SLEEP = ["sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait"]
SERVE = ["httpd", "-f", "-p", "80", "-h", "/www"]
MIB = 1 << 20
VPC = {"awsvpcConfiguration": {"subnets": ["subnet-12345678"]}}


def namespace(app, kind, name="main"):
    return app.inside(f"busybox readlink /proc/self/ns/{kind}", name)


# -- networkMode

def test_network_mode_default_is_bridge(lab, started):
    made = lab.ecs.register_task_definition(family=lab.cluster, containerDefinitions=[lab.container()])
    app = started(lab, lab.run(definition=made["taskDefinition"]["taskDefinitionArn"]))
    assert app.engine("HostConfig.NetworkMode") == "bridge"
    assert "eth0" in app.inside("ls /sys/class/net")


def test_network_mode_host(lab, started):
    app = started(lab, lab.run(definition=lab.define(networkMode="host")))
    assert app.engine("HostConfig.NetworkMode") == "host"
    assert namespace(app, "net") == os.readlink("/proc/self/ns/net")


def test_network_mode_none(lab, started):
    app = started(lab, lab.run(definition=lab.define(networkMode="none")))
    assert app.engine("HostConfig.NetworkMode") == "none"
    assert "eth0" not in app.inside("ls /sys/class/net")


@pytest.fixture(scope="module")
def vpc(module_lab, started):
    """Three containers in one network namespace, which a sandbox owns."""
    lab = module_lab
    definition = lab.define(
        lab.container("first", command=SERVE, portMappings=[{"containerPort": 80}]),
        lab.container("second", essential=False, portMappings=[{"containerPort": 81}],
                      systemControls=[{"namespace": "net.core.somaxconn", "value": "555"}]),
        lab.container("third", essential=False), networkMode="awsvpc")
    return started(lab, lab.run(definition=definition, networkConfiguration=VPC))


def test_awsvpc_containers_share_one_network(vpc):
    assert len({namespace(vpc, "net", name) for name in ("first", "second", "third")}) == 1
    sandbox, = vpc.lab.daemon.containers(f"localemu.sandbox-of={vpc.task['taskArn']}")
    for name in ("first", "second", "third"):
        mode = vpc.engine("HostConfig.NetworkMode", name)
        assert mode in (f"container:{sandbox['Id']}", "container:" + sandbox["Names"][0][1:])


def test_awsvpc_containers_reach_each_other_on_localhost(vpc):
    assert "Hello from ECS" in vpc.inside("wget -q -O - http://127.0.0.1/", "third")


def test_awsvpc_system_controls_hold_for_the_whole_task(vpc):
    for name in ("first", "second", "third"):
        assert vpc.inside("cat /proc/sys/net/core/somaxconn", name) == "555"


def test_awsvpc_containers_keep_processes_and_ipc_apart(vpc):
    assert len({namespace(vpc, "pid", name) for name in ("first", "second", "third")}) == 3
    assert len({namespace(vpc, "ipc", name) for name in ("first", "second", "third")}) == 3


# -- pidMode, ipcMode

def modes(lab, started, **more):
    """Two containers of a task with these modes."""
    return started(lab, lab.run(definition=lab.define(lab.container("main"), lab.container("side"), **more)))


def test_pid_mode_host(lab, started):
    app = modes(lab, started, pidMode="host")
    assert app.engine("HostConfig.PidMode") == "host"
    pid = app.engine("State.Pid")
    assert app.inside(f"busybox readlink /proc/{pid}/ns/pid", "side") == os.readlink("/proc/self/ns/pid")


def test_pid_mode_task(lab, started):
    app = modes(lab, started, pidMode="task")
    assert namespace(app, "pid", "main") == namespace(app, "pid", "side") != os.readlink("/proc/self/ns/pid")
    assert namespace(app, "ipc", "main") != namespace(app, "ipc", "side")
    assert app.inside("ps", "side").count("sleep 3600") >= 2


def test_ipc_mode_host(lab, started):
    app = modes(lab, started, ipcMode="host")
    assert app.engine("HostConfig.IpcMode") == "host"
    assert namespace(app, "ipc") == os.readlink("/proc/self/ns/ipc")


def test_ipc_mode_none(lab, started):
    app = modes(lab, started, ipcMode="none")
    assert app.engine("HostConfig.IpcMode") == "none"
    assert " /dev/shm " not in app.inside("cat /proc/mounts")


def test_ipc_mode_task(lab, started):
    app = modes(lab, started, ipcMode="task")
    assert namespace(app, "ipc", "main") == namespace(app, "ipc", "side") != os.readlink("/proc/self/ns/ipc")
    assert namespace(app, "pid", "main") != namespace(app, "pid", "side")
    app.inside("echo shared >/dev/shm/file", "main")
    assert app.inside("cat /dev/shm/file", "side") == "shared"


def test_modes_absent_keep_everything_apart(lab, started):
    app = modes(lab, started)
    for kind in ("pid", "ipc", "net"):
        assert namespace(app, kind, "main") != namespace(app, kind, "side")


# -- portMappings

def answers(port):
    def attempt():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False
    return wait_until(attempt, 10, f"an answer on port {port}")


@pytest.fixture(scope="module")
def ports(module_lab, started):
    lab = module_lab
    serve = "httpd -p 8001; httpd -p 8003; " + SLEEP[2]
    task = lab.run(definition=lab.define_json(lab.container(
        command=["sh", "-c", "cd /www; " + serve], portMappings=[
            {"containerPort": 70}, {"containerPort": 71, "hostPort": 0, "protocol": "udp"},
            {"containerPortRange": "8001-8003", "protocol": "tcp"}])))
    return started(lab, lab.task_json(task))


def bindings_of(app, **wanted):
    return [b for b in app.lab.container_of(app.task)["networkBindings"] if wanted.items() <= b.items()]


def test_dynamic_host_port_is_the_engines(ports):
    binding, = bindings_of(ports, containerPort=70)
    told, = ports.inspect()["NetworkSettings"]["Ports"]["70/tcp"]
    assert binding == {"bindIP": told["HostIp"], "containerPort": 70, "hostPort": int(told["HostPort"]),
                       "protocol": "tcp"}
    assert binding["hostPort"] > 1023


def test_protocol_udp(ports):
    binding, = bindings_of(ports, containerPort=71)
    assert binding["protocol"] == "udp"
    assert binding["hostPort"] == int(ports.inspect()["NetworkSettings"]["Ports"]["71/udp"][0]["HostPort"])


def test_container_port_range(ports):
    """One binding for the range; the host ports are neighbours, and each leads to its own container port."""
    binding, = bindings_of(ports, containerPortRange="8001-8003")
    first, last = map(int, binding["hostPortRange"].split("-"))
    assert last - first == 2 and "hostPort" not in binding and "containerPort" not in binding
    told = ports.inspect()["NetworkSettings"]["Ports"]
    assert [int(told[f"{p}/tcp"][0]["HostPort"]) for p in (8001, 8002, 8003)] == [first, first + 1, last]
    assert answers(first) and answers(last)


def test_ports_are_published_where_asked_only(ports):
    assert {told["HostIp"] for tells in ports.inspect()["NetworkSettings"]["Ports"].values() for told in tells or []} == {
        "127.0.0.1"}


def test_host_mode_bindings(lab):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    task = lab.run(definition=lab.define(lab.container(portMappings=[{"containerPort": port}]), networkMode="host"))
    assert lab.container_of(task)["networkBindings"] == [
        {"bindIP": "0.0.0.0", "containerPort": port, "hostPort": port, "protocol": "tcp"}]
    assert not lab.inspect(task)["HostConfig"]["PortBindings"]


# -- cpu and memory of the task

@pytest.fixture(scope="module")
def sized(module_lab, started):
    lab = module_lab
    free = lab.container("free", cpu=10)
    del free["memory"]
    return started(lab, lab.run(definition=lab.define(
        lab.container("main", cpu=20, memory=32), free, cpu="256", memory="128")))


def test_task_memory_holds_for_containers_without_a_limit(sized):
    assert sized.engine("HostConfig.Memory", "free") == 128 * MIB
    assert sized.engine("HostConfig.Memory", "main") == 32 * MIB


def test_task_cpu_is_a_limit_of_each_container(sized):
    """A container's own cpu stays its share of what the task has."""
    for name, shares in (("main", 20), ("free", 10)):
        host = sized.inspect(name)["HostConfig"]
        assert (host["CpuPeriod"], host["CpuQuota"], host["CpuShares"]) == (100000, 25000, shares)
    assert sized.inside("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null").split()[0] == "25000"


def cgroups(task_id):
    return [p for p in (pathlib.Path("/sys/fs/cgroup/ecs") / task_id, *pathlib.Path("/sys/fs/cgroup").glob(f"*/ecs/{task_id}"))
            if p.exists()]


@pytest.fixture
def own_cgroups(engine):
    info = engine.request("GET", "/info")
    if info["CgroupDriver"] != "cgroupfs" or info.get("CgroupVersion", "1") != "1" or os.geteuid() != 0:
        pytest.skip("the Engine's cgroups are not ours to make")  # how CI runs it: as root, driver cgroupfs, version 1


def test_task_sizes_hold_for_all_containers_together(lab, started, own_cgroups):
    hungry = "dd if=/dev/zero of=/dev/shm/x bs=1M count=50 && sleep 3600"
    free = [lab.container(name) for name in ("main", "side")]
    for container in free:
        del container["memory"]
    task = started(lab, lab.run(definition=lab.define(*free, cpu="256", memory="64")))
    task_id = task.task["taskArn"].rpartition("/")[2]
    root = pathlib.Path("/sys/fs/cgroup")
    assert (root / f"memory/ecs/{task_id}/memory.limit_in_bytes").read_text() == f"{64 * MIB}\n"
    assert (root / f"cpu/ecs/{task_id}/cpu.cfs_quota_us").read_text() == "25000\n"
    for name in ("main", "side"):
        assert task.engine("HostConfig.CgroupParent", name) == f"/ecs/{task_id}"
        assert f"/ecs/{task_id}/" in pathlib.Path(f"/proc/{task.engine('State.Pid', name)}/cgroup").read_text()
    lab.stop(task.task)
    lab.wait(task.task)
    wait_until(lambda: not cgroups(task_id), 10, "the cgroup to go")
    # each of them stays below the limit; together they do not
    for container in free:
        container["command"] = ["sh", "-c", hungry]
    ended = lab.wait(lab.run(definition=lab.define(*free, cpu="1024", memory="80")), seconds=60)
    assert "OutOfMemoryError: Container killed due to memory usage" in {c.get("reason") for c in ended["containers"]}


def test_no_task_sizes_no_cgroup(lab, started):
    task = started(lab, lab.run())
    assert task.engine("HostConfig.CgroupParent") == ""
    assert not cgroups(task.task["taskArn"].rpartition("/")[2])


def test_task_sizes_are_strings(sized):
    assert (sized.task["cpu"], sized.task["memory"]) == ("256", "128")


def test_task_sizes_with_units(lab):
    task = lab.run(definition=lab.define(cpu=".5 vCPU", memory="1 GB"))
    assert (task["cpu"], task["memory"]) == ("512", "1024")


def test_task_sizes_are_sums_where_nothing_is_said(lab):
    task = lab.run(lab.container("a", cpu=100, memory=40), lab.container("b", cpu=28, memory=24))
    assert (task["cpu"], task["memory"]) == ("128", "64")


def test_no_task_cpu_is_no_limit(lab):
    assert lab.inspect(lab.run())["HostConfig"]["CpuQuota"] == 0


def test_task_sizes_of_the_overrides(lab, started):
    free = lab.container()
    del free["memory"]
    task = lab.run(definition=lab.define(free, cpu="256", memory="128"), overrides={"memory": "64", "cpu": "128"})
    assert started(lab, task).engine("HostConfig.Memory") == 64 * MIB
    assert started(lab, task).engine("HostConfig.CpuQuota") == 12500
    assert (task["cpu"], task["memory"], task["overrides"]["memory"]) == ("128", "64", "64")


# -- platform

def test_cpu_architecture_of_this_machine(lab):
    task = lab.run(definition=lab.define(runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}))
    assert task["lastStatus"] == "RUNNING"
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "x86_64"}]


@pytest.fixture
def arm(engine, name):
    """An image that says of itself that it is for ARM, though its programs are this machine's: what runs of it runs."""
    ref = f"localemu-test/arm:{name('arm')}"
    engine.load_image(ref, busybox_layer(), "arm64")
    yield ref
    engine.remove_image(ref)


def platform_of(architecture):
    return {"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"}


def test_local_image_of_the_asked_architecture(lab, engine, arm, started):
    """It is there: nothing is pulled from a registry that does not know it, and create takes it."""
    task = lab.run(definition=lab.define(lab.container(image=arm), runtimePlatform=platform_of("ARM64")))
    assert task["lastStatus"] == "RUNNING"
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "arm64"}]
    assert engine.request("GET", f"/images/{started(lab, task).engine('Image')}/json")["Architecture"] == "arm64"


def test_no_platform_is_the_image_that_is_there(lab, arm):
    assert lab.run(lab.container(image=arm))["lastStatus"] == "RUNNING"


@pytest.mark.parametrize("fargate", [False, True], ids=["ec2", "fargate"])
def test_image_of_another_architecture_only(lab, engine, image, name, fargate):
    """A local image of another architecture is as good as none: it is pulled, and what the registry has is no other."""
    registry = Registry()
    ref = f"{registry.host}/{name('app')}"
    try:
        registry.push(engine, image, ref, "1")
        engine.request("POST", f"/images/{image}/tag", query={"repo": ref, "tag": "1"})
        with engine.events(type="image", event="pull", image=f"{ref}:1") as events:
            task = lab.run_to_end(
                definition=lab.define(lab.container(image=f"{ref}:1"), runtimePlatform=platform_of("ARM64")),
                launchType="FARGATE" if fargate else "EC2")
            assert events.next(5)["Actor"]["ID"] == f"{ref}:1"
    finally:
        engine.remove_image(f"{ref}:1")
        registry.close()
    reason = lab.container_of(task)["reason"]
    assert task["stopCode"] == "TaskFailedToStart"
    assert reason.startswith("CannotPullContainerError: Error response from daemon: ")
    assert "does not match the specified platform: wanted linux/arm64, actual: linux/amd64" in reason
    assert task["stoppedReason"] == (reason if fargate else "Task failed to start")
    assert "runtimeId" not in lab.container_of(task)


# -- open files

def open_files(app):
    return app.inside("busybox grep 'Max open files' /proc/1/limits").split()[3:5]


def test_open_files_on_fargate(lab, started, engine):
    """65535, or what the Engine lets a container have where that is less; a definition's own limit stays."""
    most = open_files(started(lab, lab.run()))[1]
    ours = open_files(started(lab, lab.run(launchType="FARGATE")))
    assert ours[0] == ours[1]
    assert int(ours[1]) == 65535 or int(ours[1]) == int(most) < 65535
    limits = [{"name": "nofile", "softLimit": 100, "hardLimit": 200}]
    assert open_files(started(lab, lab.run(lab.container(ulimits=limits), launchType="FARGATE"))) == ["100", "200"]


def test_fargate(lab, started):
    definition = lab.define(lab.container(), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256",
                            memory="512", ephemeralStorage={"sizeInGiB": 30})
    task = lab.run(definition=definition, launchType="FARGATE", networkConfiguration=VPC)
    assert started(lab, task).inside("echo $AWS_EXECUTION_ENV") == "AWS_ECS_FARGATE"
    assert (task["platformVersion"], task["platformFamily"]) == ("1.4.0", "Linux")
    assert task["ephemeralStorage"] == {"sizeInGiB": 30}
