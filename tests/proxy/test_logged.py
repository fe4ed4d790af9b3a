"""Lines of the access log read back."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.target import authority
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.logged import LINE_MAX, Logged, read_line
from tests.proxy.scripted import parsed, request

UTC = datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.UTC)
LOCAL = UTC.astimezone().replace(tzinfo=None)


def read(line: str) -> Logged:
    """Return what a line tells; it must be one."""
    logged = read_line(line)
    assert logged is not None, line
    return logged


class LineTests(SynchronousTestCase):
    """What is read of a line."""

    def test_request(self) -> None:
        """Time, method, host, port, path and address of a request; the query is not there."""
        logged = read("2026-01-05T10:00:00Z - 7 GET http://a.test:81/b?… 200 text/html 1 0.010 192.0.2.7\n")
        self.assertEqual((logged.when, logged.method, logged.address), (LOCAL, "GET", "192.0.2.7"))
        target = logged.target
        self.assertEqual(
            (target.scheme, target.host, target.port, target.path), (b"http", b"a.test", 81, b"/b")
        )

    def test_tunnel(self) -> None:
        """Host and port of a tunnel, IPv6 in brackets."""
        logged = read("2026-01-05T10:00:00Z - 7 CONNECT [2001:db8::7]:443 tunnel 1/2 0.1 2001:db8::7\n")
        self.assertEqual(
            (logged.method, logged.target.host, logged.target.port), ("CONNECT", b"2001:db8::7", 443)
        )
        self.assertEqual(logged.address, "2001:db8::7")

    def test_json(self) -> None:
        """The events of a JSON log tell the same."""
        told = {"time": UTC.isoformat(), "peer": "192.0.2.7"}
        logged = read(json.dumps({**told, "method": "GET", "url": "http://a.test/b?…"}))
        self.assertEqual((logged.when, logged.target.host, logged.address), (LOCAL, b"a.test", "192.0.2.7"))
        logged = read(json.dumps({**told, "target": "a.test:443"}))
        self.assertEqual((logged.method, logged.target.port), ("CONNECT", 443))

    def test_no_address(self) -> None:
        """A request that went nowhere has none."""
        logged = read("2026-01-05T10:00:00Z 127.0.0.1 7 GET http://a.test/ 0 - 0 0.010 -\n")
        self.assertEqual(logged.address, "")

    def test_written_by_us(self) -> None:
        """What the access log writes is read."""
        path = self.mktemp()
        log = AccessLog(path)
        log.open()
        head = parsed(request(b"GET", b"/a%20b?secret"))
        assert head.target is not None
        log.request(1, "-", head, head.target, 200, b"text/html", 1, 0.1, "127.0.0.1")
        log.tunnel(2, "-", authority(b"a.test:443"), 1, 2, 0.1, "::1")
        log.close()
        first, second = map(read, Path(path).read_text(encoding="utf-8").splitlines())
        self.assertEqual(
            (first.target.host, first.target.path, first.address), (b"127.0.0.1", b"/a%20b", "127.0.0.1")
        )
        self.assertEqual((second.method, second.target.host, second.address), ("CONNECT", b"a.test", "::1"))

    def test_no_line_of_a_log(self) -> None:
        """Anything else is no line."""
        for line in (
            "",
            "\n",
            "{",
            "{}",
            "[]",
            '{"time":1,"url":"http://a/"}',
            '{"time":"2026-01-05T10:00:00Z","url":"http://a/"}',
            "yesterday - 7 GET http://a.test/ 200 - 1 0.010 -",
            "2026-01-05T10:00:00Z - 7 GET a.test 200 - 1 0.010 -",
            "2026-01-05T10:00:00Z - 7 CONNECT a.test tunnel 1/2 0.1 -",
            "x" * (LINE_MAX + 1),
        ):
            self.assertIsNone(read_line(line), line[:80])

    @given(st.text(max_size=80) | st.text('{}[]":, GETCONNECT0123456789-:TZ/.a', max_size=80))
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, line: str) -> None:
        """No line raises."""
        read_line(line)
        read_line("{" + line)
