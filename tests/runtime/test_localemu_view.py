# SPDX-License-Identifier: Apache-2.0
"""localemu status, logs, events, reset and doctor, as people and as programs read them."""

import json
import os
import pty
import subprocess

import pytest

from harness.daemon import ROOT
from harness.wait import wait_until

VIEW = ROOT / "packaging/bin/localemu-view"


@pytest.fixture
def view(engine_daemon):
    def run(*arguments, status=0, columns="200", **environment):
        done = subprocess.run([VIEW, *arguments], capture_output=True, text=True, timeout=60, check=False, env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LOCALEMU_ENDPOINT": engine_daemon.url, "COLUMNS": columns, **environment})
        assert done.returncode == status, done
        return done.stdout if status == 0 else done.stderr

    return run


def test_status(view, lab):
    task = lab.run(lab.container(portMappings=[{"containerPort": 80}]))["taskArn"]
    lab.wait(task, "RUNNING")
    port = lab.host_port(lab.task(task))
    lines = view("status").splitlines()
    assert lines[0].startswith("localemu: running at http://127.0.0.1:")
    assert lines[1].split() == ["CLUSTER", "SERVICE", "TASK", "DEFINITION", "STATUS", "HEALTH", "PORTS", "AGE"]
    line = next(l for l in lines if task.rsplit("/", 1)[1][:12] in l)
    assert " RUNNING " in line and f"{port}->80" in line
    assert all(len(l) <= 60 for l in view("status", columns="60").splitlines()[1:])
    assert task in [t["taskArn"] for t in json.loads(view("status", "--json"))["tasks"]]


def test_logs(view, lab):
    task = lab.run(lab.container(command=["sh", "-c", "echo one; echo two >&2; sleep 1000"]))["taskArn"]
    lab.wait(task, "RUNNING")
    short = task.rsplit("/", 1)[1][:12]
    assert wait_until(lambda: sorted(view("logs", short).split()) == ["one", "two"], 10, "both lines")
    (line, *_) = view("logs", "--json", task).splitlines()
    assert json.loads(line)["message"] in ("one", "two")
    assert "no container of a task" in view("logs", "0" * 32, status=1)
    assert "has no container other" in view("logs", "--container", "other", task, status=1)


def test_logs_are_followed_to_the_end(view, lab):
    task = lab.run(lab.container(command=["sh", "-c", "echo begun; sleep 1; echo over"]))["taskArn"]
    lab.wait(task, "RUNNING")
    assert view("logs", "-f", task).split() == ["begun", "over"]


def test_events(view, lab):
    task = lab.run(lab.container())["taskArn"]
    lab.wait(task, "RUNNING")
    mine = [l for l in view("events").splitlines() if task.rsplit("/", 1)[1][:12] in l]
    assert mine[-1].endswith("RUNNING")
    last = json.loads(view("events", "--json").splitlines()[-1])
    assert last["source"] == "aws.ecs"


def test_doctor(view, tmp_path):
    lines = view("doctor").splitlines()
    assert [l.split()[:2] for l in lines] == [["ok", c] for c in ("daemon", "engine", "iptables", "port", "time", "disk")]
    assert all(r["ok"] for r in json.loads(view("doctor", "--json")))
    done = subprocess.run(["/usr/bin/python3", VIEW, "doctor"], capture_output=True, text=True, check=False, timeout=60, env={
        "PATH": str(tmp_path), "LOCALEMU_ENDPOINT": "http://127.0.0.1:1", "DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert done.returncode == 1
    assert "Install docker.io and start it" in done.stdout and "wrong  daemon" in done.stdout


def test_nothing_answers(view):
    assert "no daemon answers at http://127.0.0.1:1" in view("status", status=3, LOCALEMU_ENDPOINT="http://127.0.0.1:1")


def test_colours_only_on_a_terminal(view, lab, engine_daemon):
    lab.wait(lab.run(lab.container()), "RUNNING")
    assert "\033[" not in view("status")
    master, slave = pty.openpty()
    subprocess.run([VIEW, "status"], stdout=slave, check=True, timeout=60,
                   env={"PATH": "/usr/bin:/bin", "LOCALEMU_ENDPOINT": engine_daemon.url, "TERM": "xterm"})
    os.close(slave)
    assert b"\033[32mRUNNING" in os.read(master, 65536)
    os.close(master)


def test_reset(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0)
    daemon.client().create_cluster(clusterName="c")
    subprocess.run([VIEW, "reset"], check=True, timeout=60, env={"PATH": "/usr/bin:/bin", "LOCALEMU_ENDPOINT": daemon.url})
    assert daemon.client().list_clusters()["clusterArns"] == []
