# SPDX-License-Identifier: Apache-2.0
"""A unix socket in front of the Engine that a test can take away, hold still or fill with rubbish."""

import contextlib
import os
import selectors
import socket
import threading

PASS, GONE, STILL, GARBAGE = "pass", "gone", "still", "garbage"


class EngineProxy:
    """`mode`: PASS forwards; GONE refuses connections; STILL accepts and says nothing; GARBAGE answers with bytes that are
    no HTTP. set_mode also cuts what is open, STILL excepted: there open connections just stop moving."""

    def __init__(self, path, target="/var/run/docker.sock"):
        self.path = str(path)
        self.target = target
        self.mode = PASS
        self.selector = selectors.DefaultSelector()
        self.peers = {}  # socket → the other end, None where there is none
        self.wake_r, self.wake_w = os.pipe()
        self.selector.register(self.wake_r, selectors.EVENT_READ)
        self.wanted = PASS
        self.changed = threading.Event()
        self.listener = None
        self._listen()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def set_mode(self, mode):
        """Returns once the new mode is in force."""
        self.changed.clear()
        self.wanted = mode
        os.write(self.wake_w, b"x")
        assert self.changed.wait(5)

    def close(self):
        self.set_mode(None)
        self.thread.join(5)

    # -- the thread

    def _listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(128)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def _unlisten(self):
        if self.listener:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None
            os.unlink(self.path)

    def _run(self):
        while self.mode is not None:
            for key, _ in self.selector.select():
                if key.fileobj == self.wake_r:
                    os.read(self.wake_r, 1)
                    self._change()
                elif key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self.peers and self.mode != STILL:
                    self._forward(key.fileobj)
            if self.mode == STILL:
                self._mute()

    def _change(self):
        old, self.mode = self.mode, self.wanted
        if self.mode in (GONE, None):
            self._unlisten()
        elif not self.listener:
            self._listen()
        if self.mode in (GONE, GARBAGE, None):
            for sock in list(self.peers):
                self._drop(sock)
        if old == STILL and self.mode == PASS:
            for sock, peer in list(self.peers.items()):
                if peer is None:
                    self._drop(sock)  # was accepted by nobody; its client tries again
                else:
                    self.selector.register(sock, selectors.EVENT_READ)
        self.changed.set()

    def _mute(self):
        for sock in self.peers:
            try:
                self.selector.unregister(sock)
            except KeyError:
                pass

    def _accept(self):
        client, _ = self.listener.accept()
        if self.mode == GARBAGE:
            with client, contextlib.suppress(OSError):  # whoever only knocked is gone already
                client.sendall(b"\x00\xff\x13 this is no HTTP \r\n\r\n" * 20)
            return
        if self.mode == STILL:
            self.peers[client] = None
            return
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(self.target)
        self.peers[client], self.peers[server] = server, client
        self.selector.register(client, selectors.EVENT_READ)
        self.selector.register(server, selectors.EVENT_READ)

    def _forward(self, sock):
        peer = self.peers[sock]
        try:
            data = sock.recv(65536)
            if data:
                peer.sendall(data)
                return
            # half-closed: tell the other side, stop listening to this one
            self.selector.unregister(sock)
            peer.shutdown(socket.SHUT_WR)
            if peer not in self.selector.get_map():
                self._drop(sock)
        except OSError:
            self._drop(sock)

    def _drop(self, sock):
        for end in (sock, self.peers.get(sock)):
            if end is None or end not in self.peers:
                continue
            try:
                self.selector.unregister(end)
            except KeyError:
                pass
            end.close()
        peer = self.peers.pop(sock, None)
        self.peers.pop(peer, None)
