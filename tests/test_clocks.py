"""The clocks are read together, and looked at while a reactor runs."""

from __future__ import annotations

import os
import time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite import clocks
from netsuite.clocks import Beside, ClockUnreadable, Ticks, check_zone, read, wall_text
from netsuite.timing.jumps import Jump, Watch


class ReadTests(SynchronousTestCase):
    """One reading."""

    def test_real_clocks(self) -> None:
        """They show what the machine's show, from close together."""
        before, sample, after = time.monotonic(), read(), time.monotonic()
        self.assertTrue(before <= sample.monotonic <= after)
        self.assertGreaterEqual(sample.boot, sample.monotonic - sample.spread)
        self.assertLess(abs(sample.real - time.time()), 60)

    def test_the_closest_reading_counts(self) -> None:
        """A reading that was held up is made again, and the closest is taken."""
        shown = iter([10.0, 1.0, 1.0, 1.0, 10.5, 11.0, 2.0, 2.0, 2.0, 11.00001])
        sample = read(lambda _clock: next(shown))
        self.assertEqual((sample.real, round(sample.spread, 5)), (2.0, 0.00001))

    def test_unreadable(self) -> None:
        """A clock that gives an error is told as such."""

        def broken(_clock: int) -> float:
            raise OSError(22, "Invalid argument")

        error = self.assertRaises(ClockUnreadable, read, broken)
        self.assertEqual(str(error), "a clock can't be read: Invalid argument")

    def test_wall_text(self) -> None:
        """A moment as the clock on the wall shows it."""
        self.assertEqual(wall_text(0.0), time.strftime("%H:%M:%S", time.localtime(0)))


class ZoneTests(SynchronousTestCase):
    """A zone that nobody knows is not taken for UTC."""

    def zone(self, name: str) -> None:
        """TZ has this name; is it known?"""
        self.patch(os, "environ", {"TZ": name})
        check_zone()

    def test_known(self) -> None:
        """None, a written one, and the usual names."""
        for name in ("", "UTC", "GMT", ":UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30"):
            self.zone(name)
        self.patch(os, "environ", {})
        check_zone()

    def test_unknown(self) -> None:
        """A slip of the pen is told."""
        for name in ("Europe/Berlni", "../../etc/shadow-not-there", "Nowhere"):
            error = self.assertRaises(ClockUnreadable, self.zone, name)
            self.assertIn(name, str(error))


class TicksTests(SynchronousTestCase):
    """Looks at the clocks, a tick apart."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.jumps: list[Jump] = []
        self.failures = 0
        self.shown = read()
        self.patch(clocks, "read", lambda: self.shown)

    def fail_once(self) -> None:
        """It did not work."""
        self.failures += 1

    def ticks(self) -> Ticks:
        """A tick a second."""
        watch = Watch(1.0, over=0.1)
        return Ticks(self.clock, watch, 1.0, told=self.jumps.append, failed=self.fail_once)

    def test_told_as_it_happens(self) -> None:
        """A look that comes late is a stall, told at once; at the end nothing waits."""
        ticks = self.ticks()
        ticks.start()
        self.shown = type(self.shown)(*(self.shown.real + 3, self.shown.monotonic + 3), *[0.0] * 4)
        self.clock.advance(3)
        self.assertEqual(self.jumps[0].kind, "stall")
        self.assertEqual(self.jumps[0].seconds, 2.0)
        ticks.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """Whoever waits is told once that a clock can't be read, and no further look is taken."""

        def broken() -> None:
            raise ClockUnreadable("a clock can't be read")

        ticks = self.ticks()
        ticks.start()
        self.patch(clocks, "read", broken)
        self.clock.advance(1)
        self.assertEqual((self.failures, self.clock.getDelayedCalls()), (1, []))

    def test_beside(self) -> None:
        """In a thread: what the clocks did is known at the end at the latest."""
        beside = Beside(Watch(1000.0, over=0.1), 1000.0, self.jumps.append)
        beside.start()
        self.shown = type(self.shown)(self.shown.real + 3600, *[getattr(self.shown, name) for name in LATER])
        beside.end()
        self.assertEqual([jump.kind for jump in self.jumps], ["step"])


LATER = ("monotonic", "boot", "raw", "cpu", "spread")
