"""One end of a connection under test: sends any bytes, and reads messages strictly.

The reader is this suite's own and knows nothing of netsuite's.  What a proxy sends has to be well formed to
the letter (RFC 9112 §2 to §7): any laxity in it is a ``Breach``, and so is silence where bytes are due.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
from dataclasses import dataclass, field

_REQUEST = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) (HTTP/[0-9]\.[0-9])")
_STATUS = re.compile(rb"(HTTP/[0-9]\.[0-9]) ([0-9]{3}) ([\t -~\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?")

#: Bytes shown of what was seen, in a failure.
SHOWN = 600


class Breach(AssertionError):  # noqa: N818 - of the RFC, not of ours
    """The proxy did not do what the case asks."""


@dataclass(slots=True)
class Message:
    """A message as it was seen.  ``whole``: it ended as its framing says; ``interims``: the 1xx before it.

    ``framing``: "none", "length", "chunked" or "close".
    """

    start: tuple[bytes, bytes, bytes]
    fields: list[tuple[bytes, bytes]]
    raw: bytes
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    framing: str = "none"
    whole: bool = True
    interims: list[Message] = field(default_factory=list)

    @property
    def method(self) -> bytes:
        """A request's method."""
        return self.start[0]

    @property
    def target(self) -> bytes:
        """A request's target."""
        return self.start[1]

    @property
    def status(self) -> int:
        """An answer's status code."""
        return int(self.start[1])

    @property
    def version(self) -> bytes:
        """``HTTP/1.1``, wherever the start line has it."""
        return self.start[0] if self.start[0].startswith(b"HTTP/") else self.start[2]

    def values(self, name: str) -> list[bytes]:
        """The value of each line of that name, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower().encode()]

    def listed(self, name: str) -> list[bytes]:
        """The members of a list-valued field, over all its lines."""
        return [part.strip() for value in self.values(name) for part in value.split(b",") if part.strip()]

    def has(self, name: str) -> bool:
        """Whether such a field is there."""
        return bool(self.values(name))


class Line:
    """An end of a TCP connection; ``who`` has it in words, ``end`` is "fin" or "reset" once it has ended."""

    def __init__(self, sock: socket.socket, who: str, seconds: float) -> None:
        self.sock, self.who, self.seconds = sock, who, seconds
        self.end = ""
        self.seen = b""
        self.interims: list[Message] = []
        self._held = b""
        sock.settimeout(seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # to the proxy

    def send(self, data: bytes) -> None:
        """The bytes are on their way; a connection that was closed meanwhile is told by reading."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def half_close(self) -> None:
        """No more bytes follow (FIN); reading goes on."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """The connection is given up, in order if nothing is unread."""
        self.sock.close()

    def reset(self) -> None:
        """The connection is torn down (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # from the proxy

    def breach(self, what: str) -> Breach:
        """A failure that shows what was seen on this line."""
        shown = self.seen if len(self.seen) <= SHOWN else self.seen[:SHOWN] + b"..."
        return Breach(f"{self.who}: {what}; seen so far: {shown!r} {self.end}")

    def more(self) -> bool:
        """Whether more bytes came; False at the connection's end."""
        if self.end:
            return False
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            raise self.breach(f"nothing came for {self.seconds:g} s") from None
        except OSError:
            self.end = "reset"
            return False
        if not data:
            self.end = "fin"
            return False
        self._held += data
        self.seen += data
        return True

    def has_unread(self) -> bool:
        """Whether bytes were received that nobody has read yet."""
        return bool(self._held)

    def has_bytes(self) -> bool:
        """Whether bytes wait, or come before the end."""
        return bool(self._held) or self.more()

    def comes_within(self, seconds: float) -> bool:
        """Whether anything came so soon; for what a proxy may do at once or later."""
        return bool(self._held) or bool(select.select([self.sock], [], [], seconds)[0])

    def exactly(self, count: int) -> bytes:
        """So many bytes, fewer if the connection ended before."""
        while len(self._held) < count and self.more():
            pass
        data, self._held = self._held[:count], self._held[count:]
        return data

    def rest(self) -> bytes:
        """Everything up to the connection's end."""
        while self.more():
            pass
        data, self._held = self._held, b""
        return data

    def ended(self) -> None:
        """The proxy closes this connection, and nothing came before."""
        if rest := self.rest():
            raise self.breach(f"bytes before the end: {rest[:SHOWN]!r}")

    def _line(self) -> bytes | None:
        """A line without its CRLF, None if the connection ended before."""
        while (end := self._held.find(b"\n")) < 0:
            if not self.more():
                return None
        line, self._held = self._held[: end + 1], self._held[end + 1 :]
        if not line.endswith(b"\r\n"):
            raise self.breach(f"a line that does not end in CRLF: {line!r}")
        return line[:-2]

    def _fields(self) -> list[tuple[bytes, bytes]] | None:
        found: list[tuple[bytes, bytes]] = []
        while line := self._line():
            match = _FIELD.fullmatch(line)
            if match is None:
                raise self.breach(f"a malformed field line: {line!r}")
            found.append((match[1], match[2]))
        return None if line is None else found

    def _head(self, form: re.Pattern[bytes]) -> Message:
        before = len(self.seen) - len(self._held)
        start = self._line()
        if start is None:
            raise self.breach("the connection ended where a message was due")
        match = form.fullmatch(start)
        if match is None:
            raise self.breach(f"a malformed start line: {start!r}")
        fields = self._fields()
        if fields is None:
            raise self.breach("the connection ended in a head")
        one, two, three = match.groups()
        return Message((one, two, three), fields, self.seen[before : len(self.seen) - len(self._held)])

    def request_head(self) -> Message:
        """A request's head."""
        return self._head(_REQUEST)

    def answer_head(self) -> Message:
        """An answer's head; a 1xx answer is one."""
        return self._head(_STATUS)

    def request(self, *, partial: bool = False) -> Message:
        """A whole request; ``partial``: it may also be cut short, ``whole`` tells."""
        head = self.request_head()
        coded, length = head.has("transfer-encoding"), head.has("content-length")
        head.framing = "chunked" if coded else "length" if length else "none"
        return self.body(head, partial)

    def answer(self, to: bytes = b"GET", *, partial: bool = False) -> Message:
        """The next final answer, to a request with the method ``to``."""
        interims: list[Message] = []
        while (head := self.answer_head()).status < 200:
            interims.append(head)
        head.interims = interims
        bare = to == b"HEAD" or head.status in (204, 304) or (to == b"CONNECT" and head.status < 300)
        coded, length = head.has("transfer-encoding"), head.has("content-length")
        head.framing = "none" if bare else "chunked" if coded else "length" if length else "close"
        return self.body(head, partial)

    def body(self, head: Message, partial: bool = False) -> Message:
        """The message with its body, as ``head.framing`` says."""
        if head.framing == "chunked":
            if [value.lower() for value in head.values("transfer-encoding")] != [b"chunked"]:
                raise self.breach(f"a framing other than chunked: {head.raw!r}")
            if head.has("content-length"):
                raise self.breach("both Content-Length and Transfer-Encoding")
            self._chunks(head)
        elif head.framing == "length":
            lengths = head.values("content-length")
            if len(lengths) > 1 or not lengths[0].isdigit():
                raise self.breach(f"Content-Length as {lengths!r}")
            head.body = self.exactly(int(lengths[0]))
            head.whole = len(head.body) == int(lengths[0])
        elif head.framing == "close":
            head.body = self.rest()
            head.whole = self.end == "fin"
        if not head.whole and not partial:
            raise self.breach("a message cut short")
        return head

    def _chunks(self, head: Message) -> None:
        head.whole = False
        runs = []
        while (line := self._line()) is not None:
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise self.breach(f"a malformed chunk size line: {line!r}")
            size = int(match[1], 16)
            if not size:
                trailers = self._fields()
                head.trailers, head.whole = trailers or [], trailers is not None
                break
            runs.append(self.exactly(size))
            after = self.exactly(2)
            if after not in (b"\r\n", b"\r", b""):
                raise self.breach(f"{after!r} after a chunk")
            if len(runs[-1]) < size or after != b"\r\n":
                break
        head.body = b"".join(runs)
