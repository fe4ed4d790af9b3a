"""The admin listener of a service: /healthz, /metrics and /status.json (``--admin``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.application import service
from twisted.internet import defer

from netsuite import journal
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.listen import Listening, Refused, Terminal, place
from netsuite.metrics import Gauges, exposition, registry
from netsuite.options import Common
from netsuite.site.answer import Answer, Asked, View, json_answer
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import Site, make_site
from netsuite.values import Where

#: Seconds that an answer under way gets when the service stops.
DRAIN_SECONDS = 2.0

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
        self.views: dict[str, View] = {
            "/healthz": self.healthz,
            "/metrics": self.metrics,
            "/status.json": self.status,
        }

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


class AdminService(service.Service):
    """Listens for ``--admin`` while it runs; nowhere if the settings name no place.

    ``views``, ``posts``: what the service has there beside the three.
    """

    def __init__(
        self,
        common: Common,
        *,
        name: str,
        status: Status,
        collectors: tuple[Any, ...],
        terminal: Terminal,
        reactor: Any,
        views: Mapping[str, View] | None = None,
        posts: Mapping[str, Post] | None = None,
    ) -> None:
        self.status, self.collectors = status, collectors
        self._common, self._owner = common, f"{name} admin"
        self._terminal, self._reactor = terminal, reactor
        self._crowd = Crowd(reactor, common)
        self._views = {**Admin(status, collectors).views, **(views or {})}
        self._posts = posts
        self._site: Site | None = None
        self._listening = self._listener(common.admin) if common.admin is not None else None

    def _made(self) -> Site:
        """Return the site, made when it is needed: most services have no admin listener."""
        if self._site is None:
            frame = Frame(self._owner)
            self._site = make_site(
                Routes(frame, self._views, posts=self._posts),
                frame,
                hosts=self._common.hosts,
                idle_seconds=self._common.idle_seconds,
                crowd=self._crowd,
                reactor=self._reactor,
            )
        return self._site

    def _listener(self, where: Where) -> Listening:
        return Listening(
            where,
            self._made(),
            owner=self._owner,
            option="--admin",
            terminal=self._terminal,
            reactor=self._reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )

    def addresses(self) -> list[tuple[str, int]]:
        """Return the (address, port) pairs really bound."""
        return self._listening.addresses() if self._listening is not None else []

    def privilegedStartService(self) -> None:
        """Bind now.  Raises: Refused."""
        super().privilegedStartService()
        if self._listening is not None:
            self._listening.privilegedStartService()

    def startService(self) -> None:
        """Begin sweeping; bind if that was not done yet.  Raises: Refused."""
        super().startService()
        self._crowd.start()
        if self._listening is not None:
            self._listening.startService()

    def prepare(self, common: Common) -> Callable[[], None]:
        """Return what puts other settings in force.  Raises: ValueError, OSError; then nothing changes."""
        move = None
        if common.admin is not None and self._listening is not None:
            move = self._listening.prepare(common.admin)

        def apply() -> None:
            self._common = common
            self._crowd.limit(common)
            if self._site is not None:
                self._site.answer_to(common.hosts, common.idle_seconds)
            if move is not None:
                move()
            elif common.admin is not None:
                self._open(common.admin)
            elif self._listening is not None:
                listening, self._listening = self._listening, None
                journal.detach(defer.maybeDeferred(listening.stopService), where="admin.close")

        return apply

    def _open(self, where: Where) -> None:
        listening = self._listener(where)
        try:
            listening.startService()
        except Refused as refused:
            journal.listener_kept(owner=self._owner, place=place(where), reason=str(refused))
        else:
            self._listening = listening
            journal.listener_moved(owner=self._owner, place=place(where))

    def stopService(self) -> defer.Deferred[None]:
        """Fires when nothing listens and the last connection is gone."""
        super().stopService()
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._listening is not None:
            await defer.maybeDeferred(self._listening.stopService)
        await self._crowd.drain(DRAIN_SECONDS)
