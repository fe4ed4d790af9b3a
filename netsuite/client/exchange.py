"""One request and its answer over one connection (RFC 9112).

Theory.  The connection is made for this request and closed after it.  The answer is read by ``http1``: what
two readers could take differently is refused, the head and the number of interim answers are bounded, and
where the body ends is known from the head alone.  So a body that ends early is ``lost``, and so is one that
has a byte more than was announced: after its end we wait a moment for the server's own end, which we have
asked for.  A body that ends with the connection is whole if that ends in order: a reset, or TLS without
close_notify, cuts it.

A body byte's way is ``recv``, framing, ``sink``: between head and ``pour`` nothing is read.  Silence is
measured from the request, a whole head, or the last byte of the body that came or went, and not while the
sink itself takes its time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.http1.body import Body, CloseBody, LengthBody, NoBody, response_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, ResponseHead, parse_response
from netsuite.http1.limits import DEFAULT, Limits
from netsuite.outcome import Failed

#: Interim answers (1xx) before the real one.
INTERIM_MAX = 16

#: Seconds that a server has for its own end of the connection after the body's.
END_SECONDS = 0.25

#: Takes a piece of a body.  What it raises ends the exchange.
Sink = Callable[[bytes], object]


class Exchange(Protocol):
    """A request under way.  ``came``: bytes of the body so far, as sent."""

    transport: Any

    def __init__(
        self, reactor: Any, method: bytes, *, silence: float, ends: float | None, limits: Limits = DEFAULT
    ) -> None:
        self._reactor, self._method = reactor, method
        self._silence, self._ends, self._limits = silence, ends, limits
        self._reader = HeadReader(parse_response, limits)
        self._interim = 0
        self._body: Body | None = None
        self._announced: int | None = None
        self._early = b""
        self._sink: Sink | None = None
        self._timer: Any = None
        self._last = 0.0
        self._gone: Failure | None = None
        self._head: defer.Deferred[ResponseHead] | None = None
        self._poured: defer.Deferred[None] | None = None
        self._over = False
        self._rests = 0.0  # until when
        self._resting: Any = None
        self.came = 0

    @property
    def answered(self) -> bool:
        """Whether the answer's head is there."""
        return self._body is not None

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return not isinstance(self._body, NoBody)

    # -- asking ---------------------------------------------------------------------------------------

    def ask(self, head: bytes, content: Iterator[bytes]) -> defer.Deferred[ResponseHead]:
        """Fires with the answer's head; nothing more is read then.  Fails with Failed; may be cancelled."""
        asked = self._head = defer.Deferred(lambda _: self.close())
        self._last = self._reactor.seconds()
        self._watch()
        self.transport.write(head)
        try:
            first = next(content, None)
        except BaseException:
            self.close()
            raise
        if first is not None and not self._over:
            _Upload(self, self.transport, first, content)
        return asked

    def sent(self) -> None:
        """A piece of the content went out."""
        self._last = self._reactor.seconds()

    def pour(self, sink: Sink) -> defer.Deferred[None]:
        """Fires once ``sink`` has had the whole body.  Fails with Failed, or what ``sink`` raised.

        May be cancelled.
        """
        self._sink = sink
        poured = self._poured = defer.Deferred(lambda _: self.close())
        self._last = self._reactor.seconds()
        if isinstance(self._body, NoBody):
            self._done()
            return poured
        early, self._early = self._early, b""
        if early:
            self._take(early)
        if self._gone is not None and not self._over:
            self.connectionLost(self._gone)
        elif not self._over:
            self.transport.resumeProducing()
        return poured

    def rest(self, seconds: float) -> None:
        """Read nothing for so long; that is no silence of the server's."""
        if self._over or self._body is _ENDED:
            return
        self._rests = self._reactor.seconds() + seconds
        self.transport.pauseProducing()
        if self._resting is not None:
            self._resting.cancel()
        self._resting = self._reactor.callLater(seconds, self._go_on)

    def narrow(self, size: int) -> None:
        """Let the kernel take so many bytes ahead of us, or few more."""
        transport = self.transport
        while not hasattr(transport, "socket") and hasattr(transport, "transport"):
            transport = transport.transport
        if hasattr(transport, "socket"):
            transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def _go_on(self) -> None:
        self._resting = None
        if not self._over and self._gone is None:
            self.transport.resumeProducing()

    def close(self) -> None:
        """The exchange is over, whatever was still to come."""
        self._over = True
        timer, self._timer = self._timer, None
        resting, self._resting = self._resting, None
        for each in (timer, resting):
            if each is not None:
                each.cancel()
        if self._gone is None and self.transport is not None:
            self.transport.abortConnection()

    # -- what comes -----------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """The server says something."""
        if self._over:
            return
        if self._sink is not None:
            self._take(data)
        elif self._body is not None:  # it came while reading was being stopped
            self._early += data
        else:
            try:
                self._read_head(data)
            except BadMessage as error:
                self._fail(Failed("unknown", f"this is no HTTP answer: {error.reason}", detail="protocol"))

    def _read_head(self, data: bytes) -> None:
        """Read an answer's head, which has ``silence`` seconds to come whole: a drop at a time is no sign."""
        while (found := self._reader.feed(data)) is not None:
            head, data = found
            if head.status < 200:
                self._interim += 1
                if head.status == 101 or self._interim > INTERIM_MAX:
                    raise BadMessage(502, "interim answers that nobody asked for")
                self._last = self._reactor.seconds()
                continue
            self._body = response_body(head, self._method, self._limits)
            if isinstance(self._body, LengthBody):
                self._announced = self._body.left
            self._early = data
            self._last = self._reactor.seconds()
            self.transport.pauseProducing()
            asked, self._head = self._head, None
            if asked is not None:
                asked.callback(head)
            return

    def _take(self, data: bytes) -> None:
        assert self._body is not None and self._sink is not None  # noqa: S101, PT018 - set with the head
        try:
            payload, rest = self._body.feed(data)
            if payload:
                self.came += len(payload)
                self._sink(payload)
        except BadMessage as error:
            self._fail(Failed("lost", f"the body is broken: {error.reason}", detail="protocol"))
            return
        except Exception as error:
            self._fail(error)
            return
        self._last = max(self._reactor.seconds(), self._rests)
        if rest:
            self._fail(Failed("lost", "the server sent more than it had announced", detail="length"))
        elif rest is not None:
            self._body, self._sink = _ENDED, _extra
            self._ends = self._reactor.seconds() + END_SECONDS
            self._watch()
            if self._resting is not None:
                self._resting.reset(0)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended."""
        self._gone = reason
        if self._over:
            return
        if self._head is not None:
            self._fail(Failed("lost", "the connection ended before an answer came"))
        elif self._sink is not None:
            body = self._body
            orderly = reason.check(ConnectionDone) or not isinstance(body, CloseBody)
            if body is _ENDED or (orderly and body is not None and body.complete):
                self._done()
            else:
                self._fail(Failed("lost", self._short()))

    def _short(self) -> str:
        if self._announced is None:
            return f"the connection ended in the body, after {self.came} bytes"
        return f"the connection ended in the body, after {self.came} of {self._announced} bytes"

    # -- ends -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Look again when the time may have come."""
        if self._timer is not None:
            self._timer.cancel()
        until = self._last + self._silence
        if self._ends is not None:
            until = min(until, self._ends)
        self._timer = self._reactor.callLater(max(0.0, until - self._reactor.seconds()), self._late)

    def _late(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        if self._body is _ENDED:
            self._done()
        elif self._ends is not None and now >= self._ends:
            self._fail(Failed("timeout", "not done in the time that there was for all", detail="total"))
        elif self._body is not None and self._sink is None:  # nobody has asked for the body yet
            self._last = now
            self._watch()
        elif now >= self._last + self._silence:
            what = "an answer" if self._head is not None else "more of the body"
            self._fail(Failed("timeout", f"no sign of {what} for {self._silence:g} s", detail="silence"))
        else:
            self._watch()

    def _done(self) -> None:
        self.close()
        poured, self._poured = self._poured, None
        if poured is not None:
            poured.callback(None)

    def _fail(self, error: Exception) -> None:
        self.close()
        asked, self._head = self._head, None
        poured, self._poured = self._poured, None
        for waiting in (asked, poured):
            if waiting is not None:
                waiting.errback(error)


#: The body has ended and we wait for the connection to.
_ENDED = CloseBody()


def _extra(data: bytes) -> None:
    raise Failed("lost", "the server sent more than it had announced", detail="length")


@implementer(IPullProducer)
class _Upload:
    """The request's content, a piece at a time as the connection takes it."""

    def __init__(self, exchange: Exchange, transport: Any, first: bytes, rest: Iterator[bytes]) -> None:
        self._exchange, self._transport, self._rest = exchange, transport, rest
        transport.write(first)
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Send a further piece."""
        self._exchange.sent()
        try:
            piece = next(self._rest, None)
        except (OSError, Failed) as error:
            self._transport.unregisterProducer()
            self._exchange._fail(error)
            return
        if piece is None:
            self._transport.unregisterProducer()
        else:
            self._transport.write(piece)

    def stopProducing(self) -> None:
        """The connection has ended."""
