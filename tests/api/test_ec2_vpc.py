# SPDX-License-Identifier: Apache-2.0
"""VPCs and subnets of EC2, without an Engine: the default VPC, ranges, attributes, filters, pages, DryRun, errors."""

import uuid

import pytest

from harness.ec2 import code_of, where


@pytest.fixture
def ec2(daemon):
    """In a region of the test's own, so that it sees its own VPCs only."""
    return daemon.client(region="eu-central-1", key=str(uuid.uuid4().int)[:12], service="ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def test_the_default_vpc_is_there(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"]
    assert len(vpc) == 1 and vpc[0]["IsDefault"] and vpc[0]["CidrBlock"] == "172.31.0.0/16"
    subnets = ec2.describe_subnets(Filters=where(vpc_id=vpc[0]["VpcId"]))["Subnets"]
    assert [(s["AvailabilityZone"], s["CidrBlock"], s["DefaultForAz"]) for s in subnets] == [
        ("eu-central-1a", "172.31.0.0/20", True), ("eu-central-1b", "172.31.16.0/20", True),
        ("eu-central-1c", "172.31.32.0/20", True)]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    assert [g["GroupName"] for g in groups] == ["default"]
    table = ec2.describe_route_tables()["RouteTables"][0]
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]
    assert gateway["Attachments"] == [{"State": "available", "VpcId": vpc[0]["VpcId"]}]
    assert {r["GatewayId"] for r in table["Routes"]} == {"local", gateway["InternetGatewayId"]}


def test_accounts_and_regions_have_default_vpcs_of_their_own(daemon):
    def default(region, key):
        return daemon.client(region=region, key=key, service="ec2").describe_vpcs()["Vpcs"][0]["VpcId"]

    assert len({default("us-east-1", "111111111111"), default("us-east-1", "222222222222"),
                default("us-west-2", "111111111111")}) == 3
    assert default("us-east-1", "111111111111") == default("us-east-1", "111111111111")


def test_create_describe_delete(ec2):
    made = ec2.create_vpc(CidrBlock="10.20.0.0/16", InstanceTenancy="default", TagSpecifications=[
        {"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "mine"}]}])["Vpc"]
    assert made["CidrBlock"] == "10.20.0.0/16" and not made["IsDefault"]
    assert made["CidrBlockAssociationSet"][0]["CidrBlockState"] == {"State": "associated"}
    assert made["Tags"] == [{"Key": "Name", "Value": "mine"}]
    assert ec2.describe_vpcs(VpcIds=[made["VpcId"]])["Vpcs"] == [made]
    assert len(ec2.describe_network_acls(Filters=where(vpc_id=made["VpcId"], default="true"))["NetworkAcls"]) == 1
    ec2.delete_vpc(VpcId=made["VpcId"])
    assert code_of(ec2.describe_vpcs, VpcIds=[made["VpcId"]]) == "InvalidVpcID.NotFound"
    assert ec2.describe_security_groups(Filters=where(vpc_id=made["VpcId"]))["SecurityGroups"] == []
    assert ec2.describe_route_tables(Filters=where(vpc_id=made["VpcId"]))["RouteTables"] == []


@pytest.mark.parametrize("cidr, code", [
    ("10.0.0.0/15", "InvalidVpc.Range"), ("10.0.0.0/29", "InvalidVpc.Range"), ("10.0.0.0", "InvalidParameterValue"),
    ("10.0.0/16", "InvalidParameterValue"), ("words", "InvalidParameterValue")])
def test_ranges_that_no_vpc_can_have(ec2, cidr, code):
    assert code_of(ec2.create_vpc, CidrBlock=cidr) == code


def test_bits_below_the_prefix_are_cleared(ec2):
    assert ec2.create_vpc(CidrBlock="10.1.2.3/16")["Vpc"]["CidrBlock"] == "10.1.0.0/16"


def test_missing_parameters(daemon):
    loose = daemon.client(service="ec2", validate=False)
    assert code_of(loose.create_vpc) == "MissingParameter"
    assert code_of(loose.delete_vpc) == "MissingParameter"
    assert code_of(loose.create_subnet, VpcId="vpc-1") == "MissingParameter"


def test_dry_run_changes_nothing(ec2):
    before = ec2.describe_vpcs()["Vpcs"]
    assert code_of(ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True) == "DryRunOperation"
    assert code_of(ec2.create_vpc, CidrBlock="10.0.0.0/8", DryRun=True) == "InvalidVpc.Range"
    assert code_of(ec2.describe_vpcs, DryRun=True) == "DryRunOperation"
    assert ec2.describe_vpcs()["Vpcs"] == before


def test_attributes(ec2, vpc):
    def value(attribute, key):
        return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[key]["Value"]

    assert value("enableDnsSupport", "EnableDnsSupport") is True
    assert value("enableDnsHostnames", "EnableDnsHostnames") is False
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert value("enableDnsHostnames", "EnableDnsHostnames") is True
    assert code_of(ec2.modify_vpc_attribute, VpcId=vpc) == "MissingParameter"
    assert code_of(ec2.describe_vpc_attribute, VpcId=vpc, Attribute="other") == "InvalidParameterValue"


def test_a_vpc_in_use_stays(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    assert code_of(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    assert code_of(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_security_group(GroupId=group)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    assert code_of(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)


def test_the_default_vpc_can_be_deleted_and_made_again(ec2):
    old = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert code_of(ec2.create_default_vpc) == "DefaultVpcAlreadyExists"
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=old)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=old)
    assert ec2.describe_vpcs()["Vpcs"] == []
    assert code_of(ec2.create_security_group, GroupName="g", Description="d") == "VPCIdNotSpecified"
    new = ec2.create_default_vpc()["Vpc"]
    assert new["IsDefault"] and new["VpcId"] != old
    assert len(ec2.describe_subnets()["Subnets"]) == 3


def test_filters(ec2):
    ids = [ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [
        {"Key": "Name", "Value": f"net-{i}"}]}])["Vpc"]["VpcId"] for i in range(3)]

    def found(*filters):
        return [v["VpcId"] for v in ec2.describe_vpcs(Filters=list(filters))["Vpcs"]]

    def one(name, *values):
        return {"Name": name, "Values": list(values)}

    assert found(one("tag:Name", "net-1")) == ids[1:2]
    assert found(one("tag:Name", "net-*")) == ids
    assert found(one("tag:Name", "net-?"), one("cidr", "10.2.*")) == ids[2:]
    assert found(one("tag:Name", "net-[01]")) == []
    assert found(one("tag-key", "Name")) == ids
    assert found(one("cidr-block", "10.0.0.0/16", "10.1.0.0/16")) == ids[:2]
    assert len(found(one("isDefault", "true"))) == 1
    assert code_of(ec2.describe_vpcs, Filters=[one("color", "red")]) == "InvalidParameterValue"


def test_pages(ec2):
    made = {ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16")["Vpc"]["VpcId"] for i in range(11)}
    pages = [[v["VpcId"] for v in p["Vpcs"]] for p in
             ec2.get_paginator("describe_vpcs").paginate(PaginationConfig={"PageSize": 5})]
    assert [len(p) for p in pages] == [5, 5, 2]
    assert made < {v for p in pages for v in p}
    assert code_of(ec2.describe_vpcs, MaxResults=1001) == "InvalidParameterValue"
    assert code_of(ec2.describe_vpcs, MaxResults=5, NextToken="x") == "InvalidNextToken"


def test_ids_that_name_nothing(ec2):
    assert code_of(ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"]) == "InvalidVpcID.NotFound"
    assert code_of(ec2.describe_subnets, SubnetIds=["subnet-0123456789abcdef0"]) == "InvalidSubnetID.NotFound"
    assert code_of(ec2.delete_vpc, VpcId="vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"


# -- subnets

def test_subnets(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-central-1b",
                               TagSpecifications=[{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}])["Subnet"]
    assert subnet["AvailableIpAddressCount"] == 251 and subnet["AvailabilityZoneId"] == "euc1-az2"
    assert subnet["SubnetArn"].endswith(":subnet/" + subnet["SubnetId"])
    assert ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"] == [subnet]
    ec2.create_network_interface(SubnetId=subnet["SubnetId"])
    assert ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"][0]["AvailableIpAddressCount"] == 250
    assert code_of(ec2.delete_subnet, SubnetId=subnet["SubnetId"]) == "DependencyViolation"


@pytest.mark.parametrize("cidr, code", [
    ("10.1.0.0/24", "InvalidSubnet.Range"), ("10.0.0.0/29", "InvalidSubnet.Range"), ("10.0.0.0/8", "InvalidSubnet.Range"),
    ("10.0.0.128/25", "InvalidSubnet.Conflict"), ("10.0.0.0/20", "InvalidSubnet.Conflict"), ("x", "InvalidParameterValue")])
def test_ranges_that_a_subnet_cannot_have(ec2, vpc, cidr, code):
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    assert code_of(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == code


def test_a_zone_that_is_not_there(ec2, vpc):
    assert code_of(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a") == \
        "InvalidParameterValue"


def test_subnet_attributes(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    shown = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert shown["MapPublicIpOnLaunch"] is True
    assert shown["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "resource-name"
