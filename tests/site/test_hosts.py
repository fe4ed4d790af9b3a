"""Which names a site answers to."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.hosts import canonical, name_of, refusal


class HostsTests(SynchronousTestCase):
    def test_names(self) -> None:
        """A Host field is a name or address with or without a port, and has one form whatever its letters."""
        for field, name in [
            (b"localhost", "localhost"),
            (b"LOCALHOST:8000", "localhost"),
            (b"localhost.:8000", "localhost"),
            (b"127.0.0.1:8000", "127.0.0.1"),
            (b"[::1]", "::1"),
            (b"[0:0::1]:8000", "::1"),
            (b"news.example:", "news.example"),
        ]:
            self.assertEqual(name_of(field), name, field)

    def test_no_names(self) -> None:
        """What is no host and port is none, however much it looks like one of ours."""
        for field in [
            b"",
            b":8000",
            b"localhost:port",
            b"localhost:800000",
            b"localhost:1:2",
            b"localhost,evil.example",
            b"user@localhost",
            b"localhost/",
            b"local host",
            b"[::1",
            b"[::1]8000",
            b"[localhost]",
            b"\xff",
            b"localhost\x00",
        ]:
            self.assertIsNone(name_of(field), field)

    def test_canonical(self) -> None:
        """An address has one form; the zone of a link-local one is our business alone."""
        for host, form in [
            ("[::1]", "::1"),
            ("FE80::1%eth0", "fe80::1"),
            ("Words.Example.", "words.example"),
        ]:
            self.assertEqual(canonical(host), form)

    def test_refusals(self) -> None:
        """Loopback's names, the site's own, and the address connected to are answered, others not."""
        names = {"words.example"}
        for version, fields, status in [
            (b"HTTP/1.1", [b"localhost:8000"], None),
            (b"HTTP/1.1", [b"[::1]:8000"], None),
            (b"HTTP/1.1", [b"words.example"], None),
            (b"HTTP/1.1", [b"192.0.2.7:8000"], None),
            (b"HTTP/1.0", [], None),
            (b"HTTP/1.1", [], 400),
            (b"HTTP/1.1", [b"localhost", b"localhost"], 400),
            (b"HTTP/1.0", [b"localhost", b"evil.example"], 400),
            (b"HTTP/1.1", [b"a b"], 400),
            (b"HTTP/1.1", [b"evil.example"], 421),
            (b"HTTP/1.0", [b"evil.example"], 421),
            (b"HTTP/1.1", [b"localhost.evil.example"], 421),
            (b"HTTP/1.1", [b"192.0.2.8"], 421),
            (b"HTTP/1.1", [b"0.0.0.0"], 421),
        ]:
            self.assertEqual(refusal(version, fields, names, "192.0.2.7"), status, fields)

    def test_absolute_form(self) -> None:
        """A target's own authority is what counts, and both must be well made."""
        for field, authority, status in [
            (b"evil.example", b"localhost:8000", None),
            (b"localhost", b"evil.example", 421),
            (b"a b", b"localhost", 400),
            (b"localhost", b"user@localhost", 400),
        ]:
            self.assertEqual(refusal(b"HTTP/1.1", [field], (), "", authority), status, authority)
