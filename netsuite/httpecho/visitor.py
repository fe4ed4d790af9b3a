"""A client's connection: requests one after the other, each answered with what it was.

Theory.  Most requests are whole in one piece, have no body and order nothing; those are answered on the
spot, and the answers to one piece leave together (`_at_once`).  Any other request is an `Errand`.  While one
is under way, ``_taker`` says who gets the bytes that come: its body, or a place where later requests wait,
bounded, until its answer is sent, since answers leave in the order of requests (RFC 9112 §9.3.2).  A `Guest`
takes the connection over: a WebSocket, or who follows the ring.

A malformed head is answered, and then the connection ends: nobody knows where the next one begins.  A
connection that is closed while the client may still be sending lingers: our FIN leaves after the answer, and
what comes is dropped for a while, as a reset would destroy the answer before it is read (§9.6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from typing import Protocol as Contract

from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import NEVER
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import RequestHead
from netsuite.httpecho import telling
from netsuite.httpecho.answering import refused, replied
from netsuite.httpecho.cutter import Cutter
from netsuite.httpecho.errand import Errand, first_line
from netsuite.httpecho.faults import judged
from netsuite.httpecho.hall import HELD_MAX, Hall
from netsuite.httpecho.orders import PLAIN, BadOrder, ordered
from netsuite.httpecho.payload import Payload
from netsuite.httpecho.pouring import PIECE, Pouring
from netsuite.tlspeer import tls_peer
from netsuite.wire import IWire

#: Bytes of later requests that wait while one is answered.
WAITING_MAX = 64 * 1024

#: How long, in seconds and bytes, a connection lingers.
LINGER_SECONDS = 5.0
LINGER_BYTES = 4 << 20

_OK_10 = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d%b\r\n%b"
_OK_11 = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d%b\r\n%b"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Guest(Contract):
    """Who has taken a connection over."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def overdue(self) -> None:
        """The deadline has passed."""

    def drain(self) -> None:
        """The service stops: say so and end."""

    def lost(self) -> None:
        """The connection is gone."""

    def full(self, is_full: bool) -> None:
        """The connection takes nothing just now, or does again."""


@implementer(IHalfCloseableProtocol)
class Visitor(Protocol):
    """A client's connection.  ``client``: its address."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, hall: Hall, client: str) -> None:
        self.hall, self.client = hall, client
        self._cutter = Cutter(hall.settings.limits)
        self.deadline = self.ends = NEVER
        self.busy = False  # a head has begun, or a request is under way
        self._began = 0.0  # when the head that is awaited did
        self._connected = hall.reactor.seconds()
        self._taker: Callable[[bytes], None] | None = None
        self._errand: Errand | None = None
        self._guest: Guest | None = None
        self._delay: Any = None
        self._waiting = b""
        self._is_full = False  # what we wrote is not taken yet
        self._is_last = False  # the client has sent its FIN
        self._is_closing = self._is_reading = False
        self._is_uploading = False  # a body is awaited, and then answered
        self._lingers = 0  # bytes that may still be dropped

    def connectionMade(self) -> None:
        """Be counted; what the connection doesn't take stops our reading."""
        self.hall.crowd.enter(self, self.client)
        self.touch()
        self.transport.registerProducer(self, True)

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""
        self.deadline = self.hall.reactor.seconds() + self.hall.settings.common.idle_seconds

    # bytes

    def dataReceived(self, data: bytes) -> None:
        """Bytes go where they belong."""
        try:
            if self._taker is None:
                self._read(data)
            else:
                self._taker(data)
        except Exception:  # our own fault ends this connection, and is told
            self.fault(Failure())

    def _read(self, data: bytes) -> None:
        """Read requests until one has to be waited for."""
        self._is_reading = True
        try:
            while data and self._taker is None:
                data = self._at_once(data)
        except BadMessage as error:
            self.refuse(error.status, error.reason, self._cutter.take())
            return
        finally:
            self._is_reading = False
        if self._is_closing:
            return
        if data:
            self._wait_with(data)
        elif self._taker is None:
            self._await_head()

    def _await_head(self) -> None:
        if not self._cutter.begun:
            self.busy = False
            self.touch()
        elif not self.busy:
            self.busy = True
            self._began = self.hall.reactor.seconds()
            self.deadline = self._began + self.hall.settings.head_seconds

    def _at_once(self, data: bytes) -> bytes:
        """Answer the requests that are whole and simple, begin the first that isn't; return what is past it.

        Raises: BadMessage 414 or 431, with what came before it answered.
        """
        hall, size = self.hall, 0
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
                head, status, notes = judged(raw, settings.limits)
                if head is None or not _is_simple(head, settings.health):
                    self._send(answers)
                    return self._begin(raw, head, status, notes, data)
                body = telling.plain(raw)
                hall.answered += 1
                ring.add(now, self.client, raw, None, 200)
                if logs:
                    self._log(raw, head, 200, len(body))
                self.busy = False
                if not (settings.http11 and head.keep_alive):
                    close = b"\r\nConnection: close" if settings.http11 else b""
                    answers.append(form % (len(body), close + tail, body))
                    self._send(answers)
                    self._settle(True, lingers=bool(data))
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

    def _log(self, raw: bytes, head: RequestHead | None, status: int, sent: int) -> None:
        table = head.combined if head is not None else {}
        referer, agent = table.get(b"referer", b""), table.get(b"user-agent", b"")
        self.hall.visits.visit(self.client, first_line(raw), status, sent, referer, agent)

    # backpressure

    def pauseProducing(self) -> None:
        """The connection takes no more just now: nothing is read until it does."""
        self._is_full = True
        if self._guest is not None:
            self._guest.full(True)
        elif not self._is_closing:
            self._taker = self._taker or self._wait_with
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The connection has taken what there was."""
        self._is_full = False
        if self._guest is not None:
            self._guest.full(False)
        elif not self._is_closing:
            self.touch()
            self.transport.resumeProducing()
            self._go_on()

    def stopProducing(self) -> None:
        """The connection is gone; `connectionLost` tells."""

    def _wait_with(self, data: bytes) -> None:
        """Keep bytes for later."""
        self._taker = self._wait_with
        self._waiting += data
        if len(self._waiting) > WAITING_MAX:
            self.transport.pauseProducing()

    def _go_on(self) -> None:
        """If nothing is under way, what waits is read."""
        if self._errand is not None or self._guest is not None or self._is_full or self._is_closing:
            return
        if self._is_reading:  # it was answered at once: the loop goes on by itself
            self._taker = None
            return
        self._taker = None
        data, self._waiting = self._waiting, b""
        self.transport.resumeProducing()
        try:
            self._read(data)
            if self._is_last and self._taker is None and not self._is_closing:
                self._ended()
        except Exception:
            self.fault(Failure())

    # a request that takes longer

    def _begin(
        self, raw: bytes, head: RequestHead | None, status: int, notes: tuple[str, ...], data: bytes
    ) -> bytes:
        """Begin an errand; return what is past it, nothing where that can't be said or is taken elsewhere."""
        now = self.hall.reactor.seconds()
        began = self._began if self.busy else now
        errand = self._errand = Errand(raw, head, notes, when=time.time(), began=began, head_done=now)
        self.busy = True
        self.ends = began + self.hall.settings.total_seconds
        self.touch()
        if head is None:
            self._malformed(errand, status, data)
            return b""
        path, _, query = head.raw_target.partition(b"?")
        if path[:2] == b"/_" or path in self.hall.settings.health:
            more = self.hall.own.take(self, errand, head, path, data)
            if more is not None:
                return more
        return self._echo(errand, head, query, data)

    def _malformed(self, errand: Errand, status: int, data: bytes) -> None:
        settings = self.hall.settings
        if status in (414, 431):
            self.refuse(status, errand.notes[0], errand.raw)
            return
        self.hall.malformed += 1
        errand.payload = Payload.unframed(data, settings.max_body) if data else None
        errand.is_json = telling.wants_json(None, errand.raw)
        errand.status = status if settings.strict else 200
        self._say(errand)

    def _echo(self, errand: Errand, head: RequestHead, query: bytes, data: bytes) -> bytes:
        hall = self.hall
        errand.is_json = telling.wants_json(head, errand.raw)
        try:
            errand.order = ordered(query, hall.settings.bounds) if query else PLAIN
            if errand.order.chunk and not head.version[1]:
                raise BadOrder("chunk needs a request in HTTP/1.1")
        except BadOrder as bad:
            self.refuse(400, str(bad), errand.raw)
            return b""
        if not (head.chunked or head.length):
            self._answer(errand)
            return data
        payload = errand.payload = Payload.of(head, hall.settings.limits, hall.settings.max_body)
        waits = hall.settings.http11 or hall.settings.body or errand.is_json
        if waits and head.expect_continue and not data:
            self.transport.write(_CONTINUE)
        if data:
            data = self._feed(errand, payload, data) or b""
        if not waits or payload.done or payload.truncated:
            self._answer(errand)
            return data
        self._is_uploading = True
        self._taker = partial(self._take_body, errand, payload)
        return b""

    def _feed(self, errand: Errand, payload: Payload, data: bytes) -> bytes | None:
        """Give the body what came, within the room that all bodies have; return what is past it."""
        hall = self.hall
        if hall.held >= HELD_MAX:
            payload.keep_no_more()
        before = payload.held
        rest = payload.feed(data)
        hall.held += payload.held - before
        errand.held += payload.held - before
        return rest

    def _take_body(self, errand: Errand, payload: Payload, data: bytes) -> None:
        self.touch()
        rest = self._feed(errand, payload, data)
        if payload.done or payload.truncated:
            self._is_uploading = False
            self._taker, self._waiting = self._wait_with, rest or b""
            self._answer(errand)
            self._go_on()

    # answers

    def _answer(self, errand: Errand) -> None:
        """The answer to an errand is sent now, or when that was ordered for."""
        order = errand.order
        errand.status = order.status
        if not order.delay:
            self._say(errand)
            return
        self._taker = self._wait_with
        self.deadline = NEVER
        self.ends += order.delay
        self._delay = self.hall.reactor.callLater(order.delay, self._delayed, errand)

    def _delayed(self, errand: Errand) -> None:
        self._delay = None
        self.touch()
        try:
            self._say(errand)
        except Exception:
            self.fault(Failure())
        self._go_on()

    def _say(self, errand: Errand) -> None:
        """Send the answer."""
        hall, order = self.hall, errand.order
        if order.close == "silent":
            errand.status = 0
            self._said(errand, 0)
            return
        values = self._values(errand) if errand.is_json else {}
        settings = hall.settings
        try:
            reply = replied(
                errand,
                hall.heads,
                values,
                is_11=settings.http11,
                shows_body=settings.body,
                keeps=self.keeps(errand),
            )
        except BadOrder as bad:
            self.refuse(400, str(bad), errand.raw)
            return
        errand.is_begun = True
        self.transport.write(reply.head)
        if reply.pieces is None:
            self._said(errand, reply.size)
        else:
            self._pour(errand, reply.pieces, reply.size)

    def _values(self, errand: Errand) -> dict[str, Any]:
        """What JSON has of a request beside what it was: from where, over what and how fast it came."""
        hall, peer, here = self.hall, self.transport.getPeer(), self.transport.getHost()
        tls = tls_peer(self.transport)
        return {
            "client": {"address": getattr(peer, "host", None), "port": getattr(peer, "port", None)},
            "server": {"address": getattr(here, "host", None), "port": getattr(here, "port", None)},
            "tls": None if tls is None else telling.of_tls(tls),
            "timing": telling.timing(errand, self._connected, hall.reactor.seconds()),
            "tag": hall.settings.tag.decode(),
            "host": hall.host,
            "instance": hall.instance,
        }

    def _pour(self, errand: Errand, pieces: Iterator[bytes], size: int) -> None:
        """Send a long answer as fast as the client takes it."""
        self._taker = self._wait_with

        def ended() -> None:
            self._is_full = False
            self.transport.registerProducer(self, True)
            self._said(errand, size)
            self._go_on()

        self.transport.unregisterProducer()
        self.transport.registerProducer(Pouring(pieces, self.transport, self.touch, ended), False)

    def keeps(self, errand: Errand) -> bool:
        """Whether another request may follow this one."""
        payload = errand.payload
        whole = payload is None or (payload.done and not payload.note and not payload.truncated)
        asked = errand.head is not None and errand.head.keep_alive
        return self.hall.settings.http11 and asked and whole and not errand.order.close and not self._is_last

    def _said(self, errand: Errand, sent: int) -> None:
        """The answer to an errand is written."""
        self.hall.answered += 1
        if not self.hall.visits.is_off:
            self._log(errand.raw, errand.head, errand.status, sent)
        close, payload = errand.order.close, errand.payload
        if payload is not None and not (payload.done or payload.truncated or close):
            self._settle(True, lingers=True)  # what is still to come of it is remembered, not awaited
            return
        keeps = self.keeps(errand)
        self._forget(errand)
        if close == "reset":
            self._is_closing = True
            self.shut()
        else:
            body_comes = payload is not None and not payload.done
            self._settle(not keeps, lingers=not close and (errand.head is None or body_comes))

    def _forget(self, errand: Errand) -> None:
        """The errand is over: it is in the ring."""
        self._errand = None
        self.hall.held -= errand.held
        self.hall.ring.add(errand.when, self.client, errand.raw, errand.payload, errand.status)

    def wait(self) -> None:
        """What comes is kept until an answer is there."""
        self._taker = self._wait_with

    def tell(
        self,
        errand: Errand,
        answer: bytes,
        *,
        status: int = 200,
        remembers: bool = True,
        settles: bool = True,
    ) -> None:
        """An answer that isn't an echo is sent.  ``settles``: the connection goes on as after any answer."""
        head = errand.head
        keeps, has_body = self.keeps(errand), head is None or head.chunked or bool(head.length)
        errand.status = status
        self.transport.write(answer)
        if remembers:
            if not self.hall.visits.is_off:
                self._log(errand.raw, head, status, 0)
            self._forget(errand)
        self._errand = None
        if settles:
            self._settle(has_body or not keeps, lingers=has_body)
            if self._taker is not None:
                self._go_on()

    def refuse(
        self,
        status: int,
        why: str,
        raw: bytes,
        *,
        remembers: bool = True,
        fields: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Say no, and why, in our own words; then the connection ends.

        ``raw``: the head that it is said to, or what came of it.
        """
        hall, errand = self.hall, self._errand
        hall.refused += 1
        bare = raw.lstrip(b"\r\n").startswith(b"HEAD ")
        if not hall.visits.is_off:
            self._log(raw[:WAITING_MAX], errand.head if errand is not None else None, status, 0)
        http11 = hall.settings.http11
        self.transport.write(refused(hall.heads, status, why, is_11=http11, bare=bare, fields=fields))
        if errand is not None:
            errand.status = status
            if remembers:
                self._forget(errand)
            self._errand = None
        self._settle(True, lingers=True)

    def receive(self, guest: Guest, data: bytes = b"") -> None:
        """The connection is ``guest``'s from now on; ``data``: what came already."""
        data, self._waiting = self._waiting + data, b""
        self._errand, self._guest, self._taker = None, guest, guest.received
        self.ends = NEVER
        self.touch()
        self.transport.resumeProducing()
        if data:
            guest.received(data)

    def part(self) -> None:
        """The guest has said all that it had to say."""
        self._guest = None
        self._settle(True, lingers=True)

    # ends

    def _settle(self, close: bool, *, lingers: bool = False) -> None:
        """An answer is sent: the next request may be read, or the connection ends."""
        self.ends = NEVER
        if not close:
            self.busy = False
            self.touch()
            return
        if self._is_closing:
            return
        self._is_closing, self._waiting, self._taker = True, b"", self._drop
        now = self.hall.reactor.seconds()
        if lingers and not self._is_last and not ISSLTransport.providedBy(self.transport):
            self._lingers = LINGER_BYTES
            self.deadline = now + LINGER_SECONDS
            self.transport.resumeProducing()
            self.transport.loseWriteConnection()
        else:
            self.deadline = now + self.hall.settings.common.idle_seconds
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _drop(self, data: bytes) -> None:
        """The connection lingers: what comes is dropped, or the rest of a body that was answered already."""
        errand = self._errand
        self._lingers -= len(data)
        if errand is not None and errand.payload is not None:
            self._feed(errand, errand.payload, data)
            if errand.payload.done or errand.payload.truncated:
                self._forget(errand)
                if errand.payload.done:
                    self._lingers = 0
        if self._lingers <= 0:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def fault(self, failure: Failure) -> None:
        """A fault of ours: it is logged under a number, the client is told that, and the connection ends."""
        number = journal.fault(where="httpecho", failure=failure)
        errand, self._errand = self._errand, None
        if errand is not None:
            self.hall.held -= errand.held
        if self._is_closing or self._guest is not None or (errand is not None and errand.is_begun):
            self.transport.abortConnection()
            return
        self.refuse(500, f"a fault of ours, logged as {number}", b"")

    def readConnectionLost(self) -> None:
        """The client sends no more; what it sent is answered."""
        self._is_last = True
        try:
            self._ended()
        except Exception:
            self.fault(Failure())

    def _ended(self) -> None:
        errand = self._errand
        if self._guest is not None:
            self.transport.abortConnection()
        elif self._is_closing:
            self._drop_end(errand)
        elif self._is_uploading and errand is not None and errand.payload is not None:
            errand.payload.cut()
            self._is_uploading, self._taker = False, self._wait_with
            self._answer(errand)
        elif self._taker is not None:
            return  # an answer is under way, or requests wait for what was written to be taken
        elif self._cutter.begun:
            self._cut_short()
        else:
            self._settle(True)

    def _drop_end(self, errand: Errand | None) -> None:
        """Lingering is over."""
        if errand is not None and errand.payload is not None:
            errand.payload.cut()
            self._forget(errand)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _cut_short(self) -> None:
        """Answer what came of a head that the client has ended in the middle."""
        raw = self._cutter.take()
        _, status, notes = judged(raw, self.hall.settings.limits)
        self._begin(raw, None, status or 400, ("the connection ended within the head", *notes), b"")

    def writeConnectionLost(self) -> None:
        """Our FIN is sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget the connection, and end what is under way."""
        self._is_closing = True
        self.hall.crowd.leave(self)
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.lost()
        errand = self._errand
        if errand is not None:
            if errand.payload is not None:
                errand.payload.cut()
            self._forget(errand)

    def overdue(self) -> None:
        """A deadline has passed: say so where a request was awaited, and end."""
        if self._guest is not None:
            self._guest.overdue()
        elif self._is_closing or self._is_full or (self._errand is not None and self._errand.is_begun):
            self.shut()
        elif self._cutter.begun:
            self.refuse(408, "the head took too long", self._cutter.take())
        elif self._is_uploading:
            self.refuse(408, "the body took too long", self._errand.raw if self._errand is not None else b"")
        elif self._errand is not None:
            self.refuse(503, "the answer took too long", self._errand.raw)
        else:
            self._settle(True)

    def drain(self) -> None:
        """End as soon as nothing is in hand."""
        if self._guest is not None:
            self._guest.drain()
        elif self._errand is not None or self._waiting:
            self._is_last = True  # no answer keeps the connection any more
        else:
            self._settle(True)

    def shut(self) -> None:
        """End now."""
        self._is_closing = True
        self.transport.abortConnection()

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be said here any more."""
        return self._is_closing


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
