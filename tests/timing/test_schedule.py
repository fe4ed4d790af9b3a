"""Which call is next, and how late calls were."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.timing.schedule import CALLS_KEPT, Call, Lateness, Made, Plan, series


def made(plan: Plan, *, wall: float = 0.0, most: int = 100) -> list[Call]:
    """Every call, made at its very time; the wall clock shows ``wall`` at the start."""
    calls: list[Call] = []
    elapsed = 0.0
    while len(calls) < most and (wait := plan.wait(elapsed, wall + elapsed)) is not None:
        elapsed += wait
        while (call := plan.take(elapsed, wall + elapsed)) is not None:
            calls.append(call)
    return calls


class PlanTests(SynchronousTestCase):
    """Calls in their order."""

    def test_order(self) -> None:
        """By time; equal times by position; a series after what is listed."""
        listed = [Call(3, 0, "c"), Call(1, 1, "a"), Call(3, 2, "d"), Call(2, 3, "b")]
        texts = [call.text or call.due for call in made(Plan(listed, series(1.0, 3, 4)))]
        self.assertEqual(texts, ["a", 1.0, "b", 2.0, "c", "d", 3.0])

    def test_a_series_does_not_drift(self) -> None:
        """The millionth call is at a million periods, not at the sum of a million roundings."""
        last = list(series(0.1, 1_000_000, 0))[-1]
        self.assertEqual(last.due, 100_000.0)

    def test_endless(self) -> None:
        """A series without a count goes on."""
        self.assertEqual(len(made(Plan([], series(5.0, None, 0)), most=70)), 70)

    def test_nothing(self) -> None:
        """An empty plan has nothing to wait for."""
        self.assertIsNone(Plan([]).wait(0.0, 0.0))

    def test_moments_follow_the_wall_clock(self) -> None:
        """A clock that is set brings a moment nearer, or farther; delays stay where they are."""
        plan = Plan([Call(10, 0), Call(1000, 1, at=True)])
        self.assertEqual(plan.wait(0.0, 995.0), 5.0)
        self.assertEqual(plan.wait(0.0, 900.0), 10.0)
        self.assertIsNone(plan.take(9.0, 999.0))
        self.assertEqual(plan.take(9.0, 4600.0), Call(1000, 1, at=True))
        self.assertEqual(plan.wait(9.0, 4600.0), 1.0)

    def test_late_calls_by_how_late(self) -> None:
        """After a stall the call that is overdue for longest is made first, whichever clock it is by."""
        plan = Plan([Call(3, 0), Call(102, 1, at=True), Call(104, 2, at=True)])
        order = [plan.take(9.0, 109.0) for _ in range(3)]
        self.assertEqual([call.position for call in order if call], [1, 0, 2])

    @settings(deadline=None, max_examples=80)
    @given(st.lists(st.floats(0, 1000), max_size=20), st.floats(0.01, 50), st.integers(1, 20))
    def test_every_call_once(self, delays: list[float], every: float, count: int) -> None:
        """Whatever is listed, each call comes once, and none before one that is due earlier."""
        calls = [Call(delay, position) for position, delay in enumerate(delays)]
        done = made(Plan(calls, series(every, count, len(calls))))
        self.assertEqual(len(done), len(delays) + count)
        self.assertEqual(done, sorted(done))


class LatenessTests(SynchronousTestCase):
    """How late calls were."""

    def lateness(self, *lates: float) -> Lateness:
        """Of calls that were so late."""
        lateness = Lateness()
        for number, late in enumerate(lates):
            lateness.add(Made(number, number + late, 0.0))
        return lateness

    def test_worst_and_p99(self) -> None:
        """Of 200 calls two may be later than p99."""
        lateness = self.lateness(*[0.25] * 197, 0.5, 0.75, 1.0)
        self.assertEqual((lateness.count, lateness.worst, lateness.p99), (200, 1.0, 0.5))
        few = self.lateness(0.25, 0.5)
        self.assertEqual((few.worst, few.p99), (0.5, 0.5))
        self.assertEqual((self.lateness().worst, self.lateness().p99), (0.0, 0.0))

    def test_bound(self) -> None:
        """Only the last calls are kept; the worst of all is remembered."""
        lateness = self.lateness(2.0, *[0.5] * (CALLS_KEPT + 5))
        self.assertEqual((lateness.count, len(lateness.calls)), (CALLS_KEPT + 6, CALLS_KEPT))
        self.assertEqual((lateness.worst, lateness.p99), (2.0, 0.5))
