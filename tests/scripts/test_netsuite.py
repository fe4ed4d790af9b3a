"""The suite's own commands: what is wrong with a file, how a suite is, whose pidfile it is, a certificate."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite.scripts import cert, check, pidfile, refresh_plugins, status
from netsuite.scripts.netsuite import COMMANDS, TOOLS, usage
from tests.client.origin import HOLD, Origin, answer
from tests.real.parts import ROOT
from tests.scripts.tools import environment, inside, run


class CommandTests(SynchronousTestCase):
    """netsuite COMMAND."""

    def test_help(self) -> None:
        """It names every command and tool, and each of them is there."""
        code, output, errors = run("netsuite", "--help")
        self.assertEqual((code, output, errors), (0, usage(), ""))
        for name in (*COMMANDS, *TOOLS):
            self.assertTrue((ROOT / f"netsuite/scripts/{name.replace('-', '_')}.py").exists(), name)
            self.assertIn(f"  {name} ", output)
        self.assertLessEqual(max(map(len, output.splitlines())), 80)
        self.assertIn("\nExamples:\n  netsuite check netsuite.toml ", output)

    def test_none(self) -> None:
        """Without a word it is said that one is needed."""
        told = "netsuite: give a COMMAND; try netsuite --help\n"
        self.assertEqual(run("netsuite"), (2, "", told))

    def test_unknown(self) -> None:
        """Another word is one line, with the nearest that there is."""
        code, output, errors = run("netsuite", "portscam")
        self.assertEqual((code, output), (2, ""))
        self.assertEqual(
            errors, "netsuite: 'portscam' is no command; did you mean portscan?; try netsuite --help\n"
        )

    def test_called(self) -> None:
        """A complaint names the words that start a command; a tool of its own is named alone."""
        for words, start in ((("netsuite", "check"), "netsuite check: "), (("portscan",), "portscan: ")):
            code, _, errors = run(*words, "--no-such-option")
            self.assertEqual((code, errors[: len(start)]), (2, start), errors)
            self.assertTrue(errors.endswith(f"try {start[:-2]} --help\n"), errors)

    def test_passed_on(self) -> None:
        """A command gets what follows its name."""
        code, output, _ = run("netsuite", "pidfile", "-j", "/nowhere")
        self.assertEqual((code, json.loads(output)["tool"]), (12, "pidfile"))


class CheckTests(SynchronousTestCase):
    """netsuite check."""

    def setUp(self) -> None:
        self.file = Path(self.mktemp())
        self.patch(os, "environ", {"XDG_STATE_HOME": str(Path(self.mktemp()).resolve())})

    def test_sound(self) -> None:
        """A sound file: who would run."""
        self.file.write_text("[echo]\n[pages]\n")
        self.assertEqual(inside(check, str(self.file)), (0, f"{self.file}: sound; runs echo, pages\n", ""))

    def test_faulty(self) -> None:
        """All faults, a line each; and none of them opens anything."""
        self.file.write_text("[echo]\nprot = 1\n[pages]\nport = 99999\n")
        code, output, errors = inside(check, str(self.file))
        self.assertEqual((code, output), (1, ""))
        self.assertEqual(len(errors.splitlines()), 2, errors)
        code, output, _ = inside(check, "-j", str(self.file))
        self.assertEqual(len(json.loads(output)["result"]["faults"]), 2)

    def test_no_file(self) -> None:
        """A file that can't be read is no faulty one."""
        self.assertEqual(inside(check, "/nowhere.toml")[0], 12)


class PidfileTests(SynchronousTestCase):
    """netsuite pidfile."""

    def test_told(self) -> None:
        """Our own process is no twistd's: foreign, exit 1, and what it is instead."""
        path = Path(self.mktemp())
        path.write_text(f"{os.getpid()}\n")
        code, _, errors = inside(pidfile, str(path))
        self.assertEqual(code, 1)
        self.assertRegex(errors, f"foreign, process {os.getpid()}: that is .*python.* now, and no twistd")
        code, output, _ = inside(pidfile, "-j", str(path))
        result = json.loads(output)["result"]
        self.assertEqual((result["state"], result["pid"]), ("foreign", os.getpid()))


#: What a suite of two says, in part.
TOLD: dict[str, Any] = {
    "name": "netsuite",
    "version": "netsuite 1.0 (Twisted 26.10.0, Python 3.11.2)",
    "state": "up",
    "uptime_s": 183_845,
    "connections": 1234,
    "reloaded": "2026-01-05T09:00:00Z",
    "reload": {"at": "2026-01-05T09:00:00Z", "ok": True, "message": None},
    "services": [
        {
            "name": "echo",
            "state": "up",
            "connections": 1234,
            "refused": 5,
            "limits": {"per_client": 5, "overdue": 2},
            "listen": ["tcp:127.0.0.1:5001"],
        },
        {"name": "pages", "state": "up", "connections": 0, "refused": 0, "limits": {}, "listen": ["unix:/p"]},
    ],
}


class StatusTests(SynchronousTestCase):
    """netsuite status, against admin listeners that answer anything."""

    def told(self, body: Any, *arguments: str, status: str = "200 OK") -> tuple[int, str, str]:
        """What it says of an answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        origin = Origin(lambda request: answer(status, data, "Content-Type: application/json"))
        self.addCleanup(origin.close)
        return run("status", "--admin", origin.url(), *arguments)

    def test_up(self) -> None:
        """All up: what runs since when, and a row for each, in columns; 0."""
        code, output, errors = self.told(TOLD)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(
            output.splitlines(),
            [
                "netsuite 1.0 (Twisted 26.10.0, Python 3.11.2): up, running for 2 d 3 h, reloaded "
                "2026-01-05T09:00:00Z",
                "service  state  connections  refused  limits hit  listens on",
                "echo     up           1,234        5           7  tcp:127.0.0.1:5001",
                "pages    up               0        0           0  unix:/p",
            ],
        )

    def test_down(self) -> None:
        """One that is down: 1, its name and why; as JSON with all that was said."""
        down = {"name": "pages", "state": "down", "reasons": ["127.0.0.1:8003 is in use"]}
        refused = {"at": "2026-01-05T10:00:00Z", "ok": False, "message": "echo: no such setting"}
        told = {**TOLD, "state": "degraded", "services": [TOLD["services"][0], down], "reload": refused}
        code, output, errors = self.told(told)
        self.assertEqual((code, errors), (1, "netsuite status: not up: pages\n"))
        self.assertIn("pages    down             -        -           -  -\n", output)
        self.assertIn("pages: 127.0.0.1:8003 is in use\n", output)
        self.assertIn("netsuite: reload refused 2026-01-05T10:00:00Z: echo: no such setting\n", output)
        code, output, _ = self.told(told, "-j")
        line = json.loads(output)
        self.assertEqual((code, line["exit"], line["ok"], line["cause"]), (1, 1, False, "no"))
        self.assertEqual(line["result"]["services"][1]["reasons"], ["127.0.0.1:8003 is in use"])
        self.assertEqual(line["result"]["uptime_s"], 183_845)

    def test_one(self) -> None:
        """A service alone says it of itself."""
        alone = {**TOLD["services"][0], "version": TOLD["version"], "uptime_s": 59}
        output = status.table(status.understood(json.dumps(alone).encode()) or {})
        self.assertEqual(output[0], "netsuite 1.0 (Twisted 26.10.0, Python 3.11.2): up, running for 59 s")
        self.assertTrue(output[2].startswith("echo "), output)
        failing = {**alone, "state": "failing", "reasons": ["store: full"]}
        output = status.table(status.understood(json.dumps(failing).encode()) or {})
        self.assertEqual(output[-1], "echo: store: full")

    def test_unreadable(self) -> None:
        """An answer that says nothing of netsuite is none, whatever it is: 3."""
        self.assertEqual(self.told(b"<html>", status="404 Not Found")[0], 3)
        for body in (
            b"[]",
            b"null",
            b"",
            b"\xff",
            b'{"state": "up"}',
            b'{"status": "ok", "version": "1.0"}',
            b'{"version": "netsuite 1", "state": "up", "services": [1]}',
            b'{"version": "netsuite 1", "state": "up", "services": {"name": 1}}',
            b"[" * 100_000,
        ):
            self.assertIsNone(status.understood(body), body[:80])

    def test_nobody(self) -> None:
        """Where nobody listens it is refused; a proxy of the environment is not asked."""
        elsewhere = {**environment(), "http_proxy": "http://192.0.2.1:1/"}
        self.assertEqual(run("status", "--admin", "http://127.0.0.1:1/", env=elsewhere)[0], 5)

    def test_hung(self) -> None:
        """One that takes the connection and says nothing, or never all of it: 6."""
        for pieces in ([HOLD], [answer(length=99), HOLD]):
            origin = Origin(lambda request, pieces=pieces: pieces)
            self.addCleanup(origin.close)
            self.assertEqual(run("status", "--admin", origin.url(), "-t", "0.2")[0], 6)

    def test_ages(self) -> None:
        """Times are told in their two largest units."""
        ages = {0: "0 s", 59: "59 s", 60: "1 min", 3725: "1 h 2 min", 86_400: "1 d", 90_061: "1 d 1 h"}
        self.assertEqual({seconds: status.age(seconds) for seconds in ages}, ages)


class CertTests(SynchronousTestCase):
    """netsuite cert."""

    def test_made(self) -> None:
        """A key for this user alone, and a certificate that OpenSSL takes for these names."""
        folder = Path(self.mktemp())
        folder.mkdir()
        code, output, errors = inside(cert, "-o", str(folder), "words.example", "127.0.0.1")
        self.assertEqual((code, errors), (0, ""))
        key, certificate = (folder / f"words.example.{end}" for end in ("key", "pem"))
        self.assertEqual(output, f"{key}\n{certificate}\n")
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        for check_for in (["-verify_hostname", "words.example"], ["-verify_ip", "127.0.0.1"]):
            done = subprocess.run(
                ["openssl", "verify", "-CAfile", str(certificate), *check_for, str(certificate)],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        before = key.read_bytes(), certificate.read_bytes()
        code, _output, errors = inside(cert, "-o", str(folder), "words.example")
        self.assertEqual(code, 12)
        self.assertEqual(
            errors, f"netsuite cert: {key} is there already; -f replaces it, -o names another folder\n"
        )
        key.unlink()
        self.assertEqual(inside(cert, "-o", str(folder), "words.example")[0], 12)
        self.assertFalse(key.exists())  # nor is a key left beside another's certificate
        self.assertEqual(certificate.read_bytes(), before[1])
        self.assertEqual(inside(cert, "-f", "-o", str(folder), "words.example")[0], 0)
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertNotEqual(certificate.read_bytes(), before[1])

    def test_no_folder(self) -> None:
        """A folder that isn't there is named, and what to do."""
        code, _, errors = inside(cert, "-o", "/nowhere", "words.example")
        self.assertEqual(code, 12)
        self.assertEqual(
            errors, "netsuite cert: /nowhere: no such folder; make it, or name another with -o\n"
        )

    def test_bad_names(self) -> None:
        """What is no name is a usage error."""
        for name in ("../x", "a b", "", "x" * 300):
            self.assertEqual(inside(cert, name)[0], 2, name)


class RefreshTests(SynchronousTestCase):
    """netsuite refresh-plugins."""

    def test_named(self) -> None:
        """It says which services twistd has."""
        code, output, _ = inside(refresh_plugins)
        self.assertEqual(code, 0)
        self.assertIn("wordproxy", output)
        self.assertTrue(sys.modules["twisted.plugins"])
