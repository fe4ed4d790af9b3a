"""How a connection with a place comes about: names looked up, addresses tried in turn, TLS on top, in time.

Theory.  A place's name is looked up once.  Its addresses are tried in turn, the families alternating,
``APART`` seconds between the starts and at once when an attempt fails; the first that is ready wins and the
others are closed (RFC 8305).  With TLS an attempt is ready when the peer has proved itself.  If all fail, the
error told is that of the attempt that came furthest (``furthest``): a refusal says more than silence.  One
limit of time holds for everything together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from twisted.internet import defer, error
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.dial import dial
from netsuite.names import Names, ResolverFailed
from netsuite.outcome import Outcome
from netsuite.race import APART, interleaved
from netsuite.reach.line import Line, Plain, abandon
from netsuite.reach.place import Place, is_address
from netsuite.reach.trust import Secure, Trust
from netsuite.resolving.server import Server, parse_server

#: Seconds that a DNS server gets for one family once it has told of the other.
PATIENCE = 2.0

#: Which share of a connection's time the resolver gets: then it is known whose silence it is.
LOOKUP_SHARE = 0.9

#: Which cause says most of a place, where its addresses fail by different ones.
_FURTHEST = ("no", "tls", "auth", "lost", "refused", "timeout", "unreachable")


class Through(Protocol):
    """A proxy on the way."""

    @property
    def place(self) -> Place:
        """Where the proxy is."""

    def ask(self, line: Line, place: Place) -> defer.Deferred[Line]:
        """Fires with the line to ``place`` that the proxy at the end of ``line`` makes of it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How connections are made.

    ``seconds``: for a connection, all in all; ``family``: 4, 6 or 0 for both; ``source``: our own address;
    ``trust``: TLS, None for none; ``through``: a proxy; ``resolver``: a DNS server, None for the system's;
    ``judge``: asked just before an address is dialled, returns why that may not be (the guard).
    """

    seconds: float = 10.0
    family: int = 0
    source: str | None = None
    trust: Trust | None = None
    through: Through | None = None
    resolver: str | None = None
    judge: Callable[[str, int], Exception | None] | None = None


class Reach:
    """Makes connections by one way.  Raises: BadTrust for TLS files that can't be used."""

    def __init__(self, reactor: Any, way: Way, names: Names | None = None) -> None:
        self.reactor, self.way = reactor, way
        self.names = names or _names(reactor, way.resolver)
        self.secure = None if way.trust is None else Secure(reactor, way.trust)

    def connect(self, place: Place, factory: IProtocolFactory) -> defer.Deferred[Any]:
        """Fires with ``factory``'s protocol, connected with a place; may be cancelled.  Fails as ``line``."""
        return self.line(place).addCallback(_carried, factory)

    def line(self, place: Place, *, plain: bool = False) -> defer.Deferred[Line]:
        """Fires with a line to the first address of a place that is ready; may be cancelled.

        ``plain``: TLS is put on it later, if at all.  Fails with: DNSLookupError, ResolverFailed, and as
        ``attempt`` does.
        """
        return self.in_time(defer.Deferred.fromCoroutine(self._line(place, plain)))

    async def _line(self, place: Place, plain: bool) -> Line:
        if place.path is not None or self.way.through is not None:
            return await self._attempted(place, None, plain)
        attempt = partial(self.attempt, place, plain=plain)
        return await Race(self.reactor, attempt, await self.addresses(place)).done

    async def addresses(self, place: Place) -> list[str]:
        """Return a place's addresses of the way's family, in the order to try them.

        Raises: DNSLookupError if there are none, ResolverFailed if that is not known.
        """
        name = place.typed or place.host
        try:
            literal = is_address(place.host)
            found = [place.host] if literal else await self._looked_up(place.host)
        except DNSLookupError:
            raise DNSLookupError(f"address {name!r} not found") from None
        wanted = [one for one in found if self.way.family in (0, 6 if ":" in one else 4)]
        if not wanted:
            raise DNSLookupError(f"address {name!r} is none of IPv{self.way.family}")
        return interleaved(dict.fromkeys(wanted))

    def _looked_up(self, host: str) -> defer.Deferred[list[str]]:
        known = self.names.known(host)
        if known is not None:
            return defer.succeed(known)
        seconds = self.way.seconds * LOOKUP_SHARE
        return self.names.look_up(host).addTimeout(seconds, self.reactor, _silent)

    def attempt(self, place: Place, address: str | None, *, plain: bool = False) -> defer.Deferred[Line]:
        """Fires with a line to one address of a place, TLS and all; may be cancelled.

        ``address``: None for a path, or by way of a proxy; ``plain``: TLS is put on it later, if at all.
        Fails with: ConnectError kinds, TlsFailed, ConnectionClosed kinds.
        """
        return self.in_time(defer.Deferred.fromCoroutine(self._attempted(place, address, plain)))

    async def _attempted(self, place: Place, address: str | None, plain: bool = False) -> Line:
        if self.way.through is None:
            line: Line = await self._open(place, address)
        else:
            near = Reach(self.reactor, Way(self.way.seconds, self.way.family, self.way.source), self.names)
            line = await self.way.through.ask(await near.line(self.way.through.place), place)
        if self.secure is None or plain:
            return line
        return await self.secure.shake(line, place.host or "localhost")

    def _open(self, place: Place, address: str | None) -> defer.Deferred[Line]:
        refusal = None if self.way.judge is None else self.way.judge(str(address), place.port)
        if refusal is not None:
            return defer.fail(refusal)
        opening = _Opening()
        late = self.way.seconds + 1  # we are later than whoever waits for us
        if place.path is not None:
            opening.connector = self.reactor.connectUNIX(place.path, opening, late)
        else:
            opening.connector = dial(
                self.reactor, str(address), place.port, opening, late, source=self.way.source
            )
        return opening.done

    def in_time(self, waiting: defer.Deferred[Any]) -> defer.Deferred[Any]:
        """Return ``waiting``, which fails with TimeoutError when the way's seconds are over."""
        return waiting.addTimeout(self.way.seconds, self.reactor, _late)

    def within(self, seconds: float) -> Reach:
        """Return what makes connections by the same way with another limit of time."""
        other = Reach.__new__(Reach)
        other.reactor, other.names, other.secure = self.reactor, self.names, self.secure
        other.way = replace(self.way, seconds=seconds)
        return other


def _names(reactor: Any, resolver: str | None) -> Names:
    """Return what looks names up: both families' addresses count, so that the slower one is waited for."""
    if resolver is None:
        return Names(reactor)
    return Names(reactor, ask=Server(reactor, *parse_server(resolver), patience=PATIENCE).ask)


def _late(result: object, seconds: float) -> Any:
    """Fail: by silence, or by what cancelling made of it."""
    if isinstance(result, Failure) and not result.check(defer.CancelledError):
        return result
    raise error.TimeoutError(f"no answer in {seconds:g} s")


def _silent(result: object, seconds: float) -> Any:
    raise ResolverFailed(f"the resolver does not answer in {seconds:g} s")


def _carried(line: Line, factory: IProtocolFactory) -> IProtocol:
    protocol = factory.buildProtocol(line.transport.getPeer())
    if protocol is None:
        abandon(line)
        raise error.NoProtocol
    line.carry(protocol)
    return protocol


@implementer(IStreamClientEndpoint)
class Endpoint:
    """A place as Twisted's endpoints are: for ``Agent`` and its like."""

    def __init__(self, reach: Reach, place: Place) -> None:
        self._reach, self._place = reach, place

    def connect(self, protocolFactory: IProtocolFactory) -> defer.Deferred[Any]:
        """Fires with the factory's protocol, connected; may be cancelled."""
        return self._reach.connect(self._place, protocolFactory)


class _Opening(ClientFactory):
    """A connection that is dialled; ``done`` fires with it as a line."""

    noisy = False

    def __init__(self) -> None:
        self.connector: Any = None
        self._is_over = False
        self.done: defer.Deferred[Line] = defer.Deferred(self._cancelled)

    def buildProtocol(self, addr: IAddress | None) -> Plain:
        self._is_over = True
        return Plain(self.done)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        if not self._is_over:
            self._is_over = True
            self.done.errback(reason)

    def _cancelled(self, done: object) -> None:
        if not self._is_over:
            self._is_over = True
            self.connector.stopConnecting()


class Race:
    """Attempts with several addresses; ``done`` fires with the first line that is ready, or fails."""

    def __init__(
        self, reactor: Any, attempt: Callable[[str], defer.Deferred[Line]], addresses: Sequence[str]
    ) -> None:
        self._reactor, self._attempt = reactor, attempt
        self._left = list(addresses)
        self._running: list[defer.Deferred[Any]] = []
        self._errors: list[BaseException] = []
        self._timer: Any = None
        self._is_over = False
        self.done: defer.Deferred[Line] = defer.Deferred(lambda _: self._end())
        self._next()

    def _next(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        running = self._attempt(self._left.pop(0))
        self._running.append(running)
        if self._left:
            self._timer = self._reactor.callLater(APART, self._next)
        running.addCallbacks(self._won, self._failed, callbackArgs=(running,), errbackArgs=(running,))

    def _won(self, line: Line, running: defer.Deferred[Any]) -> None:
        if self._is_over:
            abandon(line)
            return
        self._running.remove(running)
        self._end()
        self.done.callback(line)

    def _failed(self, failure: Failure, running: defer.Deferred[Any]) -> None:
        if self._is_over:
            return
        self._running.remove(running)
        self._errors.append(failure.value or RuntimeError("no reason"))
        if self._left:
            self._next()
        elif not self._running:
            self._end()
            self.done.errback(furthest(self._errors))

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for running in self._running:
            running.cancel()


def furthest(errors: Sequence[BaseException]) -> BaseException:
    """Return, of the errors of a place's addresses, that of the one that came furthest; of two the first."""
    return min(errors, key=lambda error: _rank(Outcome.of(error)))


def furthest_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Return, of failed outcomes, that of the one that came furthest; of two the first."""
    return min(outcomes, key=_rank)


def _rank(outcome: Outcome) -> int:
    return _FURTHEST.index(outcome.cause) if outcome.cause in _FURTHEST else len(_FURTHEST)
