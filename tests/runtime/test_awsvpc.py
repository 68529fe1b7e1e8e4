# SPDX-License-Identifier: Apache-2.0
"""awsvpc tasks are on the network of their VPC with the very address, MAC and name that the API tells of."""

import ipaddress
import json
import random
import socket
import urllib.request

import pytest

from harness.wait import wait_until

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
    network = task.network()
    assert list(task.sandbox()["NetworkSettings"]["Networks"]) == ["localemu-vpc-" + subnet["VpcId"]]
    assert network["MacAddress"] == said["macAddress"]
    address = said["privateIPv4Address"]
    range_ = ipaddress.ip_network(subnet["CidrBlock"])
    gateway = f"{range_[1]}/{range_.prefixlen}"
    for container in ("main", "side"):
        assert lab.container_of(task.task, container)["networkInterfaces"] == [
            {"attachmentId": attachment, "privateIpv4Address": address}]
        document = json.loads(task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4", container))
        interface, = document["Networks"]
        assert interface == {
            "NetworkMode": "awsvpc", "IPv4Addresses": [address], "AttachmentIndex": 0, "MACAddress": said["macAddress"],
            "IPv4SubnetCIDRBlock": subnet["CidrBlock"], "DomainNameServers": ["127.0.0.11"],
            "DomainNameSearchList": ["ec2.internal"], "PrivateDNSName": said["privateDnsName"],
            "SubnetGatewayIpv4Address": gateway}
        assert task.inside("hostname", container) == said["privateDnsName"]
        resolver = task.inside("cat /etc/resolv.conf", container)
        assert "nameserver 127.0.0.11" in resolver and "search ec2.internal" in resolver
    if network["IPAddress"] != address:  # the VPC's own range is taken on this host
        assert network["IPAddress"].startswith("100.")
    assert json.loads(task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4/task"))["VPCID"] == subnet["VpcId"]


def test_containers_share_localhost(lab, run):
    task = run(lab.container("web", command=SERVE), lab.container())
    assert "Hello from ECS" in task.inside("wget -qO- http://127.0.0.1/")


def test_tasks_of_a_vpc_reach_each_other_by_address_and_name(lab, run):
    server = run(lab.container("web-" + lab.cluster, command=SERVE))
    client = run(lab.container())
    _, said = details(server)
    for host in (server.network()["IPAddress"], "web-" + lab.cluster, said["privateDnsName"]):
        assert "Hello from ECS" in client.inside(f"wget -qO- http://{host}/"), host


def test_names_of_a_task_with_several_containers(lab, run):
    server = run(lab.container("web-" + lab.cluster, command=SERVE), lab.container("side-" + lab.cluster))
    client = run(lab.container())
    for host in ("web-" + lab.cluster, "side-" + lab.cluster, details(server)[1]["privateDnsName"]):
        assert "Hello from ECS" in client.inside(f"wget -qO- http://{host}/"), host


def fetch(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
        return reply.read().decode()


@pytest.fixture
def free_port():
    """Below those that outgoing connections take."""
    for port in random.sample(range(10000, 30000), 100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port on this host")


def serve(port):
    return ["httpd", "-f", "-p", str(port), "-h", "/www"]


def test_ports_are_published_under_their_own_number(lab, run, free_port):
    task = run(lab.container(command=serve(free_port), portMappings=[{"containerPort": free_port}]), lab.container("side"))
    binding, = lab.container_of(task.task)["networkBindings"]
    assert binding == {"bindIP": "127.0.0.1", "containerPort": free_port, "hostPort": free_port, "protocol": "tcp"}
    assert "Hello from ECS" in fetch(free_port)
    port, = json.loads(task.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4"))["Ports"]
    assert (port["ContainerPort"], port["HostPort"]) == (free_port, free_port)
    assert lab.container_of(task.task, "side")["networkBindings"] == []


@pytest.mark.parametrize("several", [False, True])
def test_a_port_that_is_taken_is_published_elsewhere(lab, run, free_port, several):
    containers = [lab.container(command=serve(free_port), portMappings=[{"containerPort": free_port}])]
    containers += [lab.container("side")] if several else []
    tasks = [run(*containers) for _ in range(2)]
    ports = [lab.host_port(t.task) for t in tasks]
    assert ports[0] == free_port != ports[1]
    for port in ports:
        assert "Hello from ECS" in fetch(port)
    assert f"port {free_port} is taken on 127.0.0.1: published as {ports[1]}" in lab.daemon.log_text


def test_many_at_once_want_the_same_port(lab, started, subnet, free_port):
    """Whoever is second at the Engine does not fail for it."""
    definition = lab.define(lab.container(command=serve(free_port), portMappings=[{"containerPort": free_port}]),
                            networkMode="awsvpc")
    tasks = lab.run(definition=definition, count=6, networkConfiguration={
        "awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}})
    ports = {lab.host_port(lab.wait(t, "RUNNING")) for t in tasks}
    assert len(ports) == 6 and free_port in ports
    for port in ports:
        assert "Hello from ECS" in fetch(port)


def test_a_service_is_found_by_its_name(lab, run, subnet):
    service = "shop-" + lab.cluster
    definition = lab.define(lab.container("web", command=SERVE), networkMode="awsvpc")
    lab.ecs.create_service(cluster=lab.cluster, serviceName=service, taskDefinition=definition, desiredCount=1,
                           networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}})
    client = run(lab.container())
    wait_until(lambda: "Hello from ECS" in client.inside(f"timeout 2 wget -qO- http://{service}/ 2>&1"), 20,
               "the service to answer by its name")
    lab.ecs.delete_service(cluster=lab.cluster, service=service, force=True)
