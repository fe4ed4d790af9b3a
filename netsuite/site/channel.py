"""A connection to a site of ours: bytes to requests by the strict reader of ``http1``, one after the other.

Theory.  Twisted's own channel writes (`Request`, backpressure, producers); reading is ours, so that what two
readers could understand differently is refused here as in the proxy.  A connection has these states::

    between   no byte of a request has come; ``idle_seconds`` of silence and the connection ends
    head      it has ``head_seconds`` from its first byte on, however it comes (408); 400, 414, 431, 501, 505
    body      ``idle_seconds`` for each piece, ``body_seconds`` for all (408); 413, and 503 past `HELD_BYTES`
    in hand   a view is asked, for at most ``answer_seconds`` until it begins to answer (503)
    ending    it was told no and why, our FIN has left; what still comes is dropped, for a bounded while, as a
              reset would take the answer from who hasn't read it yet (RFC 9112 §9.6)

Requests sent ahead wait, at most `AHEAD_BYTES` of them before nothing more is read, and are answered in turn,
so many in one go that others have theirs.  While the client doesn't take our answers none of its further
requests is begun; if it takes less than `TAKEN_BYTES` in ``idle_seconds`` it is cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.python.failure import Failure
from twisted.web import http
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import FRESH_SECONDS, NEVER, Crowd
from netsuite.http1.body import Body, request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, RequestHead, parse_request
from netsuite.site.answer import phrase
from netsuite.site.bounds import Bounds
from netsuite.site.frame import Frame
from netsuite.site.request import Request, date

#: Bodies of all requests together, while they come and are being answered.
HELD_BYTES = 64 * 1024 * 1024

#: Bytes of later requests that are held while one is in hand, before the client has to wait.
AHEAD_BYTES = 16 * 1024

#: Requests of one connection that are answered, and seconds of it, before others have their turn.
TURN_REQUESTS = 16
TURN_SECONDS = 0.02

#: What a client that is sent something has to take of it in the idle time.
TAKEN_BYTES = 16 * 1024

#: How long, in seconds and bytes, what still comes is dropped after a refusal.
LINGER_SECONDS = 5.0
LINGER_BYTES = 4 * 1024 * 1024

_read = partial(parse_request, at_origin=True)


class SiteOfOurs(Protocol):
    """What a connection asks its site."""

    frame: Frame
    names: Collection[str]
    security: Mapping[bytes, bytes]
    security_lines: bytes
    bounds: Bounds
    held_bytes: int
    crowd: Crowd | None
    reactor: Any

    def longest(self, method: bytes, path: bytes) -> int: ...
    def refused(self, client: str, line: bytes, status: int, sent: int, reason: str) -> None: ...


@implementer(IHalfCloseableProtocol)
class Channel(http.HTTPChannel):
    """A client's connection."""

    site: SiteOfOurs
    transport: Any
    client = ""
    peer: Any = None  # the address that the connection came from, as the reactor told it
    busy = False  # whether a request is in hand
    began = 0.0  # when the request in hand was whole
    deadline = ends = NEVER  # the time is kept here: the crowd counts connections, sheds and drains them

    def __init__(self) -> None:
        super().__init__()
        self._coming: tuple[RequestHead, Body] | None = None  # whose body is not all here
        self._pieces: list[bytes] = []  # of the body that comes
        self._held = 0  # bytes of it, and of the body of the request in hand
        self._most = 0  # bytes that it may have
        self._ahead = b""
        self._going = False  # whether `_take` is at work further up the stack
        self._resting: Any = None  # the call that goes on, where others have their turn first
        self._gone = False  # the client sends no more
        self._lingers = 0  # bytes that are still dropped; not 0 from a refusal on
        self._in_head = False
        self._is_fresh = True  # nothing was asked yet
        self._is_draining = False  # the next answer is the last
        self._line = b""  # the first of the request whose body comes, for the log
        self._due = self._body_ends = NEVER
        self._unsent = 0  # at the last look
        self._timer: Any = None

    def connectionMade(self) -> None:
        """Count the connection."""
        super().connectionMade()
        self._here = self.transport.getHost()
        self._heads = HeadReader(_read, self.site.bounds.limits)
        self._between()
        if self.site.crowd is not None:
            self.site.crowd.enter(self, self.client)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Forget the connection."""
        for call in (self._timer, self._resting):
            if call is not None and call.active():
                call.cancel()
        self._timer = self._resting = None
        self._due, self._lingers, self._ahead = NEVER, 1, b""
        super().connectionLost(reason)
        self._release()
        if self.site.crowd is not None:
            self.site.crowd.leave(self)

    def getPeer(self) -> Any:
        """The client's address, also when it is gone and the system knows it no more."""
        return self.peer

    def getHost(self) -> Any:
        """The address that the connection came to."""
        return self._here

    # -- reading -------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Take bytes in, or keep them until it is their turn."""
        try:
            if self._lingers:
                self._drop(len(data))
            elif self.busy or self._ahead or self._waitingForTransport:
                self._ahead += data
                if len(self._ahead) > AHEAD_BYTES:
                    self._networkProducer.pauseProducing()
            else:
                self._take(data)
        except Exception:  # a fault of ours must end this connection only
            journal.fault(where="site.channel", failure=Failure(), service=self.site.frame.service)
            self.shut()

    def _take(self, data: bytes) -> None:
        """Answer what is whole in these bytes, request by request, and keep what is too early."""
        self._going = True
        until = self._now() + TURN_SECONDS
        try:
            for _ in range(TURN_REQUESTS):
                data = self._piece(data) or b""
                if not data or self.busy or self._waitingForTransport or self._lingers:
                    break
                if self._now() > until:
                    break
            self._ahead = b"" if self._lingers else data
        except BadMessage as error:
            self.refuse(error.status, error.reason)
        except Exception:  # a fault of ours must end this connection only
            number = journal.fault(where="site.channel", failure=Failure(), service=self.site.frame.service)
            self.refuse(500, f"fault {number}")
        finally:
            self._going = False
        if self._ahead and not self.busy and not self._waitingForTransport:
            self._rest()
        elif self._gone and not self.busy and not self._ahead and not self._lingers:
            self._end()  # what is begun can't become whole

    def _rest(self) -> None:
        if self._resting is None:
            self._resting = self.callLater(0, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._go_on()

    def _go_on(self) -> None:
        """Take up what came ahead, if it is its turn; end where nothing more comes."""
        if self.busy or self._going or self._waitingForTransport or self._resting or self._lingers:
            return
        if self._ahead:
            data, self._ahead = self._ahead, b""
            self._networkProducer.resumeProducing()
            self._take(data)
        elif self._gone:
            self._end()

    def _piece(self, data: bytes) -> bytes | None:
        """Take a piece of a request; what lies past its end, None if it goes on.  Raises: BadMessage."""
        return self._head_piece(data) if self._coming is None else self._body_piece(data, *self._coming)

    def _head_piece(self, data: bytes) -> bytes | None:
        found = self._heads.feed(data)
        if found is None:
            if not self._in_head and self._heads.held:
                self._in_head, self._line = True, b""
                self._wait(min(self.site.bounds.head_seconds, self.site.bounds.idle_seconds))
            return None
        self._in_head = False
        head, rest = found
        return self._begin(head, rest)

    def _begin(self, head: RequestHead, rest: bytes) -> bytes | None:
        """The head is whole: take the body, if one comes.  Raises: BadMessage."""
        self._is_fresh = False
        self.persistent = head.keep_alive and not self._is_draining
        if head.length is None and not head.chunked:
            self._dispatch(head, b"")
            return rest
        target = head.target.path if head.target is not None else head.raw_target
        self._most = self.site.longest(head.method, target.partition(b"?")[0])
        self._line = b"%b %b HTTP/1.%d" % (head.method, head.raw_target, head.version[1])
        if head.length is not None and head.length > self._most:
            raise BadMessage(413, f"a body has at most {self._most} bytes here")
        body = request_body(head, self.site.bounds.limits)
        self._coming = head, body
        if head.expect_continue and not rest:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._body_ends = self._now() + self.site.bounds.body_seconds
        return self._body_piece(rest, head, body)

    def _body_piece(self, data: bytes, head: RequestHead, body: Body) -> bytes | None:
        payload, rest = body.feed(data)
        if payload:
            self._hold(payload)
        if rest is None:
            self._due = min(self._now() + self.site.bounds.idle_seconds, self._body_ends)
            self._arm()
            return None
        self._dispatch(head, b"".join(self._pieces))
        return rest

    def _hold(self, payload: bytes) -> None:
        """So many more bytes of a body are held.  Raises: BadMessage 413, 503."""
        self._held += len(payload)
        self.site.held_bytes += len(payload)
        if self._held > self._most:
            raise BadMessage(413, f"a body has at most {self._most} bytes here")
        if self.site.held_bytes > HELD_BYTES:
            raise BadMessage(503, "too many bodies are here at once")
        self._pieces.append(payload)

    def _release(self) -> None:
        self.site.held_bytes -= self._held
        self._held = 0

    def _dispatch(self, head: RequestHead, body: bytes) -> None:
        """The request is whole, and in hand from here on."""
        self._coming, self._pieces = None, []
        self.busy = self._handlingRequest = True
        self.began = self._now()
        self._due = self.began + self.site.bounds.answer_seconds
        self._arm()
        request = Request(self, head, body)
        self.requests.append(request)
        request.process()

    def requestDone(self, request: Any) -> None:
        """The answer is written; the next request, if it came already, begins."""
        self.requests.remove(request)
        self.busy = self._handlingRequest = False
        self._release()
        if self._lingers:
            return
        if not self.persistent:
            self._end()
            return
        self._between()
        self._go_on()

    # -- time ----------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return float(self.site.reactor.seconds())

    def _between(self) -> None:
        self._wait(self.site.bounds.idle_seconds)

    def _wait(self, seconds: float) -> None:
        """So long may it take until something happens."""
        self._due = self._now() + seconds
        self._arm()

    def _arm(self) -> None:
        """A timer stands at ``_due`` or before it: it is not set anew for every byte, but looks again."""
        timer = self._timer
        if timer is not None and timer.active():
            if timer.getTime() <= self._due:
                return
            timer.cancel()
        self._timer = self.callLater(max(0.0, self._due - self._now()), self._late)

    def _late(self) -> None:
        self._timer = None
        if self._now() < self._due:
            self._arm()
        elif self._waitingForTransport or getattr(self.transport, "unsent", False):
            self._judge_reader()
        elif self._lingers:
            self.shut()
        elif self._in_head:
            self.refuse(408, "the head took too long")
        elif self._coming is not None:
            self.refuse(408, "the body took too long")
        elif not self.busy:
            self._end()
        elif self.requests and not self.requests[0].startedWriting:
            self.refuse(503, "the answer took too long")
        else:
            self._wait(self.site.bounds.idle_seconds)  # an answer that goes on, and is taken

    def _judge_reader(self) -> None:
        """A client that takes nothing of its answer is cut off."""
        unsent = int(getattr(self.transport, "unsent", False))
        taken, self._unsent = self._unsent - unsent, unsent
        if unsent and (taken < 0 or taken >= TAKEN_BYTES):
            self._wait(self.site.bounds.idle_seconds)
        else:
            self.shut()

    # -- ends ----------------------------------------------------------------------------------------------

    def refuse(self, status: int, reason: str) -> None:
        """Say ``status`` and why in a whole answer and end, for what never becomes a request."""
        if self._lingers:
            return
        self._lingers = LINGER_BYTES
        body = f"{status} {phrase(status)}: {reason}\n".encode()
        fields = [
            b"HTTP/1.1 %d %b" % (status, phrase(status).encode()),
            b"Date: " + date(),
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Length: %d" % len(body),
            b"Connection: close",
        ]
        if self._line.startswith(b"HEAD "):
            body = b""
        self.transport.write(b"\r\n".join(fields) + b"\r\n" + self.site.security_lines + b"\r\n" + body)
        self.site.refused(self.client, self._line, status, len(body), reason)
        self._coming, self._ahead, self._pieces = None, b"", []
        self._linger()

    def _end(self) -> None:
        """Nothing more is read, and the connection closes once all is sent."""
        self._lingers = 1
        self.loseConnection()
        self._wait(LINGER_SECONDS)

    def _linger(self) -> None:
        self.transport.unregisterProducer()
        self._networkProducer.resumeProducing()
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if self._gone or half_close is None or ISSLTransport.providedBy(self.transport):
            self.transport.loseConnection()
        else:
            half_close()
        self._wait(LINGER_SECONDS)

    def _drop(self, size: int) -> None:
        self._lingers -= size
        if self._lingers <= 0:
            self._lingers = 1
            self._networkProducer.pauseProducing()

    def readConnectionLost(self) -> None:
        """The client sends no more: what it has sent is answered, then the connection ends."""
        self._gone = True
        if self._lingers:
            self.transport.loseConnection()
        elif any(request.streams for request in self.requests):
            self.shut()
        else:
            self._go_on()

    def writeConnectionLost(self) -> None:
        """Our FIN has left."""

    def resumeProducing(self) -> None:
        """The client takes more: so may its next request be answered."""
        super().resumeProducing()
        self._unsent = 0
        if not self.busy and self._coming is None and not self._in_head:
            self._between()
        self._go_on()

    def write(self, data: bytes) -> None:
        """Send a piece of an answer; nothing is sent after a refusal, which was the last."""
        if not self._lingers:
            super().write(data)

    def writeSequence(self, iovec: Any) -> None:
        """Send pieces of an answer, as ``write`` does."""
        if not self._lingers:
            super().writeSequence(iovec)

    def timeoutConnection(self) -> None:
        """Never: the time is kept by `_late`."""

    def forceAbortClient(self) -> None:
        """Never: as above."""

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        """Write the head of an answer that goes on: with what makes it safe, without our version."""
        headers.removeHeader(b"Server")
        headers.setRawHeaders(b"Date", [date()])
        if not self.persistent:
            headers.setRawHeaders(b"Connection", [b"close"])
        for name, value in self.site.security.items():
            headers.setRawHeaders(name, [value])
        super().writeHeaders(b"HTTP/1.1", code, reason, headers)

    def overdue(self) -> None:
        """Never asked for: see ``deadline``."""

    def drain(self) -> None:
        """Close as soon as the request in hand, or on its way, is answered."""
        self._is_draining = True
        if self.busy or self._coming is not None:
            self.persistent = False
        elif self._lingers or self._in_head:
            return
        elif self._is_fresh:
            self._wait(FRESH_SECONDS)
        else:
            self._end()

    def shut(self) -> None:
        """Close now."""
        self.transport.abortConnection()
