# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge from outside, over raw sockets: what no SDK would send. Every case also asks, as another client, for
the health page: nobody's request may stop anybody else's."""

import http.client
import json
import re
import resource
import socket
import stat
import time

import pytest

TARGET = "AmazonEC2ContainerServiceV20141113."
TIMEOUT_S = 10


class Client:
    """One connection, bytes in and parsed replies out."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(address)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, end):
        while end not in self.buffer:
            assert self._more(), f"closed after {self.buffer!r}"
        head, self.buffer = self.buffer.split(end, 1)
        return head

    def reply(self, head_only=False):
        """(status, headers with lower-case names, body)"""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.[01] (\d{3}) .+", lines[0])[1])
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = 0 if head_only or status in (100, 204) else int(headers["content-length"])
        while len(self.buffer) < length:
            assert self._more(), f"closed inside a body: {self.buffer!r}"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def closed(self):
        """Everything that still comes until the server closes."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return self.buffer


def post(operation, body=b"{}", **headers):
    """Keyword arguments replace headers (Content_Length="7") or remove them (None)."""
    default = {"Host": "localhost", "X-Amz-Target": TARGET + operation,
               "Content-Type": "application/x-amz-json-1.1", "Content-Length": str(len(body))}
    return raw("POST / HTTP/1.1", {**default, **{k.replace("_", "-"): v for k, v in headers.items()}}, body)


def raw(line, headers=(), body=b""):
    lines = [f"{k}: {v}" for k, v in dict(headers).items() if v is not None]
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1") + body


@pytest.fixture
def connect(daemon):
    clients = []

    def connect(address=None):
        clients.append(Client(address or ("127.0.0.1", daemon.port)))
        return clients[-1]

    yield connect
    for client in clients:
        client.socket.close()


@pytest.fixture(autouse=True)
def others_are_served(daemon):
    yield
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=TIMEOUT_S)
    connection.request("GET", "/_localemu/health")
    assert connection.getresponse().status == 200
    connection.close()


def ask(client, data, head_only=False):
    client.send(data)
    return client.reply(head_only)


def error_of(reply):
    """(status, __type) of a JSON error; checks its shape."""
    status, headers, body = reply
    error = json.loads(body)
    assert set(error) >= {"__type", "message"} and error["message"], error
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", headers["x-amzn-requestid"])
    return status, error["__type"]


# -- the straight path


def test_a_call(connect):
    status, headers, body = ask(connect(), post("ListClusters"))
    assert status == 200
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-amzn-requestid"])
    assert "clusterArns" in json.loads(body)


def test_an_empty_body_is_an_empty_object(connect):
    client = connect()
    assert ask(client, post("ListClusters", b""))[0] == 200
    assert ask(client, post("ListClusters", b"", Content_Length=None))[0] == 200


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json", "application/x-amz-json-1.0",
                                          "application/x-www-form-urlencoded", "\xff"])
def test_the_target_decides_whatever_the_content_type(connect, content_type):
    client = connect()
    client.send(raw("POST / HTTP/1.1", {"Host": "localhost", "X-Amz-Target": TARGET + "ListClusters",
                                        "Content-Type": content_type, "Content-Length": "2"}, b"{}"))
    assert client.reply()[0] == 200


def test_region_and_account_come_from_the_credential(connect, name):
    cluster = name("scope")
    body = json.dumps({"clusterName": cluster}).encode()
    auth = "AWS4-HMAC-SHA256 Credential={}/20260101/{}/ecs/aws4_request, SignedHeaders=host, Signature=0"
    client = connect()
    for key, region, account, expected in [
            ("123456789012", "eu-central-1", "123456789012", "eu-central-1"),
            ("AKIAIOSFODNN7EXAMPLE", "ap-south-1", "000000000000", "ap-south-1"),
            ("test", "<script>", "000000000000", "us-east-1")]:
        reply = ask(client, post("CreateCluster", body, Authorization=auth.format(key, region)))
        arn = json.loads(reply[2])["cluster"]["clusterArn"]
        assert arn == f"arn:aws:ecs:{expected}:{account}:cluster/{cluster}"
        ask(client, post("DeleteCluster", json.dumps({"cluster": cluster}).encode(),
                         Authorization=auth.format(key, region)))


def test_keep_alive(connect):
    client = connect()
    ids = {ask(client, post("ListClusters"))[1]["x-amzn-requestid"] for _ in range(50)}
    assert len(ids) == 50


def test_close_is_honoured(connect):
    client = connect()
    assert ask(client, post("ListClusters", Connection="close"))[1]["connection"] == "close"
    assert client.closed() == b""
    client = connect()
    client.send(b"GET /_localemu/health HTTP/1.0\r\n\r\n")
    assert b'"version"' in client.closed()


def test_pipelining(connect):
    client = connect()
    client.send(b"".join(post("ListClusters") + raw("GET /_localemu/health HTTP/1.1", {"Host": "localhost"})
                         for _ in range(50)))
    for _ in range(50):
        assert "clusterArns" in json.loads(client.reply()[2])
        assert "services" in json.loads(client.reply()[2])


def test_a_client_that_has_shut_down_its_sending_side_is_answered(connect):
    client = connect()
    client.send(post("ListClusters"))
    client.socket.shutdown(socket.SHUT_WR)
    assert client.reply()[0] == 200
    assert client.closed() == b""


def test_expect_100_continue(connect):
    client = connect()
    request = post("ListClusters", Expect="100-continue")
    client.send(request[:-2])
    assert client.reply()[0] == 100
    client.send(request[-2:])
    assert client.reply()[0] == 200


def test_chunked(connect):
    client = connect()
    client.send(post("ListClusters", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", Transfer_Encoding="chunked", Content_Length=None))
    assert client.reply()[0] == 200


# -- pages and methods


def test_health(connect):
    status, headers, body = ask(connect(), raw("GET /_localemu/health HTTP/1.1", {"Host": "localhost"}))
    health = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert health["services"]["ecs"] == "running"
    assert health["edition"] and health["version"] and health["uptime"] >= 0


def test_head_has_no_body(connect):
    client = connect()
    for path in ["/", "/_localemu/health"]:
        status, headers, _ = ask(client, raw(f"HEAD {path} HTTP/1.1", {"Host": "localhost"}), head_only=True)
        assert status == 200 and int(headers["content-length"]) > 0
    assert ask(client, post("ListClusters"))[0] == 200  # nothing was left on the connection


def test_options(connect):
    client = connect()
    for path in ["/", "*"]:
        status, headers, _ = ask(client, raw(f"OPTIONS {path} HTTP/1.1", {"Host": "localhost"}))
        assert status == 204 and "POST" in headers["allow"]
        assert not [h for h in headers if h.startswith("access-control")]


def test_front_page(connect):
    status, headers, body = ask(connect(), raw("GET / HTTP/1.1", {"Host": "localhost"}))
    assert status == 200 and headers["content-type"].startswith("text/plain") and b"localemu-ecs" in body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods(connect, method):
    client = connect()
    client.send(raw(f"{method} / HTTP/1.1", {"Host": "localhost", "X-Amz-Target": TARGET + "ListClusters"}))
    assert error_of(client.reply()) == (405, "MethodNotAllowedException")


def test_connect_is_refused(connect):
    client = connect()
    client.send(raw("CONNECT localhost:80 HTTP/1.1", {"Host": "localhost"}))
    assert error_of(client.reply()) == (405, "MethodNotAllowedException")
    assert client.closed() == b""


def test_reading_does_not_reset(connect):
    client = connect()
    assert ask(client, raw("GET /_localemu/state/reset HTTP/1.1", {"Host": "localhost"}))[0] == 405


# -- what is not ours


@pytest.mark.parametrize("target", [TARGET + "Fnord", TARGET, TARGET + "Run'Task", TARGET + "A" * 500,
                                    "x", "DynamoDB_20120810.ListTables", "\xff\xfe.\x01", "..", "<b>.<i>"])
def test_unknown_targets(connect, target):
    reply = ask(connect(), post("", X_Amz_Target=target))
    assert error_of(reply) == (400, "UnknownOperationException")
    assert b"<" not in reply[2]


def test_no_target(connect):
    reply = ask(connect(), raw("POST / HTTP/1.1", {"Host": "localhost", "Content-Length": 2}, b"{}"))
    assert error_of(reply) == (400, "UnknownOperationException")


@pytest.mark.parametrize("path", ["/nothing", "/..%2f..%2fetc/passwd", "/_localemu/", "/_localemu/../x", "/%00"])
def test_unknown_paths(connect, path):
    reply = ask(connect(), raw(f"GET {path} HTTP/1.1", {"Host": "localhost"}))
    assert error_of(reply)[0] in (404, 405)


def test_neighbours_are_refused_in_their_own_dialect(connect):
    client = connect()
    auth = "AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"

    def form(service, body):
        return raw("POST / HTTP/1.1", {"Host": "localhost", "Authorization": auth.format(service),
                                       "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                                       "Content-Length": len(body)}, body)

    status, headers, body = ask(client, form("rds", b"Action=DescribeDBInstances&Version=2014-10-31"))
    assert (status, headers["content-type"]) == (400, "text/xml")
    assert b"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>" in body
    status, _, body = ask(client, form("ec2", b"Action=DescribeNothing&Version=2016-11-15"))
    assert status == 400 and b"<Response><Errors><Error><Code>InvalidAction</Code>" in body
    status, _, body = ask(client, raw("GET /2013-04-01/hostedzone HTTP/1.1",
                                      {"Host": "localhost", "Authorization": auth.format("route53")}))
    assert status == 501 and b"<Error><Code>NotImplemented</Code>" in body
    reply = ask(client, raw("GET /2015-03-31/functions HTTP/1.1",
                            {"Host": "localhost", "Authorization": auth.format("lambda")}))
    assert error_of(reply) == (400, "UnknownOperationException")
    assert reply[1]["x-amzn-errortype"] == "UnknownOperationException"


@pytest.mark.parametrize("service,call", [
    ("rds", lambda c: c.describe_db_instances()), ("autoscaling", lambda c: c.describe_auto_scaling_groups()),
    ("route53", lambda c: c.list_hosted_zones()), ("dynamodb", lambda c: c.list_tables()),
    ("lambda", lambda c: c.list_functions())])
def test_botocore_understands_the_refusals(daemon, service, call):
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = boto3.client(service, endpoint_url=daemon.url, region_name="us-east-1", aws_access_key_id="test",
                          aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as e:
        call(client)
    assert "not available here" in e.value.response["Error"]["Message"]


# -- garbage and excess


@pytest.mark.parametrize("garbage", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"\x00" * 64 + b"\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1 HTTP/1.1 x\r\n\r\n", b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 2x\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"\xff\xfe\xfd\xfc" * 100 + b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_garbage(connect, garbage):
    client = connect()
    client.send(garbage)
    status, headers, body = client.reply()
    assert 400 <= status < 500
    assert json.loads(body)["__type"] in ("MalformedHttpRequestException", "RequestEntityTooLargeException")
    assert headers["connection"] == "close"
    assert client.closed() == b""


def test_garbage_after_a_request_comes_after_its_answer(connect):
    client = connect()
    client.send(post("ListClusters") + b"\x00\x01\x02\r\n\r\n")
    assert client.reply()[0] == 200
    assert error_of(client.reply()) == (400, "MalformedHttpRequestException")


@pytest.mark.parametrize("request_bytes", [
    raw("POST / HTTP/1.1", {"Host": "localhost", "X-Long": "x" * 20000}),
    raw("POST / HTTP/1.1", {"Host": "localhost", **{f"X-{i}": "x" * 100 for i in range(500)}}),
    raw("GET /" + "a" * 20000 + " HTTP/1.1", {"Host": "localhost"}),
    b"G" * 200000])
def test_oversized_headers(connect, request_bytes):
    client = connect()
    client.send(request_bytes)
    assert error_of(client.reply()) == (400, "MalformedHttpRequestException")
    assert client.closed() == b""


def test_headers_of_8_kib_are_fine(connect):
    assert ask(connect(), post("ListClusters", X_Amz_Security_Token="x" * 8192))[0] == 200


def test_a_body_of_exactly_the_limit(connect):
    body = b'{"maxResults":1' + b" " * (1024 * 1024 - 16) + b"}"
    assert len(body) == 1024 * 1024
    assert ask(connect(), post("ListClusters", body))[0] == 200


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024, 10 ** 12])
def test_oversized_bodies(connect, size):
    client = connect()
    client.send(post("ListClusters", b"", Content_Length=size))
    try:
        client.send(b"x" * min(size, 3 * 1024 * 1024))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert error_of(client.reply()) == (413, "RequestEntityTooLargeException")


def test_an_oversized_chunked_body(connect):
    client = connect()
    client.send(post("ListClusters", b"", Transfer_Encoding="chunked", Content_Length=None))
    for _ in range(17):
        client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    assert error_of(client.reply()) == (413, "RequestEntityTooLargeException")


def test_an_oversized_body_is_refused_before_it_is_sent(connect):
    reply = ask(connect(), post("ListClusters", b"", Content_Length=2 * 1024 * 1024, Expect="100-continue"))
    assert error_of(reply) == (413, "RequestEntityTooLargeException")


def test_a_truncated_body_runs_nothing(connect, ecs, name):
    cluster = name("truncated")
    body = json.dumps({"clusterName": cluster}).encode()
    client = connect()
    client.send(post("CreateCluster", body + b" " * 10)[:-10])
    client.socket.shutdown(socket.SHUT_WR)
    assert client.closed() == b""
    assert ecs.describe_clusters(clusters=[cluster])["clusters"] == []


# -- slow and gone clients


def test_half_open_connections_stop_nobody(connect):
    halves = [connect() for _ in range(100)]
    for i, half in enumerate(halves):
        half.send([b"", b"P", post("ListClusters")[:40], post("ListClusters")[:-1]][i % 4])
    client = connect()
    began = time.monotonic()
    for _ in range(100):
        assert ask(client, post("ListClusters"))[0] == 200
    assert time.monotonic() - began < 5
    assert ask(halves[3], b"}")[0] == 200  # and they can still be completed


def test_a_slow_drip_stops_nobody_and_is_answered(connect):
    slow, quick = connect(), connect()
    for byte in post("ListClusters"):
        slow.send(bytes([byte]))
        assert ask(quick, post("ListClusters"))[0] == 200
    assert slow.reply()[0] == 200


def test_clients_that_vanish(daemon, connect):
    for i in range(200):
        client = Client(("127.0.0.1", daemon.port))
        client.send(post("ListClusters")[:None if i % 2 else 60])
        if i % 3 == 0:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
    assert ask(connect(), post("ListClusters"))[0] == 200


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_more_connections_than_there_may_be(connect):
    idle = [connect() for _ in range(1200)]
    assert ask(connect(), post("ListClusters"))[0] == 200
    assert idle[0].closed() == b""  # the oldest made room


# -- browsers


def refused(reply):
    return error_of(reply) == (403, "AccessDeniedException")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:1", "https://127.0.0.1.evil.example",
                                    "file://", "http://localhost.evil.example"])
def test_foreign_origins(connect, origin):
    client = connect()
    assert refused(ask(client, post("ListClusters", Origin=origin)))
    assert refused(ask(client, raw("GET /_localemu/health HTTP/1.1", {"Host": "localhost", "Origin": origin})))
    assert refused(ask(client, raw("OPTIONS / HTTP/1.1", {"Host": "localhost", "Origin": origin,
                                                          "Access-Control-Request-Method": "POST"})))
    assert refused(ask(client, raw("POST /_localemu/state/reset HTTP/1.1", {"Host": "localhost", "Origin": origin})))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4566", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "10.0.0.1", "[2001:db8::1]", "", "localhost@evil.example",
                                  "ecs.us-east-1.localhost.localstack.cloud:4566"])
def test_foreign_hosts(connect, host):
    assert refused(ask(connect(), post("ListClusters", Host=host)))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4566", "127.0.0.1", "127.1.2.3:80", "[::1]:4566",
                                  "ecs.us-east-1.localhost:4566", "169.254.170.2"])
def test_our_own_names(connect, host):
    assert ask(connect(), post("ListClusters", Host=host))[0] == 200


def test_our_own_origin(connect):
    assert ask(connect(), post("ListClusters", Host="localhost:4566", Origin="http://localhost:4566"))[0] == 200


@pytest.mark.parametrize("site,status", [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)])
def test_fetch_metadata(connect, site, status):
    assert ask(connect(), raw("GET / HTTP/1.1", {"Host": "localhost", "Sec-Fetch-Site": site}))[0] == status


def test_no_proxy(connect):
    assert refused(ask(connect(), raw("GET http://evil.example/ HTTP/1.1", {"Host": "localhost"})))
    assert ask(connect(), raw("GET http://localhost/ HTTP/1.1", {"Host": "localhost"}))[0] == 200


# -- the unix socket


def test_unix_socket(daemon, connect):
    path = daemon.runtime_dir / "api.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    client = connect(str(path))
    assert "clusterArns" in json.loads(ask(client, post("ListClusters", Host="anything.example"))[2])
    assert ask(client, raw("GET /_localemu/health HTTP/1.1", {"Host": ""}))[0] == 200
    assert refused(ask(client, post("ListClusters", Origin="http://evil.example")))
