"""Connections to origins that wait for another request."""

from __future__ import annotations

from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy import pool
from netsuite.proxy.dialling import Dialler
from netsuite.proxy.pool import IDLE_SECONDS
from tests.proxy.scripted import Bench, Wire, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class KeepingTests(SynchronousTestCase):
    """Which connections are kept."""

    def kept(self, told: bytes) -> bool:
        """Return whether a connection is kept after this answer."""
        bench = Bench()
        bench.ask(request())
        bench.reply(told)
        return not bench.origins[0].gone

    def test_kept(self) -> None:
        """An answer with a known end keeps its connection, HTTP/1.0 if it says so."""
        self.assertTrue(self.kept(OK))
        self.assertTrue(self.kept(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"))

    def test_not_kept(self) -> None:
        """Close, HTTP/1.0, and bytes past the answer end it."""
        self.assertFalse(self.kept(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
        self.assertFalse(self.kept(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"))
        self.assertFalse(self.kept(OK + b"HTTP"))

    def test_unasked_bytes(self) -> None:
        """Bytes on a waiting connection end it; the next request gets another and its own answer."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        self.assertTrue(bench.origins[0].aborted)
        bench.ask(request())
        self.assertEqual(len(bench.origins), 2)
        self.assertNotIn(b"evil", bench.reply(OK))

    def test_unasked_bytes_before_the_end_is_told(self) -> None:
        """A connection that was ended is not taken, even before the reactor tells of its end."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.origins[0].feed(b"evil")
        bench.client.feed(request())
        bench.answer_dials()
        self.assertEqual(len(bench.origins), 2)

    def test_by_origin(self) -> None:
        """A connection serves the host and port that it was made for."""
        bench = Bench()
        for host in (b"127.0.0.1:8080", b"127.0.0.1:8081", b"127.0.0.2:8080"):
            bench.ask(request(host=host))
            bench.reply(OK)
        self.assertEqual(len(bench.origins), 3)

    def test_shared(self) -> None:
        """Another client may use what one has left, never while it is in use."""
        bench = Bench()
        bench.ask(request())
        other: Wire = bench.connect()
        other.feed(request())
        bench.settle()
        self.assertEqual(len(bench.origins), 2)
        bench.reply(OK, 0)
        other.end()
        bench.settle()
        third = bench.connect()
        third.feed(request())
        bench.settle()
        self.assertEqual(len(bench.origins), 2)

    def test_sweep(self) -> None:
        """What has waited long enough is closed and not taken again."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.pool.sweep(IDLE_SECONDS - 1)
        self.assertFalse(bench.origins[0].disconnecting)
        bench.pool.sweep(IDLE_SECONDS)
        self.assertTrue(bench.origins[0].disconnecting)
        bench.ask(request())
        self.assertEqual(len(bench.origins), 2)

    def test_bounds(self) -> None:
        """Past the bound for an origin, and for all, a connection is closed instead of kept."""
        for name in ("IDLE_EACH", "IDLE_ALL"):
            with patch.object(pool, name, 1):
                bench = Bench()
                bench.ask(request())
                bench.connect().feed(request())
                bench.settle()
                bench.reply(OK, 0)
                bench.reply(OK, 1)
                self.assertEqual([wire.gone for wire in bench.origins], [False, True])

    def test_flush(self) -> None:
        """After a reload no connection made before is used again, be it waiting, in use or under way."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.pool.flush()
        bench.settle()
        self.assertTrue(bench.origins[0].gone)
        bench.ask(request())
        bench.pool.flush()
        self.assertIn(b"200 OK", bench.reply(OK))
        self.assertTrue(bench.origins[1].gone)
        bench.hold = True
        bench.client.feed(request())
        before = bench.pool.dialler
        bench.pool.dialler = Dialler(bench.clock, before.guard, before.names, before.chain, 10.0)
        bench.pool.flush()
        bench.hold = False
        bench.settle()
        self.assertIn(b"200 OK", bench.reply(OK))
        self.assertTrue(bench.origins[2].gone)
        bench.ask(request())
        bench.reply(OK)
        self.assertFalse(bench.origins[3].gone)
        self.assertEqual(bench.pool._stale, set())

    def test_close(self) -> None:
        """At the end every waiting connection is closed, and none is counted as open."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.pool.close()
        bench.settle()
        self.assertTrue(bench.origins[0].gone)
        self.assertEqual(bench.pool.open, set())
