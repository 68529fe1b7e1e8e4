# SPDX-License-Identifier: Apache-2.0
"""The life of the package on one machine, in order: install, first request, a task, upgrade, restart, kill, removal, purge."""

import json
import re
import subprocess

import pytest

from harness.machine import ABSENT
from harness.wait import wait_until

ASKS_UNTIL_ITS_INPUT_ENDS = """
import http.client, json, select, sys
answers = {}
while not select.select([sys.stdin], [], [], 0)[0]:
    try:
        c = http.client.HTTPConnection("127.0.0.1", 4566, timeout=30)
        c.request("GET", "/_localemu/health")
        answer = str(c.getresponse().status)
        c.close()
    except OSError as e:
        answer = repr(e)
    answers[answer] = answers.get(answer, 0) + 1
print(json.dumps(answers))
"""


@pytest.fixture
def nobody_is_refused(machine):
    """Somebody asks all the time while the test runs, each time over a new connection."""
    asker = subprocess.Popen(["nsenter", "-t", machine.pid, "-n", "/usr/bin/python3", "-c", ASKS_UNTIL_ITS_INPUT_ENDS],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield
    answers = json.loads(asker.communicate()[0])
    assert set(answers) == {"200"}, answers


def unit_without(machine, capability):
    """The unit as packaged, without a capability that this machine does not have to give."""
    text = machine.sh("cat /lib/systemd/system/localemu-ecs.service")
    lines = [line.replace(" " + capability, "") for line in text.splitlines() if "Capabilit" in line and "=" in line]
    names = sorted({line.split("=")[0] for line in lines if not line.startswith("#")})
    machine.put("/etc/systemd/system/localemu-ecs.service.d/test.conf",
                "[Service]\n" + "".join(f"{n}=\n" for n in names) + "\n".join(lines) + "\n")


class Task:
    """The one task that lives through all of it."""

    arn = container = port = None


def container(machine):
    (found,) = machine.sh("docker ps -q --no-trunc --filter label=localemu.service=ecs").split()
    return found


def credentials(machine):
    script = 'wget -q -O - "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"'
    return json.loads(machine.run("docker", "exec", Task.container, "sh", "-c", script))


def check_untouched(machine):
    task = machine.aws("ecs", "describe-tasks", "--cluster", "web", "--tasks", Task.arn)["tasks"][0]
    assert task["lastStatus"] == "RUNNING"
    assert task["containers"][0]["networkBindings"][0]["hostPort"] == Task.port
    assert container(machine) == Task.container

    def served():
        try:
            return credentials(machine)["RoleArn"].endswith(":role/app")
        except (subprocess.CalledProcessError, ValueError):
            return False

    wait_until(served, 5, "credentials to be served again")


def daemon_pid(machine):
    return machine.sh("systemctl show -p MainPID --value localemu-ecs.service")


def test_install(machine, debs):
    machine.install(debs[0])
    unit_without(machine, ABSENT)
    machine.sh("systemctl daemon-reload")
    assert machine.state("localemu-ecs.socket") == "active"
    assert machine.state("localemu-ecs.service") == "inactive"
    assert "docker" in machine.sh("id -nG localemu-ecs").split()
    for page in ("1/localemu.1", "1/awsemu.1", "7/localemu-ecs.7", "8/localemu-ecsd.8"):
        machine.sh(f"zcat -f /usr/share/man/man{page}.gz >/dev/null || true")


def test_little_is_exposed(machine):
    text = machine.sh("systemd-analyze security localemu-ecs.service --no-pager | tail -n 1")
    assert float(re.search(r"(\d+\.\d+)", text).group(1)) <= 3.0, text


def test_the_first_request_starts_it(machine):
    assert machine.aws("ecs", "list-clusters") == {"clusterArns": []}
    assert machine.state("localemu-ecs.service") == "active"
    assert machine.sh("ps -o user= -C localemu-ecsd 2>/dev/null || stat -c %U /proc/$(systemctl show -p MainPID --value "
                      "localemu-ecs.service)") == "localemu-ecs"
    assert "0 unfinished tasks; the Engine answers" in machine.sh("systemctl show -p StatusText localemu-ecs.service")


def test_a_task_with_a_role(machine):
    machine.aws("ecs", "create-cluster", "--cluster-name", "web")
    machine.aws("ecs", "register-task-definition", "--family", "f", "--task-role-arn",
                "arn:aws:iam::000000000000:role/app", "--container-definitions", json.dumps(
                    [{"name": "c", "image": "busybox:test", "memory": 32, "command": ["sleep", "100000"],
                      "portMappings": [{"containerPort": 80}]}]))
    task = machine.aws("ecs", "run-task", "--cluster", "web", "--task-definition", "f")["tasks"][0]
    assert task["lastStatus"] == "RUNNING", task
    Task.arn, Task.port = task["taskArn"], task["containers"][0]["networkBindings"][0]["hostPort"]
    Task.container = container(machine)
    assert credentials(machine)["RoleArn"] == "arn:aws:iam::000000000000:role/app"


def test_the_journal_tells_tasks_apart(machine):
    task_id = Task.arn.rsplit("/", 1)[1]

    def line():
        out = machine.sh(f"journalctl TASK={task_id} -o json --no-pager | tail -n 1")
        return json.loads(out) if out else None

    assert wait_until(line, 10, "a line of the task in the journal")["CLUSTER"] == "web"


def test_upgrade_while_it_runs(machine, debs, nobody_is_refused):
    before = daemon_pid(machine)
    machine.install(debs[1])
    assert machine.sh("dpkg-query -W -f '${Version}' localemu-ecs") == "9.0.0"
    assert daemon_pid(machine) != before
    check_untouched(machine)


def test_restart(machine, nobody_is_refused):
    machine.run("systemctl", "restart", "localemu-ecs.service")
    check_untouched(machine)


def test_reload(machine, nobody_is_refused):
    before = daemon_pid(machine)
    machine.run("systemctl", "reload", "localemu-ecs.service")
    check_untouched(machine)
    assert daemon_pid(machine) == before


def test_kill(machine):
    machine.sh(f"kill -9 {daemon_pid(machine)}")
    wait_until(lambda: machine.state("localemu-ecs.service") == "active", 10, "systemd to start it again")
    check_untouched(machine)


def test_remove_leaves_containers_alone(machine):
    said = machine.sh("apt-get remove -y localemu-ecs 2>&1")
    assert "running containers of tasks and the state in /var/lib/localemu-ecs are left as they are" in said
    assert container(machine) == Task.container
    assert machine.state("localemu-ecs.socket") != "active"
    assert machine.sh("ls /var/lib/localemu-ecs")


def test_purge_leaves_a_clean_machine(machine):
    machine.sh("rm -r /etc/systemd/system/localemu-ecs.service.d")
    said = machine.sh("dpkg --purge localemu-ecs 2>&1")
    assert "/var/lib/localemu-ecs is removed" in said
    left = machine.sh("find /etc /lib/systemd /usr /var/lib/systemd /var/lib/localemu-ecs /run/localemu-ecs -xdev -name '*localemu*' "
                      "-not -path '/usr/share/doc/*' 2>/dev/null || true")
    assert left == ""
    assert container(machine) == Task.container
