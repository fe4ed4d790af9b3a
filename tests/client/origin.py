"""An origin whose answers a test writes byte by byte, in a thread, with TLS or without."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: What an answer is made of: bytes to send, seconds to wait, or how it ends (``RESET``, ``HOLD``).
Piece = bytes | float | str
RESET, HOLD = "reset", "hold"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    content: bytes = b""
    scheme: str = field(default="http", compare=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def all(self, name: str) -> list[str]:
        """Each value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """A field's value, None without one."""
        return next(iter(self.all(name)), None)


Answering = Callable[[Asked], "bytes | Iterable[Piece]"]


def answer(status: str = "200 OK", body: bytes = b"", *fields: str, length: int | None = None) -> bytes:
    """An answer with Content-Length; ``length``: another one than the body's."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Origin:
    """Listens on loopback until closed; ``asked`` are the requests, in order."""

    def __init__(
        self,
        answering: Answering,
        *,
        certificate: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.asked: list[Asked] = []
        self.shaken: Callable[[ssl.SSLSocket], object] = lambda stream: None
        self._answering = answering
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(os.fspath(certificate))
        self._released = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), backlog=64, family=family)
        self.host, self.port = host, int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """URL of a path."""
        name = host or self.host
        name = f"[{name}]" if ":" in name else name
        return f"{'https' if self.context else 'http'}://{name}:{self.port}{path}"

    def close(self) -> None:
        """It listens no more, and lets go of whom it held."""
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream: Any = client
            if self.context is not None:
                stream = self.context.wrap_socket(client, server_side=True)
                self.shaken(stream)
            asked = _read(stream, "https" if self.context else "http")
            if asked is None:
                return
            self.asked.append(asked)
            pieces = self._answering(asked)
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                if isinstance(piece, bytes):
                    stream.sendall(piece)
                elif isinstance(piece, float):
                    time.sleep(piece)
                elif piece == HOLD:
                    self._released.wait(60)
                else:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
            if self.context is not None:
                stream.unwrap()
            else:
                client.shutdown(socket.SHUT_WR)
                client.settimeout(5)
                while client.recv(65536):  # a close with bytes unread would be a reset
                    pass


def _read(stream: Any, scheme: str) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return None
        data += more
    head, _, content = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = start.split(" ")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    asked = Asked(method, target, fields, b"", scheme)
    length = int(asked.get("Content-Length") or 0)
    while len(content) < length:
        more = stream.recv(65536)
        if not more:
            return None
        content += more
    return Asked(method, target, fields, content, scheme)
