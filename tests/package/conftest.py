# SPDX-License-Identifier: Apache-2.0
"""The machine that the tests of the package share, and the Debian that it is made from."""

import pathlib
import re
import shutil
import subprocess
import uuid

import pytest

from harness.engine import busybox_layer
from harness.machine import Machine, run


def pytest_addoption(parser):
    parser.addoption("--debs", help="the directory with the two packages")


def _mirror():
    lines = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages").splitlines()
    return next(line.split() for line in lines if re.fullmatch(r"\w+", line.split()[1]))


@pytest.fixture(scope="session")
def debs(request):
    found = sorted(pathlib.Path(request.config.getoption("--debs")).glob("*.deb"))
    assert [re.search(r"_(.+)_", d.name).group(1) for d in found][-1] == "9.0.0"
    return found


@pytest.fixture(scope="session")
def base_image(debs, tmp_path_factory):
    """A Debian with systemd, an Engine, and what the package depends on: then nothing more has to be fetched."""
    root = tmp_path_factory.mktemp("root")
    depends = run("dpkg-deb", "-f", str(debs[0]), "Depends")
    libraries = [re.split(r"[ |(:]", d.strip())[0] for d in depends.split(",")]
    uri, codename = _mirror()
    tag = f"localemu-test/package:{uuid.uuid4().hex[:12]}"
    try:
        subprocess.run(["debootstrap", "--variant=minbase", "--include=" + ",".join(
            ["systemd", "systemd-sysv", "dbus", "docker.io", "iptables", *libraries]), codename, root, uri],
            check=True, stdout=subprocess.DEVNULL, timeout=900)
        tar = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "-", tag], stdin=tar.stdout, check=True, capture_output=True)
        assert tar.wait() == 0
    finally:
        shutil.rmtree(root, ignore_errors=True)
    yield tag
    run("docker", "rmi", "-f", tag)


def _image_inside(machine):
    subprocess.run(["docker", "exec", "-i", machine.id, "docker", "import", "-c", "ENV PATH=/bin", "-", "busybox:test"],
                   input=busybox_layer(), check=True, capture_output=True)


@pytest.fixture(scope="session")
def machine(base_image):
    machine = Machine(base_image)
    try:
        machine.boot()
        _image_inside(machine)
        yield machine
    finally:
        machine.remove()
