"""Tunnels: CONNECT and websockets."""

from __future__ import annotations

from twisted.internet.error import ConnectionRefusedError, TimeoutError
from twisted.trial.unittest import SynchronousTestCase

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
