"""A TCP proxy that a test can cut, stall, or point to nowhere: the network between a window and its room."""

from __future__ import annotations

import selectors
import socket
import threading


class Proxy:
    """Forwards connections to a port of this machine.

    Attributes
    ----------
    up : bool
        Whether new connections are taken; those that stand go on.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.up = True
        self.stalled = False
        self.accepted = 0
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy")
        self._thread.start()

    def cut(self, *, up: bool = True) -> None:
        """Cut all connections, without a word."""
        self.up = up
        with self._lock:
            for one in list(self._pairs):
                self._drop(one)

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self.cut()
        self._listener.close()

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        if other is not None:
            self._pairs.pop(other, None)
            for each in (one, other):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                each.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            with selectors.DefaultSelector() as selector, self._lock:
                selector.register(self._listener, selectors.EVENT_READ)
                for one in [] if self.stalled else self._pairs:
                    selector.register(one, selectors.EVENT_READ)
                for key, _ in selector.select(0.02):
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._forward(key.fileobj)  # type: ignore[arg-type]
            self._ending.wait(0.0005)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if not self.up:
            near.close()
            return
        self.accepted += 1
        far = socket.create_connection(("127.0.0.1", self._target))
        self._pairs[near], self._pairs[far] = far, near

    def _forward(self, one: socket.socket) -> None:
        if one not in self._pairs:
            return
        try:
            data = one.recv(1 << 20)
            if data:
                self._pairs[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)
