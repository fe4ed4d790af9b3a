"""Tunnels that the kernel moves, on real sockets: bytes, half-close, resets, slow ends, nothing left."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import Any
from unittest.mock import patch

from twisted.internet import reactor, task
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from netsuite import splice
from netsuite.splice import Tunnel, can_join
from netsuite.wire import Connection

#: Seconds after which a test gives up waiting for what should come.
PATIENCE = 30.0


def pair(buffer: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection, the first for a tunnel, with small buffers if told."""
    with socket.socket() as listener:
        if buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


def descriptors() -> int:
    """Return how many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


class Talker:
    """An end of a tunnel as its peer sees it: what it sends, what it got, whether the FIN or a reset came."""

    def __init__(self, skt: socket.socket) -> None:
        self.skt = skt
        self.unsent: bytes | memoryview = b""
        self.got, self.digest = 0, hashlib.sha256()
        self.fin = self.reset = False

    def turn(self, most: int = 1 << 16) -> None:
        """Send and read what is possible now."""
        try:
            if self.unsent:
                self.unsent = memoryview(self.unsent)[self.skt.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.reset, self.unsent = True, b""
        try:
            data = self.skt.recv(most)
        except BlockingIOError:
            return
        except OSError:
            self.reset = True
            return
        self.got += len(data)
        self.digest.update(data)
        self.fin = self.fin or not data


class TunnelTests(TestCase):
    """A tunnel between two peers."""

    def joined(self, early: bytes = b"", late: bytes = b"", buffer: int | None = None) -> Tunnel:
        """Join two connections; ``self.left`` and ``self.right`` are the peers."""
        one, left = pair(buffer)
        two, right = pair(buffer)
        self.addCleanup(left.close)
        self.addCleanup(right.close)
        self.left, self.right = Talker(left), Talker(right)
        self.ended: list[Tunnel] = []
        connections = [Connection(skt, Protocol(), reactor=reactor) for skt in (one, two)]
        self.assertTrue(can_join(*connections))
        tunnel = Tunnel(reactor, *connections, 60.0, self.ended.append, None)
        self.addCleanup(tunnel.end, reset=True)
        tunnel.start(early, late)
        return tunnel

    async def until(self, happened: Any, most: int = 1 << 16) -> None:
        """Let both peers talk until something has happened."""
        clock: Any = reactor
        late = clock.seconds() + PATIENCE
        while not happened():
            self.left.turn(most)
            self.right.turn(most)
            self.assertLess(clock.seconds(), late, "waited in vain")
            await task.deferLater(clock, 0, lambda: None)

    async def test_both_ways(self) -> None:
        """Bytes pass both ways at once, whole and in order, and are counted."""
        tunnel = self.joined()
        self.left.unsent, self.right.unsent = os.urandom(3 << 20), os.urandom(2 << 20)
        sent = [hashlib.sha256(talker.unsent).digest() for talker in (self.left, self.right)]
        await self.until(lambda: self.right.got == 3 << 20 and self.left.got == 2 << 20)
        self.assertEqual([self.right.digest.digest(), self.left.digest.digest()], sent)
        self.assertEqual((tunnel.left.count, tunnel.right.count), (3 << 20, 2 << 20))
        self.assertTrue(splice._pipes, "large pieces did not go by a pipe")

    async def test_early(self) -> None:
        """What peers said before there was a tunnel comes first, however much it is."""
        for size in (0, 1, 4096, 70_000):
            early, late = b"e" * size, b"l" * size
            tunnel = self.joined(early, late, buffer=4096)
            self.left.unsent, self.right.unsent = b"more", b"and more"
            await self.until(lambda size=size: self.right.got == size + 4 and self.left.got == size + 8)
            self.assertEqual(self.right.digest.digest(), hashlib.sha256(early + b"more").digest())
            self.assertEqual(self.left.digest.digest(), hashlib.sha256(late + b"and more").digest())
            self.assertEqual((tunnel.left.count, tunnel.right.count), (size + 4, size + 8))

    async def test_unsent(self) -> None:
        """What a connection had still to send when it became a tunnel's leaves first."""
        one, left = pair(4096)
        two, right = pair()
        self.left, self.right, self.ended = Talker(left), Talker(right), []
        self.addCleanup(left.close)
        self.addCleanup(right.close)
        connections = [Connection(skt, Protocol(), reactor=reactor) for skt in (one, two)]
        connections[0].write(b"a" * 300_000)
        tunnel = Tunnel(reactor, *connections, 60.0, self.ended.append, None)
        self.addCleanup(tunnel.end, reset=True)
        tunnel.start()
        self.right.unsent = b"z"
        await self.until(lambda: self.left.got == 300_001)
        self.assertEqual(self.left.digest.digest(), hashlib.sha256(b"a" * 300_000 + b"z").digest())

    async def test_half_close(self) -> None:
        """Either end may close first: a FIN passes on after the bytes before it, the other way goes on."""
        for first in ("left", "right"):
            self.joined(buffer=4096)
            one, other = (self.left, self.right) if first == "left" else (self.right, self.left)
            one.unsent = b"x" * 200_000
            await self.until(lambda one=one: not one.unsent)
            one.skt.shutdown(socket.SHUT_WR)
            await self.until(lambda other=other: other.fin)
            self.assertEqual(other.got, 200_000)
            self.assertEqual(self.ended, [])
            other.unsent = b"y" * 100_000
            await self.until(lambda one=one: one.got == 100_000)
            other.skt.shutdown(socket.SHUT_WR)
            await self.until(lambda one=one: one.fin)
            self.assertEqual(len(self.ended), 1)
            self.assertFalse(one.reset or other.reset)

    async def test_slow_reader(self) -> None:
        """A peer that does not read stops the other one, and gets everything once it does."""
        self.joined(buffer=4096)
        self.left.unsent = b"x" * (12 << 20)
        clock: Any = reactor
        held = -1
        while held != len(self.left.unsent):  # until a whole while passes without a byte taken
            held = len(self.left.unsent)
            for _ in range(50):
                try:
                    unsent = memoryview(self.left.unsent)
                    self.left.unsent = unsent[self.left.skt.send(unsent[: 1 << 20]) :]
                except BlockingIOError:
                    await task.deferLater(clock, 0.001, lambda: None)
        self.assertGreater(held, 4 << 20)
        await self.until(lambda: self.right.got == 12 << 20, most=1 << 20)

    async def test_reset(self) -> None:
        """A reset passes on as a reset, also when a pipe is full of bytes for who is gone."""
        for full in (False, True):
            tunnel = self.joined(buffer=4096)
            if full:
                self.left.unsent = b"x" * (8 << 20)
                for _ in range(300):
                    self.left.turn()
                    await task.deferLater(reactor, 0, lambda: None)
            linger = (1).to_bytes(4, "little") + bytes(4)
            self.right.skt.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.right.skt.close()
            spare, other = pair()
            self.addCleanup(spare.close)
            self.addCleanup(other.close)
            self.right = Talker(other)
            await self.until(lambda: self.left.reset)
            self.assertEqual(len(self.ended), 1)
            for side in (tunnel.left, tunnel.right):
                self.assertEqual((side.skt.fileno(), side._pipe), (-1, None))

    async def test_ends(self) -> None:
        """The crowd may end a tunnel, once; both peers see it."""
        tunnel = self.joined()
        tunnel.drain()
        self.assertEqual(self.ended, [])
        tunnel.overdue()
        tunnel.shut()
        await self.until(lambda: self.left.reset and self.right.reset)
        self.assertEqual(self.ended, [tunnel])

    async def test_no_pipe(self) -> None:
        """Where no pipe can be had bytes are copied, whole and in order."""
        with patch.object(splice, "_take_pipe", lambda: None):
            self.joined(buffer=4096)
            self.left.unsent = os.urandom(1 << 20)
            sent = hashlib.sha256(self.left.unsent).digest()
            await self.until(lambda: self.right.got == 1 << 20)
            self.assertEqual(self.right.digest.digest(), sent)
            self.left.skt.shutdown(socket.SHUT_WR)
            await self.until(lambda: self.right.fin)

    async def test_idle(self) -> None:
        """A tunnel without bytes on the way holds no pipe, and its two sockets are all it holds."""
        while splice._pipes:
            splice._close_pipe(splice._pipes.pop())
        before = descriptors()
        tunnels = [self.joined() for _ in range(20)]
        self.left.unsent = b"x"
        await self.until(lambda: self.right.got == 1)
        self.assertEqual([tunnel.left._pipe for tunnel in tunnels], [None] * 20)
        self.assertLessEqual(descriptors() - before, 20 * 4 + 6)

    def test_others(self) -> None:
        """Only plain sockets of ours can be joined so."""
        self.assertFalse(can_join(object(), object()))
