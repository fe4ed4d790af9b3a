"""What befalls lines on a connection: each fault does what it says, in order, and says it in one line."""

from __future__ import annotations

from netsuite.crowd import FRESH_SECONDS
from netsuite.echo.client import HELD_MAX
from netsuite.echo.faults import CALM, RAW_UNIT, Dice, Faults
from tests.echo.talking import Talking


class FaultTests(Talking):
    """One fault at a time, on lines."""

    def test_drop(self) -> None:
        """A dropped line has no answer; the connection is sound and the next line is answered."""
        sent = b"".join(b"%d\n" % number for number in range(1, 21))
        answer, closes = self.said(sent, arguments=("--seed", "7", "--drop", "10%"))
        kept = [number for number in range(1, 21) if number not in (4, 15, 16)]
        self.assertEqual(answer, b"".join(b"You said: %d\r\n" % number for number in kept))
        self.assertFalse(closes)
        self.assertEqual(self.faults(), [f"line {n} dropped: it has no answer" for n in (4, 15, 16)])

    def test_however_cut(self) -> None:
        """The same lines meet the same, cut at every byte, byte by byte, or after other clients came."""
        knobs = ("--seed", "7", "--drop", "0.3", "--corrupt", "0.5")
        sent = b"".join(b"line %d\r\n" % number for number in range(12))
        whole = self.said(sent, arguments=knobs)
        for cut in range(len(sent)):
            self.assertEqual(self.said(sent[:cut], sent[cut:], arguments=knobs), whole)
        self.assertEqual(self.said(*(bytes([byte]) for byte in sent), arguments=knobs), whole)
        self.assertNotEqual(self.said(sent, arguments=("--seed", "8", *knobs[2:])), whole)

    def test_dropped_quit(self) -> None:
        """A quit that is dropped was never heard."""
        self.assertEqual(self.said(b"quit\nquit\n", arguments=("--drop", "1")), (b"", False))

    def test_corrupt(self) -> None:
        """One bit of an answer is another, the line says which, and it stays one line."""
        answer, _ = self.said(b"hello\n", arguments=("--corrupt", "1"))
        right = b"You said: hello\r\n"
        (at,) = [at for at, byte in enumerate(right) if byte != answer[at]]
        bit = (right[at] ^ answer[at]).bit_length() - 1
        self.assertEqual(self.faults(), [f"answer to line 1 corrupted: bit {bit} of its byte {at}"])
        self.assertEqual(answer.count(b"\r\n"), 1)

    def test_reset(self) -> None:
        """The connection is reset without an answer to the line; those before it were answered."""
        knobs = ("--seed", "7", "--reset", "10%")
        number = next(n for n in range(1, 99) if Dice(7, 1).fate(n, Faults(reset=0.1)).is_reset)
        protocol, transport = self.connect(self.factory(*knobs))
        protocol.dataReceived(b"x\n" * 200)
        self.assertEqual(transport.value(), b"You said: x\r\n" * (number - 1))
        self.assertTrue(transport.disconnected)
        self.assertEqual(self.faults(), [f"connection reset at line {number}"])

    def test_stall(self) -> None:
        """From the line on nothing is read, answered or closed, until the idle time is over."""
        factory = self.factory("--stall", "1", "--idle", "10")
        self.crowd.start()
        protocol, transport = self.connect(factory)
        protocol.dataReceived(b"a\nquit\n")
        self.assertEqual((transport.value(), transport.disconnecting), (b"", False))
        self.assertEqual(transport.producerState, "paused")
        self.assertEqual(self.faults(), ["stalled at line 1: nothing is read or answered any more"])
        self.clock.pump([1] * 9)
        self.assertFalse(transport.disconnected)
        self.clock.pump([1] * 3)
        self.assertTrue(transport.disconnected)

    def test_truncate(self) -> None:
        """N bytes of all answers are sent, in the midst of one, then the connection closes."""
        for most, answer in ((5, b"You s"), (17, b"You said: hello\r\n"), (20, b"You said: hello\r\nYou")):
            self.events.clear()
            said = self.said(b"hello\nhello\n", arguments=("--truncate", str(most)))
            self.assertEqual(said, (answer, True))
            line = "1" if most == 5 else "2"
            self.assertEqual(self.faults(), [f"answers end after {most} bytes, in that to line {line}"])

    def test_close_after(self) -> None:
        """The connection closes after the N-th line's answer; what follows is not answered."""
        self.assertEqual(
            self.said(b"a\nb\nc\n", arguments=("--close-after", "2")),
            (b"You said: a\r\nYou said: b\r\n", True),
        )
        self.assertEqual(self.faults(), ["closed after line 2"])

    def test_quit_is_no_fault(self) -> None:
        """A client that leaves by itself was not thrown out."""
        self.assertEqual(self.said(b"a\nquit\n", arguments=("--close-after", "9"))[1], True)
        self.assertEqual(self.faults(), [])

    def test_too_long(self) -> None:
        """Too long a line closes as ever, after the answers that are on their way."""
        protocol, transport = self.connect(self.factory("--latency", "1s", "--max-line", "3"))
        protocol.dataReceived(b"a\n1234\n")
        self.assertEqual(transport.value(), b"")
        self.clock.pump([0.5] * 3)
        self.assertEqual(transport.value(), b"You said: a\r\nLine too long.\r\n")
        self.assertTrue(transport.disconnecting)


class TimeTests(Talking):
    """Faults that take their time."""

    def delays(self, direction: str) -> list[str]:
        """The log's lines of two lines with a latency, each a second after the other."""
        protocol, transport = self.connect(self.factory("--latency", "1s±500ms", "--latency-dir", direction))
        protocol.dataReceived(b"a\n")
        self.clock.advance(1)
        protocol.dataReceived(b"b\n")
        self.clock.pump([0.1] * 40)
        self.assertEqual(transport.value(), b"You said: a\r\nYou said: b\r\n")
        return self.faults()

    def test_out(self) -> None:
        """Outwards the answer is late."""
        lines = self.delays("out")
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^answer to line 1 delayed by [01]\.\d{3}s on its way out$")

    def test_in(self) -> None:
        """Inwards the line is late, and whatever comes of it."""
        self.assertRegex(self.delays("in")[0], r"^line 1 delayed by [01]\.\d{3}s on its way in$")
        protocol, transport = self.connect(self.factory("--latency", "1s", "--latency-dir", "in"))
        protocol.dataReceived(b"quit\n")
        self.clock.advance(0.9)
        self.assertFalse(transport.disconnecting)
        self.clock.advance(0.2)
        self.assertEqual((transport.value(), transport.disconnecting), (b"Goodbye.\r\n", True))

    def test_both(self) -> None:
        """Both ways there are two delays, and two lines that say so."""
        self.assertEqual(len(self.delays("both")), 4)

    def test_exact_time(self) -> None:
        """An answer leaves when it was said to, not before and not later."""
        protocol, transport = self.connect(self.factory("--latency", "2s"))
        protocol.dataReceived(b"a\n")
        self.clock.advance(1.99)
        self.assertEqual(transport.value(), b"")
        self.clock.advance(0.02)
        self.assertEqual(transport.value(), b"You said: a\r\n")

    def test_order(self) -> None:
        """However different their delays, answers keep their order."""
        protocol, transport = self.connect(self.factory("--latency", "1s±1s", "--latency-dir", "both"))
        protocol.dataReceived(b"".join(b"%d\n" % number for number in range(200)))
        self.clock.pump([0.05] * 100)
        self.assertEqual(transport.value(), b"".join(b"You said: %d\r\n" % number for number in range(200)))

    def test_slow(self) -> None:
        """Answers leave at the speed that was asked for, over any time, and the log says it once."""
        protocol, transport = self.connect(self.factory("--slow", "100"))
        protocol.dataReceived(b"x" * 500 + b"\n" + b"y\n")
        total = 512 + 13
        for second in range(1, 6):
            self.clock.pump([0.01] * 100)
            self.assertLess(abs(len(transport.value()) - 100 * second), 7)
        self.clock.pump([0.01] * 100)
        self.assertEqual(len(transport.value()), total)
        self.assertEqual(self.faults(), ["answers slowed to 100 bytes/s"])

    def test_slow_goodbye(self) -> None:
        """The last word is slow too, and the connection closes only after it."""
        protocol, transport = self.connect(self.factory("--slow", "10"))
        protocol.dataReceived(b"quit\n")
        self.clock.pump([0.1] * 8)
        self.assertFalse(transport.disconnecting)
        self.clock.pump([0.1] * 4)
        self.assertEqual((transport.value(), transport.disconnecting), (b"Goodbye.\r\n", True))

    def test_half_close(self) -> None:
        """A client that ends its side waits for what is on its way; then the connection closes."""
        protocol, transport = self.connect(self.factory("--latency", "1s"))
        protocol.dataReceived(b"a\nb\n")
        protocol.readConnectionLost()
        self.assertEqual((transport.value(), transport.disconnecting), (b"", False))
        self.clock.advance(1.1)
        self.assertEqual(
            (transport.value(), transport.disconnecting), (b"You said: a\r\nYou said: b\r\n", True)
        )

    def test_service_ends(self) -> None:
        """When the service stops, what is on its way is sent, and a stalled connection is shut."""
        protocol, transport = self.connect(self.factory("--latency", "1s"))
        protocol.dataReceived(b"a\n")
        protocol.drain()
        protocol.dataReceived(b"too late\n")
        self.clock.advance(1.1)
        self.assertEqual((transport.value(), transport.disconnecting), (b"You said: a\r\n", True))
        protocol, transport = self.connect(self.factory("--stall", "1"))
        protocol.dataReceived(b"a\n")
        protocol.drain()
        self.assertTrue(transport.disconnected)

    def test_first_words(self) -> None:
        """Words that are on their way at a stop are answered; who says nothing is closed soon."""
        factory = self.factory()
        self.crowd.start()
        (speaks, spoken), (silent, said) = self.connect(factory), self.connect(factory)
        for protocol in (speaks, silent):
            protocol.drain()
        self.assertFalse(spoken.disconnecting)
        speaks.dataReceived(b"a\n")
        self.assertEqual((spoken.value(), spoken.disconnecting), (b"You said: a\r\n", True))
        self.assertFalse(said.disconnected)
        self.clock.advance(FRESH_SECONDS)
        self.assertTrue(said.disconnected)

    def test_waiting_is_no_silence(self) -> None:
        """A latency longer than the idle time does not end the connection before the answer."""
        factory = self.factory("--latency", "20s", "--idle", "10")
        self.crowd.start()
        protocol, transport = self.connect(factory)
        protocol.dataReceived(b"a\n")
        self.clock.pump([1] * 21)
        self.assertEqual((transport.value(), transport.disconnected), (b"You said: a\r\n", False))
        self.clock.pump([1] * 11)
        self.assertTrue(transport.disconnected)

    def test_bounded(self) -> None:
        """A client that sends on and on into a latency is not read past a bound, and loses nothing."""
        protocol, transport = self.connect(self.factory("--latency", "10s"))
        sent = b"x" * 63 + b"\n"
        protocol.dataReceived(sent * 4096)
        self.assertEqual(transport.producerState, "paused")
        self.assertLess(protocol._course.held, 2 * HELD_MAX)
        for _ in range(2000):
            if transport.producerState == "producing":
                break
            self.clock.advance(10)
        self.clock.advance(10)
        self.assertEqual(transport.value(), (b"You said: " + sent[:-1] + b"\r\n") * 4096)
        self.assertEqual(transport.producerState, "producing")

    def test_client_gone(self) -> None:
        """When the client has gone, no timer of its is left."""
        for knobs in (("--latency", "9s", "--latency-dir", "both"), ("--slow", "1")):
            protocol, _ = self.connect(self.factory(*knobs))
            protocol.dataReceived(b"a\nb\n")
            self.assertTrue(self.clock.getDelayedCalls())
            protocol.connectionLost()
            self.assertEqual(self.clock.getDelayedCalls(), [])


class RawTests(Talking):
    """Faults of a stream: each 1024 bytes of it meet theirs together."""

    def test_drop(self) -> None:
        """Whole blocks are missing, the same ones however the bytes are cut."""
        sent = b"".join(bytes([65 + number]) * RAW_UNIT for number in range(20))
        knobs = ("--raw", "--seed", "7", "--drop", "10%")
        answer, _ = self.said(sent, arguments=knobs)
        kept = bytes(65 + number for number in range(20) if number + 1 not in (4, 15, 16))
        self.assertEqual(answer, b"".join(bytes([byte]) * RAW_UNIT for byte in kept))
        self.assertEqual(self.faults(), [f"block {n} dropped: it has no answer" for n in (4, 15, 16)])
        for size in (1, 7, 1023, 1025, 5000):
            pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
            self.assertEqual(self.said(*pieces, arguments=knobs)[0], answer, size)

    def test_corrupt(self) -> None:
        """One bit of each block is another, in the same place however the bytes are cut."""
        sent = bytes(4 * RAW_UNIT)
        knobs = ("--raw", "--seed", "7", "--corrupt", "1")
        answer, _ = self.said(sent, arguments=knobs)
        self.assertEqual(sum(byte.bit_count() for byte in answer), 4)
        for block in range(4):
            piece = answer[block * RAW_UNIT : (block + 1) * RAW_UNIT]
            self.assertEqual(sum(byte.bit_count() for byte in piece), 1)
        self.assertEqual(len(self.faults()), 4)
        pieces = [sent[at : at + 100] for at in range(0, len(sent), 100)]
        self.assertEqual(self.said(*pieces, arguments=knobs)[0], answer)

    def test_ends(self) -> None:
        """truncate and close-after end a stream at a byte, and at a block."""
        sent = bytes(5000)
        self.assertEqual(self.said(sent, arguments=("--raw", "--truncate", "1500")), (bytes(1500), True))
        self.assertEqual(self.said(sent, arguments=("--raw", "--close-after", "2")), (bytes(2048), True))

    def test_latency(self) -> None:
        """A stream is late, in order and whole."""
        protocol, transport = self.connect(self.factory("--raw", "--latency", "1s±1s"))
        sent = bytes(range(256)) * 40
        protocol.dataReceived(sent)
        self.clock.pump([0.1] * 30)
        self.assertEqual(transport.value(), sent)


class ChangeTests(Talking):
    """Faults that change while a client is connected."""

    def test_service(self) -> None:
        """Other faults hold for those who are here already, from the next line on; then none again."""
        protocol, transport = self.connect(self.factory("--seed", "7"))
        protocol.dataReceived(b"1\n2\n3\n")
        self.shared.change(Faults(drop=0.1), None, "somebody")
        protocol.dataReceived(b"".join(b"%d\n" % number for number in range(4, 21)))
        self.shared.change(self.shared.settings.faults, None, "somebody")
        protocol.dataReceived(b"last\n")
        self.assertEqual(self.faults(), [f"line {n} dropped: it has no answer" for n in (4, 15, 16)])
        self.assertTrue(transport.value().endswith(b"You said: last\r\n"))

    def test_calm_waits_for_its_turn(self) -> None:
        """Lines that come when all is well again do not overtake those that are late."""
        protocol, transport = self.connect(self.factory("--latency", "5s"))
        protocol.dataReceived(b"late\n")
        self.shared.change(CALM, None, "somebody")
        protocol.dataReceived(b"prompt\n")
        self.assertEqual(transport.value(), b"")
        self.clock.advance(5.1)
        self.assertEqual(transport.value(), b"You said: late\r\nYou said: prompt\r\n")

    def test_again_from_one(self) -> None:
        """With a seed connections are numbered from 1 again, so that a run repeats without a new start."""
        factory = self.factory("--seed", "1", "--drop", "0.5")
        runs = []
        for _ in range(2):
            self.shared.change(self.shared.faults, 99, "somebody")
            protocol, transport = self.connect(factory)
            protocol.dataReceived(b"".join(b"%d\n" % number for number in range(50)))
            runs.append(transport.value())
        self.assertEqual(runs[0], runs[1])

    def test_first_line(self) -> None:
        """With --line-faults a first line !fault is for its connection alone, and it is no line itself."""
        factory = self.factory("--line-faults")
        protocol, transport = self.connect(factory)
        protocol.dataReceived(b"!fault drop=1\nhello\n!fault off\n")
        self.assertEqual(transport.value(), b"Faults: drop=1.0\r\n")
        self.assertEqual(
            self.faults(), ["line 1 dropped: it has no answer", "line 2 dropped: it has no answer"]
        )
        self.assertTrue(self.shared.faults.is_calm)

    def test_first_line_only(self) -> None:
        """A later line, and any without the option, is a line like others; a bad one is refused and named."""
        self.assertEqual(self.said(b"!fault drop=1\n"), (b"You said: !fault drop=1\r\n", False))
        self.assertEqual(
            self.said(b"a\n!fault drop=1\n", arguments=("--line-faults",))[0],
            b"You said: a\r\nYou said: !fault drop=1\r\n",
        )
        answer, closes = self.said(b"!fault drip=1\x1b\nb\n", arguments=("--line-faults",))
        self.assertTrue(answer.startswith(b"Faults refused: drip: no such fault"), answer)
        self.assertTrue(answer.endswith(b"You said: b\r\n"))
        self.assertFalse(closes)

    def test_counts(self) -> None:
        """What was done wrong is counted by kind."""
        self.said(b"a\nb\n", arguments=("--drop", "1"))
        self.assertEqual(self.shared.counts["drop"], 2)
        family = {one.name: one for one in self.shared.collect()}["netsuite_echo_faults"]
        self.assertIn(({"kind": "drop"}, 2), [(sample.labels, sample.value) for sample in family.samples])
