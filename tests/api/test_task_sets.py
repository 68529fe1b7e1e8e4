# SPDX-License-Identifier: Apache-2.0
"""Task sets of services whose deployment controller is EXTERNAL or CODE_DEPLOY: a test per rule, in metadata mode."""

import re

import pytest

from harness.services import BALANCER, VPC, Services
from harness.wait import wait_until

INVALID = "InvalidParameterException"
WHERE = {"cluster": "web", "service": "front"}


@pytest.fixture
def api(daemon):
    api = Services(daemon)
    api.define()
    api.create(taskDefinition=None, desiredCount=4, deploymentController={"type": "EXTERNAL"})
    return api


def make(api, scale=0, **more):
    return api.ok("CreateTaskSet", **WHERE, **{"taskDefinition": "app", "scale": {"value": scale, "unit": "PERCENT"},
                                               **more})["taskSet"]


def sets(api, *ids, **more):
    return api.ok("DescribeTaskSets", **WHERE, **({"taskSets": list(ids)} if ids else {}), **more)["taskSets"]


def gone(api, task_set):
    return wait_until(lambda: not sets(api, task_set["id"]), 10, "the task set to be gone")


def test_an_external_service(api):
    service, = api.describe()
    assert service["deploymentController"] == {"type": "EXTERNAL"}
    assert service["deployments"] == [] and service["taskSets"] == []
    assert service["deploymentConfiguration"] == {"maximumPercent": 200, "minimumHealthyPercent": 100}
    assert "taskDefinition" not in service and "launchType" not in service and "currentServiceRevisions" not in service


def test_an_external_service_needs_its_name_alone(api):
    service = api.ok("CreateService", cluster="web", serviceName="bare",
                     deploymentController={"type": "EXTERNAL"})["service"]
    assert service["desiredCount"] == 0


def test_create(api):
    made = make(api, tags=[{"key": "k", "value": "v"}], externalId="outside")
    assert re.fullmatch(r"ecs-svc/\d{19}", made["id"])
    assert made["taskSetArn"] == api.arn(f"task-set/web/front/{made['id']}")
    assert made["serviceArn"] == api.arn("service/web/front") and made["clusterArn"] == api.arn("cluster/web")
    assert made["status"] == "ACTIVE"
    assert made["taskDefinition"] == api.arn("task-definition/app:1")
    assert made["launchType"] == "EC2"
    assert made["scale"] == {"value": 0.0, "unit": "PERCENT"}
    assert (made["computedDesiredCount"], made["runningCount"], made["pendingCount"]) == (0, 0, 0)
    assert made["stabilityStatus"] == "STABILIZING"
    assert made["externalId"] == "outside" and "startedBy" not in made
    assert made["loadBalancers"] == [] and made["serviceRegistries"] == []
    assert made["tags"] == [{"key": "k", "value": "v"}]


def test_scale_rounds_up_and_runs(api):
    made = make(api, 30)
    assert made["computedDesiredCount"] == 2  # 1.2 of 4
    wait_until(lambda: sets(api)[0]["runningCount"] == 2, 10, "two tasks")
    assert wait_until(lambda: sets(api)[0]["stabilityStatus"] == "STEADY_STATE", 20, "a steady state")
    tasks = api.ok("DescribeTasks", cluster="web", tasks=api.tasks())["tasks"]
    assert {t["startedBy"] for t in tasks} == {made["id"]}
    scaled = api.ok("UpdateTaskSet", **WHERE, taskSet=made["id"], scale={"value": 75, "unit": "PERCENT"})["taskSet"]
    assert (scaled["scale"]["value"], scaled["computedDesiredCount"], scaled["stabilityStatus"]) == (75.0, 3, "STABILIZING")
    wait_until(lambda: sets(api)[0]["runningCount"] == 3, 10, "three tasks")


def test_the_desired_count_is_shared(api):
    make(api, 50)
    assert sets(api)[0]["computedDesiredCount"] == 2
    assert api.update(desiredCount=9)["runningCount"] == 5
    assert sets(api)[0]["computedDesiredCount"] == 5


def test_primary(api):
    first, second = make(api), make(api, launchType="FARGATE")
    primary = api.ok("UpdateServicePrimaryTaskSet", **WHERE, primaryTaskSet=first["id"])["taskSet"]
    assert primary["status"] == "PRIMARY"
    assert api.describe()[0]["taskDefinition"] == first["taskDefinition"]
    assert api.describe()[0]["launchType"] == "EC2"
    api.ok("UpdateServicePrimaryTaskSet", **WHERE, primaryTaskSet=second["taskSetArn"])
    assert {s["id"]: s["status"] for s in sets(api)} == {first["id"]: "ACTIVE", second["id"]: "PRIMARY"}
    assert api.describe()[0]["launchType"] == "FARGATE"
    assert api.update(desiredCount=0)["launchType"] == "FARGATE"


def test_delete(api):
    made = make(api, 50)
    assert api.refused("DeleteTaskSet", **WHERE, taskSet=made["id"]) == (
        INVALID, "The task set cannot be deleted while it is scaled above 0.")
    deleted = api.ok("DeleteTaskSet", **WHERE, taskSet=made["id"], force=True)["taskSet"]
    assert (deleted["status"], deleted["scale"]["value"], deleted["computedDesiredCount"]) == ("DRAINING", 0.0, 0)
    gone(api, made)
    assert wait_until(lambda: not api.tasks(), 10, "its tasks to stop") is True
    empty = make(api)
    assert api.ok("DeleteTaskSet", **WHERE, taskSet=empty["taskSetArn"])["taskSet"]["status"] == "DRAINING"
    assert sets(api) == []


def test_describe(api):
    first, second = make(api, tags=[{"key": "k", "value": "v"}]), make(api)
    assert {s["id"] for s in sets(api)} == {first["id"], second["id"]}
    assert sets(api, first["id"])[0]["tags"] == []
    assert sets(api, first["taskSetArn"], include=["TAGS"])[0]["tags"] == [{"key": "k", "value": "v"}]
    other = api.arn("task-set/web/other/ecs-svc/1234567890123456789")
    reply = api.ok("DescribeTaskSets", **WHERE, taskSets=["ecs-svc/1", other])
    assert reply == {"taskSets": [], "failures": [
        {"arn": api.arn("task-set/web/front/ecs-svc/1"), "reason": "MISSING"}, {"arn": other, "reason": "MISSING"}]}


def test_tags(api):
    arn = make(api, tags=[{"key": "k", "value": "v"}])["taskSetArn"]
    api.ok("TagResource", resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    assert len(api.ok("ListTagsForResource", resourceArn=arn)["tags"]) == 2
    api.ok("DeleteTaskSet", **WHERE, taskSet=arn)
    assert api.refused("ListTagsForResource", resourceArn=arn)[0] == "ResourceNotFoundException"


def test_a_client_token_means_the_same_task_set(api):
    first = make(api, clientToken="t")
    assert make(api, clientToken="t")["id"] == first["id"]
    assert api.refused("CreateTaskSet", **WHERE, taskDefinition="app", clientToken="t") == (
        INVALID, "Creation of task set was not idempotent.")


def test_five_are_enough(api):
    made = [make(api) for _ in range(5)]
    assert api.refused("CreateTaskSet", **WHERE, taskDefinition="app") == (
        "LimitExceededException", "A service can have at most 5 task sets.")
    api.ok("DeleteTaskSet", **WHERE, taskSet=made[0]["id"])
    make(api)


@pytest.mark.parametrize("members,kind,message", [
    ({"taskDefinition": "nobody"}, "ClientException", "TaskDefinition not found."),
    ({"cluster": "nobody"}, "ClusterNotFoundException", "Cluster not found."),
    ({"service": "nobody"}, "ServiceNotFoundException", "Service not found."),
    ({"service": "rolling"}, INVALID,
     "Task sets are only supported for services that use the EXTERNAL deployment controller."),
    ({"networkConfiguration": VPC}, INVALID,
     "Network Configuration is not valid for the given networkMode of this task definition."),
    ({"launchType": "FARGATE", "platformVersion": "0.0.1"}, "PlatformUnknownException",
     "The specified platform does not exist."),
    ({"loadBalancers": [{**BALANCER, "containerName": "x"}]}, INVALID,
     "The container x does not exist in the task definition."),
    ({"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, INVALID,
     "Specify either Launch Type or Capacity Provider Strategy, but not both."),
])
def test_create_refuses(api, members, kind, message):
    api.create("rolling")
    assert api.refused("CreateTaskSet", **{**WHERE, "taskDefinition": "app", **members}) == (kind, message)


@pytest.mark.parametrize("operation,member,more", [
    ("UpdateTaskSet", "taskSet", {"scale": {"value": 1}}),
    ("DeleteTaskSet", "taskSet", {}),
    ("UpdateServicePrimaryTaskSet", "primaryTaskSet", {}),
])
def test_unknown_task_sets(api, operation, member, more):
    missing = ("TaskSetNotFoundException", "The specified task set does not exist.")
    for given in ("ecs-svc/1234567890123456789", "nonsense", api.arn("task-set/web/other/ecs-svc/1"),
                  api.arn("cluster/web")):
        assert api.refused(operation, **WHERE, **{member: given}, **more) == missing


def test_updates_that_are_refused(api):
    made = make(api)
    assert api.refused("UpdateTaskSet", **WHERE, taskSet=made["id"], scale={}) == (
        INVALID, "The value of a scale can not be null.")
    assert api.refused("UpdateTaskSet", **WHERE, taskSet=made["id"], scale={"value": 101})[0] == INVALID
    for member, value in {"taskDefinition": "app", "networkConfiguration": VPC, "loadBalancers": [],
                          "deploymentConfiguration": {}, "capacityProviderStrategy": []}.items():
        assert api.no_update(**{member: value}) == (
            INVALID, f"Unable to update {member} on services with a EXTERNAL deployment controller. Use CreateTaskSet to make a "
                     "new task set.")
    assert api.no_update(placementConstraints=[{"type": "memberOf", "expression": "("}])[0] == INVALID
    updated = api.update(placementConstraints=[{"type": "distinctInstance"}], healthCheckGracePeriodSeconds=3)
    assert updated["placementConstraints"] == [{"type": "distinctInstance"}]


def test_deleting_the_service(api):
    made = make(api, 50)
    assert api.update(desiredCount=4)["runningCount"] == 2
    assert api.refused("DeleteService", **WHERE) == (
        INVALID, "The service cannot be stopped while it is scaled above 0.")
    api.ok("DeleteService", **WHERE, force=True)
    wait_until(lambda: api.describe()[0]["status"] == "INACTIVE", 10, "the service to be INACTIVE")
    assert api.describe()[0]["taskSets"] == []
    assert api.refused("DescribeTaskSets", **WHERE) == ("ServiceNotActiveException", "Service was not ACTIVE.")
    assert api.refused("ListTagsForResource", resourceArn=made["taskSetArn"])[0] == "ResourceNotFoundException"
