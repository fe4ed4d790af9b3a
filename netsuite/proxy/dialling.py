"""Connections to origins are made here: look up, judge, dial what was judged; or go by other proxies.

Theory.  A connection goes to an address that was judged in this attempt, and to no other: a name is not
resolved again between judgement and dialling.  ``connect_seconds`` is for the whole, from the look-up to the
end of a handshake with a proxy on the way; where there are several ways, each gets its share of what is left.

Through a ``socks5`` proxy the name is looked up and judged here, and the proxy is given an address.  A
``socks5h`` or ``http`` proxy is given the name and resolves it itself, so that only what needs no resolver is
judged here: an address in whatever spelling, and ``localhost``.  A hop's own address may be private, as the
administrator named it, but never one of our listeners.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet import defer, error
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.guard import AgainstRule, Forbidden, Guard
from netsuite.names import Names, ResolverFailed
from netsuite.proxy.chain import Chain, Hop, HopFailed
from netsuite.proxy.handshake import Handshake, handshake
from netsuite.proxy.route import Permit
from netsuite.race import Judge, Losers, Race, judged

if TYPE_CHECKING:
    from netsuite.http1.target import Target

#: Addresses of one name that a SOCKS proxy is asked for, one after the other.
ASKED_MAX = 4


class Dialling(Protocol):
    """A protocol that says when it is connected: ``greet`` is called by ``connectionMade``.

    ``address`` is the one dialled; ``way`` is the proxy that it goes through, ``hop`` the same one where that
    is to be asked in absolute form.
    """

    greet: Callable[[], None]
    address: str = ""
    way: Hop | None = None
    hop: Hop | None = None


class Dialler:
    """Connects protocols with targets."""

    def __init__(
        self, reactor: Any, guard: Guard, names: Names, chain: Chain, connect_seconds: float
    ) -> None:
        self._reactor, self.guard, self.names, self.chain = reactor, guard, names, chain
        self.connect_seconds = connect_seconds
        self._losers = Losers(reactor.seconds)

    def connect(
        self, target: Target, protocol: Dialling, *, tunnel: bool, permit: Permit | None = None
    ) -> defer.Deferred[None]:
        """Fires once ``protocol`` is connected with the target, in the turn of its ``connectionMade``.

        ``tunnel``: an http hop makes a tunnel; else the protocol's ``hop`` is set and it speaks to the hop.
        May be cancelled.  Fails with: Forbidden, DNSLookupError, ResolverFailed, HopFailed or another
        ConnectError.
        """
        if self.chain.has_hops:
            return defer.Deferred.fromCoroutine(self._by_ways(target, protocol, tunnel, permit))
        host = target.host.decode("ascii")
        ends = self._reactor.seconds() + self.connect_seconds
        try:
            addresses = [host] if is_literal(host) else self.names.known(host)
        except (DNSLookupError, ResolverFailed) as failure:
            return defer.fail(failure)
        if addresses is None:
            return defer.Deferred.fromCoroutine(self._direct(target, protocol, permit, ends))
        return self._race(addresses, target.port, self.guard.refusal, permit, protocol, ends)

    async def _direct(self, target: Target, protocol: Dialling, permit: Permit | None, ends: float) -> None:
        addresses = await self._addresses(target.host.decode("ascii"), ends)
        await self._race(addresses, target.port, self.guard.refusal, permit, protocol, ends)

    def _race(
        self,
        addresses: list[str],
        port: int,
        judge: Judge,
        permit: Permit | None,
        protocol: Any,
        ends: float,
    ) -> defer.Deferred[None]:
        return Race(self._reactor, addresses, port, judge, permit, protocol, ends, self._losers).run()

    async def _addresses(self, host: str, ends: float) -> list[str]:
        found = [host] if is_literal(host) else self.names.known(host)
        if found is not None:
            return found
        looking = self.names.look_up(host)
        looking.addTimeout(max(0.0, ends - self._reactor.seconds()), self._reactor, _silent)
        return await looking

    async def _by_ways(self, target: Target, protocol: Dialling, tunnel: bool, permit: Permit | None) -> None:
        ends = self._reactor.seconds() + self.connect_seconds
        ways = self.chain.hops(target.host)
        failure: Exception = ConnectError(string="no way")
        for left, hop in zip(range(len(ways), 0, -1), ways, strict=True):
            now = self._reactor.seconds()
            share = now + (ends - now) / left
            protocol.way = protocol.hop = None
            try:
                if hop is None:
                    await self._direct(target, protocol, permit, share)
                else:
                    await self._through(hop, target, protocol, tunnel, permit, share)
            except HopFailed as told:
                failure = told
                self.chain.failed(hop, told.blame)
            except (DNSLookupError, ResolverFailed, ConnectError) as told:
                failure = told
            else:
                self.chain.worked(hop)
                return
        raise failure

    async def _through(
        self, hop: Hop, target: Target, protocol: Dialling, tunnel: bool, permit: Permit | None, ends: float
    ) -> None:
        asked = await self._asked(hop, target, permit, ends)
        protocol.way = hop
        if hop.scheme == "http" and not tunnel:
            protocol.hop = hop
            await self._with_hop(hop, protocol, ends)
            return
        for host in asked:
            shaking = _Shaking(handshake(hop, host, target.port), hop, protocol, tunnel)
            try:
                await self._with_hop(hop, shaking, ends)
                shaking.done.addTimeout(max(0.0, ends - self._reactor.seconds()), self._reactor, shaking.late)
                await shaking.done
                return
            except ConnectError as told:
                if host == asked[-1] or (isinstance(told, HopFailed) and told.blame):
                    raise

    async def _with_hop(self, hop: Hop, protocol: Any, ends: float) -> None:
        """Connect with the hop itself.  Raises: HopFailed, OwnAddress."""
        try:
            addresses = await self._addresses(hop.host, ends)
            await self._race(addresses, hop.port, self.guard.own_refusal, None, protocol, ends)
        except DNSLookupError:
            raise HopFailed(f"the name of the upstream proxy {hop.place} was not found") from None
        except ResolverFailed as told:
            raise HopFailed(f"the upstream proxy {hop.place}: {told}") from None
        except error.ConnectionRefusedError:
            raise HopFailed(f"the upstream proxy {hop.place} refused the connection") from None
        except (error.TimeoutError, error.TCPTimedOutError):
            raise HopFailed(f"the upstream proxy {hop.place} did not answer in time") from None
        except ConnectError:
            raise HopFailed(f"the upstream proxy {hop.place} cannot be reached") from None

    async def _asked(self, hop: Hop, target: Target, permit: Permit | None, ends: float) -> list[str]:
        """Return what the hop is asked for, in turn.  Raises: Forbidden, and what a look-up does."""
        host = target.host.decode("ascii")
        if hop.scheme != "socks5":
            refusal = self.refusal_beyond(target, permit)
            if refusal is not None:
                raise refusal
            return [host]
        refusals: list[Forbidden] = []
        asked: list[str] = []
        for address in await self._addresses(host, ends):
            refusal = judged(self.guard.refusal, permit, address, target.port)
            if refusal is None:
                asked.append(address.partition("%")[0])
            else:
                refusals.append(refusal)
        if not asked:
            raise refusals[0]
        return asked[:ASKED_MAX]

    def refusal_beyond(self, target: Target, permit: Permit | None = None) -> Forbidden | None:
        """Return why a target whose name is resolved at the far end may not be asked for, None if it may."""
        address = written_address(target.host.decode("ascii"))
        if address is not None:
            return judged(self.guard.refusal, permit, address, target.port)
        told = permit("") if permit is not None else None
        return None if told is None else AgainstRule(told)


class _Shaking(Protocol):
    """A connection with a hop while it is asked; ``done`` fires once it is the real protocol's."""

    transport: Any
    greet: Callable[[], None]
    address = ""

    def __init__(self, script: Handshake, hop: Hop, protocol: Dialling, tunnel: bool) -> None:
        self._script, self._hop, self._protocol, self._tunnel = script, hop, protocol, tunnel
        self.done: defer.Deferred[None] = defer.Deferred(self._cancelled)
        self._over = False

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self._script.opening)
        self.greet()

    def dataReceived(self, data: bytes) -> None:
        """The hop says something."""
        if self._over:
            return
        try:
            said = self._script.feed(data)
            if self._script.rest and not self._tunnel:  # an answer before there was a question
                raise HopFailed(f"the upstream proxy {self._hop.place} sends what nobody asked for")
        except ConnectError as told:
            self._fail(told)
            return
        if said:
            self.transport.write(said)
        if self._script.rest is not None:
            self._hand_over()

    def _hand_over(self) -> None:
        protocol, transport = self._protocol, self.transport
        self._over = True
        self.transport = None
        protocol.address, protocol.greet = self.address, self._greeted
        transport.protocol = protocol
        protocol.makeConnection(transport)

    def _greeted(self) -> None:
        """The protocol has its connection; it hears what came early before anybody takes it over."""
        del self._protocol.greet
        if self._script.rest:
            self._protocol.dataReceived(self._script.rest)
        self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The hop closed before it had answered."""
        if not self._over:
            self._over = True
            self.done.errback(HopFailed(f"the upstream proxy {self._hop.place} closed the connection"))

    def late(self, result: object, seconds: float) -> Any:
        """Turn a cancellation by the time limit into its cause."""
        told = f"the upstream proxy {self._hop.place} did not answer in time"
        raise HopFailed(told, blame=self._script.silence)

    def _fail(self, why: ConnectError) -> None:
        self._over = True
        self.transport.abortConnection()
        self.done.errback(why)

    def _cancelled(self, done: object) -> None:
        self._over = True
        self.transport.abortConnection()


def _silent(result: object, seconds: float) -> Any:
    raise ResolverFailed("the resolver does not answer")


def is_literal(host: str) -> bool:
    """Return whether ``host`` is an address as it is written by the book."""
    if ":" in host:
        return True  # brackets around what is no IPv6 address were refused with the head
    if not host[-1:].isdigit():
        return False
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


def written_address(host: str) -> str | None:
    """Return the address that a host names without a resolver, in any spelling, None if it names none."""
    if is_literal(host):
        return host
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return socket.inet_ntoa(socket.inet_aton(name))  # 0x7f.1, 0177.1, 2130706433
    except (OSError, ValueError):
        return None
