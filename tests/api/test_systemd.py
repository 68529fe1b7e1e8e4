# SPDX-License-Identifier: Apache-2.0
"""The daemon under a service manager: told of readiness and counts, given signs of life, and reloaded in place."""

import contextlib
import http.client
import os
import signal
import socket
import threading

import pytest


class Manager:
    """The end of $NOTIFY_SOCKET that systemd has."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(10)

    def read_until(self, wanted):
        """Messages until one has a line that begins with `wanted`: that line."""
        while True:
            for line in self.socket.recv(4096).decode().splitlines():
                if line.startswith(wanted):
                    return line


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


@pytest.fixture
def listeners():
    with contextlib.ExitStack() as stack:
        found = []
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            found.append(stack.enter_context(socket.socket(family)))
            found[-1].bind((address, 0))
            found[-1].listen(128)
        yield found


def test_readiness_and_counts(start_daemon, manager):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0, NOTIFY_SOCKET=manager.path)
    assert manager.read_until("STATUS=") == "STATUS=0 unfinished tasks; no Engine wanted"
    ecs = daemon.client()
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 16}])
    task = ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    assert manager.read_until("STATUS=") == "STATUS=1 unfinished task; no Engine wanted"
    ecs.stop_task(cluster="c", task=task)
    assert manager.read_until("STATUS=") == "STATUS=0 unfinished tasks; no Engine wanted"
    daemon.terminate()
    assert manager.read_until("STOPPING=") == "STOPPING=1"


def test_signs_of_life(start_daemon, manager):
    start_daemon(ECS_DOCKER_BACKEND=0, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC=200000)
    assert manager.read_until("READY=") == "READY=1"
    for _ in range(3):
        assert manager.read_until("WATCHDOG=") == "WATCHDOG=1"


def ask(family, port):
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("GET", "/_localemu/health")
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status


def test_reload_refuses_nobody_and_keeps_everything(start_daemon, manager, listeners):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0, NOTIFY_SOCKET=manager.path, listeners=listeners)
    pid = daemon.pid
    ecs = daemon.client()
    ecs.create_cluster(clusterName="kept")
    manager.read_until("READY=1")
    over, answers = threading.Event(), []

    def go_on_asking(listener):
        while not over.is_set():
            try:
                answers.append(ask(listener.family, listener.getsockname()[1]))
            except (OSError, http.client.HTTPException) as e:
                answers.append(repr(e))

    askers = [threading.Thread(target=go_on_asking, args=(l,)) for l in listeners]
    for asker in askers:
        asker.start()
    for _ in range(3):
        os.kill(pid, signal.SIGHUP)
        assert manager.read_until("RELOADING=") == "RELOADING=1"
        assert manager.read_until("READY=") == "READY=1"
        assert daemon.client().list_clusters()["clusterArns"][0].endswith("/kept")
    over.set()
    for asker in askers:
        asker.join()
    assert set(answers) == {200}
    assert daemon.pid == pid and daemon.process.poll() is None


def test_reload_without_a_service_manager(start_daemon, tmp_path):
    manager = Manager(tmp_path)
    daemon = start_daemon(ECS_DOCKER_BACKEND=0, NOTIFY_SOCKET=manager.path)
    manager.read_until("READY=1")
    daemon.client().create_cluster(clusterName="kept")
    os.kill(daemon.pid, signal.SIGHUP)
    assert manager.read_until("READY=") == "READY=1"
    assert daemon.client().list_clusters()["clusterArns"][0].endswith("/kept")
    with socket.socket(socket.AF_UNIX) as api:
        api.connect(str(daemon.runtime_dir / "api.sock"))
    manager.socket.close()


def test_a_state_in_memory_is_not_reloaded_away(start_daemon):
    daemon = start_daemon(ECS_DOCKER_BACKEND=0, PERSISTENCE=0)
    daemon.client().create_cluster(clusterName="kept")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.client().list_clusters()["clusterArns"][0].endswith("/kept")
    assert "nothing is reloaded" in daemon.log_text
