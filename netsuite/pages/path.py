"""From a path as it is asked for to the name under which a page stands, decoded once.

Theory.  A path has one reading: its ``%XX`` are decoded, once, and the bytes that come of it are compared
with those of the table.  A path that somebody else could read as another one names no page: with ``.`` or
``..`` as a segment, with a slash or backslash that was written ``%2f`` or ``%5c``, with NUL, or with a
``%`` that begins no ``%XX``.  Nothing is resolved and no slash is removed, so the table has all there
is.  Source: RFC 3986 §2.4, §6.2.2; RFC 9110 §4.2.3.
"""

from __future__ import annotations

import re
from binascii import unhexlify

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")

#: What must not be hidden behind ``%``: NUL, slash, backslash.
_HIDDEN = frozenset((b"\x00", b"/", b"\\"))


class BadPath(ValueError):  # noqa: N818 - for the client it is a 404
    """A path that has no one reading."""


def canonical(path: bytes) -> bytes:
    """Return the path decoded.  Raises: BadPath."""
    decoded = _ESCAPE.sub(_decode, path) if b"%" in path else path
    if not decoded.startswith(b"/"):
        raise BadPath("does not begin with /")
    if b"\x00" in decoded:
        raise BadPath("has a NUL")
    if b"/." in decoded and any(segment in (b".", b"..") for segment in decoded.split(b"/")):
        raise BadPath("has a segment . or ..")
    return decoded


def _decode(escape: re.Match[bytes]) -> bytes:
    if escape[1] is None:
        raise BadPath("has a % that begins no %XX")
    byte = unhexlify(escape[1])
    if byte in _HIDDEN:
        raise BadPath("hides a character that parts paths")
    return byte
