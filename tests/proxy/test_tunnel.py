"""Tunnels: CONNECT and websockets."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionRefusedError, TimeoutError
from twisted.trial.unittest import SynchronousTestCase

from netsuite import splice
from netsuite.proxy.allowance import Bandwidth
from netsuite.proxy.relay import Times
from tests.proxy.scripted import Bench, Recording, request

ESTABLISHED = b"HTTP/1.1 200 Connection Established\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


def connect(authority: bytes = b"127.0.0.1:443") -> bytes:
    """Return a request for a tunnel."""
    return b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (authority, authority)


class ConnectTests(SynchronousTestCase):
    """CONNECT."""

    def test_both_ways(self) -> None:
        """After 200 bytes pass both ways as they are, heads of messages among them."""
        bench = Bench()
        self.assertEqual(bench.ask(connect()), ESTABLISHED)
        bench.ask(request())
        self.assertEqual(bench.seen(), request())
        self.assertEqual(bench.reply(b"\x00HTTP/1.1 \xff"), b"\x00HTTP/1.1 \xff")
        assert isinstance(bench.hooks, Recording)
        self.assertEqual(bench.hooks.tunnels, [("127.0.0.1", 443)])

    def test_reading(self) -> None:
        """Both sides are read once the client was told, each the other's producer."""
        bench = Bench(hold=True)
        bench.ask(connect())
        bench.answer_dials()
        origin = bench.origins[0]
        self.assertFalse(bench.client.paused or origin.paused)
        self.assertIs(bench.client.producer, origin)
        self.assertIs(origin.producer, bench.client)

    def test_early(self) -> None:
        """What comes before the 200 is sent on once, in order."""
        bench = Bench(hold=True)
        bench.ask(connect() + b"ab")
        bench.ask(b"cd")
        bench.answer_dials()
        self.assertEqual(bench.seen(), b"abcd")

    def test_port(self) -> None:
        """A port that is not permitted is 403, and the connection closes."""
        bench = Bench()
        self.assertIn(b" 403 ", bench.ask(connect(b"127.0.0.1:22")))
        self.assertTrue(bench.client.gone)
        self.assertEqual(bench.clock.tcpClients, [])

    def test_guard(self) -> None:
        """A private address is 403."""
        bench = Bench()
        self.assertIn(b" 403 ", bench.ask(connect(b"10.0.0.1:443")))
        self.assertEqual(bench.clock.tcpClients, [])

    def test_failure(self) -> None:
        """A target that refuses is 502, one that is silent 504; the connection closes."""
        for error, status in ((ConnectionRefusedError(), b" 502 "), (TimeoutError(), b" 504 ")):
            bench = Bench(hold=True)
            bench.ask(connect())
            bench.fail_dial(error)
            self.assertIn(status, bench.client.take())
            self.assertTrue(bench.client.gone)

    def test_half_close(self) -> None:
        """A FIN passes on alone; the tunnel ends with the second."""
        bench = Bench()
        bench.ask(connect())
        bench.client.protocol.readConnectionLost()
        bench.settle()
        self.assertTrue(bench.origins[0].half_closed)
        self.assertEqual(bench.reply(b"late"), b"late")
        bench.origins[0].protocol.readConnectionLost()
        bench.settle()
        self.assertTrue(bench.client.gone and bench.origins[0].gone)

    def test_reset(self) -> None:
        """A reset of either side is one for the other."""
        bench = Bench()
        bench.ask(connect())
        bench.origins[0].reset()
        self.assertTrue(bench.client.aborted)
        bench = Bench()
        bench.ask(connect())
        bench.client.reset()
        self.assertTrue(bench.origins[0].aborted)

    def test_client_gone(self) -> None:
        """A client that leaves while the target is dialled leaves no connection behind."""
        bench = Bench(hold=True)
        bench.ask(connect())
        bench.client.end()
        bench.answer_dials()
        self.assertEqual(bench.origins, [])


class UpgradeTests(SynchronousTestCase):
    """Upgrade."""

    def ask(self, protocol: bytes) -> Bench:
        """Return a proxy that was asked to upgrade to ``protocol``."""
        bench = Bench()
        bench.ask(request(b"GET", b"/", b"Connection: Upgrade", b"Upgrade: " + protocol))
        return bench

    def test_websocket(self) -> None:
        """101 makes a tunnel, with what came right behind it."""
        bench = self.ask(b"websocket")
        self.assertIn(b"\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", bench.seen())
        got = bench.reply(SWITCH % b"websocket" + b"\x81\x00")
        self.assertTrue(got.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"\r\nUpgrade: websocket\r\n", got)
        self.assertTrue(got.endswith(b"\r\n\r\n\x81\x00"))
        bench.ask(b"\x88\x00")
        self.assertEqual(bench.seen(), b"\x88\x00")
        bench.origins[0].end()
        bench.settle()
        self.assertTrue(bench.client.gone)

    def test_early_frames(self) -> None:
        """Frames that the client sent before the 101 are sent on after it."""
        bench = self.ask(b"websocket")
        bench.ask(b"\x81\x00")
        bench.seen()
        bench.reply(SWITCH % b"websocket")
        self.assertEqual(bench.seen(), b"\x81\x00")

    def test_declined(self) -> None:
        """An origin that answers otherwise is an origin like any."""
        bench = self.ask(b"websocket")
        self.assertIn(b" 200 ", bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        self.assertFalse(bench.client.disconnecting)

    def test_h2c(self) -> None:
        """h2c is not passed on, and an origin that changes to it nevertheless is 502."""
        bench = self.ask(b"h2c")
        self.assertNotIn(b"h2c", bench.seen())
        self.assertIn(b" 502 ", bench.reply(SWITCH % b"h2c"))
        self.assertTrue(bench.origins[0].gone)

    def test_unasked(self) -> None:
        """101 to a plain request is 502."""
        bench = Bench()
        bench.ask(request())
        self.assertIn(b" 502 ", bench.reply(SWITCH % b"websocket"))


class Spliced:
    """Stands for a tunnel whose bytes the kernel moves: keeps what it is given."""

    def __init__(
        self, reactor: Any, left: Any, right: Any, idle: float, ended: Callable[[Any], None], note: Any
    ) -> None:
        self.wires, self.idle, self._ended, self.note = (left, right), idle, ended, note
        self.left, self.right = SimpleNamespace(count=3), SimpleNamespace(count=5)
        self.deadline = self.ends = 1e9
        self.busy = True
        self.started: tuple[bytes, bytes] | None = None

    def start(self, early_left: bytes, early_right: bytes) -> None:
        """Keep what came early."""
        self.started = early_left, early_right

    def overdue(self) -> None:
        """End."""
        self._ended(self)

    drain = shut = overdue


class SplicedTests(SynchronousTestCase):
    """Tunnels that are given to the kernel."""

    def setUp(self) -> None:
        self.patch(splice, "can_join", lambda left, right: True)
        self.made: list[Spliced] = []
        self.patch(splice, "Tunnel", lambda *given: self.made.append(Spliced(*given)) or self.made[-1])
        self.bench = Bench()

    def opened(self, total: float = 0.0) -> Spliced:
        """Return the tunnel that a CONNECT made, with what was sent before it was there."""
        self.bench.hold = True
        self.bench.relay.times = Times(idle=60.0, total=total)
        self.bench.client.feed(connect() + b"early")
        self.bench.answer_dials()
        (made,) = self.made
        return made

    def test_handed_over(self) -> None:
        """The two sockets, the idle time and what came early are the tunnel's, which is one client."""
        tunnel = self.opened()
        self.assertEqual(tunnel.wires, (self.bench.client, self.bench.origins[0]))
        self.assertEqual((tunnel.idle, tunnel.started), (60.0, (b"early", b"")))
        self.assertEqual(self.bench.client.take(), ESTABLISHED)
        self.assertEqual((len(self.bench.crowd), self.bench.relay.meter.tunnels_open), (1, 1))
        assert isinstance(self.bench.hooks, Recording)
        self.assertEqual(self.bench.hooks.tunnels, [("127.0.0.1", 443)])

    def test_ended(self) -> None:
        """Its end is counted, with the bytes each way."""
        self.opened().overdue()
        meter = self.bench.relay.meter
        self.assertEqual((meter.tunnels, meter.tunnels_open), (1, 0))
        self.assertEqual(meter.requests.bytes, {"to_client": 5, "to_origin": 3})
        self.assertEqual(len(self.bench.crowd), 0)

    def test_total(self) -> None:
        """It ends when its time is over, however lively."""
        self.opened(total=10.0)
        self.bench.clock.pump([1.0] * 9)
        self.assertEqual(len(self.bench.crowd), 1)
        self.bench.clock.pump([1.0] * 2)
        self.assertEqual(len(self.bench.crowd), 0)

    def test_limited(self) -> None:
        """Where a client's speed is limited its bytes pass through us."""
        self.bench.relay.bandwidth = Bandwidth(1000)
        self.bench.ask(connect())
        self.assertEqual(self.made, [])
        self.assertEqual(self.bench.reply(b"x"), b"x")
