# SPDX-License-Identifier: Apache-2.0
"""Placement strategies and constraints over several synthetic instances, without containers."""

import collections

import pytest
from botocore.exceptions import ClientError

from harness.daemon import Daemon


@pytest.fixture(scope="module")
def spacious():
    """A daemon whose clusters get six instances in three zones."""
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "PERSISTENCE": "0", "ECS_SYNTHETIC_INSTANCES": "6"}).start()
    yield daemon
    assert daemon.finish() == []


@pytest.fixture
def six(spacious):
    return spacious.client()


@pytest.fixture
def cluster(six, name):
    cluster = name("place")
    six.create_cluster(clusterName=cluster)
    return cluster


@pytest.fixture
def define(six, name):
    def define(cpu=1, memory=16, **more):
        return six.register_task_definition(family=name("place"), **more, containerDefinitions=[
            {"name": "main", "image": "busybox", "cpu": cpu, "memory": memory}])["taskDefinition"]["taskDefinitionArn"]

    return define


def run(six, cluster, definition, count, **more):
    return six.run_task(cluster=cluster, taskDefinition=definition, count=count, launchType="EC2", **more)


def zones(reply):
    return collections.Counter(t["availabilityZone"] for t in reply["tasks"])


def instances(reply):
    return collections.Counter(t["containerInstanceArn"] for t in reply["tasks"])


def test_tasks_are_spread_over_zones_and_instances(six, cluster, define):
    reply = run(six, cluster, define(), 6)
    assert zones(reply) == {"us-east-1a": 2, "us-east-1b": 2, "us-east-1c": 2}
    assert set(instances(reply).values()) == {1}
    listed = six.list_container_instances(cluster=cluster)["containerInstanceArns"]
    assert sorted(listed) == sorted(instances(reply))


def test_spread_counts_the_group(six, cluster, define):
    definition = define()
    strategy = [{"type": "spread", "field": "instanceId"}]
    first = run(six, cluster, definition, 4, placementStrategy=strategy)
    second = run(six, cluster, definition, 8, placementStrategy=strategy)
    assert set((instances(first) + instances(second)).values()) == {2}


@pytest.mark.parametrize("field", ["cpu", "MEMORY"])
def test_binpack_fills_one_instance_first(six, cluster, define, field):
    reply = run(six, cluster, define(), 5, placementStrategy=[{"type": "binpack", "field": field}])
    assert list(instances(reply).values()) == [5]


def test_binpack_goes_on_where_there_is_room(six, cluster, define):
    run(six, cluster, define(), 1)
    room = six.describe_container_instances(
        cluster=cluster, containerInstances=six.list_container_instances(cluster=cluster)["containerInstanceArns"])
    total = next(r for r in room["containerInstances"][0]["registeredResources"] if r["name"] == "CPU")["integerValue"]
    big = define(cpu=total // 2 - 1)
    reply = run(six, cluster, big, 5, placementStrategy=[{"type": "binpack", "field": "cpu"}])
    assert sorted(instances(reply).values()) == [1, 2, 2]


def test_strategies_narrow_in_their_order(six, cluster, define):
    reply = run(six, cluster, define(), 6, placementStrategy=[
        {"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "memory"}])
    assert set(zones(reply).values()) == {2}
    assert sorted(instances(reply).values()) == [2, 2, 2]


def test_random_uses_several(six, cluster, define):
    seen = set()
    definition = define()
    for _ in range(20):
        seen |= set(instances(run(six, cluster, definition, 10, placementStrategy=[{"type": "random"}])))
        if len(seen) > 1:
            return
    raise AssertionError("200 tasks on one instance")


def test_distinct_instances_run_out(six, cluster, define):
    reply = run(six, cluster, define(), 8, placementConstraints=[{"type": "distinctInstance"}])
    assert len(reply["tasks"]) == 6 and set(instances(reply).values()) == {1}
    assert len(reply["failures"]) == 6
    assert {f["reason"] for f in reply["failures"]} == {"DistinctInstance placement constraint unsatisfied."}


def test_member_of_a_zone(six, cluster, define):
    reply = run(six, cluster, define(), 4, placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-1b"}])
    assert zones(reply) == {"us-east-1b": 4}


def test_no_room_says_what_is_missing(six, cluster, define):
    reply = run(six, cluster, define(memory=100_000_000), 1)
    assert reply["tasks"] == []
    assert {f["reason"] for f in reply["failures"]} == {"RESOURCE:MEMORY"}


@pytest.mark.parametrize("strategy, words", [
    ({"type": "spread"}, "should not be null or empty for the type spread"),
    ({"type": "spread", "field": "colour"}, "should be one of [instanceId, host, attribute:NAME]"),
    ({"type": "binpack"}, "should be one of [cpu, memory]"),
    ({"type": "binpack", "field": "host"}, "should be one of [cpu, memory]"),
    ({"type": "random", "field": "cpu"}, "takes no field"),
    ({"field": "cpu"}, "type should not be null or empty"),
])
def test_wrong_strategies(six, cluster, define, strategy, words):
    with pytest.raises(ClientError) as e:
        run(six, cluster, define(), 1, placementStrategy=[strategy])
    assert e.value.response["Error"]["Code"] == "InvalidParameterException" and words in str(e.value)
