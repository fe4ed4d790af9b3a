"""Whether the machine's clock can be right: days of counts, certificates and retention go by it.

It can't be if it is before the date of this program's own files, or before the last write to a store.
Whether it is set is watched while everything else is looked at; whether somebody keeps it right, the kernel
knows.
"""

from __future__ import annotations

import ctypes
import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from netsuite import clocks
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding
from netsuite.timing.jumps import Jump, Sample, Watch

#: Seconds by which a date may be later than the clock: time zones of file systems, archives made elsewhere.
SLACK_SECONDS = 26 * 3600.0

#: The same of a file that this machine wrote.
WRITE_SLACK_SECONDS = 60.0

#: What adjtimex(2) returns where nobody keeps the clock right.
_UNSYNCHRONISED = 5


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of the clock.  ``built``: when the newest of the program's files was written.

    ``written``: (file, when) of stores; ``is_kept``: whether it is synchronised, None if nobody can say.
    """

    now: float
    built: float = 0.0
    written: tuple[tuple[str, float], ...] = ()
    jumps: tuple[Jump, ...] = ()
    is_kept: bool | None = None
    error: str = ""


class Watched:
    """Watches the clocks from when it is made until it is looked at."""

    def __init__(self) -> None:
        self.error = ""
        self._watch = Watch(tick=60.0, over=60.0)  # slowness of ours is no stall
        self._take()

    def _take(self) -> list[Jump]:
        try:
            sample: Sample = clocks.read()
        except clocks.ClockUnreadable as error:
            self.error = str(error)
            return []
        return self._watch.take(sample)

    def look(self, stores: Iterable[str]) -> Clock:
        """Return what is known now."""
        jumps = [jump for jump in self._take() if jump.kind in ("step", "suspend")]
        error = self.error or _zone()
        now = datetime.datetime.now(datetime.UTC).timestamp()
        return Clock(now, newest(_SOURCE), tuple(_written(stores)), tuple(jumps), kept(), error)


_SOURCE = Path(__file__).resolve().parent.parent


def newest(folder: Path) -> float:
    """Return when the newest source file below a folder was written."""
    return max((path.stat().st_mtime for path in folder.rglob("*.py")), default=0.0)


def _written(stores: Iterable[str]) -> Iterable[tuple[str, float]]:
    for store in stores:
        for path in (store, f"{store}-wal"):
            if os.path.isfile(path):
                yield path, os.stat(path).st_mtime


def _zone() -> str:
    try:
        clocks.check_zone()
    except clocks.ClockUnreadable as error:
        return str(error)
    return ""


def kept() -> bool | None:
    """Return whether the kernel calls the clock synchronised, None where it can't be asked (adjtimex(2))."""
    try:
        ask = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):  # no Linux
        return None
    answer = ask(ctypes.create_string_buffer(512))  # struct timex, modes = 0: nothing is set
    return None if answer < 0 else bool(answer != _UNSYNCHRONISED)


def judge(clock: Clock) -> list[Finding]:
    """Return what is to be said of the clock."""
    findings = [Finding(UNKNOWN, "clock", clock.error)] if clock.error else []
    shown = _date(clock.now)
    if clock.now < clock.built - SLACK_SECONDS:
        told = f"it shows {shown}, which is before this program's own files ({_date(clock.built)})"
        findings.append(Finding(FAULT, "clock", told, mend="set the clock; timedatectl says how it is kept"))
    for path, written in clock.written:
        if written > clock.now + WRITE_SLACK_SECONDS:
            told = f"was written on {_date(written)}, and the clock shows {shown}"
            findings.append(
                Finding(FAULT, "clock", told, path, "set the clock: it was set back, or is wrong")
            )
    for jump in clock.jumps:
        what = f"{jump} just now"
        findings.append(Finding(WARNING, "clock", what, mend="look at what sets it; counts go by local days"))
    if clock.is_kept is False:
        findings.append(
            Finding(WARNING, "clock", "nobody keeps it synchronised", mend="run chrony or systemd-timesyncd")
        )
    if not findings:
        how = "is synchronised" if clock.is_kept else "whether it is synchronised can't be asked here"
        findings.append(Finding(OK, "clock", f"shows {shown}, and {how}"))
    return findings


def _date(seconds: float) -> str:
    try:
        return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M}Z"
    except (OverflowError, OSError, ValueError):
        return "a time that is none"
