"""Probes by real sockets: each end, sockets used again, nothing left open."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet import defer
from twisted.internet import reactor as _reactor

from netsuite.scan.sockets import ITSELF, PENDING, Sockets, _closed
from netsuite.scan.state import CLOSED
from tests.scripts.tools import Closing, Quiet, Resetting, ToolCase

reactor: Any = _reactor


class SocketsTests(ToolCase):
    """Probes of this machine's ports."""

    def setUp(self) -> None:
        """Probes, whose ends are kept."""
        self.sockets = Sockets(reactor)
        self.ends: dict[int, int] = {}
        self.waiting: defer.Deferred[None] = defer.Deferred()
        self.sockets.ended = self.ended

    def tearDown(self) -> None:
        """Nothing is open any more."""
        before = len(os.listdir("/proc/self/fd"))
        self.sockets.close()
        self.assertEqual(self.sockets._pending, {})
        self.assertLess(len(os.listdir("/proc/self/fd")), before)

    def ended(self, key: int, code: int) -> None:
        """One has ended."""
        self.ends[key] = code
        self.waiting.callback(None)

    async def code(self, address: str, port: int) -> int:
        """Return how one probe ends."""
        self.waiting = defer.Deferred()
        code = self.sockets.begin(1, address, port)
        if code == PENDING:
            await self.waiting
            return self.ends.pop(1)
        return code

    async def test_ends(self) -> None:
        """Open is 0, also of a peer that closes or resets at once; refused is told as such; 6 as 4."""
        for interface in ("127.0.0.1", "::1"):
            for peer in (Quiet, Closing, Resetting):
                port = self.listening(peer, interface)
                for _ in range(3):
                    self.assertIn(await self.code(interface, port), (0, errno.ECONNRESET))
                    self.assertEqual(await self.code(interface, self.refusing(interface)), errno.ECONNREFUSED)
        self.assertEqual(await self.code("127.255.255.255", 9), errno.ENETUNREACH)

    async def test_short_way(self) -> None:
        """The refused ones before the first that is not are marked, and no other."""
        port = self.listening(Quiet)
        refused = [self.refusing() for _ in range(3)]
        states = bytearray(65536)
        found = self.sockets.refused("127.0.0.1", [*refused, port, 9], states, CLOSED)
        self.assertEqual(found, (3, 0))
        self.assertEqual([number for number, state in enumerate(states) if state], sorted(refused))

    async def test_dropped(self) -> None:
        """One that is given up is told no more."""
        port = self.silent()
        self.assertEqual(self.sockets.begin(7, "127.0.0.1", port), PENDING)
        self.sockets.drop(7)
        self.sockets.drop(7)
        self.assertEqual(self.sockets._pending, {})

    async def test_source(self) -> None:
        """With an address of our own none is used twice, and one that is not ours is an error."""
        sockets = Sockets(reactor, "127.0.0.9")
        self.addCleanup(sockets.close)
        refused = [self.refusing() for _ in range(2)]
        for port in refused:
            self.assertEqual(sockets.begin(1, "127.0.0.1", port), errno.ECONNREFUSED)
        other = Sockets(reactor, "192.0.2.250")
        self.addCleanup(other.close)
        self.assertEqual(other.begin(1, "127.0.0.1", refused[0]), errno.EADDRNOTAVAIL)

    async def test_connected_with_itself(self) -> None:
        """A socket that TCP has connected with itself is no open port."""
        made = socket.socket()
        made.bind(("127.0.0.1", 0))
        made.connect(made.getsockname())
        self.assertEqual(_closed(made, 0), ITSELF)
