# SPDX-License-Identifier: Apache-2.0
"""A task's trouble stays in its shim: kill -9 of it, of its container, of both."""

import os
import signal

from harness.wait import wait_until


def only_shim(daemon):
    shims = daemon.shims()
    assert len(shims) == 1
    return shims[0]


def test_the_container_goes_on_and_is_adopted_within_a_second(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    before = lab.inspect(task)
    shim = only_shim(daemon)
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: [p for p in daemon.shims() if p != shim], 1.0, "another shim")
    after = lab.inspect(task)
    assert (after["Id"], after["State"]["Pid"]) == (before["Id"], before["State"]["Pid"])
    assert lab.task(task)["lastStatus"] == "RUNNING"
    lab.stop(task)
    task = lab.wait(task)
    assert lab.container_of(task)["exitCode"] == 143


def test_other_tasks_do_not_notice(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    first = lab.run()
    shim = only_shim(daemon)
    second = lab.run()
    others = [p for p in daemon.shims() if p != shim]
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: len(daemon.shims()) == 2 and shim not in daemon.shims(), 2)
    assert set(others) <= set(daemon.shims())
    assert {lab.task(t)["lastStatus"] for t in (first, second)} == {"RUNNING"}


def test_container_that_ends_at_the_same_moment(start_daemon, make_lab, engine):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    os.kill(only_shim(daemon), signal.SIGKILL)
    engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/kill", query={"signal": "KILL"})
    task = lab.wait(task)
    assert lab.container_of(task)["exitCode"] == 137


def test_killed_while_it_starts(start_daemon, make_lab):
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    task = lab.run()
    os.kill(wait_until(daemon.shims, 5)[0], signal.SIGKILL)
    lab.wait(task, "RUNNING")
    assert len(daemon.task_containers(task["taskArn"])) == 1


def test_killed_while_it_stops(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run(lab.container(command=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], stopTimeout=2))
    shim = only_shim(daemon)
    lab.stop(task, reason="stop it")
    os.kill(shim, signal.SIGKILL)
    task = lab.wait(task)
    assert task["stoppedReason"] == "stop it"
    assert lab.container_of(task)["exitCode"] == 137


def test_times_are_in_order_where_the_stop_was_heard_after_the_end(start_daemon, make_lab, engine):
    """The shim that was to pass the stop on is gone, the container ends, then another shim hears of both."""
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    shim = only_shim(daemon)
    os.kill(shim, signal.SIGSTOP)
    lab.stop(task, reason="stop it")
    engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/kill", query={"signal": "KILL"})
    wait_until(lambda: not lab.inspect(task)["State"]["Running"], 5)
    os.kill(shim, signal.SIGKILL)
    task = lab.wait(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "stop it")
    times = [task[key] for key in ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt",
                                   "executionStoppedAt", "stoppedAt")]
    assert times == sorted(times)


def test_removed_behind_our_back(start_daemon, make_lab, engine):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    engine.remove(lab.inspect(task)["Id"])
    task = lab.wait(task)
    container = lab.container_of(task)
    assert container["lastStatus"] == "STOPPED"
    assert task["stopCode"] == "EssentialContainerExited"
    assert container.get("exitCode") == 137 or container["reason"]
    wait_until(lambda: not daemon.shims(), 5, "the shim to leave")


def test_stopped_behind_our_back(start_daemon, make_lab, engine):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/stop", query={"t": "5"})
    task = lab.wait(task)
    assert lab.container_of(task)["exitCode"] == 143
    assert task["stopCode"] == "EssentialContainerExited"


def test_shim_that_stands_still_does_not_hold_the_api(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run()
    shim = only_shim(daemon)
    os.kill(shim, signal.SIGSTOP)
    try:
        assert lab.stop(task)["desiredStatus"] == "STOPPED"
        other = lab.run()
        assert other["lastStatus"] == "RUNNING"
    finally:
        os.kill(shim, signal.SIGCONT)
    lab.wait(task)
