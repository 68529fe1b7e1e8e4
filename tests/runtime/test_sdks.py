# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients inside real containers find the role's credentials and the region by themselves: the aws program, boto3,
and an SDK of another language. (Debian's first two are older than AWS_ENDPOINT_URL, so that they are told where to ask.)"""

import json
import subprocess
import uuid

import pytest

from harness import sdk_image
from harness.engine import busybox_layer
from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/team/worker"
SUBNET = {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}}
BOTO3 = """
import boto3, json, os
session = boto3.Session()
reply = session.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).get_caller_identity()
print(json.dumps({"Account": reply["Account"], "Arn": reply["Arn"], "region": session.region_name,
                  "method": session.get_credentials().method}))
"""
NODE = """
const { STSClient, GetCallerIdentityCommand } = require("/app/node_modules/@aws-sdk/client-sts");
const client = new STSClient({});
Promise.all([client.send(new GetCallerIdentityCommand({})), client.config.region()]).then(([reply, region]) =>
    console.log(JSON.stringify({ Account: reply.Account, Arn: reply.Arn, region })));
"""


@pytest.fixture(scope="session")
def clients(engine):
    tag = uuid.uuid4().hex[:12]
    engine.import_image("localemu-test/clients", tag, sdk_image.layer(busybox_layer()), ["ENV PATH=/usr/bin:/bin"])
    yield f"localemu-test/clients:{tag}"
    engine.remove_image(f"localemu-test/clients:{tag}")


@pytest.fixture(scope="module", params=["bridge", "awsvpc", "none", "host"])
def task(request, module_lab, started, clients):
    more = {"networkConfiguration": SUBNET} if request.param == "awsvpc" else {}
    definition = module_lab.define(module_lab.container(image=clients, memory=512), networkMode=request.param,
                                   taskRoleArn=ROLE)
    return started(module_lab, module_lab.run(definition=definition, **more))


def expected(task):
    return f"arn:aws:sts::000000000000:assumed-role/worker/{task.task['taskArn'].rpartition('/')[2]}"


def said(out):
    """JSON, or what there is in its place."""
    assert out.lstrip().startswith("{"), out
    return json.loads(out)


def test_aws_cli(task):
    reply = said(task.inside("aws --endpoint-url $AWS_ENDPOINT_URL sts get-caller-identity | cat"))
    assert (reply["Account"], reply["Arn"]) == ("000000000000", expected(task))
    assert "container-role" in task.inside("aws configure list | cat")


def test_boto3(task):
    reply = said(task.inside(f"python3 -c '{BOTO3}'"))
    assert reply == {"Account": "000000000000", "Arn": expected(task), "region": "us-east-1", "method": "container-role"}


def test_javascript(task):
    reply = said(task.inside(f"node --no-warnings -e '{NODE}'"))
    assert reply == {"Account": "000000000000", "Arn": expected(task), "region": "us-east-1"}


def aws_logs_tail(daemon, group):
    return subprocess.run(
        ["/usr/bin/aws", "--endpoint-url", daemon.url, "--region", "us-east-1", "logs", "tail", group, "--format", "short"],
        env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=False).stdout


def test_the_worker_of_the_page(module_lab, engine_daemon, clients):
    """s3 ls with a task role and no other configuration; docker logs and aws logs tail show the same line."""
    bucket, group = f"worker-{uuid.uuid4().hex[:12]}", f"/ecs/worker-{uuid.uuid4().hex[:12]}"
    s3 = engine_daemon.client(service="s3")
    s3.create_bucket(Bucket=bucket)
    container = module_lab.container(
        image=clients, memory=512, command=["sh", "-c", "aws --endpoint-url $AWS_ENDPOINT_URL s3 ls; exec sleep 1000"],
        logConfiguration={"logDriver": "awslogs", "options": {
            "awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs", "awslogs-create-group": "true"}})
    definition = module_lab.define(container, networkMode="awsvpc", taskRoleArn=ROLE, executionRoleArn=ROLE)
    task = module_lab.run(definition=definition, networkConfiguration=SUBNET)
    module_lab.wait_output(task, bucket, seconds=30)
    line = next(l for l in module_lab.output(task).splitlines() if bucket in l)
    assert wait_until(lambda: line in aws_logs_tail(engine_daemon, group), 20, "the same line in CloudWatch Logs")
    module_lab.stop(task)
    module_lab.wait(task)
    s3.delete_bucket(Bucket=bucket)
    engine_daemon.client(service="logs").delete_log_group(logGroupName=group)
