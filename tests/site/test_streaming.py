"""An answer that goes on, and who listens to it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import Answer, Asked, Stream
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import make_site
from netsuite.site.streaming import Listener
from tests.site.wire import Client, Now


class FileTests(SynchronousTestCase):
    """A long file, written piece by piece as the client takes it."""

    def setUp(self) -> None:
        self.listeners: list[Listener] = []
        self.left: list[Listener] = []

        async def view(asked: Asked) -> Answer:
            return Answer(b"", "text/csv", stream=Stream(self.listeners.append, self.left.append))

        frame = Frame("test")
        site = make_site(Routes(frame, {"/": view}), frame, reactor=Now())
        self.client = Client(site)
        self.client.protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        (self.listener,) = self.listeners

    @property
    def transport(self) -> StringTransport:
        return self.client.transport

    def test_waits_for_the_client(self) -> None:
        """Who writes is told to go on when the connection takes more, and that the client is there."""
        self.listener.write(b"one\n")
        self.assertTrue(self.successResultOf(Deferred.fromCoroutine(self.listener.drained())))
        self.client.protocol.pauseProducing()
        waiting = Deferred.fromCoroutine(self.listener.drained())
        self.assertNoResult(waiting)
        self.listener.write(b"two\n")
        self.client.protocol.resumeProducing()
        self.assertTrue(self.successResultOf(waiting))
        self.listener.end()
        said = self.transport.value()
        self.assertIn(b"Transfer-Encoding: chunked", said)
        self.assertLess(said.index(b"one\n"), said.index(b"two\n"))
        self.assertTrue(said.endswith(b"0\r\n\r\n"))

    def test_the_client_goes(self) -> None:
        """Who waits is told that nobody is there, and what is written after that is nothing."""
        self.client.protocol.pauseProducing()
        waiting = Deferred.fromCoroutine(self.listener.drained())
        self.client.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertFalse(self.successResultOf(waiting))
        self.assertEqual(self.left, [self.listener])
        self.listener.write(b"late")
        self.assertNotIn(b"late", self.transport.value())

    def test_cut(self) -> None:
        """What broke ends without the mark of a whole answer."""
        self.listener.write(b"half")
        self.listener.cut()
        self.assertTrue(self.transport.disconnected)
        self.assertNotIn(b"0\r\n\r\n", self.transport.value())
