"""Connections to origins that wait for another request, and the making of new ones.

A connection is kept for the origin it was made for (scheme, host and port) after an answer that both sides
could frame, at most ``IDLE_EACH`` an origin, ``IDLE_ALL`` in all and ``IDLE_SECONDS`` long; the youngest is
taken first, being the likeliest to live.  Through other proxies: an ``http`` one's connections serve all
origins that go by it, a SOCKS one's the origin that it was asked for.

Connections were judged when they were made.  After a reload other rules may hold, so none made before it
serves another request: what waits is closed at once, what is in use when it comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsuite.proxy.chain import Hop
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.route import Permit
from netsuite.proxy.secure import Secure, SecureUpstream
from netsuite.proxy.tunnel import FarSide
from netsuite.proxy.upstream import UpstreamSide

if TYPE_CHECKING:
    from netsuite.http1.limits import Limits
    from netsuite.http1.target import Target

Origin = tuple[bytes, int]

IDLE_EACH = 128
IDLE_ALL = 512
IDLE_SECONDS = 30.0

#: Origins remembered as speaking HTTP/1.0.
OLD_MAX = 1024


def key(target: Target, way: Hop | None) -> Origin:
    """Return what tells apart the connections that must not serve for each other."""
    if way is None:
        return target.origin
    if way.scheme == "http" and target.scheme != b"https":
        return (way.key, 0)
    host, port = target.origin
    return (b"%b %b" % (way.key, host), port)


class Pool:
    """Gives an origin's connection to an exchange and takes it back."""

    def __init__(self, reactor: Any, dialler: Dialler, limits: Limits) -> None:
        self._reactor, self.dialler, self.limits = reactor, dialler, limits
        self._idle: dict[Origin, list[UpstreamSide]] = {}
        self._waiting = 0
        self._stale: set[UpstreamSide] = set()
        self.open: set[UpstreamSide] = set()
        self.old_origins: dict[Origin, None] = {}
        self._secure = Secure(reactor)

    def connected(self, upstream: UpstreamSide) -> None:
        """Count an open connection; it has to be used soon."""
        upstream.idle_until = self._reactor.seconds() + IDLE_SECONDS
        self.open.add(upstream)

    def take(self, target: Target, permit: Permit | None = None) -> UpstreamSide | None:
        """Return a waiting connection to an origin, None if there is none.

        ``permit`` judges its address once more: what one user may reach another may not.
        """
        chain = self.dialler.chain
        way = chain.first(target.host) if chain.has_hops else None
        waiting = self._idle.get(key(target, way))
        if not waiting:
            return None
        if way is not None and (permit is not None or self.dialler.refusal_beyond(target) is not None):
            return None  # who dials looks closer
        if permit is not None and permit(waiting[-1].address) is not None:
            return None
        self._waiting -= 1
        upstream = waiting.pop()
        if not waiting:
            del self._idle[upstream.origin]
        return upstream

    def give(self, upstream: UpstreamSide) -> None:
        """Keep a connection for the origin's next request, or close it where too many are kept."""
        if upstream in self._stale:
            upstream.transport.loseConnection()
            return
        waiting = self._idle.setdefault(upstream.origin, [])
        if len(waiting) >= IDLE_EACH or self._waiting >= IDLE_ALL:
            if not waiting:
                del self._idle[upstream.origin]
            upstream.transport.loseConnection()
            return
        upstream.idle_until = self._reactor.seconds() + IDLE_SECONDS
        waiting.append(upstream)
        self._waiting += 1

    def note_version(self, target: Target, *, is_old: bool) -> None:
        """Remember whether an origin answered in HTTP/1.0, so that it gets no chunks (RFC 9112 §6.1)."""
        origin = target.origin
        self.old_origins.pop(origin, None)
        if is_old:
            if len(self.old_origins) >= OLD_MAX:
                del self.old_origins[next(iter(self.old_origins))]
            self.old_origins[origin] = None

    def is_old(self, target: Target) -> bool:
        """Return whether an origin's last answer was in HTTP/1.0."""
        return target.origin in self.old_origins

    def lost(self, upstream: UpstreamSide) -> None:
        """Forget a connection that is gone."""
        self.open.discard(upstream)
        self._stale.discard(upstream)
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
        for upstream in [
            upstream for upstream in self.open if upstream.is_free and upstream.idle_until <= now
        ]:
            upstream.transport.loseConnection()  # nobody's: a fault came between its making and its use

    def close(self) -> None:
        """Close every waiting connection."""
        for waiting in list(self._idle.values()):
            for upstream in list(waiting):
                upstream.transport.loseConnection()

    def flush(self) -> None:
        """Give no connection again that was made until now."""
        for waiting in list(self._idle.values()):
            for upstream in list(waiting):
                upstream.transport.loseConnection()
                self.lost(upstream)
        self._stale.update(self.open)

    async def fresh(self, target: Target, permit: Permit | None = None) -> UpstreamSide:
        """Return a new connection to the target's origin.

        Raises: as ``Dialler.connect``; TlsFailed.
        """
        dialler = self.dialler
        if target.scheme == b"https":
            upstream = await self._fresh_in_tls(dialler, target, permit)
        else:
            upstream = UpstreamSide(self, key(target, None), self.limits)
            await dialler.connect(target, upstream, tunnel=False, permit=permit)
        if dialler is not self.dialler:
            self._stale.add(upstream)
        if upstream.way is not None:
            upstream.origin = key(target, upstream.way)
        return upstream

    async def _fresh_in_tls(self, dialler: Dialler, target: Target, permit: Permit | None) -> UpstreamSide:
        far = FarSide()
        await dialler.connect(target, far, tunnel=True, permit=permit)
        upstream = SecureUpstream(self, key(target, None), self.limits, target, self._secure)
        upstream.address, upstream.way = far.address, far.way
        await self._secure.over(far.transport, upstream, dialler.connect_seconds)
        return upstream
