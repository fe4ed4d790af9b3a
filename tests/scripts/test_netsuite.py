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

from netsuite.scripts import cert, check, pidfile, refresh_plugins
from netsuite.scripts.netsuite import COMMANDS, TOOLS, usage
from tests.client.origin import Origin, answer
from tests.real.parts import ROOT
from tests.scripts.tools import inside, run


class CommandTests(SynchronousTestCase):
    """netsuite COMMAND."""

    def test_help(self) -> None:
        """It names every command and tool, and each of them is there."""
        code, output, errors = run("netsuite", "--help")
        self.assertEqual((code, output, errors), (0, usage(), ""))
        for name in (*COMMANDS, *TOOLS):
            self.assertTrue((ROOT / f"netsuite/scripts/{name.replace('-', '_')}.py").exists(), name)
            self.assertIn(f"  {name} ", output)

    def test_unknown(self) -> None:
        """Another word is one line, with the nearest that there is."""
        code, output, errors = run("netsuite", "portscam")
        self.assertEqual((code, output), (2, ""))
        self.assertEqual(
            errors, "netsuite: 'portscam' is no command; did you mean portscan?; try netsuite --help\n"
        )

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


class StatusTests(SynchronousTestCase):
    """netsuite status, against admin listeners that answer anything."""

    def told(self, body: Any, *arguments: str) -> tuple[int, str, str]:
        """What it says of an answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        origin = Origin(lambda request: answer("200 OK", data, "Content-Type: application/json"))
        self.addCleanup(origin.close)
        return run("status", "--admin", origin.url(), *arguments)

    def test_up(self) -> None:
        """All up: a line each."""
        services = [{"name": "echo", "state": "up", "listen": ["tcp:127.0.0.1:5001"]}]
        code, output, _ = self.told({"state": "up", "services": services})
        self.assertEqual((code, output), (0, "echo: up on tcp:127.0.0.1:5001\n"))

    def test_down(self) -> None:
        """One that is down: exit 1, and its name."""
        services = [{"name": "echo", "state": "up"}, {"name": "pages", "state": "down"}]
        code, output, errors = self.told({"state": "degraded", "services": services})
        self.assertEqual((code, output), (1, "echo: up\npages: down\n"))
        self.assertIn("pages", errors)

    def test_unreadable(self) -> None:
        """An answer that says nothing of a service is none."""
        self.assertEqual(self.told(b"<html>")[0], 3)
        self.assertEqual(self.told([])[0], 3)

    def test_nobody(self) -> None:
        """Where nobody listens it is refused."""
        self.assertEqual(run("status", "--admin", "http://127.0.0.1:1/")[0], 5)


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
        self.assertEqual(inside(cert, "-o", str(folder), "words.example")[0], 12)
        self.assertEqual(inside(cert, "-f", "-o", str(folder), "words.example")[0], 0)

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
