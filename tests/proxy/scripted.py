"""A proxy's client connection and its origins, in memory: what is sent is kept, what is closed is told."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import ClientFactory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netsuite.crowd import Crowd
from netsuite.guard import Guard
from netsuite.http1.head import RequestHead, ResponseHead, parse_request
from netsuite.http1.limits import Limits
from netsuite.names import Names
from netsuite.options import Common
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.chain import Chain
from netsuite.proxy.client import ProxyFactory
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.hooks import Hooks, NoHooks
from netsuite.proxy.pool import Pool
from netsuite.proxy.relay import Relay, Times
from netsuite.proxy.rewrite import Via
from netsuite.proxy.route import Rules

#: The origin of most tests.
HOST = b"127.0.0.1:8080"
OWN = ("127.0.0.1", 8001)


def request(method: bytes = b"GET", path: bytes = b"/", *lines: bytes, host: bytes = HOST) -> bytes:
    """Return a request in absolute form, with further field lines."""
    head = [b"%b http://%b%b HTTP/1.1" % (method, host, path), b"Host: " + host, *lines]
    return b"\r\n".join(head) + b"\r\n\r\n"


def parsed(data: bytes) -> RequestHead:
    """Return the head at the start of ``data``."""
    return parse_request(data.partition(b"\r\n\r\n")[0], Limits())


class Wire:
    """A connection as Twisted's are: it keeps what is sent and tells its protocol the end when it is let."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.sent = b""
        self.paused = self.disconnecting = self.aborted = self.half_closed = self.gone = False
        self.producer: Any = None
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """Keep ``data``; a closed connection takes none."""
        if not (self.gone or self.half_closed or self.disconnecting):
            self.sent += data

    def loseConnection(self) -> None:
        """Close soon."""
        self.disconnecting = True

    stopProducing = loseConnection

    def abortConnection(self) -> None:
        """Reset soon."""
        self.disconnecting = self.aborted = True

    def loseWriteConnection(self) -> None:
        """Send FIN."""
        self.half_closed = True

    def pauseProducing(self) -> None:
        """Read nothing."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Read again."""
        self.paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take a producer; there may be one."""
        if self.producer is not None:
            raise RuntimeError("there is a producer")
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Forget the producer, if any."""
        self.producer = None

    def getPeer(self) -> Any:
        """Return nothing of use."""

    getHost = getPeer

    # what the other side does

    def feed(self, data: bytes) -> None:
        """Deliver bytes of the peer."""
        if not self.gone and not self.disconnecting:
            self.protocol.dataReceived(data)

    def end(self, error: Exception | None = None) -> None:
        """Lose the connection, cleanly unless there is an error."""
        if self.gone:
            return
        self.gone = True
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(error or ConnectionDone()))

    def reset(self) -> None:
        """Lose the connection by RST."""
        self.end(ConnectionLost())

    def take(self) -> bytes:
        """Return what was sent since last asked."""
        sent, self.sent = self.sent, b""
        return sent


class Recorded:
    """A tap that keeps what it is told."""

    def __init__(self) -> None:
        self.body = b""
        self.ends: list[bool] = []

    def data(self, payload: bytes) -> None:
        """Keep it."""
        assert not self.ends, "data after the end"
        self.body += payload

    def end(self, complete: bool) -> None:
        """Note how the body ended."""
        self.ends.append(complete)


class Recording(NoHooks):
    """Taps every answer."""

    def __init__(self) -> None:
        self.taps: list[Recorded] = []
        self.tunnels: list[tuple[str, int]] = []

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Recorded:
        """Return a new tap."""
        self.taps.append(Recorded())
        return self.taps[-1]

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """Note it."""
        self.tunnels.append((host, port))


class Bench:
    """A proxy without sockets: ``origins`` are the connections that it made, in order."""

    def __init__(
        self,
        *,
        rules: Rules | None = None,
        access: Any = None,
        hooks: Hooks | None = None,
        most: int = 100,
        nets: Iterable[str] = ("127.0.0.0/8",),
        via: Via | None = None,
        hold: bool = False,
    ) -> None:
        self.clock = MemoryReactorClock()
        self.hold = hold
        self.origins: list[Wire] = []
        self.wires: list[Wire] = []
        self.dialled = 0
        common = Common(most, 100, None, 60.0, "off", False, False, None, (), ())
        guard = Guard(allow_nets=tuple(map(ip_network, nets)), own=lambda: [OWN])
        self.crowd = Crowd(self.clock, common)
        self.crowd.start()
        dialler = Dialler(self.clock, guard, Names(self.clock), Chain(), 10.0)
        self.pool = Pool(self.clock, dialler, Limits())
        self.hooks = hooks or Recording()
        self.relay = Relay(
            self.clock,
            limits=Limits(),
            times=Times(idle=60.0, header=15.0, answer=120.0),
            rules=rules or Rules(),
            pool=self.pool,
            via=via or Via("bench"),
            log=AccessLog("off"),
            hooks=self.hooks,
            crowd=self.crowd,
            access=access,
            show_client=False,
        )
        self.factory = ProxyFactory(self.relay)
        self.client = self.connect()

    def connect(self) -> Wire:
        """Return a new client's connection."""
        wire = Wire(self.factory.buildProtocol(None))
        self.wires.append(wire)
        return wire

    def answer_dials(self) -> None:
        """Let every connection under way be made."""
        while self.dialled < len(self.clock.tcpClients):
            factory: ClientFactory = self.clock.tcpClients[self.dialled][2]
            self.dialled += 1
            protocol = factory.buildProtocol(None)
            if protocol is None:
                continue  # given up meanwhile
            wire = Wire.__new__(Wire)
            self.origins.append(wire)
            self.wires.append(wire)
            wire.__init__(protocol)  # type: ignore[misc]

    def fail_dial(self, error: Exception) -> None:
        """Let the oldest connection under way fail."""
        factory: Any = self.clock.tcpClients[self.dialled][2]
        self.dialled += 1
        factory.clientConnectionFailed(None, Failure(error))
        self.settle()

    def settle(self) -> None:
        """Let what was begun happen: connections made, and closed ones told so."""
        if not self.hold:
            self.answer_dials()
        for wire in list(self.wires):
            if getattr(wire.protocol, "_lingers", 0):
                wire.protocol.readConnectionLost()  # a client that has read a refusal closes too
            if wire.disconnecting and not wire.gone:
                wire.end(ConnectionAborted() if wire.aborted else None)
        if not self.hold:
            self.answer_dials()

    def ask(self, data: bytes) -> bytes:
        """Send ``data`` as the client; return what the client got."""
        self.client.feed(data)
        self.settle()
        return self.client.take()

    def reply(self, data: bytes, origin: int = -1) -> bytes:
        """Send ``data`` as an origin, the newest if not told; return what the client got."""
        self.origins[origin].feed(data)
        self.settle()
        return self.client.take()

    def seen(self, origin: int = -1) -> bytes:
        """Return what an origin got since last asked."""
        return self.origins[origin].take()

    def advance(self, seconds: int) -> None:
        """Let time pass, a second at a time."""
        self.clock.pump([1.0] * seconds)
        self.settle()
