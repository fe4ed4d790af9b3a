"""What is judged before twistd starts us, the signals that wait for it, and where twistd's log goes."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite import held, launch, privilege, twistdlog
from netsuite.aside import NEVER
from netsuite.values import Where, parse_where


@dataclass(frozen=True)
class Inner:
    """Settings of a part."""

    port: Where
    count: int = 3


@dataclass(frozen=True)
class Outer:
    """Settings that have those of a part among them."""

    proxy: Inner
    report: Where
    admin: Where | None = None


class FaultTests(SynchronousTestCase):
    """twistd's own settings."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.addCleanup(privilege.expect, {})

    def faults(self, **twistd: Any) -> str:
        """All of them."""
        return "\n".join(launch.faults({"nodaemon": 0, **twistd}))

    def test_sound(self) -> None:
        """What twistd has by default, in a folder that may be written."""
        pidfile, log = str(self.folder / "twistd.pid"), str(self.folder / "twistd.log")
        self.assertEqual(self.faults(pidfile=pidfile, logfile=log), "")
        self.assertEqual(self.faults(pidfile="", nodaemon=True), "")
        self.assertEqual(self.faults(pidfile="", logfile="-", nodaemon=True), "")
        self.assertEqual(self.faults(pidfile="", syslog=True), "")

    def test_all(self) -> None:
        """Each that there is."""
        told = self.faults(
            pidfile=str(self.folder / "no" / "x.pid"), logfile=str(self.folder / "no" / "x.log")
        )
        self.assertRegex(told, r"(?s)--pidfile .*can't be written.*\n.*--logfile .*can't be written")
        self.assertIn("no standard output", self.faults(pidfile="", logfile="-"))
        self.assertIn("--pidfile", self.faults(pidfile=str(self.folder), nodaemon=True))
        self.assertIn("--logfile", self.faults(pidfile="", logfile=str(self.folder)))

    def test_own_pidfile(self) -> None:
        """One that names us is no fault, and is gone when we begin; so is our word for others."""
        path = self.folder / "d.pid"
        path.write_text(str(os.getpid()))
        self.assertEqual(self.faults(pidfile=str(path), nodaemon=True), "")
        for number in held.HELD:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.patch(launch, "_begun", [])
        self.patch(twistdlog, "_chosen", twistdlog._Chosen())
        launch.begin({"pidfile": str(path), "nodaemon": True}, is_json=False, rotation=NEVER)
        self.assertFalse(path.exists())
        self.assertTrue(launch.has_begun())
        path.touch(0o600)
        launch.show_pidfile()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)
        path.rename(self.folder / "other")
        (self.folder / "other").chmod(0o600)
        path.symlink_to(self.folder / "other")
        launch.show_pidfile()
        self.assertEqual(stat.S_IMODE((self.folder / "other").stat().st_mode), 0o600)


class RootTests(SynchronousTestCase):
    """What root should not serve."""

    def told(self, port: str, report: str = "0") -> list[str]:
        """The options at fault."""
        settings = Outer(Inner(parse_where(port)), parse_where(report), parse_where("8009"))
        return [option for option, _ in launch.root_faults(settings)]

    def test_places(self) -> None:
        """Every listener of nested settings is looked at."""
        settings = Outer(Inner(parse_where("1")), parse_where("2"), parse_where("3"))
        self.assertEqual([name for name, _ in launch.places(settings)], ["port", "report", "admin"])

    def test_faults(self) -> None:
        """Ports below 1024 and places that others reach; not the system's choice, nor a socket in a file."""
        self.patch(privilege, "stays_root", lambda: True)
        for port, is_fault in (
            ("80", True),
            ("1023", True),
            ("1024", False),
            ("0", False),
            ("tcp:port=80:interface=127.0.0.1", True),
            ("tcp:8080", True),
            ("ssl:443:interface=127.0.0.1:privateKey=x", True),
            ("unix:/run/x", False),
        ):
            self.assertEqual(bool(self.told(port)), is_fault, port)
        self.assertEqual(self.told("80", "81"), ["port", "report"])

    def test_not_root(self) -> None:
        """Who isn't root, or won't be, may."""
        self.patch(privilege, "stays_root", lambda: False)
        self.assertEqual(self.told("80"), [])


class HeldTests(SynchronousTestCase):
    """Signals that wait."""

    def setUp(self) -> None:
        for number in held.HELD:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.addCleanup(held.take, *held.HELD)
        held.hold()

    def test_taken_once(self) -> None:
        """Each waits once, in the order in which they came."""
        for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        self.assertEqual(held.take(signal.SIGHUP, signal.SIGUSR2), [signal.SIGUSR2, signal.SIGHUP])
        self.assertEqual(held.take(*held.HELD), [signal.SIGTERM])
        self.assertEqual(held.take(*held.HELD), [])

    def test_second_ends(self) -> None:
        """A second TERM or INT is not kept."""
        ended: list[int] = []
        self.patch(held.os, "kill", lambda pid, number: ended.append(number))
        for _ in range(2):
            held.note(signal.SIGTERM, None)
        self.assertEqual(ended, [signal.SIGTERM])
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)

    def test_released(self) -> None:
        """At the end TERM ends again, HUP still doesn't; what others have taken stays theirs."""
        mine = lambda number, frame: None  # noqa: E731 -- a handler
        signal.signal(signal.SIGUSR1, mine)
        held.release()
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
        self.assertEqual(signal.getsignal(signal.SIGUSR1), mine)


class LogTests(SynchronousTestCase):
    """twistd's log."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "x.log"
        self.patch(twistdlog, "_chosen", twistdlog._Chosen())

    def chosen(self, *, is_json: bool = False, **twistd: Any) -> Any:
        """What twistd is told to log by."""
        told = {"nodaemon": 0, **twistd}
        twistdlog.choose(told, is_json=is_json, rotation=NEVER)
        return told.get("logger")

    def test_choice(self) -> None:
        """Files, standard output and JSON are ours; syslog and a logger of the user's are not."""
        self.patch(os, "environ", {})
        self.assertEqual(self.chosen(logfile="x.log"), twistdlog.OBSERVER)
        self.assertEqual(self.chosen(), twistdlog.OBSERVER)
        self.assertEqual(self.chosen(nodaemon=True), twistdlog.OBSERVER)
        self.assertEqual(self.chosen(logfile="-", nodaemon=True), twistdlog.OBSERVER)
        self.assertIsNone(self.chosen(logfile="-"))  # which twistd refuses
        self.assertIsNone(self.chosen(syslog=True, nodaemon=True))
        self.assertIsNone(self.chosen(logfile="x.log", syslog=True))
        self.assertEqual(self.chosen(logfile="x.log", logger="their.own"), "their.own")
        self.assertEqual(self.chosen(nodaemon=True, is_json=True), twistdlog.OBSERVER)

    def test_paths(self) -> None:
        """In the background without a name it is twistd.log."""
        for told, path in (
            ({"logfile": "/x/y.log"}, "/x/y.log"),
            ({}, os.path.abspath("twistd.log")),
            ({"nodaemon": True}, ""),
            ({"logfile": "-"}, ""),
            ({"debug": True}, ""),
        ):
            self.assertEqual(twistdlog.path_of({"nodaemon": 0, **told}), path)
        self.assertEqual(twistdlog.path_of({}), "")  # twist, which logs to standard output

    def test_written(self) -> None:
        """Text or JSON, a line an event, 0640; opened again where it was moved."""
        for is_json in (False, True):
            self.chosen(logfile=str(self.path), is_json=is_json)
            log = Logger(namespace="x", observer=LogPublisher(twistdlog.observer()))
            log.info("one")
            self.path.rename(self.folder / "moved")
            twistdlog.reopen()
            log.info("two")
            one, two = ((self.folder / name).read_text() for name in ("moved", "x.log"))
            self.assertEqual((one.count("\n"), two.count("\n")), (1, 1))
            if is_json:
                self.assertEqual([json.loads(line)["message"] for line in (one, two)], ["one", "two"])
            else:
                self.assertTrue(one.endswith("[x#info] one\n"), one)
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
            self.path.unlink()

    def test_cannot(self) -> None:
        """A log that can't be opened ends the start with a line."""
        self.chosen(logfile=str(self.folder / "no" / "x.log"))
        said: list[str] = []
        self.patch(sys, "stderr", type("", (), {"write": staticmethod(said.append)}))
        self.assertEqual(self.assertRaises(SystemExit, twistdlog.observer).code, 1)
        self.assertRegex(
            "".join(said), r"^netsuite: the log \S+: No such file or directory; give another .*\n$"
        )
