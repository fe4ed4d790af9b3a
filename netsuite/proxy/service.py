"""The forward proxy as a service: how its parts are put together, started, reloaded and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.access import Htpasswd
from netsuite.crowd import SHED_AT_ONCE, SWEEP_SECONDS, Crowd
from netsuite.descriptors import fitted
from netsuite.door import Inherited
from netsuite.guard import Guard
from netsuite.health import Connections
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.metrics import Gauges
from netsuite.names import Names
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.allowance import Bandwidth, Rate
from netsuite.proxy.chain import Chain, Way, with_password
from netsuite.proxy.client import ProxyFactory
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.hiring import hire, log_of
from netsuite.proxy.hooks import Hooks, load
from netsuite.proxy.pool import Pool
from netsuite.proxy.relay import Relay
from netsuite.proxy.rewrite import Via
from netsuite.proxy.settings import Options as Options
from netsuite.proxy.settings import Settings
from netsuite.proxy.workers import Workers
from netsuite.reloading import differing, tell_changes
from netsuite.site.admin import AdminService

#: Descriptors of a client: its own and its origin's; pipes are shared, and held only while bytes wait.
DESCRIPTORS_EACH = 2

#: Settings that hold from the start to the end of a process.
FIXED = frozenset(("workers", "log_json", "hooks"))


class ProxyService(service.MultiService):
    """A listening proxy: binds, relays, and ends when what is in hand is done.

    ``own``: further listeners of ours, which may not be fetched from; ``more``: what /status.json tells
    besides.  Of several processes: ``workers`` accept what is bound here; to a worker ``inherited`` are the
    sockets, ``key`` is that of all pseudonyms, and ``on_try`` is told of log-ins.
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
        inherited: Mapping[str, Inherited] | None = None,
        on_try: Callable[[str, bool], object] = lambda client, ok: None,
        key: bytes | None = None,
        workers: Workers | None = None,
    ) -> None:
        super().__init__()
        settings = _fitted(settings)
        self._reactor, self._settings, self._own, self._on_try = reactor, settings, own, on_try
        try:
            self._users = self._opened_users(settings.htpasswd) if settings.htpasswd else None
            self._chain = Chain(_with_passwords(settings.ways))
            log = self._opened_log(settings)
        except (OSError, ValueError) as error:
            raise terminal.refuse(f"cannot start {owner}: {error}") from None
        self._names = Names(reactor, settings.resolver)
        self.relay = Relay(
            reactor,
            limits=settings.limits,
            times=settings.times,
            rules=settings.rules,
            pool=Pool(reactor, self._dialler(settings), settings.limits),
            via=Via(settings.via_name, shown=settings.via_shown, key=key),
            log=log,
            hooks=hooks,
            crowd=Crowd(reactor, settings.common),
            access=self._users,
            show_client=settings.show_client,
            forwarded_for=settings.forwarded_for,
            rate=Rate(settings.rate) if settings.rate else None,
            bandwidth=Bandwidth(settings.bandwidth) if settings.bandwidth else None,
        )
        self.listening = Listening(
            settings.port,
            ProxyFactory(self.relay),
            owner=owner,
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=self._relieve,
            inherited=inherited,
            is_open=workers is None,
        )
        self.listening.setServiceParent(self)
        crowds = {"port": self.relay.crowd}
        self._connections = Connections(crowds)
        origins = Gauges(origins_open=("Connections to origins.", lambda: float(len(self.relay.pool.open))))
        own_numbers = (self.relay.meter, origins)
        self.collectors = (self._connections, *own_numbers)  # of a worker
        status = self.status if workers is None else workers.status
        self.admin = self._admin = AdminService(
            settings.common,
            name=owner,
            status=lambda: {**status(), **more()},
            collectors=own_numbers if workers is None else (workers.sums, workers.gauges()),
            crowds=crowds if workers is None else {},
            listeners=lambda: [self.listening],
            reasons=tuple if workers is None else workers.reasons,
            terminal=terminal,
            reactor=reactor,
        )
        self._admin.setServiceParent(self)
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = reactor

    def _opened_users(self, path: str) -> Htpasswd:
        return Htpasswd(path, self._reactor, self._on_try, service=self._settings.common.service)

    def _opened_log(self, settings: Settings) -> AccessLog:
        """Return the access log, open.  Raises: OSError."""
        log = AccessLog(
            settings.common.access_log,
            hosts_only=settings.hosts_only,
            form=settings.log_form,
            service=settings.common.service,
            soon=lambda call: self._reactor.callLater(0, call),
            rotation=settings.common.log_rotation,
        )
        log.open()
        return log

    def _dialler(self, settings: Settings) -> Dialler:
        guard = Guard(
            allow_private=settings.allow_private, allow_nets=settings.allow_nets, own=self.own_addresses
        )
        return Dialler(self._reactor, guard, self._names, self._chain, settings.connect_seconds)

    def own_addresses(self) -> Iterable[tuple[str, int]]:
        """Return every address that this process listens on."""
        return [*self.listening.addresses(), *self._admin.addresses(), *self._own()]

    @property
    def drain_seconds(self) -> float:
        """How long requests under way get at a stop."""
        return self._settings.times.drain

    def place(self) -> str:
        """Return ``address:port`` as bound, for people."""
        return authority(*self.listening.addresses()[0])

    def url(self) -> str:
        """Return the address to set in a client."""
        if self._settings.port.descriptions[0].startswith("unix:"):
            return f"unix:{self.listening.addresses()[0][0]}"
        scheme = self._settings.port.scheme
        return f"{scheme}://{self.place()}"

    def status(self) -> dict[str, object]:
        """Return what /status.json tells of the relay."""
        crowd, pool = self.relay.crowd, self.relay.pool
        return {
            "connections": len(crowd),
            "refused": crowd.refused,
            "limits": self._connections.limits(),
            "origins_open": len(pool.open),
        }

    def tried(self) -> dict[str, int]:
        """Return how often each client has failed to log in."""
        return self._users.tried if self._users is not None else {}

    def note_try(self, client: str, ok: bool) -> None:
        """Another process of ours has seen a client log in, or fail to."""
        if self._users is not None:
            self._users.note(client, ok)

    def _relieve(self) -> None:
        """Descriptors are lacking: let go of what nobody uses."""
        self.relay.pool.flush()
        self.relay.crowd.shed(SHED_AT_ONCE)

    def startService(self) -> None:
        """Begin sweeping."""
        super().startService()
        journal.show_queries(self._settings.common.log_queries)
        if self._users is not None:
            self._users.start()
        self.relay.crowd.start()
        journal.detach(self._sweeping.start(SWEEP_SECONDS, now=False), where="proxy.sweep")

    def _sweep(self) -> None:
        self.relay.pool.sweep(self._reactor.seconds())
        if self.relay.access is not None:
            self.relay.access.refresh()

    # -- other settings while running ----------------------------------------------------------------------

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Return what puts ``settings`` in force, between two requests and with all connections kept.

        Everything that can be wrong is tried first.  Raises: ValueError, OSError; then nothing has changed.
        """
        settings = _fitted(settings)
        use_users = self._prepare_users(settings.htpasswd)
        ways = _with_passwords(settings.ways)
        move = self.listening.prepare(settings.port)
        apply_admin = self._admin.prepare(settings.common)
        log = self._opened_log(settings)
        log.close()  # it can be opened; it may be that nothing comes of it, for another service's fault

        def apply() -> None:
            changed = differing(self._settings, settings) | differing(self._settings.common, settings.common)
            self._apply(settings, changed, ways)
            use_users()
            self._change_log(log, settings.common.access_log)
            move()
            apply_admin()
            before = self._settings
            common = replace(settings.common, log_json=before.common.log_json)
            self._settings = replace(settings, common=common, workers=before.workers, hooks=before.hooks)
            tell_changes(changed, FIXED)

        return apply

    def _change_log(self, log: AccessLog, path: str) -> None:
        try:
            log.open()
        except OSError as error:
            journal.log_lost(where=path, text=str(error))
            return
        before, self.relay.log = self.relay.log, log
        before.close()

    def _prepare_users(self, path: str | None) -> Callable[[], None]:
        users, is_new = self._users, self._users is None
        if path is None:
            read = None
        elif users is None:
            users, read = self._opened_users(path), None
        else:
            read = users.prepare(path)

        def use() -> None:
            if read is not None:
                read()
            if users is not None and is_new:
                self._users = users
                users.start()
            self.relay.access = users if path is not None else None

        return use

    def _apply(self, told: Settings, changed: set[str], ways: tuple[Way, ...]) -> None:
        relay = self.relay
        if "via_name" in changed or "via_shown" in changed:
            relay.via = Via(told.via_name, shown=told.via_shown, key=relay.via.key)
        if "rate" in changed:
            relay.rate = Rate(told.rate) if told.rate else None
        if "bandwidth" in changed:
            relay.bandwidth = Bandwidth(told.bandwidth) if told.bandwidth else None
        if "resolver" in changed:
            self._names = Names(self._reactor, told.resolver)
        self._names.clear()
        self._chain = Chain(ways)
        relay.rules, relay.limits, relay.times = told.rules, told.limits, told.times
        relay.show_client, relay.forwarded_for = told.show_client, told.forwarded_for
        relay.crowd.limit(told.common)
        relay.pool.limits, relay.pool.dialler = told.limits, self._dialler(told)
        relay.pool.flush()  # what was made under other rules serves nobody
        journal.show_queries(told.common.log_queries)

    def reopen(self) -> None:
        """Open the access log again."""
        self.relay.log.open()

    def stopService(self) -> defer.Deferred[None]:
        """Fires when the last connection is gone."""
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        stopped = defer.maybeDeferred(super().stopService)
        await self.relay.crowd.drain(self._settings.times.drain)
        await stopped
        if self._sweeping.running:
            self._sweeping.stop()
        self.relay.pool.close()
        for upstream in list(self.relay.pool.open):
            upstream.transport.abortConnection()
        if self._users is not None:
            self._users.stop()
        self.relay.log.close()


def _fitted(settings: Settings) -> Settings:
    return replace(settings, common=fitted(settings.common, DESCRIPTORS_EACH))


def _with_passwords(ways: tuple[Way, ...]) -> tuple[Way, ...]:
    return tuple(map(with_password, ways))


class Proxy(service.MultiService):
    """``twistd proxy``: the proxy, its workers if it has any, its signals, and its first log line."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        terminal, self._options, self._reactor = Terminal(), options, reactor
        self._told: Settings = options.settings
        count = self._told.workers
        self._workers = self._hired(count) if count > 1 else None
        try:
            hooks = load(self._told.hooks)
        except ValueError as error:
            raise terminal.refuse(f"cannot start proxy: {error}") from None
        self._proxy = ProxyService(
            options.settings, reactor, terminal, hooks=hooks, owner="proxy", workers=self._workers
        )
        life = Life(
            reactor,
            terminal,
            on_prepare=self.prepare_reload,
            on_reopen=self.reopen,
            reloads=self._proxy.admin.reloads,
            drain_seconds=lambda: self._proxy.drain_seconds,
        )
        for part in (life, self._proxy, self._workers):
            if part is not None:
                part.setServiceParent(self)

    def _hired(self, count: int) -> Workers:
        log = log_of(self._options.parent, self._told.common)
        return hire(count, self._reactor, proxy=lambda: self._proxy, told=lambda: self._told, log=log)

    def startService(self) -> None:
        """Say where it listens."""
        super().startService()
        journal.service_ready(service="proxy", summary=f"proxy {self._proxy.url()}")

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        told: Settings = self._options.again()
        apply_proxy = self._proxy.prepare(told)

        def apply() -> None:
            apply_proxy()
            self._told = replace(told, hooks=self._told.hooks)
            if self._workers is not None:
                self._workers.reload()

        return apply

    def reopen(self) -> None:
        """Logs are opened again."""
        self._proxy.reopen()
        if self._workers is not None:
            self._workers.reopen()


def makeService(options: Options) -> service.IService:
    """Return the proxy of ``options``; nothing listens yet."""
    from twisted.internet import reactor

    steady(reactor)
    return Proxy(options, reactor)
