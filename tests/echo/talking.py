"""A client on a string: what an echo service answers to raw bytes."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite.crowd import Crowd
from netsuite.echo.client import Echo
from netsuite.echo.service import EchoFactory, Turned
from netsuite.echo.settings import Options
from netsuite.echo.shared import Shared


class Talking(SynchronousTestCase):
    """A test that talks to an echo service, which it makes by ``factory``."""

    def setUp(self) -> None:
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def factory(self, *arguments: str) -> EchoFactory:
        """Return the service's factory."""
        options = Options()
        options.parse(list(arguments))
        self.clock = Clock()
        self.crowd = Crowd(self.clock, options.settings.common)
        self.shared = Shared(options.settings, self.crowd, self.clock)
        self.shared.now = self.clock.seconds
        return EchoFactory(self.shared)

    def connect(
        self, factory: EchoFactory, host: str = "127.0.0.1", transport: StringTransport | None = None
    ) -> tuple[Echo | Turned, StringTransport]:
        """Return the protocol and transport of one client."""
        transport = transport or StringTransport()
        protocol: Any = factory.buildProtocol(IPv4Address("TCP", host, 1024))
        protocol.makeConnection(transport)
        return protocol, transport

    def said(self, *pieces: bytes, arguments: tuple[str, ...] = ()) -> tuple[bytes, bool]:
        """Return what a new client is answered, and whether the connection closes."""
        protocol, transport = self.connect(self.factory(*arguments))
        for piece in pieces:
            protocol.dataReceived(piece)
        return transport.value(), transport.disconnecting

    def faults(self) -> list[str]:
        """Return what the log says was done wrong, without the connection and the client."""
        told = [formatEvent(event) for event in self.events if event.get("event") == "echo.fault"]
        return [re.sub(r"^connection \d+, \S+: ", "", line) for line in told]
