# SPDX-License-Identifier: Apache-2.0
"""What the event stream tells of real containers: every change once, in order, as DescribeTasks shows it."""

from harness.events import Stream, all_events, as_text

TIMES = ("createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt",
         "executionStoppedAt", "stoppedAt")


def until(stream, wanted, seconds=20):
    """Events up to the first whose detail is as wanted; the stream is what is waited on."""
    seen = []
    while not seen or not wanted(seen[-1]["detail"]):
        seen += stream.take(1, seconds)
    return seen


def test_the_life_of_a_task_that_ends_by_itself(lab):
    with Stream(lab.daemon, cluster=lab.cluster) as stream:
        task = lab.run(lab.container(command=["sh", "-c", "exit 7"]))
        seen = until(stream, lambda d: d["lastStatus"] == "STOPPED")
    assert [e["detail"]["version"] for e in seen] == list(range(1, len(seen) + 1))
    order = ["PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    states = [e["detail"]["lastStatus"] for e in seen]
    assert states == sorted(states, key=order.index) and "RUNNING" in states
    last = seen[-1]["detail"]
    assert last["containers"][0]["exitCode"] == 7 and last["stopCode"] == "EssentialContainerExited"
    described = lab.task_json(task)
    for key in TIMES:
        described[key] = as_text(described[key])
    del described["tags"]
    assert last.pop("updatedAt")
    assert last == described


def test_stop_task_is_told_before_anything_has_stopped(lab):
    task = lab.run()
    with Stream(lab.daemon, task=task["taskArn"], since="now") as stream:
        lab.stop(task, reason="enough")
        first, *_, last = until(stream, lambda d: d["lastStatus"] == "STOPPED")
    assert (first["detail"]["lastStatus"], first["detail"]["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert first["detail"]["stoppedReason"] == last["detail"]["stoppedReason"] == "enough"
    assert first["detail"]["containers"][0]["lastStatus"] == "RUNNING"


def test_health_is_told_as_it_changes(lab):
    check = {"command": ["CMD-SHELL", "test -e /tmp/well"], "interval": 5, "retries": 1, "timeout": 2}
    command = ["sh", "-c", "trap 'exit 0' TERM; touch /tmp/well; sleep 3600 & wait"]
    with Stream(lab.daemon, cluster=lab.cluster) as stream:
        lab.run(lab.container(command=command, healthCheck=check))
        seen = until(stream, lambda d: d["healthStatus"] == "HEALTHY")
    assert [e["detail"]["containers"][0]["healthStatus"] for e in seen][-1] == "HEALTHY"
    assert {e["detail"]["healthStatus"] for e in seen[:-1]} == {"UNKNOWN"}


def test_nothing_is_lost_when_the_daemon_is_killed(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    arns = [t["taskArn"] for t in lab.run(count=3)]
    before = len(all_events(daemon))
    daemon.kill()
    daemon.restart()
    lab.ecs = daemon.client()
    assert len(all_events(daemon)) >= before
    for arn in arns:
        lab.stop(arn)
    for arn in arns:
        lab.wait(arn)
        versions = [e["detail"]["version"] for e in all_events(daemon, task=arn)]
        assert versions == list(range(1, len(versions) + 1))
        assert versions[-1] == lab.task_json(arn)["version"]
