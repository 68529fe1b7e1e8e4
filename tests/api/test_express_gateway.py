# SPDX-License-Identifier: Apache-2.0
"""Express gateway services: one call makes a task definition and a Fargate service in the default VPC, which all other
operations see. Debian's botocore does not know these operations, so requests are sent by hand."""

import pytest

from harness import sdk_model
from harness.wait import wait_until

ROLES = {"executionRoleArn": "arn:aws:iam::000000000000:role/exec", "infrastructureRoleArn": "arn:aws:iam::000000000000:role/infra"}


@pytest.fixture
def call(daemon):
    def send(operation, expect=200, **body):
        status, answer = daemon.call(operation, body)
        assert status == expect, answer
        if status == 200:
            assert sdk_model.complaints(operation, answer) == []
        return answer

    return send


@pytest.fixture
def cluster(ecs, name):
    cluster = name("express")
    ecs.create_cluster(clusterName=cluster)
    return cluster


def create(call, cluster, **more):
    return call("CreateExpressGatewayService", cluster=cluster, serviceName="web", **ROLES,
                **{"primaryContainer": {"image": "registry.example/shop/nginx:1.27"}, **more})["service"]


def test_one_call_makes_a_fargate_service(call, ecs, cluster):
    made = create(call, cluster, tags=[{"key": "team", "value": "web"}])
    assert (made["serviceName"], made["cluster"], made["status"]) == ("web", cluster, {"statusCode": "ACTIVE"})
    assert made["infrastructureRoleArn"] == ROLES["infrastructureRoleArn"]
    assert made["tags"] == [{"key": "team", "value": "web"}]
    (configuration,) = made["activeConfigurations"]
    assert (configuration["cpu"], configuration["memory"], configuration["healthCheckPath"]) == ("256", "512", "/ping")
    assert configuration["primaryContainer"] == {"image": "registry.example/shop/nginx:1.27", "containerPort": 80}
    assert configuration["scalingTarget"] == {
        "minTaskCount": 1, "maxTaskCount": 20, "autoScalingMetric": "AVERAGE_CPU", "autoScalingTargetValue": 60}
    (service,) = ecs.describe_services(cluster=cluster, services=["web"])["services"]
    assert (service["launchType"], service["desiredCount"]) == ("FARGATE", 1)
    assert len(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]) == 3
    assert service["taskDefinition"] == configuration["taskDefinitionArn"]
    assert call("ListServices", cluster=cluster, resourceManagementType="ECS")["serviceArns"] == [service["serviceArn"]]
    assert call("ListServices", cluster=cluster, resourceManagementType="CUSTOMER")["serviceArns"] == []
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert (definition["cpu"], definition["networkMode"], definition["requiresCompatibilities"]) == ("256", "awsvpc", ["FARGATE"])
    assert container["portMappings"][0]["containerPort"] == 80
    assert container["logConfiguration"]["options"]["awslogs-group"] == f"/aws/ecs/{cluster}/web"


def test_its_tasks_run(call, ecs, cluster):
    create(call, cluster, scalingTarget={"minTaskCount": 2, "maxTaskCount": 4})
    wait_until(lambda: ecs.describe_services(cluster=cluster, services=["web"])["services"][0]["runningCount"] == 2, 10)


def test_a_name_is_made_up(call, cluster):
    made = call("CreateExpressGatewayService", cluster=cluster, **ROLES,
                primaryContainer={"image": "registry.example/shop/nginx:1.27"})["service"]
    assert made["serviceName"].startswith("nginx-")


def test_update_makes_a_revision(call, ecs, cluster):
    made = create(call, cluster)
    before = made["activeConfigurations"][0]
    changed = call("UpdateExpressGatewayService", serviceArn=made["serviceArn"], cpu="512", memory="1024",
                   primaryContainer={"image": "nginx:2", "containerPort": 8080},
                   scalingTarget={"minTaskCount": 3, "maxTaskCount": 5})["service"]["targetConfiguration"]
    assert changed["serviceRevisionArn"] != before["serviceRevisionArn"]
    assert (changed["cpu"], changed["primaryContainer"]) == ("512", {"image": "nginx:2", "containerPort": 8080})
    assert changed["executionRoleArn"] == ROLES["executionRoleArn"]
    (service,) = ecs.describe_services(cluster=cluster, services=["web"])["services"]
    assert service["desiredCount"] == 3
    assert service["taskDefinition"] == changed["taskDefinitionArn"] != before["taskDefinitionArn"]


def test_an_update_that_changes_nothing_of_the_tasks(call, cluster):
    made = create(call, cluster)
    before = made["activeConfigurations"][0]
    changed = call("UpdateExpressGatewayService", serviceArn=made["serviceArn"],
                   healthCheckPath="/health")["service"]["targetConfiguration"]
    assert changed["healthCheckPath"] == "/health"
    assert changed["serviceRevisionArn"] == before["serviceRevisionArn"]
    assert changed["taskDefinitionArn"] == before["taskDefinitionArn"]


def test_describe_with_tags(call, cluster):
    made = create(call, cluster, tags=[{"key": "a", "value": "b"}])
    assert "tags" not in call("DescribeExpressGatewayService", serviceArn=made["serviceArn"])["service"]
    described = call("DescribeExpressGatewayService", serviceArn=made["serviceArn"], include=["TAGS"])["service"]
    assert described["tags"] == [{"key": "a", "value": "b"}]


def test_delete(call, ecs, cluster):
    made = create(call, cluster)
    deleted = call("DeleteExpressGatewayService", serviceArn=made["serviceArn"])["service"]
    assert deleted["status"]["statusCode"] in ("DRAINING", "INACTIVE")
    wait_until(lambda: ecs.describe_services(cluster=cluster, services=["web"])["services"][0]["status"] == "INACTIVE", 10)
    refused = call("UpdateExpressGatewayService", 400, serviceArn=made["serviceArn"], cpu="512")
    assert refused["__type"] == "ServiceNotActiveException"
    assert call("DeleteExpressGatewayService", 400, serviceArn=made["serviceArn"])["__type"] == "ServiceNotActiveException"


@pytest.mark.parametrize("wrong, code, words", [
    ({"primaryContainer": None}, "InvalidParameterException", "primaryContainer"),
    ({"executionRoleArn": None}, "InvalidParameterException", "executionRoleArn"),
    ({"healthCheckPath": "ping"}, "InvalidParameterException", "forward slash"),
    ({"scalingTarget": {"minTaskCount": 5, "maxTaskCount": 2}}, "InvalidParameterException", "minTaskCount"),
    ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found"),
    ({"cpu": "100"}, "ClientException", "cpu"),
])
def test_what_is_refused(call, ecs, cluster, wrong, code, words):
    body = {"cluster": cluster, "serviceName": "web", **ROLES, "primaryContainer": {"image": "i"}, **wrong}
    answer = call("CreateExpressGatewayService", 400, **{k: v for k, v in body.items() if v is not None})
    assert answer["__type"].split("#")[-1] == code
    assert words in answer["message"]
    assert ecs.list_services(cluster=cluster)["serviceArns"] == []


def test_what_is_not_there(call, ecs, cluster, name):
    arn = f"arn:aws:ecs:us-east-1:000000000000:service/{cluster}/nothing"
    assert call("DescribeExpressGatewayService", 400, serviceArn=arn)["__type"] == "ResourceNotFoundException"
    assert call("UpdateExpressGatewayService", 400, serviceArn=arn)["__type"] == "ServiceNotFoundException"
    assert call("DeleteExpressGatewayService", 400, serviceArn="nothing")["__type"] == "InvalidParameterException"
    family = name("f")
    ecs.register_task_definition(family=family, containerDefinitions=[{"name": "c", "image": "i", "memory": 16}])
    ecs.create_service(cluster=cluster, serviceName="plain", taskDefinition=family, desiredCount=0)
    plain = f"arn:aws:ecs:us-east-1:000000000000:service/{cluster}/plain"
    assert call("DescribeExpressGatewayService", 400, serviceArn=plain)["__type"] == "ResourceNotFoundException"
