"""What the relay counts as requests end: plain integers, given form only when somebody scrapes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

#: Upper bounds of the histogram of durations, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

#: Causes of refusals that are told apart; hooks may make up any.
CAUSES_MAX = 64

#: By a status's first digit; 0: the client left before there was an answer.
_CLASSES = ("left", "1xx", "2xx", "3xx", "4xx", "5xx")


class Meter:
    """Requests by status class, refusals by cause, bytes, tunnels, and how long requests took."""

    def __init__(self) -> None:
        self.requests = [0] * len(_CLASSES)
        self.refusals: dict[str, int] = {}
        self.down = self.up = 0
        self.tunnels = self.tunnels_open = 0
        self.seconds = 0.0
        self._durations = [0] * (len(BOUNDS) + 1)

    def request(self, status: int, sent: int, uploaded: int, seconds: float) -> None:
        """A request has ended."""
        self.requests[status // 100] += 1
        self.down += sent
        self.up += uploaded
        self.seconds += seconds
        self._durations[bisect_left(BOUNDS, seconds)] += 1

    def refused(self, cause: str) -> None:
        """We answered a request ourselves.  ``cause``: a word of the refusals' table, or of hooks."""
        if cause not in self.refusals and len(self.refusals) >= CAUSES_MAX:
            cause = "other"
        self.refusals[cause] = self.refusals.get(cause, 0) + 1

    def tunnel(self, sent: int, received: int) -> None:
        """A tunnel has ended."""
        self.tunnels += 1
        self.tunnels_open -= 1
        self.up += sent
        self.down += received

    def collect(self) -> Iterable[Metric]:
        """Return the counts as Prometheus has them."""
        requests = CounterMetricFamily(
            "netsuite_requests", "Requests that ended, by status class.", labels=["what"]
        )
        for name, count in zip(_CLASSES, self.requests, strict=True):
            requests.add_metric([name], count)
        yield requests
        refusals = CounterMetricFamily(
            "netsuite_refusals", "Requests that we answered ourselves, by cause.", labels=["what"]
        )
        for cause, count in sorted(self.refusals.items()):
            refusals.add_metric([cause], count)
        yield refusals
        sizes = CounterMetricFamily("netsuite_bytes", "Bytes of bodies and tunnels.", labels=["what"])
        sizes.add_metric(["to_client"], self.down)
        sizes.add_metric(["to_origin"], self.up)
        yield sizes
        yield CounterMetricFamily("netsuite_tunnels", "Tunnels that ended.", value=self.tunnels)
        yield GaugeMetricFamily("netsuite_tunnels_open", "Tunnels open now.", value=self.tunnels_open)
        yield HistogramMetricFamily(
            "netsuite_request_seconds",
            "How long requests took, from head to end.",
            buckets=self._buckets(),
            sum_value=self.seconds,
        )

    def _buckets(self) -> list[tuple[str, float]]:
        total, buckets = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._durations, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
