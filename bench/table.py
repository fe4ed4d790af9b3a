"""Rounds of figures -> the tables that people read, and what ours is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.loads import Figures

#: Of each peer its rounds, or why it has none.
Rounds = Mapping[str, Sequence[Figures] | str]
Lines = list[list[str]]

#: Peers whose ratios are shown.
MARKS = ("squid", "privoxy", "haproxy")

#: Per cent of its cores past which the load, or all of the machine, is the limit.
FULL = 90


@dataclass(frozen=True, slots=True)
class Mark:
    """What ours is to hold: ``factor`` times a peer's figure, or ``factor`` itself where there is no peer."""

    factor: float
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A load as the tables show it.

    ``figure``: what is compared; ``more``: further columns; ``limit``: what, once full, is the limit.
    """

    title: str
    figure: str
    reach: Mark
    aim: Mark | None = None
    more: tuple[str, ...] = ("rate", "p50", "busy")
    higher: bool = False
    ours: str = "ours"
    limit: str = ""


#: Heading of a figure, and how it is written.
COLUMNS = {
    "cpu": ("CPU µs", "{:,.1f}"),
    "seconds": ("CPU s", "{:.2f}"),
    "rate": ("a second", "{:,.0f}"),
    "speed": ("MiB/s", "{:,.0f}"),
    "p50": ("p50 µs", "{:,.0f}"),
    "busy": ("core busy %", "{:.0f}"),
    "load": ("load busy %", "{:.0f}"),
    "machine": ("all cores busy %", "{:.0f}"),
    "memory": ("KiB each", "{:.1f}"),
    "total": ("MiB in all", "{:,.0f}"),
}

#: The issue's table: what each load is to reach, and what it aims at.
ROWS = {
    "small": Row("1 KiB, 64 clients: CPU µs a request", "cpu", Mark(0.65, "squid"), Mark(1, "privoxy")),
    "page": Row(
        "30 KiB gzip'd, 64 clients: CPU µs a request", "cpu", Mark(0.65, "squid"), Mark(1.6, "haproxy")
    ),
    "latency": Row(
        "1 KiB, one client: p50 in µs", "p50", Mark(1, "squid"), Mark(1.1, "haproxy"), ("rate", "cpu", "busy")
    ),
    "tunnel": Row(
        "1 GiB through CONNECT: CPU s", "seconds", Mark(0.7, "squid"), Mark(1, "haproxy"), ("speed", "busy")
    ),
    "download": Row(
        "1 GiB by a plain GET: CPU s", "seconds", Mark(0.35, "squid"), Mark(1, "haproxy"), ("speed", "busy")
    ),
    "connects": Row(
        "CONNECT, GET, close, 32 clients: tunnels/s",
        "rate",
        Mark(0.9, "squid"),
        Mark(1, "tinyproxy"),
        ("cpu", "p50", "busy", "load"),
        higher=True,
        limit="load",
    ),
    "idle": Row("9,000 idle tunnels: KiB each", "memory", Mark(6), Mark(2), ("total",)),
    "workers": Row(
        "--workers 2, 1 KiB, 64 clients: requests/s",
        "rate",
        Mark(1.5, "ours"),
        more=("cpu", "p50", "busy", "machine"),
        higher=True,
        ours="ours -w 2",
        limit="machine",
    ),
}


def median(rounds: Sequence[Figures], figure: str) -> float:
    """The middle of the rounds."""
    return statistics.median(each[figure] for each in rounds)


# -- one load ------------------------------------------------------------------------------------


def of_load(load: str, rounds: Rounds) -> Lines:
    """A load's table, headings first: each peer's medians, the range of its rounds, and ratios."""
    row = ROWS[load]
    marks = {peer: median(theirs, row.figure) for peer in MARKS if (theirs := _measured(rounds, peer))}
    heads = [COLUMNS[column][0] for column in (row.figure, *row.more)]
    lines = [["peer", heads[0], "least–most", *heads[1:], *(f"× {mark}" for mark in marks)]]
    for peer in rounds:
        figures = _measured(rounds, peer)
        lines.append([peer, *(_cells(row, figures, list(marks.values())) if figures else ["–"])])
    return [line + [""] * (len(lines[0]) - len(line)) for line in lines]


def missing(rounds: Rounds) -> list[str]:
    """Why peers have no figures, a line each."""
    return [f"{peer}: {reason}" for peer, reason in rounds.items() if isinstance(reason, str)]


def _cells(row: Row, figures: Sequence[Figures], marks: Sequence[float]) -> list[str]:
    mine = median(figures, row.figure)
    each = [figure[row.figure] for figure in figures]
    spread = f"{_shown(row.figure, min(each))}–{_shown(row.figure, max(each))}"
    more = [_shown(column, median(figures, column)) for column in row.more]
    return [_shown(row.figure, mine), spread, *more, *(f"{mine / mark:.2f}" for mark in marks)]


def _measured(rounds: Rounds, peer: str) -> Sequence[Figures]:
    found = rounds.get(peer, "")
    return () if isinstance(found, str) else found


def _shown(column: str, value: float) -> str:
    return COLUMNS[column][1].format(value)


# -- what ours is to reach -----------------------------------------------------------------------


def goals(results: Mapping[str, Rounds]) -> Lines:
    """For each load what is to be reached and aimed at, headings first: the ratio, and whether it holds."""
    lines = [["load", "ours", "reach", "ratio", "", "aim", "ratio", ""]]
    for load, rounds in results.items():
        row = ROWS[load]
        figures = _measured(rounds, row.ours)
        if row.ours not in rounds:
            continue
        if figures:
            value = median(figures, row.figure)
            marks = [_judged(row, value, mark, rounds) for mark in (row.reach, row.aim)]
            lines.append([row.title, _shown(row.figure, value), *marks[0], *marks[1]])
            if row.limit and median(figures, row.limit) >= FULL and "short" in lines[-1][4]:
                lines[-1][4] = "the load is the limit"
        else:
            lines.append([row.title, "–", *[""] * 6])
    return lines


def _judged(row: Row, value: float, mark: Mark | None, rounds: Rounds) -> tuple[str, str, str]:
    """What a mark asks for, the ratio, and whether it holds."""
    if mark is None:
        return "", "", ""
    sign = "≥" if row.higher else "≤"
    unit = 1.0
    asked = f"{sign} {mark.factor:g}"
    if mark.peer:
        asked += f" × {mark.peer}"
        if not (theirs := _measured(rounds, mark.peer)):
            return asked, "–", "not measured"
        unit = median(theirs, row.figure)
    ratio = value / unit
    short = 1 - ratio / mark.factor if row.higher else ratio / mark.factor - 1
    return (
        asked,
        f"{ratio:.2f}" if mark.peer else "",
        "met" if short <= 0 else f"short by {short * 100:.0f} %",
    )


def missed(lines: Lines) -> bool:
    """Whether a *reach* was measured and doesn't hold."""
    return any("short" in line[4] for line in lines[1:])


# -- on paper ------------------------------------------------------------------------------------


def plain(lines: Lines) -> str:
    """Columns for a terminal."""
    return "\n".join(_aligned(lines))


def rst(lines: Lines) -> str:
    """A simple table of reStructuredText."""
    filled = [[cell or "\\" for cell in line] for line in lines]
    rule = "  ".join("=" * width for width in _widths(filled))
    head, *rest = _aligned(filled)
    return "\n".join([rule, head, rule, *rest, rule])


def _aligned(lines: Lines) -> list[str]:
    widths = _widths(lines)
    cells = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return ["  ".join(line).rstrip() for line in cells]


def _widths(lines: Lines) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]
