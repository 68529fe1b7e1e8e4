# SPDX-License-Identifier: Apache-2.0
"""Parameter Store as boto3 and the aws command use it."""

import base64
import datetime
import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from harness.wait import wait_until

ACCOUNT = "000000000000"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"
EXISTS = ("ParameterAlreadyExists",
          "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
NAME_RULE = ('Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
             "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
             "following 3 symbols .-_")


@pytest.fixture(scope="module")
def ssm(daemon):
    return daemon.client(service="ssm")


@pytest.fixture
def parameter(ssm, name):
    made = "/" + name("p")
    ssm.put_parameter(Name=made, Value="first", Type="String")
    yield made
    ssm.delete_parameters(Names=[made])


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    assert e["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e["Error"]["Code"], e["Error"]["Message"]


def utc(**more):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**more)


def test_a_parameter(ssm, name):
    n = "/" + name("app") + "/db.host_1-x"
    assert ssm.put_parameter(Name=n, Value="hünter\n", Type="String", Description="where it is")["Version"] == 1
    got = ssm.get_parameter(Name=n)["Parameter"]
    assert abs(got.pop("LastModifiedDate") - utc()) < datetime.timedelta(minutes=1)
    assert got == {"Name": n, "Type": "String", "Value": "hünter\n", "Version": 1, "ARN": ARN + n, "DataType": "text"}
    assert error(ssm.put_parameter, Name=n, Value="x", Type="String") == EXISTS
    put = ssm.put_parameter(Name=n, Value="second", Overwrite=True)
    assert (put["Version"], put["Tier"]) == (2, "Standard")
    assert ssm.get_parameter(Name=n)["Parameter"]["Value"] == "second"
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [n]}])["Parameters"]
    assert len(described) == 1
    d = described[0]
    assert (d["Name"], d["Type"], d["Version"], d["Tier"], d["DataType"], d["Policies"]) == (
        n, "String", 2, "Standard", "text", [])
    assert (d["Description"], d["LastModifiedUser"]) == ("where it is", f"arn:aws:iam::{ACCOUNT}:root")
    assert "Value" not in d and "KeyId" not in d
    ssm.delete_parameter(Name=n)
    assert error(ssm.get_parameter, Name=n) == ("ParameterNotFound", "")
    assert error(ssm.delete_parameter, Name=n) == ("ParameterNotFound", "")
    assert ssm.put_parameter(Name=n, Value="again", Type="StringList")["Version"] == 1
    ssm.delete_parameter(Name=n)


def test_secure_strings(ssm, name):
    n = name("password")
    ssm.put_parameter(Name=n, Value="swordfish", Type="SecureString")
    assert ssm.get_parameter(Name=n, WithDecryption=True)["Parameter"]["Value"] == "swordfish"
    closed = ssm.get_parameter(Name=n)["Parameter"]
    assert closed["Type"] == "SecureString" and b"swordfish" not in base64.b64decode(closed["Value"])
    assert ssm.get_parameters(Names=[n])["Parameters"][0]["Value"] == closed["Value"]
    assert ssm.get_parameters(Names=[n], WithDecryption=True)["Parameters"][0]["Value"] == "swordfish"
    assert ssm.get_parameter_history(Name=n)["Parameters"][0]["Value"] == closed["Value"]
    history = ssm.get_parameter_history(Name=n, WithDecryption=True)["Parameters"]
    assert [(h["Value"], h["KeyId"]) for h in history] == [("swordfish", "alias/aws/ssm")]
    ssm.put_parameter(Name=n, Value="second", Type="SecureString", KeyId="alias/mine", Overwrite=True)
    ssm.put_parameter(Name=n, Value="third", Overwrite=True)
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "KeyId", "Values": ["alias/mine"]}])["Parameters"]
    assert [(d["Name"], d["KeyId"], d["Type"]) for d in described] == [(n, "alias/mine", "SecureString")]
    assert error(ssm.put_parameter, Name=name("x"), Value="x", Type="String", KeyId="alias/mine")[0] == "ValidationException"
    ssm.delete_parameter(Name=n)


def test_selectors(ssm, parameter):
    ssm.put_parameter(Name=parameter, Value="second", Overwrite=True)
    ssm.label_parameter_version(Name=parameter, ParameterVersion=1, Labels=["stable"])
    for selector, value, version in ((":1", "first", 1), (":2", "second", 2), (":stable", "first", 1)):
        for n in (parameter, ARN + parameter):
            got = ssm.get_parameter(Name=n + selector)["Parameter"]
            assert (got["Name"], got["Value"], got["Version"], got["Selector"]) == (parameter, value, version, selector)
    assert error(ssm.get_parameter, Name=parameter + ":3") == (
        "ParameterVersionNotFound",
        f"Systems Manager could not find version 3 of {parameter}. Verify the version and try again.")
    assert error(ssm.get_parameter, Name=parameter + ":none")[0] == "ParameterVersionNotFound"
    assert error(ssm.get_parameter, Name=parameter + ":")[0] == "ParameterVersionNotFound"
    assert error(ssm.get_parameter, Name=parameter + ":99999999999999999999")[0] == "ParameterVersionNotFound"
    assert error(ssm.get_parameter, Name=f"{parameter}x:1")[0] == "ParameterNotFound"
    got = ssm.get_parameters(Names=[parameter + ":1", parameter, parameter + ":9", "/nothing", parameter, ARN + parameter])
    assert [(p["Name"], p.get("Selector"), p["Value"]) for p in got["Parameters"]] == [
        (parameter, ":1", "first"), (parameter, None, "second"), (parameter, None, "second")]
    assert got["InvalidParameters"] == [parameter + ":9", "/nothing"]


def test_arns(ssm, name):
    """A name without a slash has the ARN that it would have with one."""
    n = name("plain")
    ssm.put_parameter(Name=n, Value="x", Type="String")
    got = ssm.get_parameter(Name=f"{ARN}/{n}")["Parameter"]
    assert (got["Name"], got["ARN"]) == (n, f"{ARN}/{n}")
    for other in (f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/{n}", f"arn:aws:ssm:us-east-1:111111111111:parameter/{n}",
                  f"arn:aws:s3:::{n}", "/" + n):
        assert error(ssm.get_parameter, Name=other) == ("ParameterNotFound", "")
    ssm.delete_parameter(Name=f"{ARN}/{n}")
    assert error(ssm.get_parameter, Name=n)[0] == "ParameterNotFound"


@pytest.mark.parametrize("name,code,message", [
    ("a b", "ValidationException", NAME_RULE),
    ("/a//b", "ValidationException", NAME_RULE),
    ("/a/", "ValidationException", NAME_RULE),
    ("/", "ValidationException", NAME_RULE),
    ("a:1", "ValidationException", NAME_RULE),
    ("/ü", "ValidationException", NAME_RULE),
    ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
    ("/ssm/b", "ValidationException", NAME_RULE),
    ("SSMx", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
    ("/Aws", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
    ("/aws/b", "AccessDeniedException", "No access to reserved parameter name: /aws/b."),
    ("/a" * 16, "HierarchyLevelLimitExceededException",
     "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for parameter "
     "names in the AWS Systems Manager User Guide.")])
def test_wrong_names(ssm, name, code, message):
    assert error(ssm.put_parameter, Name=name, Value="x", Type="String") == (code, message)


def test_long_names(ssm):
    n = "/" + "n" * 1010
    ssm.put_parameter(Name=n, Value="x", Type="String")
    assert ssm.get_parameter(Name=n)["Parameter"]["Name"] == n
    assert error(ssm.put_parameter, Name=n + "n", Value="x", Type="String")[0] == "ValidationException"
    assert error(ssm.get_parameter, Name="/" + "n" * 2048)[0] == "ValidationException"
    page = ssm.describe_parameters(MaxResults=1)
    while "NextToken" in page:  # a token holds the longest name as well
        page = ssm.describe_parameters(MaxResults=1, NextToken=page["NextToken"])
    ssm.delete_parameter(Name=n)


def test_wrong_puts(ssm, name, parameter):
    n = name("wrong")
    assert error(ssm.put_parameter, Name=n, Value="x") == (
        "ValidationException", "A parameter type is required when you create a parameter.")
    assert error(ssm.put_parameter, Name=n, Value="", Type="String")[0] == "ValidationException"
    assert error(ssm.put_parameter, Name=n, Value="x", Type="Text")[0] == "ValidationException"
    assert error(ssm.put_parameter, Name=parameter, Value="x", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}]) == (
        "ValidationException",
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove "
        "overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
        "RemoveTagsFromResource.")
    assert error(ssm.put_parameter, Name=n, Value="x", Type="String", DataType="TEXT") == (
        "ValidationException",
        "The following data type is not supported: TEXT (Data type names are all lowercase.)")
    assert error(ssm.put_parameter, Name=n, Value="x", Type="String", DataType="") == (
        "ValidationException", "The following data type is not supported:  (Data type names are all lowercase.)")
    assert error(ssm.put_parameter, Name=n, Value="x", Type="String", DataType="aws:ec2:image")[0] == "ValidationException"
    assert error(ssm.get_parameters, Names=["x"] * 11)[0] == "ValidationException"
    assert error(ssm.get_parameter, Name=n)[0] == "ParameterNotFound"


def test_tiers(ssm, name):
    n = name("tier")
    ssm.put_parameter(Name=n, Value="x" * 4096, Type="String")
    code, message = error(ssm.put_parameter, Name=n, Value="pineapple" * 500, Overwrite=True)
    assert code == "ValidationException" and message.startswith(
        "Standard tier parameters support a maximum parameter value of 4096 characters.")
    assert "pineapple" not in message
    assert ssm.put_parameter(Name=n, Value="x" * 4097, Overwrite=True, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert ssm.put_parameter(Name=n, Value="x" * 8192, Overwrite=True)["Tier"] == "Advanced"
    assert error(ssm.put_parameter, Name=n, Value="x" * 8193, Overwrite=True) == (
        "ValidationException", "Advanced tier parameters support a maximum parameter value of 8192 characters.")
    code, message = error(ssm.put_parameter, Name=n, Value="x", Overwrite=True, Tier="Standard")
    assert code == "ValidationException" and "You can't downgrade a parameter" in message
    small = name("tier")
    assert ssm.put_parameter(Name=small, Value="x", Type="String", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert ssm.put_parameter(Name=small, Value="x", Tier="Advanced", Overwrite=True)["Tier"] == "Advanced"
    ssm.delete_parameters(Names=[n, small])


def test_allowed_patterns(ssm, name):
    n = name("pattern")
    ssm.put_parameter(Name=n, Value="42", Type="String", AllowedPattern=r"^\d{2}$")
    assert error(ssm.put_parameter, Name=n, Value="421", Overwrite=True) == (
        "ParameterPatternMismatchException",
        r"Parameter value, cannot be validated against allowedPattern: ^\d{2}$")
    ssm.put_parameter(Name=n, Value="abc", Overwrite=True, AllowedPattern="^[a-z]+$")
    assert error(ssm.put_parameter, Name=n, Value="a", Overwrite=True, AllowedPattern="(")[0] == (
        "InvalidAllowedPatternException")
    # what tries every way there is ends soon, and as a mismatch
    assert error(ssm.put_parameter, Name=n, Value="a" * 4000 + "!", Overwrite=True, AllowedPattern="^(a+)+$")[0] == (
        "ParameterPatternMismatchException")
    ssm.delete_parameter(Name=n)


def policy(kind, **attributes):
    return {"Type": kind, "Version": "1.0", "Attributes": attributes}


def test_policies(ssm, name):
    n = name("policy")
    later = utc(days=30).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    policies = [policy("Expiration", Timestamp=later), policy("NoChangeNotification", After="20", Unit="Days")]
    assert error(ssm.put_parameter, Name=n, Value="x", Type="String", Policies=json.dumps(policies))[0] == (
        "ValidationException")
    ssm.put_parameter(Name=n, Value="x", Type="String", Tier="Advanced", Policies=json.dumps(policies))
    shown = ssm.get_parameter_history(Name=n)["Parameters"][0]["Policies"]
    assert [(p["PolicyType"], p["PolicyStatus"], json.loads(p["PolicyText"])) for p in shown] == [
        (p["Type"], "Pending", p) for p in policies]
    ssm.put_parameter(Name=n, Value="y", Overwrite=True)
    filters = [{"Key": "Name", "Values": [n]}]
    assert len(ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]["Policies"]) == 2
    ssm.put_parameter(Name=n, Value="y", Overwrite=True, Policies="{}")
    assert ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]["Policies"] == []
    for bad, code in (('"x"', "InvalidPolicyAttributeException"), ("x", "InvalidPolicyAttributeException"), ("[1]", "InvalidPolicyTypeException"),
                      (json.dumps([policy("Other")]), "InvalidPolicyTypeException"),
                      (json.dumps([policy("Expiration", Timestamp="2020-01-01T00:00:00Z")]), "InvalidPolicyAttributeException"),
                      (json.dumps([policy("Expiration", Timestamp="soon")]), "InvalidPolicyAttributeException"),
                      (json.dumps(policies[1:] * 11), "PoliciesLimitExceededException")):
        assert error(ssm.put_parameter, Name=n, Value="y", Overwrite=True, Policies=bad)[0] == code
    ssm.delete_parameter(Name=n)


def test_deep_policies(ssm, name):
    """As deep as JSON may be here: the parameter is still the SecureString that it was made as."""
    n = name("deep")
    deep = json.dumps([policy("NoChangeNotification", After="20", Unit="Days", More=json.loads("[" * 27 + "]" * 27))])
    ssm.put_parameter(Name=n, Value="swordfish", Type="SecureString", Tier="Advanced", Policies=deep)
    got = ssm.get_parameter(Name=n)["Parameter"]
    assert got["Type"] == "SecureString" and got["Value"] != "swordfish"
    shown = ssm.get_parameter_history(Name=n)["Parameters"][0]["Policies"]
    assert [json.loads(p["PolicyText"]) for p in shown] == json.loads(deep)
    ssm.delete_parameter(Name=n)


def test_expiry(ssm, name):
    n = name("expires")
    at = utc(seconds=2).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    ssm.put_parameter(Name=n, Value="x", Type="String", Tier="Advanced", Tags=[{"Key": "a", "Value": "b"}],
                      Policies=json.dumps([policy("Expiration", Timestamp=at)]))
    wait_until(lambda: ssm.get_parameters(Names=[n])["InvalidParameters"], 5, "the parameter's end")
    assert ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [n]}])["Parameters"] == []
    assert ssm.put_parameter(Name=n, Value="x", Type="String")["Version"] == 1
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=n)["TagList"] == []
    ssm.delete_parameter(Name=n)


def test_history(ssm, parameter):
    for i in range(2, 121):
        assert ssm.put_parameter(Name=parameter, Value=str(i), Overwrite=True)["Version"] == i
    pages = list(ssm.get_paginator("get_parameter_history").paginate(Name=parameter))
    assert [len(p["Parameters"]) for p in pages] == [50, 50]
    assert [h["Version"] for p in pages for h in p["Parameters"]] == list(range(21, 121))
    assert error(ssm.get_parameter, Name=parameter + ":20")[0] == "ParameterVersionNotFound"
    ssm.label_parameter_version(Name=parameter, ParameterVersion=21, Labels=["keep"])
    assert error(ssm.put_parameter, Name=parameter, Value="x", Overwrite=True) == (
        "ParameterMaxVersionLimitExceeded",
        f"You attempted to create a new version of {parameter} by calling the PutParameter API with the overwrite flag. "
        "Version 21, the oldest version, can't be deleted because it has a label associated with it. Move the label to "
        "another version of the parameter, and try again.")
    assert ssm.get_parameter(Name=parameter)["Parameter"]["Version"] == 120
    assert error(ssm.get_parameter_history, Name="/nothing") == ("ParameterNotFound", "")
    assert error(ssm.get_parameter_history, Name=parameter, NextToken="x") == (
        "InvalidNextToken", "The specified token is not valid.")


def labels(ssm, parameter):
    return {h["Version"]: h["Labels"] for h in ssm.get_parameter_history(Name=parameter)["Parameters"]}


def test_labels(ssm, parameter):
    ssm.put_parameter(Name=parameter, Value="second", Overwrite=True)
    done = ssm.label_parameter_version(Name=parameter, Labels=["prod", "1st", "awsX", "SSM", "a b", "b.c-d_e"])
    assert (done["ParameterVersion"], done["InvalidLabels"]) == (2, ["1st", "awsX", "SSM", "a b"])
    assert labels(ssm, parameter) == {1: [], 2: ["b.c-d_e", "prod"]}
    ssm.label_parameter_version(Name=parameter, ParameterVersion=1, Labels=["prod"])
    assert labels(ssm, parameter) == {1: ["prod"], 2: ["b.c-d_e"]}
    assert ssm.get_parameter(Name=parameter + ":prod")["Parameter"]["Value"] == "first"
    gone = ssm.unlabel_parameter_version(Name=parameter, ParameterVersion=1, Labels=["prod", "none"])
    assert (gone["RemovedLabels"], gone["InvalidLabels"]) == (["prod"], ["none"])
    ssm.label_parameter_version(Name=parameter, ParameterVersion=1, Labels=[f"l{i}" for i in range(10)])
    assert error(ssm.label_parameter_version, Name=parameter, ParameterVersion=1, Labels=["more"])[0] == (
        "ParameterVersionLabelLimitExceeded")
    assert labels(ssm, parameter)[1] == [f"l{i}" for i in range(10)]
    assert error(ssm.label_parameter_version, Name=parameter, ParameterVersion=3, Labels=["x"]) == (
        "ParameterVersionNotFound",
        f"Systems Manager could not find version 3 of {parameter}. Verify the version and try again.")
    assert error(ssm.unlabel_parameter_version, Name="/none", ParameterVersion=3, Labels=["x"])[0] == "ParameterNotFound"


@pytest.fixture(scope="module")
def tree(daemon):
    """Parameters in a region of their own."""
    client = daemon.client(service="ssm", region="eu-north-1")
    for n, kind, tags in (("/app/a", "String", {"env": "prod"}), ("/app/b", "SecureString", {"env": "test"}),
                          ("/app/db/user", "String", {}), ("/app/db/deep/x", "StringList", {}), ("/apple/c", "String", {}),
                          ("root", "String", {"env": "none"}), ("/top", "String", {})):
        client.put_parameter(Name=n, Value="v:" + n, Type=kind, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    client.label_parameter_version(Name="/app/a", Labels=["blue"])
    client.put_parameter(Name="/app/a", Value="newer", Overwrite=True)
    return client


@pytest.mark.parametrize("path,recursive,found", [
    ("/app", False, ["/app/a", "/app/b"]),
    ("/app/", False, ["/app/a", "/app/b"]),
    ("/app", True, ["/app/a", "/app/b", "/app/db/deep/x", "/app/db/user"]),
    ("/app/db", True, ["/app/db/deep/x", "/app/db/user"]),
    ("/app/db/user", True, []),
    ("/", False, ["/top", "root"]),
    ("/", True, ["/app/a", "/app/b", "/app/db/deep/x", "/app/db/user", "/apple/c", "/top", "root"]),
    ("/none", True, [])])
def test_by_path(tree, path, recursive, found):
    got = tree.get_parameters_by_path(Path=path, Recursive=recursive)["Parameters"]
    assert [p["Name"] for p in got] == found
    pages = tree.get_paginator("get_parameters_by_path").paginate(
        Path=path, Recursive=recursive, PaginationConfig={"PageSize": 2})
    assert [p["Name"] for page in pages for p in page["Parameters"]] == found
    option = "Recursive" if recursive else "OneLevel"
    described = tree.describe_parameters(ParameterFilters=[{"Key": "Path", "Option": option, "Values": [path]}])
    assert [p["Name"] for p in described["Parameters"]] == found


def test_by_path_shows_values(tree):
    closed = {p["Name"]: p["Value"] for p in tree.get_parameters_by_path(Path="/app")["Parameters"]}
    opened = {p["Name"]: p["Value"] for p in tree.get_parameters_by_path(Path="/app", WithDecryption=True)["Parameters"]}
    assert opened == {"/app/a": "newer", "/app/b": "v:/app/b"}
    assert closed["/app/a"] == "newer" and "v:" not in closed["/app/b"]
    labelled = tree.get_parameters_by_path(Path="/", Recursive=True, ParameterFilters=[{"Key": "Label", "Values": ["blue"]}])
    assert [(p["Name"], p["Value"], p["Selector"]) for p in labelled["Parameters"]] == [("/app/a", "v:/app/a", ":blue")]
    secure = tree.get_parameters_by_path(Path="/app", ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}])
    assert [p["Name"] for p in secure["Parameters"]] == ["/app/b"]


@pytest.mark.parametrize("key,option,values,found", [
    ("Name", None, ["/app/a", "root"], ["/app/a", "root"]),
    ("Name", "BeginsWith", ["/app"], ["/app/a", "/app/b", "/app/db/deep/x", "/app/db/user", "/apple/c"]),
    ("Name", "Contains", ["o"], ["/top", "root"]),
    ("Type", None, ["StringList", "SecureString"], ["/app/b", "/app/db/deep/x"]),
    ("KeyId", None, ["alias/aws/ssm"], ["/app/b"]),
    ("Tier", None, ["Advanced"], []),
    ("DataType", None, ["text"], ["/app/a", "/app/b", "/app/db/deep/x", "/app/db/user", "/apple/c", "/top", "root"]),
    ("tag:env", None, ["prod"], ["/app/a"]),
    ("tag:env", "BeginsWith", ["t", "p"], ["/app/a", "/app/b"]),
    ("tag:env", None, None, ["/app/a", "/app/b", "root"])])
def test_filters(tree, key, option, values, found):
    given = {"Key": key, **({"Option": option} if option else {}), **({"Values": values} if values else {})}
    assert [p["Name"] for p in tree.describe_parameters(ParameterFilters=[given])["Parameters"]] == found


def test_nobody_shares(daemon):
    assert daemon.call("DescribeParameters", {"Shared": True}, target="AmazonSSM") == (200, {"Parameters": []})


def test_old_filters(tree):
    def found(key, values):
        return [p["Name"] for p in tree.describe_parameters(Filters=[{"Key": key, "Values": values}])["Parameters"]]

    assert found("Name", ["/app/d", "/to"]) == ["/app/db/deep/x", "/app/db/user", "/top"]
    assert found("Type", ["StringList"]) == ["/app/db/deep/x"]


@pytest.mark.parametrize("filters,code,message", [
    ([{"Key": "Colour", "Values": ["x"]}], "ValidationException", "Member must satisfy regular expression pattern"),
    ([{"Key": "Label", "Values": ["x"]}], "InvalidFilterKey", "The following filter key is not valid: Label."),
    ([{"Key": "Name", "Values": ["x"]}] * 2, "InvalidFilterKey", "duplicated in the request: Name"),
    ([{"Key": "Name"}], "InvalidFilterValue", "The following filter values are missing : null for filter key Name"),
    ([{"Key": "Type", "Values": ["Text"]}], "InvalidFilterValue", "Valid values include: [String, StringList, SecureString]"),
    ([{"Key": "Type", "Option": "Contains", "Values": ["x"]}], "InvalidFilterOption", "Valid options include: [BeginsWith, Equals]"),
    ([{"Key": "Path", "Option": "Equals", "Values": ["/x"]}], "InvalidFilterOption", "[Recursive, OneLevel]"),
    ([{"Key": "Path", "Values": ["x"]}], "ValidationException", "must begin with a forward slash")])
def test_wrong_filters(tree, filters, code, message):
    got = error(tree.describe_parameters, ParameterFilters=filters)
    assert got[0] == code and message in got[1]


def test_wrong_lists(tree):
    assert error(tree.get_parameters_by_path, Path="app")[0] == "ValidationException"
    assert error(tree.get_parameters_by_path, Path="/", MaxResults=11)[0] == "ValidationException"
    assert error(tree.get_parameters_by_path, Path="/", NextToken="x")[0] == "InvalidNextToken"
    assert error(tree.get_parameters_by_path, Path="/", ParameterFilters=[{"Key": "Name", "Values": ["x"]}]) == (
        "InvalidFilterKey", "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId, Label].")
    assert error(tree.describe_parameters, Filters=[{"Key": "Name", "Values": ["x"]}],
                 ParameterFilters=[{"Key": "Name", "Values": ["x"]}]) == (
        "ValidationException", "You can use either Filters or ParameterFilters in a single request.")


def test_delete_many(ssm, name, parameter):
    got = ssm.delete_parameters(Names=[parameter, "/none", parameter])
    assert (got["DeletedParameters"], got["InvalidParameters"]) == ([parameter], ["/none"])


def test_secrets_as_parameters(daemon, ssm, name):
    sm, n = daemon.client(service="secretsmanager"), name("team/secret")
    made = sm.create_secret(Name=n, SecretString="first")
    sm.put_secret_value(SecretId=n, SecretString="second")
    reference = "/aws/reference/secretsmanager/" + n
    got = ssm.get_parameter(Name=reference, WithDecryption=True)["Parameter"]
    assert (got["Name"], got["Type"], got["Value"], got["Version"], got["ARN"]) == (
        reference, "SecureString", "second", 0, made["ARN"])
    assert json.loads(got["SourceResult"])["VersionStages"] == ["AWSCURRENT"]
    for selector in (":AWSPREVIOUS", ":" + made["VersionId"]):
        got = ssm.get_parameters(Names=[reference + selector], WithDecryption=True)["Parameters"]
        assert [(p["Value"], p["Selector"]) for p in got] == [("first", selector)]
    assert error(ssm.get_parameter, Name=reference) == (
        "ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.")
    assert error(ssm.get_parameter, Name=reference + "x", WithDecryption=True) == (
        "ParameterNotFound",
        f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {reference}x not found.")
    assert ssm.get_parameters(Names=[reference + ":none"], WithDecryption=True)["InvalidParameters"] == [reference + ":none"]
    sm.delete_secret(SecretId=n)
    assert error(ssm.get_parameter, Name=reference, WithDecryption=True)[0] == "InvalidRequestException"
    sm.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True)


def test_tags(ssm, parameter):
    def tags():
        listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter)["TagList"]
        return {t["Key"]: t["Value"] for t in listed}

    add = ssm.add_tags_to_resource
    add(ResourceType="Parameter", ResourceId=parameter, Tags=[{"Key": f"k{i}", "Value": str(i)} for i in range(50)])
    assert error(add, ResourceType="Parameter", ResourceId=parameter, Tags=[{"Key": "x", "Value": "y"}])[0] == "TooManyTagsError"
    assert error(add, ResourceType="Parameter", ResourceId=parameter, Tags=[{"Key": "aws:x", "Value": "y"}])[0] == (
        "ValidationException")
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=parameter, TagKeys=[f"k{i}" for i in range(2, 50)])
    add(ResourceType="Parameter", ResourceId=parameter, Tags=[{"Key": "k0", "Value": "new"}])
    assert tags() == {"k0": "new", "k1": "1"}
    for kind, id in (("Parameter", "/none"), ("Document", parameter)):
        assert error(ssm.list_tags_for_resource, ResourceType=kind, ResourceId=id)[0] == "InvalidResourceId"
    assert error(ssm.list_tags_for_resource, ResourceType="Table", ResourceId="x")[0] == "ValidationException"


def test_scopes(daemon, ssm, parameter):
    for other in (daemon.client(service="ssm", region="eu-west-1"), daemon.client(service="ssm", key="111111111111")):
        assert error(other.get_parameter, Name=parameter)[0] == "ParameterNotFound"
        assert other.describe_parameters()["Parameters"] == []
        other.put_parameter(Name=parameter, Value="other", Type="String")
        other.delete_parameter(Name=parameter)
    assert ssm.get_parameter(Name=parameter)["Parameter"]["Value"] == "first"


def test_what_is_not_there(ssm):
    code, message = error(ssm.list_documents)
    assert code == "UnsupportedFeatureException" and "not available in localemu-ecs" in message


def test_values_are_nowhere_in_the_clear(start_daemon, name):
    daemon = start_daemon(["--debug"], ECS_DOCKER_BACKEND="0")
    ssm = daemon.client(service="ssm")
    n = name("p")
    for kind in ("String", "SecureString", "StringList"):
        ssm.put_parameter(Name=n + kind, Value="older pineapple", Type=kind)
        ssm.put_parameter(Name=n + kind, Value="newer pineapple", Overwrite=True)
    error(ssm.put_parameter, Name=n, Value="pineapple" * 1000, Type="String")

    def found():
        return [p for p in [*daemon.state_dir.rglob("*"), *daemon.runtime_dir.rglob("*"), daemon.log]
                if p.is_file() and b"pineapple" in p.read_bytes()]

    assert found() == []
    daemon.kill()
    assert found() == []
    daemon.start()
    ssm = daemon.client(service="ssm")
    for kind in ("String", "SecureString", "StringList"):
        history = ssm.get_parameter_history(Name=n + kind, WithDecryption=True)["Parameters"]
        assert [h["Value"] for h in history] == ["older pineapple", "newer pineapple"]
    assert found() == []
    daemon.kill()
    (daemon.state_dir / "secrets.key").write_bytes(b"k" * 32)
    daemon.start()
    ssm = daemon.client(service="ssm")
    assert error(ssm.get_parameter, Name=n + "SecureString", WithDecryption=True)[0] == "InvalidKeyId"


def test_the_aws_command(daemon, name, tmp_path):
    n = "/" + name("cli")

    def aws(*arguments):
        done = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", daemon.url, "--region", "us-east-1", "ssm", *arguments],
            capture_output=True, text=True, timeout=30,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
        return done.returncode, done.stdout.strip(), done.stderr

    code, out, err = aws("put-parameter", "--name", n, "--value", "secret words", "--type", "SecureString")
    assert code == 0, err
    code, out, err = aws("get-parameter", "--name", n, "--with-decryption", "--query", "Parameter.Value", "--output", "text")
    assert (code, out) == (0, "secret words"), err
    code, out, err = aws("get-parameters-by-path", "--path", "/", "--recursive", "--query", "Parameters[].Name", "--output", "text")
    assert code == 0 and n in out.split(), err
    code, out, err = aws("delete-parameter", "--name", n)
    assert code == 0, err
    code, out, err = aws("get-parameter", "--name", n)
    assert code != 0 and "(ParameterNotFound) when calling the GetParameter operation:" in err


def test_the_trail_has_no_values(daemon, ssm, name):
    n = "/" + name("trail")
    ssm.put_parameter(Name=n, Value="papaya", Type="String")
    ssm.delete_parameter(Name=n)
    trail = daemon.client(service="cloudtrail")
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "ssm.amazonaws.com"}])
    records = [json.loads(e["CloudTrailEvent"]) for e in events["Events"]]
    mine = [r for r in records if r["requestParameters"].get("name") == n]
    assert [r["eventName"] for r in mine] == ["DeleteParameter", "PutParameter"]
    assert mine[1]["requestParameters"]["value"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert mine[1]["responseElements"]["version"] == 1
