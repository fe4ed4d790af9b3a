"""webdownload killed again and again, at every step and in the middle of writes; run as a process of its own.

    python -m tests.real.killed URL FILE VERSION COUNT SEED

Each run is a fork of this process, which has imported everything, so that a thousand take a minute.  Half of
them are killed at a step: before a call that touches a file, after it, or half-way through a write; the
others after a random time.  After each run FILE must be what it was before, or the version that the origin
has now, whose number is in the file VERSION; what a run leaves behind is the next one's beginning.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from netsuite.scripts import webdownload
from netsuite.scripts.running import start

#: Calls at which a run is killed.
STEPS = (
    *("open", "write", "rename", "unlink", "ftruncate", "fsync"),
    *("fchmod", "utime", "lseek", "stat", "fstat"),
)

SIZE = 3_000_000


def version(number: int) -> bytes:
    """The bytes of a version."""
    return Random(number).randbytes(SIZE)


def tag(number: int) -> str:
    """The entity tag of a version."""
    return f'"v{number}"'


def mined(point: int, how: str) -> None:
    """This process is killed at its ``point``-th step."""
    counter = 0

    def mine(name: str) -> None:
        real: Any = getattr(os, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal counter
            counter += 1
            if counter != point:
                return real(*arguments, **keywords)
            if how == "half" and name == "write":
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            elif how == "after":
                real(*arguments, **keywords)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, name, call)

    for name in STEPS:
        mine(name)


def run(url: str, file: Path, *, point: int = 0, how: str = "", seconds: float | None = None) -> int:
    """The exit status of one run; -9 of one that was killed."""
    pid = os.fork()
    if not pid:
        if point:
            mined(point, how)
        try:
            start(
                webdownload.Options,
                webdownload.main,
                ["-q", "-f", "-r", "0", "--progress", "none", url, str(file)],
            )
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 99)
        finally:
            os._exit(98)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(url: str, file: Path, number: Path, count: int, seed: int) -> dict[str, Any]:
    """What became of so many runs."""
    rng = Random(seed)
    now = 0
    seen: Counter[str] = Counter()
    number.write_text("0")
    began = time.monotonic()
    if run(url, file) or file.read_bytes() != version(0):
        return {"wrong": "the run that nobody killed"}
    whole = time.monotonic() - began
    before = 0
    for each in range(count):
        if rng.random() < 0.3:
            now += 1
            number.write_text(str(now))
        kept = Path(f"{file}.part").exists()
        if each % 2:
            code = run(url, file, point=rng.randrange(1, 60), how=rng.choice(("before", "after", "half")))
        else:
            code = run(url, file, seconds=rng.uniform(0, 1.5 * whole))
        found = file.read_bytes()
        if found == version(now):
            seen["new" if before != now else "same"] += 1
        elif found == version(before):
            seen["old"] += 1
        else:
            return {"wrong": f"run {each}, seed {seed}: {len(found)} bytes that are no version"}
        if code == 0 and found != version(now):
            return {"wrong": f"run {each}, seed {seed}: done, and yet not the new version"}
        if code not in (0, -signal.SIGKILL):
            return {"wrong": f"run {each}, seed {seed}: exit status {code}"}
        seen["killed" if code else "done"] += 1
        seen["began with a part"] += kept
        before = now if found == version(now) else before
    return dict(seen)


if __name__ == "__main__":
    address, place, which, times, number_of_seed = sys.argv[1:]
    told = main(address, Path(place), Path(which), int(times), int(number_of_seed))
    sys.stdout.write(json.dumps(told) + "\n")
