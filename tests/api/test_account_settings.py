# SPDX-License-Identifier: Apache-2.0
"""Account settings through boto3: put, default, delete, list, what holds, and what they change. Each test has an account of
its own: settings are the account's."""

import itertools

import pytest
from botocore.exceptions import ClientError

NAMES = ["serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat", "awsvpcTrunking", "containerInsights",
         "fargateFIPSMode", "tagResourceAuthorization", "fargateTaskRetirementWaitPeriod", "guardDutyActivate",
         "defaultLogDriverMode", "fargateEventWindows"]
DEFAULTS = dict(zip(NAMES, ["enabled", "enabled", "enabled", "disabled", "disabled", "disabled", "on", "7", "off",
                            "non-blocking", "disabled"]))
numbers = itertools.count(710000000000)


@pytest.fixture
def account():
    return str(next(numbers))


@pytest.fixture
def ecs(daemon, account):
    return daemon.client(key=account, validate=False)


@pytest.fixture
def root(account):
    return f"arn:aws:iam::{account}:root"


def refused(call, **parameters):
    with pytest.raises(ClientError) as e:
        call(**parameters)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = e.value.response["Error"]
    return error["Code"], error["Message"]


def listed(ecs, **parameters):
    return {s["name"]: s["value"] for page in ecs.get_paginator("list_account_settings").paginate(**parameters)
            for s in page["settings"]}


def test_put_list_delete(ecs, root):
    assert listed(ecs) == {}
    put = ecs.put_account_setting(name="containerInsights", value="enhanced")["setting"]
    put.pop("type", None)  # Debian's botocore does not know it
    assert put == {"name": "containerInsights", "value": "enhanced", "principalArn": root}
    assert listed(ecs) == {"containerInsights": "enhanced"}
    assert listed(ecs, name="containerInsights", value="enhanced") == {"containerInsights": "enhanced"}
    assert listed(ecs, name="containerInsights", value="disabled") == {}
    assert listed(ecs, name="awsvpcTrunking") == {}
    gone = ecs.delete_account_setting(name="containerInsights")["setting"]
    assert {k: gone[k] for k in put} == put
    assert listed(ecs) == {}
    # where nothing was set, the one that holds
    assert ecs.delete_account_setting(name="containerInsights")["setting"]["value"] == "disabled"


@pytest.mark.parametrize("name, value", [
    ("serviceLongArnFormat", "enabled"), ("taskLongArnFormat", "enabled"), ("containerInstanceLongArnFormat", "enabled"),
    ("awsvpcTrunking", "enabled"), ("containerInsights", "enabled"), ("fargateFIPSMode", "enabled"),
    ("tagResourceAuthorization", "off"), ("fargateTaskRetirementWaitPeriod", "0"), ("fargateTaskRetirementWaitPeriod", "14"),
    ("defaultLogDriverMode", "blocking"), ("fargateEventWindows", "enabled")])
def test_values(ecs, root, name, value):
    setting = ecs.put_account_setting_default(name=name, value=value)["setting"]
    assert (setting["name"], setting["value"], setting["principalArn"]) == (name, value, root)
    assert listed(ecs, name=name) == {name: value}


def test_effective_settings(ecs, account, root):
    one = f"arn:aws:iam::{account}:user/one"
    ecs.put_account_setting_default(name="awsvpcTrunking", value="enabled")
    ecs.put_account_setting(name="containerInsights", value="enabled", principalArn=one)
    assert listed(ecs, effectiveSettings=True) == {**DEFAULTS, "awsvpcTrunking": "enabled"}
    assert listed(ecs, effectiveSettings=True, principalArn=one) == {
        **DEFAULTS, "awsvpcTrunking": "enabled", "containerInsights": "enabled"}
    assert listed(ecs, principalArn=one) == {"containerInsights": "enabled"}
    by_name = {s["name"]: s for s in ecs.list_account_settings(effectiveSettings=True, principalArn=one)["settings"]}
    assert by_name["containerInsights"]["principalArn"] == one
    assert by_name["awsvpcTrunking"]["principalArn"] == root


def test_who_manages(daemon, account):
    status, reply = daemon.call("ListAccountSettings", {"effectiveSettings": True, "name": "guardDutyActivate"}, key=account)
    assert status == 200 and [s["type"] for s in reply["settings"]] == ["aws_managed"]
    status, reply = daemon.call("ListAccountSettings", {"effectiveSettings": True}, key=account)
    assert {s["type"] for s in reply["settings"] if s["name"] != "guardDutyActivate"} == {"user"}


def test_pages(ecs):
    first = ecs.list_account_settings(effectiveSettings=True)
    assert [s["name"] for s in first["settings"]] == NAMES[:10]
    last = ecs.list_account_settings(effectiveSettings=True, nextToken=first["nextToken"])
    assert [s["name"] for s in last["settings"]] == NAMES[10:] and "nextToken" not in last
    seen, token = [], {}
    while True:
        page = ecs.list_account_settings(effectiveSettings=True, maxResults=3, **token)
        seen += [s["name"] for s in page["settings"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == NAMES
    assert refused(ecs.list_account_settings, nextToken="x") == ("InvalidParameterException", "Invalid token.")
    for wrong in (0, 11):
        assert refused(ecs.list_account_settings, maxResults=wrong)[0] == "InvalidParameterException"


def test_what_is_refused(ecs, daemon, account):
    choice = "wrong should be one of [" + ",".join(NAMES) + "]"
    for call in (ecs.put_account_setting, ecs.put_account_setting_default):
        assert refused(call, name="wrong", value="enabled") == ("InvalidParameterException", choice)
        assert refused(call, name="containerInsights", value="on") == (
            "InvalidParameterException", "on should be one of [enabled,enhanced,disabled]")
        assert refused(call, name="taskLongArnFormat", value="disabled") == (
            "InvalidParameterException", "You can no longer disable Long Arn settings")
        assert refused(call, name="guardDutyActivate", value="on")[0] == "InvalidParameterException"
        assert refused(call, name="containerInsights")[0] == "InvalidParameterException"
    assert refused(ecs.delete_account_setting, name="wrong") == ("InvalidParameterException", choice)
    assert refused(ecs.list_account_settings, name="wrong") == ("InvalidParameterException", choice)
    assert refused(ecs.list_account_settings, value="enabled")[0] == "InvalidParameterException"
    for principal in ("me", "arn:aws:iam::999999999999:root", f"arn:aws:iam::{account}:group/g"):
        assert refused(ecs.put_account_setting, name="containerInsights", value="enabled",
                       principalArn=principal)[0] == "InvalidParameterException"
    assert refused(ecs.put_account_setting, name="fargateTaskRetirementWaitPeriod", value="7",
                   principalArn=f"arn:aws:iam::{account}:user/u")[0] == "InvalidParameterException"
    assert listed(ecs) == {}


def test_regions_are_apart(daemon, ecs, account):
    ecs.put_account_setting(name="containerInsights", value="enabled")
    assert listed(daemon.client(key=account, region="eu-west-1")) == {}


def test_container_insights_of_a_new_cluster(ecs, name):
    def settings(cluster):
        return ecs.describe_clusters(clusters=[cluster], include=["SETTINGS"])["clusters"][0]["settings"]

    before, after, own = name("before"), name("after"), name("own")
    ecs.create_cluster(clusterName=before)
    ecs.put_account_setting_default(name="containerInsights", value="enhanced")
    ecs.create_cluster(clusterName=after)
    ecs.create_cluster(clusterName=own, settings=[{"name": "containerInsights", "value": "disabled"}])
    assert settings(before) == [{"name": "containerInsights", "value": "disabled"}]
    assert settings(after) == [{"name": "containerInsights", "value": "enhanced"}]
    assert settings(own) == [{"name": "containerInsights", "value": "disabled"}]
