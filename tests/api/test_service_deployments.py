# SPDX-License-Identifier: Apache-2.0
"""Service deployments and service revisions: what each roll-out leaves behind, and stopping one; in metadata mode, where a
roll-out of a service that wants no tasks is over at once."""

import re
import time

import pytest

from harness.services import BALANCER, Services
from harness.wait import wait_until

INVALID = "InvalidParameterException"


@pytest.fixture
def api(daemon):
    api = Services(daemon)
    api.define()
    return api


def listed(api, **more):
    return api.ok("ListServiceDeployments", cluster="web", service="front", **more)["serviceDeployments"]


def described(api, arn):
    return api.ok("DescribeServiceDeployments", serviceDeploymentArns=[arn])["serviceDeployments"][0]


def revision(api, arn):
    return api.ok("DescribeServiceRevisions", serviceRevisionArns=[arn])["serviceRevisions"][0]


def hanging(api, **more):
    """A service whose second deployment cannot come to an end: no instance satisfies its constraints."""
    api.create(desiredCount=2, **more)
    api.settled(count=2)
    api.update(forceNewDeployment=True, placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.instance-type == none"}])
    return listed(api)[0]["serviceDeploymentArn"]


@pytest.fixture
def strict(start_daemon):
    """Where constraints hold, so that a deployment can hang: one registered instance."""
    api = Services(start_daemon(ECS_DOCKER_BACKEND=0, ECS_SETTLE_SECONDS=0, ECS_HEALTHY_AFTER_SECONDS=0))
    api.define()
    api.ok("RegisterContainerInstance", cluster="web", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 4096},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 4096}])
    return api


def test_the_first_roll_out(api):
    service = api.create(desiredCount=2, launchType="FARGATE", deploymentConfiguration={
        "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    brief, = listed(api)
    assert re.fullmatch(re.escape(api.arn("service-deployment/web/front/")) + r"[A-Za-z0-9_-]{21}",
                        brief["serviceDeploymentArn"])
    assert brief["serviceArn"] == service["serviceArn"] and brief["clusterArn"] == service["clusterArn"]
    assert brief["targetServiceRevisionArn"] == service["currentServiceRevisions"][0]["arn"]
    full = described(api, brief["serviceDeploymentArn"])
    assert full["sourceServiceRevisions"] == []
    assert full["targetServiceRevision"] == {
        "arn": brief["targetServiceRevisionArn"], "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
    assert full["deploymentConfiguration"] == service["deploymentConfiguration"]
    assert full["deploymentCircuitBreaker"]["threshold"] == 3
    assert full["alarms"] == {"status": "DISABLED"}
    api.settled(count=2)
    full = described(api, brief["serviceDeploymentArn"])
    assert full["status"] == "SUCCESSFUL"
    assert full["deploymentCircuitBreaker"] == {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3}
    assert full["createdAt"] <= full["startedAt"] <= full["finishedAt"]
    assert "currentServiceDeployment" not in api.describe()[0]


def test_a_revision(api):
    service = api.create(launchType="FARGATE", loadBalancers=[BALANCER])
    found = revision(api, service["currentServiceRevisions"][0]["arn"])
    assert found["serviceArn"] == service["serviceArn"] and found["clusterArn"] == service["clusterArn"]
    assert found["taskDefinition"] == service["taskDefinition"]
    assert (found["launchType"], found["platformVersion"], found["platformFamily"]) == ("FARGATE", "1.4.0", "Linux")
    assert found["loadBalancers"] == [BALANCER]
    assert found["containerImages"] == [{"containerName": "app", "image": "busybox:test"}]
    assert found["guardDutyEnabled"] is False
    assert "serviceRegistries" not in found


def test_revisions_keep_what_was(api):
    first = api.create(vpcLatticeConfigurations=[{"roleArn": "r", "targetGroupArn": "t", "portName": "http"}],
                       monitoring={"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]})
    api.settled()
    api.define()
    second = api.update(taskDefinition="app")
    assert "vpcLatticeConfigurations" not in second and "monitoring" not in second
    assert second["deployments"][0]["vpcLatticeConfigurations"][0]["portName"] == "http"
    old = revision(api, first["currentServiceRevisions"][0]["arn"])
    new = revision(api, listed(api)[0]["targetServiceRevisionArn"])
    assert (old["taskDefinition"], new["taskDefinition"]) == (
        api.arn("task-definition/app:1"), api.arn("task-definition/app:2"))
    for each in (old, new):
        assert each["vpcLatticeConfigurations"][0]["portName"] == "http"
        assert each["monitoring"]["metricConfigurations"][0]["resolutionSeconds"] == 20
    full = described(api, listed(api)[0]["serviceDeploymentArn"])
    assert [s["arn"] for s in full["sourceServiceRevisions"]] == [old["serviceRevisionArn"]]


def test_a_newer_roll_out_takes_over(strict):
    api = strict
    first = hanging(api)
    assert api.describe()[0]["currentServiceDeployment"] == first
    api.update(forceNewDeployment=True)
    stopped = described(api, first)
    assert stopped["status"] == "STOPPED"
    assert stopped["statusReason"] == "A newer service deployment has replaced this one."
    assert stopped["stoppedAt"] == stopped["finishedAt"]
    assert api.describe()[0]["currentServiceDeployment"] == listed(api)[0]["serviceDeploymentArn"] != first


def test_list(api):
    api.create()
    for _ in range(4):
        api.settled()
        api.update(forceNewDeployment=True)
    api.settled()
    everything = [d["serviceDeploymentArn"] for d in listed(api)]
    assert len(set(everything)) == 5
    created = [described(api, arn)["createdAt"] for arn in everything]
    assert created == sorted(created, reverse=True)
    page = api.ok("ListServiceDeployments", cluster="web", service=api.arn("service/web/front"), maxResults=3)
    rest = api.ok("ListServiceDeployments", cluster="web", service="front", nextToken=page["nextToken"])
    assert [d["serviceDeploymentArn"] for d in page["serviceDeployments"] + rest["serviceDeployments"]] == everything
    assert "nextToken" not in rest
    assert listed(api, status=["STOPPED", "PENDING"]) == []
    assert len(listed(api, status=["SUCCESSFUL"])) == 5
    assert [d["serviceDeploymentArn"] for d in listed(api, createdAt={"after": created[1]})] == everything[:2]
    assert [d["serviceDeploymentArn"] for d in listed(api, createdAt={"before": created[-1]})] == everything[-1:]
    assert listed(api, createdAt={"after": time.time() + 60}) == []


def test_who_is_not_there(api):
    assert api.refused("ListServiceDeployments", cluster="web", service="nobody") == (
        "ServiceNotFoundException", "Service not found.")
    assert api.refused("ListServiceDeployments", cluster="nobody", service="front") == (
        "ClusterNotFoundException", "Cluster not found.")
    missing = [api.arn("service-deployment/web/front/" + "a" * 21),
               api.arn("service-deployment/web/front/" + "a" * 21).replace("us-east-1", "eu-west-1")]
    assert api.ok("DescribeServiceDeployments", serviceDeploymentArns=missing) == {
        "serviceDeployments": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in missing]}
    gone = api.arn("service-revision/web/front/1234567890123456789")
    assert api.ok("DescribeServiceRevisions", serviceRevisionArns=[gone]) == {
        "serviceRevisions": [], "failures": [{"arn": gone, "reason": "MISSING"}]}
    for operation, member in (("DescribeServiceDeployments", "serviceDeploymentArns"),
                              ("DescribeServiceRevisions", "serviceRevisionArns")):
        for given in (["front"], [api.arn("service/web/front")], [], missing * 11):
            assert api.refused(operation, **{member: given})[0] == INVALID
    assert api.refused("StopServiceDeployment", serviceDeploymentArn=missing[0]) == (
        "ServiceDeploymentNotFoundException", "The specified service deployment was not found.")


def test_stop_goes_back(strict):
    api = strict
    api.create(desiredCount=2)
    before = api.settled(count=2)
    api.update(forceNewDeployment=True, placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.instance-type == none"}])
    arn = listed(api)[0]["serviceDeploymentArn"]
    assert api.ok("StopServiceDeployment", serviceDeploymentArn=arn) == {"serviceDeploymentArn": arn}
    over = wait_until(lambda: described(api, arn)["status"] == "ROLLBACK_SUCCESSFUL" and described(api, arn), 20, "a rollback")
    assert over["rollback"]["serviceRevisionArn"] == before["currentServiceRevisions"][0]["arn"]
    assert api.refused("StopServiceDeployment", serviceDeploymentArn=arn)[0] == "ConflictException"


def test_abort_stays(strict):
    arn = hanging(strict)
    strict.ok("StopServiceDeployment", serviceDeploymentArn=arn, stopType="ABORT")
    wait_until(lambda: described(strict, arn)["status"] == "STOPPED", 20, "the deployment to stop")


def test_continue_needs_a_hook(api):
    api.create()
    arn = listed(api)[0]["serviceDeploymentArn"]
    assert api.refused("ContinueServiceDeployment", serviceDeploymentArn=arn, hookId="h") == (
        INVALID, "The service deployment has no lifecycle hook with the hookId 'h'.")
    assert api.refused("ContinueServiceDeployment", hookId="h", serviceDeploymentArn=api.arn(
        "service-deployment/web/front/" + "a" * 21))[0] == "ServiceDeploymentNotFoundException"


def test_they_go_with_their_service(api):
    api.create()
    arn, target = (listed(api)[0][k] for k in ("serviceDeploymentArn", "targetServiceRevisionArn"))
    api.ok("DeleteService", cluster="web", service="front")
    assert described(api, arn)["serviceDeploymentArn"] == arn
    api.create()
    assert len(listed(api)) == 1
    assert api.ok("DescribeServiceRevisions", serviceRevisionArns=[target])["failures"][0]["reason"] == "MISSING"
