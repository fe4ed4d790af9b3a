"""Bodies: where the payload is among the bytes that arrive, and where it ends.

Theory.  The framing is settled by the head alone (RFC 9112 §6.3), and each kind of framing is a class that is
fed what arrives and hands back two things: the payload of this piece, and the bytes past the end, or None
while the body goes on.  A body holds a number and, between two runs of data, at most one unfinished line,
which is bounded; the payload itself is never held.  A piece that is payload from end to end is handed back as
the same object.

Chunks are undone here and made again by ``chunk``, so extensions end with us (RFC 9112 §7.1.1 lets every
recipient drop them) and what we send is what we understood.  The states of a chunked body and what each may
be followed by:

    SIZE    -> DATA | TRAILER       a size line, CRLF at its end and nothing else: bare LF is how chunks are
    smuggled DATA    -> AFTER                ``_left`` bytes of payload AFTER   -> SIZE                 CRLF,
    both bytes looked at TRAILER -> complete             field lines and an empty line; what trailers may not
    say is left out

Refused: a size with a sign, a space, over 16 digits or past 2**63; a malformed extension or one that does not
fit ``chunk_line_bytes``; anything but CRLF after data; trailers that are no field lines, too many or too
long.
"""

import re
from collections.abc import Container
from typing import Protocol

from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import HOP_BY_HOP, Fields
from netsuite.http1.grammar import HOPELESS, TOKEN, field_lines
from netsuite.http1.head import RequestHead, ResponseHead
from netsuite.http1.limits import DEFAULT, Limits

LAST_CHUNK = b"0\r\n\r\n"

# Section 7.1.1; white space around ";" and "=" is bad form, but a recipient must read it (RFC 9110 §5.6.3).
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]++|\\[\t -~\x80-\xff])*"'
_EXTENSION = rb"[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?" % (TOKEN, TOKEN, _QUOTED)
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)(?:%b)*\r\n" % _EXTENSION)
_MOST = 2**63

_SIZE, _DATA, _AFTER, _TRAILER = range(4)

#: What a trailer may not say, as it would come too late to be heeded, or be heeded by some only: framing,
#: routing, request modifiers, authentication, control data, and how to read the content (RFC 9110 §6.5.1).
NOT_IN_TRAILERS = HOP_BY_HOP | frozenset(
    b"content-length host trailer content-encoding content-type content-range cache-control expect "
    b"max-forwards pragma range if-match if-none-match if-modified-since if-unmodified-since if-range "
    b"authorization www-authenticate cookie set-cookie age date expires location retry-after vary warning "
    b"via".split()
)


class Body(Protocol):
    """The rest of one message.  ``complete``: all of it has come, should the connection end now."""

    @property
    def complete(self) -> bool: ...

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The payload in this piece, and the bytes past the end, None if it goes on.  Raises: BadMessage."""
        ...


class NoBody:
    """Nothing: the message ended with its head."""

    __slots__ = ()
    complete = True

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        return b"", data


class LengthBody:
    """A body of ``left`` more bytes (RFC 9112 §6.2)."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    @property
    def complete(self) -> bool:
        return not self.left

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        left = self.left
        size = len(data)
        if size < left:
            self.left = left - size
            return data, None
        self.left = 0
        return (data, b"") if size == left else (data[:left], data[left:])


class CloseBody:
    """A body that ends when the connection does (RFC 9112 §6.3, step 8): never short, never over before."""

    __slots__ = ()
    complete = True

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        return data, None


class ChunkedBody:
    """A body in chunks (RFC 9112 §7.1).  ``trailers``: what came after it and may be passed on.

    ``status``: what BadMessage carries, 502 where an origin sends the body.
    """

    __slots__ = ("_held", "_left", "_limits", "_state", "_status", "complete", "trailers")

    def __init__(self, limits: Limits = DEFAULT, *, status: int = 400) -> None:
        self.complete = False
        self.trailers: Fields = []
        self._limits = limits
        self._status = status
        self._state = _SIZE
        self._left = 0  # of the chunk in DATA, else 0
        self._held = b""  # an unfinished line; never in DATA

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        if len(data) < self._left:  # inside a chunk, as most pieces of a large one are
            self._left -= len(data)
            return data, None
        if self.complete:
            return b"", data
        return self._walk(self._held + data if self._held else data)

    def _walk(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Go through ``data``, run by run and line by line, as far as it reaches."""
        runs = []
        at, end = 0, len(data)
        while at < end:
            if self._state == _DATA:
                run = data[at : at + self._left]
                runs.append(run)
                at += len(run)
                self._left -= len(run)
                if not self._left:
                    self._state = _AFTER
                continue
            past = self._line(data, at)
            if past is None:
                break
            at = past
            if self.complete:
                break
        payload = runs[0] if len(runs) == 1 else b"".join(runs)
        if self.complete:
            self._held = b""
            return payload, data[at:]
        self._held = data[at:]
        return payload, None

    def _line(self, data: bytes, at: int) -> int | None:
        """Where what stands at ``at`` between runs of data ends, None if it is not all there."""
        if self._state == _SIZE:
            return self._size_line(data, at)
        two = data[at : at + 2]
        if two == b"\r":
            return None
        if self._state == _AFTER:
            if two != b"\r\n":
                raise self._bad("no CRLF after a chunk")
            self._state = _SIZE
            return at + 2
        if two == b"\r\n":
            self.complete = True
            return at + 2
        return self._trailer_section(data, at)

    def _size_line(self, data: bytes, at: int) -> int | None:
        longest = self._limits.chunk_line_bytes
        match = _SIZE_LINE.match(data, at, at + longest)
        if match is None:
            if len(data) - at < longest and b"\n" not in data[at:] and not self._hopeless(data, at):
                return None
            raise self._bad("a malformed chunk size line, or one that is too long")
        self._left = int(match[1], 16)
        if self._left >= _MOST:
            raise self._bad("a chunk size past any real one")
        self._state = _DATA if self._left else _TRAILER
        return match.end()

    def _trailer_section(self, data: bytes, at: int) -> int | None:
        most = self._limits.trailer_bytes
        end = data.find(b"\r\n\r\n", at, at + most)
        if end < 0:
            if len(data) - at >= most:
                raise self._bad("too large a trailer section")
            if self._hopeless(data, at):
                raise self._bad("a control character among the trailers")
            return None
        try:
            fields = field_lines(b"\r\n" + data[at : end + 2], 0, self._limits)
        except BadMessage as error:
            raise self._bad(error.reason) from None
        self.trailers = [field for field in fields if _may_trail(field[0].lower())]
        self.complete = True
        return end + 4

    def _hopeless(self, data: bytes, at: int) -> bool:
        """Whether a line from ``at`` on cannot become good; what was held has been looked at before."""
        return HOPELESS.search(data, max(at, len(self._held) - 1)) is not None

    def _bad(self, reason: str) -> BadMessage:
        return BadMessage(self._status, reason)


def _may_trail(name: bytes) -> bool:
    return name not in NOT_IN_TRAILERS and not name.startswith(b"proxy-")


def passing_trailers(body: Body | None, options: Container[bytes]) -> Fields:
    """The trailers of ``body`` that may pass: none that Connection's ``options`` name (RFC 9110 §7.6.1)."""
    trailers = body.trailers if isinstance(body, ChunkedBody) else []
    return [field for field in trailers if field[0].lower() not in options]


def request_body(head: RequestHead, limits: Limits = DEFAULT) -> Body:
    """What follows ``head``: a request that announces no body has none (RFC 9112 §6.3 steps 4 to 7)."""
    if head.chunked:
        return ChunkedBody(limits)
    return LengthBody(head.length) if head.length else NoBody()


def response_body(head: ResponseHead, method: bytes, limits: Limits = DEFAULT) -> Body:
    """What follows ``head``, the answer to a request with ``method``.  Source: RFC 9112 §6.3."""
    status = head.status
    if method == b"HEAD" or status < 200 or status in (204, 304):  # 1.
        return NoBody()
    if method == b"CONNECT" and status < 300:  # 2.
        return NoBody()
    if head.chunked:  # 4.  (3. was refused with the head)
        return ChunkedBody(limits, status=502)
    if head.length is not None:  # 6.  (5. was refused with the head)
        return LengthBody(head.length) if head.length else NoBody()
    return CloseBody()  # 8.


def chunk(payload: bytes) -> bytes:
    """``payload`` as one chunk; nothing for nothing, as an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""


def last_chunk(trailers: Fields) -> bytes:
    """The end of a chunked body, with ``trailers``.  Raises: ValueError for a line break in one."""
    lines = b"".join([b"%b: %b\r\n" % field for field in trailers])
    if lines.count(b"\n") != len(trailers) or lines.count(b"\r") != len(trailers):
        raise ValueError("a line break inside a trailer")
    return b"0\r\n%b\r\n" % lines
