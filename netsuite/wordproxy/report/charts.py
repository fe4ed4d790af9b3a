"""Charts as SVG, made here: pure functions from numbers to text that a page holds.

Each chart says in ``<title>`` what it is and in ``<desc>`` its numbers, so that nobody needs to see it; the
numbers are those of the JSON beside it.  There is no colour and no style in it: classes are the style
sheet's, which knows light and dark (and the site's policy would refuse any other).  The drawing is 360
units wide, about a phone's width, so that its letters can be read there, and grows with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 160

#: Room for the numbers at the left, the names below, and the highest number above.
LEFT, BOTTOM, TOP, RIGHT = 40, 22, 12, 8

#: Most points that a line of ranks is drawn with; the others lie between them.
POINTS_MAX = 60

Point = tuple[str, float]


def bars(title: str, points: Sequence[Point], *, name: str) -> Markup:
    """A bar for each point, in order; ``name``: of the chart, unlike any other on its page."""
    if not points:
        return Markup()
    most = nice(max(value for _, value in points))
    step = (WIDTH - LEFT - RIGHT) / len(points)
    width = max(1.0, min(step * 0.8, 40.0))
    marks = []
    for n, (label, value) in enumerate(points):
        high = (HEIGHT - TOP - BOTTOM) * value / most
        x, y = LEFT + step * n + (step - width) / 2, HEIGHT - BOTTOM - high
        told = _tag("title", text=f"{label}: {_number(value)}")
        marks.append(_tag("rect", told, cls="bar", x=x, y=y, width=width, height=high))
    return _chart(name, title, points, [*_scale(most), *marks, *_ends(points, step)])


def line(title: str, points: Sequence[tuple[str, float | None]], *, name: str) -> Markup:
    """Shares from 0 to 1 as a line, with a gap where one is None."""
    known = [(label, value) for label, value in points if value is not None]
    if not known:
        return Markup()
    step = (WIDTH - LEFT - RIGHT) / len(points)
    runs: list[list[tuple[float, float]]] = [[]]
    marks = []
    for n, (label, value) in enumerate(points):
        if value is None:
            runs.append([])
            continue
        x, y = LEFT + step * (n + 0.5), HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value
        runs[-1].append((x, y))
        told = _tag("title", text=f"{label}: {percent(value)}")
        marks.append(_tag("circle", told, cls="dot", cx=x, cy=y, r=2))
    drawn = [_path(run) for run in runs if len(run) > 1]
    return _chart(
        name, title, known, [*_scale(1.0, percent), *drawn, *marks, *_ends(points, step)], show=percent
    )


def ranks(title: str, counts: Sequence[int], *, name: str, of_rank: str) -> Markup:
    """Occurrences by rank, both logarithmic.  ``counts``: from rank 1 on; ``of_rank``: the axis' name."""
    counts = [count for count in counts if count > 0]
    if not counts:
        return Markup()
    wide, high = max(1.0, ceil(log10(len(counts)))), max(1.0, ceil(log10(max(counts))))
    chosen = sorted({min(len(counts), round(10 ** (wide * n / POINTS_MAX))) for n in range(POINTS_MAX + 1)})
    points = [(rank, counts[rank - 1]) for rank in chosen]
    places = [
        (
            LEFT + (WIDTH - LEFT - RIGHT) * log10(rank) / wide,
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * log10(count) / high,
        )
        for rank, count in points
    ]
    marks = [_tag("circle", cls="dot", cx=x, cy=y, r=2) for x, y in places]
    axes = []
    for power in range(int(high) + 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * power / high
        axes += _rule(y, f"{10**power:,}")
    for power in range(int(wide) + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * power / wide
        anchor = "end" if power == int(wide) else "middle"
        text = f"{10**power:,}" if power else of_rank + " 1"
        axes.append(_text(text, x, HEIGHT - 7, anchor))
    drawn = [_path(places)] if len(places) > 1 else []
    told = [(str(rank), float(count)) for rank, count in points]
    return _chart(name, title, told, [*axes, *drawn, *marks])


def share(title: str, value: float, *, name: str) -> Markup:
    """One share from 0 to 1 as a bar that is so full."""
    full = WIDTH * min(1.0, max(0.0, value))
    parts = [
        _tag("rect", cls="rest", x=0, y=0, width=WIDTH, height=10, rx=5),
        _tag("rect", cls="bar", x=0, y=0, width=full, height=10, rx=5),
    ]
    return _chart(name, title, [(title, value)], parts, show=percent, size=(WIDTH, 10), cls="share")


def percent(value: float) -> str:
    """A share as people read it; what isn't all never reads as all, nor something as nothing."""
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{value * 100:.1f}%".replace(".0%", "%")


def nice(value: float) -> float:
    """The smallest round number that isn't less: 1, 1.5, 2, 3 …, ten times these, and so on."""
    if value <= 1:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return float(
        next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))
    )


def _scale(most: float, show: object = None) -> list[Markup]:
    """Three lines across, with their numbers."""
    lines: list[Markup] = []
    for part in (0.0, 0.5, 1.0):
        value = most * part
        if show is None and value != int(value):
            continue
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part
        lines += _rule(y, percent(value) if show is percent else _short(value))
    return lines


def _rule(y: float, text: str) -> list[Markup]:
    return [
        _tag("line", cls="rule", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y),
        _text(text, LEFT - 5, y + 3, "end"),
    ]


def _ends(points: Sequence[tuple[str, object]], step: float) -> list[Markup]:
    """The names of the first point and the last."""
    first, last = points[0][0], points[-1][0]
    if len(points) == 1:
        return [_text(first, LEFT + step / 2, HEIGHT - 7, "middle")]
    return [_text(first, LEFT, HEIGHT - 7, "start"), _text(last, WIDTH - RIGHT, HEIGHT - 7, "end")]


def _chart(
    name: str,
    title: str,
    points: Iterable[Point],
    parts: Iterable[Markup],
    *,
    show: object = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    cls: str = "chart",
) -> Markup:
    said = (f"{label}: {percent(value) if show is percent else _number(value)}" for label, value in points)
    head = _tag("title", id=f"{name}-title", text=title) + _tag(
        "desc", id=f"{name}-desc", text="; ".join(said)
    )
    return _tag(
        "svg",
        head + Markup().join(parts),
        cls=cls,
        role="img",
        viewBox=f"0 0 {size[0]} {size[1]}",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
    )


def _path(places: Sequence[tuple[float, float]]) -> Markup:
    return _tag("polyline", cls="line", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places))


def _text(text: str, x: float, y: float, anchor: str) -> Markup:
    return _tag("text", x=x, y=y, text_anchor=anchor, text=text, aria_hidden="true")


def _tag(name: str, inner: str = "", *, text: str = "", cls: str = "", **attributes: object) -> Markup:
    """An element; what isn't Markup is escaped."""
    if cls:
        attributes = {"class": cls, **attributes}
    said = "".join(
        f' {key.replace("_", "-")}="{escape(f"{value:.1f}" if isinstance(value, float) else value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{said}>{escape(inner)}{escape(_printable(text))}</{name}>")  # noqa: S704 - escaped above


def _printable(text: str) -> str:
    """Text that XML can hold: no control characters (XML 1.0 §2.2)."""
    return "".join(c if c.isprintable() or c == " " else "\ufffd" for c in text)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _short(value: float) -> str:
    """A number for the scale: ``12k``."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
