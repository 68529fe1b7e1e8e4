# SPDX-License-Identifier: Apache-2.0
"""Container instances without containers: registration, what their tasks hold, draining, deregistration, filters."""

import json

import pytest
from botocore.exceptions import ClientError

MISSING = "0" * 32
IDENTITY = {"instanceId": "i-0123456789abcdef0", "instanceType": "m5.large", "imageId": "ami-1",
            "availabilityZone": "us-east-1b", "architecture": "x86_64", "region": "us-east-1"}


@pytest.fixture
def cluster(ecs, name):
    cluster = name("ci")
    ecs.create_cluster(clusterName=cluster)
    yield cluster
    for arn in ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]:
        ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)
    ecs.delete_cluster(cluster=cluster)


@pytest.fixture
def define(ecs, name):
    def define(*mappings, **more):
        container = {"name": "main", "image": "busybox", "memory": 64, "cpu": 128, "portMappings": list(mappings), **more}
        return ecs.register_task_definition(
            family=name("ci"), containerDefinitions=[container])["taskDefinition"]["taskDefinitionArn"]

    return define


@pytest.fixture
def lax(daemon):
    """A client that sends what botocore's own validation would refuse."""
    return daemon.client(validate=False)


def resource(name, value):
    if isinstance(value, int):
        return {"name": name, "type": "INTEGER", "integerValue": value}
    return {"name": name, "type": "STRINGSET", "stringSetValue": value}


@pytest.fixture
def register(ecs, cluster):
    def register(cpu=1024, memory=1000, ports=("22",), **more):
        arguments = {
            "instanceIdentityDocument": json.dumps({**IDENTITY, **more.pop("identity", {})}),
            "totalResources": [resource("CPU", cpu), resource("MEMORY", memory), resource("PORTS", list(ports)),
                               resource("PORTS_UDP", [])],
            "versionInfo": {"agentVersion": "1.80.0", "agentHash": "abc", "dockerVersion": "DockerVersion: 25.0.6"},
            **more}
        return ecs.register_container_instance(cluster=cluster, **arguments)["containerInstance"]

    return register


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def describe(ecs, cluster, instance, *include):
    reply = ecs.describe_container_instances(cluster=cluster, containerInstances=[instance], include=list(include))
    assert reply["failures"] == []
    return reply["containerInstances"][0]


def amounts(resources):
    return {r["name"]: r.get("stringSetValue", r["integerValue"]) for r in resources}


def attributes(instance):
    return {a["name"]: a.get("value") for a in instance["attributes"]}


def test_a_registered_instance_reads_back(ecs, cluster, register):
    made = register(attributes=[{"name": "ecs.os-type", "value": "linux"}, {"name": "rack", "value": "a"},
                                {"name": "ecs.capability.task-eni"}],
                    tags=[{"key": "team", "value": "x"}], platformDevices=[{"id": "GPU-1", "type": "GPU"}])
    assert made["containerInstanceArn"].startswith(f"arn:aws:ecs:us-east-1:000000000000:container-instance/{cluster}/")
    assert made["ec2InstanceId"] == "i-0123456789abcdef0"
    assert made["status"] == "ACTIVE" and made["agentConnected"] is True and made["version"] == 1
    assert made["versionInfo"] == {"agentVersion": "1.80.0", "agentHash": "abc", "dockerVersion": "DockerVersion: 25.0.6"}
    assert amounts(made["registeredResources"]) == {
        "CPU": 1024, "MEMORY": 1000, "PORTS": ["22"], "PORTS_UDP": [], "GPU": ["GPU-1"]}
    assert made["remainingResources"] == made["registeredResources"]
    assert made["registeredResources"][0] == {
        "name": "CPU", "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": 1024}
    assert attributes(made) == {"ecs.ami-id": "ami-1", "ecs.availability-zone": "us-east-1b", "ecs.capability.task-eni": None,
                                "ecs.instance-type": "m5.large", "ecs.cpu-architecture": "x86_64", "ecs.os-type": "linux",
                                "rack": "a"}
    assert made["tags"] == [{"key": "team", "value": "x"}]
    assert made["runningTasksCount"] == 0 and made["pendingTasksCount"] == 0 and made["attachments"] == []
    id_ = made["containerInstanceArn"].split("/")[-1]
    assert describe(ecs, cluster, id_) == {**made, "tags": []}
    seen = describe(ecs, cluster, id_, "TAGS", "CONTAINER_INSTANCE_HEALTH")
    assert seen["tags"] == made["tags"]
    assert seen["healthStatus"]["overallStatus"] == "OK"
    assert seen["healthStatus"]["details"][0]["type"] == "CONTAINER_RUNTIME"
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == [made["containerInstanceArn"]]
    counted = ecs.describe_clusters(clusters=[cluster])["clusters"][0]
    assert counted["registeredContainerInstancesCount"] == 1
    assert ecs.list_tags_for_resource(resourceArn=made["containerInstanceArn"])["tags"] == made["tags"]


def test_an_agent_registers_again(ecs, cluster, register):
    made = register(attributes=[{"name": "rack", "value": "a"}])
    arn = made["containerInstanceArn"]
    again = register(cpu=2048, containerInstanceArn=arn, versionInfo={"agentVersion": "1.81.0"})
    assert again["containerInstanceArn"] == arn and again["version"] == 2
    assert again["versionInfo"] == {"agentVersion": "1.81.0"} and attributes(again)["rack"] == "a"
    assert amounts(again["registeredResources"])["CPU"] == 2048
    code, message = refused(register, containerInstanceArn=arn, identity={"instanceType": "m5.4xlarge"})
    assert code == "InvalidParameterException"
    assert message.startswith("Container instance type changes are not supported.")
    gone = arn[:-32] + MISSING
    assert refused(register, containerInstanceArn=gone) == (
        "InvalidParameterException", "The referenced container instance was not found.")


def test_what_cannot_be_registered(ecs, cluster, register, lax):
    assert refused(ecs.register_container_instance, cluster="nowhere")[0] == "ClusterNotFoundException"
    assert refused(ecs.register_container_instance, cluster=cluster, instanceIdentityDocument="{") == (
        "InvalidParameterException", "Instance identity document is malformed.")
    assert refused(ecs.register_container_instance, cluster=cluster,
                   totalResources=[{"name": "CPU", "type": "CUBE"}])[0] == "InvalidParameterException"
    assert refused(ecs.register_container_instance, cluster=cluster,
                   totalResources=[resource("CPU", -1)])[0] == "InvalidParameterException"
    assert refused(ecs.register_container_instance, cluster=cluster,
                   tags=[{"key": "aws:x", "value": ""}])[0] == "InvalidParameterException"
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
    code, message = refused(lax.register_container_instance, cluster=cluster, attributes=[{"name": "a"}, {"value": "b"}])
    assert code == "InvalidParameterException" and "attributes[1].name" in message


def test_tasks_hold_resources_until_they_stop(ecs, cluster, register, define):
    arn = register()["containerInstanceArn"]
    definition = define({"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 5353, "protocol": "udp"},
                        {"containerPort": 81})
    task, = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[arn])["tasks"]
    seen = describe(ecs, cluster, arn)
    assert seen["runningTasksCount"] == 1 and seen["pendingTasksCount"] == 0
    assert amounts(seen["remainingResources"]) == {"CPU": 896, "MEMORY": 936, "PORTS": ["22", "8080"], "PORTS_UDP": ["5353"]}
    assert amounts(seen["registeredResources"]) == {"CPU": 1024, "MEMORY": 1000, "PORTS": ["22"], "PORTS_UDP": []}
    ecs.stop_task(cluster=cluster, task=task["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[task["taskArn"]], WaiterConfig={"Delay": 1})
    seen = describe(ecs, cluster, arn)
    assert seen["remainingResources"] == seen["registeredResources"] and seen["runningTasksCount"] == 0


@pytest.mark.parametrize("mapping, more, reason", [
    ({}, {"cpu": 2000}, "RESOURCE:CPU"),
    ({}, {"memory": 1001}, "RESOURCE:MEMORY"),
    ({"containerPort": 80, "hostPort": 22}, {}, "RESOURCE:PORTS"),
    ({"containerPort": 80, "hostPort": 8080}, {}, "RESOURCE:PORTS"),
    ({}, {"resourceRequirements": [{"type": "GPU", "value": "1"}]}, "RESOURCE:GPU"),
])
def test_start_task_tells_what_an_instance_lacks(ecs, cluster, register, define, mapping, more, reason):
    arn = register()["containerInstanceArn"]
    held = define({"containerPort": 80, "hostPort": 8080})
    assert len(ecs.start_task(cluster=cluster, taskDefinition=held, containerInstances=[arn])["tasks"]) == 1
    definition = define(*([mapping] if mapping else []), **more)
    reply = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[arn])
    assert reply["tasks"] == [] and reply["failures"] == [{"arn": arn, "reason": reason}]


def test_start_task_counts_what_it_has_started_itself(ecs, cluster, register, define):
    arn = register(cpu=300)["containerInstanceArn"]
    reply = ecs.start_task(cluster=cluster, taskDefinition=define(), containerInstances=[arn, arn, arn])
    assert len(reply["tasks"]) == 2 and reply["failures"] == [{"arn": arn, "reason": "RESOURCE:CPU"}]
    assert amounts(describe(ecs, cluster, arn)["remainingResources"])["CPU"] == 300 - 256


def test_a_synthetic_instance_is_one_like_the_others(ecs, cluster, define):
    task, = ecs.run_task(cluster=cluster, taskDefinition=define(), launchType="EC2")["tasks"]
    arn = task["containerInstanceArn"]
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == [arn]
    seen = describe(ecs, cluster, arn)
    assert seen["runningTasksCount"] == 1
    registered, remaining = amounts(seen["registeredResources"]), amounts(seen["remainingResources"])
    assert remaining["CPU"] == registered["CPU"] - 128 and remaining["MEMORY"] == registered["MEMORY"] - 64
    assert registered["PORTS"] == ["22", "2375", "2376", "51678", "51679"]
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn], status="DRAINING")
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=define()) == (
        "InvalidParameterException", "No Container Instances were found in your cluster.")


def test_deregistering(ecs, cluster, register, define, wait_task):
    arn = register(tags=[{"key": "k", "value": "v"}])["containerInstanceArn"]
    task, = ecs.start_task(cluster=cluster, taskDefinition=define(), containerInstances=[arn])["tasks"]
    assert refused(ecs.deregister_container_instance, cluster=cluster, containerInstance=arn) == (
        "InvalidParameterException", "Found running tasks on the instance.")
    gone = ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)["containerInstance"]
    assert gone["status"] == "INACTIVE" and gone["agentConnected"] is False and gone["containerInstanceArn"] == arn
    stopped = wait_task(ecs, cluster, task["taskArn"])
    assert stopped["stoppedReason"] == "Container instance deregistration forced by user"
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
    assert describe(ecs, cluster, arn)["status"] == "INACTIVE"
    assert refused(ecs.deregister_container_instance, cluster=cluster, containerInstance=arn)[0] == "InvalidParameterException"
    reply = ecs.start_task(cluster=cluster, taskDefinition=define(), containerInstances=[arn])
    assert reply["failures"] == [{"arn": arn, "reason": "INACTIVE"}]
    reply = ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn], status="ACTIVE")
    assert reply["containerInstances"] == [] and reply["failures"] == [{"arn": arn, "reason": "INACTIVE"}]
    assert ecs.describe_clusters(clusters=[cluster])["clusters"][0]["registeredContainerInstancesCount"] == 0


def test_draining(ecs, cluster, register, lax):
    arn = register()["containerInstanceArn"]
    reply = ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn, MISSING], status="DRAINING")
    assert [i["status"] for i in reply["containerInstances"]] == ["DRAINING"]
    assert reply["failures"] == [{"arn": arn[:-32] + MISSING, "reason": "MISSING"}]
    assert ecs.list_container_instances(cluster=cluster, status="DRAINING")["containerInstanceArns"] == [arn]
    assert ecs.list_container_instances(cluster=cluster, status="ACTIVE")["containerInstanceArns"] == []
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == [arn]
    back = ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn], status="ACTIVE")
    assert back["containerInstances"][0]["status"] == "ACTIVE" and back["containerInstances"][0]["version"] == 3
    wrong = "InvalidParameterException", "Container instance status should be one of [ACTIVE, DRAINING]"
    for status in "REGISTERING", "INACTIVE":
        assert refused(lax.update_container_instances_state, cluster=cluster, containerInstances=[arn], status=status) == wrong
    assert refused(ecs.update_container_instances_state, cluster=cluster, containerInstances=[], status="ACTIVE") == (
        "InvalidParameterException", "Container Instances cannot be empty.")
    assert refused(ecs.update_container_instances_state, cluster=cluster, containerInstances=[arn] * 11,
                   status="ACTIVE")[0] == "InvalidParameterException"


def test_describing_what_is_not_there(ecs, cluster):
    arn = f"arn:aws:ecs:us-east-1:000000000000:container-instance/{cluster}/{MISSING}"
    other = arn.replace("us-east-1", "eu-west-1")
    reply = ecs.describe_container_instances(cluster=cluster, containerInstances=[MISSING, arn, other])
    assert reply["containerInstances"] == []
    assert reply["failures"] == [{"arn": a, "reason": "MISSING"} for a in (arn, arn, other)]
    assert refused(ecs.describe_container_instances, cluster=cluster, containerInstances=[]) == (
        "InvalidParameterException", "Container Instances cannot be empty.")
    assert refused(ecs.describe_container_instances, cluster=cluster, containerInstances=[MISSING] * 101)[0] == (
        "InvalidParameterException")
    assert refused(ecs.describe_container_instances, cluster="nowhere", containerInstances=[MISSING])[0] == (
        "ClusterNotFoundException")
    assert refused(ecs.list_container_instances, cluster="nowhere")[0] == "ClusterNotFoundException"


def test_the_agent_has_no_update(ecs, cluster, register):
    arn = register()["containerInstanceArn"]
    assert refused(ecs.update_container_agent, cluster=cluster, containerInstance=arn)[0] == "NoUpdateAvailableException"
    assert refused(ecs.update_container_agent, cluster=cluster, containerInstance=MISSING)[0] == "InvalidParameterException"
    unknown = register(versionInfo={})["containerInstanceArn"]
    assert refused(ecs.update_container_agent, cluster=cluster, containerInstance=unknown)[0] == "MissingVersionException"


def test_pages(ecs, cluster, register):
    arns = sorted(register()["containerInstanceArn"] for _ in range(5))
    pages = list(ecs.get_paginator("list_container_instances").paginate(cluster=cluster, PaginationConfig={"PageSize": 2}))
    assert [len(p["containerInstanceArns"]) for p in pages] == [2, 2, 1]
    assert [a for p in pages for a in p["containerInstanceArns"]] == arns
    token = pages[0]["nextToken"]
    ecs.deregister_container_instance(cluster=cluster, containerInstance=arns[1])
    after = ecs.list_container_instances(cluster=cluster, nextToken=token)["containerInstanceArns"]
    assert after == arns[2:]
    assert refused(ecs.list_container_instances, cluster=cluster, nextToken="x") == (
        "InvalidParameterException", "Invalid token.")


@pytest.fixture
def pair(ecs, cluster, register, define):
    """Two instances: the first runs a task of the group db."""
    one = register(identity={"instanceId": "i-1"}, attributes=[{"name": "stack", "value": "prod"}])["containerInstanceArn"]
    two = register(identity={"instanceId": "i-2", "instanceType": "t3.micro", "availabilityZone": "us-east-1c"},
                   versionInfo={"agentVersion": "1.9.0"})["containerInstanceArn"]
    ecs.start_task(cluster=cluster, taskDefinition=define(), containerInstances=[one], group="db")
    return one, two


@pytest.mark.parametrize("expression, expected", [
    ("attribute:stack == prod", {0}),
    ("attribute:stack !exists", {1}),
    ("attribute:ecs.instance-type =~ t3.*", {1}),
    ("attribute:ecs.availability-zone in [us-east-1b, us-east-1c]", {0, 1}),
    ("attribute:ecs.availability-zone == us-east-1b and not attribute:stack == prod", set()),
    ("task:group == db", {0}),
    ("not(task:group == db)", {1}),
    ("runningTasksCount == 0", {1}),
    ("runningTasksCount >= 1 or ec2InstanceId == i-2", {0, 1}),
    ("agentVersion < 1.10.0", {1}),
    ("agentConnected == true", {0, 1}),
    ("registeredAt > 2018-06-18T22:28:28+00:00", {0, 1}),
    ("registeredAt < 2018-06-18", set()),
])
def test_filters(ecs, cluster, pair, expression, expected):
    arns = ecs.list_container_instances(cluster=cluster, filter=expression)["containerInstanceArns"]
    assert {pair.index(a) for a in arns} == expected


def test_a_filter_that_cannot_be_read(ecs, cluster):
    assert refused(ecs.list_container_instances, cluster=cluster, filter="attribute:stack is prod") == (
        "InvalidParameterException", "Invalid Expression: an unknown operator at position 17")


def test_constraints_are_read_when_they_are_given(ecs, cluster, define, name):
    wrong = [{"type": "memberOf", "expression": "attribute:stack =="}]
    told = "Invalid Expression: it ends where a value is expected at position 19"
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=define(), placementConstraints=wrong) == (
        "InvalidParameterException", told)
    assert refused(ecs.register_task_definition, family=name(), placementConstraints=wrong,
                   containerDefinitions=[{"name": "a", "image": "b", "memory": 4}]) == ("ClientException", told)
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=define(),
                   placementConstraints=[{"type": "memberOf"}])[0] == "InvalidParameterException"
    assert refused(ecs.run_task, cluster=cluster, taskDefinition=define(), placementConstraints=[
        {"type": "distinctInstance", "expression": "agentConnected == true"}])[0] == "InvalidParameterException"


def test_run_task_places_where_constraints_allow(ecs, cluster, pair, define):
    def run(count=1, **more):
        return ecs.run_task(cluster=cluster, taskDefinition=define(), count=count, **more)

    def member(expression):
        return {"type": "memberOf", "expression": expression}

    one, two = pair
    placed = run(placementConstraints=[member("attribute:stack == prod")])
    assert [t["containerInstanceArn"] for t in placed["tasks"]] == [one] and placed["failures"] == []
    spread = run(count=2, placementConstraints=[{"type": "distinctInstance"}])
    assert {t["containerInstanceArn"] for t in spread["tasks"]} == {one, two}
    many = run(count=3, placementConstraints=[{"type": "distinctInstance"}])
    assert len(many["tasks"]) == 2
    assert many["failures"] == [{"arn": a, "reason": "DistinctInstance placement constraint unsatisfied."}
                                for a in sorted(pair)]
    none = run(placementConstraints=[member("attribute:stack == test")])
    assert none["tasks"] == []
    assert none["failures"] == [{"arn": a, "reason": "MemberOf placement constraint unsatisfied."} for a in sorted(pair)]
    away = run(placementConstraints=[member("not(task:group == db)")])
    assert [t["containerInstanceArn"] for t in away["tasks"]] == [two]
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[two], status="DRAINING")
    assert [t["containerInstanceArn"] for t in run()["tasks"]] == [one]


def test_run_task_starts_as_many_as_there_is_room_for(ecs, cluster, register, define):
    arn = register(cpu=300)["containerInstanceArn"]
    reply = ecs.run_task(cluster=cluster, taskDefinition=define(), count=5)
    assert len(reply["tasks"]) == 2 and reply["failures"] == [{"arn": arn, "reason": "RESOURCE:CPU"}]
    assert amounts(describe(ecs, cluster, arn)["remainingResources"])["CPU"] == 44


def test_accounts_and_regions_are_apart(daemon, ecs, cluster, register):
    arn = register()["containerInstanceArn"]
    other = daemon.client(region="eu-west-1")
    other.create_cluster(clusterName=cluster)
    try:
        assert other.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
        id_ = arn.split("/")[-1]
        assert other.describe_container_instances(cluster=cluster, containerInstances=[id_])["failures"] == [
            {"arn": arn.replace("us-east-1", "eu-west-1"), "reason": "MISSING"}]
    finally:
        other.delete_cluster(cluster=cluster)


def test_instances_outlive_the_daemon(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", ECS_STRICT="1")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="c")
    assert refused(ecs.register_container_instance, cluster="c") == (
        "InvalidParameterException", "Instance identity document can not be empty.")
    made = ecs.register_container_instance(cluster="c", instanceIdentityDocument=json.dumps(IDENTITY))["containerInstance"]
    daemon.restart()
    ecs = daemon.client()
    assert describe(ecs, "c", made["containerInstanceArn"]) == made
    assert refused(ecs.delete_cluster, cluster="c")[0] == "ClusterContainsContainerInstancesException"
    ecs.deregister_container_instance(cluster="c", containerInstance=made["containerInstanceArn"])
    ecs.delete_cluster(cluster="c")
