# SPDX-License-Identifier: Apache-2.0
"""For tests that look at one started task from many sides.

    module_lab     a lab that all tests of a file share: what they start is ended after the last of them
    started(task)  the Engine's view of a task, asked once per container, and commands inside its containers
"""

import pytest

from harness.inside import Started
from harness.lab import Lab


@pytest.fixture(scope="module")
def module_lab(engine_daemon, engine_ecs, image):
    lab = Lab(engine_daemon, image, engine_ecs)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def started():
    return Started
