# SPDX-License-Identifier: Apache-2.0
"""dependsOn, and what links and volumesFrom mean for the order: who is created when, who is stopped when, and what becomes
of containers whose dependency never comes. Order is read from the Engine's own times and events."""

import datetime
import re
import time

import pytest

from harness.wait import wait_until

SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"
# ends half a second after SIGTERM, so that an order shows
SLOW_END = "trap 'sleep 0.5; exit 7' TERM; sleep 3600 & wait"


def sh(line):
    return ["sh", "-c", line]


def on(*dependencies):
    return [{"containerName": name, "condition": condition} for name, condition in dependencies]


def moment(text):
    """The Engine's RFC 3339 with nanoseconds, as seconds."""
    whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", text).groups()
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float(fraction or 0)


def created(lab, task, name):
    return moment(lab.inspect(task, name)["Created"])


def ran_from(lab, task, name):
    return moment(lab.inspect(task, name)["State"]["StartedAt"])


def ran_to(lab, task, name):
    return moment(lab.inspect(task, name)["State"]["FinishedAt"])


def states(lab, task):
    return {c["name"]: c["lastStatus"] for c in lab.task(task)["containers"]}


def first_probe(lab, task):
    """When the first health check of `base` ended."""
    text = lab.inspect(task, "base")["State"]["Health"]["Log"][0]["End"]
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()


@pytest.fixture(scope="module", autouse=True)
def early(quick_lab):
    """Tasks that take their time, started before the first test: the Engine's first probe comes after an interval."""
    lab, tasks = quick_lab, {}

    def base(line, **more):
        return lab.container("base", command=sh(line), healthCheck={
            "command": ["CMD-SHELL", "test -f /ready"], "interval": 5, "timeout": 2, "retries": 1}, **more)

    waits = lab.container("main", dependsOn=on(("base", "HEALTHY")))
    tasks["unhealthy"] = lab.run(waits, base("sleep 7; touch /ready; " + SLEEP))
    tasks["healthy"] = lab.run(waits, base("touch /ready; " + SLEEP))
    for condition in ("SUCCESS", "COMPLETE", "HEALTHY"):
        tasks[condition] = lab.run(
            lab.container("main", dependsOn=on(("init", condition))),
            lab.container("init", essential=condition == "HEALTHY", startTimeout=2,
                          healthCheck={"command": ["CMD", "false"], "interval": 300}))
    tasks["runs"] = lab.run(lab.container("main", startTimeout=2, dependsOn=on(("other", "START"))),
                            lab.container("other", startTimeout=2))
    return tasks


# -- satisfied

def test_start(lab):
    task = lab.run(lab.container("main", dependsOn=on(("first", "START"))), lab.container("first"))
    assert task["lastStatus"] == "RUNNING"
    assert ran_from(lab, task, "first") <= created(lab, task, "main")


def test_start_holds_for_one_that_has_ended_already(lab):
    task = lab.run(lab.container("main", dependsOn=on(("slow", "COMPLETE"), ("short", "START"))),
                   lab.container("short", essential=False, command=sh("exit 3")),
                   lab.container("slow", essential=False, command=sh("sleep 0.5")))
    assert lab.wait(task, "RUNNING")
    assert states(lab, task) == {"main": "RUNNING", "short": "STOPPED", "slow": "STOPPED"}


def test_complete_takes_any_exit_code(lab):
    task = lab.run(lab.container("main", dependsOn=on(("init", "COMPLETE"))),
                   lab.container("init", essential=False, command=sh("sleep 0.5; exit 9")))
    assert task["lastStatus"] == "RUNNING"
    assert lab.container_of(task, "init")["exitCode"] == 9
    assert ran_to(lab, task, "init") <= created(lab, task, "main")


def test_success(lab):
    task = lab.run(lab.container("main", dependsOn=on(("init", "SUCCESS"))),
                   lab.container("init", essential=False, command=sh("sleep 0.3; exit 0")))
    assert task["lastStatus"] == "RUNNING"
    assert lab.container_of(task, "init")["exitCode"] == 0
    assert ran_to(lab, task, "init") <= created(lab, task, "main")


def test_healthy(quick_lab, early):
    task = quick_lab.wait(early["healthy"], "RUNNING", 20)
    assert quick_lab.container_of(task, "base")["healthStatus"] == "HEALTHY"
    assert first_probe(quick_lab, task) <= created(quick_lab, task, "main")


def test_links_are_dependencies(lab):
    task = lab.run(lab.container("main", links=["other"]), lab.container("other"))
    assert ran_from(lab, task, "other") <= created(lab, task, "main")


def test_volumes_from_is_a_dependency_on_being_created(lab):
    task = lab.run(lab.container("main", volumesFrom=[{"sourceContainer": "other"}]), lab.container("other"))
    assert created(lab, task, "other") <= created(lab, task, "main")


def test_a_chain(lab):
    """A task with containers that end before others begin is PENDING until the last one runs."""
    task = lab.run(lab.container("d", dependsOn=on(("c", "START"))),
                   lab.container("c", dependsOn=on(("b", "SUCCESS"))),
                   lab.container("b", essential=False, dependsOn=on(("a", "COMPLETE")), command=sh("sleep 0.2")),
                   lab.container("a", essential=False, command=sh("sleep 0.2; exit 1")))
    task = lab.wait(task, "RUNNING")
    assert states(lab, task) == {"a": "STOPPED", "b": "STOPPED", "c": "RUNNING", "d": "RUNNING"}
    assert ran_to(lab, task, "a") <= ran_from(lab, task, "b")
    assert ran_to(lab, task, "b") <= ran_from(lab, task, "c") <= created(lab, task, "d")
    assert task["startedAt"].timestamp() >= int(ran_from(lab, task, "d") * 1000) / 1000


def test_independent_ones_start_side_by_side(lab):
    """Three containers that wait for one that takes a second do not wait for each other."""
    task = lab.run(*[lab.container(f"c{i}", dependsOn=on(("init", "SUCCESS"))) for i in range(3)],
                   lab.container("init", essential=False, command=sh("sleep 0.5")),
                   lab.container("free"))
    task = lab.wait(task, "RUNNING")
    assert ran_from(lab, task, "free") < ran_to(lab, task, "init")
    begins = [created(lab, task, f"c{i}") for i in range(3)]
    ends = [ran_from(lab, task, f"c{i}") for i in range(3)]
    assert max(begins) < min(ends)


# -- never satisfied

def test_success_that_fails(lab):
    task = lab.run_to_end(lab.container("main", dependsOn=on(("init", "SUCCESS"))),
                          lab.container("init", essential=False, command=sh("exit 2")))
    main = lab.container_of(task, "main")
    assert main["reason"] == (
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [init] "
        "for target [main] as dependency did not exit successfully.")
    assert main["exitCode"] == 143
    assert lab.container_of(task, "init")["exitCode"] == 2
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    assert "runtimeId" not in main


def test_success_that_fails_for_one_that_is_not_essential(lab):
    """The task goes on without it."""
    task = lab.run(lab.container("main"),
                   lab.container("side", essential=False, dependsOn=on(("init", "SUCCESS"))),
                   lab.container("init", essential=False, command=sh("exit 2")))
    task = lab.wait(task, "RUNNING")
    side = wait_until(lambda: (c := lab.container_of(lab.task(task), "side"))["lastStatus"] == "STOPPED" and c)
    assert side["reason"].endswith("as dependency did not exit successfully.")
    assert states(lab, task)["main"] == "RUNNING"


def test_dependency_that_never_starts(lab):
    task = lab.run_to_end(lab.container("main", dependsOn=on(("init", "SUCCESS"))),
                          lab.container("init", essential=False, command=["no-such-command"]))
    main, init = lab.container_of(task, "main"), lab.container_of(task, "init")
    assert init["reason"].startswith("CannotStartContainerError: ") and "exitCode" not in init
    assert main["reason"] == (
        "CannotStartContainerError: dependency graph: failed to resolve the container ordering dependency [init] "
        "for target [main] because dependency will never start")
    assert main["exitCode"] == 143
    assert task["stopCode"] == "TaskFailedToStart"


TIMED_OUT = "CannotStartContainerError: dependency graph: container ordering dependency [{}] for target [main] has timed out."


@pytest.mark.parametrize("condition", ["SUCCESS", "COMPLETE", "HEALTHY"])
def test_start_timeout(quick_lab, early, condition):
    """It is the dependency's, and counts from its start."""
    task = quick_lab.wait(early[condition])
    main = quick_lab.container_of(task, "main")
    assert (main["reason"], main["exitCode"]) == (TIMED_OUT.format("init"), 143)
    assert task["stopCode"] == "TaskFailedToStart"
    lasted = task["stoppingAt"] - task["pullStoppedAt"]
    assert datetime.timedelta(seconds=2) <= lasted < datetime.timedelta(seconds=6)


def test_start_timeout_means_nothing_to_a_container_that_runs(quick_lab, early):
    task = quick_lab.wait(early["runs"], "RUNNING")
    began = ran_from(quick_lab, task, "main")
    wait_until(lambda: time.time() > began + 2.5, 5)
    assert states(quick_lab, task) == {"main": "RUNNING", "other": "RUNNING"}


def test_unhealthy_is_not_the_end_of_waiting(quick_lab, early):
    """The first probe of `base` fails, the second does not."""
    task = quick_lab.wait(early["unhealthy"], "RUNNING", 20)
    assert quick_lab.container_of(task, "base")["healthStatus"] == "HEALTHY"
    log = quick_lab.inspect(task, "base")["State"]["Health"]["Log"]
    assert log[0]["ExitCode"] == 1
    assert task["startedAt"].timestamp() - first_probe(quick_lab, task) > 4


# -- the way back

def stop_and_watch(lab, task):
    """The containers' names in the order in which they ended, with the Engine's times."""
    ends = []
    with lab.engine.events(type="container", event="die", label=f"localemu.task-arn={task['taskArn']}") as events:
        lab.stop(task)
        while len(ends) < len(task["containers"]):
            event = events.next(15)
            assert event, f"only {ends} ended"
            ends.append((event["Actor"]["Attributes"]["localemu.container-name"], event["timeNano"] / 1e9))
    return ends, lab.wait(task)


def test_stop_is_the_reverse(lab):
    task = lab.run(lab.container("a", command=sh(SLOW_END)),
                   lab.container("b", command=sh(SLOW_END), dependsOn=on(("a", "START"))),
                   lab.container("c", command=sh(SLOW_END), dependsOn=on(("b", "START"))))
    ends, task = stop_and_watch(lab, task)
    assert [name for name, _ in ends] == ["c", "b", "a"]
    assert ends[1][1] - ends[0][1] >= 0.4 and ends[2][1] - ends[1][1] >= 0.4
    assert {c["exitCode"] for c in task["containers"]} == {7}


def test_independent_ones_stop_side_by_side(lab):
    task = lab.run(*[lab.container(f"c{i}", command=sh("trap 'sleep 1; exit 0' TERM; sleep 3600 & wait"))
                     for i in range(4)])
    ends, _ = stop_and_watch(lab, task)
    assert ends[-1][1] - ends[0][1] < 0.9


@pytest.mark.parametrize("member", ["links", "volumesFrom"])
def test_implied_dependencies_hold_on_the_way_back(lab, member):
    value = ["first"] if member == "links" else [{"sourceContainer": "first"}]
    task = lab.run(lab.container("main", command=sh(SLOW_END), **{member: value}), lab.container("first"))
    ends, _ = stop_and_watch(lab, task)
    assert [name for name, _ in ends] == ["main", "first"]


def test_an_essential_end_keeps_the_order_too(lab):
    task = lab.run(lab.container("base", essential=False), lab.container("app", command=sh("sleep 0.5; exit 4"),
                                                                         dependsOn=on(("base", "START"))),
                   lab.container("tail", essential=False, command=sh(SLOW_END), dependsOn=on(("base", "START"))))
    task = lab.wait(task)
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 4, "tail": 7, "base": 143}


def test_stop_while_a_container_waits_for_another(quick_lab):
    """What waits is never created, and has no exit code."""
    lab = quick_lab
    task = lab.run(lab.container("main", dependsOn=on(("init", "COMPLETE"))), lab.container("init", essential=False))
    wait_until(lambda: states(lab, task) == {"main": "PENDING", "init": "RUNNING"}, 10)
    lab.stop(task, reason="no longer")
    task = lab.wait(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "no longer")
    assert "exitCode" not in lab.container_of(task, "main")
    assert lab.container_of(task, "init")["exitCode"] == 143
