"""What one client may take is the same however it is cut, and nobody else pays for it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy import allowance
from netsuite.proxy.allowance import BURST_SECONDS, Bandwidth, Rate


class RateTests(SynchronousTestCase):
    """Requests a second."""

    def test_burst_then_pace(self) -> None:
        """A second's worth goes at once; after that one in each fraction of a second."""
        rate = Rate(4)
        self.assertEqual([rate.take("a", 100.0) for _ in range(6)], [True] * 4 + [False] * 2)
        self.assertFalse(rate.take("a", 100.2))
        self.assertTrue(rate.take("a", 100.25))
        self.assertFalse(rate.take("a", 100.25))

    def test_slower_than_one_a_second(self) -> None:
        """A rate below one a second still lets the first request through."""
        rate = Rate(0.5)
        self.assertTrue(rate.take("a", 7.0))
        self.assertFalse(rate.take("a", 8.9))
        self.assertTrue(rate.take("a", 9.0))

    def test_each_client_has_its_own(self) -> None:
        """Who asks too much takes nothing from others."""
        rate = Rate(1)
        for _ in range(50):
            rate.take("greedy", 5.0)
        self.assertTrue(rate.take("modest", 5.0))

    def test_refusals_cost_nothing(self) -> None:
        """A client that keeps asking while it is refused is served again as soon as one that waits."""
        rate = Rate(1)
        rate.take("a", 0.0)
        for tenth in range(1, 10):
            self.assertFalse(rate.take("a", tenth / 10))
        self.assertTrue(rate.take("a", 1.0))

    @settings(deadline=None, max_examples=100)
    @given(
        per_second=st.floats(0.1, 1000),
        pauses=st.lists(st.floats(0, 3), max_size=200),
    )
    def test_never_more_than_its_due(self, per_second: float, pauses: list[float]) -> None:
        """Over any time a client gets at most the burst and what the time has brought."""
        rate, now, taken = Rate(per_second), 1000.0, 0
        for pause in pauses:
            now += pause
            taken += rate.take("a", now)
        self.assertLessEqual(taken, max(1.0, per_second) + (now - 1000.0) * per_second + 1)

    def test_bounded(self) -> None:
        """A table full of clients forgets the one that was away longest."""
        self.patch(allowance, "CLIENTS_MAX", 3)
        rate = Rate(1)
        for client in "abcabd":
            rate.take(client, 0.0)
        self.assertEqual(len(rate), 3)
        self.assertFalse(rate.take("a", 0.0))
        self.assertTrue(rate.take("c", 0.0))


class BandwidthTests(SynchronousTestCase):
    """Bytes a second."""

    def test_wait(self) -> None:
        """What goes beyond the burst is waited for, to the byte."""
        bandwidth = Bandwidth(1000)
        self.assertEqual(bandwidth.spend("a", int(1000 * BURST_SECONDS), 50.0), 0.0)
        self.assertAlmostEqual(bandwidth.spend("a", 500, 50.0), 0.5)
        self.assertAlmostEqual(bandwidth.spend("a", 0, 50.2), 0.3)
        self.assertEqual(bandwidth.spend("b", 10, 50.2), 0.0)

    def test_connections_share(self) -> None:
        """Two connections of a client wait for what both took."""
        bandwidth = Bandwidth(1000)
        bandwidth.spend("a", 1250, 50.0)
        self.assertAlmostEqual(bandwidth.spend("a", 1000, 50.0), 2.0)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.integers(1, 300_000), min_size=1, max_size=60))
    def test_pace(self, pieces: list[int]) -> None:
        """Who waits as told has taken no more than the burst, a piece, and its due."""
        bandwidth, now = Bandwidth(10_000), 9.0
        for piece in pieces:
            now += bandwidth.spend("a", piece, now)
        due = (now - 9.0 + BURST_SECONDS) * 10_000
        self.assertLessEqual(sum(pieces), due + 1)

    def test_bounded(self) -> None:
        """The table has a bound."""
        self.patch(allowance, "CLIENTS_MAX", 3)
        bandwidth = Bandwidth(1000)
        for client in "abcdefg":
            bandwidth.spend(client, 1, 0.0)
        self.assertEqual(len(bandwidth), 3)
