"""From a request to the whole answer to it: its head, and its body or what is ordered in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from netsuite.httpecho import telling
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.heads import JSON, TEXT, Heads
from netsuite.httpecho.orders import CHUNKS_MAX, BadOrder
from netsuite.httpecho.pouring import chunked, filler, pieces_of, up_to

#: Statuses that have no body (RFC 9110 §6.4.1).
BODILESS = frozenset((204, 205, 304))

#: Bodies up to this many bytes leave with their head.
WHOLE_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent: ``head``, which may have a short body with it, then ``pieces``.

    ``size``: bytes of the body that are sent.
    """

    head: bytes
    pieces: Iterator[bytes] | None
    size: int


def replied(
    errand: Errand, heads: Heads, values: dict[str, Any], *, is_11: bool, shows_body: bool, keeps: bool
) -> Reply:
    """The answer to an errand.

    ``values``: what JSON has of it beside what it was; ``keeps``: whether the connection is kept.
    Raises: BadOrder for more chunks than there may be.
    """
    order, status = errand.order, errand.status
    kind, body = _told(errand, values, shows_body) if order.size is None else (TEXT, b"")
    size = len(body) if order.size is None else order.size
    if order.chunk and size > order.chunk * CHUNKS_MAX:
        raise BadOrder(f"an answer has at most {CHUNKS_MAX} chunks")
    in_chunks = bool(order.chunk) and status not in BODILESS
    is_bare = status in BODILESS or (errand.head is not None and errand.head.method == b"HEAD")
    length = None if in_chunks or status in (204, 304) else 0 if status == 205 else size
    fields = (*order.fields, (b"Transfer-Encoding", b"chunked")) if in_chunks else order.fields
    head = heads.written(
        status,
        b"" if status in (204, 304) else kind,
        length,
        is_11=is_11 or in_chunks,
        close=not keeps,
        note=errand.note,
        fields=fields,
    )
    if is_bare:
        return Reply(head, None, 0)
    if not (order.close or order.chunk) and order.size is None and size <= WHOLE_MAX:
        return Reply(head + body, None, size)
    pieces = pieces_of(body) if order.size is None else filler(size)
    if order.close:
        size //= 2
        pieces = up_to(pieces, size)
    return Reply(head, chunked(pieces, order.chunk, ends=not order.close) if in_chunks else pieces, size)


def _told(errand: Errand, values: dict[str, Any], shows_body: bool) -> tuple[bytes, bytes]:
    """The echo: its kind and its bytes."""
    if errand.is_json:
        told = telling.told(errand.raw, errand.head, errand.payload)
        return JSON, telling.as_json({**told, "note": errand.note or None, **values})
    if shows_body:
        return TEXT, telling.plain_with_body(errand.raw, errand.payload)
    return TEXT, telling.plain(errand.raw)


def refused(
    heads: Heads,
    status: int,
    why: str,
    *,
    is_11: bool,
    bare: bool = False,
    fields: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A whole answer that says no, in our own words; then the connection ends."""
    body = f"{status}: {why}.\n".encode()
    head = heads.written(status, TEXT, len(body), is_11=is_11, close=True, note=why, fields=fields)
    return head if bare else head + body
