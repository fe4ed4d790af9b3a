"""The lines that differ between two texts, never more than so many, and in bounded time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

#: Lines shown, and characters of each.
LINES_MAX = 200
WIDTH_MAX = 400

#: Lines that are matched with one another; more are shown as gone and come, in one piece.
MATCHED_MAX = 3000

#: Lines around a change.
CONTEXT = 2


def diff(old: str, new: str) -> list[str]:
    """Return the difference as unified lines; where it is longer, the last line says by how much."""
    before, after = _lines(old), _lines(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    first = max(0, start - CONTEXT)
    left = before[first : len(before) - max(0, end - CONTEXT)]
    right = after[first : len(after) - max(0, end - CONTEXT)]
    shown: list[str] = []
    more = 0
    for line in _changes(left, right):
        if len(shown) < LINES_MAX:
            shown.append(line if len(line) <= WIDTH_MAX else f"{line[:WIDTH_MAX]}… ({len(line)} characters)")
        else:
            more += 1
    if more:
        shown[-1] = f"… {more + 1} more lines of the difference are not shown"
    return shown


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _common(one: list[str], other: list[str]) -> int:
    """Return how many lines both begin with."""
    number = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        number += 1
    return number


def _changes(left: list[str], right: list[str]) -> Iterator[str]:
    if len(left) + len(right) <= MATCHED_MAX:
        lines = difflib.unified_diff(left, right, "before", "now", lineterm="", n=CONTEXT)
        yield from (line for line in lines if not line.startswith("@@"))
        return
    yield "--- before"
    yield "+++ now"
    yield from (f"-{line}" for line in left)
    yield from (f"+{line}" for line in right)
