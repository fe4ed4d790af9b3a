"""What ``deploy/`` ships: files that are sound, and units that systemd takes and calls safe."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import TestCase, mock

from netsuite.selfsigned import self_signed
from netsuite.suite import PORTS, Options
from tests.real.parts import ROOT, require

DEPLOY = ROOT / "deploy"

#: Exposure that ``systemd-analyze security`` may find, in tenths.
EXPOSURE = 20


class SettingsTests(TestCase):
    """The example file."""

    def test_sound(self) -> None:
        """It is sound, has a table for each service, and runs all but proxy."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"XDG_STATE_HOME": folder}):
            told = Options()
            told.parse(["-c", str(DEPLOY / "netsuite.toml")])
        self.assertEqual(
            [member.name for member in told.settings.members], [name for name in PORTS if name != "proxy"]
        )
        text = (DEPLOY / "netsuite.toml").read_text()
        self.assertEqual(set(re.findall(r"(?m)^\[(\w+)\]", text)), {*PORTS, "netsuite"})

    def test_sockets_and_tls(self) -> None:
        """So is each place that its remarks propose for the report; the sockets needn't be there for that."""
        text = (DEPLOY / "netsuite.toml").read_text()
        proposed = re.findall(r'(?m)^#   report = ("[^"]*")$', text)
        self.assertEqual(len(proposed), 2)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            told = {"XDG_STATE_HOME": name, "CREDENTIALS_DIRECTORY": name}
            both = self_signed(["words.example"], 9, datetime.datetime.now(datetime.UTC))
            for end, data in zip(("key", "pem"), both, strict=True):
                (folder / f"netsuite.{end}").write_bytes(data)
            for place in proposed:
                settings = re.sub(r"(?m)^report = 8000$", f"report = {place}\nallow-public = true", text)
                (folder / "netsuite.toml").write_text(settings)
                with mock.patch.dict(os.environ, told):
                    options = Options()
                    options.parse(["-c", str(folder / "netsuite.toml")])
                self.assertEqual(options.settings.members[1].options["report"], place.strip('"'))


class UnitTests(TestCase):
    """systemd's own view of the units; no systemd has to run for it."""

    def setUp(self) -> None:
        require("systemd", shutil.which("systemd-analyze"))

    def analyzed(self, *arguments: str) -> str:
        """What systemd-analyze says; nothing where all is well."""
        done = subprocess.run(
            ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        return "" if done.returncode == 0 and not done.stderr else done.stdout[-2000:] + done.stderr

    def test_exposure(self) -> None:
        """Each service's exposure is 2.0 at most."""
        for unit in sorted((DEPLOY / "systemd").glob("*.service")):
            told = self.analyzed("security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
            self.assertEqual(told, "", unit.name)

    def test_verified(self) -> None:
        """systemd finds nothing wrong in them, once the program is where they say."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for unit in (DEPLOY / "systemd").iterdir():
            text = unit.read_text().replace("/opt/netsuite/bin/twistd", "/bin/true")
            (folder / unit.name).write_text(re.sub(r"(?m)^Documentation=.*\n", "", text))
        units = [
            str(folder / name)
            for name in ("netsuite.service", "netsuite@pages.service", "netsuite@pages.socket")
        ]
        units += map(str, folder.glob("netsuite-*.socket"))
        self.assertEqual(self.analyzed("verify", *units), "")

    def test_names(self) -> None:
        """Each socket of the suite has a name of its own, and the settings that its unit shows are sound."""
        names = []
        for unit in (DEPLOY / "systemd").glob("netsuite-*.socket"):
            text = unit.read_text()
            (name,) = re.findall(r"(?m)^FileDescriptorName=(\w+)$", text)
            names.append(name)
            self.assertIn("\nService=netsuite.service\n", text)
            ((option, shown),) = re.findall(r'\[wordproxy\]:  (\w+) = "(systemd:[^"]*)"', text)
            self.assertEqual(shown, f"systemd:domain=INET:name={name}", unit.name)
            self.assertIn(option, PORTS["wordproxy"])
        self.assertEqual(len(names), len(set(names)))
