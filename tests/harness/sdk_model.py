# SPDX-License-Identifier: Apache-2.0
"""The service model of ECS as @aws-sdk/client-ecs publishes it (years newer than Debian's botocore), and answers held
against it: no member that the model does not have, no value of another type, no unknown enum value."""

import functools
import json
import pathlib
import subprocess

from harness.npm import package

VERSION = "3.1099.0"  # the last one with 77 operations


@functools.lru_cache(maxsize=None)
def ecs():
    script = pathlib.Path(__file__).with_name("sdk_model.mjs")
    files = package("@aws-sdk/client-ecs", VERSION)
    out = subprocess.run(["node", "--no-warnings", script, files], capture_output=True, check=True, timeout=60).stdout
    return json.loads(out)


PYTHON = {"string": (str,), "integer": (int, float), "boolean": (bool,), "timestamp": (int, float), "map": (dict,),
          "list": (list,), "structure": (dict,), "document": (object,)}


def _wrong_value(kind, value):
    return not isinstance(value, PYTHON[kind]) or (kind != "boolean" and kind != "document" and isinstance(value, bool))


def _check(model, shape, value, path):
    members = model["shapes"][shape]
    for name, v in value.items():
        here = f"{path}.{name}"
        member = members.get(name)
        if member is None:
            yield f"{here}: {shape} has no such member"
        elif v is None:
            yield f"{here} is null"
        elif _wrong_value(member["type"], v):
            yield f"{here} is {v!r}, not of type {member['type']}"
        elif member["type"] == "structure":
            yield from _check(model, member["shape"], v, here)
        elif member["type"] == "list":
            for i, item in enumerate(v):
                if _wrong_value(member["item"], item):
                    yield f"{here}[{i}] is {item!r}, not of type {member['item']}"
                elif member["item"] == "structure":
                    yield from _check(model, member["shape"], item, f"{here}[{i}]")
        elif "enum" in member and v not in member["enum"]:
            yield f"{here} is {v}, not one of {member['enum']}"


def complaints(operation, answer):
    """What is wrong with the answer (decoded JSON) of an operation."""
    model = ecs()
    return list(_check(model, model["operations"][operation]["output"], answer, operation))
