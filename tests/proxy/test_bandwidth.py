"""``--rate`` and ``--bandwidth``: what a client may take, and that nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from netsuite.proxy.allowance import BURST_SECONDS, Bandwidth, Rate
from tests.proxy.scripted import Bench, Wire, request

PIECE = 1000
SPEED = 1000
SIZE = 10 * PIECE
#: What one may have beyond the speed: what is not paid for at the start, and the piece that is on its way.
SPARE = SPEED * BURST_SECONDS + PIECE
CONNECT = b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n"


def small(size: int) -> bytes:
    """Return a whole answer with a body of this size."""
    return b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


class RateTests(SynchronousTestCase):
    """Requests a second."""

    def test_refused_then_allowed(self) -> None:
        """One too many is 429 that says when to come again; then it is allowed, on the same connection."""
        bench = Bench()
        bench.relay.rate = Rate(2.0)
        for _ in range(2):
            bench.ask(request())
            bench.reply(small(1))
        told = bench.ask(request())
        self.assertIn(b" 429 ", told)
        self.assertIn(b"\r\nRetry-After: 1\r\n", told)
        self.assertFalse(bench.client.disconnecting)
        self.assertEqual(bench.relay.meter.requests.refusals, {"rate": 1})
        bench.advance(1)
        bench.seen()
        bench.ask(request())
        self.assertIn(b"GET / ", bench.seen())

    def test_each_client(self) -> None:
        """All connections of an address count together, and another address by itself."""
        bench = Bench()
        bench.relay.rate = Rate(1.0)
        bench.ask(request())
        bench.reply(small(1))
        bench.client = bench.connect()
        self.assertIn(b" 429 ", bench.ask(request()))
        bench.client.protocol.host = "192.0.2.1"
        bench.ask(request())
        self.assertIn(b" 200 ", bench.reply(small(1)))

    def test_tunnels(self) -> None:
        """A request for a tunnel is one too."""
        bench = Bench()
        bench.relay.rate = Rate(1.0)
        bench.ask(request())
        bench.reply(small(1))
        self.assertIn(b" 429 ", bench.ask(CONNECT))


class Slowed(SynchronousTestCase):
    """A test with a proxy that is slow to each client."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.relay.bandwidth = Bandwidth(SPEED)

    def pour(self, source: Wire, sink: Wire, pieces: int) -> tuple[bytes, float]:
        """Send so many pieces from ``source`` as fast as it is read; return what came, and after how long.

        At no time has more come than the speed allows.
        """
        clock, got, began = self.bench.clock, sink.take(), self.bench.clock.seconds()
        base = len(got)
        for number in range(pieces):
            self.wait(source)
            source.feed(b"%d" % (number % 10) * PIECE)
            got += sink.take()
            passed = clock.seconds() - began
            self.assertLessEqual(len(got) - base, SPEED * passed + SPARE)
        return got, clock.seconds() - began

    def wait(self, source: Wire, most: float = 1000.0) -> float:
        """Let time pass until ``source`` is read; return how long that was."""
        waited = 0.0
        while source.paused:
            self.bench.clock.advance(0.1)
            waited += 0.1
            self.assertLess(waited, most)
        return waited


class DownloadTests(Slowed):
    """To the client."""

    def test_slowed(self) -> None:
        """A body comes at the speed allowed, whole."""
        self.bench.ask(request())
        origin = self.bench.origins[0]
        origin.feed(b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: %d\r\n\r\n" % SIZE)
        got, seconds = self.pour(origin, self.bench.client, SIZE // PIECE)
        body = got.partition(b"\r\n\r\n")[2]
        self.assertEqual(body, b"".join(b"%d" % n * PIECE for n in range(10)))
        self.assertGreaterEqual(seconds, (SIZE - SPARE) / SPEED - 1)
        self.assertFalse(self.bench.client.disconnecting or origin.paused)

    def test_many_small(self) -> None:
        """Many answers that come in one piece each are slowed as one large is."""
        clock, client = self.bench.clock, self.bench.client
        began, got = clock.seconds(), 0
        for _ in range(20):
            self.wait(client)
            self.bench.ask(request())
            got += len(self.bench.reply(small(PIECE)).partition(b"\r\n\r\n")[2])
            self.assertLessEqual(got, SPEED * (clock.seconds() - began) + SPARE)
        self.assertEqual(got, 20 * PIECE)

    def test_a_connection_each(self) -> None:
        """A new connection for each answer gains nothing: it is read when the others are paid for."""
        clock, began, got = self.bench.clock, self.bench.clock.seconds(), 0
        for _ in range(10):
            self.bench.client = self.bench.connect()
            self.wait(self.bench.client)
            self.bench.ask(request(b"GET", b"/", b"Connection: close"))
            got += len(self.bench.reply(small(PIECE)).partition(b"\r\n\r\n")[2])
            self.assertTrue(self.bench.client.gone)
            self.assertLessEqual(got, SPEED * (clock.seconds() - began) + SPARE)
        self.assertEqual(got, 10 * PIECE)

    def test_closes_during_a_wait(self) -> None:
        """A connection that is to close is read, so that its own end is seen."""
        self.bench.ask(request(b"POST", b"/", b"Content-Length: 9000") + b"x" * 5000)
        client = self.bench.client
        self.assertTrue(client.paused)
        self.bench.origins[0].feed(small(1))
        self.assertTrue(client.half_closed)
        self.assertFalse(client.paused or client.disconnecting)
        tunnelled = self.bench.client = self.bench.connect()
        alsoProvides(tunnelled, ISSLTransport)
        self.wait(tunnelled)
        tunnelled.feed(request(b"POST", b"/", b"Content-Length: 9000") + b"x" * 5000)
        self.bench.answer_dials()
        self.bench.origins[-1].feed(small(1))
        self.assertTrue(tunnelled.disconnecting and not tunnelled.paused)

    def test_many_connections(self) -> None:
        """Several connections of a client have one speed."""
        clients = [self.bench.connect() for _ in range(4)]
        for client in clients:
            client.feed(request())
        self.bench.settle()
        clock, got = self.bench.clock, [0] * 4
        for origin in self.bench.origins:
            origin.feed(b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(100):
            for number, origin in enumerate(self.bench.origins):
                if not origin.paused:
                    origin.feed(b"x" * 100)
                    got[number] += 100
            clock.advance(0.1)
        self.assertLessEqual(sum(got), SPEED * 10 + SPARE)
        self.assertGreater(sum(got), SPEED * 5)
        self.assertGreater(min(got), 0)

    def test_wait_is_no_silence(self) -> None:
        """A wait that is longer than the idle time ends nothing."""
        self.bench.ask(request())
        origin = self.bench.origins[0]
        large = 200 * SPEED
        origin.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (large + 1) + b"x" * large)
        self.bench.client.take()
        self.assertTrue(origin.paused)
        self.bench.advance(198)
        self.assertFalse(self.bench.client.gone)
        self.wait(origin, 5)
        origin.feed(b"y")
        self.assertEqual(self.bench.client.take(), b"y")
        self.bench.advance(30)
        self.assertFalse(self.bench.client.gone)

    def test_full_queue_and_wait(self) -> None:
        """The client's queue and the wait pause the origin, in any order."""
        self.bench.ask(request())
        origin = self.bench.origins[0]
        origin.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 5000)
        producer = self.bench.client.producer
        producer.pauseProducing()
        self.bench.clock.advance(10)
        self.assertTrue(origin.paused)
        producer.resumeProducing()
        self.assertFalse(origin.paused)
        origin.feed(b"x" * 1000)
        producer.pauseProducing()
        producer.resumeProducing()
        self.assertTrue(origin.paused)

    def test_client_leaves(self) -> None:
        """Whoever leaves in the middle leaves no timer behind."""
        before = len(self.bench.clock.getDelayedCalls())
        for end in (self.bench.connect().reset, None):
            client = self.bench.client = self.bench.connect()
            self.bench.ask(request())
            self.bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 5000)
            self.assertGreater(len(self.bench.clock.getDelayedCalls()), before)
            if end is None:
                self.bench.origins[-1].reset()
            else:
                client.reset()
            self.bench.settle()
            self.assertEqual(len(self.bench.clock.getDelayedCalls()), before)


class UploadTests(Slowed):
    """From the client."""

    def upload(self, head: bytes, framed: Callable[[bytes], bytes], end: bytes) -> bytes:
        """Return what the origin gets of a body that is sent in pieces as fast as it is read."""
        self.bench.ask(head)
        client, origin, clock = self.bench.client, self.bench.origins[0], self.bench.clock
        got, began = origin.take(), clock.seconds()
        for number in range(10):
            self.wait(client)
            client.feed(framed(b"%d" % number * PIECE))
            self.assertLessEqual(number * PIECE, SPEED * (clock.seconds() - began) + SPARE)
            got += origin.take()
        self.wait(client)
        client.feed(end)
        self.assertGreaterEqual(clock.seconds() - began, (SIZE - SPARE) / SPEED - 1)
        return got + origin.take()

    def test_length(self) -> None:
        """A body of known length is slowed, and whole."""
        got = self.upload(request(b"POST", b"/", b"Content-Length: %d" % SIZE), bytes, b"")
        self.assertEqual(got.partition(b"\r\n\r\n")[2], b"".join(b"%d" % n * PIECE for n in range(10)))
        self.assertIn(b" 200 ", self.bench.reply(small(1)))

    def test_chunked(self) -> None:
        """So is one in chunks."""
        got = self.upload(
            request(b"POST", b"/", b"Transfer-Encoding: chunked"),
            lambda piece: b"%x\r\n%b\r\n" % (len(piece), piece),
            b"0\r\n\r\n",
        )
        self.assertEqual(got.count(b"x"), 0)
        self.assertEqual(sum(got.count(b"%d" % n * 100) for n in range(10)), SIZE // 100)
        self.assertTrue(got.endswith(b"\r\n0\r\n\r\n"))

    def test_many_small(self) -> None:
        """Many bodies that come in one piece each are slowed as one large is."""
        clock, client = self.bench.clock, self.bench.client
        began = clock.seconds()
        for number in range(10):
            self.wait(client)
            self.assertLessEqual(number * PIECE, SPEED * (clock.seconds() - began) + SPARE)
            self.bench.ask(request(b"POST", b"/", b"Content-Length: %d" % PIECE) + b"x" * PIECE)
            self.bench.reply(small(0))

    def test_full_queue_and_wait(self) -> None:
        """The origin's queue that empties does not end the wait."""
        self.bench.ask(request(b"POST", b"/", b"Content-Length: 9000") + b"x" * 5000)
        client, origin = self.bench.client, self.bench.origins[0]
        client.feed(b"x" * 1000)
        self.assertTrue(client.paused)
        origin.producer.pauseProducing()
        origin.producer.resumeProducing()
        self.assertTrue(client.paused)
        self.wait(client)

    def test_wait_is_no_silence(self) -> None:
        """A wait that is longer than the origin may take to answer ends nothing."""
        self.bench.ask(request(b"POST", b"/", b"Content-Length: 400000"))
        self.bench.client.feed(b"x" * 300_000)
        self.bench.advance(290)
        self.assertEqual(self.bench.client.take(), b"")
        self.wait(self.bench.client, 15)
        self.bench.client.feed(b"x" * 100_000)
        self.assertIn(b" 200 ", self.bench.reply(small(1)))


class TunnelTests(Slowed):
    """Both ways."""

    def test_slowed(self) -> None:
        """Each way is slowed, and whole."""
        self.bench.ask(CONNECT)
        client, origin = self.bench.client, self.bench.origins[0]
        for source, sink in ((client, origin), (origin, client)):
            got, seconds = self.pour(source, sink, SIZE // PIECE)
            self.assertEqual(got, b"".join(b"%d" % n * PIECE for n in range(10)))
            self.assertGreaterEqual(seconds, (SIZE - SPARE) / SPEED - 1)
            self.wait(source)
            self.bench.clock.advance(2)

    def test_wait_is_no_silence(self) -> None:
        """A wait that is longer than the idle time ends nothing."""
        self.bench.ask(CONNECT)
        self.bench.origins[0].feed(b"x" * 200 * SPEED)
        self.bench.advance(190)
        self.assertFalse(self.bench.client.gone)
        self.wait(self.bench.origins[0], 20)
        self.bench.advance(61)
        self.assertTrue(self.bench.client.gone)

    def test_after_small_answers(self) -> None:
        """What a connection's requests have cost does not wake a tunnel that must wait."""
        self.bench.ask(request() + CONNECT)
        self.bench.reply(small(3000), origin=0)
        client = self.bench.client
        client.feed(b"x" * 9000)
        self.bench.clock.advance(4)
        self.assertTrue(client.paused)
        self.wait(client, 20)

    def test_over_tls(self) -> None:
        """A client over TLS is slowed as others are, and its end is the tunnel's."""
        alsoProvides(self.bench.client, ISSLTransport)
        self.bench.ask(CONNECT)
        got, seconds = self.pour(self.bench.origins[0], self.bench.client, 5)
        self.assertEqual(len(got), 5 * PIECE)
        self.assertGreater(seconds, 2)
        self.bench.client.protocol.readConnectionLost()
        self.bench.settle()
        self.assertTrue(self.bench.client.gone and self.bench.origins[0].gone)
