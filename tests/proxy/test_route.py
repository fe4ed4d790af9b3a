"""Where a request goes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.route import (
    ALLOWED,
    FORWARDS_MAX,
    TRACE_BYTES,
    Forward,
    Refuse,
    Reply,
    Rules,
    Tunnel,
    decide,
    last,
    traced,
)
from netsuite.proxy.rules import Acl, parse_rule
from tests.proxy.scripted import parsed, request

#: What a proxy that is told nothing permits.
DEFAULT = Rules()


def refusal(data: bytes, rules: Rules = DEFAULT) -> tuple[int, str]:
    """Return status and cause of the refusal that ``data`` gets."""
    decision = decide(parsed(data), rules)
    assert isinstance(decision, Refuse)
    return decision.status, decision.cause


class DecisionTests(SynchronousTestCase):
    """One decision for each head."""

    def test_http(self) -> None:
        """An http URL is forwarded to its origin."""
        decision = decide(parsed(request()), Rules())
        assert isinstance(decision, Forward)
        self.assertEqual((decision.target.host, decision.target.port), (b"127.0.0.1", 8080))

    def test_origin_form(self) -> None:
        """A path alone gets told what this is."""
        self.assertEqual(refusal(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (400, "target"))

    def test_scheme(self) -> None:
        """Of URLs only http is taken."""
        for scheme in (b"https", b"ftp", b"file"):
            self.assertEqual(
                refusal(b"GET %b://a:1/ HTTP/1.1\r\nHost: a:1\r\n\r\n" % scheme), (400, "scheme")
            )

    def test_tunnel_ports(self) -> None:
        """Tunnels go to permitted ports, both ends of a range included."""
        rules = Rules(((443, 443), (9000, 9002)))
        for port in (443, 9000, 9002):
            decision = decide(parsed(b"CONNECT a:%d HTTP/1.1\r\nHost: a:%d\r\n\r\n" % (port, port)), rules)
            self.assertIsInstance(decision, Tunnel)
        for port in (22, 8999, 9003):
            data = b"CONNECT a:%d HTTP/1.1\r\nHost: a:%d\r\n\r\n" % (port, port)
            self.assertEqual(refusal(data, rules), (403, "port"))

    def test_body(self) -> None:
        """An announced body may be as large as the bound and no larger."""
        rules = Rules(max_body=10)
        self.assertEqual(refusal(request(b"POST", b"/", b"Content-Length: 11"), rules), (413, "body"))
        self.assertIsInstance(decide(parsed(request(b"POST", b"/", b"Content-Length: 10")), rules), Forward)


def ruled(*texts: str) -> Rules:
    """Return the proxy's rules with those of ``+text`` (allow) and ``-text`` (deny)."""
    return Rules(acl=Acl([parse_rule(text[1:], text[0] == "+") for text in texts]))


class RuleTests(SynchronousTestCase):
    """What allow and deny rules do to a request."""

    def test_refused(self) -> None:
        """A refusal is a 403 that tells the rule."""
        decision = decide(parsed(request(host=b"www.example.org")), ruled("-host:*.example.org"))
        self.assertEqual(decision, Refuse(403, "rule", "rule `deny host:*.example.org` refuses this"))
        self.assertEqual(
            decide(parsed(request()), ruled("+port:1")), Refuse(403, "rule", "no rule allows this")
        )

    def test_allowed(self) -> None:
        """What is allowed goes its way, and no address is asked about."""
        decision = decide(parsed(request()), ruled("+host:127.0.0.1,port:8080"))
        assert isinstance(decision, Forward)
        self.assertIsNone(decision.permit)

    def test_tunnels(self) -> None:
        """A rule holds for tunnels, under their method; the ports of tunnels hold besides."""
        tunnel = b"CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n"
        self.assertEqual(refusal(tunnel, ruled("-method:CONNECT")), (403, "rule"))
        self.assertIsInstance(decide(parsed(tunnel), ruled("+host:www.example.org")), Tunnel)
        other = tunnel.replace(b"443", b"22")
        self.assertEqual(refusal(other, ruled("+port:22")), (403, "port"))

    def test_user(self) -> None:
        """Rules know whom the client logged in as."""
        rules = ruled("+user:ci")
        self.assertIsInstance(decide(parsed(request()), rules, "ci"), Forward)
        self.assertIsInstance(decide(parsed(request()), rules), Refuse)

    def test_permit(self) -> None:
        """Where a network decides, the decision has what judges each address."""
        rules = ruled("-net:10.0.0.0/8", "+host:*")
        tunnel = b"CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n"
        for data in (request(), tunnel):
            decision = decide(parsed(data), rules)
            assert isinstance(decision, Forward | Tunnel)
            assert decision.permit is not None
            self.assertEqual(decision.permit("10.0.0.1"), "rule `deny net:10.0.0.0/8` refuses this")
            self.assertIsNone(decision.permit("192.0.2.1"))
            self.assertIsNone(decision.permit(""))


class MaxForwardsTests(SynchronousTestCase):
    """How often TRACE and OPTIONS may be forwarded (RFC 9110 §7.6.2)."""

    def sent(self, method: bytes, value: bytes) -> object:
        """Return the decision about a request with Max-Forwards."""
        return decide(parsed(request(method, b"/", b"Max-Forwards: " + value)), Rules())

    def test_counted_down(self) -> None:
        """What is said further on is one less, and never very much."""
        for value, left in (
            (b"1", 0),
            (b"2", 1),
            (b"010", 9),
            (b"%d" % FORWARDS_MAX, FORWARDS_MAX - 1),
            (b"%d" % (FORWARDS_MAX + 2), FORWARDS_MAX),
            (b"9" * 5000, FORWARDS_MAX),
        ):
            for method in (b"TRACE", b"OPTIONS"):
                decision = self.sent(method, value)
                assert isinstance(decision, Forward)
                self.assertEqual(decision.max_forwards, left)

    def test_malformed(self) -> None:
        """What is no whole number, or is there twice, is refused."""
        for value in (b"", b"-1", b"1.0", b"x", b"1 1", b"0x1", b"\xb2"):
            self.assertEqual(refusal(request(b"TRACE", b"/", b"Max-Forwards: " + value)), (400, "message"))
        self.assertEqual(
            refusal(request(b"OPTIONS", b"/", b"Max-Forwards: 1", b"Max-Forwards: 1")), (400, "message")
        )

    def test_other_methods(self) -> None:
        """For other methods it means nothing."""
        for value in (b"0", b"5", b"x"):
            decision = self.sent(b"GET", value)
            assert isinstance(decision, Forward)
            self.assertIsNone(decision.max_forwards)

    def test_without(self) -> None:
        """Without the field both are forwarded as they are."""
        for method in (b"TRACE", b"OPTIONS"):
            decision = decide(parsed(request(method)), Rules())
            assert isinstance(decision, Forward)
            self.assertIsNone(decision.max_forwards)

    def test_options_ends_here(self) -> None:
        """OPTIONS that ends here is told the methods, without a body."""
        self.assertEqual(last(parsed(request(b"OPTIONS"))), Reply(200, b"", b"", ALLOWED))

    def test_trace_ends_here(self) -> None:
        """TRACE that ends here is told what arrived, without what may be secret (§9.3.8)."""
        lines = (
            b"X-Seen: 1",
            b"x-seen: 2",
            b"Authorization: Basic c2VjcmV0",
            b"Cookie: a=secret",
            b"Proxy-Authorization: Basic c2VjcmV0",
            b"X-CSRF-Token: secret",
            b"X-Api-Key: secret",
            b"Via: 1.1 a",
        )
        reply = last(parsed(request(b"TRACE", b"/a?b", *lines)))
        self.assertEqual((reply.status, reply.content_type, reply.allow), (200, b"message/http", b""))
        self.assertEqual(
            reply.body,
            b"TRACE http://127.0.0.1:8080/a?b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
            b"X-Seen: 1\r\nx-seen: 2\r\nVia: 1.1 a\r\n\r\n",
        )

    def test_trace_is_bounded(self) -> None:
        """However large a head may be, so much of it is shown and no more."""
        head = parsed(request(b"TRACE"))
        head.fields.extend([(b"X", b"y" * 1000)] * 200)
        shown = traced(head)
        self.assertLessEqual(len(shown), TRACE_BYTES)
        self.assertGreater(len(shown), TRACE_BYTES - 1100)
        self.assertTrue(shown.endswith(b"y\r\n\r\n"))
