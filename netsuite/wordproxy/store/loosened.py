"""Columns of sums that were read lately, as they are reckoned with, and what they add up to.

Most questions read the same few.

A sum is never changed, it is removed and made anew; then it has another row number, which is drawn by chance
(`renewing`), so that what is kept here of the old one is not taken for the new one's.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

from netsuite.wordproxy.store.packing import Column, Numbers, column, columns, pack, zeros

#: Bytes that are kept; a million words and what was met of them take 8 MB.
BYTES_MAX = 96 * 1024 * 1024


def squeeze(values: Sequence[int] | Column) -> bytes:
    """A column as it stands in a sum."""
    return zlib.compress(pack(values), 1)


def loosen(data: bytes) -> Column:
    """The values of `squeeze`.

    Raises:
        ValueError: the bytes aren't such a column's.
    """
    try:
        return column(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError("no column of a sum") from error


class Loosened:
    """The columns of one open store."""

    def __init__(self, most: int = BYTES_MAX) -> None:
        self._most, self._bytes = most, 0
        self._kept: OrderedDict[object, Column] = OrderedDict()
        self._version: tuple[int, int] | None = None
        self._levels = zeros(-1), zeros(-1)

    def read(self, connection: sqlite3.Connection, row: int, which: str) -> Column:
        """A column of the sum with that row number."""
        sql = f"SELECT {which} FROM pack WHERE rowid = ?"  # noqa: S608 - the name of a column of ours
        return self._once((row, which), lambda: loosen(connection.execute(sql, (row,)).fetchone()[0]))

    def sums(self, connection: sqlite3.Connection, rows: Sequence[int], which: str) -> Numbers:
        """By a word's number, up to the last that is met, the sum of that column in these sums."""
        return self._once((tuple(rows), which), lambda: self._added_up(connection, rows, which))

    def levels(self, connection: sqlite3.Connection) -> tuple[Numbers, Numbers]:
        """The words met of which a level was said, and the places of these; kept while nothing changes."""
        (others,) = connection.execute("PRAGMA data_version").fetchone()
        version = others, connection.total_changes
        if version != self._version:
            rows = connection.execute("SELECT w.id, k.level FROM known k CROSS JOIN word w USING (key, lang)")
            words, levels = columns(rows, 2)
            self._version, self._levels = version, (words, levels)
        return self._levels

    def _added_up(self, connection: sqlite3.Connection, rows: Sequence[int], which: str) -> Numbers:
        parts = [tuple(self.read(connection, row, each) for each in ("words", which)) for row in rows]
        sums = zeros(max((int(words[-1]) for words, _ in parts), default=0))
        for words, values in parts:  # each word once in a column, so this adds them all
            sums[words] += values
        return sums

    def _once(self, key: object, make: Callable[[], Column]) -> Column:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        found = self._kept[key] = make()
        self._bytes += found.nbytes
        while self._bytes > self._most:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found
