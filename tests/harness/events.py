# SPDX-License-Identifier: Apache-2.0
"""Readers of GET /_localemu/events: pages of the log, and a server-sent event stream over a raw socket."""

import datetime
import http.client
import json
import socket
import urllib.parse

from harness.wait import Deadline

TYPE = "ECS Task State Change"


def as_text(seconds):
    """A time of the API as EventBridge prints it."""
    ms = round(seconds * 1000)
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def get_page(daemon, **params):
    """One page: (status, decoded body)."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    try:
        connection.request("GET", "/_localemu/events?" + urllib.parse.urlencode(params))
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def all_events(daemon, since=None, **params):
    """Every event after `since`, page by page."""
    events = []
    while True:
        status, page = get_page(daemon, **({"since": since} if since is not None else {}), **params)
        assert status == 200, page
        if not page["events"]:
            return events
        events += page["events"]
        since = page["next"]


class Stream:
    """A client of the stream that sees every byte. Events are (id, data) with data decoded; `ended` says how the
    stream ended: None while it is open, "whole" after the last chunk, "cut" when the connection went first."""

    def __init__(self, daemon, last_event_id=None, headers=(), path=None, **params):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.settimeout(10)
        self.socket.connect(str(path) if path else ("127.0.0.1", daemon.port))
        lines = ["GET /_localemu/events?" + urllib.parse.urlencode(params) + " HTTP/1.1", "Host: localhost",
                 "Accept: text/event-stream", *headers]
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.raw = b""  # not yet taken apart
        self.text = b""  # of the stream, without the chunks' frames
        self.comments = 0
        self.blocks = []  # without data: what came before the first event
        self.last_id = last_event_id
        self.ended = None
        self._read_head()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _receive(self, seconds):
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = self.ended or "cut"
        self.raw += data
        return True

    def _read_head(self):
        deadline = Deadline(10)
        while b"\r\n\r\n" not in self.raw and not self.ended:
            assert not deadline.over(), f"no answer: {self.raw!r}"
            self._receive(deadline.left())
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in rest)}

    def _unchunk(self):
        while b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            n = int(size, 16)
            if len(rest) < n + 2:
                return
            assert rest[n:n + 2] == b"\r\n"
            self.text += rest[:n]
            self.raw = rest[n + 2:]
            if n == 0:
                self.ended = "whole"
                return

    def _next_block(self):
        """(id, data) of the next block with data that has arrived, None where there is none yet."""
        self._unchunk()
        while b"\n\n" in self.text:
            block, self.text = self.text.split(b"\n\n", 1)
            fields = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                if not name:
                    self.comments += 1
                else:
                    assert name not in fields, block
                    fields[name] = value.removeprefix(" ")
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                assert fields["event"] == TYPE
                return fields["id"], json.loads(fields["data"])
            self.blocks.append(fields)
        return None

    def next(self, seconds=10):
        """The next event as (id, data); None when the stream has ended. Fails when none comes in time."""
        deadline = Deadline(seconds)
        while True:
            block = self._next_block()
            if block or self.ended:
                return block
            assert not deadline.over(), f"no event within {seconds} s"
            self._receive(deadline.left())

    def take(self, n, seconds=10):
        """The data of the next n events."""
        deadline = Deadline(seconds)
        taken = []
        while len(taken) < n:
            block = self.next(deadline.left())
            assert block, f"the stream ended ({self.ended}) after {len(taken)} of {n} events"
            taken.append(block[1])
        return taken

    def wait_end(self, seconds=10):
        """Reads until the stream ends; how it ended."""
        deadline = Deadline(seconds)
        while not self.ended:
            assert not deadline.over(), f"the stream is open after {seconds} s"
            self._receive(deadline.left())
            self._unchunk()
        return self.ended
