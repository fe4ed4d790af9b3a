"""Who waits until all that was taken so far is in the store."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from netsuite.wordproxy.ledger import Barrier

#: How many may wait at once.
FLUSHES_MAX = 16


class Flushes:
    """Those who wait, each for a point in the order of pages."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[tuple[Barrier, Deferred[bool]]] = []

    @property
    def is_full(self) -> bool:
        """No further one may wait."""
        return len(self._waiting) >= FLUSHES_MAX

    def add(self, barrier: Barrier) -> Deferred[bool]:
        """Fires with True when the barrier is past, with False when that is given up, or cancelled."""
        done: Deferred[bool] = Deferred(self._forget)
        self._waiting.append((barrier, done))
        return done

    def _forget(self, cancelled: Deferred[bool]) -> None:
        self._waiting = [(barrier, done) for barrier, done in self._waiting if done is not cancelled]
        cancelled.callback(False)

    def tell(self, is_past: Callable[[Barrier], bool]) -> None:
        """Those whose barrier is past know it."""
        past = [(barrier, done) for barrier, done in self._waiting if is_past(barrier)]
        self._waiting = self._waiting[len(past) :]  # barriers are passed in order
        for _, done in past:
            done.callback(True)

    def give_up(self) -> None:
        """All who wait know that it can't be now."""
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done.callback(False)
