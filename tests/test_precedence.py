"""Which layer of settings wins, and what --check says of it, as each layer is taken away."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite import suite
from netsuite.echo import settings as echo


class Layers(SynchronousTestCase):
    """A folder, and an environment with nothing of ours."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.file = self.folder / "x.toml"
        self.environment = {"XDG_STATE_HOME": str(self.folder), "HOME": str(self.folder)}
        self.patch(os, "environ", self.environment)

    def told(self, options: Any, *arguments: str) -> dict[str, str]:
        """What --check prints, by table and setting: ``"echo idle": "300  (default)"``."""
        self.patch(sys, "stdout", io.StringIO())
        self.assertRaises(SystemExit, options.parse, [*arguments, "-c", str(self.file), "--check"])
        printed: Any = sys.stdout
        found, table = {}, ""
        for line in printed.getvalue().splitlines():
            if line.startswith("["):
                table = line.strip("[]") + " "
            else:
                name, _, value = line.partition(" = ")
                found[table + name] = value
        return found


class PrecedenceTests(Layers):
    """One setting, given at every level; the strongest is taken away again and again."""

    def test_service(self) -> None:
        """Of a service: command line, environment, file, default."""
        for given, environment, text, wanted in (
            (("--idle", "4"), "3", "idle = 2", "4  (command line)"),
            ((), "3", "idle = 2", "3  (environment NETSUITE_ECHO_IDLE)"),
            ((), "", "idle = 2", f"2  (file {self.file})"),
            ((), "", "", "300  (default)"),
        ):
            self.environment.pop("NETSUITE_ECHO_IDLE", None)
            if environment:
                self.environment["NETSUITE_ECHO_IDLE"] = environment
            self.file.write_text(f"[echo]\n{text}\n")
            self.assertEqual(self.told(echo.Options(), *given)["idle"], wanted)

    def test_flag_and_list(self) -> None:
        """A flag and a repeated setting alike: a stronger layer's list takes a weaker one's place."""
        self.file.write_text('[echo]\nraw = true\nallow-client = ["192.0.2.1", "192.0.2.2"]\n')
        told = self.told(echo.Options())
        self.assertEqual(told["raw"], f"1  (file {self.file})")
        self.assertEqual(told["allow-client"], f"192.0.2.1 192.0.2.2  (file {self.file})")
        self.environment |= {"NETSUITE_ECHO_RAW": "no", "NETSUITE_ECHO_ALLOW_CLIENT": "198.51.100.1 ::1"}
        told = self.told(echo.Options())
        self.assertEqual(told["raw"], "0  (environment NETSUITE_ECHO_RAW)")
        self.assertEqual(told["allow-client"], "198.51.100.1 ::1  (environment NETSUITE_ECHO_ALLOW_CLIENT)")
        told = self.told(echo.Options(), "--raw", "--allow-client", "203.0.113.1")
        self.assertEqual(told["raw"], "1  (command line)")
        self.assertEqual(told["allow-client"], "203.0.113.1  (command line)")

    def test_suite(self) -> None:
        """Of the suite itself: the same four."""
        for given, environment, text, wanted in (
            (("--max-clients", "4"), "3", "max-clients = 2", "4  (command line)"),
            ((), "3", "max-clients = 2", "3  (environment NETSUITE_NETSUITE_MAX_CLIENTS)"),
            ((), "", "max-clients = 2", f"2  (file {self.file})"),
            ((), "", "", "2048  (default)"),
        ):
            self.environment.pop("NETSUITE_NETSUITE_MAX_CLIENTS", None)
            if environment:
                self.environment["NETSUITE_NETSUITE_MAX_CLIENTS"] = environment
            self.file.write_text(f"[netsuite]\n{text}\n[echo]\n")
            self.assertEqual(self.told(suite.Options(), *given)["netsuite max-clients"], wanted)

    def test_member(self) -> None:
        """Of a member: environment, its table, the suite's default; the suite's own settings aren't its."""
        self.file.write_text("[netsuite]\nmax-clients = 9\n[httpecho]\nport = 8012\n")
        self.environment["NETSUITE_HTTPECHO_PORT"] = "8022"
        told = self.told(suite.Options())
        self.assertEqual(told["httpecho port"], "8022  (environment NETSUITE_HTTPECHO_PORT)")
        self.assertEqual(told["httpecho max-clients"], "256  (default)")
        del self.environment["NETSUITE_HTTPECHO_PORT"]
        self.assertEqual(self.told(suite.Options())["httpecho port"], f"8012  (file {self.file})")
        self.file.write_text("[httpecho]\n")
        self.assertEqual(self.told(suite.Options())["httpecho port"], "8002  (default)")
