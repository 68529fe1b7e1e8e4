# SPDX-License-Identifier: Apache-2.0
"""Packages of the npm registry for tests, fetched once into build/npm and kept there: always of the version that is named."""

import fcntl
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

CACHE = pathlib.Path(__file__).resolve().parents[2] / "build" / "npm"


def _npm(arguments, cwd):
    subprocess.run(["npm", "--no-audit", "--no-fund", "--loglevel=error", *arguments], cwd=cwd, check=True, timeout=300,
                   capture_output=True, text=True)


def _cached(key, make):
    """The directory CACHE/key, filled by make(directory) where it is not there yet; one maker at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / key.replace("/", "_")
    with open(CACHE / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            work = pathlib.Path(tempfile.mkdtemp(dir=CACHE))
            try:
                make(work)
                work.rename(target)
            except BaseException:
                shutil.rmtree(work)
                raise
    return target


def package(name, version):
    """The files of one package without what it depends on: a directory."""

    def make(work):
        _npm(["pack", f"{name}@{version}"], work)
        archive = next(work.glob("*.tgz"))
        with tarfile.open(archive) as tar:
            tar.extractall(work)
        archive.unlink()

    return _cached(f"pack-{name}@{version}", make) / "package"


def installed(*packages):
    """A directory with node_modules in which these packages ("@aws-sdk/client-sts@3.1099.0") and what they need are."""

    def make(work):
        _npm(["init", "-y"], work)
        _npm(["install", "--ignore-scripts", *packages], work)

    return _cached("install-" + "+".join(sorted(packages)), make)
