# SPDX-License-Identifier: Apache-2.0
"""An image with nothing in it but tests/runtime/probe.c, which asks for what an environment variable names as the first
thing it does."""

import io
import pathlib
import subprocess
import tarfile
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "runtime/probe.c"


def build():
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "probe"
        # probe.c copies nothing, but gcc may see a memcpy or memset in a loop or an initializer
        subprocess.run(["gcc", "-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
                        "-fno-pie", "-no-pie", "-o", program, SOURCE], check=True)
        return program.read_bytes()


def layer():
    """A tar of one file: /probe."""
    program, out = build(), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("probe")
        info.mode, info.size = 0o755, len(program)
        tar.addfile(info, io.BytesIO(program))
    return out.getvalue()
