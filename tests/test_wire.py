"""Bytes leave in order, whatever part of them the kernel takes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import tcp, unix
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.dial import dial
from netsuite.wire import LARGE_PIECE, PIECE, QUEUE_MAX, Connection, write_directly


class Socket:
    """A socket that takes as many bytes at each call as it was told, then none; it gives what it is told."""

    def __init__(self, takes: list[int], gives: list[bytes] | None = None) -> None:
        self.sent, self.calls, self.fins, self.closed = bytearray(), 0, 0, False
        self.asked: list[int] = []
        self._takes, self._gives = list(takes), list(gives or [])

    def gettimeout(self) -> float:
        """It never blocks."""
        return 0.0

    def send(self, data: Any) -> int:
        """Take some."""
        self.calls += 1
        room = self._takes.pop(0) if self._takes else 0
        if room < 0:
            raise BrokenPipeError(32, "broken")
        if room == 0:
            raise BlockingIOError(11, "full")
        self.sent += bytes(data[:room])
        return min(room, len(data))

    def sendmsg(self, pieces: list[Any]) -> int:
        """Take some of several."""
        return self.send(b"".join(map(bytes, pieces)))

    def recv(self, most: int) -> bytes:
        """Give the next piece."""
        self.asked.append(most)
        return self._gives.pop(0)

    def shutdown(self, how: int) -> None:
        """Note a FIN."""
        self.fins += 1

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def fileno(self) -> int:
        """No descriptor."""
        return -1


class Loop:
    """What a transport asks of a reactor."""

    def __init__(self) -> None:
        self.reading = self.writing = False
        self.reader: object = None

    def addReader(self, reader: object) -> None:
        """The transport waits for bytes."""
        self.reading, self.reader = True, reader

    def removeReader(self, reader: object) -> None:
        """The transport waits for none."""
        self.reading = False

    def addWriter(self, writer: object) -> None:
        """The transport waits for room."""
        self.writing = True

    def removeWriter(self, writer: object) -> None:
        """The transport waits no more."""
        self.writing = False


class Producer:
    """Notes what it is told, and writes more when it is resumed."""

    def __init__(self, wire: Any = None, more: list[bytes] | None = None) -> None:
        self.told: list[str] = []
        self._wire, self._more = wire, more or []

    def pauseProducing(self) -> None:
        """Note."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """Note; a piece may follow at once, in the same call."""
        self.told.append("resume")
        if self._more:
            self._wire.write(self._more.pop(0))

    def stopProducing(self) -> None:
        """Note."""
        self.told.append("stop")


class Told(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.ends: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        """Note."""
        self.data.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        """Note."""
        self.ends.append(reason.type)


def connection(*takes: int, gives: list[bytes] | None = None) -> tuple[Connection, Socket, Loop]:
    """Return a connection over a socket that takes so many bytes at each call."""
    sock, loop = Socket(list(takes), gives), Loop()
    made: Any = Connection(sock, Told(), reactor=loop)  # type: ignore[arg-type]
    return made, sock, loop


def turn(wire: Connection, loop: Loop) -> None:
    """Let the reactor write as long as it is asked to; an end is told as a reactor does."""
    for _ in range(1000):
        if not loop.writing:
            return
        why = wire.doWrite()
        if why is not None:
            wire.connectionLost(Failure(why))


class WriteTests(SynchronousTestCase):
    """Writing at once, and the queue behind it."""

    def test_at_once(self) -> None:
        """What the kernel takes whole is sent inside write, and the reactor isn't asked."""
        wire, sock, loop = connection(100)
        wire.write(b"answer")
        self.assertEqual((bytes(sock.sent), loop.writing), (b"answer", False))

    def test_part(self) -> None:
        """What the kernel leaves is queued, and later writes queue up behind it."""
        wire, sock, loop = connection(3, 100)
        wire.write(b"abcdef")
        wire.write(b"ghi")
        self.assertEqual((bytes(sock.sent), sock.calls, loop.writing), (b"abc", 1, True))
        wire.doWrite()
        self.assertEqual((bytes(sock.sent), loop.writing), (b"abcdefghi", False))

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(st.integers(0, 5), max_size=30),
        st.lists(
            st.one_of(st.binary(max_size=9), st.sampled_from(["turn", "pause", "resume", "fin", "close"])),
            max_size=25,
        ),
        st.lists(st.binary(min_size=1, max_size=9), max_size=3),
    )
    def test_schedules(self, takes: list[int], steps: list[Any], more: list[bytes]) -> None:
        """However writes, turns, pauses and an end follow one another, what was written before the end is
        sent whole and in order, once, and nothing that was written after it."""
        wire, sock, loop = connection(*takes, *[5] * 400)
        wire.registerProducer(Producer(), True)
        expected, ended = b"", False
        for step in steps:
            if isinstance(step, bytes):
                wire.write(step)
                if not ended:
                    expected += step
            elif step == "turn":
                if loop.writing:
                    why = wire.doWrite()
                    if why is not None:
                        wire.connectionLost(Failure(why))
            elif step == "pause":
                wire.pauseProducing()
            elif step == "resume":
                wire.resumeProducing()
            elif step == "fin" and not ended:
                wire.loseWriteConnection()
                turn(wire, loop)
                ended = True
            elif step == "close":
                wire.loseConnection()
                ended = True
        turn(wire, loop)
        self.assertEqual(bytes(sock.sent), expected)
        self.assertEqual(loop.reading and not wire.connected, False)

    def test_broken(self) -> None:
        """An error inside write is not raised there: the reactor's own write meets it."""
        wire, _, loop = connection(-1, -1)
        wire.write(b"x")
        self.assertTrue(loop.writing)
        self.assertIsInstance(wire.doWrite(), Exception)

    def test_producer(self) -> None:
        """A queue past its bound pauses the producer; the emptied queue resumes it."""
        wire, sock, loop = connection(1, *[1 << 20] * 9)
        producer = Producer()
        wire.registerProducer(producer, True)
        wire.write(b"x" * (QUEUE_MAX + 2))
        self.assertEqual(producer.told, ["pause"])
        turn(wire, loop)
        self.assertEqual((producer.told, len(sock.sent)), (["pause", "resume"], QUEUE_MAX + 2))

    def test_write_while_resuming(self) -> None:
        """A producer that writes as it is resumed, inside the reactor's write, is sent in order too."""
        wire, sock, loop = connection(1, *[1 << 20] * 9)
        wire.registerProducer(Producer(wire, [b"y", b"z"]), True)
        wire.write(b"x" * (QUEUE_MAX + 2))
        turn(wire, loop)
        wire.write(b"!")
        self.assertEqual(bytes(sock.sent), b"x" * (QUEUE_MAX + 2) + b"y!")

    def test_pulled(self) -> None:
        """A producer that does not stream is asked for each further piece when the last has left."""
        wire, sock, _ = connection(*[100] * 9)
        producer = Producer(wire, [b"a", b"b"])
        wire.registerProducer(producer, False)
        for _ in range(3):
            wire.doWrite()
        self.assertEqual((bytes(sock.sent), producer.told), (b"ab", ["resume"] * 4))

    def test_nothing_after_the_end(self) -> None:
        """After loseConnection no byte is sent at once, past what is still queued."""
        wire, sock, _ = connection(100)
        wire.loseConnection()
        wire.write(b"late")
        self.assertEqual(bytes(sock.sent), b"")

    def test_fin_after_the_queue(self) -> None:
        """A FIN leaves after what was queued; reading goes on."""
        wire, sock, loop = connection(2, 2, 100)
        wire.write(b"queued")
        wire.loseWriteConnection()
        self.assertEqual(sock.fins, 0)
        turn(wire, loop)
        self.assertEqual((bytes(sock.sent), sock.fins, loop.reading), (b"queued", 1, True))


class ReadTests(SynchronousTestCase):
    """Reading: how much is asked for, and what is told."""

    def test_pieces_grow_and_shrink(self) -> None:
        """A peer that fills a piece is read in larger ones until it no longer does."""
        wire, sock, _ = connection(gives=[b"x" * PIECE, b"y" * LARGE_PIECE, b"z", b"end"])
        for _ in range(4):
            wire.doRead()
        self.assertEqual(sock.asked, [PIECE, LARGE_PIECE, LARGE_PIECE, PIECE])

    def test_end_is_told_once(self) -> None:
        """An end is told once, however often it is found; and the socket is closed."""
        wire, sock, _ = connection(gives=[b""])
        protocol: Any = wire.protocol
        for _ in range(2):
            wire.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((protocol.ends, sock.closed), ([ConnectionDone], True))

    def test_release(self) -> None:
        """A released connection gives its socket and what it had not sent, and tells its protocol nothing."""
        wire, sock, loop = connection(2)
        protocol: Any = wire.protocol
        wire.write(b"abcdef")
        heir = object()
        unsent = wire.release(heir)
        wire.connectionLost(Failure(ConnectionDone()))
        wire.write(b"late")
        self.assertEqual((unsent, protocol.ends, sock.closed), (b"cdef", [], False))
        self.assertIs(loop.reader, heir)
        self.assertFalse(loop.writing)


class MakingTests(SynchronousTestCase):
    """Who gets such connections."""

    def test_port(self) -> None:
        """A TCP port hands them out; other ports are left alone."""
        port = tcp.Port(0, None)  # type: ignore[arg-type]
        write_directly(port)
        self.assertIs(port.transport, Connection)
        local = unix.Port("/nowhere", None)  # type: ignore[arg-type]
        write_directly(local)
        self.assertIs(local.transport, unix.Server)

    def test_dial_in_memory(self) -> None:
        """A reactor without descriptors is asked by connectTCP."""
        reactor = MemoryReactorClock()
        dial(reactor, "192.0.2.1", 80, ClientFactory(), 5.0)
        self.assertEqual(reactor.tcpClients[0][:2], ("192.0.2.1", 80))
