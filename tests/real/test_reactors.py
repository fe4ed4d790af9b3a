"""Every service, and the suite, under each of Twisted's reactors: a request is answered, the end is clean."""

from __future__ import annotations

import os
import re
import socket
from typing import ClassVar
from unittest import TestCase

from tests.real.hatchery import HatchedTwistd
from tests.real.parts import FETCH_SECONDS

NIGHTLY = os.environ.get("NETSUITE_TEST_SCALE") == "nightly"

#: twistd's name of each, and its class.
REACTORS = {
    "epoll": "EPollReactor",
    "poll": "PollReactor",
    "select": "SelectReactor",
    "asyncio": "AsyncioSelectorReactor",
}

PROXIES = ("proxy", "wordproxy")

#: Each service alone; wordproxy, whose counter costs more than all the rest, is in the suite anyway.
ALONE = ("echo", "httpecho", "pages", "formsite", "colors", "proxy", *(("wordproxy",) if NIGHTLY else ()))

SUITE = """
[netsuite]
admin = "0"
[echo]
port = "0"
[wordproxy]
port = "0"
report = "0"
store = ":memory:"
allow-net = ["127.0.0.0/8"]
connect-port = [{origin}]
[httpecho]
port = "0"
[pages]
port = "0"
[formsite]
port = "0"
store = ":memory:"
[colors]
port = "0"
[proxy]
port = "0"
allow-net = ["127.0.0.0/8"]
connect-port = [{origin}]
"""


class ReactorTests(TestCase):
    """One origin for the proxies, and services that come and go."""

    origin: ClassVar[int]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        pages = HatchedTwistd("pages", "-p", "0")
        cls.addClassCleanup(pages.close)
        pages.launch()
        cls.origin = cls.port(pages, "pages")

    @staticmethod
    def port(twistd: HatchedTwistd, service: str) -> int:
        """Where it says that it listens."""
        return int(twistd.wait_log(rf"\] {service}: .*?127\.0\.0\.1:(\d+)")[1])

    def said(self, port: int, words: bytes) -> bytes:
        """All that comes back."""
        with socket.create_connection(("127.0.0.1", port), FETCH_SECONDS) as link:
            link.sendall(words)
            return b"".join(iter(lambda: link.recv(65536), b""))

    def assert_answers(self, service: str, port: int) -> None:
        """It does its work."""
        place, end = b"127.0.0.1:%d" % self.origin, b" HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
        if service == "echo":
            self.assertEqual(self.said(port, b"hello\r\nquit\r\n"), b"You said: hello\r\nGoodbye.\r\n")
        elif service in PROXIES:
            fetched = self.said(port, b"GET http://" + place + b"/test" + end % place)
            self.assertTrue(fetched.endswith(b"<h1>Test</h1>Test Page"), fetched)
            tunnel = b"CONNECT " + place + b" HTTP/1.1\r\nHost: " + place + b"\r\n\r\n"
            fetched = self.said(port, tunnel + b"GET /test" + end % place)
            self.assertTrue(fetched.endswith(b"<h1>Test</h1>Test Page"), fetched)
        else:
            self.assertRegex(
                self.said(port, b"GET /" + end % (b"127.0.0.1:%d" % port)), rb"^HTTP/1.[01] 200 OK"
            )

    def started(self, reactor: str, *arguments: str) -> HatchedTwistd:
        """A service under a reactor."""
        twistd = HatchedTwistd(*arguments, before=("-n", "--pidfile=", "--reactor", reactor))
        self.addCleanup(twistd.close)
        text = SUITE.format(origin=self.origin)
        (twistd.folder / "netsuite.toml").write_text(text)
        twistd.launch()
        self.assertRegex(twistd.wait_log("reactor class: (.*)")[1], REACTORS[reactor])
        return twistd

    def assert_ends(self, twistd: HatchedTwistd) -> None:
        """With 0, and without a fault in its log."""
        self.assertEqual(twistd.stop(), 0, twistd.log)
        self.assertNotRegex(twistd.log, "Traceback|Unhandled")

    def test_alone(self) -> None:
        """Each service."""
        ways = ("--allow-net", "127.0.0.0/8", "--connect-port", str(self.origin))
        options = {
            "proxy": ways,
            "wordproxy": ("-r", "0", "-s", ":memory:", *ways),
            "formsite": ("-s", ":memory:"),
        }
        for reactor in REACTORS:
            for service in ALONE:
                with self.subTest(reactor=reactor, service=service):
                    twistd = self.started(reactor, service, "-p", "0", *options.get(service, ()))
                    self.assert_answers(service, self.port(twistd, service))
                    self.assert_ends(twistd)

    def test_suite(self) -> None:
        """The suite, all its members."""
        for reactor in REACTORS:
            with self.subTest(reactor=reactor):
                suite = self.started(reactor, "netsuite", "-c", "netsuite.toml")
                suite.wait_log("admin http://")
                found = re.findall(r"\] (\w+): .*?127\.0\.0\.1:(\d+)", suite.log)
                ports = {name: int(port) for name, port in found if name != "netsuite"}
                self.assertEqual(len(ports), 7, suite.log)
                for service, port in ports.items():
                    self.assert_answers(service, port)
                self.assert_ends(suite)
