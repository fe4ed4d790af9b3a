"""The relay's end of counting: keeps a counter alive, hands it pages, never waits for it.

What is held, and in which order, is the `Ledger`'s; the process and its pipe are the `Child`'s.  Here is
when what is done.  A counter gets a page when it is ready and its window has room.

A counter that dies is followed by another: at once, then after 0.1 s, doubling to 5 s, until one has had
something kept.  The page in hand is noted as crashed, all others are sent again under their numbers.  One
that is silent over a page longer than ``page_seconds``, stopped or spinning, is killed and the page noted
as too slow; one that writes rubbish is killed.  While it says that it is at the store it may be silent for
longer, and no page is to blame.  Silence is counted in ticks, so that a clock set forward kills nobody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from netsuite.wordproxy.child import Child, Ending
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.flushes import Flushes
from netsuite.wordproxy.handing import FeedSettings, begin, frames
from netsuite.wordproxy.ledger import OPEN_PAGES, CopiedPage, Ledger
from netsuite.wordproxy.pipe import (
    Committed,
    Counted,
    FromCounter,
    PipeFault,
    Ready,
    Returned,
    Skipped,
    Spooled,
    Trouble,
)
from netsuite.wordproxy.store.contract import RECOUNTED, Batch
from netsuite.wordproxy.troubles import Troubles
from netsuite.words.skipped import Reason

#: Seconds that notes are gathered before they are sent.
GATHER_SECONDS = 0.25

#: Seconds that a counter may be silent while it starts, or is at the store.
SILENCE_SECONDS = 30.0

#: Part of ``drain_seconds`` after which no further page is handed over, and by which it is longer for a
#: counter that is at the store just then.
SHED_PART = 0.6
GRACE_PART = 0.5

#: Seconds that a killed counter may take to die before a stop goes on without it: a disk may hold it.
ABANDON_SECONDS = 5.0

#: Pages waiting past which no sentences are looked for: they cost as much as counting the page does.
HURRY_PAGES = 50

#: Seconds that a flush may take.
FLUSH_SECONDS = 10.0

#: Ticks in ``page_seconds``.
_TICKS = 8

#: Seconds before a new counter after the second death in a row: from, to.
RESTART_SECONDS = (0.1, 5.0)

#: Seconds for which a busy counter's answers are left unread: from, to.
REST_SECONDS = (0.001, 0.03)

#: Batches that the owner of a memory store may be behind.
RETURNED_MAX = 4


def longest_stop(settings: FeedSettings) -> float:
    """Seconds after which a stop is over, whatever the counter does."""
    return settings.drain_seconds * (1 + GRACE_PART) + ABANDON_SECONDS


class FeedEvents(Protocol):
    """What the feed reports; called from the reactor's thread."""

    def counted(self, exchange_id: int, words: int) -> None: ...

    def skipped(self, exchange_id: int, reason: str) -> None: ...

    def counter_started(self, pid: int) -> None: ...

    def counter_lost(self, pid: int, reason: str) -> None: ...

    def trouble(self, text: str) -> None: ...


class Feed:
    """One counter process at a time, and all that it has to be told."""

    def __init__(
        self,
        reactor: Any,
        settings: FeedSettings,
        journal: FeedEvents,
        on_batch: Callable[[Batch, str], object] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``on_batch`` keeps the batches of ``:memory:``, in order, and may return a Deferred.

        It is called with a batch and the profile that it is of.

        ``clock``: seconds since the epoch, UTC.
        """
        self.node = secrets.token_hex(8)
        self._reactor = reactor
        self._settings = settings
        self._journal = journal
        self._on_batch = on_batch
        self._clock = clock
        self._ledger = Ledger(max_pages=settings.waiting_pages, max_bytes=settings.waiting_bytes)
        self._child: Child | None = None
        self._calls: dict[str, IDelayedCall] = {}
        self._running = False
        self._stopped: list[Deferred[None]] = []
        self._given_up = False
        self._keeping = 0  # batches returned and not yet kept by on_batch
        self._spooled: int | None = None  # batches; None: no counter has told yet
        self._flushes = Flushes()
        self._delay = 0.0
        self._rest = REST_SECONDS[0]
        self._restarts = -1
        self._troubles = Troubles(reactor.seconds, journal.trouble)

    # what the relay calls

    def start(self) -> None:
        """A counter is being started, and pages are taken."""
        self._running = True
        self._given_up = False
        self._gather_later()
        self._later("tick", self._settings.page_seconds / _TICKS, self._tick)
        self._spawn()

    def stop(self) -> Deferred[None]:
        """Nothing is taken any more.

        The Deferred fires with None when all that was taken is kept and the counter has ended, within
        `longest_stop`; what could not be kept until then is lost and said to be.
        """
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        if self._running:
            self._running = False
            self._later("shed", self._settings.drain_seconds * SHED_PART, self._shed)
            self._later("drain", self._settings.drain_seconds, self._late)
        elif not self._calls:  # it never ran
            self._given_up = True
        self._move_on()
        return done

    def page(self, page: CopiedPage) -> bool:
        """The page will be counted; or False, and it is noted as too large or busy."""
        too_large = page.size > self._settings.max_text  # a counter believes no longer frame
        if not too_large and self._running and self._ledger.take(page):
            self._pump()
            return True
        reason = Reason.TOO_LARGE if too_large else Reason.BUSY
        self.skip(page.exchange_id, page.host, reason, page.profile)
        return False

    def skip(self, exchange_id: int, host: str, reason: Reason, profile: str = "") -> None:
        """A page that was to be counted is noted and reported as skipped."""
        self.note(host, reason.value, 1, profile)
        self._journal.skipped(exchange_id, reason.value)

    def note(self, host: str, outcome: str, amount: float = 1, profile: str = "") -> None:
        """What was not counted will be in the coverage of today: pages, tunnels or seconds paused."""
        self._ledger.note(local_day(self._clock()), host, outcome, amount, profile)
        self._gather_later()

    def flush(self) -> Deferred[bool]:
        """Fires with True once all that was taken so far is in the store; False if it can't be now.

        That is also said of what other nodes left in spools that our counter found.
        """
        if not self._running or self._given_up or self._flushes.is_full:
            return succeed(self._ledger.is_empty and not self._keeping and not self._spooled)
        done = self._flushes.add(self._ledger.barrier())
        late = self._reactor.callLater(FLUSH_SECONDS, done.cancel)

        def told(is_past: bool) -> bool:
            if late.active():
                late.cancel()
            return is_past

        done.addCallback(told)
        self._move_on()
        return done

    @property
    def room(self) -> int:
        """Bytes of copies that may still be held."""
        return self._ledger.room

    @property
    def held(self) -> tuple[int, int]:
        """Pages and bytes that are held: waiting, being counted, not yet kept."""
        return self._ledger.pages, self._ledger.bytes

    def status(self) -> dict[str, object]:
        """How counting stands, for /healthz: a counter's process, what waits, what is wrong."""
        child = self._child
        return {
            "counter": child.pid if child is not None and child.is_ready else None,
            "waiting_pages": self._ledger.pages,
            "waiting_bytes": self._ledger.bytes,
            "restarts": max(0, self._restarts),
            "spooled": self._spooled or 0,
            "trouble": self._troubles.now,
        }

    # handing over

    def _gather_later(self) -> None:
        if self._running and self._ledger.has_gathered and "gather" not in self._calls:
            self._later("gather", GATHER_SECONDS, self._gather)

    def _gather(self) -> None:
        self._ledger.gather()
        self._pump()
        self._gather_later()

    def _pump(self) -> None:
        """The counter has what its window takes."""
        child = self._child
        if child is None or not child.is_ready or child.is_over:
            return
        pieces: list[bytes] = []
        while self._keeping < RETURNED_MAX and (entry := self._ledger.next()) is not None:
            pieces += frames(entry, is_hurried=self._ledger.waiting > HURRY_PAGES)
        if pieces:
            child.send(pieces)

    def _move_on(self) -> None:
        """The next step is taken: hand over more; or, once stopping, close the pipe, or finish."""
        if not self._stopped:
            self._pump()
            if self._spooled == 0 and not self._keeping:
                self._flushes.tell(self._ledger.is_past)
            return
        self._ledger.gather()
        self._pump()
        child = self._child
        if child is not None:
            if self._ledger.is_told and child.is_written:
                child.close()
        elif self._given_up or (self._ledger.is_empty and not self._keeping):
            self._finish()

    def _shed(self) -> None:
        """Pages that can't be counted in time are noted as lost, while there is somebody to note it."""
        for page in self._ledger.give_up():
            self._journal.skipped(page.exchange_id, Reason.LOST.value)
        self._move_on()

    def _late(self) -> None:
        """The time is up, but a batch that is being written may have a moment."""
        if self._child is not None and self._child.is_storing:
            self._later("drain", self._settings.drain_seconds * GRACE_PART, self._give_up)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._given_up = True
        if self._child is not None:
            self._child.kill(None, "not done in time for the stop")
            self._later("abandon", ABANDON_SECONDS, self._finish)
        self._move_on()

    def _finish(self) -> None:
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        self._child = None
        self._flushes.give_up()
        if self._ledger.pages:
            self._journal.trouble(f"pages that could not be kept before the stop: {self._ledger.pages}")
        stopped, self._stopped = self._stopped, []
        for done in stopped:
            done.callback(None)

    # the process

    def _spawn(self) -> None:
        self._restarts += 1
        child = self._child = Child(self, begin(self.node, self._settings))
        try:
            child.spawn(self._reactor)
        except OSError as error:  # no descriptors, no memory, no processes left: all of it passes
            self._journal.trouble(f"no counter could be started: {error.strerror}")
            self._gone(Ending("not started"))

    def heard(self, child: Child, message: FromCounter) -> None:
        """What the counter says is done.  Raises: PipeFault."""
        match message:
            case Counted(sequence, words):
                page = self._ledger.counted(sequence)
                if page is not None and page.source != RECOUNTED:
                    self._journal.counted(page.exchange_id, words)
            case Skipped(sequence, text):
                reason = _reason(text)
                if (page := self._ledger.skipped(sequence, reason)) is not None:
                    self._journal.skipped(page.exchange_id, reason.value)
            case Committed(last):
                self._ledger.committed(last)
                self._delay = 0.0
                if not self._spooled:
                    self._troubles.over()
            case Spooled(batches):
                self._spooled = batches
                if not batches:
                    self._troubles.over()
            case Returned(batch, profile, more):
                self._keep(batch, profile, more=more)
            case Trouble(text):
                self._troubles.hear(text)
            case Ready(spooled):
                self._spooled = spooled
                self._journal.counter_started(child.pid)

    def heard_out(self, child: Child) -> None:
        """What follows from what the counter said is done.

        While it is busy its next answers are left until it may have done half of what it has.
        """
        shortest, longest = REST_SECONDS
        left = self._ledger.open
        if left > OPEN_PAGES // 2:
            self._rest = min(longest, self._rest * 1.5)
        elif left < OPEN_PAGES // 4:
            self._rest = max(shortest, self._rest / 2)
        self._move_on()
        if self._ledger.is_open:
            child.rest(self._rest)

    def _keep(self, batch: Batch, profile: str, *, more: bool) -> None:
        """A batch for a memory store is handed to its owner."""
        if self._on_batch is None or batch.node != self.node:
            raise PipeFault("a batch that nobody asked for")
        if not more:
            self._ledger.committed(batch.last)
        self._delay = 0.0
        self._troubles.over()
        self._keeping += 1

        def kept(result: object) -> None:
            self._keeping -= 1
            if isinstance(result, Failure):
                self._journal.trouble(f"a batch is lost: {type(result.value).__name__}")
                for page in batch.pages:
                    self.note(page.host, Reason.LOST.value, 1, profile)
            self._move_on()

        maybeDeferred(self._on_batch, batch, profile).addBoth(kept)

    def said(self, text: str) -> None:
        """A line of the counter's standard error is in the journal."""
        self._journal.trouble(text)

    def drained(self) -> None:
        """The pipe has taken all that was sent."""
        self._move_on()

    def lost(self, child: Child, ending: Ending) -> None:
        """The counter's process has ended and all that it said was heard."""
        if not ending.was_asked:
            self._journal.counter_lost(child.pid, ending.text)
        self._gone(ending)

    def _gone(self, ending: Ending) -> None:
        for page, reason in self._ledger.lost(ending.blame, wears=ending.wears):
            self._journal.skipped(page.exchange_id, reason.value)
        self._child = None
        self._move_on()
        if self._running or self._stopped:
            shortest, longest = RESTART_SECONDS
            delay, self._delay = self._delay, min(longest, max(shortest, self._delay * 2))
            self._later("spawn", delay, self._spawn)

    def _tick(self) -> None:
        """A counter that owes something and was silent too long is killed."""
        tick = self._settings.page_seconds / _TICKS
        self._later("tick", tick, self._tick)
        child, ledger = self._child, self._ledger
        if child is None:
            return
        if child.is_ready and not ledger.is_pending and not child.was_asked:
            child.silent_ticks = 0
            return
        child.silent_ticks += 1
        at_a_page = child.is_ready and not child.is_storing and ledger.is_open
        if at_a_page and child.silent_ticks > _TICKS:
            child.kill(Reason.TOO_SLOW, f"silent for {self._settings.page_seconds:g} s over a page")
        elif child.silent_ticks * tick > SILENCE_SECONDS:
            child.kill(None, f"silent for {SILENCE_SECONDS:g} s")

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        def due() -> None:
            del self._calls[name]
            call()

        self._calls[name] = self._reactor.callLater(seconds, due)


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise PipeFault("a reason that is none of ours") from None
