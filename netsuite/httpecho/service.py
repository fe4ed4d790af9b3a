"""HTTP echo as a service: how its parts are put together, started, reloaded and stopped."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.access import Htpasswd
from netsuite.crowd import SHED_AT_ONCE, SWEEP_SECONDS, Crowd
from netsuite.descriptors import fitted
from netsuite.httpecho.answering import refused
from netsuite.httpecho.desk import Desk
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.own import Own
from netsuite.httpecho.settings import Options as Options
from netsuite.httpecho.settings import Settings
from netsuite.httpecho.visitor import Visitor
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.site.admin import AdminService
from netsuite.visits import Visits
from netsuite.wire import IWire

#: Settings that hold from the start to the end of a process.
FIXED = frozenset(("log_json",))


class Visitors(Factory):
    """Makes a protocol for each client that may connect."""

    noisy = False

    def __init__(self, hall: Hall, desk: Desk) -> None:
        self._hall, self._desk = hall, desk

    def acceptableProtocols(self) -> list[bytes]:
        """What is agreed on in TLS: no HTTP/2 (RFC 7301)."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol that echoes, or one that says why not."""
        host = getattr(addr, "host", "")
        why = self._hall.crowd.admit(host)
        return Visitor(self._hall, self._desk, host) if why is None else Turned(self._hall, why)


class Turned(Protocol):
    """A client that may not stay; it is told why."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, hall: Hall, why: str) -> None:
        self._hall, self._why = hall, why

    def connectionMade(self) -> None:
        """Say why and close."""
        later = ((b"Retry-After", b"5"),)
        told = refused(self._hall.heads, 503, self._why, is_11=self._hall.settings.http11, fields=later)
        self.transport.write(told)
        self.transport.loseConnection()


class EchoService(service.MultiService):
    """The listener, its clients, and what looks after them.  ``again`` reads the settings anew."""

    def __init__(self, settings: Settings, reactor: Any, again: Callable[[], Settings] | None = None) -> None:
        super().__init__()
        self._reactor, self._again = reactor, again or (lambda: settings)
        self._terminal = terminal = Terminal()
        settings = _fitted(settings)
        self._crowd = Crowd(reactor, settings.common)
        try:
            visits = self._opened(settings)
            users = Htpasswd(settings.htpasswd, reactor, service="httpecho") if settings.htpasswd else None
        except (OSError, ValueError) as error:
            raise terminal.refuse(f"cannot start httpecho: {error}") from None
        self.hall = Hall(settings, self._crowd, visits, reactor, key=secrets.token_bytes(32))
        desk = Desk(self.hall)
        self._own = self.hall.own = Own(self.hall, desk)
        self._own.users = users
        self._listening = Listening(
            settings.port,
            Visitors(self.hall, desk),
            owner="httpecho",
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )
        self._admin = AdminService(
            settings.common,
            name="httpecho",
            status=self._status,
            collectors=self.hall.collectors,
            crowds={"port": self._crowd},
            listeners=lambda: [self._listening],
            terminal=terminal,
            reactor=reactor,
        )
        life = Life(
            reactor,
            terminal,
            on_prepare=self.prepare_reload,
            on_reopen=self.reopen,
            drain_seconds=lambda: self.hall.settings.drain_seconds,
            reloads=self._admin.reloads,
        )
        for part in (life, self._listening, self._admin):
            part.setServiceParent(self)
        self._refreshing = LoopingCall(self._refresh)
        self._refreshing.clock = reactor

    def _opened(self, settings: Settings) -> Visits:
        visits = Visits(
            settings.common.access_log,
            soon=lambda call: self._reactor.callLater(0, call),
            rotation=settings.common.log_rotation,
            service="httpecho",
        )
        visits.open()
        return visits

    def _status(self) -> dict[str, object]:
        hall = self.hall
        return {
            "answered": hall.answered,
            "malformed": hall.malformed,
            "remembered": len(hall.ring),
            "instance": hall.instance,
            "tag": hall.settings.tag.decode(),
        }

    def _refresh(self) -> None:
        if self._own.users is not None:
            self._own.users.refresh()

    def startService(self) -> None:
        """Say where it listens."""
        super().startService()
        journal.show_queries(self.hall.settings.common.log_queries)
        if self._own.users is not None:
            self._own.users.start()
        self._crowd.start()
        journal.detach(self._refreshing.start(SWEEP_SECONDS, now=False), where="httpecho.sweep")
        journal.service_ready(service="httpecho", summary=f"httpecho {self.url()}")

    def url(self) -> str:
        """Return the address to set in a client."""
        text = self.hall.settings.port.descriptions[0]
        if text.startswith("unix:"):
            return f"unix:{self._listening.addresses()[0][0]}"
        scheme = self.hall.settings.port.scheme
        return f"{scheme}://{authority(*self._listening.addresses()[0])}/"

    # -- other settings while running ----------------------------------------------------------------------

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        told = _fitted(self._again())
        before, users = self.hall.settings, self._own.users
        move, apply_admin = self._listening.prepare(told.port), self._admin.prepare(told.common)
        use = self._prepare_users(told.htpasswd, users)
        visits = self._opened(told)
        visits.close()  # it can be opened; it may be that nothing comes of it, for another service's fault

        def apply() -> None:
            self._own.users = use()
            self._change_log(visits, told.common.access_log)
            self.hall.apply(replace(told, common=replace(told.common, log_json=before.common.log_json)))
            move()
            apply_admin()
            journal.show_queries(told.common.log_queries)
            self._tell(_differing(before, told) | _differing(before.common, told.common))

        return apply

    def _change_log(self, visits: Visits, path: str) -> None:
        try:
            visits.open()
        except OSError as error:
            journal.log_lost(where=path, text=str(error))
            return
        before, self.hall.visits = self.hall.visits, visits
        before.close()

    def _prepare_users(self, path: str | None, users: Htpasswd | None) -> Callable[[], Htpasswd | None]:
        """Return what puts the users of ``path`` in force.  Raises: ValueError, OSError."""
        if path is None:
            return lambda: None
        if users is not None:
            apply = users.prepare(path)

            def use() -> Htpasswd | None:
                apply()
                return users

            return use
        new = Htpasswd(path, self._reactor, service="httpecho")

        def begin() -> Htpasswd | None:
            new.start()
            return new

        return begin

    def _tell(self, changed: set[str]) -> None:
        shown = {name: name.replace("_", "-") for name in changed - {"common"}}
        done = sorted(shown[name] for name in shown if name not in FIXED)
        journal.reloaded(text=", ".join(done) or "no changes")
        if kept := sorted(shown[name] for name in shown if name in FIXED):
            journal.reload_kept(names=", ".join(kept))

    def reopen(self) -> None:
        """Open the access log again."""
        self.hall.visits.open()

    def stopService(self) -> defer.Deferred[None]:
        """Fires when the last connection is gone."""
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._refreshing.running:
            self._refreshing.stop()
        stopped = defer.maybeDeferred(super().stopService)
        await self._crowd.drain(self.hall.settings.drain_seconds)
        await stopped
        if self._own.users is not None:
            self._own.users.stop()
        self.hall.visits.close()


def _fitted(settings: Settings) -> Settings:
    return replace(settings, common=fitted(settings.common, each=1))


def _differing(old: Any, new: Any) -> set[str]:
    """Return the names of the settings that differ, of two of one kind."""
    names = (field.name for field in fields(old))
    return {name for name in names if getattr(old, name) != getattr(new, name)}


def makeService(options: Options) -> service.IService:
    """Return the HTTP echo service of ``options``; nothing listens yet."""
    from twisted.internet import reactor

    steady(reactor)
    return EchoService(options.settings, reactor, options.again)
