"""The access log: its lines, its forms, and a disk that fails."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.target import Target, authority
from netsuite.proxy import accesslog
from netsuite.proxy.accesslog import NAMES, AccessLog, check_form
from tests.proxy.scripted import HOST, parsed, request

HEAD = parsed(request(b"GET", b"/a?secret"))
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

#: What would be read as another line, or by a terminal as a command.
UNSEEN = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]"

#: Parts of a line between spaces.
PARTS = 10


def target() -> Target:
    """Return where ``HEAD`` goes."""
    assert HEAD.target is not None
    return HEAD.target


class Logging(SynchronousTestCase):
    """A test with a log file and the events of the twistd log."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.events: list[dict[str, object]] = []
        self.turns: list[Callable[[], None]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def opened(self, form: str | None = None, *, hosts_only: bool = False, soon: bool = False) -> AccessLog:
        """Return a log to our file, open."""
        log = AccessLog(self.path, form=form, hosts_only=hosts_only, soon=self.turns.append if soon else None)
        log.open()
        self.addCleanup(log.close)
        return log

    def lines(self) -> list[str]:
        """Return what the file has."""
        return Path(self.path).read_bytes().decode().splitlines(keepends=True)

    def named(self, event: str) -> list[dict[str, object]]:
        """Return the twistd log's events of one kind."""
        return [each for each in self.events if each.get("event") == event]


def fill(log: AccessLog, kind: bytes = b"text/html; charset=utf-8", conn: int = 7) -> None:
    """A request ends."""
    log.request(conn, "192.0.2.1", HEAD, target(), 200, kind, 12, 0.5, "192.0.2.7")


class LineTests(Logging):
    """Lines of a file."""

    def test_request(self) -> None:
        """A request is a line of ten parts, its query hidden."""
        fill(self.opened())
        (line,) = self.lines()
        wanted = (
            rf"{STAMP} 192\.0\.2\.1 7 GET http://{HOST.decode()}/a\?… 200 text/html 12 0\.500 192\.0\.2\.7\n"
        )
        self.assertRegex(line, f"^{wanted}$")
        self.assertEqual(len(line.split(" ")), PARTS)

    def test_refused(self) -> None:
        """A refusal has its cause in the place of the type."""
        self.opened().refused(8, "-", HEAD, 403, "guard", "why", 0.25)
        (line,) = self.lines()
        self.assertRegex(line, rf"^{STAMP} - 8 GET http://127\.0\.0\.1:8080/a\?… 403 !guard 0 0\.250 -\n$")

    def test_refused_tunnel(self) -> None:
        """A refused CONNECT names host and port, as a tunnel that was made does."""
        head = parsed(b"CONNECT [2001:db8::1]:22 HTTP/1.1\r\nHost: [2001:db8::1]:22\r\n\r\n")
        for hosts_only in (False, True):
            self.opened(hosts_only=hosts_only).refused(8, "-", head, 403, "port", "why")
            self.assertIn(" CONNECT [2001:db8::1]:22 403 !port 0 ", self.lines()[-1])

    def test_no_request(self) -> None:
        """Bytes that are no request have neither method nor address."""
        self.opened().refused(8, "-", None, 400, "message", "why")
        self.assertRegex(self.lines()[0], rf"^{STAMP} - 8 - - 400 !message 0 0\.000 -\n$")

    def test_tunnel(self) -> None:
        """A tunnel tells host, port, bytes from and to it; IPv6 in brackets."""
        log = self.opened()
        log.tunnel(9, "-", authority(b"a.test:443"), 10, 20, 1.25, "192.0.2.7")
        log.tunnel(9, "-", authority(b"[2001:db8::1]:443"), 10, 20, 1.25, "2001:db8::1")
        first, second = self.lines()
        self.assertRegex(first, rf"^{STAMP} - 9 CONNECT a\.test:443 tunnel 20/10 1\.2 192\.0\.2\.7\n$")
        self.assertIn(" [2001:db8::1]:443 ", second)

    def test_hosts_only(self) -> None:
        """Where only hosts are told, no path is."""
        log = self.opened(hosts_only=True)
        fill(log)
        log.refused(8, "-", HEAD, 403, "guard", "why")
        for line in self.lines():
            self.assertIn(f" http://{HOST.decode()}/ ", line)

    def test_twistd_log(self) -> None:
        """To the twistd log each is an event."""
        log = AccessLog("-")
        log.open()
        fill(log)
        log.refused(8, "-", HEAD, 403, "guard", "why")
        log.tunnel(9, "-", authority(b"a.test:443"), 1, 2, 1.0, "192.0.2.7")
        told = [str(each["event"]) for each in self.events if each.get("log_system") == "netsuite"]
        self.assertEqual(len(told), 3, told)

    def test_off(self) -> None:
        """Nothing of requests and tunnels is told; of a refusal its cause, and neither method nor address."""
        log = AccessLog("off")
        log.open()
        fill(log)
        log.tunnel(9, "-", authority(b"a.test:443"), 1, 2, 1.0, "192.0.2.7")
        log.refused(8, "-", HEAD, 403, "guard", "why")
        (told,) = self.named("request.refused")
        self.assertEqual((told["method"], told["url"], told["cause"]), ("-", "-", "guard"))
        self.assertEqual(len(self.events), 1)


class KindTests(Logging):
    """What an origin calls its answer."""

    def test_hostile(self) -> None:
        """Control characters, line separators and spaces leave one line of ten parts."""
        log = self.opened()
        kinds = (b"a\x1b[2Jb", b"a\xe2\x80\xa8b", b"a b\tc", b"\xff\xfe", b"", b";", b" ; ", b"x" * 70_000)
        for kind in kinds:
            fill(log, kind)
        lines = self.lines()
        self.assertEqual(len(lines), len(kinds))
        for line in lines:
            self.assertEqual(len(line.split(" ")), PARTS, line)
            self.assertNotRegex(line[:-1], UNSEEN)

    @settings(deadline=None, max_examples=150)
    @given(kind=st.binary(max_size=120))
    def test_any(self, kind: bytes) -> None:
        """Whatever bytes they are, there is one line with the same number of parts."""
        self.path = self.mktemp()
        log = self.opened()
        fill(log, kind)
        log.close()
        (line,) = self.lines()
        self.assertEqual(len(line.split(" ")), PARTS)
        self.assertNotRegex(line[:-1], UNSEEN)

    def test_bounded(self) -> None:
        """However many types origins make up, few are kept, and long ones not at all."""
        log = self.opened(soon=True)
        for number in range(3 * accesslog._KINDS_MAX + 1):
            fill(log, b"text/x%d" % number)
        fill(log, b"text/" + b"x" * 60_000)
        self.assertLessEqual(len(log._kinds), accesslog._KINDS_MAX)
        self.assertLess(max(map(len, log._kinds)), 1000)


class FormTests(Logging):
    """``--log-format``."""

    def test_form(self) -> None:
        """A line is as the form says, for requests, refusals and tunnels."""
        log = self.opened("{client} {status:>7} {kind!r} {sent}/{received} {seconds:.1f}s {{{conn:04d}}}")
        fill(log)
        log.refused(8, "-", HEAD, 403, "guard", "why")
        log.tunnel(9, "-", authority(b"a.test:443"), 10, 20, 1.25, "192.0.2.7")
        self.assertEqual(
            self.lines(),
            [
                "192.0.2.1     200 'text/html' 12/0 0.5s {0007}\n",
                "-     403 '!guard' 0/0 0.0s {0008}\n",
                "-  tunnel '-' 20/10 1.2s {0009}\n",
            ],
        )

    def test_json(self) -> None:
        """Each line is an object with all names."""
        log = self.opened("json")
        fill(log, b"text/\xe2\x80\xa8x")
        log.refused(8, "-", None, 400, "message", "why")
        log.tunnel(9, "-", authority(b"a.test:443"), 10, 20, 1.25, "192.0.2.7")
        told = [json.loads(line) for line in self.lines()]
        self.assertEqual([set(each) for each in told], [set(NAMES)] * 3)
        self.assertEqual([each["status"] for each in told], [200, 400, "tunnel"])
        self.assertEqual((told[0]["method"], told[0]["sent"], told[0]["conn"]), ("GET", 12, 7))

    def test_accepted(self) -> None:
        """Plain forms are as they were given."""
        for form in ("json", "", "x", "{time} {url}", "{{}}", "{sent:>10,d}", "{seconds:.3f}", "é {url!a}"):
            self.assertEqual(check_form(form), form)

    def test_refused(self) -> None:
        """What is no form, or could show more than a line's parts, is refused in one line."""
        for form in (
            "{nobody}",
            "{}",
            "{0}",
            "{time.__class__}",
            "{time[0]}",
            "{client:{conn.real}}",
            "{client:{sent}}",
            "{time",
            "time}",
            "{time!x}",
            "{conn:q}",
            "{client:d}",
            "{seconds:d}",
            "{status:s}",
            "{status:d}",
            "{sent:c}",
            "{time}\n",
            "{time}\x1b",
            "\u2028",
            "{client:\n>9}",
        ):
            told = self.assertRaises(ValueError, check_form, form)
            self.assertNotIn("\n", str(told), form)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.one_of(
                st.text("{}:!.<>=0123456789,sdfxcrna ", max_size=6),
                st.builds(
                    "{{{}:{}}}".format, st.sampled_from(NAMES), st.text("<>=0123456789.,sdfxc%", max_size=3)
                ),
            ),
            max_size=4,
        )
    )
    def test_any(self, pieces: list[str]) -> None:
        """A form that is accepted gives one line for whatever ends."""
        try:
            form = check_form("".join(pieces))
        except ValueError:
            return
        self.path = self.mktemp()
        log = self.opened(form if form != "json" else None)
        log.request(1 << 40, "192.0.2.1", HEAD, target(), 200, b"a/b", 10, 0.5, "192.0.2.7")
        log.refused(8, "-", None, 400, "message", "why")
        log.tunnel(9, "-", authority(b"a.test:443"), 10, 20, 1.25, "192.0.2.7")
        log.close()
        self.assertEqual(Path(self.path).read_bytes().count(b"\n"), 3)


class WritingTests(Logging):
    """How lines come to the file."""

    def test_together(self) -> None:
        """Lines of one turn are one write."""
        log = self.opened(soon=True)
        writes: list[bytes] = []
        with patch.object(os, "write", lambda fd, data: writes.append(bytes(data)) or len(data)):
            fill(log)
            fill(log)
            self.assertEqual((len(self.turns), writes), (1, []))
            self.turns.pop()()
            fill(log)
            self.turns.pop()()
        self.assertEqual([written.count(b"\n") for written in writes], [2, 1])

    def test_close(self) -> None:
        """What waits at a close is written; the turn that comes then writes nothing."""
        log = self.opened(soon=True)
        fill(log)
        log.close()
        self.assertEqual(len(self.lines()), 1)
        self.turns.pop()()
        self.assertEqual(len(self.lines()), 1)

    def test_reopen(self) -> None:
        """A file that was moved away has the lines until then, the new one those after."""
        log = self.opened(soon=True)
        fill(log, conn=1)
        os.rename(self.path, self.path + ".1")
        log.open()
        fill(log, conn=2)
        log.close()
        self.assertRegex(Path(self.path + ".1").read_text(), r"^\S+ \S+ 1 GET [^\n]*\n$")
        self.assertRegex(Path(self.path).read_text(), r"^\S+ \S+ 2 GET [^\n]*\n$")

    def test_cannot_reopen(self) -> None:
        """A file that can't be opened again is told, and the old one is written on."""
        log = self.opened()
        os.rename(self.path, self.path + ".1")
        os.mkdir(self.path)
        self.assertRaises(OSError, log.open)
        fill(log)
        self.assertEqual(Path(self.path + ".1").read_text().count("\n"), 1)

    def test_mode(self) -> None:
        """Others may not read it."""
        self.opened()
        self.assertEqual(os.stat(self.path).st_mode & 0o027, 0)

    def test_full_disk(self) -> None:
        """A full disk is told once, raises nothing, and lines go on when there is room."""
        log = self.opened()
        for lost in (1, 2):
            with patch.object(os, "write", side_effect=OSError(28, "No space left on device")):
                fill(log)
                fill(log)
            fill(log, conn=lost)
            self.assertEqual(len(self.named("log.lost")), lost)
        self.assertEqual([line.split(" ")[2] for line in self.lines()], ["1", "2"])

    def test_written_in_parts(self) -> None:
        """What the kernel did not take at once follows."""
        log = self.opened(soon=True)
        write = os.write
        with patch.object(os, "write", lambda fd, data: write(fd, data[:50])):
            fill(log)
            fill(log)
            self.turns.pop()()
        self.assertEqual([len(line.split(" ")) for line in self.lines()], [PARTS, PARTS])

    def test_full_in_the_middle(self) -> None:
        """A line that a full disk cut is ended before the next, which is whole."""
        log = self.opened()
        write, left = os.write, [50]

        def full(fd: int, data: bytes) -> int:
            if not left[0]:
                raise OSError(28, "No space left on device")
            taken, left[0] = write(fd, data[: left[0]]), 0
            return taken

        with patch.object(os, "write", full):
            fill(log)
        fill(log, conn=2)
        cut, whole = self.lines()
        self.assertEqual(len(cut.encode()), 51)
        self.assertTrue(re.match(rf"{STAMP} 192\.0\.2\.1 2 GET ", whole))
        self.assertEqual(len(self.named("log.lost")), 1)

    def test_full_between_lines(self) -> None:
        """A disk that was full after a whole line leaves no empty one."""
        log = self.opened(soon=True)
        write = os.write
        fill(log)
        size = len(log._file._waiting[0].encode())
        fill(log)
        answers = iter((size, None))

        def full(fd: int, data: bytes) -> int:
            most = next(answers)
            if most is None:
                raise OSError(28, "No space left on device")
            return write(fd, data[:most])

        with patch.object(os, "write", full):
            self.turns.pop()()
        fill(log)
        self.turns.pop()()
        self.assertEqual([len(line.split(" ")) for line in self.lines()], [PARTS, PARTS])
