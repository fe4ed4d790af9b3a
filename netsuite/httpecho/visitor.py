"""A client's connection: requests one after the other, each answered with what it was.

Theory.  Most requests are whole in one piece, have no body and order nothing; those are answered on the
spot, and the answers to one piece leave together (`_at_once`).  Any other is an errand of the `Desk`.  While
one is under way, ``_taker`` says who gets the bytes that come: its body, or a place where later requests
wait, bounded, until its answer is sent, since answers leave in the order of requests (RFC 9112 §9.3.2).  A
`Guest` takes the connection over: a WebSocket, or who follows the ring.

A malformed head is answered, and then the connection ends: nobody knows where the next one begins.  A
connection that is closed while the client may still be sending lingers: our FIN leaves after the answer, and
what comes is dropped for a while, as a reset would destroy the answer before it is read (§9.6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import FRESH_SECONDS, NEVER
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import RequestHead
from netsuite.httpecho import telling
from netsuite.httpecho.cutter import Cutter
from netsuite.httpecho.desk import Desk, errand_of
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.faults import judged
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.pouring import PIECE
from netsuite.httpecho.seat import Guest
from netsuite.wire import IWire

#: Bytes of later requests that wait while one is answered.
WAITING_MAX = 64 * 1024

#: How long, in seconds and bytes, a connection lingers.
LINGER_SECONDS = 5.0
LINGER_BYTES = 4 << 20

_OK_10 = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d%b\r\n%b"
_OK_11 = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d%b\r\n%b"


@implementer(IHalfCloseableProtocol)
class Visitor(Protocol):
    """A client's connection.  ``client``: its address; the rest as `Seat` has it."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, hall: Hall, desk: Desk, client: str) -> None:
        self._hall, self._desk, self.client = hall, desk, client
        self._cutter = Cutter(hall.settings.limits)
        self.deadline = self.ends = NEVER
        self.busy = False  # a head has begun, or a request is under way
        self.since = hall.reactor.seconds()
        self.places: tuple[Any, Any] = None, None
        self.errand: Errand | None = None
        self.is_draining = False
        self._is_fresh = True  # nothing was asked yet
        self._began = 0.0  # when the head that is awaited did
        self._taker: Callable[[bytes], None] | None = None
        self._guest: Guest | None = None
        self._waiting = b""
        self._is_full = False  # what we wrote is not taken yet
        self._is_last = False  # the client has sent its FIN
        self._is_closing = self._is_reading = False
        self._is_uploading = False  # a body is awaited, and then answered
        self._lingers = 0  # bytes that may still be dropped

    def connectionMade(self) -> None:
        """Be counted; what the connection doesn't take stops our reading."""
        self._hall.crowd.enter(self, self.client)
        try:
            self.places = self.transport.getPeer(), self.transport.getHost()
        except OSError:  # who has left by now has no address any more
            self.places = None, None
        self.touch()
        self.transport.registerProducer(self, True)

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""
        self.deadline = self._hall.reactor.seconds() + self._hall.settings.common.idle_seconds

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be said here any more."""
        return self._is_closing

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """In the block a fault of ours ends this connection, and is told."""
        try:
            yield
        except Exception:
            self.fault(Failure())

    # bytes

    def dataReceived(self, data: bytes) -> None:
        """Bytes go where they belong."""
        try:
            if self._taker is None:
                self._read(data)
            else:
                self._taker(data)
        except Exception:  # as in `guarded`, which costs a microsecond
            self.fault(Failure())

    def _read(self, data: bytes) -> None:
        """Read requests until one has to be waited for."""
        self._is_reading = True
        try:
            while data and self._taker is None:
                data = self._at_once(data)
        except BadMessage as error:
            self._desk.refuse(self, error.status, error.reason, self._cutter.take())
            return
        finally:
            self._is_reading = False
        if self._is_closing or self._guest is not None:
            return
        if data:
            self.wait(data)
        elif self._taker is None:
            self._await_head()

    def _await_head(self) -> None:
        if not self._cutter.begun:
            self.busy = False
            self.touch()
        elif not self.busy:
            self.busy = True
            self._began = self._hall.reactor.seconds()
            self.deadline = self._began + self._hall.settings.head_seconds

    def _at_once(self, data: bytes) -> bytes:
        """Answer the requests that are whole and simple, begin the first that isn't; return what is past it.

        Raises: BadMessage 414 or 431, with what came before it answered.
        """
        hall, size = self._hall, 0
        answers: list[bytes] = []
        settings, ring, logs = hall.settings, hall.ring, not hall.visits.is_off
        now = time.time()
        form, tail = _OK_11 if settings.http11 else _OK_10, hall.heads.tail(now)
        try:
            while data and size < PIECE:
                found = self._cutter.feed(data)
                if found is None:
                    return b""
                raw, data = found
                self._is_fresh = False
                head, status, notes = judged(raw, settings.limits)
                if head is None or not _is_simple(head, settings.health):
                    self._send(answers)
                    return self._begin(raw, head, status, notes, data)
                body = telling.plain(raw)
                hall.answered += 1
                hall.at_once += 1
                hall.at_once_bytes += len(body)
                ring.add(now, self.client, raw, None, 200)
                if logs:
                    self._desk.log(self, raw, head, 200, len(body))
                self.busy = False
                if not (settings.http11 and head.keep_alive) or self.is_draining:
                    close = b"\r\nConnection: close" if settings.http11 else b""
                    answers.append(form % (len(body), close + tail, body))
                    self._send(answers)
                    self.settle(True, lingers=bool(data))
                    return b""
                answers.append(form % (len(body), tail, body))
                size += len(body)
        finally:
            self._send(answers)
        return data

    def _send(self, answers: list[bytes]) -> None:
        """The answers are sent, and no more in the list."""
        if answers:
            self.transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
            answers.clear()

    def _begin(
        self, raw: bytes, head: RequestHead | None, status: int, notes: tuple[str, ...], data: bytes
    ) -> bytes:
        """Begin an errand; return what is past it."""
        now = self._hall.reactor.seconds()
        began = self._began if self.busy else now
        self.busy = True
        self.ends = began + self._hall.settings.total_seconds
        self.touch()
        return self._desk.begin(self, errand_of(raw, head, notes, began=began, now=now), status, data)

    # who gets what comes

    def wait(self, data: bytes = b"") -> None:
        """``data`` and what comes now is kept for later."""
        self._is_uploading, self._taker = False, self.wait
        self._waiting += data
        if len(self._waiting) > WAITING_MAX:
            self.transport.pauseProducing()

    def take_body(self, taker: Callable[[bytes], None]) -> None:
        """What comes is a body, and ``taker``'s."""
        self._is_uploading, self._taker = True, taker

    def go_on(self) -> None:
        """If nothing is under way, what waits is read."""
        if self.errand is not None or self._guest is not None or self._is_full or self._is_closing:
            return
        self._taker = None
        if self._is_reading:  # it was answered at once: who reads goes on by itself
            return
        data, self._waiting = self._waiting, b""
        self.transport.resumeProducing()
        with self.guarded():
            self._read(data)
            if self._is_last and self._taker is None and not self._is_closing:
                self._ended()

    def receive(self, guest: Guest, data: bytes = b"") -> None:
        """The connection is ``guest``'s from now on; ``data``: what came already."""
        data, self._waiting = self._waiting + data, b""
        self.errand, self._guest, self._taker = None, guest, guest.received
        self.ends = NEVER
        self.touch()
        self.transport.resumeProducing()
        if data:
            guest.received(data)

    def part(self) -> None:
        """The guest has said all that it had to say."""
        self._guest = None
        self.settle(True, lingers=True)

    # backpressure

    def pauseProducing(self) -> None:
        """The connection takes no more just now: nothing is read until it does."""
        self._is_full = True
        if self._guest is not None:
            self._guest.full(True)
        elif not self._is_closing:
            self._taker = self._taker or self.wait
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The connection has taken what there was."""
        self._is_full = False
        if self._guest is not None:
            self._guest.full(False)
        elif not self._is_closing:
            self.touch()
            self.transport.resumeProducing()
            self.go_on()
        elif self._lingers:
            self.deadline = self._hall.reactor.seconds() + LINGER_SECONDS

    def stopProducing(self) -> None:
        """The connection is gone; `connectionLost` tells."""

    def listen_again(self) -> None:
        """The connection tells us again when it is full."""
        self._is_full = False
        self.transport.registerProducer(self, True)

    # ends

    def settle(self, close: bool, *, lingers: bool = False) -> None:
        """An answer is sent: the next request may be read, or the connection ends."""
        self.ends = NEVER
        if not close:
            self.busy = False
            self.touch()
            return
        if self._is_closing:
            return
        self._is_closing, self._waiting, self._taker = True, b"", self._drop
        if lingers and not self._is_last and not ISSLTransport.providedBy(self.transport):
            self.touch()
            if not self._is_full:
                self.deadline = self._hall.reactor.seconds() + LINGER_SECONDS
            self._lingers = LINGER_BYTES
            self.transport.resumeProducing()
            self.transport.loseWriteConnection()
        else:
            self.touch()
            self._lose()

    def _lose(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _drop(self, data: bytes) -> None:
        """The connection lingers: what comes is dropped, or the rest of a body that was answered already."""
        errand = self.errand
        self._lingers -= len(data)
        if errand is not None and errand.payload is not None:
            self._desk.feed(errand, errand.payload, data)
            if errand.payload.done or errand.payload.truncated:
                self._desk.forget(self, errand)
                if errand.payload.done:
                    self._lingers = 0
        if self._lingers <= 0:
            self._lose()

    def fault(self, failure: Failure) -> None:
        """A fault of ours: it is logged under a number, the client is told that, and the connection ends."""
        number = journal.fault(where="httpecho", failure=failure)
        errand, self.errand = self.errand, None
        if errand is not None:
            errand.stop()
            self._hall.held -= errand.held
        if self._is_closing or self._guest is not None or (errand is not None and errand.is_begun):
            self.shut()
            return
        self._desk.refuse(self, 500, f"a fault of ours, logged as {number}", b"")

    def readConnectionLost(self) -> None:
        """The client sends no more; what it sent is answered."""
        self._is_last = True
        with self.guarded():
            self._ended()

    def _ended(self) -> None:
        errand = self.errand
        if self._guest is not None:
            self.shut()
        elif self._is_closing:
            self._end_errand()
            self._lose()
        elif self._is_uploading and errand is not None:
            self._desk.cut(self, errand)
        elif self._taker is not None:
            return  # an answer is under way, or requests wait for what was written to be taken
        elif self._cutter.begun:
            raw = self._cutter.take()
            _, status, notes = judged(raw, self._hall.settings.limits)
            self._begin(raw, None, status or 400, ("the connection ended within the head", *notes), b"")
        else:
            self.settle(True)

    def _end_errand(self) -> None:
        """What is under way ends here."""
        errand = self.errand
        if errand is not None:
            if errand.payload is not None:
                errand.payload.cut()
            self._desk.forget(self, errand)

    def writeConnectionLost(self) -> None:
        """Our FIN is sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget the connection, and end what is under way."""
        self._is_closing = True
        self._hall.crowd.leave(self)
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.lost()
        self._end_errand()

    def overdue(self) -> None:
        """A deadline has passed: say so where a request was awaited, and end."""
        errand = self.errand
        if self._guest is not None:
            self._guest.overdue()
        elif self._is_closing or self._is_full or (errand is not None and errand.is_begun):
            self.shut()
        elif errand is not None:
            status, what = (408, "body") if self._is_uploading else (503, "answer")
            self._desk.refuse(self, status, f"the {what} took too long", errand.raw)
        elif self._cutter.begun:
            self._desk.refuse(self, 408, "the head took too long", self._cutter.take())
        else:
            self.settle(True)

    def drain(self) -> None:
        """End as soon as nothing is in hand."""
        self.is_draining = True
        if self._guest is not None:
            self._guest.drain()
        elif self.errand is not None or self._waiting or self._cutter.begun:
            return
        elif self._is_fresh and not self._is_closing:
            self.deadline = self._hall.reactor.seconds() + FRESH_SECONDS
        else:
            self.settle(True)

    def shut(self) -> None:
        """End now."""
        self._is_closing = True
        self.transport.abortConnection()


def _is_simple(head: RequestHead, health: frozenset[bytes]) -> bool:
    """Whether a request is answered by its own head alone: no body, no order, no JSON, no path of ours."""
    target = head.raw_target
    return not (
        head.chunked
        or head.length
        or b"?" in target
        or target[:2] == b"/_"
        or target in health
        or target[-5:] == b".json"
        or head.method == b"HEAD"
        or (b"accept" in head.combined and b"json" in head.combined[b"accept"])
    )
