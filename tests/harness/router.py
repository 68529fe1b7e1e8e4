# SPDX-License-Identifier: Apache-2.0
"""An image with nothing in it but tests/runtime/router.c, in the place of fluent-bit."""

import io
import pathlib
import subprocess
import tarfile
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "runtime/router.c"


def layer():
    """A tar of one file: /router."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "router"
        subprocess.run(["gcc", "-std=gnu11", "-Os", "-static", "-s", "-o", path, SOURCE], check=True)
        program = path.read_bytes()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("router")
        info.mode, info.size = 0o755, len(program)
        tar.addfile(info, io.BytesIO(program))
    return out.getvalue()
