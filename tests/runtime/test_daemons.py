# SPDX-License-Identifier: Apache-2.0
"""A daemon with a real container: there after CreateDaemon, back after it was killed, another one after UpdateDaemon, none after
DeleteDaemon; a revision that cannot run gives way to the one before."""

import pytest

from harness.daemons import Daemons
from harness.wait import wait_until

SLEEP = "trap 'exit 0' TERM; echo {}; while :; do sleep 1 & wait; done"


@pytest.fixture
def own(engine, start_daemon):
    return start_daemon()


def define(api, image, word, **more):
    return api.register(container={"image": image, "command": ["sh", "-c", SLEEP.format(word)], "stopTimeout": 2}, **more)


def commands(own, word):
    """The ids of running containers whose command says that word."""
    found = own.containers()
    return [c["Id"] for c in found if c["State"] == "running" and f"echo {word}" in c["Command"]]


def test_the_life_of_a_daemon(own, image, engine):
    api = Daemons(own)
    provider = api.provide()
    made = api.start(define(api, image, "one"), provider)
    api.deployed(made["deploymentArn"])
    first, = commands(own, "one")
    task, = api.tasks_of()
    assert task["lastStatus"] == "RUNNING" and task["containers"][0]["runtimeId"] == first

    engine.request("POST", f"/containers/{first}/kill")
    second = wait_until(lambda: [i for i in commands(own, "one") if i != first], 30, "the container to come back")
    assert len(second) == 1

    changed = api.ok("UpdateDaemon", daemonArn=made["daemonArn"], daemonTaskDefinitionArn=define(api, image, "two"),
                     capacityProviderArns=[provider])
    api.deployed(changed["deploymentArn"])
    assert len(commands(own, "two")) == 1 and commands(own, "one") == []
    assert api.look(made["daemonArn"])["currentRevisions"][0]["totalRunningCount"] == 1

    api.ok("DeleteDaemon", daemonArn=made["daemonArn"])
    api.gone(made["daemonArn"])
    assert api.tasks_of() == []
    wait_until(lambda: own.containers() == [], 20, "no container to be left")


def test_a_revision_that_fails_is_rolled_back(own, image):
    api = Daemons(own)
    provider = api.provide()
    made = api.start(define(api, image, "good"), provider)
    good = api.deployed(made["deploymentArn"])["targetDaemonRevision"]["arn"]
    bad = api.register(container={"image": image, "command": ["sh", "-c", "exit 3"]})
    changed = api.ok("UpdateDaemon", daemonArn=made["daemonArn"], daemonTaskDefinitionArn=bad, capacityProviderArns=[provider])
    done = api.deployed(changed["deploymentArn"], "ROLLBACK_SUCCESSFUL")
    assert (done["circuitBreaker"]["status"], done["circuitBreaker"]["threshold"]) == ("TRIGGERED", 3)
    assert done["rollback"]["rollbackTargetDaemonRevisionArn"] == good
    assert done["rollback"]["rollbackCapacityProviders"] == [provider]
    assert [r["arn"] for r in api.look(made["daemonArn"])["currentRevisions"]] == [good]
    assert len(commands(own, "good")) == 1
    api.ok("DeleteDaemon", daemonArn=made["daemonArn"])
    api.gone(made["daemonArn"])
