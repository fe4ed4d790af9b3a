"""What takes its time: things that arrive later, in order, and bytes that leave at a set speed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

#: Seconds between two pieces of a slow answer, where a byte takes less; and how late one may be made up for.
TICK_SECONDS = 0.05
LATE_SECONDS = 0.5


class Side(Protocol):
    """A side of a road: the connection."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def go_on(self) -> None:
        """There is room again."""

    def broken(self) -> None:
        """An exception is being handled that nobody expected."""


class Road(Generic[T]):
    """Things sent along it arrive after their delay, none before one that was sent earlier.

    ``held``: the sizes of those on their way.  ``side`` is told when some have arrived late.
    """

    def __init__(self, reactor: Any, arrive: Callable[[T], None], side: Side) -> None:
        self._reactor, self._arrive, self._side = reactor, arrive, side
        self._queue: deque[tuple[float, int, T]] = deque()
        self._timer: Any = None
        self.held = 0

    def send(self, thing: T, size: int, delay: float) -> float:
        """The thing arrives in ``delay`` seconds at the earliest; return when it will."""
        due = float(self._reactor.seconds()) + delay
        if self._queue:
            due = max(due, self._queue[-1][0])
        elif delay <= 0:
            self._arrive(thing)
            return due
        self._queue.append((due, size, thing))
        self.held += size
        if self._timer is None:
            self._timer = self._reactor.callLater(delay, self._come)
        return due

    def _come(self) -> None:
        try:
            self._arrived()
        except Exception:  # nobody is above a timer to take it
            self._side.broken()

    def _arrived(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        while self._queue and self._queue[0][0] <= now:
            _due, size, thing = self._queue.popleft()
            self.held -= size
            self._arrive(thing)
        if self._queue and self._timer is None:
            self._timer = self._reactor.callLater(self._queue[0][0] - now, self._come)
        self._side.go_on()

    def clear(self) -> None:
        """Nothing is on its way any more."""
        self._queue.clear()
        self.held = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Trickle:
    """Bytes that leave at so many a second, a piece a tick; ``then`` is called as they have."""

    def __init__(self, reactor: Any, side: Side, then: Callable[[], None]) -> None:
        self._reactor, self._side, self._then = reactor, side, then
        self._waiting = bytearray()
        self._timer: Any = None
        self._speed, self._due = 1, 0.0

    @property
    def held(self) -> int:
        """How many bytes wait."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether all have left, and the time of the last is over."""
        return self._timer is None

    def send(self, data: bytes, speed: int) -> None:
        """The bytes leave after those that wait, at ``speed`` from now on."""
        self._speed = speed
        self._waiting += data
        if self._timer is None:
            self._due = float(self._reactor.seconds())
            self._leave()

    def _late(self) -> None:
        try:
            self._leave()
        except Exception:  # as above
            self._side.broken()

    def _leave(self) -> None:
        self._timer = None
        if self._waiting:
            size = min(len(self._waiting), max(1, int(self._speed * TICK_SECONDS)))
            piece = bytes(self._waiting[:size])
            del self._waiting[:size]
            now = float(self._reactor.seconds())
            self._due = max(self._due, now - LATE_SECONDS) + size / self._speed
            self._timer = self._reactor.callLater(max(0.0, self._due - now), self._late)
            self._side.send(piece)
        if self._timer is None or not self._waiting:
            self._then()

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
