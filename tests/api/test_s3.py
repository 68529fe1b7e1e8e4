# SPDX-License-Identifier: Apache-2.0
"""S3 as boto3 and raw requests see it: buckets and objects."""

import hashlib
import http.client
import os
import pathlib
import random
import re
import socket
import subprocess
import time

import botocore.handlers
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.daemon import BUILD
from harness.wait import wait_until


@pytest.fixture(scope="module")
def s3(daemon):
    return daemon.client(service="s3")


@pytest.fixture
def bucket(s3, name):
    bucket = name("bucket")
    s3.create_bucket(Bucket=bucket)
    return bucket


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    return e["Error"]["Code"], e["ResponseMetadata"]["HTTPStatusCode"]


# -- buckets


def test_bucket_life(daemon, s3, name):
    bucket = name("life")
    assert s3.create_bucket(Bucket=bucket)["Location"] == "/" + bucket
    assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert refusal(s3.head_bucket, Bucket=bucket) == ("404", 404)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchBucket", 404)


def test_names_are_one_space_for_all(daemon, s3, bucket):
    s3.create_bucket(Bucket=bucket)  # in us-east-1 that is no error
    other = daemon.client(service="s3", key="123456789012")
    assert refusal(other.create_bucket, Bucket=bucket) == ("BucketAlreadyExists", 409)
    assert bucket not in [b["Name"] for b in other.list_buckets()["Buckets"]]
    assert refusal(other.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert refusal(other.delete_bucket, Bucket=bucket) == ("AccessDenied", 403)


def test_regions(daemon, name):
    west = daemon.client(service="s3", region="eu-west-1")
    bucket = name("west")
    there = {"LocationConstraint": "eu-west-1"}
    assert refusal(west.create_bucket, Bucket=bucket) == ("IllegalLocationConstraintException", 400)
    west.create_bucket(Bucket=bucket, CreateBucketConfiguration=there)
    assert west.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
    assert refusal(west.create_bucket, Bucket=bucket,
                   CreateBucketConfiguration=there) == ("BucketAlreadyOwnedByYou", 409)
    assert refusal(west.create_bucket, Bucket=bucket + "x", CreateBucketConfiguration={
        "LocationConstraint": "us-west-2"}) == ("IllegalLocationConstraintException", 400)


def test_cloudtrail(daemon, s3, bucket):
    refusal(daemon.client(service="s3", key="123456789012").delete_bucket, Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"not told")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    trail = daemon.client(service="cloudtrail")
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": bucket}])["Events"]
    assert [(e["EventName"], e["EventSource"]) for e in events] == [
        ("PutBucketTagging", "s3.amazonaws.com"), ("CreateBucket", "s3.amazonaws.com")]
    other = daemon.client(service="cloudtrail", key="123456789012").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": bucket}])["Events"]
    assert [e["EventName"] for e in other] == ["DeleteBucket"] and '"AccessDenied"' in other[0]["CloudTrailEvent"]


@pytest.mark.parametrize("bad", ["ab", "Upper", "under_score", "-a-b", "a..b", "192.168.0.1", "a" * 64])
def test_bad_bucket_names(daemon, bad):
    s3 = daemon.client(service="s3", validate=False, s3={"addressing_style": "path"})
    s3.meta.events.unregister("before-parameter-build.s3", botocore.handlers.validate_bucket_name)
    assert refusal(s3.create_bucket, Bucket=bad) == ("InvalidBucketName", 400)


# -- objects


@pytest.mark.parametrize("size", [0, 1, 5, 131071, 131072, 131073, 262144, 3 * 1024 * 1024 + 17])
def test_object_comes_back(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ETag"], got["ContentType"]) == (size, put["ETag"], "binary/octet-stream")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


@pytest.mark.parametrize("key", ["a", "a/b/c", "ü/ß €.txt", "a b+c%20d&e=f?g#h", "//", "..", "a/../b", "x" * 1024, "'\"<>&"])
def test_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_key_too_long(s3, bucket):
    assert refusal(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == ("KeyTooLongError", 400)


def test_headers_come_back(s3, bucket):
    headers = {"ContentType": "text/html", "CacheControl": "max-age=5", "ContentDisposition": "inline",
               "ContentEncoding": "gzip", "ContentLanguage": "de", "StorageClass": "STANDARD_IA",
               "Metadata": {"one": "1", "two": "zwei"}}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **headers)
    for got in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert {name: got[name] for name in headers} == headers
    over = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="no-cache")
    assert (over["ContentType"], over["CacheControl"]) == ("a/b", "no-cache")


def test_ranges(s3, bucket):
    body = bytes(range(256)) * 1024
    s3.put_object(Bucket=bucket, Key="k", Body=body)

    def get(text):
        reply = s3.get_object(Bucket=bucket, Key="k", Range=text)
        return reply["ResponseMetadata"]["HTTPStatusCode"], reply.get("ContentRange"), reply["Body"].read()

    n = len(body)
    assert get("bytes=0-0") == (206, f"bytes 0-0/{n}", body[:1])
    assert get("bytes=1000-199999") == (206, f"bytes 1000-199999/{n}", body[1000:200000])
    assert get("bytes=-5") == (206, f"bytes {n - 5}-{n - 1}/{n}", body[-5:])
    assert get(f"bytes={n - 2}-") == (206, f"bytes {n - 2}-{n - 1}/{n}", body[-2:])
    assert get(f"bytes=5-{9 * n}") == (206, f"bytes 5-{n - 1}/{n}", body[5:])
    assert get("bytes=0-1,3-4") == (200, None, body)
    assert get("lines=1-2") == (200, None, body)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={n}-") == ("InvalidRange", 416)


def test_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch='"0"') == ("PreconditionFailed", 412)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == ("304", 304)
    assert refusal(s3.head_object, Bucket=bucket, Key="k", IfMatch='"0"') == ("412", 412)


def test_delete_many(s3, bucket):
    for key in ("a", "b", "ü"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in ("a", "ü", "none")]})["Deleted"]
    assert [d["Key"] for d in deleted] == ["a", "ü", "none"]
    assert refusal(s3.get_object, Bucket=bucket, Key="a") == ("NoSuchKey", 404)
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})


def test_what_is_not_there_says_so(s3, bucket):
    code, status = refusal(s3.get_bucket_acl, Bucket=bucket)
    assert (code, status) == ("NotImplemented", 501)
    assert refusal(s3.put_bucket_versioning, Bucket=bucket,
                   VersioningConfiguration={"Status": "Enabled"}) == ("NotImplemented", 501)


def test_virtual_hosts(daemon, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"hello")
    for host in (f"{bucket}.localhost:{daemon.port}", f"{bucket}.s3.localhost:{daemon.port}",
                 f"{bucket}.s3.us-east-1.amazonaws.com"):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        connection.request("GET", "/a/b", headers={
            "Host": host, "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
            "SignedHeaders=host, Signature=00"})
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, b"hello"), host
        connection.close()


def test_unsigned_is_refused(daemon):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("GET", "/", headers={"Host": "s3.localhost"})
    reply = connection.getresponse()
    body = reply.read()
    assert reply.status == 403 and b"<Code>AccessDenied</Code>" in body
    assert re.fullmatch("[0-9A-F]{16}", reply.headers["x-amz-request-id"]) and reply.headers["x-amz-id-2"]
    connection.close()


def test_keys_of_roles_are_verified(daemon, s3, bucket):
    keys = daemon.client(service="sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/r",
                                                    RoleSessionName="me")["Credentials"]
    import boto3

    def client(secret, **config):
        return boto3.client("s3", region_name="us-east-1", endpoint_url=daemon.url,
                            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=secret,
                            aws_session_token=keys["SessionToken"],
                            config=Config(retries={"total_max_attempts": 1}, **config))

    good = client(keys["SecretAccessKey"])
    for key in ("plain", "ä b+c/d(e)=f~g"):
        good.put_object(Bucket=bucket, Key=key, Body=b"signed" * 50000)
        assert good.get_object(Bucket=bucket, Key=key)["Body"].read() == b"signed" * 50000
    client(keys["SecretAccessKey"], s3={"payload_signing_enabled": True}).put_object(
        Bucket=bucket, Key="k", Body=b"signed")
    bad = client("x" * 40)
    assert refusal(bad.get_object, Bucket=bucket, Key="plain") == ("SignatureDoesNotMatch", 403)
    assert refusal(bad.put_object, Bucket=bucket, Key="k", Body=b"x") == ("SignatureDoesNotMatch", 403)


# -- memory, disk, other requests


def memory_kib(daemon, what="VmRSS"):
    text = open(f"/proc/{daemon.pid}/status").read()
    return int(re.search(what + r":\s+(\d+) kB", text).group(1))


AUTH = ("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=00")


def test_large_bodies_are_not_held(start_daemon, tmp_path):
    """Three clients put 64 MiB each and get them back; meanwhile others are answered."""
    daemon = start_daemon()
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="large")
    before = memory_kib(daemon)
    (tmp_path / "body").write_bytes(os.urandom(1024 * 1024) * 64)

    def curl(*arguments):
        return subprocess.Popen(["curl", "-sS", "-f", "-H", ": ".join(AUTH), *arguments], cwd=tmp_path)

    def wait(clients):
        slowest, connection = 0, http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        while any(c.poll() is None for c in clients):
            start = time.monotonic()
            connection.request("GET", "/_localemu/health")
            assert connection.getresponse().read()
            slowest = max(slowest, time.monotonic() - start)
        connection.close()
        assert [c.wait() for c in clients] == [0] * len(clients)
        return slowest

    slowest = wait([curl("-T", "body", f"{daemon.url}/large/k{i}") for i in range(3)])
    slowest = max(slowest, wait([curl("-o", f"got{i}", f"{daemon.url}/large/k{i}") for i in range(3)]))
    digest = hashlib.sha256((tmp_path / "body").read_bytes()).digest()
    assert all(hashlib.sha256((tmp_path / f"got{i}").read_bytes()).digest() == digest for i in range(3))
    if "san" not in BUILD.name:  # sanitizers keep what was freed
        assert memory_kib(daemon, "VmHWM") - before < 6 * 1024
    assert slowest < 1


def files(daemon):
    """The files of S3, also those that are on their way out."""
    return [pathlib.Path(top) / name for top, _, names in os.walk(daemon.state_dir) for name in names
            if str(top).startswith(str(daemon.state_dir / "s3"))]


def test_killed_in_the_middle_of_a_put(start_daemon):
    daemon = start_daemon()
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="crash")
    s3.put_object(Bucket="crash", Key="k", Body=b"old")
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.putrequest("PUT", "/crash/k")
    connection.putheader("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
                                          "SignedHeaders=host, Signature=00")
    connection.putheader("Content-Length", "10000000")
    connection.endheaders()
    connection.send(b"x" * 5000000)
    wait_until(lambda: any(p.parent.name == "tmp" and p.stat().st_size > 1000000 for p in files(daemon)), 10, "bytes on the disk")
    daemon.kill()
    connection.close()
    daemon.restart()
    assert s3.get_object(Bucket="crash", Key="k")["Body"].read() == b"old"
    wait_until(lambda: len(files(daemon)) == 1, 10, "leftovers to go")


def test_replaced_and_deleted_files_go(start_daemon):
    daemon = start_daemon()
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="files")
    for _ in range(5):
        s3.put_object(Bucket="files", Key="k", Body=b"x" * 1000)
    wait_until(lambda: len(files(daemon)) == 1, 10, "old bytes to go")
    daemon.restart()
    assert s3.get_object(Bucket="files", Key="k")["Body"].read() == b"x" * 1000
    s3.delete_object(Bucket="files", Key="k")
    wait_until(lambda: len(files(daemon)) == 0, 10, "deleted bytes to go")


def test_nothing_is_kept_without_persistence(start_daemon):
    daemon = start_daemon(PERSISTENCE="0")
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="gone")
    s3.put_object(Bucket="gone", Key="k", Body=b"x" * 100000)
    assert s3.get_object(Bucket="gone", Key="k")["Body"].read() == b"x" * 100000
    daemon.terminate()
    assert not [p for p in daemon.directory.rglob("*") if p.name.startswith("s3")]


def test_reset(start_daemon):
    daemon = start_daemon()
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="reset")
    s3.put_object(Bucket="reset", Key="k", Body=b"x" * 100000)
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("POST", "/_localemu/state/reset")
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.list_buckets()["Buckets"] == []
    wait_until(lambda: not files(daemon), 10, "files to go")
    s3.create_bucket(Bucket="reset")
    s3.put_object(Bucket="reset", Key="k", Body=b"again")
    assert s3.get_object(Bucket="reset", Key="k")["Body"].read() == b"again"


def test_many_at_once(start_daemon):
    """Two hundred transfers at a time: small slices, all bytes."""
    daemon = start_daemon()
    daemon.client(service="s3").create_bucket(Bucket="many")
    clients = [socket.create_connection(("127.0.0.1", daemon.port), timeout=30) for _ in range(200)]
    head = f"Host: localhost\r\n{AUTH[0]}: {AUTH[1]}\r\n"
    for i, client in enumerate(clients):
        client.sendall(f"PUT /many/k{i} HTTP/1.1\r\n{head}Content-Length: 300000\r\n\r\n".encode() + b"%03d" % i * 50000)
    before = memory_kib(daemon)
    for i, client in enumerate(clients):
        client.sendall(b"%03d" % i * 50000)
    for i, client in enumerate(clients):
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        client.sendall(f"GET /many/k{i} HTTP/1.1\r\n{head}\r\n".encode())
    for i, client in enumerate(clients):
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert reply.read() == b"%03d" % i * 100000
        client.close()
    if "san" not in BUILD.name:
        assert before < 64 * 1024


def test_full_disk(start_daemon, name):
    """What was there stays, what does not fit is refused, and room that is made can be used."""
    from harness.daemon import Daemon

    daemon = Daemon({"ECS_DOCKER_BACKEND": "0"})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", daemon.state_dir], check=True)
    try:
        daemon.start()
        s3 = daemon.client(service="s3")
        s3.create_bucket(Bucket="full")
        s3.put_object(Bucket="full", Key="k", Body=b"x" * 5000000)
        for _ in range(3):
            assert refusal(s3.put_object, Bucket="full", Key="k", Body=b"y" * 12000000) == ("InternalError", 500)
        assert s3.get_object(Bucket="full", Key="k")["Body"].read() == b"x" * 5000000
        s3.delete_object(Bucket="full", Key="k")
        wait_until(lambda: os.statvfs(daemon.state_dir).f_bavail * os.statvfs(daemon.state_dir).f_bsize > 13000000, 10, "room")
        s3.put_object(Bucket="full", Key="k", Body=b"y" * 12000000)
        assert daemon.terminate() == 0
    finally:
        daemon.sweep()
        subprocess.run(["umount", daemon.state_dir], check=True)


def test_clients_that_go_away(start_daemon):
    """Connections that are cut anywhere in a PUT or a GET leave neither bytes nor memory, and the daemon goes on."""
    daemon = start_daemon()
    s3 = daemon.client(service="s3")
    s3.create_bucket(Bucket="cut")
    s3.put_object(Bucket="cut", Key="k", Body=b"x" * 2000000)
    head = f"Host: localhost\r\n{AUTH[0]}: {AUTH[1]}\r\n"
    put = f"PUT /cut/new HTTP/1.1\r\n{head}Content-Length: 1000000\r\n\r\n".encode() + b"y" * 1000000
    part = (f"PUT /cut/new HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\nx-amz-decoded-content-length: 300000\r\n"
            "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\r\n").encode()
    inner = b"493e0\r\n" + b"z" * 300000 + b"\r\n0\r\n\r\n"
    part += b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
    get = f"GET /cut/k HTTP/1.1\r\n{head}\r\n".encode()
    draw = random.Random(4711)
    for i in range(120):
        client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
        data = (put, part, get)[i % 3]
        client.sendall(data[:draw.randrange(len(data) + 1)] if i % 3 < 2 else data)
        if i % 3 == 2:
            client.recv(draw.randrange(1, 100000))
        if i % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert s3.get_object(Bucket="cut", Key="k")["Body"].read() == b"x" * 2000000
    reply = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    reply.sendall(part)
    assert reply.recv(100).startswith(b"HTTP/1.1 200")
    reply.close()
    assert s3.get_object(Bucket="cut", Key="new")["Body"].read() == b"z" * 300000
    wait_until(lambda: len(files(daemon)) == 2, 10, "leftovers to go")


@pytest.mark.parametrize("head,status", [
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400), ("Content-Length: x\r\n", 400),
    ("Transfer-Encoding: gzip\r\n", 400), ("Transfer-Encoding: chunked\r\n", 411), ("Content-Length: 5368709121\r\n", 400),
    ("x-amz-content-sha256: nonsense\r\nContent-Length: 0\r\n", 400), ("x-amz-content-sha256: STREAMING-X\r\n", 411),
    ("x-amz-storage-class: GOLD\r\nContent-Length: 0\r\n", 400), ("x-amz-acl: public-read\r\nContent-Length: 0\r\n", 400),
    ("x-amz-server-side-encryption: aws:kms\r\nContent-Length: 0\r\n", 501), ("x-amz-tagging: a=1&a=2\r\n", 400),
    ("x-amz-meta-big: " + "x" * 3000 + "\r\n", 400)])
def test_bad_puts(daemon, s3, bucket, head, status):
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    client.sendall(f"PUT /{bucket}/k HTTP/1.1\r\nHost: localhost\r\n{AUTH[0]}: {AUTH[1]}\r\n{head}\r\n".encode())
    reply = http.client.HTTPResponse(client)
    reply.begin()
    text = reply.read()
    client.close()
    assert reply.status == status and b"<Error><Code>" in text, text
    assert refusal(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def test_body_that_nobody_wants(daemon, s3, bucket):
    """An answer before the body: the connection serves on where the rest is short."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    for size, keeps in ((200000, True), (20000000, False)):
        connection.request("PUT", "/no-such-bucket-here/k", b"x" * size, dict([AUTH]))
        reply = connection.getresponse()
        assert (reply.status, b"<Code>NoSuchBucket" in reply.read()) == (404, True)
        assert reply.will_close != keeps or not keeps
    connection.close()


def test_continue(daemon, s3, bucket):
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    head = f"Host: localhost\r\n{AUTH[0]}: {AUTH[1]}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    client.sendall(f"PUT /{bucket}/k HTTP/1.1\r\n{head}".encode())
    assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"hello")
    assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
    client.sendall(f"PUT /no-such-bucket-here/k HTTP/1.1\r\n{head}".encode())
    assert client.recv(1000).startswith(b"HTTP/1.1 404")
    client.close()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
