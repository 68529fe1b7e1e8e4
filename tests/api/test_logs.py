# SPDX-License-Identifier: Apache-2.0
"""CloudWatch Logs as people and their tools see it: groups, streams, batches and their limits, pages in both directions,
filters, tags, retention, the cursor of the driver's batches, and what survives kill -9."""

import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from harness.wait import wait_until

DAY = 24 * 60 * 60 * 1000


def now():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def logs(daemon):
    return daemon.client(service="logs", validate=False)


@pytest.fixture
def group(logs, name):
    group = name("/ecs/web")
    logs.create_log_group(logGroupName=group)
    yield group
    try:
        logs.delete_log_group(logGroupName=group)
    except logs.exceptions.ResourceNotFoundException:
        pass


@pytest.fixture
def stream(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    return "s"


def refused(call, *args, **kwargs):
    with pytest.raises(ClientError) as e:
        call(*args, **kwargs)
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def put(logs, group, stream, *events):
    """Events as (time, message)."""
    return logs.put_log_events(logGroupName=group, logStreamName=stream,
                               logEvents=[{"timestamp": t, "message": m} for t, m in events])


def messages(reply):
    return [e["message"] for e in reply["events"]]


def filtered(logs, **kwargs):
    pages = logs.get_paginator("filter_log_events").paginate(**kwargs)
    return [e["message"] for page in pages for e in page["events"]]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def driver_put(connection, group, stream, events, cursor):
    """PutLogEvents as the awslogs driver sends it, over the daemon's own socket."""
    connection.request("POST", "/", json.dumps({"logGroupName": group, "logStreamName": stream, "logEvents": events}), {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.PutLogEvents",
        "X-Localemu-Log-Cursor": cursor})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def cursor_of(connection, group, stream, region="us-east-1"):
    query = urllib.parse.urlencode({"account": "000000000000", "region": region, "group": group, "stream": stream})
    connection.request("GET", "/_localemu/logs/cursor?" + query)
    reply = connection.getresponse()
    assert reply.status == 200
    return json.loads(reply.read())


# -- groups

def test_a_group_is_described(daemon, group):
    before = now() - 10000
    [g] = call(daemon, "DescribeLogGroups", {"logGroupNamePrefix": group})[1]["logGroups"]
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    assert before < g.pop("creationTime") <= now()
    assert g == {
        "logGroupName": group, "metricFilterCount": 0, "arn": arn + ":*", "logGroupArn": arn, "storedBytes": 0,
        "logGroupClass": "STANDARD", "deletionProtectionEnabled": False}


def test_a_group_exists_once_and_can_come_again(logs, group, stream):
    put(logs, group, stream, (now(), "old"))
    assert refused(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException", "The specified log group already exists")
    logs.delete_log_group(logGroupName=group)
    assert refused(logs.delete_log_group, logGroupName=group) == (
        "ResourceNotFoundException", "The specified log group does not exist.")
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    assert filtered(logs, logGroupName=group) == []


@pytest.mark.parametrize("bad", ["", "a b", "é", "x*", "a:b", "x" * 513])
def test_names_of_groups(logs, bad):
    code, message = refused(logs.create_log_group, logGroupName=bad)
    assert code == "InvalidParameterException"
    assert message.startswith("1 validation error detected: Value '")
    assert "at 'logGroupName' failed to satisfy constraint: Member must " in message
    if 0 < len(bad) < 10:
        assert message == (f"1 validation error detected: Value '{bad}' at 'logGroupName' failed to satisfy constraint: "
                           r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+")


def test_groups_page_by_page(logs, name):
    prefix = name("many")
    names = sorted(f"{prefix}/{i:02}" for i in range(7))
    for n in reversed(names):
        logs.create_log_group(logGroupName=n)
    pages = list(logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=prefix, PaginationConfig={"PageSize": 3}))
    assert [[g["logGroupName"] for g in p["logGroups"]] for p in pages] == [names[:3], names[3:6], names[6:]]
    assert [g["logGroupName"] for g in logs.describe_log_groups(
        logGroupNamePattern=prefix[2:] + "/03")["logGroups"]] == names[3:4]
    assert refused(logs.describe_log_groups, nextToken="nonsense") == (
        "InvalidParameterException", "The specified nextToken is invalid.")
    for n in names:
        logs.delete_log_group(logGroupName=n)


def test_groups_are_of_their_account_and_region(daemon, logs, group):
    for other in (daemon.client(service="logs", region="eu-west-1"), daemon.client(service="logs", key="123456789012")):
        assert other.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
        assert refused(other.describe_log_streams, logGroupName=group)[0] == "ResourceNotFoundException"


def test_class_key_and_protection(daemon, logs, name):
    group = name("kept")
    key = "arn:aws:kms:us-east-1:000000000000:key/1"
    call(daemon, "CreateLogGroup", {
        "logGroupName": group, "kmsKeyId": key, "logGroupClass": "INFREQUENT_ACCESS", "tags": {"a": "1"}})
    [g] = call(daemon, "DescribeLogGroups", {"logGroupNamePrefix": group})[1]["logGroups"]
    assert (g["kmsKeyId"], g["logGroupClass"]) == (key, "INFREQUENT_ACCESS")
    logs.disassociate_kms_key(logGroupName=group)
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    status, _ = call(daemon, "PutLogGroupDeletionProtection",
                     {"logGroupIdentifier": group, "deletionProtectionEnabled": True})
    assert status == 200
    assert refused(logs.delete_log_group, logGroupName=group)[0] == "ValidationException"
    call(daemon, "PutLogGroupDeletionProtection", {"logGroupIdentifier": group, "deletionProtectionEnabled": False})
    logs.delete_log_group(logGroupName=group)


def call(daemon, operation, body):
    """Without an SDK, for members that Debian's botocore does not know and bodies that it would not send."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    connection.request("POST", "/", body if isinstance(body, bytes) else json.dumps(body), {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328." + operation})
    reply = connection.getresponse()
    result = reply.status, json.loads(reply.read())
    connection.close()
    return result


# -- streams

def test_streams(logs, group):
    for s in ("b", "a", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=s)
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName="a") == (
        "ResourceAlreadyExistsException", "The specified log stream already exists")
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName="a:b") == (
        "InvalidParameterException",
        "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [^:*]*")
    t = now()
    put(logs, group, "a", (t - 10, "1"), (t, "2"))
    put(logs, group, "c", (t - 5, "3"))
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert [s["logStreamName"] for s in streams] == ["a", "b", "c"]
    a, b = streams[:2]
    assert (a["firstEventTimestamp"], a["lastEventTimestamp"]) == (t - 10, t)
    assert t <= a["lastIngestionTime"] <= now() and a["uploadSequenceToken"].isdigit() and a["storedBytes"] == 0
    assert a["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:a"
    assert set(b) == {"logStreamName", "creationTime", "arn", "storedBytes"}

    def names(**kwargs):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 2}, **kwargs)
        return [s["logStreamName"] for p in pages for s in p["logStreams"]]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "c", "b"]
    assert names(orderBy="LastEventTime") == ["b", "c", "a"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(logStreamNamePrefix="b") == ["b"]
    assert refused(logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="a") == (
        "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    assert names() == ["b", "c"]
    assert refused(logs.delete_log_stream, logGroupName=group, logStreamName="a") == (
        "ResourceNotFoundException", "The specified log stream does not exist.")
    assert filtered(logs, logGroupName=group) == ["3"]


# -- PutLogEvents

def test_what_is_put_comes_back(logs, group, stream):
    t = now()
    texts = ["plain", "ünï€ 😀", 'quotes " and \\ and /', "tab\there\nnewline\r", "\x01\x1f\x7f", " ", "{\"a\": 1}", "x" * 300000]
    reply = put(logs, group, stream, *[(t + i, m) for i, m in enumerate(texts)])
    assert reply["nextSequenceToken"].isdigit() and "rejectedLogEventsInfo" not in reply
    got = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert [(e["timestamp"], e["message"]) for e in got] == [(t + i, m) for i, m in enumerate(texts)]
    assert all(t <= e["ingestionTime"] <= now() for e in got)
    [g] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert g["storedBytes"] == sum(len(m.encode()) + 26 for m in texts)


def test_limits_of_a_batch(logs, group, stream):
    t = now()
    assert refused(put, logs, group, stream, (t, "b"), (t - 1, "a")) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.")
    assert refused(put, logs, group, stream, (t - DAY - 1, "a"), (t, "b")) == (
        "InvalidParameterException",
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    assert refused(put, logs, group, stream, *[(t, "x" * 100000)] * 10, (t, "x" * (48576 - 11 * 26 + 1))) == (
        "InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576")
    code, message = refused(put, logs, group, stream, *[(t, "x")] * 10001)
    assert code == "InvalidParameterException" and message.endswith(
        "at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to 10000")
    code, message = refused(put, logs, group, stream)
    assert code == "InvalidParameterException" and message.endswith("length greater than or equal to 1")
    code, message = refused(put, logs, group, stream, (t, ""))
    assert code == "InvalidParameterException" and message.endswith("length greater than or equal to 1")
    assert filtered(logs, logGroupName=group) == []
    put(logs, group, stream, *[(t, str(i)) for i in range(10000)])
    assert filtered(logs, logGroupName=group) == [str(i) for i in range(10000)]
    most = "\x01" * (1024 * 1024 - 26)  # six times as much in JSON
    put(logs, group, stream, (t + 1, most))
    assert filtered(logs, logGroupName=group, startTime=t + 1) == [most]


def test_too_old_expired_and_too_new(logs, group, stream):
    t = now()
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    span = lambda days: [(t - days * DAY, f"{days} days")]
    assert put(logs, group, stream, *span(15))["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert put(logs, group, stream, *span(4))["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    reply = put(logs, group, stream, (t, "now"), (t + 3 * 3600 * 1000, "too new"), (t + 4 * 3600 * 1000, "too new"))
    assert reply["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    reply = put(logs, group, stream, (t - 14 * DAY - 3600000, "too old"), (t - 14 * DAY + 3600000, "expired"))
    assert reply["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2}
    assert filtered(logs, logGroupName=group) == ["now"]


def test_a_group_or_stream_that_is_not_there(logs, group):
    assert refused(put, logs, group, "none", (now(), "x")) == (
        "ResourceNotFoundException", "The specified log stream does not exist.")
    assert refused(put, logs, group + "x", "none", (now(), "x")) == (
        "ResourceNotFoundException", "The specified log group does not exist.")
    for operation in (logs.get_log_events,):
        assert refused(operation, logGroupName=group, logStreamName="none")[1] == \
            "The specified log stream does not exist."


def test_sequence_tokens_are_ignored(logs, group, stream):
    for token in ("1", "nonsense"):
        logs.put_log_events(logGroupName=group, logStreamName=stream, sequenceToken=token,
                            logEvents=[{"timestamp": now(), "message": token}])
    assert filtered(logs, logGroupName=group) == ["1", "nonsense"]


# -- GetLogEvents

def test_pages_forward(logs, group, stream):
    t = now()
    put(logs, group, stream, *[(t + i // 2, str(i)) for i in range(10)])
    args = {"logGroupName": group, "logStreamName": stream, "limit": 4}
    page = logs.get_log_events(startFromHead=True, **args)
    seen = messages(page)
    while True:
        token = page["nextForwardToken"]
        page = logs.get_log_events(nextToken=token, **args)
        if page["nextForwardToken"] == token:
            break
        seen += messages(page)
    assert seen == [str(i) for i in range(10)] and messages(page) == []
    put(logs, group, stream, (t + 100, "later"))
    page = logs.get_log_events(nextToken=token, **args)
    assert messages(page) == ["later"]
    back = logs.get_log_events(nextToken=page["nextBackwardToken"], **args)
    assert messages(back) == ["6", "7", "8", "9"]


def test_pages_backward(logs, group, stream):
    t = now()
    put(logs, group, stream, *[(t + i, str(i)) for i in range(10)])
    args = {"logGroupName": group, "logStreamName": stream, "limit": 4}
    page = logs.get_log_events(**args)
    assert messages(page) == ["6", "7", "8", "9"]
    assert messages(logs.get_log_events(nextToken=page["nextForwardToken"], **args)) == []
    page = logs.get_log_events(nextToken=page["nextBackwardToken"], **args)
    assert messages(page) == ["2", "3", "4", "5"]
    page = logs.get_log_events(nextToken=page["nextBackwardToken"], **args)
    assert messages(page) == ["0", "1"]
    end = logs.get_log_events(nextToken=page["nextBackwardToken"], **args)
    assert messages(end) == [] and end["nextBackwardToken"] == page["nextBackwardToken"]
    assert refused(logs.get_log_events, nextToken="f/1", **args) == (
        "InvalidParameterException", "The specified nextToken is invalid.")


def test_an_empty_stream_is_followed(logs, group, stream):
    args = {"logGroupName": group, "logStreamName": stream}
    page = logs.get_log_events(**args)
    assert page["nextForwardToken"].startswith("f/") and page["nextBackwardToken"].startswith("b/")
    again = logs.get_log_events(nextToken=page["nextForwardToken"], **args)
    assert again["nextForwardToken"] == page["nextForwardToken"]
    put(logs, group, stream, (now(), "first"))
    assert messages(logs.get_log_events(nextToken=page["nextForwardToken"], **args)) == ["first"]


def test_times(logs, group, stream):
    t = now()
    put(logs, group, stream, *[(t + i, str(i)) for i in range(5)])
    args = {"logGroupName": group, "startTime": t + 1, "endTime": t + 3}
    assert messages(logs.get_log_events(logStreamName=stream, startFromHead=True, **args)) == ["1", "2"]
    assert filtered(logs, **args) == ["1", "2", "3"]  # the end is part of it here, and is not there


def test_a_page_has_a_megabyte(logs, group, stream):
    t = now()
    for i in range(8):
        put(logs, group, stream, *[(t + 4 * i + k, str(4 * i + k) + "x" * 99998) for k in range(4)])
    seen, token, pages = [], {"startFromHead": True}, 0
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, **token)
        if not page["events"]:
            break
        assert sum(len(m) for m in messages(page)) <= 1024 * 1024
        seen += messages(page)
        token = {"nextToken": page["nextForwardToken"]}
        pages += 1
    assert [m.rstrip("x") for m in seen] == [str(i) for i in range(32)] and pages == 4


def test_batches_that_overlap_are_in_order_of_time(logs, group, stream):
    t = now() - 3600 * 1000
    put(logs, group, stream, *[(t + i * 60000, f"a{i:02}") for i in range(0, 40, 2)])
    put(logs, group, stream, *[(t + i * 60000, f"a{i:02}") for i in range(1, 40, 2)])
    want = [f"a{i:02}" for i in range(40)]
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)) == want
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream)) == want
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream, limit=5)) == want[-5:]
    assert [e for page in logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, PaginationConfig={"PageSize": 7}) for e in messages(page)] == want


# -- FilterLogEvents

def test_streams_are_interleaved(logs, group):
    t = now()
    for s in ("web/1", "web/2", "db/1"):
        logs.create_log_stream(logGroupName=group, logStreamName=s)
    for i in range(6):
        put(logs, group, ("web/1", "web/2", "db/1")[i % 3], (t + i, str(i)))
    assert filtered(logs, logGroupName=group) == list("012345")
    assert filtered(logs, logGroupName=group, logStreamNamePrefix="web/") == list("0134")
    assert filtered(logs, logGroupName=group, logStreamNames=["db/1", "web/2"]) == list("1245")
    assert filtered(logs, logGroupName=group, logStreamNames=["db/1"]) == list("25")
    reply = logs.filter_log_events(logGroupName=group)
    assert [e["logStreamName"] for e in reply["events"][:3]] == ["web/1", "web/2", "db/1"]
    assert reply["searchedLogStreams"] == [] and "nextToken" not in reply
    ids = [e["eventId"] for e in reply["events"]]
    assert ids == sorted(set(ids)) and all(len(i) == 56 and i.isdigit() for i in ids)
    assert refused(logs.filter_log_events, logGroupName=group, logStreamNames=["none"]) == (
        "ResourceNotFoundException", "The specified log stream does not exist.")
    assert refused(logs.filter_log_events, logGroupName=group, logStreamNames=["db/1"], logStreamNamePrefix="d")[0] == \
        "InvalidParameterException"
    assert refused(logs.filter_log_events, logGroupName=group, nextToken="x") == (
        "InvalidParameterException", "The specified nextToken is invalid.")


def test_patterns(logs, group, stream):
    t = now()
    lines = ["ERROR one", "WARN two", "INFO three", '{"level": "error", "ms": 12, "user": {"name": "ann"}}',
             '{"level": "info", "ms": 1200}', '10.0.0.1 - ann [10/Oct/2000:13:25:15 -0700] "GET / HTTP/1.0" 404 15']
    put(logs, group, stream, *[(t + i, m) for i, m in enumerate(lines)])

    def found(pattern):
        return [lines.index(m) for m in filtered(logs, logGroupName=group, filterPattern=pattern)]
    assert found("") == [0, 1, 2, 3, 4, 5]
    assert found("ERROR") == [0]
    assert found("?ERROR ?WARN") == [0, 1]
    assert found('-ERROR -"INFO three"') == [1, 3, 4, 5]
    assert found('{ $.level = "err*" && $.ms < 100 }') == [3]
    assert found("{ $.ms > 100 || $.user.name = ann }") == [3, 4]
    assert found("{ $.user NOT EXISTS }") == [4]
    assert found("[ip, ..., status=4*, size>10]") == [5]
    assert found("%ERR|WARN%") == [0, 1]
    for bad in ("{ $.a }", "[a, b", '"open', "%(a)%"):
        assert refused(logs.filter_log_events, logGroupName=group, filterPattern=bad) == (
            "InvalidParameterException", "Invalid filter pattern")
    assert refused(logs.filter_log_events, logGroupName=group, filterPattern="a-b") == (
        "InvalidParameterException", "Invalid character(s) in term 'a-b'")


def test_a_search_through_much_comes_in_pages(logs, group, stream):
    """What is not found within one page's time is found on a later page."""
    t = now() - 3600 * 1000
    for i in range(40):
        put(logs, group, stream, *[(t + 100 * i + k // 10, f'{{"i": {i}, "x": "{"x" * 900}"}}') for k in range(1000)])
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="{ $.i = 39 }"))
    assert sum(len(p["events"]) for p in pages) == 1000
    assert len(pages) > 1


def test_a_group_by_its_arn(logs, group, stream):
    put(logs, group, stream, (now(), "found"))
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    for identifier in (group, arn, arn + ":*"):
        assert filtered(logs, logGroupIdentifier=identifier) == ["found"]
        assert messages(logs.get_log_events(logGroupIdentifier=identifier, logStreamName=stream)) == ["found"]
        assert len(logs.describe_log_streams(logGroupIdentifier=identifier)["logStreams"]) == 1
    assert refused(logs.filter_log_events, logGroupIdentifier=arn.replace("us-east-1", "eu-west-1"))[0] == \
        "ResourceNotFoundException"
    assert refused(logs.filter_log_events, logGroupIdentifier=group, logGroupName=group)[0] == "InvalidParameterException"


# -- tags

def test_tags(logs, group):
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.tag_log_group(logGroupName=group, tags={"a": "1", "b": "2"})
    logs.tag_resource(resourceArn=arn, tags={"b": "3", "c": ""})
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"a": "1", "b": "3", "c": ""}
    logs.untag_log_group(logGroupName=group, tags=["a"])
    logs.untag_resource(resourceArn=arn, tagKeys=["c", "none"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "3"}
    assert refused(logs.tag_resource, resourceArn=arn, tags={f"k{i}": "" for i in range(50)})[0] == "TooManyTagsException"
    assert refused(logs.list_tags_for_resource, resourceArn=arn + "x")[0] == "ResourceNotFoundException"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "3"}
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {}


# -- retention

def test_retention_hides_and_removes(logs, group, stream):
    t = now()
    put(logs, group, stream, (t - 2 * DAY, "old " + "x" * 1000))
    put(logs, group, stream, (t, "recent"))
    assert len(filtered(logs, logGroupName=group)) == 2
    assert refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)[0] == "InvalidParameterException"
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 1
    assert filtered(logs, logGroupName=group) == ["recent"]
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream)) == ["recent"]

    def stored():
        return logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"]
    wait_until(lambda: stored() == len("recent") + 26, 30, "the expired event to be removed")
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert filtered(logs, logGroupName=group) == ["recent"]


# -- the driver's contract

def test_a_cursor_is_kept_with_the_events(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    logs = daemon.client(service="logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="a/b c/1")
    own = UnixConnection(daemon.runtime_dir / "api.sock")
    assert cursor_of(own, "/g", "a/b c/1") == {"cursor": None}
    assert cursor_of(own, "/none", "x") == {"cursor": None}
    expected = []
    for i in range(50):
        status, _ = driver_put(own, "/g", "a/b c/1", [{"timestamp": now(), "message": str(i)}], f"cursor {i}")
        assert status == 200
        expected.append(str(i))
    assert cursor_of(own, "/g", "a/b c/1") == {"cursor": "cursor 49"}
    assert cursor_of(own, "/g", "a/b c/1", region="eu-west-1") == {"cursor": None}
    status, reply = driver_put(own, "/g", "a/b c/1", [{"timestamp": now(), "message": "x"}], "x" * 201)
    assert (status, reply["__type"]) == (400, "InvalidParameterException")
    status, _ = driver_put(own, "/g", "a/b c/1", [{"timestamp": 5, "message": "x"}], "y" * 200)  # too old: taken note of
    assert status == 200
    daemon.kill()
    daemon.restart()
    own = UnixConnection(daemon.runtime_dir / "api.sock")
    assert cursor_of(own, "/g", "a/b c/1") == {"cursor": "y" * 200}
    assert filtered(daemon.client(service="logs"), logGroupName="/g") == expected
    # over TCP anybody could be the sender: the header is not looked at
    over_tcp = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    assert driver_put(over_tcp, "/g", "a/b c/1", [{"timestamp": now(), "message": "z"}], "stranger")[0] == 200
    assert cursor_of(over_tcp, "/g", "a/b c/1") == {"cursor": "y" * 200}


def test_what_was_acknowledged_survives_kill_9(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    logs = daemon.client(service="logs")
    logs.create_log_group(logGroupName="/g")
    acknowledged = {}

    def send(stream):
        own = UnixConnection(daemon.runtime_dir / "api.sock")
        try:
            for i in range(100000):
                events = [{"timestamp": now(), "message": f"{i}.{k} {'x' * 500}"} for k in range(100)]
                assert driver_put(own, "/g", stream, events, str(i))[0] == 200
                acknowledged[stream] = i
        except OSError:
            pass  # the daemon was killed
        except http.client.HTTPException:
            pass
    for kill in range(3):
        streams = [f"{kill}/{k}" for k in range(3)]
        threads = [threading.Thread(target=send, args=(s,)) for s in streams]
        for s in streams:
            logs.create_log_stream(logGroupName="/g", logStreamName=s)
        for t in threads:
            t.start()
        wait_until(lambda: all(acknowledged.get(s, 0) > 10 for s in streams), 30, "some batches")
        daemon.kill()
        for t in threads:
            t.join()
        daemon.restart()
        logs = daemon.client(service="logs")
        own = UnixConnection(daemon.runtime_dir / "api.sock")
        for s in streams:
            cursor = int(cursor_of(own, "/g", s)["cursor"])  # of the last batch, whether its sender was told or not
            assert acknowledged[s] <= cursor <= acknowledged[s] + 1
            got = [m.split(" ")[0] for m in filtered(logs, logGroupName="/g", logStreamNames=[s])]
            assert got == [f"{i}.{k}" for i in range(cursor + 1) for k in range(100)]


def test_without_persistence_and_after_a_reset(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", PERSISTENCE="0")
    logs = daemon.client(service="logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    t = now()
    for i in range(5):
        put(logs, "g", "s", *[(t + i, f"{i} {'x' * 1000}")] * 900)
    assert len(filtered(logs, logGroupName="g")) == 4500
    daemon.end_all_tasks()  # resets the state
    assert logs.describe_log_groups()["logGroups"] == []
    logs.create_log_group(logGroupName="g")
    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []


# -- StartLiveTail

class LiveTail:
    """The event stream of StartLiveTail, read with botocore's own parser, which checks every checksum."""

    def __init__(self, daemon, **body):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
        self.connection.request("POST", "/", json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.StartLiveTail"})
        self.reply = self.connection.getresponse()
        assert self.reply.status == 200, self.reply.read()
        assert self.reply.headers["Content-Type"] == "application/vnd.amazon.eventstream"
        self.buffer = EventStreamBuffer()

    def next(self):
        """The next event's type and payload."""
        while True:
            for message in self.buffer:
                assert message.headers[":message-type"] == "event"
                return message.headers[":event-type"], json.loads(message.payload)
            data = self.reply.read1(65536)
            assert data, "the stream has ended"
            self.buffer.add_data(data)

    def results(self, n):
        """The next n events."""
        found = []
        while len(found) < n:
            kind, update = self.next()
            assert kind == "sessionUpdate" and update["sessionMetadata"] == {"sampled": False}
            found += update["sessionResults"]
        return found

    def close(self):
        self.connection.close()


def test_a_live_tail(daemon, logs, group, stream):
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.create_log_stream(logGroupName=group, logStreamName="other")
    put(logs, group, stream, (now(), "ERROR before"))
    tails = [LiveTail(daemon, logGroupIdentifiers=[arn]),
             LiveTail(daemon, logGroupIdentifiers=[arn], logStreamNames=[stream], logEventFilterPattern="ERROR")]
    try:
        assert [t.next() for t in tails] == [("initial-response", {})] * 2
        kind, session = tails[1].next()
        assert kind == "sessionStart" and session.pop("requestId") and session.pop("sessionId")
        assert session == {"logGroupIdentifiers": [arn], "logStreamNames": [stream], "logEventFilterPattern": "ERROR"}
        tails[0].next()
        t = now()
        put(logs, group, stream, (t - 10, "INFO one"), (t, "ERROR two"))
        put(logs, group, "other", (t, "ERROR three"))
        put(logs, group, stream, (t, "ERROR four ü"))
        all_of_it = tails[0].results(4)
        assert [e["message"] for e in all_of_it] == ["INFO one", "ERROR two", "ERROR three", "ERROR four ü"]
        assert t <= all_of_it[0].pop("ingestionTime") <= now()
        assert all_of_it[0] == {
            "logStreamName": stream, "logGroupIdentifier": arn, "message": "INFO one", "timestamp": t - 10}
        assert [e["message"] for e in tails[1].results(2)] == ["ERROR two", "ERROR four ü"]
        put(logs, group, stream, *[(t, f"ERROR {i}") for i in range(501)])
        while not (update := tails[1].next()[1])["sessionResults"]:
            pass
        assert update["sessionMetadata"] == {"sampled": True} and len(update["sessionResults"]) == 500
    finally:
        for t in tails:
            t.close()


def test_a_live_tail_ends_with_the_daemon(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")
    daemon.client(service="logs").create_log_group(logGroupName="g")
    tail = LiveTail(daemon, logGroupIdentifiers=["g"])
    assert [tail.next()[0] for _ in range(3)] == ["initial-response", "sessionStart", "sessionUpdate"]
    assert daemon.terminate() == 0
    tail.reply.read()  # to its end, which is in order: chunked
    tail.close()
    daemon.restart()


def test_groups_and_streams_are_recorded_and_events_are_not(daemon, logs, group, stream):
    put(logs, group, stream, (now(), "secret words"))
    events = daemon.client(service="cloudtrail").lookup_events(MaxResults=50)["Events"]
    mine = [e for e in events if group in e["CloudTrailEvent"]]
    assert {e["EventName"] for e in mine} == {"CreateLogGroup", "CreateLogStream"}
    assert {e["EventSource"] for e in mine} == {"logs.amazonaws.com"}


def test_live_tails_that_are_refused(daemon, group):
    for body, code in (({"logGroupIdentifiers": []}, "InvalidParameterException"),
                       ({}, "InvalidParameterException"),
                       ({"logGroupIdentifiers": [group + "x"]}, "ResourceNotFoundException"),
                       ({"logGroupIdentifiers": [group], "logEventFilterPattern": "{"}, "InvalidParameterException"),
                       ({"logGroupIdentifiers": [group], "logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]},
                        "InvalidParameterException")):
        status, reply = call(daemon, "StartLiveTail", body)
        assert (status, reply["__type"]) == (400, code)
    tails = []
    try:
        for _ in range(15):
            tails.append(LiveTail(daemon, logGroupIdentifiers=[group]))
        status, reply = call(daemon, "StartLiveTail", {"logGroupIdentifiers": [group]})
        assert (status, reply["__type"]) == (400, "LimitExceededException")
    finally:
        for t in tails:
            t.close()


def test_aws_logs_tail_is_live(daemon, logs, group, stream):
    put(logs, group, stream, (now() - 3600 * 1000, "an hour ago"), (now(), "before"))
    with subprocess.Popen(
            ["/usr/bin/aws", "--endpoint-url", daemon.url, "logs", "tail", group, "--follow", "--since", "5m",
             "--format", "short"], stdout=subprocess.PIPE, text=True, env={
                 **daemon.env, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                 "AWS_DEFAULT_REGION": "us-east-1", "PYTHONUNBUFFERED": "1"}) as tail:
        try:
            assert tail.stdout.readline().split(" ", 1)[1] == "before\n"
            put(logs, group, stream, (now(), "while it looks"))
            assert tail.stdout.readline().split(" ", 1)[1] == "while it looks\n"
        finally:
            tail.kill()
