# SPDX-License-Identifier: Apache-2.0
"""Uploads in parts, copies, check sums and conditional writes of S3 as boto3 and raw requests see them."""

import base64
import hashlib
import hmac
import http.client
import os
import zlib

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3(daemon):
    return daemon.client(service="s3")


@pytest.fixture
def bucket(s3, name):
    bucket = name("upload")
    s3.create_bucket(Bucket=bucket)
    return bucket


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    return e["Error"]["Code"], e["ResponseMetadata"]["HTTPStatusCode"]


def etag_of_parts(parts):
    return f'"{hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest()}-{len(parts)}"'


# -- parts


@pytest.fixture
def upload(s3, bucket):
    def begin(parts, **arguments):
        where = {"Bucket": bucket, "Key": "k"}
        where["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="k", **arguments)["UploadId"]
        done = [{"PartNumber": i, "ETag": s3.upload_part(PartNumber=i, Body=p, **where)["ETag"]}
                for i, p in enumerate(parts, 1)]
        return where, done

    return begin


def test_parts_become_an_object(s3, bucket, upload):
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB + 1), b"last"]
    where, done = upload(parts, ContentType="a/b", Metadata={"x": "y"}, StorageClass="STANDARD_IA")
    assert [(p["PartNumber"], p["Size"]) for p in s3.list_parts(**where)["Parts"]] == [
        (i, len(p)) for i, p in enumerate(parts, 1)]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [where["UploadId"]]
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    reply = s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
    assert reply["ETag"] == etag_of_parts(parts) and reply["Key"] == "k"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(parts)
    assert (got["ContentType"], got["Metadata"], got["StorageClass"]) == ("a/b", {"x": "y"}, "STANDARD_IA")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert across["Body"].read() == parts[0][-2:] + parts[1][:2]
    third = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert (third["Body"].read(), third["PartsCount"]) == (b"last", 3)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", PartNumber=4) == ("InvalidPartNumber", 416)
    assert refusal(s3.complete_multipart_upload, MultipartUpload={"Parts": done}, **where) == ("NoSuchUpload", 404)


def test_what_complete_refuses(s3, bucket, upload):
    where, done = upload([b"small", b"x"])

    def complete(parts):
        return refusal(s3.complete_multipart_upload, MultipartUpload={"Parts": parts}, **where)

    assert complete(done) == ("EntityTooSmall", 400)
    assert complete(done[::-1]) == ("InvalidPartOrder", 400)
    assert complete([done[0], done[0]]) == ("InvalidPartOrder", 400)
    assert complete([{"PartNumber": 3, "ETag": done[0]["ETag"]}]) == ("InvalidPart", 400)
    assert complete([{"PartNumber": 1, "ETag": done[1]["ETag"]}]) == ("InvalidPart", 400)
    assert complete([]) == ("MalformedXML", 400)
    s3.complete_multipart_upload(MultipartUpload={"Parts": done[:1]}, **where)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small"


def test_a_part_again_replaces_it(s3, bucket, upload):
    where, done = upload([b"first"])
    done[0]["ETag"] = s3.upload_part(PartNumber=1, Body=b"second", **where)["ETag"]
    s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"


def test_abort(s3, bucket, upload):
    where, _ = upload([b"x"])
    s3.abort_multipart_upload(**where)
    assert refusal(s3.upload_part, PartNumber=1, Body=b"x", **where) == ("NoSuchUpload", 404)
    assert refusal(s3.abort_multipart_upload, **where) == ("NoSuchUpload", 404)
    assert refusal(s3.list_parts, **where) == ("NoSuchUpload", 404)
    s3.delete_bucket(Bucket=bucket)


def test_pages_of_parts_and_uploads(s3, bucket, upload):
    where, _ = upload([b"x"] * 5)
    pages = list(s3.get_paginator("list_parts").paginate(PaginationConfig={"PageSize": 2}, **where))
    assert [[p["PartNumber"] for p in page["Parts"]] for page in pages] == [[1, 2], [3, 4], [5]]
    ids = {s3.create_multipart_upload(Bucket=bucket, Key=k)["UploadId"] for k in ("a", "k", "z/1", "z/2")}
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    uploads = [(u["Key"], u["UploadId"]) for page in pages for u in page["Uploads"]]
    assert uploads == sorted(uploads) and {u for _, u in uploads} == ids | {where["UploadId"]}
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket, Prefix="z/")["Uploads"]] == ["z/1", "z/2"]


@pytest.mark.parametrize("number", [0, 10001])
def test_numbers_of_parts(s3, bucket, upload, number):
    where, _ = upload([])
    assert refusal(s3.upload_part, PartNumber=number, Body=b"x", **where) == ("InvalidArgument", 400)


def test_transfer_manager(s3, bucket, tmp_path):
    size = int(os.environ.get("LOCALEMU_TEST_OBJECT_MIB", "64")) * MIB
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(MIB) * (size // MIB))
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
    s3.upload_file(str(source), bucket, "big", Config=config)
    s3.download_file(bucket, "big", str(target), Config=config)
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith(f'-{size // (8 * MIB)}"')


# -- copies


def test_copy(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from ü+", Body=b"bytes", ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
    etag = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from ü+"})["CopyObjectResult"]["ETag"]
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"], got["ETag"], got["TagCount"]) == (
        b"bytes", "a/b", {"m": "1"}, etag, 1)
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/to", MetadataDirective="REPLACE",
                   ContentType="c/d", Metadata={"n": "2"}, TaggingDirective="REPLACE", Tagging="")
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"bytes", "c/d", {"n": "2"})
    s3.delete_object(Bucket=bucket, Key="from ü+")
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"bytes"
    assert refusal(s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/to") == ("InvalidRequest", 400)
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource=f"{bucket}/none") == ("NoSuchKey", 404)
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource="no-such-bucket-here/k") == ("NoSuchBucket", 404)
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource=f"{bucket}/to",
                   CopySourceIfMatch='"0"') == ("PreconditionFailed", 412)


def test_copy_of_parts_has_an_etag_of_its_own(s3, bucket, upload):
    parts = [os.urandom(5 * MIB), b"end"]
    where, done = upload(parts)
    s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
    reply = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert reply["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"".join(parts)).hexdigest()}"'
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"".join(parts)


def test_upload_part_copy(s3, bucket, upload):
    body = os.urandom(12 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    where, _ = upload([])
    ranges = [(0, 6 * MIB - 1), (6 * MIB, 12 * MIB - 1)]
    done = [{"PartNumber": i, "ETag": s3.upload_part_copy(
        PartNumber=i, CopySource=f"{bucket}/source", CopySourceRange=f"bytes={a}-{b}", **where)["CopyPartResult"]["ETag"]}
        for i, (a, b) in enumerate(ranges, 1)]
    s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
    s3.delete_object(Bucket=bucket, Key="source")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body and got["ETag"] == etag_of_parts([body[:6 * MIB], body[6 * MIB:]])
    where, _ = upload([])
    assert refusal(s3.upload_part_copy, PartNumber=1, CopySource=f"{bucket}/k", CopySourceRange=f"bytes=0-{12 * MIB}",
                   **where) == ("InvalidArgument", 400)


# -- sums


def test_wrong_sums_are_refused(s3, bucket):
    put = {"Bucket": bucket, "Key": "k", "Body": b"hello"}
    assert refusal(s3.put_object, ContentMD5=base64.b64encode(hashlib.md5(b"x").digest()).decode(), **put) == ("BadDigest", 400)
    assert refusal(s3.put_object, ContentMD5="nonsense", **put) == ("InvalidDigest", 400)
    assert refusal(s3.put_object, ChecksumSHA256=base64.b64encode(b"0" * 32).decode(), **put) == ("BadDigest", 400)
    assert refusal(s3.put_object, ChecksumCRC32="nonsense", **put) == ("InvalidRequest", 400)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)


@pytest.mark.parametrize("kind,digest", [
    ("CRC32", lambda b: zlib.crc32(b).to_bytes(4, "big")), ("SHA1", lambda b: hashlib.sha1(b).digest()),
    ("SHA256", lambda b: hashlib.sha256(b).digest())])
def test_sums_come_back(s3, bucket, kind, digest):
    body = os.urandom(300000)
    value = base64.b64encode(digest(body)).decode()
    assert s3.put_object(Bucket=bucket, Key="k", Body=body, **{"Checksum" + kind: value})["Checksum" + kind] == value
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Checksum" + kind] == value
    assert "Checksum" + kind not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.put_object(Bucket=bucket, Key="k2", Body=body, ChecksumAlgorithm=kind)["Checksum" + kind] == value
    assert "Checksum" + kind not in s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED", Range="bytes=0-9")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert attributes["Checksum"]["Checksum" + kind] == value and attributes["ObjectSize"] == len(body)


def chunked(daemon, path, chunks, trailer=b"", length=None, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER", **headers):
    """A PUT in aws-chunked; the status and the body of the answer."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailer + b"\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("PUT", path, body, {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
        "Signature=00", "Content-Encoding": "aws-chunked", "x-amz-content-sha256": payload,
        "x-amz-decoded-content-length": str(sum(map(len, chunks)) if length is None else length), **headers})
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, text


def test_chunks_with_trailers(daemon, s3, bucket):
    crc = base64.b64encode(zlib.crc32(b"hello, world").to_bytes(4, "big"))
    trailer = b"x-amz-checksum-crc32:" + crc + b"\r\n"
    said = {"x-amz-trailer": "x-amz-checksum-crc32"}
    path, chunks = f"/{bucket}/k", [b"hello, ", b"world"]
    assert chunked(daemon, path, chunks, trailer, **said)[0] == 200
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (b"hello, world", crc.decode())
    assert "ContentEncoding" not in got
    for status, code, call in (
            (400, b"BadDigest", lambda: chunked(daemon, path, [b"other"], trailer, **said)),
            (400, b"MalformedTrailerError", lambda: chunked(daemon, path, chunks, **said)),
            (400, b"IncompleteBody", lambda: chunked(daemon, path, chunks, trailer, 5, **said)),
            (400, b"IncompleteBody", lambda: chunked(daemon, path, chunks, trailer, 50, **said)),
            (400, b"InvalidRequest", lambda: chunked(daemon, path, chunks, **{"x-amz-trailer": "x-amz-checksum-x"}))):
        reply = call()
        assert reply[0] == status and b"<Code>" + code in reply[1], reply
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello, world"
    assert chunked(daemon, path, [b"x" * 70000] * 9, **{"Content-Encoding": "aws-chunked,gzip"})[0] == 200
    assert s3.head_object(Bucket=bucket, Key="k")["ContentEncoding"] == "gzip"


# -- chunks that are signed one by one


def signed_chunks(daemon, keys, bucket, chunks, trailers=b"", spoil=lambda body: body):
    """A PUT of a client with these keys; the status and the body of the answer."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailers else "")
    signer = SigV4Auth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]), "s3", "us-east-1")
    request = AWSRequest("PUT", f"{daemon.url}/{bucket}/k", headers={
        "Host": f"127.0.0.1:{daemon.port}", "x-amz-content-sha256": payload, "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(sum(map(len, chunks))),
        **({"x-amz-trailer": "x-amz-checksum-crc32"} if trailers else {})})
    signer.payload = lambda _: payload
    signer.add_auth(request)
    time, scope = request.context["timestamp"], signer.credential_scope(request)
    last = request.headers["Authorization"].split("Signature=")[1]
    key = b"AWS4" + keys["SecretAccessKey"].encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()

    def sign(kind, *rest):
        return hmac.new(key, "\n".join((f"AWS4-HMAC-SHA256-{kind}", time, scope, last) + rest).encode(), "sha256").hexdigest()

    body = b""
    for chunk in [*chunks, b""]:
        last = sign("PAYLOAD", hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest())
        body += b"%x;chunk-signature=%s\r\n%s" % (len(chunk), last.encode(), chunk + b"\r\n" if chunk else b"")
    if trailers:
        last = sign("TRAILER", hashlib.sha256(trailers + b"\n").hexdigest())
        body += trailers + b"\r\nx-amz-trailer-signature:" + last.encode() + b"\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("PUT", f"/{bucket}/k", spoil(body + b"\r\n"), dict(request.headers))
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, text


@pytest.mark.parametrize("trailers", [b"", b"x-amz-checksum-crc32:"])
def test_signed_chunks(daemon, s3, bucket, trailers):
    keys = daemon.client(service="sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/r",
                                                    RoleSessionName="me")["Credentials"]
    chunks = [os.urandom(65536), os.urandom(65536), b"end"]
    body = b"".join(chunks)
    if trailers:
        trailers += base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
    assert signed_chunks(daemon, keys, bucket, chunks, trailers) == (200, b"")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    for spoil in (lambda b: b.replace(b"\r\nend", b"\r\nEND"), lambda b: b.replace(b"chunk-signature=", b"chunk-signature=0"),
                  lambda b: b.replace(b"0;chunk-signature=", b"0;x=")):
        status, text = signed_chunks(daemon, keys, bucket, chunks, trailers, spoil)
        assert status == 403 and b"<Code>SignatureDoesNotMatch" in text
    if trailers:
        status, text = signed_chunks(daemon, keys, bucket, chunks, trailers, lambda b: b.replace(b"-trailer-signature", b"-other"))
        assert status == 403 and b"<Code>SignatureDoesNotMatch" in text


@pytest.mark.parametrize("kind,digest", [
    ("CRC32", lambda b: zlib.crc32(b).to_bytes(4, "big")), ("SHA256", lambda b: hashlib.sha256(b).digest())])
def test_sums_of_parts(s3, bucket, kind, digest):
    parts = [os.urandom(5 * MIB), b"end"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=kind)
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    done = []
    for i, part in enumerate(parts, 1):
        reply = s3.upload_part(PartNumber=i, Body=part, ChecksumAlgorithm=kind, **where)
        done.append({"PartNumber": i, "ETag": reply["ETag"], "Checksum" + kind: reply["Checksum" + kind]})
    reply = s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
    assert reply["Checksum" + kind] == base64.b64encode(digest(b"".join(map(digest, parts)))).decode() + "-2"


# -- writes under a condition


def test_if_none_match(daemon, s3, bucket):
    def put(**headers):
        def add(request, **_):
            for name, value in headers.items():
                request.headers[name.replace("_", "-")] = value

        client = daemon.client(service="s3")
        client.meta.events.register("before-sign.s3.PutObject", add)
        return client.put_object

    put(If_None_Match="*")(Bucket=bucket, Key="k", Body=b"1")
    assert refusal(put(If_None_Match="*"), Bucket=bucket, Key="k", Body=b"2") == ("PreconditionFailed", 412)
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert refusal(put(If_Match='"0"'), Bucket=bucket, Key="k", Body=b"2") == ("PreconditionFailed", 412)
    assert refusal(put(If_Match=etag), Bucket=bucket, Key="none", Body=b"2") == ("NoSuchKey", 404)
    put(If_Match=etag)(Bucket=bucket, Key="k", Body=b"3")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"
