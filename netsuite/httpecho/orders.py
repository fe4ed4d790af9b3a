"""Answers on order: what a request's query asks our answer to be, within bounds (``?status=503&delay=2s``).

Whoever tests a client or a gateway needs answers that are slow, large, cut short or refused.  An order that
can't be read, or is over a bound, is refused with the bound named; other parameters of a query mean nothing
here and are echoed like all else.

What a field on order may not be: one that frames the message (two readers must never disagree on ours), one
that lets another site's page read the echo, which has a reader's cookies in it, or that changes what a
browser does with other services of this host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from netsuite.http1.grammar import TOKEN
from netsuite.values import parse_seconds, parse_size

#: Parameters of a query that are looked at.
PARAMETERS_MAX = 100

#: Fields on order, and bytes of one.
FIELDS_MAX = 20
FIELD_BYTES = 4096

#: Pieces that an answer may be sent in.
CHUNKS_MAX = 65536

#: Largest of them.
CHUNK_BYTES = 64 * 1024

#: How an answer may end: in the middle of its body, the same with a reset, or before its first byte.
CLOSES = ("early", "reset", "silent")

#: Fields that an order may not name, and beginnings of such.
RESERVED = frozenset(
    b"connection keep-alive te trailer transfer-encoding upgrade content-length date "  # framing
    b"content-type content-security-policy x-content-type-options x-frame-options set-cookie clear-site-data "
    b"strict-transport-security alt-svc service-worker-allowed refresh report-to nel timing-allow-origin "
    b"www-authenticate proxy-authenticate".split()
)
_RESERVED_BEGINNINGS = (b"access-control-", b"cross-origin-", b"sec-", b"proxy-", b"x-netsuite-")

_NAMES = frozenset((b"status", b"delay", b"size", b"header", b"close", b"chunk"))
_FIELD = re.compile(rb"(" + TOKEN + rb"):[\t ]*([\t -~\x80-\xff]*)")


class BadOrder(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """An order is refused; the text says why, in our own words."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that may be ordered: seconds and bytes."""

    delay: float
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """What an answer is to be.  ``size``: bytes of filler instead of the echo; ``chunk``: bytes of each."""

    status: int = 200
    delay: float = 0.0
    size: int | None = None
    fields: tuple[tuple[bytes, bytes], ...] = ()
    close: str = ""
    chunk: int = 0


PLAIN = Order()


def ordered(query: bytes, bounds: Bounds) -> Order:
    """What ``query`` asks for; ``PLAIN`` if nothing.  Raises: BadOrder."""
    told: dict[bytes, bytes] = {}
    fields: list[tuple[bytes, bytes]] = []
    for pair in query.split(b"&", PARAMETERS_MAX)[:PARAMETERS_MAX]:
        name, _, value = pair.partition(b"=")
        if name not in _NAMES:
            continue
        value = unquote_to_bytes(value.replace(b"+", b" "))
        if name == b"header":
            fields.append(_field(value))
        elif name in told:
            raise BadOrder(f"{name.decode()} is given twice")
        else:
            told[name] = value
    if not told and not fields:
        return PLAIN
    if len(fields) > FIELDS_MAX:
        raise BadOrder(f"there are more than {FIELDS_MAX} header orders")
    order = Order(
        status=_status(told.get(b"status", b"200")),
        delay=_delay(told.get(b"delay", b"0"), bounds.delay),
        size=_size(told[b"size"], bounds.size) if b"size" in told else None,
        fields=tuple(fields),
        close=_close(told.get(b"close", b"")),
        chunk=_chunk(told[b"chunk"]) if b"chunk" in told else 0,
    )
    if order.chunk and (order.size or 0) > order.chunk * CHUNKS_MAX:
        raise BadOrder(f"an answer has at most {CHUNKS_MAX} chunks")
    return order


def _text(value: bytes) -> str:
    """The value as text; what is not ASCII is no value of any order, and told as such later."""
    return value[:64].decode("ascii", "replace")


def _status(value: bytes) -> int:
    if not re.fullmatch(rb"[2-5][0-9]{2}", value):
        raise BadOrder("status is a number from 200 to 599")
    return int(value)


def _delay(value: bytes, most: float) -> float:
    try:
        seconds = parse_seconds(_text(value))
    except ValueError as error:
        raise BadOrder(f"delay {error}") from None
    if seconds > most:
        raise BadOrder(f"delay is at most {most:g} seconds (--max-delay)")
    return seconds


def _size(value: bytes, most: int) -> int:
    try:
        size = parse_size(_text(value))
    except ValueError as error:
        raise BadOrder(f"size {error}") from None
    if size > most:
        raise BadOrder(f"size is at most {most} bytes (--max-size)")
    return size


def _close(value: bytes) -> str:
    close = _text(value)
    if close and close not in CLOSES:
        raise BadOrder(f"close is one of {', '.join(CLOSES)}")
    return close


def _chunk(value: bytes) -> int:
    try:
        size = parse_size(_text(value))
    except ValueError as error:
        raise BadOrder(f"chunk {error}") from None
    if not 1 <= size <= CHUNK_BYTES:
        raise BadOrder(f"chunk is from 1 to {CHUNK_BYTES} bytes")
    return size


def _field(value: bytes) -> tuple[bytes, bytes]:
    """The field that is ordered.  Raises: BadOrder for what is none, or is not for an order to say."""
    if len(value) > FIELD_BYTES:
        raise BadOrder(f"header is at most {FIELD_BYTES} bytes")
    match = _FIELD.fullmatch(value)
    if match is None:
        raise BadOrder("header is NAME:VALUE, without control characters")
    name = match[1].lower()
    if name in RESERVED or name.startswith(_RESERVED_BEGINNINGS):
        raise BadOrder("header may not name a field that frames the answer or that browsers act upon")
    return match[1], match[2].rstrip(b" \t")
