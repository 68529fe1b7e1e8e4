# SPDX-License-Identifier: Apache-2.0
"""One localemu-ecsd under test: started on a free port with directories and an owner label of its own, killed,
restarted, and at the end held to having left nothing behind."""

import ctypes
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import uuid

import boto3
from botocore.config import Config

from harness import sdk_model
from harness.engine import Engine
from harness.wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("LOCALEMU_BUILD", "build")).resolve()
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error: |WARNING: ThreadSanitizer")
START_S = 10
STOP_S = 30


def adopt_orphans():
    """Makes this process the parent of shims whose daemon died (PR_SET_CHILD_SUBREAPER), so that they can be
    told from those of another test run."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def hold_against_model(event_name, response_dict, **_):
    if response_dict is not None and response_dict["status_code"] == 200:
        found = sdk_model.complaints(event_name.split(".")[-1], json.loads(response_dict["body"]))
        assert not found, "\n".join(found)


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def program(pid):
    """The name of a process, None once it is gone or a zombie."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return None if text[text.rindex(")") + 2] == "Z" else text[text.index("(") + 1:text.rindex(")")]


def orphaned_shims():
    """Shims that our dead daemons left running. Reaps those that ended."""
    alive = []
    for pid in children(os.getpid()):
        name = program(pid)
        if name and name.startswith("localemu-ecs-sh"):
            alive.append(pid)
        elif name is None:
            reap_orphan(pid)
    return alive


def reap_orphan(pid):
    try:
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
        if comm.startswith("localemu-ecs-sh"):  # never a Popen of somebody else
            os.waitpid(pid, os.WNOHANG)
    except (OSError, ChildProcessError):
        pass


class Daemon:
    """`settings` are environment variables (ECS_DOCKER_BACKEND="0"); `arguments` more of the command line."""

    def __init__(self, settings=None, arguments=(), engine=None, owner=None, listeners=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lemu-", dir="/tmp"))
        self.state_dir = self.directory / "s"
        self.runtime_dir = self.directory / "r"
        self.log = self.directory / "log"
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.owner = owner or "t-" + uuid.uuid4().hex[:12]
        self.engine = engine or Engine()
        self.listeners = list(listeners)  # sockets that it inherits, as from systemd
        self.process = None
        self.ended = None  # the exit code that kill() or terminate() saw: any other end is a crash
        self.port = None
        self.state_dir.mkdir()
        self.runtime_dir.mkdir()

    # -- process

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def uses_engine(self):
        return self.settings.get("ECS_DOCKER_BACKEND") != "0"

    def spawn(self, port=0):
        """Starts the process without waiting for it."""
        (self.runtime_dir / "port").unlink(missing_ok=True)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.directory),
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        if "DOCKER_HOST" in os.environ:
            environment["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
        environment.update(self.settings)
        command = [BUILD / "localemu-ecsd", "--listen", f"127.0.0.1:{port}", "--state-dir", self.state_dir,
                   "--runtime-dir", self.runtime_dir, "--owner", self.owner, *self.arguments]
        if self.listeners:
            command = ["/bin/sh", "-c", f'LISTEN_FDS={len(self.listeners)} LISTEN_PID=$$ exec "$@"', "sh", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **({"close_fds": False, "preexec_fn": self._hand_over} if self.listeners else {}))
        self.ended = None
        self.port = port

    def _hand_over(self):
        """In the child: the listening sockets are where sd_listen_fds(3) looks for them."""
        out_of_the_way = [fcntl.fcntl(l.fileno(), fcntl.F_DUPFD_CLOEXEC, 64) for l in self.listeners]
        for i, fd in enumerate(out_of_the_way):
            os.dup2(fd, 3 + i)

    def start(self, port=0):
        self.spawn(port)
        try:
            self.port = wait_until(self._read_port, START_S, "the daemon's port file")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _read_port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log_text}")
        try:
            return int((self.runtime_dir / "port").read_text().strip() or 0)
        except (OSError, ValueError):
            return 0

    def kill(self):
        """kill -9, and wait until it and its shims are gone."""
        assert self.process.poll() is None, f"died before it was killed: {self.process.returncode}\n{self.log_text}"
        self.process.kill()
        self.ended = self.process.wait()
        wait_until(lambda: not self.left_shims(), 5, "shims to leave with their daemon")

    def terminate(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.ended = self.process.wait(STOP_S)
        return self.process.returncode

    def restart(self, same_port=True):
        """A new process over the same directories, after kill or terminate."""
        if self.process.poll() is None:
            self.terminate()
        return self.start(self.port if same_port else 0)

    @property
    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def shims(self):
        """Pids of the live shims of the running daemon."""
        return [p for p in children(self.pid) if (program(p) or "").startswith("localemu-ecs-sh")]

    def left_shims(self):
        return orphaned_shims()

    # -- clients

    def client(self, region="us-east-1", key="test", service="ecs", validate=True, **config):
        """A boto3 client without retries; validate=False sends what botocore's own model would refuse. Each answer of ECS
        must be exactly what the service's newest model says."""
        client = boto3.session.Session().client(
            service, region_name=region, endpoint_url=self.url, aws_access_key_id=key,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=validate,
                          **{"read_timeout": 60, "max_pool_connections": 32, **config}))
        if service == "ecs":
            client.meta.events.register("response-received.ecs", hold_against_model)
        return client

    def call(self, operation, body, region="us-east-1", key="test", target="AmazonEC2ContainerServiceV20141113"):
        """One request without an SDK, for members that Debian's botocore does not know and bodies that it would not send.
        `body` is a dict, or the bytes themselves. Returns the status and the decoded reply."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/", payload, {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"{target}.{operation}",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/ecs/aws4_request, "
                                 "SignedHeaders=host, Signature=00"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    @property
    def env(self):
        """The environment of a user's shell: awsemu, Debian's aws and docker in PATH, no AWS settings."""
        return {
            "PATH": f"{ROOT}/packaging/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "LOCALEMU_ENDPOINT": self.url,
        }

    # -- what belongs to it in the Engine

    @property
    def label(self):
        return f"localemu.owner={self.owner}"

    def containers(self, *labels):
        return self.engine.containers([self.label, *labels])

    def task_containers(self, task_arn):
        return self.containers(f"localemu.task-arn={task_arn}")

    def leftovers(self):
        """Sentences about what is still there of this daemon; empty when nothing is."""
        found = []
        if self.uses_engine and self.engine.answers():
            found += [f"container {c['Names'][0]} ({c['State']})" for c in self.containers()]
            found += [f"network {n['Name']}" for n in self.engine.networks([self.label])]
            found += [f"volume {v['Name']}" for v in self.engine.volumes([self.label])]
        if self.process and self.process.poll() is not None:
            found += [f"shim process {pid}" for pid in self.left_shims()]
        tasks = self.runtime_dir / "tasks"
        if tasks.is_dir():
            found += [f"directory {p}" for p in tasks.iterdir()]
        mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        found += [f"mount {m.split()[1]}" for m in mounts if str(self.directory) in m]
        return found

    def sweep(self):
        """Removes by force whatever is left, so that one failure does not become the next one's."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.left_shims():
            os.kill(pid, signal.SIGKILL)
        if self.uses_engine and self.engine.answers():
            for container in self.containers():
                self.engine.remove(container["Id"])
            for network in self.engine.networks([self.label]):
                self.engine.request("DELETE", f"/networks/{network['Id']}")
            for volume in self.engine.volumes([self.label]):
                self.engine.request("DELETE", f"/volumes/{volume['Name']}")
        shutil.rmtree(self.directory, ignore_errors=True)

    def end_all_tasks(self):
        """POST /_localemu/state/reset, and wait until the Engine has nothing of us left."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/_localemu/state/reset")
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        assert reply.status == 200, f"reset: {reply.status} {body!r}"
        if self.uses_engine:
            wait_until(lambda: not self.containers(), 20, "the containers to go after a reset")

    def finish(self):
        """Clean end: everything stopped, exit code 0, no sanitizer report, nothing left. Returns complaints."""
        complaints = []
        try:
            if self.process and self.process.poll() is None:
                if self.settings.get("PERSISTENCE") != "0":
                    self.end_all_tasks()
                code = self.terminate()
                if code != 0:
                    complaints.append(f"the daemon's exit code was {code}")
            elif self.process and self.ended is None:
                complaints.append(f"the daemon died by itself: {self.process.returncode}")
            try:
                wait_until(lambda: not self.leftovers(), 5, "nothing left")
            except AssertionError:
                complaints += ["left behind: " + what for what in self.leftovers()]
        except Exception as e:  # whatever it is, it is reported, and the sweep still happens
            complaints.append(f"{type(e).__name__}: {e}")
        if SANITIZER.search(self.log_text):
            complaints.append("a sanitizer reported")
        if complaints:
            complaints.append("log:\n" + self.log_text[-8000:])
        self.sweep()
        return complaints
