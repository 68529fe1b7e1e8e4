# SPDX-License-Identifier: Apache-2.0
"""Security groups of EC2 and their rules."""

import uuid

import pytest

from harness.ec2 import code_of, where

WEB = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "web"}]}


@pytest.fixture
def ec2(daemon):
    return daemon.client(key=str(uuid.uuid4().int)[:12], service="ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(GroupName="g", Description="a group", VpcId=vpc)["GroupId"]


def shown(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_a_new_group_lets_everything_out_and_nothing_in(ec2, vpc, group):
    g = shown(ec2, group)
    assert (g["GroupName"], g["Description"], g["VpcId"]) == ("g", "a group", vpc)
    assert g["IpPermissions"] == []
    assert [(p["IpProtocol"], p["IpRanges"]) for p in g["IpPermissionsEgress"]] == [("-1", [{"CidrIp": "0.0.0.0/0"}])]
    assert "FromPort" not in g["IpPermissionsEgress"][0]


def test_names_and_groups_that_are_not_possible(ec2, vpc, group):
    assert code_of(ec2.create_security_group, GroupName="g", Description="d", VpcId=vpc) == "InvalidGroup.Duplicate"
    assert code_of(ec2.create_security_group, GroupName="sg-x", Description="d", VpcId=vpc) == "InvalidParameterValue"
    assert code_of(ec2.create_security_group, GroupName="h", Description="d", VpcId="vpc-1") == "InvalidVpcID.NotFound"
    assert code_of(ec2.describe_security_groups, GroupIds=["sg-0123456789abcdef0"]) == "InvalidGroup.NotFound"
    assert code_of(ec2.delete_security_group, GroupId="sg-0123456789abcdef0") == "InvalidGroup.NotFound"
    default = ec2.describe_security_groups(Filters=where(vpc_id=vpc, group_name="default"))["SecurityGroups"][0]
    assert code_of(ec2.delete_security_group, GroupId=default["GroupId"]) == "CannotDelete"


def test_authorize_describe_revoke(ec2, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        WEB, {"IpProtocol": "6", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.1.2.3/8"}]},
        {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54, "UserIdGroupPairs": [{"GroupId": group}]},
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])["SecurityGroupRules"]
    assert len(made) == 4 and not any(r["IsEgress"] for r in made)
    permissions = {p["IpProtocol"]: p for p in shown(ec2, group)["IpPermissions"]}
    assert permissions["tcp"]["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "web"}, {"CidrIp": "10.0.0.0/8"}]
    assert permissions["udp"]["UserIdGroupPairs"][0]["GroupId"] == group
    assert (permissions["udp"]["FromPort"], permissions["udp"]["ToPort"]) == (53, 54)
    rules = ec2.describe_security_group_rules(Filters=where(group_id=group))["SecurityGroupRules"]
    assert [r["SecurityGroupRuleId"] for r in rules[1:]] == [r["SecurityGroupRuleId"] for r in made]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[r["SecurityGroupRuleId"] for r in made[1:]])
    assert shown(ec2, group)["IpPermissions"] == []
    assert code_of(ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[WEB]) == "InvalidPermission.NotFound"


def test_egress(ec2, group):
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert shown(ec2, group)["IpPermissionsEgress"] == []
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[WEB])
    assert shown(ec2, group)["IpPermissionsEgress"][0]["FromPort"] == 80
    assert shown(ec2, group)["IpPermissions"] == []


def test_the_same_rule_twice(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    assert code_of(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[WEB]) == "InvalidPermission.Duplicate"


def test_a_failed_request_adds_nothing(ec2, group):
    ssh = dict(WEB, FromPort=22, ToPort=22)
    assert code_of(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[ssh, WEB, WEB]) == \
        "InvalidPermission.Duplicate"
    assert shown(ec2, group)["IpPermissions"] == []


def test_the_old_form(ec2):
    ec2.create_security_group(GroupName="old", Description="d")
    ec2.authorize_security_group_ingress(GroupName="old", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")
    g = ec2.describe_security_groups(GroupNames=["old"])["SecurityGroups"][0]
    assert g["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]


@pytest.mark.parametrize("change, code", [
    ({"IpProtocol": "sctpp"}, "InvalidParameterValue"), ({"FromPort": 90}, "InvalidParameterValue"),
    ({"ToPort": 70000}, "InvalidParameterValue"), ({"IpRanges": [{"CidrIp": "10.0.0.0"}]}, "InvalidParameterValue"),
    ({"IpRanges": []}, "MissingParameter"), ({"IpRanges": [], "UserIdGroupPairs": [{"GroupId": "sg-1"}]}, "InvalidGroup.NotFound")])
def test_rules_that_are_not_possible(ec2, group, change, code):
    assert code_of(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[{**WEB, **change}]) == code


def test_a_group_that_is_referred_to_stays(ec2, vpc, group):
    other = ec2.create_security_group(GroupName="other", Description="d", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    assert code_of(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=group)
    assert code_of(ec2.describe_security_groups, GroupIds=[group]) == "InvalidGroup.NotFound"
    assert ec2.describe_security_group_rules(Filters=where(group_id=group))["SecurityGroupRules"] == []


def test_descriptions(ec2, group):
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])["SecurityGroupRules"][0]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=[
        {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "Description": "new"}])
    assert shown(ec2, group)["IpPermissions"][0]["IpRanges"][0]["Description"] == "new"


def test_filters(ec2, vpc, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])

    def found(**filters):
        return [g["GroupId"] for g in ec2.describe_security_groups(Filters=where(vpc_id=vpc, **filters))["SecurityGroups"]]

    assert found(**{"ip-permission.from-port": "80"}) == [group]
    assert found(**{"ip-permission.cidr": "10.*"}) == []
    assert found(group_name="g") == [group]
    assert len(found()) == 2
