"""How connections end: lingering, faults of ours, the time that all may take, a stop."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet import defer
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from netsuite.crowd import FRESH_SECONDS
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.client import LINGER_BYTES, LINGER_SECONDS
from netsuite.proxy.relay import Times
from netsuite.proxy.rewrite import Via
from netsuite.proxy.route import Rules
from tests.proxy.scripted import Bench, Recording, request

OK = b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc"
CONNECT = b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n"
LARGE = request(b"POST", b"/", b"Content-Length: 100000000")


class LingerTests(SynchronousTestCase):
    """A client that is still sending when it is answered."""

    def setUp(self) -> None:
        """Refuse a body that goes on and on."""
        self.bench = Bench(rules=Rules(max_body=10))
        self.client = self.bench.client
        self.client.feed(LARGE)

    def test_fin_first(self) -> None:
        """The answer leaves, then our FIN, and the client is read on."""
        self.assertIn(b" 413 ", self.client.take())
        self.assertTrue(self.client.half_closed)
        self.assertFalse(self.client.disconnecting or self.client.paused)
        self.assertEqual(self.bench.clock.tcpClients, [])

    def test_client_ends(self) -> None:
        """The client's FIN ends it at once."""
        self.client.feed(b"x" * 1000)
        self.assertFalse(self.client.disconnecting)
        self.client.protocol.readConnectionLost()
        self.assertTrue(self.client.disconnecting and not self.client.aborted)

    def test_bytes(self) -> None:
        """What comes is dropped, and not for ever."""
        piece = b"x" * (1 << 20)
        for _ in range(LINGER_BYTES // len(piece) - 1):
            self.client.feed(piece)
        self.assertFalse(self.client.disconnecting)
        self.assertEqual(self.client.protocol._waiting, b"")
        self.client.feed(piece)
        self.assertTrue(self.client.disconnecting)

    def test_seconds(self) -> None:
        """A client that sends too slowly to reach that is closed after a while; drops gain no time."""
        clock = self.bench.clock
        for _ in range(int(LINGER_SECONDS) - 1):
            self.client.feed(b"x")
            clock.advance(1)
        self.assertFalse(self.client.disconnecting)
        clock.pump([1.0, 1.0, 1.0])
        self.assertTrue(self.client.disconnecting)

    def test_no_request(self) -> None:
        """What is sent then is no request, however much it looks like one."""
        self.client.take()
        self.client.feed(request() * 3)
        self.assertEqual((self.client.take(), self.bench.clock.tcpClients), (b"", []))

    def test_tls(self) -> None:
        """Over TLS, whose end is told inside it, nothing lingers."""
        client = self.bench.connect()
        alsoProvides(client, ISSLTransport)
        client.feed(LARGE)
        self.assertTrue(client.disconnecting and not client.half_closed)

    def test_no_body(self) -> None:
        """Nor does a refusal of a request without a body, which keeps the connection."""
        client = self.bench.connect()
        client.feed(request(host=b"10.0.0.1"))
        self.bench.settle()
        self.assertFalse(client.half_closed or client.disconnecting)

    def test_reply(self) -> None:
        """An OPTIONS that ends here, and has a body, lingers too."""
        client = self.bench.connect()
        client.feed(request(b"OPTIONS", b"/", b"Max-Forwards: 0", b"Content-Length: 9") + b"abc")
        self.assertIn(b" 200 ", client.take())
        self.assertTrue(client.half_closed and not client.disconnecting)

    def test_drained(self) -> None:
        """A stop leaves the client the time to read its answer."""
        done = defer.Deferred.fromCoroutine(self.bench.crowd.drain(60))
        self.assertFalse(self.client.disconnecting)
        self.client.protocol.readConnectionLost()
        self.bench.settle()
        self.successResultOf(done)


class FaultTests(SynchronousTestCase):
    """Our own bugs."""

    def setUp(self) -> None:
        self.events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.bench = Bench()

    def number(self) -> str:
        """Return the number of the one fault that was logged."""
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        (number,) = [str(event["number"]) for event in self.events if event.get("event") == "fault"]
        return number

    def test_told(self) -> None:
        """The client gets 500 with the number of the log's traceback, and nothing else of it."""
        with patch.object(Via, "loops", side_effect=ZeroDivisionError("secret")):
            told = self.bench.ask(request())
        self.assertIn(b" 500 ", told)
        self.assertIn(self.number().encode(), told)
        self.assertNotIn(b"secret", told)
        self.assertTrue(self.bench.client.gone)

    def test_others_go_on(self) -> None:
        """Only that connection ends."""
        other = self.bench.connect()
        with patch.object(Via, "loops", side_effect=ZeroDivisionError):
            self.bench.ask(request())
        self.number()
        self.bench.client = other
        self.bench.ask(request())
        self.assertIn(b" 200 ", self.bench.reply(OK))

    def test_counted(self) -> None:
        """A request that a fault of ours ends is counted, and in the access log, once."""
        lines: list[tuple[object, ...]] = []
        self.patch(AccessLog, "refused", lambda log, *told: lines.append(told[:6]))
        with patch.object(Via, "loops", side_effect=ZeroDivisionError):
            self.bench.ask(request())
        with patch.object(Via, "line", side_effect=ZeroDivisionError):
            self.bench.client = self.bench.connect()
            self.bench.ask(request(b"POST", b"/", b"Content-Length: 9") + b"abc")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual([line[3:5] for line in lines], [(500, "fault")] * 2)
        self.assertEqual(self.bench.relay.meter.requests.classes, [0, 0, 0, 0, 0, 2])
        self.assertEqual(self.bench.relay.meter.requests.refusals, {"fault": 2})

    def test_with_a_body(self) -> None:
        """A client that is still sending has the time to read its 500."""
        with patch.object(Via, "line", side_effect=ZeroDivisionError):
            self.bench.client.feed(request(b"POST", b"/", b"Content-Length: 9") + b"abc")
            self.bench.answer_dials()
        self.number()
        self.assertIn(b" 500 ", self.bench.client.take())
        self.assertTrue(self.bench.client.half_closed and not self.bench.client.disconnecting)

    def test_late(self) -> None:
        """In the middle of an answer the client sees a cut one."""
        self.bench.ask(request())
        self.bench.reply(OK[:-1])
        assert isinstance(self.bench.hooks, Recording)
        tap = self.bench.hooks.taps[0]
        with patch.object(tap, "data", side_effect=ZeroDivisionError):
            self.assertEqual(self.bench.reply(b"c"), b"c")
        self.number()
        self.assertTrue(self.bench.client.aborted and self.bench.origins[0].gone)
        self.assertEqual(tap.ends, [False])


class TotalTests(SynchronousTestCase):
    """``--total``."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.relay.times = Times(idle=60.0, header=15.0, answer=120.0, total=10.0)

    def test_no_answer(self) -> None:
        """A request without an answer is 504; the client may ask again."""
        self.bench.ask(request())
        self.bench.advance(9)
        self.assertEqual(self.bench.client.take(), b"")
        self.bench.advance(2)
        self.assertIn(b" 504 ", self.bench.client.take())
        self.assertFalse(self.bench.client.gone)
        self.assertTrue(self.bench.origins[0].gone)

    def test_drops(self) -> None:
        """An answer that goes on is cut, however lively."""
        self.bench.ask(request())
        self.bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        for _ in range(9):
            self.bench.reply(b"x")
            self.bench.advance(1)
        self.assertFalse(self.bench.client.gone)
        self.bench.advance(2)
        self.assertTrue(self.bench.client.gone and self.bench.origins[0].gone)

    def test_upload(self) -> None:
        """A body that goes on is 504, and the connection closes."""
        self.bench.ask(LARGE)
        for _ in range(11):
            self.bench.client.feed(b"x")
            self.bench.advance(1)
        self.assertIn(b" 504 ", self.bench.client.take())
        self.assertTrue(self.bench.client.gone)

    def test_keep_alive(self) -> None:
        """Each request has the whole time, and a connection between two none."""
        for _ in range(3):
            self.bench.ask(request())
            self.bench.advance(8)
            self.assertIn(b" 200 ", self.bench.reply(OK))
            self.bench.advance(8)
        self.assertFalse(self.bench.client.gone)

    def test_refused(self) -> None:
        """Neither has one after a refusal."""
        self.bench.ask(request(host=b"10.0.0.1"))
        self.bench.advance(20)
        self.assertFalse(self.bench.client.gone)

    def test_tunnel(self) -> None:
        """A tunnel that goes on is closed, however lively."""
        self.bench.ask(CONNECT)
        for _ in range(9):
            self.bench.ask(b"x")
            self.bench.advance(1)
        self.assertFalse(self.bench.client.gone)
        self.bench.advance(3)
        self.assertTrue(self.bench.client.gone and self.bench.origins[0].gone)

    def test_connecting(self) -> None:
        """A request, or tunnel, whose origin takes too long to connect with is 504."""
        self.bench.relay.times = Times(total=3.0)
        for asked in (request(), CONNECT):
            self.bench.hold = True
            client = self.bench.client = self.bench.connect()
            client.feed(asked)
            self.bench.clock.pump([1.0] * 4)
            self.assertIn(b" 504 ", client.take(), asked)
            self.bench.answer_dials()
            self.assertEqual(self.bench.origins, [])


class StopTests(SynchronousTestCase):
    """A stop."""

    def stopped(self, *asked: bytes) -> Bench:
        """Return a proxy that stops while these requests are under way."""
        bench = Bench()
        bench.ask(b"".join(asked))
        self.done = defer.Deferred.fromCoroutine(bench.crowd.drain(10))
        bench.settle()
        return bench

    def test_last(self) -> None:
        """The answer under way says that it is the last; a request that waits is not begun."""
        bench = self.stopped(request(), request(b"GET", b"/second"))
        self.assertIn(b"\r\nConnection: close\r\n", bench.reply(OK))
        self.assertNotIn(b"/second", bench.seen())
        self.successResultOf(self.done)

    def test_refused(self) -> None:
        """So does a refusal."""
        bench = self.stopped(request())
        bench.origins[0].reset()
        bench.settle()
        told = bench.client.take()
        self.assertIn(b" 502 ", told)
        self.assertIn(b"\r\nConnection: close\r\n", told)
        self.successResultOf(self.done)

    def test_on_its_way(self) -> None:
        """A request that is on its way is answered, whether its head had begun or not; it is the last."""
        for first in (b"", request()[:9]):
            bench = self.stopped(first) if first else Bench()
            if not first:
                self.done = defer.Deferred.fromCoroutine(bench.crowd.drain(10))
            self.assertFalse(bench.client.disconnecting)
            bench.ask(request()[len(first) :])
            self.assertIn(b"\r\nConnection: close\r\n", bench.reply(OK))
            self.successResultOf(self.done)

    def test_nothing_on_its_way(self) -> None:
        """Who has asked nothing yet, and doesn't now, is closed soon; who has asked before at once."""
        bench = Bench()
        bench.ask(request(host=b"10.0.0.1"))
        bench.client.take()
        fresh = bench.connect()
        done = defer.Deferred.fromCoroutine(bench.crowd.drain(10))
        self.assertTrue(bench.client.disconnecting)
        self.assertFalse(fresh.disconnecting)
        bench.advance(int(FRESH_SECONDS) + 1)
        bench.settle()
        self.assertTrue(fresh.disconnecting or fresh.gone)
        self.successResultOf(done)

    def test_tunnel(self) -> None:
        """A tunnel goes on until its time is over."""
        bench = self.stopped(CONNECT)
        self.assertEqual(bench.reply(b"x")[-1:], b"x")
        self.assertNoResult(self.done)
        bench.advance(11)
        self.assertTrue(bench.client.gone)
        self.successResultOf(self.done)
