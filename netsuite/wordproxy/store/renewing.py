"""Sums made anew: who changes tallies says of which days, and when there is time they are added up again.

See `sums` for what sums are, and `again` for the pages that were visited again.  A number of a word is made
of six lanes of 32 bits here, so that one addition adds all of its numbers.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from netsuite.wordproxy.store import again, fresh
from netsuite.wordproxy.store.packing import unpack
from netsuite.wordproxy.store.sums import (
    ALL_SITES,
    COLUMNS,
    ERA,
    Span,
    added,
    langs_of,
    loosen,
    month_of,
    squeeze,
    year_of,
)

#: By language and word, its numbers in one.
Rows = dict[str, dict[int, int]]

#: Sites of which the era is summed up in one step, so that no writer waits long.
_SITES_STEP = 20

_SIZE = 4 * len(COLUMNS)

#: Where each of `COLUMNS` is among the lanes.
_PLACES = range(len(COLUMNS)) if sys.byteorder == "little" else range(len(COLUMNS))[::-1]

_PACK = f"""
INSERT OR REPLACE INTO pack (first, last, site, lang, in_main, in_all, words, {", ".join(COLUMNS)})
VALUES (?, ?, ?, ?, ?, ?, ?, {", ".join("?" * len(COLUMNS))})
"""

_WITHOUT_AGAIN = """
SELECT s.first, s.last FROM summed s WHERE s.first > ?
AND NOT EXISTS (SELECT 1 FROM again a WHERE a.first = s.first AND a.last = s.last AND a.site = 0) LIMIT 1
"""

_WITHOUT_FRESH = """
SELECT s.first FROM summed s WHERE s.first = s.last
AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.day = s.first AND f.site = 0) LIMIT 1
"""


def changed(connection: sqlite3.Connection, days: Iterable[int]) -> None:
    """No sum has one of these days in it any more; called in the transaction that changes their tallies.

    Also to be told: all days of a page of which one day's words changed, or which is gone.
    """
    ask = connection.execute
    spans: set[Span] = set()
    for day in set(days):
        year = year_of(day)
        spans |= {(day, day), month_of(day), year}
        for table in ("summed", "stale"):
            spans |= set(ask(f"SELECT first, last FROM {table} WHERE first = ? AND last >= ?", (ERA, day)))
        era = ERA, year[0] - 1
        newer = "SELECT first, last FROM summed UNION ALL SELECT first, last FROM stale"
        sql = f"SELECT EXISTS (SELECT 1 FROM ({newer}) WHERE first = ? AND last >= ?)"
        if not ask(sql, era).fetchone()[0]:
            ask("DELETE FROM stale WHERE first = ?", era[:1])
            ask("INSERT INTO stale (first, last) VALUES (?, ?)", era)
    for span in sorted(spans):
        if ask("DELETE FROM summed WHERE first = ? AND last = ?", span).rowcount or span[0] == ERA:
            _clear(connection, span)
        ask("INSERT OR IGNORE INTO stale (first, last) VALUES (?, ?)", span)


def retained(connection: sqlite3.Connection, days: Iterable[int]) -> None:
    """It is not known any more which pages were visited again on these days; the sums stay."""
    spans = {span for day in set(days) for span in ((day, day), month_of(day), year_of(day))}
    connection.executemany("DELETE FROM again WHERE first = ? AND last = ?", sorted(spans))


def renew(connection: sqlite3.Connection, busy: Collection[int] = ()) -> bool:
    """One more sum is there or on its way, none with a ``busy`` day; False: there was none to make."""
    ask = connection.execute
    stale = ask("SELECT first, last FROM stale ORDER BY last - first, first").fetchall()
    for span in stale:
        first, last = span
        if any(first <= day <= last for day in busy):
            continue
        if first == last:
            _day(connection, span)
        elif span == month_of(last):
            _month(connection, span)
        elif any(first <= other[0] and other[1] <= last and other != span for other in stale):
            continue  # it is made of shorter ones
        elif not _of_shorter(connection, span):
            return True
        if first == ERA:
            _drop_eras(connection, span)
        ask("INSERT INTO summed (first, last) VALUES (?, ?)", span)
        ask("DELETE FROM stale WHERE first = ? AND last = ?", span)
        return True
    for span in ask(_WITHOUT_AGAIN, (ERA,)).fetchall():
        again.renew(connection, span, by_site=span == month_of(span[0]))
        return True
    for (day,) in ask(_WITHOUT_FRESH).fetchall():
        fresh.renew(connection, day)
        return True
    return False


def _drop_eras(connection: sqlite3.Connection, span: Span) -> None:
    """Eras that end before this one are of no use any more."""
    for older in connection.execute(
        "SELECT first, last FROM summed WHERE first = ? AND last < ?", span
    ).fetchall():
        connection.execute("DELETE FROM summed WHERE first = ? AND last = ?", older)
        _clear(connection, older)


def renew_all(connection: sqlite3.Connection) -> None:
    """Every sum is there."""
    while renew(connection):
        pass


def _clear(connection: sqlite3.Connection, span: Span) -> None:
    connection.execute("DELETE FROM pack WHERE first = ? AND last = ?", span)
    connection.execute("DELETE FROM again WHERE first = ? AND last = ?", span)
    if span[0] == span[1]:
        connection.execute("DELETE FROM fresh WHERE day = ?", span[:1])


def _day(connection: sqlite3.Connection, span: Span) -> None:
    """The day is summed up over all sites."""
    found: Rows = {}
    for site, days in sorted(_cells(connection, span).items()):
        for day, langs in days.items():
            _cell(connection, site, day, langs, found)
    _write(connection, span, ALL_SITES, found)
    again.renew(connection, span)
    fresh.renew(connection, span[0])


def _month(connection: sqlite3.Connection, span: Span) -> None:
    """The month is summed up at each site and over all."""
    everywhere: Rows = {}
    for site, days in sorted(_cells(connection, span).items()):
        found: Rows = {}
        for day, langs in sorted(days.items()):
            _cell(connection, site, day, langs, found)
        _write(connection, span, site, found)
        _merge(everywhere, found)
    _write(connection, span, ALL_SITES, everywhere)
    again.renew(connection, span, by_site=True)


def _of_shorter(connection: sqlite3.Connection, span: Span) -> bool:
    """The year is summed up from its months, or the era from its years; False if more is to be done."""
    is_era = span[0] == ERA
    if not is_era:
        _longer(connection, span, ALL_SITES, "last - first BETWEEN 27 AND 30")
        again.renew(connection, span)
        return True
    for site in _sites_without(connection, span):
        _longer(connection, span, site, "last - first BETWEEN 27 AND 30")
    if not _sites_without(connection, span):
        _longer(connection, span, ALL_SITES, "last - first > 300")
        return True
    return False


def _sites_without(connection: sqlite3.Connection, span: Span) -> list[int]:
    """Some sites of which there is no sum of the era yet, though of its months."""
    rows = connection.execute(
        "SELECT site FROM pack WHERE first > ? AND last <= ? AND last > first AND site > 0"
        " EXCEPT SELECT site FROM pack WHERE first = ? AND last = ? LIMIT ?",
        (ERA, span[1], *span, _SITES_STEP),
    )
    return [site for (site,) in rows]


def _longer(connection: sqlite3.Connection, span: Span, site: int, length: str) -> None:
    """What the months, or years, in the span have is summed up at a site."""
    total: Rows = {}
    shorter = (
        f"SELECT lang, words, {', '.join(COLUMNS)} FROM pack"
        f" WHERE first > ? AND first >= ? AND last <= ? AND site = ? AND {length}"
    )
    for lang, *columns in connection.execute(shorter, (ERA, *span, site)):
        words, *numbers = map(loosen, columns)
        _merge(total, {lang: dict(_lanes(words, numbers))})
    _write(connection, span, site, total)


def _cells(connection: sqlite3.Connection, span: Span) -> dict[int, dict[int, list[str]]]:
    """The languages read, by site and day."""
    cells: dict[int, dict[int, list[str]]] = {}
    for site, day, lang in connection.execute(
        "SELECT site, day, lang FROM reading WHERE day BETWEEN ? AND ?", span
    ):
        cells.setdefault(site, {}).setdefault(day, []).append(lang)
    return cells


def _cell(connection: sqlite3.Connection, site: int, day: int, langs: Sequence[str], found: Rows) -> None:
    """The tallies of a site's day are added to what was found."""
    parts = connection.execute(
        "SELECT words, main, other, pages, all_pages, new, all_new FROM tally WHERE site = ? AND day = ?",
        (site, day),
    )
    for packed, main, other, *columns in parts:
        words = unpack(packed)
        size = len(words)
        numbers = [added(size, [main]), added(size, [main, other])]
        numbers += [added(size, [column]) for column in columns]
        lanes = _lanes(words, numbers)
        if len(langs) == 1:
            sums = found.setdefault(langs[0], {})
            for word, n in lanes:
                sums[word] = sums.get(word, 0) + n
            continue
        spoken = langs_of(connection, words)
        for word, n in lanes:
            sums = found.setdefault(spoken[word], {})
            sums[word] = sums.get(word, 0) + n


def _lanes(words: Sequence[int], numbers: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Each word with its numbers in one."""
    lanes = array("I", bytes(_SIZE * len(words)))
    for place, column in zip(_PLACES, numbers, strict=True):
        lanes[place :: len(COLUMNS)] = array("I", column)
    data, whole, order = lanes.tobytes(), int.from_bytes, sys.byteorder
    starts = range(0, len(data), _SIZE)
    return zip(words, [whole(data[at : at + _SIZE], order) for at in starts], strict=True)


def _merge(total: Rows, more: Rows) -> None:
    for lang, words in more.items():
        sums = total.setdefault(lang, {})
        for word, n in words.items():
            sums[word] = sums.get(word, 0) + n


def _write(connection: sqlite3.Connection, span: Span, site: int, rows: Rows) -> None:
    for lang, words in rows.items():
        ordered = sorted(words)
        lanes = array("I", b"".join([words[word].to_bytes(_SIZE, sys.byteorder) for word in ordered]))
        columns = [lanes[place :: len(COLUMNS)] for place in _PLACES]
        told = *span, site, lang, sum(columns[0]), sum(columns[1])
        connection.execute(_PACK, (*told, squeeze(ordered), *map(squeeze, columns)))
