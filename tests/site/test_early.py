"""Pages that begin before their answer is known."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import Answer, Asked, Refusal
from netsuite.site.early import HEAD_START_SECONDS, early
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import make_site
from tests.site.wire import Client, Now

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class EarlyTests(SynchronousTestCase):
    """A view that answers when it is told to."""

    def setUp(self) -> None:
        self.clock, self.frame = Now(), Frame("Early", [("/", "Begin")])
        self.answers: list[Deferred[Answer]] = []
        view = early(self.view, "frame.html", self.frame, self.clock)
        routes = Routes(self.frame, {"/": view})
        self.site = make_site(routes, self.frame, idle_seconds=60.0, reactor=self.clock)
        self.client = Client(self.site)

    async def view(self, asked: Asked) -> Answer:
        self.answers.append(Deferred())
        return await self.answers[-1]

    def page(self) -> Answer:
        """What the view may answer."""
        return self.frame.page("refusal.html", Asked("/"), title="Late", sentence="Here it is.")

    def came(self) -> bytes:
        """The bytes since last asked for."""
        data: bytes = self.client.transport.value()
        self.client.transport.clear()
        return data

    def begin(self) -> bytes:
        """A request was sent, and the head start is over: what came by then."""
        self.client.protocol.dataReceived(GET)
        self.assertEqual(self.came(), b"")
        self.clock.advance(HEAD_START_SECONDS)
        return self.came()

    def body(self, data: bytes) -> bytes:
        """The content of chunks."""
        found = b""
        while data:
            size, _, data = data.partition(b"\r\n")
            found += data[: int(size, 16)]
            data = data[int(size, 16) + 2 :]
        return found

    def test_soon(self) -> None:
        """An answer within the head start is sent whole, with its length, and no timer stays."""
        self.client.protocol.dataReceived(GET)
        self.answers[0].callback(self.page())
        (reply,) = self.client.replies()
        self.assertEqual((reply.status, reply.body), (200, self.page().body))
        self.clock.advance(HEAD_START_SECONDS)
        self.assertEqual(self.came(), b"")

    def test_late(self) -> None:
        """The frame goes first; all of it together is the page, and the connection is good for the next."""
        head, _, beginning = self.begin().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"</header>", beginning)
        self.assertNotIn(b"<main", beginning)
        self.answers[0].callback(self.page())
        whole = self.body(beginning + self.came())
        self.assertEqual(whole.partition(b"<main")[2], self.page().body.partition(b"<main")[2])
        self.assertEqual(whole.count(b"<main"), 1)
        self.assertIn(b"<title>Early</title>", whole)
        self.client.protocol.dataReceived(GET)
        self.answers[1].callback(self.page())
        self.assertEqual(self.client.replies()[0].status, 200)

    def test_refused_soon(self) -> None:
        """Who is refused within the head start gets the status."""
        self.client.protocol.dataReceived(GET)
        self.answers[0].errback(Refusal(503, "Come again."))
        self.assertEqual(self.client.replies()[0].status, 503)

    def test_refused_late(self) -> None:
        """Later the page says it."""
        beginning = self.begin().partition(b"\r\n\r\n")[2]
        self.answers[0].errback(Refusal(503, "Come again."))
        whole = self.body(beginning + self.came())
        self.assertIn(b"Come again.", whole)
        self.assertTrue(whole.endswith(b"</html>"))

    def test_broken_late(self) -> None:
        """A bug is told by the number that it has in the log, and ends nothing else."""
        beginning = self.begin().partition(b"\r\n\r\n")[2]
        self.answers[0].errback(ZeroDivisionError("a secret"))
        whole = self.body(beginning + self.came())
        self.assertTrue(whole.endswith(b"</html>"))
        self.assertNotIn(b"secret", whole)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_gone(self) -> None:
        """Who left meanwhile is sent nothing, and nothing breaks."""
        self.begin()
        self.client.transport.loseConnection()
        self.client.protocol.connectionLost(Failure(ConnectionDone()))
        self.answers[0].callback(self.page())
        self.assertEqual(self.came(), b"")

    def test_head(self) -> None:
        """HEAD waits for the answer."""
        self.client.protocol.dataReceived(GET.replace(b"GET", b"HEAD"))
        self.clock.advance(HEAD_START_SECONDS)
        self.assertEqual(self.came(), b"")
        self.answers[0].callback(self.page())
        self.assertIn(b"Content-Length: %d" % len(self.page().body), self.came())
