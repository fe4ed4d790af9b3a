"""Messages as others read them: h11 and llhttp (by httptools), which know nothing of our parser.

What we send on has to be read alike by both: number of messages, framing, fields.  Both forgive what a
strict sender never writes (a bare LF ends a line for h11), so ``strict_head`` looks at the bytes as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import h11
import httptools

#: Methods that llhttp has heard of; it takes no others, so others are read as if they were POST.
KNOWN = frozenset(b"GET HEAD POST PUT DELETE OPTIONS TRACE PATCH CONNECT PROPFIND REPORT".split())

_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_MOST = 1 << 20

Pairs = list[tuple[bytes, bytes]]


class Misread(AssertionError):  # noqa: N818 - what happened, not a mistake of the reader's
    """A reader does not take what we sent on, or two readers differ."""


@dataclass(slots=True)
class Read:
    """A message as a reader has it.  ``start``: method and target, or the status.  ``whole``: it ended."""

    start: tuple[bytes, ...] = ()
    fields: Pairs = field(default_factory=list)
    trailers: Pairs = field(default_factory=list)
    body: bytes = b""
    whole: bool = False
    interim: list[int] = field(default_factory=list)
    raw: bytes = b""

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.start[0])

    def value(self, name: bytes) -> bytes:
        """The value of a field, empty if it is not there."""
        return next((value for key, value in self.fields if key == name), b"")


def strict_head(data: bytes) -> None:
    """The head at the start of ``data`` is written as RFC 9112 §2 to §5 ask of a sender.  Raises: Misread."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        raise Misread(f"no whole head: {data[:200]!r}")
    start, *lines = head.split(b"\r\n")
    wrong = [line for line in lines if not _LINE.fullmatch(line)]
    if wrong or b"\n" in start or b"\r" in start or b"\0" in start:
        raise Misread(f"not as a sender may write it: {wrong or start!r}")
    names = [line.partition(b":")[0].lower() for line in lines]
    once = (b"content-length", b"transfer-encoding", *([] if start.startswith(b"HTTP/") else [b"host"]))
    framing = [name for name in names if name in once]
    if len(framing) != len(set(framing)) or {b"content-length", b"transfer-encoding"} <= set(framing):
        raise Misread(f"framed twice: {lines!r}")


class Origin:
    """Requests as an origin gets them on one connection: h11 as they come, llhttp once one is whole."""

    def __init__(self) -> None:
        self._read: Read | None = None
        self._data = b""
        self._begin(b"")

    def _begin(self, data: bytes) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST)
        self._read, self._data = None, b""
        if data:
            self.feed(data)

    @property
    def waits(self) -> bool:
        """Nothing of a request has come that is not whole."""
        return not self._data

    def feed(self, data: bytes) -> None:
        """More has come.  Raises: Misread."""
        self._data += data
        try:
            self._h11.receive_data(data)
            self._take()
        except h11.RemoteProtocolError as error:
            raise Misread(f"h11 refuses the request: {error}: {self._data[:300]!r}") from None

    def _take(self) -> None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                strict_head(self._data)
                self._read = Read((event.method, event.target), list(event.headers), raw=self._data)
            elif isinstance(event, h11.Data) and self._read is not None:
                self._read.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and self._read is not None:
                self._read.trailers, self._read.whole = list(event.headers), True
            else:
                return

    @property
    def under_way(self) -> Read | None:
        """The request whose head has come."""
        return self._read

    def answered(self) -> None:
        """The request under way is done with; bytes past it, which there may not be, are the next one's.

        Raises: Misread, if llhttp reads it otherwise.
        """
        read = self._read
        if read is None or not read.whole:
            return
        spare = self._h11.trailing_data[0]
        read.raw = self._data[: len(self._data) - len(spare)]
        same_request(read)
        self._begin(spare)


class _Notes:
    """What llhttp tells, kept."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self._url = b""
        self._in_body = False

    def on_message_begin(self) -> None:
        self.reads.append(Read())
        self._url, self._in_body = b"", False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        read = self.reads[-1]
        (read.trailers if self._in_body else read.fields).append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._in_body = True
        self.reads[-1].start = (self._url,)

    def on_body(self, body: bytes) -> None:
        self.reads[-1].body += body

    def on_message_complete(self) -> None:
        self.reads[-1].whole = True


def same_request(read: Read) -> None:
    """llhttp reads the same one request out of ``read.raw``.  Raises: Misread."""
    method, target = read.start
    raw = read.raw if method in KNOWN else b"POST" + read.raw[len(method) :]
    notes = _Notes()
    parser = httptools.HttpRequestParser(notes)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # CONNECT, Upgrade: the request ended there
    except httptools.HttpParserError as error:
        raise Misread(f"llhttp refuses the request: {error!r}: {raw[:300]!r}") from None
    expected = [((target,), read.fields, read.trailers, read.body, True)]
    got = [(each.start, each.fields, each.trailers, each.body, each.whole) for each in notes.reads]
    if got != expected:
        raise Misread(f"h11 reads {expected!r}, llhttp {got!r} from {raw[:500]!r}")


def read_answer(data: bytes, method: bytes, *, upgrade: bool, ended: bool) -> tuple[Read, bytes] | None:
    """The first final answer in ``data`` and what lies past it; None if its head is not there.

    ``ended``: nothing more comes.  Raises: Misread.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST)
    fields = [("Host", "x"), *([("Connection", "upgrade"), ("Upgrade", "websocket")] if upgrade else [])]
    connection.send(h11.Request(method=method, target="/" if method != b"CONNECT" else "x:1", headers=fields))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    read: Read | None = None
    interim: list[int] = []
    told_end = False
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            if told_end and read is not None and "peer closed connection" in str(error):
                read.raw = data
                return read, b""  # cut short, and to be seen as such
            raise Misread(f"h11 refuses the answer: {error}: {data[:300]!r}") from None
        if isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            interim.append(event.status_code)
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            read = Read((b"%d" % event.status_code,), list(event.headers), interim=interim)
            if event.status_code == 101:
                read.whole, read.raw = True, data[: data.find(b"\r\n\r\n") + 4]
                return read, connection.trailing_data[0]
        elif isinstance(event, h11.Data) and read is not None:
            read.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and read is not None:
            read.trailers, read.whole = list(event.headers), True
            spare = connection.trailing_data[0]
            read.raw = data[: len(data) - len(spare)]
            return read, spare
        elif event is h11.NEED_DATA and ended and not told_end:
            told_end = True
            connection.receive_data(b"")
        elif event is h11.PAUSED and read is not None:  # a tunnel
            read.whole = True
            spare = connection.trailing_data[0]
            read.raw = data[: len(data) - len(spare)]
            return read, spare
        else:
            if read is not None:
                read.raw = data
                return read, b""
            if ended and data:
                raise Misread(f"the connection ended in a head: {data[:300]!r}")
            return None


def same_answer(read: Read, method: bytes) -> None:
    """llhttp reads the same answer out of ``read.raw``, and each head in it is strict.  Raises: Misread."""
    data = read.raw
    for _ in read.interim:
        strict_head(data)
        data = data.partition(b"\r\n\r\n")[2]
    strict_head(data)
    if method == b"HEAD" or read.status == 101:  # llhttp cannot be told what was asked
        return
    notes = _Notes()
    try:
        httptools.HttpResponseParser(notes).feed_data(data)
    except httptools.HttpParserError as error:
        raise Misread(f"llhttp refuses the answer: {error!r}: {data[:300]!r}") from None
    until_end = {b"content-length", b"transfer-encoding"}.isdisjoint(name for name, _ in read.fields)
    until_end = until_end and read.status not in (204, 304)
    expected = [(read.fields, read.trailers, read.body, read.whole and not until_end)]
    got = [(each.fields, each.trailers, each.body, each.whole) for each in notes.reads]
    if got != expected:
        raise Misread(f"h11 reads {expected!r}, llhttp {got!r} from {data[:500]!r}")
