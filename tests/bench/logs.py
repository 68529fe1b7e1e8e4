#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A part of make bench, and by itself: 100 MB of log lines from four senders while somebody else uses the API. First at a pace
that four busy containers have, then as fast as it goes. MOST: the bytes of a batch."""

import http.client
import json
import multiprocessing
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.daemon import Daemon

TOTAL = 100_000_000
SENDERS = 4
MOST = 200_000
PACE = 20_000_000  # bytes a second
LINE = 100


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, target, body):
        began = time.perf_counter()
        self.connection.request("POST", "/", body if isinstance(body, bytes) else json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target})
        reply = self.connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text
        return (time.perf_counter() - began) * 1000


def send(port, stream, pace, took):
    client = Client(port)
    client("Logs_20140328.CreateLogStream", {"logGroupName": "bench", "logStreamName": stream})
    events = [{"timestamp": int(time.time() * 1000), "message": f"{i:08} ".ljust(LINE, "x")} for i in range(MOST // LINE)]
    body = json.dumps({"logGroupName": "bench", "logStreamName": stream, "logEvents": events}).encode()
    began, times = time.time(), []
    for i in range(TOTAL // SENDERS // MOST):
        if pace:
            time.sleep(max(0.0, began + i * MOST * SENDERS / pace - time.time()))
        times.append(client("Logs_20140328.PutLogEvents", body))
    took.put(times)


def use_api(port, stop, took):
    client, times = Client(port), []
    while not stop.is_set():
        times.append(client("AmazonEC2ContainerServiceV20141113.ListClusters", {}))
        time.sleep(0.001)
    took.put(times)


def undisturbed(port):
    """Times of ListClusters while nothing else happens."""
    calls, stop = multiprocessing.Queue(), multiprocessing.Event()
    user = multiprocessing.Process(target=use_api, args=(port, stop, calls))
    user.start()
    stop.wait(2)
    stop.set()
    times = calls.get()
    user.join()
    return times


def measure(port, pace):
    """(seconds, times of PutLogEvents, times of ListClusters meanwhile)"""
    puts, calls, stop = multiprocessing.Queue(), multiprocessing.Queue(), multiprocessing.Event()
    user = multiprocessing.Process(target=use_api, args=(port, stop, calls))
    senders = [multiprocessing.Process(target=send, args=(port, f"{pace}/{i}", pace, puts)) for i in range(SENDERS)]
    began = time.time()
    for process in (user, *senders):
        process.start()
    times = [t for _ in senders for t in puts.get()]
    seconds = time.time() - began
    stop.set()
    others = calls.get()
    for process in (user, *senders):
        process.join()
    return seconds, times, others


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


def resident_mib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def bench_logs(table):
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0"}).start()
    try:
        Client(daemon.port)("Logs_20140328.CreateLogGroup", {"logGroupName": "bench"})
        table.row("ListClusters, nothing else, p99", p99(undisturbed(daemon.port)), "ms")
        _, _, others = measure(daemon.port, PACE)
        table.row("  while 20 MB/s of logs come, p99", p99(others), "ms", "under 5", lambda v: v < 5)
        seconds, puts, others = measure(daemon.port, 0)
        table.row("PutLogEvents, four at full speed", TOTAL / seconds / 1e6, "MB/s")
        table.row("  a batch of 200 kB, p99", p99(puts), "ms")
        table.row("  ListClusters meanwhile, p99", p99(others), "ms")
        table.row("most memory of the daemon in all this", resident_mib(daemon.pid), "MiB", "under 32", lambda v: v < 32)
    finally:
        complaints = daemon.finish()
    assert not complaints, "\n".join(complaints)


if __name__ == "__main__":
    from bench import Table

    alone = Table()
    alone.head()
    bench_logs(alone)
