# SPDX-License-Identifier: Apache-2.0
"""What of a container definition arrives in the container, seen from the Engine and from inside."""

import http.client
import socket
import subprocess
import urllib.request

from harness.wait import wait_until

SHOW = ["sh", "-c", 'for a in "$0" "$@"; do echo "[$a]"; done; echo done; trap "exit 143" TERM; sleep 3600 & wait']


def get(port, path="/"):
    def attempt():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except (ConnectionError, OSError, http.client.HTTPException):
            return None
    return wait_until(attempt, 10, f"an answer on port {port}")


def test_port_is_reachable(lab):
    task = lab.run(lab.container(command=["httpd", "-f", "-p", "80", "-h", "/www"],
                                 portMappings=[{"containerPort": 80, "protocol": "tcp"}]))
    bindings = lab.container_of(task)["networkBindings"]
    assert bindings == [{"bindIP": "127.0.0.1", "containerPort": 80, "hostPort": bindings[0]["hostPort"],
                         "protocol": "tcp"}]
    assert get(bindings[0]["hostPort"]) == (200, "<!DOCTYPE html>\n<title>Hello from ECS</title>\n")


def test_image_command_is_the_default(lab):
    definition = lab.container(portMappings=[{"containerPort": 80}])
    del definition["command"]
    task = lab.run(definition)
    assert get(lab.host_port(task))[0] == 200


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_fixed_host_port(lab):
    port = free_port()
    task = lab.run(lab.container(command=["httpd", "-f", "-p", "8080", "-h", "/www"],
                                 portMappings=[{"containerPort": 8080, "hostPort": port}]))
    assert lab.host_port(task) == port
    assert get(port)[0] == 200


def test_host_port_that_is_taken_ends_the_task(lab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        task = lab.run_to_end(lab.container(portMappings=[{"containerPort": 80, "hostPort": taken.getsockname()[1]}]))
    assert task["stopCode"] == "TaskFailedToStart"
    reason = lab.container_of(task)["reason"]
    assert reason.startswith("CannotStartContainerError: ") and "address already in use" in reason
    assert "exitCode" not in lab.container_of(task)


ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 9000))
print("ready", flush=True)
while True:
    data, peer = server.recvfrom(100)
    server.sendto(data.upper(), peer)
"""


def test_udp_and_tcp_on_the_same_port(lab):
    task = lab.run(lab.container(
        command=["httpd", "-f", "-p", "9000", "-h", "/www"],
        portMappings=[{"containerPort": 9000, "protocol": "udp"}, {"containerPort": 9000, "protocol": "tcp"}]))
    bindings = {b["protocol"]: b["hostPort"] for b in lab.container_of(task)["networkBindings"]}
    assert set(bindings) == {"udp", "tcp"}
    assert get(bindings["tcp"])[0] == 200
    # busybox has no server for udp, so one is put into the container's network namespace
    pid = str(lab.inspect(task)["State"]["Pid"])
    with subprocess.Popen(["nsenter", "-t", pid, "-n", "/usr/bin/python3", "-c", ECHO], stdout=subprocess.PIPE) as echo:
        try:
            assert echo.stdout.readline() == b"ready\n"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.connect(("127.0.0.1", bindings["udp"]))
                client.send(b"ping")
                assert client.recv(100) == b"PING"
        finally:
            echo.kill()


def test_argv_is_never_split(lab):
    arguments = ["", "two words", "$HOME", "a;b", '"quoted"', "*", "\u00fcml\u00e4ut", "-n"]
    task = lab.run(lab.container(command=SHOW + arguments))
    assert lab.wait_output(task, "done").splitlines()[:-1] == [f"[{a}]" for a in arguments]


def test_entry_point_and_command(lab):
    task = lab.run(lab.container(entryPoint=SHOW[:3], command=["one", "two words"]))
    assert lab.wait_output(task, "done").splitlines()[:-1] == ["[one]", "[two words]"]


def test_environment(lab):
    environment = [{"name": "GREETING", "value": "Hello from ECS"}, {"name": "EMPTY", "value": ""},
                   {"name": "WITH_EQUALS", "value": "a=b=c"}]
    task = lab.run(lab.container(command=["sh", "-c", "env; echo done; sleep 3600"], environment=environment))
    lines = lab.wait_output(task, "done").splitlines()
    assert [f"{e['name']}={e['value']}" for e in environment if f"{e['name']}={e['value']}" not in lines] == []
    assert "PATH=/bin" in lines


def test_overrides(lab):
    definition = lab.define(lab.container(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]))
    task = lab.run(definition=definition, overrides={"containerOverrides": [{
        "name": "main", "command": ["sh", "-c", "env; echo done; sleep 3600"], "memory": 64, "cpu": 77,
        "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]})
    lines = lab.wait_output(task, "done").splitlines()
    assert {"A=1", "B=3", "C=4"} <= set(lines) and "B=2" not in lines
    host = lab.inspect(task)["HostConfig"]
    assert (host["Memory"], host["CpuShares"]) == (64 << 20, 77)
    override = lab.task(task)["overrides"]["containerOverrides"][0]
    assert (override["name"], override["memory"]) == ("main", 64)
    lab.engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/kill")


def test_cpu_and_memory(lab):
    task = lab.run(lab.container(cpu=128, memory=64, memoryReservation=32))
    host = lab.inspect(task)["HostConfig"]
    assert (host["CpuShares"], host["Memory"], host["MemoryReservation"]) == (128, 64 << 20, 32 << 20)
    container = lab.container_of(task)
    assert (container["cpu"], container["memory"], container["memoryReservation"]) == ("128", "64", "32")


def test_names_and_labels(lab):
    task = lab.run()
    container = lab.inspect(task)
    task_id = task["taskArn"].split("/")[-1]
    assert container["Name"] == f"/localemu-ecs-{lab.cluster[:20]}-{task_id[:12]}-main"
    family, revision = task["taskDefinitionArn"].split("/")[-1].split(":")
    labels = container["Config"]["Labels"]
    expected = {
        "localemu.service": "ecs",
        "localemu.cluster": lab.cluster_arn,
        "localemu.task-arn": task["taskArn"],
        "localemu.container-name": "main",
        "localemu.owner": lab.daemon.owner,
        "com.amazonaws.ecs.task-arn": task["taskArn"],
        "com.amazonaws.ecs.container-name": "main",
        "com.amazonaws.ecs.task-definition-family": family,
        "com.amazonaws.ecs.task-definition-version": revision,
        "com.amazonaws.ecs.cluster": labels.get("com.amazonaws.ecs.cluster"),
    }
    assert {k: labels.get(k) for k in expected} == expected
    assert labels["com.amazonaws.ecs.cluster"] in (lab.cluster, lab.cluster_arn)


def test_nothing_of_the_gate_shows_in_the_process(lab):
    """The user's process is pid 1 with its own argv, and has no open descriptor to the gate."""
    task = lab.run(lab.container(command=["sh", "-c", "ls /proc/1/fd; cat /proc/1/comm; echo done; sleep 3600"]))
    lines = lab.wait_output(task, "done").splitlines()
    assert lines == ["0", "1", "2", "10", "sh", "done"] or lines == ["0", "1", "2", "sh", "done"]


def test_network_modes(lab):
    for mode in ("none", "host", "bridge"):
        task = lab.run(definition=lab.define(networkMode=mode))
        assert task["lastStatus"] == "RUNNING", mode
        networks = lab.inspect(task)["NetworkSettings"]["Networks"]
        assert list(networks) == [mode]


def test_host_mode_shows_the_ports_that_are_used(lab):
    port = free_port()
    definition = lab.define(lab.container(command=["httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", "/www"],
                                          portMappings=[{"containerPort": port}]), networkMode="host")
    task = lab.run(definition=definition)
    assert lab.host_port(task) == port
    assert get(port)[0] == 200


def test_every_container_of_a_definition_starts(lab):
    task = lab.run(*[lab.container(f"c{i}", essential=i == 0) for i in range(4)])
    assert sorted(c["name"] for c in task["containers"]) == ["c0", "c1", "c2", "c3"]
    assert {c["lastStatus"] for c in task["containers"]} == {"RUNNING"}
    assert len(lab.daemon.task_containers(task["taskArn"])) == 4


def test_working_directory_and_user(lab):
    task = lab.run(lab.container(command=["sh", "-c", "pwd; id -u; echo done; sleep 3600"], workingDirectory="/www",
                                 user="65534"))
    assert lab.wait_output(task, "done").split()[:2] == ["/www", "65534"]


def test_large_definition(lab):
    """As large as ECS takes it (64 KiB), all of it arrives."""
    environment = [{"name": f"VARIABLE_{i}", "value": "x" * 1000} for i in range(60)]
    task = lab.run(lab.container(environment=environment))
    assert task["lastStatus"] == "RUNNING"
    inside = [e for e in lab.inspect(task)["Config"]["Env"] if e.startswith("VARIABLE_")]
    assert sorted(inside) == sorted(f"{e['name']}={e['value']}" for e in environment)
