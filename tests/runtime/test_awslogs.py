# SPDX-License-Identifier: Apache-2.0
"""Log driver awslogs: what a container writes is in CloudWatch Logs, each line once and in order, live while it runs and
complete when its task is STOPPED; `docker logs` shows the same."""

import contextlib
import http.server
import json
import os
import re
import signal
import socketserver
import subprocess
import threading
import uuid

import pytest

from harness.wait import wait_until

ROLE = "arn:aws:iam::000000000000:role/execution"
EVENT_MAX = 256 * 1024 - 26
NO_GROUP = "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."


def sh(line):
    return ["sh", "-c", line]


class Logs:
    """The log groups of one test, seen with boto3."""

    def __init__(self, daemon, lab, region="us-east-1"):
        self.daemon = daemon
        self.lab = lab
        self.region = region
        self.client = daemon.client(region=region, service="logs")
        self.group = "/ecs/" + uuid.uuid4().hex[:8]

    def container(self, command, name="main", options=(), **more):
        return self.lab.container(name, sh(command), logConfiguration={"logDriver": "awslogs", "options": {
            "awslogs-group": self.group, "awslogs-region": self.region, "awslogs-stream-prefix": "app",
            **dict(options)}}, **more)

    def create(self):
        self.client.create_log_group(logGroupName=self.group)
        return self

    def stream(self, task, name="main"):
        return f"app/{name}/{self.lab.arn(task).split('/')[-1]}"

    def events(self, stream):
        found, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            reply = self.client.get_log_events(logGroupName=self.group, logStreamName=stream, startFromHead=True, **more)
            found += reply["events"]
            if reply["nextForwardToken"] == token:
                return found
            token = reply["nextForwardToken"]

    def messages(self, task, name="main"):
        return [e["message"] for e in self.events(self.stream(task, name))]

    def wait_for(self, task, text, name="main", seconds=10):
        return wait_until(lambda: text in self.messages(task, name), seconds, f"{text!r} in {self.stream(task, name)}")


@pytest.fixture
def logs(engine_daemon, lab):
    return Logs(engine_daemon, lab)


# -- what arrives


def test_everything_is_there_when_the_task_is_stopped(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container("echo to stdout; echo to stderr >&2; echo; printf 'no newline'"))
    assert sorted(logs.messages(task)) == ["no newline", "to stderr", "to stdout"]
    assert task["stopCode"] == "EssentialContainerExited"


def test_docker_logs_and_the_command_line_show_the_same(logs, lab, engine_daemon):
    logs.create()
    task = lab.run(logs.container("echo hello from inside; trap 'exit 0' TERM; sleep 3600 & wait"))
    logs.wait_for(task, "hello from inside")
    assert lab.output(task) == "hello from inside\n"
    assert lab.inspect(task)["HostConfig"]["LogConfig"]["Type"] == "json-file"
    shown = subprocess.run(["awsemu", "logs", "tail", logs.group, "--format", "short"], env=engine_daemon.env, check=True,
                           capture_output=True, text=True).stdout
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d hello from inside\n", shown), shown


def test_lines_are_live(logs, lab):
    """A line that is written while the container runs is seen although nothing follows it."""
    logs.create()
    task = lab.run(logs.container("n=0; trap 'n=$((n+1)); echo line $n' USR1; while :; do sleep 0.05; done"))
    for n in range(1, 4):
        lab.engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/kill", query={"signal": "USR1"})
        logs.wait_for(task, f"line {n}", seconds=5)
    assert logs.messages(task) == ["line 1", "line 2", "line 3"]


def test_time_and_order_are_those_of_the_container(logs, lab):
    """One process writes in turn to both; the Engine reads two pipes, so the order within one is what is certain."""
    logs.create()
    task = lab.run_to_end(logs.container("i=0; while [ $i -lt 400 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"))
    events = logs.events(logs.stream(task))
    messages = [e["message"] for e in events]
    assert [m for m in messages if m[0] == "o"] == [f"o{i}" for i in range(400)]
    assert [m for m in messages if m[0] == "e"] == [f"e{i}" for i in range(400)]
    times = [e["timestamp"] for e in events]
    assert times == sorted(times)
    assert task["startedAt"].timestamp() * 1000 - 1000 <= times[0] <= times[-1] <= task["stoppedAt"].timestamp() * 1000 + 1000


def test_both_sources_keep_the_order_of_docker_logs(logs, lab):
    logs.create()
    task = lab.run(logs.container("for i in 1 2 3 4 5; do echo o$i; sleep 0.02; echo e$i >&2; sleep 0.02; done; "
                                  "trap 'exit 0' TERM; sleep 3600 & wait"))
    logs.wait_for(task, "e5")
    assert logs.messages(task) == lab.output(task).splitlines()


def test_long_lines(logs, lab):
    """Docker cuts at 16 KiB: joined again. Beyond what an event takes there are several."""
    logs.create()
    task = lab.run_to_end(logs.container(
        "head -c 40000 /dev/zero | tr '\\0' a; echo; head -c 600000 /dev/zero | tr '\\0' b; echo; echo end"))
    assert [(m[0], len(m)) for m in logs.messages(task)] == [
        ("a", 40000), ("b", EVENT_MAX), ("b", EVENT_MAX), ("b", 600000 - 2 * EVENT_MAX), ("e", 3)]


def test_bytes_that_are_no_text(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container(
        r"printf 'a\377b\n\303\244\n\303(\n\342\202\n\355\240\200\ntab\there\033[0m\nnul\000nul\n'"))
    assert logs.messages(task) == ["a\ufffdb", "ä", "\ufffd(", "\ufffd\ufffd", "\ufffd\ufffd\ufffd", "tab\there\x1b[0m",
                                   "nul\ufffdnul"]


def test_a_terminal(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container("echo out; echo err >&2; head -c 40000 /dev/zero | tr '\\0' a; echo; printf prompt",
                                         pseudoTerminal=True))
    assert [(m[:6], len(m)) for m in logs.messages(task)] == [
        ("out\r", 4), ("err\r", 4), ("aaaaaa", 40001), ("prompt", 6)]


def test_several_containers_have_streams_of_their_own(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container("echo one", "first", essential=False), logs.container(
        "echo two", "second", dependsOn=[{"containerName": "first", "condition": "COMPLETE"}]))
    assert (logs.messages(task, "first"), logs.messages(task, "second")) == (["one"], ["two"])


def test_the_same_container_goes_on_in_its_stream_after_a_restart(logs, lab):
    logs.create()
    task = lab.run(logs.container("echo begin; trap 'printf end; exit 0' TERM; sleep 3600 & wait"))
    logs.wait_for(task, "begin")
    lab.engine.request("POST", f"/containers/{lab.inspect(task)['Id']}/restart", query={"t": "5"})
    wait_until(lambda: len(logs.messages(task)) == 3, 10, f"a second life in {logs.stream(task)}")
    assert logs.messages(task) == ["begin", "end", "begin"]
    lab.stop(task)
    lab.wait(task)
    assert logs.messages(task) == ["begin", "end", "begin", "end"]


# -- groups, streams, regions


def test_create_group(logs, lab):
    task = lab.run_to_end(logs.container("echo made", options={"awslogs-create-group": "true"}))
    assert logs.messages(task) == ["made"]
    task = lab.run_to_end(logs.container("echo again", options={"awslogs-create-group": "true"}))
    assert logs.messages(task) == ["again"]


def test_without_a_prefix_the_stream_is_the_containers_id(logs, lab):
    logs.create()
    container = logs.container("echo here")
    del container["logConfiguration"]["options"]["awslogs-stream-prefix"]
    task = lab.run_to_end(container)
    runtime_id = lab.container_of(task)["runtimeId"]
    assert [e["message"] for e in logs.events(runtime_id)] == ["here"]


def test_the_region_is_the_options(engine_daemon, lab):
    elsewhere = Logs(engine_daemon, lab, region="eu-central-1").create()
    task = lab.run_to_end(elsewhere.container("echo there"))
    assert elsewhere.messages(task) == ["there"]
    here = engine_daemon.client(service="logs")
    assert here.describe_log_groups(logGroupNamePrefix=elsewhere.group)["logGroups"] == []


def test_a_missing_group_fails_the_task_before_its_process(logs, lab, tmp_path):
    touched = tmp_path / "touched"
    task = lab.run(definition=lab.define(
        logs.container("touch /host/touched", mountPoints=[{"sourceVolume": "host", "containerPath": "/host"}]),
        volumes=[{"name": "host", "host": {"sourcePath": str(tmp_path)}}]))
    task = lab.wait(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    container = lab.container_of(task)
    assert container["reason"] == (
        f"CannotStartContainerError: Error response from daemon: failed to initialize logging driver: {NO_GROUP}")
    assert "exitCode" not in container and not touched.exists()


def test_a_missing_group_on_fargate(logs, lab):
    task = lab.run(definition=lab.define(
        logs.container("echo never"), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        executionRoleArn=ROLE), launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}})
    task = lab.wait(task)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        f"{NO_GROUP} : exit status 1")
    assert "startedAt" not in task


def test_the_execution_role_writes(logs, lab):
    logs.create()
    task = lab.wait(lab.run(definition=lab.define(logs.container("echo by the role"), executionRoleArn=ROLE)))
    assert logs.messages(task) == ["by the role"]


# -- events of several lines

TRACE = r"printf 'INFO one\nERROR two\n  at a\n  at b\n\nINFO three\n'"


def test_multiline_pattern(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container(TRACE, options={"awslogs-multiline-pattern": "^(INFO|ERROR)"}))
    assert logs.messages(task) == ["INFO one\n", "ERROR two\n  at a\n  at b\n\n", "INFO three\n"]


def test_datetime_format(logs, lab):
    logs.create()
    task = lab.run_to_end(logs.container(
        r"printf '[Jan 02, 2026 23:59:59] one\nmore\n[Jan 03, 2026 00:00:00] two\n'",
        options={"awslogs-datetime-format": r"\[%b %d, %Y %H:%M:%S\]"}))
    assert logs.messages(task) == ["[Jan 02, 2026 23:59:59] one\nmore\n", "[Jan 03, 2026 00:00:00] two\n"]


def test_an_event_does_not_wait_for_ever_for_its_next_line(logs, lab):
    logs.create()
    task = lab.run(logs.container("echo START alone; trap 'exit 0' TERM; sleep 3600 & wait",
                                  options={"awslogs-multiline-pattern": "^START"}))
    logs.wait_for(task, "START alone\n")


@pytest.mark.parametrize("options, words", [
    ({"awslogs-multiline-pattern": "["}, 'awslogs could not parse multiline pattern key "[": error parsing regexp: '),
    ({"awslogs-create-group": "perhaps"}, "must specify valid value for log opt 'awslogs-create-group': "),
    ({"mode": "non-blocking", "max-buffer-size": "lots"}, "invalid size: 'lots'"),
])
def test_options_that_the_driver_does_not_take(logs, lab, options, words):
    logs.create()
    task = lab.run_to_end(logs.container("echo never", options=options))
    assert task["stopCode"] == "TaskFailedToStart"
    assert lab.container_of(task)["reason"].startswith(
        "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: ")
    assert words in lab.container_of(task)["reason"]


# -- much, and while things die

def numbers(count):
    return [f"number {i}" for i in range(1, count + 1)]


def test_every_line_of_four_containers_at_full_speed(logs, lab):
    logs.create()
    names, count = ("a", "b", "c", "d"), 20000
    line = "seq {} | sed 's/$/ 0123456789012345678901234567890123456789012345678901234567890123456789/'; sleep 1"
    task = lab.run_to_end(*[logs.container(line.format(count), name, essential=name == "a") for name in names])
    for name in names:
        got = [int(m.split()[0]) for m in logs.messages(task, name)]
        assert got == list(range(1, len(got) + 1))
        assert len(got) == count or name != "a"  # the others may have been stopped in mid-sentence


def last_event(logs, task):
    reply = logs.client.get_log_events(logGroupName=logs.group, logStreamName=logs.stream(task), limit=1)
    return reply["events"][-1:]


def test_daemon_and_shim_killed_while_a_container_logs(start_daemon, make_lab):
    daemon = start_daemon()
    lab = make_lab(daemon)
    logs = Logs(daemon, lab).create()
    task = lab.run(logs.container(
        "trap 'echo done; exit 0' TERM; i=0; while :; do "
        "for k in 0 1 2 3 4 5 6 7 8 9; do i=$((i+1)); echo number $i; done; sleep 0.002; done"))

    def more_lines():
        have = last_event(logs, task)
        wait_until(lambda: last_event(logs, task) != have, 10, "lines to go on")

    more_lines()
    for _ in range(4):
        daemon.kill()
        daemon.restart()
        more_lines()
    for _ in range(4):
        old = set(daemon.shims())
        for shim in old:
            os.kill(shim, signal.SIGKILL)
        wait_until(lambda: set(daemon.shims()) - old, 5, "another shim")
        more_lines()
    lab.stop(task)
    lab.wait(task)
    got = logs.messages(task)
    assert len(got) > 1000 and got == [*numbers(len(got) - 1), "done"]


def test_lines_from_while_the_daemon_was_away(start_daemon, make_lab, engine):
    """The container ends before anybody is back: what it said is read then."""
    daemon = start_daemon()
    lab = make_lab(daemon)
    logs = Logs(daemon, lab).create()
    task = lab.run(logs.container("echo first; trap 'echo second; printf third; exit 0' USR1; while :; do sleep 0.05; done"))
    logs.wait_for(task, "first")
    container = lab.inspect(task)["Id"]
    with engine.events(type="container", container=container, event="die") as events:
        daemon.kill()
        engine.request("POST", f"/containers/{container}/kill", query={"signal": "USR1"})
        events.next(10)
    daemon.restart()
    lab.wait(task)
    assert logs.messages(task) == ["first", "second", "third"]


def test_a_daemon_that_keeps_nothing_does_not_wait_for_logs(start_daemon, make_lab):
    daemon = start_daemon(PERSISTENCE="0")
    lab = make_lab(daemon)
    logs = Logs(daemon, lab).create()
    task = lab.run(logs.container("echo here; trap 'echo last words; exit 0' TERM; while :; do sleep 0.05; done"))
    logs.wait_for(task, "here")
    assert daemon.terminate() == 0
    assert daemon.containers() == []


# -- somebody else's service


class Service(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A CloudWatch Logs that can be out of order: `fault` is what every operation then answers, None hangs up."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.groups = {}
        self.lock = threading.Lock()
        self.fault = 0
        self.refused = 0
        self.lose_answers = 0  # so many PutLogEvents are taken, and the answer is not heard
        self.cursors = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def messages(self, group):
        with self.lock:
            return [e["message"] for events in self.groups.get(group, {}).values() for e in events]

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service, operation = self.server, self.headers["X-Amz-Target"].split(".")[1]
        with service.lock:
            service.cursors += "X-Localemu-Log-Cursor" in self.headers
            if service.fault != 0:
                service.refused += 1
                self.close_connection = True
                if service.fault is not None:
                    self.answer(service.fault, {"__type": "ServiceUnavailableException", "message": "out of order"})
                return
            self.operate(service, operation, body)

    def operate(self, service, operation, body):
        streams = service.groups.setdefault(body["logGroupName"], {})
        events = streams.setdefault(body["logStreamName"], [])
        if operation == "PutLogEvents":
            events += body["logEvents"]
            if service.lose_answers > 0:
                service.lose_answers -= 1
                self.close_connection = True
                return
        elif operation == "GetLogEvents":
            self.answer(200, {"events": events[-body["limit"]:], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})
            return
        self.answer(200, {})


@pytest.fixture
def service():
    server = Service()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with contextlib.closing(server.socket):
        yield server
        server.shutdown()


@pytest.mark.parametrize("fault", [503, None])
def test_a_service_that_is_away_gets_everything_later(start_daemon, make_lab, service, fault):
    daemon = start_daemon(LOCALEMU_ENDPOINT_LOGS=service.url)
    lab = make_lab(daemon)
    logs = Logs(daemon, lab)
    task = lab.run(logs.container("i=0; while :; do i=$((i+1)); echo number $i; sleep 0.01; done"))
    wait_until(lambda: len(service.messages(logs.group)) > 20, 10, "lines")
    service.fault = fault
    wait_until(lambda: service.refused > 3, 20, "lines to be refused")
    have = len(service.messages(logs.group))
    service.fault = 0
    wait_until(lambda: len(service.messages(logs.group)) > have + 50, 20, "lines to come")
    lab.stop(task)
    lab.wait(task)
    got = service.messages(logs.group)
    assert got == numbers(len(got))
    assert service.cursors == 0, "our header is not for others"


def test_an_answer_that_is_lost_is_no_reason_to_send_twice(start_daemon, make_lab, service):
    daemon = start_daemon(LOCALEMU_ENDPOINT_LOGS=service.url)
    lab = make_lab(daemon)
    logs = Logs(daemon, lab)
    service.lose_answers = 3
    task = lab.run(logs.container("i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo number $i; sleep 0.01; done"))
    lab.wait(task, seconds=30)
    assert service.lose_answers == 0
    assert service.messages(logs.group) == numbers(100)


def test_stopped_does_not_wait_for_a_dead_service(start_daemon, make_lab, service):
    daemon = start_daemon(LOCALEMU_ENDPOINT_LOGS=service.url)
    lab = make_lab(daemon)
    logs = Logs(daemon, lab)
    task = lab.run(logs.container("echo one; trap 'echo two; exit 0' TERM; sleep 3600 & wait"))
    wait_until(lambda: service.messages(logs.group) == ["one"], 10, "the first line")
    service.fault = 503
    lab.stop(task)
    lab.wait(task, seconds=20)
    assert lab.output(task) == "one\ntwo\n", "the container is still there: its last words are not delivered"
    service.fault = 0
    wait_until(lambda: service.messages(logs.group) == ["one", "two"], 20, "the last words")
    wait_until(lambda: not daemon.task_containers(task["taskArn"]), 10, "the container to go")


def test_non_blocking_drops_the_oldest_and_says_so(start_daemon, make_lab, service):
    daemon = start_daemon(LOCALEMU_ENDPOINT_LOGS=service.url)
    lab = make_lab(daemon)
    logs = Logs(daemon, lab)
    task = lab.run(logs.container(
        "echo begin; trap 'seq 10001 20000; echo end' USR1; trap 'exit 0' TERM; while :; do sleep 0.05; done",
        options={"mode": "non-blocking", "max-buffer-size": "1k"}))
    wait_until(lambda: service.messages(logs.group) == ["begin"], 10, "the first line")
    service.fault = 503
    container = lab.inspect(task)["Id"]
    lab.engine.request("POST", f"/containers/{container}/kill", query={"signal": "USR1"})
    lab.wait_output(task, "end")
    wait_until(lambda: service.refused > 0, 20, "lines to be refused")
    service.fault = 0
    wait_until(lambda: "end" in service.messages(logs.group), 20, "the end")
    got = service.messages(logs.group)
    told = re.fullmatch(r"localemu-ecs: (\d+) events before this one were dropped: .*non-blocking\)", got[1])
    kept = [int(m) for m in got[2:-1]]
    assert kept == list(range(20001 - len(kept), 20001)) and len(kept) <= 1024 // 5 + 1
    assert int(told[1]) + len(kept) == 10000
