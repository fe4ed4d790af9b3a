"""Attempts to connect, on real sockets of this machine."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import defer, error, reactor
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from netsuite.dial import dial
from netsuite.wire import Connection


class Told(ClientFactory):
    """Notes how an attempt went."""

    noisy = False

    def __init__(self) -> None:
        self.connected: defer.Deferred[Protocol] = defer.Deferred()

    def buildProtocol(self, addr: Any) -> Protocol:
        """Tell it once it has its transport."""
        made = Protocol()
        made.connectionMade = lambda: self.connected.callback(made)  # type: ignore[method-assign]
        return made

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Tell why."""
        self.connected.errback(reason)


def attempt(host: str, port: int, seconds: float = 30.0) -> tuple[Any, defer.Deferred[Protocol]]:
    """Start an attempt."""
    told = Told()
    return dial(reactor, host, port, told, seconds), told.connected


class AttemptTests(TestCase):
    """Each way an attempt can end."""

    def listener(self, host: str = "127.0.0.1") -> socket.socket:
        """Return a listening socket."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, 0), family=family, backlog=0)
        self.addCleanup(made.close)
        return made

    async def test_connected(self) -> None:
        """The protocol gets a connection that writes at once, with small pieces not held back."""
        for host in ("127.0.0.1", "::1"):
            port = self.listener(host).getsockname()[1]
            protocol: Any = await attempt(host, port)[1]
            self.assertIsInstance(protocol.transport, Connection)
            self.assertTrue(protocol.transport.getTcpNoDelay())
            self.assertEqual(protocol.transport.getPeer().host, host)
            ended: defer.Deferred[None] = defer.Deferred()
            protocol.connectionLost = lambda reason, ended=ended: ended.callback(None)
            protocol.transport.abortConnection()
            await ended

    async def test_refused(self) -> None:
        """A port that nobody listens on refuses."""
        listener = self.listener()
        port = listener.getsockname()[1]
        listener.close()
        await self.assertFailure(attempt("127.0.0.1", port)[1], error.ConnectionRefusedError)

    async def test_impossible(self) -> None:
        """An address that no socket can be made for fails too, later and not in the call."""
        made, told = attempt("255.255.255.255", 1)
        self.assertFalse(told.called)
        await self.assertFailure(told, error.ConnectError)
        made.stopConnecting()  # nothing is left to stop

    async def test_too_late(self) -> None:
        """A time limit ends an attempt that nobody answers: here a queue of connections that is full."""
        full = self.listener()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        await self.assertFailure(attempt("127.0.0.1", full.getsockname()[1], 0.05)[1], error.TimeoutError)

    async def test_stopped(self) -> None:
        """An attempt that is stopped says so, and leaves nothing in the reactor."""
        made, told = attempt("127.0.0.1", self.listener().getsockname()[1])
        made.stopConnecting()
        await self.assertFailure(told, error.UserError)
