# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures.

    daemon, ecs                metadata mode (ECS_DOCKER_BACKEND=0), one for the whole run: API tests. Use name().
    engine_daemon, engine_ecs  real containers, one for the whole run
    start_daemon(**settings)   a daemon of the test's own: start_daemon(ECS_SETTLE_SECONDS="0")
    image                      name of a throw-away busybox image (with PATH, httpd, /www/index.html)
    lab                        a cluster of the test's own on engine_daemon: lab.run(lab.container(...)); harness/lab.py
    make_lab(daemon)           the same on another daemon
    engine                     the Docker Engine itself, independent of the product
    name("web")                a name that no other test uses
    wait_task(ecs, cluster, arn, "STOPPED")  the task once it is in that state

Every daemon is held to its end: exit code 0, no sanitizer report, no container, network, volume, process or
directory left. See harness/.
"""

import os
import uuid

import pytest

from harness.daemon import Daemon, adopt_orphans
from harness.engine import Engine, busybox_layer
from harness.lab import Lab
from harness.wait import wait_until

IN_CI = bool(os.environ.get("CI"))


def _finish(daemons):
    complaints = [c for d in reversed(daemons) for c in d.finish()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="session", autouse=True)
def _subreaper():
    adopt_orphans()


@pytest.fixture(scope="session")
def engine():
    engine = Engine()
    if not engine.answers():
        pytest.fail("no Docker Engine answers on " + engine.path) if IN_CI else pytest.skip("no Docker Engine")
    return engine


@pytest.fixture(scope="session")
def image(engine):
    tag = uuid.uuid4().hex[:12]
    # it serves /www where no command is given, and ends on SIGTERM, as nginx would
    changes = ["ENV PATH=/bin", """CMD ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait"]"""]
    engine.import_image("localemu-test/busybox", tag, busybox_layer(), changes)
    yield f"localemu-test/busybox:{tag}"
    engine.remove_image(f"localemu-test/busybox:{tag}")


def _started(daemon):
    try:
        yield daemon.start()
    finally:
        _finish([daemon])


@pytest.fixture(scope="session")
def daemon():
    yield from _started(Daemon({"ECS_DOCKER_BACKEND": "0"}))


@pytest.fixture(scope="session")
def ecs(daemon):
    return daemon.client()


@pytest.fixture(scope="session")
def engine_daemon(engine, image):
    yield from _started(Daemon())


@pytest.fixture(scope="session")
def engine_ecs(engine_daemon):
    return engine_daemon.client()


@pytest.fixture
def lab(engine_daemon, engine_ecs, image):
    lab = Lab(engine_daemon, image, engine_ecs)
    yield lab
    lab.close()


@pytest.fixture
def make_lab(engine, image):
    """make_lab(daemon) → a Lab whose daemon is thrown away after the test, with everything in it."""
    return lambda daemon: Lab(daemon, image)


@pytest.fixture
def start_daemon():
    """start_daemon(arguments=(), listeners=(), **environment) → a running Daemon, ended and checked after the test."""
    started = []

    def start(arguments=(), owner=None, listeners=(), **settings):
        daemon = Daemon({k: str(v) for k, v in settings.items()}, arguments, owner=owner, listeners=listeners)
        started.append(daemon)
        return daemon.start()

    yield start
    _finish(started)


@pytest.fixture
def name():
    return lambda prefix="t": f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def wait_task():
    """wait_task(ecs, cluster, arn, status="STOPPED", seconds=10, **more) → the task as DescribeTasks shows it."""

    def wait(ecs, cluster, arn, status="STOPPED", seconds=10):
        def look():
            task = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
            last.update(task)
            return task if task["lastStatus"] == status else None

        last = {}
        try:
            return wait_until(look, seconds, f"{arn} to be {status}")
        except AssertionError as e:
            raise AssertionError(f"{e}; the task: {last}") from None

    return wait


# -- the count that `make check` sums up: $LOCALEMU_TEST_COUNTS gets one line "passed failed"

_counts = {"passed": 0, "failed": 0}


def pytest_runtest_logreport(report):
    if report.failed:
        _counts["failed"] += 1  # also a teardown that found something left behind
    elif report.skipped:
        _counts["failed"] += 1 if IN_CI else 0
    elif report.when == "call":
        _counts["passed"] += 1


def pytest_collectreport(report):
    if report.failed:
        _counts["failed"] += 1


def pytest_sessionfinish(session, exitstatus):
    path = os.environ.get("LOCALEMU_TEST_COUNTS")
    if path:
        with open(path, "a", encoding="ascii") as counts:
            counts.write(f"{_counts['passed']} {_counts['failed']}\n")
    if exitstatus == 0 and _counts["failed"]:
        session.exitstatus = 1
