"""How the process itself is: processor, memory, descriptors, how late the event loop is, what the log lost.

The loop's lag is how much later than due a call comes that is due every half second: whoever holds up the
loop, or the machine, is seen there, whatever it was.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from prometheus_client import ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from twisted.internet.task import LoopingCall

import twisted
from netsuite import journal
from netsuite.metrics import Counters, Durations, counted

#: Seconds between two looks at how late the loop is.
LOOK_SECONDS = 0.5

#: Upper bounds of the histogram of lags, in seconds.
LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Vitals:
    """Numbers of this process; there is one in it."""

    def __init__(self, reactor: Any) -> None:
        self._reactor, self._lags, self._due = reactor, Durations(LAGS), 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._process: Any = ProcessCollector(registry=None)
        self._lost = Counters(
            log_lines_lost=("Log lines that could not be written.", lambda: float(journal.tally.lost_lines))
        )

    def start(self) -> None:
        """Begin to look."""
        self._due = self._reactor.seconds() + LOOK_SECONDS
        journal.detach(self._looking.start(LOOK_SECONDS, now=False), where="vitals")

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        now = self._reactor.seconds()
        self._lags.add(max(0.0, now - self._due))
        missed = int((now - self._due) / LOOK_SECONDS)  # LoopingCall leaves out what it is too late for
        self._due += LOOK_SECONDS * (1 + max(0, missed))

    def collect(self) -> Iterator[Metric]:
        """Return the numbers of this moment."""
        yield InfoMetricFamily("netsuite_build", "What runs.", value=versions())
        yield from self._process.collect()
        yield self._lags.family("loop_lag_seconds", "How much later than due the event loop called us.")
        yield counted("faults", "Bugs of ours that ended a request, by where.", "where", journal.tally.faults)
        yield from self._lost.collect()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what a process tells depends on the system."""
        return ()


def versions() -> dict[str, str]:
    """Return the versions of what runs."""
    return {
        "version": version("netsuite"),
        "twisted": twisted.__version__,
        "python": platform.python_version(),
    }
