# SPDX-License-Identifier: Apache-2.0
"""A machine for the Debian package: a container that boots systemd as pid 1 and has its own Docker Engine."""

import json
import subprocess

from harness.wait import wait_until

# What systemd as pid 1 and an Engine under it need; everything else stays forbidden.
CAPABILITIES = ("SYS_ADMIN NET_ADMIN SYS_PTRACE SYS_CHROOT MKNOD AUDIT_CONTROL AUDIT_READ SYS_TIME DAC_READ_SEARCH "
                "LINUX_IMMUTABLE SYSLOG").split()
# The Engine here cannot give this one to a container; without it only Fargate's limit of open files is missed.
ABSENT = "CAP_SYS_RESOURCE"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Machine:
    """Commands inside are run(…) and sh("…"); aws(…) is the host's aws-cli in the machine's network."""

    def __init__(self, image):
        capabilities = [word for c in CAPABILITIES for word in ("--cap-add", c)]
        self.id = run("docker", "run", "-d", *capabilities, "--security-opt", "seccomp=unconfined", "--security-opt",
                      "apparmor=unconfined", "--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/tmp", "-v",
                      "/var/lib/docker", "-v", "/var/lib/containerd", "--stop-signal", "SIGRTMIN+3", "-e",
                      "container=docker", image, "/sbin/init").strip()
        self.pid = run("docker", "inspect", "-f", "{{.State.Pid}}", self.id).strip()

    def run(self, *command, **options):
        return run("docker", "exec", "-i", self.id, *command, **options)

    def sh(self, script):
        return self.run("sh", "-ec", script).strip()

    def boot(self):
        wait_until(lambda: self.state("default.target") == "active", 60, "systemd to have booted")
        self.sh("for d in /sys/fs/cgroup/*; do ! mountpoint -q $d || mount -o remount,bind,rw $d; done")
        self.run("systemctl", "start", "docker.service")

    def state(self, unit):
        return subprocess.run(["docker", "exec", self.id, "systemctl", "is-active", unit], capture_output=True, text=True,
                              check=False).stdout.strip()

    def put(self, path, text):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path, input=text)

    def aws(self, *words):
        out = run("nsenter", "-t", self.pid, "-n", "/usr/bin/aws", "--endpoint-url", "http://127.0.0.1:4566", "--output", "json",
                  *words, env={"PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                               "AWS_DEFAULT_REGION": "us-east-1"}, timeout=60)
        return json.loads(out) if out.strip() else None

    def install(self, deb):
        run("docker", "cp", str(deb), f"{self.id}:/root/{deb.name}")
        return self.sh(f"DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/{deb.name} 2>&1")

    def remove(self):
        subprocess.run(["docker", "rm", "-f", "-v", self.id], check=True, capture_output=True)
