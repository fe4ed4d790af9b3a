"""What several workers have counted is told as if one had."""

from __future__ import annotations

from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from twisted.trial.unittest import SynchronousTestCase

from netsuite.metrics import exposition, registry
from netsuite.proxy.sums import Family, Sums, families


class Counted:
    """What one worker counts."""

    def __init__(self, requests: int, connections: int, slow: int) -> None:
        self.requests, self.connections, self.slow = requests, connections, slow

    def collect(self) -> list[Any]:
        """Return a counter with a label, a gauge and a histogram."""
        requests = CounterMetricFamily("n_requests", "Requests.", labels=["what"])
        requests.add_metric(["2xx"], self.requests)
        times = HistogramMetricFamily("n_seconds", "Times.")
        times.add_metric([], [("1.0", self.requests), ("+Inf", self.requests + self.slow)], 2.5)
        return [requests, GaugeMetricFamily("n_connections", "Open.", self.connections), times]


def told(*numbers: int) -> list[Family]:
    """Return what a worker with these numbers says."""
    return families([Counted(*numbers)])


class SumTests(SynchronousTestCase):
    """Sums of counters, gauges and histograms."""

    def scraped(self, sums: Sums) -> dict[str, float]:
        """Return each line of a scrape."""
        _, body = exposition(registry(sums), "")
        lines = [line.rpartition(" ") for line in body.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def test_added(self) -> None:
        """Every number is the sum of the workers' last words."""
        sums = Sums()
        sums.hear(0, {}, told(3, 1, 0))
        sums.hear(0, {}, told(4, 2, 1))
        sums.hear(1, {}, told(10, 5, 2))
        found = self.scraped(sums)
        self.assertEqual(found['n_requests_total{what="2xx"}'], 14)
        self.assertEqual(found["n_connections"], 7)
        self.assertEqual(found['n_seconds_bucket{le="+Inf"}'], 17)
        self.assertEqual(found["n_seconds_sum"], 5.0)

    def test_gone(self) -> None:
        """Of a worker that is gone the counters stay and the gauges go, however often that happens."""
        sums = Sums()
        for life in range(3):
            sums.hear(0, {}, told(2, 7, 0))
            sums.gone(0)
            found = self.scraped(sums)
            self.assertEqual(found['n_requests_total{what="2xx"}'], 2 * (life + 1))
            self.assertNotIn("n_connections", found)
        sums.gone(0)
        self.assertEqual(self.scraped(sums)['n_requests_total{what="2xx"}'], 6)

    def test_status(self) -> None:
        """Numbers of the status are added; what is none is left out."""
        sums = Sums()
        sums.hear(0, {"connections": 2, "state": "up", "ok": True}, [])
        sums.hear(1, {"connections": 3, "refused": 1}, [])
        self.assertEqual(sums.added_status(), {"connections": 5, "refused": 1})
        sums.gone(0)
        self.assertEqual(sums.added_status(), {"connections": 3, "refused": 1})
