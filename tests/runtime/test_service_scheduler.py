# SPDX-License-Identifier: Apache-2.0
"""Services with real containers: what dies is replaced, roll-outs keep within their percentages, bad deployments are
stopped. SERVICE_KILLS says how often containers are killed (5; 100 by hand)."""

import collections
import os
import random
import statistics
import subprocess
import sys
import threading
import time

import pytest

from harness.wait import wait_until

KILLS = int(os.environ.get("SERVICE_KILLS", "5"))


class Service:
    def __init__(self, lab, definition, count, name="api", **more):
        self.lab, self.ecs, self.name = lab, lab.ecs, name
        self.created = self.ecs.create_service(
            cluster=lab.cluster, serviceName=name, taskDefinition=definition, desiredCount=count, **more)["service"]

    def describe(self):
        return self.ecs.describe_services(cluster=self.lab.cluster, services=[self.name])["services"][0]

    def update(self, **more):
        return self.ecs.update_service(cluster=self.lab.cluster, service=self.name, **more)["service"]

    def deployment(self, status="PRIMARY"):
        return next(d for d in self.describe()["deployments"] if d["status"] == status)

    def containers(self):
        found = self.lab.daemon.containers(f"localemu.cluster={self.lab.cluster_arn}")
        return [c for c in found if c["State"] == "running"]

    def messages(self):
        return [e["message"] for e in self.describe()["events"]]

    def tasks(self, status="RUNNING"):
        arns = self.ecs.list_tasks(cluster=self.lab.cluster, serviceName=self.name, desiredStatus=status)["taskArns"]
        return self.ecs.describe_tasks(cluster=self.lab.cluster, tasks=arns)["tasks"] if arns else []

    def wait_containers(self, n, seconds=20):
        wait_until(lambda: len(self.containers()) == n and len(self.tasks()) == n, seconds, f"{n} containers")

    def wait_stable(self, seconds=30):
        def is_stable():
            service = self.describe()
            return (len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"]
                    and service["deployments"][0]["rolloutState"] == "COMPLETED")

        try:
            wait_until(is_stable, seconds, "a steady service")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.describe()}\n{self.lab.daemon.log_text[-3000:]}") from None

    def delete(self):
        self.ecs.delete_service(cluster=self.lab.cluster, service=self.name, force=True)
        wait_until(lambda: self.describe()["status"] == "INACTIVE", 30, "the service to be INACTIVE")


@pytest.fixture
def service(lab):
    made = []

    def service(definition, count, **more):
        made.append(Service(lab, definition, count, **more))
        return made[-1]

    yield service
    for one in made:
        if one.describe()["status"] == "ACTIVE":
            one.delete()


class Watch:
    """The live containers of a cluster over time, as the Engine's own events tell them."""

    def __init__(self, lab):
        found = lab.daemon.containers(f"localemu.cluster={lab.cluster_arn}")
        self.lab, self.live, self.counts = lab, sum(c["State"] == "running" for c in found), []
        self.over = threading.Event()

    def __enter__(self):
        self.events = self.lab.engine.events(
            type=["container"], event=["start", "die"], label=[f"localemu.cluster={self.lab.cluster_arn}"]).__enter__()
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()
        return self

    def follow(self):
        while not self.over.is_set():
            event = self.events.next(0.2)
            if event is None:
                continue
            self.live += 1 if event["Action"] == "start" else -1
            self.counts.append(self.live)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.events.__exit__(None, None, None)


def test_what_dies_is_replaced(lab, service):
    """By docker kill and docker rm -f, at any moment."""
    api = service(lab.define(), 3)
    api.wait_containers(3)
    dice, times = random.Random(6), []
    for i in range(KILLS):
        victim = dice.choice(api.containers())
        before = {t["taskArn"] for t in api.tasks()}
        start = time.monotonic()
        subprocess.run(["docker", *(("kill",) if i % 2 else ("rm", "-f")), victim["Id"]], check=True,
                       stdout=subprocess.DEVNULL)
        wait_until(lambda: len(api.containers()) == 3 and victim["Id"] not in [c["Id"] for c in api.containers()], 20,
                   "three containers again")
        times.append(time.monotonic() - start)
        assert len(lab.daemon.containers(f"localemu.cluster={lab.cluster_arn}")) <= 6
        wait_until(lambda: {t["lastStatus"] for t in api.tasks()} == {"RUNNING"} and len(api.tasks()) == 3, 10)
        assert len({t["taskArn"] for t in api.tasks()} - before) == 1
    print(f"{KILLS} kills, replaced after {statistics.median(times):.3f} s (median), {max(times):.3f} s (worst)",
          file=sys.stderr)
    assert statistics.median(times) < 3  # one second on a machine that does nothing else
    api.wait_stable()


def test_the_walk_through(lab, service):
    api = service(lab.define(), 3)
    assert (api.created["status"], api.created["desiredCount"], api.created["runningCount"]) == ("ACTIVE", 3, 3)
    assert len(lab.ecs.list_tasks(cluster=lab.cluster, serviceName="api")["taskArns"]) == 3
    assert api.update(desiredCount=5)["runningCount"] == 5
    assert api.update(desiredCount=1)["runningCount"] == 1
    wait_until(lambda: len(api.containers()) == 1, 10, "one container")
    task = api.tasks()[0]
    assert task["group"] == "service:api" and task["startedBy"] == api.deployment()["id"]
    stopped = api.tasks("STOPPED")
    assert {t["stopCode"] for t in stopped} == {"ServiceSchedulerInitiated"}
    assert {t["stoppedReason"] for t in stopped} == {f"Scaling activity initiated by (deployment {task['startedBy']})"}
    subprocess.run(["aws", "--endpoint-url", lab.daemon.url, "--region", "us-east-1", "ecs", "wait", "services-stable",
                    "--cluster", lab.cluster, "--services", "api"], check=True, timeout=60,
                   env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
    api.delete()
    wait_until(lambda: not lab.daemon.containers(f"localemu.cluster={lab.cluster_arn}"), 20, "no container at all")


@pytest.mark.parametrize("minimum, maximum", [(50, 150), (100, 200), (50, 100)])
def test_a_roll_out_keeps_within_its_percentages(lab, service, minimum, maximum):
    count = 4
    api = service(lab.define(), count,
                  deploymentConfiguration={"minimumHealthyPercent": minimum, "maximumPercent": maximum})
    api.wait_stable()
    first = api.deployment()["id"]
    with Watch(lab) as watch:
        api.update(taskDefinition=lab.define())
        api.wait_stable(60)
    assert api.deployment()["id"] != first
    # the Engine's list is behind its events for a moment
    wait_until(lambda: len(api.containers()) == count, 5, "the old containers to be gone from the list")
    assert watch.counts and min(watch.counts) >= count * minimum // 100 and max(watch.counts) <= count * maximum // 100
    assert any("deployment completed" in m for m in api.messages())
    assert api.messages()[0].endswith("has reached a steady state.")


BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def ill(lab):
    return lab.container(healthCheck={"command": ["CMD-SHELL", "exit 1"], "interval": 5, "timeout": 2, "retries": 1})


@pytest.mark.parametrize("bad", [
    lambda lab: lab.container(image="localhost:1/none:gone"),
    lambda lab: lab.container(command=["sh", "-c", "exit 1"]),
    ill,
], ids=["no image", "crash", "failing health check"])
def test_the_circuit_breaker_rolls_back(lab, service, bad):
    good = lab.define()
    api = service(good, 1, deploymentConfiguration=BREAKER)
    api.wait_stable()
    task = api.tasks()[0]["taskArn"]
    api.update(taskDefinition=lab.define(bad(lab)))
    wait_until(lambda: api.deployment()["taskDefinition"] == good, 90, "the rollback")
    api.wait_stable(60)
    assert api.describe()["taskDefinition"] == good
    assert [t["taskArn"] for t in api.tasks()] == [task]  # what worked was left alone
    text = "\n".join(api.messages())
    assert "deployment failed: tasks failed to start." in text and "rolling back to deployment ecs-svc/" in text


def test_the_circuit_breaker_without_rollback(lab, service):
    api = service(lab.define(lab.container(command=["sh", "-c", "exit 1"])), 2, deploymentConfiguration={
        "deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    failed = wait_until(lambda: (d := api.deployment())["rolloutState"] == "FAILED" and d, 60, "FAILED")
    assert failed["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert failed["failedTasks"] >= 3
    wait_until(lambda: not api.containers(), 10, "nothing to be left")


def test_an_unhealthy_task_is_replaced(lab, service):
    check = {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 5, "timeout": 2, "retries": 1}
    api = service(lab.define(lab.container(healthCheck=check)), 1)
    api.wait_stable(40)
    task, container = api.tasks()[0], api.containers()[0]
    subprocess.run(["docker", "exec", container["Id"], "/bin/sh", "-c", ": > /tmp/ill"], check=True)
    ended = lab.wait(task, seconds=40)
    assert (ended["stopCode"], ended["stoppedReason"]) == (
        "ServiceSchedulerInitiated", "Task failed container health checks")
    api.wait_stable(40)
    assert any("failed container health checks." in m for m in api.messages())


def test_a_daemon_that_is_killed_goes_on_with_the_roll_out(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    api = Service(lab, lab.define(), 4, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    api.wait_stable()
    new = lab.define()
    lab.daemon.call("UpdateService", {"cluster": lab.cluster, "service": "api", "taskDefinition": new})
    daemon.kill()
    daemon.start(daemon.port)
    api.wait_stable(60)
    assert collections.Counter(t["taskDefinitionArn"] for t in api.tasks()) == {new: 4}
    wait_until(lambda: len(api.containers()) == 4, 5, "the old containers to be gone from the Engine's list")
    api.delete()
    lab.close()


def test_a_sidecar_without_a_check_does_not_hold_a_service_back(lab, service):
    check = {"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 2, "retries": 1}
    api = service(lab.define(lab.container(healthCheck=check), lab.container(name="sidecar")), 1)
    api.wait_stable(40)
