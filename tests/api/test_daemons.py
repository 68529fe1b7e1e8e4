# SPDX-License-Identifier: Apache-2.0
"""Daemons and daemon task definitions, in metadata mode: what each operation answers, takes and refuses, and what the
scheduler makes of it. Each test has an account of its own; each answer is held against the newest model."""

import re

import pytest

from harness.daemons import Daemons
from harness.wait import wait_until

INVALID = "InvalidParameterException"


@pytest.fixture
def api(daemon):
    return Daemons(daemon)


@pytest.fixture
def managed(api):
    return api.provide()


# -- daemon task definitions


def test_register_and_describe(api):
    arn = api.register(cpu=".5 vCPU", memory="1GB", volumes=[{"name": "logs", "host": {"sourcePath": "/var/log"}}],
                       container={"mountPoints": [{"sourceVolume": "logs", "containerPath": "/logs", "readOnly": True}],
                                  "linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["SYS_PTRACE"]}},
                                  "portMappings": [{"containerPort": 80}]},
                       pidMode="shared", ipcMode="none", tags=[{"key": "team", "value": "ops"}])
    assert arn == api.arn("daemon-task-definition/agent:1")
    for name in ("agent", "agent:1", arn):
        got = api.ok("DescribeDaemonTaskDefinition", daemonTaskDefinition=name)["daemonTaskDefinition"]
        assert got["daemonTaskDefinitionArn"] == arn
    assert (got["family"], got["revision"], got["status"]) == ("agent", 1, "ACTIVE")
    assert (got["cpu"], got["memory"], got["pidMode"], got["ipcMode"]) == ("512", "1024", "shared", "none")
    assert got["registeredBy"] == f"arn:aws:iam::{api.account}:root"
    assert got["registeredAt"] > 0 and "deleteRequestedAt" not in got and "tags" not in got
    container, = got["containerDefinitions"]
    assert (container["name"], container["cpu"], container["essential"]) == ("agent", 0, True)
    assert "portMappings" not in container  # not a member of theirs: ignored, as by AWS
    assert api.ok("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "team", "value": "ops"}]
    assert api.register() == api.arn("daemon-task-definition/agent:2")


def test_definitions_are_apart(api):
    api.define("agent")
    daemon = api.register()
    assert api.ok("ListTaskDefinitions")["taskDefinitionArns"] == [api.arn("task-definition/agent:1")]
    assert api.ok("ListTaskDefinitions", sort="DESC")["taskDefinitionArns"] == [api.arn("task-definition/agent:1")]
    assert api.ok("ListTaskDefinitionFamilies")["families"] == ["agent"]
    for given in (daemon, "daemon/agent"):
        assert api.refused("DescribeTaskDefinition", taskDefinition=given)[0] in (INVALID, "ClientException")
        assert api.refused("RunTask", cluster="web", taskDefinition=given)[0] in (INVALID, "ClientException")
    assert api.refused("DescribeDaemonTaskDefinition", daemonTaskDefinition=api.arn("task-definition/agent:1"))[0] == INVALID
    assert api.refused("DescribeDaemonTaskDefinition", daemonTaskDefinition="nobody") == (
        "ClientException", "Unable to describe daemon task definition.")


@pytest.mark.parametrize("wrong", [
    {"family": "a b"}, {"family": "f" * 256}, {"containerDefinitions": []},
    {"containerDefinitions": [{"name": "a"}]}, {"pidMode": "host"}, {"containerDefinitions": [{"image": "a"}]},
    {"containerDefinitions": [{"name": "a", "image": "i", "memory": 1}]}, {"cpu": "many"},
    {"tags": [{"key": "aws:x", "value": ""}]},
    {"containerDefinitions": [{"name": "a", "image": "i", "memory": 64, "mountPoints": [{"sourceVolume": "no"}]}]},
])
def test_register_refuses(api, wrong):
    good = {"family": "agent", "containerDefinitions": [{"name": "a", "image": "i", "memory": 64}]}
    assert api.refused("RegisterDaemonTaskDefinition", **{**good, **wrong})[0] in (INVALID, "ClientException")
    assert api.ok("ListDaemonTaskDefinitions")["daemonTaskDefinitions"] == []


def arns(reply):
    return [d["arn"].split("/")[1] for d in reply["daemonTaskDefinitions"]]


def test_list_definitions(api):
    for family in ("log", "log", "log-2", "trace"):
        api.register(family)
    every = api.ok("ListDaemonTaskDefinitions")
    assert arns(every) == ["log:1", "log:2", "log-2:1", "trace:1"]
    assert all(d["status"] == "ACTIVE" and d["registeredAt"] and d["registeredBy"] for d in every["daemonTaskDefinitions"])
    assert arns(api.ok("ListDaemonTaskDefinitions", sort="DESC")) == ["trace:1", "log-2:1", "log:2", "log:1"]
    assert arns(api.ok("ListDaemonTaskDefinitions", family="log")) == ["log:1", "log:2"]
    assert arns(api.ok("ListDaemonTaskDefinitions", familyPrefix="log")) == ["log:1", "log:2", "log-2:1"]
    assert arns(api.ok("ListDaemonTaskDefinitions", revision="LAST_REGISTERED")) == ["log:2", "log-2:1", "trace:1"]
    first = api.ok("ListDaemonTaskDefinitions", maxResults=3)
    assert arns(first) == ["log:1", "log:2", "log-2:1"]
    second = api.ok("ListDaemonTaskDefinitions", maxResults=3, nextToken=first["nextToken"])
    assert arns(second) == ["trace:1"] and "nextToken" not in second
    assert api.refused("ListDaemonTaskDefinitions", nextToken="x")[0] == INVALID


def test_delete_definition(api):
    arn = api.register()
    api.register()
    assert api.refused("DeleteDaemonTaskDefinition", daemonTaskDefinition="agent")[1] == "Revision is missing."
    assert api.ok("DeleteDaemonTaskDefinition", daemonTaskDefinition="agent:1") == {"daemonTaskDefinitionArn": arn}
    # Nothing uses it: it is gone at the first look, and can be seen so for a while.
    got = api.ok("DescribeDaemonTaskDefinition", daemonTaskDefinition=arn)["daemonTaskDefinition"]
    assert got["status"] == "DELETED" and got["deleteRequestedAt"] >= got["registeredAt"]
    assert api.refused("DeleteDaemonTaskDefinition", daemonTaskDefinition=arn)[0] == "ClientException"
    assert arns(api.ok("ListDaemonTaskDefinitions")) == ["agent:2"]
    assert arns(api.ok("ListDaemonTaskDefinitions", status="ALL")) == ["agent:1", "agent:2"]
    assert arns(api.ok("ListDaemonTaskDefinitions", status="DELETE_IN_PROGRESS")) == []


def test_a_definition_in_use_stays(api, managed):
    definition = api.register()
    daemon = api.start(definition, managed)
    api.deployed(daemon["deploymentArn"])
    api.ok("DeleteDaemonTaskDefinition", daemonTaskDefinition=definition)
    assert arns(api.ok("ListDaemonTaskDefinitions", status="DELETE_IN_PROGRESS")) == ["agent:1"]
    assert api.refused("CreateDaemon", daemonName="other", clusterArn="web", daemonTaskDefinitionArn=definition,
                       capacityProviderArns=[managed])[0] == INVALID
    # Who has it may keep it.
    api.ok("UpdateDaemon", daemonArn=daemon["daemonArn"], daemonTaskDefinitionArn=definition, capacityProviderArns=[managed])
    api.ok("DeleteDaemon", daemonArn=daemon["daemonArn"])
    api.gone(daemon["daemonArn"])
    wait_until(lambda: api.ok("DescribeDaemonTaskDefinition", daemonTaskDefinition=definition)["daemonTaskDefinition"][
        "status"] == "DELETED", 20, "the definition is DELETED")


# -- daemons


def test_create(api, managed):
    definition = api.register()
    made = api.start(definition, managed, deploymentConfiguration={"drainPercent": 25.0, "bakeTimeInMinutes": 0},
                     enableECSManagedTags=True, propagateTags="DAEMON", tags=[{"key": "team", "value": "ops"}])
    assert made["daemonArn"] == api.arn("daemon/web/agent")
    assert made["status"] == "ACTIVE" and made["createdAt"] > 0 and "updatedAt" not in made
    assert re.fullmatch(re.escape(api.arn("daemon-deployment/web/agent/")) + r"[\w-]{21}", made["deploymentArn"])
    done = api.deployed(made["deploymentArn"])
    assert done["clusterArn"] == api.arn("cluster/web")
    assert done["deploymentConfiguration"] == {"drainPercent": 25.0, "bakeTimeInMinutes": 0}
    assert done["circuitBreaker"] == {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3}
    assert done["alarms"] == {"status": "DISABLED"}
    assert done["sourceDaemonRevisions"] == [] and "rollback" not in done
    assert done["finishedAt"] >= done["startedAt"] >= done["createdAt"]
    target = done["targetDaemonRevision"]
    assert re.fullmatch(re.escape(api.arn("daemon-revision/web/agent/")) + r"\d{19}", target["arn"])
    assert target["capacityProviders"] == [{"arn": managed, "runningInstanceCount": 1, "drainingInstanceCount": 0}]
    assert (target["totalRunningInstanceCount"], target["totalDrainingInstanceCount"]) == (1, 0)

    got = api.look(made["daemonArn"])
    assert got["clusterArn"] == api.arn("cluster/web") and got["deploymentArn"] == made["deploymentArn"]
    assert got["currentRevisions"] == [{"arn": target["arn"], "totalRunningCount": 1, "capacityProviders": [
        {"arn": managed, "runningCount": 1}]}]
    revisions = api.ok("DescribeDaemonRevisions", daemonRevisionArns=[target["arn"]])
    revision, = revisions["daemonRevisions"]
    assert revisions["failures"] == []
    assert revision.pop("createdAt") > 0
    assert revision == {
        "daemonRevisionArn": target["arn"], "clusterArn": got["clusterArn"], "daemonArn": made["daemonArn"],
        "daemonTaskDefinitionArn": definition, "containerImages": [{"containerName": "agent", "image": "busybox:test"}],
        "propagateTags": "DAEMON", "enableECSManagedTags": True, "enableExecuteCommand": False}

    task, = api.tasks_of()
    assert task["taskDefinitionArn"] == definition and task["group"] == "daemon:agent"
    assert task["capacityProviderName"] == "managed" and task["containerInstanceArn"]
    assert {t["key"]: t["value"] for t in task["tags"]} == {
        "team": "ops", "aws:ecs:clusterName": "web", "aws:ecs:daemonName": "agent"}


def test_it_is_no_service(api, managed):
    made = api.start(api.register(), managed)
    api.deployed(made["deploymentArn"])
    assert api.ok("ListServices", cluster="web")["serviceArns"] == []
    assert api.ok("ListServices", cluster="web", schedulingStrategy="DAEMON")["serviceArns"] == []
    cluster, = api.ok("DescribeClusters", clusters=["web"])["clusters"]
    assert (cluster["activeServicesCount"], cluster["runningTasksCount"]) == (0, 1)
    assert api.ok("DescribeServices", cluster="web", services=["agent"])["failures"][0]["reason"] == "MISSING"
    assert api.refused("DescribeServices", cluster="web", services=["daemon/agent"])[0] == INVALID
    assert api.refused("UpdateService", cluster="web", service=made["daemonArn"])[0] == INVALID
    assert api.tasks_of("nobody") == []
    assert api.refused("RunTask", cluster="web", taskDefinition=api.define(), group="daemon:agent")[0] == INVALID
    api.create("agent")  # a service may have the same name
    assert api.look(made["daemonArn"])["status"] == "ACTIVE"


def test_create_refuses(api, managed):
    definition = api.register()
    good = {"daemonName": "agent", "clusterArn": "web", "daemonTaskDefinitionArn": definition,
            "capacityProviderArns": [managed]}
    api.ok("CreateCapacityProvider", name="group", autoScalingGroupProvider={"autoScalingGroupArn": "mine"})
    api.ok("CreateCluster", clusterName="other")
    for wrong, error in (
            ({"daemonName": "a b"}, INVALID), ({"daemonName": ""}, INVALID), ({"daemonName": "n" * 256}, INVALID),
            ({"clusterArn": "nobody"}, "ClusterNotFoundException"),
            ({"clusterArn": "other"}, INVALID),
            ({"daemonTaskDefinitionArn": "nobody:1"}, "ClientException"),
            ({"daemonTaskDefinitionArn": api.define()}, INVALID),
            ({"capacityProviderArns": []}, INVALID), ({"capacityProviderArns": ["nobody"]}, INVALID),
            ({"capacityProviderArns": [managed, "managed"]}, INVALID),
            ({"capacityProviderArns": ["FARGATE"]}, "UnsupportedFeatureException"),
            ({"capacityProviderArns": [managed, "group"]}, "UnsupportedFeatureException"),
            ({"deploymentConfiguration": {"drainPercent": 101}}, INVALID),
            ({"deploymentConfiguration": {"alarms": {"enable": True}}}, INVALID),
            ({"propagateTags": "SERVICE"}, INVALID), ({"tags": [{"key": "aws:x", "value": ""}]}, INVALID),
            ({"clientToken": "t" * 37}, INVALID), ({"enableExecuteCommand": True}, INVALID)):
        assert api.refused("CreateDaemon", **{**good, **wrong})[0] == error, wrong
    assert api.ok("ListDaemons")["daemonSummariesList"] == []
    api.ok("CreateDaemon", **good, clientToken="once")
    assert api.refused("CreateDaemon", **good) == (INVALID, "Creation of daemon was not idempotent.")
    assert api.refused("CreateDaemon", **{**good, "tags": []}, clientToken="once")[0] == INVALID


def test_client_token(api, managed):
    definition = api.register()
    first = api.start(definition, managed, clientToken="abc")
    assert api.start(definition, managed, clientToken="abc") == first
    assert len(api.ok("ListDaemonDeployments", daemonArn=first["daemonArn"])["daemonDeployments"]) == 1


def test_update(api, managed):
    first = api.start(api.register(), managed)
    before = api.deployed(first["deploymentArn"])["targetDaemonRevision"]["arn"]
    old, = api.tasks_of()
    second = api.register()
    changed = api.ok("UpdateDaemon", daemonArn=first["daemonArn"], daemonTaskDefinitionArn=second,
                     capacityProviderArns=[managed], deploymentConfiguration={"drainPercent": 10})
    assert changed["daemonArn"] == first["daemonArn"] and changed["status"] == "ACTIVE"
    assert changed["createdAt"] == first["createdAt"] <= changed["updatedAt"]
    assert changed["deploymentArn"] != first["deploymentArn"]
    done = api.deployed(changed["deploymentArn"])
    assert [s["arn"] for s in done["sourceDaemonRevisions"]] == [before]
    assert done["sourceDaemonRevisions"][0]["totalRunningInstanceCount"] == 0
    task, = api.tasks_of()
    assert task["taskArn"] != old["taskArn"] and task["taskDefinitionArn"] == second
    got = api.look(first["daemonArn"])
    assert [r["arn"] for r in got["currentRevisions"]] == [done["targetDaemonRevision"]["arn"]]
    deployments = api.ok("ListDaemonDeployments", daemonArn=first["daemonArn"])["daemonDeployments"]
    assert [d["daemonDeploymentArn"] for d in deployments] == [changed["deploymentArn"], first["deploymentArn"]]
    assert {d["daemonArn"] for d in deployments} == {first["daemonArn"]}
    assert {d["status"] for d in deployments} == {"SUCCESSFUL"}
    assert deployments[0]["targetDaemonRevisionArn"] == done["targetDaemonRevision"]["arn"]
    stopped = api.ok("ListDaemonDeployments", daemonArn=first["daemonArn"], status=["STOPPED", "PENDING"])
    assert stopped["daemonDeployments"] == []
    page = api.ok("ListDaemonDeployments", daemonArn=first["daemonArn"], maxResults=1)
    rest = api.ok("ListDaemonDeployments", daemonArn=first["daemonArn"], maxResults=1, nextToken=page["nextToken"])
    assert rest["daemonDeployments"] == deployments[1:]


def test_delete(api, managed):
    made = api.start(api.register(), managed, tags=[{"key": "a", "value": "b"}])
    api.deployed(made["deploymentArn"])
    assert api.refused("DeleteCapacityProvider", capacityProvider=managed, cluster="web")[0] == "ClientException"
    gone = api.ok("DeleteDaemon", daemonArn=made["daemonArn"])
    assert (gone["daemonArn"], gone["status"]) == (made["daemonArn"], "DELETE_IN_PROGRESS")
    assert gone["updatedAt"] >= gone["createdAt"]
    api.gone(made["daemonArn"])
    assert api.tasks_of() == []
    assert api.ok("ListDaemons")["daemonSummariesList"] == []
    for operation in ("DeleteDaemon", "DescribeDaemon", "ListDaemonDeployments"):
        assert api.refused(operation, daemonArn=made["daemonArn"])[0] == "DaemonNotFoundException"
    assert api.refused("TagResource", resourceArn=made["daemonArn"], tags=[])[0] != "ServerException"
    again = api.start("agent:1", managed)
    assert again["deploymentArn"] != made["deploymentArn"]
    assert api.ok("ListTagsForResource", resourceArn=again["daemonArn"])["tags"] == []
    reply = api.ok("DescribeDaemonDeployments", daemonDeploymentArns=[made["deploymentArn"]])
    assert reply["failures"] == [{"arn": made["deploymentArn"], "reason": "MISSING"}]


def test_not_found(api, managed):
    nobody = api.arn("daemon/web/nobody")
    definition = api.register()
    assert api.refused("UpdateDaemon", daemonArn=nobody, daemonTaskDefinitionArn=definition,
                       capacityProviderArns=[managed]) == ("DaemonNotFoundException", "Daemon not found.")
    assert api.refused("DescribeDaemon", daemonArn=nobody)[0] == "DaemonNotFoundException"
    for wrong in ("nobody", api.arn("service/web/nobody"), api.arn("daemon/nobody"), api.arn("daemon/a/b/c")):
        assert api.refused("DescribeDaemon", daemonArn=wrong)[0] == INVALID
        assert api.refused("DescribeDaemonRevisions", daemonRevisionArns=[wrong])[0] == INVALID
    missing = api.arn("daemon-revision/web/nobody/1234567890123456789")
    assert api.ok("DescribeDaemonRevisions", daemonRevisionArns=[missing]) == {
        "daemonRevisions": [], "failures": [{"arn": missing, "reason": "MISSING"}]}


def test_list_daemons(api, managed):
    other = api.provide("second")
    definition = api.register()
    for name, provider in (("a", managed), ("b", other), ("c", managed)):
        api.start(definition, provider, name=name)

    def names(**more):
        reply = api.ok("ListDaemons", **more)
        return [d["daemonArn"].rsplit("/", 1)[1] for d in reply["daemonSummariesList"]], reply.get("nextToken")
    assert names() == (["a", "b", "c"], None)
    assert names(clusterArn="web")[0] == ["a", "b", "c"]
    assert names(capacityProviderArns=[other])[0] == ["b"]
    assert names(capacityProviderArns=[other, managed])[0] == ["a", "b", "c"]
    page, token = names(maxResults=1, capacityProviderArns=[managed])
    assert page == ["a"] and names(maxResults=1, capacityProviderArns=[managed], nextToken=token) == (["c"], None)
    api.ok("CreateCluster", clusterName="empty")
    assert names(clusterArn="empty")[0] == []
    summary = api.ok("ListDaemons")["daemonSummariesList"][0]
    assert summary["status"] == "ACTIVE" and summary["createdAt"] > 0


def test_tags(api, managed):
    arn = api.start(api.register(), managed)["daemonArn"]
    api.ok("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "1"}])
    assert api.ok("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "a", "value": "1"}]
    api.ok("UntagResource", resourceArn=arn, tagKeys=["a"])
    assert api.ok("ListTagsForResource", resourceArn=arn)["tags"] == []
    assert api.refused("TagResource", resourceArn=api.arn("daemon/web/no"), tags=[])[0] == "ResourceNotFoundException"


# -- what becomes of them


def test_a_task_that_is_stopped_comes_back(api, managed):
    made = api.start(api.register(), managed)
    api.deployed(made["deploymentArn"])
    first, = api.tasks_of()
    api.ok("StopTask", cluster="web", task=first["taskArn"])

    def replaced():
        tasks = api.tasks_of()
        return len(tasks) == 1 and tasks[0]["taskArn"] != first["taskArn"] and tasks[0]["lastStatus"] == "RUNNING"
    wait_until(replaced, 20, "another task of the daemon")


def test_an_instance_that_drains_has_none(api, managed):
    made = api.start(api.register(), managed)
    api.deployed(made["deploymentArn"])
    instance = api.tasks_of()[0]["containerInstanceArn"]
    api.ok("UpdateContainerInstancesState", cluster="web", containerInstances=[instance], status="DRAINING")
    wait_until(lambda: api.tasks_of() == [], 20, "no task on a DRAINING instance")
    api.ok("UpdateContainerInstancesState", cluster="web", containerInstances=[instance], status="ACTIVE")
    wait_until(lambda: [t["lastStatus"] for t in api.tasks_of()] == ["RUNNING"], 20, "a task on the ACTIVE instance")


def test_daemon_services_have_one_task_on_each_instance(api):
    api.define()
    identity = [api.ok("RegisterContainerInstance", cluster="web", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 4096}])["containerInstance"]["containerInstanceArn"]
                for _ in range(2)]
    api.create("everywhere", desiredCount=None, schedulingStrategy="DAEMON")
    api.settled("everywhere", 2)

    def places():
        arns_ = api.tasks("everywhere")
        tasks = api.ok("DescribeTasks", cluster="web", tasks=arns_)["tasks"] if arns_ else []
        return sorted(t["containerInstanceArn"] for t in tasks if t["lastStatus"] == "RUNNING")
    assert places() == sorted(identity)
    third = api.ok("RegisterContainerInstance", cluster="web", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 4096}])["containerInstance"]["containerInstanceArn"]
    wait_until(lambda: places() == sorted([*identity, third]), 20, "a task on the new instance")
    api.ok("UpdateContainerInstancesState", cluster="web", containerInstances=[third], status="DRAINING")
    wait_until(lambda: places() == sorted(identity), 20, "no task on a DRAINING instance")


def test_it_outlives_a_restart(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    api = Daemons(daemon)
    made = api.start(api.register(), api.provide())
    api.deployed(made["deploymentArn"])
    daemon.restart()
    wait_until(lambda: [t["lastStatus"] for t in api.tasks_of()] == ["RUNNING"], 20, "the task after the restart")
    assert api.look(made["daemonArn"])["currentRevisions"][0]["totalRunningCount"] == 1


def test_several_instances_roll_one_after_the_other(start_daemon):
    api = Daemons(start_daemon(ECS_DOCKER_BACKEND="0", ECS_SYNTHETIC_INSTANCES="3"))
    provider = api.provide()
    made = api.start(api.register(), provider, deploymentConfiguration={"drainPercent": 1})
    api.deployed(made["deploymentArn"])
    assert len({t["containerInstanceArn"] for t in api.tasks_of()}) == 3
    second = api.register()
    changed = api.ok("UpdateDaemon", daemonArn=made["daemonArn"], daemonTaskDefinitionArn=second,
                     capacityProviderArns=[provider])  # the configuration stays
    fewest = 3

    def look():
        nonlocal fewest
        fewest = min(fewest, sum(t["lastStatus"] == "RUNNING" for t in api.tasks_of()))
        return api.deployment(changed["deploymentArn"])["status"] == "SUCCESSFUL"
    wait_until(look, 30, "the deployment's end")
    assert fewest >= 2
    assert [t["taskDefinitionArn"] for t in api.tasks_of()] == 3 * [second]
    assert api.look(made["daemonArn"])["currentRevisions"][0]["totalRunningCount"] == 3
