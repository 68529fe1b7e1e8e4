# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4: keys that the daemon issued are verified, with botocore's signer as the peer."""

import datetime
import http.client
import re
import sqlite3
import urllib.parse

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/signer"
IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
ECS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}


@pytest.fixture(scope="module")
def keys(daemon):
    issued = daemon.client(service="sts").assume_role(RoleArn=ROLE, RoleSessionName="tests")["Credentials"]
    return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def send(daemon, method, path, body, headers):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    code = re.search(r'<Code>(\w+)|"__type":"(\w+)"', text)
    return reply.status, (code.group(1) or code.group(2)) if code else None, text


class At:
    """botocore's signer at another time."""

    def __init__(self, monkeypatch, minutes):
        real = datetime.datetime

        class Shifted(real):
            @classmethod
            def utcnow(cls):
                return real.utcnow() + datetime.timedelta(minutes=minutes)

        monkeypatch.setattr("botocore.auth.datetime.datetime", Shifted)


def signed(daemon, keys, service="sts", body=IDENTITY, headers=None, region="us-east-1", path="/"):
    request = AWSRequest("POST", daemon.url + path, dict(headers or FORM), body.encode())
    SigV4Auth(keys, service, region).add_auth(request)
    return ready(request)


def ready(request):
    """The headers; how long the body is, its sender says."""
    return {k: v for k, v in request.prepare().headers.items() if k != "Content-Length"}


def test_a_good_signature(daemon, keys):
    status, code, text = send(daemon, "POST", "/", IDENTITY, signed(daemon, keys))
    assert (status, code) == (200, None)
    assert "assumed-role/signer/tests" in text


def test_json(daemon, keys):
    headers = signed(daemon, keys, "ecs", "{}", ECS)
    assert send(daemon, "POST", "/", "{}", headers)[:2] == (200, None)
    assert send(daemon, "POST", "/", '{"maxResults":1}', headers)[:2] == (400, "InvalidSignatureException")


def test_a_changed_body(daemon, keys):
    headers = signed(daemon, keys)
    assert send(daemon, "POST", "/", IDENTITY + "&x=1", headers)[:2] == (403, "SignatureDoesNotMatch")


def test_the_digest_of_another_body(daemon, keys):
    headers = signed(daemon, keys, headers={**FORM, "X-Amz-Content-SHA256": "0" * 64})
    assert send(daemon, "POST", "/", IDENTITY, headers)[:2] == (403, "SignatureDoesNotMatch")


def test_unsigned_payload(daemon, keys):
    request = AWSRequest("POST", daemon.url + "/", {**FORM, "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, b"")
    SigV4Auth(keys, "sts", "us-east-1").add_auth(request)
    assert send(daemon, "POST", "/", IDENTITY, ready(request))[:2] == (200, None)


@pytest.mark.parametrize("part", ["signature", "header", "region", "query"])
def test_tampered(daemon, keys, part):
    headers, path = signed(daemon, keys), "/"
    if part == "signature":
        value = headers["Authorization"]
        headers["Authorization"] = value[:-1] + ("0" if value[-1] != "0" else "1")
    elif part == "header":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif part == "region":
        headers["Authorization"] = headers["Authorization"].replace("us-east-1", "eu-west-1")
    else:
        path = "/?a=b"
    assert send(daemon, "POST", path, IDENTITY, headers)[:2] == (403, "SignatureDoesNotMatch")


def test_spaces_and_order_of_a_query(daemon, keys):
    path = "/?b=2&a=x%20y&a=%2Fz&a-b=&empty"
    headers = signed(daemon, keys, path=path)
    assert send(daemon, "POST", path, IDENTITY, headers)[:2] == (200, None)


def test_a_header_with_blanks(daemon, keys):
    headers = signed(daemon, keys, headers={**FORM, "X-Amz-Meta-Note": "  two   words  "})
    assert send(daemon, "POST", "/", IDENTITY, headers)[:2] == (200, None)


def test_wrong_secret(daemon, keys):
    wrong = Credentials(keys.access_key, "x" * 40, keys.token)
    assert send(daemon, "POST", "/", IDENTITY, signed(daemon, wrong))[:2] == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("token", [None, "", "wrong", "IQoJb3JpZ2luX2Vj" + "A" * 356])
def test_wrong_token(daemon, keys, token):
    wrong = Credentials(keys.access_key, keys.secret_key, token)
    assert send(daemon, "POST", "/", IDENTITY, signed(daemon, wrong))[:2] == (403, "InvalidClientTokenId")
    assert send(daemon, "POST", "/", "{}", signed(daemon, wrong, "ecs", "{}", ECS))[:2] == (
        400, "UnrecognizedClientException")


def test_another_service(daemon, keys):
    headers = signed(daemon, keys, "iam", "{}", ECS)
    assert send(daemon, "POST", "/", "{}", headers)[:2] == (400, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-16, 16, -60 * 24])
def test_skew(daemon, keys, monkeypatch, minutes):
    At(monkeypatch, minutes)
    status, code, text = send(daemon, "POST", "/", IDENTITY, signed(daemon, keys))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert ("Signature expired:" if minutes < 0 else "Signature not yet current:") in text


@pytest.mark.parametrize("minutes", [-14, 14])
def test_small_skew(daemon, keys, monkeypatch, minutes):
    At(monkeypatch, minutes)
    assert send(daemon, "POST", "/", IDENTITY, signed(daemon, keys))[:2] == (200, None)


def presigned(daemon, keys, expires=60):
    request = AWSRequest("GET", daemon.url + "/?" + IDENTITY, {})
    SigV4QueryAuth(keys, "sts", "us-east-1", expires=expires).add_auth(request)
    return request.prepare().url.removeprefix(daemon.url)


def test_presigned(daemon, keys):
    path = presigned(daemon, keys)
    status, _, text = send(daemon, "GET", path, None, {})
    assert status == 200 and "assumed-role/signer/tests" in text
    assert send(daemon, "GET", path + "&more=1", None, {})[:2] == (403, "SignatureDoesNotMatch")
    assert send(daemon, "POST", path, None, {})[:2] == (403, "SignatureDoesNotMatch")
    assert send(daemon, "GET", path[:-1] + "g", None, {})[:2] == (403, "SignatureDoesNotMatch")


def test_presigned_and_too_old(daemon, keys, monkeypatch):
    At(monkeypatch, -2)
    assert send(daemon, "GET", presigned(daemon, keys), None, {})[1] == "SignatureDoesNotMatch"
    assert send(daemon, "GET", presigned(daemon, keys, 3600), None, {})[0] == 200


@pytest.mark.parametrize("cut", ["Signature=", "SignedHeaders=", "Credential="])
def test_incomplete(daemon, keys, cut):
    headers = signed(daemon, keys)
    if cut == "Credential=":  # without its end it names nobody
        headers["Authorization"] = headers["Authorization"].replace("/aws4_request", "")
        assert send(daemon, "POST", "/", IDENTITY, headers)[:2] == (403, "MissingAuthenticationToken")
        return
    headers["Authorization"] = re.sub(cut + r"[^,]*,?", "", headers["Authorization"])
    assert send(daemon, "POST", "/", IDENTITY, headers)[:2] == (400, "IncompleteSignature")


def test_an_unknown_key_is_root(daemon):
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "whatever")
    _, _, text = send(daemon, "POST", "/", IDENTITY, signed(daemon, stranger))
    assert "arn:aws:iam::000000000000:root" in text


def client(daemon, service, key, secret, token=None):
    return boto3.session.Session().client(
        service, region_name="us-east-1", endpoint_url=daemon.url, aws_access_key_id=key, aws_secret_access_key=secret,
        aws_session_token=token, config=Config(retries={"total_max_attempts": 1}))


def test_user_keys_from_their_making_to_their_end(daemon, name):
    iam, user = daemon.client(service="iam"), name("u")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key["AccessKeyId"])
    mine = client(daemon, "sts", key["AccessKeyId"], key["SecretAccessKey"])
    me = mine.get_caller_identity()
    assert me["Arn"] == f"arn:aws:iam::000000000000:user/{user}" and me["UserId"].startswith("AIDA")
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    refused(mine.get_caller_identity, "InvalidClientTokenId")
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    mine.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    refused(mine.get_caller_identity, "InvalidClientTokenId")
    iam.delete_user(UserName=user)


def refused(call, *codes):
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in codes


def test_only_those_who_are_known(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", LOCALEMU_VERIFY_SIGNATURES="1",
                          LOCALEMU_ROOT_ACCESS_KEY_ID="AKIAROOTROOTROOTROOT", LOCALEMU_ROOT_SECRET_ACCESS_KEY="se/cret+")
    root = client(daemon, "sts", "AKIAROOTROOTROOTROOT", "se/cret+")
    assert root.get_caller_identity()["Arn"].endswith(":root")
    refused(client(daemon, "sts", "AKIAROOTROOTROOTROOT", "other").get_caller_identity, "SignatureDoesNotMatch")
    refused(client(daemon, "sts", "test", "test").get_caller_identity, "InvalidClientTokenId")
    refused(client(daemon, "ecs", "test", "test").list_clusters, "UnrecognizedClientException")
    keys = root.assume_role(RoleArn=ROLE, RoleSessionName="in")["Credentials"]
    inside = client(daemon, "ecs", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    inside.list_clusters()
    assert send(daemon, "POST", "/", "{}", ECS)[:2] == (400, "MissingAuthenticationTokenException")


def test_keys_survive_a_restart_and_not_a_reset(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    keys = daemon.client(service="sts").assume_role(RoleArn=ROLE, RoleSessionName="rr")["Credentials"]

    def mine():
        return client(daemon, "sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    daemon.restart()
    assert "assumed-role" in mine().get_caller_identity()["Arn"]
    daemon.end_all_tasks()
    refused(mine().get_caller_identity, "InvalidClientTokenId")


def test_expired(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    keys = daemon.client(service="sts").assume_role(RoleArn=ROLE, RoleSessionName="rr")["Credentials"]
    daemon.terminate()
    db = sqlite3.connect(daemon.state_dir / "ecs.db")
    db.execute("UPDATE credential SET expires_at = created_at + 1")
    db.commit()
    db.close()
    daemon.restart()
    arguments = keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    refused(client(daemon, "sts", *arguments).get_caller_identity, "ExpiredToken")
    refused(client(daemon, "ecs", *arguments).list_clusters, "ExpiredTokenException")


def test_the_secret_stays_out_of_the_log(start_daemon):
    daemon = start_daemon(["--debug"], ECS_DOCKER_BACKEND="0")
    keys = daemon.client(service="sts").assume_role(RoleArn=ROLE, RoleSessionName="rr")["Credentials"]
    client(daemon, "ecs", keys["AccessKeyId"], "x" * 40, keys["SessionToken"])
    assert keys["SecretAccessKey"] not in daemon.log_text
    assert urllib.parse.quote(keys["SessionToken"]) not in daemon.log_text and keys["SessionToken"] not in daemon.log_text
