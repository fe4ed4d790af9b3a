"""Places as people type them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.reach.place import Place, parse_host, parse_place, parse_port


class PlaceTests(SynchronousTestCase):
    """Hosts, ports and both together."""

    def test_hosts(self) -> None:
        """Names in lower case and ASCII, addresses as they are."""
        for text, host in (
            ("LocalHost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("faß.de", "xn--fa-hia.de"),
            ("_sip._tcp.example.org.", "_sip._tcp.example.org."),
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.1"),
            ("[::1]", "::1"),
            ("2001:DB8::7", "2001:db8::7"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("a" * 63 + ".org", "a" * 63 + ".org"),
        ):
            self.assertEqual(parse_host(text), host)

    def test_no_hosts(self) -> None:
        """What can't be a name or an address is refused."""
        for text in (
            "",
            ".",
            "a..b",
            "-a",
            "a b",
            "a\0b",
            "a\n",
            "[a]",
            "::1::",
            "1:2",
            "http://a",
            "user@a",
            "a" * 64,
            "a." * 127 + "a",
            "\udcff",
            "xn--\u0301",
            "\u202e.org",
            "%",
        ):
            with self.assertRaises(ValueError, msg=repr(text)):
                parse_host(text)

    def test_ports(self) -> None:
        """Numbers from 1 to 65535, and names of services."""
        self.assertEqual(
            [parse_port(text) for text in ("1", "65535", "00080", "http", "SSH")], [1, 65535, 80, 80, 22]
        )
        for text in ("", "0", "65536", "-1", "+1", " 80", "8_0", "٣", "1e3", "80\0", "nonsense", "9" * 5000):
            with self.assertRaises(ValueError, msg=repr(text)):
                parse_port(text)

    def test_places(self) -> None:
        """Host and port, brackets, and paths of sockets; shown as they were typed."""
        for text, place in (
            ("localhost:80", Place("localhost", 80)),
            ("[::1]:http", Place("::1", 80)),
            ("unix:/run/x:y", Place("", 0, path="/run/x:y")),
            ("Bücher.example:1", Place("xn--bcher-kva.example", 1)),
        ):
            found = parse_place(text)
            self.assertEqual((found.host, found.port, found.path), (place.host, place.port, place.path))
        self.assertEqual(str(parse_place("[::1]:http")), "[::1]:80")
        self.assertEqual(str(parse_place("Bücher.example:1")), "Bücher.example:1")
        self.assertEqual(str(parse_place("unix:/run/x")), "unix:/run/x")
        for text in (
            "localhost",
            ":80",
            "a:",
            "::1:80",
            "[::1]",
            "[a]:80",
            "unix:",
            "unix:" + "a" * 108,
            "unix:a\0",
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_place(text)

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=300))
    def test_anything(self, text: str) -> None:
        """Whatever is typed is a host in ASCII, or refused by ValueError."""
        try:
            host = parse_host(text)
        except ValueError:
            return
        self.assertTrue(host.isascii() and host.isprintable())
        self.assertLessEqual(len(host), 254)
        self.assertEqual(parse_host(host), host)
