# SPDX-License-Identifier: Apache-2.0
"""List and Describe over a store of 100 000 tasks, 10 000 task definitions and 1 000 services, against one that has a page of
each. The rows are copies of what the API made, written into the store while no daemon runs."""

import http.client
import json
import sqlite3
import statistics
import time

from harness.daemon import Daemon

PAGE = {"task": 100, "task_definition": 100, "service": 10}
LARGE = {"task": 100_000, "task_definition": 10_000, "service": 1_000}
ROUNDS = 200
BELONGS = ("deployment", "service_revision", "service_deployment")


def _columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5] != 1 or row[2] != "INTEGER"]


def _copy(db, table, changed, times):
    """Copies the one row of a table; `changed` gives for some columns the SQL of the copy's value, n is its number."""
    columns = _columns(db, table)
    values = ", ".join(changed.get(c, c) for c in columns)
    db.execute(f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {times})"
               f" INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM (SELECT * FROM {table} LIMIT 1), number")


def _fill(path, counts):
    db = sqlite3.connect(path)
    db.create_function("task_id", 1, lambda n: f"{n:032x}")
    (task,) = db.execute("SELECT id FROM task").fetchone()
    _copy(db, "task", {"id": "task_id(number.n)", "doc": f"replace(doc, '{task}', task_id(number.n))"}, counts["task"])
    _copy(db, "task_definition", {"family": "'copy-' || number.n", "doc": "replace(doc, 'one', 'copy-' || number.n)"},
          counts["task_definition"])
    name = "'copy-' || number.n"
    _copy(db, "service", {"name": name, "doc": "replace(doc, 'only', " + name + ")"}, counts["service"])
    for table in BELONGS:
        _copy(db, table, {"service": name, "doc": "replace(doc, 'only', " + name + ")"}, counts["service"])
    db.commit()
    db.close()


class _Asker:
    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)

    def __call__(self, operation, **body):
        self.connection.request("POST", "/", json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113." + operation,
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, "
                             "SignedHeaders=host, Signature=00"})
        reply = self.connection.getresponse()
        value = json.loads(reply.read())
        assert reply.status == 200, value
        return value


def _store(counts):
    """A running daemon over a store with so many rows."""
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0"}).start()
    ask = _Asker(daemon)
    ask("CreateCluster", clusterName="c")
    ask("RegisterTaskDefinition", family="one", containerDefinitions=[{"name": "c", "image": "i", "memory": 16}])
    (task,) = ask("RunTask", cluster="c", taskDefinition="one")["tasks"]
    ask("StopTask", cluster="c", task=task["taskArn"])
    ask("CreateService", cluster="c", serviceName="only", taskDefinition="one", desiredCount=0)
    while ask("DescribeTasks", cluster="c", tasks=[task["taskArn"]])["tasks"][0]["lastStatus"] != "STOPPED":
        pass
    daemon.terminate()
    _fill(daemon.state_dir / "ecs.db", counts)
    daemon.restart()
    return daemon, task["taskArn"]


# What is asked, and with which members; a name in braces is put in.
QUESTIONS = (
    ("ListTasks", {"cluster": "c", "desiredStatus": "STOPPED"}),
    ("DescribeTasks", {"cluster": "c", "tasks": ["{task}"]}),
    ("ListTaskDefinitions", {}),
    ("DescribeTaskDefinition", {"taskDefinition": "copy-7:1"}),
    ("ListServices", {"cluster": "c"}),
    ("DescribeServices", {"cluster": "c", "services": ["copy-7"]}),
    ("DescribeClusters", {"clusters": ["c"], "include": ["STATISTICS"]}),
)


def _median_ms(ask, operation, body):
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask(operation, **body)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def bench_large(table):
    small, small_task = _store(PAGE)
    large, large_task = _store(LARGE)
    try:
        for operation, body in QUESTIONS:
            medians = [_median_ms(_Asker(daemon), operation, json.loads(json.dumps(body).replace("{task}", task)))
                       for daemon, task in ((small, small_task), (large, large_task))]
            table.ratio(f"  {operation}, 100 000 tasks / 100", [medians[1]], [medians[0]], 2.0)
    finally:
        complaints = small.finish() + large.finish()
    assert not complaints, "\n".join(complaints)
