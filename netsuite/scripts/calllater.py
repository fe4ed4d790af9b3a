"""calllater: calls at their times, and how late they really were; what the clocks did meanwhile.

Delays are counted by the monotonic clock: Twisted's own reactors mostly count by the wall clock, and setting
that moves every call that waits (``--clock wall`` shows it).  Moments (``--at``) are the wall clock's.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import time
from collections import deque
from typing import Any, NoReturn

from twisted.internet.defer import CancelledError, Deferred

from netsuite.clocks import Beside, Ticks, wall_text
from netsuite.outcome import Outcome
from netsuite.scripts import reactors
from netsuite.scripts.calllater_options import Options
from netsuite.scripts.commands import Commands
from netsuite.scripts.running import start
from netsuite.timing.jumps import Jump, Watch
from netsuite.timing.schedule import Call, Lateness, Made, Plan

#: Seconds between two looks at the clocks, and from which a tick is so late that it tells of a stall.
TICK_SECONDS = 0.25
STALL_SECONDS = 0.1

#: Commands that run at a time, jumps that are kept.
COMMANDS_MAX = 64
JUMPS_KEPT = 1000


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
