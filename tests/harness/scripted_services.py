# SPDX-License-Identifier: Apache-2.0
"""Secrets Manager, SSM and S3 as far as ECS itself asks them, at an address of their own (LOCALEMU_ENDPOINT_*): what is asked
is recorded, and answers can be late, cut off, wrong or errors."""

import http.server
import json
import threading
import urllib.parse


class ScriptedServices:
    """`secrets` by SecretId, or (SecretId, VersionStage, VersionId) with None where not asked for; `parameters` by the name
    that is asked for; `objects` by "bucket/key". `fault(target)` may return bytes to be sent instead of an answer, b"" to
    close, or a threading.Event to wait for; target is an operation or a path."""

    def __init__(self):
        self.secrets, self.parameters, self.objects = {}, {}, {}
        self.asked = []  # (target, body or None, headers)
        self.fault = lambda target: None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                target = self.headers["X-Amz-Target"].split(".")[-1]
                self.answer(target, body, lambda: getattr(outer, target)(body))

            def do_GET(self):
                path = urllib.parse.unquote(self.path)
                self.answer(path, None, lambda: outer.get_object(path[1:]))

            def answer(self, target, body, make):
                outer.asked.append((target, body, dict(self.headers)))
                fault = outer.fault(target)
                if isinstance(fault, threading.Event):
                    fault.wait(60)
                elif fault is not None:
                    self.close_connection = True
                    self.wfile.write(fault)
                    return
                status, kind, payload = make()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("x-amzn-RequestId", "request-1")
                    self.send_header("Content-Length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)
                except OSError:
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # whoever asked has gone

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.settings = {f"LOCALEMU_ENDPOINT_{s}": self.url for s in ("SECRETSMANAGER", "SSM", "S3")}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def targets(self):
        return [target for target, _, _ in self.asked]

    @staticmethod
    def reply(body, status=200):
        return status, "application/x-amz-json-1.1", json.dumps(body).encode()

    def GetSecretValue(self, body):
        key = (body["SecretId"], body.get("VersionStage"), body.get("VersionId"))
        value = self.secrets.get(key if key[1:] != (None, None) else key[0])
        if value is None:
            return self.reply({"__type": "ResourceNotFoundException",
                               "Message": "Secrets Manager can't find the specified secret."}, 400)
        return self.reply({"ARN": body["SecretId"], "Name": "n", "SecretString": value})

    def GetParameters(self, body):
        assert body["WithDecryption"] is True and len(body["Names"]) <= 10 and len(set(body["Names"])) == len(body["Names"])
        found = [{"Name": n, "Type": "SecureString", "Value": self.parameters[n], "Version": 1}
                 for n in reversed(body["Names"]) if n in self.parameters]
        return self.reply({"Parameters": found,
                           "InvalidParameters": [n for n in body["Names"] if n not in self.parameters]})

    def get_object(self, path):
        if path in self.objects:
            return 200, "binary/octet-stream", self.objects[path]
        return 404, "application/xml", (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code>'
                                        b"<Message>The specified key does not exist.</Message></Error>")
