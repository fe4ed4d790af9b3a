"""Log files that are put aside when they are large or old enough, and how many of them are kept.

A file is renamed to its name with the moment behind it, ``access.log.20260105T103344.123Z``, which sorts by
time and is none of logrotate's names.  Several processes may write to one file: whoever finds it full locks
it, looks whether it still has its name, and only then takes that away (Source: flock(2)); the others notice
that it has moved.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

_ASIDE = re.compile(r"\.\d{8}T\d{6}\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is put aside: past ``size`` bytes, or with each new span of ``age`` seconds; 0: never.

    ``keep``: how many files put aside stay.
    """

    size: int = 0
    age: float = 0.0
    keep: int = 1


#: Nothing is put aside by us.
NEVER = Rotation()


def span(when: float, age: float) -> int:
    """Return which span of ``age`` seconds a moment is in; spans of a day begin at local midnight."""
    return int((when + time.localtime(when).tm_gmtoff) // age) if age else 0


def put_aside(path: str, fd: int, now: float) -> bool:
    """The file that is open as ``fd`` has another name; whether it was us who gave it.  Raises: OSError."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # another process is at it
    try:
        if not os.path.samestat(os.lstat(path), os.fstat(fd)):
            return False
        os.rename(path, _free_name(path, now))
        return True
    except FileNotFoundError:
        return False
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _free_name(path: str, now: float) -> str:
    while True:
        moment = datetime.fromtimestamp(now, UTC)
        name = f"{path}.{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
        if not os.path.lexists(name):
            return name
        now += 0.001


def kept(path: str) -> list[str]:
    """Return the files put aside of a log, the oldest first.  Raises: OSError."""
    folder, name = os.path.split(path)
    with os.scandir(folder or ".") as entries:
        names = [
            entry.name
            for entry in entries
            if entry.name.startswith(name) and _ASIDE.fullmatch(entry.name[len(name) :])
        ]
    return [os.path.join(folder, found) for found in sorted(names)]


def prune(path: str, keep: int) -> None:
    """Of the files put aside only the newest ``keep`` are there.  Raises: OSError."""
    for old in kept(path)[:-keep]:
        try:
            os.unlink(old)
        except FileNotFoundError:
            continue  # another process was quicker
