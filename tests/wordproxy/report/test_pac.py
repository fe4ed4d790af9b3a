"""The proxy auto-config file, evaluated by a real JavaScript engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from fnmatch import fnmatchcase

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report.pac import Rules, script
from tests.real.parts import require

PROXY = "PROXY 127.0.0.1:8001; DIRECT"
NODE = shutil.which("node") or shutil.which("nodejs")

hosts = st.text("ab.-", min_size=1, max_size=8)
patterns = st.text("ab.*?", min_size=1, max_size=6)


def evaluated(rules: Rules, questions: list[tuple[str, str]], call: str = "FindProxyForURL") -> list[object]:
    """What the file's function answers to each pair of arguments."""
    require("nodejs", NODE)
    asked = f"console.log(JSON.stringify({json.dumps(questions)}.map(([a, b]) => {call}(a, b))))"
    text = "'use strict';\n" + script("127.0.0.1:8001", rules) + asked
    done = subprocess.run(
        [str(NODE), "-"], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    found: list[object] = json.loads(done.stdout)
    return found


class PacTests(SynchronousTestCase):
    def test_urls(self) -> None:
        """What is counted goes through the proxy, and directly if that is down; all else goes directly."""
        table = [
            ("http://news.example/a", "news.example", PROXY),
            ("http://news.example:8080/", "news.example", PROXY),
            ("HTTP://News.Example./", "News.Example.", PROXY),
            ("http://203.0.113.7/", "203.0.113.7", PROXY),
            ("http://[2001:db8::1]/", "2001:db8::1", PROXY),
            ("https://news.example/", "news.example", "DIRECT"),
            ("ftp://news.example/", "news.example", "DIRECT"),
            ("ws://news.example/", "news.example", "DIRECT"),
            ("http://localhost/", "localhost", "DIRECT"),
            ("http://localhost:8000/", "localhost", "DIRECT"),
            ("http://a.localhost/", "a.localhost", "DIRECT"),
            ("http://intranet/", "intranet", "DIRECT"),
            ("http://printer.local/", "printer.local", "DIRECT"),
            ("http://127.0.0.1/", "127.0.0.1", "DIRECT"),
            ("http://127.8.8.8/", "127.8.8.8", "DIRECT"),
            ("http://10.0.0.1/", "10.0.0.1", "DIRECT"),
            ("http://172.16.0.1/", "172.16.0.1", "DIRECT"),
            ("http://172.32.0.1/", "172.32.0.1", PROXY),
            ("http://192.168.1.1/", "192.168.1.1", "DIRECT"),
            ("http://169.254.169.254/", "169.254.169.254", "DIRECT"),
            ("http://100.64.0.1/", "100.64.0.1", "DIRECT"),
            ("http://10.example/", "10.example", PROXY),
            ("http://[::1]/", "::1", "DIRECT"),
            ("http://[::1]/", "[::1]", "DIRECT"),
            ("http://[fe80::1]/", "fe80::1", "DIRECT"),
            ("http://[fd00::1]/", "fd00::1", "DIRECT"),
        ]
        found = evaluated(Rules(), [(url, host) for url, host, _ in table])
        for (url, host, wanted), answer in zip(table, found, strict=True):
            self.assertEqual(answer, wanted, (url, host))

    def test_chosen_hosts(self) -> None:
        """Ignored hosts go directly; where only some are counted, all others do."""
        rules = Rules(["ads.example", "*.mail.example"], ["*.example", "news.test"])
        for host, wanted in [
            ("news.example", PROXY),
            ("news.test", PROXY),
            ("other.test", "DIRECT"),
            ("ads.example", "DIRECT"),
            ("x.mail.example", "DIRECT"),
            ("mail.example", PROXY),
        ]:
            self.assertEqual(evaluated(rules, [(f"http://{host}/", host)]), [wanted], host)

    def test_hostile_patterns(self) -> None:
        """A pattern is text, whatever it holds."""
        rules = Rules(['"];alert(1);//', "</script>", "\u2028", "\\"])
        self.assertEqual(evaluated(rules, [("http://a.b/", "a.b")]), [PROXY])
        self.assertNotIn("</script>", script("p:1", rules))

    @settings(deadline=None, max_examples=3)
    @given(st.lists(st.tuples(hosts, patterns), min_size=300, max_size=300))
    def test_patterns_mean_the_same(self, pairs: list[tuple[str, str]]) -> None:
        """A pattern fits in the browser exactly where it fits in the proxy."""
        found = evaluated(Rules(), pairs, "fits")
        self.assertEqual(found, [fnmatchcase(host, pattern) for host, pattern in pairs])
