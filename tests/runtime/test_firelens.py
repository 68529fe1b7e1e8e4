# SPDX-License-Identifier: Apache-2.0
"""FireLens: what the router and the containers that log through it are given, read back from the Engine and from the files, and
lines that arrive at a program that listens where fluent-bit would."""

import pathlib
import uuid

import pytest

from harness import router
from harness.lab import Lab
from harness.scripted_services import ScriptedServices
from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/execution"
LOOP = ["sh", "-c", "trap 'exit 143' TERM; while :; do echo line-of-the-app; sleep 0.2 & wait; done"]


@pytest.fixture(scope="module")
def router_image(engine):
    tag = uuid.uuid4().hex[:12]
    engine.import_image("localemu-test/router", tag, router.layer(), ['ENTRYPOINT ["/router"]'])
    yield f"localemu-test/router:{tag}"
    engine.remove_image(f"localemu-test/router:{tag}")


def define(lab, router_image, kind="fluentbit", options=None, app=None, more=None, command=None, **task):
    return lab.define(
        lab.container("app", command or LOOP, logConfiguration={"logDriver": "awsfirelens", **(app or {"options": {"Name": "stdout"}})}),
        {"name": "router", "image": router_image, "memory": 32, "essential": True, "stopTimeout": 2,
         "firelensConfiguration": {"type": kind, **({"options": options} if options else {})}, **(more or {})}, **task)


def task_id(task):
    return Lab.arn(task).rsplit("/", 1)[1]


def directory(lab, task):
    return pathlib.Path(lab.daemon.runtime_dir) / "tasks" / task_id(task) / ".firelens"


def environment(lab, task, name):
    return dict(v.split("=", 1) for v in lab.inspect(task, name)["Config"]["Env"])


def config_of(lab, task):
    return (directory(lab, task) / "fluent.conf").read_text()


@pytest.mark.parametrize("mode", ["bridge", "awsvpc"])
def test_lines_arrive(lab, router_image, mode):
    network = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}} if mode == "awsvpc" else {}
    task = lab.run(definition=define(lab, router_image, networkMode=mode), **network)
    assert task["lastStatus"] == "RUNNING", lab.task(task)
    out = lab.wait_output(task, "line-of-the-app", "router")
    assert f"app-firelens-{task_id(task)}" in out
    app, log_router = lab.inspect(task, "app"), lab.inspect(task, "router")
    assert app["HostConfig"]["LogConfig"] == {"Type": "fluentd", "Config": {
        "tag": f"app-firelens-{task_id(task)}", "fluentd-address": f"unix://{directory(lab, task)}/socket/fluent.sock",
        "fluentd-async": "true", "fluentd-sub-second-precision": "true"}}
    assert log_router["State"]["StartedAt"] < app["State"]["StartedAt"]
    assert {f"{directory(lab, task)}/fluent.conf:/fluent-bit/etc/fluent-bit.conf",
            f"{directory(lab, task)}/socket:/var/run"} <= set(log_router["HostConfig"]["Binds"])
    address = "127.0.0.1" if mode == "awsvpc" else log_router["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    found = environment(lab, task, "app")
    assert (found["FLUENT_HOST"], found["FLUENT_PORT"]) == (address, "24224")
    assert "FLUENT_HOST" not in environment(lab, task, "router")
    lab.stop(task)
    stopped = lab.wait(task)
    assert stopped["stopCode"] == "UserInitiated"
    wait_until(lambda: not directory(lab, task).parent.exists(), 10, "the router's directory to go")


def test_whoever_speaks_the_protocol_finds_it(lab, router_image):
    send = "trap 'exit 143' TERM; (echo by-the-network; sleep 3600) | nc $FLUENT_HOST $FLUENT_PORT & wait"
    lab.wait_output(lab.run(definition=define(lab, router_image, command=["sh", "-c", send])), "by-the-network", "router")


FLUENTBIT = """
[INPUT]
    Name forward
    unix_path /var/run/fluent.sock

[INPUT]
    Name forward
    Listen 0.0.0.0
    Port 24224

[INPUT]
    Name tcp
    Tag firelens-healthcheck
    Listen 127.0.0.1
    Port 8877

[OUTPUT]
    Name null
    Match firelens-healthcheck

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster {cluster}
    Record ecs_task_arn {task}
    Record ecs_task_definition {definition}

@INCLUDE /own.conf

[FILTER]
    Name grep
    Match app-firelens*
    Regex log ^keep

[FILTER]
    Name grep
    Match app-firelens*
    Exclude log drop$

[OUTPUT]
    Name cloudwatch
    Match app-firelens*
    auto_create_group true
    region us-east-1
"""

FLUENTD = """
<source>
    @type unix
    path /var/run/fluent.sock
</source>

<source>
    @type forward
    bind 0.0.0.0
    port 24224
</source>

<filter app-firelens**>
    @type grep
    <regexp>
        key log
        pattern ^keep
    </regexp>
</filter>

<match app-firelens**>
    @type kinesis_firehose
    region us-east-1
</match>
"""


def test_configuration_of_fluentbit(lab, router_image):
    definition = define(lab, router_image, options={"config-file-type": "file", "config-file-value": "/own.conf"}, app={"options": {
        "Name": "cloudwatch", "region": "us-east-1", "auto_create_group": "true", "include-pattern": "^keep",
        "exclude-pattern": "drop$", "log-driver-buffer-limit": "2097152"}})
    task = lab.run(definition=definition)
    assert config_of(lab, task) == FLUENTBIT.format(
        cluster=lab.cluster, task=task["taskArn"], definition=definition.rsplit("/", 1)[1])
    assert lab.inspect(task, "app")["HostConfig"]["LogConfig"]["Config"]["fluentd-buffer-limit"] == "2097152"


def test_configuration_of_fluentd(lab, router_image):
    task = lab.run(definition=define(lab, router_image, "fluentd", {"enable-ecs-log-metadata": "false"}, {"options": {
        "@type": "kinesis_firehose", "region": "us-east-1", "include-pattern": "^keep"}}))
    assert config_of(lab, task) == FLUENTD
    assert f"{directory(lab, task)}/fluent.conf:/fluentd/etc/fluent.conf" in lab.inspect(task, "router")["HostConfig"]["Binds"]
    assert environment(lab, task, "router")["FLUENT_UID"] == "0"


def test_options_without_an_output(lab, router_image):
    task = lab.wait(lab.run(definition=define(lab, router_image, app={"options": {"region": "us-east-1"}})))
    assert (task["stopCode"], "pullStartedAt" in task) == ("TaskFailedToStart", False)
    assert lab.container_of(task, "router")["reason"] == (
        "ResourceInitializationError: unable to apply log options of container app to firelens config: missing output key Name which "
        "is required for firelens configuration of type fluentbit")


def test_a_router_that_is_not_root(lab, router_image):
    task = lab.run(definition=define(lab, router_image, more={"user": "1234:5678"}))
    lab.wait_output(task, "line-of-the-app", "router")
    owner = (directory(lab, task) / "socket").stat()
    assert (owner.st_uid, owner.st_gid) == (1234, 5678)


def test_secrets_and_a_file_of_s3(start_daemon, image, router_image):
    """Secrets of log options are in the router's environment, and the configuration only names them."""
    services = ScriptedServices()
    services.parameters = {"key": "s3cr3t-Value-99"}
    services.objects = {"bucket/own.conf": b"[FILTER]\n    Name stdout\n"}
    lab = Lab(start_daemon(**services.settings), image)
    for kind, output, reference in (("fluentbit", "Name", "${apikey_0}"), ("fluentd", "@type", "\"#{ENV['apikey_0']}\"")):
        task = lab.run(definition=define(
            lab, router_image, kind, {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/own.conf"},
            {"options": {output: "datadog"}, "secretOptions": [{"name": "apikey", "valueFrom": "key"}]}, executionRoleArn=ROLE))
        lab.wait(task, "RUNNING")
        assert f"    apikey {reference}\n" in config_of(lab, task)
        assert environment(lab, task, "router")["apikey_0"] == "s3cr3t-Value-99"
        assert "apikey_0" not in environment(lab, task, "app")
        assert "s3cr3t-Value-99" not in config_of(lab, task)
        target = "/fluent-bit/etc/external.conf" if kind == "fluentbit" else "/fluentd/etc/external.conf"
        assert f" {target}\n" in config_of(lab, task)
        assert f"{directory(lab, task)}/external.conf:{target}" in lab.inspect(task, "router")["HostConfig"]["Binds"]
        assert (directory(lab, task) / "external.conf").read_bytes() == services.objects["bucket/own.conf"]
    lab.close()
    services.close()


def test_a_router_that_waits_for_others(lab, router_image):
    """Then nobody is made to wait for it; a dependency of the user's own stays."""
    task = lab.run(definition=define(lab, router_image, more={"dependsOn": [{"containerName": "app", "condition": "START"}]}))
    lab.wait_output(task, "line-of-the-app", "router")
    assert lab.inspect(task, "app")["State"]["StartedAt"] < lab.inspect(task, "router")["State"]["StartedAt"]
    assert "FLUENT_HOST" not in environment(lab, task, "app")
