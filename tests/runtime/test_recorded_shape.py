# SPDX-License-Identifier: Apache-2.0
"""A Fargate task of ours beside the tasks that AWS Fargate returned in February 2024 to Step Functions: which members are
there in which state. Each difference has its row; one without a row fails, and so does a row without a difference."""

import pytest

from harness.wait import wait_until

VPC = {"awsvpcConfiguration": {"subnets": ["subnet-12345678"]}}
DETAILS = ["macAddress", "networkInterfaceId", "privateDnsName", "privateIPv4Address", "subnetId"]

# The recording, as the members per state. The startedBy of its caller is left out.
BORN = """attachments attributes availabilityZone clusterArn containers cpu createdAt desiredStatus enableExecuteCommand
    ephemeralStorage group inferenceAccelerators lastStatus launchType memory overrides platformVersion tags taskArn
    taskDefinitionArn version""".split()
ENDED = BORN + """connectivity connectivityAt executionStoppedAt stopCode stoppedAt stoppedReason stoppingAt""".split()
RECORDED = {
    "PROVISIONING": BORN + ["platformFamily"],
    "STOPPED": ENDED + ["pullStartedAt", "pullStoppedAt", "startedAt"],
    "FAILED": ENDED,
}
CONTAINER = "containerArn cpu gpuIds image lastStatus managedAgents name networkBindings networkInterfaces taskArn".split()
RECORDED_CONTAINER = {
    "PROVISIONING": CONTAINER,
    "STOPPED": CONTAINER + ["exitCode", "imageDigest", "runtimeId"],
    "FAILED": CONTAINER + ["runtimeId"],
}
RECORDED_OVERRIDE = ["command", "environment", "environmentFiles", "name", "resourceRequirements"]

# Member: (states, why). Ours has it and the recording does not.
MORE = {
    "fargateEphemeralStorage": ("PROVISIONING STOPPED FAILED", "came to the API in 2024, after the recording"),
    "healthStatus": ("PROVISIONING STOPPED FAILED", "the recording's client left it out; DescribeTasks says UNKNOWN"),
    "platformFamily": ("STOPPED FAILED", "ended tasks came to the recording as events, whose shape is older"),
}
MORE_CONTAINER = {
    "healthStatus": ("PROVISIONING STOPPED FAILED", "as the task's"),
    "memory": ("PROVISIONING STOPPED FAILED", "the test's definition has one, the recording's had none"),
    "reason": ("FAILED", "EC2's agent tells which container failed; Fargate has it in stoppedReason alone"),
}
# The recording has it and ours does not.
LESS = {
    "executionStoppedAt": ("FAILED", "no container ever ran"),
}
LESS_CONTAINER = {
    "imageDigest": ("STOPPED", "the image of the tests was never in a registry"),
    "runtimeId": ("FAILED", "on Fargate it is made before the container; ours is the Engine's own id"),
}
LESS_OVERRIDE = {
    member: ("PROVISIONING STOPPED FAILED", "empty lists that the recording's Java client made of absent ones")
    for member in ("command", "environment", "environmentFiles", "resourceRequirements")}


def of(state, rows):
    return {member for member, (states, _) in rows.items() if state in states.split()}


@pytest.fixture(scope="module")
def tasks(quick_lab):
    """One task per state, JSON as it came."""
    lab = quick_lab

    def run(**more):
        definition = lab.define(lab.container(command=["true"], **more), networkMode="awsvpc", cpu="256", memory="512",
                                requiresCompatibilities=["FARGATE"])
        status, reply = lab.daemon.call("RunTask", {
            "cluster": lab.cluster, "taskDefinition": definition, "launchType": "FARGATE", "networkConfiguration": VPC})
        assert status == 200, reply
        return reply["tasks"][0]

    def ended(task):
        return wait_until(lambda: (t := lab.task_json(task))["lastStatus"] == "STOPPED" and t, 20, "the task to end")

    born = run()
    failed = run(image="127.0.0.1:1/nothing/here:1")
    return {"PROVISIONING": born, "STOPPED": ended(born), "FAILED": ended(failed)}


@pytest.mark.parametrize("state", RECORDED)
def test_members_of_a_task(tasks, state):
    ours = set(tasks[state])
    assert ours - set(RECORDED[state]) == of(state, MORE)
    assert set(RECORDED[state]) - ours == of(state, LESS)


@pytest.mark.parametrize("state", RECORDED)
def test_members_of_a_container(tasks, state):
    ours = set(tasks[state]["containers"][0])
    assert ours - set(RECORDED_CONTAINER[state]) == of(state, MORE_CONTAINER)
    assert set(RECORDED_CONTAINER[state]) - ours == of(state, LESS_CONTAINER)


@pytest.mark.parametrize("state", RECORDED)
def test_overrides_are_told_again(tasks, state):
    overrides = tasks[state]["overrides"]
    assert set(overrides) == {"containerOverrides", "inferenceAcceleratorOverrides"}
    ours = set(overrides["containerOverrides"][0])
    assert ours <= set(RECORDED_OVERRIDE)
    assert set(RECORDED_OVERRIDE) - ours == of(state, LESS_OVERRIDE)


def test_values_of_a_new_task(tasks):
    task = tasks["PROVISIONING"]
    container = task["containers"][0]
    attachment = task["attachments"][0]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert [d["name"] for d in attachment["details"]] == ["subnetId"]
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "x86_64"}]
    assert (container["cpu"], container["lastStatus"]) == ("0", "PENDING")
    assert [container[key] for key in ("gpuIds", "managedAgents", "networkBindings", "networkInterfaces")] == [[]] * 4
    assert (task["cpu"], task["memory"], task["lastStatus"], task["desiredStatus"], task["version"]) == (
        "256", "512", "PROVISIONING", "RUNNING", 1)
    assert (task["platformVersion"], task["platformFamily"], task["launchType"]) == ("1.4.0", "Linux", "FARGATE")
    assert (task["ephemeralStorage"], task["enableExecuteCommand"]) == ({"sizeInGiB": 20}, False)
    assert (task["tags"], task["inferenceAccelerators"]) == ([], [])


def test_values_of_an_ended_task(tasks):
    task = tasks["STOPPED"]
    attachment = task["attachments"][0]
    container = task["containers"][0]
    assert attachment["status"] == "DELETED"
    assert sorted(d["name"] for d in attachment["details"]) == DETAILS
    address = next(d["value"] for d in attachment["details"] if d["name"] == "privateIPv4Address")
    assert container["networkInterfaces"] == [{"attachmentId": attachment["id"], "privateIpv4Address": address}]
    assert (container["exitCode"], container["lastStatus"]) == (0, "STOPPED")
    assert (task["connectivity"], task["desiredStatus"]) == ("CONNECTED", "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited", "Essential container in task exited")


def test_values_of_a_task_that_failed_to_start(tasks):
    task = tasks["FAILED"]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert task["attachments"][0]["status"] == "DELETED"
