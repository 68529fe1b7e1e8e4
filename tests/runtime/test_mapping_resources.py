# SPDX-License-Identifier: Apache-2.0
"""Members that need another service of AWS. Where it is not there, the container is not started without them: the task says
what could not be had, and leaves nothing behind."""

import pytest

from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/execution"
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:x-abcdef"
AUTH = ("ResourceInitializationError: unable to pull secrets or registry auth: "
        "there is no AWS Secrets Manager and no SSM Parameter Store here")
FILES = "ResourceInitializationError: failed to download env files: there is no Amazon S3 here"

NEEDS = [
    ("secrets-parameter", {"secrets": [{"name": "A", "valueFrom": "parameter"}]}, AUTH),
    ("secrets-secret", {"secrets": [{"name": "A", "valueFrom": SECRET + ":key::"}]}, AUTH),
    ("secretOptions", {"logConfiguration": {"logDriver": "json-file", "secretOptions": [
        {"name": "labels", "valueFrom": SECRET}]}}, AUTH),
    ("repositoryCredentials", {"repositoryCredentials": {"credentialsParameter": SECRET}}, AUTH),
    ("environmentFiles", {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/a.env"}]}, FILES),
]


@pytest.mark.parametrize("more, reason", [row[1:] for row in NEEDS], ids=[row[0] for row in NEEDS])
def test_what_is_not_there(lab, more, reason):
    task = lab.run_to_end(definition=lab.define(lab.container(**more), lab.container("side"), executionRoleArn=ROLE))
    main = lab.container_of(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    assert main["reason"] == reason
    assert "exitCode" not in main and "runtimeId" not in main
    assert "startedAt" not in task and "pullStartedAt" not in task
    assert "runtimeId" not in lab.container_of(task, "side")
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def test_on_fargate_the_task_says_it(lab):
    task = lab.run_to_end(definition=lab.define(lab.container(**NEEDS[0][1]), executionRoleArn=ROLE),
                          launchType="FARGATE")
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", AUTH)
    assert "pullStartedAt" not in task


def test_environment_files_of_the_overrides(lab):
    files = NEEDS[-1][1]["environmentFiles"]
    task = lab.run_to_end(overrides={"containerOverrides": [{"name": "main", "environmentFiles": files}]})
    assert lab.container_of(task)["reason"] == FILES


def test_nothing_needed_nothing_said(lab):
    """Empty lists are as good as none."""
    task = lab.run(lab.container(environmentFiles=[]))
    assert task["lastStatus"] == "RUNNING"
