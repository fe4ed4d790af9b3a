"""The admin listener of a service: /healthz, /readyz, /metrics and /status.json (``--admin``).

It listens until the last client of the service is gone, so that whoever watches sees the drain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.application import service
from twisted.internet import defer

from netsuite import journal
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.health import Connections, Expiries, Health, Reasons, Reloads, expiries, utc
from netsuite.listen import Listening, Refused, Terminal, place
from netsuite.metrics import Labelled, exposition, registry
from netsuite.options import Common, version_line
from netsuite.site.answer import Answer, Asked, View, json_answer
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import Site, make_site
from netsuite.values import Where
from netsuite.vitals import Vitals

#: Seconds that an answer under way gets when the service stops.
DRAIN_SECONDS = 2.0

Status = Callable[[], Mapping[str, Any]]


class Admin:
    """The four views.  ``status``: what /status.json tells; its ``state`` other than ``up`` is a 503.

    ``takes_clients``: whether whoever comes is served, be all well or not.
    """

    def __init__(
        self, status: Status, collectors: tuple[Any, ...], takes_clients: Callable[[], bool] = lambda: True
    ) -> None:
        self._status, self._registry = status, registry(*collectors)
        self._takes_clients = takes_clients
        self.views: dict[str, View] = {
            "/healthz": self.healthz,
            "/readyz": self.readyz,
            "/metrics": self.metrics,
            "/status.json": self.status,
        }

    async def healthz(self, asked: Asked) -> Answer:
        """``/healthz``: 200 while all is well, else 503 with the reasons."""
        status = self._status()
        state = status.get("state", "up")
        told = {"status": state, **({"reasons": status["reasons"]} if status.get("reasons") else {})}
        return json_answer(told, 200 if state == "up" else 503)

    async def readyz(self, asked: Asked) -> Answer:
        """``/readyz``: 200 while clients are served, for a balancer, though a store may be away."""
        is_ready = self._takes_clients()
        return json_answer({"ready": is_ready}, 200 if is_ready else 503)

    async def metrics(self, asked: Asked) -> Answer:
        """``/metrics``: the counters, as Prometheus reads them."""
        kind, body = exposition(self._registry, asked.headers.get("accept", ""))
        return Answer(body, kind)

    async def status(self, asked: Asked) -> Answer:
        """``/status.json``: what the service says of itself."""
        return json_answer(dict(self._status()))


class AdminService(service.Service):
    """Listens for ``--admin`` while it runs, and until a drain is over; nowhere if settings name no place.

    ``status``: what the service says of itself beside what is told of all; ``crowds``: its connections, by
    listener; ``listeners``: where they come from; ``reasons``: why something is not well; ``reloads``: as its
    `Life` has them; ``members``: whose numbers are told here, too; ``ended``: fires when the service has.
    ``views``, ``posts``: what it has here beside the four.
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
        crowds: Mapping[str, Crowd] | None = None,
        listeners: Callable[[], Iterable[Listening]] = tuple,
        reasons: Reasons = tuple,
        reloads: Reloads | None = None,
        members: Callable[[], Iterable[AdminService]] = tuple,
        ended: Callable[[], defer.Deferred[None]] = lambda: defer.succeed(None),
        views: Mapping[str, View] | None = None,
        posts: Mapping[str, Post] | None = None,
    ) -> None:
        self._common, self._name, self._owner = common, name, f"{name} admin"
        self._terminal, self._reactor = terminal, reactor
        self._crowd = Crowd(reactor, common)
        self._crowds = dict(crowds or {})
        connections = Connections(self._crowds)
        self.reloads = reloads or Reloads()
        self.health = Health(connections, listeners, reasons)
        self._own_crowds: dict[str, Crowd] = {}  # empty while nothing listens here
        own = (connections, Connections(self._own_crowds), self.health, self.reloads)
        self._own_status, self._members, self._ended = status, members, ended
        self.collectors = (*collectors, *own, Expiries(self._every_listener))
        self._vitals = Vitals(reactor)
        self._began = reactor.seconds()
        collected = (Labelled("service", self.owned), self._vitals)
        self._views = {
            **Admin(self.status_alone, collected, self.health.takes_clients).views,
            **(views or {}),
        }
        self._posts = posts
        self._site: Site | None = None
        self._listening = self._listener(common.admin) if common.admin is not None else None

    def join(
        self,
        *,
        crowds: Mapping[str, Crowd],
        collectors: tuple[Any, ...],
        listeners: Callable[[], Iterable[Listening]],
        reasons: Reasons,
    ) -> None:
        """All this is the service's, too."""
        self._crowds.update(crowds)
        self.collectors += collectors
        self.health.join(listeners, reasons)

    def _every_listener(self) -> list[Listening]:
        own = [self._listening] if self._listening is not None else []
        return [*self.health.listeners(), *own]

    def owned(self) -> Iterable[tuple[str, Any]]:
        """Return whose numbers /metrics has, and what collects them."""
        own = [(self._name, collector) for collector in self.collectors]
        return [*own, *(pair for member in self._members() for pair in member.owned())]

    def status(self) -> dict[str, Any]:
        """Return how the service is."""
        told: dict[str, Any] = {
            **self.health.told(),
            "connections": len(self.health.connections),
            "refused": self.health.connections.refused,
            "limits": self.health.connections.limits(),
            "listen": self.health.places(),
            "reloaded": self.reloads.reloaded,
            "reload": self.reloads.told(),
        }
        if ends := expiries(self._every_listener()):
            told["certificates"] = {path: utc(datetime.fromtimestamp(end, UTC)) for path, end in ends.items()}
        own = dict(self._own_status())
        reasons = [*told.get("reasons", ()), *own.pop("reasons", ())]
        if told["state"] == "draining" or own.get("state", "up") == "up":
            own["state"] = "failing" if reasons and told["state"] == "up" else told["state"]
        return {**told, **own, **({"reasons": reasons} if reasons else {})}

    def status_alone(self) -> dict[str, Any]:
        """Return the same with what is the process's: version and age."""
        uptime = int(self._reactor.seconds() - self._began)
        return {"name": self._name, "version": version_line(), "uptime_s": uptime, **self.status()}

    def _made(self) -> Site:
        """Return the site, made when it is needed: most services have no admin listener."""
        if self._site is None:
            frame = Frame(self._owner, service=self._name)
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
        self._own_crowds["admin"] = self._crowd
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
            self._vitals.start()

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
                self._own_crowds.clear()
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
        """Fires when the service's connections are gone, and then ours, and nothing listens."""
        super().stopService()
        self.health.is_stopping = True
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._listening is not None:
            await defer.DeferredList([self._ended(), *(crowd.emptied() for crowd in self._crowds.values())])
            await defer.maybeDeferred(self._listening.stopService)
        self._vitals.stop()
        await self._crowd.drain(DRAIN_SECONDS)
