"""What the tallies of each word come to, and its first and last day: those of `WIDE` words in one row.

Theory.  A batch changes the sums of most words that it has, and these are thousands: a row for each of them
was a third of what a known page cost.  Words are numbered as they are met, so those that are frequent are
near each other, and one row of columns, read, changed and written back, has the figures of a hundred of
them.  A row fits into one page of the database; its sums are as wide as its largest needs.  A reader of all
of them reads one row where a thousand numbers were.

A word that is not there has zeros, and no first day.

Works inside the transaction of its caller.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy

from netsuite.wordproxy.store.packing import Column, Numbers, Unreadable

#: Words in a row: the first row has those from 0 on.
WIDE = 128

#: The sums, in their order; "small" are occurrences in small letters.
SUMS = ("main", "other", "pages", "all_pages", "named", "small")

_PUT = "INSERT OR REPLACE INTO figure (block, sums, days) VALUES (?, ?, ?)"

_SOME = "SELECT f.block, f.sums, f.days FROM json_each(?) j CROSS JOIN figure f ON f.block = j.value"

#: Bytes of a row's sums, by the bytes of a number.
_SIZES = {len(SUMS) * WIDE * size: size for size in (1, 2, 4, 8)}

_LIMITS = numpy.array([0xFF, 0xFFFF, 0xFFFFFFFF])
_DAYS = 2 * WIDE * 4


class Figure(NamedTuple):
    """The figures of one word, or a column of each for several."""

    main: Any
    other: Any
    pages: Any
    all_pages: Any
    named: Any
    small: Any
    first: Any
    last: Any


class Figures:
    """The figures of some words, to be read and changed; `write` keeps them.

    ``sums`` has a row for each of `SUMS`, ``days`` those of the first and last days; `at` tells where a
    word's are in each.
    """

    def __init__(self, connection: sqlite3.Connection, words: Column) -> None:
        self._connection = connection
        self._blocks: Column = numpy.unique(words // WIDE)
        size = len(self._blocks)
        sums = numpy.zeros((len(SUMS), size, WIDE), dtype=numpy.int64)
        days = numpy.zeros((2, size, WIDE), dtype=numpy.int64)
        rows = connection.execute(_SOME, (json.dumps(self._blocks.tolist()),)).fetchall()
        if rows:
            blocks, packed, packed_days = zip(*rows, strict=True)
            places = numpy.searchsorted(self._blocks, blocks)
            for at, found in _by_width(packed):
                sums[:, places[at]] = found.transpose(1, 0, 2)
            days[:, places] = _days(packed_days).transpose(1, 0, 2)
        self.sums, self.days = sums.reshape(len(SUMS), -1), days.reshape(2, -1)
        self._before = self.days[0].copy()

    def at(self, words: Column) -> Column:
        """The places of these words."""
        places: Column = numpy.searchsorted(self._blocks, words // WIDE) * WIDE + words % WIDE
        return places

    def of(self, words: Column) -> Figure:
        """The figures of these words."""
        at = self.at(words)
        return Figure(*self.sums[:, at], *self.days[:, at])

    def write(self) -> None:
        """They are in the table; days whose new words are others now are to be counted again."""
        moved = numpy.flatnonzero((self.days[0] != self._before) & (self._before > 0))
        changed = numpy.union1d(self._before[moved], self.days[0][moved]).tolist()
        self._connection.executemany("DELETE FROM fresh WHERE day = ?", [(day,) for day in changed])
        is_used = self.days[0].reshape(-1, WIDE).any(axis=1)
        unused = self._blocks[~is_used].tolist()
        self._connection.executemany("DELETE FROM figure WHERE block = ?", [(block,) for block in unused])
        if is_used.any():
            rows = zip(*self._packed(), is_used.tolist(), strict=True)
            self._connection.executemany(_PUT, [row for *row, used in rows if used])

    def _packed(self) -> tuple[list[int], list[bytes], list[bytes]]:
        sums = self.sums.reshape(len(SUMS), -1, WIDE).transpose(1, 0, 2)
        days = self.days.reshape(2, -1, WIDE).transpose(1, 0, 2).astype("<u4").tobytes()
        sizes = 1 << numpy.searchsorted(_LIMITS, sums.max(axis=(1, 2)))
        packed = [b""] * len(sums)
        for size in numpy.unique(sizes).tolist():
            at = numpy.flatnonzero(sizes == size)
            flat = sums[at].astype(f"<u{size}").tobytes()
            step = len(SUMS) * WIDE * size
            for number, place in enumerate(at.tolist()):
                packed[place] = flat[number * step : (number + 1) * step]
        return (
            self._blocks.tolist(),
            packed,
            [days[start : start + _DAYS] for start in range(0, len(days), _DAYS)],
        )


def add(
    connection: sqlite3.Connection, words: Column, sums: Sequence[Column], first: Column, last: Column
) -> None:
    """Words, each once, have so much more of each of `SUMS`, and were met on these days, too."""
    held = Figures(connection, words)
    at = held.at(words)
    for column, more in zip(held.sums, sums, strict=True):
        column[at] += more
    before = held.days[0, at]
    held.days[0, at] = numpy.where(before > 0, numpy.minimum(before, first), first)
    held.days[1, at] = numpy.maximum(held.days[1, at], last)
    held.write()


def read(connection: sqlite3.Connection, words: Collection[int]) -> Figure:
    """The figures of some words, in their order."""
    some = numpy.fromiter(words, dtype=numpy.int64, count=len(words))
    return Figures(connection, some).of(some)


def one(connection: sqlite3.Connection, word: int) -> Figure:
    """The figures of a word, as whole numbers."""
    return Figure(*(int(column[0]) for column in read(connection, [word])))


def every(connection: sqlite3.Connection, last: int, *names: str) -> list[Numbers]:
    """By a word's number, up to that one, some of its sums."""
    rows = connection.execute("SELECT block, sums FROM figure").fetchall()
    found = numpy.zeros((len(names), last // WIDE + 1, WIDE), dtype=numpy.int64)
    if rows:
        blocks, packed = zip(*rows, strict=True)
        places = _places(blocks, last)
        which = [SUMS.index(name) for name in names]
        for at, sums in _by_width(packed):
            found[:, places[at]] = sums[:, which].transpose(1, 0, 2)
    return list(found.reshape(len(names), -1)[:, : last + 1])


def firsts(connection: sqlite3.Connection, last: int) -> Numbers:
    """By a word's number, up to that one, its first day."""
    rows = connection.execute("SELECT block, days FROM figure").fetchall()
    found = numpy.zeros((last // WIDE + 1, WIDE), dtype=numpy.int64)
    if rows:
        blocks, packed = zip(*rows, strict=True)
        found[_places(blocks, last)] = _days(packed)[:, 0]
    return found.reshape(-1)[: last + 1]


def _places(blocks: Sequence[int], last: int) -> Column:
    places = numpy.array(blocks, dtype=numpy.int64)
    if places.min() < 0 or places.max() > last // WIDE:
        raise Unreadable("figures of no word")
    return places


def _by_width(packed: Sequence[bytes]) -> Iterable[tuple[Column, Column]]:
    """Places of rows whose numbers are of one width, and their sums: by row, by sum, by word."""
    lengths = numpy.fromiter(map(len, packed), dtype=numpy.int64, count=len(packed))
    for length in numpy.unique(lengths).tolist():
        size = _SIZES.get(length)
        if size is None:
            raise Unreadable("no row of figures")
        at = numpy.flatnonzero(lengths == length)
        flat = b"".join(map(packed.__getitem__, at.tolist()))
        # of eight bytes with a sign: no sum is larger
        kind = "<i8" if size == 8 else f"<u{size}"
        yield at, numpy.frombuffer(flat, dtype=kind).reshape(-1, len(SUMS), WIDE)


def _days(packed: Sequence[bytes]) -> Column:
    flat = b"".join(packed)
    if len(flat) != _DAYS * len(packed) or any(len(each) != _DAYS for each in packed):
        raise Unreadable("no row of days")
    return numpy.frombuffer(flat, dtype="<u4").reshape(-1, 2, WIDE)
