# SPDX-License-Identifier: Apache-2.0
"""RunTask, StopTask, DescribeTasks and ListTasks without containers: members, rules, messages, pages, idempotency."""

import time

import pytest
from botocore.exceptions import ClientError

VPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}


def container(name="main", **more):
    return {"name": name, "image": "busybox", "memory": 64, **more}


@pytest.fixture
def cluster(ecs, name):
    cluster = name("tasks")
    ecs.create_cluster(clusterName=cluster)
    yield cluster
    ecs.delete_cluster(cluster=cluster)


@pytest.fixture
def define(ecs, name):
    def define(*containers, **more):
        reply = ecs.register_task_definition(
            family=name("family"), containerDefinitions=list(containers) or [container()], **more)
        return reply["taskDefinition"]

    return define


@pytest.fixture
def bridge(define):
    return define(networkMode="bridge")["taskDefinitionArn"]


@pytest.fixture
def awsvpc(define):
    return define(networkMode="awsvpc", cpu="256", memory="512",
                  requiresCompatibilities=["FARGATE"])["taskDefinitionArn"]


@pytest.fixture
def run(ecs, cluster):
    def run(definition, **more):
        return ecs.run_task(cluster=cluster, taskDefinition=definition, **more)["tasks"][0]

    return run


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


# -- the life of a task


def test_runs_at_once(run, bridge, cluster):
    task = run(bridge)
    assert task["lastStatus"] == task["desiredStatus"] == "RUNNING"
    assert task["clusterArn"].endswith(":cluster/" + cluster)
    assert task["taskArn"].startswith(task["clusterArn"].replace(":cluster/", ":task/") + "/")
    assert len(task["taskArn"].rsplit("/", 1)[1]) == 32
    assert task["taskDefinitionArn"] == bridge
    assert task["version"] == 2
    assert task["connectivity"] == "CONNECTED"
    assert task["createdAt"] <= task["startedAt"]
    assert task["healthStatus"] == "UNKNOWN"
    assert task["attachments"] == [] and task["tags"] == []
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "x86_64"}]
    assert task["availabilityZone"] == "us-east-1a"
    assert task["enableExecuteCommand"] is False
    assert task["cpu"] == "0" and task["memory"] == "64"
    assert "stoppedAt" not in task and "stopCode" not in task and "pullStartedAt" not in task
    main = task["containers"][0]
    assert main["lastStatus"] == "RUNNING" and main["taskArn"] == task["taskArn"]
    assert main["containerArn"].startswith(task["taskArn"].replace(":task/", ":container/") + "/")
    assert main["cpu"] == "0" and main["memory"] == "64" and "memoryReservation" not in main
    assert "runtimeId" not in main and "exitCode" not in main  # nothing runs


def test_answers_at_once_where_that_is_wanted(start_daemon, name):
    ecs = start_daemon(ECS_DOCKER_BACKEND="0", ECS_SETTLE_SECONDS="0").client()
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(family="f", networkMode="bridge", containerDefinitions=[container()])
    ecs.register_task_definition(family="v", networkMode="awsvpc", containerDefinitions=[container()])
    task = ecs.run_task(cluster="web", taskDefinition="f")["tasks"][0]
    assert (task["lastStatus"], task["version"]) == ("PENDING", 1)
    assert "connectivity" not in task
    task = ecs.run_task(cluster="web", taskDefinition="v", networkConfiguration=VPC)["tasks"][0]
    assert task["lastStatus"] == "PROVISIONING"
    attachment = task["attachments"][0]
    assert attachment["type"] == "ElasticNetworkInterface" and attachment["status"] == "PRECREATED"
    assert attachment["details"] == [{"name": "subnetId", "value": "subnet-1"}]
    assert task["containers"][0]["networkInterfaces"] == []


def test_stop(ecs, run, bridge, cluster, wait_task):
    arn = run(bridge)["taskArn"]
    reply = ecs.stop_task(cluster=cluster, task=arn)["task"]
    assert reply["lastStatus"] == "RUNNING" and reply["desiredStatus"] == "STOPPED"
    assert reply["stopCode"] == "UserInitiated" and reply["stoppedReason"] == "Task stopped by user"
    task = wait_task(ecs, cluster, arn)
    assert task["desiredStatus"] == "STOPPED" and task["version"] == 4
    assert task["startedAt"] <= task["stoppingAt"] <= task["stoppedAt"]
    assert task["executionStoppedAt"]
    assert task["containers"][0]["lastStatus"] == "STOPPED"
    again = ecs.stop_task(cluster=cluster, task=arn.rsplit("/", 1)[1], reason="again")["task"]
    assert again["stoppedReason"] == "Task stopped by user" and again["version"] == 4


def test_stop_with_a_reason(ecs, run, bridge, cluster, wait_task):
    arn = run(bridge)["taskArn"]
    ecs.stop_task(cluster=cluster, task=arn, reason="because")
    assert wait_task(ecs, cluster, arn)["stoppedReason"] == "because"
    assert refused(ecs.stop_task, cluster=cluster, task=arn, reason="x" * 256)[0] == "InvalidParameterException"


@pytest.mark.parametrize("task", ["0" * 32, "arn:aws:ecs:us-east-1:000000000000:task/elsewhere/" + "0" * 32,
                                  "arn:aws:ecs:eu-west-1:000000000000:task/" + "0" * 32])
def test_stop_unknown(ecs, cluster, task):
    assert refused(ecs.stop_task, cluster=cluster, task=task) == (
        "InvalidParameterException", "The referenced task was not found.")


def test_unknown_cluster(ecs, bridge):
    for call, arguments in ((ecs.run_task, {"taskDefinition": bridge}), (ecs.stop_task, {"task": "0" * 32}),
                            (ecs.describe_tasks, {"tasks": ["0" * 32]}), (ecs.list_tasks, {})):
        assert refused(call, cluster="nowhere", **arguments) == ("ClusterNotFoundException", "Cluster not found.")


# -- DescribeTasks


def test_describe(ecs, daemon, run, bridge, cluster, name):
    arn = run(bridge, tags=[{"key": "a", "value": "b"}])["taskArn"]
    other = name("other")
    ecs.create_cluster(clusterName=other)
    missing = "f" * 32
    reply = ecs.describe_tasks(cluster=cluster, tasks=[missing, arn])
    assert [t["taskArn"] for t in reply["tasks"]] == [arn] and reply["tasks"][0]["tags"] == []
    assert reply["failures"] == [{"arn": arn.rsplit("/", 1)[0] + "/" + missing, "reason": "MISSING"}]
    with_tags = ecs.describe_tasks(cluster=cluster, tasks=[arn], include=["TAGS"])["tasks"][0]
    assert with_tags["tags"] == [{"key": "a", "value": "b"}]
    elsewhere = ecs.describe_tasks(cluster=other, tasks=[arn])
    assert elsewhere["tasks"] == [] and elsewhere["failures"] == [{"arn": arn, "reason": "MISSING"}]
    assert daemon.client(region="eu-west-1").create_cluster(clusterName=cluster)
    abroad = daemon.client(region="eu-west-1").describe_tasks(cluster=cluster, tasks=[arn.rsplit("/", 1)[1]])
    assert abroad["failures"][0]["reason"] == "MISSING"


def test_describe_limits(ecs, cluster, daemon):
    assert refused(ecs.describe_tasks, cluster=cluster, tasks=[]) == (
        "InvalidParameterException", "Tasks cannot be empty.")
    assert daemon.call("DescribeTasks", {"cluster": cluster})[1]["message"] == "Tasks cannot be empty."
    assert refused(ecs.describe_tasks, cluster=cluster, tasks=["0" * 32] * 101)[0] == "InvalidParameterException"
    assert len(ecs.describe_tasks(cluster=cluster, tasks=[f"{i:032x}" for i in range(100)])["failures"]) == 100


# -- ListTasks


def test_list_filters(ecs, run, define, bridge, cluster, wait_task):
    other = define(networkMode="bridge")
    fargate = run(bridge, launchType="FARGATE")["taskArn"]
    ec2 = run(other["taskDefinitionArn"], startedBy="me")
    stopped = run(bridge)["taskArn"]
    ecs.stop_task(cluster=cluster, task=stopped)
    wait_task(ecs, cluster, stopped)

    def listed(**filters):
        return set(ecs.list_tasks(cluster=cluster, **filters)["taskArns"])

    assert listed() == listed(desiredStatus="RUNNING") == {fargate, ec2["taskArn"]}
    assert listed(desiredStatus="STOPPED") == {stopped}
    assert listed(desiredStatus="PENDING") == set()
    assert listed(launchType="FARGATE") == {fargate}
    assert listed(family=other["family"]) == {ec2["taskArn"]}
    assert listed(startedBy="me") == {ec2["taskArn"]}
    assert listed(containerInstance=ec2["containerInstanceArn"]) == {ec2["taskArn"]}
    assert listed(containerInstance=ec2["containerInstanceArn"].rsplit("/", 1)[1]) == {ec2["taskArn"]}
    code, _ = refused(ecs.list_tasks, cluster=cluster, startedBy="me", family=other["family"])
    assert code == "InvalidParameterException"
    assert refused(ecs.list_tasks, cluster=cluster, serviceName="web") == (
        "ServiceNotFoundException", "Service not found.")


def test_list_pages(ecs, cluster, bridge):
    arns = {t["taskArn"] for t in ecs.run_task(cluster=cluster, taskDefinition=bridge, count=7)["tasks"]}
    pages = list(ecs.get_paginator("list_tasks").paginate(cluster=cluster, PaginationConfig={"PageSize": 3}))
    assert [len(p["taskArns"]) for p in pages] == [3, 3, 1]
    assert {a for p in pages for a in p["taskArns"]} == arns
    assert "nextToken" not in pages[-1]
    assert refused(ecs.list_tasks, cluster=cluster, nextToken="nonsense") == (
        "InvalidParameterException", "Invalid token.")
    for limit in (0, 101):
        assert refused(ecs.list_tasks, cluster=cluster, maxResults=limit)[0] == "InvalidParameterException"


# -- RunTask


def test_definition_by_family_and_revision(ecs, run, name):
    family = name("family")
    for _ in range(2):
        ecs.register_task_definition(family=family, networkMode="bridge", containerDefinitions=[container()])
    assert run(family)["taskDefinitionArn"].endswith(family + ":2")
    assert run(family + ":1")["taskDefinitionArn"].endswith(family + ":1")
    ecs.deregister_task_definition(taskDefinition=family + ":1")
    cluster = run(family)["clusterArn"]
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=family + ":1") == (
        "InvalidParameterException", "TaskDefinition is inactive")
    assert refused(ecs.run_task, cluster=cluster, taskDefinition="nothing") == (
        "ClientException", "TaskDefinition not found.")


@pytest.mark.parametrize("member, value", [
    ("count", 0), ("count", 11), ("startedBy", "a b"), ("startedBy", "x" * 129), ("group", "service:web"),
    ("propagateTags", "SERVICE"), ("platformVersion", "1.4.0"), ("referenceId", "x" * 1025),
    ("placementStrategy", [{"type": "random"}] * 6), ("placementConstraints", [{"type": "distinctInstance"}] * 11),
    ("tags", [{"key": "aws:x", "value": ""}]), ("tags", [{"key": str(i), "value": ""} for i in range(51)]),
    ("clientToken", "x" * 65), ("clientToken", "a b"), ("launchType", "MOON"), ("launchType", "MANAGED_INSTANCES"),
    ("capacityProviderStrategy", [{"capacityProvider": "mine"}]),
    ("capacityProviderStrategy", [{"capacityProvider": "FARGATE", "weight": 1001}]),
    ("volumeConfigurations", [{"name": "data"}]),
])
def test_refuses(daemon, ecs, cluster, bridge, member, value):
    status, reply = daemon.call("RunTask", {"cluster": cluster, "taskDefinition": bridge, member: value})
    assert (status, reply["__type"]) == (400, "InvalidParameterException"), reply
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []


@pytest.mark.parametrize("member, value", [("count", "3"), ("overrides", []), ("cluster", 1), ("tags", {})])
def test_wrong_json_type(daemon, cluster, bridge, member, value):
    status, reply = daemon.call("RunTask", {"cluster": cluster, "taskDefinition": bridge, member: value})
    assert (status, reply["__type"]) == (400, "SerializationException")


def test_missing_definition(daemon, cluster):
    status, reply = daemon.call("RunTask", {"cluster": cluster})
    assert (status, reply["__type"]) == (400, "InvalidParameterException")


def test_launch_types(ecs, run, bridge, cluster):
    fargate = run(bridge, launchType="FARGATE")
    assert fargate["launchType"] == "FARGATE" and "containerInstanceArn" not in fargate
    assert fargate["platformVersion"] == "1.4.0" and fargate["platformFamily"] == "Linux"
    assert fargate["ephemeralStorage"] == {"sizeInGiB": 20}
    one, other = run(bridge), run(bridge, launchType="EC2")
    assert one["launchType"] == other["launchType"] == "EC2"
    assert one["containerInstanceArn"] == other["containerInstanceArn"]
    assert f":container-instance/{cluster}/" in one["containerInstanceArn"]
    assert "platformVersion" not in one
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=bridge, launchType="FARGATE",
                   capacityProviderStrategy=[{"capacityProvider": "FARGATE"}]) == (
        "InvalidParameterException", "Specify either Launch Type or Capacity Provider Strategy, but not both.")


def test_platform_versions(ecs, run, bridge, cluster):
    assert run(bridge, launchType="FARGATE", platformVersion="1.3.0")["platformVersion"] == "1.3.0"
    assert run(bridge, launchType="FARGATE", platformVersion="LATEST")["platformVersion"] == "1.4.0"
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=bridge, launchType="FARGATE",
                   platformVersion="9.9.9") == ("PlatformUnknownException", "The specified platform does not exist.")


def test_no_placement_on_fargate(ecs, cluster, bridge):
    for member, value, message in (
            ("placementConstraints", [{"type": "distinctInstance"}],
             "Placement constraints are not supported with FARGATE."),
            ("placementStrategy", [{"type": "random"}], "Placement strategies are not supported with FARGATE.")):
        assert refused(ecs.run_task, cluster=cluster, taskDefinition=bridge, launchType="FARGATE",
                       **{member: value}) == ("InvalidParameterException", message)


def test_capacity_providers(ecs, cluster, bridge):
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                {"capacityProvider": "FARGATE_SPOT", "weight": 2}]
    tasks = ecs.run_task(cluster=cluster, taskDefinition=bridge, count=7, capacityProviderStrategy=strategy)["tasks"]
    providers = [t["capacityProviderName"] for t in tasks]
    assert providers.count("FARGATE") == 3 and providers.count("FARGATE_SPOT") == 4
    assert {t["launchType"] for t in tasks} == {"FARGATE"}
    for wrong in ([{"capacityProvider": "FARGATE", "base": 1}, {"capacityProvider": "FARGATE_SPOT", "base": 1}],
                  [{"capacityProvider": "FARGATE"}, {"capacityProvider": "FARGATE_SPOT"}]):
        assert refused(ecs.run_task, cluster=cluster, taskDefinition=bridge,
                       capacityProviderStrategy=wrong)[0] == "InvalidParameterException"


def test_default_strategy_of_the_cluster(ecs, bridge, name):
    cluster = name("spot")
    ecs.create_cluster(clusterName=cluster, capacityProviders=["FARGATE_SPOT"],
                       defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    task = ecs.run_task(cluster=cluster, taskDefinition=bridge)["tasks"][0]
    assert task["capacityProviderName"] == "FARGATE_SPOT" and task["launchType"] == "FARGATE"
    task = ecs.run_task(cluster=cluster, taskDefinition=bridge, launchType="EC2")["tasks"][0]
    assert task["launchType"] == "EC2" and "capacityProviderName" not in task


def test_network_configuration(ecs, cluster, bridge, awsvpc):
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=awsvpc, launchType="FARGATE") == (
        "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=bridge, networkConfiguration=VPC) == (
        "InvalidParameterException",
        "Network Configuration is not valid for the given networkMode of this task definition.")
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=awsvpc,
                   networkConfiguration={"awsvpcConfiguration": {"subnets": []}}) == (
        "InvalidParameterException", "subnets can not be empty.")
    for key, n in (("subnets", 17), ("securityGroups", 6)):
        vpc = {"subnets": ["subnet-1"], key: ["x"] * n}
        assert refused(ecs.run_task, cluster=cluster, taskDefinition=awsvpc,
                       networkConfiguration={"awsvpcConfiguration": vpc})[0] == "InvalidParameterException"


def test_awsvpc(ecs, run, awsvpc, cluster, wait_task):
    task = run(awsvpc, launchType="FARGATE", networkConfiguration=VPC)
    assert task["attachments"][0]["status"] == "ATTACHED"
    assert task["cpu"] == "256" and task["memory"] == "512"
    ecs.stop_task(cluster=cluster, task=task["taskArn"])
    assert wait_task(ecs, cluster, task["taskArn"])["attachments"][0]["status"] == "DELETED"


def test_network_bindings(run, define):
    ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 5353, "protocol": "udp"},
             {"containerPort": 81}]
    bindings = run(define(container(portMappings=ports), networkMode="bridge")["taskDefinitionArn"])
    assert bindings["containers"][0]["networkBindings"] == [
        {"bindIP": "127.0.0.1", "containerPort": 80, "hostPort": 8080, "protocol": "tcp"},
        {"bindIP": "127.0.0.1", "containerPort": 53, "hostPort": 5353, "protocol": "udp"}]


def test_overrides(ecs, run, define, cluster):
    definition = define(container("a", cpu=10), container("b", essential=False, memoryReservation=32),
                        networkMode="bridge")["taskDefinitionArn"]
    plain = run(definition)
    assert plain["overrides"] == {"containerOverrides": [{"name": "a"}, {"name": "b"}],
                                  "inferenceAcceleratorOverrides": []}
    assert plain["cpu"] == "10" and plain["memory"] == "128"
    assert plain["containers"][1]["memoryReservation"] == "32"
    overrides = {
        "containerOverrides": [{"name": "b", "command": ["x", "y z"], "cpu": 5, "memory": 100,
                                "environment": [{"name": "K", "value": "V"}]}],
        "taskRoleArn": "arn:aws:iam::000000000000:role/r", "cpu": "1 vCPU"}
    task = run(definition, overrides=overrides)
    assert task["overrides"]["containerOverrides"] == [{"name": "a"}, overrides["containerOverrides"][0]]
    assert task["overrides"]["taskRoleArn"] == overrides["taskRoleArn"]
    assert task["cpu"] == "1024" and task["memory"] == "164"
    assert task["containers"][1]["cpu"] == "5" and task["containers"][1]["memory"] == "100"
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=definition,
                   overrides={"containerOverrides": [{"name": "c"}]}) == (
        "InvalidParameterException", "Override for container named c is not a container in the TaskDefinition.")
    long = {"containerOverrides": [{"name": "a", "command": ["x" * 8192]}]}
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=definition, overrides=long) == (
        "InvalidParameterException", "Container Overrides length must be at most 8192")


def test_execute_command_needs_a_role(ecs, run, define, bridge, cluster):
    code, message = refused(ecs.run_task, cluster=cluster, taskDefinition=bridge, enableExecuteCommand=True)
    assert code == "InvalidParameterException" and "valid task role" in message
    definition = define(networkMode="bridge", taskRoleArn="arn:aws:iam::000000000000:role/r")["taskDefinitionArn"]
    assert run(definition, enableExecuteCommand=True)["enableExecuteCommand"] is True


def test_group_and_started_by(run, bridge):
    task = run(bridge)
    assert task["group"] == "family:" + bridge.rsplit("/", 1)[1].split(":")[0] and "startedBy" not in task
    task = run(bridge, group="batch", startedBy="job/7")
    assert task["group"] == "batch" and task["startedBy"] == "job/7"


def test_tags(ecs, run, define, cluster):
    definition = define(networkMode="bridge", tags=[{"key": "team", "value": "a"}, {"key": "kept", "value": "1"}])
    task = run(definition["taskDefinitionArn"], propagateTags="TASK_DEFINITION", enableECSManagedTags=True,
               tags=[{"key": "team", "value": "b"}])
    tags = {t["key"]: t["value"] for t in task["tags"]}
    assert tags == {"team": "b", "kept": "1", "aws:ecs:clusterName": cluster}
    assert run(definition["taskDefinitionArn"])["tags"] == []
    ecs.tag_resource(resourceArn=task["taskArn"], tags=[{"key": "later", "value": ""}])
    again = ecs.describe_tasks(cluster=cluster, tasks=[task["taskArn"]], include=["TAGS"])["tasks"][0]
    assert {t["key"] for t in again["tags"]} == {*tags, "later"}


def test_client_token(daemon, ecs, cluster, bridge, name):
    request = {"cluster": cluster, "taskDefinition": bridge, "count": 2, "clientToken": name("token")}
    _, first = daemon.call("RunTask", request)
    _, second = daemon.call("RunTask", request)
    arns = [t["taskArn"] for t in first["tasks"]]
    assert len(arns) == 2 and [t["taskArn"] for t in second["tasks"]] == arns
    status, conflict = daemon.call("RunTask", {**request, "count": 1})
    assert (status, conflict["__type"], conflict["resourceIds"]) == (400, "ConflictException", arns)
    assert set(ecs.list_tasks(cluster=cluster)["taskArns"]) == set(arns)
    # a request that was refused leaves its token free
    token = name("token")
    assert daemon.call("RunTask", {**request, "clientToken": token, "group": "service:x"})[0] == 400
    assert daemon.call("RunTask", {**request, "clientToken": token})[0] == 200


def test_volume_configured_at_launch(daemon, cluster, name):
    volume = {"name": "data", "configuredAtLaunch": True}
    mount = [{"sourceVolume": "data", "containerPath": "/data"}]
    status, reply = daemon.call("RegisterTaskDefinition", {
        "family": name("family"), "networkMode": "bridge", "volumes": [volume],
        "containerDefinitions": [container(mountPoints=mount)]})
    assert status == 200, reply
    request = {"cluster": cluster, "taskDefinition": reply["taskDefinition"]["taskDefinitionArn"]}
    assert daemon.call("RunTask", request)[0] == 400
    ebs = {"roleArn": "arn:aws:iam::000000000000:role/ebs", "sizeInGiB": 1}
    status, reply = daemon.call(
        "RunTask", {**request, "volumeConfigurations": [{"name": "data", "managedEBSVolume": ebs}]})
    assert status == 200 and reply["tasks"][0]["attachments"][0]["type"] == "AmazonElasticBlockStorage"


# -- strict


@pytest.fixture
def strict(start_daemon):
    ecs = start_daemon(ECS_DOCKER_BACKEND="0", ECS_STRICT="1").client()
    ecs.create_cluster(clusterName="web")
    for mode in ("bridge", "awsvpc"):
        ecs.register_task_definition(family=mode, networkMode=mode, containerDefinitions=[container()])
    return ecs


def test_strict(strict):
    invalid = "InvalidParameterException"
    assert refused(strict.run_task, taskDefinition="bridge") == ("ClusterNotFoundException", "Cluster not found.")
    assert refused(strict.run_task, cluster="web", taskDefinition="bridge") == (
        invalid, "No Container Instances were found in your cluster.")
    assert refused(strict.run_task, cluster="web", taskDefinition="bridge", launchType="FARGATE") == (
        invalid, "Task definition does not support launch_type FARGATE.")
    strict.register_task_definition(family="fargate", networkMode="awsvpc", cpu="256", memory="512",
                                    containerDefinitions=[container()])
    code, message = refused(strict.run_task, cluster="web", taskDefinition="fargate", launchType="FARGATE",
                            networkConfiguration=VPC)
    assert code == invalid and "(ErrorCode: InvalidSubnetID.NotFound)" in message
    code, message = refused(strict.run_task, cluster="web", taskDefinition="fargate",
                            capacityProviderStrategy=[{"capacityProvider": "FARGATE"}])
    assert code == invalid and "not associated with the cluster" in message


# -- the daemon around it


def test_restart_keeps_tasks(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(family="f", networkMode="bridge", containerDefinitions=[container()])
    before = ecs.run_task(cluster="web", taskDefinition="f", count=3)["tasks"]
    daemon.kill()
    daemon.restart()
    ecs = daemon.client()
    after = ecs.describe_tasks(cluster="web", tasks=[t["taskArn"] for t in before])["tasks"]
    assert after == before
    assert daemon.terminate() == 0
    daemon.restart()
    ecs = daemon.client()
    arn = before[0]["taskArn"]
    ecs.stop_task(cluster="web", task=arn)
    deadline = time.monotonic() + 5
    while ecs.describe_tasks(cluster="web", tasks=[arn])["tasks"][0]["lastStatus"] != "STOPPED":
        assert time.monotonic() < deadline


def test_no_persistence_ends_tasks(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", PERSISTENCE="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(family="f", networkMode="bridge", containerDefinitions=[container()])
    ecs.run_task(cluster="web", taskDefinition="f", count=10)
    assert daemon.terminate() == 0
    assert daemon.log_text.count("RUNNING -> STOPPED") == 10
    assert not list(daemon.state_dir.iterdir())
    assert not (daemon.runtime_dir / "port").exists() and not (daemon.runtime_dir / "api.sock").exists()


def test_reset(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(family="f", networkMode="bridge", containerDefinitions=[container()])
    ecs.run_task(cluster="web", taskDefinition="f", count=5)
    daemon.end_all_tasks()
    assert ecs.list_clusters()["clusterArns"] == []
    ecs.create_cluster(clusterName="web")
    assert ecs.list_tasks(cluster="web")["taskArns"] == []
    assert ecs.list_task_definitions()["taskDefinitionArns"] == []
