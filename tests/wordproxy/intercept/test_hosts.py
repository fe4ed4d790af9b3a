"""Which hosts may be opened."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.intercept.hosts import Hosts, built_in, faults, never_of, parse_host


class ParseTests(SynchronousTestCase):
    """Hosts as an operator writes them."""

    def test_forms(self) -> None:
        """Case, the root's dot, brackets and other alphabets come to one form."""
        for text, host in (
            ("News.Example.", "news.example"),
            ("*.News.Example", "*.news.example"),
            ("*", "*"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("[::1]", "::1"),
            ("192.0.2.1", "192.0.2.1"),
        ):
            self.assertEqual(parse_host(text), host)

    def test_no_hosts(self) -> None:
        """What is no host is refused, and said to be none."""
        bad = (
            "",
            "a b",
            "http://a.example",
            "a.example/x",
            "*.*.example",
            "a.*",
            "*.192.0.2.1",
            "-a.example",
            "a" * 64,
        )
        for text in bad:
            with self.assertRaisesRegex(ValueError, "no host"):
                parse_host(text)


class HostsTests(SynchronousTestCase):
    """The list and the never-list together."""

    def test_listed(self) -> None:
        """A name stands for itself, a pattern for all below and not for itself."""
        hosts = Hosts(("news.example", "*.blog.example"))
        for host in ("news.example", "a.blog.example", "b.a.blog.example"):
            self.assertIn(host, hosts)
        for host in ("a.news.example", "blog.example", "xblog.example", "example"):
            self.assertNotIn(host, hosts)

    def test_never(self) -> None:
        """A never-host, and what is below it, isn't opened whatever is listed."""
        hosts = Hosts(("*",), frozenset({"bank.example"}))
        self.assertIn("news.example", hosts)
        self.assertNotIn("bank.example", hosts)
        self.assertNotIn("www.bank.example", hosts)
        self.assertIn("mybank.example", hosts)

    def test_built_in(self) -> None:
        """The list that we come with knows money, mail, health and identity."""
        hosts = Hosts(("*",), built_in())
        for host in ("www.paypal.com", "mail.google.com", "www.nhs.uk", "accounts.google.com", "my.bank"):
            self.assertNotIn(host, hosts)
        self.assertIn("en.wikipedia.org", hosts)

    def test_file(self) -> None:
        """A file adds hosts and, by ``!``, takes some away; a bad line is named by its number."""
        never = never_of(
            "# mine\n!paypal.com\n*.Intranet.example # and all\n\n", frozenset({"paypal.com", "x.example"})
        )
        self.assertEqual(never, {"x.example", "intranet.example"})
        with self.assertRaisesRegex(ValueError, "line 2"):
            never_of("a.example\nno host\n", frozenset())
        with self.assertRaisesRegex(ValueError, "line 1"):
            never_of("*", frozenset())

    def test_faults(self) -> None:
        """A bare ``*`` needs its own consent, and a listed never-host is a contradiction."""
        never = frozenset({"bank.example"})
        self.assertEqual(faults(["news.example"], never, everything=False), [])
        self.assertIn("--intercept-everything", faults(["*"], never, everything=False)[0])
        self.assertEqual(faults(["*"], never, everything=True), [])
        self.assertIn("never opened", faults(["*.bank.example"], never, everything=True)[0])
