# SPDX-License-Identifier: Apache-2.0
"""IAM as boto3 and as Terraform's provider use it."""

import json
import re

import pytest
from botocore.exceptions import ClientError

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "a+b c/ü&<%>"}}
AWS_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def iam(daemon):
    return daemon.client(service="iam")


@pytest.fixture
def role(iam, name):
    made = iam.create_role(RoleName=name("role"), AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["RoleName"]
    yield made
    try:
        for profile in iam.list_instance_profiles_for_role(RoleName=made)["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=made)
        for policy in iam.list_attached_role_policies(RoleName=made)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=made, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=made)["PolicyNames"]:
            iam.delete_role_policy(RoleName=made, PolicyName=policy)
        iam.delete_role(RoleName=made)
    except iam.exceptions.NoSuchEntityException:
        pass


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    return e["Error"]["Code"], e["Error"]["Message"], e["ResponseMetadata"]["HTTPStatusCode"]


def gone(kind):
    return "NoSuchEntity", f"The {kind} cannot be found.", 404


def test_role(iam, name):
    n = name("role")
    made = iam.create_role(
        RoleName=n, Path="/team/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="does < things & more",
        MaxSessionDuration=7200, Tags=[{"Key": "b", "Value": ""}, {"Key": "a", "Value": "1 2"}],
        PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess")["Role"]
    got = iam.get_role(RoleName=n)["Role"]
    assert got == made
    assert got["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/team/{n}"
    assert re.fullmatch("AROA[A-Z2-7]{17}", got["RoleId"])
    assert got["AssumeRolePolicyDocument"] == TRUST
    assert (got["Description"], got["MaxSessionDuration"], got["Path"]) == ("does < things & more", 7200, "/team/")
    assert got["Tags"] == [{"Key": "b", "Value": ""}, {"Key": "a", "Value": "1 2"}]
    assert got["PermissionsBoundary"]["PermissionsBoundaryArn"] == "arn:aws:iam::aws:policy/PowerUserAccess"
    assert error(iam.create_role, RoleName=n.upper(), AssumeRolePolicyDocument=json.dumps(TRUST)) == (
        "EntityAlreadyExists", f"Role with name {n.upper()} already exists.", 409)
    iam.delete_role_permissions_boundary(RoleName=n)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=n)["Role"]
    iam.delete_role(RoleName=n)
    assert error(iam.get_role, RoleName=n) == gone(f"role with name {n}")
    assert error(iam.delete_role, RoleName=n) == gone(f"role with name {n}")


def test_changes_of_a_role(iam, role):
    iam.update_role(RoleName=role, Description="new", MaxSessionDuration=3601)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    got = iam.get_role(RoleName=role)["Role"]
    assert (got["Description"], got["MaxSessionDuration"], got["AssumeRolePolicyDocument"]) == ("new", 3601, trust)
    assert iam.update_role_description(RoleName=role, Description="x")["Role"]["Description"] == "x"


def test_tags(iam, role):
    iam.tag_role(RoleName=role, Tags=[{"Key": f"k{i}", "Value": str(i)} for i in range(50)])
    assert error(iam.tag_role, RoleName=role, Tags=[{"Key": "one more", "Value": ""}])[::2] == ("LimitExceeded", 409)
    iam.untag_role(RoleName=role, TagKeys=["k0", "k1", "unknown"])
    tags = iam.list_role_tags(RoleName=role)
    assert len(tags["Tags"]) == 48 and tags["IsTruncated"] is False


@pytest.mark.parametrize("document", [
    "no json", "[]", "{}", '{"Statement":[1]}', '{"Statement":[{"Effect":"Maybe"}]}',
    json.dumps(POLICY), '{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}'])
def test_malformed_trust(iam, name, document):
    got = error(iam.create_role, RoleName=name("r"), AssumeRolePolicyDocument=document)
    assert got[::2] == ("MalformedPolicyDocument", 400)


def test_inline_policies(iam, role):
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=json.dumps(POLICY))
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=json.dumps(POLICY))
    got = iam.get_role_policy(RoleName=role, PolicyName="one")
    assert (got["RoleName"], got["PolicyName"], got["PolicyDocument"]) == (role, "one", POLICY)
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["one"]
    assert error(iam.delete_role, RoleName=role) == (
        "DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    assert error(iam.put_role_policy, RoleName=role, PolicyName="two", PolicyDocument=json.dumps(TRUST))[0] == (
        "MalformedPolicyDocument")
    iam.delete_role_policy(RoleName=role, PolicyName="one")
    assert error(iam.get_role_policy, RoleName=role, PolicyName="one") == gone("role policy with name one")
    assert error(iam.delete_role_policy, RoleName=role, PolicyName="one") == gone("role policy with name one")


def test_attached_policies(iam, role, name):
    policy = iam.create_policy(PolicyName=name("p"), Path="/x/", PolicyDocument=json.dumps(POLICY), Description="d",
                               Tags=[{"Key": "k", "Value": "v"}])["Policy"]
    assert policy["Arn"] == f"arn:aws:iam::{ACCOUNT}:policy/x/{policy['PolicyName']}"
    assert (policy["DefaultVersionId"], policy["AttachmentCount"], policy["IsAttachable"]) == ("v1", 0, True)
    for arn in (policy["Arn"], AWS_POLICY, AWS_POLICY):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached == [
        {"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]},
        {"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": AWS_POLICY}]
    assert iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=policy["Arn"])
    assert [r["RoleName"] for r in entities["PolicyRoles"]] == [role] and entities["PolicyUsers"] == []
    assert error(iam.delete_role, RoleName=role)[:2] == (
        "DeleteConflict", "Cannot delete entity, must detach all policies first.")
    assert error(iam.delete_policy, PolicyArn=policy["Arn"])[::2] == ("DeleteConflict", 409)
    assert policy["PolicyName"] in [p["PolicyName"] for p in iam.list_policies(OnlyAttached=True)["Policies"]]
    iam.detach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    assert error(iam.detach_role_policy, RoleName=role, PolicyArn=policy["Arn"])[::2] == ("NoSuchEntity", 404)
    iam.delete_policy(PolicyArn=policy["Arn"])
    assert error(iam.get_policy, PolicyArn=policy["Arn"])[0] == "NoSuchEntity"
    assert error(iam.attach_role_policy, RoleName=role, PolicyArn=policy["Arn"]) == (
        "NoSuchEntity", f"Policy {policy['Arn']} does not exist or is not attachable.", 404)


def test_versions(iam, name):
    arn = iam.create_policy(PolicyName=name("p"), PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    first = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert first["Document"] == POLICY and first["IsDefaultVersion"]
    other = {**POLICY, "Statement": {**POLICY["Statement"], "Action": "sqs:*"}}
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other), SetAsDefault=True)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", True)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other))
    assert error(iam.create_policy_version, PolicyArn=arn, PolicyDocument=json.dumps(other))[0] == "LimitExceeded"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert {(v["VersionId"], v["IsDefaultVersion"]) for v in versions} == {
        ("v1", False), ("v2", True), ("v3", False), ("v4", False), ("v5", False)}
    assert error(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    assert error(iam.delete_policy_version, PolicyArn=arn, VersionId="v2")[0] == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
    for version in ("v1", "v2", "v3", "v4"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    assert error(iam.get_policy_version, PolicyArn=arn, VersionId="v1")[::2] == ("NoSuchEntity", 404)
    iam.delete_policy(PolicyArn=arn)


def test_instance_profile(iam, role, name):
    n = name("profile")
    made = iam.create_instance_profile(InstanceProfileName=n, Path="/ec2/", Tags=[{"Key": "a", "Value": "b"}])
    assert made["InstanceProfile"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/ec2/{n}"
    assert made["InstanceProfile"]["Roles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName=n, RoleName=role)
    got = iam.get_instance_profile(InstanceProfileName=n)["InstanceProfile"]
    assert [r["RoleName"] for r in got["Roles"]] == [role] and got["Roles"][0]["AssumeRolePolicyDocument"] == TRUST
    assert error(iam.add_role_to_instance_profile, InstanceProfileName=n, RoleName=role)[0] == "LimitExceeded"
    assert [p["InstanceProfileName"] for p in iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]] == [n]
    for call, arguments in ((iam.delete_role, {"RoleName": role}),
                            (iam.delete_instance_profile, {"InstanceProfileName": n})):
        assert error(call, **arguments)[:2] == (
            "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    iam.remove_role_from_instance_profile(InstanceProfileName=n, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=n)
    assert error(iam.get_instance_profile, InstanceProfileName=n) == (
        "NoSuchEntity", f"Instance Profile {n} cannot be found.", 404)


def test_user(iam, name):
    n = name("user")
    made = iam.create_user(UserName=n, Path="/people/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert iam.get_user(UserName=n)["User"] == made
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/{n}" and made["UserId"].startswith("AIDA")
    assert iam.list_groups_for_user(UserName=n)["Groups"] == []
    keys = [iam.create_access_key(UserName=n)["AccessKey"] for _ in range(2)]
    assert error(iam.create_access_key, UserName=n)[::2] == ("LimitExceeded", 409)
    listed = iam.list_access_keys(UserName=n)["AccessKeyMetadata"]
    assert {k["AccessKeyId"] for k in listed} == {k["AccessKeyId"] for k in keys}
    assert all("SecretAccessKey" not in k and k["Status"] == "Active" for k in listed)
    assert iam.get_access_key_last_used(AccessKeyId=keys[0]["AccessKeyId"])["UserName"] == n
    assert error(iam.delete_user, UserName=n)[:2] == (
        "DeleteConflict", "Cannot delete entity, must delete access keys first.")
    for key in keys:
        iam.delete_access_key(UserName=n, AccessKeyId=key["AccessKeyId"])
    assert error(iam.delete_access_key, UserName=n, AccessKeyId=keys[0]["AccessKeyId"])[::2] == ("NoSuchEntity", 404)
    iam.put_user_policy(UserName=n, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert iam.get_user_policy(UserName=n, PolicyName="p")["PolicyDocument"] == POLICY
    iam.delete_user_policy(UserName=n, PolicyName="p")
    iam.attach_user_policy(UserName=n, PolicyArn=AWS_POLICY)
    iam.detach_user_policy(UserName=n, PolicyArn=AWS_POLICY)
    iam.delete_user(UserName=n)
    assert error(iam.get_user, UserName=n) == gone(f"user with name {n}")


def test_the_caller(iam):
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert error(iam.create_access_key)[0] == "ValidationError"


def test_pages(daemon, name):
    iam = daemon.client(service="iam", key="210987654321")
    names = sorted(name(f"r{i}") for i in range(7))
    for n in names:
        iam.create_role(RoleName=n, Path="/a/" if n == names[3] else "/", AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(p["Roles"]) for p in pages] == [3, 3, 1]
    assert [r["RoleName"] for p in pages for r in p["Roles"]] == names
    assert [r["RoleName"] for r in iam.list_roles(PathPrefix="/a/")["Roles"]] == [names[3]]
    assert error(iam.list_roles, Marker="nonsense")[::2] == ("ValidationError", 400)
    for n in names:
        iam.put_role_policy(RoleName=names[0], PolicyName=n, PolicyDocument=json.dumps(POLICY))
    pages = list(iam.get_paginator("list_role_policies").paginate(RoleName=names[0], PaginationConfig={"PageSize": 2}))
    assert [n for p in pages for n in p["PolicyNames"]] == names


def test_accounts_are_apart_and_regions_are_not(daemon, name):
    n = name("role")
    daemon.client(service="iam", key="111111111111").create_role(RoleName=n, AssumeRolePolicyDocument=json.dumps(TRUST))
    assert error(daemon.client(service="iam").get_role, RoleName=n)[0] == "NoSuchEntity"
    other = daemon.client(service="iam", key="111111111111", region="eu-west-1").get_role(RoleName=n)["Role"]
    assert other["Arn"] == f"arn:aws:iam::111111111111:role/{n}"


@pytest.mark.parametrize("arguments", [
    {"RoleName": "a b"}, {"RoleName": "x" * 65}, {"Path": "nope"}, {"MaxSessionDuration": 3599},
    {"Tags": [{"Key": "", "Value": ""}]}, {"Description": "x" * 1001}])
def test_validation(daemon, arguments):
    iam = daemon.client(service="iam", validate=False)
    got = error(iam.create_role, **{"RoleName": "fine", "AssumeRolePolicyDocument": json.dumps(TRUST), **arguments})
    assert got[::2] == ("ValidationError", 400)


def test_everything_survives_a_restart(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    iam = daemon.client(service="iam")
    role = iam.create_role(RoleName="keep", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(RoleName="keep", PolicyArn=AWS_POLICY)
    daemon.kill()
    daemon.restart()
    assert iam.get_role(RoleName="keep")["Role"] == role
    assert len(iam.list_attached_role_policies(RoleName="keep")["AttachedPolicies"]) == 1
