# SPDX-License-Identifier: Apache-2.0
"""The service scheduler without containers: many services are made, rolled out anew and deleted; afterwards the daemon must have
nothing to do."""

import os
import pathlib
import time

from harness.daemon import Daemon
from harness.wait import wait_until
from large import _Asker

SERVICES = int(os.environ.get("BENCH_SERVICES", "1000"))
TASKS = 10  # of each
IDLE_S = 3


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _count(api):
    cluster = api("DescribeClusters", clusters=["default"])["clusters"][0]
    return cluster["runningTasksCount"], cluster["pendingTasksCount"]


def _deployments_are_done(api):
    names = [f"s{i}" for i in range(SERVICES)]
    for i in range(0, SERVICES, 10):
        for service in api("DescribeServices", services=names[i:i + 10])["services"]:
            if len(service["deployments"]) != 1 or service["deployments"][0]["rolloutState"] != "COMPLETED":
                return False
    return True


def bench_services(table):
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "ECS_SETTLE_SECONDS": "0"}).start()
    try:
        api = _Asker(daemon)
        api("CreateCluster", clusterName="default")
        api("RegisterTaskDefinition", family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 16}])
        wanted = (SERVICES * TASKS, 0)
        what = f"{SERVICES} services of {TASKS} tasks"

        start = time.monotonic()
        for i in range(SERVICES):
            api("CreateService", serviceName=f"s{i}", taskDefinition="web", desiredCount=TASKS)
        wait_until(lambda: _count(api) == wanted, 600, what)
        table.row(what + " made", time.monotonic() - start, "s")
        wait_until(lambda: _deployments_are_done(api), 600, "all to be steady")

        start = time.monotonic()
        for i in range(SERVICES):
            api("UpdateService", service=f"s{i}", forceNewDeployment=True)
        wait_until(lambda: _deployments_are_done(api) and _count(api) == wanted, 600, "the roll-outs")
        table.row("  rolled out anew", time.monotonic() - start, "s")

        before = cpu_s(daemon.pid)
        time.sleep(IDLE_S)
        table.row("  cpu of the daemon at rest", 100 * (cpu_s(daemon.pid) - before) / IDLE_S, "%", "under 1",
                  lambda v: v < 1)

        start = time.monotonic()
        for i in range(SERVICES):
            api("DeleteService", service=f"s{i}", force=True)
        wait_until(lambda: _count(api) == (0, 0), 600, "nothing to be left")
        table.row("  deleted", time.monotonic() - start, "s")
    finally:
        complaints = daemon.finish()
    assert not complaints, "\n".join(complaints)
