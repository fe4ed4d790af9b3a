"""Echo says what the tutorial says, whatever the bytes and however they are cut."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite import echo
from netsuite.crowd import Crowd


class Talking(SynchronousTestCase):
    """A test that talks to an echo service."""

    def factory(self, *arguments: str) -> echo.EchoFactory:
        """Return the service's factory."""
        options = echo.Options()
        options.parse(list(arguments))
        self.clock = Clock()
        self.crowd = Crowd(self.clock, options.settings.common)
        return echo.EchoFactory(options.settings, self.crowd, self.clock)

    def connect(
        self, factory: echo.EchoFactory, host: str = "127.0.0.1"
    ) -> tuple[echo.Echo, StringTransport]:
        """Return the protocol and transport of one client."""
        transport = StringTransport()
        protocol = factory.buildProtocol(IPv4Address("TCP", host, 1024))
        protocol.makeConnection(transport)
        return protocol, transport

    def said(self, *pieces: bytes, arguments: tuple[str, ...] = ()) -> tuple[bytes, bool]:
        """Return what a new client is answered, and whether the connection closes."""
        protocol, transport = self.connect(self.factory(*arguments))
        for piece in pieces:
            protocol.dataReceived(piece)
        return transport.value(), transport.disconnecting


class LineTests(Talking):
    """Line by line."""

    def test_tutorial(self) -> None:
        """A line comes back after the tutorial's words; quit is answered and closes."""
        self.assertEqual(self.said(b"hello\r\n"), (b"You said: hello\r\n", False))
        self.assertEqual(self.said(b"quit\r\n"), (b"Goodbye.\r\n", True))

    def test_any_cut(self) -> None:
        """However the bytes are cut, the answers are the same."""
        sent, answer = b"a\r\n\nb c\nquit\r\n", b"You said: a\r\nYou said: \r\nYou said: b c\r\nGoodbye.\r\n"
        for cut in range(len(sent) + 1):
            self.assertEqual(self.said(sent[:cut], sent[cut:]), (answer, True), cut)
        self.assertEqual(self.said(*(bytes([byte]) for byte in sent)), (answer, True))

    def test_only_quit_itself_quits(self) -> None:
        """A space, a capital or a further word make quit a line like others."""
        for line in (b" quit", b"quit ", b"Quit", b"quit now"):
            self.assertEqual(self.said(line + b"\r\n"), (b"You said: " + line + b"\r\n", False))

    def test_every_byte(self) -> None:
        """All byte values but the line ending come back as sent: a line has no coding."""
        line = bytes(byte for byte in range(256) if byte != 0x0A)
        self.assertEqual(self.said(line + b"\n"), (b"You said: " + line + b"\r\n", False))

    def test_tag(self) -> None:
        """The tag stands in every answer."""
        self.assertEqual(
            self.said(b"x\n", arguments=("--tag", "blå")), ("You said [blå]: x\r\n".encode(), False)
        )

    def test_longest_line(self) -> None:
        """A line of the bound is answered; one byte more closes, over however many packets it comes."""
        bound = ("--max-line", "8")
        self.assertEqual(self.said(b"12345678\r\n", arguments=bound), (b"You said: 12345678\r\n", False))
        self.assertEqual(self.said(b"12345678\r", b"\n", arguments=bound)[1], False)
        for pieces in (
            [b"123456789\r\n"],
            [b"123456789"],
            [b"1234", b"5678", b"9"],
            [bytes([byte]) for byte in b"123456789"],
        ):
            self.assertEqual(self.said(*pieces, arguments=bound), (b"Line too long.\r\n", True), pieces)
        self.assertEqual(
            self.said(b"ok\n123456789", arguments=bound), (b"You said: ok\r\nLine too long.\r\n", True)
        )

    def test_unended_line_waits(self) -> None:
        """A line without its end is not answered."""
        self.assertEqual(self.said(b"hel", b"lo"), (b"", False))


class RawTests(Talking):
    """RFC 862: every byte back as it came."""

    def test_raw(self) -> None:
        """Bytes come back untouched; quit and long lines mean nothing."""
        sent = bytes(range(256)) + b"quit\r\n" + b"x" * 100_000
        self.assertEqual(self.said(sent, arguments=("--raw",)), (sent, False))


class LifeTests(Talking):
    """Connections begin and end."""

    def test_slow_reader_is_not_read(self) -> None:
        """Backpressure: the transport is its own producer, so a full queue stops our reading."""
        _, transport = self.connect(self.factory())
        self.assertIs(transport.producer, transport)
        self.assertTrue(transport.streaming)

    def test_idle_end(self) -> None:
        """A silent connection ends after --idle; each byte puts that off."""
        factory = self.factory("--idle", "10")
        self.crowd.start()
        protocol, transport = self.connect(factory)
        self.clock.pump([1] * 9)
        protocol.dataReceived(b"x")
        self.clock.pump([1] * 9)
        self.assertFalse(transport.disconnected)
        self.clock.pump([1] * 2)
        self.assertTrue(transport.disconnected)

    def test_half_close(self) -> None:
        """A client that ends its side has its answers first, then the connection closes."""
        protocol, transport = self.connect(self.factory())
        protocol.dataReceived(b"last\n")
        protocol.readConnectionLost()
        self.assertEqual((transport.value(), transport.disconnecting), (b"You said: last\r\n", True))

    def test_too_many(self) -> None:
        """A client over its share is told why; the place is free again when one has gone."""
        factory = self.factory("--per-client", "1")
        first, _ = self.connect(factory)
        _, refused = self.connect(factory)
        self.assertEqual(refused.value(), b"Refused: too many connections from this address.\r\n")
        self.assertTrue(refused.disconnecting)
        first.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.crowd), 0)
        _, third = self.connect(factory)
        self.assertEqual(third.value(), b"")


class Datagrams:
    """Stands for a UDP port: notes what is sent where."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.sent.append((datagram, addr))


class DatagramTests(Talking):
    """Datagrams, with --udp."""

    def answered(self, host: str, port: int, *arguments: str) -> list[tuple[bytes, tuple[str, int]]]:
        """Return what a datagram from ``host`` brings about."""
        networks = self.factory("--udp", *arguments).settings.common.allow_clients
        protocol, port_of_ours = echo.EchoDatagrams(networks), Datagrams()
        protocol.transport = port_of_ours
        protocol.datagramReceived(b"\x00hello", (host, port))
        return port_of_ours.sent

    def test_same(self) -> None:
        """A datagram comes back as it was, no byte longer."""
        self.assertEqual(self.answered("127.0.0.1", 5000), [(b"\x00hello", ("127.0.0.1", 5000))])

    def test_services(self) -> None:
        """What comes from a port that answers by itself is ignored."""
        for port in (7, 19, 53):
            self.assertEqual(self.answered("127.0.0.1", port), [])

    def test_strangers(self) -> None:
        """Only --allow-client lets others be answered: --allow-public does not, as senders can be forged."""
        self.assertEqual(self.answered("192.0.2.1", 5000, "--allow-client", "198.51.100.0/24"), [])
        self.assertRaises(usage.UsageError, self.factory, "--udp", "-p", "tcp:5001", "--allow-public")
