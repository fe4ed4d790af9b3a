"""The whole tool, as an administrator runs it: everything planted at once is found at once."""

from __future__ import annotations

import datetime
import json
import os
import resource
import socket
import tempfile
from pathlib import Path
from typing import Any, ClassVar
from unittest import TestCase

from netsuite.selfsigned import self_signed
from tests.doctor.test_running import examined
from tests.real.parts import free_ports, require
from tests.scripts.tools import command, environment, finished

#: A plugin file that is left of a package that is gone.
GHOST = """from twisted.application.service import ServiceMaker
left_behind = ServiceMaker("Ghost", "a_package.that_is_gone", "Nothing.", "ghost")
"""


def doctor(*arguments: str, folder: Path, limit: int = 0, **env: str) -> tuple[int, str, str]:
    """Exit status and outputs of netsuite doctor, run in a folder; ``limit``: of descriptors."""

    def lower() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    return finished(
        command("doctor", *arguments),
        cwd=folder,
        env={**environment(), "XDG_STATE_HOME": str(folder / "state"), **env},
        preexec_fn=lower,
    )


def certificate(folder: Path, name: str, *, made_days_ago: int, days: int) -> None:
    """A key and a certificate are in the folder, of some time ago."""
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=made_days_ago)
    key, pem = self_signed([name], days, then)
    (folder / f"{name}.key").write_bytes(key)
    (folder / f"{name}.key").chmod(0o600)
    (folder / f"{name}.pem").write_bytes(pem)


class PlantedTests(TestCase):
    """A machine on which much is wrong."""

    found: ClassVar[list[dict[str, str]]]
    folder: ClassVar[Path]
    taken: ClassVar[int]
    outcome: ClassVar[dict[str, Any]]
    lines: ClassVar[tuple[int, str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        state = cls.folder / "state" / "netsuite"
        state.mkdir(0o700, parents=True)
        (state / "words.db").write_bytes(b"no store at all, but some text of another program\n" * 4)
        (state / "words.db").chmod(0o644)
        certificate(cls.folder, "old.example", made_days_ago=100, days=90)
        (cls.folder / "old.example.key").chmod(0o644)
        plugins = cls.folder / "path" / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "ghost.py").write_text(GHOST)
        (plugins / "dropin.cache").mkdir()  # no user, root neither, can write the cache
        listener = cls.enterClassContext(socket.create_server(("127.0.0.1", 0)))
        cls.taken = listener.getsockname()[1]
        [free, tls, admin] = free_ports(3)
        (cls.folder / "netsuite.toml").write_text(
            f"[netsuite]\nadmin = {admin}\n[wordproxy]\nport = {cls.taken}\nreport = {free}\n"
            f"htpasswd = 'users'\n[pages]\n"
            f"port = 'ssl:{tls}:interface=127.0.0.1:privateKey={cls.folder}/old.example.key"
            f":certKey={cls.folder}/old.example.pem'\n"
        )
        path = f"{cls.folder / 'path'}{os.pathsep}{environment()['PYTHONPATH']}"
        (cls.folder / "twistd.log").write_text("")
        (cls.folder / "twistd.log").chmod(0o666)
        arguments = ("-c", "netsuite.toml", "--log", "twistd.log")
        code, output, errors = doctor("-j", *arguments, folder=cls.folder, limit=256, PYTHONPATH=path)
        assert code == 1, errors
        cls.outcome = json.loads(output)
        cls.found = cls.outcome["result"]["findings"]

    def one(self, check: str, severity: str, *words: str) -> dict[str, str]:
        """The one finding that says so."""
        fits = [
            finding
            for finding in self.found
            if (finding["check"], finding["severity"]) == (check, severity)
            and all(word in " ".join(finding.values()) for word in words)
        ]
        self.assertEqual(len(fits), 1, self.found)
        return fits[0]

    def test_outcome(self) -> None:
        """One object of the form that all tools have; every fault is counted, and has a remedy."""
        self.assertEqual((self.outcome["ok"], self.outcome["exit"], self.outcome["cause"]), (False, 1, "no"))
        result = self.outcome["result"]
        faults = [finding for finding in self.found if finding["severity"] == "fault"]
        self.assertEqual(result["faults"], len(faults))
        for finding in faults:
            self.assertTrue(finding["mend"], finding)
            self.assertNotIn("\n", "".join(finding.values()))

    def test_port(self) -> None:
        """A port that another process has: whose, and its number."""
        finding = self.one("ports", "fault", f"127.0.0.1:{self.taken}", f"process {os.getpid()}")
        self.assertTrue(finding["where"].startswith("wordproxy --port "))

    def test_certificate(self) -> None:
        """One that has expired, and its key that everybody may read."""
        self.one("certificates", "fault", "old.example.pem", "expired")
        finding = self.one("files", "fault", "old.example.key", "0644")
        self.assertEqual(finding["mend"], f"chmod 0600 {self.folder}/old.example.key")

    def test_store(self) -> None:
        """A store that is none, and that others may read."""
        self.one("store", "fault", "words.db", "no word store")
        self.one("files", "fault", "words.db", "others may read")

    def test_missing(self) -> None:
        """A file of users that isn't there."""
        self.one("settings", "fault", "wordproxy --htpasswd", f"{self.folder}/users: No such file")

    def test_log(self) -> None:
        """twistd's log, in which anybody may write."""
        self.one("files", "warning", f"{self.folder}/twistd.log", "others may read and write")

    def test_plugins(self) -> None:
        """A cache that can't be written, and a command whose package is gone."""
        self.one("plugins", "warning", "dropin.cache", "missing", "refresh-plugins")
        self.one("plugins", "warning", "twistd ghost", "a_package.that_is_gone")

    def test_descriptors(self) -> None:
        """Too few descriptors for the clients that are let in."""
        self.one("descriptors", "warning", "wordproxy", "256", "LimitNOFILE")


class OwnerTests(TestCase):
    """Whose access is judged."""

    def test_owner(self) -> None:
        """root sees what the state folder's owner can't do, unless another is named."""
        require("root", os.geteuid() == 0)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        state = folder / "state"
        state.mkdir(0o700)
        (state / "forms.db").write_bytes(b"")
        os.chown(state, 12345, 12345)
        config = folder / "netsuite.toml"
        config.write_text("[netsuite]\nadmin = 0\n[formsite]\nport = 0\nstore = 'state/forms.db'\n")
        told = [one.what for one in examined("-c", str(config)) if one.check == "files"]
        self.assertTrue(any("user 12345 can't write it: it is root:root's" in what for what in told), told)
        told = [one.what for one in examined("-c", str(config), "--user", "54321") if one.check == "files"]
        self.assertTrue(any("user 54321 can't" in what for what in told), told)


class SoundTests(TestCase):
    """A machine on which all is well, and one that can't be judged."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_sound(self) -> None:
        """Exit 0; with -q nothing is said of what is well."""
        (self.folder / "netsuite.toml").write_text("[netsuite]\nadmin = 0\n[echo]\nport = 0\n")
        code, output, errors = doctor("-q", "-c", "netsuite.toml", folder=self.folder)
        self.assertEqual((code, errors), (0, ""), output)
        self.assertNotRegex(output, r"(?m)^(ok|fault|unknown) ")

    def test_garbage(self) -> None:
        """A file that can't be parsed is a fault with its line, and the machine is looked at all the same."""
        (self.folder / "netsuite.toml").write_text("[netsuite]\nadmin = = 0\n")
        code, output, errors = doctor("-c", "netsuite.toml", folder=self.folder)
        self.assertEqual(code, 1)
        self.assertRegex(output, r"(?m)^fault    settings: .*netsuite\.toml.* line 2")
        self.assertRegex(output, r"(?m)^ok       software: ")
        self.assertIn("netsuite doctor: 1 fault", errors)
