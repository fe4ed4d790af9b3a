"""proxy-acl, as a process: what it says, and its exit status.  Names are those of /etc/hosts."""

from __future__ import annotations

import datetime
import os
import re
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.scripts import proxy_acl
from tests.scripts.tools import inside, records, run

METADATA = (
    "169.254.169.254 is a cloud metadata address (built-in guard; --allow-net 169.254.169.254/32 to permit)"
)

LOG = """\
2026-01-05T10:00:00Z 127.0.0.1 1 GET http://www.example.org/a?… 200 text/html 12 0.010 192.0.2.7
2026-01-05T10:00:01Z 127.0.0.1 2 GET http://www.example.com/ 200 text/html 12 0.010 198.51.100.7
2026-01-05T10:00:02Z 127.0.0.1 3 CONNECT www.example.org:443 tunnel 10/20 1.5 192.0.2.7
2026-01-05T10:00:03Z 127.0.0.1 4 POST http://www.example.com/b 0 - 0 0.010 -
nonsense
"""


class NothingFound:
    """A resolver that knows no name."""

    def resolveHostName(self, receiver: Any, name: str, *_: Any, **__: Any) -> None:
        """Say at once that there is nothing."""
        receiver.resolutionBegan(self)
        receiver.resolutionComplete()


class TwoFound(NothingFound):
    """A resolver that knows two addresses of each name."""

    def resolveHostName(self, receiver: Any, name: str, *_: Any, **__: Any) -> None:
        """Say at once which."""
        receiver.resolutionBegan(self)
        for host in ("10.0.0.7", "192.0.2.7"):
            receiver.addressResolved(IPv4Address("TCP", host, 0))
        receiver.resolutionComplete()


class VerdictTests(SynchronousTestCase):
    """What is said of URLs."""

    def file(self, text: str) -> str:
        """Return the path of a new file."""
        path = Path(self.mktemp())
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_refused_by_the_guard(self) -> None:
        """The features' first example, word for word."""
        config = self.file("[proxy]\n")
        self.assertEqual(
            run("proxy_acl", "-c", config, "http://169.254.169.254/"), (1, f"refused: {METADATA}\n", "")
        )

    def test_json(self) -> None:
        """The features' second example, key for key."""
        config = self.file('[proxy]\nallow-net = ["127.0.0.1", "::1"]\n')
        code, output, errors = run("proxy_acl", "-c", config, "-j", "https://localhost/")
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(
            output,
            re.compile(
                r'\{"tool":"proxy-acl","version":"[^"]+","ok":true,"exit":0,"cause":null,"message":null,'
                r'"target":\{"url":"https://localhost/"\},"started":"[^"]+Z","elapsed_ms":[0-9.]+,'
                r'"result":\{"allowed":true,"rule":"default","addresses":\["[^]]+"\]\}\}\n\Z'
            ),
        )

    def test_rules(self) -> None:
        """The rule that decides is told, in each place that a rule can stand."""
        config = self.file(
            '[proxy]\nallow-net = "127.0.0.0/8"\nacl = ["deny host:*.example.org", "allow port:80"]\n'
        )
        for arguments, code, line in (
            (("http://a.example.org/",), 1, "refused: rule `deny host:*.example.org` refuses this"),
            (("http://127.0.0.1/",), 0, "allowed: 127.0.0.1 (rule `allow port:80`)"),
            (("http://127.0.0.1:81/",), 1, "refused: no rule allows this"),
            (
                ("-d", "net:127.0.0.0/8", "http://127.0.0.1/"),
                1,
                "refused: rule `deny net:127.0.0.0/8` refuses this",
            ),
            (("-d", "port:1", "http://127.0.0.1/"), 0, "allowed: 127.0.0.1 (default)"),
            (
                ("-a", "user:ci", "-u", "ci", "http://127.0.0.1/"),
                0,
                "allowed: 127.0.0.1 (rule `allow user:ci`)",
            ),
            (("-a", "user:ci", "http://127.0.0.1/"), 1, "refused: no rule allows this"),
            (
                ("-d", "method:POST", "-m", "POST", "http://127.0.0.1/"),
                1,
                "refused: rule `deny method:POST` refuses this",
            ),
            (
                ("-d", "time:Mon", "--at", "2026-01-05T10:00", "http://127.0.0.1/"),
                1,
                "refused: rule `deny time:Mon` refuses this",
            ),
            (
                ("-d", "time:Mon", "--at", "2026-01-06T10:00", "http://127.0.0.1/"),
                0,
                "allowed: 127.0.0.1 (default)",
            ),
            (("https://127.0.0.1:22/",), 1, "refused: no tunnels to port 22; --connect-port 22 permits it"),
        ):
            self.assertEqual(inside(proxy_acl, "-c", config, *arguments), (code, line + "\n", ""), arguments)

    def test_rule_in_json(self) -> None:
        """What decides is a rule, the default, the guard or a policy."""
        urls = (
            "http://a.example.org/",
            "http://169.254.169.254/",
            "https://127.0.0.1:22/",
            "http://127.0.0.1:8001/",
        )
        code, output, _ = inside(proxy_acl, "-j", "-d", "host:*.example.org", *urls)
        self.assertEqual(code, 1)
        told = records(output)
        self.assertEqual(
            [one["target"]["url"] for one in told], [*urls[:2], "https://127.0.0.1:22/", urls[3]]
        )
        self.assertEqual(
            [one["result"]["rule"] for one in told],
            ["deny host:*.example.org", "built-in guard", "tunnel ports", "built-in guard"],
        )
        self.assertIn("is this proxy itself", told[3]["message"])

    def test_several(self) -> None:
        """Of several URLs each has its line, and one that is refused decides the exit status."""
        code, output, _ = inside(
            proxy_acl, "-d", "port:81", "http://169.254.169.254/", "http://192.0.2.7:81/"
        )
        self.assertEqual(code, 1)
        self.assertEqual(
            output.splitlines(),
            [
                f"http://169.254.169.254/ refused: {METADATA}",
                "http://192.0.2.7:81/ refused: rule `deny port:81` refuses this",
            ],
        )

    def test_a_name_that_is_not_there(self) -> None:
        """A name without an address is no verdict."""
        reactor = MemoryReactorClock()
        reactor.nameResolver = NothingFound()
        for arguments in ((), ("-j",)):
            code, output, errors = inside(proxy_acl, *arguments, "http://www.test/", reactor=reactor)
            self.assertEqual(code, 4)
            self.assertIn("www.test", errors)
            if arguments:
                [told] = records(output)
                self.assertEqual((told["cause"], told["detail"]), ("dns", "not found"))

    def test_upstream(self) -> None:
        """Where a proxy further on looks the name up, it is not looked up here, and no network fits it."""
        config = self.file(
            '[proxy]\nallow-net = "127.0.0.1"\n'
            'upstream = ["*.test=socks5h://me:hunter2@192.0.2.9", "direct.here=direct"]\n'
        )
        for arguments, code, line in (
            (("http://www.test/",), 0, "allowed: www.test through socks5h://192.0.2.9:1080 (default)"),
            (("-a", "net:0.0.0.0/0", "http://www.test/"), 1, "refused: no rule allows this"),
            (("http://direct.here/",), 0, "allowed: direct.here at 127.0.0.1 (default)"),
        ):
            self.assertEqual(inside(proxy_acl, "-c", config, *arguments), (code, line + "\n", ""))
        _, output, _ = inside(proxy_acl, "-j", "-c", config, "http://www.test/")
        self.assertEqual(
            records(output)[0]["result"],
            {"allowed": True, "rule": "default", "addresses": [], "upstream": "socks5h://192.0.2.9:1080"},
        )
        self.assertIn("a loopback", inside(proxy_acl, "-u", "x", "http://localhost/")[1])

    def test_one_of_two(self) -> None:
        """One address that passes is enough; the others are told."""
        reactor = MemoryReactorClock()
        reactor.nameResolver = TwoFound()
        config = self.file('[proxy]\nallow-net = "192.0.2.0/24"\n')
        code, output, _ = inside(proxy_acl, "-c", config, "http://www.test/", reactor=reactor)
        told = "not 10.0.0.7 is a private address (built-in guard; --allow-net 10.0.0.7/32 to permit)"
        self.assertEqual((code, output), (0, f"allowed: www.test at 192.0.2.7 (default); {told}\n"))

    def test_wordproxy(self) -> None:
        """The settings of wordproxy are read by its own options."""
        config = self.file('[wordproxy]\nstore = ":memory:"\ndeny = "host:a"\n')
        code, output, errors = inside(proxy_acl, "-c", config, "--table", "wordproxy", "http://a/")
        self.assertEqual((code, output, errors), (1, "refused: rule `deny host:a` refuses this\n", ""))

    def test_international(self) -> None:
        """A URL is taken as people write it."""
        code, output, _ = inside(
            proxy_acl, "-j", "-d", "host:bücher.example", "http://BÜCHER.example/ü b?q#f"
        )
        self.assertEqual(code, 1)
        self.assertEqual(records(output)[0]["target"]["url"], "http://xn--bcher-kva.example/%C3%BC%20b?…")

    def test_secrets(self) -> None:
        """Neither a query nor a password in a URL is told, be it right or wrong."""
        for url in (
            "http://me:hunter2@169.254.169.254/?hunter2",
            "http:/me:hunter2@a/",
            "ftp://me:hunter2@a/?hunter2",
        ):
            for arguments in ((), ("-j",), ("--debug",)):
                _, output, errors = inside(proxy_acl, *arguments, url)
                self.assertNotIn("hunter2", output + errors, (url, arguments))


class WrongUseTests(SynchronousTestCase):
    """What can't be done, and its exit status."""

    def test_usage(self) -> None:
        """A wrong command line is told on standard error, with exit status 2."""
        for arguments, text in (
            ((), "give a URL"),
            (("ftp://a/",), "no http or https URL"),
            (("http://a b/",), "http://a b/"),
            (("http://a:0/",), "a port outside"),
            (("-d", "colour:red", "http://a/"), "the part 'colour:red'"),
            (("--at", "noon", "http://a/"), "is no time"),
            (("--table", "echo", "http://a/"), "proxy or wordproxy"),
            (("--no-such", "http://a/"), "no-such"),
            (("-m", "G T", "http://a/"), "http://a/"),
        ):
            code, output, errors = inside(proxy_acl, *arguments)
            self.assertEqual((code, output), (2, ""), (arguments, errors))
            self.assertIn(text, errors)
            self.assertIn("try proxy-acl --help", errors)
            self.assertNotIn("Traceback", errors)

    def test_file(self) -> None:
        """A file that is not there or has faults is told with its name, and exit status 12."""
        missing, faulty, wrong = (self.mktemp() for _ in range(3))
        Path(faulty).write_text("[proxy\n", encoding="utf-8")
        Path(wrong).write_text('[proxy]\nacl = ["deny colour:red"]\n', encoding="utf-8")
        for path in (missing, faulty, wrong):
            code, output, errors = inside(proxy_acl, "-c", path, "http://192.0.2.7/")
            self.assertEqual((code, output), (12, ""), errors)
            self.assertIn(os.path.basename(path), errors)

    def test_json_usage(self) -> None:
        """With --json a wrong command line is an object too."""
        code, output, _ = run("proxy_acl", "--json", "ftp://a/")
        [told] = records(output)
        self.assertEqual((code, told["exit"], told["cause"], told["ok"]), (2, 2, "usage", False))

    def test_help(self) -> None:
        """--help has examples, --version the versions."""
        code, output, _ = run("proxy_acl", "--help")
        self.assertEqual(code, 0)
        self.assertIn("Usage: proxy-acl [options] URL...", output)
        self.assertIn("Examples:", output)
        code, output, _ = run("proxy_acl", "--version")
        self.assertRegex(output, r"^netsuite \S+ \(Twisted \S+, Python \S+\)\n$")


class LogTests(SynchronousTestCase):
    """What new settings would change of what a log tells."""

    def log(self, text: str = LOG) -> str:
        """Return the path of a log."""
        path = Path(self.mktemp())
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_changed_lines(self) -> None:
        """Only requests that would be refused are shown, each judged at the address that it went to."""
        code, output, errors = inside(
            proxy_acl, "-d", "host:www.example.org", "--from", self.log(), "-c", self.settings()
        )
        rule = "refused: rule `deny host:www.example.org` refuses this"
        self.assertEqual(code, 1)
        self.assertEqual(
            output.splitlines(),
            [f"1: GET http://www.example.org/a {rule}", f"3: CONNECT https://www.example.org/ {rule}"],
        )
        self.assertEqual(errors, "proxy-acl: 5 lines, 2 would be refused, 1 not understood\n")

    def test_address_of_the_line(self) -> None:
        """A network rule and the guard judge the logged address; where there is none, the name has to do."""
        for rule, numbers in (
            ("net:198.51.100.0/24", ["2"]),
            ("net:192.0.2.0/24,method:GET", ["1"]),
            ("method:POST", ["4"]),
        ):
            _, output, _ = inside(proxy_acl, "-d", rule, "--from", self.log(), "-c", self.settings())
            self.assertEqual([line.partition(":")[0] for line in output.splitlines()], numbers)
        _, output, _ = inside(proxy_acl, "--from", self.log())  # to the guard these are no public addresses
        self.assertEqual([line.partition(":")[0] for line in output.splitlines()], ["1", "2", "3"])

    def test_time_of_the_line(self) -> None:
        """A rule on time is judged at the time of each line, unless --at says another."""
        wanted = datetime.datetime(2026, 1, 5, 10, 0, 2, tzinfo=datetime.UTC).astimezone()
        rule = f"time:{wanted:%H:%M}-{wanted + datetime.timedelta(minutes=1):%H:%M}"
        other = f"{wanted + datetime.timedelta(hours=2):%Y-%m-%dT%H:%M}"
        for more, count in (((), 4), (("--at", other), 0)):
            arguments = ("-d", rule, "--from", self.log(), "-c", self.settings(), *more)
            code, output, _ = inside(proxy_acl, *arguments)
            self.assertEqual((code, len(output.splitlines())), (1 if count else 0, count))

    def test_json(self) -> None:
        """An object for each changed line, or one for all if none has changed."""
        arguments = ("-j", "-q", "--from", self.log(), "-c", self.settings())
        code, output, errors = inside(proxy_acl, "-d", "port:443", *arguments)
        [told] = records(output)
        self.assertEqual((code, errors), (1, ""))
        self.assertEqual(told["target"], {"url": "https://www.example.org/", "line": 3})
        self.assertEqual(told["result"]["rule"], "deny port:443")
        code, output, _ = inside(proxy_acl, *arguments)
        [told] = records(output)
        self.assertEqual((code, told["result"]), (0, {"lines": 5, "refused": 0, "unread": 1}))

    def test_no_log(self) -> None:
        """A file that is no log is no answer; one that is missing is told."""
        code, _, errors = inside(proxy_acl, "--from", self.log("a\nb\n"))
        self.assertEqual(code, 3)
        self.assertIn("no line of an access log", errors)
        code, _, errors = inside(proxy_acl, "--from", self.mktemp())
        self.assertEqual(code, 12)
        self.assertIn("No such file", errors)

    def settings(self) -> str:
        """Return the path of settings that let the log's addresses be fetched from."""
        path = Path(self.mktemp())
        path.write_text('[proxy]\nallow-net = ["192.0.2.0/24", "198.51.100.0/24"]\n', encoding="utf-8")
        return str(path)
