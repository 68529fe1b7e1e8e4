# SPDX-License-Identifier: Apache-2.0
"""For tests that look at one started task from many sides, and for those that take long.

    module_lab     a lab that all tests of a file share: what they start is ended after the last of them
    quick_lab      the same on a daemon that answers RunTask at once, for tasks that take their time
    started(task)  the Engine's view of a task, asked once per container, and commands inside its containers
"""

import pytest

from harness.daemon import Daemon
from harness.inside import Started
from harness.lab import Lab


@pytest.fixture(scope="module")
def module_lab(engine_daemon, engine_ecs, image):
    lab = Lab(engine_daemon, image, engine_ecs)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def quick_daemon(engine, image):
    daemon = Daemon({"ECS_SETTLE_SECONDS": "0"})
    try:
        yield daemon.start()
    finally:
        complaints = daemon.finish()
        assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="module")
def quick_lab(quick_daemon, image):
    lab = Lab(quick_daemon, image)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def started():
    return Started
