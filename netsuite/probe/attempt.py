"""One target tried once: every address of it, at the same time, each with its time and its cause.

Theory.  A *target* is a place and what it has to do (``Wanted``).  A *try* looks its name up once and starts
an attempt with each address.  An attempt is done when the place is connected, has spoken TLS where that is
asked for, and has done what is wanted; else it has failed by a cause of the table.  Where one address is
enough, the others get ``GRACE_SECONDS`` once one is done, and are then told as ``unknown``: nobody waited.

At most ``AT_ONCE`` attempts run at a time, of however many targets; one that waits for its turn is not timed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet import defer
from twisted.python.failure import Failure

from netsuite.outcome import Outcome
from netsuite.probe.serving import Banner, Check, Http, Statuses
from netsuite.probe.starttls import start_tls
from netsuite.reach.line import Line
from netsuite.reach.place import Place
from netsuite.reach.trust import Tls, shown_by
from netsuite.reach.way import Reach, furthest_outcome

#: Attempts at a time: each is a descriptor.
AT_ONCE = 64

#: Seconds that the other addresses get once one is reached and one is enough (RFC 8305's delay).
GRACE_SECONDS = 0.25

NOT_WAITED = Outcome.failed("unknown", "another address answered first; not waited for")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a place has to do beside being there.

    ``asked``: said before the banner is waited for; ``starttls``: the protocol that TLS begins in.
    """

    banner: re.Pattern[bytes] | None = None
    asked: bytes = b""
    statuses: Statuses | None = None
    path: bytes = b"/"
    starttls: str | None = None

    def check(self, place: Place) -> Check | None:
        """Return what looks whether it serves, None if being connected is enough."""
        if self.banner is not None:
            return Banner(self.banner, self.asked)
        return None if self.statuses is None else Http(place, self.path, self.statuses)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt with one address ended.  ``address``: None where a proxy or a path stands for it."""

    address: str | None
    outcome: Outcome
    ms: float
    seen: dict[str, object] = field(default_factory=dict, hash=False)

    def told(self) -> dict[str, object]:
        """Return it as part of a tool's result."""
        told: dict[str, object] = {
            "address": self.address,
            "cause": self.outcome.cause,
            "ms": round(self.ms, 1),
        }
        if self.outcome.detail is not None:
            told["detail"] = self.outcome.detail
        if self.outcome.cause is not None:
            told["message"] = self.outcome.message
        return {**told, **self.seen}


@dataclass(frozen=True, slots=True)
class Tried:
    """How one try of a target ended, and all of its attempts, none where there was no address."""

    outcome: Outcome
    attempts: tuple[Attempt, ...] = ()

    @property
    def ms(self) -> float | None:
        """Milliseconds until the first address was reached, None if none was."""
        return min((attempt.ms for attempt in self.attempts if attempt.outcome.ok), default=None)


class Prober:
    """Tries targets.  ``every``: all addresses of a target have to be reached, not one."""

    def __init__(self, reach: Reach, wanted: Wanted, *, every: bool = False) -> None:
        self._reach, self._wanted, self._every = reach, wanted, every
        self._turns = defer.DeferredSemaphore(AT_ONCE)
        self._clock = reach.reactor.seconds

    async def tried(self, place: Place, seconds: float) -> Tried:
        """Try a place once; an attempt has so many seconds."""
        reach = self._reach.within(min(seconds, self._reach.way.seconds))
        through = place.path is not None or reach.way.through is not None
        try:
            addresses: Sequence[str | None] = [None] if through else await reach.addresses(place)
        except Exception as error:
            outcome = Outcome.of(error)
            if outcome.cause == "internal":
                raise
            return Tried(outcome)
        attempts = await _Round(self, reach, place, addresses, every=self._every).done
        return Tried(judged([attempt.outcome for attempt in attempts], every=self._every), tuple(attempts))

    def forget(self) -> None:
        """The next try looks names up again."""
        self._reach.names.clear()

    def attempt(self, reach: Reach, place: Place, address: str | None) -> defer.Deferred[Attempt]:
        """Fires with how an attempt ended, once it was its turn; may be cancelled, and fires then too."""

        def unstarted(failure: Failure) -> Attempt:
            failure.trap(defer.CancelledError)
            return Attempt(address, NOT_WAITED, 0.0)

        return self._turns.run(self._begin, reach, place, address).addErrback(unstarted)

    def _begin(self, reach: Reach, place: Place, address: str | None) -> defer.Deferred[Attempt]:
        began = self._clock()
        seen: dict[str, object] = {}

        def ended(result: object) -> Attempt:
            ms = (self._clock() - began) * 1000
            outcome = _outcome(result)
            if seen.pop("connected", False) and outcome.cause == "timeout":
                outcome = replace(outcome, message=f"connected, but no answer in {reach.way.seconds:g} s")
            return Attempt(address, outcome, ms, seen)

        work = defer.Deferred.fromCoroutine(self._serves(reach, place, address, seen))
        return reach.in_time(work).addBoth(ended)

    async def _serves(self, reach: Reach, place: Place, address: str | None, seen: dict[str, object]) -> None:
        """The place is connected and does what is wanted; ``seen`` has what it showed."""
        wanted = self._wanted
        line: Line = await reach.attempt(place, address, plain=wanted.starttls is not None)
        if wanted.starttls is not None and reach.secure is not None:
            line = await start_tls(line, wanted.starttls)
            line = await reach.secure.shake(line, place.host or "localhost")
        if isinstance(line, Tls):
            peer = shown_by(line)
            if peer is not None:
                seen["tls"] = peer.told()
        own = line.transport.getHost()
        if getattr(own, "host", None):
            seen["source"] = own.host
        check = wanted.check(place)
        if check is None:
            line.transport.loseConnection()
            return
        line.carry(check)
        try:
            seen.update(await check.done)
        except defer.CancelledError:
            late = check.late()
            if late is not None:
                raise late from None
            seen["connected"] = True
            raise


def _outcome(result: object) -> Outcome:
    """Return how an attempt ended.  Raises: what is a bug of ours."""
    if not isinstance(result, Failure):
        return Outcome()
    if result.check(defer.CancelledError):
        return NOT_WAITED
    outcome = Outcome.of(result.value or RuntimeError("no reason"))
    if outcome.cause == "internal":
        result.raiseException()
    return outcome


class _Round:
    """The attempts of one try; ``done`` fires with all of them, in the order of the addresses."""

    def __init__(
        self,
        prober: Prober,
        reach: Reach,
        place: Place,
        addresses: Sequence[str | None],
        *,
        every: bool,
    ) -> None:
        self._every, self._later = every, reach.reactor.callLater
        self._ended: list[Attempt | None] = [None] * len(addresses)
        self._grace: Any = None
        self._is_over = False
        self._running = {
            number: prober.attempt(reach, place, address) for number, address in enumerate(addresses)
        }
        self.done: defer.Deferred[list[Attempt]] = defer.Deferred(self._cancelled)
        for number, running in list(self._running.items()):
            running.addCallbacks(self._one, self._broken, callbackArgs=(number,))

    def _one(self, attempt: Attempt, number: int) -> None:
        self._ended[number] = attempt
        del self._running[number]
        if not self._running:
            self._end()
        elif attempt.outcome.ok and not self._every and self._grace is None:
            self._grace = self._later(GRACE_SECONDS, self._cut)

    def _cut(self) -> None:
        for running in list(self._running.values()):
            running.cancel()

    def _broken(self, failure: Failure) -> None:
        """A bug of ours."""
        if not self._is_over:
            self._is_over = True
            self._cut()
            self.done.errback(failure)

    def _cancelled(self, done: object) -> None:
        self._is_over = True
        self._cut()

    def _end(self) -> None:
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        if not self._is_over:
            self._is_over = True
            self.done.callback([attempt for attempt in self._ended if attempt is not None])


def judged(outcomes: Sequence[Outcome], *, every: bool) -> Outcome:
    """Return what outcomes of several addresses come to: one good one is enough, or all are asked for."""
    bad = [outcome for outcome in outcomes if not outcome.ok]
    if not bad or (not every and len(bad) < len(outcomes)):
        return Outcome()
    return furthest_outcome(bad)


def inverted(tried: Tried) -> Outcome:
    """Return how a try ends that wants everything refused: silence could be anything."""
    outcomes = [attempt.outcome for attempt in tried.attempts]
    reached = next((attempt for attempt in tried.attempts if attempt.outcome.ok or _answered(attempt)), None)
    if reached is not None:
        where = f" at {reached.address}" if reached.address else ""
        return Outcome.failed("no", f"it was reached{where}")
    if outcomes and all(outcome.cause == "refused" for outcome in outcomes):
        return Outcome()
    silent = next((outcome for outcome in outcomes if outcome.cause == "timeout"), None)
    if silent is not None:
        return Outcome.failed("unknown", f"silence is no refusal: {silent.message}")
    return tried.outcome


def _answered(attempt: Attempt) -> bool:
    """Whether somebody is there, whatever was wrong with it then."""
    return attempt.outcome.cause in ("tls", "lost", "no")
