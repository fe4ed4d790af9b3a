"""A client's connection: requests one after the other, each an exchange, or one tunnel.

Theory.  Bytes that arrive belong to the head that is awaited, to the body of the request under way, or,
when that one is whole, to later requests, which wait (``_waiting``) until its answer is sent: answers leave
in the order of requests (RFC 9112 §9.3.2).  What waits is bounded; past the bound the connection is not
read.  A client that has sent its FIN still gets its answer (§9.6).
"""

from __future__ import annotations

from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionDone, DNSLookupError
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import NEVER
from netsuite.glue import End, join
from netsuite.guard import Forbidden
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, RequestHead, parse_request
from netsuite.http1.target import Target
from netsuite.proxy import refusal
from netsuite.proxy.dialling import Dialling
from netsuite.proxy.exchange import Exchange, refusal_of
from netsuite.proxy.relay import Relay
from netsuite.proxy.route import Forward, Refuse, Tunnel, decide
from netsuite.wire import IWire

#: Bytes of later requests that wait while one is answered.
WAITING_MAX = 64 * 1024

_ESTABLISHED = b"HTTP/1.1 200 Connection Established\r\n\r\n"


@implementer(IHalfCloseableProtocol)
class FarSide(Dialling):
    """A tunnel's connection to its target."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport
    end: End | None = None

    def connectionMade(self) -> None:
        """Say so; nothing is read until the client has been told."""
        self.transport.pauseProducing()
        self.greet()

    def dataReceived(self, data: bytes) -> None:
        """Hand on."""
        if self.end is not None:
            self.end.received(data)

    def readConnectionLost(self) -> None:
        """The target sends no more."""
        if self.end is not None:
            self.end.read_closed()

    def writeConnectionLost(self) -> None:
        """Our FIN is sent; the other direction goes on."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other end follows."""
        if self.end is not None:
            self.end.lost(aborted=not reason.check(ConnectionDone))


@implementer(IHalfCloseableProtocol)
class ClientSide(Protocol):
    """A client's connection."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, relay: Relay, host: str) -> None:
        self.relay, self._host = relay, host
        self.shown = host if relay.show_client else "-"
        self.deadline = self.ends = NEVER
        self.busy = False
        self.closing = False
        self.end: End | None = None
        self._exchange: Exchange | None = None
        self._held = False  # a log-in or a tunnel's connection is awaited
        self._waiting = b""
        self._gone = False
        self._is_last = False  # the client has sent its FIN
        self._reading = False
        self._heads: HeadReader[RequestHead] = HeadReader(parse_request, relay.limits)
        self._tunnel: tuple[int, Target, float, FarSide] | None = None

    def now(self) -> float:
        """Return the reactor's seconds."""
        return float(self.relay.reactor.seconds())

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""
        self.deadline = self.relay.reactor.seconds() + self.relay.times.idle

    def connectionMade(self) -> None:
        """Be counted; a head has to come in time."""
        self.relay.crowd.enter(self, self._host)
        self.deadline = self.now() + self.relay.times.header

    def dataReceived(self, data: bytes) -> None:
        """Bytes go where they belong."""
        if self.end is not None:
            self.end.received(data)
            return
        exchange = self._exchange
        if exchange is not None:
            rest = exchange.upload(data)
            if not rest:
                return
            data = rest
        if self._held or self._exchange is not None:
            self._waiting += data
            if len(self._waiting) > WAITING_MAX:
                self.transport.pauseProducing()
            return
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Read requests until one has to be waited for; those refused at once cost no depth of calls."""
        self._reading = True
        try:
            self._read_on(data)
        finally:
            self._reading = False

    def _read_on(self, data: bytes) -> None:
        while data and not self.closing and not self._gone:
            if not self.busy:
                self.busy = True
                self.deadline = self.now() + self.relay.times.header
            try:
                found = self._heads.feed(data)
            except BadMessage as error:
                self._refuse(Refuse(error.status, "message", error.reason), None)
                return
            if found is None:
                return
            head, data = found
            self._waiting = data
            self._begin(head)
            if self._held or self._exchange is not None or self.end is not None:
                return
            data, self._waiting = self._waiting, b""

    def _begin(self, head: RequestHead) -> None:
        access = self.relay.access
        if access is None:
            self._route(head)
            return
        credentials = head.combined.get(b"proxy-authorization")
        if credentials is None:
            self._refuse(Refuse(407, "auth", "a user name and password are needed"), head)
        elif access.remembered(credentials) is not None:
            self._route(head)
        else:
            self._held = True
            self.deadline = NEVER
            journal.detach(defer.Deferred.fromCoroutine(self._log_in(head, credentials)), where="login")

    async def _log_in(self, head: RequestHead, credentials: bytes) -> None:
        user = await self.relay.access.check(credentials, self._host) if self.relay.access else None
        self._held = False
        if self._gone:
            return
        if user is None:
            self._refuse(Refuse(407, "auth", "the user name or password is wrong"), head)
        else:
            self._route(head)
        self._go_on()

    def _route(self, head: RequestHead) -> None:
        decision = decide(head, self.relay.rules)
        if isinstance(decision, Refuse):
            self._refuse(decision, head)
        elif self.relay.via.loops(head, decision.target):
            self._refuse(Refuse(508, "loop", "this request has been here before (Via)"), head)
        elif isinstance(decision, Forward):
            self._forward(head, decision)
        else:
            self._open_tunnel(head, decision)

    def _forward(self, head: RequestHead, decision: Forward) -> None:
        self.deadline = NEVER  # connecting has a limit of its own
        exchange = self._exchange = Exchange(self, head, decision.target)
        data, self._waiting = self._waiting, b""
        if data and not exchange.is_sent:
            self._waiting = exchange.upload(data) or b""
        else:
            self._waiting = data
        if self._exchange is exchange:  # its body may have been refused already
            exchange.start()

    # refusals and ends, called by ourselves and by the exchange

    def write_refusal(self, told: Refuse, head: RequestHead | None, number: int, *, close: bool) -> None:
        """Send an answer of ours, and log why."""
        self.relay.tally.add("refusals", told.cause)
        journal.request_refused(
            conn=number, client=self.shown, status=told.status, cause=told.cause, reason=told.reason
        )
        self.transport.write(refusal.answer(told, head, close=close))

    def _refuse(self, told: Refuse, head: RequestHead | None) -> None:
        has_body = head is not None and (head.chunked or bool(head.length))
        close = head is None or has_body or not head.keep_alive or head.method == b"CONNECT"
        self.write_refusal(told, head, self.relay.next_number(), close=close)
        self.busy = False
        self._settle(close)

    def exchange_done(self, *, close: bool) -> None:
        """An exchange has ended and its answer is sent; the next request may be read."""
        self._exchange = None
        self.busy = False
        self._settle(close or self._gone)
        self._go_on()

    def exchange_cut(self, *, reset: bool) -> None:
        """An exchange has ended in the middle of its answer."""
        self._exchange = None
        self.closing = True
        if reset:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _settle(self, close: bool) -> None:
        if close or self.closing:
            self.closing = True
            self.deadline = self.now() + self.relay.times.idle
            self.transport.loseConnection()
        else:
            self.touch()

    def _go_on(self) -> None:
        if self._reading or self._held or self._exchange is not None or self.closing:
            return
        data, self._waiting = self._waiting, b""
        self.transport.resumeProducing()
        if data:
            self._read(data)
        if self._is_last and not self._held and self._exchange is None and self.end is None:
            self._settle(True)

    # tunnels

    def _open_tunnel(self, head: RequestHead, decision: Tunnel) -> None:
        self._held = True
        self.deadline = NEVER
        self.transport.pauseProducing()
        journal.detach(defer.Deferred.fromCoroutine(self._tunnel_to(head, decision.target)), where="tunnel")

    async def _tunnel_to(self, head: RequestHead, target: Target) -> None:
        number, far = self.relay.next_number(), FarSide()
        try:
            await self.relay.pool.dialler.connect(target, far, tunnel=True)
        except (Forbidden, DNSLookupError, ConnectError) as error:
            if not self._gone:
                self._held = False
                self._refuse(refusal_of(error, journal.escaped(target.host)), head)
                self.transport.resumeProducing()
            return
        if self._gone:
            far.transport.abortConnection()
            return
        self._tunnel = (number, target, self.now(), far)
        self._peer = far.address
        self.transport.write(_ESTABLISHED)
        self.end, far.end = join(self.transport, far.transport, self.touch)
        self.relay.hooks.on_tunnel(number, target.host.decode("ascii"), target.port)
        self.tunnelled()
        self.transport.resumeProducing()
        far.transport.resumeProducing()

    def tunnelled(self) -> None:
        """The connection is a tunnel from now on; what came early is sent on."""
        self._held, self._exchange = False, None
        self.relay.tally.add("tunnels")
        self.touch()
        early, self._waiting = self._waiting, b""
        if early and self.end is not None:
            self.end.received(early)

    def _tunnel_ended(self) -> None:
        if self._tunnel is None or self.end is None:
            return
        number, target, started, _far = self._tunnel
        self.relay.log.tunnel(
            conn=number,
            client=self.shown,
            target=journal.escaped(b"%b:%d" % (target.host, target.port)),
            sent=self.end.count,
            received=self.end.other.count,
            seconds=self.now() - started,
            peer=self._peer,
        )

    # what the connection tells

    def readConnectionLost(self) -> None:
        """The client sends no more; whole requests are answered all the same."""
        exchange = self._exchange
        if self.end is not None:
            self.end.read_closed()
        elif self._held or (exchange is not None and exchange.is_sent):
            self._is_last = True
            self.closing = self.closing or not self._waiting
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
        if self.end is not None:
            self.end.lost(aborted=not reason.check(ConnectionDone))
            self._tunnel_ended()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_lost()

    # what the crowd asks

    def overdue(self) -> None:
        """Silent for too long: tell the client if a head or an answer was awaited."""
        self.deadline = NEVER
        if self._exchange is not None:
            self._exchange.timed_out()
        elif self.busy and self.end is None and not self.closing:
            self._refuse(Refuse(408, "timeout", "the request's head did not come in time"), None)
        else:
            self.transport.abortConnection()

    def drain(self) -> None:
        """Close after the answer under way, or now."""
        self.closing = True
        if self._exchange is None and self.end is None and not self._held:
            self.transport.loseConnection()

    def shut(self) -> None:
        """Close now."""
        self.transport.abortConnection()


class ProxyFactory(Factory):
    """Makes a protocol for each client that may connect."""

    noisy = False

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a client's side, or what tells it that there is no room."""
        host = getattr(addr, "host", "")
        reason = self.relay.crowd.admit(host)
        return ClientSide(self.relay, host) if reason is None else Turned(reason)


class Turned(Protocol):
    """A client that may not stay; it is told why."""

    transport: Any

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connectionMade(self) -> None:
        """Say why and close."""
        told = Refuse(403 if "may not" in self._reason else 503, "clients", self._reason)
        self.transport.write(refusal.answer(told, None, close=True))
        self.transport.loseConnection()
