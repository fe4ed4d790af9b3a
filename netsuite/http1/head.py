"""Heads of requests and answers: read once, judged once, written once.

A head is everything up to the first empty line.  ``HeadReader`` waits for that line, and ``parse_request`` or
``parse_response`` then read the whole of it in three steps: the start line by one expression, all field lines
by another, and the few fields that route or frame from a table of combined values.  What is accepted has one
reading only; everything else raises BadMessage (400 and its kin for a request, 502 for an answer), and the
connection has to be closed, since nobody knows where the next message begins.  Source: RFC 9112 §2 to §6, §9,
§11.

Kept for the next hop to judge: Expect with another member than 100-continue (RFC 9110 §10.1.1 only allows,
does not ask, for 417).  Accepted though the sender is wrong, as it can be read in one way only: a status line
that ends after the code, and ``Content-Length: 0`` with 204, which we leave out as RFC 9110 §8.6 bids.
"""

import re
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields, combined, split_list
from netsuite.http1.framing import NO_OPTIONS, Options, body_framing, connection_options, upgrade
from netsuite.http1.grammar import HOPELESS, TEXT, TOKEN, field_block, written
from netsuite.http1.limits import Limits
from netsuite.http1.target import Target, check_host, request_target

Version = tuple[int, int]
HTTP10: Version = (1, 0)
HTTP11: Version = (1, 1)

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]++) HTTP/1\.([01])(?=\r\n)")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: (" + TEXT + rb"))?(?=\r\n)")
_OTHER_VERSION = re.compile(TOKEN + rb" [!-~]++ HTTP/[0-9]\.[0-9]")


class RequestHead:
    """A request without its body.

    ``target``: None for a path (origin-form) or ``*``; of CONNECT its host and port.  ``host``: Host as sent.
    ``connection``: the options of Connection, in lower case.  ``keep_alive``: the client may send another
    request here; never so in HTTP/1.0, as a proxy must not (RFC 9112 §9.3).  ``upgrade``: the protocols
    offered. ``expect_continue``: the client holds its body back for a 100.  ``combined``: values by
    lower-case name, repeated lines joined by a comma.  ``lines``: the fields as a block of lines, for who
    passes them on.
    """

    __slots__ = (
        "chunked",
        "combined",
        "connection",
        "expect_continue",
        "fields",
        "host",
        "keep_alive",
        "length",
        "lines",
        "method",
        "raw_target",
        "target",
        "upgrade",
        "version",
    )

    def __init__(
        self,
        method: bytes,
        raw_target: bytes,
        version: Version,
        fields: Fields,
        lines: bytes,
        table: dict[bytes, bytes],
        target: Target | None,
        connection: Options,
        length: int | None,
        chunked: bool,
        protocols: bytes | None,
    ) -> None:
        self.method = method
        self.raw_target = raw_target
        self.version = version
        self.fields = fields
        self.lines = lines
        self.combined = table
        self.target = target
        self.host = table.get(b"host")
        self.connection = connection
        self.length = length
        self.chunked = chunked
        self.upgrade = protocols
        self.keep_alive = version is HTTP11 and b"close" not in connection
        self.expect_continue = (
            b"expect" in table
            and version is HTTP11  # RFC 9110 §10.1.1: to be ignored in HTTP/1.0
            and (chunked or bool(length))
            and b"100-continue" in split_list(table[b"expect"])
        )

    def __repr__(self) -> str:
        return f"<RequestHead {self.method!r}>"  # a target may hold secrets


class ResponseHead:
    """An answer without its body; names as in RequestHead.  ``reason`` may be empty."""

    __slots__ = (
        "chunked",
        "combined",
        "connection",
        "fields",
        "keep_alive",
        "length",
        "lines",
        "reason",
        "status",
        "upgrade",
        "version",
    )

    def __init__(
        self,
        version: Version,
        status: int,
        reason: bytes,
        fields: Fields,
        lines: bytes,
        table: dict[bytes, bytes],
        connection: Options,
        length: int | None,
        chunked: bool,
        protocols: bytes | None,
    ) -> None:
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields
        self.lines = lines
        self.combined = table
        self.connection = connection
        self.length = length
        self.chunked = chunked
        self.upgrade = protocols
        self.keep_alive = b"close" not in connection and (version is HTTP11 or b"keep-alive" in connection)

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status}>"


Head = TypeVar("Head")


class HeadReader(Generic[Head]):
    """Cuts heads out of the bytes of one connection, in one direction; used again for each message."""

    __slots__ = ("_held", "_limits", "_parse")

    def __init__(self, parse: Callable[[bytes, Limits], Head], limits: Limits) -> None:
        self._parse = parse
        self._limits = limits
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their head, 0 if idle; an empty line before it is none of it."""
        return len(self._held.lstrip(b"\r\n")) if self._held else 0

    def first(self, data: bytes) -> bytes:
        """The beginning of what could not be read, when ``feed(data)`` has raised."""
        return bytes(self._held[:64] or data[:64]).lstrip(b"\r\n")

    def feed(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and the bytes past it, None if more are needed.  Raises: BadMessage, early if it can."""
        if not self._held:
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                return self._parse(data[:end], self._limits), data[end + 4 :]
        return self._wait(data)

    def _wait(self, data: bytes) -> tuple[Head, bytes] | None:
        held = self._held
        before = len(held)
        held += data
        end = held.find(b"\r\n\r\n", max(0, before - 3))
        if end >= 0:
            block, rest = bytes(held[:end]), bytes(held[end + 4 :])
            held.clear()
            return self._parse(block, self._limits), rest
        if len(held) > self._limits.head_bytes + 3 or HOPELESS.search(held, max(0, before - 1)):
            self._parse(bytes(held), self._limits)  # knows the status and the reason
            raise BadMessage(400, "a head that cannot become whole")
        return None


def parse_request(block: bytes, limits: Limits, *, at_origin: bool = False) -> RequestHead:
    """The request whose start line and fields ``block`` holds, without the empty line that ends them.

    One empty line before the start line is passed over (RFC 9112 §2.2).  ``at_origin``: we are who it is for,
    and then a target in absolute form says the host, whatever Host names (§3.2.2).  Raises: BadMessage 400,
    414, 431, 501, 505.
    """
    if len(block) > limits.head_bytes:
        _too_large(block, limits)
    lines = block + b"\r\n"
    start = _REQUEST_LINE.match(lines)
    if start is None:
        start = _REQUEST_LINE.match(lines, 2) if lines.startswith(b"\r\n") else None
        if start is None:
            raise BadMessage(*_request_line_fault(block))
    method, raw, minor = start.groups()
    if len(raw) > limits.target_bytes:
        raise BadMessage(414, "the target is too long")
    fields, passed = field_block(lines, start.end(), limits)
    table = combined(fields)
    target = request_target(method, raw)
    check_host(table.get(b"host"), None if at_origin else target, minor)
    length, chunked = None, False
    if b"content-length" in table or b"transfer-encoding" in table:
        length, chunked = body_framing(table, lines, minor)
        if (length or chunked) and method in (b"CONNECT", b"TRACE"):
            raise BadMessage(400, "content where the method has none")  # RFC 9110 §9.3.6, §9.3.8
    connection = connection_options(table[b"connection"]) if b"connection" in table else NO_OPTIONS
    protocols = upgrade(table[b"upgrade"], connection, minor) if b"upgrade" in table else None
    version = HTTP11 if minor == b"1" else HTTP10
    return RequestHead(
        method, raw, version, fields, passed, table, target, connection, length, chunked, protocols
    )


def parse_response(block: bytes, limits: Limits) -> ResponseHead:
    """The answer whose status line and fields ``block`` holds.  Raises: BadMessage 502, whatever is wrong."""
    try:
        return _parse_response(block, limits)
    except BadMessage as error:
        raise BadMessage(502, error.reason) from None


def _parse_response(block: bytes, limits: Limits) -> ResponseHead:
    if len(block) > limits.head_bytes:
        raise BadMessage(502, "the head is too large")
    lines = block + b"\r\n"
    start = _STATUS_LINE.match(lines)
    if start is None:
        raise BadMessage(502, "no status line of HTTP/1.0 or HTTP/1.1")
    minor, code, reason = start.groups(b"")
    status = int(code)
    fields, passed = field_block(lines, start.end(), limits, lenient_colon=True)
    table = combined(fields)
    length, chunked = body_framing(table, lines, minor)
    if status < 200 or status == 204:
        if chunked or length:  # RFC 9112 §6.1, RFC 9110 §8.6: some reader would wait for a body
            raise BadMessage(502, "content where the status has none")
        if length is not None:
            fields = [field for field in fields if field[0].lower() != b"content-length"]
            passed = written(fields)
            del table[b"content-length"]
            length = None
    connection = connection_options(table[b"connection"]) if b"connection" in table else NO_OPTIONS
    protocols = upgrade(table[b"upgrade"], connection, minor) if b"upgrade" in table else None
    version = HTTP11 if minor == b"1" else HTTP10
    return ResponseHead(
        version, status, reason, fields, passed, table, connection, length, chunked, protocols
    )


def write_request(method: bytes, target: bytes, fields: Fields) -> bytes:
    """The bytes of an HTTP/1.1 request head.  Raises: ValueError for a line break in any part."""
    return _written(b"%b %b HTTP/1.1" % (method, target), fields)


def write_response(status: int, reason: bytes, fields: Fields) -> bytes:
    """The bytes of an HTTP/1.1 answer's head.  Raises: ValueError for a line break in any part."""
    return _written(b"HTTP/1.1 %d %b" % (status, reason), fields)


def _written(start: bytes, fields: Fields) -> bytes:
    head = b"\r\n".join([start, *map(b": ".join, fields), b"\r\n"])
    ends = len(fields) + 2
    if head.count(b"\n") != ends or head.count(b"\r") != ends:  # not from what we parsed: our own fault
        raise ValueError("a line break inside a head")
    return head


def _too_large(block: bytes, limits: Limits) -> NoReturn:
    """Raise 414 if the start line alone is what is too long (RFC 9112 §3), else 431 (RFC 6585 §5)."""
    line = block.removeprefix(b"\r\n").partition(b"\r\n")[0]
    if len(line) > limits.target_bytes:
        raise BadMessage(414, "the target is too long")
    raise BadMessage(431, "the head is too large")


def _request_line_fault(block: bytes) -> tuple[int, str]:
    """Status and reason for a start line that we do not read."""
    line = block.removeprefix(b"\r\n").partition(b"\r\n")[0]
    if _OTHER_VERSION.fullmatch(line):
        return 505, "a version other than HTTP/1.0 and HTTP/1.1"
    if HOPELESS.search(line):
        return 400, "a control character in the request line"
    if not line.isascii():
        return 400, "a request line that is not ASCII"
    return 400, "a malformed request line"
