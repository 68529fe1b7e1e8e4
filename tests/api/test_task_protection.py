# SPDX-License-Identifier: Apache-2.0
"""GetTaskProtection and UpdateTaskProtection through boto3, for tasks that no service has and for what is wrong; tasks of
services and the end of the time are in tests/unit/test_ecs_agent.c."""

import pytest
from botocore.exceptions import ClientError


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


@pytest.fixture
def lax(daemon):
    return daemon.client(validate=False)


@pytest.fixture
def cluster(ecs, name):
    n = name("protect")
    ecs.create_cluster(clusterName=n)
    yield n
    ecs.delete_cluster(cluster=n)


@pytest.fixture
def task(ecs, cluster, name):
    family = ecs.register_task_definition(family=name("protect"), containerDefinitions=[
        {"name": "app", "image": "busybox:test", "memory": 64}])["taskDefinition"]["family"]
    return ecs.run_task(cluster=cluster, taskDefinition=family, launchType="EC2")["tasks"][0]["taskArn"]


def test_failures(ecs, cluster, task):
    unknown = "0" * 32
    missing = task.rsplit("/", 1)[0] + "/" + unknown
    wanted = [{"arn": task, "reason": "TASK_NOT_VALID"}, {"arn": missing, "reason": "MISSING"}]
    for reply in (ecs.get_task_protection(cluster=cluster, tasks=[task, unknown]),
                  ecs.update_task_protection(cluster=cluster, tasks=[task, unknown], protectionEnabled=True),
                  ecs.update_task_protection(cluster=cluster, tasks=[task, missing], protectionEnabled=False)):
        assert (reply["protectedTasks"], reply["failures"]) == ([], wanted)


def test_what_is_refused(lax, cluster, task):
    assert refused(lax.get_task_protection, cluster="nobody", tasks=[task]) == (
        "ClusterNotFoundException", "Cluster not found.")
    assert refused(lax.update_task_protection, cluster="nobody", tasks=[task], protectionEnabled=True)[0] == (
        "ClusterNotFoundException")
    assert refused(lax.get_task_protection, cluster=cluster) == ("InvalidParameterException", "Tasks cannot be empty.")
    for wrong in ({"tasks": []}, {"tasks": [task] * 11}, {"tasks": ["short"]}, {"expiresInMinutes": 0},
                  {"expiresInMinutes": 2881}, {"protectionEnabled": None}, {"tasks": None}, {"cluster": None}):
        body = {"cluster": cluster, "tasks": [task], "protectionEnabled": True, **wrong}
        assert refused(lax.update_task_protection,
                       **{k: v for k, v in body.items() if v is not None})[0] == "InvalidParameterException"
    assert refused(lax.get_task_protection, cluster=cluster, tasks=[task] * 101)[0] == "InvalidParameterException"
