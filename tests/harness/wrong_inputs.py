# SPDX-License-Identifier: Apache-2.0
"""Wrong inputs made from the tables of --dump-api: (what is wrong, body, the member that the answer must name or None)."""

import copy
import json
import subprocess

from harness.daemon import BUILD

# Services that speak JSON with a target.
TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
    "logs": "Logs_20140328",
}
DEPTH_MAX = 7  # of members within members
RIGHT = {"string": "x", "boolean": True, "integer": 1, "long": 1, "double": 1.0, "float": 1.0, "timestamp": 1, "map": {},
         "document": {}, "blob": "eA=="}
WRONG = {
    "string": [7, True, ["x"], {"x": "y"}],
    "blob": [7, True, ["x"], {"x": "y"}],
    "boolean": ["perhaps", ["x"], {"x": 1}],
    "integer": ["many", [1], {"x": 1}, True],
    "long": ["many", [1], {"x": 1}, True],
    "double": ["many", [1], {"x": 1}, True],
    "float": ["many", [1], {"x": 1}, True],
    "timestamp": [[1], {"x": 1}, True],
    "list": ["x", 7, True, {"x": 1}],
    "map": ["x", 7, True, ["x"]],
    "structure": ["x", 7, True, ["x"]],
    "document": [],
}


def dump():
    out = subprocess.run([BUILD / "localemu-ecsd", "--dump-api"], capture_output=True, check=True, timeout=10).stdout
    services = json.loads(out)["services"]
    return {name: {o["name"]: o for o in service["operations"]} for name, service in services.items()}


def _right(member, depth=0):
    """A value that fits the row of a member."""
    kind = member["type"]
    if kind == "structure":
        return _object(member.get("members", ()), depth + 1)
    if kind == "list":
        item = {**member, "type": member["item"]}
        return [_right(item, depth)] * max(1, member.get("minLength", 1))
    if "enum" in member:
        return member["enum"][0]
    if kind in ("string", "blob"):
        return RIGHT[kind] if "chars" not in member and "minLength" not in member else "a" * max(1, member.get("minLength", 1))
    if kind in ("integer", "long", "double", "float"):
        return max(1, member.get("min", 1))
    return RIGHT[kind]


def _object(members, depth=0):
    """An object with the required members alone."""
    if depth > DEPTH_MAX:
        return {}
    return {m["name"]: _right(m, depth) for m in members if m["required"]}


def _values(member):
    """Values that the row of a member rules out, each with what is wrong."""
    kind = member["type"]
    for value in WRONG[kind]:
        yield f"{json.dumps(value)} for a {kind}", value
    if kind == "list":
        if "maxLength" in member:
            yield "too many items", [_right({**member, "type": member["item"]})] * (member["maxLength"] + 1)
        for what, value in _values({k: v for k, v in {**member, "type": member["item"]}.items() if k not in ("maxLength", "minLength")}):
            yield f"an item: {what}", [value]
        return
    if "enum" in member and kind == "string":
        yield "an unknown word", "NO_SUCH_WORD"
    if kind in ("integer", "long", "double", "float"):
        if "max" in member:
            yield "above its maximum", member["max"] + 1
        if member.get("min", 0) or "max" in member:
            yield "below its minimum", member.get("min", 0) - 1
    if kind == "integer":
        yield "more than 32 bits", 2**31
        yield "a fraction", 1.5
    if kind == "string" and "enum" not in member:
        if "maxLength" in member:
            yield "too long", "a" * (member["maxLength"] + 1)
        if member.get("minLength", 0) > 0:
            yield "too short", "a" * (member["minLength"] - 1)
        if "chars" in member:
            yield "a character that it may not have", "a" * max(1, member.get("minLength", 1) - 1) + "\u00a7"


def _walk(members, path, depth):
    """Each member with the way to it: a list of (name, is a list)."""
    for m in members:
        here = path + [(m["name"], m["type"] == "list")]
        yield m, here
        if m.get("members") and depth < DEPTH_MAX:
            yield from _walk(m["members"], here, depth + 1)


def _place(members, path, value):
    """A whole input, right but for `value` at the end of the path."""
    root = _object(members)
    at, level = root, members
    for name, is_list in path[:-1]:
        row = next(m for m in level if m["name"] == name)
        level = row["members"]
        inner = _object(level)
        at[name] = [inner] if is_list else inner
        at = inner
    at[path[-1][0]] = copy.deepcopy(value)
    return root


def _remove(members, path):
    root = _place(members, path, None)
    at = root
    for name, is_list in path[:-1]:
        at = at[name][0] if is_list else at[name]
    del at[path[-1][0]]
    return root


def _body(value):
    return json.dumps(value).encode()


def wrong_inputs(members):
    for body in (b"[]", b"7", b'"x"', b"{", b'{"a":}', b"\xff\xfe", b"{} x", b"nul", b"[" * 10000):
        yield f"the body {body[:8]!r}", body, None
    for member, path in _walk(members, [], 0):
        way = ".".join(name for name, _ in path)
        for what, value in _values(member):
            yield f"{way}: {what}", _body(_place(members, path, value)), path[-1][0]
        if member["required"]:
            yield f"{way} missing", _body(_remove(members, path)), path[-1][0]
            yield f"{way} null", _body(_place(members, path, None)), path[-1][0]
