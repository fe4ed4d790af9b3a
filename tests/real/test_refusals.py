"""Starts that are refused: every fault in a line of its own, exit 1, nothing left behind, in either mode."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest import TestCase

from tests.real.hatchery import HatchedDaemon, HatchedTwistd
from tests.real.parts import START_SECONDS, require, until

SERVICES = ("echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy")

#: What twistd says itself: its log, and after us where a start in the background fails late.
TWISTED = re.compile(r"\d{4}-|An error has occurred: |Please look at log |file for more information\.")

#: How it is started, by number: in the foreground and in the background, both with a pidfile.
MODES = (("-n", "--pidfile=d.pid"), ("--pidfile=d.pid", "-l", "d.log"))

#: Faults that every service finds in its options, all at once: of the command line, and of the file.
LINE = ("--idle", "soon", "--max-clients", "0", "--log-keep", "x")
FILE = """
[{service}]
max-client = 3
per-client = "few"
log-size = [1, 2]
admin = "tcp:x"
"""


class Refused(TestCase):
    """A folder, and starts in it."""

    def start(self, *arguments: str, before: Sequence[str] = (), mode: int, file: str = "") -> HatchedTwistd:
        """A service that was started in one of the modes; ``file`` is in netsuite.toml."""
        twistd = HatchedTwistd(*arguments, before=(*MODES[mode], *before))
        self.addCleanup(twistd.close)
        if file:
            (twistd.folder / "netsuite.toml").write_text(file)
        self.prepare(twistd.folder)
        twistd.launch()
        return twistd

    def prepare(self, folder: Path) -> None:
        """What is there before it starts."""

    def refused(self, *arguments: str, before: Sequence[str] = (), mode: int, file: str = "") -> list[str]:
        """The lines of a start that was refused, without their beginning."""
        twistd = self.start(*arguments, before=before, mode=mode, file=file)
        self.assertEqual(twistd.wait(START_SECONDS), 1, twistd.log)
        if not self.keeps_pidfile:
            until("no pidfile", lambda: not (twistd.folder / "d.pid").exists())
        told = "".join(path.read_text() for path in twistd.folder.glob("[dT]*.log"))
        self.assertNotIn("Traceback", twistd.log + told)
        lines = [line for line in twistd.log.splitlines() if line and not TWISTED.match(line)]
        for line in lines:
            self.assertTrue(line.startswith("netsuite: "), lines)
        return [line.removeprefix("netsuite: ") for line in lines]

    keeps_pidfile = False


class OptionTests(Refused):
    """What is wrong with settings."""

    def test_all_at_once(self) -> None:
        """Every service tells every fault of its command line and of its file, with line and nearest key."""
        for service in SERVICES:
            for mode in (0, 1):
                wrong, file = ("-p", "tcp:", "-c", "netsuite.toml", *LINE), FILE.format(service=service)
                lines = self.refused(service, *wrong, mode=mode, file=file)
                told = "\n".join(lines)
                for option in ("port", "idle", "max-clients", "log-keep", "per-client", "log-size"):
                    self.assertIn(f"--{option} (", told)
                self.assertRegex(told, r"line 3: .*max-client: no such setting; did you mean max-clients\?")
                self.assertRegex(told, r"--admin \(file netsuite.toml, line 6\): ")
                self.assertEqual(len(lines), 8, lines)

    def test_files(self) -> None:
        """A file that isn't there, a folder, garbage, a table that is none: one line with the file's name."""
        for service in (*SERVICES, "netsuite"):
            for mode, (path, text) in enumerate(
                (
                    ("nowhere.toml", ""),
                    (".", ""),
                    ("netsuite.toml", "[echo]\nport = = 1\n"),
                    ("netsuite.toml", f"{service} = 3\n"),
                )
            ):
                (line,) = self.refused(service, "-c", path, mode=mode % 2, file=text)
                self.assertIn(path, line)

    def test_certificate(self) -> None:
        """A key or certificate that can't be read is named."""
        place = "ssl:0:interface=127.0.0.1:privateKey=nothing.pem:certKey=nothing.pem"
        for mode, service in enumerate(SERVICES):
            (line,) = self.refused(service, "-p", place, mode=mode % 2)
            self.assertIn("nothing.pem", line)

    def test_suite(self) -> None:
        """The suite has the faults of all its members, a place that two want, and what is no service."""
        place = "ssl:0:interface=127.0.0.1:privateKey=no.pem:certKey=no.pem"
        text = (
            "[netsuite]\nadmin = 0\n[echo]\nprot = 1\n[pages]\nport = 8003\nidle = 'soon'\n"
            f"[colors]\nport = 8003\n[formsite]\nport = '{place}'\n[colour]\nport = 1\n"
        )
        for mode in (0, 1):
            lines = self.refused("netsuite", "-c", "netsuite.toml", mode=mode, file=text)
            for part in (
                "line 4: .*prot: no such setting; did you mean port",
                "pages --idle .*'soon'",
                "colors --port: 127.0.0.1:8003 is the place of pages --port too",
                "no.pem",
                r"\[colour\] is no service; did you mean colors",
            ):
                self.assertRegex("\n".join(lines), part)
            self.assertEqual(len(lines), 5, lines)


class PlaceTests(Refused):
    """Places to listen."""

    def test_taken(self) -> None:
        """A port that somebody has, for every service and for a member of the suite."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            for service in SERVICES:
                for mode in (0, 1):
                    others = ("-r", "0", "-s", ":memory:") if service == "wordproxy" else ()
                    store = ("-s", ":memory:") if service == "formsite" else ()
                    (line,) = self.refused(service, "-p", port, *others, *store, mode=mode)
                    self.assertRegex(line, f"^cannot start {service}: 127.0.0.1:{port} is in use")
            text = f"[netsuite]\nadmin = 0\n[echo]\nport = '0'\n[colors]\nport = {port}\n"
            for mode in (0, 1):
                (line,) = self.refused("netsuite", "-c", "netsuite.toml", mode=mode, file=text)
                self.assertRegex(line, f"^cannot start colors: 127.0.0.1:{port} is in use")

    def test_twice(self) -> None:
        """Two listeners of one service at one address."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        for mode in (0, 1):
            (line,) = self.refused("echo", "-p", port, "--admin", port, mode=mode)
            self.assertRegex(line, f"127.0.0.1:{port} is (in use|the place of)")


class TwistdTests(Refused):
    """twistd's own settings."""

    def test_log_and_pidfile(self) -> None:
        """A log and a pidfile that can't be written, among the faults of the service."""
        before = ("-l", "nowhere/x.log", "--pidfile=nowhere/x.pid")
        for mode in (0, 1):
            lines = self.refused("echo", "--idle", "soon", before=before, mode=mode)
            self.assertRegex("\n".join(lines), r"--pidfile \S+/nowhere/x.pid: can't be written")
            self.assertRegex("\n".join(lines), r"--logfile \S+/nowhere/x.log: can't be written")
            self.assertEqual(len(lines), 3, lines)

    def test_standard_output(self) -> None:
        """In the background there is none to log to."""
        (line,) = self.refused("echo", "-p", "0", before=("-l", "-"), mode=1)
        self.assertIn("no standard output", line)

    def test_no_pidfile(self) -> None:
        """With -n and --pidfile= a folder that can't be written is no matter, nor is a pidfile beside."""
        twistd = HatchedTwistd("echo", "-p", "0", before=("-n", "--pidfile="))
        self.addCleanup(twistd.close)
        (twistd.folder / "twistd.pid").write_text("1")
        if os.geteuid() == 0:
            twistd.env["HATCH_UID"] = str(pwd.getpwnam("nobody").pw_uid)
            twistd.folder.chmod(0o755)
        else:
            twistd.log_path.touch()
            twistd.folder.chmod(0o500)
            self.addCleanup(twistd.folder.chmod, 0o700)
        twistd.launch()
        twistd.wait_log("Server running")
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual((twistd.folder / "twistd.pid").read_text(), "1")


class PidfileTests(Refused):
    """A pidfile that is there before us."""

    keeps_pidfile = True
    content = ""

    def prepare(self, folder: Path) -> None:
        """It is there."""
        (folder / "d.pid").write_text(self.content)

    def test_refused(self) -> None:
        """Empty, text, somebody else's, that of one of ours: said, with what to do."""
        other = HatchedTwistd("echo", "-p", "0")
        self.addCleanup(other.close)
        other.up("Server running")
        cases = {
            "": "empty: it is empty, .*remove it",
            "hello": "no pidfile: it holds no process id.*remove it",
            "1\n": "foreign, process 1: that is .* and no twistd; remove the file",
            f"{other.pid}": f"running, process {other.pid}: stop it with: kill {other.pid}",
        }
        for self.content, said in cases.items():
            for mode in (0, 1):
                (line,) = self.refused("echo", "-p", "0", mode=mode)
                self.assertRegex(line, f"--pidfile \\S+/d.pid: {said}, or give another --pidfile")

    def test_stale(self) -> None:
        """One of a process that is gone is replaced, in either mode."""
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.content = str(gone.pid)
        twistd = self.start("echo", "-p", "0", mode=0)
        twistd.wait_log("Server running")
        self.assertEqual((twistd.folder / "d.pid").read_text(), str(twistd.pid))
        self.assertEqual(twistd.stop(), 0)
        self.assertFalse((twistd.folder / "d.pid").exists())
        daemon = HatchedDaemon("echo", "-p", "0")
        self.addCleanup(daemon.close)
        self.prepare(daemon.folder)
        daemon.launch()
        daemon.wait_log("Server running")
        self.assertEqual(daemon.stop(), 0)

    def test_own(self) -> None:
        """One that names ourselves, as in a container that is started again, is replaced."""
        twistd = HatchedTwistd("echo", "-p", "0", before=MODES[0])
        self.addCleanup(twistd.close)
        twistd.env["HATCH_PIDFILE"] = "d.pid"
        twistd.launch()
        twistd.wait_log("Server running")
        self.assertEqual(twistd.stop(), 0, twistd.log)


class StoreTests(Refused):
    """Stores that can't be used."""

    keeping = ("wordproxy", "formsite")

    def options(self, service: str, store: str) -> tuple[str, ...]:
        """Of a service with that store."""
        return ("-p", "0", "-s", store, *(("-r", "0") if service == "wordproxy" else ()))

    def prepare(self, folder: Path) -> None:
        """A folder, and a file of somebody's."""
        (folder / "folder").mkdir(0o755)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        (folder / "foreign").write_text("somebody's")

    def test_wrong(self) -> None:
        """A folder, a foreign file, a folder that can't be made: one line with the path."""
        for service in self.keeping:
            for store in ("folder", "foreign", "foreign/deeper.db"):
                for mode in (0, 1):
                    (line,) = self.refused(service, *self.options(service, store), mode=mode)
                    self.assertRegex(line, f"^cannot start {service}: \\S+/{store}")
        text = "[netsuite]\nadmin = 0\n[echo]\nport = '0'\n[formsite]\nport = '0'\nstore = 'folder'\n"
        for mode in (0, 1):
            (line,) = self.refused("netsuite", "-c", "netsuite.toml", mode=mode, file=text)
            self.assertRegex(line, "^cannot start formsite: ")

    def test_unwritable(self) -> None:
        """A folder of somebody else's."""
        require("root", os.geteuid() == 0)
        for service in self.keeping:
            options = self.options(service, "folder/x.db")
            (line,) = self.refused(service, *options, before=("-u", "nobody"), mode=1)
            self.assertRegex(line, f"^cannot start {service}: \\S+/x.db: .*permission")

    def test_full(self) -> None:
        """A full disk: no store, and no pidfile."""
        twistd = HatchedTwistd("echo")
        self.addCleanup(twistd.close)
        disk = twistd.folder
        made = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
        )
        require("disk of its own: only root may mount one", made and made.returncode == 0)
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    continue
            except OSError as error:
                self.assertEqual(error.errno, 28)
        for mode, service in enumerate(self.keeping):
            (line,) = self.refused(service, *self.options(service, str(disk / "x.db")), mode=mode)
            self.assertRegex(line, f"^cannot start {service}: {disk}/x.db.*(no room|full)")
        (line,) = self.refused("echo", "-p", "0", before=(f"--pidfile={disk}/d.pid",), mode=0)
        self.assertIn("the disk is full", line)
        text = f"[netsuite]\nadmin = 0\n[echo]\nport = '0'\n[formsite]\nport = '0'\nstore = '{disk}/x.db'\n"
        (line,) = self.refused("netsuite", "-c", "netsuite.toml", mode=1, file=text)
        self.assertRegex(line, "^cannot start formsite: ")
        self.assertEqual(sorted(os.listdir(disk)), ["filler"])
        self.serves_without_a_log(f"{disk}/x.log")

    def serves_without_a_log(self, log: str) -> None:
        """A log on a full disk costs its lines, and nothing else."""
        echo = HatchedTwistd("echo", before=("-n", "--pidfile=", "-l", log))
        self.addCleanup(echo.close)
        place = echo.folder / "socket"
        echo.arguments = ("echo", "-p", f"unix:{place}")
        echo.launch()
        until("it listens", place.exists)
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(START_SECONDS)
            link.connect(str(place))
            link.sendall(b"quit\n")
            self.assertEqual(link.recv(99), b"Goodbye.\r\n")
        self.assertEqual(echo.stop(), 0)
        self.assertEqual(Path(log).read_bytes(), b"")
