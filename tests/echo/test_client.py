"""Echo says what the tutorial says, whatever the bytes and however they are cut."""

from __future__ import annotations

import os

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python import usage
from twisted.python.failure import Failure

from netsuite.echo.client import ANSWER_MAX
from netsuite.echo.datagrams import WAITING_MAX, EchoDatagrams
from netsuite.forward import tape
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


class WordsTests(Talking):
    """What stands beside the answers."""

    def test_timestamps(self) -> None:
        """Each answer has the time before it, in UTC, on both ways that a line can go."""
        for knobs in ((), ("--drop", "0.0001")):
            said, _ = self.said(b"a\nb\nquit\n", arguments=("--timestamps", "--tag", "t", *knobs))
            stamp = b"1970-01-01T00:00:00.000Z You said [t]: "
            self.assertEqual(said, stamp + b"a\r\n" + stamp + b"b\r\nGoodbye.\r\n")

    def test_peer_info(self) -> None:
        """A client is told its address and that there is no TLS; a stream stays as it is."""
        self.assertEqual(self.said(arguments=("--peer-info",)), (b"Peer 127.0.0.1:1024, no TLS\r\n", False))
        self.assertEqual(self.said(b"x", arguments=("--peer-info", "--raw")), (b"x", False))

    def recorded(self, path: str) -> list[tuple[str, bytes]]:
        """What a transcript has, by the reader of dataforward's recordings."""
        with open(path, "rb") as file:
            return [(piece.way, piece.data or b"") for piece in tape.pieces(file)]

    def test_record(self) -> None:
        """A transcript has the clients' lines and our answers, is private, and grows."""
        path = self.mktemp()
        for knobs in ((), ("--drop", "1")):
            factory = self.factory("--record", path, *knobs)
            assert self.shared.transcript is not None
            self.shared.transcript.open()
            protocol, _ = self.connect(factory)
            protocol.dataReceived(b"hello\r\n\xff\nunend")
            self.shared.transcript.close()
        answer = b"You said: hello\r\nYou said: \xff\r\n"
        lines = ("sent", b"hello\n\xff\n")
        self.assertEqual(self.recorded(path), [lines, ("received", answer), lines])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_not_our_file(self) -> None:
        """A file that is no transcript, or a link to one, is refused and left as it was."""
        path = self.mktemp()
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        self.factory("--record", path)
        assert self.shared.transcript is not None
        self.assertRaises(ValueError, self.shared.transcript.open)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        os.symlink(path, path + ".link")
        self.factory("--record", path + ".link")
        assert self.shared.transcript is not None
        self.assertRaises(OSError, self.shared.transcript.open)

    def test_bound(self) -> None:
        """A transcript has a bound: past it no more is written, the log says so, and clients are answered."""
        path = self.mktemp()
        factory = self.factory("--record", path, "--max-record", "400")
        assert self.shared.transcript is not None
        self.shared.transcript.open()
        protocol, transport = self.connect(factory)
        for _ in range(50):
            protocol.dataReceived(b"a\n")
        self.assertEqual(transport.value(), b"You said: a\r\n" * 50)
        self.assertLessEqual(os.stat(path).st_size, 400)
        self.assertGreater(len(self.recorded(path)), 1)
        self.assertEqual([e["event"] for e in self.events if e.get("event") == "log.lost"], ["log.lost"])

    def test_full_disk(self) -> None:
        """Where the transcript can't be written the log says so once, and clients are answered."""
        factory = self.factory("--record", self.mktemp())
        assert self.shared.transcript is not None
        self.shared.transcript._fd = os.open("/dev/full", os.O_WRONLY)
        protocol, transport = self.connect(factory)
        protocol.dataReceived(b"a\n")
        protocol.dataReceived(b"b\n")
        self.assertEqual(transport.value(), b"You said: a\r\nYou said: b\r\n")
        self.assertEqual([e["event"] for e in self.events if e.get("event") == "log.lost"], ["log.lost"])


class SettingsTests(Talking):
    """Settings that can't be."""

    def test_refused(self) -> None:
        """Each is refused at the start, under its option's name."""
        tls = "ssl:0:interface=127.0.0.1:privateKey=x"
        for option, arguments in (
            ("drop", ("--drop", "2")),
            ("latency", ("--latency", "1s±2s")),
            ("latency-dir", ("--latency-dir", "up")),
            ("truncate", ("--truncate", "0")),
            ("seed", ("--seed", "-1")),
            ("proxy-protocol", ("--proxy-protocol", "anyone")),
            ("proxy-protocol", ("--proxy-protocol", "10.0.0.0/8", "-p", tls)),
            ("client-ca", ("--client-ca", "ca.pem")),
            ("line-faults", ("--line-faults", "--raw")),
            ("timestamps", ("--timestamps", "--raw")),
            ("tag", ("--tag", "x" * 201)),
        ):
            error = self.assertRaises(usage.UsageError, self.factory, *arguments)
            self.assertIn(f"--{option} ", [line[: len(option) + 3] for line in str(error).splitlines()])

    def test_seed_is_told(self) -> None:
        """Without --seed there is a new one each time."""
        seeds = set()
        for _ in range(3):
            self.factory("--drop", "0.5")
            seeds.add(self.shared.seed)
        self.assertEqual(len(seeds), 3)


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
        protocol, self.port_of_ours = EchoDatagrams(self.shared), Datagrams()
        protocol.transport = self.port_of_ours
        protocol.datagramReceived(b"\x00hello", (host, port))
        return self.port_of_ours.sent

    def after(self, seconds: float) -> list[tuple[bytes, tuple[str, int]]]:
        """Return what had been sent so many seconds later."""
        self.clock.advance(seconds)
        return self.port_of_ours.sent

    def test_same(self) -> None:
        """A datagram comes back as it was, no byte longer."""
        self.assertEqual(self.answered("127.0.0.1", 5000), [(b"\x00hello", ("127.0.0.1", 5000))])

    def test_services(self) -> None:
        """What comes from a port that answers by itself is ignored."""
        for port in (7, 19, 53):
            self.assertEqual(self.answered("127.0.0.1", port), [])

    def test_faults(self) -> None:
        """Datagrams are dropped, corrupted, cut and late as well; what comes back is never longer."""
        self.assertEqual(self.answered("127.0.0.1", 5000, "--drop", "1"), [])
        ((answer, _),) = self.answered("127.0.0.1", 5000, "--corrupt", "1", "--truncate", "3")
        self.assertEqual(len(answer), 3)
        self.assertEqual(self.answered("127.0.0.1", 5000, "--latency", "2s"), [])
        ((late, _),) = self.after(2.1)
        self.assertEqual(late, b"\x00hello")
        self.assertEqual(
            [line.split(" ")[0:3] for line in self.faults()[:2]],
            [["datagram", "1", "dropped:"], ["answer", "to", "datagram"]],
        )

    def test_planted(self) -> None:
        """A bug costs a datagram its answer, is logged under a number, and the next one is answered."""
        self.patch(EchoDatagrams, "_send", None)
        self.assertEqual(self.answered("127.0.0.1", 5000), [])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_late_ones_are_bounded(self) -> None:
        """So many datagrams may wait; the next has no answer, and the log says so."""
        self.factory("--udp", "--latency", "9s")
        protocol = EchoDatagrams(self.shared)
        for _ in range(WAITING_MAX + 5):
            protocol.datagramReceived(b"x", ("127.0.0.1", 5000))
        self.assertEqual(len(self.clock.getDelayedCalls()), WAITING_MAX)
        self.assertEqual(self.shared.counts["drop"], 5)

    def test_strangers(self) -> None:
        """Only --allow-client lets others be answered: --allow-public does not, as senders can be forged."""
        self.assertEqual(self.answered("192.0.2.1", 5000, "--allow-client", "198.51.100.0/24"), [])
        self.assertRaises(usage.UsageError, self.factory, "--udp", "-p", "tcp:5001", "--allow-public")
