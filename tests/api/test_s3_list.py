# SPDX-License-Identifier: Apache-2.0
"""Listings and tags of S3 as boto3 sees them."""

import pytest
from botocore.exceptions import ClientError

KEYS = ["a", "a/1", "a/2", "a/b/1", "a/b/2", "b", "c/1", "c/d/1", "z", "ü/x y+z&<>.txt"]


@pytest.fixture(scope="module")
def s3(daemon):
    return daemon.client(service="s3")


@pytest.fixture
def empty(s3, name):
    bucket = name("list")
    s3.create_bucket(Bucket=bucket)
    return bucket


@pytest.fixture
def bucket(s3, empty):
    for key in KEYS:
        s3.put_object(Bucket=empty, Key=key, Body=key.encode())
    return empty


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    e = caught.value.response
    return e["Error"]["Code"], e["ResponseMetadata"]["HTTPStatusCode"]


def listed(reply):
    return [o["Key"] for o in reply.get("Contents", [])], [p["Prefix"] for p in reply.get("CommonPrefixes", [])]


@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
def test_all(s3, bucket, version):
    reply = getattr(s3, version)(Bucket=bucket)
    assert listed(reply) == (KEYS, [])
    assert not reply["IsTruncated"] and reply["MaxKeys"] == 1000 and reply["Name"] == bucket
    first = reply["Contents"][0]
    assert first["Size"] == 1 and first["StorageClass"] == "STANDARD" and first["ETag"].startswith('"')
    assert ("Owner" in first) == (version == "list_objects")


@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("prefix,delimiter,keys,prefixes", [
    ("", "/", ["a", "b", "z"], ["a/", "c/", "ü/"]), ("a/", "/", ["a/1", "a/2"], ["a/b/"]),
    ("a", "/", ["a"], ["a/"]), ("c/", "", ["c/1", "c/d/1"], []), ("ü", "", ["ü/x y+z&<>.txt"], []),
    ("nothing", "/", [], []), ("a/b/", "/", ["a/b/1", "a/b/2"], []), ("", "/b", ["a", "a/1", "a/2", "b", "c/1", "c/d/1",
                                                                                 "ü/x y+z&<>.txt", "z"], ["a/b"])])
def test_prefixes(s3, bucket, version, prefix, delimiter, keys, prefixes):
    reply = getattr(s3, version)(Bucket=bucket, Prefix=prefix, Delimiter=delimiter)
    assert (sorted(listed(reply)[0]), sorted(listed(reply)[1])) == (sorted(keys), sorted(prefixes))


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages(s3, bucket, delimiter, size):
    whole = listed(s3.list_objects_v2(Bucket=bucket, Delimiter=delimiter))
    for operation, more in (("list_objects", {}), ("list_objects_v2", {})):
        keys, prefixes = [], []
        for page in s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter=delimiter,
                                                         PaginationConfig={"PageSize": size}, **more):
            got = listed(page)
            assert len(got[0]) + len(got[1]) <= size
            if operation == "list_objects_v2":
                assert page["KeyCount"] == len(got[0]) + len(got[1])
            keys += got[0]
            prefixes += got[1]
        assert (keys, prefixes) == whole


def test_start_after_and_bad_arguments(s3, bucket):
    assert listed(s3.list_objects_v2(Bucket=bucket, StartAfter="a/2"))[0] == KEYS[3:]
    assert listed(s3.list_objects(Bucket=bucket, Marker="b"))[0] == KEYS[6:]
    assert listed(s3.list_objects_v2(Bucket=bucket, MaxKeys=0)) == ([], [])
    assert refusal(s3.list_objects_v2, Bucket=bucket, ContinuationToken="xyz") == ("InvalidArgument", 400)
    assert refusal(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1) == ("InvalidArgument", 400)
    assert refusal(s3.list_objects_v2, Bucket="no-such-bucket-here") == ("NoSuchBucket", 404)


def test_order_is_that_of_bytes(s3, empty):
    keys = ["A", "Z", "a", "z", "~", "\u00e4", "\u20ac", "\U0001f600", "a!", "a/", "a0"]
    for key in keys:
        s3.put_object(Bucket=empty, Key=key, Body=b"")
    assert listed(s3.list_objects_v2(Bucket=empty))[0] == sorted(keys, key=lambda k: k.encode())


def test_versions_of_what_has_none(s3, bucket):
    reply = s3.list_object_versions(Bucket=bucket, Prefix="a/")
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in reply["Versions"]] == [
        (k, "null", True) for k in KEYS if k.startswith("a/")]


def test_object_tags(s3, empty):
    tags = [{"Key": "one", "Value": "1"}, {"Key": "zwei", "Value": "ü & <x>"}]
    s3.put_object(Bucket=empty, Key="k", Body=b"", Tagging="a=b&c=d%20e")
    assert s3.get_object_tagging(Bucket=empty, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d e"}]
    assert s3.get_object(Bucket=empty, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=empty, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=empty, Key="k")["TagSet"] == tags
    s3.delete_object_tagging(Bucket=empty, Key="k")
    assert s3.get_object_tagging(Bucket=empty, Key="k")["TagSet"] == []
    assert refusal(s3.get_object_tagging, Bucket=empty, Key="none") == ("NoSuchKey", 404)
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refusal(s3.put_object_tagging, Bucket=empty, Key="k", Tagging=twice) == ("InvalidTag", 400)
    many = {"TagSet": [{"Key": f"k{i}", "Value": ""} for i in range(11)]}
    assert refusal(s3.put_object_tagging, Bucket=empty, Key="k", Tagging=many) == ("BadRequest", 400)


def test_bucket_tags(s3, empty):
    assert refusal(s3.get_bucket_tagging, Bucket=empty) == ("NoSuchTagSet", 404)
    tags = [{"Key": f"k{i}", "Value": str(i)} for i in range(50)]
    s3.put_bucket_tagging(Bucket=empty, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=empty)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=empty)
    assert refusal(s3.get_bucket_tagging, Bucket=empty) == ("NoSuchTagSet", 404)
