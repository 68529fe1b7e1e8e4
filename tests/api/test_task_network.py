# SPDX-License-Identifier: Apache-2.0
"""The network interface of an awsvpc task through its states, and subnets and groups that are not there."""

import uuid

import pytest

from harness.ec2 import code_of
from harness.wait import wait_until


@pytest.fixture
def setup(daemon):
    return Setup(daemon)


class Setup:
    """An account of its own with a cluster and an awsvpc definition."""

    def __init__(self, daemon):
        key = str(uuid.uuid4().int)[:12]
        self.ecs, self.ec2 = daemon.client(key=key), daemon.client(key=key, service="ec2")
        self.ecs.create_cluster(clusterName="c")
        self.ecs.register_task_definition(family="f", networkMode="awsvpc", containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 32}, {"name": "side", "image": "busybox", "memory": 32}])

    def run(self, subnets, **more):
        count = more.pop("count", 1)
        return self.ecs.run_task(cluster="c", taskDefinition="f", count=count, networkConfiguration={
            "awsvpcConfiguration": {"subnets": subnets, **more}})["tasks"]

    def vpc(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/28", AvailabilityZone="us-east-1b")["Subnet"]
        return vpc, subnet["SubnetId"]


def test_the_interface_of_a_running_task(setup):
    vpc, subnet = setup.vpc()
    task = setup.run([subnet])[0]
    assert task["lastStatus"] == "RUNNING" and task["availabilityZone"] == "us-east-1b"
    attachment = task["attachments"][0]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "ATTACHED")
    details = {d["name"]: d["value"] for d in attachment["details"]}
    eni = setup.ec2.describe_network_interfaces()["NetworkInterfaces"][0]
    assert details == {"subnetId": subnet, "networkInterfaceId": eni["NetworkInterfaceId"],
                       "macAddress": eni["MacAddress"], "privateDnsName": "ip-10-0-1-4.ec2.internal",
                       "privateIPv4Address": "10.0.1.4"}
    assert (eni["Status"], eni["Attachment"]["Status"], eni["VpcId"]) == ("in-use", "attached", vpc)
    for container in task["containers"]:
        assert container["networkInterfaces"] == [
            {"attachmentId": attachment["id"], "privateIpv4Address": "10.0.1.4"}]
    assert code_of(setup.ec2.delete_network_interface, NetworkInterfaceId=eni["NetworkInterfaceId"]) == \
        "InvalidParameterValue"


def test_the_interface_goes_with_its_task(setup):
    _, subnet = setup.vpc()
    task = setup.run([subnet])[0]
    setup.ecs.stop_task(cluster="c", task=task["taskArn"])
    wait_until(lambda: setup.ec2.describe_network_interfaces()["NetworkInterfaces"] == [], 5, "the interface to go")
    stopped = setup.ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"][0]
    assert stopped["attachments"][0]["status"] == "DELETED"
    assert len(stopped["attachments"][0]["details"]) == 5


def test_every_task_has_an_address_of_its_own(setup):
    _, subnet = setup.vpc()
    tasks = setup.run([subnet], count=10)
    addresses = {c["networkInterfaces"][0]["privateIpv4Address"] for t in tasks for c in t["containers"]}
    assert addresses == {f"10.0.1.{n}" for n in range(4, 14)}
    with pytest.raises(setup.ecs.exceptions.ClientException, match="Insufficient free addresses"):
        setup.run([subnet], count=2)
    assert len(setup.ec2.describe_network_interfaces()["NetworkInterfaces"]) == 10


def test_subnets_that_nobody_made_are_the_default_vpcs(setup):
    task = setup.run(["subnet-1"], securityGroups=["sg-1"])[0]
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    assert details["subnetId"] == "subnet-1" and details["privateIPv4Address"] == "172.31.0.4"


def test_subnets_of_two_vpcs(setup):
    one, two = setup.vpc()[1], setup.vpc()[1]
    with pytest.raises(setup.ecs.exceptions.InvalidParameterException, match="different VPCs"):
        setup.run([one, two])


def test_strict(start_daemon):
    setup = Setup(start_daemon(ECS_DOCKER_BACKEND="0", ECS_STRICT="1"))
    _, subnet = setup.vpc()
    with pytest.raises(setup.ecs.exceptions.InvalidParameterException) as e:
        setup.run(["subnet-1"])
    assert e.value.response["Error"]["Message"] == (
        "Error retrieving subnet information for [subnet-1]: The subnet ID 'subnet-1' does not exist "
        "(ErrorCode: InvalidSubnetID.NotFound)")
    with pytest.raises(setup.ecs.exceptions.InvalidParameterException, match="InvalidGroup.NotFound"):
        setup.run([subnet], securityGroups=["sg-1"])
