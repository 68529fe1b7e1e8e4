# SPDX-License-Identifier: Apache-2.0
"""Every member of every operation, given wrongly in every way that its row in the tables rules out: of another type, out of
range, too long, an unknown word, missing. Made from --dump-api, so a new row is tested by being there. Each answer must
be a 4xx of the service that says which member is meant, and nothing may change."""

import http.client
import json

import pytest

from harness import sdk_model
from harness.wrong_inputs import TARGETS, dump, wrong_inputs

OURS = dump()
AVAILABLE = [(service, name) for service in sorted(TARGETS) if service in OURS
             for name, o in sorted(OURS[service].items()) if o["available"]]
LISTS = ("ListClusters", "ListTaskDefinitions", "ListContainerInstances", "ListAccountSettings", "DescribeCapacityProviders")


class Wire:
    """One connection; an answer is (status, code, message)."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)

    def send(self, service, operation, body):
        self.connection.request("POST", "/", body, {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{TARGETS[service]}.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, "
                             "SignedHeaders=host, Signature=00"})
        reply = self.connection.getresponse()
        text = reply.read()
        return reply.status, json.loads(text)


@pytest.fixture(scope="module")
def wire(daemon):
    wire = Wire(daemon)
    state(wire)  # the cluster "default" comes into being with the first question about it
    yield wire
    wire.connection.close()


# Where ECS's own words name the member otherwise.
WORDS = {("RegisterTaskDefinition", "containerDefinitions"): "Container list cannot be empty."}


def names(message, operation, member):
    """A path, the member in ECS's own words ("launch type"), or the word that it would not have."""
    return (member is None or member.lower() in message.replace(" ", "").lower() or "NO_SUCH_WORD" in message
            or message == WORDS.get((operation, member)))


def state(wire):
    return [wire.send("ecs", name, b"{}") for name in LISTS]


@pytest.mark.parametrize("service,operation", AVAILABLE)
def test_wrong_inputs(wire, service, operation):
    before = state(wire)
    n = 0
    for what, body, member in wrong_inputs(OURS[service][operation]["input"]["members"]):
        status, answer = wire.send(service, operation, body)
        code, message = answer.get("__type", ""), answer.get("message", "")
        assert 400 <= status < 500, f"{what}: {status} {answer}"
        assert code.endswith("Exception"), f"{what}: {answer}"
        if service == "ecs":
            assert code in sdk_model.ecs()["errors"] or code == "SerializationException", f"{what}: {answer}"
        assert names(message, operation, member), f"{what}: {message}"
        n += 1
    assert n > 0 or not OURS[service][operation]["input"]["members"]
    assert state(wire) == before
