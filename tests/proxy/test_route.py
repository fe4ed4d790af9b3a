"""Where a request goes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.route import Forward, Refuse, Rules, Tunnel, decide
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
