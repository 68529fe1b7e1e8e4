# SPDX-License-Identifier: Apache-2.0
"""Credentials of real tasks: the keys that a container reads at 169.254.170.2 are the role's own, work, stay the same
over a restart while they are good, are renewed before they end, and open nothing once the task is over."""

import datetime
import json
import sqlite3

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.inside import run_inside
from harness.wait import wait_until

ACCOUNT = "000000000000"
READ = 'wget -qO- "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"'


def inside(lab, task, command):
    return run_inside(lab.engine, lab.inspect(task)["Id"], command)


def read(lab, task):
    return json.loads(inside(lab, task, READ))


def whoami(daemon, keys, service="sts"):
    return boto3.session.Session().client(
        service, region_name="us-east-1", endpoint_url=daemon.url, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["Token"],
        config=Config(retries={"total_max_attempts": 1}))


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def task_id(task):
    return task["taskArn"].rsplit("/", 1)[1]


def test_a_task_is_its_role(lab):
    definition = lab.define(taskRoleArn=role("path/worker"), executionRoleArn=role("puller"))
    task = lab.run(definition=definition)
    keys = read(lab, task)
    assert keys["RoleArn"] == role("path/worker")
    assert set(keys) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    left = datetime.datetime.fromisoformat(keys["Expiration"].replace("Z", "+00:00")) - datetime.datetime.now(
        datetime.timezone.utc)
    assert datetime.timedelta(hours=5) < left <= datetime.timedelta(hours=6)
    me = whoami(lab.daemon, keys).get_caller_identity()
    assert me["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/{task_id(task)}"
    assert whoami(lab.daemon, keys, "ecs").describe_tasks(cluster=lab.cluster, tasks=[task["taskArn"]])["tasks"]


def test_they_end_with_the_task(lab):
    task = lab.run(definition=lab.define(taskRoleArn=role("brief")))
    keys = read(lab, task)
    whoami(lab.daemon, keys).get_caller_identity()
    lab.stop(task)
    lab.wait(task)

    def refused():
        try:
            whoami(lab.daemon, keys).get_caller_identity()
        except ClientError as e:
            return e.response["Error"]["Code"]
        return None

    assert wait_until(refused, 10, "the keys to be revoked") == "InvalidClientTokenId"


def test_an_override_wins(lab):
    task = lab.run(definition=lab.define(taskRoleArn=role("first")), overrides={"taskRoleArn": role("second")})
    keys = read(lab, task)
    assert keys["RoleArn"] == role("second")
    assert ":assumed-role/second/" in whoami(lab.daemon, keys).get_caller_identity()["Arn"]


def test_no_role_no_variable(lab):
    task = lab.run(definition=lab.define(executionRoleArn=role("puller")))
    assert inside(lab, task, "env | grep -c AWS_CONTAINER_CREDENTIALS || true") == "0"


@pytest.fixture
def own_lab(start_daemon, make_lab):
    return make_lab(start_daemon())


def test_the_same_keys_after_a_restart(own_lab):
    lab = own_lab
    task = lab.run(definition=lab.define(taskRoleArn=role("steady")))
    before = read(lab, task)
    lab.daemon.kill()
    lab.daemon.restart()
    assert wait_until(lambda: answered(lab, task), 10, "an adopted task to answer") == before


def answered(lab, task):
    try:
        return read(lab, task)
    except ValueError:
        return None


def test_renewed_before_they_end(own_lab):
    lab = own_lab
    task = lab.run(definition=lab.define(taskRoleArn=role("long")))
    before = read(lab, task)
    lab.daemon.kill()
    db = sqlite3.connect(lab.daemon.state_dir / "ecs.db")
    db.execute("UPDATE credential SET expires_at = expires_at - 4 * 3600 * 1000")
    db.commit()
    db.close()
    lab.daemon.restart()
    after = wait_until(lambda: answered(lab, task), 10, "an adopted task to answer")
    assert after["AccessKeyId"] != before["AccessKeyId"] and after["Expiration"] >= before["Expiration"]
    for keys in (before, after):  # what a client still holds stays good
        assert ":assumed-role/long/" in whoami(lab.daemon, keys).get_caller_identity()["Arn"]
