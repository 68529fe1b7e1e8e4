# SPDX-License-Identifier: Apache-2.0
"""What agents call, and ExecuteCommand's refusals, through boto3. Reports that count are in tests/unit/test_ecs_agent.c."""

import http.client

import pytest
from botocore.exceptions import ClientError

NOT_ENABLED = ("The execute command failed because execute command was not enabled when the task was run or the execute "
               "command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.")
ROLE = "arn:aws:iam::000000000000:role/task"


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


@pytest.fixture
def cluster(ecs, name):
    n = name("agent")
    ecs.create_cluster(clusterName=n)
    yield n
    ecs.delete_cluster(cluster=n)


@pytest.fixture
def run(ecs, cluster, name):
    def start(containers=("app",), **more):
        family = ecs.register_task_definition(
            family=name("agent"), taskRoleArn=ROLE, containerDefinitions=[
                {"name": n, "image": "busybox:test", "memory": 64} for n in containers])["taskDefinition"]["family"]
        return ecs.run_task(cluster=cluster, taskDefinition=family, launchType="EC2", **more)["tasks"][0]["taskArn"]

    return start


def test_reports_of_our_tasks_are_acknowledged(ecs, cluster, run):
    task = run()
    before = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
    for reply in (
            ecs.submit_task_state_change(cluster=cluster, task=task, status="STOPPED", reason="x", containers=[
                {"containerName": "app", "status": "STOPPED", "exitCode": 1}]),
            ecs.submit_container_state_change(cluster=cluster, task=task, containerName="app", status="STOPPED", exitCode=1),
            ecs.submit_attachment_state_changes(cluster=cluster, attachments=[
                {"attachmentArn": "arn:aws:ecs:us-east-1:000000000000:attachment/a", "status": "ATTACHED"}])):
        assert reply["acknowledgment"] == "ACK"
    assert ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"] == before


def test_reports_refused(ecs, cluster):
    for call, more in ((ecs.submit_task_state_change, {}), (ecs.submit_container_state_change, {}),
                       (ecs.submit_attachment_state_changes, {"attachments": []})):
        assert refused(call, cluster="nobody", **more) == ("ClusterNotFoundException", "Cluster not found.")
    assert refused(ecs.submit_task_state_change, cluster=cluster, task="0" * 32, status="RUNNING") == (
        "InvalidParameterException", "The referenced task was not found.")
    assert refused(ecs.submit_task_state_change, cluster=cluster, reason="x" * 1025)[0] == "InvalidParameterException"


def test_discover_poll_endpoint(daemon, ecs):
    reply = ecs.discover_poll_endpoint(containerInstance="i", cluster="c")
    assert reply["endpoint"] == reply["telemetryEndpoint"] == f"http://127.0.0.1:{daemon.port}/"
    host = reply["endpoint"].split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", "/_localemu/health")
    assert connection.getresponse().status == 200
    connection.close()


def test_execute_command(daemon, ecs, cluster, run):
    def execute(task, **more):
        return refused(ecs.execute_command, **{
            "cluster": cluster, "task": task, "command": "/bin/sh", "interactive": True, **more})

    plain = run()
    assert execute(plain) == ("InvalidParameterException", NOT_ENABLED)
    assert execute("0" * 32) == ("InvalidParameterException", "The referenced task was not found.")
    assert execute(plain, cluster="nobody") == ("ClusterNotFoundException", "Cluster not found.")
    assert execute(plain, command="")[0] == execute(plain, interactive=False)[0] == "InvalidParameterException"
    two = run(("one", "two"), enableExecuteCommand=True)
    assert execute(two)[0] == "InvalidParameterException"  # which one?
    assert "three" in execute(two, container="three")[1]
    assert execute(two, container="two") == (
        "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
    one = run(enableExecuteCommand=True)
    assert execute(one.split("/")[-1])[0] == "TargetNotConnectedException"
    ecs.stop_task(cluster=cluster, task=one)
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[one], WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    assert execute(one)[0] == "InvalidParameterException"
