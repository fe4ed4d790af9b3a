"""Ours against its peers: CPU a request, latency, tunnels, memory; the table that docs/benchmarks.rst shows.

    python -m bench.relay [--loads small,page,...] [--peers ours,squid,...] [--rounds 3] [--seconds 5]
                          [--options="--more --of=ours"] [--write docs/benchmarks.rst]

The proxy runs on one core, the load and the origin on the others.  Peers take turns in rounds, so that a busy
moment of the machine meets all of them; figures are medians over the rounds.  Ratios hold across machines,
microseconds don't.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import peers, table
from bench.loads import LOADS, Figures, Spoiled
from bench.origin import Origin
from bench.processes import family, pin
from tests.real.parts import PartError

#: Peers that a load leaves out, and why.
UNFIT = {
    "latency": {"tinyproxy": "closes each connection"},
    "idle": {},
}


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked, print it; 1 if a *reach* was measured and missed."""
    asked = parse(arguments)
    peers.raise_descriptors()
    proxy_core, load_cores = cores()
    os.sched_setaffinity(0, load_cores)
    origin = Origin()
    results, versions = {}, {"nginx": origin.version}
    try:
        for load in asked.loads:
            results[load] = measure(load, asked, origin, proxy_core, versions)
            print(f"\n{table.ROWS[load].title}\n\n{table.plain(table.table(load, results[load]))}", flush=True)
    finally:
        origin.stop()
    goals = table.goals(results)
    print(f"\n{machine()}\n{told(versions)}\n\n{table.plain(goals)}")
    return int(any("short" in line[3] for line in goals[1:]))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for."""
    reader = argparse.ArgumentParser(prog="bench.relay", description=(__doc__ or "").split("\n")[0])
    reader.add_argument("--loads", type=names(LOADS), default=list(LOADS), help=",".join(LOADS))
    reader.add_argument("--peers", type=names(peers.PEERS), default=list(peers.PEERS), help=",".join(peers.PEERS))
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--seconds", type=float, default=5.0, help="of one round")
    reader.add_argument("--options", type=shlex.split, default=[], help="further options of ours")
    reader.add_argument("--write", type=Path, help="a file for all of it as reStructuredText")
    return reader.parse_args(arguments)


def names(known: Sequence[str] | dict[str, object]):  # type: ignore[no-untyped-def]
    """A reader of comma-separated names."""

    def read(text: str) -> list[str]:
        given = [name for name in text.split(",") if name]
        if unknown := [name for name in given if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: not one of {','.join(known)}")
        return given

    return read


def cores() -> tuple[set[int], set[int]]:
    """The proxy's core and the load's; the same one where there is but one."""
    *others, last = sorted(os.sched_getaffinity(0))
    return {last}, set(others) or {last}


def measure(
    load: str, asked: argparse.Namespace, origin: Origin, core: set[int], versions: dict[str, str]
) -> dict[str, list[Figures] | str]:
    """A load's rounds of each peer, or why there are none."""
    running: dict[str, peers.Peer] = {}
    rounds: dict[str, list[Figures] | str] = {}
    try:
        for name in asked.peers:
            try:
                running[name] = peers.start(name, origin.address, *(asked.options if name == "ours" else ()))
            except (peers.Absent, PartError) as error:
                rounds[name] = str(error).split("\n")[0]
                continue
            versions[name] = running[name].version
            rounds[name] = []
            pin(running[name].pids(), core)
        for number in range(asked.rounds):
            for name, peer in running.items():
                one_round(load, name, peer, origin, asked.seconds, rounds, number)
    finally:
        for peer in running.values():
            peer.stop()
    return rounds


def one_round(load, name, peer, origin, seconds, rounds, number) -> None:  # type: ignore[no-untyped-def]
    """One more round of a peer, or why it has no more."""
    got = rounds[name]
    if isinstance(got, str):
        return
    if not peer.tunnels and load in ("tunnel", "connects", "idle"):
        rounds[name] = "has no tunnels"
        return
    try:
        if number == 0 and load in ("small", "page", "latency"):
            LOADS[load](peer, origin, 1.0)
        figures = LOADS[load](peer, origin, seconds)
    except (Spoiled, OSError) as error:
        rounds[name] = str(error)
        return
    got.append(figures)
    print(f"  {load} {number + 1} {name}: {figures}", file=sys.stderr, flush=True)


def machine() -> str:
    return platform.platform()


def told(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
