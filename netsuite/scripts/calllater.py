"""calllater: calls at their times, and how late they really were; what the clocks did meanwhile.

Delays are counted by the monotonic clock: Twisted's own reactors mostly count by the wall clock, and setting
that moves every call that waits (``--clock wall`` shows it).  Moments (``--at``) are the wall clock's.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, NoReturn

from twisted.internet.defer import CancelledError, Deferred
from twisted.python import usage

from netsuite.clocks import Beside, Ticks, check_zone, wall_text
from netsuite.outcome import Outcome
from netsuite.scripts import reactors
from netsuite.scripts.commands import Commands
from netsuite.scripts.running import ToolOptions, start
from netsuite.timing.jumps import Jump, Watch
from netsuite.timing.moment import Moment, parse_moment
from netsuite.timing.schedule import Call, Lateness, Made, Plan, series
from netsuite.values import parse_seconds

#: Seconds between two looks at the clocks, and from which a tick is so late that it tells of a stall.
TICK_SECONDS = 0.25
STALL_SECONDS = 0.1

#: The tutorial's calls, and when it stops the reactor.
TUTORIAL = ("1", "2", "3", "4")
TUTORIAL_END = 5.0

#: Longest delay, shortest period, most calls of the command line and of a series.
DELAY_MAX = 366 * 86400.0
EVERY_LEAST = 0.001
CALLS_MAX = 10_000
COUNT_MAX = 10**9

#: Commands that run at a time, jumps that are kept.
COMMANDS_MAX = 64
JUMPS_KEPT = 1000


class Options(ToolOptions):
    """The command line of calllater."""

    tool = "calllater"
    synopsis = "Usage: calllater [options] [DELAY[:TEXT]...]"
    longdesc = (
        "Make calls after delays, and say how late they were.  Without calls: the tutorial's, at 1 to 4 "
        "seconds.  Exit status: 0 all calls made, 1 --max-late passed or a command failed, 2 usage, "
        "3 a clock can't be read, 130 Ctrl-C."
    )
    examples = """Examples:
  calllater                                        the time, once a second
  calllater --report 0.5 2:'two seconds' 3         and how late each call was
  calllater --every 60 --exec 'df -h / >>disk.log' a command each minute, until Ctrl-C
  calllater --at 10:33:44 --exec ./backup          a command at a time of day
  calllater --every 0.01 --count 500 --max-late 0.05 -q    is this machine in time? exit status 1 if not"""

    optFlags: ClassVar[list[list[Any]]] = [
        ["report", None, "Tell how late the calls were, and what the clocks did."],
        ["verbose", "v", "With --report, each call's times."],
        ["fake", None, "Don't wait: show the whole schedule at once."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["every", None, None, "Call again and again, so many seconds apart."],
        ["count", None, None, "End after so many of these (never)."],
        ["max-late", None, None, "Exit status 1 if a call is later than so many seconds."],
        ["clock", None, "monotonic", "Count delays by: monotonic, or wall as Twisted itself does."],
        ["exec", None, None, "Shell command to run at each call."],
        ["reactor", None, None, "Twisted's reactor to run on; `list` tries all."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[str] = []
        self.calls: list[Call] = []
        self.remarks: list[str] = []
        self.every: float | None = None
        self.count: int | None = None
        self.max_late: float | None = None
        self.end: float | None = None
        self.report: dict[str, object] | None = None

    def opt_at(self, time: str) -> None:
        """Call at a time of day or a moment, as 10:33:44 or 2026-01-05T10:33. (repeat)"""
        self.moments.append(time)

    def parseArgs(self, *calls: str) -> None:
        """Take the calls."""
        if len(calls) + len(self.moments) > CALLS_MAX:
            raise usage.UsageError(f"at most {CALLS_MAX} calls; --every makes more")
        self.calls = [parse_call(text, position) for position, text in enumerate(calls)]

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError, ClockUnreadable."""
        super().postOptions()
        if self["clock"] not in ("monotonic", "wall"):
            raise usage.UsageError("--clock is monotonic or wall")
        if self["count"] is not None:
            if self["every"] is None:
                raise usage.UsageError("--count needs --every")
            self.count = whole("--count", self["count"])
        if self["every"] is not None:
            self.every = seconds("--every", self["every"])
            if self.every < EVERY_LEAST:
                raise usage.UsageError(f"--every is at least {EVERY_LEAST}")
        if self["max-late"] is not None:
            self.max_late = seconds("--max-late", self["max-late"])
        if self.moments:
            check_zone()
            now = time.time()
            for position, text in enumerate(self.moments, len(self.calls)):
                moment = understood(text, now)
                if moment.remark is not None:
                    self.remarks.append(f"--at {text} {moment.remark}")
                self.calls.append(Call(moment.epoch, position, at=True))
        if not self.calls and self.every is None:
            self.calls = [parse_call(text, position) for position, text in enumerate(TUTORIAL)]
            self.end = TUTORIAL_END
        if self["fake"] and self.every is not None and self.count is None:
            raise usage.UsageError("--fake needs an end: --every with --count")

    def repeated(self) -> Iterator[Call]:
        """Return the calls of --every."""
        return iter(()) if self.every is None else series(self.every, self.count, len(self.calls))

    def take_reactor(self) -> Any:
        """Return the reactor asked for, which counts by the monotonic clock unless asked not to."""
        if self["reactor"] not in (None, reactors.LIST):
            reactors.install(self["reactor"])
        reactor = super().take_reactor()
        return reactors.steady(reactor) if self["clock"] == "monotonic" else reactor

    def stopped(self, interrupted: Outcome) -> Outcome:
        """An interruption is told with what was found out until then."""
        return replace(interrupted, result=self.report)


def parse_call(text: str, position: int) -> Call:
    """Return the call of ``0.5`` or ``2:two seconds``.  Raises: UsageError."""
    delay, _colon, said = text.partition(":")
    return Call(seconds("a call", delay), position, said or None)


def seconds(what: str, text: str) -> float:
    """Return a duration.  Raises: UsageError."""
    try:
        found = parse_seconds(text)
    except ValueError as error:
        raise usage.UsageError(f"{what}: {text[:80]!r} {error}") from None
    if found > DELAY_MAX:
        raise usage.UsageError(f"{what}: {text[:80]!r} is over a year")
    return found


def whole(what: str, text: str) -> int:
    """Return a number of calls.  Raises: UsageError."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:20]) <= COUNT_MAX:
        raise usage.UsageError(f"{what}: {text[:80]!r} is no number from 1 to {COUNT_MAX}")
    return int(text)


def understood(text: str, now: float) -> Moment:
    """Return the moment of --at.  Raises: UsageError."""
    try:
        return parse_moment(text, now)
    except ValueError as error:
        raise usage.UsageError(f"--at {text[:80]!r} {error}") from None


class Run:
    """One run of the schedule.  Twisted's own timers wait; when they come, the plan says what is due."""

    def __init__(self, reactor: Any, options: Options) -> None:
        self._reactor, self._options, self._results = reactor, options, options.results
        self._plan = Plan(options.calls, options.repeated())
        self.lateness = Lateness()
        self.jumps: deque[Jump] = deque(maxlen=JUMPS_KEPT)
        self._timer: Any = None
        self._over: Deferred[None] | None = None
        watch = Watch(TICK_SECONDS, STALL_SECONDS)
        if options["clock"] == "monotonic":
            self._ticks: Ticks | Beside = Ticks(
                reactor, watch, TICK_SECONDS, told=self.jumps.append, failed=self._fail, after=self._look
            )
        else:
            self._ticks = Beside(watch, TICK_SECONDS, self.jumps.append)
        self._null = os.open(os.devnull, os.O_RDONLY)
        outputs = {0: self._null, 1: 2 if self._results.as_json else 1, 2: 2}
        self.commands = Commands(reactor, COMMANDS_MAX, outputs)

    async def all_calls(self) -> None:
        """All calls are made, and the commands that they started are over.  Raises: ClockUnreadable."""
        self._began, self._began_wall = self._reactor.seconds(), time.time()
        self._ticks.start()
        try:
            self._over = Deferred()
            self._wait()
            await self._over
            await self.commands.idle()
        finally:
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            self._ticks.end()
            self.commands.stop()
            os.close(self._null)

    def _elapsed(self) -> float:
        return float(self._reactor.seconds() - self._began)

    def _wait(self) -> None:
        seconds = self._plan.wait(self._elapsed(), time.time())
        if seconds is None and self._options.end is not None:
            seconds = max(0.0, self._options.end - self._elapsed())
        if seconds is not None:
            self._timer = self._reactor.callLater(seconds, self._due)
        else:
            self._end()

    def _look(self) -> None:
        """The clocks have been read: the wall clock's moments may have come nearer."""
        if self._plan.has_moments and self._timer is not None and self._timer.active():
            self._timer.cancel()
            self._wait()

    def _due(self) -> None:
        try:
            while True:
                elapsed, wall = self._elapsed(), time.time()
                call = self._plan.take(elapsed, wall)
                if call is None:
                    break
                self._make(call, elapsed, wall)
        except Exception:  # standard output is gone, above all
            self._fail()
            return
        if self._plan.wait(elapsed, wall) is None and elapsed >= (self._options.end or 0.0):
            self._end()
        else:
            self._wait()

    def _end(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over.callback(None)

    def _fail(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over.errback()

    def _make(self, call: Call, elapsed: float, wall: float) -> None:
        planned = call.due if not call.at else elapsed - (wall - call.due)
        self.lateness.add(Made(planned, elapsed, wall, call.text))
        command = self._options["exec"]
        if call.text is not None or command is None:
            self._results.line(call.text if call.text is not None else f"Current time is {wall_text(wall)}")
        if command is not None:
            self.commands.run(command)


def told(run: Run) -> dict[str, object]:
    """Return what was found out, for JSON."""
    calls = []
    for made in run.lateness.calls:
        call: dict[str, object] = {
            "planned": round(made.planned, 6),
            "real": round(made.real, 6),
            "late": round(made.late, 6),
            "wall": wall_text(made.wall),
        }
        calls.append(call if made.text is None else {**call, "text": made.text})
    result: dict[str, object] = {
        "calls": calls,
        "count": run.lateness.count,
        "worst_late": round(run.lateness.worst, 6),
        "p99_late": round(run.lateness.p99, 6),
        "jumps": [jump.record() for jump in run.jumps],
    }
    commands = run.commands
    if commands.started or commands.refused:
        result["commands"] = {
            "started": commands.started,
            "failed": commands.failures,
            "refused": commands.refused,
        }
    return result


def summary(lateness: Lateness, jumps: deque[Jump]) -> str:
    """Return the report's last line."""
    calls = f"{lateness.count} call{'' if lateness.count == 1 else 's'}"
    late = f"worst {lateness.worst * 1000:.1f} ms late, p99 {lateness.p99 * 1000:.1f} ms"
    return f"{calls}, {late}, {jumps_text(jumps)}"


def jumps_text(jumps: deque[Jump]) -> str:
    """Return what the clocks did, in words."""
    clocks = [jump for jump in jumps if jump.kind != "stall"]
    stalls = [jump for jump in jumps if jump.kind == "stall"]
    text = "; ".join(f"{jump} seen at {wall_text(jump.real)}" for jump in (*clocks, *stalls))
    number = f"{len(clocks)} clock jump{'' if len(clocks) == 1 else 's'}" if clocks else "no clock jump"
    return f"{number}: {text}" if clocks else f"{number}; {text}" if stalls else number


def outcome_of(run: Run, options: Options) -> Outcome:
    """Return how a run ended whose calls were all made."""
    result, faults = told(run), []
    if options.max_late is not None and run.lateness.worst > options.max_late:
        faults.append(
            f"a call was {run.lateness.worst:.3f} s late, more than --max-late {options.max_late:g} s"
        )
    commands = run.commands
    if commands.failures:
        faults.append(f"{commands.failures} of {commands.started} commands failed")
    if commands.refused:
        faults.append(f"{commands.refused} commands not started: {COMMANDS_MAX} ran already")
    return Outcome.failed("no", "; ".join(faults), result=result) if faults else Outcome.done(**result)


def closing(run: Run, options: Options) -> None:
    """Tell that the reactor stops, and what the report has."""
    options.report = told(run)
    say(options, "Reactor stopped.")
    if not options["report"]:
        return
    if options["verbose"]:
        for made in run.lateness.calls:
            times = f"planned {made.planned:.3f} s, real {made.real:.3f} s, {made.late * 1000:.1f} ms late"
            options.results.line(f"{times}, wall clock {wall_text(made.wall)}")
    options.results.line(summary(run.lateness, run.jumps))


def say(options: Options, text: str) -> None:
    """Tell people what goes on, unless they want quiet."""
    if not options["quiet"]:
        options.results.line(text)


async def fake(options: Options) -> Outcome:
    """Tell the whole schedule as if time flew; no command is run."""
    plan, began, elapsed = Plan(options.calls, options.repeated()), time.time(), 0.0
    say(options, "Running the reactor ...")
    count = 0
    while (wait := plan.wait(elapsed, began + elapsed)) is not None:
        elapsed += wait
        while (call := plan.take(elapsed, began + elapsed)) is not None:
            count += 1
            options.results.line(call.text or f"Current time is {wall_text(began + elapsed)}")
    say(options, "Stopping reactor")
    say(options, "Reactor stopped.")
    return Outcome.done(count=count)


async def main(reactor: Any, options: Options) -> Outcome:
    """Make the calls, and tell how late they were."""
    if options["reactor"] == reactors.LIST:
        return await reactors.tell(options.results)
    for remark in options.remarks:
        options.results.note(remark)
    if options["fake"]:
        return await fake(options)
    run = Run(reactor, options)
    say(options, "Running the reactor ...")
    try:
        await run.all_calls()
        say(options, "Stopping reactor")
    except CancelledError:
        closing(run, options)
        raise
    closing(run, options)
    return outcome_of(run, options)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
