# SPDX-License-Identifier: Apache-2.0
"""Tags of clusters, task definitions, tasks and container instances through boto3."""

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "arn:aws:ecs:us-east-1:000000000000:"


def tag(key, value=""):
    return {"key": key, "value": value}


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = e.value.response["Error"]
    return error["Code"], error["Message"]


def tags_of(ecs, arn):
    return ecs.list_tags_for_resource(resourceArn=arn)["tags"]


@pytest.fixture
def lax(daemon):
    """A client that sends what botocore's own validation would refuse."""
    return daemon.client(validate=False)


@pytest.fixture
def cluster(ecs, name):
    n = name("tags")
    yield ecs.create_cluster(clusterName=n)["cluster"]["clusterArn"]
    ecs.delete_cluster(cluster=n)


@pytest.fixture
def definition(ecs, name):
    return ecs.register_task_definition(
        family=name("tags"), tags=[tag("made", "here")],
        containerDefinitions=[{"name": "app", "image": "busybox:test", "memory": 64}])["taskDefinition"]["taskDefinitionArn"]


@pytest.fixture
def task(ecs, cluster, definition):
    return ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2")["tasks"][0]


def round_trip(ecs, arn, before):
    assert tags_of(ecs, arn) == before
    ecs.tag_resource(resourceArn=arn, tags=[tag("z", "1"), tag("a b", "x:/=+-@_."), tag("größe", "ü")])
    assert tags_of(ecs, arn) == before + [tag("z", "1"), tag("a b", "x:/=+-@_."), tag("größe", "ü")]
    ecs.tag_resource(resourceArn=arn, tags=[tag("z", "2")])
    ecs.untag_resource(resourceArn=arn, tagKeys=["a b", "größe", "never-set"])
    assert tags_of(ecs, arn) == before + [tag("z", "2")]
    ecs.untag_resource(resourceArn=arn, tagKeys=["z"])
    assert tags_of(ecs, arn) == before


def test_cluster(ecs, cluster):
    round_trip(ecs, cluster, [])


def test_task_definition(ecs, definition):
    round_trip(ecs, definition, [tag("made", "here")])
    assert ecs.describe_task_definition(taskDefinition=definition, include=["TAGS"])["tags"] == [tag("made", "here")]


def test_task(ecs, cluster, task):
    round_trip(ecs, task["taskArn"], [])
    ecs.tag_resource(resourceArn=task["taskArn"], tags=[tag("k", "v")])
    described = ecs.describe_tasks(cluster=cluster, tasks=[task["taskArn"]], include=["TAGS"])["tasks"][0]
    assert described["tags"] == [tag("k", "v")]


def test_container_instance(ecs, task):
    round_trip(ecs, task["containerInstanceArn"], [])


def test_tags_go_with_the_cluster(ecs, name):
    n = name("tags")
    arn = ecs.create_cluster(clusterName=n, tags=[tag("a", "1")])["cluster"]["clusterArn"]
    assert tags_of(ecs, arn) == [tag("a", "1")]
    ecs.delete_cluster(cluster=n)
    assert refused(ecs.list_tags_for_resource, resourceArn=arn) == ("ClusterNotFoundException", "Cluster not found.")
    ecs.create_cluster(clusterName=n)
    assert tags_of(ecs, arn) == []
    ecs.delete_cluster(cluster=n)


def test_fifty_and_no_more(ecs, cluster):
    ecs.tag_resource(resourceArn=cluster, tags=[tag(f"k{i}", "v") for i in range(49)])
    ecs.tag_resource(resourceArn=cluster, tags=[tag("k0", "again"), tag("last")])
    code, message = refused(ecs.tag_resource, resourceArn=cluster, tags=[tag("one-more")])
    assert code == "LimitExceededException" and "50" in message
    assert len(tags_of(ecs, cluster)) == 50


@pytest.mark.parametrize("tags, words", [
    ([tag("aws:mine", "x")], "aws: prefixed tag key names are not allowed for external use."),
    ([tag("AWS:mine", "x")], "aws: prefixed"),
    ([tag("")], "empty"),
    ([{"value": "x"}], "empty"),
    ([tag("k" * 129)], "128"),
    ([tag("k", "v" * 257)], "256"),
    ([tag("k#")], "not allowed"),
    ([tag("k", "a\nb")], "not allowed"),
    ([tag("a"), tag("b"), tag("a")], "Duplicate"),
    ([tag(f"k{i}") for i in range(51)], "50"),
])
def test_bad_tags(lax, cluster, tags, words):
    code, message = refused(lax.tag_resource, resourceArn=cluster, tags=tags)
    assert code == "InvalidParameterException" and words in message
    assert tags_of(lax, cluster) == []


def test_lengths_count_characters(ecs, cluster):
    ecs.tag_resource(resourceArn=cluster, tags=[tag("ä" * 128, "ö" * 256)])
    assert tags_of(ecs, cluster) == [tag("ä" * 128, "ö" * 256)]


def test_bad_keys_to_untag(ecs, cluster):
    assert refused(ecs.untag_resource, resourceArn=cluster, tagKeys=["aws:x"])[0] == "InvalidParameterException"


@pytest.mark.parametrize("arn, code", [
    ("web", "InvalidParameterException"),
    ("arn:aws:s3:::bucket", "InvalidParameterException"),
    ("arn:aws:ecs:us-east-1:000000000000", "InvalidParameterException"),
    (ACCOUNT + "cluster/nobody", "ClusterNotFoundException"),
    (ACCOUNT + "cluster/a/b", "InvalidParameterException"),
    (ACCOUNT + "container/a/b/c", "InvalidParameterException"),
    (ACCOUNT + "task-definition/nobody:1", "ResourceNotFoundException"),
    (ACCOUNT + "task-definition/nobody", "InvalidParameterException"),
    (ACCOUNT + "task-definition/nobody:x", "InvalidParameterException"),
    (ACCOUNT + "task/nobody/" + "0" * 32, "ClusterNotFoundException"),
    (ACCOUNT + "service/web/nobody", "ClusterNotFoundException"),
    ("arn:aws:ecs:eu-west-1:000000000000:cluster/x", "ResourceNotFoundException"),
    ("arn:aws-cn:ecs:us-east-1:000000000000:cluster/x", "ResourceNotFoundException"),
])
def test_bad_arn(ecs, arn, code):
    assert refused(ecs.list_tags_for_resource, resourceArn=arn)[0] == code
    assert refused(ecs.tag_resource, resourceArn=arn, tags=[tag("a")])[0] == code
    assert refused(ecs.untag_resource, resourceArn=arn, tagKeys=["a"])[0] == code


def test_unknown_task(ecs, cluster):
    short = cluster.split("/")[-1]
    for kind in ("task", "container-instance"):
        arn = f"{ACCOUNT}{kind}/{short}/{'0' * 32}"
        assert refused(ecs.list_tags_for_resource, resourceArn=arn)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("kind", ["task", "service", "container-instance"])
def test_short_arn(ecs, kind):
    assert refused(ecs.tag_resource, resourceArn=f"{ACCOUNT}{kind}/x", tags=[tag("a")]) == (
        "InvalidParameterException", "Long arn format must be used for tagging operations")


def test_missing_members(lax, cluster):
    assert refused(lax.tag_resource, resourceArn=cluster)[0] == "InvalidParameterException"
    assert refused(lax.tag_resource, tags=[])[0] == "InvalidParameterException"
    assert refused(lax.untag_resource, resourceArn=cluster)[0] == "InvalidParameterException"
    assert refused(lax.list_tags_for_resource)[0] == "InvalidParameterException"
