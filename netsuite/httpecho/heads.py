"""Heads of our answers: what each says of itself, and the few things that each says on its own account.

Whatever comes from outside stands in a head only as an ordered field, which ``orders`` has judged, and as
the tag of the command line; the writer here looks once more that none has a line break.
"""

from __future__ import annotations

import time
from email.utils import formatdate

from netsuite.http1.fields import Fields
from netsuite.site.answer import phrase

TEXT = b"text/plain"
JSON = b"application/json"


class Heads:
    """Writes heads; ``instance`` tells one process from another, ``tag`` what people call it."""

    def __init__(self, instance: str, tag: bytes) -> None:
        own = b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nX-Netsuite-Instance: %b\r\n"
        self._own = own % instance.encode() + (b"X-Netsuite-Tag: %b\r\n" % tag if tag else b"")
        self._second = 0
        self._tail = b""

    def tail(self, now: float) -> bytes:
        """The lines that every answer has, the first after another; made anew each second, for Date."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._tail = b"\r\nDate: %b\r\n%b" % (formatdate(second, usegmt=True).encode(), self._own)
        return self._tail

    def written(
        self,
        status: int,
        kind: bytes,
        length: int | None,
        *,
        is_11: bool,
        close: bool,
        note: str = "",
        fields: Fields | tuple[tuple[bytes, bytes], ...] = (),
    ) -> bytes:
        """A head.  ``length`` None: the body is in chunks, or there is none and never could be.

        Raises: ValueError for a line break in a field.
        """
        lines = [b"HTTP/1.%d %d %b" % (is_11, status, reason(status))]
        if kind:
            lines.append(b"Content-Type: " + kind)
        if length is not None:
            lines.append(b"Content-Length: %d" % length)
        own = len(lines)
        if note:
            lines.append(b"X-Netsuite-Note: " + note.encode("ascii", "replace"))
        lines += [b"%b: %b" % field for field in fields]
        if close and is_11:
            lines.append(b"Connection: close")
        for line in lines[own:]:
            if b"\r" in line or b"\n" in line:
                raise ValueError("a line break in a field of our answer")
        return b"\r\n".join(lines) + self.tail(time.time()) + b"\r\n"


def reason(status: int) -> bytes:
    """The phrase of a status; ours for one that has none."""
    try:
        return phrase(status).encode()
    except ValueError:
        return b"On Order"
