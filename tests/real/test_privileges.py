"""Root binds, and somebody else serves: who has the process and its files, and what still works then."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import socket
import stat
import urllib.request
from pathlib import Path
from unittest import TestCase

from tests.real.hatchery import HatchedDaemon, HatchedTwistd
from tests.real.parts import FETCH_SECONDS, START_SECONDS, may_run, require, until

#: Who serves.
USER = "nobody"

SUITE = """
[netsuite]
admin = "0"
[pages]
port = "{port}"
access-log = "pages.log"
log-size = "{size}"
[formsite]
port = "0"
store = "forms.db"
[echo]
port = "0"
tag = "{tag}"
"""


def privileged_port() -> int:
    """A port that only root may bind, and that nobody has."""
    for port in range(1023, 511, -1):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def identity(pid: int) -> dict[str, set[int]]:
    """The ids that a process has, of each kind all of them."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.findall(r"^(Uid|Gid|Groups):[ \t]*(.*)$", text, re.M)
    return {name: {int(each) for each in ids.split()} for name, ids in found}


class Rooted(TestCase):
    """A test that only root can do, with somebody's folder."""

    def setUp(self) -> None:
        require("root", os.geteuid() == 0)
        entry = pwd.getpwnam(USER)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.port = privileged_port()

    def own(self, folder: Path) -> None:
        """The folder is theirs."""
        os.chown(folder, self.uid, self.gid)

    def fetched(self, path: str) -> bytes:
        """What the pages at the privileged port say."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=FETCH_SECONDS) as answer:
            return bytes(answer.read())

    def assert_theirs(self, pid: int) -> None:
        """A process has none of root's ids, and no other group."""
        uid, gid = {self.uid}, {self.gid}
        self.assertEqual(identity(pid), {"Uid": uid, "Gid": gid, "Groups": gid})


class DroppedTests(Rooted):
    """A suite in the background that binds a port below 1024, and goes on as nobody."""

    def setUp(self) -> None:
        super().setUp()
        self.suite = HatchedDaemon("netsuite", "-c", "netsuite.toml", before=("--uid", USER))
        self.addCleanup(self.suite.close)
        self.own(self.suite.folder)

    def settings(self, size: str = "0", tag: str = "red") -> None:
        """The file has these."""
        text = SUITE.format(port=self.port, size=size, tag=tag)
        (self.suite.folder / "netsuite.toml").write_text(text)

    def owner(self, name: str) -> tuple[int, int, str]:
        """Who has a file of the folder, and its mode."""
        state = (self.suite.folder / name).stat()
        return state.st_uid, state.st_gid, oct(stat.S_IMODE(state.st_mode))

    def test_dropped(self) -> None:
        """All is theirs and works: store, logs, rotation, reload, the end; the pidfile is root's, for all."""
        self.settings()
        self.suite.launch()
        self.suite.wait_log("admin http")
        self.assert_theirs(self.suite.pid)
        self.assertEqual(self.fetched("/test"), b"<h1>Test</h1>Test Page")
        self.assertEqual(self.owner("d.pid"), (0, 0, "0o644"))
        for log in ("d.log", "pages.log"):
            self.assertEqual(self.owner(log), (self.uid, self.gid, "0o640"))
        self.assertEqual(self.owner("forms.db"), (self.uid, self.gid, "0o600"))
        for log in ("d.log", "pages.log"):
            (self.suite.folder / log).rename(self.suite.folder / f"{log}.1")
        self.suite.signal(signal.SIGUSR1)
        self.suite.wait_log("logs reopened")
        self.fetched("/test?2")
        for log in ("d.log", "pages.log"):
            self.assertEqual(self.owner(log), (self.uid, self.gid, "0o640"))
        until("the new line", lambda: (self.suite.folder / "pages.log").read_text().count("\n") == 1)
        self.settings(tag="blue")
        self.suite.signal(signal.SIGHUP)
        self.suite.wait_log("reloaded: ")
        self.assertEqual(self.suite.stop(), 0)
        self.assertFalse(self.suite.pidfile.exists())
        said = (self.suite.folder / "d.log.1").read_text() + self.suite.log
        self.assertNotIn("Traceback", said)
        self.assertNotIn("root serves", said)

    def test_put_aside(self) -> None:
        """What we put aside by ourselves is theirs too, with the same mode."""
        self.settings(size="300")
        self.suite.launch()
        self.suite.wait_log("admin http")
        for number in range(12):
            self.fetched(f"/test?{number}")
        aside = until("files put aside", lambda: list(self.suite.folder.glob("pages.log.2*")))
        for path in (*aside, self.suite.folder / "pages.log"):
            self.assertEqual(self.owner(path.name), (self.uid, self.gid, "0o640"))


class FamilyTests(TestCase):
    """A wordproxy with workers, of which each has a counter; dropped where that can be."""

    def setUp(self) -> None:
        self.user = pwd.getpwnam(USER)
        self.drops = os.geteuid() == 0 and may_run(self.user.pw_uid, "netsuite.wordproxy.worker")
        before = ("-u", USER) if self.drops else ()
        options = ("-p", "0", "-r", "0", "-s", "words.db", "--workers", "2", "--access-log", "a.log")
        self.service = HatchedTwistd("wordproxy", *options, before=("-n", "--pidfile=", *before))
        self.addCleanup(self.service.close)
        if self.drops:
            os.chown(self.service.folder, self.user.pw_uid, self.user.pw_gid)
        self.service.launch()
        self.family = until(
            "all five", lambda: found if len(found := family(self.service.pid)) == 5 else None
        )

    def test_all_processes(self) -> None:
        """None is root.  Signals to all, as by ``systemctl kill``, are heeded by the first; all end well."""
        log, before = self.service.folder / "a.log", [identity(pid) for pid in self.family]
        log.rename(f"{log}.1")
        for number, line in (
            (signal.SIGUSR1, "SIGUSR1"),
            (signal.SIGUSR2, "paused"),
            (signal.SIGHUP, "SIGHUP"),
        ):
            for pid in self.family:
                os.kill(pid, number)
            self.service.wait_log(line)
        until("the log is opened again", log.exists)
        self.assertEqual(family(self.service.pid), self.family, self.service.log)
        for pid in self.family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.service.wait(), 0, self.service.log)
        self.assertNotRegex(self.service.log, "lost|Traceback")
        self.assertEqual([pid for pid in self.family if Path(f"/proc/{pid}").exists()], [])
        require("root, and a checkout that others may read", self.drops)
        uid, gid = {self.user.pw_uid}, {self.user.pw_gid}
        for ids in before:
            self.assertEqual(ids, {"Uid": uid, "Gid": gid, "Groups": gid})
        for name in ("a.log.1", "a.log", "words.db"):
            self.assertEqual((self.service.folder / name).stat().st_uid, self.user.pw_uid, name)


def family(pid: int) -> list[int]:
    """A process and those below it that have begun their work: what they were told to run is read."""
    found, todo = [], [pid]
    while todo:
        each = todo.pop()
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{each}/task/{each}/children").read_text().split()
            ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{each}/status").read_text())
            assert ignored is not None
            if each == pid or int(ignored[1], 16) & 1 << (signal.SIGUSR1 - 1):
                found.append(each)
            todo += [int(child) for child in told]
    return sorted(found)


class RootTests(Rooted):
    """Root that goes on."""

    def refused(self, *arguments: str, before: tuple[str, ...] = ("-n", "--pidfile=d.pid")) -> list[str]:
        """The lines of a start that was refused."""
        service = HatchedTwistd(*arguments, before=before)
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(START_SECONDS), 1, service.log)
        self.assertFalse((service.folder / "d.pid").exists())
        return service.log.splitlines()

    def test_refused(self) -> None:
        """A port below 1024, and a place that others reach, are not served by root, in either mode."""
        for before in (("-n", "--pidfile=d.pid"), ("--pidfile=d.pid", "-l", "d.log")):
            (line,) = self.refused("pages", "-p", str(self.port), before=before)
            self.assertRegex(
                line, rf"^netsuite: --port .*{self.port} is below 1024, .*--uid USER, or --allow-root$"
            )
        lines = self.refused("echo", "-p", "tcp:0:interface=0.0.0.0", "--allow-public", "--idle", "soon")
        self.assertRegex(lines[0], "^netsuite: --idle ")
        self.assertRegex(lines[1], "^netsuite: --port .* is reached from other machines, .*--allow-root$")
        self.assertEqual(len(lines), 2)

    def test_allowed(self) -> None:
        """With --allow-root it serves, and is warned in one line; a reload may not open more without it."""
        service = HatchedTwistd("echo", "-c", "echo.toml")
        self.addCleanup(service.close)
        file = service.folder / "echo.toml"
        file.write_text(f"[echo]\nallow-root = true\nport = {self.port}\n")
        service.launch()
        service.wait_log("root serves here")
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as link:
            link.sendall(b"quit\n")
            self.assertEqual(link.recv(99), b"Goodbye.\r\n")
        self.assertEqual(service.log.count("root serves"), 1)
        file.write_text("[echo]\nport = 'tcp:0:interface=0.0.0.0'\nallow-public = true\n")
        service.signal(signal.SIGHUP)
        service.wait_log("reload refused.* reached from other machines")
        self.assertEqual(service.stop(), 0)

    def test_unknown_user(self) -> None:
        """A number that is no user's is a line, not a traceback."""
        (line,) = self.refused("echo", "-p", "0", before=("-n", "--pidfile=", "--uid", "3999999999"))
        self.assertIn("no entry among the users", line)

    def test_checked(self) -> None:
        """--check, as whoever, does not ask who would serve."""
        service = HatchedTwistd("pages", "-p", str(self.port), "--check")
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(START_SECONDS), 0, service.log)
