"""Tunnels: the connection to a target, and its joining with the client's (RFC 9110 §9.3.6, §7.8).

Where both connections are plain sockets the kernel moves the bytes and nothing of the two protocols is kept
(``netsuite.splice``); over TLS, or where a client's bandwidth is limited, bytes pass through us
(``netsuite.glue``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import splice
from netsuite.crowd import NEVER
from netsuite.glue import End, join
from netsuite.http1.target import Target
from netsuite.proxy.dialling import Dialling
from netsuite.wire import IWire

if TYPE_CHECKING:
    from netsuite.proxy.client import ClientSide
    from netsuite.proxy.relay import Relay


@implementer(IHalfCloseableProtocol)
class FarSide(Dialling):
    """A tunnel's connection to its target.  ``early``: what the target said before there was a tunnel."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport
    end: End | None = None
    early = b""

    def connectionMade(self) -> None:
        """Say so."""
        self.greet()

    def dataReceived(self, data: bytes) -> None:
        """Hand on."""
        if self.end is not None:
            self.end.received(data)
        else:
            self.early += data

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


class Far(Protocol):
    """What a tunnel's other side is: a FarSide, or an origin's connection that changed protocols."""

    transport: IWire
    end: End | None


class Record(NamedTuple):
    """What is told of a tunnel when it has ended."""

    relay: Relay
    number: int
    client: str
    target: Target
    peer: str
    started: float

    def ended(self, sent: int, received: int) -> None:
        """Count and log."""
        relay = self.relay
        seconds = relay.reactor.seconds() - self.started
        relay.meter.tunnel(sent, received)
        relay.log.tunnel(self.number, self.client, self.target, sent, received, seconds, self.peer)


def open_tunnel(client: ClientSide, far: Far, record: Record, early: bytes, late: bytes) -> None:
    """Join a client's connection with another; ``early``: the client's bytes, ``late``: the other side's."""
    relay, target = record.relay, record.target
    try:
        relay.hooks.on_tunnel(record.number, target.host.decode("ascii"), target.port)
    except Exception:
        far.transport.abortConnection()
        raise
    relay.meter.tunnels_open += 1
    total = relay.times.total
    ends = relay.reactor.seconds() + total if total else NEVER
    if relay.bandwidth is None and splice.can_join(client.transport, far.transport):
        relay.crowd.leave(client)
        tunnel = splice.Tunnel(
            relay.reactor, client.transport, far.transport, relay.times.idle, _spliced_ended, record
        )
        tunnel.ends = ends
        relay.crowd.enter(tunnel, client.host)
        tunnel.start(early, late)
        return
    spend = None
    if relay.bandwidth is not None:
        bandwidth, clock, host = relay.bandwidth, relay.reactor, client.host

        def spend(count: int) -> float:
            wait = bandwidth.spend(host, count, clock.seconds())
            client.deadline += wait  # nobody is silent who may not speak
            return wait

    client.end, far.end = join(
        client.transport, far.transport, client.touch, spend=spend, reactor=relay.reactor
    )
    client.ends = ends
    if early:
        client.end.received(early)
    if late:
        far.end.received(late)
    if client.is_last:
        client.end.read_closed()
    client.transport.resumeProducing()
    far.transport.resumeProducing()


def _spliced_ended(tunnel: splice.Tunnel) -> None:
    record: Record = tunnel.note
    record.relay.crowd.leave(tunnel)
    record.ended(tunnel.left.count, tunnel.right.count)
