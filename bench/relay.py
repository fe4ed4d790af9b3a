"""Ours against its peers: CPU a request, latency, tunnels, memory.  ``make bench`` runs all of it.

    python -m bench.relay [--loads small,page,...] [--peers ours,squid,...] [--rounds 3] [--seconds 5]
                          [--options "OPTIONS OF OURS"] [--write docs/benchmarks.rst]

The proxy has a core of its own, load and origin have the others.  Peers take turns in rounds, so that a busy
moment of the machine meets all of them; figures are medians over the rounds.  Ratios hold from machine to
machine, microseconds don't.  The exit status is 1 if a *reach* was measured and missed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import FrameType

from bench import peers, table
from bench.loads import LOADS
from bench.machine import Machine
from bench.origin import Origin
from bench.processes import first
from bench.profile import profile
from bench.race import Cores, Race
from bench.report import write

#: Where logs are written, if it is there: tinyproxy waits for the disk after each line.
MEMORY = "/dev/shm"

#: How long a profile is sampled that goes into the page.
PROFILE_SECONDS = 15.0


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked and print it."""
    asked = parse(arguments)
    signal.signal(signal.SIGTERM, _leave)
    peers.raise_descriptors()
    if os.access(MEMORY, os.W_OK):
        tempfile.tempdir = MEMORY
    with first():
        results, versions = measure_all(asked)
    goals, machine = table.goals(results), Machine.here(versions)
    print(f"\n{machine.text()}\n\n{table.plain(goals)}")
    if asked.write:
        one = profile("small", PROFILE_SECONDS, asked.options)
        write(asked.write, results, machine, one, rounds=asked.rounds, seconds=asked.seconds)
    return int(table.missed(goals))


def measure_all(asked: argparse.Namespace) -> tuple[dict[str, table.Rounds], dict[str, str]]:
    """Return what came of each load, printed as it came, and the versions of what ran."""
    origin = Origin()
    results: dict[str, table.Rounds] = {}
    versions = {"nginx": origin.version}
    try:
        for load in asked.loads:
            rounds = results[load] = measure(load, asked, origin, versions)
            print(f"\n{table.ROWS[load].title}\n\n{table.plain(table.of_load(load, rounds))}")
            print("".join(f"{note}\n" for note in table.missing(rounds)), end="", flush=True)
    finally:
        origin.stop()
    return results, versions


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for."""
    reader = argparse.ArgumentParser(prog="bench.relay", description="Our relay against its peers.")
    reader.add_argument("--loads", type=some_of(LOADS), default=list(LOADS), help=",".join(LOADS))
    every = list(peers.PEERS)
    reader.add_argument("--peers", type=some_of(every), default=every, help=",".join(every))
    reader.add_argument("--rounds", type=int, default=3, help="of each peer; figures are their medians")
    reader.add_argument("--seconds", type=float, default=5.0, help="of one round of requests or connects")
    reader.add_argument("--options", type=shlex.split, default=[], help="further options of ours")
    reader.add_argument("--write", type=Path, help="file for all of it as reStructuredText")
    return reader.parse_args(arguments)


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """A reader of comma-separated names of these."""

    def read(text: str) -> list[str]:
        given = [name for name in text.split(",") if name]
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return given

    return read


def measure(load: str, asked: argparse.Namespace, origin: Origin, versions: dict[str, str]) -> table.Rounds:
    """Return a load's rounds of each peer."""
    workers = load == "workers"
    race = Race(load, origin, Cores.of_machine(2 if workers else 1))
    try:
        for name in ("ours", "ours -w 2") if workers else asked.peers:
            peer = name.partition(" ")[0]
            more = ["--workers", "2"] if peer != name else []
            told = race.enter(name, peer, [*asked.options, *more] if peer == "ours" else ())
            if told:
                versions[peer] = told
        return race.run(asked.rounds, asked.seconds)
    finally:
        race.stop()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End as by an exception, so that what was started is stopped."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
