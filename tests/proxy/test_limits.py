"""Who may use the proxy, for how long, and how many at once."""

from __future__ import annotations

from twisted.internet import defer
from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.scripted import Bench, Recording, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
GOOD = b"Basic dTpw"


class Doorman:
    """Lets ``GOOD`` in, after ``asked`` fires."""

    def __init__(self) -> None:
        self.asked: defer.Deferred[None] = defer.Deferred()

    def remembered(self, credentials: bytes) -> str | None:
        """Remember nobody."""
        return None

    async def check(self, credentials: bytes, client: str) -> str | None:
        """Return who it is."""
        await self.asked
        return "u" if credentials == GOOD else None


class LogInTests(SynchronousTestCase):
    """Credentials."""

    def test_none(self) -> None:
        """Without credentials it is 407 and nothing is dialled; the client may try again."""
        bench = Bench(access=Doorman())
        self.assertIn(b" 407 ", bench.ask(request()))
        self.assertFalse(bench.client.disconnecting)
        self.assertEqual(bench.clock.tcpClients, [])

    def test_good(self) -> None:
        """Good credentials let the request pass, without them and in its turn."""
        door = Doorman()
        bench = Bench(access=door)
        asked = request(b"GET", b"/", b"Proxy-Authorization: " + GOOD)
        bench.ask(asked + asked)
        self.assertEqual(bench.origins, [])
        door.asked.callback(None)
        bench.settle()
        sent = bench.seen()
        self.assertEqual(sent.count(b"GET "), 1)
        self.assertNotIn(b"uthorization", sent)
        self.assertIn(b" 200 ", bench.reply(OK))
        self.assertEqual(bench.seen().count(b"GET "), 1)

    def test_wrong(self) -> None:
        """Wrong ones are 407."""
        door = Doorman()
        door.asked.callback(None)
        bench = Bench(access=door)
        self.assertIn(b" 407 ", bench.ask(request(b"GET", b"/", b"Proxy-Authorization: Basic eDp5")))
        self.assertEqual(bench.clock.tcpClients, [])

    def test_gone(self) -> None:
        """A client that leaves meanwhile has nothing asked for."""
        door = Doorman()
        bench = Bench(access=door)
        bench.ask(request(b"GET", b"/", b"Proxy-Authorization: " + GOOD))
        bench.client.end()
        door.asked.callback(None)
        self.assertEqual(bench.clock.tcpClients, [])


class TimeTests(SynchronousTestCase):
    """What takes too long."""

    def test_header(self) -> None:
        """A head that does not become whole is 408; drops of it gain no time."""
        bench = Bench()
        for _ in range(14):
            bench.ask(b"G")
            bench.advance(1)
        self.assertFalse(bench.client.gone)
        bench.advance(2)
        self.assertIn(b" 408 ", bench.client.take())
        self.assertTrue(bench.client.gone)

    def test_silent(self) -> None:
        """A client that says nothing is closed without a word."""
        bench = Bench()
        bench.advance(16)
        self.assertTrue(bench.client.gone)
        self.assertEqual(bench.client.take(), b"")

    def test_answer(self) -> None:
        """An origin that is silent is 504, and its connection ends; the client stays."""
        bench = Bench()
        bench.ask(request())
        bench.advance(119)
        self.assertEqual(bench.client.take(), b"")
        bench.advance(2)
        self.assertIn(b" 504 ", bench.client.take())
        self.assertTrue(bench.origins[0].gone)
        self.assertFalse(bench.client.gone)

    def test_stalled(self) -> None:
        """A body that stalls is cut."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK[:-1])
        bench.advance(61)
        self.assertTrue(bench.client.gone and bench.origins[0].gone)
        assert isinstance(bench.hooks, Recording)
        self.assertEqual(bench.hooks.taps[0].ends, [False])

    def test_idle(self) -> None:
        """A client that asks no more is closed."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.advance(58)
        self.assertFalse(bench.client.gone)
        bench.advance(3)
        self.assertTrue(bench.client.gone)

    def test_tunnel(self) -> None:
        """A tunnel ends when silent, and any byte is a sign of life."""
        bench = Bench()
        bench.ask(b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n")
        bench.advance(50)
        bench.reply(b"x")
        bench.advance(50)
        self.assertFalse(bench.client.gone)
        bench.advance(12)
        self.assertTrue(bench.client.gone and bench.origins[0].gone)


class NumberTests(SynchronousTestCase):
    """How many at once."""

    def test_cap(self) -> None:
        """Past the bound it is 503, while all are busy."""
        bench = Bench(most=1)
        bench.ask(request())
        other = bench.connect()
        self.assertIn(b" 503 ", other.take())
        self.assertTrue(other.disconnecting)
        self.assertIn(b" 200 ", bench.reply(OK))

    def test_shed(self) -> None:
        """An idle client gives way."""
        bench = Bench(most=1)
        other = bench.connect()
        self.assertTrue(bench.client.aborted)
        self.assertEqual(other.take(), b"")

    def test_drain(self) -> None:
        """At the end an answer under way is finished, and the idle close."""
        bench = Bench()
        idle = bench.connect()
        idle.feed(request(host=b"10.0.0.1"))
        bench.settle()
        bench.ask(request())
        done = defer.Deferred.fromCoroutine(bench.crowd.drain(10))
        bench.settle()
        self.assertTrue(idle.gone)
        self.assertNoResult(done)
        self.assertIn(b"\r\nConnection: close\r\n", bench.reply(OK))
        self.successResultOf(done)
