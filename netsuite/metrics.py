"""The admin listener's data: gauges, and what a scrape of /metrics gets.

What is counted on the byte path are plain integers; prometheus_client sees them only when somebody
scrapes.  Label values come from closed sets: never a URL, a host, a user or a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder


class Gauges:
    """Numbers asked for when somebody scrapes."""

    def __init__(self, **asked: tuple[str, Callable[[], float]]) -> None:
        """``asked``: metric name -> (help text, function)."""
        self._asked = asked

    def collect(self) -> Iterable[Metric]:
        """Return the numbers of this moment."""
        for name, (text, ask) in self._asked.items():
            yield GaugeMetricFamily(f"netsuite_{name}", text, value=ask())


class Labelled:
    """The numbers of several owners, each told apart by a label; ``owned``: yields (owner, collector)."""

    def __init__(self, label: str, owned: Callable[[], Iterable[tuple[str, Any]]]) -> None:
        self._label, self._owned = label, owned

    def collect(self) -> Iterable[Metric]:
        """Return the numbers of this moment, those of one name together."""
        found: dict[str, Metric] = {}
        for owner, collector in self._owned():
            for metric in collector.collect():
                kept = found.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type, metric.unit)
                )
                kept.samples += [
                    sample._replace(labels={**sample.labels, self._label: owner}) for sample in metric.samples
                ]
        return list(found.values())

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is depends on who runs."""
        return ()


def registry(*collectors: Any) -> CollectorRegistry:
    """Return a registry of our own: the global one is shared by everybody in a process."""
    made = CollectorRegistry()
    for collector in collectors:
        made.register(collector)
    return made


def exposition(collected: CollectorRegistry, accept: str) -> tuple[str, bytes]:
    """Return (content type, text) of a scrape, in the format that ``Accept`` asks for."""
    encoder, content_type = choose_encoder(accept)
    return content_type, encoder(collected)
