"""runreactor as users run it: the tutorial's texts, stalls told once, the exit statuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite.scripts import runreactor
from tests.scripts.tools import PATIENCE, command, environment, finished, inside, records, run

#: The loop is blocked for 0.3 s, once, half a second after it began; after another 0.3 s it is interrupted.
BLOCKED = """
import os, signal, time
from netsuite.scripts.runreactor import Options, main
from netsuite.scripts.running import start

class Blocked(Options):
    def take_reactor(self):
        reactor = super().take_reactor()
        reactor.callLater(0.5, time.sleep, 0.3)
        reactor.callLater(1.1, os.kill, os.getpid(), signal.SIGINT)
        return reactor

start(Blocked, main)
"""


class RunReactorTests(SynchronousTestCase):
    """A process of its own."""

    def started(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """A runreactor that has said that it runs."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(command("runreactor", *words), text=True, env=environment(), **pipes)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "Running the reactor ...\n")
        return process

    def test_tutorial(self) -> None:
        """Ctrl-C, and SIGTERM too, is the end that it is meant to have: the tutorial's line and 0."""
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.started()
            process.send_signal(number)
            self.assertEqual(process.communicate(timeout=PATIENCE), ("Reactor stopped.\n", ""))
            self.assertEqual(process.returncode, 0)

    def test_a_blocked_loop(self) -> None:
        """A block of 0.3 s is told once, with its length."""
        code, output, errors = finished([sys.executable, "-c", BLOCKED, "--stall-report", "--over", "0.2"])
        self.assertEqual((code, errors), (0, ""))
        stalls = re.findall(
            r"(?m)^\d\d:\d\d:\d\d stall of (\d\.\d{3}) s \(0\.0\d\d s of it computing\)$", output
        )
        self.assertEqual(len(stalls), 1, output)
        self.assertTrue(0.27 <= float(stalls[0]) < 5, stalls)
        self.assertRegex(output, r"(?m)^1 stall, longest stall 0\.\d{3} s\n\Z")

    def test_json(self) -> None:
        """The same as JSON Lines: one for the stall, one at the end."""
        code, output, errors = finished(
            [sys.executable, "-c", BLOCKED, "--stall-report", "--over", "0.2", "-j"]
        )
        stall, end = records(output)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual((stall["result"]["kind"], stall["tool"]), ("stall", "runreactor"))
        self.assertEqual(end["result"]["counts"], {"stall": 1})
        self.assertEqual(end["result"]["longest_stall"], stall["result"]["seconds"])

    def test_a_stopped_process(self) -> None:
        """A process that was stopped from outside has stalled; no clock jumped."""
        process = self.started("--stall-report")
        assert process.stdout is not None
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        time.sleep(0.4)
        process.send_signal(signal.SIGCONT)
        self.assertRegex(process.stdout.readline(), r"^\d\d:\d\d:\d\d stall of 0\.[3-9]")
        process.send_signal(signal.SIGINT)
        self.assertIn("Reactor stopped.\n", process.communicate(timeout=PATIENCE)[0])
        self.assertEqual(process.returncode, 0)

    def test_quiet_json(self) -> None:
        """With nothing to tell --json gives one object at the end."""
        words = [sys.executable, "-c", BLOCKED, "-j"]
        code, output, errors = finished(words)
        [told] = records(output)
        self.assertEqual((code, errors, told["ok"]), (0, "", True))

    def test_usage(self) -> None:
        """What makes no sense is refused."""
        for words in (["x"], ["--over", "never"], ["--over", "0"], ["--over", "4000"], ["--reactor"]):
            code, _, errors = inside(runreactor, *words)
            self.assertEqual((code, errors.count("\n")), (2, 1), words)

    def test_reader_left(self) -> None:
        """Nobody reads what it tells: at the next line it ends with 12, in silence."""
        process = self.started("--stall-report")
        assert process.stdout is not None
        process.stdout.close()
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        time.sleep(0.4)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), 12)
        assert process.stderr is not None
        self.assertEqual(process.stderr.read(), "")
        process.stdout = None

    def test_help(self) -> None:
        """--help has examples."""
        code, output, _ = run("runreactor", "--help")
        self.assertEqual(code, 0)
        self.assertIn("runreactor --stall-report", output)
