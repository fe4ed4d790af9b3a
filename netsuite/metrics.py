"""What a scrape of /metrics gets: gauges, counters, durations, and whose they are.

What is counted on the byte path are plain integers; prometheus_client sees them only when somebody
scrapes.  Label values come from closed sets: never a URL, a host, a user or a word.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

#: Upper bounds of the histogram of requests' durations, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

#: By a status's first digit; 0: the client left before there was an answer.
CLASSES = ("left", "1xx", "2xx", "3xx", "4xx", "5xx")

#: Causes of refusals that are told apart; hooks may make up any.
CAUSES_MAX = 64

#: What is asked for at a scrape: metric name -> (help text, function).
Asked = tuple[str, Callable[[], float]]


class Gauges:
    """Numbers of a moment, asked for when somebody scrapes; ``asked``: by name."""

    def __init__(self, **asked: Asked) -> None:
        self._asked = asked

    def collect(self) -> Iterable[Metric]:
        """Return the numbers of this moment."""
        for name, (text, ask) in self._asked.items():
            yield GaugeMetricFamily(f"netsuite_{name}", text, value=ask())


class Counters:
    """Sums since the start, asked for when somebody scrapes; ``asked``: by name, without ``_total``."""

    def __init__(self, **asked: Asked) -> None:
        self._asked = asked

    def collect(self) -> Iterable[Metric]:
        """Return the sums so far."""
        for name, (text, ask) in self._asked.items():
            yield CounterMetricFamily(f"netsuite_{name}", text, value=ask())


def counted(name: str, text: str, label: str, counts: Mapping[str, float]) -> Metric:
    """Return sums that one label tells apart."""
    family = CounterMetricFamily(f"netsuite_{name}", text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def labelled(metrics: Iterable[Metric], **labels: str) -> Iterator[Metric]:
    """Return metrics whose samples have these labels, too."""
    for metric in metrics:
        metric.samples = [sample._replace(labels={**sample.labels, **labels}) for sample in metric.samples]
        yield metric


class Durations:
    """How long things took, by `bounds`."""

    __slots__ = ("_bounds", "_counts", "seconds")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """One more took so long."""
        self.seconds += seconds
        self._counts[bisect_left(self._bounds, seconds)] += 1

    def at_once(self, count: int) -> None:
        """So many more took no time worth measuring."""
        self._counts[0] += count

    def family(self, name: str, text: str) -> Metric:
        """Return them as Prometheus has them."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return HistogramMetricFamily(f"netsuite_{name}", text, buckets=buckets, sum_value=self.seconds)


class Requests:
    """Requests by status class, refusals by cause, bytes by direction, and how long requests took.

    ``listener``: by which they came, of several that a service has.
    """

    def __init__(self, *directions: str) -> None:
        """``directions``: of bytes, as ``to_client``."""
        self.listener = "port"
        self.classes = [0] * len(CLASSES)
        self.refusals: dict[str, int] = {}
        self.bytes = dict.fromkeys(directions or ("to_client",), 0)
        self.durations = Durations()

    def ended(self, status: int, seconds: float) -> None:
        """A request has ended.  ``status`` 0: before there was an answer."""
        self.classes[min(status // 100, 5)] += 1
        self.durations.add(seconds)

    def refused(self, cause: str) -> None:
        """A request was not done as asked.  ``cause``: of a closed set, or one that hooks made up."""
        if cause not in self.refusals and len(self.refusals) >= CAUSES_MAX:
            cause = "other"
        self.refusals[cause] = self.refusals.get(cause, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Return the counts as Prometheus has them."""
        return labelled(self._collect(), listener=self.listener)

    def _collect(self) -> Iterator[Metric]:
        classes = dict(zip(CLASSES, self.classes, strict=True))
        yield counted("requests", "Requests that ended, by status class.", "class", classes)
        yield counted("refusals", "Requests that we refused ourselves, by cause.", "cause", self.refusals)
        yield counted("bytes", "Bytes of bodies and tunnels.", "direction", self.bytes)
        yield self.durations.family("request_seconds", "How long requests took, from head to end.")


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
                (told,) = labelled([metric], **{self._label: owner})
                kept.samples += told.samples
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
