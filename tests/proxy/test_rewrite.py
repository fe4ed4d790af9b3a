"""Heads as they leave."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.head import parse_response
from netsuite.http1.limits import Limits
from netsuite.http1.target import absolute
from netsuite.proxy import rewrite
from netsuite.proxy.rewrite import NAMES_MAX, Via
from tests.proxy.scripted import HOST, parsed, request

TARGET = absolute(b"http://%b/x?y=1" % HOST)


def outgoing(*lines: bytes, upgrade: bool = False) -> bytes:
    """Return the head that an origin gets for a request with these lines."""
    return rewrite.request(
        parsed(request(b"GET", b"/x?y=1", *lines)), TARGET, Via(shown=False), upgrade=upgrade
    )


class RequestTests(SynchronousTestCase):
    """What the origin gets."""

    def test_origin_form(self) -> None:
        """The target becomes a path with its query, Host comes first."""
        self.assertEqual(outgoing(), b"GET /x?y=1 HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST)

    def test_hop_by_hop(self) -> None:
        """What concerns one hop, what Connection names and what is for proxies stays here."""
        sent = outgoing(
            b"Connection: keep-alive, X-Mine",
            b"X-Mine: 1",
            b"Keep-Alive: 5",
            b"TE: trailers",
            b"Proxy-Authorization: Basic YTpi",
            b"Proxy-Connection: keep-alive",
            b"Upgrade: h2c",
            b"Accept: */*",
        )
        self.assertEqual(sent, b"GET /x?y=1 HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\n\r\n" % HOST)

    def test_upgrade(self) -> None:
        """A websocket's upgrade is told anew."""
        sent = outgoing(b"Connection: Upgrade", b"Upgrade: websocket", upgrade=True)
        self.assertIn(b"\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", sent)


class ViaTests(SynchronousTestCase):
    """Our name."""

    def test_pseudonyms(self) -> None:
        """Each origin knows another name, which it always gets; two proxies differ."""
        via, other = Via(), absolute(b"http://b.example/")
        self.assertNotEqual(via.name(TARGET), via.name(other))
        self.assertEqual(via.name(TARGET), via.name(TARGET))
        self.assertNotEqual(via.name(TARGET), Via().name(TARGET))

    def test_bounded(self) -> None:
        """Names are forgotten past a bound and found again the same."""
        via = Via()
        first = via.name(TARGET)
        for number in range(NAMES_MAX + 1):
            via.name(absolute(b"http://h%d/" % number))
        self.assertLessEqual(len(via._names), NAMES_MAX)
        self.assertEqual(via.name(TARGET), first)

    def test_loop(self) -> None:
        """A request that bears our name has been here, among others and in any case."""
        via = Via("Inner")
        self.assertTrue(via.loops(parsed(request(b"GET", b"/", b"Via: 1.0 a, 1.1 inner (x)")), TARGET))
        self.assertFalse(via.loops(parsed(request()), TARGET))

    def test_part_of_a_name(self) -> None:
        """A longer name that holds ours, or a comment that does, is somebody else."""
        for line in (b"Via: 1.1 spinner", b"Via: 1.1 a (inner)", b"Via: inner x"):
            self.assertFalse(Via("inner").loops(parsed(request(b"GET", b"/", line)), TARGET), line)


class ResponseTests(SynchronousTestCase):
    """What the client gets."""

    def test_framing(self) -> None:
        """Chunked replaces a length, and close is said; the origin's own hop is left out."""
        head = parse_response(b"HTTP/1.0 200 Fine\r\nDate: D\r\nConnection: X-A\r\nX-A: 1\r\nB: 2", Limits())
        self.assertEqual(
            rewrite.response(head, TARGET, Via("v"), chunked=True, close=True),
            b"HTTP/1.1 200 Fine\r\nDate: D\r\nB: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
            b"Via: 1.0 v\r\n\r\n",
        )
