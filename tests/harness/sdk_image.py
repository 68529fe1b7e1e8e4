# SPDX-License-Identifier: Apache-2.0
"""An image with the clients that people have: Debian's awscli and boto3 with its Python, and node with an SDK of npm. Copied
from this machine, file by file, without what no test asks for; nothing in it is configured."""

import io
import pathlib
import re
import subprocess
import tarfile

from harness import npm

STS = "@aws-sdk/client-sts@3.1099.0"
PYTHON = pathlib.Path("/usr/bin/python3").resolve()
STDLIB = pathlib.Path("/usr/lib") / PYTHON.name
PACKAGES = pathlib.Path("/usr/lib/python3/dist-packages")
SERVICES = ("sts",)
LEFT_OUT = re.compile(r"/(examples|topics|test|tests|idlelib|tkinter|lib2to3|ensurepip|debpython|mypy|numpy|scipy)(/|$)|\.pth$|/ac\.index$")


def _is_wanted(path):
    text = str(path)
    if LEFT_OUT.search(text):
        return False
    data = re.search(r"/dist-packages/botocore/data/([^/]+)/", text)  # awscli has one of its own, and wants all of it
    return data is None or data.group(1) in SERVICES


def _libraries(programs):
    """The shared libraries that these load, and the loader itself."""
    out = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    return {pathlib.Path(p) for p in re.findall(r"(/\S+\.so\S*) \(0x", out)}


def _add(tar, source, name=None):
    """One file; what is a link on this machine is a file in the image."""
    real = source.resolve()
    info = tar.gettarinfo(str(real), str(name or source).lstrip("/"))
    info.uid = info.gid = 0
    with open(real, "rb") as data:
        tar.addfile(info, data)


def layer(base):
    """A tar: the files of `base`, another tar, and the clients on top."""
    out = io.BytesIO()
    node = pathlib.Path("/usr/bin/node")
    modules = npm.installed(STS)
    with tarfile.open(fileobj=out, mode="w") as tar:
        with tarfile.open(fileobj=io.BytesIO(base)) as old:
            for member in old:
                tar.addfile(member, old.extractfile(member) if member.isfile() else None)
        files = [f for root in (STDLIB, PACKAGES) for f in root.rglob("*") if f.is_file() and _is_wanted(f)]
        binaries = [PYTHON, node, *(f for f in files if ".so" in f.suffixes)]
        for library in sorted(_libraries([str(b) for b in binaries])):
            _add(tar, library)
        _add(tar, PYTHON, "/usr/bin/python3")
        providers = pathlib.Path("/usr/lib").glob("*/ossl-modules/*.so")  # OpenSSL's, which no ldd knows
        for path in (node, pathlib.Path("/usr/bin/aws"), *providers, *files):
            _add(tar, path)
        for path in modules.rglob("*"):
            if path.is_file() and path.suffix in (".js", ".json", ".cjs", ".mjs"):
                _add(tar, path, "/app/" + str(path.relative_to(modules)))
    return out.getvalue()
