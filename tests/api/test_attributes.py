# SPDX-License-Identifier: Apache-2.0
"""Attributes of container instances: putting, deleting, listing, and their limits."""

import pytest
from botocore.exceptions import ClientError

MISSING = "0" * 32


@pytest.fixture
def cluster(ecs, name):
    cluster = name("attr")
    ecs.create_cluster(clusterName=cluster)
    yield cluster
    for arn in ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]:
        ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)
    ecs.delete_cluster(cluster=cluster)


@pytest.fixture
def register(ecs, cluster):
    return lambda: ecs.register_container_instance(cluster=cluster)["containerInstance"]["containerInstanceArn"]


@pytest.fixture
def instance(register):
    return register()


@pytest.fixture
def lax(daemon):
    """A client that sends what botocore's own validation would refuse."""
    return daemon.client(validate=False)


def refused(call, *names, **arguments):
    with pytest.raises(ClientError) as e:
        call(*names, **arguments)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def custom(ecs, cluster, instance):
    shown = ecs.describe_container_instances(cluster=cluster, containerInstances=[instance])["containerInstances"][0]
    return {a["name"]: a.get("value") for a in shown["attributes"] if not a["name"].startswith("ecs.")}


def listed(ecs, cluster, **more):
    return ecs.list_attributes(cluster=cluster, targetType="container-instance", **more)["attributes"]


def test_attributes_come_and_go(ecs, cluster, instance):
    reply = ecs.put_attributes(cluster=cluster, attributes=[
        {"name": "stack", "value": "prod", "targetId": instance},
        {"name": "flag", "targetId": instance.split("/")[-1], "targetType": "container-instance"}])
    assert reply["attributes"] == [{"name": "stack", "value": "prod", "targetId": instance},
                                   {"name": "flag", "targetId": instance}]
    assert custom(ecs, cluster, instance) == {"stack": "prod", "flag": None}
    ecs.put_attributes(cluster=cluster, attributes=[{"name": "stack", "value": "a b:c@d/e\\f.g", "targetId": instance}])
    assert custom(ecs, cluster, instance) == {"stack": "a b:c@d/e\\f.g", "flag": None}
    gone = ecs.delete_attributes(cluster=cluster, attributes=[{"name": "stack", "targetId": instance},
                                                              {"name": "never", "targetId": instance}])
    assert [a["name"] for a in gone["attributes"]] == ["stack", "never"]
    assert custom(ecs, cluster, instance) == {"flag": None}


def test_listing(ecs, cluster, register):
    arns = sorted(register() for _ in range(3))
    for i, arn in enumerate(arns):
        ecs.put_attributes(cluster=cluster, attributes=[{"name": "n", "value": str(i % 2), "targetId": arn},
                                                        {"name": "only", "targetId": arn}][:2 if i == 0 else 1])
    assert listed(ecs, cluster, attributeName="n") == [
        {"name": "n", "value": str(i % 2), "targetId": arn} for i, arn in enumerate(arns)]
    assert listed(ecs, cluster, attributeName="n", attributeValue="0") == [
        {"name": "n", "value": "0", "targetId": arns[i]} for i in (0, 2)]
    assert listed(ecs, cluster, attributeName="only") == [{"name": "only", "targetId": arns[0]}]
    assert listed(ecs, cluster, attributeName="ecs.os-type", attributeValue="linux") == [
        {"name": "ecs.os-type", "value": "linux", "targetId": arn} for arn in arns]
    everything = listed(ecs, cluster)
    pages = list(ecs.get_paginator("list_attributes").paginate(
        cluster=cluster, targetType="container-instance", PaginationConfig={"PageSize": 2}))
    assert [a for p in pages for a in p["attributes"]] == everything and len(pages) == (len(everything) + 1) // 2
    ecs.deregister_container_instance(cluster=cluster, containerInstance=arns[0])
    assert listed(ecs, cluster, attributeName="only") == []


def test_limits(ecs, cluster, instance):
    def put(*names):
        return ecs.put_attributes(cluster=cluster, attributes=[{"name": n, "targetId": instance} for n in names])

    put(*(f"a{i}" for i in range(10)))
    put("a3", "ecs.awsvpc-trunk-id")
    assert refused(put, "one-more")[0] == "AttributeLimitExceededException"
    assert len(custom(ecs, cluster, instance)) == 10
    assert refused(put, *(f"b{i}" for i in range(11)))[0] == "InvalidParameterException"
    assert refused(put) == ("InvalidParameterException", "attributes can not be empty")


@pytest.mark.parametrize("attribute", [
    {"name": ""}, {"name": "x" * 129}, {"name": "a b"}, {"name": "ä"}, {"name": "a", "value": ""},
    {"name": "a", "value": "x" * 129}, {"name": "a", "value": " x"}, {"name": "a", "value": "x "},
    {"name": "a", "value": "a;b"}, {"value": "b"},
])
def test_names_and_values_that_are_not_taken(lax, ecs, cluster, instance, attribute):
    code, _ = refused(lax.put_attributes, cluster=cluster, attributes=[{**attribute, "targetId": instance}])
    assert code == "InvalidParameterException"
    assert custom(ecs, cluster, instance) == {}


def test_targets(lax, ecs, cluster, instance):
    def put(**target):
        return refused(lax.put_attributes, cluster=cluster, attributes=[{"name": "a", "value": "b", **target}])

    other = instance[:-32] + MISSING
    assert put(targetId=other) == ("TargetNotFoundException", f"Could not find {other}")
    assert put(targetId=MISSING, targetType="container-instance") == ("TargetNotFoundException", f"Could not find {MISSING}")
    assert put(targetId=instance[-32:]) == ("InvalidParameterException", "targetType must be container-instance")
    assert put(targetId=instance, targetType="host") == ("InvalidParameterException", "targetType must be container-instance")
    assert put()[0] == "InvalidParameterException"
    # all or nothing
    assert refused(ecs.put_attributes, cluster=cluster, attributes=[
        {"name": "a", "targetId": instance}, {"name": "a", "targetId": other}])[0] == "TargetNotFoundException"
    assert custom(ecs, cluster, instance) == {}
    assert refused(ecs.put_attributes, cluster="nowhere", attributes=[{"name": "a", "targetId": instance}])[0] == (
        "ClusterNotFoundException")
    assert refused(lax.list_attributes, cluster=cluster, targetType="host") == (
        "InvalidParameterException", "targetType must be container-instance")
    assert refused(ecs.list_attributes, cluster=cluster, targetType="container-instance", attributeValue="x")[0] == (
        "InvalidParameterException")
