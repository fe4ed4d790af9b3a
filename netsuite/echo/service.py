"""Echo as a service: it listens, and ends only when its clients have their answers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from OpenSSL import SSL
from twisted.application import service
from twisted.internet import defer
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from netsuite import journal
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.descriptors import fitted
from netsuite.echo.client import Echo
from netsuite.echo.datagrams import EchoDatagrams
from netsuite.echo.desk import Desk
from netsuite.echo.settings import Options, Settings
from netsuite.echo.shared import Shared
from netsuite.echo.told import shown
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.reloading import differing, tell_changes
from netsuite.site.admin import AdminService
from netsuite.site.answer import JSON
from netsuite.site.routes import Post
from netsuite.tlspeer import ask_for_certificates
from netsuite.wire import IWire

#: Seconds that lines already received may take to be answered when the service stops.
DRAIN_SECONDS = 5.0

#: Settings that hold from start to end.
FIXED = frozenset(("udp", "record", "max_record", "log_json"))

__all__ = ["EchoFactory", "EchoService", "Options", "makeService"]


class EchoFactory(Factory):
    """Makes a protocol for each client that may connect."""

    noisy = False

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol that echoes, or one that says why not."""
        host, port = getattr(addr, "host", ""), getattr(addr, "port", 0)
        is_balancer = self._is_balancer(host)
        reason = self._shared.crowd.admit(host, speaks_for_others=is_balancer)
        if reason is not None:
            return Turned(reason)
        return Echo(self._shared, host, port, brought=is_balancer)

    def _is_balancer(self, host: str) -> bool:
        networks = self._shared.settings.balancers
        if not networks or not host:
            return False
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any(address in network or (mapped is not None and mapped in network) for network in networks)


class Turned(Protocol):
    """A client that may not stay; it is told why."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connectionMade(self) -> None:
        """Say why and close."""
        self.transport.write(f"Refused: {self._reason}.\r\n".encode())
        self.transport.loseConnection()


class EchoService(service.MultiService):
    """The listener, its clients, and what looks after them."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        settings: Settings = options.settings
        self._options, self._settings, self._reactor = options, settings, reactor
        self._datagrams: list[Any] = []
        self._terminal = terminal = Terminal()
        common = fitted(settings.common, each=1)
        self._crowd = Crowd(reactor, common)
        self._shared = shared = Shared(settings, self._crowd, reactor)
        self._listening = Listening(
            settings.port,
            EchoFactory(shared),
            owner="echo",
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
            dress=self._ask_for_certificates,
        )
        desk = Desk(shared)
        self._admin = admin = AdminService(
            common,
            name="echo",
            status=self._status,
            collectors=(shared,),
            crowds={"port": self._crowd},
            listeners=lambda: [self._listening],
            views={"/faults": desk.shown},
            posts={"/faults": Post(desk.replaced, purpose=None, kinds=(JSON,), method="PUT")},
            terminal=terminal,
            reactor=reactor,
        )
        life = Life(
            reactor, terminal, on_prepare=self.prepare_reload, on_reopen=self._reopen, reloads=admin.reloads
        )
        for part in (life, self._listening, admin):
            part.setServiceParent(self)

    def _status(self) -> dict[str, object]:
        return {
            "faults": self._shared.told(),
            "done": self._shared.counts,
        }

    def _reopen(self) -> None:
        if self._shared.transcript is not None:
            try:
                self._shared.transcript.open()
            except (OSError, ValueError) as error:
                journal.log_lost(where=str(self._settings.record), text=str(error))

    def privilegedStartService(self) -> None:
        """Bind, and open what is written to.  Raises: Refused."""
        super().privilegedStartService()
        try:
            if self._shared.transcript is not None:
                self._shared.transcript.open()
        except (OSError, ValueError) as error:
            raise self._terminal.refuse(f"cannot start echo: {error}") from None

    def _ask_for_certificates(self, context: SSL.Context) -> None:
        told = self._shared.settings
        if told.peer_info:
            ask_for_certificates(context, told.client_ca)

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        read: Settings = self._options.again()
        told = replace(read, common=fitted(read.common, each=1))
        move = self._listening.prepare(told.port)
        apply_admin = self._admin.prepare(told.common)
        if told.client_ca is not None:
            ask_for_certificates(SSL.Context(SSL.TLS_METHOD), told.client_ca)

        def apply() -> None:
            changed = differing(self._settings, read) | differing(self._settings.common, read.common)
            self._crowd.limit(told.common)
            self._shared.become(told)
            move()
            apply_admin()
            kept = {name: getattr(self._settings, name) for name in ("udp", "record", "max_record")}
            self._settings = replace(read, **kept)
            tell_changes(changed, FIXED)

        return apply

    def startService(self) -> None:
        """Say that it runs, in the tutorial's words, and where."""
        super().startService()
        self._crowd.start()
        if self._settings.udp:
            self._listen_udp()
        places = ", ".join(authority(*address) for address in self._listening.addresses())
        journal.service_ready(service="echo", summary=places)
        if not self._shared.faults.is_calm:
            journal.echo_faults(by="start", text=f"{shown(self._shared.faults)}, seed {self._shared.seed}")
        journal.echo_running()

    def _listen_udp(self) -> None:
        for host, port in self._listening.addresses():
            try:
                self._datagrams.append(
                    self._reactor.listenUDP(port, EchoDatagrams(self._shared), interface=host)
                )
            except CannotListenError as error:
                line = f"cannot start echo: UDP {authority(host, port)}: {error.socketError}"
                raise self._terminal.refuse(f"{line}. Choose another with --port.") from None

    def stopService(self) -> defer.Deferred[Any]:
        """Fires when the last connection is gone."""
        for port in self._datagrams:
            journal.detach(defer.maybeDeferred(port.stopListening), where="echo.udp")
        stopped = defer.maybeDeferred(super().stopService)
        drained = defer.Deferred.fromCoroutine(self._crowd.drain(DRAIN_SECONDS))
        drained.addCallback(self._close)
        return defer.gatherResults([stopped, drained])

    def _close(self, _drained: object) -> None:
        if self._shared.transcript is not None:
            self._shared.transcript.close()


def makeService(options: Options) -> service.IService:
    """Return the echo service of ``options``; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return EchoService(options, reactor)
