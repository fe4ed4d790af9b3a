"""A source's bytes, within a bound: of a file, or of standard input."""

from __future__ import annotations

import os
import sys

from .document import Document, kind_of
from .message import Failed
from .sources import Source

_STDIN = "-"


def may_block(source: Source) -> bool:
    """Return whether reading may have to wait for somebody: standard input, pipes."""
    return not os.path.isfile(source.name)


def read(source: Source, most: int) -> Document | Failed:
    """Return the document, or why it can't be had."""
    try:
        body = _bytes(source.name, most + 1)
    except OSError as error:
        return Failed("local", error.strerror or type(error).__name__)
    return of_bytes(source.name, body, most)


def of_bytes(
    name: str, body: bytes, most: int, media_type: str = "", label: str | None = None
) -> Document | Failed:
    """Return the document of bytes that are there; more than ``most`` is a bound of ours."""
    if len(body) > most:
        return Failed("limit", f"it has more than {most} bytes (--max-size)")
    return Document(name, kind_of(name, body, media_type), body, label)


def _bytes(name: str, most: int) -> bytes:
    if name == _STDIN:
        return sys.stdin.buffer.read(most)
    # A pipe that nobody writes to would be waited for without end; one that somebody does is read to its end.
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        os.set_blocking(descriptor, True)
        return file.read(most)
