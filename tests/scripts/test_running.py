"""What every tool does around its work: outcomes, signals, closed outputs, bugs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.scripts.tools import PATIENCE, environment, finished, records

PROGRAM = """
import sys, threading
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start

class Options(ToolOptions):
    tool = "probe"
    def parseArgs(self, *words):
        self.target = {"words": list(words)}
        if "interrupt" in words:
            raise KeyboardInterrupt

async def main(reactor, options):
    %s

start(Options, main)
"""

WAIT = 'sys.stderr.write("ready\\n"); sys.stderr.flush(); await Deferred()'

STUBBORN = """
    try:
        sys.stderr.write("ready\\n"); sys.stderr.flush()
        await Deferred()
    except CancelledError:
        sys.stderr.write("tidying\\n"); sys.stderr.flush()
        await Deferred()
"""


def probe(body: str) -> list[str]:
    """Return the command line of a tool that does ``body``."""
    return [sys.executable, "-c", PROGRAM % body]


def outputs(how: str, words: list[str]) -> list[str]:
    """Return the command line that runs ``words`` with a shell's redirections."""
    return ["sh", "-c", f'exec "$@" {how}', "sh", *words]


class EndTests(SynchronousTestCase):
    """How a tool ends."""

    def test_done(self) -> None:
        """Done: nothing is said, or one object."""
        words = probe("return Outcome.done(count=3)")
        self.assertEqual(finished(words), (0, "", ""))
        code, output, errors = finished([*words, "-j", "a"])
        [told] = records(output)
        self.assertEqual((code, errors, told["result"], told["ok"]), (0, "", {"count": 3}, True))
        self.assertEqual((told["tool"], told["target"]), ("probe", {"words": ["a"]}))

    def test_error(self) -> None:
        """An error of the network has its code, and its text on standard error."""
        words = probe('raise ConnectionRefusedError(111, "Connection refused")')
        text = "Connection was refused by other side: 111: Connection refused."
        self.assertEqual(finished(words), (5, "", f"probe: {text}\n"))
        code, output, _ = finished([*words, "--json"])
        [told] = records(output)
        self.assertEqual((code, told["cause"], told["message"]), (5, "refused", text))

    def test_bug(self) -> None:
        """A bug of ours is one line that has its place and not its text; with --debug the traceback."""
        words = probe('raise KeyError("hunter2")')
        code, output, errors = finished(words)
        self.assertEqual((code, output, errors.count("\n")), (70, "", 1))
        self.assertRegex(errors, r"^probe: internal error \(KeyError\) at <string>:\d+; --debug shows more$")
        code, _, errors = finished([*words, "--debug"])
        self.assertEqual(code, 70)
        self.assertIn("Traceback", errors)

    def test_several_results(self) -> None:
        """Lines for people, or an object each, and no further one."""
        words = probe(
            'options.results.add(Outcome.done(), {"n": 1}); options.results.line("one\\x1b[31m")\n'
            '    options.results.note("beside"); return Outcome(1)'
        )
        self.assertEqual(finished(words), (1, "one\\u001b[31m\n", "probe: beside\n"))
        code, output, errors = finished([*words, "-j", "-q"])
        self.assertEqual((code, errors, [told["target"] for told in records(output)]), (1, "", [{"n": 1}]))

    def test_threads_are_not_waited_for(self) -> None:
        """A thread that never ends, as in a resolver, does not hold the end up."""
        words = probe("reactor.callInThread(threading.Event().wait); return Outcome.done()")
        self.assertEqual(finished(words), (0, "", ""))

    def test_a_stopped_reactor(self) -> None:
        """Whoever stops the reactor before the work is done has made a mistake, and is told."""
        code, _, errors = finished(probe("reactor.callLater(0, reactor.stop); await Deferred()"))
        self.assertEqual((code, errors.count("RuntimeError")), (70, 1))


class OutputTests(SynchronousTestCase):
    """Outputs that are not there."""

    LINE = 'options.results.line("ü"); return Outcome.done()'

    def test_closed(self) -> None:
        """Standard output that is closed or full is told, with exit status 12."""
        for how, text in ((">&-", "closed"), (">/dev/full", "No space left")):
            for words in (probe(self.LINE), [*probe("return Outcome.done()"), "-j"]):
                code, _, errors = finished(outputs(how, words))
                self.assertEqual((code, errors.count("\n")), (12, 1), errors)
                self.assertIn(text, errors)

    def test_reader_left(self) -> None:
        """A reader that leaves ends the tool with 12, and without noise."""
        reading, writing = os.pipe()
        os.close(reading)
        try:
            code, _, errors = finished(probe(self.LINE), stdout=writing)
        finally:
            os.close(writing)
        self.assertEqual((code, errors), (12, ""))

    def test_no_standard_error(self) -> None:
        """Without standard error complaints are lost, and nothing else."""
        code, output, _ = finished(outputs("2>&-", probe(self.LINE)))
        self.assertEqual((code, output), (0, "ü\n"))
        code, _, _ = finished(outputs("2>&-", probe("raise ConnectionRefusedError(111)")))
        self.assertEqual(code, 5)

    def test_narrow_terminal(self) -> None:
        """What standard output cannot show is escaped."""
        narrow = {**environment(), "PYTHONIOENCODING": "ascii"}
        self.assertEqual(finished(probe(self.LINE), env=narrow), (0, "\\xfc\n", ""))


class SignalTests(SynchronousTestCase):
    """Ctrl-C and SIGTERM."""

    def started(self, body: str, *arguments: str) -> subprocess.Popen[str]:
        """Return a tool that has said that it is ready."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([*probe(body), *arguments], text=True, env=environment(), **pipes)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.expect(process, "ready")
        return process

    def expect(self, process: subprocess.Popen[str], line: str) -> None:
        """Read one line of standard error."""
        assert process.stderr is not None
        self.assertEqual(process.stderr.readline(), line + "\n")

    def test_interrupted(self) -> None:
        """The work is cancelled, and the exit status says by what."""
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.started(WAIT, "-j")
            process.send_signal(number)
            output, errors = process.communicate(timeout=PATIENCE)
            [told] = records(output)
            self.assertEqual((process.returncode, told["exit"], told["cause"]), (code, code, "interrupted"))
            self.assertEqual(errors, "probe: interrupted before the work was done\n")

    def test_twice(self) -> None:
        """A tool that does not come to its end is ended by a second signal."""
        process = self.started(STUBBORN)
        process.send_signal(signal.SIGINT)
        self.expect(process, "tidying")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)

    def test_tidying_is_bounded(self) -> None:
        """Without a second signal it ends after a while by itself."""
        process = self.started(STUBBORN)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 143)

    def test_before_the_work(self) -> None:
        """Ctrl-C while the command line is read ends as quietly."""
        code, _, errors = finished([*probe("return Outcome.done()"), "interrupt"])
        self.assertEqual((code, errors), (130, "probe: interrupted before the work was done\n"))
