# SPDX-License-Identifier: Apache-2.0
"""Pulls: one per image however many tasks want it, handed on when who pulls dies, and nobody else waits for it."""

import os
import signal

import pytest

from harness.registry import Registry
from harness.turnstile import Turnstile
from harness.wait import wait_until

TASKS = 5


@pytest.fixture(scope="module")
def registry(engine):
    registry = Registry()
    yield registry
    registry.close()


@pytest.fixture
def turnstile(registry):
    turnstile = Turnstile(registry.host)
    yield turnstile
    turnstile.close()


@pytest.fixture
def remote(registry, turnstile, engine, image, name):
    """A reference that has to be pulled through the turnstile."""
    repository = name("app")
    registry.push(engine, image, f"{registry.host}/{repository}", "1")
    reference = f"{turnstile.host}/{repository}:1"
    yield reference
    engine.remove_image(reference)


def manifests(turnstile):
    return [path for method, path in turnstile.asked if path.endswith("/manifests/1") and method == "HEAD"] or \
        [path for method, path in turnstile.asked if path.endswith("/manifests/1")]


def tasks_of(lab, arns):
    return lab.ecs.describe_tasks(cluster=lab.cluster, tasks=arns)["tasks"]


def all_running(lab, arns):
    tasks = tasks_of(lab, arns)
    return {t["lastStatus"] for t in tasks} == {"RUNNING"} and tasks


def pulling_shim(daemon):
    """The pid of the shim that holds the lock of a pull."""
    for pid in daemon.shims():
        try:
            held = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if any("/pulls/" in path and path.endswith(".lock") for path in held):
            return pid
    return None


def start_waiting(lab, turnstile, remote):
    turnstile.shut()
    arns = [t["taskArn"] for t in lab.run(definition=lab.define(lab.container(image=remote)), count=TASKS)]
    wait_until(lambda: manifests(turnstile), 10, "the registry to be asked")
    wait_until(lambda: all("pullStartedAt" in t for t in tasks_of(lab, arns)), 10, "every task to want the image")
    return arns


def test_one_pull_for_all(quick_lab, turnstile, remote, engine):
    with engine.events(type="image", event="pull") as events:
        arns = start_waiting(quick_lab, turnstile, remote)
        other = quick_lab.run()  # of an image that is there: it does not wait
        quick_lab.wait(other, "RUNNING")
        assert {t["lastStatus"] for t in tasks_of(quick_lab, arns)} == {"PENDING"}
        assert all("pullStoppedAt" not in t for t in tasks_of(quick_lab, arns))
        turnstile.open()
        tasks = wait_until(lambda: all_running(quick_lab, arns), 20, "every task to run")
        assert len(manifests(turnstile)) == 1
        assert remote in events.next(5)["Actor"]["ID"]
        assert events.next(0.2) is None
    assert len({quick_lab.container_of(t)["imageDigest"] for t in tasks}) == 1
    for task in tasks:
        assert quick_lab.container_of(task)["imageDigest"].startswith("sha256:")
        assert task["pullStartedAt"] < task["pullStoppedAt"] <= task["startedAt"]


def test_handed_on_when_who_pulls_dies(start_daemon, make_lab, turnstile, remote):
    lab = make_lab(start_daemon(ECS_SETTLE_SECONDS="0"))
    arns = start_waiting(lab, turnstile, remote)
    os.kill(wait_until(lambda: pulling_shim(lab.daemon), 5), signal.SIGKILL)
    wait_until(lambda: len(manifests(turnstile)) == 2, 10, "another one to pull")
    turnstile.open()
    wait_until(lambda: all_running(lab, arns), 30, "every task to run")
    assert len(manifests(turnstile)) == 2


def test_handed_on_when_who_pulls_is_stopped(start_daemon, make_lab, turnstile, remote):
    """A task that is stopped while it pulls ends at once; the others do not end with it."""
    lab = make_lab(start_daemon(ECS_SETTLE_SECONDS="0"))
    arns = start_waiting(lab, turnstile, remote)
    for arn in arns[:-1]:
        lab.stop(arn)
        stopped = lab.wait(arn, seconds=5)
        assert stopped["stopCode"] == "UserInitiated"
        assert "exitCode" not in lab.container_of(stopped)
    turnstile.open()
    lab.wait(arns[-1], "RUNNING")


def test_the_end_is_the_last_pulls(quick_lab, turnstile, remote):
    """A container whose image is there does not end the pulling of another one."""
    turnstile.shut()
    task = quick_lab.run(quick_lab.container(), quick_lab.container("remote", image=remote))
    wait_until(lambda: manifests(turnstile), 10, "the registry to be asked")
    assert "pullStartedAt" in quick_lab.task(task) and "pullStoppedAt" not in quick_lab.task(task)
    turnstile.open()
    task = quick_lab.wait(task, "RUNNING")
    assert task["pullStartedAt"] < task["pullStoppedAt"] <= task["startedAt"]


def test_one_error_for_all(quick_lab, turnstile, name):
    """What cannot be had is asked for once, and everybody says the same."""
    absent = f"{turnstile.host}/{name('absent')}:1"
    turnstile.shut()
    arns = [t["taskArn"] for t in
            quick_lab.run(definition=quick_lab.define(quick_lab.container(image=absent)), count=TASKS)]
    wait_until(lambda: all("pullStartedAt" in t for t in tasks_of(quick_lab, arns)), 10)
    turnstile.open()
    tasks = [quick_lab.wait(arn) for arn in arns]
    reasons = {quick_lab.container_of(t)["reason"] for t in tasks}
    assert len(reasons) == 1 and reasons.pop().startswith("CannotPullContainerError: Error response from daemon: manifest")
    assert {t["stopCode"] for t in tasks} == {"TaskFailedToStart"}
