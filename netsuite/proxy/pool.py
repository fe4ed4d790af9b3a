"""Connections to origins: those that wait for another request, and the making of new ones.

A connection is kept for the origin it was made for (scheme, host and port) after an answer that both sides
could frame, at most ``IDLE_EACH`` an origin, ``IDLE_ALL`` in all and ``IDLE_SECONDS`` long; the youngest is
taken first, being the likeliest to live.  A new connection goes to an address that the guard has judged, in
this attempt, and to no other: names are not resolved again between judgement and dialling.  Addresses are
tried one after the other until one answers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet import defer
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from netsuite.guard import Guard
from netsuite.proxy.upstream import Dialling, UpstreamSide
from netsuite.wire import dial

if TYPE_CHECKING:
    from netsuite.http1.limits import Limits
    from netsuite.http1.target import Target

Origin = tuple[bytes, int]

IDLE_EACH = 32
IDLE_ALL = 512
IDLE_SECONDS = 30.0


class _Dialled(ClientFactory):
    """One attempt; ``done`` fires once the protocol is connected."""

    noisy = False

    def __init__(self, protocol: Dialling, done: defer.Deferred[None]) -> None:
        self._protocol, self._done = protocol, done
        protocol.greet = partial(done.callback, None)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._done.errback(reason)


class Pool:
    """Gives an origin's connection to an exchange and takes it back."""

    def __init__(self, reactor: Any, guard: Guard, limits: Limits, connect_seconds: float) -> None:
        self._reactor, self._guard, self._limits = reactor, guard, limits
        self.connect_seconds = connect_seconds
        self._idle: dict[Origin, list[UpstreamSide]] = {}
        self._waiting = 0
        self.open: set[UpstreamSide] = set()

    def take(self, target: Target) -> UpstreamSide | None:
        """Return a waiting connection to an origin, None if there is none."""
        origin = (target.host, target.port)
        waiting = self._idle.get(origin)
        if not waiting:
            return None
        self._waiting -= 1
        upstream = waiting.pop()
        if not waiting:
            del self._idle[origin]
        return upstream

    def give(self, upstream: UpstreamSide) -> None:
        """Keep a connection for the origin's next request, or close it where too many are kept."""
        waiting = self._idle.setdefault(upstream.origin, [])
        if len(waiting) >= IDLE_EACH or self._waiting >= IDLE_ALL:
            if not waiting:
                del self._idle[upstream.origin]
            upstream.transport.loseConnection()
            return
        upstream.idle_until = self._reactor.seconds() + IDLE_SECONDS
        waiting.append(upstream)
        self._waiting += 1

    def lost(self, upstream: UpstreamSide) -> None:
        """Forget a connection that is gone."""
        self.open.discard(upstream)
        waiting = self._idle.get(upstream.origin)
        if waiting and upstream in waiting:
            waiting.remove(upstream)
            self._waiting -= 1
            if not waiting:
                del self._idle[upstream.origin]

    def sweep(self, now: float) -> None:
        """Close what has waited long enough."""
        for waiting in list(self._idle.values()):
            for upstream in [upstream for upstream in waiting if upstream.idle_until <= now]:
                upstream.transport.loseConnection()
                self.lost(upstream)

    def close(self) -> None:
        """Close every waiting connection."""
        for waiting in list(self._idle.values()):
            for upstream in list(waiting):
                upstream.transport.loseConnection()

    async def connect(self, target: Target, protocol: Dialling) -> str:
        """Connect ``protocol`` with the target; return the address dialled.

        Raises: Forbidden, DNSLookupError, ConnectError (of the last address tried).
        """
        addresses = await self._guard.addresses(self._reactor, target.host.decode("ascii"), target.port)
        failure = ConnectError(string="no address")
        for address in addresses:
            done: defer.Deferred[None] = defer.Deferred()
            dial(self._reactor, address, target.port, _Dialled(protocol, done), self.connect_seconds)
            try:
                await done
            except ConnectError as error:
                failure = error
            else:
                return address
        raise failure

    async def fresh(self, target: Target) -> UpstreamSide:
        """Return a new connection to the target's origin.  Raises: as ``connect``."""
        upstream = UpstreamSide(self, (target.host, target.port), self._limits)
        upstream.address = await self.connect(target, upstream)
        return upstream
