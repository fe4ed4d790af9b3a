"""Pages counted a second and core: ours, and what people write instead.

    python -m bench.counting [--pages 1500] [--rounds 3] [--peers ours,mitmdump,...] [--corpora news,handbook]
                             [--write docs/benchmarks.rst] [--profile] [--latency] [--memory] [--hostile]

Ours is all of ``twistd wordproxy``: relay, counter process and a store on the disk.  The peers count by an
add-on (bench/addon.py) into a Counter in memory; html5lib counts files, without a proxy.  All processes of a
proxy share one core; load and origin have the others.  A round is a fresh start, a short warming-up, and
pages that are asked for once each, as fast as it goes; it ends when all are counted, ours also kept in
the store.  A round of which a page is missing says nothing and fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import corpus, peers
from bench.corpus import Sample
from bench.counters import PROXIES, SHORTER, WARM, Words, html5lib, measure
from bench.exact import exact, wrong
from bench.loads import Figures, Spoiled
from bench.pages import PageOrigin
from bench.processes import first, pin
from bench.race import Cores
from tests.real.parts import PartError

#: What ours is to reach of the better add-on's pages a second, and what it aims at.
REACH, AIM = 6.0, 15.0

# -- all of them ---------------------------------------------------------------------------------

CORPORA: dict[str, Callable[[int], list[Sample]]] = {
    "news": lambda number: list(corpus.news(number)),
    "handbook": corpus.handbook,
}

NAMES = (*PROXIES, "html5lib")

#: Pages of a corpus that are counted by other libraries too.
INDEPENDENT = 20


@dataclass(slots=True)
class Race:
    """The rounds of each peer on one corpus, or why it has none, and its share of wrong words."""

    pages: list[Sample]
    rounds: dict[str, list[Figures] | str]
    wrong: dict[str, float]

    def rate(self, name: str) -> float:
        """A peer's pages a second of its processes' CPU, 0 if it has none."""
        found = self.rounds.get(name, "")
        return statistics.median(each["rate"] for each in found) if isinstance(found, list) and found else 0.0


def race(name: str, pages: int, rounds: int, names: Sequence[str]) -> Race:
    """The peers took turns.  Raises: Spoiled, where ours has other words than the exact way."""
    samples = CORPORA[name](WARM + pages)
    cores, origin = Cores.of_machine(), PageOrigin(samples)
    os.sched_setaffinity(0, cores.load)
    pin(origin.pids(), cores.load)
    found = Race(samples, {each: [] for each in names}, {})
    right = {len(samples): exact(samples)}
    try:
        for number in range(rounds):
            for each in names:
                _round(each, found, origin, cores, right)
                print(f"  {name} {number + 1} {each}: {found.rounds[each]}", file=sys.stderr, flush=True)
    finally:
        origin.stop()
    if found.wrong.get("ours"):
        raise Spoiled(f"ours has {found.wrong['ours']:.4%} of the words wrong")
    return found


def _round(name: str, found: Race, origin: PageOrigin, cores: Cores, right: dict[int, Words]) -> None:
    figures = found.rounds[name]
    if isinstance(figures, str):
        return
    try:
        if name == "html5lib":
            one, words = html5lib(found.pages[: max(50, len(found.pages) // SHORTER)], cores)
        else:
            one, words = measure(name, origin, origin.urls, cores)
    except (peers.Absent, PartError, Spoiled, OSError) as error:
        found.rounds[name] = str(error).split("\n")[0]
        return
    figures.append(one)
    number = int(one["pages"])
    if number not in right:
        right[number] = exact(found.pages[:number])
    found.wrong[name] = wrong(words, right[number])


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked and print it."""
    reader = argparse.ArgumentParser(prog="bench.counting", description="Pages counted a second and core.")
    reader.add_argument("--pages", type=int, default=1500, help="of a round of ours; the peers have a fifth")
    reader.add_argument("--rounds", type=int, default=3, help="of each peer; figures are their medians")
    reader.add_argument("--corpora", type=lambda text: text.split(","), default=list(CORPORA))
    reader.add_argument("--peers", type=lambda text: text.split(","), default=list(NAMES))
    asked = reader.parse_args(arguments)
    peers.raise_descriptors()
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    with first():
        for name in asked.corpora:
            found = race(name, asked.pages, asked.rounds, asked.peers)
            for each in asked.peers:
                print(name, each, f"{found.rate(each):.0f}", f"{found.wrong.get(each, -1):.2%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
