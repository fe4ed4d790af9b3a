"""runreactor: a reactor that runs until it is stopped, and what held it up meanwhile."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from collections import Counter
from typing import Any, ClassVar, NoReturn

from twisted.internet.defer import CancelledError, Deferred
from twisted.python import usage

from netsuite.clocks import Ticks, wall_text
from netsuite.manual.kind import NAME, SECONDS, Kind
from netsuite.outcome import Outcome
from netsuite.scripts import reactors
from netsuite.scripts.running import ToolOptions, start
from netsuite.timing.jumps import Jump, Watch
from netsuite.values import parse_seconds

#: Ticks within the shortest stall that is told: its length is known to so much of it.
TICKS = 10

#: What is told, in this order.
KINDS = ("stall", "suspend", "step", "slew")

#: Bounds of --over, in seconds.
OVER_LEAST, OVER_MAX = 0.01, 3600.0


class Options(ToolOptions):
    """The command line of runreactor."""

    tool = "runreactor"
    synopsis = "Usage: runreactor [options]"
    longdesc = (
        "Run a reactor until Ctrl-C or SIGTERM.  Exit status: 0 stopped, 2 usage, 3 a clock can't be read, "
        "12 standard output closed, or no such reactor here."
    )
    examples = """Examples:
  runreactor                             Ctrl-C stops it
  runreactor --stall-report
      tell each time that this process did not run for 0.1 s
  runreactor --stall-report --over 1 -j
      the same from a second on, as JSON Lines
  runreactor --reactor list              which reactors this machine has"""

    optFlags: ClassVar[list[list[Any]]] = [
        ["stall-report", None, "Tell stalls, clock jumps and suspends as they happen."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["over", None, "0.1", "Seconds from which a stall is told."],
        ["reactor", None, None, "Twisted's reactor to run; `list` tries all."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "over": SECONDS,
        "reactor": NAME,
    }

    def __init__(self) -> None:
        super().__init__()
        self.over = 0.0
        self.report: dict[str, object] = {}

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        try:
            self.over = parse_seconds(self["over"])
        except ValueError as error:
            raise usage.UsageError(f"--over: {self['over'][:80]!r} {error}") from None
        if not OVER_LEAST <= self.over <= OVER_MAX:
            raise usage.UsageError(f"--over is from {OVER_LEAST} to {OVER_MAX:g} seconds")

    def parseArgs(self, *words: str) -> None:
        """There are none.  Raises: UsageError."""
        if words:
            raise usage.UsageError("runreactor takes no arguments")

    def take_reactor(self) -> Any:
        """Return the reactor asked for; its timers count by the monotonic clock."""
        if self["reactor"] not in (None, reactors.LIST):
            reactors.install(self["reactor"])
        return reactors.steady(super().take_reactor())

    def stopped(self, interrupted: Outcome) -> Outcome:
        """Being stopped is the end that it is meant to have."""
        return Outcome.done(**self.report)


class Report:
    """Tells jumps as they come, and counts them."""

    def __init__(self, options: Options) -> None:
        self._results, self._target = options.results, options.target
        self.counts: Counter[str] = Counter()
        self.longest = 0.0

    def tell(self, jump: Jump) -> None:
        """One more."""
        self.counts[jump.kind] += 1
        if jump.kind == "stall":
            self.longest = max(self.longest, jump.seconds)
        self._results.line(f"{wall_text(jump.real)} {jump}")
        self._results.add(Outcome.done(**jump.record()), self._target)

    def record(self) -> dict[str, object]:
        """Return the counts, for JSON."""
        return {"counts": dict(self.counts), "longest_stall": round(self.longest, 6)}

    def summary(self) -> str:
        """Return the counts, for people."""
        counts = self.counts
        parts = [f"{counts[kind]} {kind}{'' if counts[kind] == 1 else 's'}" for kind in KINDS if counts[kind]]
        longest = f", longest stall {self.longest:.3f} s" if counts["stall"] else ""
        return (", ".join(parts) or "no stall, no clock jump") + longest


async def main(reactor: Any, options: Options) -> Outcome:
    """Run until stopped."""
    results = options.results
    if options["reactor"] == reactors.LIST:
        return await reactors.tell(results)
    stopped: Deferred[None] = Deferred()
    report = Report(options)
    watch = Watch(options.over / TICKS, options.over)
    ticks = Ticks(reactor, watch, options.over / TICKS, told=report.tell, failed=stopped.errback)
    if options["stall-report"]:
        ticks.start()
    say(options, "Running the reactor ...")
    try:
        await stopped
    except CancelledError:
        say(options, "Reactor stopped.")
        if options["stall-report"]:
            ticks.end()
            results.line(report.summary())
            options.report = report.record()
            if results.count:
                results.add(Outcome.done(**options.report), options.target)
        raise
    raise AssertionError("nobody ends it but a signal")


def say(options: Options, text: str) -> None:
    """Tell people what goes on, unless they want quiet."""
    if not options["quiet"]:
        options.results.line(text)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
