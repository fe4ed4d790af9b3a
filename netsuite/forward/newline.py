"""Line ends of what is typed, as they go out.

By default CRLF, as the Internet's line protocols want it (RFC 854, RFC 5321 §2.3.8): a
lone LF becomes CRLF, an existing CRLF stays, a lone CR is no line end and stays.  A CR and its LF may come in
two reads: the last byte of a read decides about the first of the next.
"""

from __future__ import annotations

from typing import Protocol


class LineEnds(Protocol):
    """What becomes of line ends."""

    def feed(self, data: bytes) -> bytes:
        """Return what is to be sent of ``data``, now."""

    def end(self) -> bytes:
        """Return what was held back; there is no more."""


class AsIs:
    """Every byte as it is."""

    def feed(self, data: bytes) -> bytes:
        """Return it."""
        return data

    def end(self) -> bytes:
        """Return nothing: nothing is held."""
        return b""


class ToCrlf:
    """Line ends go out as CRLF."""

    def __init__(self) -> None:
        self._after_cr = False

    def feed(self, data: bytes) -> bytes:
        """Return it with a CR before each LF that has none."""
        if not data:
            return b""
        head = b""
        if self._after_cr and data[:1] == b"\n":
            head, data = b"\n", data[1:]
        self._after_cr = data[-1:] == b"\r"
        if b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
        return head + data.replace(b"\n", b"\r\n")

    def end(self) -> bytes:
        """Return nothing: a CR was sent when it came."""
        return b""


class ToLf:
    """Line ends go out as LF; a CR waits for what comes after it."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return it with each CRLF as LF."""
        if not data:
            return b""
        data, self._held = self._held + data, b""
        if data[-1:] == b"\r":
            data, self._held = data[:-1], b"\r"
        return data.replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        """Return a CR that was the last byte."""
        held, self._held = self._held, b""
        return held
