"""A client on a string: what an HTTP echo service answers to raw bytes, on a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from netsuite.crowd import Crowd
from netsuite.httpecho.desk import Desk
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.own import Own
from netsuite.httpecho.service import Options, Visitors
from netsuite.httpecho.visitor import Visitor
from netsuite.visits import Visits

HEAD = b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-One: 1\r\nx-ONE:  2 \r\n\r\n"


class Wire(StringTransport):
    """A connection whose other side reads everything, or nothing (``full``)."""

    is_aborted = has_fin = False

    def abortConnection(self) -> None:
        self.is_aborted = True
        super().abortConnection()

    def loseWriteConnection(self) -> None:
        self.has_fin = True


@dataclass(frozen=True)
class Reply:
    """An answer as it came.  ``rest``: what is past it."""

    version: str
    status: int
    fields: list[tuple[str, str]]
    body: bytes
    rest: bytes

    def field(self, name: str) -> str | None:
        """The value of the field of this name, None if there is none."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)


def replied(data: bytes, *, to_head: bool = False) -> Reply:
    """The first answer of ``data``; its body ends by Content-Length, or with the data."""
    head, mark, data = data.partition(b"\r\n\r\n")
    if not mark:
        raise AssertionError(f"no whole head: {head[:200]!r}")
    start, *lines = head.decode("latin-1").split("\r\n")
    version, status = start.split(" ")[:2]
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    length = next((int(value) for name, value in fields if name == "Content-Length"), len(data))
    size = 0 if to_head or int(status) < 200 else length
    return Reply(version, int(status), fields, data[:size], data[size:])


def all_replied(data: bytes) -> list[Reply]:
    """All answers of ``data``."""
    found = []
    while data:
        found.append(replied(data))
        data = found[-1].rest
    return found


class Visiting(SynchronousTestCase):
    """A test that visits an HTTP echo service."""

    def open(self, *arguments: str) -> Hall:
        """Return what the service's connections share; they are on ``self.clock``."""
        options = Options()
        options.parse([*arguments])
        self.clock = Clock()
        crowd = Crowd(self.clock, options.settings.common)
        self.lines: list[tuple[Any, ...]] = []
        visits = Visits("off")
        self.hall = Hall(options.settings, crowd, visits, self.clock, key=b"k" * 32)
        self.desk = Desk(self.hall)
        self.own = self.hall.own = Own(self.hall, self.desk)
        crowd.start()
        self.addCleanup(crowd._sweeping.stop)
        return self.hall

    def connect(self, host: str = "127.0.0.1", *, came_to: str = "127.0.0.1") -> tuple[Visitor, Wire]:
        """Return a new client's protocol and its connection."""
        wire = Wire(
            hostAddress=IPv4Address("TCP", came_to, 8000), peerAddress=IPv4Address("TCP", host, 40000)
        )
        visitor: Any = Visitors(self.hall, self.desk).buildProtocol(IPv4Address("TCP", host, 40000))
        visitor.makeConnection(wire)
        return visitor, wire

    def said(self, *pieces: bytes, arguments: tuple[str, ...] = (), host: str = "127.0.0.1") -> Wire:
        """Return a connection on which these pieces came, of a new service if ``arguments`` are given."""
        if arguments or not hasattr(self, "hall"):
            self.open(*arguments)
        visitor, wire = self.connect(host)
        for piece in pieces:
            if wire.disconnecting:
                break
            visitor.dataReceived(piece)
        return wire

    def reply(self, data: bytes, *arguments: str, host: str = "127.0.0.1") -> Reply:
        """Return the one answer to ``data``."""
        answer = replied(
            self.said(data, arguments=arguments, host=host).value(), to_head=data.startswith(b"HEAD ")
        )
        self.assertEqual(answer.rest, b"")
        return answer
