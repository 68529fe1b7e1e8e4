# SPDX-License-Identifier: Apache-2.0
"""Secrets Manager as boto3 and the aws command use it."""

import datetime
import json
import re
import string
import subprocess
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from harness.wait import wait_until

ACCOUNT = "000000000000"
REGION = "eu-north-1"  # of the lists
NOT_FOUND = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."
TOKEN = "11111111-2222-3333-4444-{:012d}"


@pytest.fixture(scope="module")
def sm(daemon):
    return daemon.client(service="secretsmanager")


@pytest.fixture
def secret(sm, name):
    made = name("secret")
    sm.create_secret(Name=made, SecretString="first")
    yield made
    sm.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    assert e["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e["Error"]["Code"], e["Error"]["Message"]


@pytest.fixture(scope="module")
def raw(daemon):
    """raw("ListSecrets", "us-east-1", SortBy="name"): what Debian's botocore does not know yet."""

    def call(operation, region="us-east-1", **body):
        status, reply = daemon.call(operation, body, region=region, target="secretsmanager")
        assert (status == 200) == ("__type" not in reply)
        return reply

    return call


def test_a_secret(sm, name):
    n = name("db/pass+word_=.@-")
    made = sm.create_secret(Name=n, SecretString="hünter2\n", Description="of the database", KmsKeyId="alias/mine",
                            Tags=[{"Key": "team", "Value": "a b"}])
    assert re.fullmatch(rf"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{re.escape(n)}-[A-Za-z0-9]{{6}}", made["ARN"])
    assert made["Name"] == n
    got = sm.get_secret_value(SecretId=n)
    assert (got["ARN"], got["Name"], got["VersionId"]) == (made["ARN"], n, made["VersionId"])
    assert (got["SecretString"], got["VersionStages"]) == ("hünter2\n", ["AWSCURRENT"])
    assert "SecretBinary" not in got
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(now - got["CreatedDate"]) < datetime.timedelta(minutes=1)
    for form in (made["ARN"], made["ARN"][:-7]):
        assert sm.get_secret_value(SecretId=form)["SecretString"] == "hünter2\n"
    d = sm.describe_secret(SecretId=n)
    assert (d["Description"], d["KmsKeyId"]) == ("of the database", "alias/mine")
    assert d["Tags"] == [{"Key": "team", "Value": "a b"}]
    assert d["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert d["LastAccessedDate"] == now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert "DeletedDate" not in d and "RotationEnabled" not in d
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)
    assert error(sm.get_secret_value, SecretId=n) == ("ResourceNotFoundException", NOT_FOUND)
    again = sm.create_secret(Name=n, SecretString="x")
    assert again["ARN"] != made["ARN"]
    assert error(sm.get_secret_value, SecretId=made["ARN"]) == ("ResourceNotFoundException", NOT_FOUND)
    assert sm.describe_secret(SecretId=n)["Tags"] == []
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)


def test_names_like_arns(sm, name):
    """A name that ends as an ARN does is found by its own ARN, its partial ARN and its name."""
    n = name("a") + "-AbCdEf"
    arn = sm.create_secret(Name=n, SecretString="1")["ARN"]
    assert sm.get_secret_value(SecretId=arn)["Name"] == n
    assert sm.get_secret_value(SecretId=arn[:-7])["Name"] == n
    assert error(sm.get_secret_value, SecretId=arn[:-14]) == ("ResourceNotFoundException", NOT_FOUND)
    sm.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("bad", ["with space", "a:b", "a,b", "ü"])
def test_wrong_names(sm, bad):
    assert error(sm.create_secret, Name=bad, SecretString="x") == (
        "ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        "following: -/_+=.@!")


def test_sizes(sm, secret):
    sm.put_secret_value(SecretId=secret, SecretString="x" * 65536)
    assert len(sm.get_secret_value(SecretId=secret)["SecretString"]) == 65536
    sm.put_secret_value(SecretId=secret, SecretBinary=b"\0" * 65536)
    code, message = error(sm.put_secret_value, SecretId=secret, SecretString="swordfish" * 7282)
    assert code == "ValidationException" and "65536" in message and "swordfish" not in message
    code, message = error(sm.put_secret_value, SecretId=secret, SecretBinary=b"\1" * 65537)
    assert code == "ValidationException" and "65536" in message and "AQEB" not in message
    assert error(sm.create_secret, Name="n" * 513, SecretString="x")[0] == "ValidationException"


def test_wrong_members_are_named_as_on_aws(sm):
    code, message = error(sm.get_secret_value, SecretId="i" * 2049)
    assert code == "ValidationException"
    assert message.endswith("at 'secretId' failed to satisfy constraint: Member must have length less than or equal to 2048")


def test_binary(sm, secret):
    every = bytes(range(256)) * 3
    for value in (every, every[:-1], every[:-2], b"\xff"):
        sm.put_secret_value(SecretId=secret, SecretBinary=value)
        got = sm.get_secret_value(SecretId=secret)
        assert got["SecretBinary"] == value and "SecretString" not in got
    assert error(sm.put_secret_value, SecretId=secret) == (
        "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    assert error(sm.put_secret_value, SecretId=secret, SecretBinary=b"a", SecretString="a") == (
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.")


def test_without_a_value(sm, name):
    n = name("empty")
    made = sm.create_secret(Name=n)
    assert "VersionId" not in made
    assert error(sm.get_secret_value, SecretId=n) == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
    assert "VersionIdsToStages" not in sm.describe_secret(SecretId=n)
    # the first version is the current one, whatever it was to be
    put = sm.put_secret_value(SecretId=n, SecretString="1", VersionStages=["MINE"])
    assert sorted(put["VersionStages"]) == ["AWSCURRENT", "MINE"]
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)


def test_versions(sm, secret):
    first = sm.get_secret_value(SecretId=secret)["VersionId"]
    second = sm.put_secret_value(SecretId=secret, SecretString="second")["VersionId"]
    assert sm.get_secret_value(SecretId=secret)["SecretString"] == "second"
    previous = sm.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionId"]) == ("first", first)
    pending = sm.put_secret_value(SecretId=secret, SecretString="third", VersionStages=["AWSPENDING"])
    assert pending["VersionStages"] == ["AWSPENDING"]
    assert sm.get_secret_value(SecretId=secret)["SecretString"] == "second"
    assert sm.get_secret_value(SecretId=secret, VersionId=pending["VersionId"])["SecretString"] == "third"
    fourth = sm.put_secret_value(SecretId=secret, SecretString="fourth")["VersionId"]
    assert sm.describe_secret(SecretId=secret)["VersionIdsToStages"] == {
        second: ["AWSPREVIOUS"], pending["VersionId"]: ["AWSPENDING"], fourth: ["AWSCURRENT"]}
    assert sm.get_secret_value(SecretId=secret, VersionId=first)["VersionStages"] == []
    listed = sm.list_secret_version_ids(SecretId=secret)["Versions"]
    assert [v["VersionId"] for v in listed] == [second, pending["VersionId"], fourth]
    all_of_them = sm.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
    assert [v["VersionId"] for v in all_of_them] == [first, second, pending["VersionId"], fourth]
    assert "VersionStages" not in all_of_them[0]
    page, seen = {}, []
    while page is not None:
        got = sm.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True, MaxResults=3, **page)
        seen += [v["VersionId"] for v in got["Versions"]]
        page = {"NextToken": got["NextToken"]} if "NextToken" in got else None
    assert seen == [first, second, pending["VersionId"], fourth]
    unknown = TOKEN.format(9)
    assert error(sm.get_secret_value, SecretId=secret, VersionId=unknown) == (
        "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for VersionId: {unknown}")
    assert error(sm.get_secret_value, SecretId=secret, VersionStage="NONE") == (
        "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: NONE")
    assert error(sm.get_secret_value, SecretId=secret, VersionStage="AWSCURRENT", VersionId=second) == (
        "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")


def test_a_hundred_versions_at_most(sm, secret):
    sm.put_secret_value(SecretId=secret, SecretString="kept", VersionStages=["KEPT"])
    for i in range(105):
        sm.put_secret_value(SecretId=secret, SecretString=str(i))
    versions = sm.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
    assert len(versions) == 100
    assert sm.get_secret_value(SecretId=secret, VersionStage="KEPT")["SecretString"] == "kept"


def test_client_tokens(sm, secret, name):
    token = TOKEN.format(1)
    first = sm.put_secret_value(SecretId=secret, SecretString="a", ClientRequestToken=token)
    assert first["VersionId"] == token
    sm.put_secret_value(SecretId=secret, SecretString="b")
    again = sm.put_secret_value(SecretId=secret, SecretString="a", ClientRequestToken=token)
    assert (again["VersionId"], again["VersionStages"]) == (token, ["AWSPREVIOUS"])
    assert sm.get_secret_value(SecretId=secret)["SecretString"] == "b"
    arn = first["ARN"]
    for other in ({"SecretString": "c"}, {"SecretBinary": b"a"}):
        assert error(sm.put_secret_value, SecretId=secret, ClientRequestToken=token, **other) == (
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.")
    n = name("created")
    made = sm.create_secret(Name=n, SecretString="x", ClientRequestToken=token)
    same = sm.create_secret(Name=n, SecretString="x", ClientRequestToken=token)
    assert (same["ARN"], same["VersionId"]) == (made["ARN"], token)
    assert error(sm.create_secret, Name=n, SecretString="y", ClientRequestToken=token)[0] == "ResourceExistsException"
    assert error(sm.create_secret, Name=n, SecretString="x") == (
        "ResourceExistsException", f"The operation failed because the secret {n} already exists.")
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)


def test_update(sm, secret):
    first = sm.get_secret_value(SecretId=secret)["VersionId"]
    assert "VersionId" not in sm.update_secret(SecretId=secret, Description="new", KmsKeyId="key")
    d = sm.describe_secret(SecretId=secret)
    assert (d["Description"], d["KmsKeyId"]) == ("new", "key")
    assert [v["KmsKeyIds"] for v in sm.list_secret_version_ids(SecretId=secret)["Versions"]] == [["key"]]
    changed = sm.update_secret(SecretId=secret, SecretString="second")["VersionId"]
    assert sm.describe_secret(SecretId=secret)["VersionIdsToStages"] == {
        first: ["AWSPREVIOUS"], changed: ["AWSCURRENT"]}
    assert sm.describe_secret(SecretId=secret)["Description"] == "new"


def test_moving_labels(sm, secret):
    first = sm.get_secret_value(SecretId=secret)["VersionId"]
    second = sm.put_secret_value(SecretId=secret, SecretString="second")["VersionId"]
    move = sm.update_secret_version_stage
    assert error(move, SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=first) == (
        "InvalidParameterException",
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{second}, so you must explicitly reference that version in RemoveFromVersionId.")
    move(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second)
    assert sm.describe_secret(SecretId=secret)["VersionIdsToStages"] == {
        second: ["AWSPREVIOUS"], first: ["AWSCURRENT"]}
    move(SecretId=secret, VersionStage="blue", MoveToVersionId=second)
    assert sm.get_secret_value(SecretId=secret, VersionStage="blue")["SecretString"] == "second"
    move(SecretId=secret, VersionStage="blue", RemoveFromVersionId=second)
    assert error(sm.get_secret_value, SecretId=secret, VersionStage="blue")[0] == "ResourceNotFoundException"
    assert error(move, SecretId=secret, VersionStage="AWSCURRENT", RemoveFromVersionId=first)[0] == "InvalidParameterException"
    assert error(move, SecretId=secret, VersionStage="blue", RemoveFromVersionId=first)[0] == "InvalidParameterException"
    assert error(move, SecretId=secret, VersionStage="blue", MoveToVersionId=TOKEN.format(3))[0] == "ResourceNotFoundException"
    assert error(move, SecretId=secret, VersionStage="blue")[0] == "InvalidParameterException"
    for i in range(19):
        move(SecretId=secret, VersionStage=f"label{i}", MoveToVersionId=first)
    assert error(move, SecretId=secret, VersionStage="one-more", MoveToVersionId=first)[0] == "LimitExceededException"


def test_deletion(sm, raw, name):
    n = name("gone")
    arn = sm.create_secret(Name=n, SecretString="x")["ARN"]
    before = datetime.datetime.now(datetime.timezone.utc)
    deleted = sm.delete_secret(SecretId=n, RecoveryWindowInDays=7)
    assert (deleted["ARN"], deleted["Name"]) == (arn, n)
    assert abs(deleted["DeletionDate"] - before - datetime.timedelta(days=7)) < datetime.timedelta(minutes=1)
    for call, more in ((sm.get_secret_value, {}), (sm.put_secret_value, {"SecretString": "y"}), (sm.update_secret, {}),
                       (sm.tag_resource, {"Tags": []}), (sm.get_resource_policy, {})):
        assert error(call, SecretId=n, **more) == ("InvalidRequestException", MARKED)
    assert error(sm.create_secret, Name=n) == (
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.")
    assert error(sm.delete_secret, SecretId=n)[0] == "InvalidRequestException"
    assert abs(sm.describe_secret(SecretId=n)["DeletedDate"] - before) < datetime.timedelta(minutes=1)
    listed = [s["Name"] for s in sm.list_secrets()["SecretList"]]
    planned = [s["Name"] for s in raw("ListSecrets", IncludePlannedDeletion=True)["SecretList"]]
    assert n not in listed and n in planned
    assert sm.restore_secret(SecretId=n)["ARN"] == arn
    assert sm.get_secret_value(SecretId=n)["SecretString"] == "x"
    deleted = sm.delete_secret(SecretId=n)
    assert abs(deleted["DeletionDate"] - before - datetime.timedelta(days=30)) < datetime.timedelta(minutes=1)
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)
    assert error(sm.describe_secret, SecretId=n) == ("ResourceNotFoundException", NOT_FOUND)
    assert sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)["Name"] == n
    assert sm.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)["ARN"] == arn
    assert error(sm.delete_secret, SecretId=n) == ("ResourceNotFoundException", NOT_FOUND)
    assert error(sm.restore_secret, SecretId=n) == ("ResourceNotFoundException", NOT_FOUND)


@pytest.mark.parametrize("arguments,message", [
    ({"RecoveryWindowInDays": 6}, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."),
    ({"RecoveryWindowInDays": 31}, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."),
    ({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True},
     "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")])
def test_wrong_windows(sm, secret, arguments, message):
    assert error(sm.delete_secret, SecretId=secret, **arguments) == ("InvalidParameterException", message)


def test_tags(sm, secret):
    sm.tag_resource(SecretId=secret, Tags=[{"Key": f"k{i}", "Value": str(i)} for i in range(50)])
    sm.tag_resource(SecretId=secret, Tags=[{"Key": "k0", "Value": "changed"}])
    assert error(sm.tag_resource, SecretId=secret, Tags=[{"Key": "more", "Value": ""}])[0] == "InvalidParameterException"
    assert error(sm.tag_resource, SecretId=secret, Tags=[{"Key": "aws:x", "Value": ""}])[0] == "InvalidParameterException"
    assert error(sm.tag_resource, SecretId=secret, Tags=[{"Value": "keyless"}])[0] == "InvalidParameterException"
    assert error(sm.tag_resource, SecretId=secret, Tags=[{"Key": "k1"}, {"Key": "k1"}])[0] == "InvalidParameterException"
    sm.untag_resource(SecretId=secret, TagKeys=[f"k{i}" for i in range(1, 50)] + ["unknown"])
    assert sm.describe_secret(SecretId=secret)["Tags"] == [{"Key": "k0", "Value": "changed"}]


@pytest.fixture(scope="module")
def shelf(daemon):
    """Three secrets in a region of their own."""
    client = daemon.client(service="secretsmanager", region=REGION)
    for n, text, tags in (("prod/db", "The Database, main", {"Env": "prod", "team": "data"}),
                          ("prod/api", "key of the API", {"Env": "prod"}), ("Test/db", "", {"Env": "test"})):
        client.create_secret(Name=n, SecretString="x", Description=text,
                             Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    yield client
    for s in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=s["ARN"], ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("filters,found", [
    ([("name", ["prod/"])], ["prod/db", "prod/api"]),
    ([("name", ["Prod/"])], []),
    ([("name", ["!prod"])], ["Test/db"]),
    ([("description", ["database"])], ["prod/db"]),
    ([("description", ["base"])], []),
    ([("tag-key", ["team"])], ["prod/db"]),
    ([("tag-value", ["tes", "dat"])], ["prod/db", "Test/db"]),
    ([("all", ["DB"])], ["prod/db", "Test/db"]),
    ([("all", ["key data"])], ["prod/db", "prod/api"]),
    ([("name", ["prod/"]), ("description", ["API"])], ["prod/api"]),
    ([("owning-service", ["rds"])], []),
    ([("primary-region", ["!eu"])], ["prod/db", "prod/api", "Test/db"])])
def test_filters(shelf, raw, filters, found):
    arguments = [{"Key": k, "Values": v} for k, v in filters]
    got = shelf.list_secrets(Filters=arguments)["SecretList"]
    assert [s["Name"] for s in got] == found
    assert [s["Name"] for s in raw("BatchGetSecretValue", REGION, Filters=arguments)["SecretValues"]] == found


@pytest.mark.parametrize("by", ["created-date", "last-accessed-date", "last-changed-date", "name"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_order_and_pages(shelf, raw, by, order):
    expected = ["Test/db", "prod/api", "prod/db"] if by == "name" else ["prod/db", "prod/api", "Test/db"]
    got, more = [], {}
    while more is not None:
        page = raw("ListSecrets", REGION, SortBy=by, SortOrder=order, MaxResults=1, **more)
        assert len(page["SecretList"]) <= 1
        got += [s["Name"] for s in page["SecretList"]]
        more = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert got == (expected if order == "asc" else expected[::-1])


def test_pages_of_a_batch(shelf, raw):
    got, more = [], {}
    while more is not None:
        page = raw("BatchGetSecretValue", REGION, Filters=[{"Key": "name", "Values": ["prod", "Test"]}], MaxResults=2, **more)
        assert len(page["SecretValues"]) <= 2 and page["Errors"] == []
        got += [s["Name"] for s in page["SecretValues"]]
        more = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert got == ["prod/db", "prod/api", "Test/db"]


def test_wrong_lists(shelf, raw):
    assert error(shelf.list_secrets, NextToken="nonsense") == ("InvalidNextTokenException", "Invalid NextToken.")
    assert error(shelf.list_secrets, MaxResults=101)[0] == "ValidationException"
    assert raw("ListSecrets", SortBy="colour")["__type"] == "ValidationException"
    assert error(shelf.list_secrets, Filters=[{"Key": "colour", "Values": ["x"]}])[0] == "ValidationException"
    assert error(shelf.list_secrets, Filters=[{"Key": "name", "Values": ["a*b"]}])[0] == "ValidationException"


def test_batch(sm, raw, secret, name):
    other, gone = name("other"), name("gone")
    sm.create_secret(Name=other, SecretBinary=b"\x00\x01")
    sm.create_secret(Name=gone, SecretString="x")
    sm.delete_secret(SecretId=gone)
    got = raw("BatchGetSecretValue", SecretIdList=[secret, "nothing", other, gone])
    assert [(v["Name"], v.get("SecretString"), v.get("SecretBinary")) for v in got["SecretValues"]] == [
        (secret, "first", None), (other, None, "AAE=")]
    assert got["Errors"] == [
        {"SecretId": "nothing", "ErrorCode": "ResourceNotFoundException", "Message": NOT_FOUND},
        {"SecretId": gone, "ErrorCode": "InvalidRequestException", "Message": MARKED}]
    for wrong in ({}, {"SecretIdList": ["x"], "MaxResults": 1}, {"SecretIdList": ["x"], "Filters": []}):
        assert raw("BatchGetSecretValue", **wrong)["__type"] == "InvalidParameterException"
    for n in (other, gone):
        sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)


def test_passwords(sm):
    seen = {sm.get_random_password()["RandomPassword"] for _ in range(20)}
    assert len(seen) == 20 and {len(p) for p in seen} == {32}
    for p in seen:
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation):
            assert set(p) & set(kind)
        assert " " not in p
    digits = sm.get_random_password(PasswordLength=4096, ExcludeUppercase=True, ExcludeLowercase=True,
                                    ExcludePunctuation=True, ExcludeCharacters="09")["RandomPassword"]
    assert len(digits) == 4096 and set(digits) == set("12345678")
    assert all(350 < digits.count(d) < 700 for d in "12345678")
    spaces = sm.get_random_password(PasswordLength=5, IncludeSpace=True)["RandomPassword"]
    assert spaces.count(" ") == 1
    assert len(sm.get_random_password(PasswordLength=1, RequireEachIncludedType=False)["RandomPassword"]) == 1
    assert error(sm.get_random_password, PasswordLength=3) == (
        "InvalidParameterException", "Password length 3 is too short based on the required types.")
    assert error(sm.get_random_password, PasswordLength=4097)[0] == "ValidationException"
    assert error(sm.get_random_password, ExcludeCharacters=string.printable)[0] == "InvalidParameterException"


def test_resource_policies(sm, secret):
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:role/x"},
                 "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    bad_statements = [json.dumps({"Statement": {k: v for k, v in statement.items() if k != left_out}}) for left_out in statement]
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=secret)
    sm.put_resource_policy(SecretId=secret, ResourcePolicy=policy, BlockPublicPolicy=True)
    got = sm.get_resource_policy(SecretId=secret)
    assert (got["ResourcePolicy"], got["Name"]) == (policy, secret)
    open_to_all = json.dumps({"Statement": [dict(statement, Principal={"AWS": ["*"]})]})
    assert error(sm.put_resource_policy, SecretId=secret, ResourcePolicy=open_to_all, BlockPublicPolicy=True)[0] == (
        "PublicPolicyException")
    sm.put_resource_policy(SecretId=secret, ResourcePolicy=open_to_all)
    for bad in ("no json", "[]", "{}", '{"Statement": []}', '{"Statement": [1]}', *bad_statements):
        assert error(sm.put_resource_policy, SecretId=secret, ResourcePolicy=bad)[0] == "MalformedPolicyDocumentException"
        assert sm.validate_resource_policy(ResourcePolicy=bad)["PolicyValidationPassed"] is False
    assert sm.validate_resource_policy(SecretId=secret, ResourcePolicy=policy) ["PolicyValidationPassed"] is True
    checks = sm.validate_resource_policy(ResourcePolicy=open_to_all)["ValidationErrors"]
    assert [c["CheckName"] for c in checks] == ["BLOCK_PUBLIC_POLICY"]
    sm.delete_resource_policy(SecretId=secret)
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=secret)


def test_scopes(daemon, sm, secret):
    """The same name in another region or account is another secret."""
    arn = sm.describe_secret(SecretId=secret)["ARN"]
    for other in (daemon.client(service="secretsmanager", region="eu-west-1"),
                  daemon.client(service="secretsmanager", key="111111111111")):
        assert error(other.get_secret_value, SecretId=secret) == ("ResourceNotFoundException", NOT_FOUND)
        assert error(other.get_secret_value, SecretId=arn) == ("ResourceNotFoundException", NOT_FOUND)
        assert other.list_secrets()["SecretList"] == []
        other.create_secret(Name=secret, SecretString="other")
        assert other.get_secret_value(SecretId=secret)["SecretString"] == "other"
        other.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    assert sm.get_secret_value(SecretId=secret)["SecretString"] == "first"


@pytest.mark.parametrize("operation", ["rotate_secret", "cancel_rotate_secret"])
def test_what_is_not_there(sm, secret, operation):
    code, message = error(getattr(sm, operation), SecretId=secret)
    assert code == "UnsupportedFeatureException" and "not available in localemu-ecs" in message
    assert error(sm.create_secret, Name="replicated", AddReplicaRegions=[{"Region": "eu-west-1"}])[0] == (
        "UnsupportedFeatureException")


def test_values_are_nowhere_in_the_clear(start_daemon, name):
    """Over a kill, with the store and its journal on disk: the value is read back, and no file has it."""
    daemon = start_daemon(["--debug"], ECS_DOCKER_BACKEND="0")
    sm = daemon.client(service="secretsmanager")
    n, text, blob = name("s"), "plaintext-" + "pineapple" * 4, b"plainblob-mango" * 3
    sm.create_secret(Name=n, SecretString="older-" + text)
    sm.put_secret_value(SecretId=n, SecretString=text)
    sm.create_secret(Name=n + "b", SecretBinary=blob)
    error(sm.put_secret_value, SecretId=n, SecretString=text * 3000)
    found = []

    def look():
        for path in [*daemon.state_dir.rglob("*"), *daemon.runtime_dir.rglob("*"), daemon.log]:
            if path.is_file():
                found.extend(path for word in (b"pineapple", b"mango") if word in path.read_bytes())
    look()
    key = daemon.state_dir / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_size == 32
    old_key = key.read_bytes()
    assert all(old_key not in p.read_bytes() for p in daemon.state_dir.iterdir() if p.is_file() and p != key)
    daemon.kill()
    look()
    daemon.start()
    sm = daemon.client(service="secretsmanager")
    assert sm.get_secret_value(SecretId=n)["SecretString"] == text
    assert sm.get_secret_value(SecretId=n, VersionStage="AWSPREVIOUS")["SecretString"] == "older-" + text
    assert sm.get_secret_value(SecretId=n + "b")["SecretBinary"] == blob
    look()
    assert found == []
    # with another key nothing can be read, and it is said so
    daemon.kill()
    key.write_bytes(b"k" * 32)
    daemon.start()
    sm = daemon.client(service="secretsmanager")
    assert error(sm.get_secret_value, SecretId=n) == (
        "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
    daemon.kill()
    key.write_bytes(old_key)
    daemon.start()
    assert daemon.client(service="secretsmanager").get_secret_value(SecretId=n)["SecretString"] == text


def test_in_memory(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", PERSISTENCE="0")
    sm = daemon.client(service="secretsmanager")
    sm.create_secret(Name="a", SecretString="in memory")
    assert sm.get_secret_value(SecretId="a")["SecretString"] == "in memory"
    assert list(daemon.state_dir.iterdir()) == []


def test_the_aws_command(daemon, name, tmp_path):
    n = name("cli")
    value = tmp_path / "value"
    value.write_bytes(b"\x00\xffbinary")

    def aws(*arguments):
        done = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", daemon.url, "--region", "us-east-1", "secretsmanager", *arguments],
            capture_output=True, text=True, timeout=30,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
        return done.returncode, done.stdout, done.stderr

    code, out, err = aws("create-secret", "--name", n, "--secret-binary", f"fileb://{value}")
    assert code == 0, err
    code, out, err = aws("get-secret-value", "--secret-id", n, "--query", "SecretBinary", "--output", "text")
    assert (code, out.strip()) == (0, "AP9iaW5hcnk=")
    code, out, err = aws("get-secret-value", "--secret-id", n + "x")
    assert code != 0 and "(ResourceNotFoundException) when calling the GetSecretValue operation: " + NOT_FOUND in err
    code, out, err = aws("delete-secret", "--secret-id", n, "--force-delete-without-recovery")
    assert code == 0, err


def test_the_trail_has_no_values(daemon, sm, name):
    n = name("trail")
    arn = sm.create_secret(Name=n, SecretString="papaya")["ARN"]
    sm.put_secret_value(SecretId=n, SecretBinary=b"papaya")
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)
    trail = daemon.client(service="cloudtrail")
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": arn}])["Events"]
    records = [json.loads(e["CloudTrailEvent"]) for e in events]
    assert [r["eventName"] for r in records] == ["DeleteSecret", "PutSecretValue", "CreateSecret"]
    assert {r["eventSource"] for r in records} == {"secretsmanager.amazonaws.com"}
    assert records[2]["requestParameters"]["secretString"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert records[1]["requestParameters"]["secretBinary"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert "papaya" not in json.dumps(records) and "cGFwYXlh" not in json.dumps(records)


def test_reset(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    sm, ssm = daemon.client(service="secretsmanager"), daemon.client(service="ssm")
    tags = [{"Key": "k", "Value": "v"}]
    old = sm.create_secret(Name="a", SecretString="x", Tags=tags)["ARN"]
    ssm.put_parameter(Name="/a", Value="x", Type="SecureString", Tags=tags)
    daemon.end_all_tasks()
    assert sm.list_secrets()["SecretList"] == [] and ssm.describe_parameters()["Parameters"] == []
    assert sm.create_secret(Name="a", SecretString="y")["ARN"] != old
    assert sm.get_secret_value(SecretId="a")["SecretString"] == "y"
    assert sm.describe_secret(SecretId="a")["Tags"] == []
    assert ssm.put_parameter(Name="/a", Value="y", Type="String")["Version"] == 1
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/a")["TagList"] == []


def test_what_was_acknowledged_survives_a_kill(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    for round_ in range(3):
        sm, ssm = daemon.client(service="secretsmanager"), daemon.client(service="ssm")
        n = f"s{round_}"
        sm.create_secret(Name=n, SecretString="0")
        last = {"secret": 0, "parameter": 0}
        killed = threading.Event()

        def put(what, call):
            i = 0
            try:
                while not killed.is_set():
                    i += 1
                    call(i)
                    last[what] = i
            except BotoCoreError:
                pass

        threads = [
            threading.Thread(target=put, args=("secret", lambda i: sm.put_secret_value(SecretId=n, SecretString=str(i)))),
            threading.Thread(target=put, args=("parameter", lambda i: ssm.put_parameter(
                Name="/" + n, Value=str(i), Type="SecureString", Overwrite=True)))]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(last.values()) >= 20, 20, "twenty of each")
        daemon.kill()
        killed.set()
        for thread in threads:
            thread.join()
        daemon.start()
        sm, ssm = daemon.client(service="secretsmanager"), daemon.client(service="ssm")
        # the one that was under way may be there or not
        assert int(sm.get_secret_value(SecretId=n)["SecretString"]) - last["secret"] in (0, 1)
        got = ssm.get_parameter(Name="/" + n, WithDecryption=True)["Parameter"]
        assert int(got["Value"]) == got["Version"] and got["Version"] - last["parameter"] in (0, 1)
