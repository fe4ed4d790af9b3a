"""How every tool runs: its command line read, its work done on the reactor, its end told (R4, R5, R10).

A tool is a subclass of ``ToolOptions``, ``async def main(reactor, options) -> Outcome``, and ``run()``, which
calls ``start(Options, main)``.  Results go to standard output, complaints to standard error.  With ``--json``
standard output has one object a line and nothing else: the outcome's, or one for each ``Results.add``.

The first Ctrl-C or SIGTERM cancels ``main``, which may take ``GRACE_SECONDS`` to tidy up; a second one ends
the process at once.  The process does not wait for threads either: one may sit in the system's resolver for
long after the answer has lost its use.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import errno
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NoReturn

from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.python import usage
from twisted.python.failure import Failure

import twisted
from netsuite.journal import escaped
from netsuite.manual.helptext import help_text
from netsuite.manual.kind import Kind
from netsuite.manual.page import page_of
from netsuite.outcome import EXITS, TERMINATED, Outcome, version

#: Seconds that an interrupted tool gets to tidy up.
GRACE_SECONDS = 2.0

INTERRUPTED = Outcome.failed("interrupted", "interrupted before the work was done")


class NoOutput(OSError):  # noqa: N818 - the end of a tool, not a mistake
    """Standard output is closed, or full."""


class Results:
    """What a tool tells while it runs: lines for people, or JSON objects, never both.

    Raises, where it writes to standard output: NoOutput.
    """

    def __init__(self, tool: str, *, as_json: bool, quiet: bool = False) -> None:
        self.as_json, self._tool, self._quiet = as_json, tool, quiet
        self.count = 0
        self.begin()

    def begin(self) -> None:
        """From now on the next result's time is measured."""
        self._started, self._began = time.time(), time.monotonic()

    def add(self, outcome: Outcome, target: Mapping[str, object]) -> None:
        """Tell a result as JSON, where JSON is asked for; the next one's time begins."""
        elapsed_ms = (time.monotonic() - self._began) * 1000
        self.count += 1
        if self.as_json:
            _write(
                outcome.record(tool=self._tool, target=target, started=self._started, elapsed_ms=elapsed_ms)
            )
        self.begin()

    def line(self, text: str) -> None:
        """Tell a result to people, without characters that would play tricks on a terminal."""
        if not self.as_json:
            _write(escaped(text))

    def document(self, text: str) -> None:
        """Tell a whole document in a format of machines, as it is."""
        if not self.as_json:
            _write(text)

    def note(self, text: str) -> None:
        """Tell people something beside the results, on standard error, unless they want quiet."""
        if not self._quiet:
            complain(self._tool, text)

    def warn(self, text: str) -> None:
        """Tell people something that matters, on standard error, also if they want quiet."""
        complain(self._tool, text)


class ToolOptions(usage.Options):
    """What every tool's command line has.  ``target``: what the tool is about, for JSON; set by the tool.

    ``kinds`` are those of the values of its options, ``operands`` of what follows them (``manual.page``).
    """

    tool: ClassVar[str] = ""
    examples: ClassVar[str] = ""
    heading: ClassVar[str] = "Options of every tool"
    kinds: ClassVar[dict[str, Kind]] = {}
    operands: ClassVar[tuple[Kind, ...]] = ()

    optFlags: ClassVar[list[list[Any]]] = [
        ["json", "j", "Tell results as JSON, one object a line."],
        ["quiet", "q", "Say nothing beside the results."],
        ["debug", None, "Show a traceback where the program itself failed."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.target: dict[str, object] = {}
        self.results = Results(self.tool, as_json=False)

    def postOptions(self) -> None:
        """Results are told as asked for."""
        self.results = Results(self.tool, as_json=bool(self["json"]), quiet=bool(self["quiet"]))

    def getUsage(self, width: int | None = None) -> str:
        """Return what the tool is for, its options, and examples."""
        return help_text(page_of(self, self.tool, ""), width)

    @property
    def called(self) -> str:
        """Return the words that start it: the tool's name, or ``netsuite status`` where it is no program."""
        words = str(getattr(self, "synopsis", "")).split()[1:3]
        return " ".join(words) if words[:1] == ["netsuite"] else self.tool

    def take_reactor(self) -> Any:
        """Return the reactor that the work is done on; the command line has been read."""
        from twisted.internet import reactor

        return reactor

    def stopped(self, interrupted: Outcome) -> Outcome:
        """Return how work ended that a signal has ended; a tool meant to be ended so says otherwise."""
        return interrupted

    def complain(self, outcome: Outcome) -> None:
        """A failure is told to people; a tool that has words of its own for it says otherwise."""
        message = outcome.message or ""
        if outcome.cause != "usage":
            complain(self.called, message)
        elif message.startswith("Usage: "):  # the tutorial's own line
            _say(escaped(message))
        else:
            complain(self.called, f"{message.rstrip('.')}; try {self.called} --help")

    def opt_version(self) -> NoReturn:
        """Print the versions and exit."""
        _write(f"netsuite {version()} (Twisted {twisted.__version__}, Python {platform.python_version()})")
        raise SystemExit(0)


Main = Callable[[Any, Any], Coroutine[Any, Any, Outcome]]


def start(kind: type[ToolOptions], main: Main, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a tool to its end and exit with its code."""
    options = kind()
    arguments = sys.argv[1:] if arguments is None else arguments
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug = "--debug" in words
    globalLogBeginner.beginLoggingTo(
        [textFileLogObserver(sys.stderr)] if debug else [], discardBuffer=True, redirectStandardIO=False
    )
    try:
        try:
            outcome = _work(options, main, arguments)
        except NoOutput:
            raise
        except (Exception, KeyboardInterrupt) as error:
            outcome = failure(error, debug)
        finish(options, outcome, as_json=bool(options.get("json") or {"-j", "--json"} & set(words)))
        code = outcome.exit
    except NoOutput as error:
        if error.errno != errno.EPIPE:  # whoever read has just left, and knows why
            complain(kind.tool, f"standard output: {error.strerror}")
        code = EXITS["local"]
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    leave(code)


def _work(options: ToolOptions, main: Main, arguments: Sequence[str]) -> Outcome:
    options.parseOptions(list(arguments))
    return Running(options.take_reactor(), options, main).run()


class Running:
    """One tool's work on the reactor, until it is done or interrupted."""

    def __init__(self, reactor: Any, options: ToolOptions, main: Main) -> None:
        self._reactor, self._options, self._main = reactor, options, main
        self._outcome: Outcome | BaseException | None = None
        self._interrupted: Outcome | None = None
        self._work: Deferred[Outcome] | None = None

    def run(self) -> Outcome:
        """Return the outcome.  Raises: whatever ``main`` raises."""
        self._reactor.callWhenRunning(self._start)
        self._reactor.run()
        if self._interrupted is not None:
            return self._options.stopped(self._interrupted)
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        if self._work is None:  # SIGTERM, before it was ours to see
            return self._options.stopped(replace(INTERRUPTED, exit=TERMINATED))
        if self._outcome is None:
            raise RuntimeError("the reactor was stopped before the work was done")
        return self._outcome

    def _start(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)
        self._work = Deferred.fromCoroutine(self._main(self._reactor, self._options))
        self._work.addBoth(self._done)

    def _done(self, result: Outcome | Failure) -> None:
        self._outcome = result.value if isinstance(result, Failure) else result
        self._reactor.crash()  # stop() would wait for threads

    def _signalled(self, number: int, _frame: object) -> None:
        code = EXITS["interrupted"] if number == signal.SIGINT else TERMINATED
        if self._interrupted is not None:
            os._exit(code)
        self._interrupted = replace(INTERRUPTED, exit=code)
        self._reactor.callFromThread(self._cancel)

    def _cancel(self) -> None:
        self._reactor.callLater(GRACE_SECONDS, self._reactor.crash)
        if self._work is not None:
            self._work.cancel()


def failure(error: BaseException, debug: bool) -> Outcome:
    """Return the outcome of an error; of a bug of ours the place is told, and all of it with ``debug``."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    outcome = Outcome.of(error)
    if outcome.cause != "internal":
        return outcome
    if debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {os.path.basename(place[0].filename)}:{place[0].lineno}" if place else ""
    return Outcome.failed("internal", f"{outcome.message}{where}{'' if debug else '; --debug shows more'}")


def finish(options: ToolOptions, outcome: Outcome, *, as_json: bool) -> None:
    """Say how it ended: to people if it failed, as JSON if no result was told before."""
    if not outcome.ok and outcome.message:
        options.complain(outcome)
    if as_json and not options.results.count:
        options.results.as_json = True
        options.results.add(outcome, options.target)


def complain(tool: str, text: str) -> None:
    """Write to standard error, a line for each of the text's; where that is closed nobody listens."""
    _say("\n".join(f"{tool}: {escaped(line)}" for line in text.splitlines()))


def _say(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def _write(line: str) -> None:
    try:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise NoOutput(error.errno, error.strerror) from None
    except (AttributeError, ValueError):  # None, or closed
        raise NoOutput(errno.EBADF, "is closed") from None


def leave(code: int) -> NoReturn:
    """End the process with ``code``, whatever threads still wait for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, AttributeError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1 if stream is sys.stdout else 2)  # else Python's own end complains again
    if threading.active_count() > 1:
        os._exit(code)
    raise SystemExit(code)
