# SPDX-License-Identifier: Apache-2.0
"""Tasks that read the daemon's own Secrets Manager, Parameter Store and S3, filled with boto3: what a user of AWS does, unchanged."""

import json
import pathlib

import pytest

from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/execution"
VALUE = "s3cr3t-Value-0815"


@pytest.fixture
def secret(lab, name):
    manager = lab.daemon.client(service="secretsmanager")
    made = manager.create_secret(Name=name("db/main"), SecretString=json.dumps({"password": VALUE, "port": 5432}))
    yield made, manager
    manager.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


def run(lab, **more):
    return lab.run(definition=lab.define(lab.container(**more), executionRoleArn=ROLE))


def environment(lab, task):
    return dict(v.split("=", 1) for v in lab.inspect(task)["Config"]["Env"])


def test_a_secret_and_its_versions(lab, secret):
    made, manager = secret
    manager.put_secret_value(SecretId=made["ARN"], SecretString=json.dumps({"password": "newer"}))
    task = run(lab, secrets=[{"name": n, "valueFrom": made["ARN"] + v} for n, v in (
        ("NOW", ":password::"), ("BEFORE", ":password:AWSPREVIOUS:"), ("PORT", ":port:AWSPREVIOUS:"),
        ("FIRST", f":password::{made['VersionId']}"), ("WHOLE", ""))])
    assert task["lastStatus"] == "RUNNING"
    found = environment(lab, task)
    assert {n: found[n] for n in ("NOW", "BEFORE", "PORT", "FIRST", "WHOLE")} == {
        "NOW": "newer", "BEFORE": VALUE, "PORT": "5432", "FIRST": VALUE, "WHOLE": '{"password": "newer"}'}
    for path in pathlib.Path(lab.daemon.state_dir).rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path
    assert VALUE not in lab.daemon.log_text
    assert VALUE not in json.dumps(lab.task(task), default=str)


def test_a_secret_in_another_region(lab, name):
    manager = lab.daemon.client(service="secretsmanager", region="eu-west-1")
    made = manager.create_secret(Name=name("far"), SecretString="from far away")
    task = run(lab, secrets=[{"name": "FAR", "valueFrom": made["ARN"]}])
    assert environment(lab, task)["FAR"] == "from far away"
    manager.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


def test_a_secret_that_is_to_be_deleted(lab, name):
    manager = lab.daemon.client(service="secretsmanager")
    made = manager.create_secret(Name=name("going"), SecretString="x")
    manager.delete_secret(SecretId=made["ARN"])
    task = lab.wait(run(lab, secrets=[{"name": "X", "valueFrom": made["ARN"]}]))
    assert lab.container_of(task)["reason"].startswith(
        f"ResourceInitializationError: Fetching secret data from AWS Secrets Manager in region us-east-1: secret {made['ARN']}: "
        "InvalidRequestException: ")
    manager.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


def test_a_secret_that_nobody_made(lab):
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:nobody-AbCdEf"
    task = lab.wait(run(lab, secrets=[{"name": "X", "valueFrom": arn}]))
    assert task["stopCode"] == "TaskFailedToStart"
    assert lab.container_of(task)["reason"] == (
        f"ResourceInitializationError: Fetching secret data from AWS Secrets Manager in region us-east-1: secret {arn}: "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret.")
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def test_only_the_execution_role_is_let_in(start_daemon, make_lab, name):
    """With LOCALEMU_VERIFY_SIGNATURES=1 nobody gets in without issued keys: the execution role's are."""
    lab = make_lab(start_daemon(LOCALEMU_VERIFY_SIGNATURES=1, LOCALEMU_ROOT_ACCESS_KEY_ID="test",
                                LOCALEMU_ROOT_SECRET_ACCESS_KEY="test"))
    made = lab.daemon.client(service="secretsmanager").create_secret(Name=name("v"), SecretString=VALUE)
    task = run(lab, secrets=[{"name": "V", "valueFrom": made["ARN"]}])
    assert environment(lab, task)["V"] == VALUE
    lab.close()


@pytest.fixture
def parameters(lab, name):
    """Puts parameters below a path of this test's own: put(name, value) returns the whole name."""
    made = []

    def put(short, value, region="us-east-1", **more):
        ssm = lab.daemon.client(service="ssm", region=region)
        made.append((ssm, f"{root}/{short}"))
        ssm.put_parameter(Name=made[-1][1], Value=value, **{"Type": "String", **more})
        return made[-1][1]

    root = "/" + name("tasks")
    yield put
    for ssm, whole in set(made):
        ssm.delete_parameters(Names=[whole])


def test_parameters(lab, parameters, name):
    ssm = lab.daemon.client(service="ssm")
    plain = name("plain")
    ssm.put_parameter(Name=plain, Value="without a path", Type="String")
    arn = "arn:aws:ssm:{}:000000000000:parameter{}"
    versions = parameters("v", "one")
    parameters("v", "two", Overwrite=True)
    ssm.label_parameter_version(Name=versions, ParameterVersion=1, Labels=["old"])
    sealed = parameters("sealed", VALUE, Type="SecureString")
    far = parameters("far", "from far away", region="us-west-2")
    wanted = {"PLAIN": plain, "PLAIN_ARN": arn.format("us-east-1", "/" + plain), "PATH_ARN": arn.format("us-east-1", versions),
              "VERSION": versions + ":1", "LABEL": versions + ":old", "SEALED": sealed, "FAR": arn.format("us-west-2", far)}
    task = run(lab, secrets=[{"name": n, "valueFrom": v} for n, v in wanted.items()])
    assert task["lastStatus"] == "RUNNING", task
    found = environment(lab, task)
    assert {n: found[n] for n in wanted} == {
        "PLAIN": "without a path", "PLAIN_ARN": "without a path", "PATH_ARN": "two", "VERSION": "one", "LABEL": "one",
        "SEALED": VALUE, "FAR": "from far away"}
    for path in pathlib.Path(lab.daemon.state_dir).rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path
    assert VALUE not in lab.daemon.log_text
    ssm.delete_parameter(Name=plain)


def test_a_parameter_that_nobody_made(lab):
    definition = lab.define(lab.container(secrets=[{"name": "X", "valueFrom": "/nobody/made"}]), executionRoleArn=ROLE)
    task = lab.wait(lab.run(definition=definition, launchType="FARGATE"))
    assert (task["stopCode"], task["stoppedReason"]) == (
        "TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
        "failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /nobody/made")


@pytest.fixture
def bucket(lab, name):
    """The name of a bucket, and put(key, bytes)."""
    s3, bucket, keys = lab.daemon.client(service="s3"), name("env"), []

    def put(key, body):
        keys.append(key)
        s3.put_object(Bucket=bucket, Key=key, Body=body)

    s3.create_bucket(Bucket=bucket)
    yield bucket, put
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)


def files(bucket, *keys):
    return [{"type": "s3", "value": f"arn:aws:s3:::{bucket}/{key}"} for key in keys]


def test_environment_files(lab, bucket):
    name, put = bucket
    odd = "dir/a b+ü&=%41~.env"
    put("plain.env", f"A=plain\nSEALED={VALUE}\n".encode())
    put(odd, b"A=odd\nB=odd\n")
    task = run(lab, environmentFiles=files(name, "plain.env", odd))
    assert task["lastStatus"] == "RUNNING", lab.task(task)
    found = environment(lab, task)
    assert {n: found[n] for n in ("A", "SEALED", "B")} == {"A": "plain", "SEALED": VALUE, "B": "odd"}
    assert VALUE not in lab.daemon.log_text


def test_environment_files_that_are_not_there(lab, bucket):
    name, _ = bucket
    for where, error in ((name, "NoSuchKey: The specified key does not exist."),
                         (name + "-nobodys", "NoSuchBucket: The specified bucket does not exist")):
        task = lab.wait(run(lab, environmentFiles=files(where, "gone.env")))
        assert lab.container_of(task)["reason"].startswith(
            f"ResourceInitializationError: unable to download env file with key gone.env from bucket {where}, error: {error} "
            "status code: 404, request id: ")


def test_a_file_that_is_too_large(lab, bucket):
    name, put = bucket
    put("large.env", b"A=1\n" * 300000)
    task = lab.wait(run(lab, environmentFiles=files(name, "large.env")))
    assert "the answer is larger than 1048576 bytes" in lab.container_of(task)["reason"]
