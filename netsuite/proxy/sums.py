"""What several workers count, added up as if one had counted it.

A worker that is gone leaves its counters behind, or a sum would go down; its gauges go with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import Metric

#: Kinds of metrics that tell a moment, not a sum since the start.
_MOMENTARY = frozenset(("gauge", "info", "stateset", "unknown"))

#: One family as it travels: name, help, kind, samples of (name, labels, value).
Family = list[Any]


def families(collectors: Iterable[Any]) -> list[Family]:
    """Return what collectors say now, as plain values."""
    return [
        [
            metric.name,
            metric.documentation,
            metric.type,
            [[s.name, s.labels, s.value] for s in metric.samples],
        ]
        for collector in collectors
        for metric in collector.collect()
    ]


class Sums:
    """The last word of each worker, and the counters of those that are gone."""

    def __init__(self) -> None:
        self._last: dict[int, list[Family]] = {}
        self._gone: list[Family] = []
        self.status: dict[int, Mapping[str, Any]] = {}

    def hear(self, number: int, status: Mapping[str, Any], told: list[Family]) -> None:
        """A worker has said what it counted so far."""
        self.status[number], self._last[number] = status, told

    def gone(self, number: int) -> None:
        """A worker has ended: what it counted stays counted."""
        self.status.pop(number, None)
        lasting = [family for family in self._last.pop(number, ()) if family[2] not in _MOMENTARY]
        self._gone = [_plain(metric) for metric in _added([*self._gone, *lasting])]

    def collect(self) -> Iterable[Metric]:
        """Return the sums, as Prometheus has them."""
        return _added([*self._gone, *(family for told in self._last.values() for family in told)])

    def added_status(self) -> dict[str, Any]:
        """Return the sum of what all workers say of themselves, where it is a number."""
        added: dict[str, Any] = {}
        for status in self.status.values():
            for name, value in status.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    added[name] = added.get(name, 0) + value
                elif name == "limits":
                    added[name] = _summed(added.get(name, {}), value)
        return added


def _summed(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + two.get(name, 0) for name in (*one, *(two.keys() - one.keys()))}


def _plain(metric: Metric) -> Family:
    return [
        metric.name,
        metric.documentation,
        metric.type,
        [[s.name, s.labels, s.value] for s in metric.samples],
    ]


def _added(told: Iterable[Family]) -> list[Metric]:
    metrics: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for name, text, kind, samples in told:
        metrics.setdefault(name, Metric(name, text, kind))
        summed = values.setdefault(name, {})
        for sample, labels, value in samples:
            if not sample.endswith("_created"):  # a time, of which there is no sum
                key = (sample, tuple(labels.items()))
                summed[key] = summed.get(key, 0.0) + value
    for name, metric in metrics.items():
        for (sample, labels), value in values[name].items():
            metric.add_sample(sample, dict(labels), value)
    return list(metrics.values())
