"""What all connections of one service share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, Protocol

from prometheus_client.core import Metric

from netsuite.crowd import Crowd
from netsuite.http1.head import RequestHead
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.heads import Heads
from netsuite.httpecho.redaction import Redaction
from netsuite.httpecho.ring import Ring
from netsuite.httpecho.settings import Settings
from netsuite.metrics import Counters, Gauges, Requests
from netsuite.site.hosts import canonical
from netsuite.visits import Visits

#: Bytes of bodies that are kept for requests under way, all connections together; past it they are truncated.
HELD_MAX = 64 * 1024 * 1024


class OwnPaths(Protocol):
    """Answers for paths that are not echoed."""

    def take(self, seat: Any, errand: Errand, head: RequestHead, path: bytes, data: bytes) -> bytes | None:
        """Answer a request for a path of ours; return what is past it, None if the path is none."""


class Hall:
    """The ring, the crowd, the log, and who we are.

    ``instance``: tells this process from others; ``held``: bytes of bodies of requests under way.
    """

    own: OwnPaths

    def __init__(self, settings: Settings, crowd: Crowd, visits: Visits, reactor: Any, *, key: bytes) -> None:
        self.crowd, self.visits, self.reactor = crowd, visits, reactor
        self.host = socket.gethostname()
        self.instance = f"{_safe(self.host)}/{key[:4].hex()}"
        self.ring = Ring(settings.ring, settings.ring_bytes)
        self.redaction = Redaction(key)
        self.held = 0
        self.answered = self.malformed = 0
        self.requests = Requests()
        self.at_once = self.at_once_bytes = 0  # answered without an errand, and not among `requests` yet
        self.collectors = (self, self._gauges())
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """These settings hold for what is read from now on."""
        self.settings = settings
        self.heads = Heads(self.instance, settings.tag)
        self.ring.limit(settings.ring, settings.ring_bytes)
        self.crowd.limit(settings.common)
        self.names = frozenset(map(canonical, settings.common.hosts))

    @property
    def refused(self) -> int:
        """Requests refused: too large, too slow, or a bad order."""
        return sum(self.requests.refusals.values())

    def collect(self) -> Iterator[Metric]:
        """Return what /metrics tells of requests."""
        requests, count = self.requests, self.at_once
        requests.classes[2] += count
        requests.durations.at_once(count)
        requests.bytes["to_client"] += self.at_once_bytes
        self.at_once = self.at_once_bytes = 0
        yield from requests.collect()
        malformed = ("Malformed requests that were echoed.", lambda: float(self.malformed))
        yield from Counters(requests_malformed=malformed).collect()

    def _gauges(self) -> Gauges:
        return Gauges(
            ring_requests=("Requests remembered now.", lambda: float(len(self.ring))),
            ring_bytes=("Bytes of them.", lambda: float(self.ring.bytes)),
            body_bytes_held=("Bytes of request bodies held now.", lambda: float(self.held)),
        )


def _safe(name: str) -> str:
    """A host name as it may stand in a field."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "-._") else "-" for char in name)[
        :100
    ]
