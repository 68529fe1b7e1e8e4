# SPDX-License-Identifier: Apache-2.0
"""awsvpc tasks are on the network of their VPC with the very address, MAC and name that the API tells of."""

import json

import pytest

SERVE = ["httpd", "-f", "-p", "80", "-h", "/www"]


@pytest.fixture(scope="module")
def subnet(engine_daemon):
    return engine_daemon.client(service="ec2").describe_subnets()["Subnets"][0]


@pytest.fixture
def run(lab, subnet, started):
    def run(*containers):
        definition = lab.define(*containers, networkMode="awsvpc")
        return started(lab, lab.run(definition=definition, networkConfiguration={
            "awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}}))

    return run


def details(started):
    attachment, = started.task["attachments"]
    assert attachment["status"] == "ATTACHED"
    return attachment["id"], {d["name"]: d["value"] for d in attachment["details"]}


def test_address_and_mac_are_the_containers_own(lab, run, subnet):
    task = run(lab.container(), lab.container("side"))
    attachment, said = details(task)
    (name, network), = task.engine("NetworkSettings.Networks").items()
    assert name == "localemu-vpc-" + subnet["VpcId"]
    assert network["MacAddress"] == said["macAddress"]
    address = said["privateIPv4Address"]
    for container in ("main", "side"):
        assert lab.container_of(task.task, container)["networkInterfaces"] == [
            {"attachmentId": attachment, "privateIpv4Address": address}]
        document = json.loads(task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4", container))
        interface, = document["Networks"]
        assert interface == {
            "NetworkMode": "awsvpc", "IPv4Addresses": [address], "AttachmentIndex": 0, "MACAddress": said["macAddress"],
            "IPv4SubnetCIDRBlock": subnet["CidrBlock"], "PrivateDNSName": said["privateDnsName"]}
    if network["IPAddress"] != address:  # the VPC's own range is taken on this host
        assert network["IPAddress"].startswith("100.")
    assert json.loads(task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4/task"))["VPCID"] == subnet["VpcId"]


def test_containers_share_localhost(lab, run):
    task = run(lab.container("web", command=SERVE), lab.container())
    assert "Hello from ECS" in task.inside("wget -qO- http://127.0.0.1/")


def test_tasks_of_a_vpc_reach_each_other_by_address_and_name(lab, run):
    server = run(lab.container("web-" + lab.cluster, command=SERVE))
    client = run(lab.container())
    network, = server.engine("NetworkSettings.Networks", "web-" + lab.cluster).values()
    _, said = details(server)
    for host in (network["IPAddress"], "web-" + lab.cluster, said["privateDnsName"]):
        assert "Hello from ECS" in client.inside(f"wget -qO- http://{host}/"), host
