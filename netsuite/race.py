"""Connection attempts with the addresses of one name: the first to connect wins (RFC 8305).

Theory.  Addresses are tried in turn, one family after the other, ``APART`` seconds between the starts, and at
once when an attempt fails.  Each is judged just before it is dialled.  The first connection gets the protocol
and the other attempts are closed; the protocol hears of none of them.  Addresses that lost are tried last for
``BEHIND_SECONDS``, so that a dead one costs its quarter of a second once, not at every connection.  With a
single address, as most origins have, there is one attempt and no timer but its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

from twisted.internet import defer, error
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from netsuite.dial import dial
from netsuite.guard import AgainstRule, Forbidden

#: Seconds between two attempts (RFC 8305 §8).
APART = 0.25

#: Attempts at a time: each is a descriptor.
SIDE_BY_SIDE = 8

#: Seconds for which an address that lost is tried last, and how many are remembered.
BEHIND_SECONDS = 60.0
BEHIND_MAX = 1024

Judge = Callable[[str, int], Forbidden | None]

#: Says why an address may not be dialled, None if it may; ``""`` is one that only a proxy further on knows.
Permit = Callable[[str], str | None]


def judged(judge: Judge, permit: Permit | None, address: str, port: int) -> Forbidden | None:
    """Return why an address may not be dialled, None if it may: the guard speaks first, then the rules."""
    refusal = judge(address, port)
    if refusal is None and permit is not None:
        told = permit(address)
        return None if told is None else AgainstRule(told)
    return refusal


def interleaved(addresses: Iterable[str]) -> list[str]:
    """Return addresses with families in turn, the first one's first (RFC 8305 §4)."""
    listed = list(addresses)
    if len(listed) < 3:
        return listed
    six = ":" in listed[0]
    first = [address for address in listed if (":" in address) is six]
    second = [address for address in listed if (":" in address) is not six]
    return [a for a in chain.from_iterable(zip_longest(first, second)) if a is not None]


class Losers:
    """Addresses that lost lately, each until a time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until: dict[str, float] = {}

    def note(self, address: str) -> None:
        """This one failed, or was slower than another."""
        self._until.pop(address, None)
        if len(self._until) >= BEHIND_MAX:
            del self._until[next(iter(self._until))]
        self._until[address] = self._now() + BEHIND_SECONDS

    def clear(self, address: str) -> None:
        """This one connected."""
        self._until.pop(address, None)

    def last(self, addresses: list[str]) -> list[str]:
        """Return addresses with the losers last."""
        now = self._now()
        return sorted(addresses, key=lambda address: self._until.get(address, now) > now)


class _Attempt(ClientFactory):
    """One attempt, as the reactor asks it."""

    noisy = False

    def __init__(self, race: Race, address: str) -> None:
        self.race, self.address = race, address
        self.connector: Any = None

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self.race.connected(self)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self.race.failed(self, reason)


class Race:
    """Connects ``protocol`` with one of ``addresses``; ``ends`` is when it must be."""

    __slots__ = (
        "_done",
        "_ends",
        "_failure",
        "_judge",
        "_losers",
        "_open",
        "_permit",
        "_port",
        "_protocol",
        "_reactor",
        "_timer",
        "_waiting",
    )

    def __init__(
        self,
        reactor: Any,
        addresses: Sequence[str],
        port: int,
        judge: Judge,
        permit: Permit | None,
        protocol: Any,
        ends: float,
        losers: Losers,
    ) -> None:
        self._reactor, self._port, self._judge, self._permit = reactor, port, judge, permit
        self._losers: Losers | None = losers if len(addresses) > 1 else None
        self._waiting = losers.last(interleaved(addresses))[::-1] if len(addresses) > 1 else list(addresses)
        self._protocol, self._ends = protocol, ends
        self._open: list[_Attempt] = []
        self._failure: Exception | None = None
        self._timer: Any = None
        self._done: defer.Deferred[None] | None = None

    def run(self) -> defer.Deferred[None]:
        """Fires once the protocol is connected, in the turn of its ``connectionMade``; may be cancelled.

        Fails with Forbidden if no address may be dialled, else with a ConnectError.
        """
        done = self._done = defer.Deferred(self._cancelled)
        self._next()
        return done

    def _next(self) -> None:
        """Start the next attempt, if there is an address for it; a mistake of ours ends the race."""
        self._timer = None
        try:
            self._start_one()
        except Exception as mistake:  # whoever waits hears of it, and logs it
            self._close()
            self._end(mistake)

    def _start_one(self) -> None:
        while self._waiting and len(self._open) < SIDE_BY_SIDE:
            address = self._waiting.pop()
            left = self._ends - self._reactor.seconds()
            refusal = judged(self._judge, self._permit, address, self._port)
            if refusal is not None:
                self._failure = self._failure or refusal
            elif left <= 0:
                self._note(error.TimeoutError())
            else:
                attempt = _Attempt(self, address)
                self._open.append(attempt)
                attempt.connector = dial(self._reactor, address, self._port, attempt, left)
                if self._waiting:
                    self._timer = self._reactor.callLater(APART, self._next)
                return
        if not self._open:
            self._end(self._failure or ConnectError(string="no address"))

    def _note(self, why: Exception) -> None:
        """Keep the failure that tells most: a refusal by the guard least, no route little."""
        tells_more = not isinstance(why, error.NoRouteError)
        if tells_more or self._failure is None or isinstance(self._failure, Forbidden):
            self._failure = why

    def connected(self, attempt: _Attempt) -> IProtocol | None:
        """An attempt has connected: return the protocol for it, None if another was first."""
        if self._done is None:
            return None
        self._open.remove(attempt)
        if self._losers is not None:
            self._losers.clear(attempt.address)
            for slower in self._open:
                self._losers.note(slower.address)
        self._close()
        protocol = self._protocol
        protocol.address = attempt.address
        protocol.greet = self._greeted
        won: IProtocol = protocol
        return won

    def _greeted(self) -> None:
        done, self._done = self._done, None
        del self._protocol.greet  # the protocol lives long, and we need not
        if done is not None:
            done.callback(None)

    def failed(self, attempt: _Attempt, reason: Failure) -> None:
        """An attempt has failed: the next address at once."""
        if attempt not in self._open:
            return
        self._open.remove(attempt)
        if self._losers is not None:
            self._losers.note(attempt.address)
        self._note(
            reason.value if isinstance(reason.value, ConnectError) else ConnectError(string=str(reason.value))
        )
        if self._timer is not None:
            self._timer.cancel()
        self._next()

    def _end(self, why: Exception) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.errback(Failure(why))

    def _cancelled(self, done: object) -> None:
        self._done = None
        self._close()

    def _close(self) -> None:
        """Let go of what is not needed any more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._waiting.clear()
        attempts, self._open = self._open, []
        for attempt in attempts:
            attempt.connector.stopConnecting()
