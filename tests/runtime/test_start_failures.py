# SPDX-License-Identifier: Apache-2.0
"""Tasks that cannot start: each is STOPPED with the reason that ECS gives, and leaves nothing behind."""

import pytest

from harness.registry import Registry
from harness.wait import wait_until


def failed_to_start(lab, task, container_name="main"):
    assert task["stopCode"] == "TaskFailedToStart"
    assert "exitCode" not in lab.container_of(task, container_name)
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")
    return lab.container_of(task, container_name).get("reason") or task["stoppedReason"]


@pytest.fixture(scope="module")
def registry(engine):
    registry = Registry()
    yield registry
    registry.close()


def test_registry_that_refuses(lab):
    task = lab.run_to_end(lab.container(image="127.0.0.1:1/nothing/here:1"))
    reason = failed_to_start(lab, task)
    assert reason.startswith("CannotPullContainerError: ")
    assert "connection refused" in reason


def test_command_that_does_not_exist(lab):
    task = lab.run_to_end(lab.container(command=["no-such-command", "x"]))
    reason = failed_to_start(lab, task)
    assert reason.startswith("CannotStartContainerError: ")
    assert 'exec: "no-such-command": executable file not found in $PATH' in reason


def test_path_that_does_not_exist(lab):
    task = lab.run_to_end(lab.container(command=["/bin/no-such-command"]))
    reason = failed_to_start(lab, task)
    assert reason.startswith("CannotStartContainerError: ")
    assert "no such file or directory" in reason


def test_file_that_is_not_executable(lab):
    task = lab.run_to_end(lab.container(command=["/bin/not-executable"]))
    reason = failed_to_start(lab, task)
    assert reason.startswith("CannotStartContainerError: ")
    assert "permission denied" in reason


def test_one_container_of_two_cannot_start(lab):
    task = lab.run_to_end(lab.container("main"), lab.container("side", command=["no-such-command"]))
    assert task["stopCode"] == "TaskFailedToStart"
    assert lab.container_of(task, "side")["reason"].startswith("CannotStartContainerError: ")
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def test_pull_from_a_registry(lab, registry, engine, image, name):
    repository = f"{registry.host}/{name('app')}"
    registry.push(engine, image, repository, "1")
    try:
        task = lab.run(lab.container(image=f"{repository}:1"))
        assert task["lastStatus"] == "RUNNING"
        assert task["pullStartedAt"] <= task["pullStoppedAt"] <= task["startedAt"]
        assert lab.container_of(task)["imageDigest"].startswith("sha256:")
        lab.stop(task)
        lab.wait(task)
    finally:
        engine.remove_image(f"{repository}:1")


def test_tag_that_the_registry_does_not_have(lab, registry):
    task = lab.run_to_end(lab.container(image=f"{registry.host}/never/pushed:9"))
    reason = failed_to_start(lab, task)
    assert reason.startswith("CannotPullContainerError: ")
    assert "not found" in reason or "manifest unknown" in reason


def test_others_go_on(lab):
    """A task that fails beside one that runs does not touch it."""
    good = lab.run()
    before = lab.inspect(good)["State"]["StartedAt"]
    lab.run_to_end(lab.container(command=["no-such-command"]))
    assert lab.inspect(good)["State"]["StartedAt"] == before
    assert lab.task(good)["lastStatus"] == "RUNNING"
