"""What goes with a request: bytes, a file, or a form of several parts (RFC 7578); each can be sent again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from netsuite.outcome import Failed

#: Bytes of a file that are read at a time.
PIECE = 64 * 1024


class Content(Protocol):
    """A request's content.  ``kind``: its Content-Type, ``length``: its bytes."""

    @property
    def kind(self) -> bytes: ...

    @property
    def length(self) -> int: ...

    def pieces(self) -> Iterator[bytes]:
        """Yield it from its beginning.  Raises: OSError, Failed."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """Bytes that are there."""

    data: bytes
    kind: bytes = b"application/x-www-form-urlencoded"

    @property
    def length(self) -> int:
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), PIECE):
            yield self.data[at : at + PIECE]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is when it is sent; one that changes its length meanwhile is an error."""

    path: str
    length: int
    kind: bytes = b"application/x-www-form-urlencoded"

    @classmethod
    def at(cls, path: str, kind: bytes = b"application/octet-stream") -> File:
        """Return the file at a path.  Raises: OSError."""
        with open(path, "rb") as file:
            return cls(path, os.fstat(file.fileno()).st_size, kind)

    def pieces(self) -> Iterator[bytes]:
        left = self.length
        with open(self.path, "rb") as file:
            while left and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
        if left:
            raise Failed("local", f"{self.path}: became shorter while it was sent")


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form: its name, its content, and a file's name where it is one."""

    name: str
    content: Content
    file_name: str | None = None

    def head(self) -> bytes:
        """Return what stands before the content, escaped as browsers do it (HTML §4.10.21.8)."""
        told = f'Content-Disposition: form-data; name="{_escaped(self.name)}"'
        if self.file_name is not None:
            told += f'; filename="{_escaped(self.file_name)}"'
            told += f"\r\nContent-Type: {self.content.kind.decode('ascii')}"
        return f"{told}\r\n\r\n".encode()


class Form:
    """Parts between boundaries, which the Content-Type declares (RFC 7578, RFC 2046 §5.1)."""

    def __init__(self, parts: Sequence[Part], boundary: str | None = None) -> None:
        self._parts = list(parts)
        self._boundary = (boundary or f"netsuite-{secrets.token_hex(16)}").encode("ascii")
        self.kind = b"multipart/form-data; boundary=" + self._boundary

    @property
    def length(self) -> int:
        """Bytes of it all."""
        around = len(self._boundary) + 6  # each part's boundary and line ends, and the last line
        return around + sum(around + len(part.head()) + part.content.length for part in self._parts)

    def pieces(self) -> Iterator[bytes]:
        """Yield it from its beginning."""
        for part in self._parts:
            yield b"--" + self._boundary + b"\r\n" + part.head()
            yield from part.content.pieces()
            yield b"\r\n"
        yield b"--" + self._boundary + b"--\r\n"


def _escaped(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def whole(content: Content | None) -> bytes:
    """Return all of a content's bytes."""
    return b"" if content is None else b"".join(content.pieces())
