"""A proxy's settings: what they mean, and how they are refused."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.settings import WORKERS_MAX, Options, Settings


def settings(*arguments: str) -> Settings:
    """Return the settings of a command line."""
    options = Options()
    options.parse(list(arguments))
    made: Settings = options.settings
    return made


class Environed(SynchronousTestCase):
    """A test with an environment of its own."""

    def setUp(self) -> None:
        """Start from an empty environment."""
        self.environment: dict[str, str] = {}
        self.patch(os, "environ", self.environment)

    def toml(self, text: str) -> str:
        """Return the path of a settings file that holds ``text``."""
        path = self.mktemp()
        Path(path).write_text(text)
        return path

    def fault(self, *arguments: str) -> str:
        """Return the one line with which a command line is refused."""
        (line,) = str(self.assertRaises(UsageError, settings, *arguments)).splitlines()
        return str(line)


class RuleTests(Environed):
    """Rules, in their order, from any layer."""

    def rules(self, *arguments: str) -> list[tuple[bool, str]]:
        """Return the rules as (allows, text)."""
        return [(rule.allow, rule.text) for rule in settings(*arguments).rules.acl.rules]

    def test_order_of_the_command_line(self) -> None:
        """Rules stand in one list in the order given, whichever verb they have."""
        given = ("-d", "host:a.test", "--allow", "port:443", "-a", "host:b.test", "--deny", "net:10.0.0.0/8")
        wanted = [
            (False, "host:a.test"),
            (True, "port:443"),
            (True, "host:b.test"),
            (False, "net:10.0.0.0/8"),
        ]
        self.assertEqual(self.rules(*given), wanted)
        self.assertEqual(self.rules(), [])

    def test_file(self) -> None:
        """A file has rules with their verb, or a list of one verb alone."""
        path = self.toml('[proxy]\nacl = ["deny host:a.test", "allow port:443"]\n')
        self.assertEqual(self.rules("-c", path), [(False, "host:a.test"), (True, "port:443")])
        path = self.toml('[proxy]\ndeny = ["host:a.test", "host:b.test"]\n')
        self.assertEqual(self.rules("-c", path), [(False, "host:a.test"), (False, "host:b.test")])

    def test_order_that_cannot_be_told(self) -> None:
        """A list for each verb is refused: rules hold in their order."""
        path = self.toml('[proxy]\ndeny = ["host:a.test"]\nallow = ["port:443"]\n')
        self.assertIn("line 3", self.fault("-c", path))
        self.assertIn("order", self.fault("-c", path))

    def test_environment(self) -> None:
        """In the environment white space separates rules, and a verb begins one."""
        self.environment["NETSUITE_PROXY_ACL"] = "deny host:a.test  allow port:443"
        self.assertEqual(self.rules(), [(False, "host:a.test"), (True, "port:443")])
        del self.environment["NETSUITE_PROXY_ACL"]
        self.environment["NETSUITE_PROXY_DENY"] = "host:a.test host:b.test"
        self.assertEqual(self.rules(), [(False, "host:a.test"), (False, "host:b.test")])

    def test_stronger_layer(self) -> None:
        """Rules of the command line stand alone."""
        path = self.toml('[proxy]\nacl = ["deny host:a.test"]\n')
        self.assertEqual(self.rules("-c", path, "-a", "port:443"), [(True, "port:443")])

    def test_faulty(self) -> None:
        """A faulty rule is told with its text, and in a file with its line."""
        self.assertIn("deny hots:x", self.fault("-d", "hots:x"))
        path = self.toml('[proxy]\nacl = [\n  "deny host:a.test",\n  "refuse host:b.test",\n]\n')
        self.assertIn("line 4", self.fault("-c", path))


class LogTests(Environed):
    """The access log's lines."""

    def test_form(self) -> None:
        """A form is JSON or names what a line tells, and is of a file's lines."""
        told = settings("--access-log", "/x", "--log-format", "{client} {url}", "--log-hosts-only")
        self.assertEqual((told.log_form, told.hosts_only), ("{client} {url}", True))
        self.assertEqual(settings("--access-log", "/x", "--log-format", "json").log_form, "json")
        self.assertIn("--access-log", self.fault("--log-format", "json"))
        self.assertIn("cookie", self.fault("--access-log", "/x", "--log-format", "{cookie}"))


class LimitTests(Environed):
    """What a client may take, and how long."""

    def test_default(self) -> None:
        """By default nothing limits rate, bandwidth or the whole time, and one process works."""
        told = settings()
        self.assertEqual((told.rate, told.bandwidth, told.times.total, told.workers), (None, None, 0.0, 1))
        self.assertFalse(told.forwarded_for or told.hosts_only)

    def test_given(self) -> None:
        """Each is read in its units."""
        told = settings("--rate", "600/m", "--bandwidth", "1MiB", "--total", "2h", "--workers", "4")
        self.assertEqual(
            (told.rate, told.bandwidth, told.times.total, told.workers), (10.0, 1 << 20, 7200.0, 4)
        )

    def test_bounds(self) -> None:
        """What makes no sense is refused."""
        for arguments in (
            ("--rate", "0"),
            ("--rate", "fast"),
            ("--rate", "3/fortnight"),
            ("--rate", "nan"),
            ("--bandwidth", "12"),
            ("--workers", "0"),
            ("--workers", str(WORKERS_MAX + 1)),
            ("--total", "-1"),
        ):
            self.fault(*arguments)

    def test_resolver(self) -> None:
        """A resolver is an address, with a port or without."""
        for text in ("192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53", "2001:db8::53"):
            self.assertEqual(settings("--resolver", text).resolver, text)
        for text in ("dns.example", "192.0.2.53:0", "192.0.2.53:x", "[2001:db8::53]x", "[::1]:99999"):
            self.fault("--resolver", text)


class WayTests(Environed):
    """Proxies to go through."""

    def test_given(self) -> None:
        """Ways are read in their order, each with its glob."""
        told = settings("-u", "*.test=direct", "--upstream", "socks5h://far.example:1080")
        self.assertEqual([glob for glob, _ in told.ways], ["*.test", "*"])
        self.assertIsNone(told.ways[0][1])

    def test_password_in_sight(self) -> None:
        """A password on the command line is refused, and not repeated; in a file it is taken."""
        told = self.fault("-u", "http://me:secret@far.example:8080")
        self.assertNotIn("secret", told)
        self.assertIn("password-file", told)
        path = self.toml('[proxy]\nupstream = ["http://me:secret@far.example:8080"]\n')
        ((_, hop),) = settings("-c", path).ways
        self.assertEqual(hop and hop.password, "secret")

    def test_fault_without_password(self) -> None:
        """A faulty way is told without its password."""
        path = self.toml('[proxy]\nupstream = ["ftp://me:secret@far.example:8080"]\n')
        self.assertNotIn("secret", self.fault("-c", path))

    def test_password_file(self) -> None:
        """A relative password file lies beside the settings file that names it."""
        path = os.path.abspath(
            self.toml('[proxy]\nupstream = "http://me@far.example:8080?password-file=pw"\n')
        )
        ((_, hop),) = settings("-c", path).ways
        self.assertEqual(hop and hop.password_file, os.path.join(os.path.dirname(path), "pw"))
