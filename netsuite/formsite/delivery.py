"""What is told of answers: a queue that outlives the process, emptied by one courier for each way.

A letter is queued in the very transaction that keeps its answer, and leaves the queue once it was taken; what
a kill comes between is told twice, under the same number, rather than not at all.  A way that fails rests,
each time twice as long, up to `REST_MAX`; a letter that could not be told for `PATIENCE_SECONDS` is given up,
which the inbox shows and can undo.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from netsuite import journal
from netsuite.formsite.keeper import Busy, Keeper
from netsuite.formsite.store import Letter
from netsuite.storefile import StoreFault

#: Seconds that a way rests after its first failure, and at most.
REST_SECONDS, REST_MAX = 10.0, 900.0

#: Seconds after which a letter is given up.
PATIENCE_SECONDS = 3 * 86400.0

#: Letters that are read at a time, and seconds between looks at the queue where it can't be read.
LETTERS, LOOK_SECONDS = 20, 60.0


class Undelivered(Exception):  # noqa: N818 - what happened, told to people
    """A letter wasn't taken, and why, without anything of what it says."""


class Way(Protocol):
    """How something is told."""

    async def send(self, letter: Letter) -> None:
        """It was taken.  Raises: Undelivered."""


def rest(failures: int) -> float:
    """How many seconds a way rests that has failed so many times in a row."""
    return float(min(REST_SECONDS * 2 ** min(failures - 1, 20), REST_MAX))


class Courier:
    """Empties the queue of one way while it runs."""

    def __init__(self, name: str, way: Way, keeper: Keeper, reactor: Any) -> None:
        self._name, self._way, self._keeper, self._reactor = name, way, keeper, reactor
        self._timer: Any = None
        self._round: Deferred[None] | None = None
        self._runs = self._again = False
        self._rests_until, self._failures = 0.0, 0
        self.sent = self.failed = 0  # since the start

    def start(self) -> None:
        """What waits is told from now on."""
        self._runs = True
        self.wake()

    async def stop(self) -> None:
        """The letter in hand was given up for now; nothing more is told."""
        self._runs = False
        self._cancel()
        if self._round is not None:
            self._round.cancel()

    def wake(self, *, at_once: bool = False) -> None:
        """There is something to tell.  ``at_once``: also if the way rests."""
        if at_once:
            self._rests_until = 0.0
        if self._round is not None:
            self._again = True
        elif self._runs:
            self._cancel()
            left = self._rests_until - self._reactor.seconds()
            if left > 0:
                self._timer = self._reactor.callLater(left, self.wake)
            else:
                self._round = Deferred.fromCoroutine(self._deliver())
                self._round.addBoth(self._ended)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _ended(self, result: Any) -> None:
        self._round = None
        again, self._again = self._again, False
        if hasattr(result, "check") and self._runs:
            if not result.check(StoreFault, Busy):
                journal.fault(where="formsite.delivery", failure=result)
            self._rests_until = self._reactor.seconds() + LOOK_SECONDS
            again = True
        if again and self._timer is None:
            self.wake()

    async def _deliver(self) -> None:
        """All that is due was tried; a timer stands for what is due later."""
        while self._runs:
            letters, due = await self._keeper.change(
                lambda store: store.letters(self._name, self._keeper.now(), LETTERS)
            )
            if not letters:
                if due is not None:
                    self._timer = self._reactor.callLater(
                        max(0.0, (due - self._keeper.now()) / 1000), self.wake
                    )
                return
            for letter in letters:
                if not await self._tell(letter):
                    self._again = True
                    return

    async def _tell(self, letter: Letter) -> bool:
        """Whether the way may go on."""
        if letter.entry is not None and not letter.entry.spam:
            try:
                await self._way.send(letter)
                self._failures = 0
                self.sent += 1
            except Undelivered as fault:
                await self._failed(letter, str(fault))
                return False
        await self._keeper.change(lambda store: store.told(letter.id))
        return True

    async def _failed(self, letter: Letter, reason: str) -> None:
        self._failures += 1
        self.failed += 1
        seconds, now = rest(self._failures), self._keeper.now()
        due: int | None = now + int(seconds * 1000)
        if now - letter.born > PATIENCE_SECONDS * 1000:
            due = None
        journal.letter_failed(way=self._name, tries=letter.tries + 1, seconds=seconds, reason=reason)
        self._rests_until = self._reactor.seconds() + seconds
        await self._keeper.change(lambda store: store.untold(letter.id, due, f"{self._name}: {reason}"))
