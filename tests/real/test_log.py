"""The log of services under twistd: JSON that machines read, the journal's levels, syslog; no forged line."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import TestCase

from tests.real.hatchery import HatchedTwistd
from tests.real.parts import START_SECONDS, Child, clean_environment, until
from tests.real.test_suite import ALL, Suite

#: Keys that every line has.
KEYS = ["time", "level", "service", "event", "message"]

#: A request that tries to look like several lines, in text and in JSON.
FORGED = (
    b"GET /a?secret=hidden HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b'User-Agent: x\t\xc2\x85\xe2\x80\xa8<0>"}{"event":"forged"\r\n\r\n'
)


def asked(place: str, data: bytes) -> bytes:
    """All that comes back."""
    host, port = place.rsplit(":", 1)
    with socket.create_connection((host, int(port)), START_SECONDS) as link:
        link.sendall(data)
        return b"".join(iter(lambda: link.recv(65536), b""))


def as_journal(child: Child) -> None:
    """The child's standard output is what its JOURNAL_STREAM says."""
    child.log_path.touch()
    state = os.stat(child.log_path)
    child.env["JOURNAL_STREAM"] = f"{state.st_dev}:{state.st_ino}"


class JsonTests(TestCase):
    """A suite of all, with --log-json, under systemd's journal."""

    def test_each_line(self) -> None:
        """Each line has a level and an object with the same keys first; each service speaks for itself."""
        suite = Suite(ALL.replace('admin = "0"', 'admin = "0"\nlog-json = true'))
        self.addCleanup(suite.close)
        as_journal(suite)
        suite.begin()
        places = suite.places()
        for name, (place, *_) in places.items():
            data = FORGED if name != "echo" else b"a\x00\x1b[31m\r\nquit\r\n"
            if "proxy" in name:
                data = FORGED.replace(b"GET ", b"GET http://localhost:1")
            asked(place, data)
        self.assertEqual(suite.stop(), 0)
        found = [re.fullmatch(r"<([0-7])>(\{.*\})", line) for line in suite.log.splitlines()]
        lines = [self.read(match) for match in found]
        told = {
            line["service"]
            for line in lines
            if line["event"] in ("visit", "request.refused", "echo.connected")
        }
        self.assertEqual(told, {"echo", "wordproxy", "httpecho", "pages", "formsite", "colors", "proxy"})
        ready = {line["service"] for line in lines if line["event"] == "service.ready"}
        self.assertEqual(ready, {*places, "netsuite"})
        self.assertNotIn("hidden", suite.log)
        self.assertNotIn("forged", {line["event"] for line in lines})

    def read(self, match: re.Match[str] | None) -> dict[str, Any]:
        """The object of a line, which is as all are."""
        self.assertIsNotNone(match)
        assert match is not None
        line: dict[str, Any] = json.loads(match[2])
        self.assertEqual([key for key in line if key in KEYS], KEYS, line)
        self.assertIsNotNone(datetime.fromisoformat(line["time"]).tzinfo)
        level = {"debug": "7", "info": "6", "warn": "4", "error": "3", "critical": "2"}[line["level"]]
        self.assertEqual(level, match[1])
        if "conn" in line:
            self.assertIsInstance(line["conn"], int)
        return line


class TextTests(TestCase):
    """A service alone."""

    def test_journal(self) -> None:
        """Under the journal each line has its level and no time."""
        service = HatchedTwistd("pages", "-p", "0")
        self.addCleanup(service.close)
        as_journal(service)
        service.up(r"<6>\[netsuite\] pages: http://\S+:(?P<port>\d+)/")
        asked(f"127.0.0.1:{re.search(r'pages: http://[^ ]*?:([0-9]+)/', service.log)[1]}", FORGED)  # type: ignore[index]
        self.assertEqual(service.stop(), 0)
        lines = service.log.splitlines()
        self.assertEqual([line for line in lines if not re.match(r"<[2-7]>(\[|\t)", line)], [])
        (visit,) = (line for line in lines if "GET /a" in line)
        self.assertIn(r"\x09\xc2\x85\xe2\x80\xa8<0>\"}{\"event\"", visit)

    def test_syslog(self) -> None:
        """With twistd's --syslog each line goes to syslog, escaped, and none to standard output."""
        service = Child("syslog")
        self.addCleanup(service.close)
        told = service.folder / "syslog"
        run = (
            "import syslog; file = open('syslog', 'a', buffering=1)\n"
            "syslog.syslog = staticmethod(lambda priority, text: file.write(f'{priority} {text}\\n'))\n"
            "from twisted.scripts.twistd import run; run()"
        )
        service.start([sys.executable, "-c", run, "-n", "--pidfile=", "--syslog", "pages", "-p", "0"])
        until("it runs", lambda: "pages: http://" in (told.read_text() if told.exists() else ""))
        (port,) = re.findall(r"pages: http://\S+?:(\d+)/", told.read_text())
        asked(f"127.0.0.1:{port}", FORGED)
        self.assertEqual(service.stop(), 0)
        lines = told.read_text().splitlines()
        self.assertEqual([line for line in lines if not re.match(r"\d+ \[", line)], [])
        if os.geteuid() == 0:
            self.assertEqual(
                [line[:2] for line in lines if "root serves here" in line], ["4 "]
            )  # LOG_WARNING
        (visit,) = (line for line in lines if "GET /a" in line)
        self.assertIn(r"x\x09\xc2\x85\xe2\x80\xa8<0>", visit)
        self.assertNotIn("GET /a", service.log)

    def test_both(self) -> None:
        """JSON and syslog don't go together, and a start says so."""
        words = ["-n", "--pidfile=", "--syslog", "echo", "-p", "0", "--log-json"]
        done = subprocess.run(
            [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", *words],
            env=clean_environment(),
            cwd=Path("/"),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr.count("--log-json: syslog has lines of text")), (1, 1))
