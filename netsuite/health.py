"""How a service is, as its admin listener tells: its connections, listeners, reloads, and what is wrong.

A service is *up* while it listens everywhere it should, its store takes what it is to keep, and whoever works
for it is alive.  Else it is *failing*, with a reason each in words; from the first moment of a stop it is
*draining*.  Up or failing, it may take clients: that is another question, and a balancer's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from netsuite.crowd import Crowd
from netsuite.listen import Listening, authority
from netsuite.metrics import Gauges

#: Reasons why something is not well; none: all is well.
Reasons = Callable[[], Iterable[str]]


def utc(moment: datetime) -> str:
    """Return a time as our data have it: ``2026-01-05T10:33:44Z``."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


class Reloads:
    """What became of the last reload, and when settings were last put in force."""

    def __init__(self, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self._read_at = wall()
        self.failure = ""  # why the last one changed nothing
        self.tried_at: datetime | None = None
        self.done = self.failed = 0

    def worked(self) -> None:
        """Settings were read and are in force."""
        self._read_at = self.tried_at = self._wall()
        self.failure = ""
        self.done += 1

    def refused(self, why: str) -> None:
        """Settings could not be read, and the old ones are kept."""
        self.tried_at, self.failure = self._wall(), why
        self.failed += 1

    def told(self) -> dict[str, object] | None:
        """Return the last one as JSON has it, None before there was any."""
        if self.tried_at is None:
            return None
        return {"at": utc(self.tried_at), "ok": not self.failure, "message": self.failure or None}

    @property
    def reloaded(self) -> str | None:
        """When a reload was last in force, None before there was any."""
        return utc(self._read_at) if self.done else None

    def collect(self) -> Iterable[Metric]:
        """Return it for /metrics, by the names that Prometheus has for its own."""
        return Gauges(
            config_last_reload_successful=(
                "Whether the last reload was put in force; 1 before there was any.",
                lambda: float(not self.failure),
            ),
            config_last_reload_success_timestamp_seconds=(
                "When settings were last put in force, at a start or by a reload.",
                lambda: self._read_at.timestamp(),
            ),
        ).collect()


class Connections:
    """A service's connections, by listener: ``port``, ``report``, ``admin``."""

    def __init__(self, crowds: Mapping[str, Crowd]) -> None:
        self._crowds = crowds

    def _gauge(self, name: str, text: str, ask: Callable[[Crowd], float]) -> Metric:
        family = GaugeMetricFamily(f"netsuite_{name}", text, labels=["listener"])
        for listener, crowd in self._crowds.items():
            family.add_metric([listener], ask(crowd))
        return family

    def _counter(self, name: str, text: str, ask: Callable[[Crowd], float]) -> Metric:
        family = CounterMetricFamily(f"netsuite_{name}", text, labels=["listener"])
        for listener, crowd in self._crowds.items():
            family.add_metric([listener], ask(crowd))
        return family

    def collect(self) -> Iterator[Metric]:
        """Return them for /metrics."""
        yield self._gauge("connections", "Connections open now.", len)
        yield self._gauge("connections_max", "Connections that there may be.", lambda crowd: crowd.most)
        yield self._counter("connections_accepted", "Connections taken.", lambda crowd: crowd.accepted)
        yield self._counter(
            "connections_shed", "Idle ones closed to make room.", lambda crowd: crowd.shed_count
        )
        yield self._counter(
            "connections_overdue", "Those ended by a limit in time.", lambda crowd: crowd.overdue_count
        )
        refused = CounterMetricFamily(
            "netsuite_connections_refused", "Connections not taken, by cause.", labels=["listener", "cause"]
        )
        for listener, crowd in self._crowds.items():
            for cause, count in crowd.refusals.items():
                refused.add_metric([listener, cause], count)
        yield refused

    def limits(self) -> dict[str, int]:
        """Return how often each bound on connections was hit, those that never were left out."""
        hits: dict[str, int] = {}
        for crowd in self._crowds.values():
            told = {**crowd.refusals, "shed": crowd.shed_count, "overdue": crowd.overdue_count}
            for cause, count in told.items():
                hits[cause] = hits.get(cause, 0) + count
        return {cause: count for cause, count in hits.items() if count}

    def __len__(self) -> int:
        return sum(len(crowd) for crowd in self._crowds.values())

    @property
    def refused(self) -> int:
        """Connections that were not taken."""
        return sum(crowd.refused for crowd in self._crowds.values())

    @property
    def is_draining(self) -> bool:
        """Whether one of them is ending."""
        return any(crowd.is_draining for crowd in self._crowds.values())


class Health:
    """Up, failing or draining, and why.  ``listeners``: where the service is to be reached."""

    def __init__(
        self,
        connections: Connections,
        listeners: Callable[[], Iterable[Listening]] = tuple,
        reasons: Reasons = tuple,
    ) -> None:
        self.connections = connections
        self._listeners, self._reasons = [listeners], [reasons]
        self.is_stopping = False

    def join(self, listeners: Callable[[], Iterable[Listening]], reasons: Reasons) -> None:
        """These are asked, too."""
        self._listeners.append(listeners)
        self._reasons.append(reasons)

    def listeners(self) -> list[Listening]:
        """Return where the service is to be reached."""
        return [each for listeners in self._listeners for each in listeners()]

    def closed(self) -> list[str]:
        """Return which listeners are not bound, a line each."""
        return [f"{each.owner} doesn't listen" for each in self.listeners() if not each.is_up]

    def takes_clients(self) -> bool:
        """Whether whoever comes is served."""
        return not (self.is_draining or self.closed())

    @property
    def is_draining(self) -> bool:
        """Whether the service is about to end."""
        return self.is_stopping or self.connections.is_draining

    def told(self) -> dict[str, Any]:
        """Return the state, and the reasons where there are some."""
        if self.is_draining:
            return {"state": "draining", "reasons": ["it is being stopped"]}
        reasons = [*self.closed(), *(why for ask in self._reasons for why in ask())]
        return {"state": "failing", "reasons": reasons} if reasons else {"state": "up"}

    def places(self) -> list[str]:
        """Return where the service is reached, as ``tcp:127.0.0.1:5001``."""
        return [
            f"tcp:{authority(*address)}" if address[1] else f"unix:{address[0]}"
            for each in self.listeners()
            for address in each.addresses()
        ]

    def collect(self) -> Iterable[Metric]:
        """Return it for /metrics."""
        told = self.told()
        return Gauges(
            healthy=("Whether all is well: 1, else 0.", lambda: float(told["state"] == "up")),
            draining=("Whether the service is being stopped.", lambda: float(self.is_draining)),
        ).collect()


class Expiries:
    """When the certificates end that listeners show, for /metrics."""

    def __init__(self, listeners: Callable[[], Iterable[Listening]]) -> None:
        self._listeners = listeners

    def collect(self) -> Iterator[Metric]:
        """Return the soonest end of each listener that speaks TLS."""
        family = GaugeMetricFamily(
            "netsuite_certificate_expiry_timestamp_seconds",
            "When the certificate ends that a listener shows.",
            labels=["listener"],
        )
        for listening in self._listeners():
            ends = [shown.pair.ends for shown in listening.shown]
            if ends:
                family.add_metric([listening.option.lstrip("-")], min(ends))
        yield family


def expiries(listeners: Iterable[Listening]) -> dict[str, float]:
    """Return when each certificate ends that listeners show, by its file."""
    return {shown.files.certificate: shown.pair.ends for listening in listeners for shown in listening.shown}


def unwritable(path: str) -> Iterator[str]:
    """Return why nothing can be written beside ``path``, if that is so; asks the system, writes nothing."""
    folder = os.path.dirname(path) or "."
    try:
        if not os.access(folder, os.W_OK):
            yield f"{folder} can't be written to"
        elif not os.statvfs(folder).f_bavail:
            yield f"{folder}: no space left"
    except OSError as error:
        yield f"{folder}: {error.strerror}"
