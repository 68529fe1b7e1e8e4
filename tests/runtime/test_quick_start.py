# SPDX-License-Identifier: Apache-2.0
"""The quick start of the described system, word for word, as a person at a shell types it: through awsemu, through
plain aws, and through boto3. The image is local; `name`/`value` are spelled as aws itself wants them."""

import json
import subprocess

import pytest

from harness.wait import wait_until

DEFINITIONS = """[{
"name": "hello",
"image": "%s",
"essential": true,
"portMappings": [{"containerPort":80, "protocol":"tcp"}],
"memory": 128,
"environment": [{"name":"GREETING","value":"Hello from ECS"}]
}]"""

SCRIPT = r"""
set -eu
awsemu ecs create-cluster --cluster-name web
awsemu ecs register-task-definition --family hello \
--network-mode bridge \
--container-definitions "$DEFINITIONS" --query 'taskDefinition.taskDefinitionArn' --output text
TASK_ARN=$(awsemu ecs run-task --cluster web --task-definition hello \
--launch-type FARGATE \
--query 'tasks[0].taskArn' --output text)
awsemu ecs describe-tasks --cluster web --tasks $TASK_ARN \
--query 'tasks[0].{Status:lastStatus,Health:healthStatus,Port:containers[0].networkBindings[0].hostPort}' >described
PORT=$(awk '/Port/ { gsub(/[^0-9]/, ""); print }' described)
curl -s http://127.0.0.1:$PORT/ | head -1
awsemu ecs stop-task --cluster web --task $TASK_ARN --query task.desiredStatus --output text
echo $TASK_ARN >task
"""


def shell(daemon, script, **environment):
    done = subprocess.run(["sh", "-c", script], env={**daemon.env, **environment}, cwd=daemon.directory, timeout=100,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr, daemon.log_text[-4000:])
    return done.stdout


@pytest.fixture
def own_daemon(engine, start_daemon):
    return start_daemon()


@pytest.mark.parametrize("command", ["awsemu", "aws"])
def test_word_for_word(own_daemon, image, command):
    script, environment = SCRIPT, {"DEFINITIONS": DEFINITIONS % image}
    if command == "aws":
        script = script.replace("awsemu ", f"aws --endpoint-url {own_daemon.url} ")
        environment.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_DEFAULT_REGION="us-east-1",
                           AWS_PAGER="")
    out = shell(own_daemon, script, **environment)

    described = json.loads((own_daemon.directory / "described").read_text())
    assert described.pop("Port") > 1023
    assert described == {"Status": "RUNNING", "Health": "UNKNOWN"}
    lines = out.splitlines()
    assert lines[-3:] == ["arn:aws:ecs:us-east-1:000000000000:task-definition/hello:1", "<!DOCTYPE html>", "STOPPED"]
    cluster = json.loads("\n".join(lines[:-3]))["cluster"]
    assert (cluster["clusterName"], cluster["status"]) == ("web", "ACTIVE")

    arn = (own_daemon.directory / "task").read_text().strip()
    ecs = own_daemon.client()
    task = wait_until(lambda: next((t for t in ecs.describe_tasks(cluster="web", tasks=[arn])["tasks"]
                                    if t["lastStatus"] == "STOPPED"), None), 40)
    assert task["stopCode"] == "UserInitiated"
    assert task["stoppedReason"] == "Task stopped by user"
    assert "exitCode" in task["containers"][0]
    assert ecs.delete_cluster(cluster="web")["cluster"]["status"] == "INACTIVE"


def test_services_of_the_page_are_honest_about_what_is_not_there(engine_daemon):
    """A command of the page that this version cannot do ends with AWS's kind of error, not with a crash."""
    done = subprocess.run(["awsemu", "ecs", "list-services", "--cluster", "default"], env=engine_daemon.env,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 254), done.stderr
    assert "Traceback" not in done.stderr
