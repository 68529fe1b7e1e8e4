# SPDX-License-Identifier: Apache-2.0
"""LOCALEMU_UPSTREAM: what is not built here goes to another emulator as it came, and comes back as it came."""

import hashlib
import http.client
import json
import re
import socket
import subprocess
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.daemon import BUILD, Daemon
from harness.wait import wait_until

MIB = 1024 * 1024
AUTH = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=00"


class Upstream:
    """Another emulator: answers each connection with `answer(request bytes up to the head's end, file)`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        self.answer = lambda head, file: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-From: up\r\n\r\nok"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        with client, client.makefile("rwb") as file:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = file.readline()
                if not line:
                    return
                head += line
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            body = file.read(int(length.group(1))) if length and b"/large" not in head else b""
            self.requests.append((head, body))
            reply = self.answer(head, file)
            if reply:
                file.write(reply)
                file.flush()

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def daemon(upstream):
    daemon = Daemon({"ECS_DOCKER_BACKEND": "0", "LOCALEMU_UPSTREAM": f"http://127.0.0.1:{upstream.port}"}).start()
    yield daemon
    complaints = daemon.finish()
    assert not complaints, complaints


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.requests.clear()
    upstream.answer = lambda head, file: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-From: up\r\n\r\nok"


def exchange(daemon, data, connection=None):
    """Bytes out, the whole answer in, as bytes."""
    client = connection or socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    client.sendall(data)
    reply = http.client.HTTPResponse(client)
    reply.begin()
    text = reply.read()
    if connection is None:
        client.close()
    return reply.status, dict(reply.headers), text


def request(service="sqs", line="POST /queue?x=%20y HTTP/1.1", body=b"", **headers):
    lines = [line, "Host: sqs.localhost:4566", "aUTHORIZATION:  " + AUTH.format(service)]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()] + [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_bytes_are_the_same(daemon, upstream):
    sent = request(body=b"a\0b" * 100, X_Odd="  two  blanks")
    assert exchange(daemon, sent)[2] == b"ok"
    assert b"".join(upstream.requests[0]) == sent


def test_answers_are_the_same(daemon, upstream):
    for raw in (b"HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\nx-a: 1\r\nx-a: 2\r\n\r\nabc",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n",
                b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nuntil the end"):
        upstream.answer = lambda head, file, raw=raw: raw
        client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
        client.sendall(request(Connection="close"))
        got = b"".join(iter(lambda: client.recv(65536), b""))
        client.close()
        assert got == raw


def test_connection_goes_on(daemon, upstream):
    """One connection, three owners: the other emulator, ECS, S3, and the other emulator again."""
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    ecs = (b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n"
           b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert exchange(daemon, request(), client)[2] == b"ok"
    assert exchange(daemon, ecs, client)[2] == b'{"clusterArns":[]}'
    assert b"<ListAllMyBucketsResult" in exchange(daemon, request("s3", "GET / HTTP/1.1").replace(b"sqs.", b""), client)[2]
    assert exchange(daemon, request(), client)[2] == b"ok"
    client.sendall(request() + ecs + request())  # pipelined
    seen = b""
    while seen.count(b"\r\n\r\nok") < 2:
        seen += client.recv(65536)
    assert b'{"clusterArns":[]}' in seen
    client.close()


@pytest.mark.parametrize("service,target,body,passed", [
    ("sqs", "AmazonSQS.SendMessage", b"{}", True), ("dynamodb", "DynamoDB_20120810.ListTables", b"{}", True),
    ("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", b"{}", False), ("ecs", "Wrong.ListClusters", b"{}", False),
    ("lambda", None, b"", True), ("sns", None, b"Action=ListTopics&Version=2010-03-31", True),
    ("sts", None, b"Action=GetCallerIdentity&Version=2011-06-15", False), ("iam", None, b"Action=X", False)])
def test_who_answers(daemon, upstream, service, target, body, passed):
    form = {"Content_Type": "application/x-www-form-urlencoded"} if body.startswith(b"Action") else {}
    headers = {"X_Amz_Target": target} if target else {}
    exchange(daemon, request(service, "POST / HTTP/1.1", body, **form, **headers))
    assert len(upstream.requests) == passed


def test_unsigned(daemon, upstream):
    def ask(line, body=b"", **headers):
        data = "\r\n".join([line, "Host: localhost", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
                            f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body
        return exchange(daemon, data)

    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask("POST / HTTP/1.1", b"Action=ListQueues&Version=2012-11-05", **form)[2] == b"ok"
    assert b"MissingAuthenticationToken" in ask("POST / HTTP/1.1", b"Action=GetCallerIdentity&Version=2011-06-15", **form)[2]
    assert ask("GET /2015-03-31/functions HTTP/1.1")[2] == b"ok"
    assert b"localemu-ecs" in ask("GET / HTTP/1.1")[2]
    assert json.loads(ask("GET /_localemu/health HTTP/1.1")[2])["edition"] == "localemu-ecs"
    assert len(upstream.requests) == 2


def test_guard_holds(daemon, upstream):
    status, _, body = exchange(daemon, request(Origin="http://evil.example"))
    assert status == 403 and not upstream.requests


def test_large_bodies_both_ways(daemon, upstream):
    digest, size, block = hashlib.sha256(), 64 * MIB, bytes(range(256)) * 4096

    def answer(head, file):
        left = size
        while left:
            piece = file.read(min(left, MIB))
            digest.update(piece)
            left -= len(piece)
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // MIB):
            file.write(block)
        file.flush()
        return None

    upstream.answer = answer
    client = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    client.putrequest("POST", "/large")
    client.putheader("Authorization", AUTH.format("lambda"))
    client.putheader("Content-Length", str(size))
    client.endheaders()
    for _ in range(size // MIB):
        client.send(block)
    reply = client.getresponse()
    got = hashlib.sha256()
    for piece in iter(lambda: reply.read(MIB), b""):
        got.update(piece)
    client.close()
    whole = hashlib.sha256(block * (size // MIB)).digest()
    assert digest.digest() == whole and got.digest() == whole
    if "san" not in BUILD.name:  # sanitizers keep what was freed
        assert int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{daemon.pid}/status").read()).group(1)) < 20 * 1024


def test_continue_is_the_other_emulators_to_say(daemon, upstream):
    def answer(head, file):
        file.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        file.flush()
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + file.read(4)

    upstream.answer = answer
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    client.sendall(b"PUT /large HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"body")
    assert client.recv(1000).endswith(b"\r\n\r\nbody")
    client.close()


def test_client_goes_away(daemon, upstream):
    gone = threading.Event()

    def answer(head, file):
        file.read(1)  # returns when the daemon closes its side
        gone.set()

    upstream.answer = answer
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    client.sendall(b"PUT /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
    wait_until(lambda: upstream.requests, 10, "the request")
    client.close()
    assert gone.wait(10)


@pytest.mark.parametrize("answer,words", [
    (b"", "closed the connection"), (b"nonsense\r\n\r\n", "not HTTP"), (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "not HTTP")])
def test_bad_answers(daemon, upstream, answer, words):
    upstream.answer = lambda head, file: answer
    status, headers, body = exchange(daemon, request())
    assert status == 502 and words in json.loads(body)["message"]


def test_cut_answer_is_cut(daemon, upstream):
    upstream.answer = lambda head, file: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfew"
    with pytest.raises(http.client.IncompleteRead):
        exchange(daemon, request())


def test_down(start_daemon):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon = start_daemon(LOCALEMU_UPSTREAM=f"http://localhost:{port}/")
    for service, call, code in (("dynamodb", lambda c: c.list_tables(), "ServiceUnavailableException"),
                                ("sns", lambda c: c.list_topics(), "ServiceUnavailable"),
                                ("route53", lambda c: c.list_hosted_zones(), "ServiceUnavailable")):
        client = boto3.client(service, endpoint_url=daemon.url, region_name="us-east-1", aws_access_key_id="test",
                              aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
        with pytest.raises(ClientError) as caught:
            call(client)
        e = caught.value.response
        assert (e["Error"]["Code"], e["ResponseMetadata"]["HTTPStatusCode"]) == (code, 502)
        assert "LOCALEMU_UPSTREAM" in e["Error"]["Message"]
    assert daemon.client().list_clusters()["clusterArns"] == []


@pytest.mark.parametrize("value", ["localhost:4567", "https://localhost:1", "http://", "http://:80", "http://h:99999", "http://h:",
                                   "http://h/path", "http://h:8x", "http://[::1", "http://u@h:1"])
def test_bad_settings(value, tmp_path):
    out = subprocess.run([BUILD / "localemu-ecsd", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "s",
                          "--runtime-dir", tmp_path / "r"], env={"LOCALEMU_UPSTREAM": value, "ECS_DOCKER_BACKEND": "0"},
                         capture_output=True, text=True, timeout=10)
    assert out.returncode == 2 and "LOCALEMU_UPSTREAM" in out.stderr
