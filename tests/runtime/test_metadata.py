# SPDX-License-Identifier: Apache-2.0
"""The task metadata endpoint and the agent's API, asked from inside real containers by what the environment says."""

import json
import os
import re
import signal
import subprocess

import pytest

from harness.wait import wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")
SUBNET = {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}}


class Inside:
    """One container of a running task, asking."""

    def __init__(self, lab, started, task, name="main"):
        self.task, self.name = task, name
        self.facts = started(lab, task)

    @property
    def env(self):
        return dict(e.split("=", 1) for e in self.facts.engine("Config.Env", self.name))

    def raw(self, url, method="GET", body="", headers=""):
        """(status, headers, body) of a request written by hand and sent by nc."""
        host, _, path = url.removeprefix("http://").partition("/")
        address, _, port = host.partition(":")
        request = (f"{method} /{path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n{headers}"
                   f"Content-Length: {len(body)}\\r\\n\\r\\n{body}")
        out = self.facts.inside(f"printf '%b' '{request}' | nc -w 10 {address} {port or 80}", self.name).replace("\r", "")
        head, _, body = out.partition("\n\n")
        return int(head.split()[1]), head.lower(), body

    def get(self, path="", variable="ECS_CONTAINER_METADATA_URI_V4"):
        status, head, body = self.raw(self.env[variable] + path)
        assert "content-type: application/json" in head, head
        return status, json.loads(body)


@pytest.fixture
def inside(lab, started):
    """inside(**network) → a running task of one container."""

    def run(*containers, networkMode="bridge", **more):
        network = {"networkConfiguration": SUBNET} if networkMode == "awsvpc" else {}
        definition = lab.define(*(containers or [lab.container()]), networkMode=networkMode, **more)
        return Inside(lab, started, lab.run(definition=definition, **network))

    return run


@pytest.mark.parametrize("mode", ["bridge", "none", "host", "awsvpc"])
def test_the_environment_leads_to_the_metadata(inside, mode):
    container = inside(networkMode=mode)
    status, document = container.get()
    assert status == 200
    assert document["DockerId"] == container.facts.engine("Id")
    assert document["Networks"][0]["NetworkMode"] == mode
    status, task = container.get("/task")
    assert (status, task["TaskARN"]) == (200, container.task["taskArn"])
    uuid = container.env["ECS_CONTAINER_METADATA_URI_V4"].rpartition("/")[2]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    assert container.env["ECS_CONTAINER_METADATA_URI"].endswith("/v3/" + uuid)
    assert container.env["ECS_AGENT_URI"].endswith("/api/" + uuid)
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in container.env
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in container.env


@pytest.mark.parametrize("mode", ["bridge", "none", "host", "awsvpc"])
def test_the_api_is_reached_in_every_network_mode(inside, mode):
    container = inside(networkMode=mode)
    assert '"ecs":"running"' in container.facts.inside("wget -qO- $AWS_ENDPOINT_URL/_localemu/health")


def test_much_goes_through_to_the_api_and_back(lab, inside):
    """A request and replies larger than what the shim holds at a time, on one connection."""
    script = """
import http.client, json
connection = http.client.HTTPConnection("169.254.170.2", 4566, timeout=10)
def call(operation, body):
    connection.request("POST", "/", json.dumps(body), {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113." + operation})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())
big = [{"name": "v%d" % i, "value": "x" * 1000} for i in range(55)]
definition = {"name": "a", "image": "i", "memory": 4, "environment": big}
for _ in range(3):
    status, reply = call("RegisterTaskDefinition", {"family": "big", "containerDefinitions": [definition]})
    print(status, reply.get("taskDefinition", reply).get("family", reply),
          len(reply.get("taskDefinition", {}).get("containerDefinitions", [{}])[0].get("environment", [])))
"""
    pid = inside().facts.engine("State.Pid")
    out = subprocess.run(["nsenter", "-t", str(pid), "-n", "/usr/bin/python3", "-c", script], check=True, text=True,
                         capture_output=True).stdout.splitlines()
    assert out == ["200 big 55"] * 3


def test_an_endpoint_url_of_the_user_stays(lab, inside):
    mine = {"name": "AWS_ENDPOINT_URL", "value": "http://elsewhere:1"}
    assert inside(lab.container(environment=[mine])).env["AWS_ENDPOINT_URL"] == "http://elsewhere:1"


def test_container_document(lab, inside):
    container = inside(lab.container(
        cpu=10, portMappings=[{"containerPort": 80}], dockerLabels={"a": "<b>&"},
        logConfiguration={"logDriver": "json-file", "options": {"max-size": "1m"}}))
    status, document = container.get()
    assert status == 200
    facts = container.facts.inspect()
    assert list(document) == [
        "DockerId", "Name", "DockerName", "Image", "ImageID", "Ports", "Labels", "DesiredStatus", "KnownStatus", "Limits",
        "CreatedAt", "StartedAt", "Type", "LogDriver", "LogOptions", "ContainerARN", "Networks"]
    assert document["Name"] == "main" and document["Type"] == "NORMAL"
    assert "/" + document["DockerName"] == facts["Name"]
    assert document["Image"] == lab.image and document["ImageID"] == facts["Image"]
    port = lab.container_of(container.task)["networkBindings"][0]["hostPort"]
    assert document["Ports"] == [{"ContainerPort": 80, "Protocol": "tcp", "HostPort": port, "HostIp": "127.0.0.1"}]
    assert document["Labels"]["a"] == "<b>&"
    assert {k for k in document["Labels"] if k != "a"} == {
        "com.amazonaws.ecs.cluster", "com.amazonaws.ecs.container-name", "com.amazonaws.ecs.task-arn",
        "com.amazonaws.ecs.task-definition-family", "com.amazonaws.ecs.task-definition-version"}
    assert (document["DesiredStatus"], document["KnownStatus"]) == ("RUNNING", "RUNNING")
    assert document["Limits"] == {"CPU": 10, "Memory": 32}
    assert TIME.fullmatch(document["CreatedAt"]) and TIME.fullmatch(document["StartedAt"])
    assert (document["LogDriver"], document["LogOptions"]) == ("json-file", {"max-size": "1m"})
    assert document["ContainerARN"] == lab.container_of(container.task)["containerArn"]
    assert document["Networks"] == [
        {"NetworkMode": "bridge", "IPv4Addresses": [facts["NetworkSettings"]["IPAddress"]]}]
    assert r"\u003cb\u003e\u0026" in container.raw(container.env["ECS_CONTAINER_METADATA_URI_V4"])[2]


def test_version_3_has_less(inside):
    container = inside()
    status, document = container.get(variable="ECS_CONTAINER_METADATA_URI")
    assert status == 200
    assert not {"LogDriver", "ContainerARN"} & set(document)
    status, task = container.get("/task", variable="ECS_CONTAINER_METADATA_URI")
    assert status == 200 and not {"LaunchType", "FaultInjectionEnabled"} & set(task)


def test_task_document(lab, inside):
    container = inside(lab.container(), lab.container("side"), cpu="256", memory="128")
    status, task = container.get("/task")
    assert status == 200
    assert list(task) == [
        "Cluster", "TaskARN", "Family", "Revision", "Group", "DesiredStatus", "KnownStatus", "Limits", "PullStartedAt",
        "PullStoppedAt", "AvailabilityZone", "AvailabilityZoneID", "LaunchType", "Containers", "FaultInjectionEnabled"]
    assert (task["AvailabilityZoneID"], task["Group"]) == ("use1-az1", "family:" + task["Family"])
    arn = container.task["taskDefinitionArn"]
    assert (task["Cluster"], task["TaskARN"]) == (lab.cluster, container.task["taskArn"])
    assert arn.endswith(f"/{task['Family']}:{task['Revision']}")
    assert (task["DesiredStatus"], task["KnownStatus"], task["LaunchType"]) == ("RUNNING", "RUNNING", "EC2")
    assert task["Limits"] == {"CPU": 0.25, "Memory": 128}
    assert TIME.fullmatch(task["PullStartedAt"]) and TIME.fullmatch(task["PullStoppedAt"])
    assert task["AvailabilityZone"] == container.task["availabilityZone"]
    assert task["FaultInjectionEnabled"] is False
    assert sorted(c["Name"] for c in task["Containers"]) == ["main", "side"]


def test_documents_of_a_fargate_task(lab, started):
    definition = lab.define(lab.container(), lab.container("side"), networkMode="awsvpc", cpu="256", memory="512",
                            requiresCompatibilities=["FARGATE"], ephemeralStorage={"sizeInGiB": 30})
    container = Inside(lab, started, lab.run(definition=definition, launchType="FARGATE", networkConfiguration=SUBNET))
    status, task = container.get("/task")
    assert status == 200
    assert list(task) == [
        "Cluster", "TaskARN", "Family", "Revision", "Group", "DesiredStatus", "KnownStatus", "Limits", "PullStartedAt",
        "PullStoppedAt", "AvailabilityZone", "AvailabilityZoneID", "LaunchType", "VPCID", "Containers", "ClockDrift",
        "EphemeralStorageMetrics", "FaultInjectionEnabled"]
    assert task["Cluster"] == lab.cluster_arn and task["LaunchType"] == "FARGATE"
    assert task["EphemeralStorageMetrics"]["Reserved"] == 30 * 1024
    before = task["EphemeralStorageMetrics"]["Utilized"]
    assert 0 < before < 100
    clock = task["ClockDrift"]
    assert clock["ClockSynchronizationStatus"] in ("SYNCHRONIZED", "NOT_SYNCHRONIZED")
    assert clock["ClockErrorBound"] >= 0 and TIME.fullmatch(clock["ReferenceTimestamp"])
    assert sorted(c["Name"] for c in task["Containers"]) == ["main", "side"]
    assert {c["Snapshotter"] for c in task["Containers"]} <= {"overlayfs"}
    container.facts.inside("dd if=/dev/zero of=/big bs=1M count=20 2>&1")
    assert container.get("/task")[1]["EphemeralStorageMetrics"]["Utilized"] >= before + 20
    for version in ("", "/task"):
        old = container.get(version, variable="ECS_CONTAINER_METADATA_URI")[1]
        assert not {"ClockDrift", "EphemeralStorageMetrics", "Snapshotter", "Group", "AvailabilityZoneID"} & set(old)


def test_the_sandbox_in_the_metadata_of_an_ec2_task(lab, inside):
    container = inside(lab.container(), lab.container("side"), networkMode="awsvpc")
    containers = {c["Name"]: c for c in container.get("/task")[1]["Containers"]}
    pause = containers.pop("~internal~ecs~pause")
    assert sorted(containers) == ["main", "side"]
    assert (pause["Type"], pause["KnownStatus"], pause["ImageID"]) == ("CNI_PAUSE", "RESOURCES_PROVISIONED", "")
    assert pause["DockerId"] == container.facts.sandbox()["Id"]
    assert pause["Networks"] == containers["main"]["Networks"]


def test_restarts_are_counted(lab, started):
    policy = {"enabled": True, "restartAttemptPeriod": 60}
    definition = lab.define_json(dict(lab.container(), restartPolicy=policy))
    container = Inside(lab, started, lab.run(definition=definition))
    assert container.get()[1]["RestartCount"] == 0


def test_version_2_is_for_awsvpc_tasks(inside):
    container = inside(networkMode="awsvpc")
    base = "http://169.254.170.2/v2"
    for path in ("/metadata", "/metadata/"):
        status, _, body = container.raw(base + path)
        assert status == 200 and json.loads(body)["TaskARN"] == container.task["taskArn"]
    status, _, body = container.raw(base + "/metadata/" + container.facts.engine("Id"))
    assert status == 200 and json.loads(body)["Name"] == "main"
    status, _, body = container.raw(base + "/metadata/nothing")
    assert (status, json.loads(body)) == (400, "Unable to generate metadata for container 'nothing'")


def test_version_2_elsewhere(inside):
    container = inside()
    address = container.facts.engine("NetworkSettings.IPAddress")
    status, _, body = container.raw("http://169.254.170.2/v2/metadata")
    assert (status, json.loads(body)) == (
        400, f"Unable to get task arn from request: unable to associate '{address}' with task")


def test_tags(lab, inside):
    container = inside()
    assert "TaskTags" not in container.get("/taskWithTags")[1]
    lab.ecs.tag_resource(resourceArn=container.task["taskArn"], tags=[{"key": "team", "value": "blue"}])
    status, task = container.get("/taskWithTags")
    assert (status, task["TaskTags"]) == (200, {"team": "blue"})
    assert "TaskTags" not in container.get("/task")[1]
    instance = lab.task(container.task)["containerInstanceArn"]
    assert "ContainerInstanceTags" not in task
    lab.ecs.tag_resource(resourceArn=instance, tags=[{"key": "rack", "value": "7"}])
    status, task = container.get("/taskWithTags")
    assert (task["TaskTags"], task["ContainerInstanceTags"]) == ({"team": "blue"}, {"rack": "7"})


def test_health(lab, inside):
    check = {"command": ["CMD-SHELL", "echo fine"], "interval": 5, "retries": 1}
    container = inside(lab.container(healthCheck=check))
    health = wait_until(lambda: container.get()[1]["health"] if container.get()[1]["health"].get("status") else None, 20,
                        "the health in the metadata")
    assert health["status"] == "HEALTHY" and TIME.fullmatch(health["statusSince"])
    assert health["output"] == "fine\n"


def test_volumes(lab, inside):
    definition = lab.container(mountPoints=[{"sourceVolume": "own", "containerPath": "/data"}])
    container = inside(definition, volumes=[{"name": "own"}])
    volume, = container.get()[1]["Volumes"]
    assert volume["Destination"] == "/data" and volume["DockerName"].endswith("-own") and volume["Source"]


def test_stats(inside):
    container = inside()
    status, stats = container.get("/stats")
    assert status == 200
    assert stats["id"] == container.facts.engine("Id")
    assert stats["memory_stats"]["usage"] > 0
    assert stats["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert stats["cpu_stats"]["system_cpu_usage"] > stats["precpu_stats"]["system_cpu_usage"]
    assert set(stats["network_rate_stats"]) == {"rx_bytes_per_sec", "tx_bytes_per_sec"}
    status, both = container.get("/task/stats")
    assert (status, list(both)) == (200, [stats["id"]])
    assert both[stats["id"]]["read"] > stats["read"]


@pytest.mark.parametrize("path, status, message", [
    ("/v4/x", 404, "V4 container metadata handler: unable to get container ID from request: "
                   "unable to get docker ID from v3 endpoint ID: x"),
    ("/v4/x/task", 404, "V4 task metadata handler: unable to get task arn from request: "
                        "unable to get task Arn from v3 endpoint ID: x"),
    ("/v4/x/stats", 404, "V4 container stats handler: unable to get container ID from request: "
                         "unable to get docker ID from v3 endpoint ID: x"),
    ("/v4/x/task/stats", 404, "V4 task stats handler: unable to get task arn from request: "
                              "unable to get task Arn from v3 endpoint ID: x"),
    ("/v3/x", 500, "V3 container metadata handler: unable to get container ID from request: "
                   "unable to get docker ID from v3 endpoint ID: x"),
    ("/v3/x/task", 500, "V3 task metadata handler: unable to get task arn from request: "
                        "unable to get task Arn from v3 endpoint ID: x"),
    ("/v3/x/stats", 400, "V3 container stats handler: unable to get container ID from request: "
                         "unable to get docker ID from v3 endpoint ID: x"),
])
def test_unknown_ids(module_lab, module_task, path, status, message):
    got, head, body = module_task.raw("http://169.254.170.2" + path)
    assert (got, json.loads(body)) == (status, message)
    assert "content-type: application/json" in head


@pytest.fixture(scope="module")
def module_task(module_lab, started):
    return Inside(module_lab, started, module_lab.run())


def test_unknown_paths(module_task):
    for path in ("/", "/v4", "/v4/a/b", "/v2/credentials", "/latest/meta-data"):
        status, head, body = module_task.raw("http://169.254.170.2" + path)
        assert (status, body) == (404, "404 page not found"), path
        assert "content-type: text/plain" in head


def test_paths_are_cleaned(module_task):
    uuid = module_task.env["ECS_CONTAINER_METADATA_URI_V4"].rpartition("/")[2]
    status, head, _ = module_task.raw(f"http://169.254.170.2//v4/../v4/{uuid}/./task?x=1")
    assert status == 301 and f"location: /v4/{uuid}/task?x=1" in head


def test_associations(module_task):
    assert module_task.get("/associations/elastic-inference") == (200, {"Associations": []})
    assert module_task.get("/associations/elastic-inference/a")[0] == 500


def test_agent_api(module_task):
    base = module_task.env["ECS_AGENT_URI"]
    arn = module_task.task["taskArn"]
    protection = base + "/task-protection/v1/state"
    status, _, body = module_task.raw(protection)
    assert (status, json.loads(body)) == (403, {"error": {
        "Arn": arn, "Code": "AccessDeniedException",
        "Message": "Invalid Request: no task IAM role credentials available for task"}})
    for given, message in (("{", "UpdateTaskProtection: failed to decode request"),
                           ('{"Other":1}', "UpdateTaskProtection: failed to decode request"),
                           ("{}", "Invalid request: does not contain 'ProtectionEnabled' field")):
        status, _, body = module_task.raw(protection, "PUT", given)
        assert (status, json.loads(body)["error"]["Message"]) == (400, message)
    assert module_task.raw(protection, "POST", "{}")[0] == 405
    status, _, body = module_task.raw("http://169.254.170.2/api/x/task-protection/v1/state")
    assert (status, json.loads(body)["error"]["Code"]) == (404, "ResourceNotFoundException")
    status, _, body = module_task.raw(base + "/fault/v1/network-latency/start", "POST", "{}")
    assert (status, json.loads(body)) == (400, {"Error": f"enableFaultInjection is not enabled for task: {arn}"})


def test_rate_limit(inside):
    script = """
import http.client
connection = http.client.HTTPConnection("169.254.170.2", timeout=5)
for _ in range(90):
    connection.request("GET", "/x")
    reply = connection.getresponse()
    print(reply.status, reply.read().decode().strip(), sep="|")
"""
    pid = inside().facts.engine("State.Pid")
    out = subprocess.run(["nsenter", "-t", str(pid), "-n", "/usr/bin/python3", "-c", script], check=True, text=True,
                         capture_output=True).stdout.splitlines()
    assert out[:60] == ["404|404 page not found"] * 60
    assert "429|You have reached maximum request limit." in out[60:]


def test_containers_of_an_awsvpc_task_share_a_namespace(lab, started):
    definition = lab.define(lab.container(), lab.container("side"), networkMode="awsvpc")
    task = lab.run(definition=definition, networkConfiguration=SUBNET)
    for name in ("main", "side"):
        status, document = Inside(lab, started, task, name).get()
        assert (status, document["Name"]) == (200, name)
        assert document["Networks"][0]["IPv4Addresses"] != [""]


def test_after_docker_restart(lab, started, engine):
    task = lab.run()
    container = Inside(lab, started, task)
    before = container.get()[1]
    engine.request("POST", f"/containers/{before['DockerId']}/restart", query={"t": "1"})
    after = container.get()[1]
    assert after["DockerId"] == before["DockerId"] and after["StartedAt"] > before["StartedAt"]


@pytest.mark.parametrize("mode", ["bridge", "none", "host", "awsvpc"])
@pytest.mark.parametrize("victim", ["daemon", "shim"])
def test_adopted_tasks_answer_again(start_daemon, make_lab, started, victim, mode):
    daemon = start_daemon()
    lab = make_lab(daemon)
    more = {"networkConfiguration": SUBNET} if mode == "awsvpc" else {}
    definition = lab.define(lab.container(), lab.container("side"), networkMode=mode)
    container = Inside(lab, started, lab.run(definition=definition, **more))
    before = container.get()
    assert before[0] == 200
    if victim == "daemon":
        daemon.kill()
        daemon.start(daemon.port)
    else:
        os.kill(daemon.shims()[0], signal.SIGKILL)

    def again():
        try:
            return container.get()[0] == 200
        except (ValueError, IndexError):  # nobody listens
            return False

    wait_until(again, 1, "the endpoint to answer again")
    assert container.get()[1]["ContainerARN"] == before[1]["ContainerARN"]
    assert '"ecs":"running"' in container.facts.inside("wget -qO- $AWS_ENDPOINT_URL/_localemu/health")
