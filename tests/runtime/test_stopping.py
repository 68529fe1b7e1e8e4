# SPDX-License-Identifier: Apache-2.0
"""How tasks end: each stop code and reason word for word, exit codes, timeouts and signals, and StopTask at every moment of
a task's life."""

import datetime
import socket
import threading
import time

import botocore.exceptions
import pytest

from harness.registry import Registry
from harness.wait import wait_until

DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
TIMES = ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"]


def sh(line):
    return ["sh", "-c", line]


def why(task):
    return task["stopCode"], task["stoppedReason"]


def in_order(task):
    times = [(name, task[name]) for name in TIMES if name in task]
    assert times == sorted(times, key=lambda pair: pair[1]), times


@pytest.fixture(scope="module")
def registry(engine):
    registry = Registry()
    yield registry
    registry.close()


# -- reasons

@pytest.mark.parametrize("code", [0, 1, 255])
def test_essential_container_exits(lab, code):
    task = lab.run_to_end(lab.container(command=sh(f"exit {code}")))
    assert why(task) == ("EssentialContainerExited", "Essential container in task exited")
    assert lab.container_of(task)["exitCode"] == code
    assert "reason" not in lab.container_of(task)
    in_order(task)


def test_essential_container_is_killed(lab):
    task = lab.run_to_end(lab.container(command=sh("kill -9 $$; sleep 9"), linuxParameters={"initProcessEnabled": True}))
    assert why(task) == ("EssentialContainerExited", "Essential container in task exited")
    assert lab.container_of(task)["exitCode"] == 137


def test_stopped_by_the_user(lab):
    task = lab.run()
    lab.stop(task)
    task = lab.wait(task)
    assert why(task) == ("UserInitiated", "Task stopped by user")
    in_order(task)


def test_stopped_by_the_user_with_a_reason(lab):
    task = lab.run()
    reason = "a reason, \u00fcber alles " + "x" * 200
    lab.stop(task, reason=reason)
    assert why(lab.wait(task)) == ("UserInitiated", reason)


def test_failed_to_start_on_ec2(lab):
    """The task says that, the container why."""
    task = lab.run_to_end(lab.container(command=["no-such-command"]))
    assert why(task) == ("TaskFailedToStart", "Task failed to start")
    assert lab.container_of(task)["reason"].startswith(
        "CannotStartContainerError: Error response from daemon: failed to create ")
    assert lab.container_of(task)["reason"].endswith(
        'exec: "no-such-command": executable file not found in $PATH: unknown')
    in_order(task)


def test_failed_to_start_on_fargate(lab):
    """The task itself says why."""
    task = lab.run_to_end(lab.container(command=["no-such-command"]), launchType="FARGATE")
    assert why(task) == ("TaskFailedToStart", lab.container_of(task)["reason"])
    assert task["stoppedReason"].startswith("CannotStartContainerError: ")


def test_image_that_is_not_there_on_fargate(lab, registry):
    ref = f"{registry.host}/never/pushed:9"
    task = lab.run_to_end(lab.container(image=ref), launchType="FARGATE")
    assert why(task) == ("TaskFailedToStart",
                         "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
                         f"failed to resolve ref {ref}: {ref}: not found")
    assert not {"pullStartedAt", "pullStoppedAt", "startedAt"} & set(task)
    in_order(task)


def test_image_that_is_not_there_on_ec2(lab, registry):
    ref = f"{registry.host}/never/pushed:9"
    task = lab.run_to_end(lab.container(image=ref))
    assert why(task) == ("TaskFailedToStart", "Task failed to start")
    assert lab.container_of(task)["reason"].startswith(
        f"CannotPullContainerError: Error response from daemon: manifest for {ref} not found")


def test_out_of_memory(lab):
    task = lab.run_to_end(lab.container(memory=16, command=["tail", "/dev/zero"]))
    assert why(task) == ("EssentialContainerExited", "Essential container in task exited")
    main = lab.container_of(task)
    assert (main["reason"], main["exitCode"]) == ("OutOfMemoryError: Container killed due to memory usage", 137)


def test_out_of_memory_of_a_container_that_is_not_essential(lab):
    task = lab.run(lab.container(), lab.container("greedy", memory=16, essential=False, command=["tail", "/dev/zero"]))
    greedy = wait_until(lambda: (c := lab.container_of(lab.task(task), "greedy"))["lastStatus"] == "STOPPED" and c)
    assert (greedy["reason"], greedy["exitCode"]) == ("OutOfMemoryError: Container killed due to memory usage", 137)
    assert lab.task(task)["lastStatus"] == "RUNNING"


def test_container_that_vanished(lab):
    task = lab.run()
    lab.engine.remove(lab.inspect(task)["Id"])
    task = lab.wait(task)
    assert why(task) == ("EssentialContainerExited", "Essential container in task exited")
    main = lab.container_of(task)
    assert main.get("exitCode") == 137 or main["reason"] == "ContainerVanishedError: No container matching saved ID found"


def test_others_are_stopped_with_an_essential_container(lab):
    task = lab.run_to_end(lab.container("main", command=sh("sleep 0.3; exit 1")), lab.container("side"),
                          lab.container("deaf", command=DEAF, stopTimeout=1, essential=False))
    assert why(task) == ("EssentialContainerExited", "Essential container in task exited")
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"main": 1, "side": 143, "deaf": 137}


# -- signals and timeouts

def test_sigterm_that_is_not_handled(lab):
    task = lab.run(lab.container(command=["sleep", "3600"], linuxParameters={"initProcessEnabled": True}))
    lab.stop(task)
    assert lab.container_of(lab.wait(task))["exitCode"] == 143


def test_sigterm_that_is_handled(lab):
    task = lab.run(lab.container(command=sh("trap 'exit 5' TERM; sleep 3600 & wait")))
    lab.stop(task)
    assert lab.container_of(lab.wait(task))["exitCode"] == 5


def test_stop_signal_of_the_image(lab, engine, image, name):
    made = f"localemu-test/{name('signal')}:1"
    base = engine.request("POST", "/containers/create", {"Image": image})
    try:
        repo, tag = made.split(":")
        engine.request("POST", "/commit", {"StopSignal": "SIGUSR1"},
                       query={"container": base["Id"], "repo": repo, "tag": tag})
        task = lab.run(lab.container(image=made, command=sh("trap 'exit 21' USR1; trap 'exit 22' TERM; sleep 3600 & wait")))
        lab.stop(task)
        assert lab.container_of(lab.wait(task))["exitCode"] == 21
        wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its container to go")
    finally:
        engine.remove(base["Id"])
        engine.remove_image(made)


def test_stop_timeout_default(lab):
    definition = lab.container()
    del definition["stopTimeout"]
    assert lab.inspect(lab.run(definition))["Config"]["StopTimeout"] == 30


def test_stop_timeouts_add_up_along_a_chain(lab):
    task = lab.run(lab.container("base", command=DEAF, stopTimeout=1),
                   lab.container("main", command=DEAF, stopTimeout=1,
                                 dependsOn=[{"containerName": "base", "condition": "START"}]))
    began = time.monotonic()
    lab.stop(task)
    task = lab.wait(task)
    assert 1.9 <= time.monotonic() - began < 10
    assert {c["exitCode"] for c in task["containers"]} == {137}


# -- StopTask

def test_stop_is_answered_at_once(lab):
    task = lab.run(lab.container(command=DEAF, stopTimeout=2))
    began = time.monotonic()
    reply = lab.stop(task)
    assert time.monotonic() - began < 1
    assert (reply["desiredStatus"], reply["lastStatus"]) == ("STOPPED", "RUNNING")
    assert (reply["stopCode"], reply["stoppedReason"]) == ("UserInitiated", "Task stopped by user")
    assert "stoppedAt" not in reply
    lab.wait(task)


def test_stop_of_a_task_that_is_stopped_changes_nothing(lab):
    task = lab.run_to_end(lab.container(command=sh("exit 3")))
    assert lab.stop(task, reason="too late") == task
    assert lab.task(task) == task


def test_stop_of_an_unknown_task(lab):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        lab.stop("0123456789abcdef0123456789abcdef")
    assert (e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]) == (
        "InvalidParameterException", "The referenced task was not found.")


def test_stop_many_times_at_once(lab):
    task = lab.run(lab.container(command=DEAF, stopTimeout=1))
    lab.stop(task, reason="first")
    threads = [threading.Thread(target=lab.stop, args=(task,), kwargs={"reason": f"r{i}"}) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert why(lab.wait(task)) == ("UserInitiated", "first")


@pytest.mark.parametrize("delay", [0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_stop_at_every_moment_of_the_start(quick_lab, delay):
    """Three tasks each. Wherever they were: they end as the user wished, and nothing stays."""
    lab = quick_lab
    tasks = lab.run(lab.container("main"), lab.container("side", dependsOn=[
        {"containerName": "main", "condition": "START"}]), count=3)
    threading.Event().wait(delay)
    for task in tasks:
        lab.stop(task)
    for task in tasks:
        task = lab.wait(task)
        assert why(task) == ("UserInitiated", "Task stopped by user")
        assert {c["lastStatus"] for c in task["containers"]} == {"STOPPED"}
        assert {c.get("exitCode", 143) for c in task["containers"]} == {143}
        assert "startedAt" not in task or all("exitCode" in c for c in task["containers"])
        in_order(task)
        wait_until(lambda t=task: not lab.daemon.task_containers(t["taskArn"]), 10, "its containers to go")


class SilentRegistry:
    """Takes connections and says nothing: a pull that never ends."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def _accept(self):
        try:
            while True:
                self.connections.append(self.listener.accept()[0])
        except OSError:
            pass

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()
        self.thread.join()


def test_stop_during_a_pull(quick_lab):
    """It does not wait for the pull; the Engine's pull is given up with it."""
    lab = quick_lab
    with SilentRegistry() as silent:
        task = lab.run(lab.container(image=f"{silent.host}/never:1"), lab.container("side"))
        wait_until(lambda: silent.connections, 10, "the pull to begin")
        assert lab.task(task)["lastStatus"] == "PENDING"
        began = time.monotonic()
        lab.stop(task, reason="enough")
        task = lab.wait(task)
        assert time.monotonic() - began < 5
    assert why(task) == ("UserInitiated", "enough")
    assert "exitCode" not in lab.container_of(task) and "runtimeId" not in lab.container_of(task)
    assert "startedAt" not in task
    in_order(task)
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def test_a_pull_holds_up_no_other_task(quick_lab):
    lab = quick_lab
    with SilentRegistry() as silent:
        waits = lab.run(lab.container(image=f"{silent.host}/never:1"))
        wait_until(lambda: silent.connections, 10, "the pull to begin")
        other = lab.run()
        lab.wait(other, "RUNNING", 5)
        assert lab.task(waits)["lastStatus"] == "PENDING"
        lab.stop(waits)
        lab.stop(other)
        lab.wait(waits)


# -- times and identities

def test_times_are_the_engines(lab):
    task = lab.run(lab.container(command=sh("sleep 0.3; exit 0")))
    seen = wait_until(lambda: (s := lab.inspect(task)["State"])["Status"] == "exited" and s, 10)
    task = lab.wait(task)
    in_order(task)
    end = datetime.datetime.fromisoformat(seen["FinishedAt"][:23] + "+00:00")
    for name in ("executionStoppedAt", "stoppedAt"):
        assert abs((task[name] - end).total_seconds()) < 0.5, name
    begin = datetime.datetime.fromisoformat(seen["StartedAt"][:23] + "+00:00")
    assert abs((task["startedAt"] - begin).total_seconds()) < 0.5


def test_image_digest(lab, registry, engine, image, name):
    repository = f"{registry.host}/{name('app')}"
    registry.push(engine, image, repository, "1")
    try:
        task = lab.run(lab.container(image=f"{repository}:1"))
        told = engine.request("GET", f"/images/{repository}:1/json")["RepoDigests"]
        assert repository + "@" + lab.container_of(task)["imageDigest"] in told
        by_digest = f"{repository}@{lab.container_of(task)['imageDigest']}"
        again = lab.run(lab.container(image=by_digest))
        assert lab.container_of(again)["image"] == by_digest
        assert lab.container_of(again)["imageDigest"] == lab.container_of(task)["imageDigest"]
        for one in (task, again):
            lab.stop(one)
            lab.wait(one)
            wait_until(lambda t=one: not lab.daemon.task_containers(t["taskArn"]), 10, "its containers to go")
    finally:
        engine.remove_image(f"{repository}:1")
