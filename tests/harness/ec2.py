# SPDX-License-Identifier: Apache-2.0
"""What tests of EC2 share: the code of an error, and a filter in one word."""

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
