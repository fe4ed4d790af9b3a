"""The forward proxy as a service: how its parts are put together, started and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.access import Htpasswd
from netsuite.crowd import SWEEP_SECONDS, Crowd
from netsuite.guard import Guard
from netsuite.life import Life
from netsuite.listen import Listening, Terminal, authority
from netsuite.names import Names
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.chain import Chain
from netsuite.proxy.client import ProxyFactory
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.hooks import Hooks, NoHooks
from netsuite.proxy.pool import Pool
from netsuite.proxy.relay import Relay
from netsuite.proxy.rewrite import Via
from netsuite.proxy.settings import Options as Options
from netsuite.proxy.settings import Settings
from netsuite.site.admin import admin_service, crowd_gauges


class ProxyService(service.MultiService):
    """A listening proxy: binds, relays, and ends when what is in hand is done.

    ``own``: further listeners of this process, which may not be fetched from; ``more``: what /status.json
    tells besides.
    """

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        terminal: Terminal,
        *,
        hooks: Hooks,
        owner: str,
        own: Callable[[], Iterable[tuple[str, int]]] = tuple,
        more: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        super().__init__()
        self._reactor, self._settings, self._own = reactor, settings, own
        try:
            access = Htpasswd(settings.htpasswd, reactor) if settings.htpasswd else None
            log = AccessLog(settings.common.access_log)
            log.open()
        except (OSError, ValueError) as error:
            raise terminal.refuse(f"cannot start {owner}: {error}") from None
        guard = Guard(
            allow_private=settings.allow_private, allow_nets=settings.allow_nets, own=self.own_addresses
        )
        dialler = Dialler(reactor, guard, Names(reactor), Chain(), settings.connect_seconds)
        self.relay = Relay(
            reactor,
            limits=settings.limits,
            times=settings.times,
            rules=settings.rules,
            pool=Pool(reactor, dialler, settings.limits),
            via=Via(settings.via_name, shown=settings.via_shown),
            log=log,
            hooks=hooks,
            crowd=Crowd(reactor, settings.common),
            access=access,
            show_client=settings.show_client,
        )
        self.listening = Listening(
            settings.port,
            ProxyFactory(self.relay),
            owner=owner,
            option="--port",
            terminal=terminal,
            reactor=reactor,
        )
        self.listening.setServiceParent(self)
        self._admin = admin_service(
            settings.common,
            name=owner,
            status=lambda: {"state": "up", **self.status(), **more()},
            collectors=(crowd_gauges(self.relay.crowd), self.relay.tally),
            terminal=terminal,
            reactor=reactor,
        )
        if self._admin is not None:
            self._admin.setServiceParent(self)
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = reactor

    def own_addresses(self) -> Iterable[tuple[str, int]]:
        """Return every address that this process listens on."""
        admin = self._admin.addresses() if self._admin is not None else []
        return [*self.listening.addresses(), *admin, *self._own()]

    def place(self) -> str:
        """Return ``address:port`` as bound, for people."""
        return authority(*self.listening.addresses()[0])

    def status(self) -> dict[str, object]:
        """Return what /status.json tells of the relay."""
        crowd, pool = self.relay.crowd, self.relay.pool
        return {"connections": len(crowd), "refused": crowd.refused, "origins_open": len(pool.open)}

    def startService(self) -> None:
        """Begin sweeping."""
        super().startService()
        journal.show_queries(self._settings.common.log_queries)
        if self.relay.access is not None:
            self.relay.access.start()
        self.relay.crowd.start()
        journal.detach(self._sweeping.start(SWEEP_SECONDS, now=False), where="proxy.sweep")

    def _sweep(self) -> None:
        self.relay.pool.sweep(self._reactor.seconds())
        if self.relay.access is not None:
            self.relay.access.refresh()

    def reload(self) -> None:
        """Read the users again.  Raises: OSError, ValueError."""
        if self.relay.access is not None:
            self.relay.access.load()

    def reopen(self) -> None:
        """Open the access log again."""
        self.relay.log.open()

    def stopService(self) -> defer.Deferred[None]:
        """Fires when the last connection is gone."""
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await defer.maybeDeferred(super().stopService)
        await self.relay.crowd.drain(self._settings.times.drain)
        if self._sweeping.running:
            self._sweeping.stop()
        self.relay.pool.close()
        for upstream in list(self.relay.pool.open):
            upstream.transport.abortConnection()
        if self.relay.access is not None:
            self.relay.access.stop()
        self.relay.log.close()


class Proxy(service.MultiService):
    """``twistd proxy``: the proxy, its signals, and its first log line."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        super().__init__()
        terminal = Terminal()
        self._proxy = ProxyService(settings, reactor, terminal, hooks=NoHooks(), owner="proxy")
        Life(reactor, terminal, on_reload=self._proxy.reload, on_reopen=self._proxy.reopen).setServiceParent(
            self
        )
        self._proxy.setServiceParent(self)

    def startService(self) -> None:
        """Say where it listens."""
        super().startService()
        journal.service_ready(service="proxy", summary=f"proxy http://{self._proxy.place()}")


def makeService(options: Options) -> service.IService:
    """Return the proxy of ``options``; nothing listens yet."""
    from twisted.internet import reactor

    return Proxy(options.settings, reactor)
