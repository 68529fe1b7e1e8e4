# SPDX-License-Identifier: Apache-2.0
"""healthStatus of containers and tasks. The Engine's first probe comes after one interval, of which ECS wants at least five
seconds: so every task here is started before the first test, and the tests look at them one after the other."""

import pytest

from harness.inside import run_inside
from harness.wait import wait_until

SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"
PROBED_S = 20  # until the Engine has probed a container, on a slow machine


def check(*command, **more):
    return {"healthCheck": {"command": list(command), "interval": 5, "timeout": 2, "retries": 1, **more}}


GOOD, BAD = check("CMD-SHELL", "exit 0"), check("CMD", "false")
READY = check("CMD-SHELL", "test -f /ready")


@pytest.fixture(scope="module")
def probing_image(engine, image):
    """An image with a HEALTHCHECK of its own."""
    made = image + "-probing"
    base = engine.request("POST", "/containers/create", {"Image": image})
    repo, tag = made.rsplit(":", 1)
    engine.request("POST", "/commit", {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000}},
                   query={"container": base["Id"], "repo": repo, "tag": tag})
    engine.remove(base["Id"])
    yield made
    engine.remove_image(made)


@pytest.fixture(scope="module", autouse=True)
def tasks(probing_image, quick_lab):
    lab = quick_lab

    def c(name="main", **more):
        return lab.container(name, command=["sh", "-c", "touch /ready; " + SLEEP], **more)

    return {
        "good": lab.run(c(**GOOD)),
        "bad": lab.run(c(**BAD)),
        "turns": lab.run(c(**READY)),
        "recovers": lab.run(lab.container(**READY)),
        "slow probe": lab.run(c(**check("CMD-SHELL", "sleep 60"))),
        "retries": lab.run(c(**check("CMD", "false", retries=2))),
        "start period": lab.run(c(**check("CMD", "false", startPeriod=300))),
        "no check": lab.run(c()),
        "none": lab.run(c(healthCheck={"command": ["NONE"]})),
        "of the image": lab.run(c(image=probing_image)),
        "good and bad": lab.run(c("main", **GOOD), c("side", **BAD)),
        "good and unchecked": lab.run(c("main", **GOOD), c("side")),
        "good and bad that is not essential": lab.run(c("main", **GOOD), c("side", essential=False, **BAD)),
        "unchecked and good that is not essential": lab.run(c("main"), c("side", essential=False, **GOOD)),
        "stopped": lab.run(c(**BAD)),
    }


def probed(lab, task, name="main", times=1):
    """Waits until the Engine has probed this container so often; its own word for the result."""
    health = wait_until(lambda: (h := lab.inspect(task, name)["State"]["Health"]) and len(h["Log"]) >= times and h,
                        times * PROBED_S, f"probe {times} of {name}")
    return health["Status"]


def container_health(lab, task, name="main"):
    return lab.container_of(lab.task(task), name)["healthStatus"]


def becomes(lab, task, health, name="main", seconds=1.0):
    """Shown at once: from the Engine's event, not from a poll."""
    wait_until(lambda: container_health(lab, task, name) == health, seconds, f"{name} to be {health}")


def test_unknown_until_the_first_probe(quick_lab):
    task = quick_lab.run(quick_lab.container(healthCheck={"command": ["CMD", "true"], "interval": 300}))
    task = quick_lab.wait(task, "RUNNING")
    assert quick_lab.inspect(task)["State"]["Health"]["Status"] == "starting"
    assert (task["healthStatus"], container_health(quick_lab, task)) == ("UNKNOWN", "UNKNOWN")


def test_healthy(quick_lab, tasks):
    assert probed(quick_lab, tasks["good"]) == "healthy"
    becomes(quick_lab, tasks["good"], "HEALTHY")
    assert quick_lab.task(tasks["good"])["healthStatus"] == "HEALTHY"


def test_unhealthy(quick_lab, tasks):
    """A task on its own keeps running."""
    assert probed(quick_lab, tasks["bad"]) == "unhealthy"
    becomes(quick_lab, tasks["bad"], "UNHEALTHY")
    task = quick_lab.task(tasks["bad"])
    assert (task["healthStatus"], task["lastStatus"], task["desiredStatus"]) == ("UNHEALTHY", "RUNNING", "RUNNING")


def test_stopped_is_unknown(quick_lab, tasks):
    probed(quick_lab, tasks["stopped"])
    becomes(quick_lab, tasks["stopped"], "UNHEALTHY")
    quick_lab.stop(tasks["stopped"])
    task = quick_lab.wait(tasks["stopped"])
    assert (task["healthStatus"], container_health(quick_lab, task)) == ("UNKNOWN", "UNKNOWN")
    assert task["stopCode"] == "UserInitiated"


def test_probe_that_takes_too_long(quick_lab, tasks):
    assert probed(quick_lab, tasks["slow probe"]) == "unhealthy"
    becomes(quick_lab, tasks["slow probe"], "UNHEALTHY")


TASK_HEALTH = [("good and bad", "UNHEALTHY"), ("good and unchecked", "UNKNOWN"),
               ("good and bad that is not essential", "HEALTHY"),
               ("unchecked and good that is not essential", "UNKNOWN")]


@pytest.mark.parametrize("which, health", TASK_HEALTH, ids=[which for which, _ in TASK_HEALTH])
def test_health_of_a_task_is_that_of_its_essential_containers(quick_lab, tasks, which, health):
    task = tasks[which]
    for name in ("main", "side"):
        if "Health" in quick_lab.inspect(task, name)["State"]:
            word = probed(quick_lab, task, name)
            becomes(quick_lab, task, word.upper(), name)
        else:
            assert container_health(quick_lab, task, name) == "UNKNOWN"
    assert quick_lab.task(task)["healthStatus"] == health


@pytest.mark.parametrize("which", ["no check", "none"])
def test_without_a_check(quick_lab, tasks, which):
    state = quick_lab.inspect(tasks[which])["State"]
    assert state.get("Health", {"Status": "none"})["Status"] == "none"
    assert quick_lab.task(tasks[which])["healthStatus"] == "UNKNOWN"


def test_check_of_the_image_is_not_reported(quick_lab, tasks):
    """ECS: only what the task definition asks for."""
    assert probed(quick_lab, tasks["of the image"]) == "healthy"
    task = quick_lab.task(tasks["of the image"])
    assert (task["healthStatus"], container_health(quick_lab, task)) == ("UNKNOWN", "UNKNOWN")


def test_healthy_and_then_not(quick_lab, tasks):
    task = tasks["turns"]
    probed(quick_lab, task)
    becomes(quick_lab, task, "HEALTHY")
    run_inside(quick_lab.engine, quick_lab.inspect(task)["Id"], "rm /ready")
    becomes(quick_lab, task, "UNHEALTHY", seconds=PROBED_S)
    assert quick_lab.task(task)["healthStatus"] == "UNHEALTHY"


def test_unhealthy_and_then_well_again(quick_lab, tasks):
    task = tasks["recovers"]
    probed(quick_lab, task)
    becomes(quick_lab, task, "UNHEALTHY")
    run_inside(quick_lab.engine, quick_lab.inspect(task)["Id"], "touch /ready")
    becomes(quick_lab, task, "HEALTHY", seconds=PROBED_S)
    assert quick_lab.task(task)["healthStatus"] == "HEALTHY"


def test_failures_in_the_start_period_do_not_count(quick_lab, tasks):
    assert probed(quick_lab, tasks["start period"], times=2) == "starting"
    assert container_health(quick_lab, tasks["start period"]) == "UNKNOWN"


def test_retries(quick_lab, tasks):
    """The second failure in a row decides."""
    wait_until(lambda: container_health(quick_lab, tasks["retries"]) == "UNHEALTHY", 2 * PROBED_S)
    assert [p["ExitCode"] for p in quick_lab.inspect(tasks["retries"])["State"]["Health"]["Log"][:2]] == [1, 1]


def test_health_survives_the_daemon(start_daemon, make_lab):
    """Adopted with the health that it has."""
    daemon = start_daemon()
    lab = make_lab(daemon)
    task = lab.run(lab.container(**GOOD))
    probed(lab, task)
    becomes(lab, task, "HEALTHY")
    daemon.kill()
    daemon.restart()
    assert lab.task(task)["healthStatus"] == "HEALTHY"
    wait_until(daemon.shims, 5, "another shim")
    becomes(lab, task, "HEALTHY")
