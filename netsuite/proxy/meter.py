"""What the relay counts as requests end: plain integers, given form only when somebody scrapes."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from netsuite.metrics import Requests


class Meter:
    """Requests by status class, refusals by cause, bytes, tunnels, and how long requests took."""

    def __init__(self) -> None:
        self.requests = Requests("to_client", "to_origin")
        self.tunnels = self.tunnels_open = 0

    def request(self, status: int, sent: int, uploaded: int, seconds: float) -> None:
        """A request has ended."""
        requests = self.requests
        requests.classes[status // 100] += 1
        requests.bytes["to_client"] += sent
        requests.bytes["to_origin"] += uploaded
        requests.durations.add(seconds)

    def refused(self, cause: str) -> None:
        """We answered a request ourselves.  ``cause``: a word of the refusals' table, or of hooks."""
        self.requests.refused(cause)

    def tunnel(self, sent: int, received: int) -> None:
        """A tunnel has ended."""
        self.tunnels += 1
        self.tunnels_open -= 1
        self.requests.bytes["to_origin"] += sent
        self.requests.bytes["to_client"] += received

    def collect(self) -> Iterable[Metric]:
        """Return the counts as Prometheus has them."""
        yield from self.requests.collect()
        yield CounterMetricFamily("netsuite_tunnels", "Tunnels that ended.", value=self.tunnels)
        yield GaugeMetricFamily("netsuite_tunnels_open", "Tunnels open now.", value=self.tunnels_open)
