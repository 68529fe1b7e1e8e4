# SPDX-License-Identifier: Apache-2.0
"""CloudTrail: every write is recorded with who, what, when and what came of it; LookupEvents finds it; nothing secret is told."""

import datetime
import json
import subprocess
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

ROOT = "arn:aws:iam::000000000000:root"


@pytest.fixture
def account(daemon):
    """Clients of an account in which nobody else does anything."""
    number = f"{uuid.uuid4().int % 10**12:012d}"
    return lambda service, region="us-east-1": daemon.client(service=service, key=number, region=region)


def lookup(client, **attributes):
    given = [{"AttributeKey": k, "AttributeValue": v} for k, v in attributes.items()]
    return client.lookup_events(**({"LookupAttributes": given} if given else {}))["Events"]


def record(event):
    return json.loads(event["CloudTrailEvent"])


def test_a_write_is_recorded_with_all_its_members(account):
    ecs, trail = account("ecs"), account("cloudtrail")
    reply = ecs.create_cluster(clusterName="web", tags=[{"key": "a", "value": "b"}])
    (event,) = lookup(trail)
    detail = record(event)
    assert (event["EventName"], event["EventSource"], event["ReadOnly"]) == ("CreateCluster", "ecs.amazonaws.com", "false")
    assert event["Username"] == "root"
    assert event["Resources"] == [{"ResourceType": "AWS::ECS::Cluster", "ResourceName": reply["cluster"]["clusterArn"]}]
    assert abs((event["EventTime"].timestamp() - datetime.datetime.now().timestamp())) < 60
    assert detail["eventID"] == event["EventId"]
    assert detail["requestID"] == reply["ResponseMetadata"]["RequestId"]
    assert detail["requestParameters"] == {"clusterName": "web", "tags": [{"key": "a", "value": "b"}]}
    assert detail["responseElements"]["cluster"]["clusterName"] == "web"
    assert detail["userIdentity"]["type"] == "Root"
    assert detail["userIdentity"]["arn"].endswith(":root")
    assert detail["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in detail["userAgent"]
    assert (detail["awsRegion"], detail["eventType"], detail["eventCategory"]) == ("us-east-1", "AwsApiCall", "Management")
    assert (detail["managementEvent"], detail["readOnly"]) == (True, False)


def test_reads_are_not_recorded(account):
    account("ecs").list_clusters()
    assert lookup(account("cloudtrail")) == []


def test_a_failed_write_is_recorded_with_its_error(account):
    ecs, trail = account("ecs"), account("cloudtrail")
    with pytest.raises(ClientError):
        ecs.run_task(cluster="nowhere", taskDefinition="nothing")
    (event,) = lookup(trail)
    detail = record(event)
    assert (event["EventName"], detail["errorCode"], detail["errorMessage"]) == (
        "RunTask", "ClusterNotFoundException", "Cluster not found.")
    assert detail["responseElements"] is None
    assert detail["requestParameters"]["cluster"] == "nowhere"


def test_environments_are_hidden(account):
    ecs, trail = account("ecs"), account("cloudtrail")
    secret = "s3cr3t-" + uuid.uuid4().hex
    ecs.register_task_definition(family="f", containerDefinitions=[
        {"name": "c", "image": "i", "memory": 16, "environment": [{"name": "PASSWORD", "value": secret}]}])
    ecs.create_cluster(clusterName="c")
    ecs.run_task(cluster="c", taskDefinition="f", overrides={
        "containerOverrides": [{"name": "c", "environment": [{"name": "PASSWORD", "value": secret}]}]})
    text = json.dumps(lookup(trail), default=str)
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" in text
    assert secret not in text


def test_keys_are_hidden(account):
    iam, sts, trail = account("iam"), account("sts"), account("cloudtrail")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    session = sts.get_session_token()["Credentials"]
    events = lookup(trail)
    text = json.dumps(events, default=str)
    assert key["SecretAccessKey"] not in text
    assert session["SecretAccessKey"] not in text and session["SessionToken"] not in text
    by_name = {e["EventName"]: e for e in events}
    assert record(by_name["CreateUser"])["requestParameters"] == {"userName": "ann"}
    assert {"ResourceType": "AWS::IAM::User", "ResourceName": "ann"} in by_name["CreateUser"]["Resources"]


def test_an_assumed_role_is_named(daemon, account):
    sts = account("sts")
    me = sts.get_caller_identity()["Account"]
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{me}:role/deployer", RoleSessionName="ci")["Credentials"]
    boto3.client("ecs", region_name="us-east-1", endpoint_url=daemon.url, aws_access_key_id=keys["AccessKeyId"],
                 aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"]
                 ).create_cluster(clusterName="byrole")
    (event,) = lookup(account("cloudtrail"), EventName="CreateCluster")
    identity = record(event)["userIdentity"]
    assert event["Username"] == "ci"
    assert event["AccessKeyId"] == keys["AccessKeyId"] == identity["accessKeyId"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::{me}:assumed-role/deployer/ci"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == f"arn:aws:iam::{me}:role/deployer"
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "deployer"


def test_every_attribute_finds(account):
    ecs, trail = account("ecs"), account("cloudtrail")
    arn = ecs.create_cluster(clusterName="one")["cluster"]["clusterArn"]
    ecs.create_cluster(clusterName="two")
    account("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    wanted = next(e for e in lookup(trail) if e["Resources"] and e["Resources"][0]["ResourceName"] == arn)
    assert lookup(trail, EventId=wanted["EventId"]) == [wanted]
    assert len(lookup(trail, EventName="CreateCluster")) == 2
    assert lookup(trail, ResourceName=arn) == [wanted]
    assert lookup(trail, ResourceName="one") == [wanted]
    assert len(lookup(trail, ResourceType="AWS::ECS::Cluster")) == 2
    assert [e["EventName"] for e in lookup(trail, EventSource="ec2.amazonaws.com")] == ["CreateVpc"]
    assert len(lookup(trail, Username="root")) == 3
    assert lookup(trail, Username="nobody") == []
    assert len(lookup(trail, ReadOnly="false")) == 3
    assert lookup(trail, ReadOnly="true") == []
    assert len(lookup(trail, AccessKeyId=wanted["AccessKeyId"])) == 3


def test_times_and_pages(account):
    ecs, trail = account("ecs"), account("cloudtrail")
    for i in range(7):
        ecs.create_cluster(clusterName=f"c{i}")
    pages = list(trail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(p["Events"]) for p in pages] == [3, 3, 1]
    names = [record(e)["requestParameters"]["clusterName"] for p in pages for e in p["Events"]]
    assert names == [f"c{i}" for i in reversed(range(7))]
    now = datetime.datetime.now(datetime.timezone.utc)
    minute = datetime.timedelta(minutes=1)
    assert len(trail.lookup_events(StartTime=now - minute, EndTime=now + minute)["Events"]) == 7
    assert trail.lookup_events(EndTime=now - minute)["Events"] == []
    assert trail.lookup_events(StartTime=now + minute)["Events"] == []


@pytest.mark.parametrize("wrong, code", [
    ({"MaxResults": 51}, "InvalidMaxResultsException"),
    ({"NextToken": "nonsense"}, "InvalidNextTokenException"),
    ({"StartTime": 2000000000, "EndTime": 1000000000}, "InvalidTimeRangeException"),
])
def test_wrong_questions(account, wrong, code):
    with pytest.raises(ClientError) as e:
        account("cloudtrail").lookup_events(**wrong)
    assert e.value.response["Error"]["Code"] == code


def test_regions_and_accounts_are_apart(account):
    account("ecs", region="eu-west-1").create_cluster(clusterName="x")
    assert lookup(account("cloudtrail")) == []
    (event,) = lookup(account("cloudtrail", region="eu-west-1"))
    assert record(event)["awsRegion"] == "eu-west-1"


def test_trails_are_honestly_not_there(account):
    with pytest.raises(ClientError, match="not available"):
        account("cloudtrail").create_trail(Name="t", S3BucketName="b")


def test_aws_cli_looks_up(daemon, account):
    number = account("sts").get_caller_identity()["Account"]
    account("ecs").create_cluster(clusterName="cli")
    out = subprocess.run(
        ["/usr/bin/aws", "--endpoint-url", daemon.url, "--region", "us-east-1", "cloudtrail", "lookup-events",
         "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateCluster", "--query", "Events[].Username"],
        env={"AWS_ACCESS_KEY_ID": number, "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(out) == ["root"]
