"""What faked clocks did is told by its kind and size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.timing.jumps import Jump, Sample, Watch

TICK = 0.25

HOUR = 3600.0


class Clocks:
    """Five clocks that a test moves."""

    def __init__(self) -> None:
        self.now = Sample(real=1e9, monotonic=500.0, boot=800.0, raw=500.0, cpu=1.0, spread=1e-6)

    def run(self, seconds: float, *, ppm: float = 0.0, cpu: float = 0.0) -> None:
        """Time passes; ``ppm``: NTP lets the clocks run faster than the hardware does."""
        real = seconds * (1 + ppm / 1e6)
        now = self.now
        self.now = replace(
            now,
            real=now.real + real,
            monotonic=now.monotonic + real,
            boot=now.boot + real,
            raw=now.raw + seconds,
            cpu=now.cpu + cpu,
        )

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.now = replace(self.now, real=self.now.real + seconds)

    def suspend(self, seconds: float) -> None:
        """The machine sleeps."""
        now = self.now
        self.now = replace(now, real=now.real + seconds, boot=now.boot + seconds)


class JumpTests(SynchronousTestCase):
    """A watch over clocks that are moved."""

    def setUp(self) -> None:
        self.clocks = Clocks()
        self.watch = Watch(TICK, over=0.1)

    def seen(self, *events: Callable[[], None], before: int = 8, after: int = 8) -> list[Jump]:
        """All that is told when each event happens within a tick, with quiet ticks around."""
        jumps = self.watch.take(self.clocks.now)
        for event in (*[lambda: None] * before, *events, *[lambda: None] * after):
            event()
            self.clocks.run(TICK)
            jumps += self.watch.take(self.clocks.now)
        return jumps + self.watch.end()

    def the_one(self, *events: Callable[[], None]) -> Jump:
        """The only thing that is told."""
        [jump] = self.seen(*events)
        return jump

    def test_quiet(self) -> None:
        """Clocks that do what they should give nothing to tell."""
        self.assertEqual(self.seen(after=200), [])

    def test_never_started(self) -> None:
        """Without a sample there is nothing to tell."""
        self.assertEqual(self.watch.end(), [])

    def test_steps(self) -> None:
        """A clock set forwards or back is a step of that size, and nothing else."""
        for seconds in (HOUR, -HOUR, 0.5, -0.5, 0.03):
            self.setUp()
            jump = self.the_one(lambda seconds=seconds: self.clocks.step(seconds))
            self.assertEqual(jump.kind, "step")
            self.assertAlmostEqual(jump.seconds, seconds, 3)

    def test_stall(self) -> None:
        """A process that did not run is a stall, whose length is known and what of it was computing."""
        jump = self.the_one(lambda: self.clocks.run(1.0, cpu=0.25))
        self.assertEqual((jump.kind, jump.cpu), ("stall", 0.25))
        self.assertAlmostEqual(jump.seconds, 1.0, 6)

    def test_short_stalls_are_not_told(self) -> None:
        """Less than asked for is nobody's business."""
        self.assertEqual(self.seen(lambda: self.clocks.run(0.09)), [])

    def test_suspend(self) -> None:
        """A machine that slept is a suspend: no stall, and no step although the wall clock leapt."""
        jump = self.the_one(lambda: self.clocks.suspend(HOUR))
        self.assertEqual(jump.kind, "suspend")
        self.assertAlmostEqual(jump.seconds, HOUR, 3)

    def test_all_at_once(self) -> None:
        """A suspend, a stall and a step within one tick are told apart, each with its size."""

        def everything() -> None:
            self.clocks.suspend(HOUR)
            self.clocks.run(2.0)
            self.clocks.step(-7.5)

        sizes = {jump.kind: jump.seconds for jump in self.seen(everything)}
        self.assertEqual(sorted(sizes), ["stall", "step", "suspend"])
        self.assertAlmostEqual(sizes["suspend"], HOUR, 3)
        self.assertAlmostEqual(sizes["stall"], 2.0, 3)
        self.assertAlmostEqual(sizes["step"], -7.5, 3)

    def slewing(self, ppm: float, ticks: int) -> list[Callable[[], None]]:
        """So many ticks in which NTP has changed the pace."""
        return [lambda: self.clocks.run(TICK, ppm=ppm)] * ticks

    def test_slews(self) -> None:
        """A clock that NTP hurries or holds is one slew, told once, with its size and its pace."""
        self.watch = Watch(2 * TICK, over=0.1)
        for ppm in (600.0, -5000.0, 80_000.0):
            self.setUp()
            self.watch = Watch(2 * TICK, over=0.1)  # each event runs a tick of its own
            jumps = self.seen(*self.slewing(2 * ppm, 200), before=0, after=60)
            [jump] = [jump for jump in jumps if jump.kind != "stall"]
            self.assertEqual(jump.kind, "slew")
            self.assertLess(abs(jump.seconds - 200 * TICK * 2 * ppm / 1e6), abs(jump.seconds) * 0.05)
            assert jump.ppm is not None
            self.assertLess(abs(jump.ppm - ppm), abs(ppm) * 0.15)

    def test_slower_is_no_slew(self) -> None:
        """A crystal that is corrected by less than 500 ppm is as it should be."""
        self.watch = Watch(2 * TICK, over=0.1)
        self.assertEqual(self.seen(*self.slewing(2 * 450.0, 200), before=0), [])

    def test_a_short_slew_at_the_end(self) -> None:
        """One that still goes on at the end is told then; under a second nobody can know."""
        self.watch = Watch(2 * TICK, over=0.1)
        [jump] = self.seen(*self.slewing(2000.0, 6), before=0, after=0)
        self.assertEqual(jump.kind, "slew")
        self.setUp()
        self.watch = Watch(2 * TICK, over=0.1)
        self.assertEqual(self.seen(*self.slewing(2000.0, 1), before=0, after=0), [])

    def test_slews_there_and_back(self) -> None:
        """A slew that turns round is two."""
        self.watch = Watch(2 * TICK, over=0.1)
        events = [*self.slewing(4000.0, 60), *self.slewing(-4000.0, 60)]
        signs = [jump.seconds > 0 for jump in self.seen(*events, before=0, after=60)]
        self.assertEqual(signs, [True, False])

    def test_readings_that_are_apart(self) -> None:
        """What is no more than the time that the readings took is told by nobody."""
        self.clocks.now = replace(self.clocks.now, spread=0.05)
        self.assertEqual(self.seen(lambda: self.clocks.step(0.06)), [])

    @settings(deadline=None, max_examples=80)
    @given(
        st.one_of(st.just(0.0), st.floats(0.2, 1e6), st.floats(-1e6, -0.2)),
        st.one_of(st.just(0.0), st.floats(0.1, 1e6)),
        st.one_of(st.just(0.0), st.floats(0.2, 1e4)),
    )
    def test_any_sizes(self, step: float, suspend: float, stall: float) -> None:
        """Whatever happens together, each kind has its own size, and what did not happen is not told."""
        self.setUp()

        def everything() -> None:
            self.clocks.step(step)
            self.clocks.suspend(suspend)
            self.clocks.run(stall)

        sizes = {jump.kind: jump.seconds for jump in self.seen(everything)}
        wanted = {"step": step, "suspend": suspend, "stall": stall}
        self.assertEqual(set(sizes), {kind for kind, size in wanted.items() if size})
        for kind, size in sizes.items():
            self.assertLess(abs(size - wanted[kind]), 0.01)

    def test_texts(self) -> None:
        """Each kind says its size, for people and for programs."""
        self.assertEqual(str(Jump("step", 3600.0, 0.0)), "step of +3600.000 s")
        self.assertEqual(str(Jump("slew", -0.1, 0.0, ppm=-5000.2)), "slew of -0.100 s (-5000 ppm)")
        self.assertEqual(str(Jump("suspend", 5.0, 0.0)), "suspend of 5.000 s")
        self.assertEqual(str(Jump("stall", 0.3, 0.0, cpu=0.1)), "stall of 0.300 s (0.100 s of it computing)")
        self.assertEqual(
            Jump("stall", 0.3, 5.0, cpu=0.1).record(),
            {"kind": "stall", "seconds": 0.3, "at": 5.0, "cpu": 0.1},
        )
        self.assertEqual(
            Jump("slew", 0.3, 5.0, ppm=600.4).record(),
            {"kind": "slew", "seconds": 0.3, "at": 5.0, "ppm": 600},
        )
