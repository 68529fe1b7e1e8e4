# SPDX-License-Identifier: Apache-2.0
"""The sandbox of a task whose containers share namespaces: who it is, when it ends, and that nothing is left of it."""

import os
import re
import signal

import pytest

from harness.wait import wait_until

VPC = {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}}
SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"
KINDS = {
    "awsvpc": {"networkMode": "awsvpc"},
    "pid": {"pidMode": "task"},
    "ipc": {"ipcMode": "task"},
    "all": {"networkMode": "awsvpc", "pidMode": "task", "ipcMode": "task"},
}


def run(lab, started, kind="awsvpc", *containers):
    more = {"networkConfiguration": VPC} if "networkMode" in KINDS[kind] else {}
    containers = containers or (lab.container(), lab.container("side", essential=False))
    return started(lab, lab.run(definition=lab.define(*containers, **KINDS[kind]), **more))


def sandboxes(lab, task):
    return lab.daemon.containers(f"localemu.sandbox-of={lab.arn(task)}")


def gone(lab, task):
    wait_until(lambda: not sandboxes(lab, task) and not lab.daemon.containers(f"localemu.task-arn={lab.arn(task)}"), 10,
               "all containers of the task to go")


@pytest.mark.parametrize("kind", KINDS)
def test_it_owns_what_is_shared(lab, started, kind):
    task = run(lab, started, kind)
    sandbox = task.sandbox()
    labels = sandbox["Config"]["Labels"]
    assert labels["localemu.service"] == "ecs" and labels["localemu.sandbox-of"] == task.task["taskArn"]
    assert not {"localemu.cluster", "localemu.task-arn", "localemu.container-name"} & set(labels)
    assert re.fullmatch(r"localemu/ecs-pause:[0-9a-f]{16}", sandbox["Config"]["Image"])
    shared = {"awsvpc": {"net"}, "pid": {"pid"}, "ipc": {"ipc"}, "all": {"net", "pid", "ipc"}}[kind]
    for space in ("net", "pid", "ipc"):
        links = {os.readlink(f"/proc/{pid}/ns/{space}")
                 for pid in (sandbox["State"]["Pid"], task.engine("State.Pid"), task.engine("State.Pid", "side"))}
        assert len(links) == (1 if space in shared else 3), space
    assert [c["name"] for c in task.task["containers"]] == ["main", "side"]
    lab.stop(task.task)
    stopped = lab.wait(task.task)
    assert (stopped["stopCode"], lab.container_of(stopped)["exitCode"]) == ("UserInitiated", 143)
    gone(lab, task.task)


def test_one_container_alone_needs_none(lab, started):
    task = run(lab, started, "awsvpc", lab.container())
    assert task.sandbox() is None


def test_it_reaps_what_containers_leave_behind(lab, started):
    task = run(lab, started, "pid")
    task.inside("(sh -c 'sleep 0.2 & exec true' &)")
    assert task.inside("cat /proc/1/comm") == "init"
    wait_until(lambda: "Z" not in task.inside("for p in /proc/[0-9]*; do cut -d' ' -f3 $p/stat; done"), 5, "no zombie")


def test_containers_come_and_go_in_it(lab, started):
    """A first container ends before the second one starts: the endpoint and the address are the same."""
    task = run(lab, started, "awsvpc",
               lab.container("first", essential=False, command=["sh", "-c", "wget -qO- $ECS_CONTAINER_METADATA_URI_V4"]),
               lab.container(dependsOn=[{"containerName": "first", "condition": "SUCCESS"}]))
    assert lab.container_of(lab.task(task.task), "first")["exitCode"] == 0
    assert task.engine("Id") in task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4")


def test_it_ends_last(lab, started):
    slow = "trap 'sleep 1; exit 0' TERM; sleep 3600 & wait; wait"
    task = run(lab, started, "awsvpc", lab.container(), lab.container("slow", command=["sh", "-c", slow], stopTimeout=5))
    sandbox, last = task.sandbox()["Id"], task.engine("Id", "slow")
    with lab.engine.events(type="container", event="die") as events:
        lab.stop(task.task)
        lab.wait(task.task)
        dead = []
        wait_until(lambda: dead.append(events.next(5)["Actor"]["ID"]) or dead[-1] == sandbox, 10, "the sandbox to end")
    assert last in dead


@pytest.mark.parametrize("kind", ["awsvpc", "pid"])
def test_its_death_ends_the_task(lab, started, kind):
    task = run(lab, started, kind)
    lab.engine.request("POST", f"/containers/{task.sandbox()['Id']}/kill", query={"signal": "KILL"})
    stopped = lab.wait(task.task)
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited", "Essential container in task exited")
    gone(lab, task.task)


def test_removed_by_hand(lab, started):
    task = run(lab, started)
    lab.engine.request("DELETE", f"/containers/{task.sandbox()['Id']}", query={"force": "1"})
    assert lab.wait(task.task)["stoppedReason"] == "Essential container in task exited"
    gone(lab, task.task)


def test_adopted_with_its_task(start_daemon, make_lab, started):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = run(lab, started, "all")
    sandbox = task.sandbox()["Id"]
    shim, = daemon.shims()
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: [p for p in daemon.shims() if p != shim], 5, "another shim")
    wait_until(lambda: task.engine("Id") in task.inside("timeout 1 wget -qO- $ECS_CONTAINER_METADATA_URI_V4"), 5,
               "the endpoint to answer")
    assert [c["Id"] for c in sandboxes(lab, task.task)] == [sandbox]
    assert lab.task(task.task)["lastStatus"] == "RUNNING"
    os.kill(daemon.shims()[0], signal.SIGKILL)
    lab.engine.request("DELETE", f"/containers/{sandbox}", query={"force": "1"})
    assert lab.wait(task.task)["stopCode"] == "EssentialContainerExited"
    gone(lab, task.task)


def test_killed_at_any_moment_of_the_start(start_daemon, make_lab, started):
    """The next shim goes on with the sandbox that there is: one, and none afterwards."""
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    definition = lab.define(lab.container(), lab.container("side"), networkMode="awsvpc")
    for _ in range(6):
        task = lab.run(definition=definition, networkConfiguration=VPC)
        seen = lab.engine.events(type="container", event="create")
        with seen as events:
            os.kill(wait_until(daemon.shims, 5)[0], signal.SIGKILL) if _ % 2 else (
                events.next(5), os.kill(daemon.shims()[0], signal.SIGKILL))
        lab.wait(task, "RUNNING")
        assert len(sandboxes(lab, task)) == 1
        lab.stop(task)
        lab.wait(task)
        gone(lab, task)
        wait_until(lambda: not daemon.shims(), 10, "the shim to leave")


def test_an_image_that_is_missing_is_made_once(start_daemon, make_lab, started, engine):
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    first = started(lab, lab.wait(lab.run(definition=lab.define(lab.container(), pidMode="task")), "RUNNING"))
    name = first.sandbox()["Config"]["Image"]
    lab.stop(first.task)
    lab.wait(first.task)
    gone(lab, first.task)
    engine.request("DELETE", f"/images/{name}", query={"force": "1"})
    before = daemon.log_text.count("importing " + name)
    definition = lab.define(lab.container(), pidMode="task")
    tasks = lab.run(definition=definition, count=5)
    for task in tasks:
        lab.wait(task, "RUNNING")
    assert daemon.log_text.count("importing " + name) == before + 1
