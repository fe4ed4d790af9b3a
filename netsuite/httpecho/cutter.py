"""Cuts heads out of a connection's bytes as they came, well-formed or not.

Theory.  ``http1`` reads a head strictly and tells what is wrong with one; but where a malformed head ends,
only a lenient reader can say, and nothing that came may be changed.  So a head is here everything up to its
first empty line, where a line ends with CRLF or with LF alone (RFC 9112 §2.2 allows a reader that), and it
is handed on with every byte of it.  Empty lines before the first line are part of it (§2.2: they are to be
passed over). A bare CR ends no line.

What has no empty line within the bound, or too long a first line, is refused with 431 or 414, as soon as
that is certain; so what is held is bounded.
"""

from __future__ import annotations

import re

from netsuite.http1.errors import BadMessage
from netsuite.http1.limits import Limits

#: The end of a line and an empty one after it.
_EMPTY = re.compile(rb"\n\r?\n")

#: The first byte that ends no line.
_BEGIN = re.compile(rb"[^\r\n]")

#: Bytes of a request line beside its target: a long method, two spaces, the version.
_AROUND_TARGET = 128


class Cutter:
    """Holds what came of a head until it is whole; used again for each request of a connection.

    ``limits`` may be replaced while it runs.
    """

    __slots__ = ("_first", "_held", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held = bytearray()
        self._first = -1  # where in it the first line begins, -1 if it hasn't

    @property
    def begun(self) -> bool:
        """Whether a head has begun; empty lines alone are none."""
        return self._first >= 0

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The head with its empty line and what is past it, None if more bytes are needed.

        Raises: BadMessage 414 or 431.
        """
        if not self._held:
            end = data.find(b"\r\n\r\n")
            # The usual case; an empty line ended otherwise could only be before this one.
            if 0 < end < self.limits.target_bytes and data[0] > 13 and not _EMPTY.search(data, 0, end + 1):
                return data[: end + 4], data[end + 4 :]
        return self._wait(data)

    def _wait(self, data: bytes) -> tuple[bytes, bytes] | None:
        held = self._held
        before = len(held)
        held += data
        if self._first < 0:
            begin = _BEGIN.search(held, before)
            self._first = begin.start() if begin else -1
        found = _EMPTY.search(held, max(self._first, before - 2)) if self._first >= 0 else None
        end = found.end() if found else len(held)
        self._bound(end)
        if found is None:
            return None
        head, rest = bytes(held[:end]), bytes(held[end:])
        held.clear()
        self._first = -1
        return head, rest

    def _bound(self, end: int) -> None:
        """Raise if the head, which goes on at ``end`` or ends there, or its first line is too long."""
        if end < self.limits.target_bytes:
            return
        line = self._held.find(b"\n", max(0, self._first), end)
        if (line if line >= 0 else end) - self._first > self.limits.target_bytes + _AROUND_TARGET:
            raise BadMessage(414, "the request line is too long")
        if end > self.limits.head_bytes + len(b"\r\n\r\n"):
            raise BadMessage(431, "the head is too large")

    def take(self) -> bytes:
        """What is held of a head that will never be whole; nothing is held then."""
        held = bytes(self._held)
        self._held.clear()
        self._first = -1
        return held
