# SPDX-License-Identifier: Apache-2.0
"""For tests that look at one started task from many sides, and for those that take long.

    module_lab     a lab that all tests of a file share: what they start is ended after the last of them
    quick_lab      the same on a daemon that answers RunTask at once, for tasks that take their time
    probe          an image that holds one program, which asks 169.254.170.2 as the first thing it does: harness/probe.py
    started(task)  the Engine's view of a task, asked once per container, and commands inside its containers
"""

import uuid

import pytest

from harness import probe as probe_image
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


@pytest.fixture(scope="session")
def probe(engine):
    tag = uuid.uuid4().hex[:12]
    engine.import_image("localemu-test/probe", tag, probe_image.layer(), ['ENTRYPOINT ["/probe"]'])
    yield f"localemu-test/probe:{tag}"
    engine.remove_image(f"localemu-test/probe:{tag}")
