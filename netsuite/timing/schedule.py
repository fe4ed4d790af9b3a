"""When each call is due, which is next, and how late those were that have been made.

Theory.  A call is due a number of seconds after the start, or at a moment of the wall clock.  The first kind
asks only the clock that the tool counts by, the second only the wall clock: where that is set, the moment
comes earlier or later, and whoever waits asks again.  Equal times are in the order of the command line; a
series comes after what is listed, and its calls are multiples of its period, so that no lateness adds up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import count as counting
from itertools import takewhile

#: Calls whose details are kept, the last ones; also what p99 is of.
CALLS_KEPT = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call that is due ``due`` seconds after the start, or at that moment of the epoch if ``at``."""

    due: float
    position: int
    text: str | None = None
    at: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made.  Seconds after the start: ``planned``, ``real``; ``wall``: of the epoch."""

    planned: float
    real: float
    wall: float
    text: str | None = None

    @property
    def late(self) -> float:
        """Seconds that the call came too late."""
        return self.real - self.planned


def series(every: float, count: int | None, position: int) -> Iterator[Call]:
    """Yield ``count`` calls, one each ``every`` seconds; None: without end."""
    numbers: Iterable[int] = counting(1)
    if count is not None:
        last = count
        numbers = takewhile(lambda number: number <= last, numbers)
    return (Call(number * every, position) for number in numbers)


class Plan:
    """The calls that are still to be made."""

    def __init__(self, calls: Iterable[Call], repeated: Iterable[Call] = ()) -> None:
        calls = sorted(calls)
        self._timed = merge((call for call in calls if not call.at), repeated)
        self._moments = deque(call for call in calls if call.at)
        self._next = next(self._timed, None)

    @property
    def has_moments(self) -> bool:
        """Whether the wall clock decides about a call."""
        return bool(self._moments)

    def wait(self, elapsed: float, wall: float) -> float | None:
        """Return the seconds until the next call, 0 if one is due; None: there is none.

        ``elapsed``: seconds since the start; ``wall``: of the epoch.
        """
        left = [] if self._next is None else [self._next.due - elapsed]
        if self._moments:
            left.append(self._moments[0].due - wall)
        return max(0.0, min(left)) if left else None

    def take(self, elapsed: float, wall: float) -> Call | None:
        """Return the next call that is due, which is then no more to be made; None: none is due."""
        timed = self._next if self._next is not None and self._next.due <= elapsed else None
        moment = self._moments[0] if self._moments and self._moments[0].due <= wall else None
        if moment is not None and (timed is None or wall - moment.due >= elapsed - timed.due):
            return self._moments.popleft()
        if timed is not None:
            self._next = next(self._timed, None)
        return timed


class Lateness:
    """The calls that were made, and how late they were.  ``count``: all of them; ``calls``: the last ones."""

    def __init__(self) -> None:
        self.count = 0
        self.worst = 0.0
        self.calls: deque[Made] = deque(maxlen=CALLS_KEPT)

    def add(self, made: Made) -> None:
        """A call was made."""
        self.count += 1
        self.worst = max(self.worst, made.late)
        self.calls.append(made)

    @property
    def p99(self) -> float:
        """What 99 of 100 calls were not later than (nearest rank, of those that are kept)."""
        lates = sorted(made.late for made in self.calls)
        return max(0.0, lates[math.ceil(len(lates) * 0.99) - 1]) if lates else 0.0
