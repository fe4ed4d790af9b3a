"""Rounds of figures -> the tables that people read, and what the relay is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.loads import Figures

#: Of each peer its rounds, or why it has none.
Rounds = Mapping[str, "Sequence[Figures] | str"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What ours is to hold: ``factor`` times a peer's figure, or ``factor`` itself where there is no peer."""

    factor: float
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A load as the tables show it.  ``figure``: what is compared; ``more``: further columns."""

    title: str
    figure: str
    reach: Mark
    aim: Mark | None
    more: tuple[str, ...] = ("rate", "busy")
    higher: bool = False


#: A column's heading and how its figures are written.
COLUMNS = {
    "cpu": ("CPU µs", "{:,.1f}"),
    "seconds": ("CPU s/GiB", "{:.2f}"),
    "rate": ("a second", "{:,.0f}"),
    "speed": ("MiB/s", "{:,.0f}"),
    "p50": ("p50 µs", "{:,.0f}"),
    "busy": ("core busy %", "{:.0f}"),
    "memory": ("KiB each", "{:.1f}"),
    "total": ("MiB in all", "{:.0f}"),
    "balance": ("least busy worker %", "{:.0f}"),
}

ROWS = {
    "small": Row(
        "1 KiB, kept connections, 64 clients: CPU a request",
        "cpu",
        Mark(0.65, "squid"),
        Mark(1, "privoxy"),
        ("rate", "p50", "busy"),
    ),
    "page": Row(
        "30 KiB gzip'd page, 64 clients: CPU a request",
        "cpu",
        Mark(0.65, "squid"),
        Mark(1.6, "haproxy"),
        ("rate", "p50", "busy"),
    ),
    "latency": Row(
        "1 KiB, one client: median time",
        "p50",
        Mark(1, "squid"),
        Mark(1.1, "haproxy"),
        ("rate", "cpu", "busy"),
    ),
    "tunnel": Row(
        "1 GiB through CONNECT: CPU",
        "seconds",
        Mark(0.7, "squid"),
        Mark(1, "haproxy"),
        ("speed", "busy"),
    ),
    "download": Row(
        "1 GiB by a plain GET: CPU",
        "seconds",
        Mark(0.35, "squid"),
        Mark(1, "haproxy"),
        ("speed", "busy"),
    ),
    "connects": Row(
        "CONNECT, one GET, close, 32 clients: tunnels a second",
        "rate",
        Mark(0.9, "squid"),
        Mark(1, "tinyproxy"),
        ("cpu", "p50", "busy"),
        higher=True,
    ),
    "idle": Row(
        "9,000 idle tunnels: memory of the process each",
        "memory",
        Mark(6),
        Mark(2),
        ("total",),
    ),
    "workers": Row(
        "--workers 2 against one, 1 KiB, 64 clients: requests a second",
        "rate",
        Mark(1.5, "ours"),
        None,
        ("cpu", "p50", "busy"),
        higher=True,
    ),
}


def median(rounds: Sequence[Figures], figure: str) -> float:
    """The middle of the rounds."""
    return statistics.median(each[figure] for each in rounds)


def table(load: str, rounds: Rounds) -> list[list[str]]:
    """A load's table, headings first: each peer's medians, the range of its rounds, and ratios."""
    row = ROWS[load]
    marks = [peer for peer in ("squid", "privoxy", "haproxy") if _measured(rounds, peer)]
    columns = (row.figure, *row.more)
    head = ["peer", COLUMNS[row.figure][0], "(least–most)"]
    head += [COLUMNS[column][0] for column in row.more] + [f"× {mark}" for mark in marks]
    lines = [head]
    for peer, figures in rounds.items():
        if isinstance(figures, str):
            lines.append([peer, f"– {figures}"] + [""] * (len(head) - 2))
            continue
        shown = [_shown(column, median(figures, column)) for column in columns]
        spread = [each[row.figure] for each in figures]
        shown.insert(1, f"{_shown(row.figure, min(spread))}–{_shown(row.figure, max(spread))}")
        mine = median(figures, row.figure)
        ratios = [f"{mine / median(rounds[mark], row.figure):.2f}" for mark in marks]  # type: ignore[arg-type]
        lines.append([peer, *shown, *ratios])
    return lines


def _measured(rounds: Rounds, peer: str) -> bool:
    return not isinstance(rounds.get(peer, ""), str)


def _shown(column: str, value: float) -> str:
    return COLUMNS[column][1].format(value)


def goals(results: Mapping[str, Rounds]) -> list[list[str]]:
    """What is to be reached and aimed at, headings first: the ratio, and whether it holds."""
    lines = [["load", "ours", "reach", "", "aim", ""]]
    for load, rounds in results.items():
        row = ROWS[load]
        mine = "ours -w 2" if load == "workers" else "ours"
        figures = rounds.get(mine, "not measured")
        if isinstance(figures, str):
            lines.append([row.title, figures, *["", ""] * 2])
            continue
        value = median(figures, row.figure)
        cells = [part for mark in (row.reach, row.aim) for part in _judged(row, value, mark, rounds)]
        lines.append([row.title, f"{_shown(row.figure, value)} {COLUMNS[row.figure][0]}", *cells])
    return lines


def _judged(row: Row, value: float, mark: Mark | None, rounds: Rounds) -> tuple[str, str]:
    """What a mark asks for, and what came of it."""
    if mark is None:
        return "", ""
    sign = "≥" if row.higher else "≤"
    if not mark.peer:
        asked, bound, ratio = f"{sign} {mark.factor:g} {COLUMNS[row.figure][0]}", mark.factor, ""
    else:
        asked = f"{sign} {mark.factor:g} × {mark.peer}"
        theirs = rounds.get(mark.peer, "not measured")
        if isinstance(theirs, str):
            return asked, f"{mark.peer}: {theirs}"
        other = median(theirs, row.figure)
        bound, ratio = mark.factor * other, f"{value / other:.2f}: "
    short = bound / value - 1 if row.higher else value / bound - 1
    return asked, f"{ratio}met" if short <= 0 else f"{ratio}short by {short * 100:.0f} %"


def plain(lines: Sequence[Sequence[str]]) -> str:
    """Columns for a terminal."""
    return "\n".join(_padded(line, _widths(lines)).rstrip() for line in lines)


def rst(lines: Sequence[Sequence[str]]) -> str:
    """A simple table of reStructuredText; a cell too wide for its column is a row's second."""
    rows = [[cell or "\\" for cell in line] for line in lines]
    rule = "  ".join("=" * width for width in _widths(rows))
    head, *rest = (_padded(row, _widths(rows)).rstrip() for row in rows)
    return "\n".join([rule, head, rule, *rest, rule])


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
