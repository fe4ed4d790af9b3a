"""The forward proxy as a service: its options, its settings, and how its parts are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal, options
from netsuite.access import Htpasswd
from netsuite.crowd import SWEEP_SECONDS, Crowd
from netsuite.guard import Guard
from netsuite.http1.limits import Limits
from netsuite.life import Life
from netsuite.listen import Listening, Terminal, authority
from netsuite.names import Names
from netsuite.options import Common, Network, Where
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.chain import Chain
from netsuite.proxy.client import ProxyFactory
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.hooks import Hooks, NoHooks
from netsuite.proxy.pool import Pool
from netsuite.proxy.relay import Relay, Times
from netsuite.proxy.rewrite import Via
from netsuite.proxy.route import Rules
from netsuite.site.admin import admin_service, crowd_gauges

#: Ports that tunnels may always go to.
TUNNEL_PORTS = ((443, 443), (8443, 8443))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a proxy is told."""

    common: Common
    port: Where
    htpasswd: str | None
    allow_private: bool
    allow_nets: tuple[Network, ...]
    rules: Rules
    limits: Limits
    times: Times
    connect_seconds: float
    via_name: str | None
    via_shown: bool
    show_client: bool


class Options(options.Options):
    """The command line of ``twistd proxy``."""

    table = "proxy"
    REMEDY = "--htpasswd FILE, --allow-client NETWORK or --allow-public"
    examples = """Examples:
  twistd -n proxy                          on 127.0.0.1, port 8001
  twistd -n proxy --allow-net 127.0.0.1/32 may fetch from this machine too, for a trial
  curl -x 127.0.0.1:8001 http://www.example.org/"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "8001", "Port on 127.0.0.1, or an endpoint."],
        ["htpasswd", "A", None, "File of users; bcrypt, SHA-512 or apr1 hashes."],
        ["max-clients", None, "1024", "Connections at once."],
        ["connect-timeout", None, "10", "Seconds for a connection to an origin."],
        ["header-timeout", None, "15", "Seconds for a request's head."],
        ["answer-timeout", None, "120", "Seconds for an origin's first byte."],
        ["drain", None, "10", "Seconds that requests under way get when the service stops."],
        ["max-header", None, "64KiB", "Largest head in bytes."],
        ["max-body", None, None, "Largest request body in bytes (none)."],
        ["via", None, None, "Our name in Via (a pseudonym for each origin)."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["allow-private", None, "Let private addresses be fetched from."],
        ["no-via", None, "Send no Via."],
        ["no-client-addr", None, "Keep clients' addresses out of the log."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["allow-net", None, "Network that may be fetched from though it is not public"],
        ["connect-port", None, "More ports that tunnels may go to, N or N-M"],
    ]

    def read(self) -> Any:
        """Return the settings."""
        return self.proxy_settings()

    def proxy_settings(self) -> Settings:
        """Return what the proxy is told."""
        where, htpasswd = self.where("port"), self.path("htpasswd")
        self.restrict("port", where, htpasswd)
        ports = tuple(pair for pairs in self.take_all("connect-port", options.parse_ports) for pair in pairs)
        head_bytes = self.size("max-header")
        if not 1024 <= head_bytes <= 1 << 20:
            self.fault("max-header", "is from 1KiB to 1MiB")
        via = self["via"]
        if via is not None and not (via.isascii() and via.replace("-", "").replace(".", "").isalnum()):
            self.fault("via", "is a name of letters, digits, dots and hyphens")
        return Settings(
            common=self.common(),
            port=where,
            htpasswd=htpasswd,
            allow_private=bool(self["allow-private"]),
            allow_nets=self.networks("allow-net"),
            rules=Rules(TUNNEL_PORTS + ports, None if self["max-body"] is None else self.size("max-body")),
            limits=Limits(head_bytes=max(1024, head_bytes)),
            times=Times(
                idle=self.seconds("idle"),
                header=self.seconds("header-timeout"),
                answer=self.seconds("answer-timeout"),
                drain=self.seconds("drain"),
            ),
            connect_seconds=self.seconds("connect-timeout"),
            via_name=via,
            via_shown=not self["no-via"],
            show_client=not self["no-client-addr"],
        )


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
