"""Pages counted a second and core: ours, and what people write instead.

    python -m bench.counting [--pages 1500] [--rounds 3] [--peers ours,mitmdump,...] [--corpora news,handbook]
                             [--write docs/benchmarks.rst]

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import costs, peers
from bench.corpus import CORPORA, Sample
from bench.counters import PROXIES, SHORTER, WARM, Words, html5lib, measure
from bench.exact import exact, wrong
from bench.loads import Figures, Spoiled
from bench.machine import Machine
from bench.pages import PageOrigin
from bench.processes import first, pin
from bench.race import Cores
from bench.table import Lines, plain, rst
from tests.real.parts import PartError

#: Where the peers' logs are, if it is there.
MEMORY = "/dev/shm"

#: What ours is to reach of the better add-on's pages a second, and what it aims at.
REACH, AIM = 6.0, 15.0

# -- all of them ---------------------------------------------------------------------------------

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


# -- on paper ------------------------------------------------------------------------------------

#: Where the section begins that is ours, up to the page's end.
_MARK = "\n.. _counting:\n"

_SECTION = """
.. _counting:

Counting
========

.. This section is written by its command; change bench/counting.py, not the section.

Pages counted a second of processor time, by all of ``twistd wordproxy`` (relay, counter process, report,
SQLite store on a disk) and by what people write instead.  To measure it again: ``python -m bench.counting
--write docs/benchmarks.rst``.

:day: {day}
:machine: {hardware}
:system: {system}
:rounds: {rounds}, of {pages} pages of ours, {fewer} of the others

{tables}

Where it goes: ours has {shares}. What the counter does, alone and in one process (``python -m bench.costs``):

{costs}

* *news* are pages made from a seed, 30 KB of HTML each, no two alike: the words of eleven languages as often
  as these have them, a news site's markup. *handbook* are pages of the Debian handbook in all its languages.
  Both come gzip'd from nginx, each page once.
* Each round is a fresh start with an empty store and {warm} pages to warm up ({less} for the others); it ends
  when the last page is counted, ours when the store has it. All processes share one core.
* As fast as it goes many pages wait, and then ours looks for no sentences; ``bench.costs --sentences`` tells
  what these cost where there is time.
* The add-ons use ``html.parser``, ``\\w+`` and a Counter in memory; nothing is kept on a disk.
* *wrong* are occurrences missing or too many, as a share of all, measured against the plain way (whole text
  to ICU, no memory); ours must have none. That way is held to other libraries by the tests.
"""


def section_of(path: Path) -> str:
    """The section that is in a page, "" if it has none."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    at = text.find(_MARK)
    return text[at:] if at >= 0 else ""


def lines(found: Race) -> Lines:
    """The table of a corpus, headings first."""
    best = max(found.rate("mitmdump"), found.rate("proxy.py")) or 1.0
    table = [
        [
            "what counts",
            "pages/s",
            "least–most",
            "CPU µs a page",
            "wall pages/s",
            "× the better add-on",
            "wrong",
        ]
    ]
    for name, rounds in found.rounds.items():
        if isinstance(rounds, str) or not rounds:
            table.append([name, "–", *[""] * 5])
            continue
        rates = [each["rate"] for each in rounds]
        rate = statistics.median(rates)
        wall = statistics.median(each["wall"] for each in rounds)
        row = [
            name,
            f"{rate:,.0f}",
            f"{min(rates):,.0f}–{max(rates):,.0f}",
            f"{1e6 / rate:,.0f}",
            f"{wall:,.0f}",
        ]
        table.append([*row, f"{rate / best:.2f}", f"{found.wrong[name]:.1%}"])
    return table


def judged(found: Race) -> str:
    """Whether *reach* and *aim* hold."""
    best = max(found.rate("mitmdump"), found.rate("proxy.py"))
    if not best or not found.rate("ours"):
        return "ours or the add-ons were not measured"
    ratio = found.rate("ours") / best
    told = [f"{name} {factor:g} ×: {'met' if ratio >= factor else 'not met'}" for name, factor in _MARKS]
    return f"{ratio:.2f} × the better add-on; {', '.join(told)}"


def shares(found: Race) -> str:
    """What of ours is the first process's, which relays and reports, and what the counter's."""
    rounds = found.rounds["ours"]
    if isinstance(rounds, str) or not rounds:
        return "no figure"
    relay = statistics.median(each["relay"] for each in rounds)
    whole = statistics.median(each["cpu"] for each in rounds)
    return f"{relay:,.0f} µs in the relay and {whole - relay:,.0f} µs in the counter"


_MARKS = (("reach", REACH), ("aim", AIM))


def write(path: Path, races: Mapping[str, Race], asked: argparse.Namespace) -> None:
    """The section of the page is of these races."""
    text = path.read_text(encoding="utf-8")
    machine = Machine.here({})
    tables = "\n\n".join(
        f"*{name}*: {judged(found)}.\n\n{rst(lines(found))}" for name, found in races.items()
    )
    section = _SECTION.format(
        day=machine.day,
        hardware=machine.hardware,
        system=machine.system,
        rounds=asked.rounds,
        pages=asked.pages,
        fewer=max(50, (WARM + asked.pages) // SHORTER - WARM // SHORTER),
        warm=WARM,
        less=WARM // SHORTER,
        tables=tables,
        shares="; ".join(f"on *{name}* {shares(found)}" for name, found in races.items()),
        costs=rst(costs.of_corpora(1200, list(races), 400)),
    )
    path.write_text(text.removesuffix(section_of(path)) + section, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked and print it; the status is 1 if *reach* was measured and does not hold."""
    reader = argparse.ArgumentParser(prog="bench.counting", description="Pages counted a second and core.")
    reader.add_argument("--pages", type=int, default=1500, help="of a round of ours; the peers have a fifth")
    reader.add_argument("--rounds", type=int, default=3, help="of each peer; figures are their medians")
    reader.add_argument("--corpora", type=lambda text: text.split(","), default=list(CORPORA))
    reader.add_argument("--peers", type=lambda text: text.split(","), default=list(NAMES))
    reader.add_argument("--write", type=Path, help="the page whose section this becomes")
    asked = reader.parse_args(arguments)
    peers.raise_descriptors()
    if os.access(MEMORY, os.W_OK):
        tempfile.tempdir = MEMORY
    with first():
        races = {name: race(name, asked.pages, asked.rounds, asked.peers) for name in asked.corpora}
    for name, found in races.items():
        print(f"\n{name}: {judged(found)}\n\n{plain(lines(found))}")
        print(
            "".join(f"{each}: {why}\n" for each, why in found.rounds.items() if isinstance(why, str)), end=""
        )
    if asked.write:
        write(asked.write, races, asked)
    return int(any("reach 6 ×: not" in judged(found) for found in races.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
