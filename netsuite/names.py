"""Names to addresses, remembered for a bounded time; by one DNS server, or by the system's resolver.

Theory.  A name is looked up once however many ask for it meanwhile, and what was found is kept: as long as
its records say, within ``SECONDS_MIN`` and ``SECONDS_MAX``, or a fixed short time where the system's resolver
was asked, which does not say.  That a name does not exist is kept too, and, very shortly, that the resolver
failed.  What is kept says nothing about what may be dialled: the guard judges each address on every use.

``LOOKUPS_MAX`` look-ups run at a time and ``WAITING_MAX`` wait; whoever asks has an answer after
``LOOKUP_SECONDS``, be it that there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet import defer
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.resolving.answer import Found
from netsuite.resolving.answer import ResolverFailed as ResolverFailed
from netsuite.resolving.server import Server
from netsuite.resolving.server import parse_server as parse_server
from netsuite.resolving.system import System

#: Addresses of one name that are looked at; a resolver may answer hundreds.
ADDRESSES_MAX = 16

#: Names that are remembered, look-ups at a time (a thread or a socket each), names that wait for one.
NAMES_MAX = 4096
LOOKUPS_MAX = 128
WAITING_MAX = 1024

#: Seconds: least and most that an answer holds; most that "no such name" holds; that a failure holds.
SECONDS_MIN, SECONDS_MAX = 1.0, 3600.0
ABSENT_MAX = 300.0
FAILED_SECONDS = 2.0

#: Seconds after which whoever asked is told that the resolver does not answer.
LOOKUP_SECONDS = 9.0

#: Looks one name up; fires with Found, or fails with ResolverFailed.
Ask = Callable[[str], "defer.Deferred[Found]"]


class Names:
    """Looks names up and remembers what was found.

    ``server``: the DNS server to ask, None for the system's resolver; ``ask``: what looks up instead of both.
    """

    def __init__(self, reactor: Any, server: str | None = None, *, ask: Ask | None = None) -> None:
        self._reactor = reactor
        if ask is None:
            ask = System(reactor).ask if server is None else Server(reactor, *parse_server(server)).ask
        self._ask = ask
        self._kept: dict[str, tuple[float, tuple[str, ...] | ResolverFailed]] = {}
        self._asked: dict[str, _Lookup] = {}
        self._queue: dict[str, _Lookup] = {}
        self._running = 0

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return a name's addresses, at most 16.

        Raises: DNSLookupError if there are none, ResolverFailed if that is not known.
        """
        found = self.known(host)
        return await self.look_up(host) if found is None else found

    def known(self, host: str) -> list[str] | None:
        """Return what is remembered of a name, None if nothing is.  Raises: as ``addresses``."""
        kept = self._kept.get(host)
        if kept is None or kept[0] <= self._reactor.seconds():
            return None
        return _told(host, kept[1])

    def look_up(self, host: str) -> defer.Deferred[list[str]]:
        """Fires with a name's addresses, looked up now or by whoever asked before; may be cancelled.

        Fails as ``addresses`` does.
        """
        lookup = self._asked.get(host)
        if lookup is None:
            if self._running >= LOOKUPS_MAX and len(self._queue) >= WAITING_MAX:
                return defer.fail(ResolverFailed("too many names wait for the resolver"))
            lookup = self._asked[host] = self._queue[host] = _Lookup()
        if lookup.timer is None:
            lookup.timer = self._reactor.callLater(LOOKUP_SECONDS, self._late, host, lookup)
        waiter = lookup.wait()
        self._go_on()
        return waiter

    def clear(self) -> None:
        """Forget every name."""
        self._kept.clear()

    def _go_on(self) -> None:
        while self._queue and self._running < LOOKUPS_MAX:
            host = next(iter(self._queue))
            del self._queue[host]
            self._running += 1
            asking = self._ask(host).addCallbacks(_bounded, _failed)
            journal.detach(asking.addCallback(self._answered, host), where="names")

    def _answered(self, result: Kept, host: str) -> None:
        self._running -= 1
        self._keep(host, result)
        lookup = self._asked.pop(host)
        if lookup.timer is not None:
            lookup.timer.cancel()
        lookup.tell(host, result.found)
        self._go_on()

    def _late(self, host: str, lookup: _Lookup) -> None:
        """Whoever waits is told; an answer that comes after all is remembered."""
        lookup.timer = None
        if self._queue.pop(host, None) is not None:
            del self._asked[host]
        silence = Kept(ResolverFailed("the resolver does not answer"), FAILED_SECONDS)
        self._keep(host, silence)
        lookup.tell(host, silence.found)

    def _keep(self, host: str, result: Kept) -> None:
        self._kept.pop(host, None)
        if len(self._kept) >= NAMES_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[host] = (self._reactor.seconds() + result.seconds, result.found)


class Kept(NamedTuple):
    """What is remembered of a name, and for how many seconds."""

    found: tuple[str, ...] | ResolverFailed
    seconds: float


def _bounded(found: Found) -> Kept:
    addresses = tuple(dict.fromkeys(found.addresses))[:ADDRESSES_MAX]
    most = SECONDS_MAX if addresses else ABSENT_MAX
    return Kept(addresses, max(SECONDS_MIN, min(found.seconds, most)))


def _failed(failure: Failure) -> Kept:
    if failure.check(ResolverFailed):
        return Kept(ResolverFailed(failure.getErrorMessage()), FAILED_SECONDS)
    journal.fault(where="names", failure=failure)
    return Kept(ResolverFailed("the resolver failed"), FAILED_SECONDS)


def _told(host: str, found: tuple[str, ...] | ResolverFailed) -> list[str]:
    """Return what was found.  Raises: DNSLookupError, ResolverFailed."""
    if isinstance(found, ResolverFailed):
        raise ResolverFailed(str(found))
    if not found:
        raise DNSLookupError(f"address {host!r} not found")
    return list(found)


class _Lookup:
    """A look-up under way, and who waits for it."""

    __slots__ = ("_waiting", "timer")

    def __init__(self) -> None:
        self._waiting: dict[defer.Deferred[list[str]], None] = {}
        self.timer: Any = None

    def wait(self) -> defer.Deferred[list[str]]:
        """Fires when the look-up ends."""
        waiter: defer.Deferred[list[str]] = defer.Deferred(self._waiting.pop)
        self._waiting[waiter] = None
        return waiter

    def tell(self, host: str, found: tuple[str, ...] | ResolverFailed) -> None:
        """Fire for whoever waits."""
        waiting, self._waiting = self._waiting, {}
        for waiter in list(waiting):
            if waiter in waiting:  # not cancelled by what another one did
                try:
                    addresses = _told(host, found)
                except (DNSLookupError, ResolverFailed) as error:
                    waiter.errback(error)
                else:
                    waiter.callback(addresses)
