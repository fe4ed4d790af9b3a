"""The admin listener of a service: /healthz, /metrics and /status.json (``--admin``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netsuite.crowd import Crowd
from netsuite.listen import Listening, Terminal
from netsuite.metrics import Gauges, exposition, registry
from netsuite.options import Common
from netsuite.site.answer import Answer, Asked, json_answer
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import make_site

Status = Callable[[], Mapping[str, Any]]


def crowd_gauges(crowd: Crowd) -> Gauges:
    """Return the connections of a listener, open and refused, for /metrics."""
    return Gauges(
        connections=("Connections open now.", lambda: float(len(crowd))),
        connections_refused=("Connections not taken, since the start.", lambda: float(crowd.refused)),
    )


class Admin:
    """The three views.  ``status``: what /status.json tells; its ``state`` other than ``up`` is a 503."""

    def __init__(self, status: Status, collectors: tuple[Any, ...]) -> None:
        self._status, self._registry = status, registry(*collectors)

    async def healthz(self, asked: Asked) -> Answer:
        """``/healthz``: 200 while the service is up."""
        state = self._status().get("state", "up")
        return json_answer({"status": state}, 200 if state == "up" else 503)

    async def metrics(self, asked: Asked) -> Answer:
        """``/metrics``: the counters, as Prometheus reads them."""
        kind, body = exposition(self._registry, asked.headers.get("accept", ""))
        return Answer(body, kind)

    async def status(self, asked: Asked) -> Answer:
        """``/status.json``: what the service says of itself."""
        return json_answer(dict(self._status()))


def admin_service(
    common: Common,
    *,
    name: str,
    status: Status,
    collectors: tuple[Any, ...],
    terminal: Terminal,
    reactor: Any,
) -> Listening | None:
    """Return what listens for ``--admin``, None where it was not asked for."""
    if common.admin is None:
        return None
    views = Admin(status, collectors)
    frame = Frame(f"{name} admin")
    routes = Routes(
        frame, {"/healthz": views.healthz, "/metrics": views.metrics, "/status.json": views.status}
    )
    site = make_site(
        routes,
        frame,
        hosts=common.hosts,
        idle_seconds=common.idle_seconds,
        crowd=Crowd(reactor, common),
        reactor=reactor,
    )
    return Listening(
        common.admin, site, owner=f"{name} admin", option="--admin", terminal=terminal, reactor=reactor
    )
