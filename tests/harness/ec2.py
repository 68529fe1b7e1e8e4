# SPDX-License-Identifier: Apache-2.0
"""What tests of EC2 share: the code of an error, a filter in one word, a range that is free on this host."""

import ipaddress
import time

import pytest
from botocore.exceptions import ClientError


def code_of(call, **parameters):
    """The code that a call fails with."""
    with pytest.raises(ClientError) as e:
        call(**parameters)
    return e.value.response["Error"]["Code"]


def where(**filters):
    """where(vpc_id=x) → [{"Name": "vpc-id", "Values": [x]}]"""
    return [{"Name": k.replace("_", "-"), "Values": v if isinstance(v, list) else [v]} for k, v in filters.items()]


def free_range(prefix=24):
    """A private range that no route of this host has."""
    taken = []
    for line in open("/proc/net/route").read().splitlines()[1:]:
        field = line.split()
        mask = int.from_bytes(bytes.fromhex(field[7])[::-1], "big")
        base = int.from_bytes(bytes.fromhex(field[1])[::-1], "big")
        if mask:
            taken.append(ipaddress.ip_network((base & mask, bin(mask).count("1"))))
    start = time.monotonic_ns() % 200
    for second in range(start, start + 256):
        candidate = ipaddress.ip_network(f"10.{second % 256}.77.0/{prefix}", strict=False)
        if not any(candidate.overlaps(t) for t in taken):
            return str(candidate)
    raise AssertionError("no free range on this host")
