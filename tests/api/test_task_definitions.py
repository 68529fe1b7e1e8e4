# SPDX-License-Identifier: Apache-2.0
"""Task definitions through boto3: register, describe, list, families, deregister, delete."""

import http.client
import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from harness.daemon import BUILD, Daemon

CONTAINER = {"name": "app", "image": "busybox:test", "memory": 64}
ACCOUNT = "arn:aws:ecs:us-east-1:000000000000:task-definition/"


def register(ecs, family, **more):
    given = {"family": family, "containerDefinitions": [CONTAINER], **more}
    return ecs.register_task_definition(**given)["taskDefinition"]


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    error = e.value.response["Error"]
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


@pytest.fixture
def lax(daemon):
    """A client that sends what botocore's own validation would refuse."""
    return daemon.client(validate=False)


@pytest.fixture
def raw(daemon):
    """raw("Operation", {...}) → (HTTP status, answer): what this botocore does not know or would not send."""

    def call(operation, body):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        connection.request(
            "POST", "/", json.dumps(body),
            {"Content-Type": "application/x-amz-json-1.1",
             "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"})
        answer = connection.getresponse()
        try:
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return call


@pytest.fixture
def delete(raw):
    """DeleteTaskDefinitions, which Debian's botocore has not."""

    def call(*references):
        status, answer = raw("DeleteTaskDefinitions", {"taskDefinitions": list(references)})
        assert status == 200, answer
        return answer

    return call


@pytest.fixture(scope="module")
def strict_ecs():
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "ECS_STRICT": "1"})
    daemon.start()
    yield daemon.client()
    complaints = daemon.finish()
    assert not complaints, complaints


class TestRegister:
    def test_quick_start(self, ecs, name):
        family = name("hello")
        definition = register(
            ecs, family, networkMode="bridge",
            containerDefinitions=[{
                "name": "hello", "image": "nginx:1.27-alpine", "essential": True, "memory": 128,
                "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
                "environment": [{"name": "GREETING", "value": "Hello from ECS"}]}])
        assert definition["taskDefinitionArn"] == f"{ACCOUNT}{family}:1"
        assert definition["revision"] == 1
        assert definition["status"] == "ACTIVE"
        assert definition["networkMode"] == "bridge"
        assert definition["registeredBy"] == "arn:aws:iam::000000000000:root"
        assert definition["registeredAt"].year >= 2024
        assert definition["compatibilities"] == ["EXTERNAL", "EC2"]
        assert definition["volumes"] == [] and definition["placementConstraints"] == []
        assert {"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"} in definition["requiresAttributes"]
        assert definition["containerDefinitions"] == [{
            "name": "hello", "image": "nginx:1.27-alpine", "cpu": 0, "memory": 128, "essential": True,
            "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
            "environment": [{"name": "GREETING", "value": "Hello from ECS"}],
            "mountPoints": [], "volumesFrom": [], "systemControls": []}]

    def test_revisions_count_up(self, ecs, name):
        family = name()
        assert [register(ecs, family)["revision"] for _ in range(3)] == [1, 2, 3]

    def test_fargate(self, ecs, name):
        definition = register(
            ecs, name(), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu=".25 vCPU", memory="0.5 GB",
            containerDefinitions=[{"name": "app", "image": "busybox", "portMappings": [{"containerPort": 80}]}])
        assert (definition["cpu"], definition["memory"]) == ("256", "512")
        assert definition["compatibilities"] == ["EC2", "FARGATE"]
        assert definition["containerDefinitions"][0]["portMappings"] == [
            {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
        assert {"name": "ecs.capability.task-eni"} in definition["requiresAttributes"]

    def test_round_trip(self, ecs, name):
        family = name()
        first = register(
            ecs, family, networkMode="awsvpc", cpu="512", memory="1GB", pidMode="task",
            executionRoleArn="arn:aws:iam::000000000000:role/exec", taskRoleArn="arn:aws:iam::000000000000:role/task",
            runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            ephemeralStorage={"sizeInGiB": 30},
            volumes=[{"name": "data"}, {"name": "efs", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
            containerDefinitions=[
                {"name": "app", "image": "busybox", "essential": True, "command": ["sleep 1", "2"],
                 "portMappings": [{"containerPort": 80, "name": "web", "appProtocol": "http"}],
                 "mountPoints": [{"sourceVolume": "data", "containerPath": "/d", "readOnly": True}],
                 "secrets": [{"name": "S", "valueFrom": "param"}],
                 "dependsOn": [{"containerName": "side", "condition": "HEALTHY"}],
                 "logConfiguration": {"logDriver": "awslogs", "options": {
                     "awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}},
                 "linuxParameters": {"initProcessEnabled": True, "tmpfs": [{"containerPath": "/t", "size": 8}]},
                 "dockerLabels": {"b": "1", "a": "2"}, "ulimits": [
                     {"name": "nofile", "softLimit": 1024, "hardLimit": 2048}]},
                {"name": "side", "image": "busybox", "essential": False, "stopTimeout": 10,
                 "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 10}}])
        described = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
        assert described == first
        own = ("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
               "registeredBy")
        again = ecs.register_task_definition(**{k: v for k, v in first.items() if k not in own})["taskDefinition"]
        changing = ("taskDefinitionArn", "revision", "registeredAt")
        assert {k: v for k, v in again.items() if k not in changing} == {
            k: v for k, v in first.items() if k not in changing}

    def test_tags(self, ecs, name):
        family = name()
        tags = [{"key": "team", "value": "blue"}, {"key": "empty", "value": ""}]
        answer = ecs.register_task_definition(family=family, containerDefinitions=[CONTAINER], tags=tags)
        assert answer["tags"] == tags
        assert "tags" not in answer["taskDefinition"]
        assert ecs.describe_task_definition(taskDefinition=family)["tags"] == []
        assert ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])["tags"] == tags
        assert ecs.list_tags_for_resource(resourceArn=answer["taskDefinition"]["taskDefinitionArn"])["tags"] == tags

    def test_a_refused_registration_takes_no_revision(self, ecs, name):
        family = name()
        for bad in ({"tags": [{"key": "aws:x", "value": "y"}]}, {"cpu": "0"}):
            refused(ecs.register_task_definition, family=family, containerDefinitions=[CONTAINER], **bad)
        assert register(ecs, family)["revision"] == 1

    def test_unset_memory_is_a_kindness(self, ecs, strict_ecs, name):
        worker = {"family": name("worker"), "networkMode": "awsvpc",
                  "containerDefinitions": [{"name": "worker", "image": "busybox"}]}
        assert ecs.register_task_definition(**worker)["taskDefinition"]["revision"] == 1
        assert refused(strict_ecs.register_task_definition, **worker) == (
            "ClientException", "Invalid setting for container 'worker'. At least one of 'memory' or "
            "'memoryReservation' must be specified.")

    @pytest.mark.parametrize("change, message", [
        ({"family": "no spaces"}, "Family contains invalid characters."),
        ({"containerDefinitions": []}, "Container list cannot be empty."),
        ({"containerDefinitions": [CONTAINER, CONTAINER]}, "Container names must be unique."),
        ({"containerDefinitions": [{**CONTAINER, "name": str(i)} for i in range(11)]}, "Too many containers."),
        ({"containerDefinitions": [{"name": "a", "memory": 64}]}, "Container.image should not be null or empty."),
        ({"requiresCompatibilities": ["FARGATE"]}, "Fargate only supports network mode ‘awsvpc’."),
        ({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "4096"},
         "No Fargate configuration exists for given values."),
        ({"containerDefinitions": [{**CONTAINER, "mountPoints": [{"sourceVolume": "X", "containerPath": "/x"}]}]},
         "Unknown volume 'X'."),
    ])
    def test_rules(self, lax, name, change, message):
        given = {"family": name(), "containerDefinitions": [CONTAINER], **change}
        assert refused(lax.register_task_definition, **given) == ("ClientException", message)

    @pytest.mark.parametrize("change, code", [
        ({"containerDefinitions": "x"}, "SerializationException"),
        ({"containerDefinitions": [{**CONTAINER, "cpu": "many"}]}, "SerializationException"),
        ({"networkMode": "nat"}, "InvalidParameterException"),
        ({"containerDefinitions": [{**CONTAINER, "secrets": [{"name": "x"}]}]}, "InvalidParameterException"),
        ({"containerDefinitions": [{**CONTAINER, "ulimits": [{"name": "x", "softLimit": 1, "hardLimit": 1}]}]},
         "InvalidParameterException"),
    ])
    def test_shapes(self, raw, name, change, code):
        status, answer = raw(
            "RegisterTaskDefinition", {"family": name(), "containerDefinitions": [CONTAINER], **change})
        assert (status, answer["__type"]) == (400, code)

    def test_missing_members(self, lax):
        assert refused(lax.register_task_definition) == ("ClientException", "Family should not be null or empty.")
        assert refused(lax.register_task_definition, family="f") == (
            "ClientException", "Container list cannot be empty.")

    def test_size(self, ecs, name):
        big = {**CONTAINER, "environment": [{"name": f"V{i}", "value": "x" * 1000} for i in range(70)]}
        code, message = refused(ecs.register_task_definition, family=name(), containerDefinitions=[big])
        assert code == "ClientException"
        assert message.startswith("Actual length: '") and message.endswith("Max allowed length is '65536' bytes.")


class TestDescribe:
    def test_references(self, ecs, name):
        family = name()
        arns = [register(ecs, family)["taskDefinitionArn"] for _ in range(2)]

        def revision(reference):
            return ecs.describe_task_definition(taskDefinition=reference)["taskDefinition"]["revision"]

        assert revision(family) == 2
        assert revision(f"{family}:1") == 1
        assert revision(arns[0]) == 1
        assert revision(f"{ACCOUNT}{family}") == 2

    def test_latest_active(self, ecs, name):
        family = name()
        register(ecs, family)
        register(ecs, family)
        ecs.deregister_task_definition(taskDefinition=f"{family}:2")
        assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 1
        assert ecs.describe_task_definition(taskDefinition=f"{family}:2")["taskDefinition"]["status"] == "INACTIVE"

    @pytest.mark.parametrize("reference", [
        "nobody", "nobody:1", f"{ACCOUNT}nobody:1",
        "arn:aws:ecs:eu-west-1:000000000000:task-definition/nobody:1"])
    def test_unknown(self, ecs, reference):
        assert refused(ecs.describe_task_definition, taskDefinition=reference) == (
            "ClientException", "Unable to describe task definition.")

    @pytest.mark.parametrize("reference", ["f:x", "f:0", "f:-1"])
    def test_bad_revision(self, ecs, reference):
        assert refused(ecs.describe_task_definition, taskDefinition=reference) == (
            "InvalidParameterException", f"Invalid revision number. Number: {reference[2:]}")

    def test_other_region(self, ecs, daemon, name):
        family = name()
        register(ecs, family)
        elsewhere = daemon.client(region="eu-west-1")
        assert refused(elsewhere.describe_task_definition, taskDefinition=family)[0] == "ClientException"
        assert register(elsewhere, family)["taskDefinitionArn"] == (
            f"arn:aws:ecs:eu-west-1:000000000000:task-definition/{family}:1")


class TestList:
    def test_order_and_pages(self, ecs, name):
        family = name()
        arns = [register(ecs, family)["taskDefinitionArn"] for _ in range(12)]  # also :10 after :9
        register(ecs, family + "-more")

        def pages(**more):
            found = []
            for page in ecs.get_paginator("list_task_definitions").paginate(
                    familyPrefix=family, PaginationConfig={"PageSize": 5}, **more):
                assert len(page["taskDefinitionArns"]) <= 5
                found += page["taskDefinitionArns"]
            return found

        assert pages() == arns
        assert pages(sort="DESC") == arns[::-1]

    def test_all_families(self, start_daemon):
        ecs = start_daemon(ECS_DOCKER_BACKEND="0").client()
        assert ecs.list_task_definitions()["taskDefinitionArns"] == []
        for family in ("b", "a", "b"):
            register(ecs, family)
        want = [ACCOUNT + x for x in ("a:1", "b:1", "b:2")]
        assert ecs.list_task_definitions()["taskDefinitionArns"] == want
        first = ecs.list_task_definitions(maxResults=2)
        assert first["taskDefinitionArns"] == want[:2]
        last = ecs.list_task_definitions(maxResults=2, nextToken=first["nextToken"])
        assert last["taskDefinitionArns"] == want[2:] and "nextToken" not in last
        assert ecs.list_task_definitions(sort="DESC")["taskDefinitionArns"] == want[::-1]

    def test_status(self, ecs, name):
        family = name()
        arns = [register(ecs, family)["taskDefinitionArn"] for _ in range(2)]
        ecs.deregister_task_definition(taskDefinition=arns[0])

        def listed(status):
            return ecs.list_task_definitions(familyPrefix=family, status=status)["taskDefinitionArns"]

        assert listed("ACTIVE") == arns[1:]
        assert listed("INACTIVE") == arns[:1]
        assert listed("DELETE_IN_PROGRESS") == []

    @pytest.mark.parametrize("operation", ["list_task_definitions", "list_task_definition_families"])
    def test_bad_input(self, lax, operation):
        call = getattr(lax, operation)
        assert refused(call, nextToken="nonsense") == ("InvalidParameterException", "Invalid token.")
        assert refused(call, maxResults=0)[0] == "InvalidParameterException"
        assert refused(call, maxResults=101)[0] == "InvalidParameterException"
        assert refused(call, familyPrefix="a b") == ("ClientException", "family must match ^[a-zA-Z0-9\\-_]+$")
        assert refused(call, status="SOME")[0] == "InvalidParameterException"


class TestFamilies:
    def test_prefix_and_status(self, ecs, name):
        prefix = name()
        for suffix in ("-a", "-b", "-c"):
            register(ecs, prefix + suffix)
        ecs.deregister_task_definition(taskDefinition=f"{prefix}-b:1")

        def families(**more):
            return [f[len(prefix):] for f in ecs.list_task_definition_families(
                familyPrefix=prefix, **more)["families"]]

        assert families() == ["-a", "-b", "-c"]
        assert families(status="ALL") == ["-a", "-b", "-c"]
        assert families(status="ACTIVE") == ["-a", "-c"]
        assert families(status="INACTIVE") == ["-b"]
        first = ecs.list_task_definition_families(familyPrefix=prefix, maxResults=2)
        assert len(first["families"]) == 2
        rest = ecs.list_task_definition_families(familyPrefix=prefix, maxResults=2, nextToken=first["nextToken"])
        assert rest["families"] == [prefix + "-c"]


class TestDeregister:
    def test_becomes_inactive(self, ecs, name):
        family = name()
        register(ecs, family)
        definition = ecs.deregister_task_definition(taskDefinition=f"{family}:1")["taskDefinition"]
        assert definition["status"] == "INACTIVE"
        assert definition["deregisteredAt"] >= definition["registeredAt"]
        assert refused(ecs.describe_task_definition, taskDefinition=family)[0] == "ClientException"
        again = ecs.deregister_task_definition(taskDefinition=f"{family}:1")["taskDefinition"]
        assert again["deregisteredAt"] == definition["deregisteredAt"]
        assert register(ecs, family)["revision"] == 2

    def test_refused(self, ecs, name):
        family = name()
        register(ecs, family)
        assert refused(ecs.deregister_task_definition, taskDefinition=family) == (
            "ClientException", "Revision is missing.")
        assert refused(ecs.deregister_task_definition, taskDefinition=f"{family}:x") == (
            "InvalidParameterException", "Invalid revision number. Number: x")
        assert refused(ecs.deregister_task_definition, taskDefinition=f"{family}:2") == (
            "ClientException", "The specified task definition does not exist.")


class TestDelete:
    def test_gone_and_number_not_used_again(self, ecs, delete, name):
        family = name()
        arn = register(ecs, family, tags=[{"key": "a", "value": "b"}])["taskDefinitionArn"]
        ecs.deregister_task_definition(taskDefinition=arn)
        answer = delete(arn)
        assert answer["failures"] == []
        assert [d["taskDefinitionArn"] for d in answer["taskDefinitions"]] == [arn]
        assert answer["taskDefinitions"][0]["status"] == "DELETE_IN_PROGRESS"
        assert "deleteRequestedAt" in answer["taskDefinitions"][0]
        assert refused(ecs.describe_task_definition, taskDefinition=arn) == (
            "ClientException", "Unable to describe task definition.")
        assert ecs.list_task_definition_families(familyPrefix=family)["families"] == []
        assert register(ecs, family)["revision"] == 2

    def test_failures(self, ecs, delete, name):
        family = name()
        arn = register(ecs, family)["taskDefinitionArn"]
        unknown = f"{ACCOUNT}{family}:9"
        answer = delete(f"{family}:1", f"{family}:9", family, "x:y")
        assert answer["taskDefinitions"] == []
        invalid = ("The specified task definition identifier is invalid. Specify a valid name or ARN and try "
                   "again.")
        assert answer["failures"] == [
            {"arn": arn, "reason": "The specified task definition is still in ACTIVE status. Please deregister the "
                                   "target and try again."},
            {"arn": unknown, "reason": "The specified task definition does not exist. Specify a valid account, "
                                       "family, revision and try again."},
            {"arn": family, "reason": invalid},
            {"arn": "x:y", "reason": invalid}]

    def test_number_of_references(self, raw):
        for references, message in (
                ([], "size of TaskDefinition references list must be greater than 0"),
                (["f:1"] * 11, "Size of TaskDefinition references list cannot exceed 10")):
            assert raw("DeleteTaskDefinitions", {"taskDefinitions": references}) == (
                400, {"__type": "InvalidParameterException", "message": message})

    def test_kept_while_a_task_uses_it(self, ecs, delete, name, wait_task):
        family, cluster = name(), name()
        ecs.create_cluster(clusterName=cluster)
        arn = register(ecs, family)["taskDefinitionArn"]
        task = ecs.run_task(cluster=cluster, taskDefinition=family)["tasks"][0]["taskArn"]
        wait_task(ecs, cluster, task, "RUNNING")
        ecs.deregister_task_definition(taskDefinition=arn)
        code, message = refused(ecs.run_task, cluster=cluster, taskDefinition=arn)
        assert (code, message) == ("InvalidParameterException", "TaskDefinition is inactive")
        delete(arn)
        described = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        assert described["status"] == "DELETE_IN_PROGRESS"
        assert ecs.list_task_definitions(familyPrefix=family, status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == [arn]
        ecs.stop_task(cluster=cluster, task=task)
        wait_task(ecs, cluster, task, "STOPPED")
        assert refused(ecs.describe_task_definition, taskDefinition=arn)[0] == "ClientException"
        assert ecs.list_task_definitions(familyPrefix=family, status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == []


def test_survives_a_restart(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    first = register(ecs, "kept")
    daemon.kill()
    daemon.start(daemon.port)
    assert daemon.client().describe_task_definition(taskDefinition="kept:1")["taskDefinition"] == first
    assert register(daemon.client(), "kept")["revision"] == 2


def test_tables_are_those_of_the_service_model(daemon, ecs):
    """Names and required members of our tables against botocore's model: nothing that this botocore knows is
    missing."""
    dump = json.loads(subprocess.run([BUILD / "localemu-ecsd", "--dump-api"], capture_output=True, check=True).stdout)
    operations = {o["name"]: o for o in dump["services"]["ecs"]["operations"]}
    model = ecs.meta.service_model

    def compare(shape, members, path):
        ours = {m["name"]: m for m in members}
        assert set(shape.members) <= set(ours), path
        for key, theirs in shape.members.items():
            mine, here = ours[key], f"{path}.{key}"
            assert mine["required"] == (key in shape.required_members), here
            inner = theirs.member if theirs.type_name == "list" else theirs
            if getattr(inner, "enum", None):
                assert set(inner.enum) <= set(mine.get("enum", [])), here
            assert mine["type"] == theirs.type_name, here
            if inner.type_name == "structure":
                compare(inner, mine["members"], here)

    for operation in ("RegisterTaskDefinition", "DescribeTaskDefinition", "ListTaskDefinitions",
                      "ListTaskDefinitionFamilies", "DeregisterTaskDefinition", "DeleteTaskDefinitions"):
        if operation not in model.operation_names:
            continue  # an older botocore
        shape = model.operation_model(operation).input_shape
        compare(shape, operations[operation]["input"]["members"], operation)
