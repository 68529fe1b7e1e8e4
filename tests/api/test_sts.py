# SPDX-License-Identifier: Apache-2.0
"""STS as boto3, aws and raw requests see it."""

import datetime
import http.client
import json
import re
import subprocess

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/team/worker"


@pytest.fixture(scope="module")
def sts(daemon):
    return daemon.client(service="sts")


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    return e["Error"]["Code"], e["Error"]["Message"], e["ResponseMetadata"]["HTTPStatusCode"]


def assumed(daemon, keys, service="sts", **config):
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service, region_name="us-east-1", endpoint_url=daemon.url, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, **config))


def test_root(sts, daemon):
    reply = sts.get_caller_identity()
    assert (reply["Account"], reply["Arn"], reply["UserId"]) == (
        "000000000000", "arn:aws:iam::000000000000:root", "000000000000")
    assert re.fullmatch("[0-9a-f-]{36}", reply["ResponseMetadata"]["RequestId"])
    other = daemon.client(service="sts", key="123456789012").get_caller_identity()
    assert other["Arn"] == "arn:aws:iam::123456789012:root"


def test_assume_role(sts, daemon):
    before = datetime.datetime.now(datetime.timezone.utc)
    reply = sts.assume_role(RoleArn=ROLE, RoleSessionName="night@shift")
    keys, user = reply["Credentials"], reply["AssumedRoleUser"]
    assert re.fullmatch("ASIA[A-Z2-7]{16}", keys["AccessKeyId"])
    assert re.fullmatch("[A-Za-z0-9/+]{40}", keys["SecretAccessKey"])
    assert len(keys["SessionToken"]) > 300
    assert 3590 <= (keys["Expiration"] - before).total_seconds() <= 3610
    assert user["Arn"] == "arn:aws:sts::000000000000:assumed-role/worker/night@shift"
    assert re.fullmatch("AROA[A-Z2-7]{17}:night@shift", user["AssumedRoleId"])
    me = assumed(daemon, keys).get_caller_identity()
    assert (me["Arn"], me["UserId"], me["Account"]) == (user["Arn"], user["AssumedRoleId"], "000000000000")


def test_role_chain_into_another_account(sts, daemon):
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="one")["Credentials"]
    second = assumed(daemon, keys).assume_role(RoleArn="arn:aws:iam::111122223333:role/far", RoleSessionName="two")
    me = assumed(daemon, second["Credentials"])
    assert me.get_caller_identity()["Account"] == "111122223333"
    ecs = assumed(daemon, second["Credentials"], "ecs")
    assert ":111122223333:" in ecs.create_cluster(clusterName="far")["cluster"]["clusterArn"]


@pytest.mark.parametrize("seconds", [900, 43200])
def test_duration(sts, seconds):
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="x1", DurationSeconds=seconds)["Credentials"]
    left = (keys["Expiration"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert seconds - 10 <= left <= seconds + 10


@pytest.mark.parametrize("wrong", [
    {"RoleSessionName": "x"}, {"RoleSessionName": "with space"}, {"DurationSeconds": 899}, {"DurationSeconds": 43201},
    {"RoleArn": "arn:aws:iam::1:role/tooshortaccount"}, {"RoleArn": "arn:aws:iam::000000000000:user/nobody"},
    {"RoleArn": None}, {"RoleSessionName": None}, {"Tags": [{"Key": ""}]},
])
def test_assume_role_validation(daemon, wrong):
    sts = daemon.client(service="sts", validate=False)
    arguments = {"RoleArn": ROLE, "RoleSessionName": "fine", **wrong}
    code, _, status = error(sts.assume_role, **{k: v for k, v in arguments.items() if v is not None})
    assert (code, status) == ("ValidationError", 400)


def test_all_members_are_accepted(sts):
    reply = sts.assume_role(
        RoleArn=ROLE, RoleSessionName="full", ExternalId="ext", Policy='{"Version":"2012-10-17","Statement":[]}',
        Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}], TransitiveTagKeys=["a"], SourceIdentity="me",
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}])
    assert reply["SourceIdentity"] == "me"


def test_session_token(sts, daemon):
    keys = sts.get_session_token()["Credentials"]
    assert assumed(daemon, keys).get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    role = sts.assume_role(RoleArn=ROLE, RoleSessionName="xx")["Credentials"]
    assert error(assumed(daemon, role).get_session_token)[0] == "AccessDenied"


def post(daemon, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded", **headers})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, reply.headers["Content-Type"], text


def test_unsigned_is_refused(daemon):
    status, kind, text = post(daemon, "Action=GetCallerIdentity&Version=2011-06-15")
    assert (status, kind) == (403, "text/xml")
    assert "<Code>MissingAuthenticationToken</Code>" in text and "<Type>Sender</Type>" in text


def test_unknown_action(daemon):
    scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00"
    status, _, text = post(daemon, "Action=Nothing&Version=2011-06-15", Authorization=scope)
    assert status == 400 and "<Code>InvalidAction</Code>" in text


@pytest.mark.parametrize("body", [
    "Action=AssumeRole&Version=2011-06-15&" + "&".join(f"a{i}=1" for i in range(1001)),
    "Action=AssumeRole&Version=2011-06-15&Tags.member.1001.Key=x",
    "Action=AssumeRole&Version=2011-06-15&RoleArn=%zz",
    "Action=AssumeRole&Version=2011-06-15&RoleArn=%00",
    "Action=AssumeRole&Version=2011-06-15&RoleArn=%ff",
    "Action=AssumeRole&Version=2011-06-15&" + ".".join("a" * 20) + "=1",
])
def test_malformed_forms(daemon, body):
    scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00"
    status, _, text = post(daemon, body, Authorization=scope)
    assert status == 400 and "<Code>MalformedQueryString</Code>" in text


def test_strict_mode_asks_the_trust_policy(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", ECS_STRICT="1")
    sts, iam = daemon.client(service="sts"), daemon.client(service="iam")
    arn = "arn:aws:iam::000000000000:role/strict"
    assert error(sts.assume_role, RoleArn=arn, RoleSessionName="ss")[::2] == ("AccessDenied", 403)
    iam.create_role(RoleName="strict", AssumeRolePolicyDocument=trust({"Service": "ecs-tasks.amazonaws.com"}))
    assert error(sts.assume_role, RoleArn=arn, RoleSessionName="ss")[0] == "AccessDenied"
    iam.update_assume_role_policy(RoleName="strict", PolicyDocument=trust({"AWS": "arn:aws:iam::000000000000:root"}))
    reply = sts.assume_role(RoleArn=arn, RoleSessionName="ss")
    role = iam.get_role(RoleName="strict")["Role"]
    assert reply["AssumedRoleUser"]["AssumedRoleId"] == role["RoleId"] + ":ss"


def test_strict_mode_asks_whether_a_tasks_roles_trust_ecs(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", ECS_STRICT="1")
    ecs, iam = daemon.client(), daemon.client(service="iam")
    ecs.create_cluster(clusterName="strict")
    for role, principal in (("trusts", {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}),
                            ("does-not", {"Service": "ec2.amazonaws.com"})):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(principal))

    def run(task_role, execution_role=None):
        more = {"executionRoleArn": execution_role} if execution_role else {}
        ecs.register_task_definition(family="roles", taskRoleArn=task_role, **more, containerDefinitions=[
            {"name": "a", "image": "a", "memory": 8}])
        ecs.run_task(cluster="strict", taskDefinition="roles", launchType="EC2")

    prefix = "arn:aws:iam::000000000000:role/"
    for roles in ((prefix + "does-not",), (prefix + "missing",), ("missing",), ("trusts", prefix + "does-not")):
        code, message, _ = error(run, task_role=roles[0], execution_role=roles[1] if roles[1:] else None)
        assert code == "ClientException" and message.startswith(
            f"ECS was unable to assume the role '{roles[-1]}' that was provided for this task."), roles
    good = error(run, task_role=prefix + "trusts", execution_role="trusts")
    assert good[1] == "No Container Instances were found in your cluster."  # what is asked next


def trust(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


def test_aws_command(daemon):
    done = subprocess.run(["awsemu", "sts", "get-caller-identity"], env=daemon.env, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"] == "arn:aws:iam::000000000000:root"
