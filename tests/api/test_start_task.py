# SPDX-License-Identifier: Apache-2.0
"""StartTask without containers: one task on each named instance, failures for the others, and RunTask's rules."""

import sqlite3
import uuid

import pytest
from botocore.exceptions import ClientError

VPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


@pytest.fixture
def cluster(ecs, name):
    cluster = name("start")
    ecs.create_cluster(clusterName=cluster)
    yield cluster
    ecs.delete_cluster(cluster=cluster)


@pytest.fixture
def define(ecs, name):
    def define(**more):
        arguments = {"containerDefinitions": [{"name": "main", "image": "busybox", "memory": 64}], **more}
        return ecs.register_task_definition(family=name("family"), **arguments)["taskDefinition"]["taskDefinitionArn"]

    return define


@pytest.fixture
def instance(ecs, cluster, define):
    """The ARN of the cluster's synthetic instance, which the first RunTask for EC2 registers."""
    task = ecs.run_task(cluster=cluster, taskDefinition=define())["tasks"][0]
    return task["containerInstanceArn"]


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def test_a_task_starts_on_the_named_instance_and_the_reply_settles(ecs, cluster, define, instance):
    definition = define(networkMode="bridge")
    reply = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[instance], startedBy="me/1",
                           tags=[{"key": "k", "value": "v"}], enableECSManagedTags=True)
    assert reply["failures"] == []
    task, = reply["tasks"]
    assert task["lastStatus"] == "RUNNING" and task["desiredStatus"] == "RUNNING"
    assert task["containerInstanceArn"] == instance
    assert task["launchType"] == "EC2" and task["startedBy"] == "me/1"
    assert task["group"] == "family:" + definition.split("/")[1].split(":")[0]
    assert "capacityProviderName" not in task and "platformVersion" not in task
    assert {(t["key"], t["value"]) for t in task["tags"]} == {("k", "v"), ("aws:ecs:clusterName", cluster)}
    seen = ecs.describe_tasks(cluster=cluster, tasks=[task["taskArn"]])["tasks"]
    assert seen == [{**task, "tags": []}]
    assert task["taskArn"] in ecs.list_tasks(cluster=cluster, containerInstance=instance)["taskArns"]
    stopped = ecs.stop_task(cluster=cluster, task=task["taskArn"])["task"]
    assert stopped["desiredStatus"] == "STOPPED"


def test_one_task_per_instance_that_is_there_and_a_failure_for_each_other(ecs, cluster, define, instance, name):
    other = name("other")
    ecs.create_cluster(clusterName=other)
    foreign = ecs.run_task(cluster=other, taskDefinition=define())["tasks"][0]["containerInstanceArn"]
    unknown = uuid.uuid4().hex
    prefix = instance.rsplit("/", 1)[0]
    reply = ecs.start_task(cluster=cluster, taskDefinition=define(),
                           containerInstances=[unknown, instance.rsplit("/", 1)[1], f"{prefix}/{unknown}", foreign,
                                               foreign.rsplit("/", 1)[1]])
    assert [t["containerInstanceArn"] for t in reply["tasks"]] == [instance]
    assert reply["failures"] == [
        {"arn": f"{prefix}/{unknown}", "reason": "MISSING"},
        {"arn": f"{prefix}/{unknown}", "reason": "MISSING"},
        {"arn": foreign, "reason": "MISSING"},
        {"arn": prefix + "/" + foreign.rsplit("/", 1)[1], "reason": "MISSING"},
    ]
    ecs.delete_cluster(cluster=other)


def test_nothing_starts_where_no_instance_is_known(ecs, cluster, define):
    reply = ecs.start_task(cluster=cluster, taskDefinition=define(), containerInstances=[uuid.uuid4().hex])
    assert reply["tasks"] == [] and [f["reason"] for f in reply["failures"]] == ["MISSING"]
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []


def test_a_deregistered_instance_is_inactive(start_daemon, name):
    """Nothing here deregisters an instance yet, so its row is changed while the daemon is down."""
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
    instance = ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["containerInstanceArn"]
    daemon.terminate()
    with sqlite3.connect(daemon.state_dir / "ecs.db") as db:
        db.execute("UPDATE container_instance SET status = 'INACTIVE'")
    db.close()
    daemon.restart()
    reply = daemon.client().start_task(cluster="c", taskDefinition="f", containerInstances=[instance])
    assert reply["tasks"] == [] and reply["failures"] == [{"arn": instance, "reason": "INACTIVE"}]


def test_members_that_start_task_shares_with_run_task(ecs, cluster, define, instance):
    definition = define(networkMode="awsvpc", taskRoleArn="arn:aws:iam::000000000000:role/r",
                        containerDefinitions=[{"name": "a", "image": "b", "memory": 8},
                                              {"name": "c", "image": "d", "memory": 8, "essential": False}])
    overrides = {"containerOverrides": [{"name": "c", "command": ["x", "y"], "memory": 16}], "cpu": "256"}
    task, = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[instance],
                           networkConfiguration=VPC, overrides=overrides, group="mine", enableExecuteCommand=True,
                           referenceId="ref")["tasks"]
    assert task["group"] == "mine" and task["enableExecuteCommand"] is True
    assert task["attachments"][0]["type"] == "ElasticNetworkInterface"
    assert task["overrides"]["containerOverrides"] == [{"name": "a"}, {"name": "c", "command": ["x", "y"], "memory": 16}]
    assert task["cpu"] == "256" and [c["name"] for c in task["containers"]] == ["a", "c"]


def test_tags_of_the_definition_are_propagated(ecs, cluster, define, instance):
    definition = define(tags=[{"key": "of", "value": "definition"}])
    task, = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[instance],
                           propagateTags="TASK_DEFINITION")["tasks"]
    assert task["tags"] == [{"key": "of", "value": "definition"}]


@pytest.mark.parametrize("arguments, code, message", [
    ({"containerInstances": []}, "InvalidParameterException", "Container Instances cannot be empty."),
    ({"containerInstances": ["0" * 32] * 11}, "InvalidParameterException",
     "Container Instances cannot have more than 10 elements."),
    ({"cluster": "nobody-made-it"}, "ClusterNotFoundException", "Cluster not found."),
    ({"taskDefinition": "nobody-made-it"}, "ClientException", "TaskDefinition not found."),
    ({"group": "service:x"}, "InvalidParameterException", "Invalid namespace for group."),
    ({"propagateTags": "SERVICE"}, "InvalidParameterException",
     "propagateTags SERVICE is not supported for StartTask, only TASK_DEFINITION."),
    ({"networkConfiguration": VPC}, "InvalidParameterException",
     "Network Configuration is not valid for the given networkMode of this task definition."),
    ({"overrides": {"containerOverrides": [{"name": "nobody"}]}}, "InvalidParameterException",
     "Override for container named nobody is not a container in the TaskDefinition."),
    ({"enableExecuteCommand": True}, "InvalidParameterException",
     "The execute command failed because a valid task role is not being used. Specify a valid task role in your task "
     "definition or as a task override and try again."),
])
def test_what_is_refused(ecs, cluster, define, arguments, code, message):
    given = {"cluster": cluster, "containerInstances": ["0" * 32], **arguments}
    given.setdefault("taskDefinition", define())
    assert refused(ecs.start_task, **given) == (code, message)


def test_members_that_only_run_task_has_are_not_bound(daemon, cluster, define):
    """AWS ignores members that an operation does not have."""
    status, reply = daemon.call("StartTask", {"cluster": cluster, "taskDefinition": define(), "count": 99,
                                              "launchType": "nonsense", "containerInstances": ["0" * 32]})
    assert status == 200 and [f["reason"] for f in reply["failures"]] == ["MISSING"]


def test_a_missing_list_is_named(daemon, define):
    status, reply = daemon.call("StartTask", {"taskDefinition": define()})
    assert status == 400 and reply["message"] == "Container Instances cannot be empty."


def test_a_token_that_outlives_its_tasks_says_that_they_are_gone(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
    request = {"cluster": "c", "taskDefinition": "f", "clientToken": "t"}  # Debian's botocore does not know the token
    task = daemon.call("RunTask", request)[1]["tasks"][0]["taskArn"]
    ecs.stop_task(cluster="c", task=task)
    daemon.terminate()
    with sqlite3.connect(daemon.state_dir / "ecs.db") as db:
        db.execute("DELETE FROM task")
    db.close()
    daemon.restart()
    reply = daemon.call("RunTask", request)[1]
    assert reply["tasks"] == [] and reply["failures"] == [{"arn": task, "reason": "MISSING"}]
