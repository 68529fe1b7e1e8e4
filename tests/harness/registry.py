# SPDX-License-Identifier: Apache-2.0
"""A registry of our own on loopback (Debian's docker-registry), for pulls that succeed and pulls that are refused; a
private one lets nobody in but LOGIN."""

import base64
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness.wait import wait_until

CONFIG = """version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {directory}/data}}
http: {{addr: "127.0.0.1:{port}"}}
"""


USERS = """auth:
  htpasswd: {{realm: test, path: {directory}/users}}
"""


LOGIN = ("user", "pässword")
LOGIN_LINE = "user:$2b$04$goFcgIVa88pYbFO0qzfxcen1X0lEQand8bWPO2pmqM9KAaHtqgJxm"  # as htpasswd -B prints it


class Registry:
    def __init__(self, private=False):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lemu-registry-", dir="/tmp"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        config = self.directory / "config.yml"
        config.write_text((CONFIG + (USERS if private else "")).format(directory=self.directory, port=port))
        self.login = dict(zip(("username", "password"), LOGIN)) if private else {}
        if private:
            (self.directory / "users").write_text(LOGIN_LINE + "\n")
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        wait_until(self._answers, 15, "the registry to answer")

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            connection = http.client.HTTPConnection(self.host, timeout=2)
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False

    def push(self, engine, image, repository, tag):
        """Tags and pushes a local image, then forgets the tag, so that the next use has to pull."""
        engine.request("POST", f"/images/{image}/tag", query={"repo": repository, "tag": tag})
        auth = base64.urlsafe_b64encode(json.dumps(self.login).encode()).decode()
        try:
            reply = engine.request("POST", f"/images/{repository}/push", query={"tag": tag},
                                   headers={"X-Registry-Auth": auth})
            assert "error" not in str(reply), reply
        finally:
            engine.remove_image(f"{repository}:{tag}")

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)
