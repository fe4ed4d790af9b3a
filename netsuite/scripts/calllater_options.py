"""The command line of calllater."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from twisted.python import usage

from netsuite.clocks import check_zone
from netsuite.manual.kind import CALL, COMMAND, MOMENT, NAME, NUMBER, SECONDS, Kind, one_of
from netsuite.outcome import Outcome
from netsuite.scripts import reactors
from netsuite.scripts.running import ToolOptions
from netsuite.timing.moment import Moment, parse_moment
from netsuite.timing.schedule import Call, series
from netsuite.values import parse_seconds

#: The tutorial's calls, and when it stops the reactor.
TUTORIAL = ("1", "2", "3", "4")
TUTORIAL_END = 5.0

#: Longest delay, shortest period, most calls of the command line and of a series.
DELAY_MAX = 366 * 86400.0
EVERY_LEAST = 0.001
CALLS_MAX = 10_000
COUNT_MAX = 10**9


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
  calllater --every 60 --exec 'df -h / >>disk.log'
      a command each minute, until Ctrl-C
  calllater --at 10:33:44 --exec ./backup          a command at a time of day
  calllater --every 0.01 --count 500 --max-late 0.05 -q
      is this machine in time? exit status 1 if not"""

    optFlags: ClassVar[list[list[Any]]] = [
        ["report", None, "Tell how late the calls were, and what the clocks did."],
        ["verbose", "v", "With --report, each call's times."],
        ["fake", None, "Don't wait: show the whole schedule at once."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["every", None, None, "Call again and again, so many seconds apart."],
        ["count", None, None, "End after so many calls of --every (never)."],
        ["max-late", None, None, "Exit status 1 if a call is later than so many seconds."],
        ["clock", None, "monotonic", "Count delays by: monotonic, or wall as Twisted itself does."],
        ["exec", None, None, "Shell command to run at each call."],
        ["reactor", None, None, "Twisted's reactor to run on; `list` tries all."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "every": SECONDS,
        "count": NUMBER,
        "max-late": SECONDS,
        "clock": one_of("CLOCK", "monotonic", "wall"),
        "exec": COMMAND,
        "reactor": NAME,
        "at": MOMENT,
    }
    operands = (CALL,)

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
