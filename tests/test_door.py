"""A listening socket goes on listening, whatever accept says."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver, MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite import door
from netsuite.door import Door


class Client:
    """An accepted socket."""

    closed = False

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Queue:
    """A listening socket whose accepts are written beforehand: clients and errors."""

    def __init__(self, *waiting: Client | int) -> None:
        self.waiting = list(waiting)

    def fileno(self) -> int:
        """Return some number."""
        return 77

    def accept(self) -> tuple[Client, tuple[str, int]]:
        """Return the next."""
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "nobody")
        first = self.waiting.pop(0)
        if isinstance(first, int):
            raise OSError(first, os.strerror(first))
        return first, ("192.0.2.1", 1234)


class Greeting(Protocol):
    """Tells its factory."""

    def connectionMade(self) -> None:
        """Be counted."""
        self.factory.came.append(self)  # type: ignore[union-attr]


class Opened(SynchronousTestCase):
    """A test with a door."""

    def opened(self, *waiting: Client | int) -> Door:
        """Return a door at which these wait."""
        self.clock = MemoryReactorClock()
        self.factory: Any = Factory.forProtocol(Greeting)
        self.factory.came = []
        self.lacks: list[str] = []
        made = Door(0, self.factory, 50, "", self.clock)
        made.owner, made.on_lack = "echo", lambda: self.lacks.append("lack")
        queue: Any = Queue(*waiting)
        made.socket, made.fileno = queue, queue.fileno  # type: ignore[method-assign]
        transport: Callable[..., Any] = lambda client, *rest: client  # noqa: E731
        made.transport = transport  # type: ignore[assignment]
        made.connected = True
        made.startReading()
        self.events = EventLoggingObserver()
        globalLogPublisher.addObserver(self.events)
        self.addCleanup(globalLogPublisher.removeObserver, self.events)
        return made

    def lines(self, event: str) -> int:
        """Return how many events of this kind there were."""
        return sum(each.get("event") == event for each in self.events)


class LackTests(Opened):
    """No descriptors, no buffers, no memory."""

    def test_rests(self) -> None:
        """The socket is not looked at for a moment, what is idle is closed, then clients are accepted."""
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            made = self.opened(Client(), number, Client())
            made.doRead()
            self.assertEqual((len(self.factory.came), self.lacks), (1, ["lack"]))
            self.assertNotIn(made, self.clock.getReaders())
            self.clock.advance(door.REST_SECONDS)
            self.assertIn(made, self.clock.getReaders())
            made.doRead()
            self.assertEqual(len(self.factory.came), 2)

    def test_told_once_a_while(self) -> None:
        """However long it lasts, it is a line a minute."""
        made = self.opened(*[errno.EMFILE] * 1000)
        while self.clock.seconds() < door.TOLD_SECONDS * 1.5:
            made.doRead()
            self.clock.advance(door.REST_SECONDS)
        self.assertEqual(self.lines("accept.paused"), 2)

    def test_unknown(self) -> None:
        """An error that nobody expects does not make it spin either."""
        made = self.opened(errno.EIO, Client())
        made.doRead()
        self.assertEqual((self.factory.came, self.lines("accept.failed")), ([], 1))
        self.clock.advance(door.REST_SECONDS)
        made.doRead()
        self.assertEqual(len(self.factory.came), 1)

    def test_closed_while_resting(self) -> None:
        """A door that is closed while it rests leaves no timer, and is not looked at again."""
        made = self.opened(errno.EMFILE)
        made.doRead()
        made.socket.close = lambda: None
        made.connectionLost(None)
        self.assertEqual((self.clock.getDelayedCalls(), self.clock.getReaders()), ([], []))


class SharedTests(Opened):
    """A socket from which other processes accept too."""

    def test_steps_back(self) -> None:
        """Who is ahead leaves the next client to others for a moment, and then takes it if it still waits."""
        made = self.opened(Client(), Client())
        made.is_ahead, made.back_seconds, made.accepts = lambda: True, 0.25, door.ACCEPTS_SHARED
        for taken in (1, 2):
            made.doRead()
            self.assertEqual(len(self.factory.came), taken - 1)
            self.assertNotIn(made, self.clock.getReaders())
            self.clock.advance(0.25)
            self.assertIn(made, self.clock.getReaders())
            made.doRead()
            self.assertEqual(len(self.factory.came), taken)
        made.is_ahead = lambda: False
        made.socket.waiting.append(Client())  # type: ignore[attr-defined]
        made.doRead()
        self.assertEqual(len(self.factory.came), 3)


class OneTests(Opened):
    """What befalls one client is no other's business."""

    def test_gone(self) -> None:
        """A connection that died in the queue is passed over; the next is taken in the same turn."""
        for number in (errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETUNREACH):
            made = self.opened(number, Client())
            made.doRead()
            self.assertEqual((len(self.factory.came), self.lacks), (1, []))

    def test_fault(self) -> None:
        """A factory that breaks on one client costs that client alone."""
        clients = [Client(), Client()]
        made = self.opened(*clients)
        building = self.factory.buildProtocol

        def once_broken(address: Any) -> Protocol:
            self.factory.buildProtocol = building
            raise ZeroDivisionError

        self.factory.buildProtocol = once_broken
        made.doRead()
        self.assertEqual(([client.closed for client in clients], len(self.factory.came)), ([True, False], 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_not_wanted(self) -> None:
        """A client for which there is no protocol is closed."""
        client = Client()
        made = self.opened(client)
        self.factory.buildProtocol = lambda address: None
        made.doRead()
        self.assertTrue(client.closed)

    def test_so_many_a_turn(self) -> None:
        """A turn has a bound, and a door that shares its socket takes one at a time."""
        made = self.opened(*(Client() for _ in range(door.ACCEPTS + 5)))
        made.doRead()
        self.assertEqual(len(self.factory.came), door.ACCEPTS)
        made.accepts = door.ACCEPTS_SHARED
        made.doRead()
        self.assertEqual(len(self.factory.came), door.ACCEPTS + door.ACCEPTS_SHARED)
