# SPDX-License-Identifier: Apache-2.0
"""What people really use with S3: aws of Debian, boto3, @aws-sdk from npm, each with its own defaults. The objects have
64 MiB, LOCALEMU_TEST_OBJECT_MIB says otherwise."""

import hashlib
import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from harness.npm import installed

MIB = 1024 * 1024
SIZE_MIB = int(os.environ.get("LOCALEMU_TEST_OBJECT_MIB", "64"))
PACKAGES = ("@aws-sdk/client-s3@3.1099.0", "@aws-sdk/lib-storage@3.1099.0", "@aws-sdk/s3-request-presigner@3.1099.0")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("s3") / "source"
    with open(path, "wb") as file:
        for _ in range(SIZE_MIB):
            file.write(os.urandom(MIB))
    return path


def test_boto3(daemon, name, source, tmp_path):
    s3, bucket = daemon.client(service="s3"), name("boto")
    s3.create_bucket(Bucket=bucket)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_file(str(source), bucket, "parts", Config=config)
    s3.download_file(bucket, "parts", str(tmp_path / "target"), Config=config)
    assert digest(tmp_path / "target") == digest(source)
    assert s3.head_object(Bucket=bucket, Key="parts")["ETag"].endswith(f'-{-(-SIZE_MIB // 8)}"')


def test_aws(daemon, name, source, tmp_path):
    bucket = "s3://" + name("cli")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "test",
                   "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

    def aws(*arguments):
        return subprocess.run(["/usr/bin/aws", "--endpoint-url", daemon.url, "s3", *arguments], env=environment,
                              cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120).stdout

    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "one").write_text("1")
    (tmp_path / "tree" / "sub" / "two ü").write_text("22")
    aws("mb", bucket)
    aws("cp", str(source), f"{bucket}/parts", "--no-progress")
    aws("cp", f"{bucket}/parts", "target", "--no-progress")
    assert digest(tmp_path / "target") == digest(source)
    assert aws("sync", "tree", f"{bucket}/tree", "--no-progress").count("upload:") == 2
    assert aws("sync", "tree", f"{bucket}/tree") == ""
    assert "PRE tree/" in aws("ls", bucket + "/") and f" {SIZE_MIB * MIB} parts" in aws("ls", bucket + "/")
    aws("mv", f"{bucket}/tree/one", f"{bucket}/tree/moved")
    aws("sync", f"{bucket}/tree", "back", "--no-progress")
    assert sorted(str(p.relative_to(tmp_path / "back")) for p in (tmp_path / "back").rglob("*") if p.is_file()) == [
        "moved", "sub/two ü"]
    with urllib.request.urlopen(aws("presign", f"{bucket}/tree/moved").strip()) as reply:
        assert reply.read() == b"1"
    aws("rm", f"{bucket}/tree", "--recursive")
    aws("rb", bucket, "--force")
    assert bucket[5:] not in aws("ls")


def test_javascript(daemon, name, source, tmp_path):
    script = pathlib.Path(__file__).with_name("s3_upload.mjs")
    environment = {**os.environ, "NODE_MODULES": str(installed(*PACKAGES))}
    out = subprocess.run(["node", script, daemon.url, name("js"), source, tmp_path / "target"], env=environment,
                         check=True, capture_output=True, text=True, timeout=120).stdout
    result = json.loads(out)
    assert digest(tmp_path / "target") == digest(source)
    assert result["etag"].endswith(f'-{-(-SIZE_MIB // 5)}"') and result["checksum"]
    assert result["small"] and result["signed"]
    assert (result["keys"], result["deleted"]) == (["parts", "small"], ["small"])


# -- presigned URLs


def fetch(url, data=None, method=None, **headers):
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


@pytest.fixture(scope="module")
def role_keys(daemon):
    return daemon.client(service="sts").assume_role(
        RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="me")["Credentials"]


@pytest.mark.parametrize("version", ["s3v4", "s3"])  # SigV2 is what boto3 still signs URLs with, unless told otherwise
@pytest.mark.parametrize("issued", [False, True])
def test_presigned(daemon, name, role_keys, version, issued):
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    if issued:
        keys = {"aws_access_key_id": role_keys["AccessKeyId"], "aws_secret_access_key": role_keys["SecretAccessKey"],
                "aws_session_token": role_keys["SessionToken"]}
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=daemon.url, **keys,
                      config=Config(signature_version=version))
    bucket = name("signed")
    daemon.client(service="s3").create_bucket(Bucket=bucket)

    def url(operation, expires=60, **arguments):
        return s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "a b/ü", **arguments}, ExpiresIn=expires)

    assert fetch(url("put_object"), b"body", "PUT", **{"Content-Type": ""})[0] == 200
    assert fetch(url("get_object")) == (200, b"body")
    assert fetch(url("get_object", ResponseContentType="a/b")) == (200, b"body")
    if version == "s3":
        status, text = fetch(url("get_object", expires=-1))
        assert status == 403 and b"Request has expired" in text
    if issued:
        status, text = fetch(url("get_object").replace("a%20b", "a%20c"))
        assert status == 403 and b"SignatureDoesNotMatch" in text
        assert fetch(url("get_object"), method="DELETE")[0] == 403


def test_presigned_urls_expire(daemon, name):
    s3 = daemon.client(service="s3", signature_version="s3v4")
    url = s3.generate_presigned_url("list_buckets", ExpiresIn=60)
    assert fetch(url)[0] == 200
    day = url.split("X-Amz-Date=")[1][:8]
    status, text = fetch(url.replace(f"X-Amz-Date={day}", "X-Amz-Date=20200101"))
    assert status == 403 and b"<Code>AccessDenied</Code>" in text and b"Request has expired" in text
    assert fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=x"))[0] in (400, 403)
