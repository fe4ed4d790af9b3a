"""Bytes leave in order, whatever part of them the kernel takes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import tcp
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wire import DirectServer, dial, write_directly


class Socket:
    """A socket that takes as many bytes at each call as it was told, then none."""

    def __init__(self, takes: list[int]) -> None:
        self.sent, self.calls, self._takes = bytearray(), 0, list(takes)

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

    def setblocking(self, blocking: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """No descriptor."""
        return -1


class Loop:
    """What a transport asks of a reactor."""

    def __init__(self) -> None:
        self.writing = False

    def addReader(self, reader: object) -> None:
        """Reading is not looked at here."""

    removeReader = addReader

    def addWriter(self, writer: object) -> None:
        """The transport waits for room."""
        self.writing = True

    def removeWriter(self, writer: object) -> None:
        """The transport waits no more."""
        self.writing = False


class Producer:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """Note."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """Note."""
        self.told.append("resume")

    def stopProducing(self) -> None:
        """Note."""
        self.told.append("stop")


def connection(*takes: int) -> tuple[DirectServer, Socket, Loop]:
    """Return a connection over a socket that takes so many bytes at each call."""
    sock, loop = Socket(list(takes)), Loop()
    made: Any = DirectServer(sock, Protocol(), ("127.0.0.1", 1), None, 0, loop)  # type: ignore[arg-type]
    return made, sock, loop


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

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(st.integers(0, 5), max_size=30),
        st.lists(st.one_of(st.binary(max_size=9), st.none()), max_size=20),
    )
    def test_order(self, takes: list[int], steps: list[bytes | None]) -> None:
        """Whatever the kernel takes and when the reactor turns, the bytes arrive whole and in order."""
        wire, sock, loop = connection(*takes, *[5] * 100)
        for step in steps:
            if step is not None:
                wire.write(step)
            elif loop.writing:
                wire.doWrite()
        while loop.writing:
            wire.doWrite()
        self.assertEqual(bytes(sock.sent), b"".join(step for step in steps if step is not None))

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
        wire.registerProducer(producer, True)  # type: ignore[arg-type]
        wire.write(b"x" * (1 << 20))
        self.assertEqual(producer.told, ["pause"])
        while loop.writing:
            wire.doWrite()
        self.assertEqual((producer.told, len(sock.sent)), (["pause", "resume"], 1 << 20))

    def test_nothing_after_the_end(self) -> None:
        """After loseConnection no byte is sent at once, past what is still queued."""
        wire, sock, _ = connection(100)
        wire.loseConnection()
        wire.write(b"late")
        self.assertEqual(bytes(sock.sent), b"")


class MakingTests(SynchronousTestCase):
    """Who gets such connections."""

    def test_port(self) -> None:
        """A TCP port hands them out; other ports are left alone."""
        port = tcp.Port(0, None)  # type: ignore[arg-type]
        write_directly(port)
        self.assertIs(port.transport, DirectServer)
        write_directly(object())  # type: ignore[arg-type]

    def test_dial_in_memory(self) -> None:
        """A reactor without descriptors is asked by connectTCP."""
        reactor = MemoryReactorClock()
        dial(reactor, "192.0.2.1", 80, ClientFactory(), 5.0)
        self.assertEqual(reactor.tcpClients[0][:2], ("192.0.2.1", 80))
