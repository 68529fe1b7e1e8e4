# SPDX-License-Identifier: Apache-2.0
"""The Docker Engine as the tests see it: its API over the unix socket, events included. Independent of the
product, so that what a test asserts about containers comes from the Engine itself."""

import hashlib
import http.client
import io
import json
import os
import select
import socket
import tarfile
import urllib.parse

from harness.wait import Deadline

APPLETS = (
    "sh cat echo env false httpd id kill ls mkdir nc printf ps pwd rm sleep sort test touch true udhcpc "
    "uname wget wc yes dd head tail ip date stat seq tr hostname killall"
).split()


def socket_path():
    host = os.environ.get("DOCKER_HOST", "")
    return host[len("unix://"):] if host.startswith("unix://") else "/var/run/docker.sock"


class EngineError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


class Engine:
    """One Engine by its unix socket."""

    def __init__(self, path=None):
        self.path = path or socket_path()

    def request(self, method, path, body=None, query=None, raw=None, timeout=60, headers=None):
        """The decoded JSON reply, or text where it is none. Raises EngineError from status 400 on."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = {"Content-Type": "application/x-tar" if raw else "application/json", **(headers or {})}
        payload = raw if raw is not None else json.dumps(body) if body is not None else None
        connection = _UnixConnection(self.path, timeout)
        try:
            connection.request(method, "/v1.41" + path, payload, headers)
            reply = connection.getresponse()
            text = reply.read().decode("utf-8", "replace")
        finally:
            connection.close()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = text
        if reply.status >= 400:
            raise EngineError(reply.status, value.get("message") if isinstance(value, dict) else text)
        return value

    def answers(self):
        try:
            self.request("GET", "/version", timeout=5)
            return True
        except (OSError, EngineError):
            return False

    def containers(self, labels=(), running_only=False):
        """Summaries of all containers with every one of these labels ("key" or "key=value")."""
        filters = {"label": list(labels)} if labels else {}
        return self.request("GET", "/containers/json",
                            query={"all": "false" if running_only else "true", "filters": json.dumps(filters)})

    def inspect(self, container):
        return self.request("GET", f"/containers/{container}/json")

    def logs(self, container):
        connection = _UnixConnection(self.path, 30)
        try:
            connection.request("GET", f"/v1.41/containers/{container}/logs?stdout=1&stderr=1")
            data = connection.getresponse().read()
        finally:
            connection.close()
        out = b""
        while len(data) >= 8:  # the stream's 8-byte frame headers: kind, 0 0 0, length
            size = int.from_bytes(data[4:8], "big")
            out += data[8:8 + size]
            data = data[8 + size:]
        return out.decode("utf-8", "replace")

    def remove(self, container):
        try:
            self.request("DELETE", f"/containers/{container}", query={"force": "true", "v": "true"})
        except EngineError as e:
            if e.status not in (404, 409):  # gone, or being removed by somebody else
                raise

    def networks(self, labels=()):
        return self.request("GET", "/networks", query={"filters": json.dumps({"label": list(labels)})})

    def volumes(self, labels=()):
        reply = self.request("GET", "/volumes", query={"filters": json.dumps({"label": list(labels)})})
        return reply.get("Volumes") or []

    def events(self, **filters):
        return EngineEvents(self, {k: v if isinstance(v, list) else [v] for k, v in filters.items()})

    def import_image(self, repo, tag, layer, changes=()):
        query = [("fromSrc", "-"), ("repo", repo), ("tag", tag)] + [("changes", c) for c in changes]
        self.request("POST", "/images/create", query=query, raw=layer)

    def load_image(self, ref, layer, architecture):
        """As import_image, for an architecture that need not be this machine's: import knows no other."""
        config = json.dumps({"os": "linux", "architecture": architecture, "config": {"Env": ["PATH=/bin"]},
                             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}})
        manifest = json.dumps([{"Config": "config.json", "RepoTags": [ref], "Layers": ["layer.tar"]}])
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, data in (("config.json", config.encode()), ("manifest.json", manifest.encode()), ("layer.tar", layer)):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        self.request("POST", "/images/load", raw=archive.getvalue())

    def remove_image(self, name):
        try:
            self.request("DELETE", f"/images/{name}", query={"force": "true"})
        except EngineError as e:
            if e.status not in (404, 409):
                raise


class EngineEvents:
    """The Engine's event stream, from its opening on: `with engine.events(type="container") as events:`."""

    def __init__(self, engine, filters):
        self.engine = engine
        self.filters = filters
        self.buffer = b""

    def __enter__(self):
        # HTTP/1.0: no chunks, so the stream is plain lines and select tells the truth.
        query = urllib.parse.urlencode({"filters": json.dumps(self.filters)})
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.engine.path)
        self.sock.sendall(f"GET /v1.41/events?{query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.sock.recv(65536)
        self.buffer = self.buffer.partition(b"\r\n\r\n")[2]
        return self

    def __exit__(self, *_):
        self.sock.close()

    def next(self, seconds):
        """The next event as a dict, or None at the deadline."""
        deadline = Deadline(seconds)
        while b"\n" not in self.buffer:
            if not select.select([self.sock], [], [], deadline.left())[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                raise EngineError(0, "the event stream ended")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def pause(self, seconds):
        """For wait_until: blocks until something happened in the Engine."""
        self.next(seconds)


def busybox_layer():
    """A tar with busybox (static) and its applets: /bin, /etc/passwd, /tmp, /www/index.html."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data=None, mode=0o755, link=None, kind=None):
            info = tarfile.TarInfo(name)
            info.mode = mode
            if kind:
                info.type = kind
            if link:
                info.linkname = link
            if data is not None:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if data is not None else None)

        for directory in ("bin", "etc", "proc", "sys", "dev", "root", "www", "var", "data"):
            add(directory, kind=tarfile.DIRTYPE)
        add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        with open("/bin/busybox", "rb") as binary:
            add("bin/busybox", binary.read())
        for applet in APPLETS:
            add("bin/" + applet, kind=tarfile.SYMTYPE, link="busybox")
        add("bin/not-executable", b"plain text\n", mode=0o644)
        add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", mode=0o644)
        add("etc/group", b"root:x:0:\nnogroup:x:65534:\n", mode=0o644)
        add("www/index.html", b"<!DOCTYPE html>\n<title>Hello from ECS</title>\n", mode=0o644)
    return out.getvalue()
