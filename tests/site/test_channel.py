"""A connection to a site through its states: turns, times, readers that don't read, ends that are told."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.options import Options
from netsuite.site import channel, safety
from netsuite.site.answer import Answer, Asked, json_answer
from netsuite.site.bounds import BOUNDS_OPTIONS, Bounds, read_bounds
from netsuite.site.channel import AHEAD_BYTES, LINGER_BYTES, LINGER_SECONDS, TAKEN_BYTES, TURN_REQUESTS
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import Numbers, make_site
from tests.site.wire import Client, Now

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


class ChannelCase(SynchronousTestCase):
    """A site with a quick view and a slow one."""

    def setUp(self) -> None:
        self.clock, self.frame = Now(), Frame("demo")
        self.slow: Deferred[None] = Deferred()
        self.asked: list[str] = []
        self.logged: list[tuple[Any, ...]] = []
        self.site = self.make()

    def make(self, **more: Any) -> Any:
        views = {"/": self.quick, "/slow": self.wait, "/long": self.long}
        routes = Routes(self.frame, views)
        return make_site(routes, self.frame, bounds=BOUNDS, reactor=self.clock, log=self.log, **more)

    def log(self, *values: Any) -> None:
        self.logged.append(values)

    async def quick(self, asked: Asked) -> Answer:
        self.asked.append(dict(asked.args).get("n", ""))
        return json_answer({})

    async def wait(self, asked: Asked) -> Answer:
        self.asked.append("slow")
        await self.slow
        return json_answer({})

    async def long(self, asked: Asked) -> Answer:
        return Answer(b"x" * 1_000_000, "text/plain")


BOUNDS = Bounds(idle_seconds=10, head_seconds=5, body_seconds=30, answer_seconds=60, body_bytes=1000)


class TurnTests(ChannelCase):
    """Requests sent ahead."""

    def test_turns(self) -> None:
        """After some requests of one connection others have their turn; all are answered, in order."""
        client = Client(self.site)
        count = 2 * TURN_REQUESTS + 3
        client.protocol.dataReceived(b"".join(GET % b"/?n=%d" % number for number in range(count)))
        self.assertEqual(len(self.asked), TURN_REQUESTS)
        client.protocol.dataReceived(GET % b"/?n=last")
        self.assertEqual(len(self.asked), TURN_REQUESTS)
        for _ in range(4):
            self.clock.advance(0)
        self.assertEqual(self.asked, [*(str(number) for number in range(count)), "last"])
        self.assertEqual([reply.status for reply in client.replies()], [200] * (count + 1))

    def test_long_turns(self) -> None:
        """Where answers take long, a turn is over sooner."""
        client = Client(self.site)
        self.patch(self.clock, "seconds", iter(range(10_000)).__next__)
        client.protocol.dataReceived(b"".join(GET % b"/?n=%d" % number for number in range(5)))
        self.assertEqual(self.asked, ["0"])

    def test_ahead_is_bounded(self) -> None:
        """While one is in hand some more is taken in, and then nothing is read until it is answered."""
        client = Client(self.site)
        client.protocol.dataReceived(GET % b"/slow")
        number = 0
        while client.transport.producerState == "producing":
            client.protocol.dataReceived(GET % b"/?n=%d" % number)
            number += 1
            self.assertLess(number, AHEAD_BYTES)
        self.assertEqual(self.asked, ["slow"])
        self.slow.callback(None)
        for _ in range(number // TURN_REQUESTS + 2):
            self.clock.advance(0)
        self.assertEqual(client.transport.producerState, "producing")
        self.assertEqual(self.asked, ["slow", *map(str, range(number))])

    def test_not_while_nothing_is_taken(self) -> None:
        """While the client doesn't take its answers, none of its requests is begun."""
        client = Client(self.site)
        client.protocol.pauseProducing()
        client.protocol.dataReceived((GET % b"/?n=1") + (GET % b"/?n=2"))
        self.assertEqual(self.asked, [])
        client.protocol.resumeProducing()
        self.assertEqual(self.asked, ["1", "2"])

    def test_gone_in_between(self) -> None:
        """Who leaves while requests wait is asked no more, and no timer is left."""
        client = Client(self.site)
        client.protocol.dataReceived(b"".join(GET % b"/?n=%d" % number for number in range(40)))
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.asked), TURN_REQUESTS)


class TimeTests(ChannelCase):
    """How long each state may take."""

    def statuses(self, client: Client) -> list[int]:
        return [reply.status for reply in client.replies()]

    def test_slow_body(self) -> None:
        """A body that trickles has its whole time; one that stops has the idle time."""
        client = Client(self.site)
        client.protocol.dataReceived(POST + b"Content-Length: 900\r\n\r\n")
        for _ in range(29):
            self.clock.advance(1)
            client.protocol.dataReceived(b"x")
        self.assertEqual(self.statuses(client), [])
        self.clock.advance(2)
        self.assertEqual(self.statuses(client), [408])
        client = Client(self.site)
        client.protocol.dataReceived(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel")
        self.clock.advance(9)
        self.assertEqual(self.statuses(client), [])
        self.clock.advance(2)
        self.assertEqual(self.statuses(client), [408])
        self.assertEqual(self.site.held_bytes, 29 + 3)
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.site.held_bytes, 29)

    def test_slow_answer(self) -> None:
        """A view that never answers is given up, and its client told so; a late answer is nobody's."""
        client = Client(self.site)
        client.protocol.dataReceived(GET % b"/slow")
        self.clock.advance(59)
        self.assertEqual(self.statuses(client), [])
        self.clock.advance(2)
        self.assertEqual(self.statuses(client), [503])
        self.slow.callback(None)
        self.assertEqual(client.transport.value(), b"")

    def test_slow_reader(self) -> None:
        """Who takes an answer slowly has time as long as they take some, and is cut off if they don't."""
        for takes, stays in ((TAKEN_BYTES, True), (10, False), (0, False)):
            client = Client(self.site)
            client.transport.unsent = 0  # type: ignore[attr-defined]  # as a real connection has it
            client.protocol.dataReceived(GET % b"/long")
            client.protocol.pauseProducing()
            client.transport.unsent = 900_000  # type: ignore[attr-defined]
            for _ in range(6):
                self.clock.advance(10)
                client.transport.unsent -= takes  # type: ignore[attr-defined]
            self.assertEqual(not client.transport.disconnected, stays, takes)

    def test_reading_buys_no_time(self) -> None:
        """A client that pauses and takes its answers has no more time for its next head by that."""
        client = Client(self.site)
        client.protocol.dataReceived((GET % b"/") + b"GET /?")
        self.statuses(client)
        while not client.transport.disconnecting:
            client.protocol.pauseProducing()
            client.protocol.resumeProducing()
            self.clock.advance(1)
        self.assertEqual((self.statuses(client), self.clock.seconds()), ([408], 5))

    def test_told_before_the_end(self) -> None:
        """After a refusal what still comes is dropped for a while: a reset would take the answer with it."""
        client = Client(self.site)
        halves: list[bool] = []
        client.transport.loseWriteConnection = lambda: halves.append(True)  # type: ignore[attr-defined]
        client.protocol.dataReceived(POST + b"Content-Length: 999999\r\n\r\n")
        self.assertEqual(self.statuses(client), [413])
        self.assertEqual((halves, client.transport.disconnecting), ([True], False))
        for _ in range(LINGER_BYTES // 100_000):
            client.protocol.dataReceived(b"x" * 100_000)
        self.assertEqual(client.transport.producerState, "producing")
        client.protocol.dataReceived(b"x" * 100_000)
        self.assertEqual(client.transport.producerState, "paused")
        self.clock.advance(LINGER_SECONDS + 1)
        self.assertTrue(client.transport.disconnected)

    def test_half_closed(self) -> None:
        """A client that has said all is answered, and then it ends; at once if nothing was said."""
        client = Client(self.site)
        client.protocol.dataReceived((GET % b"/slow") + (GET % b"/?n=1") + b"GET /unfin")
        client.protocol.readConnectionLost()
        self.assertFalse(client.transport.disconnecting)
        self.slow.callback(None)
        self.assertEqual(self.statuses(client), [200, 200])
        self.assertTrue(client.transport.disconnecting)
        client = Client(self.site)
        client.protocol.readConnectionLost()
        self.assertTrue(client.transport.disconnecting)


class ToldTests(ChannelCase):
    """What is counted and logged."""

    def test_log(self) -> None:
        """Each answer is told once, refusals too: who asked, for what, status, bytes, from where, by what."""
        client = Client(self.site)
        fields = b"Referer: http://a.example/?q\r\nUser-Agent: t\r\n\r\n"
        client.send(b"GET /long?q=1 HTTP/1.1\r\nHost: localhost\r\n" + fields)
        client.send(b"HEAD /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.send(b"nonsense\r\n\r\n")
        first = ("127.0.0.1", b"GET /long?q=1 HTTP/1.1", 200, 1_000_000, b"http://a.example/?q", b"t")
        head = ("127.0.0.1", b"HEAD /long HTTP/1.1", 200, 0, b"", b"")
        self.assertEqual(self.logged[:2], [first, head])
        self.assertEqual([told[1:3] for told in self.logged[2:]], [(b"-", 400)])
        told = {one.name: one for one in Numbers(self.site).collect()}
        [refused] = told["netsuite_refusals"].samples
        self.assertEqual((refused.labels, refused.value), ({"cause": "400", "listener": "port"}, 1))
        classes = {one.labels["class"]: one.value for one in told["netsuite_requests"].samples if one.value}
        self.assertEqual(classes, {"2xx": 2, "4xx": 1})

    def test_other_safety(self) -> None:
        """A site may have other safety fields, in whole answers and in refusals."""
        client = Client(self.make(security=safety.PLAIN))
        replies = [*client.send(GET % b"/"), *client.send(b"nonsense\r\n\r\n")]
        for reply in replies:
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
            self.assertNotIn("content-security-policy", reply.headers)

    def test_any_name(self) -> None:
        """A site may answer to any name that is one."""
        site = self.make(hosts=("*",))
        statuses = [
            Client(site).send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % name)[0].status
            for name in (b"anything.example", b"localhost", b"a b", b"[::1")
        ]
        self.assertEqual(statuses, [200, 200, 400, 400])

    def test_a_fault_here(self) -> None:
        """A fault of the reader itself is logged under a number, which its client is told; no other is."""

        def broken(*args: Any) -> Any:
            raise ZeroDivisionError("s3cret")

        client, other = Client(self.site), Client(self.site)
        self.patch(channel, "request_body", broken)
        [reply] = client.send(POST + b"Content-Length: 5\r\n\r\nhello")
        self.assertEqual(reply.status, 500)
        self.assertIn("fault ", reply.text)
        self.assertNotIn("s3cret", reply.text)
        self.assertEqual([reply.status for reply in other.send(GET % b"/")], [200])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class BoundsTests(SynchronousTestCase):
    """The options of bounds."""

    def test_options(self) -> None:
        """Each bound has an option, and the defaults are the ones of `Bounds`."""

        class Some(Options):
            table = "some"
            optParameters = BOUNDS_OPTIONS

            def read(self) -> Bounds:
                return read_bounds(self)

        plain, told = Some(), Some()
        plain.parse([])
        self.assertEqual(plain.settings, Bounds())
        told.parse(
            [
                "--max-head",
                "9KiB",
                "--max-fields",
                "7",
                "--max-body",
                "1MiB",
                "--head-time",
                "3",
                "--body-time",
                "4",
            ]
        )
        self.assertEqual(
            told.settings,
            Bounds(head_bytes=9 * 1024, fields=7, body_bytes=1 << 20, head_seconds=3, body_seconds=4),
        )
        self.assertEqual(told.settings.limits.target_bytes, 9 * 1024)
