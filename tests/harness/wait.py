# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, always with a deadline. The only place of the tests that polls."""

import threading
import time

POLL_S = 0.02


class Deadline:
    """A point in time that everything which waits for one thing shares."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.at - time.monotonic())

    def over(self):
        return self.left() == 0.0


def wait_until(condition, seconds=10.0, what=None, pause=None):
    """Calls condition() until it returns something true, which is returned. `pause(left)` blocks until something
    may have changed (an event stream, a process); without it a short poll. Fails with `what` at the deadline."""
    deadline = Deadline(seconds)
    idle = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if deadline.over():
            raise AssertionError(f"not within {seconds} s: {what or condition}; last value {value!r}")
        if pause:
            pause(deadline.left())
        else:
            idle.wait(min(POLL_S, deadline.left()))
