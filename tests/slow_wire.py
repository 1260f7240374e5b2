"""Wires that fail below the protocol: a proxy that drips or cuts, a host that only listens."""

import contextlib
import socket
import threading
import time


class Wire:
    """Listens on loopback in a thread; use it as a context."""

    def __init__(self):
        self.n_connections = 0
        self._open = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.n_connections += 1
            self._open.append(connection)
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        """A host that accepts and never says a word."""


class Proxy(Wire):
    """Between a client and a port: drips bytes, or cuts each connection after some."""

    def __init__(self, port, *, drip=None, cut=()):
        super().__init__()
        self._port = port
        self._drip = drip
        self._cut = list(cut)

    def handle(self, connection):
        cut = self._cut.pop(0) if self._cut else None
        server = socket.create_connection(("127.0.0.1", self._port))
        self._open.append(server)
        threading.Thread(target=self._forward, args=(connection, server), daemon=True).start()
        self._forward(server, connection, cut=cut, drip=self._drip)

    def _forward(self, one, other, *, cut=None, drip=None):
        sent = 0
        try:
            while data := one.recv(drip or 65_536):
                if cut is not None and sent + len(data) >= cut:
                    other.sendall(data[: cut - sent])
                    break
                other.sendall(data)
                sent += len(data)
                if drip is not None:
                    time.sleep(0.002)
        except OSError:
            pass
        for end in (one, other):
            # Closing alone says nothing to the other side while a thread still reads.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
