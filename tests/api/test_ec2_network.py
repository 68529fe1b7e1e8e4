# SPDX-License-Identifier: Apache-2.0
"""Interfaces, route tables, internet gateways, tags and places of EC2."""

import uuid

import pytest

from harness.ec2 import code_of, where


@pytest.fixture
def ec2(daemon):
    return daemon.client(key=str(uuid.uuid4().int)[:12], service="ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


# -- interfaces

def test_interfaces(ec2, vpc, subnet):
    first = ec2.create_network_interface(SubnetId=subnet, Description="x")["NetworkInterface"]
    assert first["PrivateIpAddress"] == "10.0.1.4" and first["PrivateDnsName"] == "ip-10-0-1-4.ec2.internal"
    assert first["Status"] == "available" and first["Groups"][0]["GroupName"] == "default"
    assert first["MacAddress"].startswith("02:")
    second = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.9")["NetworkInterface"]
    assert second["PrivateIpAddress"] == "10.0.1.9"
    shown = ec2.describe_network_interfaces(Filters=where(vpc_id=vpc))["NetworkInterfaces"]
    assert [i["PrivateIpAddress"] for i in shown] == ["10.0.1.4", "10.0.1.9"]
    assert code_of(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.1.9") == "InvalidIPAddress.InUse"
    assert code_of(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.2.9") == "InvalidParameterValue"
    assert code_of(ec2.create_network_interface, SubnetId=subnet, Groups=["sg-1"]) == "InvalidGroup.NotFound"
    ec2.delete_network_interface(NetworkInterfaceId=first["NetworkInterfaceId"])
    assert code_of(ec2.describe_network_interfaces, NetworkInterfaceIds=[first["NetworkInterfaceId"]]) == \
        "InvalidNetworkInterfaceID.NotFound"


def test_names_in_other_regions(daemon):
    ec2 = daemon.client(region="eu-west-1", key=str(uuid.uuid4().int)[:12], service="ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    assert ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateDnsName"] == \
        "ip-172-31-0-4.eu-west-1.compute.internal"


# -- route tables

def test_a_route_table_as_terraform_makes_it(ec2, vpc, subnet):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=[
        {"ResourceType": "route-table", "Tags": [{"Key": "a", "Value": "b"}]}])["RouteTable"]["RouteTableId"]
    assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"] is True
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    shown = ec2.describe_route_tables(Filters=where(**{"association.subnet-id": subnet}))["RouteTables"][0]
    assert shown["RouteTableId"] == table
    assert shown["Associations"][0]["RouteTableAssociationId"] == association
    assert [(r["DestinationCidrBlock"], r["GatewayId"], r["Origin"]) for r in shown["Routes"]] == [
        ("10.0.0.0/16", "local", "CreateRouteTable"), ("0.0.0.0/0", gateway, "CreateRoute")]
    assert code_of(ec2.delete_route_table, RouteTableId=table) == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_route_table(RouteTableId=table)
    assert code_of(ec2.describe_route_tables, RouteTableIds=[table]) == "InvalidRouteTableID.NotFound"


def test_routes_that_are_not_possible(ec2, vpc):
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]

    def add(destination, **target):
        return code_of(ec2.create_route, RouteTableId=table, DestinationCidrBlock=destination, **target)

    assert add("0.0.0.0/0", GatewayId="igw-0123456789abcdef0") == "InvalidInternetGatewayID.NotFound"
    assert add("0.0.0.0/0", NatGatewayId="nat-0123456789abcdef0") == "InvalidNatGatewayID.NotFound"
    assert add("0.0.0.0/0") == "MissingParameter"
    assert add("x", GatewayId="local") == "InvalidParameterValue"
    assert add("10.0.0.0/16", GatewayId="local") == "RouteAlreadyExists"
    detached = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert add("0.0.0.0/0", GatewayId=detached) == "InvalidParameterValue"
    assert code_of(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.9.0.0/16") == "InvalidRoute.NotFound"
    assert code_of(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16") == "InvalidParameterValue"
    assert code_of(ec2.replace_route, RouteTableId=table, DestinationCidrBlock="10.9.0.0/16", GatewayId="local") == \
        "InvalidRoute.NotFound"


def test_associations(ec2, vpc, subnet):
    main = ec2.describe_route_tables(Filters=where(vpc_id=vpc, **{"association.main": "true"}))["RouteTables"][0]
    one, two = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    association = ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"]
    assert code_of(ec2.associate_route_table, RouteTableId=two, SubnetId=subnet) == "Resource.AlreadyAssociated"
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=two)["NewAssociationId"]
    assert moved != association
    assert code_of(ec2.disassociate_route_table, AssociationId=association) == "InvalidAssociationID.NotFound"
    assert code_of(ec2.disassociate_route_table,
                   AssociationId=main["Associations"][0]["RouteTableAssociationId"]) == "InvalidParameterValue"
    # another table becomes the main one, and the VPC can still be deleted with it
    ec2.replace_route_table_association(AssociationId=main["Associations"][0]["RouteTableAssociationId"], RouteTableId=one)
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_route_table(RouteTableId=two)
    ec2.delete_vpc(VpcId=vpc)


# -- internet gateways

def test_internet_gateways(ec2, vpc):
    gateway = ec2.create_internet_gateway()["InternetGateway"]
    assert gateway["Attachments"] == []
    gateway = gateway["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert code_of(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "Resource.AlreadyAssociated"
    assert code_of(ec2.delete_internet_gateway, InternetGatewayId=gateway) == "DependencyViolation"
    assert code_of(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    found = ec2.describe_internet_gateways(Filters=where(**{"attachment.vpc-id": vpc}))["InternetGateways"]
    assert [g["InternetGatewayId"] for g in found] == [gateway]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert code_of(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "Gateway.NotAttached"
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert code_of(ec2.delete_internet_gateway, InternetGatewayId=gateway) == "InvalidInternetGatewayID.NotFound"


# -- tags

def test_tags(ec2, vpc, subnet):
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "3"}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    shown = ec2.describe_tags(Filters=where(resource_id=subnet))["Tags"]
    assert shown == [{"Key": k, "Value": v, "ResourceId": subnet, "ResourceType": "subnet"} for k, v in (("a", "1"), ("b", "2"))]
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == [{"Key": "a", "Value": "3"}]
    ec2.delete_tags(Resources=[vpc])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == []


def test_tags_that_are_not_possible(ec2, vpc):
    assert code_of(ec2.create_tags, Resources=["vpc-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}]) == "InvalidID"
    assert code_of(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:a", "Value": "b"}]) == "InvalidParameterValue"
    assert code_of(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "k" * 128, "Value": "b"}]) == "InvalidParameterValue"
    many = [{"Key": f"k{i}", "Value": ""} for i in range(51)]
    assert code_of(ec2.create_tags, Resources=[vpc], Tags=many) == "TagLimitExceeded"
    assert code_of(ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=[
        {"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}]) == "InvalidParameterValue"


def test_tags_go_with_their_resource(ec2, vpc):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "1"}])
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_tags(Filters=where(resource_id=vpc))["Tags"] == []


def test_pages_of_tags(ec2, vpc):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": f"k{i:02}", "Value": ""} for i in range(12)])
    pages = list(ec2.get_paginator("describe_tags").paginate(PaginationConfig={"PageSize": 5}))
    assert [t["Key"] for p in pages for t in p["Tags"]] == [f"k{i:02}" for i in range(12)]


# -- places

def test_zones_and_regions(ec2):
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [(z["ZoneName"], z["ZoneId"], z["State"]) for z in zones] == [
        (f"us-east-1{l}", f"use1-az{n}", "available") for l, n in (("a", 1), ("b", 2), ("c", 3))]
    assert len(ec2.describe_availability_zones(ZoneNames=["us-east-1b"])["AvailabilityZones"]) == 1
    assert code_of(ec2.describe_availability_zones, ZoneNames=["us-east-1z"]) == "InvalidParameterValue"
    assert {"us-east-1", "eu-central-1"} < {r["RegionName"] for r in ec2.describe_regions()["Regions"]}
    assert ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"][0]["Endpoint"] == "ec2.eu-west-1.amazonaws.com"
    assert code_of(ec2.describe_regions, RegionNames=["mars-1"]) == "InvalidParameterValue"


def test_account_attributes(ec2):
    vpc = ec2.describe_vpcs(Filters=where(is_default="true"))["Vpcs"][0]["VpcId"]
    attributes = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert attributes == [{"AttributeName": "default-vpc", "AttributeValues": [{"AttributeValue": vpc}]}]


def test_operations_that_are_not_built_say_so(ec2):
    assert code_of(ec2.describe_nat_gateways) != "InvalidAction"
    assert code_of(ec2.describe_volumes) == "InvalidAction"
