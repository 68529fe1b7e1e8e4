#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: what design.md section 9 asks for, measured in one run, side by side with docker on the same Engine, the rounds
interleaved. Prints one table; medians, with the 10th and 90th percentile as spread."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from awslogs import bench_awslogs
from harness.daemon import BUILD, Daemon, adopt_orphans
from harness.engine import Engine, busybox_layer
from harness.wait import Deadline, wait_until
from large import bench_large
from logs import bench_logs
from services import bench_services

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
TEN_ROUNDS = 4
LOAD_S = 3
COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]


class Api:
    """One keep-alive connection: what an SDK has, without its own cost."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self, operation, **body):
        self.connection.request("POST", "/", json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonEC2ContainerServiceV20141113." + operation,
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, "
                             "SignedHeaders=host, Signature=00"})
        reply = self.connection.getresponse()
        value = json.loads(reply.read())
        assert reply.status == 200, value
        return value


class Timer:
    def __enter__(self):
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.ms = (time.perf_counter() - self.began) * 1000


def spread(values):
    values = sorted(values)
    return (statistics.median(values), values[len(values) // 10], values[-1 - len(values) // 10])


class Table:
    def __init__(self):
        self.missed = 0

    def head(self):
        print(f"{'':44} {'median':>10} {'p10':>9} {'p90':>9} {'':6} {'wanted':>14}", flush=True)

    def row(self, what, values, unit, wanted="", good=None):
        median, low, high = spread(values) if isinstance(values, list) else (values, None, None)
        bounds = f"{low:9.1f} {high:9.1f}" if low is not None else " " * 19
        mark = "" if good is None else "  yes" if good(median) else "  MISSED"
        self.missed += mark == "  MISSED"
        print(f"{what:44} {median:10.1f} {bounds} {unit:6} {wanted:>14}{mark}", flush=True)
        return median

    def ratio(self, what, ours, theirs, limit):
        value = statistics.median(ours) / statistics.median(theirs)
        good = "yes" if value <= limit else "MISSED"
        self.missed += good == "MISSED"
        print(f"{what:44} {value:10.2f} {'':19} {'':6} {'at most ' + str(limit):>14}  {good}", flush=True)


def define(api, image):
    return api("RegisterTaskDefinition", family="bench", networkMode="bridge", containerDefinitions=[{
        "name": "main", "image": image, "memory": 64, "command": COMMAND,
        "environment": [{"name": "GREETING", "value": "Hello"}],
        "portMappings": [{"containerPort": 80}]}])["taskDefinition"]["taskDefinitionArn"]


def docker_run(image, label):
    return ["docker", "run", "-d", "--label", label, "--memory", "64m", "-e", "GREETING=Hello",
            "-p", "127.0.0.1::80", image, *COMMAND]


def engine_run(engine, image, label):
    """What `docker run -d` does, without starting a program: the two calls on a fresh connection each."""
    key, value = label.split("=")
    container = engine.request("POST", "/containers/create", {
        "Image": image, "Cmd": COMMAND, "Env": ["GREETING=Hello"], "Labels": {key: value},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {"Memory": 64 << 20, "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}}})
    engine.request("POST", f"/containers/{container['Id']}/start")


def remove_all(engine, label):
    for container in engine.containers([label]):
        engine.remove(container["Id"])


def stop_all(api, daemon):
    for arn in api("ListTasks", cluster="bench")["taskArns"]:
        api("StopTask", cluster="bench", task=arn)
    wait_until(lambda: not daemon.containers(), 60, "the tasks' containers to go")


def run_tasks(api, count):
    with Timer() as timer:
        tasks = api("RunTask", cluster="bench", taskDefinition="bench", count=count)["tasks"]
        while {t["lastStatus"] for t in tasks} != {"RUNNING"}:
            tasks = api("DescribeTasks", cluster="bench", tasks=[t["taskArn"] for t in tasks])["tasks"]
            assert "STOPPED" not in {t["lastStatus"] for t in tasks}, tasks
    return timer.ms


def bench_start(table, daemon, api, image, label):
    ours, docker, calls = [], [], []
    environment = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin")

    def one_docker():
        with Timer() as timer:
            subprocess.run(docker_run(image, label), env=environment, check=True, stdout=subprocess.DEVNULL)
        docker.append(timer.ms)
        remove_all(daemon.engine, label)

    def one_pair_of_calls():
        with Timer() as timer:
            engine_run(daemon.engine, image, label)
        calls.append(timer.ms)
        remove_all(daemon.engine, label)

    def one_task():
        ours.append(run_tasks(api, 1))
        stop_all(api, daemon)

    ways = [one_docker, one_task, one_pair_of_calls]
    for way in ways:  # warm
        way()
    ours.clear(), docker.clear(), calls.clear()
    for i in range(ROUNDS):
        for way in ways[i % 3:] + ways[:i % 3]:
            way()
    table.row("RunTask until RUNNING", ours, "ms")
    table.row("docker run -d", docker, "ms")
    table.row("the Engine's create + start alone", calls, "ms")
    table.ratio("  RunTask / docker run -d", ours, docker, 1.05)


def bench_ten(table, daemon, api, image, label):
    ours, docker = [], []
    environment = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    for _ in range(TEN_ROUNDS):
        ours.append(run_tasks(api, 10))
        stop_all(api, daemon)
        with Timer() as timer:
            running = [subprocess.Popen(docker_run(image, label), env=environment, stdout=subprocess.DEVNULL)
                       for _ in range(10)]
            assert [p.wait() for p in running] == [0] * 10
        docker.append(timer.ms)
        remove_all(daemon.engine, label)
    table.row("RunTask count=10 until all RUNNING", ours, "ms")
    table.row("ten docker run -d at once", docker, "ms")
    table.ratio("  ten tasks / ten docker run -d", ours, docker, 1.05)


def bench_namespace(table, image):
    """The shim says how long each took at debug level."""
    daemon = Daemon(arguments=["--debug"]).start()
    try:
        api = Api(daemon)
        api("CreateCluster", clusterName="bench")
        define(api, image)
        for _ in range(ROUNDS):
            run_tasks(api, 1)
            stop_all(api, daemon)
        took = [int(us) / 1000 for us in re.findall(r"network namespace prepared in (\d+) us", daemon.log_text)]
        assert len(took) >= ROUNDS, daemon.log_text[-2000:]
    finally:
        complaints = daemon.finish()
    assert not complaints, complaints
    table.row("preparation of a network namespace", took, "ms", "under 10", lambda v: v < 10)


def exit_latency(daemon, api, end):
    """Milliseconds from the Engine's die event to the first DescribeTasks that says STOPPED."""
    arn = api("RunTask", cluster="bench", taskDefinition="bench")["tasks"][0]["taskArn"]
    container = daemon.engine.inspect(daemon.task_containers(arn)[0]["Id"])
    idle = threading.Event()
    with daemon.engine.events(type="container", container=container["Id"], event="die") as events:
        end(container)
        deadline = Deadline(10)
        while api("DescribeTasks", cluster="bench", tasks=[arn])["tasks"][0]["lastStatus"] != "STOPPED":
            assert not deadline.over()
            idle.wait(0.001)  # leave the two processes room
        seen = time.time()
        died = events.next(10)["timeNano"] / 1e9
    return (seen - died) * 1000


def catches_sigterm(pid):
    caught = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if "SigCgt" in line)
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def send_sigterm(container):
    """Past the Engine, so that the container ends by itself; the shell has to have come to its trap."""
    pid = container["State"]["Pid"]
    wait_until(lambda: catches_sigterm(pid), 10, "the trap")
    os.kill(pid, signal.SIGTERM)


def bench_exit(table, daemon, api):
    by_itself = [exit_latency(daemon, api, send_sigterm) for _ in range(ROUNDS)]
    killed = [exit_latency(daemon, api, lambda c: os.kill(c["State"]["Pid"], signal.SIGKILL)) for _ in range(ROUNDS)]
    table.row("exit of a container until STOPPED is seen", by_itself, "ms", "under 50", lambda v: v < 50)
    table.row("  after SIGKILL: was it out of memory?", killed, "ms")
    stop_all(api, daemon)


def bench_reads(table, daemon, api):
    arn = api("RunTask", cluster="bench", taskDefinition="bench")["tasks"][0]["taskArn"]
    reads = (("DescribeTasks", {"cluster": "bench", "tasks": [arn]}), ("ListClusters", {}))
    for operation, body in reads:
        for connections in (1, 16):
            out = subprocess.run([BUILD / "bench/load", str(daemon.port), str(connections), str(LOAD_S), operation,
                                  json.dumps(body)], check=True, capture_output=True, text=True).stdout.split()
            per_second, p50_us, p99_us, failed = map(float, out)
            many = connections == 16
            what = f"{operation}, {connections} connection{'s' if many else ''}"
            table.row(what, per_second, "/s", "20000" if many else "", (lambda v: v >= 20000) if many else None)
            table.row("  median", p50_us / 1000, "ms")
            table.row("  p99", p99_us / 1000, "ms", "under 2" if many else "", (lambda v: v < 2) if many else None)
            assert failed == 0, f"{failed} replies were errors"
    stop_all(api, daemon)


def memory_kib(pid, *keys):
    wanted = tuple(key + ":" for key in keys)
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(wanted))


def bench_memory(table, daemon, api):
    table.row("resident memory of the daemon, after all this", memory_kib(daemon.pid, "Rss") / 1024, "MiB")
    api("RunTask", cluster="bench", taskDefinition="bench", count=10)
    private = [memory_kib(p, "Private_Clean", "Private_Dirty") / 1024 for p in daemon.shims()]
    table.row("private memory per shim (10 of them)", private, "MiB", "under 2", lambda v: v < 2)
    stop_all(api, daemon)


def first_answer(port):
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"GET /_localemu/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                return


def bench_start_of_daemon(table):
    times, resident = [], []
    for _ in range(ROUNDS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        daemon = Daemon({"ECS_DOCKER_BACKEND": "0"})
        with Timer() as timer:
            daemon.spawn(port)
            first_answer(port)
        times.append(timer.ms)
        resident.append(memory_kib(daemon.pid, "Rss") / 1024)
        complaints = daemon.finish()
        assert not complaints, complaints
    table.row("start of the daemon until its first answer", times, "ms", "under 50", lambda v: v < 50)
    table.row("resident memory of the daemon at rest", resident, "MiB", "under 12", lambda v: v < 12)


def main():
    adopt_orphans()
    engine = Engine()
    if not engine.answers():
        sys.exit("bench: no Docker Engine answers; packaging/engine start")
    tag = uuid.uuid4().hex[:12]
    image, label = f"localemu-test/busybox:{tag}", f"localemu-bench={tag}"
    engine.import_image("localemu-test/busybox", tag, busybox_layer(), ["ENV PATH=/bin"])
    daemon = Daemon().start()
    table = Table()
    try:
        api = Api(daemon)
        api("CreateCluster", clusterName="bench")
        define(api, image)
        table.head()
        bench_start(table, daemon, api, image, label)
        bench_ten(table, daemon, api, image, label)
        bench_namespace(table, image)
        bench_exit(table, daemon, api)
        bench_reads(table, daemon, api)
        bench_memory(table, daemon, api)
        bench_awslogs(table, image)
        bench_start_of_daemon(table)
        bench_logs(table)
        bench_large(table)
        bench_services(table)
    finally:
        remove_all(engine, label)
        complaints = daemon.finish()
        engine.remove_image(image)
    assert not complaints, "\n".join(complaints)
    print(f"{table.missed} missed" if table.missed else "nothing missed")


if __name__ == "__main__":
    main()
