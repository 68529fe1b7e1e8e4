# SPDX-License-Identifier: Apache-2.0
"""GET /_localemu/events without containers: what is told of a task's life, from where on, to whom, as pages and as streams
that break off, lag, come back and are too many."""

import datetime
import http.client
import json
import socket

import pytest

from harness.daemon import BUILD
from harness.events import TYPE, Stream, all_events, as_text, get_page
from harness.wait import wait_until

STREAMS_MAX = 64
PAGE = 250
VPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


@pytest.fixture
def cluster(ecs, name):
    cluster = name("events")
    ecs.create_cluster(clusterName=cluster)
    yield cluster
    ecs.delete_cluster(cluster=cluster)


@pytest.fixture
def definition(ecs, name):
    reply = ecs.register_task_definition(
        family=name("family"), networkMode="bridge",
        containerDefinitions=[{"name": "main", "image": "busybox", "memory": 64}])
    return reply["taskDefinition"]["taskDefinitionArn"]


@pytest.fixture
def run(ecs, cluster, definition):
    def run(**more):
        return ecs.run_task(**{"cluster": cluster, "taskDefinition": definition, **more})["tasks"][0]["taskArn"]

    return run


@pytest.fixture
def alone(start_daemon):
    """A daemon of the test's own, with a cluster and a definition; alone.run(n) makes n tasks."""
    daemon = start_daemon(ECS_DOCKER_BACKEND="0")

    def run(n=1):
        reply = daemon.call("RunTask", {"cluster": "c", "taskDefinition": "f", "count": n})[1]
        return [t["taskArn"] for t in reply["tasks"]]

    daemon.client().create_cluster(clusterName="c")
    daemon.client().register_task_definition(
        family="f", networkMode="bridge", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
    daemon.run = run
    return daemon


def states(events):
    return [(e["detail"]["lastStatus"], e["detail"]["desiredStatus"], e["detail"]["version"]) for e in events]


LIFE = [("PENDING", "RUNNING", 1), ("RUNNING", "RUNNING", 2), ("RUNNING", "STOPPED", 3), ("STOPPED", "STOPPED", 4)]


def live(ecs, cluster, arn):
    """Runs a task's life to its end."""
    ecs.stop_task(cluster=cluster, task=arn)
    wait_until(lambda: ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]["lastStatus"] == "STOPPED")


# -- what is told


def test_the_life_of_a_task(daemon, ecs, cluster, run):
    arn = run()
    live(ecs, cluster, arn)
    events = all_events(daemon, task=arn)
    assert states(events) == LIFE
    for e in events:
        assert e["version"] == "0" and e["source"] == "aws.ecs" and e["detail-type"] == TYPE
        assert e["account"] == "000000000000" and e["region"] == "us-east-1" and e["resources"] == [arn]
        assert datetime.datetime.strptime(e["time"], "%Y-%m-%dT%H:%M:%SZ")
        assert e["detail"]["updatedAt"].startswith(e["time"][:-1])
    assert len({e["id"] for e in events}) == len(events)
    updated = [e["detail"]["updatedAt"] for e in events]
    assert updated == sorted(updated)


def test_the_detail_is_what_describe_tasks_says(daemon, ecs, cluster, run):
    arn = run(tags=[{"key": "k", "value": "v"}], startedBy="me")
    live(ecs, cluster, arn)
    told = all_events(daemon, task=arn)[-1]["detail"]
    task = daemon.call("DescribeTasks", {"cluster": cluster, "tasks": [arn]})[1]["tasks"][0]
    for key in ("createdAt", "connectivityAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"):
        task[key] = as_text(task[key])
    del task["tags"]
    assert told.pop("updatedAt")
    assert told == task


def test_a_task_with_a_network_interface_begins_in_provisioning(daemon, ecs, cluster, name):
    definition = ecs.register_task_definition(
        family=name("vpc"), networkMode="awsvpc",
        containerDefinitions=[{"name": "main", "image": "busybox", "memory": 64}])["taskDefinition"]["taskDefinitionArn"]
    arn = ecs.run_task(cluster=cluster, taskDefinition=definition, networkConfiguration=VPC)["tasks"][0]["taskArn"]
    assert states(all_events(daemon, task=arn))[0] == ("PROVISIONING", "RUNNING", 1)


def test_start_task_and_the_tasks_of_a_deleted_cluster_are_told_too(daemon, ecs, name, definition):
    cluster = name("gone")
    ecs.create_cluster(clusterName=cluster)
    instance = ecs.run_task(cluster=cluster, taskDefinition=definition)["tasks"][0]["containerInstanceArn"]
    arn = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[instance])["tasks"][0]["taskArn"]
    with Stream(daemon, task=arn) as stream:
        assert states(stream.take(2)) == LIFE[:2]
        ecs.delete_cluster(cluster=cluster)
        assert states(stream.take(2)) == LIFE[2:]


def test_what_failed_is_not_told(daemon, ecs, cluster, run):
    before = get_page(daemon, since="now")[1]["next"]
    with pytest.raises(ecs.exceptions.ClientException):
        run(taskDefinition="nobody-made-it")
    assert all_events(daemon, since=before, cluster=cluster) == []


def test_a_change_of_nothing_is_not_told(daemon, ecs, cluster, run):
    arn = run()
    live(ecs, cluster, arn)
    ecs.stop_task(cluster=cluster, task=arn)
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "v"}])
    assert states(all_events(daemon, task=arn)) == LIFE


# -- from where on


def test_since_a_cursor_an_id_and_a_time(daemon, ecs, cluster, run):
    before = get_page(daemon, since="now")[1]
    assert before["events"] == []
    first = run()
    live(ecs, cluster, first)
    events = all_events(daemon, since=before["next"], cluster=cluster)
    assert states(events) == LIFE
    for i, e in enumerate(events):
        assert all_events(daemon, since=e["id"], cluster=cluster) == events[i + 1:]
    assert get_page(daemon, since=events[-1]["id"], cluster=cluster)[1]["events"] == []
    second = run()
    moment = next(e for e in all_events(daemon, task=second))["detail"]["updatedAt"]
    for text in (moment, moment.replace("Z", "+00:00"), moment[:-1] + "000Z"):
        found = all_events(daemon, since=text, cluster=cluster)
        assert [e["resources"] for e in found if e not in events] == [[second], [second]], text
    an_hour = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    assert all_events(daemon, since=f"{an_hour:%Y-%m-%dT%H:%M:%SZ}", cluster=cluster) == []
    east = an_hour + datetime.timedelta(hours=2)  # the same moment, written two hours further east
    assert all_events(daemon, since=f"{east:%Y-%m-%dT%H:%M:%S}+02:00", cluster=cluster) == []
    assert len(all_events(daemon, since="2001-01-01T00:00:00Z", cluster=cluster)) == 6


def test_filters(daemon, ecs, cluster, run, name):
    arn, other = run(), run()
    cluster_arn = ecs.describe_clusters(clusters=[cluster])["clusters"][0]["clusterArn"]
    assert states(all_events(daemon, cluster=cluster)) == states(all_events(daemon, cluster=cluster_arn))
    assert {e["resources"][0] for e in all_events(daemon, cluster=cluster)} == {arn, other}
    assert all_events(daemon, task=arn) == all_events(daemon, task=arn.rsplit("/", 1)[1])
    assert {e["resources"][0] for e in all_events(daemon, task=arn)} == {arn}
    assert all_events(daemon, task=arn, cluster=cluster) == all_events(daemon, task=arn)
    assert all_events(daemon, task=arn, cluster=name("another")) == []
    assert all_events(daemon, cluster=cluster_arn.replace("us-east-1", "eu-west-1")) == []
    assert all_events(daemon, cluster=cluster_arn.replace("000000000000", "111111111111")) == []


def test_accounts_and_regions_are_told_apart(daemon, name):
    cluster = name("elsewhere")
    ecs = daemon.client(region="eu-west-1", key="123456789012")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(family=cluster, containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
    arn = ecs.run_task(cluster=cluster, taskDefinition=cluster)["tasks"][0]["taskArn"]
    event = all_events(daemon, cluster=cluster)[0]
    assert (event["account"], event["region"], event["resources"]) == ("123456789012", "eu-west-1", [arn])
    ecs.delete_cluster(cluster=cluster)


@pytest.mark.parametrize("params", [
    {"since": "yesterday"}, {"since": "-1"}, {"since": "2026-01-01"}, {"since": "2026-01-01T00:00:00"},
    {"since": "2026-01-01T00:00:00.Z"}, {"since": "2026-01-01T00:00:00Zz"}, {"since": "2026-01-01T00:00:00+1"},
    {"since": "9" * 40}, {"since": "0123456789abcdef0123456789abcdef0123"}, {"cluster": "arn:aws:ecs:nowhere"},
    {"task": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}, {"since": '"\\'},
])
def test_what_is_no_place_in_the_log_is_refused(daemon, params):
    status, body = get_page(daemon, **params)
    assert status == 400 and body["__type"] == "InvalidParameterException"
    with Stream(daemon, **params) as stream:
        assert stream.status == 400


def ask(daemon, method="GET", query="", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    try:
        connection.request(method, "/_localemu/events" + query, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.getheader("Content-Type"), reply.read()
    finally:
        connection.close()


def test_methods_and_forms(daemon):
    assert ask(daemon, "HEAD")[:2] == (200, "application/json")
    assert ask(daemon, "HEAD", "?stream=1")[2] == b""
    assert ask(daemon, "POST")[0] == 405
    assert ask(daemon, "OPTIONS")[0] == 204
    assert ask(daemon, query="?stream=0", Accept="text/event-stream")[1] == "application/json"
    assert ask(daemon, query="?=&&")[0] == 400


def test_a_page_of_another_origin_is_refused(daemon):
    assert ask(daemon, Origin="https://example.com")[0] == 403
    with Stream(daemon, headers=["Origin: https://example.com"]) as stream:
        assert stream.status == 403
    assert ask(daemon, Host="example.com")[0] == 403


def test_many_events_come_in_pages(alone):
    arns = [arn for _ in range(15) for arn in alone.run(10)]
    status, first = get_page(alone)
    assert status == 200 and len(first["events"]) == PAGE
    events = all_events(alone)
    assert len(events) == 2 * len(arns) and len({e["id"] for e in events}) == len(events)
    assert {e["resources"][0] for e in events} == set(arns)
    assert events[:PAGE] == first["events"]


# -- streams


def test_a_stream_begins_where_it_is_told_and_goes_on(daemon, ecs, cluster, run):
    before = run()
    with Stream(daemon, cluster=cluster) as old, Stream(daemon, cluster=cluster, since="now") as new:
        assert old.status == 200 and old.headers["content-type"] == "text/event-stream"
        assert old.headers["cache-control"] == "no-cache" and "content-length" not in old.headers
        assert [e["resources"] for e in old.take(2)] == [[before]] * 2
        after = run()
        assert states(new.take(2)) == LIFE[:2]
        live(ecs, cluster, after)
        assert states(new.take(2)) == LIFE[2:]
        assert states(old.take(4)) == LIFE
        assert new.blocks == [{"retry": "1000", "id": new.blocks[0]["id"]}]
        assert int(old.last_id) >= int(new.last_id) - 1


def test_a_stream_says_what_the_pages_say(daemon, ecs, cluster, run):
    live(ecs, cluster, run())
    with Stream(daemon, cluster=cluster) as stream:
        assert stream.take(4) == all_events(daemon, cluster=cluster)


def test_stream_without_the_header(daemon, run, cluster):
    arn = run()
    with Stream(daemon, headers=["Accept: */*"], stream=1, task=arn) as stream:
        assert [e["resources"] for e in stream.take(2)] == [[arn]] * 2


def test_http_1_0_gets_no_chunks(daemon, run):
    arn = run()
    with socket.create_connection(("127.0.0.1", daemon.port), 10) as s:
        s.sendall(f"GET /_localemu/events?stream=1&task={arn.rsplit('/', 1)[1]} HTTP/1.0\r\n\r\n".encode())
        seen = b""
        while seen.count(b"\nevent: ") < 2:
            seen += s.recv(65536)
    head, body = seen.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head and body.startswith(b"retry: ")


def test_last_event_id_across_connections(daemon, ecs, cluster, run):
    arns, seen, last = [run()], [], None
    for _ in range(5):
        with Stream(daemon, last_event_id=last, cluster=cluster) as stream:
            seen += [e["id"] for e in stream.take(2)]
            last = stream.last_id
        arns.append(run())  # while nobody listens
    assert seen == [e["id"] for e in all_events(daemon, cluster=cluster)][:10]


def test_last_event_id_wins_over_since_and_may_be_an_event_s_id(daemon, cluster, run):
    run()
    run()
    events = all_events(daemon, cluster=cluster)
    with Stream(daemon, last_event_id=events[1]["id"], cluster=cluster, since="now") as stream:
        assert stream.take(2) == events[2:]


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_last_event_id_across_lives_of_the_daemon(alone, end):
    arn = alone.run()[0]
    with Stream(alone) as stream:
        seen = stream.take(1)
        last = stream.last_id
        getattr(alone, end)()
        assert stream.wait_end() == ("whole" if end == "terminate" else "cut")
    alone.restart()
    alone.client().stop_task(cluster="c", task=arn)
    with Stream(alone, last_event_id=last) as stream:
        seen += stream.take(3)
    assert states(seen) == LIFE


def test_a_daemon_without_a_memory_does_not_repeat_numbers(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND="0", PERSISTENCE="0")
    cursors = []
    for _ in range(2):
        ecs = daemon.client()
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
        ecs.run_task(cluster="c", taskDefinition="f")
        if cursors:
            assert len(all_events(daemon, since=cursors[-1])) == 2
        cursors.append(get_page(daemon)[1]["next"])
        daemon.terminate()
        daemon.restart()
    assert cursors[0] < cursors[1]


def test_a_stream_ends_in_order_with_the_daemon(alone):
    with Stream(alone) as stream:
        assert alone.terminate() == 0
        assert stream.wait_end() == "whole"


def test_a_reset_is_seen_to_its_end(alone):
    arn = alone.run()[0]
    with Stream(alone, since="now") as stream:
        alone.end_all_tasks()
        assert states(stream.take(2)) == LIFE[2:]
        assert get_page(alone)[1]["events"] == []
        alone.client().create_cluster(clusterName="c")
        alone.client().register_task_definition(
            family="f", networkMode="bridge", containerDefinitions=[{"name": "a", "image": "b", "memory": 8}])
        again = alone.run()[0]
        assert again != arn
        assert [e["resources"] for e in stream.take(2)] == [[again]] * 2


# -- readers that are slow, gone, many


def resident_kib(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def test_a_slow_reader_costs_nothing_and_misses_nothing(alone):
    # over the unix socket, whose buffers in the kernel are small
    with Stream(alone, path=alone.runtime_dir / "api.sock") as slow, Stream(alone) as fast:
        alone.run(10)
        fast.take(20)
        before = resident_kib(alone)
        arns = [arn for _ in range(60) for arn in alone.run(10)]
        seen = fast.take(2 * len(arns), 30)
        assert {e["resources"][0] for e in seen} == set(arns)
        if "san-" not in str(BUILD):  # a sanitizer keeps what is freed
            assert resident_kib(alone) - before < 3000  # 1200 events are about 2 MiB for each that would hold them
        slow_seen = slow.take(20 + 2 * len(arns), 60)
        assert [e["id"] for e in slow_seen[20:]] == [e["id"] for e in seen]


def test_many_readers_and_one_too_many(alone):
    streams = []
    try:
        for _ in range(STREAMS_MAX):
            streams.append(Stream(alone))
        assert {s.status for s in streams} == {200}
        with Stream(alone) as extra:
            assert extra.status == 503
            assert extra.headers["x-amzn-errortype"] == "ServiceUnavailableException"
        assert get_page(alone)[0] == 200  # pages are not streams
        arns = alone.run(10)
        for s in streams:
            assert {e["resources"][0] for e in s.take(20)} == set(arns)
        streams.pop().close()

        def another():
            stream = Stream(alone)
            if stream.status != 200:
                stream.close()
                return None
            return stream

        streams.append(wait_until(another, 5, "a place to become free"))
        assert len(streams[-1].take(20)) == 20
    finally:
        for s in streams:
            s.close()


def test_readers_that_go_in_the_middle(alone):
    def another():
        with Stream(alone) as stream:
            return stream.status == 200

    for i in range(3 * STREAMS_MAX):
        with Stream(alone) as stream:
            if stream.status == 200 and i % 2:
                alone.run()
                stream.next()
    wait_until(another, 5, "a place to become free")
    assert get_page(alone)[0] == 200


def test_a_body_with_the_request_is_no_harm(daemon):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("GET", "/_localemu/events", body=json.dumps({"x": 1}))
    assert connection.getresponse().status == 200
    connection.close()
