"""An origin of our own, in a thread: what it sends is decided by the path asked for."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading

PIECE = bytes(range(256)) * 256


class Origin:
    """Listens on loopback until closed.

    ``/N`` is a body of N bytes, the start of an endless row of ``PIECE``; a connection is kept open.  What is
    no request is sent back as it came, so that a tunnel has somebody to talk to.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, size: int) -> str:
        """URL of a body of so many bytes."""
        return f"http://127.0.0.1:{self.port}/{size}"

    def close(self) -> None:
        """It listens no more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            waiting = b""
            while data := client.recv(65536):
                waiting += data
                if not waiting.startswith(b"GET "):
                    client.sendall(waiting)
                    waiting = b""
                while b"\r\n\r\n" in waiting:
                    head, _, waiting = waiting.partition(b"\r\n\r\n")
                    self._answer(client, int(head.split()[1].strip(b"/")))

    @staticmethod
    def _answer(client: socket.socket, size: int) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n" % size)
        while size > 0:
            client.sendall(PIECE[:size])
            size -= len(PIECE)


def digest(size: int) -> str:
    """SHA-256 of a body of so many bytes."""
    whole = hashlib.sha256()
    while size > 0:
        whole.update(PIECE[:size])
        size -= len(PIECE)
    return whole.hexdigest()
