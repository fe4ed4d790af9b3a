"""Echo: says back each line, or in raw mode each byte (RFC 862).  The smallest service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.application import service
from twisted.internet import defer
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal, options
from netsuite.crowd import NEVER, SHED_AT_ONCE, Crowd, may_connect
from netsuite.descriptors import fitted
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.options import Common
from netsuite.site.admin import AdminService, crowd_gauges
from netsuite.values import Network, Where
from netsuite.wire import IWire

#: Bytes of a tag; it is repeated in every answer.
TAG_MAX = 200

#: Ports whose services answer datagrams by themselves: echo, chargen, domain.
CHATTERING = frozenset((7, 19, 53))

#: Seconds that lines already received may take to be answered when the service stops.
DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What an echo service is told."""

    common: Common
    port: Where
    tag: bytes
    raw: bool
    max_line: int
    udp: bool


class Options(options.Options):
    """The command line of ``twistd echo``."""

    table = "echo"
    examples = """Examples:
  twistd -n echo                       on 127.0.0.1, port 5001
  twistd -n echo --tag blue -p 5002    answers "You said [blue]: ..."
  twistd -n echo --raw                 every byte back as sent"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "5001", "Port on 127.0.0.1, or an endpoint."],
        ["tag", "T", "", "Text in each answer, to tell instances apart."],
        ["max-line", None, "64KiB", "Longest line in bytes."],
        ["idle", None, "300", "Seconds without a byte after which a connection ends."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["raw", None, "Send back every byte as it came (RFC 862)."],
        ["udp", None, "Send back UDP datagrams too, on the same port."],
    ]

    def read(self) -> Settings:
        """Return the settings."""
        where, tag = self.where("port"), str(self["tag"]).encode()
        self.restrict("port", where)
        if len(tag) > TAG_MAX or b"\n" in tag or b"\r" in tag:
            self.fault("tag", f"is one line of at most {TAG_MAX} bytes")
        udp = bool(self["udp"])
        if udp and (where.public and not self["allow-client"]):  # a sender's address may be forged
            self.fault("udp", f"{where.text} is reached from other machines; add --allow-client NETWORK")
        if udp and where.descriptions and not where.descriptions[0].startswith("tcp:"):
            self.fault("udp", "needs a port number or a tcp: endpoint in --port")
        return Settings(self.common(), where, tag, bool(self["raw"]), self.size("max-line"), udp)


class Lines:
    """Cuts bytes into lines ending with LF or CRLF; a line is bytes, whatever its coding."""

    __slots__ = ("_held", "_most")

    def __init__(self, most: int) -> None:
        self._held, self._most = b"", most

    def feed(self, data: bytes) -> tuple[list[bytes], bool]:
        """Return the lines that are complete now, and whether a longer one than allowed has begun.

        The CR of a line ending is no part of the line and not counted.
        """
        whole: list[bytes] = []
        parts = (self._held + data).split(b"\n")
        for part in parts[:-1]:
            line = part.removesuffix(b"\r")
            if len(line) > self._most:
                return whole, True
            whole.append(line)
        self._held = parts[-1]
        return whole, len(self._held.removesuffix(b"\r")) > self._most


@implementer(IHalfCloseableProtocol)
class Echo(Protocol):
    """One client's connection."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport
    busy = False

    def __init__(self, owner: EchoFactory, client: str) -> None:
        self._owner, self._client = owner, client
        self._lines = Lines(owner.settings.max_line)
        tag = owner.settings.tag
        self._said = b"You said [" + tag + b"]: " if tag else b"You said: "
        self.deadline, self.ends = 0.0, NEVER

    def connectionMade(self) -> None:
        """Count the connection and let a slow reader stop our reading."""
        journal.echo_connected(client=self._client)
        self._owner.crowd.enter(self, self._client)
        self._touch()
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """Answer what came."""
        self._touch()
        if self._owner.settings.raw:
            self.transport.write(data)
            return
        whole, too_long = self._lines.feed(data)
        answer: list[bytes] = []
        for line in whole:
            if line == b"quit":
                self._end(b"".join(answer) + b"Goodbye.\r\n")
                return
            answer.append(self._said + line + b"\r\n")
        if too_long:
            journal.line_too_long(client=self._client, bound=self._owner.settings.max_line)
            self._end(b"".join(answer) + b"Line too long.\r\n")
        elif answer:
            self.transport.write(b"".join(answer))

    def _touch(self) -> None:
        self.deadline = self._owner.reactor.seconds() + self._owner.settings.common.idle_seconds

    def _end(self, words: bytes) -> None:
        self.transport.write(words)
        self.drain()

    def readConnectionLost(self) -> None:
        """The client sends no more: what it sent is answered, then the connection closes."""
        self.drain()

    def writeConnectionLost(self) -> None:
        """Nothing more can be told."""

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008 - Twisted's own
        """Forget the connection."""
        self._owner.crowd.leave(self)

    def overdue(self) -> None:
        """Silent for too long."""
        self.shut()

    def drain(self) -> None:
        """Close when what was said is sent; nothing more is read."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def shut(self) -> None:
        """Close now."""
        self.transport.abortConnection()


class EchoFactory(Factory):
    """Makes a protocol for each client that may connect."""

    noisy = False

    def __init__(self, settings: Settings, crowd: Crowd, reactor: Any) -> None:
        self.settings, self.crowd, self.reactor = settings, crowd, reactor

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol that echoes, or one that says why not."""
        host = getattr(addr, "host", "")
        reason = self.crowd.admit(host)
        return Echo(self, host) if reason is None else Turned(reason)


class Turned(Protocol):
    """A client that may not stay; it is told why."""

    transport: IWire  # type: ignore[assignment]  # as above

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connectionMade(self) -> None:
        """Say why and close."""
        self.transport.write(f"Refused: {self._reason}.\r\n".encode())
        self.transport.loseConnection()


class EchoDatagrams(DatagramProtocol):
    """Sends each datagram back as it came, so never more than it got: what is amplified invites reflection.

    Datagrams from ports of services that answer by themselves are ignored, or two would talk for ever.
    """

    noisy = False

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = networks

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Send it back."""
        if addr[1] not in CHATTERING and may_connect(addr[0], self._networks) and self.transport is not None:
            self.transport.write(datagram, addr)


class EchoService(service.MultiService):
    """Listens, and ends only when its clients have their answers."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        super().__init__()
        self._settings, self._reactor = settings, reactor
        self._datagrams: list[Any] = []
        self._terminal = terminal = Terminal()
        common = fitted(settings.common, each=1)
        self._crowd = Crowd(reactor, common)
        factory = EchoFactory(settings, self._crowd, reactor)
        self._listening = Listening(
            settings.port,
            factory,
            owner="echo",
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )
        admin = AdminService(
            common,
            name="echo",
            status=lambda: {"state": "up", "connections": len(self._crowd), "refused": self._crowd.refused},
            collectors=(crowd_gauges(self._crowd),),
            terminal=terminal,
            reactor=reactor,
        )
        for part in (Life(reactor, terminal), self._listening, admin):
            part.setServiceParent(self)

    def startService(self) -> None:
        """Say that it runs, in the tutorial's words, and where."""
        super().startService()
        self._crowd.start()
        if self._settings.udp:
            self._listen_udp()
        places = ", ".join(authority(*address) for address in self._listening.addresses())
        journal.service_ready(service="echo", summary=places)
        journal.echo_running()

    def _listen_udp(self) -> None:
        for host, port in self._listening.addresses():
            protocol = EchoDatagrams(self._settings.common.allow_clients)
            try:
                self._datagrams.append(self._reactor.listenUDP(port, protocol, interface=host))
            except CannotListenError as error:
                line = f"cannot start echo: UDP {authority(host, port)}: {error.socketError}"
                raise self._terminal.refuse(f"{line}. Choose another with --port.") from None

    def stopService(self) -> defer.Deferred[Any]:
        """Fires when the last connection is gone."""
        for port in self._datagrams:
            journal.detach(defer.maybeDeferred(port.stopListening), where="echo.udp")
        stopped = defer.maybeDeferred(super().stopService)
        drained = defer.Deferred.fromCoroutine(self._crowd.drain(DRAIN_SECONDS))
        return defer.gatherResults([stopped, drained])


def makeService(options: Options) -> service.IService:
    """Return the echo service of ``options``; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return EchoService(options.settings, reactor)
