"""Echo says what the tutorial says, whatever the bytes and however they are cut."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python import usage
from twisted.python.failure import Failure

from netsuite.echo.client import ANSWER_MAX
from netsuite.echo.datagrams import EchoDatagrams
from tests.echo.talking import Talking


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
        """Backpressure: while the client takes nothing we neither answer nor read, and go on when it does."""
        protocol, transport = self.connect(self.factory())
        protocol.pauseProducing()
        self.assertEqual(transport.producerState, "paused")
        protocol.dataReceived(b"late\n")  # TLS may still hand on what it had
        self.assertEqual(transport.value(), b"")
        protocol.resumeProducing()
        self.assertEqual((transport.value(), transport.producerState), (b"You said: late\r\n", "producing"))

    def test_answers_are_bounded(self) -> None:
        """Short lines have answers many times their size: they are made as the client takes them, not all."""

        class Full(StringTransport):
            def write(self, data: bytes) -> None:
                super().write(data)
                self.producer.pauseProducing()

        transport = Full()
        protocol, _ = self.connect(self.factory("--tag", "x" * 200), transport=transport)
        sent = b"\n" * 262_144
        protocol.dataReceived(sent)
        self.assertLess(len(transport.value()), ANSWER_MAX + 4096)
        while protocol._rest:
            protocol.resumeProducing()
        self.assertEqual(transport.value(), (b"You said [" + b"x" * 200 + b"]: \r\n") * len(sent))

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
        self.factory("--udp", *arguments)
        protocol, port_of_ours = EchoDatagrams(self.shared), Datagrams()
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
