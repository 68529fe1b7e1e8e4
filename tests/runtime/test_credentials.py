# SPDX-License-Identifier: Apache-2.0
"""Credentials of the task role at 169.254.170.2: there before the first instruction, only for the task itself, in every network
mode, from images with nothing in them."""

import datetime
import json
import os
import signal

import pytest

from harness.wait import wait_until

STARTS = int(os.environ.get("LOCALEMU_PROBE_STARTS", "40"))
ROLE = "arn:aws:iam::000000000000:role/reader"
OTHER_ROLE = "arn:aws:iam::000000000000:role/writer"
SUBNET = {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}}


def env(facts):
    return dict(e.split("=", 1) for e in facts.engine("Config.Env"))


def run(lab, started, mode="bridge", role=ROLE, containers=(), **more):
    more = dict(more, networkConfiguration=SUBNET) if mode == "awsvpc" else more
    definition = lab.define(*containers, networkMode=mode, **({"taskRoleArn": role} if role else {}))
    return started(lab, lab.run(definition=definition, **more))


def fetch(facts, path=None, name="main"):
    path = path or env(facts)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    out = facts.inside(f"printf 'GET {path} HTTP/1.1\\r\\nHost: 169.254.170.2\\r\\nConnection: close\\r\\n\\r\\n' | "
                       "nc -w 5 169.254.170.2 80", name).replace("\r", "")
    head, _, body = out.partition("\n\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("mode", ["bridge", "none", "awsvpc"])
def test_credentials_of_the_role(lab, started, mode):
    task = run(lab, started, mode)
    status, credentials = fetch(task)
    assert status == 200
    assert list(credentials) == ["RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"]
    assert credentials["RoleArn"] == ROLE
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["SecretAccessKey"]) == 40
    expires = datetime.datetime.strptime(credentials["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
    left = expires - datetime.datetime.utcnow()
    assert datetime.timedelta(minutes=16) < left < datetime.timedelta(hours=13)
    uuid = env(task)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].rpartition("/")[2]
    assert fetch(task, "/v1/credentials?id=" + uuid) == (200, credentials)


def test_host_mode_asks_for_the_token(lab, started):
    task = run(lab, started, "host")
    url, token = env(task)["AWS_CONTAINER_CREDENTIALS_FULL_URI"], env(task)["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert url.startswith("http://127.0.0.1:") and "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in env(task)
    assert json.loads(task.inside(f"wget -qO- --header 'Authorization: {token}' {url}"))["RoleArn"] == ROLE
    for header in ("", "--header 'Authorization: '", f"--header 'Authorization: {token[:-1]}'",
                   f"--header 'Authorization: {token}x'", f"--header 'Authorization: Bearer {token}'"):
        assert "401" in task.inside(f"wget -O- {header} {url} 2>&1")


def test_wrong_ids(lab, started):
    task, other = (run(lab, started, role=role) for role in (ROLE, OTHER_ROLE))
    theirs = env(other)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    assert fetch(other)[1]["RoleArn"] == OTHER_ROLE
    unknown = {"code": "InvalidIdInRequest", "message": "CredentialsV2Request: Credentials not found", "HTTPErrorCode": 400}
    for path in (theirs, "/v2/credentials/x", theirs[:-1], theirs + "0", theirs.upper().replace("/V2/CREDENTIALS", "/v2/credentials")):
        assert fetch(task, path) == (400, unknown), path
    empty = {"code": "NoIdInRequest", "message": "CredentialsV2Request: No Credential ID in the request", "HTTPErrorCode": 400}
    assert fetch(task, "/v2/credentials/") == (400, empty)
    assert fetch(task, "/v1/credentials")[1]["message"] == "CredentialsV1Request: No Credential ID in the request"


def test_a_role_that_is_none_ends_the_task(lab):
    """The container waits at its gate for credentials that cannot come: not for ever, and not without a word."""
    role = "arn:aws:iam::000000000000:role/" + "r" * 65
    task = lab.wait(lab.run(definition=lab.define(taskRoleArn=role)), seconds=20)
    assert lab.container_of(task)["reason"] == (
        "ResourceInitializationError: unable to get the credentials of the task role")
    assert task["stopCode"] == "TaskFailedToStart"


def test_no_role_no_variable_no_credentials(lab, started):
    task = run(lab, started, role=None)
    assert not [name for name in env(task) if name.startswith("AWS_CONTAINER_")]
    assert fetch(task, "/v2/credentials/x")[1]["code"] == "InvalidIdInRequest"


def test_a_user_cannot_take_the_variable_over(lab, started):
    mine = [{"name": "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "value": "/v2/credentials/mine"}]
    task = run(lab, started, containers=[lab.container(environment=mine)])
    assert fetch(task)[0] == 200


def test_all_containers_of_a_task_have_the_same(lab, started):
    task = run(lab, started, containers=[lab.container(), lab.container("side")])
    path = env(task)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    assert fetch(task) == fetch(task, path, "side")


@pytest.mark.parametrize("variable", ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "ECS_CONTAINER_METADATA_URI_V4"])
@pytest.mark.parametrize("mode", ["bridge", "none"])
def test_the_first_instruction_is_answered(quick_lab, probe, mode, variable):
    """A program without libc, alone in its image, without a capability, as nobody, on a root that it cannot write to."""
    definition = quick_lab.define({
        "name": "main", "image": probe, "memory": 16, "essential": True, "command": [variable], "user": "65534:65534",
        "readonlyRootFilesystem": True, "linuxParameters": {"capabilities": {"drop": ["ALL"]}}},
        networkMode=mode, taskRoleArn=ROLE)
    left, batch = STARTS if "CREDENTIALS" in variable else STARTS // 5, 5
    while left > 0:
        count = min(batch, left)
        left -= count
        tasks = quick_lab.run(definition=definition, count=count)
        for task in tasks:
            ended = quick_lab.wait(task, seconds=30)
            assert quick_lab.container_of(ended).get("exitCode") == 0, ended


@pytest.mark.parametrize("victim", ["daemon", "shim"])
def test_adopted_tasks_have_their_credentials_again(start_daemon, make_lab, started, victim):
    daemon = start_daemon()
    task = run(make_lab(daemon), started)
    assert fetch(task)[0] == 200
    if victim == "daemon":
        daemon.kill()
        daemon.start(daemon.port)
    else:
        os.kill(daemon.shims()[0], signal.SIGKILL)

    def again():
        try:
            return fetch(task)[0] == 200
        except (ValueError, IndexError):  # nobody listens
            return False

    wait_until(again, 2, "the credentials to be served again")
    assert fetch(task)[1]["RoleArn"] == ROLE
