# SPDX-License-Identifier: Apache-2.0
"""The service scheduler without containers: where tasks go, what moves them, what it says of it."""

import collections
import json
import urllib.request

import pytest

from harness.daemon import Daemon
from harness.wait import wait_until


@pytest.fixture(scope="module")
def spacious():
    """Clusters get three instances, one in each zone."""
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "PERSISTENCE": "0", "ECS_SYNTHETIC_INSTANCES": "3",
                     "ECS_HEALTHY_AFTER_SECONDS": "0.05"}).start()
    yield daemon
    assert daemon.finish() == []


@pytest.fixture
def three(spacious):
    return spacious.client()


class Service:
    def __init__(self, ecs, cluster, definition, name="api", **more):
        self.ecs, self.cluster, self.name = ecs, cluster, name
        ecs.create_service(cluster=cluster, serviceName=name, taskDefinition=definition, **more)

    def describe(self):
        return self.ecs.describe_services(cluster=self.cluster, services=[self.name])["services"][0]

    def tasks(self):
        arns = self.ecs.list_tasks(cluster=self.cluster, serviceName=self.name)["taskArns"]
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []

    def by(self, member):
        return collections.Counter(t[member] for t in self.tasks())

    def update(self, **more):
        return self.ecs.update_service(cluster=self.cluster, service=self.name, **more)

    def messages(self):
        return [e["message"] for e in self.describe()["events"]]

    def wait_stable(self, n):
        wait_until(lambda: len(self.tasks()) == n and len(self.describe()["deployments"]) == 1
                   and self.describe()["deployments"][0]["rolloutState"] == "COMPLETED", 10, f"{n} tasks at rest")


@pytest.fixture
def cluster(three, name):
    cluster = name("sched")
    three.create_cluster(clusterName=cluster)
    return cluster


@pytest.fixture
def definition(three, name):
    return three.register_task_definition(family=name("sched"), containerDefinitions=[
        {"name": "main", "image": "busybox", "memory": 16}])["taskDefinition"]["taskDefinitionArn"]


@pytest.fixture
def service(three, cluster, definition):
    return lambda **more: Service(three, cluster, definition, **more)


def instances(three, cluster):
    return three.list_container_instances(cluster=cluster)["containerInstanceArns"]


def set_state(three, cluster, instance, status):
    three.update_container_instances_state(cluster=cluster, containerInstances=[instance], status=status)


def test_a_service_is_spread_over_zones(service):
    api = service(desiredCount=6)
    api.wait_stable(6)
    assert set(api.by("availabilityZone").values()) == {2}
    api.update(desiredCount=3)
    api.wait_stable(3)
    assert set(api.by("availabilityZone").values()) == {1}  # scaled in where there was most


def test_a_draining_instance_is_emptied(three, cluster, service):
    api = service(desiredCount=3)
    api.wait_stable(3)
    gone = api.tasks()[0]["containerInstanceArn"]
    set_state(three, cluster, gone, "DRAINING")
    wait_until(lambda: len(api.tasks()) == 3 and gone not in api.by("containerInstanceArn"), 10, "the tasks to move")


def test_a_daemon_has_a_task_on_each_instance(three, cluster, service):
    agent = service(schedulingStrategy="DAEMON")
    agent.wait_stable(3)
    assert agent.by("containerInstanceArn") == dict.fromkeys(instances(three, cluster), 1)
    first = agent.tasks()[0]
    set_state(three, cluster, first["containerInstanceArn"], "DRAINING")
    agent.wait_stable(2)
    set_state(three, cluster, first["containerInstanceArn"], "ACTIVE")
    agent.wait_stable(3)
    three.stop_task(cluster=cluster, task=agent.tasks()[0]["taskArn"])
    agent.wait_stable(3)
    before = set(agent.by("taskArn"))
    agent.update(forceNewDeployment=True)
    agent.wait_stable(3)
    assert not before & set(agent.by("taskArn"))
    assert set(agent.by("containerInstanceArn").values()) == {1}


def test_a_daemon_keeps_to_its_constraints(service):
    agent = service(schedulingStrategy="DAEMON", placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone in [us-east-1a, us-east-1c]"}])
    agent.wait_stable(2)
    assert set(agent.by("availabilityZone")) == {"us-east-1a", "us-east-1c"}


def test_distinct_instances_say_when_they_run_out(service):
    api = service(desiredCount=4, placementConstraints=[{"type": "distinctInstance"}])
    wait_until(lambda: any("unable to place a task" in m for m in api.messages()), 10, "the event")
    assert len(api.tasks()) == 3
    message = next(m for m in api.messages() if "unable to place" in m)
    assert message.startswith("(service api) was unable to place a task because no container instance met all of its "
                              "requirements. Reason: ")


def test_protected_tasks_survive_scale_in(three, cluster, service):
    api = service(desiredCount=3)
    api.wait_stable(3)
    kept = api.tasks()[-1]["taskArn"]
    three.update_task_protection(cluster=cluster, tasks=[kept], protectionEnabled=True)
    api.update(desiredCount=1)
    wait_until(lambda: len(api.tasks()) == 1, 10, "one task")
    assert api.tasks()[0]["taskArn"] == kept


def test_capacity_providers_share_a_service(three, cluster, service):
    api = service(desiredCount=5, capacityProviderStrategy=[
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}])
    api.wait_stable(5)
    assert api.by("capacityProviderName") == {"FARGATE": 2, "FARGATE_SPOT": 3}
    # What is lost is made up for where it is missing.
    lost = next(t for t in api.tasks() if t["capacityProviderName"] == "FARGATE_SPOT")
    three.stop_task(cluster=cluster, task=lost["taskArn"])
    wait_until(lambda: lost["taskArn"] not in api.by("taskArn") and len(api.tasks()) == 5, 10, "five tasks")
    assert api.by("capacityProviderName") == {"FARGATE": 2, "FARGATE_SPOT": 3}


def test_tags_come_from_the_service(three, cluster, service):
    api = service(desiredCount=1, propagateTags="SERVICE", enableECSManagedTags=True, tags=[{"key": "team", "value": "x"}])
    task = three.describe_tasks(cluster=cluster, tasks=[api.tasks()[0]["taskArn"]], include=["TAGS"])["tasks"][0]
    assert {t["key"]: t["value"] for t in task["tags"]} == {
        "team": "x", "aws:ecs:clusterName": cluster, "aws:ecs:serviceName": "api"}


def test_task_sets_keep_their_share(three, cluster, definition):
    three.create_service(cluster=cluster, serviceName="blue", desiredCount=4, deploymentController={"type": "EXTERNAL"})
    made = three.create_task_set(cluster=cluster, service="blue", taskDefinition=definition, launchType="EC2",
                                 scale={"value": 50.0, "unit": "PERCENT"})["taskSet"]

    def task_set():
        return three.describe_task_sets(cluster=cluster, service="blue", taskSets=[made["id"]])["taskSets"][0]

    wait_until(lambda: (task_set()["runningCount"], task_set()["stabilityStatus"]) == (2, "STEADY_STATE"), 10, "2 of 4")
    three.update_task_set(cluster=cluster, service="blue", taskSet=made["id"], scale={"value": 100.0, "unit": "PERCENT"})
    wait_until(lambda: (task_set()["runningCount"], task_set()["stabilityStatus"]) == (4, "STEADY_STATE"), 10, "4 of 4")
    three.update_task_set(cluster=cluster, service="blue", taskSet=made["id"], scale={"value": 0.0, "unit": "PERCENT"})
    wait_until(lambda: task_set()["runningCount"] == 0, 10, "none")


def test_nothing_is_said_twice(service):
    api = service(desiredCount=2)
    api.wait_stable(2)
    assert sum("has reached a steady state" in m for m in api.messages()) == 1
    api.update(forceNewDeployment=True)
    api.wait_stable(2)
    wait_until(lambda: api.messages()[0] == "(service api) has reached a steady state.", 10)
    assert sum("has reached a steady state" in m for m in api.messages()) == 2


def test_blue_green_keeps_the_old_tasks_until_it_has_baked(spacious, three, cluster, definition):
    def call(operation, **more):
        status, reply = spacious.call(operation, {"cluster": cluster, **more})
        assert status == 200, reply
        return reply

    def rollout():
        listed = call("ListServiceDeployments", service="api")["serviceDeployments"][0]["serviceDeploymentArn"]
        return call("DescribeServiceDeployments", serviceDeploymentArns=[listed])["serviceDeployments"][0]

    def tasks():
        return three.list_tasks(cluster=cluster, serviceName="api")["taskArns"]

    call("CreateService", serviceName="api", taskDefinition=definition, desiredCount=2,
         deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})
    wait_until(lambda: rollout()["status"] == "SUCCESSFUL", 10)
    old = tasks()
    call("UpdateService", service="api", forceNewDeployment=True)
    wait_until(lambda: rollout().get("lifecycleStage") == "BAKE_TIME", 10)
    assert len(tasks()) == 4 and set(old) < set(tasks())
    call("StopServiceDeployment", serviceDeploymentArn=rollout()["serviceDeploymentArn"], stopType="ROLLBACK")
    wait_until(lambda: rollout()["status"] == "ROLLBACK_SUCCESSFUL" and sorted(tasks()) == sorted(old), 10)


def test_interrupted_spot_tasks_are_replaced(spacious, three, cluster, service):
    api = service(desiredCount=2, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    api.wait_stable(2)
    before = set(api.by("taskArn"))
    url = f"{spacious.url}/_localemu/simulate/spot-interruption?cluster={cluster}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as reply:
        assert json.load(reply) == {"interrupted": 2}
    wait_until(lambda: len(api.tasks()) == 2 and not before & set(api.by("taskArn")), 10, "two others")
    ended = three.describe_tasks(cluster=cluster, tasks=list(before))["tasks"]
    assert {(t["stopCode"], t["stoppedReason"]) for t in ended} == {
        ("SpotInterruption", "Your Spot Task was interrupted.")}
