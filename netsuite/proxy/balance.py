"""How many connections each of several workers has, in memory that all of them see.

Theory.  Workers that accept from one queue don't share clients out by themselves: whoever happens to run
takes all that wait, and keep-alive connections stay where they are.  So each writes how many it has, and one
that is well ahead of another steps back for ``BACK_SECONDS`` before it accepts the next: time enough for the
other, and too short to be felt if that one is stuck.  Who has not written for ``STALE_SECONDS`` has no say.
"""

from __future__ import annotations

import mmap
import os

#: Seconds that one who is ahead waits, between two words of each, and after which a word is old.
BACK_SECONDS = 0.004
TELL_SECONDS = 0.25
STALE_SECONDS = 1.0

#: Connections by which one may be ahead: so many, or this part of its own.
AHEAD, AHEAD_PART = 2, 16

_BYTES = 16  # of each worker: two doubles, its connections and when it wrote them


def make(count: int) -> int:
    """Return the descriptor of memory for so many workers."""
    descriptor = os.memfd_create("netsuite-workers", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, count * _BYTES)
    return descriptor


class Balance:
    """One worker's view.  ``descriptor`` may be closed afterwards.  Times are of a clock that all share."""

    def __init__(self, descriptor: int, number: int, count: int) -> None:
        self._memory = memoryview(mmap.mmap(descriptor, count * _BYTES)).cast("d")
        self._own = number * 2
        self._others = [other * 2 for other in range(count) if other != number]

    def tell(self, connections: int, now: float) -> None:
        """Have the others know how many we have."""
        self._memory[self._own] = connections
        self._memory[self._own + 1] = now

    def is_ahead(self, connections: int, now: float) -> bool:
        """Return whether another, who lives, has so many fewer that the next is its own."""
        self.tell(connections, now)
        memory, enough = self._memory, connections - max(AHEAD, connections // AHEAD_PART)
        return any(
            memory[other] < enough and now - memory[other + 1] < STALE_SECONDS for other in self._others
        )
