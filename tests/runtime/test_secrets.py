# SPDX-License-Identifier: Apache-2.0
"""What a task needs of Secrets Manager, SSM and S3 before its containers start: every form of a reference arrives in the
container's environment and nowhere else, each thing is asked for once, and what cannot be had ends the task in ECS's words with
nothing started. The services are scripted here, so that they can be slow and wrong; the daemon's own are in
test_secrets_here.py."""

import json
import pathlib
import subprocess
import threading

import pytest

from harness.lab import Lab
from harness.registry import Registry
from harness.scripted_services import ScriptedServices
from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/execution"
SM = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
FAR = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:"
SSM = "arn:aws:ssm:us-east-1:000000000000:parameter"
FILE = "arn:aws:s3:::bucket/"
PULL = ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ")
AWAY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def services():
    services = ScriptedServices()
    yield services
    services.close()


@pytest.fixture
def own_lab(services, start_daemon, image):
    """A cluster on a daemon that asks the scripted services and answers RunTask at once."""
    return Lab(start_daemon(ECS_SETTLE_SECONDS="0", **services.settings), image)


def environment(lab, task, name="main"):
    return dict(v.split("=", 1) for v in lab.inspect(task, name)["Config"]["Env"])


def run(lab, *containers, **more):
    definition = lab.define(*containers, executionRoleArn=ROLE, **more.pop("definition", {}))
    return lab.run(definition=definition, **more)


def secrets(**names):
    return [{"name": n, "valueFrom": v} for n, v in names.items()]


def assert_nothing_started(lab, task):
    assert task["stopCode"] == "TaskFailedToStart"
    assert "startedAt" not in task and "pullStartedAt" not in task
    for container in task["containers"]:
        assert container["lastStatus"] == "STOPPED"
        assert "exitCode" not in container and "runtimeId" not in container
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def test_every_form_of_a_reference(own_lab, services):
    services.secrets = {
        SM + "db-AbCdEf": json.dumps({"user": "admin", "port": 5432, "on": True, "list": [1, "a"], "empty": ""}),
        (SM + "db-AbCdEf", "AWSPREVIOUS", None): '{"user":"old"}',
        (SM + "db-AbCdEf", None, "v-1"): "first version",
        SM + "plain-AbCdEf": "p=1 \"two\" ünï\nsecond line",
        FAR + "far-AbCdEf": "from far away",
    }
    services.parameters = {"plain": "P1", "/path/name": "P2", SSM + "/by/arn": "P3", "/v:3": "unused",
                           "arn:aws:ssm:us-west-2:000000000000:parameter/far": "P4"}
    task = run(own_lab, own_lab.container(environment=[{"name": "PLAIN", "value": "given"}], secrets=secrets(
        USER=SM + "db-AbCdEf:user::", PORT=SM + "db-AbCdEf:port::", ON=SM + "db-AbCdEf:on::", LIST=SM + "db-AbCdEf:list::",
        EMPTY=SM + "db-AbCdEf:empty::", WHOLE=SM + "plain-AbCdEf", OLD=SM + "db-AbCdEf:user:AWSPREVIOUS:",
        FIRST=SM + "db-AbCdEf:::v-1", FAR=FAR + "far-AbCdEf", NAME="plain", PATH_NAME="/path/name", ARN=SSM + "/by/arn",
        FAR_ARN="arn:aws:ssm:us-west-2:000000000000:parameter/far", AGAIN="plain")))
    own_lab.wait(task, "RUNNING")
    found = environment(own_lab, task)
    assert {k: v for k, v in found.items() if k not in ("PATH", "HOME") and not k.startswith(("AWS_", "ECS_"))} == {
        "USER": "admin", "PORT": "5432", "ON": "true", "LIST": "[1 a]", "EMPTY": "", "WHOLE": "p=1 \"two\" ünï\nsecond line",
        "OLD": "old", "FIRST": "first version", "FAR": "from far away", "NAME": "P1", "PATH_NAME": "P2", "ARN": "P3",
        "FAR_ARN": "P4", "AGAIN": "P1", "PLAIN": "given"}
    assert sorted(services.targets()) == ["GetParameters"] * 2 + ["GetSecretValue"] * 5
    own_lab.close()


def test_who_asks(own_lab, services):
    """The execution role's keys sign, not the task role's."""
    services.secrets = {SM + "x-AbCdEf": "v"}
    task = run(own_lab, own_lab.container(secrets=secrets(X=SM + "x-AbCdEf")),
               definition={"taskRoleArn": "arn:aws:iam::000000000000:role/task"})
    own_lab.wait(task, "RUNNING")
    headers = services.asked[0][2]
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA")
    assert "/us-east-1/secretsmanager/aws4_request" in headers["Authorization"]
    assert "x-amz-security-token" in headers["Authorization"] and headers["X-Amz-Security-Token"]
    own_lab.close()


def test_many_parameters_few_calls(own_lab, services):
    services.parameters = {f"/p/{i}": f"value {i}" for i in range(23)}
    first, second = [own_lab.container(n, secrets=secrets(**{f"P{i}": f"/p/{i}" for i in chosen}))
                     for n, chosen in (("main", range(15)), ("side", range(5, 23)))]
    task = run(own_lab, first, second)
    own_lab.wait(task, "RUNNING")
    assert sorted(len(body["Names"]) for _, body, _ in services.asked) == [3, 10, 10]
    for name, chosen in (("main", range(15)), ("side", range(5, 23))):
        found = environment(own_lab, task, name)
        assert {k: v for k, v in found.items() if k[0] == "P" and k != "PATH"} == {f"P{i}": f"value {i}" for i in chosen}
    own_lab.close()


def test_values_are_nowhere_else(own_lab, services):
    value = "s3cr3t-Value-4711"
    services.secrets = {SM + "a-AbCdEf": json.dumps({"k": value})}
    services.parameters = {"b": value}
    services.objects = {"bucket/c.env": f"FROM_FILE={value}\n".encode()}
    task = run(own_lab, own_lab.container(secrets=secrets(A=SM + "a-AbCdEf:k::", B="b"),
                                          environmentFiles=[{"type": "s3", "value": FILE + "c.env"}]))
    own_lab.wait(task, "RUNNING")
    found = environment(own_lab, task)
    assert [found[n] for n in ("A", "B", "FROM_FILE")] == [value] * 3
    shown = json.dumps(own_lab.task(task), default=str) + own_lab.daemon.log_text
    shown += subprocess.run(["curl", "-s", own_lab.daemon.url + "/_localemu/events"], capture_output=True, text=True,
                            check=True).stdout
    own_lab.stop(task)
    stopped = own_lab.wait(task)
    shown += json.dumps(stopped, default=str) + own_lab.daemon.log_text
    assert value not in shown
    for directory in (own_lab.daemon.state_dir, own_lab.daemon.runtime_dir):
        for path in pathlib.Path(directory).rglob("*"):
            if path.is_file():
                assert value.encode() not in path.read_bytes(), path
    own_lab.close()


def test_environment_files(own_lab, services):
    services.objects = {
        "bucket/a.env": b"# comment\nA=1\nSHARED=first\nQUOTED=\"q\" # kept\n=none\nnothing\n SPACED = x \nCR=y\r\nA=2\nE=\nGIVEN=file\nSECRET=file\n",
        "bucket/dir/b c.env": "SHARED=second\nB=ü\n".encode(),
    }
    services.parameters = {"p": "secret"}
    task = run(own_lab, own_lab.container(
        environment=[{"name": "GIVEN", "value": "definition"}], secrets=secrets(SECRET="p"),
        environmentFiles=[{"type": "s3", "value": FILE + n} for n in ("a.env", "dir/b c.env", "a.env")]))
    own_lab.wait(task, "RUNNING")
    found = environment(own_lab, task)
    assert {k: found[k] for k in ("A", "SHARED", "QUOTED", " SPACED ", "CR", "E", "GIVEN", "B", "SECRET")} == {
        "A": "2", "SHARED": "first", "QUOTED": '"q" # kept', " SPACED ": " x ", "CR": "y", "E": "", "GIVEN": "definition",
        "B": "ü", "SECRET": "secret"}
    assert sorted(t for t in services.targets() if t[0] == "/") == ["/bucket/a.env", "/bucket/dir/b c.env"]
    own_lab.close()


def test_environment_files_of_the_overrides(own_lab, services):
    """They stand for those of the definition; the override's environment wins over all but secrets."""
    services.objects = {"bucket/a.env": b"A=definition\nONLY=definition\n", "bucket/b.env": b"A=override\nX=file\n"}
    task = run(own_lab, own_lab.container(environmentFiles=[{"type": "s3", "value": FILE + "a.env"}]),
               overrides={"containerOverrides": [{"name": "main", "environment": [{"name": "X", "value": "override"}],
                                                  "environmentFiles": [{"type": "s3", "value": FILE + "b.env"}]}]})
    own_lab.wait(task, "RUNNING")
    found = environment(own_lab, task)
    assert (found["A"], found["X"], "ONLY" in found) == ("override", "override", False)
    own_lab.close()


def test_options_of_the_log_driver(own_lab, services):
    services.parameters = {"tag": "{{.Name}}/secret", "size": "1m"}
    task = run(own_lab, own_lab.container(logConfiguration={
        "logDriver": "json-file", "options": {"max-file": "2"}, "secretOptions": secrets(tag="tag", **{"max-size": "size"})}))
    own_lab.wait(task, "RUNNING")
    assert own_lab.inspect(task)["HostConfig"]["LogConfig"] == {
        "Type": "json-file", "Config": {"max-file": "2", "tag": "{{.Name}}/secret", "max-size": "1m"}}
    assert "tag" not in environment(own_lab, task)
    own_lab.close()


FAILURES = [
    ("secret-not-found", {"secrets": secrets(A=SM + "gone-AbCdEf:key::")},
     f"Fetching secret data from AWS Secrets Manager in region us-east-1: secret {SM}gone-AbCdEf: "
     "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
     f"unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {SM}gone-AbCdEf from "
     "secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."),
    ("parameters-not-found", {"secrets": secrets(A="here", B="/gone/1", C="gone2")},
     "Fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /gone/1,gone2",
     "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /gone/1,gone2"),
    ("no-such-key", {"secrets": secrets(A=SM + "json-AbCdEf:other::")},
     "Fetching secret data from AWS Secrets Manager in region us-east-1: "
     "retrieved secret from Secrets Manager did not contain json key other",
     "unable to retrieve secret from asm: service call has been retried 1 time(s): "
     "retrieved secret from Secrets Manager did not contain json key other"),
    ("malformed-reference", {"secrets": secrets(A=SM + "json-AbCdEf:k")},
     "unexpected ARN format with parameters when trying to retrieve ASM secret",
     "unexpected ARN format with parameters when trying to retrieve ASM secret"),
    ("login-not-found", {"repositoryCredentials": {"credentialsParameter": "gone"}},
     "asm fetching secret from the service for gone: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
     "unable to get registry auth from asm: service call has been retried 1 time(s): asm fetching secret from the service for gone: "
     "ResourceNotFoundException: Secrets Manager can't find the specified secret."),
]


@pytest.mark.parametrize("more, ec2, fargate", [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_what_cannot_be_had(own_lab, services, more, ec2, fargate):
    services.parameters = {"here": "v"}
    services.secrets = {SM + "json-AbCdEf": '{"k":1}'}
    task = own_lab.wait(run(own_lab, own_lab.container(**more), own_lab.container("side")))
    assert_nothing_started(own_lab, task)
    assert task["stoppedReason"] == "Task failed to start"
    assert own_lab.container_of(task)["reason"] == "ResourceInitializationError: " + ec2
    assert "reason" not in own_lab.container_of(task, "side")
    task = own_lab.wait(run(own_lab, own_lab.container(**more), launchType="FARGATE"))
    assert_nothing_started(own_lab, task)
    assert task["stoppedReason"] == PULL + fargate
    own_lab.close()


def test_a_file_that_is_not_there(own_lab, services):
    files = {"environmentFiles": [{"type": "s3", "value": FILE + "gone.env"}]}
    task = own_lab.wait(run(own_lab, own_lab.container(essential=False, **files), own_lab.container("side")))
    assert_nothing_started(own_lab, task)
    assert own_lab.container_of(task)["reason"] == (
        "ResourceInitializationError: unable to download env file with key gone.env from bucket bucket, error: "
        "NoSuchKey: The specified key does not exist. status code: 404, request id: request-1")
    task = own_lab.wait(run(own_lab, own_lab.container(**files), launchType="FARGATE"))
    assert task["stoppedReason"] == (
        "ResourceInitializationError: failed to download env files: file download command: non empty error stream: "
        "NoSuchKey: The specified key does not exist. status code: 404, request id: request-1")
    own_lab.close()


def test_login_of_a_registry(own_lab, services, engine, image, name):
    """The right one pulls; a task without one, or with a wrong one, fails by itself even where the right one pulls."""
    registry = Registry(private=True)
    repository = f"{registry.host}/{name('private')}"
    registry.push(engine, image, repository, "1")
    services.secrets = {SM + "right-AbCdEf": json.dumps(registry.login), "odd": '{"username":"user"}',
                        "wrong": json.dumps({**registry.login, "password": "guess"})}
    try:
        def start(secret):
            more = {"repositoryCredentials": {"credentialsParameter": secret}} if secret else {}
            return run(own_lab, own_lab.container(image=repository + ":1", **more))

        for secret in ("wrong", None):
            task = own_lab.wait(start(secret), seconds=30)
            assert own_lab.container_of(task)["reason"].startswith("CannotPullContainerError: Error response from daemon: ")
            assert "guess" not in own_lab.daemon.log_text
        task = own_lab.wait(start("odd"))
        assert own_lab.container_of(task)["reason"] == (
            "ResourceInitializationError: asm fetching password: AuthorizationData is malformed, empty field")
        task = own_lab.wait(start(SM + "right-AbCdEf"), "RUNNING")
        assert own_lab.container_of(task)["imageDigest"].startswith("sha256:")
        assert registry.login["password"] not in json.dumps(own_lab.inspect(task), ensure_ascii=False)
        own_lab.close()
    finally:
        engine.remove_image(repository + ":1")
        registry.close()


def test_nothing_needed_nothing_asked(own_lab, services):
    """Empty lists are as good as none."""
    task = run(own_lab, own_lab.container(environmentFiles=[], secrets=[]))
    own_lab.wait(task, "RUNNING")
    assert services.asked == []
    own_lab.close()


def test_no_execution_role(own_lab):
    files = [{"type": "s3", "value": FILE + "a.env"}]
    task = own_lab.run_to_end(overrides={"containerOverrides": [{"name": "main", "environmentFiles": files}]})
    assert_nothing_started(own_lab, task)
    assert own_lab.container_of(task)["reason"] == (
        "ResourceInitializationError: unable to find execution role credentials")
    own_lab.close()


def test_a_service_in_trouble_is_asked_again(own_lab, services):
    services.secrets = {SM + "x-AbCdEf": "v"}
    answers = [AWAY, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{bad}"]
    services.fault = lambda target: answers.pop(0) if len(answers) > 1 else None
    task = run(own_lab, own_lab.container(secrets=secrets(X=SM + "x-AbCdEf")))
    own_lab.wait(task, "RUNNING")
    assert environment(own_lab, task)["X"] == "v" and len(services.asked) == 3
    own_lab.close()


def test_a_file_that_is_cut_off(own_lab, services):
    """Half a file is none: it is asked for again."""
    services.objects = {"bucket/a.env": b"A=whole\nB=whole\n"}
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nA=who"] * 2
    services.fault = lambda target: answers.pop() if answers else None
    task = run(own_lab, own_lab.container(environmentFiles=[{"type": "s3", "value": FILE + "a.env"}]))
    own_lab.wait(task, "RUNNING")
    found = environment(own_lab, task)
    assert (found["A"], found["B"], len(services.asked)) == ("whole", "whole", 3)
    own_lab.close()


DENIED = b'{"__type":"AccessDeniedException","Message":"User: x is not authorized"}'
TROUBLE = [
    ("away", AWAY, "UnknownError: the service answered with status 503 status code: 503, request id: "),
    ("malformed", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{bad}",
     "SerializationError: failed to decode the answer of the service"),
    ("denied", b"HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: r2\r\nContent-Length: %d\r\n\r\n" % len(DENIED) + DENIED,
     "AccessDeniedException: User: x is not authorized status code: 400, request id: r2"),
]


@pytest.mark.parametrize("answer, said", [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
def test_a_service_that_stays_in_trouble(own_lab, services, answer, said):
    services.fault = lambda target: answer
    task = own_lab.wait(run(own_lab, own_lab.container(secrets=secrets(X="p"))))
    assert_nothing_started(own_lab, task)
    assert own_lab.container_of(task)["reason"].startswith(
        "ResourceInitializationError: Fetching secret data from SSM Parameter Store in us-east-1: " + said)
    own_lab.close()


def test_a_service_that_is_not_there(start_daemon, image, services):
    lab = Lab(start_daemon(ECS_SETTLE_SECONDS="0", **{**services.settings, "LOCALEMU_ENDPOINT_SSM": "http://127.0.0.1:1"}), image)
    task = lab.wait(run(lab, lab.container(secrets=secrets(X="p"))))
    assert_nothing_started(lab, task)
    assert ("Parameter Store in us-east-1: RequestError: send request failed caused by: "
            in lab.container_of(task)["reason"])
    lab.close()


def test_a_service_that_never_answers(own_lab, services):
    """Five seconds an attempt, three of them; everything else goes on meanwhile, and the task can be stopped."""
    services.fault = lambda target: never
    never = threading.Event()
    waiting = run(own_lab, own_lab.container(secrets=secrets(X="p")), launchType="FARGATE")
    stopped = run(own_lab, own_lab.container(secrets=secrets(X="p")))
    wait_until(lambda: len(services.asked) == 2, 10, "both to ask")
    own_lab.wait(own_lab.run(), "RUNNING")
    assert own_lab.task(waiting)["lastStatus"] == "PENDING"
    own_lab.stop(stopped, reason="enough")
    stopped = own_lab.wait(stopped, seconds=4)
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert "pullStartedAt" not in stopped
    task = own_lab.wait(waiting, seconds=30)
    never.set()
    assert_nothing_started(own_lab, task)
    assert task["stoppedReason"] == (
        PULL + "unable to retrieve secrets from ssm: service call has been retried 3 time(s): RequestCanceled: request context "
        "canceled caused by: context deadline exceeded")
    own_lab.close()


def test_read_again_at_adoption(own_lab, services):
    """A daemon that is killed while its tasks wait for a service starts them after it has come back; containers that wait for
    another one get what the service says then."""
    gate = threading.Event()
    services.parameters = {"p": "before"}
    early = run(own_lab, own_lab.container(secrets=secrets(X="p")),
                own_lab.container("late", secrets=secrets(X="p"), dependsOn=[{"containerName": "first", "condition": "COMPLETE"}]),
                own_lab.container("first", ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.1; done"], essential=False))
    wait_until(lambda: own_lab.daemon.task_containers(early["taskArn"]), 10, "the first containers")
    services.fault = lambda target: gate
    asked = len(services.asked)
    waits = run(own_lab, own_lab.container(secrets=secrets(X="p")))
    wait_until(lambda: len(services.asked) > asked, 10, "the second task to ask")
    own_lab.daemon.kill()
    services.parameters = {"p": "after"}
    services.fault = lambda target: None
    gate.set()
    own_lab.daemon.restart()
    own_lab.wait(waits, "RUNNING")
    assert environment(own_lab, waits)["X"] == "after"
    first = own_lab.inspect(early, "first")
    subprocess.run(["docker", "exec", first["Id"], "/bin/touch", "/tmp/go"], check=True)
    own_lab.wait(early, "RUNNING")
    assert environment(own_lab, early)["X"] == "before"
    assert environment(own_lab, early, "late")["X"] == "after"
    own_lab.close()
