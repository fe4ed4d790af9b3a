"""What a service manager hears of a service: ready, reloading, stopping, alive, and from whom."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import TestCase

from tests.real.managed import Ear, Managed
from tests.real.parts import START_SECONDS, answers, children, until
from tests.real.test_suite import RUN

#: How often the watchdog wants to hear of us, in microseconds.
WATCHDOG = 400_000


def assert_deaf(case: TestCase, pid: int) -> None:
    """A process was not told where the manager listens, nor that it is to answer."""
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    case.assertIn(b"PATH=", environment)
    for name in (b"NOTIFY_SOCKET", b"WATCHDOG", b"LISTEN_"):
        case.assertNotIn(name, environment)


class Hearing(TestCase):
    """A manager with an ear."""

    def ear(self, path: str = "") -> Ear:
        """One that listens; at an abstract socket without a path."""
        ear = Ear(path)
        self.addCleanup(ear.close)
        return ear

    def begun(self, ear: Ear, arguments: Sequence[str], text: str = "", **env: str) -> Managed:
        """A service that has been started; ``text``: its settings' file."""
        service = Managed(*arguments, env={"NOTIFY_SOCKET": ear.address, **env})
        self.addCleanup(service.close)
        if text:
            (service.folder / "x.toml").write_text(text)
        service.launch()
        return service

    def ready(self, ear: Ear, service: Managed) -> list[tuple[str, int]]:
        """Where it listens, of its READY: all accept by then, and it is the main process that says so."""
        ready = ear.wait("READY=1")
        self.assertIn(f"MAINPID={service.pid}", ready)
        (status,) = (line for line in ready if line.startswith("STATUS="))
        places = [(host, int(port)) for host, port in re.findall(r"(127\.0\.0\.1):(\d+)", status)]
        for place in places:
            self.assertTrue(answers(*place), status)
        return places

    def ended(self, ear: Ear, service: Managed, seconds: int) -> None:
        """It stops as it is to: says so, asks for the time that a drain may take, and ends with 0."""
        self.assertEqual(service.stop(), 0, service.log)
        stopping = ear.wait("STOPPING=1")
        self.assertIn("STATUS=finishing what is in hand", stopping)
        self.assertIn(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}", stopping)


class ManagerTests(Hearing):
    """Each sort of service, at each sort of socket."""

    def test_single(self) -> None:
        """A service says READY with its listeners, RELOADING with the time, what came of it, and STOPPING."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        ear = self.ear(f"{folder}/notify")
        service = self.begun(ear, ("pages", "-p", "0", "--admin", "0", "-c", "x.toml"), "[pages]\nidle = 9\n")
        self.assertEqual(len(self.ready(ear, service)), 1)
        before = time.monotonic_ns() // 1000
        service.signal(signal.SIGHUP)
        reloading = ear.wait("RELOADING=1")
        (told,) = (line for line in reloading if line.startswith("MONOTONIC_USEC="))
        now = time.monotonic_ns() // 1000
        self.assertTrue(before <= int(told.partition("=")[2]) <= now, told)
        ear.wait("READY=1", 2)
        (service.folder / "x.toml").write_text("[pages]\nidel = 9\n")
        service.signal(signal.SIGHUP)
        refused = ear.wait("READY=1", 3)
        self.assertRegex("\n".join(refused), r"STATUS=reload refused: .*did you mean idle\?")
        self.ended(ear, service, 30)
        words = [message[0] for message in ear.listen()]
        self.assertEqual(words, ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])

    def test_wordproxy(self) -> None:
        """wordproxy says so at an abstract socket; its child is not told where to answer."""
        ear = self.ear()
        service = self.begun(
            ear,
            ("wordproxy", "-p", "0", "-r", "0", "-s", "words.db", "--drain", "90"),
            WATCHDOG_USEC=str(WATCHDOG),
        )
        self.assertEqual(len(self.ready(ear, service)), 2)
        (counter,) = until("a counter runs", lambda: children(service.pid))
        assert_deaf(self, counter)
        self.assertEqual(sum("READY=1" in message for message in ear.listen()), 1)
        self.assertEqual(service.stop(), 0, service.log)
        told = [line for line in ear.wait("STOPPING=1") if line.startswith("EXTEND_TIMEOUT_USEC=")]
        self.assertGreater(int(told[0].partition("=")[2]), 90_000_000)

    def test_suite(self) -> None:
        """The suite says READY once all of all members is bound; the longest drain is what it asks for."""
        ear = self.ear()
        text = (
            '[netsuite]\nadmin = "0"\n[echo]\nport = "0"\n[pages]\nport = "0"\n[colors]\nport = "0"\n'
            '[httpecho]\nport = "0"\ndrain = 40\n'
        )
        service = self.begun(ear, ("netsuite", "-c", "x.toml"), text)
        self.assertEqual(len(self.ready(ear, service)), 4)
        self.ended(ear, service, 70)

    def test_in_background(self) -> None:
        """In the background the daemon says READY, and names itself, not the process that was started."""
        ear = self.ear()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        environment = {**Managed("pages").env, "NOTIFY_SOCKET": ear.address}
        command = [sys.executable, "-c", RUN, "--pidfile=x.pid", "-l", "x.log", "pages", "-p", "0"]
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=START_SECONDS)
        pid = int((folder / "x.pid").read_text())
        try:
            self.assertIn(f"MAINPID={pid}", ear.wait("READY=1"))
        finally:
            os.kill(pid, signal.SIGTERM)
            until("it has ended", lambda: not (folder / "x.pid").exists())


class WatchdogTests(Hearing):
    """A process that is alive, or isn't."""

    def test_hung(self) -> None:
        """The watchdog hears of us twice in its time; a reactor that hangs says nothing while it does."""
        ear = self.ear()
        service = self.begun(
            ear,
            ("pages", "-p", "0", "-c", "x.toml"),
            "[pages]\nidle = 9\n",
            WATCHDOG_USEC=str(WATCHDOG),
        )
        ear.wait("WATCHDOG=1", 3)
        settings = service.folder / "x.toml"
        text = settings.read_bytes()
        settings.unlink()
        os.mkfifo(settings)
        service.signal(signal.SIGHUP)  # it opens what nobody writes to
        ear.wait("RELOADING=1")
        self.assertTrue(ear.is_left_alone(4 * WATCHDOG / 1_000_000), ear.listen())
        settings.write_bytes(text)
        ear.wait("READY=1", 2)
        before = sum("WATCHDOG=1" in message for message in ear.listen())
        ear.wait("WATCHDOG=1", before + 1)
        self.assertEqual(service.stop(), 0)
