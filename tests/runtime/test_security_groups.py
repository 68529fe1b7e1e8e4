# SPDX-License-Identifier: Apache-2.0
"""Security groups at running awsvpc tasks: what no rule allows does not arrive, replies do, a changed rule holds at once."""

import os
import signal
import socket
import subprocess
import urllib.request

import pytest

from harness.ec2 import free_range
from harness.wait import wait_until

SERVE = ["httpd", "-f", "-p", "80", "-h", "/www"]


class Groups:
    """A VPC of the test's own, in which tasks are run with groups."""

    def __init__(self, daemon, lab, started, cidr):
        self.lab, self.started = lab, started
        self.ec2 = daemon.client(service="ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        self.made = []

    def group(self, name):
        group = self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc)["GroupId"]
        self.made.append(group)
        return group

    def run(self, groups, *containers, **more):
        configuration = {"subnets": [self.subnet]}
        if groups:
            configuration["securityGroups"] = groups
        task = self.lab.run(definition=self.lab.define(*containers, networkMode="awsvpc", **more),
                            networkConfiguration={"awsvpcConfiguration": configuration})
        assert task["lastStatus"] == "RUNNING", task
        return self.started(self.lab, task)

    def allow(self, group, protocol="tcp", first=80, last=80, way="ingress", **peer):
        call = getattr(self.ec2, f"authorize_security_group_{way}")
        call(GroupId=group, IpPermissions=[{"IpProtocol": protocol, "FromPort": first, "ToPort": last, **self.peer(**peer)}])

    def forbid(self, group, protocol="tcp", first=80, last=80, way="ingress", **peer):
        call = getattr(self.ec2, f"revoke_security_group_{way}")
        call(GroupId=group, IpPermissions=[{"IpProtocol": protocol, "FromPort": first, "ToPort": last, **self.peer(**peer)}])

    @staticmethod
    def peer(source=None, cidr="0.0.0.0/0"):
        return {"UserIdGroupPairs": [{"GroupId": source}]} if source else {"IpRanges": [{"CidrIp": cidr}]}


@pytest.fixture
def groups(engine_daemon, lab, started):
    made = Groups(engine_daemon, lab, started, free_range())
    yield made
    for arn in lab.ecs.list_tasks(cluster=lab.cluster)["taskArns"]:
        lab.stop(arn)
    wait_until(lambda: not made.ec2.describe_network_interfaces(
        Filters=[{"Name": "vpc-id", "Values": [made.vpc]}])["NetworkInterfaces"], 30, "the interfaces to go")
    for group in made.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made.vpc]}])["SecurityGroups"]:
        for way, rules in (("ingress", group["IpPermissions"]), ("egress", group["IpPermissionsEgress"])):
            if rules:
                getattr(made.ec2, f"revoke_security_group_{way}")(GroupId=group["GroupId"], IpPermissions=rules)
    for group in made.made:
        made.ec2.delete_security_group(GroupId=group)
    made.ec2.delete_subnet(SubnetId=made.subnet)
    made.ec2.delete_vpc(VpcId=made.vpc)


def address(task):
    return task.network()["IPAddress"]


def reaches(client, server, port=80, seconds=1):
    return "Hello from ECS" in client.inside(f"timeout {seconds} wget -qO- http://{address(server)}:{port}/ 2>&1")


ECHO = """
import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(("", 5300))
print("ready", flush=True)
while True:
    s.sendto(*s.recvfrom(9))
"""


def in_network(task, script):
    """A Python of the host in the network namespace of a task."""
    return subprocess.Popen(["nsenter", "-t", str(task.engine("State.Pid")), "-n", "/usr/bin/python3", "-c", script], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_a_changed_rule_takes_effect_on_the_running_task(groups, lab):
    guarded, visitors = groups.group("guarded"), groups.group("visitors")
    server = groups.run([guarded], lab.container(command=SERVE))
    client = groups.run([visitors])
    stranger = groups.run([groups.group("strangers")])
    assert not reaches(client, server)
    groups.allow(guarded, source=visitors)
    wait_until(lambda: reaches(client, server), 5, "the rule to hold")
    assert not reaches(stranger, server)
    another = groups.run([visitors])
    wait_until(lambda: reaches(another, server), 5, "a new member of the group to be let in")
    groups.forbid(guarded, source=visitors)
    wait_until(lambda: not reaches(client, server), 5, "the rule to end")
    groups.allow(guarded, first=79, last=81, cidr=address(stranger) + "/32")
    wait_until(lambda: reaches(stranger, server), 5, "the range of ports to be open to the address")
    assert not reaches(client, server)


def test_tasks_of_different_vpcs_do_not_reach_each_other(groups, lab, started):
    """Whatever the groups would let in: by address and by name."""
    name = "web-" + lab.cluster
    server = started(lab, lab.run(
        definition=lab.define(lab.container(name, command=SERVE), networkMode="awsvpc"),
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0a"], "securityGroups": ["sg-open"]}}))
    neighbour = started(lab, lab.run(definition=lab.define(networkMode="awsvpc"), networkConfiguration={
        "awsvpcConfiguration": {"subnets": ["subnet-0a"]}}))
    client = groups.run(["sg-open"])
    assert reaches(neighbour, server)
    assert "Hello from ECS" in neighbour.inside(f"timeout 2 wget -qO- http://{name}/ 2>&1")
    assert not reaches(client, server)
    assert "Hello from ECS" not in client.inside(f"timeout 2 wget -qO- http://{name}/ 2>&1")


def test_the_default_group_is_open_to_itself(groups, lab):
    server, client = groups.run([], lab.container(command=SERVE)), groups.run([])
    stranger = groups.run([groups.group("strangers")])
    assert reaches(client, server)
    assert not reaches(stranger, server)


def test_egress(groups, lab):
    """Without a rule nothing leaves, save what AWS does not filter either; replies do."""
    silent = groups.group("silent")
    everything = {"protocol": "-1", "first": -1, "last": -1, "way": "egress"}
    groups.allow(silent)
    groups.forbid(silent, **everything)
    server, client = groups.run([silent], lab.container(command=SERVE), taskRoleArn="arn:aws:iam::000000000000:role/r"), \
        groups.run([groups.group("talkative")], lab.container(command=SERVE))
    groups.allow(groups.made[1])
    assert reaches(client, server)
    assert not reaches(server, client)
    assert server.engine("Id") in server.inside("timeout 2 wget -qO- $ECS_CONTAINER_METADATA_URI_V4")
    assert "SecretAccessKey" in server.inside(
        "timeout 2 wget -qO- http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    assert '"ecs":"running"' in server.inside("timeout 2 wget -qO- $AWS_ENDPOINT_URL/_localemu/health")
    name, = (d["value"] for d in client.task["attachments"][0]["details"] if d["name"] == "privateDnsName")
    assert address(client) in server.inside(f"nslookup {name} 2>&1")
    groups.allow(silent, way="egress", source=groups.made[1])
    wait_until(lambda: reaches(server, client), 5, "the rule to hold")


def test_protocols(groups, lab):
    guarded = groups.group("guarded")
    server = groups.run([guarded], lab.container(command=SERVE))
    client = groups.run([groups.group("visitors")])
    ping = f"ping -c 1 -W 1 {address(server)} 2>&1"
    speak = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(0.5); " \
        f"s.sendto(b'there', ('{address(server)}', 5300)); print(s.recv(9).decode())"
    with in_network(server, ECHO) as echo:
        assert echo.stdout.readline() == "ready\n"
        assert "1 packets received" not in client.inside(ping)
        assert in_network(client, speak).communicate()[0] == ""
        groups.allow(guarded, "icmp", 8, -1)
        wait_until(lambda: "1 packets received" in client.inside(ping), 5, "echo requests to be answered")
        groups.allow(guarded, "udp", 5300, 5300)
        wait_until(lambda: in_network(client, speak).communicate()[0] == "there\n", 10, "the datagram to be answered")
        echo.kill()
    assert not reaches(client, server)


def test_the_host_enters_by_published_ports(groups, lab):
    """Also where the groups let nobody in; other ports of the task stay closed to it."""
    task = groups.run([groups.group("closed")], lab.container(command=SERVE, portMappings=[{"containerPort": 80}]))
    port = lab.host_port(task.task)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
        assert "Hello from ECS" in reply.read().decode()
    with pytest.raises(OSError):
        socket.create_connection((address(task), 81), timeout=0.5)


def test_strict_the_host_is_a_caller_like_any_other(start_daemon, make_lab, started):
    daemon = start_daemon(ECS_STRICT="1")
    lab = make_lab(daemon)
    groups = Groups(daemon, lab, started, free_range())
    closed = groups.group("closed")
    configuration = {"subnets": [groups.subnet], "securityGroups": [closed]}
    definition = lab.define(lab.container(command=SERVE, portMappings=[{"containerPort": 80}]), networkMode="awsvpc",
                            requiresCompatibilities=["FARGATE"], cpu="256", memory="512")
    task = started(lab, lab.wait(lab.run(definition=definition, launchType="FARGATE",
                                         networkConfiguration={"awsvpcConfiguration": configuration}), "RUNNING"))
    url = f"http://127.0.0.1:{lab.host_port(task.task)}/"
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=1)
    groups.allow(closed)
    wait_until(lambda: "Hello from ECS" in fetched(url), 5, "the rule to let the host in")


def fetched(url):
    try:
        return urllib.request.urlopen(url, timeout=1).read().decode()
    except OSError:
        return ""


def test_an_unknown_group_lets_everything_through(groups, lab):
    server = groups.run(["sg-nobody-made-it"], lab.container(command=SERVE))
    client = groups.run([groups.group("visitors")])
    assert reaches(client, server)


def test_a_rule_holds_and_changes_after_the_shims_death(groups, lab, engine_daemon):
    guarded, visitors = groups.group("guarded"), groups.group("visitors")
    groups.allow(guarded, source=visitors)
    others = set(engine_daemon.shims())
    server = groups.run([guarded], lab.container(command=SERVE))
    shim, = set(engine_daemon.shims()) - others
    client, stranger = groups.run([visitors]), groups.run([groups.group("strangers")])
    alive = len(engine_daemon.shims())
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: shim not in engine_daemon.shims() and len(engine_daemon.shims()) == alive, 10, "another shim")
    assert reaches(client, server)
    assert not reaches(stranger, server)
    groups.forbid(guarded, source=visitors)
    wait_until(lambda: not reaches(client, server), 5, "the rule to end")
