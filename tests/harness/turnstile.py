# SPDX-License-Identifier: Apache-2.0
"""An HTTP relay in front of a registry: notes what is asked, and holds it while it is shut; greetings pass."""

import http.client
import http.server
import threading


class Turnstile:
    """`asked`: (method, path) of every request, in the order of arrival. shut() holds those to come, open() lets all pass."""

    def __init__(self, target):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()
        turnstile = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                turnstile.asked.append((self.command, self.path))
                if self.path != "/v2/":
                    turnstile.gate.wait(60)
                upstream = http.client.HTTPConnection(target, timeout=10)
                try:
                    upstream.request(self.command, self.path, headers=dict(self.headers.items()))
                    reply = upstream.getresponse()
                    body = reply.read()
                    self.send_response(reply.status)
                    for key, value in reply.getheaders():
                        if key.lower() not in ("transfer-encoding", "date", "server"):
                            self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True
                finally:
                    upstream.close()

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def shut(self):
        self.gate.clear()

    def open(self):
        self.gate.set()

    def close(self):
        self.open()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
