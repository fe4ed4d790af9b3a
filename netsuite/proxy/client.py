"""A client's connection: requests one after the other, each an exchange, or one tunnel.

Theory.  Bytes that arrive belong to the head that is awaited, to the body of the request under way, or,
when that one is whole, to later requests, which wait (``_waiting``) until its answer is sent: answers leave
in the order of requests (RFC 9112 §9.3.2).  What waits is bounded; past the bound the connection is not
read.  A client that has sent its FIN still gets its answer (§9.6).

A connection that is closed while the client may still be sending lingers: our FIN leaves after the answer,
and what comes is dropped for a while, since a reset would destroy the answer before it is read (§9.6).
"""

from __future__ import annotations

from twisted.internet import defer
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import FRESH_SECONDS, NEVER
from netsuite.glue import End, Gate
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, RequestHead, parse_request
from netsuite.proxy import refusal
from netsuite.proxy.exchange import Exchange
from netsuite.proxy.lookout import Opening, Watch
from netsuite.proxy.relay import Relay
from netsuite.proxy.route import Forward, Refuse, Reply, Tunnel, decide
from netsuite.proxy.tunnel import Far, FarSide, Record, open_tunnel
from netsuite.wire import IWire

#: Bytes of later requests that wait while one is answered.
WAITING_MAX = 64 * 1024

#: How long, in seconds and bytes, a connection lingers.
LINGER_SECONDS = 5.0
LINGER_BYTES = 4 << 20

_ESTABLISHED = b"HTTP/1.1 200 Connection Established\r\n\r\n"


@implementer(IHalfCloseableProtocol)
class ClientSide(Protocol):
    """A client's connection.  ``host``: its address; ``shown``: the same as the log may have it."""

    scheme = b"http"  # of what is asked for here
    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport
    source: IWire | Gate  # what is paused and resumed for the client to be read

    def __init__(self, relay: Relay, host: str) -> None:
        self.relay, self.host = relay, host
        self.shown = host if relay.show_client else "-"
        self.deadline = self.ends = NEVER
        self.busy = False
        self.closing = False
        self._is_fresh = True  # nothing was asked yet
        self._is_draining = False  # the next request is the last
        self.end: End | Watch | None = None
        self._record: Record | None = None  # of the tunnel that this connection is
        self._exchange: Exchange | None = None
        self._held: defer.Deferred[None] | bool = False  # a log-in or a tunnel's connection is awaited
        self._waiting = b""
        self._gone = False
        self.is_last = False  # the client has sent its FIN
        self._reading = False
        self._lingers = 0  # bytes that may still be dropped
        self._gate: Gate | None = None
        self._heads: HeadReader[RequestHead] = HeadReader(parse_request, relay.limits)

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""
        self.deadline = self.relay.reactor.seconds() + self.relay.times.idle

    def connectionMade(self) -> None:
        """Be counted; a head has to come in time."""
        relay = self.relay
        relay.crowd.enter(self, self.host)
        self.deadline = relay.reactor.seconds() + relay.times.header
        self.source = self.transport
        if relay.bandwidth is not None:
            self.slow_down(0)

    # bytes

    def dataReceived(self, data: bytes) -> None:
        """Bytes go where they belong."""
        try:
            if self._exchange is None and not self._held and self.end is None and not self._lingers:
                self._read(data)
            else:
                self._received_busy(data)
        except Exception:  # our own fault ends this connection, and is told
            self.fault(Failure())

    def _received_busy(self, data: bytes) -> None:
        if self.end is not None:
            self.end.received(data)
            return
        if self._lingers:
            self._lingers -= len(data)
            if self._lingers <= 0:
                self._lingers = 1
                self.transport.loseConnection()
            return
        if self._exchange is not None:
            rest = self._exchange.upload(data)
            if not rest or self._lingers:
                return
            data = rest
        if self._held or self._exchange is not None:
            self._waiting += data
            if len(self._waiting) > WAITING_MAX:
                self.source.pauseProducing()
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Read requests until one has to be waited for; those refused at once cost no depth of calls."""
        self._reading = True
        try:
            while data and not self.closing and not self._gone:
                if not self.busy:
                    self.busy = True
                    self.deadline = self.relay.reactor.seconds() + self.relay.times.header
                found = self._heads.feed(data)
                if found is None:
                    return
                head, data = found
                self._waiting = data
                self._begin(head)
                if self._exchange is not None or self._held or self.end is not None:
                    return
                data, self._waiting = self._waiting, b""
        except BadMessage as error:
            bare = self._heads.first(data).startswith(b"HEAD ")
            self._refuse(Refuse(error.status, "message", error.reason), None, bare=bare)
        finally:
            self._reading = False

    # a request

    def _begin(self, head: RequestHead) -> None:
        relay = self.relay
        self._is_fresh, self.closing = False, self._is_draining
        if relay.rate is not None and not relay.rate.take(self.host, relay.reactor.seconds()):
            self._refuse(Refuse(429, "rate", "too many requests from this address (--rate)"), head)
            return
        if relay.times.total:
            self.ends = relay.reactor.seconds() + relay.times.total
        self._log_in(head)

    def _log_in(self, head: RequestHead) -> None:
        relay = self.relay
        if relay.access is None:
            self._route(head, None)
            return
        credentials = head.combined.get(b"proxy-authorization")
        if credentials is None:
            self._refuse(Refuse(407, "auth", "a user name and password are needed"), head)
            return
        user = relay.access.remembered(credentials)
        if user is not None:
            self._route(head, user)
        else:
            self._held, self.deadline = True, NEVER
            checked = defer.Deferred.fromCoroutine(relay.access.check(credentials, self.host))
            checked.addCallback(self._logged_in, head)
            checked.addErrback(self.fault)

    def _logged_in(self, user: str | None, head: RequestHead) -> None:
        self._held = False
        if self._gone:
            return
        if user is None:
            self._refuse(Refuse(407, "auth", "the user name or password is wrong"), head)
        else:
            self._route(head, user)
        self._go_on()

    def _route(self, head: RequestHead, user: str | None) -> None:
        decision = decide(head, self.relay.rules, user, scheme=self.scheme)
        if type(decision) is Refuse:
            self._refuse(decision, head)
        elif head.target is not None and self.relay.via.loops(head, head.target):
            self._refuse(Refuse(508, "loop", "this request has been here before (Via)"), head)
        elif type(decision) is Forward:
            self._forward(head, decision)
        elif isinstance(decision, Tunnel):
            self._open_tunnel(head, decision, user)
        elif isinstance(decision, Reply):
            self._reply(head, decision)

    def _forward(self, head: RequestHead, decision: Forward) -> None:
        self.deadline = NEVER  # connecting has a limit of its own
        exchange = self._exchange = Exchange(self, head, decision)
        told = self.relay.hooks.on_request(exchange.number, head)
        if told is not None:
            exchange.refuse(told)
            return
        if self._waiting and not exchange.is_sent:
            data, self._waiting = self._waiting, b""
            self._waiting = exchange.upload(data) or b""
        if self._exchange is exchange:  # its body may have been refused already
            exchange.start()

    def _reply(self, head: RequestHead, told: Reply) -> None:
        has_body = head.chunked or bool(head.length)
        close = has_body or not head.keep_alive
        relay = self.relay
        relay.meter.request(told.status, len(told.body), 0, 0.0)
        if head.target is not None:
            kind, size = told.content_type, len(told.body)
            relay.log.request(
                relay.next_number(), self.shown, head, head.target, told.status, kind, size, 0.0, "-"
            )
        self.transport.write(refusal.reply(told, close=close))
        self.busy = False
        self._settle(close, lingers=has_body)

    # refusals and ends, called by ourselves and by the exchange

    def write_refusal(
        self, told: Refuse, head: RequestHead | None, *, close: bool, bare: bool = False
    ) -> None:
        """Send an answer of ours."""
        self.relay.meter.refused(told.cause)
        self.transport.write(refusal.answer(told, head, close=close, bare=bare))

    def _refuse(self, told: Refuse, head: RequestHead | None, *, bare: bool = False, number: int = 0) -> None:
        relay = self.relay
        has_body = head is not None and (head.chunked or bool(head.length))
        close = head is None or has_body or not head.keep_alive or head.method == b"CONNECT"
        relay.meter.request(told.status, 0, 0, 0.0)
        number = number or relay.next_number()
        relay.log.refused(number, self.shown, head, told.status, told.cause, told.reason)
        self.write_refusal(told, head, close=close, bare=bare)
        self.busy = False
        self._settle(close, lingers=head is None or has_body)

    def exchange_done(self, *, close: bool, lingers: bool = False) -> None:
        """An exchange has ended and its answer is sent; the next request may be read."""
        self._exchange = None
        self.busy = False
        self._settle(close or self._gone, lingers=lingers)
        if self._waiting or self.is_last:
            self._go_on()
        elif not self.closing:
            self.source.resumeProducing()

    def exchange_cut(self, *, reset: bool) -> None:
        """An exchange has ended in the middle of its answer."""
        self._exchange = None
        self.closing = True
        if reset:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def fault(self, failure: Failure) -> None:
        """A fault of ours: it is logged under a number, the client is told that, and the connection ends."""
        number = journal.fault(where="proxy", failure=failure)
        exchange, self._exchange = self._exchange, None
        self._held = False
        if self._gone:
            return
        tells = exchange.fail() if exchange is not None else self.busy and self._record is None
        if not tells or self.closing:
            self.transport.abortConnection()
            return
        told = Refuse(500, "fault", f"a fault of ours, logged as {number}")
        if exchange is None:
            self._refuse(told, None)
            return
        self.write_refusal(told, None, close=True)
        self.busy = False
        self._settle(True, lingers=not exchange.is_sent)

    def _settle(self, close: bool, *, lingers: bool = False) -> None:
        self.ends = NEVER
        if not (close or self.closing):
            self.touch()
            return
        self.closing = True
        if self._gate is not None:
            self._gate.open()
            self.transport.resumeProducing()  # over TLS the peer's own end is waited for
        now = self.relay.reactor.seconds()
        if lingers and not self.is_last and not ISSLTransport.providedBy(self.transport):
            self._lingers, self._waiting = LINGER_BYTES, b""
            self.deadline = now + LINGER_SECONDS
            self.transport.resumeProducing()
            self.transport.loseWriteConnection()
        else:
            self.deadline = now + self.relay.times.idle
            self.transport.loseConnection()

    def _go_on(self) -> None:
        if self._reading or self._held or self._exchange is not None or self.closing:
            return
        data, self._waiting = self._waiting, b""
        self.source.resumeProducing()
        if data:
            self._read(data)
        if self.is_last and not self._held and self._exchange is None and self.end is None:
            self._settle(True)

    def slow_down(self, count: int) -> None:
        """The client has sent or got so many bytes; it is read on when these are paid for."""
        relay = self.relay
        if relay.bandwidth is None:
            return
        wait = relay.bandwidth.spend(self.host, count, relay.reactor.seconds())
        if self.closing or self.end is not None:
            return
        if self._gate is None:
            self.source = self._gate = Gate(self.transport, relay.reactor)
        self._gate.hold(wait)
        self.deadline += wait  # it is not the client who is silent

    # tunnels

    def _open_tunnel(self, head: RequestHead, decision: Tunnel, user: str | None) -> None:
        self.deadline = NEVER
        relay = self.relay
        opening = Opening(relay.next_number(), relay.reactor.seconds(), head, decision, user)
        refused = relay.hooks.on_request(opening.number, head)
        if refused is not None:
            self._refuse(refused, head, number=opening.number)
        elif relay.lookout is not None and relay.lookout.wants(decision.target):
            self._tell_established(opening)
            early, self._waiting = self._waiting, b""
            self.end = relay.lookout.look(self, opening)
            self.end.received(early)
        else:
            self.dial(opening)

    def _tell_established(self, opening: Opening) -> None:
        relay = self.relay
        self.transport.write(_ESTABLISHED)
        relay.meter.request(200, 0, 0, relay.reactor.seconds() - opening.started)

    def go_untouched(self, opening: Opening, early: bytes) -> None:
        """Be the tunnel that was asked for, after all; ``early``: what a lookout has taken."""
        self.end, self._waiting, self.deadline = None, early, NEVER
        self.dial(opening, is_told=True)

    def dial(self, opening: Opening, *, is_told: bool = False) -> None:
        """Connect with a tunnel's target; ``is_told``: the client has its 200 already."""
        relay, far = self.relay, FarSide()
        number, started, head, decision, _ = opening

        def joined(_: None) -> None:
            self._held = False
            if self._gone:
                far.transport.abortConnection()
                return
            if not is_told:
                self._tell_established(opening)
            record = Record(relay, number, self.shown, decision.target, far.address, started)
            self.tunnelled(far, record, far.early)

        def unreachable(failure: Failure) -> None:
            self._held = False
            if self._gone:
                return
            if is_told:
                self.transport.abortConnection()
                return
            host = journal.escaped(decision.target.host)
            told = refusal.of_failure(failure, host)
            if failure.check(defer.CancelledError):
                told = Refuse(504, "timeout", f"{host} was not reached in time (--total)")
            if told is None:
                self.fault(failure)
                return
            self._refuse(told, head, number=number)

        self._held = True
        dialled = relay.pool.dialler.connect(decision.target, far, tunnel=True, permit=decision.permit)
        dialled.addCallbacks(joined, unreachable)
        dialled.addErrback(self.fault)
        if self._held:
            self._held = dialled

    def tunnelled(self, far: Far, record: Record, late: bytes) -> None:
        """The connection is a tunnel from now on; ``late`` and what came early are sent on."""
        self._held, self._exchange = False, None
        self._record = record
        if self._gate is not None:
            self._gate.open()
        self.touch()
        early, self._waiting = self._waiting, b""
        open_tunnel(self, far, record, early, late)

    # what the connection tells

    def readConnectionLost(self) -> None:
        """The client sends no more; whole requests are answered all the same."""
        try:
            self._read_closed()
        except Exception:
            self.fault(Failure())

    def _read_closed(self) -> None:
        exchange = self._exchange
        if self.end is not None:
            self.end.read_closed()
        elif self._lingers:
            self.transport.loseConnection()
        elif self._held or (exchange is not None and exchange.is_sent):
            self.is_last = True
            self.closing = self.closing or (exchange is not None and not self._waiting)
        elif exchange is not None:
            self.transport.abortConnection()
        else:  # an answer may be queued still
            self._settle(True)

    def writeConnectionLost(self) -> None:
        """Our FIN is sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End what is under way."""
        self._gone = True
        self.relay.crowd.leave(self)
        if self._gate is not None:
            self._gate.open()
        exchange, self._exchange = self._exchange, None
        held, self._held = self._held, False
        try:
            if isinstance(held, defer.Deferred):
                held.cancel()
            if self.end is not None:
                self.end.lost(aborted=not reason.check(ConnectionDone))
                if self._record is not None and isinstance(self.end, End):
                    self._record.ended(self.end.count, self.end.other.count)
            if exchange is not None:
                exchange.client_lost()
        except Exception:
            self.fault(Failure())

    # what the crowd asks

    def overdue(self) -> None:
        """Silent for too long, or busy for too long: tell the client if a head or an answer was awaited."""
        self.deadline = self.ends = NEVER
        if self._exchange is not None:
            self._exchange.timed_out()
        elif isinstance(self._held, defer.Deferred):
            self._held.cancel()
        elif self.busy and self.end is None and not self.closing and not self._held:
            self._refuse(Refuse(408, "timeout", "the request's head did not come in time"), None)
        else:
            self.transport.abortConnection()

    def drain(self) -> None:
        """Close after the answer to the request under way or on its way, or now."""
        is_idle = self._exchange is None and self.end is None and not self._held and not self._lingers
        if is_idle and not self.closing and (self.busy or self._is_fresh):  # a head is on its way
            self._is_draining = True
            if not self.busy:
                self.deadline = self.relay.reactor.seconds() + FRESH_SECONDS
            return
        self.closing = True
        if is_idle:
            self.transport.loseConnection()

    def shut(self) -> None:
        """Close now."""
        self.transport.abortConnection()


class ProxyFactory(Factory):
    """Makes a protocol for each client that may connect."""

    noisy = False

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def acceptableProtocols(self) -> list[bytes]:
        """What is agreed on where the way to us is in TLS: no HTTP/2 (RFC 7301)."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a client's side, or what tells it that there is no room."""
        host = getattr(addr, "host", "")
        reason = self.relay.crowd.admit(host)
        return ClientSide(self.relay, host) if reason is None else Turned(reason)


class Turned(Protocol):
    """A client that may not stay; it is told why."""

    transport: IWire  # type: ignore[assignment]

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connectionMade(self) -> None:
        """Say why and close."""
        told = Refuse(403 if "may not" in self._reason else 503, "clients", self._reason)
        self.transport.write(refusal.answer(told, None, close=True))
        self.transport.loseConnection()
