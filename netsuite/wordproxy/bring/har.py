"""HAR 1.2: what a browser's developer tools, or a proxy, have recorded of a browse, entry by entry.

Source: http://www.softwareishard.com/blog/har-12-spec/ (the only specification that there is).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

import msgspec

from netsuite.wordproxy.bring.elements import Elements
from netsuite.wordproxy.bring.mending import mended
from netsuite.wordproxy.bring.records import Record, Told, encoded, judged, skipped, wanted
from netsuite.wordproxy.copying import Rules
from netsuite.words.skipped import Reason

_ENTRIES = (b"log", b"entries")
_GZIP = b"\x1f\x8b"

#: Beside the page's text, which JSON may double (``\u4e2d`` for three bytes): heads, cookies, timings.
_MORE = 1024 * 1024


class Pair(msgspec.Struct):
    """A header field."""

    name: str = ""
    value: str | None = None


class Asked(msgspec.Struct):
    """A request, as far as it matters."""

    url: str
    method: str = "GET"
    headers: list[Pair] | None = None


class Content(msgspec.Struct):
    """A body: text, or bytes in base64; without its Content-Encoding, which browsers undo."""

    text: str | None = None
    encoding: str | None = None
    mimeType: str | None = None
    size: int | float | None = None
    comment: str | None = None


class Answered(msgspec.Struct):
    """An answer, as far as it matters."""

    status: int | float
    headers: list[Pair] | None = None
    content: Content | None = None


class Entry(msgspec.Struct):
    """One exchange."""

    request: Asked
    response: Answered
    startedDateTime: str | None = None


class HarFault(ValueError):  # noqa: N818 - a fault of the file's
    """The file is no HAR; the text says why."""


_decode = msgspec.json.Decoder(Entry, strict=False).decode


def records(file: BinaryIO, rules: Rules, when: float) -> Iterator[Record]:
    """Yield a record for each entry.  ``when``: for entries that don't say; seconds since the epoch.

    Held are one entry, of twice a page's bound at most, and what is made of it.  Raises: HarFault, OSError.
    """
    elements = Elements(file, _ENTRIES, 2 * rules.max_text + _MORE)
    number = 0
    for number, element in enumerate(elements, 1):
        yield _record(number, element, rules, when)
    if elements.is_cut:
        yield skipped(number + 1, when, Reason.CUT_SHORT)
    elif not number and not elements.is_whole:
        raise HarFault("it has no log.entries, so it is no HAR")


def _record(number: int, element: bytes | None, rules: Rules, when: float) -> Record:
    if element is None:
        return skipped(number, when, Reason.TOO_LARGE)
    entry = _entry(element)
    if entry is None:
        return skipped(number, when, Reason.UNREADABLE)
    request, response = entry.request, entry.response
    content = response.content or Content()
    body, is_text = _body(content)
    fields = wanted([_raw(pair) for pair in response.headers or ()])
    if b"content-type" not in fields and content.mimeType:
        fields[b"content-type"] = encoded(content.mimeType)
    if is_text:  # the exporter has decoded it, whatever the head says
        kind = fields.get(b"content-type", b"").partition(b",")[0].partition(b";")[0]
        fields[b"content-type"] = kind + b"; charset=utf-8"
    if is_text or (isinstance(body, bytes) and not body.startswith(_GZIP)):
        fields.pop(b"content-encoding", None)
    told = Told(
        url=encoded(request.url),
        when=moment(entry.startedDateTime, when),
        status=int(response.status) if 0 <= response.status < 1000 else 0,
        fields=fields,
        method=encoded(request.method),
        has_authorization=any(p.name.strip().lower() == "authorization" for p in request.headers or ()),
    )
    return judged(number, told, body, rules)


def _entry(element: bytes) -> Entry | None:
    """The entry in an element's bytes, None if it is none."""
    try:
        return _decode(element)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = mended(element)
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _body(content: Content) -> tuple[bytes | Reason, bool]:
    """The body, or why there is none; whether it was text."""
    if content.text is None:
        return (Reason.CUT_SHORT, False) if content.size else (b"", False)
    if content.encoding is None or not content.encoding.strip():
        return encoded(content.text), True
    if content.encoding.strip().lower() != "base64":
        return Reason.UNREADABLE, False
    try:
        return b64decode(content.text.encode("ascii", "replace")), False
    except binascii.Error:
        return Reason.UNREADABLE, False


def _raw(pair: Pair) -> tuple[bytes, bytes]:
    return encoded(pair.name), encoded(pair.value or "")


def moment(text: str | None, otherwise: float) -> float:
    """Seconds since the epoch of an ISO 8601 moment; ``otherwise`` where it is none."""
    try:
        return datetime.fromisoformat((text or "").strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return otherwise
