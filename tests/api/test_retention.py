# SPDX-License-Identifier: Apache-2.0
"""What is over stays visible for an hour and then goes. The hour is put into the store while the daemon is down."""

import sqlite3

import pytest

from harness.wait import wait_until

MINUTE_MS = 60 * 1000


@pytest.fixture
def daemon(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    ecs = daemon.client()
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
    return daemon


def changed(daemon, *statements):
    """Restarts the daemon over a store in which time has passed."""
    daemon.terminate()
    with sqlite3.connect(daemon.state_dir / "ecs.db") as db:
        for statement, *values in statements:
            assert db.execute(statement, values).rowcount == 1
    db.close()
    daemon.restart()


def test_a_stopped_task_is_there_for_an_hour(daemon):
    ecs = daemon.client()
    old, young, running = [t["taskArn"] for t in ecs.run_task(cluster="c", taskDefinition="f", count=3)["tasks"]]
    for arn in (old, young):
        ecs.stop_task(cluster="c", task=arn)
    wait_until(lambda: len(ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]) == 2)
    aged = "UPDATE task SET stopped_at = stopped_at - ? WHERE id = ? AND last_status = 7"
    changed(daemon, (aged, 61 * MINUTE_MS, old.rsplit("/", 1)[1]), (aged, 59 * MINUTE_MS, young.rsplit("/", 1)[1]))
    ecs = daemon.client()
    wait_until(lambda: ecs.describe_tasks(cluster="c", tasks=[old])["tasks"] == [])
    assert ecs.describe_tasks(cluster="c", tasks=[old])["failures"] == [{"arn": old, "reason": "MISSING"}]
    assert ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == [young]
    assert ecs.list_tasks(cluster="c")["taskArns"] == [running]


def test_a_deleted_cluster_is_there_for_an_hour(daemon):
    ecs = daemon.client()
    for name in ("old", "young"):
        ecs.create_cluster(clusterName=name)
        ecs.delete_cluster(cluster=name)
    aged = "UPDATE cluster SET deleted_at = deleted_at - ? WHERE name = ? AND deleted_at > 0"
    changed(daemon, (aged, 61 * MINUTE_MS, "old"), (aged, 59 * MINUTE_MS, "young"))
    ecs = daemon.client()
    reply = wait_until(lambda: (r := ecs.describe_clusters(clusters=["old", "young"]))["failures"] and r)
    assert [c["clusterName"] for c in reply["clusters"]] == ["young"]
    assert [f["reason"] for f in reply["failures"]] == ["MISSING"]


def test_a_deleted_service_is_there_for_an_hour(daemon):
    ecs = daemon.client()
    for name in ("old", "young"):
        ecs.create_service(cluster="c", serviceName=name, taskDefinition="f", desiredCount=0)
        ecs.delete_service(cluster="c", service=name)
    aged = "UPDATE service SET inactive_at = inactive_at - ? WHERE name = ? AND inactive_at > 0"
    changed(daemon, (aged, 61 * MINUTE_MS, "old"), (aged, 59 * MINUTE_MS, "young"))
    ecs = daemon.client()
    reply = wait_until(
        lambda: (r := ecs.describe_services(cluster="c", services=["old", "young"]))["failures"] and r)
    assert [(s["serviceName"], s["status"]) for s in reply["services"]] == [("young", "INACTIVE")]
    assert [f["reason"] for f in reply["failures"]] == ["MISSING"]


def test_a_client_token_is_good_for_a_day(daemon):
    def run(token):
        request = {"cluster": "c", "taskDefinition": "f", "clientToken": token}
        return [t["taskArn"] for t in daemon.call("RunTask", request)[1]["tasks"]]

    old, young = run("old"), run("young")
    assert run("old") == old
    aged = "UPDATE client_token SET created_at = created_at - ? WHERE token = ?"
    changed(daemon, (aged, 24 * 61 * MINUTE_MS, "old"), (aged, 23 * 60 * MINUTE_MS, "young"))
    wait_until(lambda: run("old") != old)
    assert run("young") == young
