# SPDX-License-Identifier: Apache-2.0
"""Services: create, update, delete, describe, list; a test per rule, in metadata mode. Each test has an account of its own, so
that names and lists are its own too; the scheduler runs, and services that want no tasks are what the rules are about."""

import http.client
import json
import os
import re
import subprocess

import pytest

from harness.services import BALANCER, GROUP, VPC, Services
from harness.wait import wait_until


@pytest.fixture
def api(daemon):
    api = Services(daemon)
    api.define()
    return api


INVALID = "InvalidParameterException"


# -- what CreateService makes


def test_create(api):
    service = api.create(desiredCount=2)
    assert service["serviceArn"] == api.arn("service/web/front")
    assert service["clusterArn"] == api.arn("cluster/web")
    assert service["status"] == "ACTIVE"
    assert service["desiredCount"] == 2
    assert service["taskDefinition"] == api.arn("task-definition/app:1")
    assert service["launchType"] == "EC2"
    assert "platformVersion" not in service and "capacityProviderStrategy" not in service and "roleArn" not in service
    assert service["schedulingStrategy"] == "REPLICA"
    assert service["deploymentController"] == {"type": "ECS"}
    assert service["deploymentConfiguration"] == {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False}, "maximumPercent": 200,
        "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0}
    for member in ("loadBalancers", "serviceRegistries", "placementConstraints", "placementStrategy", "tags"):
        assert service[member] == []
    assert service["enableECSManagedTags"] is False and service["enableExecuteCommand"] is False
    assert service["propagateTags"] == "NONE"
    assert service["availabilityZoneRebalancing"] == "ENABLED"
    assert service["createdBy"] == f"arn:aws:iam::{api.account}:root"
    assert service["resourceManagementType"] == "CUSTOMER"
    assert "taskSets" not in service
    deployment, = service["deployments"]
    assert re.fullmatch(r"ecs-svc/\d{19}", deployment["id"])
    assert deployment["status"] == "PRIMARY"
    assert deployment["taskDefinition"] == service["taskDefinition"]
    assert deployment["desiredCount"] == 2 and deployment["failedTasks"] == 0
    assert deployment["launchType"] == "EC2"
    revision, = service["currentServiceRevisions"]
    assert re.fullmatch(re.escape(api.arn("service-revision/web/front/")) + r"\d{19}", revision["arn"])
    assert revision["requestedTaskCount"] == 2


def test_create_settles_with_its_tasks_running(api):
    service = api.create(desiredCount=3)
    assert service["runningCount"] == 3 and service["pendingCount"] == 0
    assert len(api.tasks()) == 3
    tasks = api.ok("DescribeTasks", cluster="web", tasks=api.tasks())["tasks"]
    assert {t["group"] for t in tasks} == {"service:front"}
    assert {t["startedBy"] for t in tasks} == {service["deployments"][0]["id"]}


def test_the_walk_through(api):
    fargate = {"launchType": "FARGATE"}
    assert api.create(desiredCount=3, **fargate)["runningCount"] == 3
    assert len(api.tasks()) == 3
    assert api.update(desiredCount=5)["runningCount"] == 5
    assert api.update(desiredCount=1)["runningCount"] == 1
    assert len(api.tasks()) == 1


def test_fargate(api):
    service = api.create(launchType="FARGATE")
    assert (service["platformVersion"], service["platformFamily"]) == ("LATEST", "Linux")
    deployment, = service["deployments"]
    assert (deployment["platformVersion"], deployment["platformFamily"]) == ("1.4.0", "Linux")


def test_awsvpc_has_the_service_linked_role(api):
    api.define("vpc", "awsvpc")
    service = api.create(taskDefinition="vpc", networkConfiguration=VPC)
    assert service["roleArn"] == \
        f"arn:aws:iam::{api.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    assert service["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"}


def test_a_role_for_load_balancers(api):
    service = api.create(role="/path/ecs", loadBalancers=[BALANCER])
    assert service["roleArn"] == f"arn:aws:iam::{api.account}:role/path/ecs"
    assert service["healthCheckGracePeriodSeconds"] == 0
    assert api.no_service(serviceName="b", role="ecs") == (
        INVALID, "An IAM role can only be specified for services with load balancers.")
    api.define("vpc", "awsvpc")
    assert api.no_service(serviceName="b", role="ecs", taskDefinition="vpc", networkConfiguration=VPC) == (
        INVALID, "You cannot specify an IAM role for services that require a service linked role.")


def test_capacity_provider_strategy(api):
    service = api.create(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    assert service["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    assert "launchType" not in service
    assert service["platformVersion"] == "LATEST"
    assert api.no_service(serviceName="b", launchType="FARGATE", capacityProviderStrategy=[
        {"capacityProvider": "FARGATE"}]) == (
            INVALID, "Specify either Launch Type or Capacity Provider Strategy, but not both.")


def test_an_empty_strategy_is_none(api):
    service = api.create(capacityProviderStrategy=[])
    assert service["launchType"] == "EC2" and "capacityProviderStrategy" not in service


def test_a_forced_deployment_takes_the_new_strategy(api):
    first = api.create(desiredCount=1, launchType="FARGATE")["deployments"][0]
    api.settled(count=1)
    updated = api.update(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
                         forceNewDeployment=True)
    assert updated["deployments"][0]["id"] != first["id"]
    assert updated["deployments"][0]["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
    api.settled(count=1)
    task, = api.ok("DescribeTasks", cluster="web", tasks=api.tasks())["tasks"]
    assert task["capacityProviderName"] == "FARGATE_SPOT"


def test_the_default_strategy_of_the_cluster(api):
    api.ok("PutClusterCapacityProviders", cluster="web", capacityProviders=["FARGATE"],
           defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 2}])
    service = api.create()
    assert service["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 2, "base": 0}]


def test_daemon(api):
    service = api.create(schedulingStrategy="DAEMON", desiredCount=None)
    assert service["schedulingStrategy"] == "DAEMON"
    assert (service["deploymentConfiguration"]["maximumPercent"],
            service["deploymentConfiguration"]["minimumHealthyPercent"]) == (100, 0)
    assert service["availabilityZoneRebalancing"] == "DISABLED"


def test_tags(api):
    api.create(tags=[{"key": "team", "value": "x"}])
    assert "tags" not in api.describe()[0]
    assert api.describe(include=["TAGS"])[0]["tags"] == [{"key": "team", "value": "x"}]
    arn = api.arn("service/web/front")
    api.ok("TagResource", resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    api.ok("UntagResource", resourceArn=arn, tagKeys=["team"])
    assert api.ok("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    assert api.refused("TagResource", resourceArn=api.arn("service/front"), tags=[]) == (
        INVALID, "Long arn format must be used for tagging operations")
    assert api.refused("TagResource", resourceArn=api.arn("service/web/nobody"), tags=[])[0] == \
        "ResourceNotFoundException"
    api.ok("DeleteService", cluster="web", service="front")
    assert api.refused("ListTagsForResource", resourceArn=arn)[0] == "ResourceNotFoundException"
    assert api.no_service(tags=[{"key": "aws:x", "value": ""}]) == (
        INVALID, "aws: prefixed tag key names are not allowed for external use.")


def test_tags_of_its_tasks(api):
    api.create(desiredCount=1, tags=[{"key": "team", "value": "x"}], propagateTags="SERVICE", enableECSManagedTags=True)
    task, = api.ok("DescribeTasks", cluster="web", tasks=api.tasks(), include=["TAGS"])["tasks"]
    assert {t["key"]: t["value"] for t in task["tags"]} == {
        "team": "x", "aws:ecs:clusterName": "web", "aws:ecs:serviceName": "front"}


# -- what CreateService refuses


def deployment(**more):
    return {"deploymentConfiguration": more}


def hook(**more):
    return deployment(strategy="LINEAR", lifecycleHooks=[{"lifecycleStages": ["PRE_SCALE_UP"], **more}])


@pytest.mark.parametrize("members,kind,message", [
    ({"cluster": "nobody"}, "ClusterNotFoundException", "Cluster not found."),
    ({"taskDefinition": None}, INVALID, "TaskDefinition can not be blank."),
    ({"taskDefinition": "nobody"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "old"}, INVALID, "TaskDefinition is inactive"),
    ({"desiredCount": None}, INVALID, "desiredCount is required for services with the REPLICA scheduling strategy."),
    ({"schedulingStrategy": "DAEMON"}, INVALID,
     "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again."),
    ({"schedulingStrategy": "DAEMON", "desiredCount": None, "launchType": "FARGATE"}, INVALID,
     "The daemon scheduling strategy is not supported with launch type FARGATE."),
    ({"schedulingStrategy": "DAEMON", "desiredCount": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, INVALID,
     "The daemon scheduling strategy is not supported with launch type FARGATE."),
    ({"schedulingStrategy": "DAEMON", "desiredCount": None, "placementStrategy": [{"type": "random"}]}, INVALID,
     "Placement strategies are not supported with the daemon scheduling strategy."),
    ({"schedulingStrategy": "DAEMON", "desiredCount": None, "deploymentController": {"type": "EXTERNAL"}}, INVALID,
     "The DAEMON scheduling strategy is not supported with the EXTERNAL deployment controller."),
    ({"deploymentController": {"type": "CODE_DEPLOY"}}, INVALID,
     "A load balancer is required for services that use the CODE_DEPLOY deployment controller."),
    ({"deploymentController": {"type": "EXTERNAL"}}, INVALID,
     "taskDefinition can not be specified for a service that uses the EXTERNAL deployment controller. Specify it in CreateTaskSet."),
    ({"networkConfiguration": VPC}, INVALID,
     "Network Configuration is not valid for the given networkMode of this task definition."),
    ({"taskDefinition": "vpc"}, INVALID,
     "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
    ({"taskDefinition": "vpc", "networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, INVALID,
     "subnets can not be empty."),
    ({"launchType": "FARGATE", "placementConstraints": [{"type": "distinctInstance"}]}, INVALID,
     "Placement constraints are not supported with FARGATE."),
    ({"placementConstraints": [{"type": "memberOf"}]}, INVALID,
     "Placement constraint expression should not be null or empty."),
    ({"launchType": "FARGATE", "platformVersion": "9.9.9"}, "PlatformUnknownException",
     "The specified platform does not exist."),
    ({"launchType": "EC2", "platformVersion": "LATEST"}, INVALID,
     "The platform version must be null when specifying an EC2 launch type."),
    ({"launchType": "MANAGED_INSTANCES"}, INVALID, "launch type should be one of [EC2,FARGATE,EXTERNAL]"),
    ({"loadBalancers": [{**BALANCER, "containerName": "x"}]}, INVALID,
     "The container x does not exist in the task definition."),
    ({"loadBalancers": [{**BALANCER, "containerPort": 81}]}, INVALID,
     "The container app did not have a container port 81 defined."),
    ({"loadBalancers": [{**BALANCER, "loadBalancerName": "x"}]}, INVALID,
     "Specify either loadBalancerName or targetGroupArn of a load balancer, but not both."),
    ({"loadBalancers": [{"targetGroupArn": GROUP, "containerPort": 80}]}, INVALID,
     "containerName can not be blank for a load balancer."),
    ({"taskDefinition": "vpc", "networkConfiguration": VPC,
      "loadBalancers": [{"loadBalancerName": "x", "containerName": "app", "containerPort": 80}]}, INVALID,
     "Classic Load Balancers are not supported with network mode awsvpc."),
    ({"serviceRegistries": [{}]}, INVALID, "registryArn can not be blank."),
    ({"enableExecuteCommand": True}, INVALID,
     "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task "
     "definition and try again."),
    (deployment(maximumPercent=100), INVALID,
     "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."),
    (deployment(maximumPercent=50), INVALID, "maximumPercent can not be less than minimumHealthyPercent."),
    (deployment(minimumHealthyPercent=101), INVALID, "minimumHealthyPercent can not be greater than 100."),
    (deployment(strategy="BLUE_GREEN"), INVALID, "bakeTimeInMinutes is required for the BLUE_GREEN deployment strategy."),
    (deployment(linearConfiguration={}), INVALID,
     "linearConfiguration is only valid with the LINEAR deployment strategy."),
    (deployment(strategy="LINEAR", canaryConfiguration={}), INVALID,
     "canaryConfiguration is only valid with the CANARY deployment strategy."),
    (deployment(strategy="LINEAR", linearConfiguration={"stepPercent": 10.05}), INVALID,
     "stepPercent must be a multiple of 0.1."),
    (deployment(alarms={"alarmNames": [], "enable": True, "rollback": True}), INVALID,
     "alarmNames can not be empty when alarms are enabled."),
    (deployment(lifecycleHooks=[{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}]), INVALID,
     "lifecycleHooks are not supported with the ROLLING deployment strategy."),
    (hook(hookTargetArn="arn:x", roleArn="arn:y"), "UnsupportedFeatureException",
     "Lifecycle hooks of type AWS_LAMBDA are not supported: there is no AWS Lambda here that could run them. Hooks of type "
     "PAUSE are."),
    (hook(), INVALID, "hookTargetArn is required for an AWS_LAMBDA hook."),
    ({"deploymentController": {"type": "CODE_DEPLOY"}, "loadBalancers": [BALANCER],
      **deployment(deploymentCircuitBreaker={"enable": True, "rollback": True})}, INVALID,
     "deploymentConfiguration.deploymentCircuitBreaker is only supported with the ECS deployment controller."),
    ({"deploymentController": {"type": "CODE_DEPLOY"}, "loadBalancers": [BALANCER], **deployment(maximumPercent=150)}, INVALID,
     "maximumPercent and minimumHealthyPercent can not be customized for a service with the CODE_DEPLOY deployment controller "
     "and launch type EC2."),
    ({"availabilityZoneRebalancing": "ENABLED", "placementStrategy": [{"type": "binpack", "field": "cpu"}]}, INVALID,
     "Availability Zone rebalancing needs spread by attribute:ecs.availability-zone as the first placement strategy."),
    ({"serviceConnectConfiguration": {"enabled": True}}, INVALID,
     "A namespace is required for Service Connect: the cluster has no default one."),
    ({"serviceConnectConfiguration": {"enabled": True, "namespace": "n", "services": [{"portName": "x"}]}}, INVALID,
     "The portName 'x' of serviceConnectConfiguration is not the name of a port mapping in the task definition."),
    ({"monitoring": {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 30}]}}, INVALID,
     "resolutionSeconds should be one of [20,60]"),
])
def test_create_refuses(api, members, kind, message):
    api.define("vpc", "awsvpc")
    api.ok("DeregisterTaskDefinition", taskDefinition=api.define("old"))
    # without a revision the latest ACTIVE one is meant, and there is none
    members = {**members, "taskDefinition": "old:1"} if members.get("taskDefinition") == "old" else members
    assert api.no_service(**members) == (kind, message)
    assert api.ok("ListServices", cluster="web")["serviceArns"] == []


def test_names_are_taken(api):
    api.create()
    assert api.no_service() == (INVALID, "Creation of service was not idempotent.")
    api.ok("CreateCluster", clusterName="other")
    api.ok("CreateService", cluster="other", serviceName="front", taskDefinition="app", desiredCount=0)
    api.ok("DeleteService", cluster="web", service="front")
    assert api.create()["status"] == "ACTIVE"


def test_a_client_token_means_the_same_service(api):
    first = api.create(clientToken="t1")
    again = api.create(clientToken="t1")
    assert again["deployments"][0]["id"] == first["deployments"][0]["id"]
    assert api.no_service(clientToken="t1", desiredCount=1) == (INVALID, "Creation of service was not idempotent.")


# -- UpdateService


def test_the_same_again_is_no_deployment(api):
    api.define("vpc", "awsvpc")
    created = api.create(
        taskDefinition="vpc", launchType="FARGATE", networkConfiguration=VPC, loadBalancers=[BALANCER],
        serviceRegistries=[{"registryArn": "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1"}],
        deploymentConfiguration={"alarms": {"alarmNames": ["a"], "enable": True, "rollback": False}})
    described, = api.describe()
    members = {k: described[k] for k in (
        "desiredCount", "taskDefinition", "deploymentConfiguration", "networkConfiguration", "placementConstraints",
        "placementStrategy", "platformVersion", "healthCheckGracePeriodSeconds", "enableExecuteCommand",
        "enableECSManagedTags", "loadBalancers", "propagateTags", "serviceRegistries", "availabilityZoneRebalancing",
        "deploymentController")}
    assert [d["id"] for d in api.update(**members)["deployments"]] == [created["deployments"][0]["id"]]
    ours = {k: v for k, v in api.describe()[0].items() if k not in ("events", "deployments", "currentServiceDeployment")}
    assert ours == {k: v for k, v in described.items() if k not in ("events", "deployments", "currentServiceDeployment")}


@pytest.mark.parametrize("members", [
    {"taskDefinition": "second"},
    {"forceNewDeployment": True},
    {"platformVersion": "1.4.0"},
    {"loadBalancers": [BALANCER]},
    {"serviceRegistries": [{"registryArn": "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1"}]},
    {"serviceConnectConfiguration": {"enabled": True, "namespace": "n"}},
    {"vpcLatticeConfigurations": [{"roleArn": "r", "targetGroupArn": "t", "portName": "http"}]},
], ids=lambda m: next(iter(m)))
def test_what_makes_a_deployment(api, members):
    api.define("second")
    first = api.create(launchType="FARGATE")["deployments"][0]["id"]
    updated = api.update(**members)
    assert updated["deployments"][0]["id"] != first
    assert updated["deployments"][0]["status"] == "PRIMARY"


def test_a_changed_network_makes_a_deployment(api):
    api.define("vpc", "awsvpc")
    first = api.create(taskDefinition="vpc", networkConfiguration=VPC)["deployments"][0]["id"]
    other = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}
    assert api.update(networkConfiguration=other)["deployments"][0]["id"] != first


@pytest.mark.parametrize("members", [
    {"desiredCount": 0},
    {"deploymentConfiguration": {"maximumPercent": 150}},
    {"placementConstraints": [{"type": "distinctInstance"}]},
    {"placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}]},
    {"healthCheckGracePeriodSeconds": 5},
    {"enableECSManagedTags": True},
    {"propagateTags": "SERVICE"},
    {"availabilityZoneRebalancing": "DISABLED"},
    {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
    {"taskDefinition": "app"},
], ids=lambda m: next(iter(m)))
def test_what_makes_no_deployment(api, members):
    first = api.create()["deployments"][0]["id"]
    updated = api.update(**members)
    assert [d["id"] for d in updated["deployments"]] == [first]
    for name, value in members.items():
        if name == "deploymentConfiguration":
            assert updated[name]["maximumPercent"] == 150 and updated[name]["minimumHealthyPercent"] == 100
        elif name == "capacityProviderStrategy":
            assert updated[name][0]["capacityProvider"] == "FARGATE"
        elif name != "taskDefinition":
            assert updated[name] == value


def test_empty_lists_clear(api):
    api.create(loadBalancers=[BALANCER], placementConstraints=[{"type": "distinctInstance"}],
               placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
               serviceRegistries=[{"registryArn": "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1"}])
    updated = api.update(loadBalancers=[], serviceRegistries=[], placementConstraints=[], placementStrategy=[])
    for member in ("loadBalancers", "serviceRegistries", "placementConstraints", "placementStrategy"):
        assert updated[member] == []
    api.update(placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}])
    assert api.update(placementStrategy=[{}])["placementStrategy"] == []


def test_between_launch_type_and_strategy(api):
    api.create(launchType="FARGATE")
    updated = api.update(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    assert "launchType" not in updated
    assert updated["deployments"][0]["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
    assert updated["platformVersion"] == "LATEST"
    back = api.update(capacityProviderStrategy=[])
    assert back["launchType"] == "FARGATE" and "capacityProviderStrategy" not in back


def test_a_strategy_of_deployment_can_change(api):
    api.create(deploymentConfiguration={"strategy": "LINEAR"})
    configuration = api.describe()[0]["deploymentConfiguration"]
    assert configuration["linearConfiguration"] == {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}
    changed = api.update(deploymentConfiguration={"strategy": "CANARY"})["deploymentConfiguration"]
    assert "linearConfiguration" not in changed
    assert changed["canaryConfiguration"] == {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}


def test_a_deregistered_definition_still_scales(api):
    api.create(desiredCount=1)
    api.ok("DeregisterTaskDefinition", taskDefinition="app:1")
    assert api.update(desiredCount=2)["runningCount"] == 2
    assert api.no_update(taskDefinition="app:1") == (INVALID, "TaskDefinition is inactive")


def test_a_definition_that_is_used_is_not_forgotten(api):
    api.create()
    arn = api.arn("task-definition/app:1")
    api.ok("DeregisterTaskDefinition", taskDefinition=arn)
    api.ok("DeleteTaskDefinitions", taskDefinitions=[arn])
    assert api.ok("DescribeTaskDefinition", taskDefinition=arn)["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    api.ok("DeleteService", cluster="web", service="front")
    assert api.refused("DescribeTaskDefinition", taskDefinition=arn)[0] == "ClientException"


def test_update_refuses(api):
    api.create()
    assert api.refused("UpdateService", cluster="web", service="nobody") == (
        "ServiceNotFoundException", "Service not found.")
    assert api.refused("UpdateService", cluster="nobody", service="front") == (
        "ClusterNotFoundException", "Cluster not found.")
    assert api.no_update(enableExecuteCommand=True) == (
        INVALID, "The service couldn't be updated because a valid taskRoleArn is not being used. Specify a valid task role in "
                 "your task definition and try again.")
    assert api.no_update(deploymentController={"type": "EXTERNAL"}) == (
        INVALID, "The deployment controller of a service can not be changed from ECS to EXTERNAL.")
    api.ok("DeleteService", cluster="web", service="front")
    assert api.no_update(desiredCount=1) == ("ServiceNotActiveException", "Service was not ACTIVE.")


def test_update_of_a_daemon_service(api):
    api.create(schedulingStrategy="DAEMON", desiredCount=None)
    assert api.no_update(desiredCount=2)[1].startswith("The daemon scheduling strategy does not support a desired count")


def test_code_deploy_lets_little_change(api):
    created = api.create(deploymentController={"type": "CODE_DEPLOY"}, loadBalancers=[BALANCER])
    assert created["deployments"] == []
    task_set, = created["taskSets"]
    assert (task_set["status"], task_set["scale"]) == ("PRIMARY", {"value": 100.0, "unit": "PERCENT"})
    for member, value in {"taskDefinition": "app", "forceNewDeployment": True, "platformVersion": "LATEST",
                          "loadBalancers": [BALANCER]}.items():
        assert api.no_update(**{member: value}) == (
            INVALID, f"Unable to update {member} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to "
                     "trigger a new deployment.")
    updated = api.update(healthCheckGracePeriodSeconds=7, desiredCount=1)
    assert updated["healthCheckGracePeriodSeconds"] == 7
    assert updated["taskSets"][0]["computedDesiredCount"] == 1


# -- DeleteService


def test_delete(api):
    api.create()
    deleted = api.ok("DeleteService", cluster="web", service="front")["service"]
    assert (deleted["status"], deleted["desiredCount"], deleted["deployments"]) == ("INACTIVE", 0, [])
    assert api.describe()[0]["status"] == "INACTIVE"
    assert api.ok("ListServices", cluster="web")["serviceArns"] == []
    assert api.refused("DeleteService", cluster="web", service="front") == (
        "ServiceNotFoundException", "Service not found.")
    assert api.refused("DeleteService", cluster="web", service="nobody") == (
        "ServiceNotFoundException", "Service not found.")


def test_delete_of_what_is_scaled(api):
    api.create(desiredCount=2)
    assert api.refused("DeleteService", cluster="web", service="front") == (
        INVALID, "The service cannot be stopped while it is scaled above 0.")
    deleted = api.ok("DeleteService", cluster="web", service="front", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"]) == ("DRAINING", 0)
    wait_until(lambda: api.describe()[0]["status"] == "INACTIVE", 10, "the service to be INACTIVE")
    assert api.tasks() == []
    assert api.create()["events"] == []


def test_delete_cluster(api, start_daemon):
    api.create(desiredCount=1)
    assert api.ok("DeleteCluster", cluster="web")["cluster"]["status"] == "INACTIVE"
    api.ok("CreateCluster", clusterName="web")
    assert api.ok("ListServices", cluster="web")["serviceArns"] == []
    assert api.create(desiredCount=1)["runningCount"] == 1
    strict = Services(start_daemon(ECS_DOCKER_BACKEND=0, ECS_STRICT=1))
    strict.define()
    strict.create()
    assert strict.refused("DeleteCluster", cluster="web") == (
        "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    strict.ok("DeleteService", cluster="web", service="front")
    assert strict.ok("DeleteCluster", cluster="web")["cluster"]["status"] == "INACTIVE"


# -- reading


def test_names_and_arns(api):
    api.create()
    for name in ("front", api.arn("service/web/front"), api.arn("service/front")):
        assert api.describe(name)[0]["serviceName"] == "front"
        api.ok("UpdateService", cluster=api.arn("cluster/web"), service=name, desiredCount=0)
    elsewhere = [api.arn("service/other/front"), api.arn("service/web/front").replace("us-east-1", "eu-west-1"),
                 "nobody"]
    reply = api.ok("DescribeServices", cluster="web", services=elsewhere)
    assert reply["services"] == []
    assert reply["failures"] == [{"arn": arn, "reason": "MISSING"} for arn in elsewhere[:2]] + [
        {"arn": api.arn("service/web/nobody"), "reason": "MISSING"}]
    assert api.refused("DescribeServices", cluster="web", services=[api.arn("cluster/web")])[0] == INVALID


def test_other_accounts_and_regions(api, daemon):
    api.create()
    stranger = Services(daemon)
    assert stranger.ok("DescribeServices", cluster="web", services=["front"])["services"] == []
    assert stranger.ok("ListServices", cluster="web")["serviceArns"] == []


def test_describe_takes_ten(api):
    assert api.refused("DescribeServices", cluster="web", services=[]) == (INVALID, "Services cannot be empty.")
    assert api.refused("DescribeServices", cluster="web", services=["x"] * 11) == (
        INVALID, "Services cannot have more than 10 elements.")
    assert api.refused("DescribeServices", cluster="nobody", services=["x"]) == (
        "ClusterNotFoundException", "Cluster not found.")


def test_list(api):
    for i in range(12):
        api.create(f"s{i:02}", **({"launchType": "FARGATE"} if i % 2 else {}))
    api.create("daemon", schedulingStrategy="DAEMON", desiredCount=None)
    first = api.ok("ListServices", cluster="web")
    assert len(first["serviceArns"]) == 10
    second = api.ok("ListServices", cluster="web", nextToken=first["nextToken"])
    assert "nextToken" not in second
    assert sorted(first["serviceArns"] + second["serviceArns"]) == sorted(
        api.arn(f"service/web/{n}") for n in ["daemon", *(f"s{i:02}" for i in range(12))])
    assert len(api.ok("ListServices", cluster="web", launchType="FARGATE")["serviceArns"]) == 6
    assert api.ok("ListServices", cluster="web", schedulingStrategy="DAEMON")["serviceArns"] == [
        api.arn("service/web/daemon")]
    assert api.ok("ListServices", cluster="web", resourceManagementType="ECS")["serviceArns"] == []
    assert len(api.ok("ListServices", cluster="web", resourceManagementType="CUSTOMER", maxResults=100)["serviceArns"]) == 13
    assert api.refused("ListServices", cluster="web", nextToken="x") == (INVALID, "Invalid token.")


def test_pages_while_services_come_and_go(api):
    for i in range(6):
        api.create(f"s{i}")
    page = api.ok("ListServices", cluster="web", maxResults=3)
    seen = page["serviceArns"]
    api.ok("DeleteService", cluster="web", service="s2")
    api.create("s2b")
    while "nextToken" in page:
        page = api.ok("ListServices", cluster="web", maxResults=2, nextToken=page["nextToken"])
        seen += page["serviceArns"]
    assert [a.rsplit("/", 1)[1] for a in seen] == ["s0", "s1", "s2", "s2b", "s3", "s4", "s5"]


def test_list_by_namespace(api):
    api.create("a", serviceConnectConfiguration={"enabled": True, "namespace": "internal"})
    api.ok("CreateCluster", clusterName="other", serviceConnectDefaults={"namespace": "internal"})
    api.ok("CreateService", cluster="other", serviceName="b", taskDefinition="app", desiredCount=0,
           serviceConnectConfiguration={"enabled": True})
    api.create("c", serviceConnectConfiguration={"enabled": False, "namespace": "internal"})
    assert api.ok("ListServicesByNamespace", namespace="internal")["serviceArns"] == [
        api.arn("service/other/b"), api.arn("service/web/a")]
    assert api.refused("ListServicesByNamespace", namespace="nobody")[0] == "NamespaceNotFoundException"
    api.update("a", serviceConnectConfiguration={"enabled": False})
    assert api.ok("ListServicesByNamespace", namespace="internal")["serviceArns"] == [api.arn("service/other/b")]


def test_cluster_counts(api):
    api.create("a", launchType="FARGATE")
    api.create("b")
    api.create("c", capacityProviderStrategy=[{"capacityProvider": "FARGATE"}])
    cluster, = api.ok("DescribeClusters", clusters=["web"], include=["STATISTICS"])["clusters"]
    assert cluster["activeServicesCount"] == 3
    numbers_of = {s["name"]: s["value"] for s in cluster["statistics"]}
    assert (numbers_of["activeFargateServiceCount"], numbers_of["activeEC2ServiceCount"]) == ("2", "1")
    api.ok("DeleteService", cluster="web", service="b")
    cluster, = api.ok("DescribeClusters", clusters=["web"])["clusters"]
    assert cluster["activeServicesCount"] == 2


def test_list_tasks_of_a_service_that_never_was(api):
    assert api.refused("ListTasks", cluster="web", serviceName="nobody") == (
        "ServiceNotFoundException", "Service not found.")
    api.create()
    assert api.tasks() == []


def test_a_provider_that_a_service_uses(api):
    group = f"arn:aws:autoscaling:us-east-1:{api.account}:autoScalingGroup:a1:autoScalingGroupName/g"
    api.ok("CreateCapacityProvider", name="mine", autoScalingGroupProvider={"autoScalingGroupArn": group})
    api.ok("PutClusterCapacityProviders", cluster="web", capacityProviders=["mine"], defaultCapacityProviderStrategy=[])
    api.create(capacityProviderStrategy=[{"capacityProvider": "mine", "weight": 1}])
    api.ok("PutClusterCapacityProviders", cluster="web", capacityProviders=[], defaultCapacityProviderStrategy=[])
    assert api.refused("DeleteCapacityProvider", capacityProvider="mine") == (
        "ClientException", "The capacity provider cannot be deleted because it is in the capacity provider strategy of service: "
                           "front. Remove the capacity provider from the service and try again.")


def test_it_outlives_the_daemon(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0)
    api = Services(daemon)
    api.define()
    api.create(desiredCount=2, tags=[{"key": "k", "value": "v"}])
    before = api.settled(count=2)
    daemon.kill()
    daemon.start(daemon.port)
    after = api.describe(include=["TAGS"])[0]
    assert after["tags"] == [{"key": "k", "value": "v"}]
    assert after["deployments"][0]["id"] == before["deployments"][0]["id"]
    assert after["createdAt"] == before["createdAt"]


def test_a_protected_task_outlives_scaling_in(api):
    api.create(desiredCount=3)
    kept = api.tasks()[0]
    body = {"cluster": "web", "tasks": [kept], "protectionEnabled": True, "expiresInMinutes": 5}
    protected, = api.ok("UpdateTaskProtection", **body)["protectedTasks"]
    assert protected["taskArn"] == kept and protected["protectionEnabled"] is True and "expirationDate" in protected
    assert api.update(desiredCount=1)["runningCount"] == 1
    assert api.tasks() == [kept]


def test_a_reset_ends_services(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0)
    api = Services(daemon)
    api.define()
    api.create(desiredCount=3)
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    connection.request("POST", "/_localemu/state/reset")
    assert connection.getresponse().status == 200
    assert api.refused("DescribeServices", cluster="web", services=["front"])[0] == "ClusterNotFoundException"
    api.ok("CreateCluster", clusterName="web")
    api.define()
    assert api.create(desiredCount=1)["runningCount"] == 1


def test_who_changed_a_service(api):
    api.create()
    api.update(desiredCount=0)
    events = api.daemon.client(service="cloudtrail", key=api.account).lookup_events(LookupAttributes=[
        {"AttributeKey": "ResourceName", "AttributeValue": api.arn("service/web/front")}])["Events"]
    assert {"CreateService", "UpdateService"} <= {e["EventName"] for e in events}


# -- clients


def aws(daemon, *arguments):
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}
    return subprocess.run(["/usr/bin/aws", "--endpoint-url", daemon.url, "ecs", *arguments], env=environment,
                          capture_output=True, text=True, timeout=120, check=False)


def test_aws_cli(daemon, ecs, name):
    cluster, family = name("c"), name("f")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(family=family, containerDefinitions=[
        {"name": "app", "image": "busybox:test", "memory": 64}])
    done = aws(daemon, "create-service", "--cluster", cluster, "--service-name", "s", "--task-definition", family,
               "--desired-count", "3", "--launch-type", "FARGATE",
               "--query", "service.{Status:status,Desired:desiredCount,Running:runningCount}")
    assert json.loads(done.stdout) == {"Status": "ACTIVE", "Desired": 3, "Running": 3}, done.stderr
    done = aws(daemon, "wait", "services-stable", "--cluster", cluster, "--services", "s")
    assert done.returncode == 0, done.stderr
    done = aws(daemon, "delete-service", "--cluster", cluster, "--service", "s", "--force")
    assert done.returncode == 0, done.stderr
    done = aws(daemon, "wait", "services-inactive", "--cluster", cluster, "--services", "s")
    assert done.returncode == 0, done.stderr


def test_codedeploy_is_not_here(daemon):
    """What `aws ecs deploy` asks first where its endpoint is this daemon."""
    codedeploy = daemon.client(service="codedeploy")
    with pytest.raises(codedeploy.exceptions.ClientError) as refusal:
        codedeploy.get_application(applicationName="AppECS-web-front")
    assert 400 <= refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    assert "codedeploy" in refusal.value.response["Error"]["Message"].lower()


def test_paginators(ecs, name):
    cluster, family = name("c"), name("f")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(family=family, containerDefinitions=[
        {"name": "app", "image": "busybox:test", "memory": 64}])
    connect = {"enabled": True, "namespace": name("n")}
    for i in range(5):
        ecs.create_service(cluster=cluster, serviceName=f"s{i}", taskDefinition=family, desiredCount=0,
                           serviceConnectConfiguration=connect)
    arns = {a for p in ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": 2})
            for a in p["serviceArns"]}
    assert len(arns) == 5
    found = ecs.get_paginator("list_services_by_namespace").paginate(
        namespace=connect["namespace"], PaginationConfig={"PageSize": 2}).build_full_result()
    assert set(found["serviceArns"]) == arns
