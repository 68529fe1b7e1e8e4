# SPDX-License-Identifier: Apache-2.0
"""The awslogs part of make bench: 100 MB of lines from four containers at full speed, beside the same containers with the
Engine's json-file driver alone, the rounds in turn. Every line has to arrive once and in order."""

import datetime
import json
import pathlib
import subprocess
import time

from harness.daemon import BUILD, Daemon
from harness.wait import wait_until

ROUNDS = 3
LINES = 250000  # of 101 bytes, from each
WRITERS = ("a", "b", "c", "d")
COMMAND = ("awk 'BEGIN{for (i = 1; i <= %d; i++) printf \"%%07d %%092d\\n\", i, 0}'" % LINES)
LOAD_S = 3


def definition(image, logging):
    keeper = {"name": "keeper", "image": image, "memory": 32,
              "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]}
    return [keeper] + [{"name": name, "image": image, "memory": 32, "essential": False, "command": ["sh", "-c", COMMAND],
                        "logConfiguration": logging} for name in WRITERS]


def seconds(text):
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z").ljust(26, "0") + "+00:00").timestamp()


def private_mib(pid):
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) / 1024


class Run:
    """One task of four writers."""

    def __init__(self, daemon, ecs, family):
        self.daemon = daemon
        self.task = ecs.run_task(cluster="bench", taskDefinition=family)["tasks"][0]
        self.containers = {c["name"]: c["runtimeId"] for c in self.task["containers"]}
        self.shim = daemon.shims()[0]
        self.memory = 0
        self.took = {}

    def look(self):
        self.memory = max(self.memory, private_mib(self.shim))
        for name in WRITERS:
            state = self.daemon.engine.inspect(self.containers[name])["State"]
            if not state["Running"]:
                self.took[name] = (seconds(state["FinishedAt"]) - seconds(state["StartedAt"])) * 1000
        return len(self.took) == len(WRITERS)

    def wait(self):
        wait_until(self.look, 120, "the writers to end")
        return list(self.took.values())

    def end(self, ecs):
        ecs.stop_task(cluster="bench", task=self.task["taskArn"])
        wait_until(lambda: not self.daemon.task_containers(self.task["taskArn"]), 120, "the task to go")

    def stream(self, name):
        return f"bench/{name}/{self.task['taskArn'].split('/')[-1]}"


def last_number(logs, stream):
    events = logs.get_log_events(logGroupName="bench", logStreamName=stream, limit=1)["events"]
    return int(events[0]["message"].split()[0]) if events else 0


def check(logs, stream):
    expected, token = 1, None
    while True:
        more = {"nextToken": token} if token else {}
        reply = logs.get_log_events(logGroupName="bench", logStreamName=stream, startFromHead=True, **more)
        for event in reply["events"]:
            assert int(event["message"].split()[0]) == expected, (stream, expected, event)
            expected += 1
        if reply["nextForwardToken"] == token:
            break
        token = reply["nextForwardToken"]
    assert expected == LINES + 1, (stream, expected)


def p99_ms(daemon, task):
    out = subprocess.run([BUILD / "bench/load", str(daemon.port), "16", str(LOAD_S), "DescribeTasks",
                          json.dumps({"cluster": "bench", "tasks": [task["taskArn"]]})], check=True, capture_output=True,
                         text=True).stdout.split()
    return float(out[2]) / 1000


def measure(table, daemon, image):
    ecs, logs = daemon.client(), daemon.client(service="logs")
    drivers = {
        "json": {"logDriver": "json-file", "options": {"max-size": "128m", "max-file": "4"}},
        "awslogs": {"logDriver": "awslogs", "options": {
            "awslogs-group": "bench", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "bench"}}}
    ecs.create_cluster(clusterName="bench")
    logs.create_log_group(logGroupName="bench")
    for family, logging in drivers.items():
        ecs.register_task_definition(family=family, containerDefinitions=definition(image, logging))
    took, delivered, memory = {"json": [], "awslogs": []}, [], []
    for _ in range(ROUNDS):
        for family in took:
            run = Run(daemon, ecs, family)
            took[family] += run.wait()
            ended = time.monotonic()
            if family == "awslogs":
                for name in WRITERS:
                    wait_until(lambda: run.look() and last_number(logs, run.stream(name)) == LINES, 120, "the last line")
                delivered.append(time.monotonic() - ended)
                memory.append(run.memory)
                for name in WRITERS:
                    check(logs, run.stream(name))
            run.end(ecs)
    run = Run(daemon, ecs, "awslogs")
    with_logs = p99_ms(daemon, run.task)
    run.wait()
    run.end(ecs)
    table.row("25 MB of lines from each of four containers", took["json"], "ms")
    table.row("  with awslogs", took["awslogs"], "ms")
    table.ratio("  awslogs / json-file alone", took["awslogs"], took["json"], 1.1)
    table.row("  until the last line is delivered, after them", delivered, "s")
    table.row("  DescribeTasks, 16 connections, p99 meanwhile", with_logs, "ms", "under 5", lambda v: v < 5)
    table.row("  the same with nothing else to do", p99_ms(daemon, run.task), "ms")
    table.row("  private memory of their shim, at most", memory, "MiB")


def bench_awslogs(table, image):
    daemon = Daemon().start()
    try:
        measure(table, daemon, image)
    finally:
        complaints = daemon.finish()
    assert not complaints, complaints
