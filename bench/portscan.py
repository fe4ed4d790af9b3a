"""All 65,535 ports of loopback by portscan and by nmap -sT, and the start of the connection tools.

    python -m bench.portscan [--rounds 5]

Wall and CPU time (wait4(2)) are the whole of the program: Python and its start are among them.  Ten listeners
are there, and what each finds of them is counted.  In each round each program has its turn, in an order that
alternates.  It ends with 1 if ours is slower than nmap, or if a start takes 2.5 times that of Python with
Twisted's reactor alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.machine import Machine
from bench.table import plain
from tests.real.parts import clean_environment

HOST = "127.0.0.1"

SCANS = {
    "ours": [sys.executable, "-m", "netsuite.scripts.portscan", "-q", "-p", "-", "--rate", "0", HOST],
    "nmap": ["nmap", "-n", "-sT", "-p-", HOST],
    "nmap -T5": ["nmap", "-n", "-sT", "-T5", "-p-", HOST],
}

STARTS = {
    "Twisted's reactor": [sys.executable, "-c", "import twisted.internet.reactor"],
    **{
        f"{name} --help": [sys.executable, "-m", f"netsuite.scripts.{name}", "--help"]
        for name in ("connection", "connectiontest", "portscan")
    },
}

#: Times the start of Twisted's reactor that a tool's --help may take.
START_MOST = 2.5

_OPEN = re.compile(r"^(?:Connected to port )?(\d+)(?:/tcp +open.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Turn:
    """One program, once: seconds in all and of CPU time, and the ports that it found open."""

    wall: float
    cpu: float
    found: frozenset[int]


def turn(command: Sequence[str]) -> Turn:
    """Return how a program did."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    found = frozenset(int(port) for port in _OPEN.findall(output))
    return Turn(wall, usage.ru_utime + usage.ru_stime, found)


def rounds(commands: dict[str, list[str]], count: int) -> dict[str, list[Turn]]:
    """Return each program's turns."""
    turns: dict[str, list[Turn]] = {name: [] for name in commands}
    for number in range(count):
        for name in commands if number % 2 == 0 else reversed(commands):
            turns[name].append(turn(commands[name]))
    return turns


def table(turns: dict[str, list[Turn]], beside: str, wanted: frozenset[int]) -> list[list[str]]:
    """Return the lines that people read; ratios are to ``beside``."""
    lines = [["", "wall s", "CPU s", f"wall / {beside}", "CPU", *(["found"] if wanted else [])]]
    for name, its in turns.items():
        wall, cpu = median(its, "wall"), median(its, "cpu")
        line = [name, f"{wall:.2f}", f"{cpu:.2f}"]
        line += [f"{wall / median(turns[beside], 'wall'):.2f}", f"{cpu / median(turns[beside], 'cpu'):.2f}"]
        if wanted:
            line.append(f"{min(len(one.found & wanted) for one in its)} of {len(wanted)}")
        lines.append(line)
    return lines


def median(turns: Sequence[Turn], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(one, name) for one in turns)


def version() -> str:
    """Return nmap's version."""
    told = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\S+)", told)
    return found[1] if found else "unknown"


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(Machine.here({"nmap": version()}).text(), flush=True)
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((HOST, 0), backlog=512)) for _ in range(10)]
        wanted = frozenset(each.getsockname()[1] for each in listeners)
        scans = rounds(SCANS, asked.rounds)
    print(f"\n{plain(table(scans, 'nmap', wanted))}", flush=True)
    starts = rounds(STARTS, asked.rounds)
    print(f"\n{plain(table(starts, next(iter(STARTS)), frozenset()))}", flush=True)
    fastest = min(median(scans[name], "wall") for name in scans if name != "ours")
    bare = median(starts[next(iter(STARTS))], "wall")
    good = median(scans["ours"], "wall") <= fastest
    good = good and all(wanted <= one.found for one in scans["ours"])
    return 0 if good and all(median(its, "wall") < START_MOST * bare for its in starts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
