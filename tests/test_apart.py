"""A bug in what serves one connection ends that connection alone, a thousand times over, in each service.

As RELIABILITY has it: an exception planted where bytes are read or a page is made; the client is told 500 or
cut off, whoever comes next is served, the log has one event a bug, each with a number of its own, and nothing
is left behind.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.logger import globalLogBeginner, globalLogPublisher

from netsuite.echo.client import Echo
from netsuite.httpecho.visitor import Visitor
from netsuite.proxy.client import ClientSide
from netsuite.site.channel import Channel
from netsuite.site.routes import Routes
from netsuite.suite import PORTS, Suite
from tests.inside import PATIENCE, InsideCase, received, tables

#: Connections that a bug ends, of each plant.
TIMES = 1000

#: Those before anything is measured: caches fill.
WARMING = 30

#: What may be there more at the end than after the warming, in objects and descriptors.
OBJECTS = 400
DESCRIPTORS = 2

PLANT = b"PLANTED"
ASKED = b"GET /" + PLANT + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


class PlantedError(Exception):
    """The bug."""


def planted(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which fails where it is given the word, in bytes or in what was asked."""

    def fails(self: Any, *arguments: Any) -> Any:
        first = arguments[0] if arguments else b""
        path = getattr(first, "path", first)
        if PLANT in (path.encode() if isinstance(path, str) else bytes(path)):
            raise PlantedError(type(self).__name__)
        return method(self, *arguments)

    return fails


#: Where it is planted: where the connection's bytes are read, and, of our sites, where a page is asked for.
PLANTS: dict[str, tuple[type, str, tuple[str, ...]]] = {
    "echo, bytes": (Echo, "_received", ("echo",)),
    "httpecho, bytes": (Visitor, "_read", ("httpecho",)),
    "proxies, bytes": (ClientSide, "_read", ("proxy", "wordproxy")),
    "sites, bytes": (Channel, "_piece", ("pages", "formsite", "colors")),
    "sites, views": (Routes, "_answer", ("formsite", "colors")),
}


class ApartTests(InsideCase):
    """All services, with a bug in each in turn."""

    async def test_each(self) -> None:
        """Those who meet the bug are ended, all others are served, and nothing grows."""
        self.numbers: list[str] = []
        globalLogPublisher.addObserver(self.note)
        self.addCleanup(globalLogPublisher.removeObserver, self.note)
        keeper = globalLogBeginner._temporaryObserver  # of all that is logged before a log begins
        globalLogPublisher.removeObserver(keeper)
        self.addCleanup(globalLogPublisher.addObserver, keeper)
        suite = self.started(tables(*PORTS))
        for name, (owner, method, services) in PLANTS.items():
            with self.subTest(name):
                self.patch(owner, method, planted(getattr(owner, method)))
                for service in services:
                    await self.met(suite, service, TIMES)

    def note(self, event: Any) -> None:
        """Keep the number of a bug that is logged."""
        if event.get("event") == "fault":
            self.numbers.append(event["number"])

    async def met(self, suite: Suite, service: str, times: int) -> None:
        """So many connections to a service meet the bug, and one that stays doesn't."""
        place = self.place(suite, service)
        with socket.create_connection(place, PATIENCE) as other:
            await deferToThread(asked_all, place, WARMING)
            self.settled(WARMING)
            before = held()
            endings = await deferToThread(asked_all, place, times)
            self.settled(times)
            after = held()
            self.assertEqual(endings, {True}, service)
            self.assertLessEqual(after[0] - before[0], OBJECTS, service)
            self.assertLessEqual(after[1] - before[1], DESCRIPTORS, service)
            other.sendall(b"quit\r\n" if service == "echo" else b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = await deferToThread(received, other)
            self.assertRegex(answer, rb"^(Goodbye|HTTP/1.[01] (200|400|403) )", service)

    def settled(self, times: int) -> None:
        """As many bugs are in the log as there were, each under its own number."""
        self.assertEqual(len(self.flushLoggedErrors(PlantedError)), times)
        self.assertEqual((len(self.numbers), len(set(self.numbers))), (times, times))
        self.numbers.clear()


def held() -> tuple[int, int]:
    """How many objects and descriptors there are."""
    gc.collect()
    return len(gc.get_objects()), len(os.listdir("/proc/self/fd"))


def asked_all(place: tuple[str, int], times: int) -> set[bool]:
    """How so many connections that meet the bug have ended: True, 500 or a cut."""
    return {asked(place) for _ in range(times)}


def asked(place: tuple[str, int]) -> bool:
    """Whether a connection that meets the bug is told 500, or cut off."""
    with socket.create_connection(place, PATIENCE) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(ASKED)
        try:
            answer = link.recv(65536)
        except ConnectionResetError:
            return True
        return not answer or answer.startswith((b"HTTP/1.1 500 ", b"HTTP/1.0 500 "))
