# SPDX-License-Identifier: Apache-2.0
"""packaging/bin: localemu start, stop, status; awsemu, which keeps whatever the user has set."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from harness.daemon import BUILD, ROOT, program
from harness.wait import wait_until

BIN = ROOT / "packaging/bin"


class Installation:
    """localemu with directories of its own, metadata only."""

    def __init__(self, directory):
        self.env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(directory), "ECS_DOCKER_BACKEND": "0",
            "LOCALEMU_STATE_DIR": str(directory / "s"), "LOCALEMU_RUNTIME_DIR": str(directory / "r"),
            "LOCALEMU_BUILD": str(BUILD)}

    def __call__(self, *arguments, status=0, **environment):
        done = subprocess.run([BIN / "localemu", *arguments], env={**self.env, **environment}, capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == status, (arguments, done)
        return done.stdout if status == 0 else done.stdout + done.stderr


@pytest.fixture
def localemu(tmp_path):
    installation = Installation(tmp_path)
    yield installation
    installation("stop")


def pid_of(text):
    return int(text.split("pid ")[1].split(",")[0])


def test_start_status_stop(localemu):
    assert localemu("status", status=3) == "localemu: not running\n"
    out = localemu("start", "-d", "--port", "0")
    assert out.startswith("localemu: running at http://127.0.0.1:")
    pid = pid_of(out)
    assert pid_of(localemu("status")) == pid
    url = out.split()[3].rstrip(",")
    done = subprocess.run([BIN / "awsemu", "ecs", "create-cluster", "--cluster-name", "web"], text=True, check=True,
                          env={**localemu.env, "LOCALEMU_ENDPOINT": url}, capture_output=True)
    assert json.loads(done.stdout)["cluster"]["status"] == "ACTIVE"
    assert localemu("stop") == f"localemu: stopped, pid {pid}\n"
    assert program(pid) is None
    assert localemu("stop") == "localemu: not running\n"


def test_start_twice_is_harmless(localemu):
    first = localemu("start", "-d", "--port", "0")
    again = localemu("start", "-d", "--port", "0")
    assert "already running" in again
    assert pid_of(again) == pid_of(first)


def test_state_survives_a_restart(localemu):
    def listed():
        status = localemu("start", "-d", "--port", "0")
        env = {**localemu.env, "LOCALEMU_ENDPOINT": status.split(" at ")[1].split(",")[0]}
        subprocess.run([BIN / "awsemu", "ecs", "create-cluster", "--cluster-name", "kept"], env=env, check=True,
                       capture_output=True)
        out = subprocess.run([BIN / "awsemu", "ecs", "list-clusters"], env=env, check=True, capture_output=True)
        return json.loads(out.stdout)["clusterArns"]
    before = listed()
    localemu("stop")
    assert listed() == before


def test_foreground(localemu):
    process = subprocess.Popen([BIN / "localemu", "start", "--port", "0"], env=localemu.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = pathlib.Path(localemu.env["LOCALEMU_RUNTIME_DIR"]) / "port"
    wait_until(port.exists, 10, "the port file")
    assert pid_of(localemu("status")) == process.pid
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    localemu("status", status=3)


def test_somebody_elses_pid_is_never_killed(localemu, tmp_path):
    """A stale pid file, its number taken by another process meanwhile."""
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "r").mkdir()
        (tmp_path / "r/localemu.pid").write_text(f"{other.pid} 1\n")
        localemu("status", status=3)
        assert localemu("stop") == "localemu: not running\n"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_port_that_is_taken(localemu, tmp_path, daemon):
    out = localemu("start", "-d", "--port", str(daemon.port), status=1)
    assert "did not start" in out
    assert "in use" in out


@pytest.mark.parametrize("arguments", [(), ("begin",), ("start", "--prot", "1"), ("start", "--port"),
                                       ("start", "--port", "http"), ("stop", "now")])
def test_wrong_usage(localemu, arguments):
    assert "usage: localemu" in localemu(*arguments, status=2)


# -- awsemu, in front of an aws that shows what it was given

FAKE_AWS = """#!/bin/sh
echo "$@"
env | grep ^AWS_ | sort
"""


@pytest.fixture
def awsemu(tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "aws").write_text(FAKE_AWS)
    (fake / "aws").chmod(0o755)

    def run(*arguments, config="", credentials="", **environment):
        aws = tmp_path / ".aws"
        aws.mkdir(exist_ok=True)
        (aws / "config").write_text(config)
        (aws / "credentials").write_text(credentials)
        out = subprocess.run([BIN / "awsemu", *arguments], check=True, capture_output=True, text=True,
                             env={"PATH": f"{fake}:/usr/bin:/bin", "HOME": str(tmp_path), **environment}).stdout
        first, *rest = out.splitlines()
        return first, dict(line.split("=", 1) for line in rest)
    return run


THROW_AWAY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
              "AWS_PAGER": ""}


def test_endpoint(awsemu):
    assert awsemu("ecs", "list-clusters") == ("--endpoint-url http://127.0.0.1:4566 ecs list-clusters", THROW_AWAY)
    assert awsemu("s3", "ls", LOCALEMU_ENDPOINT="http://x:1")[0] == "--endpoint-url http://x:1 s3 ls"


def test_keys_and_region_of_the_environment_are_kept(awsemu):
    given = {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1",
             "AWS_PAGER": "less"}
    assert awsemu("ecs", "x", **given)[1] == given


def test_profile_is_kept(awsemu):
    config = "[default]\nregion = eu-north-1\n[profile work]\nregion=eu-central-1\nsso_session = corp\ncli_pager=\n"
    assert awsemu("ecs", "x", config=config, AWS_PROFILE="work")[1] == {"AWS_PROFILE": "work"}
    assert awsemu("ecs", "x", "--profile", "work", config=config)[1] == {}
    assert awsemu("ecs", "x", "--profile=work", config=config)[1] == {}
    # the default profile has a region but no keys
    seen = awsemu("ecs", "x", config=config)[1]
    assert seen == {k: v for k, v in THROW_AWAY.items() if k != "AWS_DEFAULT_REGION"}


def test_credentials_file_is_kept(awsemu):
    credentials = "[other]\naws_access_key_id = b\n[default]\naws_access_key_id = a\naws_secret_access_key = s\n"
    seen = awsemu("ecs", "x", credentials=credentials)[1]
    assert "AWS_ACCESS_KEY_ID" not in seen and seen["AWS_DEFAULT_REGION"] == "us-east-1"


def test_arguments_are_passed_on_as_they_are(tmp_path):
    fake = tmp_path / "aws"
    fake.write_text('#!/bin/sh\nfor a; do printf "[%s]" "$a"; done\nexit 7\n')
    fake.chmod(0o755)
    done = subprocess.run([BIN / "awsemu", "ecs", "a b", "", "*"], capture_output=True, text=True, check=False,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.stdout == "[--endpoint-url][http://127.0.0.1:4566][ecs][a b][][*]"
    assert done.returncode == 7


def test_without_aws_it_says_what_to_install(tmp_path):
    for tool in ("sh", "awk", "env"):
        os.symlink(f"/usr/bin/{tool}", tmp_path / tool)
    done = subprocess.run(["/bin/sh", BIN / "awsemu", "ecs"], env={"PATH": str(tmp_path)}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 127
    assert "awscli" in done.stderr
