"""Requests that go by other proxies: which, in what order, and what is said to them."""

from __future__ import annotations

import contextlib
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.guard import AgainstRule, Forbidden, Guard, OwnAddress
from netsuite.http1.limits import Limits
from netsuite.http1.target import Target
from netsuite.proxy.chain import (
    AILING_SECONDS,
    DOUBT,
    DOUBTS,
    NO_FAULT,
    SURE,
    Chain,
    Hop,
    HopFailed,
    parse_upstream,
    shown,
    with_password,
)
from netsuite.proxy.handshake import INTERIM_MAX, Connect, Socks5, handshake, refused
from netsuite.proxy.pool import Pool
from tests.proxy.test_dialling import FOUR, SIX, Net

HTTP = Hop("http", "10.0.0.1", 3128)
SOCKS = Hop("socks5", "10.0.0.2", 1080)
SOCKSH = Hop("socks5h", "10.0.0.3", 1080)
USER = Hop("socks5", "10.0.0.2", 1080, "käthe", "geheim!")

OK_REPLY = b"\5\0\0\1\0\0\0\0\0\0"


class OptionTests(SynchronousTestCase):
    """What --upstream takes."""

    def test_forms(self) -> None:
        """A URL, with a glob before it if it is for some hosts only; direct is no proxy."""
        for text, way in (
            ("http://p.test:3128", ("*", Hop("http", "p.test", 3128))),
            ("http://p.test:3128/", ("*", Hop("http", "p.test", 3128))),
            ("socks5://P.test", ("*", Hop("socks5", "p.test", 1080))),
            ("socks5h://[::1]:9050", ("*", Hop("socks5h", "::1", 9050))),
            ("*.onion=socks5h://127.0.0.1:9050", ("*.onion", Hop("socks5h", "127.0.0.1", 9050))),
            ("direct", ("*", None)),
            ("*.example.org=direct", ("*.example.org", None)),
            ("http://u:p%40%3A@p.test:1", ("*", Hop("http", "p.test", 1, "u", "p@:"))),
            ("http://u@p.test:1", ("*", Hop("http", "p.test", 1, "u"))),
            ("http://u:@p.test:1", ("*", Hop("http", "p.test", 1, "u", ""))),
            (
                "*=http://u@p.test:1?password-file=/etc/p=w",
                ("*", Hop("http", "p.test", 1, "u", None, "/etc/p=w")),
            ),
        ):
            self.assertEqual(parse_upstream(text), way, text)

    def test_refused(self) -> None:
        """What is no proxy is refused, and no complaint has the password."""
        for text in (
            "",
            "p.test:3128",
            "http://",
            "http://p.test",
            "http://p.test:0",
            "http://p.test:65536",
            "https://p.test:1",
            "socks4://p.test",
            "http://p.test:1/path",
            "http://p.test:1#x",
            "http://p.test:1?x=y",
            "http://u:geheim@p.test",
            "http://:geheim@p.test:1",
            "http://u%3Ax:geheim@p.test:1",
            "http://u:geheim%00@p.test:1",
            "http://u:geheim%ff@p.test:1",
            "http://u:geheim" + "x" * 250 + "@p.test:1",
            "http://u:geheim@p.test:1?password-file=/x",
            "http://p.test:1?password-file=/x",
            "http://u:geheim@x@p.test:1",
            "a,port:1=http://p.test:1",
            "=http://p.test:1",
            "not a glob=direct",
            "a=b=direct",
        ):
            with self.assertRaises(ValueError, msg=text) as raised:
                parse_upstream(text)
            self.assertNotIn("geheim", str(raised.exception))

    def test_password_is_not_shown(self) -> None:
        """Neither a hop's text, nor its key, nor the option's value for people has the password."""
        text = "*.test=socks5://u:geheim@p.test:1080"
        hop = parse_upstream(text)[1]
        assert hop is not None
        for seen in (repr(hop), str(hop), hop.place, hop.key.decode(), shown(text)):
            self.assertNotIn("geheim", seen)
        self.assertEqual(shown(text), "*.test=socks5://u:…@p.test:1080")
        self.assertEqual(shown("http://u@p.test:1"), "http://u@p.test:1")

    def test_password_file(self) -> None:
        """The first line of the file is the password; what is none is refused."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "password"
            way = parse_upstream(f"http://u@p.test:1?password-file={path}")
            for data, password in ((b"geheim", "geheim"), (b"k\xc3\xa4se \nx\n", "käse "), (b"x\r\n", "x")):
                path.write_bytes(data)
                hop = with_password(way)[1]
                assert hop is not None
                self.assertEqual(hop.password, password)
            for data in (b"", b"\xff\n", b"a\0b", b"x" * 256, b"x\n" * 4096):
                path.write_bytes(data)
                with self.assertRaises(ValueError):
                    with_password(way)
            path.unlink()
            with self.assertRaises(OSError):
                with_password(way)
        self.assertEqual(with_password(("*", HTTP)), ("*", HTTP))

    def test_authorization(self) -> None:
        """Proxy-Authorization is Basic, in UTF-8 (RFC 7617)."""
        self.assertIsNone(HTTP.authorization)
        self.assertEqual(Hop("http", "p", 1, "käthe", "p").authorization, b"Basic a8OkdGhlOnA=")
        self.assertEqual(Hop("http", "p", 1, "a").authorization, b"Basic YTo=")


class ChoosingTests(SynchronousTestCase):
    """Which ways there are to a host."""

    def setUp(self) -> None:
        """A clock."""
        self.now = 0.0

    def chain(self, *ways: tuple[str, Hop | None]) -> Chain:
        """Return a chain that goes by the clock."""
        return Chain(ways, lambda: self.now)

    def test_none(self) -> None:
        """Without ways it is straight to the origin."""
        self.assertFalse(Chain().has_hops)
        self.assertEqual((Chain().hops(b"a.test"), Chain().first(b"a.test")), ([None], None))
        self.assertFalse(Chain([("*", None)]).has_hops)

    def test_globs(self) -> None:
        """The first glob that fits decides; where none does it is straight to the origin."""
        chain = self.chain(("in.test", None), ("*.onion", SOCKSH), ("*.test", HTTP), ("*.test", SOCKS))
        self.assertTrue(chain.has_hops)
        for host, ways in (
            (b"in.test", [None]),
            (b"IN.test.", [None]),
            (b"a.b.onion", [SOCKSH]),
            (b"a.test", [HTTP, SOCKS]),
            (b"test", [None]),
            (b"a.example", [None]),
            (b"1.2.3.4", [None]),
        ):
            self.assertEqual(chain.hops(host), ways, host)
        self.assertEqual(self.chain(("*", HTTP), ("a.test", None)).hops(b"a.test"), [HTTP])

    def test_fall_back_order(self) -> None:
        """A hop that failed is tried last for a while; the others keep their order."""
        chain = self.chain(("*", HTTP), ("*", SOCKS), ("*", None))
        chain.failed(HTTP)
        self.assertEqual(chain.hops(b"a.test"), [SOCKS, None, HTTP])
        self.assertEqual(chain.first(b"a.test"), SOCKS)
        chain.failed(None)
        self.assertEqual(chain.hops(b"a.test"), [SOCKS, None, HTTP])

    def test_recovery(self) -> None:
        """Afterwards one request tries it; the others go on until that one has worked."""
        chain = self.chain(("*", HTTP), ("*", SOCKS))
        chain.failed(HTTP)
        self.now = AILING_SECONDS
        self.assertEqual(chain.hops(b"a.test"), [HTTP, SOCKS])
        self.assertEqual(chain.hops(b"a.test"), [SOCKS, HTTP])
        self.assertEqual(chain.first(b"b.test"), SOCKS)
        chain.worked(HTTP)
        self.assertEqual(chain.hops(b"a.test"), [HTTP, SOCKS])

    def test_doubt(self) -> None:
        """What may have been the origin's fault counts as the hop's if it happens again and again."""
        chain = self.chain(("*", HTTP), ("*", SOCKS))
        for _ in range(DOUBTS - 1):
            chain.failed(HTTP, DOUBT)
        chain.worked(HTTP)
        for _ in range(DOUBTS - 1):
            chain.failed(HTTP, DOUBT)
        chain.failed(HTTP, NO_FAULT)
        self.assertEqual(chain.first(b"a.test"), HTTP)
        chain.failed(HTTP, DOUBT)
        self.assertEqual(chain.first(b"a.test"), SOCKS)

    def test_all_ailing(self) -> None:
        """If all have failed they are tried in their order."""
        chain = self.chain(("*", HTTP), ("*", SOCKS))
        for hop in (SOCKS, HTTP):
            chain.failed(hop)
        self.assertEqual(chain.hops(b"a.test"), [HTTP, SOCKS])

    def test_bounded(self) -> None:
        """However many hosts are asked for, the table is bounded; so are the ways."""
        chain = self.chain(("*", HTTP))
        for number in range(10_000):
            chain.first(b"n%d.test" % number)
        self.assertLessEqual(len(chain._kept), 4096)
        with self.assertRaises(ValueError):
            Chain([("*", HTTP)] * 257)


class HandshakeTests(SynchronousTestCase):
    """What is said to a proxy, however its words are cut."""

    def said(self, script: Any, *pieces: bytes) -> bytes:
        """Feed ``pieces``; return all that was sent."""
        return bytes(script.opening) + b"".join(script.feed(piece) for piece in pieces)

    def test_socks_plain(self) -> None:
        """Greeting, request, reply, in RFC 1928's form for each kind of address."""
        for host, asked in (
            ("192.0.2.1", b"\1\xc0\0\2\1"),
            ("2001:db8::1", b"\4\x20\1\x0d\xb8" + bytes(11) + b"\1"),
            ("a.test", b"\3\6a.test"),
        ):
            sent = b"\5\1\0" + b"\5\1\0" + asked + b"\1\xbb"
            for bound in (b"\1" + bytes(4), b"\4" + bytes(16), b"\3\3abc", b"\3\0"):
                told = b"\5\0" + b"\5\0\0" + bound + b"\0\0" + b"REST"
                for cut in range(len(told) - len(b"REST")):
                    script = Socks5(SOCKS, host, 443)
                    self.assertEqual(self.said(script, told[:cut], told[cut:]), sent)
                    self.assertEqual(script.rest, b"REST")
                script = Socks5(SOCKS, host, 443)
                self.assertEqual(self.said(script, *(told[n : n + 1] for n in range(len(told) - 4))), sent)
                self.assertEqual(script.rest, b"")

    def test_socks_log_in(self) -> None:
        """A user is offered as such and told when asked for (RFC 1929); a proxy may do without."""
        login = b"\1\6k\xc3\xa4the\7geheim!"
        request = b"\5\1\0\3\6a.test\0\x50"
        for told, sent in (
            (b"\5\2\1\0" + OK_REPLY, b"\5\2\0\2" + login + request),
            (b"\5\0" + OK_REPLY, b"\5\2\0\2" + request),
        ):
            for cut in range(len(told) + 1):
                script = Socks5(USER, "a.test", 80)
                self.assertEqual(self.said(script, told[:cut], told[cut:]), sent)
                self.assertEqual(script.rest, b"")

    def test_socks_refusals(self) -> None:
        """Every refusal has its error and a sentence, without a secret."""
        for hop, told, kind, word in (
            (SOCKS, b"\5\xff", HopFailed, "wants credentials"),
            (USER, b"\5\xff", HopFailed, "takes no user"),
            (SOCKS, b"\5\2", HopFailed, "log-in"),
            (USER, b"\5\1", HopFailed, "log-in"),
            (USER, b"\5\2\1\1", HopFailed, "does not accept our credentials"),
            (USER, b"\5\2\5\0", HopFailed, "speaks no SOCKS5"),
            (SOCKS, b"HTTP", HopFailed, "speaks no SOCKS5"),
            (SOCKS, b"\4\0", HopFailed, "speaks no SOCKS5"),
            (SOCKS, b"\5\0\5\1", HopFailed, "code 1"),
            (SOCKS, b"\5\0\5\2", HopFailed, "does not allow"),
            (SOCKS, b"\5\0\5\3", error.NoRouteError, "no way to its network"),
            (SOCKS, b"\5\0\5\4", error.NoRouteError, "no way to it"),
            (SOCKS, b"\5\0\5\5", error.ConnectionRefusedError, "refused"),
            (SOCKS, b"\5\0\5\6", error.TCPTimedOutError, "in time"),
            (SOCKS, b"\5\0\5\7", HopFailed, "makes no connections"),
            (SOCKS, b"\5\0\5\x08", HopFailed, "kind of address"),
            (SOCKS, b"\5\0\5\x63", HopFailed, "code 99"),
            (SOCKS, b"\5\0\5\0\0\2\0", HopFailed, "speaks no SOCKS5"),
        ):
            for cut in range(len(told)):
                script = Socks5(hop, "a.test", 80)
                with self.assertRaises(kind) as raised:
                    self.said(script, told[:cut], told[cut:])
                self.assertIn(word, str(raised.exception))
                self.assertNotIn("geheim", str(raised.exception))

    def test_socks_name_too_long(self) -> None:
        """A name over 255 bytes can't be said."""
        with self.assertRaises(HopFailed):
            Socks5(SOCKSH, "x" * 256, 80)

    def test_connect(self) -> None:
        """A tunnel is asked for with Host and credentials; any 2xx is one, whatever length it claims."""
        for hop, extra in ((HTTP, b""), (Hop("http", "p", 1, "a"), b"Proxy-Authorization: Basic YTo=\r\n")):
            for host, place in (("a.test", b"a.test:443"), ("::1", b"[::1]:443")):
                sent = b"CONNECT " + place + b" HTTP/1.1\r\nHost: " + place + b"\r\n" + extra + b"\r\n"
                self.assertEqual(Connect(hop, host, 443).opening, sent)
        for told in (
            b"HTTP/1.1 200 Connection established\r\n\r\n",
            b"HTTP/1.0 200\r\n\r\n",
            b"HTTP/1.1 204 x\r\nVia: 1.1 x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ):
            for cut in range(len(told)):
                script = Connect(HTTP, "a.test", 443)
                self.assertEqual(script.feed(told[:cut]) + script.feed(told[cut:] + b"REST"), b"")
                self.assertEqual(script.rest, b"REST", cut)

    def test_connect_refusals(self) -> None:
        """Every other answer is an error with a sentence in our own words; all but 407 are not its fault."""
        for hop, told, word, ailing in (
            (HTTP, b"HTTP/1.1 407 <evil>\r\n\r\n", "wants credentials", True),
            (
                Hop("http", "p", 1, "a", "geheim"),
                b"HTTP/1.1 407 x\r\n\r\n",
                "not accept our credentials",
                True,
            ),
            (HTTP, b"HTTP/1.1 403 <evil>\r\n\r\n", "answered 403", False),
            (HTTP, b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n", "answered 302", False),
            (HTTP, b"HTTP/1.1 504 x\r\n\r\n", "answered 504", False),
            (HTTP, b"HTTP/1.1 101 x\r\n\r\n", "does not come", True),
            (HTTP, b"HTTP/1.1 100 x\r\n\r\n" * (INTERIM_MAX + 1), "does not come", True),
            (HTTP, b"\5\0\0\0", "speaks no HTTP", True),
            (HTTP, b"HTTP/1.1 200 OK\nX: y\n\n", "speaks no HTTP", True),
            (HTTP, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "speaks no HTTP", True),
        ):
            script = Connect(hop, "a.test", 443)
            with self.assertRaises(HopFailed) as raised:
                script.feed(told)
            self.assertIn(word, str(raised.exception))
            self.assertEqual(raised.exception.blame, SURE if ailing else NO_FAULT)
            for secret in ("evil", "geheim"):
                self.assertNotIn(secret, str(raised.exception))

    def test_407_of_a_plain_request(self) -> None:
        """The error for a hop's 407 is there for requests that need no tunnel too."""
        self.assertIn("wants credentials", str(refused(HTTP, 407)))

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.binary(max_size=12), max_size=8), st.sampled_from([HTTP, SOCKS, USER]))
    def test_rubbish(self, pieces: list[bytes], hop: Hop) -> None:
        """Whatever a proxy says, it ends in a connection error or in more waiting."""
        script: Any = handshake(hop, "a.test", 80)
        with contextlib.suppress(ConnectError):
            for piece in [b"\5\0", *pieces] if hop is SOCKS else pieces:
                script.feed(piece)
                if script.rest is not None:
                    break


class HopNet(Net):
    """A network with proxies on the way."""

    def __init__(self, *ways: tuple[str, Hop | None], **more: Any) -> None:
        super().__init__(more.pop("names", {}), chain=Chain(ways, lambda: self.reactor.seconds()), **more)

    def hop(self, number: int = -1) -> StringTransport:
        """Let an attempt with a hop succeed."""
        transport = self.accept(number)
        assert transport is not None
        return transport

    @staticmethod
    def tell(transport: StringTransport, data: bytes) -> bytes:
        """Let the other side say something; return what it got before and after."""
        transport.protocol.dataReceived(data)  # type: ignore[attr-defined]  # as Net.accept has set it
        return bytes(transport.value())


class ThroughTests(SynchronousTestCase):
    """Connections by way of a hop."""

    def test_tunnel_by_http(self) -> None:
        """The hop is dialled though private, asked for the name, and the connection is the protocol's."""
        net = HopNet(("*", HTTP))
        done = net.connect("a.test", 443)
        self.assertEqual(net.reactor.tcpClients[0][:2], ("10.0.0.1", 3128))
        hop = net.hop()
        self.assertNoResult(done)
        self.assertIn(b"CONNECT a.test:443 ", net.tell(hop, b"HTTP/1.1 200 OK\r\n"))
        self.assertNoResult(done)
        told: list[bytes] = []
        done.addCallback(lambda _: told.append(net.side.data))
        net.tell(hop, b"\r\nearly")
        self.successResultOf(done)
        self.assertEqual(told, [b"early"], "before anybody takes the connection over")
        self.assertIs(hop.protocol, net.side)  # type: ignore[attr-defined]
        self.assertEqual((net.side.data, net.side.address), (b"early", "10.0.0.1"))
        self.assertEqual((net.side.hop, net.side.way), (None, HTTP))
        self.assertEqual(net.reactor.getDelayedCalls(), [])

    def test_plain_by_http(self) -> None:
        """A request in the clear needs no tunnel: the protocol speaks to the hop and knows so."""
        net = HopNet(("*", HTTP))
        done = net.connect(tunnel=False)
        self.assertEqual(net.hop().value(), b"")
        self.successResultOf(done)
        self.assertEqual((net.side.hop, net.side.way), (HTTP, HTTP))

    def test_socks5_is_given_an_address(self) -> None:
        """For socks5 the name is looked up and judged here."""
        net = HopNet(("*", SOCKS), names={"a.test": ["10.9.9.9", FOUR]})
        done = net.connect(tunnel=False)
        hop = net.hop()
        self.assertTrue(net.tell(hop, b"\5\0").endswith(b"\5\1\0\1\1\1\1\1\0\x50"))
        net.tell(hop, OK_REPLY)
        self.successResultOf(done)
        self.assertEqual((net.side.hop, net.side.way), (None, SOCKS))
        net = HopNet(("*", SOCKS), names={"a.test": ["10.9.9.9"]})
        self.failureResultOf(net.connect(), Forbidden)
        self.assertEqual(net.dialled, [])

    def test_socks5_next_address(self) -> None:
        """Where the proxy has no way to the first address it is asked for the next; not if it is broken."""
        net = HopNet(("*", SOCKS), names={"a.test": [SIX, FOUR]})
        done = net.connect()
        hop = net.hop()
        self.assertIn(b"\4\x26\x06", net.tell(hop, b"\5\0"))
        net.tell(hop, b"\5\4")
        self.assertIn(b"\1\1\1\1\1", net.tell(net.hop(), b"\5\0" + OK_REPLY))
        self.successResultOf(done)
        net = HopNet(("*", SOCKS), names={"a.test": [SIX, FOUR]})
        done = net.connect()
        net.tell(net.hop(), b"HTTP/1.1 400\r\n")
        self.failureResultOf(done, HopFailed)
        self.assertEqual(len(net.dialled), 1)

    def test_far_end_resolves(self) -> None:
        """For socks5h and http the name is not looked up here."""
        for hop in (SOCKSH, HTTP):
            net = HopNet(("*", hop))
            net.silent.add("a.test")
            net.connect()
            self.assertEqual(net.dialled, [hop.host])

    def test_far_end_is_not_asked_for_private_addresses(self) -> None:
        """What needs no resolver is judged here, in whatever spelling, for tunnels and plain requests."""
        for hop in (SOCKSH, HTTP):
            for host in ("127.0.0.1", "0x7f.1", "2130706433", "localhost", "::1", "169.254.169.254"):
                for tunnel in (True, False):
                    net = HopNet(("*", hop))
                    self.failureResultOf(net.connect(host, tunnel=tunnel), Forbidden)
                    self.assertEqual(net.dialled, [])

    def test_rules(self) -> None:
        """A rule on addresses is asked with none where only the far end knows it."""
        asked: list[str] = []

        def permit(address: str) -> str | None:
            asked.append(address)
            return "no"

        for hop, seen in ((SOCKSH, ""), (HTTP, ""), (SOCKS, FOUR)):
            net = HopNet(("*", hop), names={"a.test": [FOUR]})
            self.failureResultOf(net.connect(permit=permit), AgainstRule)
            self.assertEqual(asked.pop(), seen)

    def test_hop_is_us(self) -> None:
        """A hop that is our own listener is refused, by name or address."""
        for host in ("127.0.0.1", "p.test"):
            guard = Guard(allow_nets=[ip_network("127.0.0.0/8")], own=lambda: [("127.0.0.1", 8001)])
            net = HopNet(("*", Hop("http", host, 8001)), names={"p.test": ["127.0.0.1"]}, guard=guard)
            self.failureResultOf(net.connect(), OwnAddress)

    def test_what_nobody_asked_for(self) -> None:
        """Bytes past the handshake are no answer to a request that was not sent yet."""
        net = HopNet(("*", SOCKSH))
        done = net.connect(tunnel=False)
        hop = net.hop()
        net.tell(hop, b"\5\0")
        net.tell(hop, OK_REPLY + b"HTTP/1.1 200 OK\r\n\r\n")
        self.assertIn("nobody asked", str(self.failureResultOf(done, HopFailed).value))
        self.assertTrue(hop.disconnecting)
        self.assertEqual(net.side.connections, 0)

    def test_cut_at_every_byte(self) -> None:
        """A hop that closes anywhere in its handshake has failed, and is told apart from an origin."""
        for hop, told in (
            (HTTP, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"),
            (SOCKSH, b"\5\0" + OK_REPLY),
            (Hop("socks5h", "10.0.0.3", 1080, "u", "p"), b"\5\2\1\0" + OK_REPLY),
        ):
            for cut in range(len(told)):
                net = HopNet(("*", hop))
                done = net.connect()
                transport = net.hop()
                if cut:
                    net.tell(transport, told[:cut])
                transport.protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[attr-defined]
                self.assertIn("closed the connection", str(self.failureResultOf(done, HopFailed).value))
                self.assertEqual(net.reactor.getDelayedCalls(), [])

    def test_failures_of_the_hop(self) -> None:
        """What goes wrong with the hop is told as the hop's, with its place."""
        for why, word in (
            (error.ConnectionRefusedError(), "refused"),
            (error.TimeoutError(), "in time"),
            (error.NoRouteError(), "cannot be reached"),
        ):
            net = HopNet(("*", HTTP))
            done = net.connect()
            net.refuse(why=why)
            told = str(self.failureResultOf(done, HopFailed).value)
            self.assertIn("10.0.0.1:3128", told)
            self.assertIn(word, told)
        net = HopNet(("*", Hop("http", "p.test", 1)))
        self.assertIn("was not found", str(self.failureResultOf(net.connect(), HopFailed).value))

    def test_silent_hop(self) -> None:
        """A handshake has what is left of the time, no more."""
        net = HopNet(("*", HTTP), seconds=4.0)
        done = net.connect()
        hop = net.hop()
        net.reactor.advance(4)
        self.assertIn("in time", str(self.failureResultOf(done, HopFailed).value))
        self.assertTrue(hop.disconnecting)
        self.assertEqual(net.reactor.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """Whoever is gone leaves nothing open: not while dialling, not in the handshake."""
        for greeted in (False, True):
            net = HopNet(("*", HTTP), ("*", SOCKS))
            done = net.connect()
            hop = net.hop() if greeted else None
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.assertTrue(hop.disconnecting if hop is not None else net.stopped())
            if hop is not None:
                net.tell(hop, b"HTTP/1.1 200 OK\r\n\r\n")
            self.assertEqual((net.side.connections, len(net.dialled)), (0, 1))
            self.assertEqual(net.reactor.getDelayedCalls(), [])


class FallBackTests(SynchronousTestCase):
    """Several ways to one host."""

    def test_next_way(self) -> None:
        """When a hop fails the next is tried, and comes first for a while."""
        net = HopNet(("*", HTTP), ("*", SOCKSH), ("*", None), names={"a.test": [FOUR]})
        done = net.connect()
        net.refuse()
        net.refuse()
        self.assertEqual(net.dialled, ["10.0.0.1", "10.0.0.3", FOUR])
        net.accept()
        self.successResultOf(done)
        self.assertEqual((net.side.address, net.side.way, net.side.hop), (FOUR, None, None))
        net.connect()
        self.assertEqual(net.dialled[3:], [FOUR])

    def test_hop_of_a_failed_way_is_forgotten(self) -> None:
        """A plain request that falls back from an http hop does not speak to it as to one."""
        net = HopNet(("*", HTTP), ("*", SOCKSH))
        net.connect(tunnel=False)
        net.refuse()
        hop = net.hop()
        net.tell(hop, b"\5\0" + OK_REPLY)
        self.assertEqual((net.side.hop, net.side.way), (None, SOCKSH))

    def test_silent_hop_leaves_time(self) -> None:
        """A way gets its share of the time, so that a silent one leaves some for the others."""
        net = HopNet(("*", HTTP), ("*", SOCKSH), seconds=10.0)
        net.connect()
        self.assertEqual(net.reactor.tcpClients[0][3], 5.0)
        net.reactor.advance(5)
        net.refuse(why=error.TimeoutError())
        self.assertEqual(net.reactor.tcpClients[1][3], 5.0)

    def test_the_last_failure_is_told(self) -> None:
        """When no way is left the last failure is told."""
        net = HopNet(("*", HTTP), ("*", SOCKSH))
        done = net.connect()
        net.refuse()
        net.refuse()
        self.assertIn("10.0.0.3", str(self.failureResultOf(done, HopFailed).value))

    def test_origin_that_refuses(self) -> None:
        """An origin's fault is no hop's: the next way is tried, and the hop stays in its place."""
        net = HopNet(("*", SOCKSH), ("*", HTTP))
        net.connect()
        net.tell(net.hop(), b"\5\0\5\5")
        net.connect()
        self.assertEqual(net.dialled, ["10.0.0.3", "10.0.0.1", "10.0.0.3"])

    def test_verdicts_are_final(self) -> None:
        """What the guard refuses is not tried by another way."""
        net = HopNet(("*", None), ("*", SOCKSH), names={"a.test": ["10.9.9.9"]})
        self.failureResultOf(net.connect(), Forbidden)
        self.assertEqual(net.dialled, [])

    def test_silence_for_a_dead_origin(self) -> None:
        """A SOCKS proxy that took the request and is silent may wait for the origin: it keeps its place."""
        for told, dialled in ((b"\5\0", "10.0.0.3"), (b"", "10.0.0.1")):
            net = HopNet(("*", SOCKSH), ("*", HTTP), seconds=4.0)
            net.connect()
            net.tell(net.hop(), told)
            net.reactor.advance(2)
            net.accept()
            net.connect()
            self.assertEqual(net.dialled, ["10.0.0.3", "10.0.0.1", dialled])


class PooledTests(SynchronousTestCase):
    """Connections by way of a hop that are kept."""

    def setUp(self) -> None:
        """Three hosts, three ways."""
        self.net = HopNet(
            ("s.test", SOCKSH), ("t.test", SOCKSH), ("d.test", None), ("*", HTTP), names={"d.test": [FOUR]}
        )
        self.pool = Pool(self.net.reactor, self.net.dialler, Limits())

    def target(self, host: str) -> Target:
        """Return a target on port 80."""
        return Target(b"http", host.encode(), 80, b"/")

    def kept(self, host: str) -> Any:
        """Return a connection for ``host`` that waits in the pool."""
        done = Deferred.fromCoroutine(self.pool.fresh(self.target(host)))
        hop = self.net.hop()
        if host in ("s.test", "t.test"):
            self.net.tell(hop, b"\5\0")
            self.net.tell(hop, OK_REPLY)
        upstream = self.successResultOf(done)
        self.pool.give(upstream)
        return upstream

    def test_http_hop_serves_all(self) -> None:
        """A connection with an http hop serves any origin that goes by it, and none that does not."""
        upstream = self.kept("a.test")
        for host in ("s.test", "d.test"):
            self.assertIsNone(self.pool.take(self.target(host)))
        self.assertIs(self.pool.take(self.target("b.test")), upstream)
        self.assertIsNone(self.pool.take(self.target("b.test")))

    def test_socks_hop_serves_one(self) -> None:
        """A connection by SOCKS serves the origin that it was asked for."""
        upstream = self.kept("s.test")
        self.assertIsNone(self.pool.take(self.target("t.test")))
        self.assertIs(self.pool.take(self.target("s.test")), upstream)

    def test_guard_is_not_passed_by(self) -> None:
        """A kept connection with a hop is not used for what the guard refuses, nor where rules judge."""
        self.kept("a.test")
        for host in ("127.0.0.1", "localhost", "0x7f.1", "169.254.169.254"):
            self.assertIsNone(self.pool.take(self.target(host)), host)
        self.assertIsNone(self.pool.take(self.target("a.test"), lambda address: None))

    def test_rules_judge_kept_connections(self) -> None:
        """What one user may reach by a kept connection another may not."""
        upstream = self.kept("d.test")
        self.assertIsNone(self.pool.take(self.target("d.test"), lambda address: "no"))
        self.assertIs(self.pool.take(self.target("d.test"), lambda address: None), upstream)

    def test_flush(self) -> None:
        """After a reload none of the kept ones is used again."""
        for host in ("a.test", "s.test", "d.test"):
            self.kept(host)
        self.pool.flush()
        for host in ("a.test", "s.test", "d.test"):
            self.assertIsNone(self.pool.take(self.target(host)))

    def test_bounded(self) -> None:
        """100,000 hosts leave a bounded pool."""
        for number in range(600):
            self.kept(f"n{number}.test")
        self.assertLessEqual(self.pool._waiting, 512)
        self.assertLessEqual(len(self.pool._idle), 512)
