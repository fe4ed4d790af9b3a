"""What is wrong with a head that the strict reader refuses: everything, not only what it stopped at.

Who debugs a gateway wants the whole list.  ``http1`` stops at the first fault, rightly; here each line is
looked at by itself, and then the fields that frame and route.  Notes are words of our own: nothing that the
peer sent is in them, so they may stand in a field of our answer.
"""

from __future__ import annotations

import re

from netsuite.http1.errors import BadMessage
from netsuite.http1.grammar import TOKEN
from netsuite.http1.head import RequestHead, parse_request
from netsuite.http1.limits import Limits

#: Notes of one message, and lines that are looked at.
NOTES_MAX = 8
LINES_MAX = 1000

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]++) HTTP/[0-9]\.[0-9]")
_NAME = re.compile(TOKEN)

#: What the strict reader says of a first line that LF alone, or a NUL in another line, has made endless.
_OF_THE_START = frozenset(("a control character in the request line", "a malformed request line"))

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def judged(raw: bytes, limits: Limits) -> tuple[RequestHead | None, int, tuple[str, ...]]:
    """The request that a head with its empty line is, or None, the status it deserves, and what is wrong.

    Source: RFC 9112 §2 to §6, by way of ``http1``.
    """
    try:
        return parse_request(block_of(raw), limits, at_origin=True), 0, ()
    except BadMessage as error:
        notes = _all_faults(raw)
        if not notes or error.reason not in _OF_THE_START or "a malformed request line" in notes:
            notes.insert(0, error.reason)
        return None, error.status, tuple(dict.fromkeys(notes))[:NOTES_MAX]


def block_of(raw: bytes) -> bytes:
    """The head without the empty line that ends it, as ``http1`` reads it."""
    if raw.endswith(b"\r\n\r\n"):
        return raw[:-4]
    return raw.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b"\n").removesuffix(b"\r")


def lines_of(raw: bytes) -> list[bytes]:
    """The lines of a head, at most ``LINES_MAX``, without their ends and without empty ones."""
    return [
        line.removesuffix(b"\r")
        for line in raw.lstrip(b"\r\n").split(b"\n", LINES_MAX)[:LINES_MAX]
        if line.strip(b"\r")
    ]


def _all_faults(raw: bytes) -> list[str]:
    """What is wrong, in the order of the lines and then of what the fields say together."""
    notes = []
    first, *fields = lines_of(raw) or [b""]
    if b"\n" in raw.replace(b"\r\n", b""):
        notes.append("a line ends with LF alone")
    if re.search(rb"\r(?!\n)", raw):
        notes.append("a CR without its LF")
    if _CONTROL.search(raw):
        notes.append("a NUL" if b"\0" in raw else "a control character")
    if not _REQUEST_LINE.fullmatch(first):
        notes.append("a malformed request line")
    for line in fields:
        notes += _line_faults(line)
    return notes + _framing_faults(fields)


def _line_faults(line: bytes) -> list[str]:
    if line[:1] in (b" ", b"\t"):
        return ["a folded line (obs-fold)"]
    name, colon, _ = line.partition(b":")
    if not colon:
        return ["a field line without a colon"]
    if not name:
        return ["a field without a name"]
    if name[-1:] in (b" ", b"\t"):
        return ["white space before a field's colon"]
    return [] if _NAME.fullmatch(name) else ["a field name that is no token"]


def _framing_faults(fields: list[bytes]) -> list[str]:
    """What Host, Content-Length and Transfer-Encoding say, as lenient a reader as may be would take them."""
    named: dict[bytes, list[bytes]] = {}
    for line in fields:
        name, _, value = line.partition(b":")
        named.setdefault(name.strip().lower(), []).append(value.strip())
    notes = []
    hosts, lengths = named.get(b"host", []), named.get(b"content-length", [])
    codings = named.get(b"transfer-encoding", [])
    if not hosts:
        notes.append("no Host")
    if len(hosts) > 1:
        notes.append("more than one Host")
    if len(lengths) > 1:
        alike = len(set(lengths)) == 1
        notes.append(
            "more than one Content-Length, alike" if alike else "more than one Content-Length, unlike"
        )
    if any(not value.isdigit() for value in lengths):
        notes.append("Content-Length is no number")
    if lengths and codings:
        notes.append("both Content-Length and Transfer-Encoding")
    if codings and b",".join(codings).lower() != b"chunked":
        notes.append("a Transfer-Encoding that is not just chunked")
    return notes
