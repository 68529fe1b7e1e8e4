# SPDX-License-Identifier: Apache-2.0
"""The Engine goes away, stands still, talks rubbish, and comes back."""

import tempfile
import time

import pytest

from harness.proxy import GARBAGE, GONE, PASS, STILL, EngineProxy
from harness.wait import wait_until


@pytest.fixture
def proxied(start_daemon, make_lab, engine):
    with tempfile.TemporaryDirectory(prefix="lemu-proxy-", dir="/tmp") as directory:
        proxy = EngineProxy(f"{directory}/engine.sock", engine.path)
        daemon = start_daemon(DOCKER_HOST=f"unix://{proxy.path}")
        yield proxy, make_lab(daemon)
        # the daemon ends (and is held to leaving nothing) after this, so the Engine has to be there for it
        proxy.set_mode(PASS)
        try:
            daemon.end_all_tasks()
            assert daemon.terminate() == 0
        finally:
            proxy.close()


def answers_quickly(lab):
    began = time.monotonic()
    lab.ecs.list_clusters()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("trouble", [GONE, STILL, GARBAGE])
def test_running_tasks_survive(proxied, trouble):
    proxy, lab = proxied
    task = lab.run()
    before = lab.inspect(task)
    proxy.set_mode(trouble)
    answers_quickly(lab)
    assert lab.task(task)["lastStatus"] == "RUNNING"
    proxy.set_mode(PASS)
    after = lab.inspect(task)
    assert after["State"]["Pid"] == before["State"]["Pid"]
    lab.stop(task)
    assert lab.container_of(lab.wait(task, seconds=30))["exitCode"] == 143


@pytest.mark.parametrize("trouble", [GONE, GARBAGE])
def test_what_ends_meanwhile_is_learned_afterwards(proxied, trouble, engine):
    proxy, lab = proxied
    task = lab.run()
    container = lab.inspect(task)["Id"]
    with engine.events(type="container", container=container, event="die") as events:
        proxy.set_mode(trouble)
        engine.request("POST", f"/containers/{container}/kill", query={"signal": "KILL"})
        died = events.next(10)
    answers_quickly(lab)
    proxy.set_mode(PASS)
    task = lab.wait(task, seconds=30)
    assert lab.container_of(task)["exitCode"] == 137
    assert abs(task["executionStoppedAt"].timestamp() - died["timeNano"] / 1e9) < 0.5


@pytest.mark.parametrize("trouble", [GONE, STILL, GARBAGE])
def test_run_task_waits_for_the_engine(proxied, trouble):
    """Asked for while the Engine is away: the API answers, and the task runs once the Engine is back."""
    proxy, lab = proxied
    lab.run()  # the daemon has seen the Engine
    definition = lab.define()
    proxy.set_mode(trouble)
    reply = lab.ecs.run_task(cluster=lab.cluster, taskDefinition=definition)
    task = reply["tasks"][0]
    assert task["lastStatus"] != "RUNNING"
    answers_quickly(lab)
    proxy.set_mode(PASS)
    ended = wait_until(lambda: (t := lab.task(task)) and t["lastStatus"] in ("RUNNING", "STOPPED") and t, 60)
    if ended["lastStatus"] == "STOPPED":  # given up: then with the reason
        assert ended["stopCode"] == "TaskFailedToStart"
        assert ended["stoppedReason"]
        assert lab.daemon.task_containers(task["taskArn"]) == []


def test_stop_waits_for_the_engine(proxied):
    proxy, lab = proxied
    task = lab.run()
    proxy.set_mode(GONE)
    assert lab.stop(task)["desiredStatus"] == "STOPPED"
    answers_quickly(lab)
    proxy.set_mode(PASS)
    assert lab.wait(task, seconds=30)["stopCode"] == "UserInitiated"


def test_no_engine_at_all_is_metadata_only(start_daemon, make_lab):
    """ "The Docker backend is on by default when a Docker daemon is reachable": here none is."""
    daemon = start_daemon(DOCKER_HOST="unix:///tmp/there-is-no-such-engine.sock")
    lab = make_lab(daemon)
    task = lab.run(lab.container(image="nginx:1.27-alpine"))
    assert task["lastStatus"] == "RUNNING"
    assert daemon.containers() == []
    assert daemon.shims() == []


@pytest.mark.parametrize("trouble", [GONE, GARBAGE])
def test_no_line_of_a_log_is_missing_or_twice(proxied, trouble):
    proxy, lab = proxied
    client = lab.daemon.client(service="logs")
    client.create_log_group(logGroupName="lines")
    options = {"awslogs-group": "lines", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}
    task = lab.run(lab.container(
        command=["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.002; done"],
        logConfiguration={"logDriver": "awslogs", "options": options}))
    stream = f"p/main/{task['taskArn'].split('/')[-1]}"

    def numbers():
        reply = client.get_log_events(logGroupName="lines", logStreamName=stream, startFromHead=True)
        return [int(e["message"]) for e in reply["events"]]

    for _ in range(3):
        have = len(numbers())
        proxy.set_mode(trouble)
        answers_quickly(lab)
        proxy.set_mode(PASS)
        wait_until(lambda: len(numbers()) > have + 100, 20, "lines to go on")
    lab.stop(task)
    lab.wait(task, seconds=30)
    got = numbers()
    assert got == list(range(1, len(got) + 1))
