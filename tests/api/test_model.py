# SPDX-License-Identifier: Apache-2.0
"""The declared operations against botocore's own model of each service, of whatever version is installed, and ECS against
the model of a recent @aws-sdk: no operation of ECS, no member, no enum value that they know may be unknown to us, and no
type may differ."""

import json
import subprocess

import botocore.session
import pytest

from harness import sdk_model
from harness.daemon import BUILD


def dump():
    out = subprocess.run([BUILD / "localemu-ecsd", "--dump-api"], capture_output=True, check=True, timeout=10).stdout
    services = json.loads(out)["services"]
    return {name: {o["name"]: o for o in service["operations"]} for name, service in services.items()}


OURS = dump()
MODELS = {name: botocore.session.get_session().get_service_model(name) for name in OURS}
PARTIAL = {"ec2", "s3"}  # ec2 declares what VPCs, their parts and instances need, the rest is ignored; s3 has no tables
AVAILABLE = sorted((service, name) for service in set(OURS) - PARTIAL
                   for name, o in OURS[service].items() if o["available"])

# Operations of later models than botocore's.
LATER = {"AssumeRoot", "BatchGetSecretValue", "ListLogGroups", "PutLogGroupDeletionProtection", "StartLiveTail"}

# Members that a later model than Debian's does not require any more.
NOT_REQUIRED = ("CreateCapacityProvider.autoScalingGroupProvider", "UpdateCapacityProvider.autoScalingGroupProvider",
                "AssociateKmsKey.logGroupName", "DisassociateKmsKey.logGroupName", "DescribeLogStreams.logGroupName",
                "FilterLogEvents.logGroupName", "GetLogEvents.logGroupName")


def differences(shape, members, path):
    ours = {m["name"]: m for m in members}
    for name, theirs in shape.members.items():
        here = f"{path}.{name}"
        mine = ours.get(name)
        if mine is None:
            yield f"{here} is missing"
            continue
        item = theirs.member if theirs.type_name == "list" else theirs
        if mine["type"] != theirs.type_name:
            yield f"{here} is {mine['type']}, not {theirs.type_name}"
        if theirs.type_name == "list" and mine.get("item") != item.type_name:
            yield f"{here} has items of {mine.get('item')}, not {item.type_name}"
        if mine["required"] != (name in shape.required_members and here not in NOT_REQUIRED):
            yield f"{here} is {'' if mine['required'] else 'not '}required"
        for value in set(getattr(item, "enum", None) or ()) - set(mine.get("enum", ())):
            yield f"{here} does not know {value}"
        if item.type_name == "structure" and not mine.get("recursive"):
            yield from differences(item, mine.get("members", ()), here)


def test_every_operation_is_known():
    assert set(MODELS["ecs"].operation_names) <= set(OURS["ecs"])
    assert len(OURS["ecs"]) == 77


@pytest.mark.parametrize("service", sorted(OURS))
def test_no_operation_is_invented(service):
    assert set(OURS[service]) - (LATER if service != "ecs" else set(OURS["ecs"])) <= set(MODELS[service].operation_names)


@pytest.mark.parametrize("service,operation", AVAILABLE)
def test_input(service, operation):
    model = MODELS[service]
    if operation not in model.operation_names:
        return  # of a later model than this botocore's
    shape = model.operation_model(operation).input_shape
    if shape is not None:
        assert list(differences(shape, OURS[service][operation]["input"]["members"], operation)) == []


# --- the newest model: exactly these operations, exactly these members ---

NUMBERS = {"integer", "long", "double", "float"}  # one type in JavaScript


def same_type(ours, theirs):
    return ours == theirs or (ours in NUMBERS and theirs == "integer")


def sdk_differences(model, shape, members, path):
    ours = {m["name"]: m for m in members}
    for name in sorted(set(ours) | set(model["shapes"][shape])):
        here = f"{path}.{name}"
        mine, theirs = ours.get(name), model["shapes"][shape].get(name)
        if mine is None or theirs is None:
            yield f"{here} is {'missing' if mine is None else 'invented'}"
            continue
        if not same_type(mine["type"], theirs["type"]):
            yield f"{here} is {mine['type']}, not {theirs['type']}"
        if theirs["type"] == "list" and not same_type(mine.get("item"), theirs["item"]):
            yield f"{here} has items of {mine.get('item')}, not {theirs['item']}"
        if mine["required"] != theirs["required"]:
            yield f"{here} is {'' if mine['required'] else 'not '}required"
        if "enum" in theirs and set(theirs["enum"]) != set(mine.get("enum", ())):
            yield f"{here} differs in {sorted(set(theirs['enum']) ^ set(mine.get('enum', ())))}"
        if theirs.get("shape") and not mine.get("recursive"):
            yield from sdk_differences(model, theirs["shape"], mine.get("members", ()), here)


def test_the_newest_model_has_our_operations():
    assert set(sdk_model.ecs()["operations"]) == set(OURS["ecs"])


@pytest.mark.parametrize("operation", sorted(name for name, o in OURS["ecs"].items() if o["available"]))
def test_the_newest_model_has_our_members(operation):
    model = sdk_model.ecs()
    found = sdk_differences(model, model["operations"][operation]["input"], OURS["ecs"][operation]["input"]["members"],
                            operation)
    assert list(found) == []
