"""Callers, who do one thing after the other at a pace of their own, and what they have to say of it."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.real.parts import PartError

#: Longest text of a fault.
SHOWN = 200

#: Faults of one caller that are told at once; of all of them the verdict tells.
TOLD_MAX = 20


class Wrong(Exception):  # noqa: N818 - an answer, not a mistake of the reader's
    """An answer is not what it should be."""


#: What a deed may end with, beside its own success.
FAULTS = (Wrong, PartError, OSError, http.client.HTTPException, ValueError)


def check(found: object, expected: object) -> None:
    """They are the same.  Raises: Wrong."""
    if found != expected:
        raise Wrong(f"{str(found)[:SHOWN]} instead of {str(expected)[:SHOWN]}")


def check_in(part: bytes, whole: bytes) -> None:
    """The whole has the part.  Raises: Wrong."""
    if part not in whole:
        raise Wrong(f"{whole[:SHOWN]!r} has no {part[:SHOWN]!r}")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do.  ``weight``: how often, beside others; ``counts``: it needs pages to be counted."""

    weight: int
    name: str
    act: Callable[[], None]
    counts: bool = False


@dataclass(slots=True)
class Windows:
    """Spans of time; one may be open, its end not yet known."""

    spans: list[list[float]] = field(default_factory=list)

    def begin(self, before: float = 0.0) -> None:
        """One begins now, or so many seconds ago."""
        self.spans.append([time.monotonic() - before, float("inf")])

    def end(self) -> None:
        """It ends now."""
        self.spans[-1][1] = time.monotonic()

    def meet(self, began: float, ended: float) -> bool:
        """Whether one of them has a moment with that span in common."""
        return any(first <= ended and began <= last for first, last in self.spans)


@dataclass(slots=True)
class Pace:
    """What callers share: until when they go on, and when what goes wrong says nothing of ours.

    ``down``: nobody was there to answer, by our own doing.  ``paused``: nothing was counted, likewise.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    down: Windows = field(default_factory=Windows)
    paused: Windows = field(default_factory=Windows)


class Caller(threading.Thread):
    """Does deeds, ``rate`` of them a second, until the pace's end."""

    def __init__(self, deeds: Sequence[Deed], rng: random.Random, rate: float, pace: Pace) -> None:
        super().__init__(daemon=True)
        self._deeds, self._rng, self._pause, self._pace = deeds, rng, 1 / rate, pace
        self.done: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.took: dict[str, list[float]] = defaultdict(list)
        self.spans: list[tuple[str, float, float]] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Work."""
        weights = [deed.weight for deed in self._deeds]
        pause = self._rng.uniform(0, self._pause)
        while not self._pace.stop.wait(pause):
            began = time.monotonic()
            self._do(self._rng.choices(self._deeds, weights)[0], began)
            pause = max(0.0, began + self._pause * self._rng.uniform(0.5, 1.5) - time.monotonic())

    def _do(self, deed: Deed, began: float) -> None:
        try:
            deed.act()
        except FAULTS as error:
            now = time.monotonic()
            paces = [self._pace.down, *([self._pace.paused] if deed.counts else [])]
            if any(windows.meet(began, now) for windows in paces):
                self.excused[deed.name] += 1
            else:
                self.wrong.append(f"{deed.name}: {error!r}"[: 3 * SHOWN])
                if len(self.wrong) <= TOLD_MAX:
                    print(f"wrong, after {now - began:.1f} s: {self.wrong[-1]}", flush=True)
        else:
            self.took[deed.name].append(time.monotonic() - began)
        self.done[deed.name] += 1
        self.spans.append((deed.name, began, time.monotonic()))


def done_by(callers: Iterable[Caller]) -> Counter[str]:
    """How often each deed was done."""
    return sum((caller.done for caller in callers), Counter())


def percentiles(callers: Iterable[Caller]) -> list[tuple[str, int, float, float, float]]:
    """Each deed's name, how often it succeeded, and its median, 99th percentile and longest, in seconds."""
    took: dict[str, list[float]] = defaultdict(list)
    for caller in callers:
        for name, seconds in caller.took.items():
            took[name] += seconds
    rows = []
    for name, seconds in sorted(took.items()):
        seconds.sort()
        rows.append(
            (name, len(seconds), seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100], seconds[-1])
        )
    return rows
