# SPDX-License-Identifier: Apache-2.0
"""Many tasks of mixed kinds, started and stopped at random over some time: every one ends STOPPED, with consistent times
and a reason that fits, and nothing of any is left.

    MIXED_TASKS    how many, default 40
    MIXED_SECONDS  over how long they are started, default a quarter of a second each
    MIXED_SEED     the seed of an earlier run, to do it again
"""

import concurrent.futures
import os
import random
import threading
import time

import pytest

from harness.wait import wait_until

TIMES = ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"]
VPC = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-12345678"]}}}
EXITED, FAILED, USER = "EssentialContainerExited", "TaskFailedToStart", "UserInitiated"


def sh(line):
    return ["sh", "-c", line]


def after(name, condition):
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


# kind → (containers, what RunTask and the definition are told besides, stop codes it may end with if nobody stops it);
# no codes: it runs until somebody does
def kinds(c):
    return {
        "sleeps": ([c()], {}, None),
        "sleeps, three of it": ([c("a"), c("b", essential=False), c("d", essential=False)], {}, None),
        "deaf": ([c(command=sh("trap '' TERM; while :; do sleep 1; done"), stopTimeout=1)], {}, None),
        "chain": ([c("a", **after("b", "START")), c("b", **after("d", "START")), c("d")], {}, None),
        "init and app": ([c("app", **after("init", "SUCCESS")), c("init", essential=False, command=sh("sleep 0.3"))], {},
                         None),
        "port": ([c(command=["httpd", "-f", "-p", "80", "-h", "/www"], portMappings=[{"containerPort": 80}])], {}, None),
        "volume": ([c(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}]),
                    c("side", volumesFrom=[{"sourceContainer": "main"}])], {"volumes": [{"name": "v"}]}, None),
        "awsvpc": ([c(), c("side", essential=False)], {"networkMode": "awsvpc", **VPC}, None),
        "pid and ipc": ([c(), c("side")], {"pidMode": "task", "ipcMode": "task"}, None),
        "healthy first": ([c(**after("base", "HEALTHY")), c("base", healthCheck={"command": ["CMD", "true"], "interval": 5})],
                          {}, None),
        "links": ([c(links=["other:o"]), c("other")], {}, None),
        "ends at once": ([c(command=["true"])], {}, {EXITED}),
        "ends soon": ([c(command=sh("sleep 0.7; exit 3")), c("side", essential=False)], {}, {EXITED}),
        "many short ones": ([c(f"c{i}", essential=i == 0, command=["true"]) for i in range(5)], {}, {EXITED}),
        "no such command": ([c(command=["no-such-command"]), c("side")], {}, {FAILED}),
        "no such image": ([c(image="127.0.0.1:1/nothing:1"), c("side")], {}, {FAILED}),
        "init fails": ([c(**after("init", "SUCCESS")), c("init", essential=False, command=["false"])], {}, {FAILED}),
        "out of memory": ([c(memory=16, command=["tail", "/dev/zero"])], {}, {EXITED}),
        "times out": ([c(**after("init", "COMPLETE")), c("init", essential=False, startTimeout=2)], {}, {FAILED}),
    }


class Load:
    """What happens to each of `n` tasks, and what became of them."""

    def __init__(self, lab, n, seconds, seed):
        self.lab = lab
        self.seed = seed
        draw = random.Random(seed)
        self.definitions, self.more, self.codes = {}, {}, {}
        self.ecs = lab.daemon.client(max_pool_connections=16)
        for kind, (containers, more, codes) in kinds(lab.container).items():
            more = dict(more)
            self.more[kind] = {k: more.pop(k) for k in ("networkConfiguration",) if k in more}
            self.definitions[kind] = lab.define(*containers, **more)
            self.codes[kind] = codes
        names = list(self.definitions)
        self.kind = [names[i] if i < len(names) else draw.choice(names) for i in range(n)]
        draw.shuffle(self.kind)
        self.arn = [None] * n
        self.stop_asked = set()
        self.began = time.monotonic()
        self.actions = []
        for i in range(n):
            start = draw.uniform(0, seconds)
            self.actions.append((start, self.start, i))
            # half of those that end by themselves are stopped on their way
            if self.codes[self.kind[i]] is None or draw.random() < 0.5:
                self.actions.append((start + draw.choice([0, 0.05, 0.2, draw.uniform(0, 3), draw.uniform(0, 8)]),
                                     self.stop, i))

    def start(self, i):
        reply = self.ecs.run_task(cluster=self.lab.cluster, taskDefinition=self.definitions[self.kind[i]],
                                  **self.more[self.kind[i]])
        assert reply["failures"] == []
        self.arn[i] = reply["tasks"][0]["taskArn"]

    def stop(self, i):
        wait_until(lambda: self.arn[i], 30, f"task {i} to be started")
        self.stop_asked.add(self.arn[i])
        task = self.ecs.stop_task(cluster=self.lab.cluster, task=self.arn[i], reason="at random")["task"]
        assert task["desiredStatus"] == "STOPPED"

    def run(self):
        idle = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = []
            # by time only; a stop at the same moment as its start comes after it in the list
            for at, act, i in sorted(self.actions, key=lambda action: action[0]):
                idle.wait(max(0, self.began + at - time.monotonic()))
                jobs.append(pool.submit(act, i))
            for job in jobs:
                job.result(60)

    def tasks(self):
        found = []
        for first in range(0, len(self.arn), 100):
            reply = self.ecs.describe_tasks(cluster=self.lab.cluster, tasks=self.arn[first:first + 100])
            assert reply["failures"] == []
            found += reply["tasks"]
        return {task["taskArn"]: task for task in found}


def complaints_about(task, codes, stop_asked):
    """Sentences about what does not fit together in one stopped task."""
    times = [(name, task[name]) for name in TIMES if name in task]
    if times != sorted(times, key=lambda pair: pair[1]):
        yield "times out of order: " + ", ".join(f"{name} {at.time()}" for name, at in times)
    if not {"createdAt", "stoppingAt", "stoppedAt"} <= {name for name, _ in times}:
        yield f"times missing: {[name for name, _ in times]}"
    if task["desiredStatus"] != "STOPPED" or {c["lastStatus"] for c in task["containers"]} != {"STOPPED"}:
        yield "not everything is stopped"
    allowed = (codes or set()) | ({USER} if stop_asked else set())
    if task["stopCode"] not in allowed:
        yield f"stop code {task['stopCode']}, not {allowed}"
    if task["stopCode"] == USER and task["stoppedReason"] != "at random":
        yield f"reason {task['stoppedReason']}"
    if task["healthStatus"] != "UNKNOWN":
        yield f"health {task['healthStatus']}"
    for container in task["containers"]:
        if "startedAt" in task and "exitCode" not in container and "reason" not in container:
            yield f"container {container['name']} has neither exit code nor reason"
        if "exitCode" in container and not container.get("runtimeId") and container["exitCode"] != 143:
            yield f"container {container['name']} has exit code {container['exitCode']} and never was"


@pytest.mark.timeout(600)
def test_mixed_load(start_daemon, make_lab):
    n = int(os.environ.get("MIXED_TASKS", "40"))
    seconds = float(os.environ.get("MIXED_SECONDS", n / 4))
    seed = int(os.environ.get("MIXED_SEED", random.SystemRandom().randrange(10**6)))
    print(f"MIXED_SEED={seed} MIXED_TASKS={n} MIXED_SECONDS={seconds}")
    daemon = start_daemon(ECS_SETTLE_SECONDS="0")
    lab = make_lab(daemon)
    load = Load(lab, n, seconds, seed)
    load.run()
    limit = 60 + n
    tasks = wait_until(lambda: (t := load.tasks()) and {x["lastStatus"] for x in t.values()} == {"STOPPED"} and t, limit,
                       "every task to be STOPPED",
                       lambda left: threading.Event().wait(min(0.3, left)))

    complaints = [f"{load.kind[i]}: {what}; {tasks[arn]}" for i, arn in enumerate(load.arn)
                  for what in complaints_about(tasks[arn], load.codes[load.kind[i]], arn in load.stop_asked)]
    assert not complaints, f"MIXED_SEED={seed}\n" + "\n".join(complaints)

    wait_until(lambda: not daemon.shims(), 20, "the shims to leave")
    # the default VPC's network stays as long as the VPC; the interfaces of its tasks do not
    wait_until(lambda: not [what for what in daemon.leftovers() if not what.startswith("network localemu-vpc-")], 5,
               "nothing to be left")
    assert daemon.client(service="ec2").describe_network_interfaces()["NetworkInterfaces"] == []
    cluster = lab.ecs.describe_clusters(clusters=[lab.cluster])["clusters"][0]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (0, 0)
    assert lab.ecs.list_tasks(cluster=lab.cluster)["taskArns"] == []
