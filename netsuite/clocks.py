"""The machine's clocks, read together and watched while a tool runs."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from netsuite.timing.jumps import Jump, Sample, Watch

_REAL, _MONOTONIC = time.CLOCK_REALTIME, time.CLOCK_MONOTONIC
_BOOT: int = getattr(time, "CLOCK_BOOTTIME", _MONOTONIC)
_RAW: int = getattr(time, "CLOCK_MONOTONIC_RAW", _MONOTONIC)

#: Seconds between two readings that is close enough, and how often that is tried for.
SPREAD_SECONDS = 0.0001
TRIES = 4

#: Seconds that the thread, and a reading under way, get to end.
END_SECONDS = 1.0

#: A time zone written out (POSIX.1-2017 §8.3), as in ``CET-1CEST,M3.5.0,M10.5.0/3``.
_WRITTEN_ZONE = re.compile(r"(<[^>]{3,}>|[A-Za-z]{3,})[+-]?\d.*")
_ZONES = "/usr/share/zoneinfo"


class ClockUnreadable(Exception):  # noqa: N818 - what is the matter, told to people
    """A clock can't be read, or nobody knows the time zone."""


def read(gettime: Callable[[int], float] = time.clock_gettime) -> Sample:
    """Return what the clocks show, read as close together as may be.  Raises: ClockUnreadable."""
    best: Sample | None = None
    try:
        for _ in range(TRIES):
            before = gettime(_MONOTONIC)
            real, boot, raw = gettime(_REAL), gettime(_BOOT), gettime(_RAW)
            after = gettime(_MONOTONIC)
            spread = after - before
            if best is None or spread < best.spread:
                best = Sample(real, (before + after) / 2, boot, raw, time.process_time(), spread)
            if spread <= SPREAD_SECONDS:
                break
    except OSError as error:
        raise ClockUnreadable(f"a clock can't be read: {error.strerror}") from None
    assert best is not None  # noqa: S101 - there is at least one try
    return best


def wall_text(epoch: float) -> str:
    """Return the time of day, as clocks on the wall here show it."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))


def check_zone() -> None:
    """The machine knows the zone that TZ names; else it would silently take UTC.  Raises: ClockUnreadable."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if name in ("", "UTC", "GMT") or _WRITTEN_ZONE.fullmatch(name):
        return
    if not Path(os.environ.get("TZDIR", _ZONES), name).is_file():
        raise ClockUnreadable(f"TZ names no time zone that this machine knows: {name[:80]!r}")


class Ticks:
    """Reads the clocks every ``tick`` seconds and tells what they did; on the reactor, so that stalls show.

    ``told``: is called with each jump; ``after``: after each reading; ``failed``: in the place of both, while
    an error that one of them raised is handled, and no reading is made any more.
    """

    def __init__(
        self,
        reactor: Any,
        watch: Watch,
        tick: float,
        *,
        told: Callable[[Jump], None],
        failed: Callable[[], None],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._reactor, self._watch, self._tick = reactor, watch, tick
        self._told, self._after, self._failed = told, after, failed
        self._timer: Any = None

    def start(self) -> None:
        """The first reading is made now.  Raises: ClockUnreadable."""
        self._take()
        self._timer = self._reactor.callLater(self._tick, self._ticked)

    def end(self) -> None:
        """The last reading is made, and what is left is told."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._take()
        for jump in self._watch.end():
            self._told(jump)

    def _ticked(self) -> None:
        try:
            self._take()
            self._after()
        except Exception:  # whatever it is, whoever waits for the end is told
            self._failed()
            return
        self._timer = self._reactor.callLater(self._tick, self._ticked)

    def _take(self) -> None:
        for jump in self._watch.take(read()):
            self._told(jump)


class Beside:
    """The same in a thread, where the reactor's own timers must not be disturbed."""

    def __init__(self, watch: Watch, tick: float, told: Callable[[Jump], None]) -> None:
        self._watch, self._tick, self._told = watch, tick, told
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="clocks")

    def start(self) -> None:
        """The first reading is made now.  Raises: ClockUnreadable."""
        self._take()
        self._thread.start()

    def end(self) -> None:
        """The last reading is made, and what is left is told."""
        self._over.set()
        self._thread.join(END_SECONDS)
        self._take()
        for jump in self._watch.end():
            self._told(jump)

    def _run(self) -> None:
        with suppress(ClockUnreadable):  # ``end`` finds out again, and tells
            while not self._over.wait(self._tick):
                self._take()

    def _take(self) -> None:
        for jump in self._watch.take(read()):
            self._told(jump)
