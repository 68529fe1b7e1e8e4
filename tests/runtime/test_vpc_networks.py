# SPDX-License-Identifier: Apache-2.0
"""The Docker networks of VPCs: made with the VPC, with its range or one of 100.64.0.0/10 in its place, gone with it."""

import ipaddress

import pytest

from harness.ec2 import free_range
from harness.wait import wait_until

SHARED = ipaddress.ip_network("100.64.0.0/10")


def ec2(daemon, **more):
    return daemon.client(service="ec2", **more)


def network_of(daemon, vpc):
    """The VPC's network as the Engine shows it, None where there is none."""
    found = [n for n in daemon.engine.networks([f"localemu.vpc-id={vpc}"])
             if n["Labels"].get("localemu.owner") == daemon.owner]
    assert len(found) <= 1
    return found[0] if found else None


def range_of(network):
    return network["IPAM"]["Config"][0]["Subnet"]


def available(client, vpc):
    wait_until(lambda: client.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["State"] == "available", 10, f"{vpc} to be available")


@pytest.fixture
def client(engine_daemon):
    return ec2(engine_daemon)


@pytest.fixture
def make_vpc(client):
    made = []

    def make(cidr):
        vpc = client.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        made.append(vpc)
        available(client, vpc)
        return vpc

    yield make
    for vpc in made:
        if client.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Vpcs"]:
            client.delete_vpc(VpcId=vpc)


def test_the_network_has_the_range_of_its_vpc(engine_daemon, make_vpc):
    cidr = free_range()
    vpc = make_vpc(cidr)
    network = network_of(engine_daemon, vpc)
    assert network["Name"] == f"localemu-vpc-{vpc}"
    assert network["Driver"] == "bridge"
    assert range_of(network) == cidr
    assert network["Labels"]["localemu.service"] == "ecs"


def test_a_second_vpc_of_the_same_range_gets_another_one(engine_daemon, client, make_vpc):
    cidr = free_range()
    first, second = make_vpc(cidr), make_vpc(cidr)
    assert range_of(network_of(engine_daemon, first)) == cidr
    other = range_of(network_of(engine_daemon, second))
    assert ipaddress.ip_network(other).subnet_of(SHARED)
    assert ipaddress.ip_network(other).prefixlen == 24
    shown = client.describe_vpcs(VpcIds=[second])["Vpcs"][0]
    assert shown["CidrBlock"] == cidr
    assert {"Key": "localemu:network-cidr", "Value": other} in shown["Tags"]
    assert other in engine_daemon.log_text


def test_a_network_is_not_laid_over_a_route_of_the_host(engine_daemon, make_vpc, engine):
    bridge = engine.request("GET", "/networks/bridge")["IPAM"]["Config"][0]["Subnet"]
    vpc = make_vpc(str(ipaddress.ip_network(bridge, strict=False).supernet(new_prefix=16)))
    assert ipaddress.ip_network(range_of(network_of(engine_daemon, vpc))).subnet_of(SHARED)


def test_it_goes_with_its_vpc(engine_daemon, client, make_vpc):
    vpc = make_vpc(free_range())
    client.delete_vpc(VpcId=vpc)
    wait_until(lambda: network_of(engine_daemon, vpc) is None, 10, "the network to go")


def test_it_is_made_again_where_it_was_lost(engine, start_daemon):
    daemon = start_daemon()
    client = ec2(daemon)
    vpc = client.create_vpc(CidrBlock=free_range())["Vpc"]["VpcId"]
    available(client, vpc)
    before = network_of(daemon, vpc)
    daemon.terminate()
    engine.request("DELETE", f"/networks/{before['Id']}")
    daemon.restart()
    wait_until(lambda: network_of(daemon, vpc) is not None, 10, "the network to be made again")
    assert range_of(network_of(daemon, vpc)) == range_of(before)


def test_a_leftover_of_a_killed_daemon_goes(start_daemon):
    daemon = start_daemon(PERSISTENCE="0")
    client = ec2(daemon)
    vpc = client.create_vpc(CidrBlock=free_range())["Vpc"]["VpcId"]
    available(client, vpc)
    daemon.kill()
    assert network_of(daemon, vpc) is not None
    daemon.restart()
    wait_until(lambda: network_of(daemon, vpc) is None, 10, "the leftover to go")


def test_a_clean_stop_without_persistence_removes_it(start_daemon):
    daemon = start_daemon(PERSISTENCE="0")
    client = ec2(daemon)
    vpc = client.create_vpc(CidrBlock=free_range())["Vpc"]["VpcId"]
    available(client, vpc)
    assert daemon.terminate() == 0
    assert network_of(daemon, vpc) is None


def test_a_clean_stop_with_persistence_keeps_it(start_daemon):
    daemon = start_daemon()
    client = ec2(daemon)
    vpc = client.create_vpc(CidrBlock=free_range())["Vpc"]["VpcId"]
    available(client, vpc)
    before = network_of(daemon, vpc)
    assert daemon.terminate() == 0
    assert network_of(daemon, vpc)["Id"] == before["Id"]
    daemon.restart()
    available(ec2(daemon), vpc)
    assert network_of(daemon, vpc)["Id"] == before["Id"]


def test_without_an_engine_there_are_records_only(start_daemon, engine):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    vpc = ec2(daemon).create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]
    assert vpc["State"] == "available"
    assert network_of(daemon, vpc["VpcId"]) is None


def test_the_default_vpc_gets_its_network_with_its_first_task(start_daemon, make_lab):
    daemon = start_daemon()
    client = ec2(daemon)
    vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert network_of(daemon, vpc) is None
    lab = make_lab(daemon)
    definition = lab.define(networkMode="awsvpc")
    task = lab.run(definition=definition, networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}})
    assert task["lastStatus"] == "RUNNING"
    assert network_of(daemon, vpc) is not None
    eni = client.describe_network_interfaces()["NetworkInterfaces"][0]
    assert eni["VpcId"] == vpc and eni["Attachment"]["Status"] == "attached"
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    assert details["networkInterfaceId"] == eni["NetworkInterfaceId"]
    assert details["privateIPv4Address"] == eni["PrivateIpAddress"]
