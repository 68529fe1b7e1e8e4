# SPDX-License-Identifier: Apache-2.0
"""A task's endpoint answers that task and nobody else: other tasks, other containers on the same bridge, the host, the gateway,
tricks with the Host header and with source ports. And whatever a task does to it, the others do not notice."""

import pathlib
import socket
import subprocess

import pytest

from harness.wait import wait_until

PORTS = (51679, 51680)


@pytest.fixture(scope="module")
def pair(module_lab, started):
    """Two running tasks of the same cluster, on the same bridge."""
    definition = module_lab.define()
    return [started(module_lab, module_lab.run(definition=definition)) for _ in range(2)]


def env(one, name):
    return dict(e.split("=", 1) for e in one.engine("Config.Env"))[name]


def answers(address, port, seconds=1):
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(b"GET /v4/x HTTP/1.1\r\nHost: 169.254.170.2\r\n\r\n")
            return b"V4 container metadata handler" in connection.recv(4096)
    except OSError:
        return False


def test_another_tasks_id_is_unknown(pair):
    one, other = pair
    assert one.engine("Id") in one.inside("wget -qO- " + env(one, "ECS_CONTAINER_METADATA_URI_V4"))
    for variable in ("ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "ECS_AGENT_URI"):
        out = one.inside("wget -O- " + env(other, variable) + " 2>&1")
        assert "wget: server returned error: HTTP/1.1 404" in out or "HTTP/1.1 500" in out, out


def test_the_containers_address_does_not_lead_in(pair):
    """From the host, and from another container of the same bridge."""
    one, other = pair
    address = one.engine("NetworkSettings.IPAddress")
    for port in PORTS + (80, 4566):
        assert not answers(address, port)
        out = other.inside(f"echo | nc -w 1 {address} {port} 2>&1; echo $?")
        assert out.splitlines()[-1] == "1", out


def test_the_host_and_the_gateway_serve_nothing(pair):
    one, _ = pair
    gateway = one.engine("NetworkSettings.Gateway")
    for port in PORTS:
        assert not answers("127.0.0.1", port)
        assert not answers(gateway, port)
        out = one.inside(f"echo | nc -w 1 {gateway} {port} 2>&1; echo $?")
        assert out.splitlines()[-1] == "1", out


def test_the_hosts_tables_are_not_changed(pair):
    for program in ("iptables-save", "ip6tables-save"):
        out = subprocess.run([program], capture_output=True, text=True).stdout
        assert "169.254.170.2" not in out and "51679" not in out
    assert "169.254.170.2" not in pathlib.Path("/proc/net/fib_trie").read_text()


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.1:51679", "169.254.169.254", "a b", ""])
@pytest.mark.parametrize("source_port", [0, 80, 51679])
def test_host_headers_and_source_ports_open_nothing(pair, host, source_port):
    """Whatever it says, a request only reaches the shim of its own namespace."""
    one, other = pair
    uuid = env(other, "ECS_CONTAINER_METADATA_URI_V4").rpartition("/")[2]
    source = f"-p {source_port} " if source_port else ""
    out = one.inside(f"printf 'GET /v4/{uuid} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' | "
                     f"nc {source}-w 5 169.254.170.2 80")
    assert "404" in out or "400" in out or out == "", out
    assert other.engine("Id") not in out


def test_absolute_requests_go_nowhere_else(pair):
    one, other = pair
    address = other.engine("NetworkSettings.IPAddress")
    for target in (f"http://{address}:51679/", "http://127.0.0.1:4566/_localemu/health"):
        out = one.inside(f"printf 'GET {target} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | "
                         "nc -w 5 169.254.170.2 80")
        assert "404 page not found" in out


def test_a_task_on_the_hosts_network_has_a_port_of_its_own(lab, started):
    tasks = [started(lab, lab.run(definition=lab.define(networkMode="host"))) for _ in range(2)]
    one, other = (env(t, "ECS_CONTAINER_METADATA_URI_V4") for t in tasks)
    ports = [url.split(":")[2].split("/")[0] for url in (one, other)]
    assert one.startswith("http://127.0.0.1:") and len(set(ports)) == 2
    assert tasks[1].engine("Id") in tasks[0].inside(f"wget -qO- {other}")  # the same loopback: the id is the secret
    crossed = other.replace(ports[1], ports[0])
    assert "404" in tasks[0].inside(f"wget -O- {crossed} 2>&1")
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        out = tasks[0].inside(f"printf 'GET /v4/x HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' | "
                              f"nc -w 5 127.0.0.1 {ports[0]}")
        assert "HTTP/1.1 403" in out, out


def test_a_hostile_task_hurts_only_itself(lab, started):
    """Connections without end, headers without end, rubbish: the shim stays small, and the neighbour is served."""
    hostile, neighbour = (started(lab, lab.run()) for _ in range(2))
    script = """
import socket
kept = []
for i in range(300):
    try:
        s = socket.create_connection(("169.254.170.2", 80 if i % 3 else 4566), timeout=2)
        s.settimeout(0.2)
        s.sendall((b"GET /v4/x HTTP/1.1\\r\\nX: " + b"a" * 200000) if i % 2 else b"\\0" * 70000)
    except OSError:
        pass
    else:
        kept.append(s)
print(len(kept))
"""
    subprocess.run(["nsenter", "-t", str(hostile.engine("State.Pid")), "-n", "/usr/bin/python3", "-c", script], check=True,
                   capture_output=True, timeout=120)
    assert neighbour.engine("Id") in neighbour.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4")
    wait_until(lambda: hostile.engine("Id") in hostile.inside("wget -qO- $ECS_CONTAINER_METADATA_URI_V4"), 15,
               "the hostile task itself to be served again")
