"""What is told further on, to whom, and what serves whom: hops, users, nets, old origins, Max-Forwards."""

from __future__ import annotations

import base64
import re

from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.chain import Chain, parse_upstream
from netsuite.proxy.route import Rules
from netsuite.proxy.rules import Acl
from netsuite.proxy.settings import parse_verb_and_rule
from tests.proxy.scripted import Bench, request

OK = b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc"
HOP = "http://us:er%20pass@127.0.0.1:3128"
SECRET = b"Basic " + base64.b64encode(b"us:er pass")


def beyond(*ways: str) -> Bench:
    """Return a proxy that asks other proxies."""
    bench = Bench()
    bench.pool.dialler.chain = Chain([parse_upstream(way) for way in ways])
    return bench


def ruled(*rules: str) -> Bench:
    """Return a proxy with rules, and users whose credentials are their names."""
    bench = Bench(rules=Rules(acl=Acl([parse_verb_and_rule(rule) for rule in rules])), access=Names())
    bench.relay.show_client = True
    return bench


class Names:
    """Knows everybody by the name they give."""

    def remembered(self, credentials: bytes) -> str | None:
        """Return the name."""
        return credentials.decode()

    async def check(self, credentials: bytes, client: str) -> str | None:
        """Never needed."""
        raise AssertionError


class HopTests(SynchronousTestCase):
    """An http proxy on the way."""

    def test_absolute_form(self) -> None:
        """It is asked by the whole address, with its own credentials and not the client's."""
        bench = beyond(HOP)
        bench.ask(request(b"GET", b"/x?y", b"Proxy-Authorization: Basic bWU6bWU=", host=b"a.test:81"))
        sent = bench.seen()
        self.assertEqual(bench.clock.tcpClients[0][:2], ("127.0.0.1", 3128))
        self.assertTrue(sent.startswith(b"GET http://a.test:81/x?y HTTP/1.1\r\nHost: a.test:81\r\n"))
        self.assertEqual(re.findall(rb"Proxy-Authorization: ([^\r]*)\r\n", sent), [SECRET])
        self.assertIn(b" 200 ", bench.reply(OK))

    def test_no_user(self) -> None:
        """One without a user gets no credentials."""
        bench = beyond("http://127.0.0.1:3128")
        bench.ask(request(b"GET", b"/", b"Proxy-Authorization: Basic bWU6bWU=", host=b"a.test"))
        self.assertNotIn(b"Proxy-Authorization", bench.seen())

    def test_options_of_all(self) -> None:
        """OPTIONS of a whole server has an empty path on the way and ``*`` at the end (RFC 9112 §3.2.4)."""
        asked = b"OPTIONS http://127.0.0.1:8080 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
        bench = beyond(HOP)
        bench.ask(asked)
        self.assertTrue(bench.seen().startswith(b"OPTIONS http://127.0.0.1:8080 HTTP/1.1\r\n"))
        bench = Bench()
        bench.ask(asked)
        self.assertTrue(bench.seen().startswith(b"OPTIONS * HTTP/1.1\r\n"))

    def test_407(self) -> None:
        """Its 407 is our 502, since the client has no credentials for it; no secret is told."""
        bench = beyond(HOP)
        bench.ask(request(host=b"a.test"))
        told = bench.reply(
            b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertIn(b" 502 ", told)
        self.assertNotIn(b"Proxy-Authenticate", told)
        self.assertNotIn(b"pass", told)
        self.assertTrue(bench.origins[0].gone)
        self.assertFalse(bench.client.gone)

    def test_407_then_another(self) -> None:
        """After it another proxy is asked first."""
        bench = beyond(HOP, "http://127.0.0.1:3129")
        bench.ask(request(host=b"a.test"))
        bench.reply(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
        bench.ask(request(host=b"a.test"))
        self.assertEqual(bench.clock.tcpClients[-1][:2], ("127.0.0.1", 3129))
        self.assertIn(b" 200 ", bench.reply(OK))

    def test_407_of_an_origin(self) -> None:
        """An origin's passes, as any answer does."""
        bench = Bench()
        bench.ask(request())
        self.assertIn(b" 407 ", bench.reply(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"))

    def test_shared(self) -> None:
        """One connection with it serves several hosts, one after the other."""
        bench = beyond(HOP)
        for host in (b"a.test", b"b.test"):
            bench.ask(request(host=host))
            self.assertIn(b"GET http://%b/ HTTP/1.1\r\n" % host, bench.seen())
            self.assertIn(b" 200 ", bench.reply(OK))
        self.assertEqual(len(bench.origins), 1)


class ForwardedForTests(SynchronousTestCase):
    """``--forwarded-for``."""

    def sent(self, host: str, *lines: bytes, tells: bool = True) -> list[bytes]:
        """Return what an origin is told of a client."""
        bench = Bench()
        bench.relay.forwarded_for = tells
        bench.client.protocol.host = host
        bench.ask(request(b"GET", b"/", *lines))
        return re.findall(rb"X-Forwarded-For: ?([^\r]*)\r\n", bench.seen())

    def test_told(self) -> None:
        """The address comes after what was there before; there is nothing of it if not asked for."""
        self.assertEqual(self.sent("192.0.2.1"), [b"192.0.2.1"])
        self.assertEqual(
            self.sent("2001:db8::1", b"X-Forwarded-For: 10.0.0.1"), [b"10.0.0.1", b"2001:db8::1"]
        )
        self.assertEqual(self.sent("192.0.2.1", tells=False), [])

    def test_no_address(self) -> None:
        """A client of a Unix socket has no address to tell."""
        self.assertEqual(self.sent(""), [])


class MaxForwardsTests(SynchronousTestCase):
    """Max-Forwards (RFC 9110 §7.6.2)."""

    def test_last(self) -> None:
        """TRACE and OPTIONS that may go no further are answered here; secrets are not shown."""
        bench = Bench()
        got = bench.ask(request(b"TRACE", b"/x", b"Max-Forwards: 0", b"Cookie: secret", b"X-A: 1"))
        self.assertIn(b"\r\nContent-Type: message/http\r\n", got)
        self.assertIn(b"\r\n\r\nTRACE http://127.0.0.1:8080/x HTTP/1.1\r\n", got)
        self.assertIn(b"X-A: 1\r\n", got)
        self.assertNotIn(b"secret", got)
        got = bench.ask(request(b"OPTIONS", b"/", b"Max-Forwards: 0"))
        self.assertIn(b"\r\nAllow: GET, ", got)
        self.assertIn(b"\r\nContent-Length: 0\r\n", got)
        self.assertEqual(bench.clock.tcpClients, [])
        self.assertFalse(bench.client.disconnecting)
        self.assertEqual(bench.relay.meter.requests.classes[2], 2)

    def test_one_less(self) -> None:
        """Others go on with one less; other methods as they are."""
        for method, told in ((b"OPTIONS", b"4"), (b"TRACE", b"4"), (b"GET", b"5")):
            bench = Bench()
            bench.ask(request(method, b"/", b"max-forwards: 5"))
            self.assertEqual(re.findall(rb"(?i)max-forwards: (\d+)\r\n", bench.seen()), [told])


class OldOriginTests(SynchronousTestCase):
    """An origin that speaks HTTP/1.0."""

    def test_no_chunks(self) -> None:
        """It is sent no chunks: 411, until it has answered in HTTP/1.1 (RFC 9112 §6.1)."""
        bench = Bench()
        chunked = request(b"POST", b"/", b"Transfer-Encoding: chunked")
        bench.ask(request())
        bench.reply(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        asked = len(bench.clock.tcpClients)
        self.assertIn(b" 411 ", bench.ask(chunked))
        self.assertEqual(len(bench.clock.tcpClients), asked)
        bench.client = bench.connect()
        bench.ask(request(b"POST", b"/", b"Content-Length: 1") + b"x")
        self.assertIn(b" 200 ", bench.reply(OK))
        bench.ask(chunked)
        self.assertIn(b"\r\nTransfer-Encoding: chunked\r\n", bench.seen())

    def test_another(self) -> None:
        """Other origins get theirs."""
        bench = Bench()
        bench.ask(request())
        bench.reply(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        bench.ask(request(b"POST", b"/", b"Transfer-Encoding: chunked", host=b"127.0.0.1:8081"))
        self.assertIn(b"chunked", bench.seen())


class LoggedInTests(SynchronousTestCase):
    """Connections that somebody has logged in on."""

    def kept(self, asked: bytes, told: bytes) -> bool:
        """Return whether the origin's connection may serve another client."""
        bench = Bench()
        bench.ask(asked)
        self.assertTrue(bench.reply(told))
        bench.client = bench.connect()
        bench.ask(request())
        self.assertEqual(bench.origins[0].gone, len(bench.origins) == 2)
        return len(bench.origins) == 1

    def test_of_connections(self) -> None:
        """NTLM and Negotiate log in the connection: it serves nobody else (RFC 4559 §6)."""
        for scheme in (b"NTLM", b"Negotiate", b"negotiate"):
            self.assertFalse(self.kept(request(b"GET", b"/", b"Authorization: %b x" % scheme), OK))
            asks = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: %b\r\nContent-Length: 0\r\n\r\n" % scheme
            self.assertFalse(self.kept(request(), asks))
        asks = b"HTTP/1.1 401 A\r\nWWW-Authenticate: Basic realm=x, NTLM\r\nContent-Length: 0\r\n\r\n"
        self.assertFalse(self.kept(request(), asks))

    def test_of_requests(self) -> None:
        """Basic and Bearer log in a request; the connection serves others."""
        for scheme in (b"Basic", b"Bearer"):
            self.assertTrue(self.kept(request(b"GET", b"/", b"Authorization: %b x" % scheme), OK))
        asks = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
        self.assertTrue(self.kept(request(), asks))


class RuleTests(SynchronousTestCase):
    """Rules that need to know who asks, or which address is dialled."""

    def ask(self, bench: Bench, user: bytes) -> bytes:
        """Return what a user gets, on a new connection."""
        bench.client = bench.connect()
        got = bench.ask(request(b"GET", b"/", b"Proxy-Authorization: " + user))
        return got or bench.reply(OK)

    def test_user(self) -> None:
        """A rule for a user holds for that one."""
        bench = ruled("deny user:b")
        self.assertIn(b" 200 ", self.ask(bench, b"a"))
        self.assertIn(b" 403 ", self.ask(bench, b"b"))
        self.assertEqual(bench.relay.meter.requests.refusals, {"rule": 1})

    def test_net(self) -> None:
        """A rule for a network is judged on the address that is dialled, before it is."""
        bench = ruled("deny net:127.0.0.0/8")
        told = self.ask(bench, b"a")
        self.assertIn(b" 403 ", told)
        self.assertIn(b"deny net:127.0.0.0/8", told)
        self.assertEqual((bench.clock.tcpClients, bench.relay.meter.requests.refusals), ([], {"rule": 1}))

    def test_net_of_a_tunnel(self) -> None:
        """Also where a tunnel is asked for."""
        bench = ruled("deny net:127.0.0.0/8")
        connect = b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\nProxy-Authorization: a\r\n\r\n"
        self.assertIn(b" 403 ", bench.ask(connect))
        self.assertEqual(bench.clock.tcpClients, [])

    def test_waiting_connection(self) -> None:
        """A connection that waits serves nobody who might not have made it."""
        bench = ruled("deny user:b,net:127.0.0.0/8")
        self.assertIn(b" 200 ", self.ask(bench, b"a"))
        self.assertIn(b" 403 ", self.ask(bench, b"b"))
        self.assertIn(b" 200 ", self.ask(bench, b"a"))
        self.assertEqual(len(bench.origins), 1)
