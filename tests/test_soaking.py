"""The soak's own sums: what is growth, what is excused, and what happens when."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bench.soaking.calls import Caller, Deed, Pace, Windows, check, percentiles
from bench.soaking.happenings import COUNTER_ENDS, ENDS, plan
from bench.soaking.watch import Sample, slope, trends
from tests.real.exactness import Pause
from tests.real.load import MIB


def life(memory: Callable[[float], float], *, minutes: int = 40, descriptors: int = 40) -> list[Sample]:
    """A process that was looked at every quarter of a minute, by its MiB at each minute."""
    return [
        Sample(15.0 * at, "suite", 7, int(memory(at / 4) * MIB), descriptors, at / 10)
        for at in range(minutes * 4)
    ]


class TrendTests(SynchronousTestCase):
    """What of a process's life is judged, and how."""

    def faults(self, samples: list[Sample]) -> list[str]:
        """What its trend complains of."""
        [trend] = trends(samples)
        return trend.faults()

    def test_flat(self) -> None:
        """What grows while it warms up, and jitters afterwards, is flat."""
        jitter = random.Random(3)
        self.assertEqual(self.faults(life(lambda at: 100 + min(at, 8) + jitter.uniform(-2, 2))), [])

    def test_leak(self) -> None:
        """Half a MiB a minute is a leak, though it never jumps."""
        [fault] = self.faults(life(lambda at: 100 + at / 2))
        self.assertIn("memory: suite 7", fault)

    def test_store(self) -> None:
        """What the store has gained may be in memory, but not more than is kept of it."""

        def grown(gain: float) -> list[Sample]:
            flat = life(lambda at: 100 + at / 2)
            return [replace(one, store=int(one.at / 60 * gain * MIB)) for one in flat]

        self.assertEqual(self.faults(grown(0.4)), [])
        steep = [replace(one, memory=one.memory * 2, store=10**6 * int(one.at)) for one in grown(0)]
        self.assertEqual(len(self.faults(steep)), 1)

    def test_jump(self) -> None:
        """So is 50 MiB at once, even in a short life."""
        [fault] = self.faults(life(lambda at: 100 + 50 * (at > 2.5), minutes=4))
        self.assertIn("memory", fault)

    def test_descriptors(self) -> None:
        """Ten descriptors more are too many."""
        flat = life(lambda at: 100.0)
        samples = [replace(one, descriptors=40 + number // 12) for number, one in enumerate(flat)]
        [fault] = self.faults(samples)
        self.assertIn("descriptors", fault)

    def test_too_short(self) -> None:
        """A life that was warming up all the time has no trend."""
        self.assertEqual(trends(life(lambda at: 100 + 99 * at, minutes=1)), [])

    def test_slope(self) -> None:
        """The line of best fit of points on a line is that line; of one moment there is none."""
        self.assertAlmostEqual(slope([(x, 3 * x + 1) for x in range(9)]), 3)
        self.assertEqual(slope([(1, 2), (1, 5)]), 0)


class PlanTests(SynchronousTestCase):
    """What happens when."""

    def test_everything(self) -> None:
        """However short, everything happens; in order of time, and within it."""
        for minutes in (0.5, 3, 60):
            found = plan(minutes, random.Random(minutes))
            names = {name for _, name in found}
            self.assertEqual(len(names), 8, names)
            self.assertEqual(found, sorted(found, key=lambda pair: pair[0]))
            self.assertTrue(all(0 < at < 60 * minutes for at, _ in found))

    def test_long_lives(self) -> None:
        """Half of the time no process is ended, so that its memory can be judged."""
        found = plan(60, random.Random(1))
        self.assertGreaterEqual(len(found), 100)
        self.assertLess(max(at for at, name in found if name in ENDS), 0.4 * 3600)
        self.assertLess(max(at for at, name in found if name in COUNTER_ENDS), 0.5 * 3600)


class ExcuseTests(SynchronousTestCase):
    """What goes wrong by our own doing is no fault of the service's."""

    def test_windows(self) -> None:
        """A span that has a moment of a window is met, also by one that is open."""
        windows = Windows([[10.0, 20.0]])
        for began, ended, is_met in (
            (0, 9, False),
            (0, 10, True),
            (12, 13, True),
            (19, 99, True),
            (21, 99, False),
        ):
            self.assertIs(windows.meet(began, ended), is_met)
        windows.begin()
        self.assertTrue(windows.meet(windows.spans[-1][0] + 1, windows.spans[-1][0] + 2))
        windows.end()
        self.assertFalse(windows.meet(windows.spans[-1][1] + 1, windows.spans[-1][1] + 2))

    def test_pause(self) -> None:
        """A pause excuses what its own node delivered meanwhile."""
        pause = Pause("one", 10.0, 5.0)
        self.assertTrue(pause.excuses("one", 12.0))
        self.assertFalse(pause.excuses("two", 12.0))
        self.assertFalse(pause.excuses("one", 17.0))

    def done(self, act: Callable[[], None], *, down: bool = False, counts: bool = False) -> Caller:
        """A caller that has done that once."""
        pace = Pace()
        (pace.down if down else pace.paused).begin()
        caller = Caller([Deed(1, "deed", act, counts)], random.Random(1), 100.0, pace)
        caller.start()
        while not caller.spans:
            caller.join(0.01)
        pace.stop.set()
        caller.join()
        return caller

    def test_deeds(self) -> None:
        """A wrong answer is a fault, but while nobody is there to answer, or a pause explains it."""

        def wrong() -> None:
            check(b"no", b"yes")

        self.assertIn("Wrong", self.done(wrong).wrong[0])
        self.assertEqual(self.done(wrong, down=True).wrong, [])
        self.assertEqual(self.done(wrong, counts=True).wrong, [])
        right = self.done(lambda: None)
        self.assertEqual((right.wrong, right.excused["deed"]), ([], 0))
        [(name, number, median, late, longest)] = percentiles([right])
        self.assertEqual((name, number), ("deed", right.done["deed"]))
        self.assertTrue(0 <= median <= late <= longest < 60)
