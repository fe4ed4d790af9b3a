"""What a TLS client says first: for which name it comes (RFC 8446 §4.1.2, RFC 6066 §3).

A ClientHello may come in any number of TCP pieces and of TLS records.  It is read without being believed:
every length is held against what there is, and nothing is read past `HELLO_MAX` bytes, which leaves room for
the largest key shares in use.
"""

from __future__ import annotations

from typing import NamedTuple

#: Bytes of records in which a ClientHello has to be whole.  Browsers send up to 2 KiB with post-quantum keys.
HELLO_MAX = 16 * 1024

#: The types of a record with handshake messages, and of the message.
_HANDSHAKE, _CLIENT_HELLO = b"\x16", b"\x01"
_RECORD_MAX = 1 << 14
_SERVER_NAME, _HOST_NAME = 0, 0


class Hello(NamedTuple):
    """A whole ClientHello.  ``name``: the host that it asks for, in lower case; None if it names none."""

    name: bytes | None


class NoHello(Exception):  # noqa: N818 - an answer about bytes
    """The bytes are the beginning of no ClientHello that we read."""


class _Bytes:
    """Bytes of a message, taken from the front."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data, self._at, self._end = data, at, len(data) if end is None else end

    def __bool__(self) -> bool:
        return self._at < self._end

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > self._end:
            raise NoHello
        return self._data[start : self._at]

    def rest(self) -> bytes:
        return self.take(self._end - self._at)

    def part(self, size: int) -> _Bytes:
        """The next field, whose length stands before it in ``size`` bytes."""
        length = self.number(size)
        start, self._at = self._at, self._at + length
        if self._at > self._end:
            raise NoHello
        return _Bytes(self._data, start, self._at)


def read(data: bytes) -> Hello | None:
    """The ClientHello that ``data`` begins with, None while more is needed.

    Raises: NoHello, as soon as it is certain.
    """
    message = _message(data)
    if message is None:
        return None
    body = _Bytes(message)
    body.take(2 + 32)  # legacy_version, random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        body.part(size)
    return Hello(_name(body.part(2)) if body else None)


def _message(data: bytes) -> bytes | None:
    """The handshake message that the records begin with, without its head; None while more is needed."""
    gathered = b""
    at = 0
    while True:
        if len(gathered) >= 4:
            length = int.from_bytes(gathered[1:4], "big")
            if len(gathered) >= 4 + length:
                return gathered[4 : 4 + length]
            if length > HELLO_MAX:
                raise NoHello
        head = data[at : at + 5]
        if head[:1] not in (b"", _HANDSHAKE) or head[1:2] not in (b"", b"\x03"):
            raise NoHello
        if len(head) < 5:
            return None
        length = int.from_bytes(head[3:], "big")
        if not 0 < length <= _RECORD_MAX or at + length > HELLO_MAX:
            raise NoHello
        gathered += data[at + 5 : at + 5 + length]
        if gathered[:1] not in (b"", _CLIENT_HELLO):
            raise NoHello
        if len(data) < at + 5 + length:
            return None
        at += 5 + length


def _name(extensions: _Bytes) -> bytes | None:
    """The host of the server name extension, which may have one at most."""
    while extensions:
        kind = extensions.number(2)
        content = extensions.part(2)
        if kind != _SERVER_NAME:
            continue
        names = content.part(2)
        while names:
            is_host = names.number(1) == _HOST_NAME
            name = names.part(2)
            if is_host:
                return name.rest().lower()
    return None
