"""A network of one's own between a program and a server: it can be cut, and it can swallow what is sent."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

_CHUNK = 65_536
_LOOK_SECONDS = 0.02


class Relay:
    """A port of this machine that leads to the socket of a server, by one thread."""

    def __init__(self, target: str) -> None:
        """Listen; `target` is the path of a socket."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._swallowing = self._refusing = self._closed = self._cutting = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def swallow(self) -> None:
        """Acknowledge everything from now on, and pass on nothing."""
        self._swallowing = True

    def refuse(self) -> None:
        """Cut all connections, and let nobody connect."""
        self._refusing = True
        self.cut()

    def cut(self) -> None:
        """Cut all connections; new ones are let through."""
        self._cutting = True
        while self._cutting and self._thread.is_alive():
            self._thread.join(_LOOK_SECONDS)

    def mend(self) -> None:
        """Let everything through again; what was swallowed is lost, and so its connections are cut."""
        self._swallowing = self._refusing = False
        self.cut()

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._closed = True
        self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select(_LOOK_SECONDS):
                one = key.fileobj
                if one is self._listener:
                    self._accept()
                elif isinstance(one, socket.socket) and one in self._peers and not self._swallowing:
                    self._pass_on(one)
            if self._swallowing:
                threading.Event().wait(_LOOK_SECONDS)
            if self._cutting:
                self._cut_all()
                self._cutting = False
        self._cut_all()
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        one, _ = self._listener.accept()
        other = socket.socket(socket.AF_UNIX)
        try:
            if self._refusing:
                raise ConnectionRefusedError
            other.connect(self._target)
        except OSError:
            one.close()
            other.close()
            return
        for each, peer in ((one, other), (other, one)):
            self._peers[each] = peer
            self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, one: socket.socket) -> None:
        try:
            data = one.recv(_CHUNK)
            if data:
                self._peers[one].sendall(data)
                return
        except OSError:
            pass
        self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        for each in (one, self._peers[one]):
            del self._peers[each]
            with suppress(KeyError, ValueError):
                self._selector.unregister(each)
            each.close()

    def _cut_all(self) -> None:
        while self._peers:
            self._drop(next(iter(self._peers)))
