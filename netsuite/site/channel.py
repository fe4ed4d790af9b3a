"""A connection to a site of ours and its requests: twisted.web's, with bounds and a check of Host.

What it refuses before any view is asked, each with a whole answer and then the end of the connection: a
head over `HEAD_BYTES` or `FIELDS_MAX` (431, its first line alone 414), one that takes longer than
`HEAD_SECONDS` to come (408), a body over the site's bound (413) or, with those of others, over `HELD_BYTES`
(503), what is no HTTP (400). Then, in the site's own frame: no Host, two, or a bad one (400), and names that
aren't ours (421).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from twisted.python.failure import Failure
from twisted.web import http, server

from netsuite import journal
from netsuite.crowd import NEVER, Crowd
from netsuite.site.answer import Asked, phrase
from netsuite.site.frame import Frame
from netsuite.site.hosts import refusal as judge_host
from netsuite.site.routes import send
from netsuite.site.tongue import Said, said

#: Longest head of a request: small ones come to our sites, but localhost's other ports add their cookies.
HEAD_BYTES = 32 * 1024
FIELDS_MAX = 100

#: Longest time from a head's first byte to its last.
HEAD_SECONDS = 15.0

#: Longest body, unless the site says otherwise.
BODY_BYTES = 64 * 1024

#: Bodies of all requests together, while they come and are being answered.
HELD_BYTES = 64 * 1024 * 1024

#: How long a client that was told to go may take to read why.
_LINGER_SECONDS = 5.0

#: Only our own files run and are shown, no other site may frame ours or learn where its reader was.
SECURITY = {
    b"Content-Security-Policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"X-Content-Type-Options": b"nosniff",
    b"X-Frame-Options": b"DENY",
    b"Referrer-Policy": b"same-origin",  # with no-referrer a form of ours would come from Origin: null
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Permissions-Policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_HOST_SENTENCES = {
    400: said("refusal.host"),
    421: said("refusal.name"),
}


class SiteOfOurs(Protocol):
    """What a connection asks its site."""

    frame: Frame
    names: Collection[str]
    idle_seconds: float
    held_bytes: int
    crowd: Crowd | None

    def longest(self, method: bytes, path: bytes) -> int: ...


class Request(server.Request):
    """A request whose Host is judged before anything is done for it."""

    channel: Channel
    _longest = 0

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that says it is too long; one that doesn't say is measured as it comes."""
        self._longest = self.channel.longest()
        too_long = length is not None and length > self._longest
        super().gotLength(0 if too_long else length)
        if too_long:
            self.channel.refuse(413)

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece of the body."""
        held = self.channel.hold(len(data))
        if held > self._longest:
            self.channel.refuse(413)
        elif self.channel.site.held_bytes > HELD_BYTES:
            self.channel.refuse(503)
        else:
            super().handleContentChunk(data)

    def process(self) -> None:
        """Answer, if the request is for one of our names."""
        authority = self._take_absolute()
        fields = self.requestHeaders.getRawHeaders(b"Host", [])
        local = getattr(self.channel.getHost(), "host", "")
        status = judge_host(self.clientproto, fields, self.channel.site.names, local, authority)
        if status is not None:
            self._refuse(status, _HOST_SENTENCES[status])
        elif not self.path.startswith(b"/"):
            self._refuse(400, said("refusal.target"))
        else:
            super().process()

    def _take_absolute(self) -> bytes | None:
        """Make a target in absolute form its path alone; return its authority, None for other forms."""
        scheme, mark, rest = self.uri.partition(b"://")
        if not mark or scheme.lower() not in (b"http", b"https"):
            return None
        authority = rest.partition(b"/")[0].partition(b"?")[0]
        path = rest[len(authority) :]
        self.uri = path if path.startswith(b"/") else b"/" + path
        self.path = self.uri.partition(b"?")[0]
        return bytes(authority)

    def processingFailed(self, reason: Failure) -> Failure:
        """Say that something is broken, under the number that it has in the log."""
        number = journal.fault(where="site.request", failure=reason)
        if self.startedWriting:
            self.channel.shut()
        else:
            self._refuse(500, said("refusal.broken", number=number))
        return reason

    def _refuse(self, status: int, sentence: str | Said) -> None:
        asked = Asked(self.path.decode("utf-8", "replace"))
        send(self, self.channel.site.frame.refusal(asked, status, sentence))


class Channel(http.HTTPChannel):
    """A client's connection."""

    site: SiteOfOurs
    transport: Any
    client = ""
    busy = False  # whether a request is in hand
    deadline = ends = NEVER  # twisted.web keeps the time itself; the crowd counts and ends connections
    requestFactory = Request
    maxHeaders = FIELDS_MAX
    totalHeadersSize = HEAD_BYTES
    MAX_LENGTH = HEAD_BYTES
    _in_head = False
    _refused = False
    _held = 0  # bytes of the body of the request that comes or is in hand

    def connectionMade(self) -> None:
        """Count the connection."""
        super().connectionMade()
        if self.site.crowd is not None:
            self.site.crowd.enter(self, self.client)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Forget the connection."""
        super().connectionLost(reason)
        self._release()
        if self.site.crowd is not None:
            self.site.crowd.leave(self)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes in; from a head's first one on, the time for the whole of it runs."""
        if self._refused:
            return
        if not self._in_head and not self.requests:
            self._in_head = True
            self.setTimeout(min(HEAD_SECONDS, self.site.idle_seconds))
        super().dataReceived(data)

    def resetTimeout(self) -> None:
        """More time, but not for a head that comes byte by byte."""
        if not self._in_head:
            super().resetTimeout()

    def lineReceived(self, line: bytes) -> None:
        """Take one line of a head."""
        if self._refused:
            return
        if self._receivedHeaderSize + len(line) > HEAD_BYTES:
            self.lineLengthExceeded(line)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Say that the head, or its first line alone, is too long."""
        self.refuse(431 if hasattr(self, "_command") else 414)

    def headerReceived(self, line: bytes) -> bool:
        """Take one field."""
        if self._receivedHeaderCount >= FIELDS_MAX:
            self.refuse(431)
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        """The head is whole: from here on each piece of a body has the idle time."""
        self._in_head = False
        self.setTimeout(self.site.idle_seconds)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """The request is whole, and in hand from here on."""
        self.busy = True
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """The answer is written; the next request, if it came already, begins."""
        self.busy = False
        self._release()
        super().requestDone(request)

    def longest(self) -> int:
        """How long the body may be of the request whose head has come."""
        return self.site.longest(self._command, self._path)

    def hold(self, size: int) -> int:
        """So many more bytes of a body are held; how many of this one."""
        self._held += size
        self.site.held_bytes += size
        return self._held

    def _release(self) -> None:
        self.site.held_bytes -= self._held
        self._held = 0

    def _send100Continue(self) -> None:
        if not self._refused:
            super()._send100Continue()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400)

    def timeoutConnection(self) -> None:
        """Nothing came for too long."""
        if self._in_head:
            self.refuse(408)
        else:
            self.drain()
            self._abortingCall = self.callLater(_LINGER_SECONDS, self.forceAbortClient)

    def forceAbortClient(self) -> None:
        """End the connection of a client that doesn't take what it is sent."""
        self._abortingCall = None
        self.shut()

    def refuse(self, status: int) -> None:
        """Say ``status`` in a whole answer and close, for what never becomes a request; no more is read."""
        if self._refused:
            return
        self._refused = True
        body = f"{status} {phrase(status)}\n".encode()
        fields = {
            b"Content-Type": b"text/plain; charset=utf-8",
            b"Content-Length": b"%d" % len(body),
            b"Connection": b"close",
            **SECURITY,
        }
        head = b"".join(b"%s: %s\r\n" % field for field in fields.items())
        self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, phrase(status).encode(), head, body))
        self.setTimeout(None)
        self.loseConnection()
        if self._abortingCall is None:
            self._abortingCall = self.callLater(_LINGER_SECONDS, self.forceAbortClient)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        """Write an answer's head: with what makes it safe, without what tells our version."""
        headers.removeHeader(b"Server")
        for name, value in SECURITY.items():
            headers.setRawHeaders(name, [value])
        super().writeHeaders(version, code, reason, headers)

    def overdue(self) -> None:
        """Never asked for: see `deadline`."""

    def drain(self) -> None:
        """Close as soon as the answer in hand is written."""
        if self.busy:
            self.persistent = 0
        else:
            self.loseConnection()

    def shut(self) -> None:
        """Close now."""
        self.transport.abortConnection()
