"""The PROXY protocol is read in one way, and whatever has another is refused."""

from __future__ import annotations

import ipaddress
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.echo.proxyhead import V1_MAX, V2, V2_MAX, BadProxyHead, ProxyHead, crc32c, read
from tests.echo.talking import Talking


def second(
    block: bytes, family: int = 1, transport: int = 1, command: int = 1, more: bytes = b"", version: int = 2
) -> bytes:
    """A head of version 2."""
    kind = bytes([version << 4 | command, family << 4 | transport])
    return V2 + kind + struct.pack("!H", len(block) + len(more)) + block + more


def four(source: str = "192.0.2.7", port: int = 4711) -> bytes:
    """An address block of IPv4."""
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address("198.51.100.1").packed
    return packed + struct.pack("!HH", port, 443)


def six(source: str = "2001:db8::7", port: int = 4711) -> bytes:
    """An address block of IPv6."""
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address("2001:db8::1").packed
    return packed + struct.pack("!HH", port, 443)


GOOD = (
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", ("192.0.2.7", 4711)),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", ("2001:db8::7", 4711)),
    (b"PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 0 65535\r\n", ("2001:db8::7", 0)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff whatever 1 2\r\n", None),
    (second(four()), ("192.0.2.7", 4711)),
    (second(six(), family=2), ("2001:db8::7", 4711)),
    (second(four(), more=b"\x04\x00\x02\x00\x00"), ("192.0.2.7", 4711)),  # padding
    (second(b"", family=0, transport=0), None),
    (second(b"anything", family=0, transport=0), None),
    (second(four(), command=0), None),  # LOCAL
    (second(b"", command=0, family=0, transport=0), None),
    (second(four(), transport=2), None),  # of a datagram: not this connection's
    (second(bytes(216), family=3), None),
)

BAD = (
    b"GET / HTTP/1.1\r\n",
    b"proxy TCP4 192.0.2.7 198.51.100.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443 \r\n",
    b"PROXY TCP4  192.0.2.7 198.51.100.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.07 198.51.100.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2 198.51.100.1 4711 443\r\n",
    b"PROXY TCP4 ::1 ::1 4711 443\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 4711 443\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 04711 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 +4711 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 \r\n",
    b"PROXY TCP4 192.0.2.7 host.example 4711 443\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 4711 443\r\n",
    b"PROXY UNKNOWN " + b"x" * V1_MAX,
    b"\r\n\r\n\x00\r\nQUIT\r",
    second(four(), version=1),
    second(four(), command=2),
    second(four(), family=4),
    second(four(), transport=3),
    second(four()[:-1]),
    second(four(), family=2),
    second(four(), more=b"\x04\x00"),
    second(four(), more=b"\x04\x00\x03\x00\x00"),
    second(four(), more=b"\x03\x00\x04\x00\x00\x00\x00"),  # no such checksum
    second(four(), more=bytes(V2_MAX)),
)


class ReadTests(SynchronousTestCase):
    """Bytes to heads."""

    def test_good(self) -> None:
        """Each form there is, with and without bytes behind it, and cut at every byte."""
        for data, client in GOOD:
            self.assertEqual(read(data), ProxyHead(client, len(data)), data)
            self.assertEqual(read(data + b"hello\r\n"), ProxyHead(client, len(data)), data)
            for cut in range(len(data)):
                self.assertIsNone(read(data[:cut]), (data, cut))

    def test_bad(self) -> None:
        """What has no reading, or two, is refused; however slowly it comes."""
        for data in BAD:
            self.assertRaises(BadProxyHead, read, data)
            told = []
            for cut in range(len(data) + 1):
                try:
                    told.append(read(data[:cut]))
                except BadProxyHead:
                    told.append(None)
            self.assertEqual(set(told), {None}, data)

    def test_checksum(self) -> None:
        """A checksum that is right is taken (RFC 3720 appendix B.4 has the known values)."""
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(crc32c(b"\xff" * 32), 0x62A8AB43)
        blank = second(four(), more=b"\x03\x00\x04\x00\x00\x00\x00")
        data = blank[:-4] + crc32c(blank).to_bytes(4, "big")
        self.assertEqual(read(data), ProxyHead(("192.0.2.7", 4711), len(data)))

    @settings(deadline=None, max_examples=100)
    @given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=20))
    def test_there_and_back(self, address: object, port: int, rest: bytes) -> None:
        """Any address in either version is read as it was written."""
        source = str(address)
        is_four = "." in source and ":" not in source
        text = "TCP4 {} 127.0.0.1" if is_four else "TCP6 {} ::1"
        first = b"PROXY " + f"{text.format(source)} {port} 80\r\n".encode()
        later = second(four(source, port)) if is_four else second(six(source, port), family=2)
        for data in (first, later):
            self.assertEqual(
                read(data + rest), ProxyHead((str(ipaddress.ip_address(source)), port), len(data))
            )

    @settings(deadline=None, max_examples=100)
    @given(
        st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11\x00\x0c"]),
        st.binary(max_size=300),
    )
    def test_anything(self, start: bytes, rest: bytes) -> None:
        """Whatever comes, it is a head, no head yet, or none."""
        try:
            found = read(start + rest)
        except BadProxyHead:
            return
        self.assertTrue(found is None or found.size <= len(start + rest))


class BalancerTests(Talking):
    """A connection that a balancer brings."""

    HEAD = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"

    def logged(self, event: str) -> list[str]:
        """The clients of such events."""
        return [each["client"] for each in self.events if each.get("event") == event]

    def test_true_client(self) -> None:
        """The log says who is at the other end, and lines behind the head are answered, however it is cut."""
        sent = self.HEAD + b"hello\n"
        for cut in range(len(sent)):
            protocol, transport = self.connect(self.factory("--proxy-protocol", "127.0.0.0/8"))
            protocol.dataReceived(sent[:cut])
            protocol.dataReceived(sent[cut:])
            self.assertEqual(transport.value(), b"You said: hello\r\n")
        self.assertEqual(set(self.logged("echo.connected")), {"192.0.2.7"})

    def test_health_check(self) -> None:
        """A balancer that speaks for itself is the client."""
        protocol, _ = self.connect(self.factory("--proxy-protocol", "127.0.0.1"))
        protocol.dataReceived(second(b"", command=0, family=0, transport=0))
        self.assertEqual(self.logged("echo.connected"), ["127.0.0.1"])

    def test_no_head(self) -> None:
        """A balancer's connection that begins otherwise is closed, and the log says why."""
        protocol, transport = self.connect(self.factory("--proxy-protocol", "127.0.0.1"))
        protocol.dataReceived(b"hello\n")
        self.assertEqual((transport.value(), transport.disconnected), (b"", True))
        self.assertEqual(self.logged("echo.head"), ["127.0.0.1"])

    def test_others_are_not_believed(self) -> None:
        """Who is no balancer is answered as a client, whatever it says of itself."""
        protocol, transport = self.connect(self.factory("--proxy-protocol", "10.0.0.0/8"))
        protocol.dataReceived(self.HEAD)
        self.assertEqual(transport.value(), b"You said: " + self.HEAD)

    def test_silent(self) -> None:
        """A balancer that says nothing is shut after a few seconds."""
        factory = self.factory("--proxy-protocol", "127.0.0.1", "--idle", "300")
        self.crowd.start()
        _, transport = self.connect(factory)
        self.clock.pump([1] * 7)
        self.assertTrue(transport.disconnected)

    def test_access(self) -> None:
        """The true client is judged by --allow-client, the balancer is not."""
        knobs = ("--proxy-protocol", "127.0.0.1", "--allow-client", "192.0.2.0/24")
        protocol, transport = self.connect(self.factory(*knobs))
        protocol.dataReceived(self.HEAD + b"a\n")
        self.assertEqual(transport.value(), b"You said: a\r\n")
        protocol, transport = self.connect(self.factory(*knobs))
        protocol.dataReceived(self.HEAD.replace(b"192.0.2.7", b"203.0.113.9") + b"a\n")
        self.assertEqual(transport.value(), b"Refused: this address may not connect.\r\n")
        self.assertTrue(transport.disconnecting)
        self.assertEqual(self.crowd.refused, 1)

    def test_per_client(self) -> None:
        """The cap for one address counts true clients; the balancer may bring others while there is room."""
        factory = self.factory("--proxy-protocol", "127.0.0.1", "--per-client", "2", "--max-clients", "9")
        kept = []
        for number in (7, 7, 7, 8):
            protocol, transport = self.connect(factory)
            protocol.dataReceived(self.HEAD.replace(b"2.7", b"2.%d" % number) + b"a\n")
            kept.append((protocol, transport.value()))
        told = [value for _, value in kept]
        self.assertEqual(told[2], b"Refused: too many connections from this address.\r\n")
        self.assertEqual([told[0], told[1], told[3]], [b"You said: a\r\n"] * 3)
        for protocol, _ in kept:
            protocol.connectionLost()
        self.assertEqual((len(self.crowd), self.crowd._each), (0, {}))

    def test_told_to_the_client(self) -> None:
        """--peer-info names both, once the head is there."""
        protocol, transport = self.connect(self.factory("--proxy-protocol", "127.0.0.1", "--peer-info"))
        self.assertEqual(transport.value(), b"")
        protocol.dataReceived(self.HEAD)
        self.assertEqual(transport.value(), b"Peer 192.0.2.7:4711 by way of 127.0.0.1:1024, no TLS\r\n")
