# SPDX-License-Identifier: Apache-2.0
"""restartPolicy: which ends are final, and the one that is not. A container is restarted only once its period, at least a
minute, has passed since its last start."""

import os
import signal

import pytest

from harness.wait import wait_until

SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"


def policy(**more):
    return {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 60, **more}}


def sh(line):
    return ["sh", "-c", line]


def run(lab, *containers):
    return lab.run(definition=lab.define_json(*containers))


def test_an_end_before_the_period_is_final(lab):
    task = lab.wait(run(lab, lab.container(command=sh("exit 3"), **policy())))
    assert (task["stopCode"], lab.container_of(task)["exitCode"]) == ("EssentialContainerExited", 3)


def test_the_engine_itself_never_restarts(lab):
    task = run(lab, lab.container(**policy()))
    assert lab.inspect(task)["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
    lab.engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/kill", query={"signal": "KILL"})
    assert lab.container_of(lab.wait(task))["exitCode"] == 137


def test_a_container_that_is_not_essential_ends_alone(lab):
    task = run(lab, lab.container(), lab.container("side", essential=False, command=sh("exit 4"), **policy()))
    side = wait_until(lambda: (c := lab.container_of(lab.task(task), "side"))["lastStatus"] == "STOPPED" and c)
    assert side["exitCode"] == 4
    assert lab.task(task)["lastStatus"] == "RUNNING"


def test_stopped_by_the_user_is_final(lab):
    task = run(lab, lab.container(**policy()))
    lab.stop(task)
    task = lab.wait(task)
    assert (task["stopCode"], lab.container_of(task)["exitCode"]) == ("UserInitiated", 143)


def test_described_as_registered(lab):
    given = {"enabled": True, "restartAttemptPeriod": 90, "ignoredExitCodes": [0, 7]}
    arn = lab.define_json(lab.container(restartPolicy=given))
    _, reply = lab.daemon.call("DescribeTaskDefinition", {"taskDefinition": arn})
    assert reply["taskDefinition"]["containerDefinitions"][0]["restartPolicy"] == given


PERIODS = [({"restartAttemptPeriod": 59}, False), ({"restartAttemptPeriod": 60}, True),
           ({"restartAttemptPeriod": 1800}, True), ({"restartAttemptPeriod": 1801}, False),
           ({"ignoredExitCodes": list(range(50))}, True), ({"ignoredExitCodes": list(range(51))}, False)]


@pytest.mark.parametrize("more, taken", PERIODS)
def test_limits(lab, more, taken):
    status, reply = lab.daemon.call("RegisterTaskDefinition", {
        "family": "restart", "containerDefinitions": [lab.container(**policy(**more))]})
    assert (status, reply.get("__type", "")) == ((200, "") if taken else (400, "ClientException"))


AGAIN = "[ -e /again ] && { trap 'exit 143' TERM; sleep 3600 & wait; }; echo > /again; sleep 61; exit 3"


@pytest.mark.timeout(120)
def test_restarted_in_place(start_daemon, make_lab):
    """One container is restarted under the eyes of a shim that came after its start; its neighbour's code is ignored, and
    ends the task after all."""
    lab = make_lab(start_daemon())
    task = run(lab, lab.container(command=sh(AGAIN), portMappings=[{"containerPort": 80}], **policy()),
               lab.container("side", essential=False, command=sh("sleep 62; exit 7"), **policy(ignoredExitCodes=[7])))
    before = lab.inspect(task)
    os.kill(lab.daemon.shims()[0], signal.SIGKILL)
    with lab.engine.events(type="container", container=before["Id"], event="start") as events:
        assert events.next(80), "not started again"
    side = wait_until(lambda: (c := lab.container_of(lab.task(task), "side"))["lastStatus"] == "STOPPED" and c, 10)
    assert side["exitCode"] == 7
    after = lab.inspect(task)
    assert (after["Id"], after["State"]["Running"]) == (before["Id"], True)
    assert after["State"]["StartedAt"] > before["State"]["StartedAt"]
    now = lab.task(task)
    main = lab.container_of(now)
    assert (now["lastStatus"], now["startedAt"], now["desiredStatus"]) == ("RUNNING", task["startedAt"], "RUNNING")
    assert (main["lastStatus"], main["runtimeId"]) == ("RUNNING", before["Id"])
    assert "exitCode" not in main
    port = after["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    assert wait_until(lambda: lab.host_port(lab.task(task)) == int(port), 5)
    lab.stop(task)
    task = lab.wait(task)
    assert (task["stopCode"], lab.container_of(task)["exitCode"]) == ("UserInitiated", 143)
