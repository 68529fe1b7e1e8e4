# SPDX-License-Identifier: Apache-2.0
"""Capacity providers: create, update, delete, describe, clusters that use them, strategies of RunTask. Each test has an
account of its own. What Debian's botocore does not know yet goes without it."""

import itertools

import pytest

GROUP = ("arn:aws:autoscaling:us-east-1:{}:autoScalingGroup:a1b2c3d4-5678-90ab-cdef-EXAMPLE11111:"
         "autoScalingGroupName/{}")
numbers = itertools.count(720000000000)
MANAGED = {"infrastructureRoleArn": "arn:aws:iam::000000000000:role/infra", "instanceLaunchTemplate": {
    "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/p",
    "networkConfiguration": {"subnets": ["subnet-1"], "securityGroups": []},
    "instanceRequirements": {"vCpuCount": {"min": 1}, "memoryMiB": {"min": 512, "max": 4096}}}}


class Api:
    """Raw requests of one account: ok() gives the reply, refused() the error's type and message."""

    def __init__(self, daemon):
        self.daemon, self.account = daemon, str(next(numbers))

    def ok(self, operation, **body):
        status, reply = self.daemon.call(operation, body, key=self.account)
        assert status == 200, reply
        return reply

    def refused(self, operation, **body):
        status, reply = self.daemon.call(operation, body, key=self.account)
        assert status == 400, reply
        return reply["__type"], reply["message"]

    def group(self, name):
        return GROUP.format(self.account, name)

    def create(self, name, **group):
        return self.ok("CreateCapacityProvider", name=name,
                       autoScalingGroupProvider={"autoScalingGroupArn": self.group(name), **group})["capacityProvider"]

    def arn(self, name):
        return f"arn:aws:ecs:us-east-1:{self.account}:capacity-provider/{name}"

    def cluster(self, name, *providers, strategy=()):
        self.ok("CreateCluster", clusterName=name)
        return self.ok("PutClusterCapacityProviders", cluster=name, capacityProviders=list(providers),
                       defaultCapacityProviderStrategy=list(strategy))["cluster"]

    def describe(self, *names, **more):
        return self.ok("DescribeCapacityProviders", **({"capacityProviders": list(names)} if names else {}), **more)

    def run(self, cluster, count=1, **more):
        family = self.ok("RegisterTaskDefinition", family="f", requiresCompatibilities=["EC2"], containerDefinitions=[
            {"name": "app", "image": "busybox:test", "memory": 64}])["taskDefinition"]["family"]
        return self.ok("RunTask", cluster=cluster, taskDefinition=family, count=count, **more)["tasks"]


@pytest.fixture
def api(daemon):
    return Api(daemon)


def names(reply):
    return [p["name"] for p in reply["capacityProviders"]]


def test_built_in(api):
    reply = api.describe()
    assert [(p["name"], p["status"], p["type"], p["capacityProviderArn"]) for p in reply["capacityProviders"]] == [
        (n, "ACTIVE", n, api.arn(n)) for n in ("FARGATE", "FARGATE_SPOT")]
    assert reply["failures"] == []
    for operation, member in (("DeleteCapacityProvider", "capacityProvider"), ("UpdateCapacityProvider", "name")):
        assert api.refused(operation, **{member: "FARGATE"})[0] == "InvalidParameterException"


def test_create_and_defaults(api):
    plain = api.create("plain")
    assert plain == {
        "capacityProviderArn": api.arn("plain"), "name": "plain", "status": "ACTIVE", "type": "EC2_AUTOSCALING", "tags": [],
        "autoScalingGroupProvider": {
            "autoScalingGroupArn": api.group("plain"), "managedScaling": {"status": "DISABLED"},
            "managedTerminationProtection": "DISABLED", "managedDraining": "ENABLED"}}
    scaled = api.create("scaled", managedScaling={"status": "ENABLED", "targetCapacity": 50},
                        managedTerminationProtection="ENABLED")
    assert scaled["autoScalingGroupProvider"]["managedScaling"] == {
        "status": "ENABLED", "targetCapacity": 50, "minimumScalingStepSize": 1, "maximumScalingStepSize": 10000,
        "instanceWarmupPeriod": 300}
    assert api.describe("plain", api.arn("scaled"))["capacityProviders"] == [plain, scaled]
    assert names(api.describe()) == ["FARGATE", "FARGATE_SPOT", "plain", "scaled"]


def test_through_boto3(daemon, api):
    ecs = daemon.client(key=api.account)
    made = ecs.create_capacity_provider(name="boto", tags=[{"key": "k", "value": "v"}],
                                        autoScalingGroupProvider={"autoScalingGroupArn": api.group("boto")})
    assert made["capacityProvider"]["tags"] == [{"key": "k", "value": "v"}]
    assert ecs.describe_capacity_providers(capacityProviders=["boto"])["capacityProviders"][0]["tags"] == []
    with_tags = ecs.describe_capacity_providers(capacityProviders=["boto"], include=["TAGS"])
    assert with_tags["capacityProviders"][0]["tags"] == [{"key": "k", "value": "v"}]
    arn = api.arn("boto")
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "l", "value": "w"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["k"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "l", "value": "w"}]
    assert api.refused("ListTagsForResource", resourceArn=api.arn("nobody"))[0] == "ResourceNotFoundException"


def test_create_refused(api):
    def create(name="ok", **body):
        return api.refused("CreateCapacityProvider", name=name, **body)

    one = {"autoScalingGroupProvider": {"autoScalingGroupArn": api.group("one")}}
    api.create("one")
    for name in ("aws-x", "Ecs", "fargate1", "FARGATE", "a b", "", "x" * 256):
        assert create(name, **one)[0] == "InvalidParameterException"
    assert create("one", autoScalingGroupProvider={"autoScalingGroupArn": api.group("other")}) == (
        "ClientException", "The specified capacity provider already exists. To change the configuration of an existing "
        "capacity provider, update the capacity provider.")
    assert "already being used by another capacity provider" in create(**one)[1]
    assert create()[0] == create(**one, managedInstancesProvider=MANAGED)[0] == "InvalidParameterException"
    assert create(managedInstancesProvider=MANAGED)[0] == "InvalidParameterException"  # no cluster
    assert create(managedInstancesProvider=MANAGED, cluster="nobody")[0] == "ClusterNotFoundException"
    for wrong in ({"autoScalingGroupArn": "arn:aws:ec2:x"}, {}, {"autoScalingGroupArn": "n", "managedDraining": "MAYBE"},
                  {"autoScalingGroupArn": "n", "managedTerminationProtection": "ENABLED"},
                  {"autoScalingGroupArn": "n", "managedScaling": {"targetCapacity": 0}},
                  {"autoScalingGroupArn": "n", "managedScaling": {"targetCapacity": 101}},
                  {"autoScalingGroupArn": "n", "managedScaling": {"minimumScalingStepSize": 3, "maximumScalingStepSize": 2}}):
        assert create(autoScalingGroupProvider=wrong)[0] == "InvalidParameterException"
    assert names(api.describe()) == ["FARGATE", "FARGATE_SPOT", "one"]


def test_update(api):
    api.create("p", managedScaling={"status": "ENABLED", "targetCapacity": 60})
    changed = api.ok("UpdateCapacityProvider", name="p", autoScalingGroupProvider={
        "managedScaling": {"targetCapacity": 70}, "managedDraining": "DISABLED"})["capacityProvider"]
    assert changed["updateStatus"] == "UPDATE_COMPLETE"
    group = changed["autoScalingGroupProvider"]
    assert (group["managedScaling"]["targetCapacity"], group["managedScaling"]["status"], group["managedDraining"]) == (
        70, "ENABLED", "DISABLED")
    assert api.describe("p")["capacityProviders"] == [changed]
    assert api.refused("UpdateCapacityProvider", name="p")[0] == "InvalidParameterException"
    assert api.refused("UpdateCapacityProvider", name="q", autoScalingGroupProvider={}) == (
        "ClientException", "The specified capacity provider does not exist. Specify a valid name or ARN and try again.")


def test_delete(api):
    api.create("p")
    api.cluster("c", "p")
    kind, text = api.refused("DeleteCapacityProvider", capacityProvider="p")
    assert kind == "ClientException" and "it is associated with cluster: c." in text
    api.ok("PutClusterCapacityProviders", cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    gone = api.ok("DeleteCapacityProvider", capacityProvider=api.arn("p"))["capacityProvider"]
    assert gone["updateStatus"] == "DELETE_IN_PROGRESS"
    shown = api.describe("p")["capacityProviders"][0]
    assert (shown["status"], shown["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    assert names(api.describe()) == ["FARGATE", "FARGATE_SPOT"]
    assert api.refused("DeleteCapacityProvider", capacityProvider="p")[0] == "ClientException"
    assert api.create("p")["status"] == "ACTIVE"  # the name, and the group, are free again


def test_pages_and_failures(api):
    for i in range(12):
        api.create(f"p{i:02}")
    wanted = ["FARGATE", "FARGATE_SPOT"] + [f"p{i:02}" for i in range(12)]
    for limit in (1, 3, 10):
        seen, token = [], {}
        while True:
            page = api.describe(maxResults=limit, **token)
            seen += names(page)
            assert len(names(page)) <= limit
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert seen == wanted
    assert len(names(api.describe())) == 10
    first = api.describe(*wanted)
    assert names(first) + names(api.describe(*wanted, nextToken=first["nextToken"])) == wanted
    assert api.describe("p00", "nobody", "arn:aws:ecs:eu-west-1:1:capacity-provider/x")["failures"] == [
        {"arn": api.arn("nobody"), "reason": "MISSING"},
        {"arn": "arn:aws:ecs:eu-west-1:1:capacity-provider/x", "reason": "MISSING"}]
    for wrong in ({"maxResults": 0}, {"maxResults": 11}, {"nextToken": "x"}, {"capacityProviders": ["p"] * 101}):
        assert api.refused("DescribeCapacityProviders", **wrong)[0] == "InvalidParameterException"


def test_cluster_and_attachments(api):
    api.create("scaled", managedScaling={"status": "ENABLED"}, managedDraining="DISABLED")
    api.create("drained")
    strategy = [{"capacityProvider": "scaled", "weight": 1, "base": 0}]
    cluster = api.cluster("c", "scaled", api.arn("drained"), "FARGATE", strategy=strategy)
    assert cluster["capacityProviders"] == ["scaled", "drained", "FARGATE"]
    assert cluster["defaultCapacityProviderStrategy"] == strategy
    assert [(a["type"], a["status"], a["details"][0]) for a in cluster["attachments"]] == [
        ("as_policy", "ACTIVE", {"name": "capacityProviderName", "value": "scaled"}),
        ("managed_draining", "ACTIVE", {"name": "capacityProviderName", "value": "drained"})]
    assert cluster["attachmentsStatus"] == "UPDATE_COMPLETE"
    again = api.ok("DescribeClusters", clusters=["c"], include=["ATTACHMENTS"])["clusters"][0]
    assert again["attachments"] == cluster["attachments"]
    assert names(api.describe(cluster="c")) == ["FARGATE", "drained", "scaled"]
    for wrong in ({"capacityProviders": ["nobody"], "defaultCapacityProviderStrategy": []},
                  {"capacityProviders": ["scaled"]}, {"defaultCapacityProviderStrategy": []},
                  {"capacityProviders": ["FARGATE", "scaled"], "defaultCapacityProviderStrategy": [
                      {"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "scaled", "weight": 1}]},
                  {"capacityProviders": ["scaled"], "defaultCapacityProviderStrategy": [{"capacityProvider": "drained"}]}):
        assert api.refused("PutClusterCapacityProviders", cluster="c", **wrong)[0] == "InvalidParameterException"
    assert api.refused("PutClusterCapacityProviders", cluster="nobody", capacityProviders=[],
                       defaultCapacityProviderStrategy=[])[0] == "ClusterNotFoundException"
    assert api.ok("DescribeClusters", clusters=["c"])["clusters"][0]["capacityProviders"] == cluster["capacityProviders"]


def test_in_use_by_a_task(api):
    api.create("p")
    api.cluster("c", "p")
    task = api.run("c", capacityProviderStrategy=[{"capacityProvider": "p"}])[0]
    assert task["capacityProviderName"] == "p" and "launchType" not in task
    assert api.refused("PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE"],
                       defaultCapacityProviderStrategy=[]) == (
        "ResourceInUseException", "The specified capacity provider is in use and cannot be removed.")
    api.ok("StopTask", cluster="c", task=task["taskArn"])
    api.daemon.client(key=api.account).get_waiter("tasks_stopped").wait(
        cluster="c", tasks=[task["taskArn"]], WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    api.ok("PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[])


@pytest.mark.parametrize("count, first, second, wanted", [
    (4, {"weight": 1}, {"weight": 3}, [1, 3]),
    (10, {"weight": 1}, {"weight": 1}, [5, 5]),
    (6, {"weight": 1, "base": 2}, {"weight": 1}, [4, 2]),
    (3, {"weight": 0, "base": 1}, {"weight": 1}, [1, 2]),
    (2, {"weight": 0, "base": 5}, {"weight": 1}, [2, 0])])
def test_base_and_weight(api, count, first, second, wanted):
    api.create("a")
    api.create("b")
    api.cluster("c", "a", "b")
    tasks = api.run("c", count, capacityProviderStrategy=[
        {"capacityProvider": "a", **first}, {"capacityProvider": api.arn("b"), **second}])
    placed = [t["capacityProviderName"] for t in tasks]
    assert [placed.count("a"), placed.count("b")] == wanted


def test_strategies_refused(api):
    api.create("a")
    api.create("b")
    api.create("apart")
    api.cluster("c", "a", "b", "FARGATE")
    for wrong in ([("nobody", 1, 0)], [("apart", 1, 0)], [("a", 0, 0), ("b", 0, 0)], [("a", 1, 1), ("b", 1, 1)],
                  [("a", 1, 0), ("FARGATE", 1, 0)]):
        items = [{"capacityProvider": p, "weight": w, "base": b} for p, w, b in wrong]
        api.ok("RegisterTaskDefinition", family="f", containerDefinitions=[{"name": "app", "image": "i", "memory": 64}])
        assert api.refused("RunTask", cluster="c", taskDefinition="f",
                           capacityProviderStrategy=items)[0] == "InvalidParameterException"


def test_managed_instances(api):
    api.ok("CreateCluster", clusterName="c")
    made = api.ok("CreateCapacityProvider", name="m", cluster="c", managedInstancesProvider=MANAGED)["capacityProvider"]
    assert (made["type"], made["status"], made["updateStatus"]) == ("MANAGED_INSTANCES", "ACTIVE", "CREATE_COMPLETE")
    assert made["cluster"].endswith(":cluster/c")
    template = made["managedInstancesProvider"]["instanceLaunchTemplate"]
    assert template["instanceRequirements"] == MANAGED["instanceLaunchTemplate"]["instanceRequirements"]
    assert api.ok("DescribeClusters", clusters=["c"])["clusters"][0]["capacityProviders"] == ["m"]
    assert names(api.describe(cluster="c")) == ["m"]
    api.ok("CreateCluster", clusterName="other")
    assert api.refused("PutClusterCapacityProviders", cluster="other", capacityProviders=["m"],
                       defaultCapacityProviderStrategy=[])[0] == "InvalidParameterException"
    changed = api.ok("UpdateCapacityProvider", name="m", cluster="c", managedInstancesProvider={
        "infrastructureRoleArn": "arn:aws:iam::000000000000:role/two", "instanceLaunchTemplate": {"monitoring": "DETAILED"}})
    managed = changed["capacityProvider"]["managedInstancesProvider"]
    assert managed["infrastructureRoleArn"].endswith("role/two")
    assert managed["instanceLaunchTemplate"] == {**template, "monitoring": "DETAILED"}
    assert api.refused("DeleteCluster", cluster="c")[0] == "ClusterContainsCapacityProviderException"
    assert api.refused("DeleteCapacityProvider", capacityProvider="m", cluster="other")[0] == "ClientException"
    api.ok("DeleteCapacityProvider", capacityProvider="m", cluster="c")
    assert api.ok("DescribeClusters", clusters=["c"])["clusters"][0]["capacityProviders"] == []
    api.ok("DeleteCluster", cluster="c")
