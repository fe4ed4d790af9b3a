"""WARC 1.0 and 1.1: what crawlers and archiving proxies have recorded, record by record.

The theory.  A record is a line ``WARC/1.x``, fields, an empty line, a block of Content-Length bytes, and two
empty lines.  Only behind those it is known that the length was right, so a record counts when the next one
begins where it should; otherwise it is unreadable, and reading goes on where a next one can be found.

A ``response`` is an HTTP answer as it came; its ``request``, if recorded, stands before or behind it and says
by which method it was asked for, and whether with credentials.  A ``revisit`` is an answer whose body was the
same as before.  All other records are none of pages; they have numbers, too.

Of HTTP only what matters is read, and leniently: archives keep what servers really sent.  Source: ISO
28500:2017, https://iipc.github.io/warc-specifications/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import BinaryIO

from netsuite.wordproxy.bring.har import moment
from netsuite.wordproxy.bring.records import Record, Told, judged, revisited, skipped, wanted
from netsuite.wordproxy.bring.tape import SEARCHES_MAX, Broken, Hopeless, Tape
from netsuite.wordproxy.copying import Rules
from netsuite.words.skipped import Reason

MAGIC = b"WARC/1."

#: Bounds of a record's fields, and of the head of the HTTP message in it.
LINE_MAX, FIELDS_MAX = 32 * 1024, 200
HEAD_MAX = 256 * 1024

_FIELDS = (
    b"warc-type",
    b"warc-date",
    b"warc-target-uri",
    b"warc-record-id",
    b"warc-concurrent-to",
    b"warc-refers-to-target-uri",
    b"warc-truncated",
    b"content-length",
)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?!\d)")
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) [^ ]")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class WarcFault(ValueError):  # noqa: N818 - a fault of the file's
    """The file is no WARC; the text says why."""


@dataclass(frozen=True, slots=True)
class Block:
    """One record of the file.  ``block``: None where it is longer than any page may be."""

    number: int
    fields: Mapping[bytes, bytes]
    block: bytes | None

    @property
    def kind(self) -> bytes:
        """``response``, ``request`` …"""
        return self.fields.get(b"warc-type", b"").lower()

    def belongs_to(self, other: Block) -> bool:
        """Whether the two are of one exchange."""
        mine, its = self.fields, other.fields
        for one, two in ((mine, its), (its, mine)):
            if one.get(b"warc-concurrent-to", b"") == two.get(b"warc-record-id", b"-"):
                return True
        told = b"warc-concurrent-to" in mine or b"warc-concurrent-to" in its
        return not told and mine.get(b"warc-target-uri") == its.get(b"warc-target-uri")


def records(file: BinaryIO, rules: Rules, when: float) -> Iterator[Record]:
    """Yield a record for each answer, and for each record that can't be read.

    ``when``: for answers that don't say; seconds since the epoch.  Held are two records, of a page's bound
    each, and what is made of one.  Raises: WarcFault, OSError.
    """
    try:
        yield from _records(file, rules, when)
    except Hopeless:
        raise WarcFault(f"over {SEARCHES_MAX} records are broken; the rest was not read") from None


def _records(file: BinaryIO, rules: Rules, when: float) -> Iterator[Record]:
    before = answer = None
    for block in _blocks(file, rules.max_text + HEAD_MAX):
        if isinstance(block, int):  # a broken one, by its number
            if answer is not None:
                yield _record(answer, before, rules, when)
            before = answer = None
            yield skipped(block, when, Reason.UNREADABLE)
            continue
        is_request = block.kind == b"request"
        if answer is not None:
            yield _record(answer, block if is_request and block.belongs_to(answer) else before, rules, when)
            answer = None
        if block.kind in (b"response", b"revisit"):
            answer = block
            before = before if before is not None and before.belongs_to(block) else None
        else:
            before = block if is_request else None
    if answer is not None:
        yield _record(answer, before, rules, when)


def _blocks(file: BinaryIO, most: int) -> Iterator[Block | int]:
    """Yield each record of the file, the number in the place of a broken one."""
    tape = Tape(file, MAGIC)
    for number in count(1):
        block = None
        try:
            tape.begin()
            block = _block(number, tape, most)
            tape.end()
        except EOFError:
            return
        except Broken:
            if number == 1 and block is None and not tape.recover():
                raise WarcFault("it doesn't begin as a WARC 1.0 or 1.1 does") from None
            yield number
            if (number > 1 or block is not None) and not tape.recover():
                return
            continue
        yield block


def _block(number: int, tape: Tape, most: int) -> Block:
    """Read one record.  Raises: Broken."""
    if not tape.line(LINE_MAX).startswith(MAGIC):
        raise Broken
    fields: dict[bytes, bytes] = {}
    for _ in range(FIELDS_MAX):
        line = tape.line(LINE_MAX)
        if not line:
            break
        name, _, value = line.partition(b":")
        if (key := name.strip().lower()) in _FIELDS:
            fields.setdefault(key, value.strip())
    else:
        raise Broken
    digits = fields.get(b"content-length", b"")
    if not digits.isdigit() or len(digits) > 18:
        raise Broken
    size = int(digits)
    is_page = fields.get(b"warc-type", b"").lower() in (b"response", b"request", b"revisit")
    return Block(number, fields, tape.take(size, most if is_page else 0))


def _record(answer: Block, request: Block | None, rules: Rules, otherwise: float) -> Record:
    """The record of an answer."""
    when = moment(answer.fields.get(b"warc-date", b"").decode("ascii", "replace"), otherwise)
    if answer.block is None:
        return skipped(answer.number, when, Reason.TOO_LARGE)
    head, body = _head_and_body(answer.block)
    status = _STATUS.match(head)
    if status is None:
        return skipped(answer.number, when, Reason.UNREADABLE)
    pairs = _pairs(head)
    method, has_authorization = _asked(request)
    uri = answer.fields.get(b"warc-target-uri", b"").strip(b"<>")
    told = Told(uri, when, int(status[1]), wanted(pairs), method, has_authorization)
    if answer.kind == b"revisit":
        first = answer.fields.get(b"warc-refers-to-target-uri", uri).strip(b"<>")
        return revisited(answer.number, told, first, rules)
    if b"warc-truncated" in answer.fields:
        return judged(answer.number, told, Reason.CUT_SHORT, rules)
    return judged(answer.number, told, _body(dict(reversed(pairs)), body), rules)


def _head_and_body(block: bytes) -> tuple[bytes, bytes]:
    end = _HEAD_END.search(block, 0, HEAD_MAX)
    return (block[: end.start()], block[end.end() :]) if end else (block[:HEAD_MAX], b"")


def _pairs(head: bytes) -> list[tuple[bytes, bytes]]:
    pairs = []
    for line in head.split(b"\n")[1:]:
        name, _, value = line.partition(b":")
        pairs.append((name.strip().lower(), value.strip()))
    return pairs


def _asked(request: Block | None) -> tuple[bytes, bool]:
    """By which method a page was asked for, and whether with credentials."""
    if request is None or request.block is None:
        return b"GET", False
    head, _ = _head_and_body(request.block)
    line = _REQUEST.match(head)
    return line[1] if line else b"GET", any(name == b"authorization" for name, _ in _pairs(head))


def _body(fields: Mapping[bytes, bytes], body: bytes) -> bytes | Reason:
    """The body without its chunks, or why there is none."""
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        return _unchunked(body)
    length = fields.get(b"content-length", b"")
    if length.isdigit() and len(length) < 18 and len(body) < int(length):
        return Reason.CUT_SHORT
    return body


def _unchunked(body: bytes) -> bytes | Reason:
    """The payload of chunks (RFC 9112 §7.1); of a body that has none, as some archives keep it, the body."""
    pieces: list[bytes] = []
    at = 0
    while (line := _CHUNK.match(body, at, at + HEAD_MAX)) is not None:
        size = int(line[1], 16)
        if size == 0:
            return b"".join(pieces)
        at = line.end() + size
        if at > len(body):
            return Reason.CUT_SHORT
        pieces.append(body[line.end() : at])
        if body[at : at + 2] == b"\r\n":
            at += 2
        elif body[at : at + 1] == b"\n":
            at += 1
        else:
            return Reason.UNREADABLE if at < len(body) else Reason.CUT_SHORT
    if not pieces:
        return body
    return Reason.UNREADABLE if at < len(body) else Reason.CUT_SHORT
