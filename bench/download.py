"""1 GiB from nginx on loopback into a file: webdownload beside curl, CPU seconds and wall time.

    python -m bench.download [--rounds 5] [--mib 1024] [--folder DIR]

In each round each has its turn, in an order that alternates.  CPU seconds are the process's own as the kernel
counts them, its start included; nginx's are not counted.  webdownload syncs its file before it gives it its
name and curl does not, so curl is also shown with a sync of the file after it.  Every file is compared with
the one served.  Exit status 1 if webdownload takes more than ``CPU_MOST`` times curl's CPU seconds, or more
than ``WALL_MOST`` times its wall time.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.machine import Machine
from bench.processes import first
from bench.table import plain
from tests.real.nginx import Nginx, Site
from tests.real.parts import clean_environment

#: What webdownload is held to, in curl's.
CPU_MOST, WALL_MOST = 1.5, 1.2

_MIB = 1 << 20


class Cost(NamedTuple):
    """What one download took."""

    cpu: float
    wall: float
    memory_kib: float


def cost(words: Sequence[str], synced: Path | None = None) -> Cost:
    """Return what a command took; ``synced``: a file that is synced in its time."""
    began = time.perf_counter()
    process = subprocess.Popen(words, env=clean_environment())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")
    if synced is not None:
        with synced.open("rb") as file:
            os.fsync(file.fileno())
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss)


def contenders(url: str, out: Path) -> dict[str, Callable[[], Cost]]:
    """Return what is compared."""
    ours = [sys.executable, "-m", "netsuite.scripts.webdownload", "-q", url, str(out)]
    curl = ["curl", "-s", "-o", str(out), url]
    return {
        "webdownload": lambda: cost(ours),
        "curl": lambda: cost(curl),
        "curl, then sync": lambda: cost(curl, out),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and say whether webdownload holds what it is to."""
    parser = argparse.ArgumentParser(prog="bench.download")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as name, first():
        served, out = Path(name) / "served", Path(name) / "out"
        served.mkdir()
        with (served / "file").open("wb") as file:
            for _ in range(given.mib):
                file.write(os.urandom(_MIB))
        nginx = Nginx([Site("files", served)]).up()
        try:
            found = measured(nginx.url("plain", "/files/file"), served / "file", out, given.rounds)
        finally:
            nginx.close()
    return shown(found, given.mib)


def measured(url: str, served: Path, out: Path, rounds: int) -> dict[str, list[Cost]]:
    """Return each one's rounds."""
    found: dict[str, list[Cost]] = {}
    runs = contenders(url, out)
    for each in range(rounds + 1):  # the first warms up
        names = list(runs)[:: 1 if each % 2 else -1]
        for name in names:
            out.unlink(missing_ok=True)
            os.sync()
            told = runs[name]()
            if not filecmp.cmp(served, out, shallow=False):
                raise SystemExit(f"{name}: the file is not the one served")
            if each:
                found.setdefault(name, []).append(told)
    return found


def shown(found: dict[str, list[Cost]], mib: int) -> int:
    """Print the table; return 1 if a figure is past what it may be."""
    middle = {
        name: Cost(*map(statistics.median, zip(*rounds, strict=True))) for name, rounds in found.items()
    }
    curl = middle["curl"]
    lines = [["", "CPU s", "of curl's", "wall s", "of curl's", "MiB of memory"]]
    for name, told in middle.items():
        shares = f"{told.cpu / curl.cpu:.2f}", f"{told.wall / curl.wall:.2f}"
        memory = f"{told.memory_kib / 1024:.0f}"
        lines.append([name, f"{told.cpu:.2f}", shares[0], f"{told.wall:.2f}", shares[1], memory])
    version = subprocess.run(
        ["curl", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    print(f"\n{mib} MiB from nginx on loopback into a file, medians\n")
    print(plain(lines))
    print(Machine.here({"curl": version}).text())
    ours = middle["webdownload"]
    return int(ours.cpu > CPU_MOST * curl.cpu or ours.wall > WALL_MOST * curl.wall)


if __name__ == "__main__":
    raise SystemExit(main())
