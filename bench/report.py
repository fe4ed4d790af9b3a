"""The page docs/benchmarks.rst, made of one run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from bench import counting, table
from bench.machine import Machine
from bench.profile import Profile

_PAGE = """\
Benchmarks of the relay
=======================

.. This page is written by its command; change bench/report.py, not the page.

What the proxy costs beside other forward proxies, on one machine.  To measure it again, from a clone::

    make bench                                         # installs the peers where it may, prints the tables
    make bench BENCH="--write docs/benchmarks.rst"     # and writes this page

:day: {day}
:machine: {hardware}
:system: {system}
:versions: {versions}
:rounds: {rounds} of {seconds:g} s for requests, one GiB for downloads, one round for memory

What is to be reached
---------------------

*Reach* must hold, *aim* is where the limit is thought to be.  Ratios are of medians.

{goals}

How it is measured
------------------

* The origin is nginx, the load is ``wrk`` sending absolute-form requests over kept connections (for
  tunnels and downloads a client in Python). The proxy has a core of its own; load and origin have the
  others.
* Peers take turns in rounds; a figure is the median of the rounds, *least–most* is their range. The
  machine's speed drifts and microseconds with it; ratios hold.
* All of it runs before other programs of the machine (``nice``), where that is allowed.
* CPU is what all processes of a proxy used, user and system, divided by the answers. *Core busy* tells
  how much of its core a proxy used: well under 100, the load or the machine was the limit, and the rate
  says little.
* Ours has its log line, guard and limits on; each peer writes its log too, but mitmdump, which is told
  to print nothing. Nothing is cached, filtered or counted. HAProxy is no forward proxy: it relays to one
  origin without a log, and over TCP with splice, as the mark to measure by.
* Logs are files in memory, as tinyproxy waits for the disk after each line.
* Memory is the process's (proportional set size), without the kernel's socket buffers; each tunnel
  carried one GET first.
* Two workers have two cores where two more remain for load and origin. With fewer cores all share all of
  them; once *all cores busy* nears 100 the load is the limit.
* ``tinyproxy`` closes the connection after each answer, so that its requests include new connections.

{loads}
Where the time of a request goes
--------------------------------

Of a request for 1 KiB, by part of the source; ``python -m bench.profile`` prints it by function and by line
too.  Lines that enter the kernel are parts of their own: most of their time is the kernel's. ::

{profile}
"""


def write(
    path: Path,
    results: Mapping[str, table.Rounds],
    machine: Machine,
    profile: Profile,
    *,
    rounds: int,
    seconds: float,
) -> None:
    """The page is at ``path``."""
    text = _PAGE.format(
        day=machine.day,
        hardware=machine.hardware,
        system=machine.system,
        versions=textwrap.fill(machine.versions, 100, subsequent_indent="    "),
        rounds=rounds,
        seconds=seconds,
        goals=table.rst(table.goals(results)),
        profile=textwrap.indent(profile.text(["part"], longest=24), "    "),
        loads="\n".join(_section(load, found) for load, found in results.items()),
    )
    path.write_text(text + counting.section_of(path), encoding="utf-8")


def _section(load: str, rounds: table.Rounds) -> str:
    """A load's heading, table, and what is missing in it."""
    title = table.ROWS[load].title.replace("--workers 2", "``--workers 2``")
    notes = "".join(f"* {note}\n" for note in table.missing(rounds))
    return f"{title}\n{'-' * len(title)}\n\n{table.rst(table.of_load(load, rounds))}\n" + (
        notes and f"\n{notes}"
    )
