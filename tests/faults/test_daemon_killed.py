# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon: nothing acknowledged is lost, no task notices, what happened meanwhile is learned."""

import http.client
import threading

import pytest

from harness.wait import wait_until

RUNS = ["sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait"]


def identity(lab, task):
    """What must not change while the daemon is away."""
    container = lab.inspect(task)
    return container["Id"], container["State"]["StartedAt"], container["State"]["Pid"]


def test_running_tasks_are_still_running(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    tasks = [lab.run(lab.container(command=["httpd", "-f", "-p", "80", "-h", "/www"],
                                   portMappings=[{"containerPort": 80}])) for _ in range(3)]
    before = [(identity(lab, t), lab.host_port(t)) for t in tasks]
    daemon.kill()
    daemon.restart()
    after = [(identity(lab, t), lab.host_port(lab.task(t))) for t in tasks]
    assert after == before
    assert {lab.task(t)["lastStatus"] for t in tasks} == {"RUNNING"}
    for task in tasks:
        connection = http.client.HTTPConnection("127.0.0.1", lab.host_port(lab.task(task)), timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
    wait_until(lambda: len(daemon.shims()) == 3, 5, "one shim per task")


def test_adopted_tasks_can_be_stopped(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    daemon.kill()
    daemon.restart()
    lab.stop(task, reason="after the crash")
    task = lab.wait(task)
    assert task["stoppedReason"] == "after the crash"
    assert lab.container_of(task)["exitCode"] == 143


def test_what_ended_meanwhile_has_its_true_end(start_daemon, make_lab, engine):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run(lab.container(command=["sh", "-c", "trap 'exit 37' USR1; while :; do sleep 0.1; done"]))
    container = lab.inspect(task)["Id"]
    with engine.events(type="container", container=container, event="die") as events:
        daemon.kill()
        engine.request("POST", f"/containers/{container}/kill", query={"signal": "USR1"})
        died = events.next(10)
    assert died["Actor"]["Attributes"]["exitCode"] == "37"
    daemon.restart()
    task = lab.wait(task)
    assert lab.container_of(task)["exitCode"] == 37
    assert task["stopCode"] == "EssentialContainerExited"
    assert abs(task["executionStoppedAt"].timestamp() - died["timeNano"] / 1e9) < 0.5
    assert task["executionStoppedAt"] <= task["stoppedAt"]


def test_a_stop_that_was_acknowledged_happens(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    lab.stop(task, reason="last words")
    daemon.kill()
    daemon.restart()
    task = lab.wait(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "last words")


@pytest.mark.parametrize("round_", range(6))
def test_no_acknowledged_write_is_lost(start_daemon, make_lab, round_):
    """Killed right after the reply, at whatever moment the shim has got to; then exactly that task runs, once."""
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    definition = lab.define(lab.container(command=RUNS))
    task = lab.run(definition=definition)
    if round_ % 2:  # let it get a little further, another way each time
        wait_until(lambda: lab.daemon.task_containers(task["taskArn"]) or round_ < 3, 10)
    daemon.kill()
    daemon.restart()
    assert lab.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["status"] == "ACTIVE"
    assert lab.ecs.list_tasks(cluster=lab.cluster)["taskArns"] == [task["taskArn"]]
    lab.wait(task, "RUNNING")
    assert len(daemon.task_containers(task["taskArn"])) == 1


def test_ten_starting_tasks(start_daemon, make_lab):
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    tasks = lab.run(count=10)
    wait_until(daemon.containers, 10, "the first container")
    daemon.kill()
    daemon.restart()
    for task in tasks:
        lab.wait(task, "RUNNING", 30)
    assert len(daemon.containers()) == 10


def test_a_held_reply_is_no_promise(start_daemon, make_lab):
    """The daemon dies while a client waits: the client sees its connection end, and the task is there or is not, but is
    never half there."""
    daemon = start_daemon()
    lab = make_lab(daemon)
    definition = lab.define(lab.container(command=RUNS))
    failed = []

    def run():
        try:
            lab.ecs.run_task(cluster=lab.cluster, taskDefinition=definition)
        except Exception as e:  # a connection that ends: which of its names does not matter
            failed.append(e)

    client = threading.Thread(target=run)
    client.start()
    wait_until(daemon.containers, 10, "the container")
    daemon.kill()
    client.join(20)
    assert not client.is_alive()
    daemon.restart()
    arns = lab.ecs.list_tasks(cluster=lab.cluster)["taskArns"]
    assert len(arns) == 1
    lab.wait(arns[0], "RUNNING")


def test_clean_stop_leaves_tasks_running(start_daemon, make_lab):
    daemon = start_daemon(PERSISTENCE="1")
    lab = make_lab(daemon)
    task = lab.run()
    before = identity(lab, task)
    assert daemon.terminate() == 0
    assert identity(lab, task) == before
    daemon.restart()
    assert identity(lab, task) == before
    assert lab.task(task)["lastStatus"] == "RUNNING"


def test_without_persistence_a_clean_stop_leaves_nothing(start_daemon, make_lab):
    daemon = start_daemon(PERSISTENCE="0")
    lab = make_lab(daemon)
    lab.run(count=3)
    assert daemon.terminate() == 0
    assert daemon.containers() == []
    assert not list(daemon.state_dir.glob("*.db"))
    daemon.restart()
    assert daemon.client().list_clusters()["clusterArns"] == []


def test_container_removed_while_the_daemon_was_away(start_daemon, make_lab, engine):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    container = lab.inspect(task)["Id"]
    daemon.kill()
    engine.remove(container)
    daemon.restart()
    task = lab.wait(task)
    assert task["stopCode"] and task["stoppedReason"]
    assert daemon.containers() == []


def test_reset_ends_everything(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    lab.run(count=2)
    daemon.end_all_tasks()
    assert daemon.client().list_clusters()["clusterArns"] == []
    lab = make_lab(daemon)
    assert lab.run()["lastStatus"] == "RUNNING"
