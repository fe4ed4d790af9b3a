"""What counting tells /metrics: pages counted and skipped, what waits, whether a counter runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import Metric

from netsuite.metrics import Counters, Gauges, counted
from netsuite.wordproxy.events import Events


class Scraped:
    """Numbers of one feed.  ``status``: as the feed's, with ``paused``."""

    def __init__(self, events: Events, status: Callable[[], Mapping[str, Any]]) -> None:
        self._events, self._status = events, status

    def collect(self) -> Iterator[Metric]:
        """Return the numbers of this moment."""
        told, events = self._status(), self._events
        yield from Counters(
            pages_counted=("Pages whose words were counted.", lambda: float(events.pages)),
            words_counted=("Words that were counted.", lambda: float(events.words)),
            counters_lost=("Counters that ended and were replaced.", lambda: float(told["restarts"])),
        ).collect()
        reasons = {reason.replace(" ", "_"): count for reason, count in events.reasons.items()}
        yield counted("pages_skipped", "Pages that were not counted, by reason.", "reason", reasons)
        yield from Gauges(
            counters_running=("Counter processes that are at work.", lambda: float(bool(told["counter"]))),
            pages_waiting=("Pages held for the counter or the store.", lambda: float(told["waiting_pages"])),
            pages_waiting_bytes=("Bytes of them.", lambda: float(told["waiting_bytes"])),
            batches_spooled=("Batches that wait for the store to be back.", lambda: float(told["spooled"])),
            store_failing=("Whether the store refuses just now.", lambda: float(bool(told["trouble"]))),
            counting_paused=("Whether counting is paused.", lambda: float(bool(told["paused"]))),
        ).collect()


def reasons(status: Mapping[str, Any]) -> Iterable[str]:
    """Return why counting is not well, of one feed or of several workers'.  A first one has its time."""
    counters = status.get("counters") if "counters" in status else [status.get("counter")]
    if status.get("restarts") and not any(counters or ()):
        yield "no counter runs"
    if status.get("trouble"):
        yield f"counting: {status['trouble']}"
