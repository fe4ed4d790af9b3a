"""calllater as users run it: the tutorial's texts, its schedule, its report, its exit statuses."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite.scripts import calllater
from tests.real.parts import require
from tests.scale import NIGHTLY
from tests.scripts.tools import PATIENCE, command, environment, finished, inside, records, run

FAKETIME = Path("/usr/lib", os.uname().machine + "-linux-gnu", "faketime/libfaketimeMT.so.1")

TIME = r"Current time is [0-2]\d:[0-5]\d:[0-5]\d\n"

#: The process's own loop is blocked for 0.3 s, once, after 0.2 s.
BUSY = """
import threading, time
from netsuite.scripts.calllater import Options, main
from netsuite.scripts.running import start

def busy():
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass

class Busy(Options):
    def take_reactor(self):
        reactor = super().take_reactor()
        reactor.callLater(0.2, busy)
        return reactor

start(Busy, main)
"""


def line(text: str, *words: str) -> str:
    """The only line of an output that has this pattern."""
    [found] = [each for each in text.splitlines() if re.search(words[0] if words else ".", each)]
    return found


class TutorialTests(SynchronousTestCase):
    """The tutorial's program, word for word."""

    def test_fake(self) -> None:
        """The whole schedule at once: four times, a second apart, then the end."""
        code, output, errors = inside(calllater, "--fake")
        self.assertEqual((code, errors), (0, ""))
        pattern = rf"Running the reactor \.\.\.\n(?:{TIME}){{4}}Stopping reactor\nReactor stopped\.\n"
        self.assertRegex(output, rf"\A{pattern}\Z")
        times = [datetime.strptime(text, "%H:%M:%S") for text in re.findall(r"\d\d:\d\d:\d\d", output)]
        gaps = {(later - one) % timedelta(days=1) for one, later in itertools.pairwise(times)}
        self.assertEqual(gaps, {timedelta(seconds=1)})

    def test_real(self) -> None:
        """The same in real time, five seconds long."""
        began = time.monotonic()
        code, output, errors = run("calllater")
        self.assertEqual((code, errors), (0, ""))
        pattern = rf"Running the reactor \.\.\.\n(?:{TIME}){{4}}Stopping reactor\nReactor stopped\.\n"
        self.assertRegex(output, rf"\A{pattern}\Z")
        self.assertGreaterEqual(time.monotonic() - began, 5.0)


class ScheduleTests(SynchronousTestCase):
    """Calls of one's own."""

    def test_order(self) -> None:
        """By time, equal times by position, a series last; quiet leaves only the calls."""
        words = ("-q", "--fake", "--every", "2", "--count", "2", "3:c", "1:a", "3:d", "0.5:two words")
        self.assertRegex(inside(calllater, *words)[1], rf"\Atwo words\na\n{TIME}c\nd\n{TIME}\Z")

    def test_units_and_texts(self) -> None:
        """A delay may have a unit; a text is shown without tricks."""
        code, output, _ = inside(calllater, "-q", "--fake", "1m:later", "10ms:a:b\x1b[31m")
        self.assertEqual((code, output), (0, "a:b\\u001b[31m\nlater\n"))

    def test_usage(self) -> None:
        """What makes no sense is refused in two lines, with exit status 2."""
        for words in (
            ["x"],
            ["-1"],
            ["1e99"],
            ["nan"],
            ["inf"],
            ["1\x00"],
            ["400h", "99999999"],
            ["--every", "0"],
            ["--every", "0.0001"],
            ["--count", "3", "1"],
            ["--every", "1", "--count", "0"],
            ["--every", "1", "--count", "٣"],
            ["--every", "1", "--count", "9" * 5000],
            ["--max-late", "soon"],
            ["--clock", "sundial"],
            ["--at", "25:00"],
            ["--at", "2001-01-01T00:00"],
            ["--fake", "--every", "1"],
            ["--nonsense"],
            ["--reactor"],
        ):
            code, output, errors = inside(calllater, *words)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), (words, errors))

    def test_json_usage(self) -> None:
        """With --json a refusal is an object."""
        code, output, _ = run("calllater", "-j", "x")
        [told] = records(output)
        self.assertEqual((code, told["exit"], told["cause"], told["ok"]), (2, 2, "usage", False))

    def test_many(self) -> None:
        """There is a bound on how many calls are written out."""
        code, _, errors = inside(calllater, "--fake", *["1"] * 10_001)
        self.assertEqual(code, 2)
        self.assertIn("--every makes more", errors)

    def test_series(self) -> None:
        """--every and --count: so many calls, no drift."""
        code, output, _ = run("calllater", "-j", "--every", "0.02", "--count", "20")
        result = records(output)[0]["result"]
        self.assertEqual((code, result["count"]), (0, 20))
        planned = [call["planned"] for call in result["calls"]]
        self.assertEqual(planned, [round(number * 0.02, 6) for number in range(1, 21)])
        self.assertTrue(all(call["late"] >= 0 for call in result["calls"]))


class ReportTests(SynchronousTestCase):
    """How late calls were."""

    def test_text(self) -> None:
        """The report's line as the manual has it; with -v each call before it."""
        code, output, _ = run("calllater", "--report", "-v", "0.05", "0.1:second")
        self.assertEqual(code, 0)
        self.assertRegex(
            output,
            rf"\ARunning the reactor \.\.\.\n{TIME}second\nStopping reactor\nReactor stopped\.\n"
            r"planned 0\.050 s, real 0\.\d{3} s, \d+\.\d ms late, wall clock \d\d:\d\d:\d\d\n"
            r"planned 0\.100 s, real 0\.\d{3} s, \d+\.\d ms late, wall clock \d\d:\d\d:\d\d\n"
            r"2 calls, worst \d+\.\d ms late, p99 \d+\.\d ms, no clock jump(?:; stall .*)?\n\Z",
        )

    def test_json(self) -> None:
        """One object, with every call's times."""
        code, output, errors = run("calllater", "-j", "0.05", "0.05:text")
        [told] = records(output)
        self.assertEqual((code, errors, told["ok"]), (0, "", True))
        first, second = told["result"]["calls"]
        self.assertEqual(sorted(first), ["late", "planned", "real", "wall"])
        self.assertAlmostEqual(first["real"] - first["planned"], first["late"], 5)
        self.assertEqual((second["planned"], second["text"]), (0.05, "text"))
        self.assertEqual(told["result"]["worst_late"], max(first["late"], second["late"]))

    def test_a_busy_loop(self) -> None:
        """A loop blocked for 0.3 s: the call is 0.25 s late or more, --max-late says 1, no clock jumped."""
        words = [sys.executable, "-c", BUSY, "-j", "--max-late", "0.2", "0.21"]
        code, output, errors = finished(words)
        [told] = records(output)
        self.assertEqual((code, told["cause"]), (1, "no"))
        self.assertIn("more than --max-late 0.2 s", errors)
        self.assertGreaterEqual(told["result"]["worst_late"], 0.25)
        self.assertEqual({jump["kind"] for jump in told["result"]["jumps"]}, {"stall"})
        self.assertGreaterEqual(max(jump["seconds"] for jump in told["result"]["jumps"]), 0.1)
        self.assertGreater(max(jump["cpu"] for jump in told["result"]["jumps"]), 0.01)

    def test_in_time(self) -> None:
        """Calls that were in time are no failure."""
        self.assertEqual(run("calllater", "-q", "--max-late", "50", "0.01")[0], 0)

    def test_nothing_was_late(self) -> None:
        """A bound of nothing at all is passed by any real call."""
        code, _, errors = run("calllater", "-q", "--max-late", "0", "0.01")
        self.assertEqual((code, errors.count("\n")), (1, 1))


class ClockTests(SynchronousTestCase):
    """A clock that is set while calls wait; libfaketime sets it for this process alone."""

    def started(self, *words: str) -> subprocess.Popen[str]:
        """A calllater that runs, under a clock that ``set`` moves."""
        require("faketime", FAKETIME.exists())
        folder = tempfile.TemporaryDirectory(prefix="netsuite-clock-")
        self.addCleanup(folder.cleanup)
        self.offset = Path(folder.name, "offset")
        self.set(0)
        env = {
            **environment(),
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return started(self, *words, env=env)

    def set(self, seconds: int) -> None:
        """The clock shows so much more, or less."""
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self.offset)

    def rest(self, process: subprocess.Popen[str], seconds: int) -> str:
        """What is told once the clock was set, after the first line."""
        assert process.stdout is not None
        process.stdout.readline()
        self.set(seconds)
        return process.communicate(timeout=PATIENCE)[0]

    def test_steps(self) -> None:
        """An hour forwards and an hour back: calls stay where they were, and the step is told."""
        for seconds in (3600, -3600):
            process = self.started("-q", "--report", "-v", "0.1:ready", "1.2:second")
            told = self.rest(process, seconds)
            [real] = re.findall(r"planned 1\.200 s, real (\d+\.\d+) s", told)
            self.assertTrue(1.2 <= float(real) < 20, told)
            [step] = re.findall(r"1 clock jump: step of ([+-]\d+\.\d+) s seen at", told)
            self.assertLess(abs(float(step) - seconds), 1.0)

    def test_wall(self) -> None:
        """--clock wall shows what Twisted itself does: set forwards, an hour's wait is over at once."""
        series = ("--every", "0.2", "--count", "5000")
        process = self.started("-q", "--report", "--clock", "wall", "--reactor", "poll", *series)
        told = self.rest(process, 3600)
        [late] = re.findall(r"5000 calls, worst (\d+\.\d+) ms late", told)
        self.assertGreater(float(late), 1000_000)
        [step] = re.findall(r"step of ([+-]\d+\.\d+) s seen at", told)
        self.assertLess(abs(float(step) - 3600), 1.0)

    def test_moments(self) -> None:
        """A time of day is the wall clock's: set past it, its call is made soon."""
        moment = (datetime.now() + timedelta(hours=1)).replace(microsecond=0)
        process = self.started("-q", "--report", "--at", moment.isoformat(), "0.1:ready")
        self.assertIn("2 calls, ", self.rest(process, 3700))
        self.assertEqual(process.returncode, 0)


def started(case: SynchronousTestCase, *words: str, env: Any = None, **options: Any) -> subprocess.Popen[str]:
    """A calllater that runs."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    process = subprocess.Popen(command("calllater", *words), text=True, env=env or environment(), **pipes)
    case.addCleanup(process.communicate)
    case.addCleanup(process.kill)
    return process


class MomentTests(SynchronousTestCase):
    """--at in zones with summer time."""

    def at(self, zone: str, now: str, when: str) -> tuple[int, str, str]:
        """What is said to a moment, at a time, in a zone."""
        epoch = datetime.fromisoformat(now).timestamp()
        self.patch(calllater.time, "time", lambda: epoch)  # type: ignore[attr-defined]
        before = os.environ.get("TZ")
        os.environ["TZ"] = zone
        time.tzset()

        def back() -> None:
            os.environ.pop("TZ")
            if before is not None:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(back)
        return inside(calllater, "--fake", "--at", when)

    ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"

    def test_forwards(self) -> None:
        """02:30 does not exist on that day: refused, and said why."""
        code, _, errors = self.at(self.ZONE, "2026-03-29T00:30:00+01:00", "02:30")
        self.assertEqual(code, 2)
        self.assertIn("--at '02:30' does not exist on 2026-03-29: clocks go forwards by 60 minutes", errors)

    def test_back(self) -> None:
        """02:30 comes twice on that day: the first is taken, and that is said."""
        code, output, errors = self.at(self.ZONE, "2026-10-25T00:30:00+02:00", "02:30")
        self.assertEqual(code, 0)
        self.assertIn("Current time is 02:30:00\n", output)
        self.assertIn("comes twice on 2026-10-25, as 2026-10-25T02:30:00+02:00 and", errors)
        self.assertIn("; the first is meant\n", errors)

    def test_real(self) -> None:
        """A call at a time of day a second away."""
        when = (datetime.now() + timedelta(seconds=1.5)).time().isoformat("milliseconds")
        code, output, _ = run("calllater", "-j", "--at", when)
        [call] = records(output)[0]["result"]["calls"]
        self.assertEqual(code, 0)
        self.assertGreaterEqual(call["late"], 0)

    def test_unknown_zone(self) -> None:
        """Where TZ names no zone a time of day can't be told: 3, never UTC in silence."""
        code, _, errors = run("calllater", "--at", "10:33", env={**environment(), "TZ": "Europe/Berlni"})
        self.assertEqual((code, errors.count("\n")), (3, 1))
        self.assertIn("Europe/Berlni", errors)


class CommandTests(SynchronousTestCase):
    """--exec."""

    def test_slow_commands_move_nothing(self) -> None:
        """A command that takes longer than the period does not move the next call."""
        code, output, _ = run("calllater", "-j", "--exec", "sleep 0.5", "--every", "0.2", "--count", "3")
        result = records(output)[0]["result"]
        self.assertEqual((code, result["commands"]), (0, {"started": 3, "failed": 0, "refused": 0}))
        self.assertLess(result["worst_late"], 0.3)

    def test_output(self) -> None:
        """A command writes where the tool does, with --json to standard error; it reads nothing."""
        code, output, _ = run(
            "calllater", "-q", "--exec", "cat; echo out", "0.01", "0.02:said", input="secret"
        )
        self.assertEqual((code, sorted(output.split())), (0, ["out", "out", "said"]))
        code, output, errors = run("calllater", "-j", "--exec", "echo out", "0.01")
        self.assertEqual((code, len(records(output)), errors), (0, 1, "out\n"))

    def test_failures(self) -> None:
        """A command that fails, is not there or is killed: exit status 1, and said."""
        for text in ("exit 7", "/nonexistent/command", "kill -9 $$"):
            code, _, errors = run("calllater", "-q", "--exec", f"({text}) 2>&-" if "/" in text else text, "0")
            self.assertEqual((code, errors), (1, "calllater: 1 of 1 commands failed\n"), text)

    def test_bound(self) -> None:
        """Commands that never end are not piled up without a bound, and Ctrl-C ends them."""
        process = started(
            self, "-j", "--exec", "echo >&2; exec sleep 600", "--every", "0.01", "--count", "70"
        )
        assert process.stderr is not None
        for _ in range(64):
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        [told] = records(output)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(told["result"]["commands"]["started"], 64)


class ReactorTests(SynchronousTestCase):
    """--reactor."""

    def test_each(self) -> None:
        """Each reactor that is listed as being here runs calls; others say why not."""
        code, output, errors = run("runreactor", "--reactor", "list")
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(output, r"(?m)^select +select\(2\) based reactor\.$")
        self.assertRegex(output, r"(?m)^iocp +not here: \S+")
        working = set(re.findall(r"(?m)^(\w+) +(?!not here)", output))
        self.assertLessEqual({"select", "poll", "asyncio"}, working)
        for name in sorted(working if NIGHTLY else {"select", "asyncio"}):
            told = run("calllater", "-q", "--reactor", name, "0.1:made")
            self.assertEqual(told, (0, "made\n", ""), name)

    def test_not_here(self) -> None:
        """A reactor of another platform is 12, one that nobody knows is 2."""
        code, _, errors = run("calllater", "--reactor", "iocp", "0")
        self.assertEqual((code, errors.count("\n")), (12, 1))
        self.assertIn("not on this machine", errors)
        code, _, errors = run("calllater", "--reactor", "steam", "0")
        self.assertEqual((code, errors.count("\n")), (2, 1))
        self.assertIn("there are ", errors)


class EndTests(SynchronousTestCase):
    """Interrupted, or nobody listens."""

    def test_interrupted(self) -> None:
        """Ctrl-C before the end: the tutorial's last line and exit status 130; SIGTERM: 143."""
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = started(self, "--report", "0:now", "1000")
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            self.assertEqual(lines, ["Running the reactor ...\n", "now\n"])
            process.send_signal(number)
            output, errors = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, code)
            self.assertRegex(output, r"\AReactor stopped\.\n1 call, worst .*\n\Z")
            self.assertEqual(errors, "calllater: interrupted before the work was done\n")

    def test_reader_left(self) -> None:
        """`| head -1`: the line, then exit status 12 in silence."""
        words = command("calllater", "0", "0.2", "0.3")
        done = finished(["bash", "-c", '"$@" | head -1; echo "${PIPESTATUS[0]}"', "bash", *words])
        self.assertEqual(done, (0, "Running the reactor ...\n12\n", ""))

    def test_closed_outputs(self) -> None:
        """Standard output closed: 12 and one line; no standard input, no standard error: all the same."""
        words = command("calllater", "-q", "0:x")
        code, _, errors = finished(["sh", "-c", '"$@" >&-', "sh", *words])
        self.assertEqual((code, errors), (12, "calllater: standard output: is closed\n"))
        self.assertEqual(finished(["sh", "-c", '"$@" <&- 2>&-', "sh", *words]), (0, "x\n", ""))

    def test_help(self) -> None:
        """--help has examples, and exit status 0."""
        code, output, _ = run("calllater", "--help")
        self.assertEqual(code, 0)
        self.assertIn("Examples:\n", output)
