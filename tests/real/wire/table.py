"""The results as tables, for a terminal and for docs/conformance.rst."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from tests.real.wire.argued import ARGUED
from tests.real.wire.cases import MUST, SHOULD, USEFUL, Case
from tests.real.wire.rounds import Round

LEVELS = (MUST, SHOULD, USEFUL)


def unargued(cases: Sequence[Case], done: Round) -> list[Case]:
    """The cases that a proxy does not meet and that nobody has argued."""
    return [case for case in cases if done.breaches.get(case.name) and case.name not in ARGUED]


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a reStructuredText table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def shares(cases: Sequence[Case], rounds: Sequence[Round]) -> str:
    """How much of each level each proxy met."""
    rows = [["proxy", "version", *LEVELS]]
    for done in rounds:
        row = [done.name, done.version]
        for level in LEVELS:
            met, of = done.share([case for case in cases if case.level == level])
            row.append(f"{met}/{of}, {100 * met / of:.0f} %" if of else "none")
        rows.append(row)
    return grid(rows)


def failures(cases: Sequence[Case], rounds: Sequence[Round]) -> str:
    """Each case that a proxy fails, with all proxies' results."""
    rows = [["level", "section", "case", *(done.name for done in rounds)]]
    rows += [
        [case.level, case.section, case.name, *(done.mark(case) for done in rounds)]
        for case in cases
        if any(done.breaches.get(case.name) for done in rounds)
    ]
    return grid(rows) if len(rows) > 1 else "Every case is met by every proxy."


def machine() -> str:
    """Processor cores and system, in words."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores, {system}"


def argued(cases: Sequence[Case]) -> str:
    """Our exceptions, a line each."""
    known = [case for case in cases if case.name in ARGUED]
    if not known:
        return "None."
    return "\n".join(
        f"- ``{case.name}`` ({case.level}, {case.section}): {ARGUED[case.name]}" for case in known
    )


def page(cases: Sequence[Case], rounds: Sequence[Round], command: str, seconds: float) -> str:
    """The whole of docs/conformance.rst."""
    text = (Path(__file__).parent / "conformance.rst.in").read_text()
    every = "\n".join(f"- ``{case.name}`` ({case.level}, {case.section}): {case.sentence}" for case in cases)
    return text.format(
        date=time.strftime("%Y-%m-%d"),
        machine=machine(),
        command=command,
        seconds=seconds,
        number=len(cases),
        shares=shares(cases, rounds),
        failures=failures(cases, rounds),
        argued=argued(cases),
        every=every,
    )
