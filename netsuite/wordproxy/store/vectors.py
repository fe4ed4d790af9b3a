"""Numbers of many words in one row: the words of a page's day, and the tallies of a site's day.

Theory.  A page has hundreds of words, so one row for each of them is what a store would spend its time on.
Instead the numbers stand in columns (`packing`), a row of columns for each page and day, and for each site
and day.  Three things follow:

* A *met* row is written once, by the first visit of its day; a second visit, and whoever forgets, reads it,
  changes it and writes it back.
* A *tally* is all sums, so a batch adds a part of its own and reads nothing.  Who asks adds the parts up.
  Once there are `PARTS_MAX` of them they become one.
* Of forms only those are kept that are not their word's key: the key has the rest of the occurrences.

Works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

import msgspec
import numpy

from netsuite.wordproxy.store.packing import Column, Unreadable, added_up, column, pack, unpack

#: Parts of a site's day before they are folded into one.
PARTS_MAX = 16

#: How many times the words of all other parts one must have to be left as it is.
MOST = 4

#: The numbers of a tally, in their order.
TALLY = ("main", "other", "pages", "all_pages", "new", "all_new", "named")

_TALLY_COLUMNS = ", ".join(TALLY)

_PUT_TALLY = f"""
INSERT INTO tally (site, day, part, words, {_TALLY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - names of ours

_PARTS = f"""
SELECT part, words, {_TALLY_COLUMNS} FROM tally WHERE site = ? AND day = ? ORDER BY length(words) DESC
"""  # noqa: S608 - names of ours

_MET_COLUMNS = "words, main, other, all_main, all_other, flags, forms"

_PUT_MET = f"INSERT OR REPLACE INTO met (page, day, {_MET_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608

_encode = msgspec.msgpack.Encoder().encode
_forms = msgspec.msgpack.Decoder(list[tuple[int, str, int, int]]).decode

#: Bytes of a column that is another one's twin, or all zeros.
SAME = b""


class Tally(NamedTuple):
    """Columns of a part: a word's numbers stand at the same place in each.  Words are ascending."""

    words: array[int]
    main: array[int]
    other: array[int]
    pages: array[int]
    all_pages: array[int]
    new: array[int]
    all_new: array[int]
    named: array[int]


@dataclass(slots=True)
class Met:
    """The words of a page's day.

    ``rows``: main and other of the day's latest visit, both 0 if the word was gone by then; their sums over
    all visits of the day; flags.  ``forms``: how often a form that is not its word's key was there, in the
    latest visit and in all.
    """

    rows: dict[int, list[int]] = field(default_factory=dict)
    forms: dict[tuple[int, str], list[int]] = field(default_factory=dict)


# -- tallies -------------------------------------------------------------------------------------


def tallies(
    connection: sqlite3.Connection, lo: int, hi: int, site: int | None = None
) -> Iterator[tuple[int, int, Tally]]:
    """Yield site, day and a part of their tally, for those days; of one site if it is given."""
    of_site = "" if site is None else "AND site = :site"
    rows = connection.execute(
        f"SELECT site, day, words, {_TALLY_COLUMNS} FROM tally WHERE day BETWEEN :lo AND :hi {of_site}",  # noqa: S608
        {"lo": lo, "hi": hi, "site": site},
    )
    for place, day, words, *columns in rows:
        yield place, day, _tally(words, columns)


def _tally(words: bytes, columns: list[bytes]) -> Tally:
    numbers = unpack(words)
    zeros = array("B", bytes(len(numbers)))
    return Tally(numbers, *(zeros if column == SAME else unpack(column) for column in columns))


def fold(connection: sqlite3.Connection, site: int, day: int) -> dict[int, list[int]]:
    """Return the tallies of a site's day: by word its numbers, as `TALLY` names them."""
    return _added(part for _, _, part in tallies(connection, day, day, site))


def _added(parts: Iterable[Tally]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for part in parts:
        if len({*map(len, part)}) > 1:
            raise Unreadable("columns of different lengths")
        for word, *numbers in zip(*part, strict=True):
            row = rows.get(word)
            rows[word] = numbers if row is None else list(map(add, row, numbers))
    return rows


def put(connection: sqlite3.Connection, site: int, day: int, rows: Mapping[int, list[int]]) -> None:
    """These are the tallies of the site's day, and no others."""
    connection.execute("DELETE FROM tally WHERE site = ? AND day = ?", (site, day))
    _append_rows(connection, site, day, rows)


def _append_rows(connection: sqlite3.Connection, site: int, day: int, rows: Mapping[int, list[int]]) -> None:
    if rows:
        words = sorted(rows)
        columns = numpy.array([rows[word] for word in words], dtype=numpy.int64).T
        append(connection, site, day, numpy.array(words, dtype=numpy.int64), columns)


def append(
    connection: sqlite3.Connection, site: int, day: int, words: Column, columns: Iterable[Column]
) -> None:
    """One part more; ``words`` ascending, ``columns`` as in `TALLY`."""
    (part,) = connection.execute(
        "SELECT coalesce(max(part), 0) + 1 FROM tally WHERE site = ? AND day = ?", (site, day)
    ).fetchone()
    packed = (pack(column) if column.any() else SAME for column in columns)
    connection.execute(_PUT_TALLY, (site, day, part, pack(words), *packed))
    if part > PARTS_MAX:
        _fold_parts(connection, site, day)


def _fold_parts(connection: sqlite3.Connection, site: int, day: int) -> None:
    """The site's day has one part, or two where one has most of the words: that is not written each time."""
    rows = connection.execute(_PARTS, (site, day)).fetchall()
    rest = sum(len(words) for _, words, *_ in rows[1:])
    few = rows[1:] if len(rows[0][1]) > MOST * rest else rows
    connection.executemany(
        "DELETE FROM tally WHERE site = ? AND day = ? AND part = ?", [(site, day, part) for part, *_ in few]
    )
    if few is not rows:
        connection.execute("UPDATE tally SET part = 0 WHERE site = ? AND day = ?", (site, day))
    append(connection, site, day, *added_up([_part(words, columns) for _, words, *columns in few]))


def _part(packed: bytes, columns: list[bytes]) -> tuple[Column, list[Column]]:
    words = column(packed)
    none = numpy.zeros(len(words), dtype=numpy.uint8)
    found = [none if each == SAME else column(each) for each in columns]
    if len({len(words), *map(len, found)}) > 1:
        raise Unreadable("columns of different lengths")
    return words, found


# -- what was met on a page ----------------------------------------------------------------------


def met(connection: sqlite3.Connection, page: int) -> dict[int, Met]:
    """Return the words of a page, by day."""
    rows = connection.execute(f"SELECT day, {_MET_COLUMNS} FROM met WHERE page = ?", (page,))  # noqa: S608
    return {day: _met(*columns) for day, *columns in rows}


def met_on(connection: sqlite3.Connection, page: int, day: int) -> Met | None:
    """Return the words of a page's day, None if it has none."""
    row = connection.execute(
        f"SELECT {_MET_COLUMNS} FROM met WHERE page = ? AND day = ?",  # noqa: S608 - names of ours
        (page, day),
    ).fetchone()
    return None if row is None else _met(*row)


def _met(
    words: bytes, main: bytes, other: bytes, all_main: bytes, all_other: bytes, flags: bytes, forms: bytes
) -> Met:
    mains, others = unpack(main), unpack(other)
    columns = (
        mains,
        others,
        mains if all_main == SAME else unpack(all_main),
        others if all_other == SAME else unpack(all_other),
        unpack(flags),
    )
    numbers = unpack(words)
    if len({len(numbers), *map(len, columns)}) > 1:
        raise Unreadable("columns of different lengths")
    rows = dict(zip(numbers, map(list, zip(*columns, strict=True)), strict=True))
    return Met(rows, {(word, form): [n, all_n] for word, form, n, all_n in _forms(forms)})


def put_met(connection: sqlite3.Connection, page: int, day: int, kept: Met) -> None:
    """These are the words of the page's day; without any there is no row."""
    if not kept.rows:
        connection.execute("DELETE FROM met WHERE page = ? AND day = ?", (page, day))
        return
    main, other, all_main, all_other, flags = zip(*kept.rows.values(), strict=True)
    packed = (
        pack(list(kept.rows)),
        pack(main),
        pack(other),
        SAME if all_main == main else pack(all_main),
        SAME if all_other == other else pack(all_other),
        pack(flags),
        _encode([(word, form, n, all_n) for (word, form), (n, all_n) in kept.forms.items()]),
    )
    connection.execute(_PUT_MET, (page, day, *packed))


def put_first(
    connection: sqlite3.Connection,
    page: int,
    day: int,
    words: Column,
    main: Column,
    other: Column,
    flags: Column,
    forms: Sequence[tuple[int, str, int, int]],
) -> None:
    """The same after a day's first visit: columns in, columns out."""
    columns = (pack(words), pack(main), pack(other), SAME, SAME, pack(flags), _encode(forms))
    connection.execute(_PUT_MET, (page, day, *columns))
