# SPDX-License-Identifier: Apache-2.0
"""Clusters through boto3: create, describe, list, update, delete. What botocore 1.26 does not know goes as plain HTTP."""

import http.client
import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "arn:aws:ecs:us-east-1:000000000000:"
DISABLED = [{"name": "containerInsights", "value": "disabled"}]
STATISTICS = ["runningEC2TasksCount", "runningFargateTasksCount", "pendingEC2TasksCount", "pendingFargateTasksCount",
              "activeEC2ServiceCount", "activeFargateServiceCount", "drainingEC2ServiceCount",
              "drainingFargateServiceCount"]


def fresh(name):
    """A new cluster exactly as CreateCluster shows it."""
    return {
        "clusterArn": f"{ACCOUNT}cluster/{name}", "clusterName": name, "status": "ACTIVE",
        "registeredContainerInstancesCount": 0, "runningTasksCount": 0, "pendingTasksCount": 0,
        "activeServicesCount": 0, "statistics": [], "tags": [], "settings": DISABLED, "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = e.value.response["Error"]
    return error["Code"], error["Message"]


def describe(ecs, name, *include):
    reply = ecs.describe_clusters(clusters=[name], include=list(include))
    assert reply["failures"] == []
    return reply["clusters"][0]


def register(ecs, family):
    return ecs.register_task_definition(family=family, containerDefinitions=[
        {"name": "app", "image": "busybox:test", "memory": 64}])["taskDefinition"]["taskDefinitionArn"]


@pytest.fixture
def lax(daemon):
    """A client that sends what botocore's own validation would refuse."""
    return daemon.client(validate=False)


@pytest.fixture
def raw(daemon):
    """raw("CreateCluster", {…}) → status, body: the wire itself."""
    def call(operation, body):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
        text = body if isinstance(body, str) else json.dumps(body)
        connection.request("POST", "/", text, {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"})
        reply = connection.getresponse()
        result = reply.status, json.loads(reply.read())
        connection.close()
        return result
    return call


@pytest.fixture(scope="module")
def strict_ecs():
    from harness.daemon import Daemon

    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "ECS_STRICT": "1"})
    daemon.start()
    yield daemon.client()
    complaints = daemon.finish()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def two_clusters(ecs, name):
    names = [name("page"), name("page")]
    for n in names:
        ecs.create_cluster(clusterName=n)
    yield names
    for n in names:
        ecs.delete_cluster(cluster=n)


class TestCreate:
    def test_reply(self, ecs, name):
        n = name("web")
        assert ecs.create_cluster(clusterName=n)["cluster"] == fresh(n)

    def test_reply_on_the_wire(self, raw, name):
        n = name("web")
        status, body = raw("CreateCluster", {"clusterName": n})
        assert (status, body) == (200, {"cluster": fresh(n)})

    def test_everything_given_comes_back(self, ecs, name):
        n = name("full")
        given = {
            "tags": [{"key": "team", "value": "a b"}, {"key": "empty", "value": ""}],
            "settings": [{"name": "containerInsights", "value": "enhanced"}],
            "configuration": {"executeCommandConfiguration": {
                "kmsKeyId": "key-1", "logging": "OVERRIDE", "logConfiguration": {
                    "cloudWatchLogGroupName": "/ecs/exec", "cloudWatchEncryptionEnabled": False,
                    "s3BucketName": "bucket", "s3EncryptionEnabled": True, "s3KeyPrefix": "p"}}},
            "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "defaultCapacityProviderStrategy": [
                {"capacityProvider": "FARGATE", "weight": 1, "base": 2}, {"capacityProvider": "FARGATE_SPOT"}],
            "serviceConnectDefaults": {"namespace": "internal"},
        }
        cluster = ecs.create_cluster(clusterName=n, **given)["cluster"]
        want = {**fresh(n), **given}
        want["defaultCapacityProviderStrategy"] = [
            {"capacityProvider": "FARGATE", "weight": 1, "base": 2},
            {"capacityProvider": "FARGATE_SPOT", "weight": 0, "base": 0}]
        assert cluster == want
        described = describe(ecs, n, "TAGS", "SETTINGS", "CONFIGURATIONS")
        assert described == want

    def test_managed_storage(self, raw, name):
        n = name("kms")
        storage = {"kmsKeyId": "k1", "fargateEphemeralStorageKmsKeyId": "k2"}
        status, body = raw("CreateCluster", {
            "clusterName": n, "configuration": {"managedStorageConfiguration": storage, "unknown": 1}})
        assert status == 200
        assert body["cluster"]["configuration"] == {"managedStorageConfiguration": storage}

    def test_twice_is_the_same(self, ecs, name):
        n = name("twice")
        first = ecs.create_cluster(clusterName=n, tags=[{"key": "a", "value": "1"}])["cluster"]
        again = ecs.create_cluster(clusterName=n, settings=[{"name": "containerInsights", "value": "enabled"}])
        assert again["cluster"] == first

    def test_inactive_begins_anew(self, ecs, name):
        n = name("again")
        ecs.create_cluster(clusterName=n, tags=[{"key": "old", "value": "1"}],
                           settings=[{"name": "containerInsights", "value": "enabled"}])
        ecs.delete_cluster(cluster=n)
        assert ecs.create_cluster(clusterName=n)["cluster"] == fresh(n)

    @pytest.mark.parametrize("given, code, words", [
        ({"clusterName": "has space"}, "InvalidParameterException", "clusterName"),
        ({"clusterName": "x" * 256}, "InvalidParameterException", "255"),
        ({"clusterName": ""}, "InvalidParameterException", "clusterName"),
        ({"clusterName": 7}, "SerializationException", "clusterName"),
        ({"settings": [{"name": "other", "value": "enabled"}]}, "InvalidParameterException", "containerInsights"),
        ({"settings": [{"name": "containerInsights", "value": "on"}]}, "InvalidParameterException", "enhanced"),
        ({"settings": [{"value": "enabled"}]}, "InvalidParameterException", "name"),
        ({"settings": {}}, "SerializationException", "settings"),
        ({"configuration": {"executeCommandConfiguration": {"logging": "SOME"}}}, "InvalidParameterException",
         "OVERRIDE"),
        ({"configuration": {"executeCommandConfiguration": {"logging": "OVERRIDE"}}}, "InvalidParameterException",
         "logConfiguration"),
        ({"configuration": {"executeCommandConfiguration": {"kmsKeyId": []}}}, "SerializationException", "kmsKeyId"),
        ({"capacityProviders": ["mine"]}, "InvalidParameterException", "'mine' was not found"),
        ({"capacityProviders": ["FARGATE"] * 2}, "InvalidParameterException", "more than once"),
        ({"capacityProviders": ["FARGATE"] * 21}, "InvalidParameterException", "20"),
        ({"defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, "InvalidParameterException",
         "not associated with the cluster"),
        ({"capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [
            {"capacityProvider": "FARGATE", "base": 1}, {"capacityProvider": "FARGATE_SPOT", "base": 1}]},
         "InvalidParameterException", "base"),
        ({"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [
            {"capacityProvider": "FARGATE", "weight": 1001}]}, "InvalidParameterException", "1000"),
        ({"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{"weight": 1}]},
         "InvalidParameterException", "capacityProvider"),
        ({"serviceConnectDefaults": {}}, "InvalidParameterException", "namespace"),
        ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", "aws: prefixed"),
        ({"tags": [{"key": "a"}, {"key": "a"}]}, "InvalidParameterException", "Duplicate"),
        ({"tags": [{"key": f"k{i}", "value": ""} for i in range(51)]}, "InvalidParameterException", "50"),
    ])
    def test_refused(self, raw, ecs, name, given, code, words):
        n = name("bad")
        status, body = raw("CreateCluster", {"clusterName": n, **given})
        assert status == 400
        assert body["__type"] == code
        assert words in body["message"]
        assert ecs.describe_clusters(clusters=[n])["clusters"] == []


class TestDescribe:
    def test_only_what_is_included(self, ecs, name):
        n = name("inc")
        ecs.create_cluster(clusterName=n, tags=[{"key": "a", "value": "1"}], configuration={
            "executeCommandConfiguration": {"logging": "DEFAULT"}})
        bare = {**fresh(n), "settings": []}
        assert describe(ecs, n) == bare
        assert describe(ecs, n, "SETTINGS") == {**bare, "settings": DISABLED}
        assert describe(ecs, n, "TAGS") == {**bare, "tags": [{"key": "a", "value": "1"}]}
        assert describe(ecs, n, "ATTACHMENTS") == {**bare, "attachments": []}
        assert describe(ecs, n, "CONFIGURATIONS") == {
            **bare, "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}}}
        assert describe(ecs, n, "STATISTICS") == {
            **bare, "statistics": [{"name": s, "value": "0"} for s in STATISTICS]}

    def test_by_name_and_arn_in_the_order_asked_for(self, ecs, two_clusters):
        a, b = two_clusters
        reply = ecs.describe_clusters(clusters=[f"{ACCOUNT}cluster/{b}", a])
        assert [c["clusterName"] for c in reply["clusters"]] == [b, a]

    def test_missing(self, ecs, two_clusters):
        foreign = "arn:aws:ecs:eu-west-1:000000000000:cluster/x"
        reply = ecs.describe_clusters(clusters=["nobody", two_clusters[0], foreign])
        assert [c["clusterName"] for c in reply["clusters"]] == [two_clusters[0]]
        assert reply["failures"] == [{"arn": f"{ACCOUNT}cluster/nobody", "reason": "MISSING"},
                                     {"arn": foreign, "reason": "MISSING"}]

    def test_default_exists_when_first_asked_for(self, start_daemon):
        ecs = start_daemon(ECS_DOCKER_BACKEND="0").client()
        assert ecs.list_clusters()["clusterArns"] == []
        assert [c["clusterName"] for c in ecs.describe_clusters()["clusters"]] == ["default"]
        assert ecs.list_clusters()["clusterArns"] == [f"{ACCOUNT}cluster/default"]
        ecs.delete_cluster(cluster="default")
        assert ecs.describe_clusters()["clusters"][0]["status"] == "INACTIVE"

    def test_strict_has_no_default(self, strict_ecs):
        assert strict_ecs.describe_clusters() | {"ResponseMetadata": 0} == {
            "clusters": [], "failures": [{"arn": f"{ACCOUNT}cluster/default", "reason": "MISSING"}],
            "ResponseMetadata": 0}
        assert refused(strict_ecs.list_tasks) == ("ClusterNotFoundException", "Cluster not found.")

    def test_refused(self, raw):
        assert raw("DescribeClusters", {"clusters": ["x"] * 101})[1]["__type"] == "InvalidParameterException"
        assert raw("DescribeClusters", {"include": ["ALL"]})[1]["__type"] == "InvalidParameterException"
        assert raw("DescribeClusters", {"clusters": "x"})[1]["__type"] == "SerializationException"
        assert raw("DescribeClusters", {"clusters": ["a/b"]})[1]["__type"] == "InvalidParameterException"

    def test_other_regions_and_accounts_are_other_worlds(self, daemon, two_clusters):
        for client in (daemon.client(region="eu-west-1"), daemon.client(key="123456789012")):
            assert client.describe_clusters(clusters=two_clusters)["clusters"] == []
            assert two_clusters[0] not in "".join(client.list_clusters()["clusterArns"])
        elsewhere = daemon.client(region="eu-west-1", key="123456789012")
        arn = elsewhere.create_cluster(clusterName=two_clusters[0])["cluster"]["clusterArn"]
        assert arn == f"arn:aws:ecs:eu-west-1:123456789012:cluster/{two_clusters[0]}"
        elsewhere.delete_cluster(cluster=arn)

    def test_counts(self, ecs, name):
        n = name("count")
        ecs.create_cluster(clusterName=n)
        definition = register(ecs, n)
        arns = []
        for launch_type in ("EC2", "FARGATE", "FARGATE"):
            arns += [t["taskArn"] for t in ecs.run_task(
                cluster=n, taskDefinition=definition, launchType=launch_type)["tasks"]]
        cluster = describe(ecs, n, "STATISTICS")
        assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (3, 0)
        assert cluster["registeredContainerInstancesCount"] == 1
        statistics = {s["name"]: s["value"] for s in cluster["statistics"]}
        assert statistics["runningEC2TasksCount"] == "1"
        assert statistics["runningFargateTasksCount"] == "2"
        ecs.stop_task(cluster=n, task=arns[0])
        ecs.delete_cluster(cluster=n)


class TestList:
    def test_pages(self, start_daemon):
        ecs = start_daemon(ECS_DOCKER_BACKEND="0").client()
        arns = [ecs.create_cluster(clusterName=f"c{i:03}")["cluster"]["clusterArn"] for i in range(103)]
        first = ecs.list_clusters()
        assert len(first["clusterArns"]) == 100
        assert ecs.list_clusters(nextToken=first["nextToken"])["clusterArns"] == arns[100:]
        assert "nextToken" not in ecs.list_clusters(nextToken=first["nextToken"])
        pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 51}))
        assert [len(p["clusterArns"]) for p in pages] == [51, 51, 1]
        assert [a for p in pages for a in p["clusterArns"]] == arns

    def test_exactly_one_page_has_no_token(self, start_daemon):
        ecs = start_daemon(ECS_DOCKER_BACKEND="0").client()
        ecs.create_cluster(clusterName="a")
        ecs.create_cluster(clusterName="b")
        assert "nextToken" not in ecs.list_clusters(maxResults=2)
        assert "nextToken" in ecs.list_clusters(maxResults=1)

    def test_only_active(self, ecs, name):
        n = name("gone")
        arn = ecs.create_cluster(clusterName=n)["cluster"]["clusterArn"]
        assert arn in [a for p in ecs.get_paginator("list_clusters").paginate() for a in p["clusterArns"]]
        ecs.delete_cluster(cluster=n)
        assert arn not in [a for p in ecs.get_paginator("list_clusters").paginate() for a in p["clusterArns"]]

    @pytest.mark.parametrize("token", ["", "x", "!!!!", "AAAA", "MS9MaXN0VGFza3MvYQ", "a" * 5000, "bm90IG91cnM"])
    def test_bad_token(self, ecs, token):
        assert refused(ecs.list_clusters, nextToken=token) == ("InvalidParameterException", "Invalid token.")

    @pytest.mark.parametrize("limit", [0, -1, 101, 2**31 - 1])
    def test_bad_limit(self, lax, limit):
        assert refused(lax.list_clusters, maxResults=limit)[0] == "InvalidParameterException"


class TestUpdate:
    def test_settings(self, ecs, name):
        n = name("up")
        ecs.create_cluster(clusterName=n, tags=[{"key": "a", "value": "1"}])
        enabled = [{"name": "containerInsights", "value": "enabled"}]
        cluster = ecs.update_cluster_settings(cluster=n, settings=enabled)["cluster"]
        assert cluster["settings"] == enabled
        assert describe(ecs, n, "SETTINGS", "TAGS") == {
            **fresh(n), "settings": enabled, "tags": [{"key": "a", "value": "1"}]}

    def test_only_what_is_given_changes(self, ecs, name):
        n = name("up")
        configuration = {"executeCommandConfiguration": {"logging": "NONE"}}
        ecs.create_cluster(clusterName=n, capacityProviders=["FARGATE"], configuration=configuration)
        cluster = ecs.update_cluster(cluster=n, serviceConnectDefaults={"namespace": "ns"})["cluster"]
        assert cluster["configuration"] == configuration
        assert cluster["capacityProviders"] == ["FARGATE"]
        assert cluster["serviceConnectDefaults"] == {"namespace": "ns"}
        assert cluster["settings"] == DISABLED
        cluster = ecs.update_cluster(cluster=f"{ACCOUNT}cluster/{n}", serviceConnectDefaults={"namespace": ""})
        assert "serviceConnectDefaults" not in cluster["cluster"]

    def test_refused(self, ecs, raw, name):
        n = name("up")
        ecs.create_cluster(clusterName=n)
        assert refused(ecs.update_cluster, cluster="nobody") == ("ClusterNotFoundException", "Cluster not found.")
        assert refused(ecs.update_cluster_settings, cluster="nobody", settings=DISABLED)[0] == \
            "ClusterNotFoundException"
        assert raw("UpdateCluster", {})[1]["__type"] == "InvalidParameterException"
        assert raw("UpdateClusterSettings", {"cluster": n})[1]["__type"] == "InvalidParameterException"
        ecs.delete_cluster(cluster=n)
        assert refused(ecs.update_cluster, cluster=n)[0] == "ClusterNotFoundException"


class TestDelete:
    def test_reply_and_what_stays(self, ecs, name):
        n = name("del")
        ecs.create_cluster(clusterName=n, tags=[{"key": "a", "value": "1"}])
        gone = {**fresh(n), "status": "INACTIVE", "settings": []}
        assert ecs.delete_cluster(cluster=n)["cluster"] == gone
        assert describe(ecs, n, "TAGS") == gone
        assert refused(ecs.delete_cluster, cluster=n) == ("ClusterNotFoundException", "Cluster not found.")
        assert refused(ecs.list_tasks, cluster=n)[0] == "ClusterNotFoundException"

    def test_unknown(self, ecs, raw):
        assert refused(ecs.delete_cluster, cluster="nobody")[0] == "ClusterNotFoundException"
        assert refused(ecs.delete_cluster, cluster=f"{ACCOUNT}service/a/b")[0] == "InvalidParameterException"
        assert refused(ecs.delete_cluster, cluster="arn:aws:ecs:us-east-1:999999999999:cluster/a")[0] == \
            "ClusterNotFoundException"
        assert raw("DeleteCluster", {})[1]["__type"] == "InvalidParameterException"

    @pytest.mark.parametrize("launch_type", ["EC2", "FARGATE"])
    def test_running_tasks_are_stopped(self, ecs, name, launch_type):
        n = name("del")
        ecs.create_cluster(clusterName=n)
        definition = register(ecs, n)
        task = ecs.run_task(cluster=n, taskDefinition=definition, launchType=launch_type)["tasks"][0]
        assert task["lastStatus"] == "RUNNING"
        cluster = ecs.delete_cluster(cluster=n)["cluster"]
        assert cluster["status"] == "INACTIVE"
        assert cluster["runningTasksCount"] == cluster["pendingTasksCount"] == 0
        assert cluster["registeredContainerInstancesCount"] == 0
        ecs.create_cluster(clusterName=n)
        stopped = ecs.describe_tasks(cluster=n, tasks=[task["taskArn"]])["tasks"][0]
        assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "UserInitiated")
        assert stopped["stoppedReason"] == "Cluster deleted by user"

    def test_strict_refuses_what_is_in_use(self, start_daemon, wait_task):
        """Strict mode starts no task without subnets or instances, so the tasks are from before it was switched on."""
        daemon = start_daemon(ECS_DOCKER_BACKEND="0")
        ecs = daemon.client()
        definition = register(ecs, "strict")
        tasks = {}
        for launch_type in ("EC2", "FARGATE"):
            ecs.create_cluster(clusterName=launch_type)
            tasks[launch_type] = ecs.run_task(
                cluster=launch_type, taskDefinition=definition, launchType=launch_type)["tasks"][0]["taskArn"]
        daemon.terminate()
        daemon.settings["ECS_STRICT"] = "1"
        ecs = daemon.start().client()
        assert refused(ecs.delete_cluster, cluster="FARGATE") == (
            "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        assert refused(ecs.delete_cluster, cluster="EC2") == (
            "ClusterContainsContainerInstancesException",
            "The Cluster cannot be deleted while Container Instances are active or draining.")
        for launch_type, task in tasks.items():  # what is refused changes nothing
            assert describe(ecs, launch_type)["status"] == "ACTIVE"
            assert ecs.describe_tasks(cluster=launch_type, tasks=[task])["tasks"][0]["desiredStatus"] == "RUNNING"
        ecs.stop_task(cluster="FARGATE", task=tasks["FARGATE"])
        wait_task(ecs, "FARGATE", tasks["FARGATE"])
        assert ecs.delete_cluster(cluster="FARGATE")["cluster"]["status"] == "INACTIVE"

    def test_survives_kill(self, start_daemon):
        daemon = start_daemon(ECS_DOCKER_BACKEND="0")
        ecs = daemon.client()
        ecs.create_cluster(clusterName="kept", tags=[{"key": "a", "value": "1"}])
        ecs.create_cluster(clusterName="gone")
        ecs.delete_cluster(cluster="gone")
        daemon.kill()
        ecs = daemon.start().client()
        assert describe(ecs, "kept", "TAGS")["tags"] == [{"key": "a", "value": "1"}]
        assert describe(ecs, "gone")["status"] == "INACTIVE"
