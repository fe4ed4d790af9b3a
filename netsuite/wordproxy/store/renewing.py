"""Sums made anew: who changes tallies says of which days, and when there is time they are added up again.

See `sums` for what sums are, and `again` for the pages that were visited again.

It goes in steps of some tenths of a second.  A step is drafted by reading alone, so that no writer waits for
it, and then written down, if nothing else was written meanwhile.  A longer span takes several steps: what it
has already are its rows, which nobody reads before the span is among those that are summed up.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable, Sequence

import numpy

from netsuite.wordproxy.store import again, bases, fresh, gists
from netsuite.wordproxy.store.gists import Gist
from netsuite.wordproxy.store.loosened import loosen, squeeze
from netsuite.wordproxy.store.packing import Column, added_up, column
from netsuite.wordproxy.store.sums import (
    ALL_SITES,
    COLUMNS,
    ERA,
    Draft,
    Span,
    added,
    langs_of,
    month_of,
    year_of,
)

#: By language, words with a column for each of `COLUMNS`, to be added up.
Parts = dict[str, list[tuple[Column, list[Column]]]]

#: Sites of which the era is summed up in one step.
_SITES_STEP = 20

#: Cells, of a site and a day, of which a month is summed up in one step.
_CELLS_STEP = 250

#: Row numbers are drawn by chance, so that a sum that is made anew has another one (`loosened`).
_ROWS = 1 << 62

_PACK = f"""
INSERT OR REPLACE INTO pack (rowid, first, last, site, lang, words, {", ".join(COLUMNS)})
VALUES (?, ?, ?, ?, ?, ?, {", ".join("?" * len(COLUMNS))})
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
        was_summed = ask("DELETE FROM summed WHERE first = ? AND last = ?", span).rowcount
        if was_summed or span[0] != span[1]:  # a longer one may be there in part
            write(connection, _clear(span))
        ask("INSERT OR IGNORE INTO stale (first, last) VALUES (?, ?)", span)


def retained(connection: sqlite3.Connection, days: Iterable[int]) -> None:
    """It is not known any more which pages were visited again on these days; the sums stay."""
    spans = {span for day in set(days) for span in ((day, day), month_of(day), year_of(day))}
    connection.executemany("DELETE FROM again WHERE first = ? AND last = ?", sorted(spans))


def draft(connection: sqlite3.Connection, busy: Collection[int] = (), *, idle: bool = True) -> Draft | None:
    """What makes one more sum or a part of it, none with a ``busy`` day; None: there is none to make.

    ``idle``: nor what is known of those that are there, or the base of a word.
    """
    ask = connection.execute
    stale = ask("SELECT first, last FROM stale ORDER BY last - first, first").fetchall()
    for span in stale:
        first, last = span
        if any(first <= day <= last for day in busy):
            continue
        if first == last:
            return [*_day(connection, span), *_finished(connection, span)]
        if span == month_of(last):
            part = _of_cells(connection, span) or _of_sites(connection, span)
        elif any(first <= other[0] and other[1] <= last and other != span for other in stale):
            continue  # it is made of shorter ones
        else:
            part = _of_shorter(connection, span)
        return part or _finished(connection, span)
    for span in ask(_WITHOUT_AGAIN, (ERA,)).fetchall():
        return again.draft(connection, span, by_site=span == month_of(span[0]))
    for (day,) in ask(_WITHOUT_FRESH).fetchall():
        return fresh.draft(connection, day)
    return (gists.draft(connection) or bases.draft(connection)) if idle else None


def write(connection: sqlite3.Connection, drafted: Draft) -> None:
    """What was drafted is there."""
    for sql, told in drafted:
        connection.execute(sql, told)


def renew(connection: sqlite3.Connection, busy: Collection[int] = ()) -> bool:
    """One step is done; False: there was none to do.  Within a transaction of the caller."""
    drafted = draft(connection, busy)
    write(connection, drafted or [])
    return drafted is not None


def renew_all(connection: sqlite3.Connection) -> None:
    """Every sum is there."""
    while renew(connection):
        pass


def _finished(connection: sqlite3.Connection, span: Span) -> Draft:
    """The span is summed up; eras that end before it are of no use any more."""
    drafted: Draft = [
        ("INSERT INTO summed (first, last) VALUES (?, ?)", span),
        ("DELETE FROM stale WHERE first = ? AND last = ?", span),
    ]
    if span[0] == ERA:
        older = "SELECT first, last FROM summed WHERE first = ? AND last < ?"
        for era in connection.execute(older, span).fetchall():
            drafted += [("DELETE FROM summed WHERE first = ? AND last = ?", era), *_clear(era)]
    return drafted


def _clear(span: Span) -> Draft:
    drafted: Draft = [
        (f"DELETE FROM {table} WHERE first = ? AND last = ?", span) for table in ("pack", "gist", "again")
    ]
    if span[0] == span[1]:
        drafted.append(("DELETE FROM fresh WHERE day = ?", span[:1]))
    return drafted


def _day(connection: sqlite3.Connection, span: Span) -> Draft:
    """The day is summed up over all sites."""
    found: Parts = {}
    for site, days in sorted(_cells(connection, span).items()):
        for day, langs in days.items():
            _cell(connection, site, day, langs, found)
    drafted = _rows(span, ALL_SITES, found)
    return [*drafted, *again.draft(connection, span), *fresh.draft(connection, span[0])]


def _of_cells(connection: sqlite3.Connection, span: Span) -> Draft:
    """The month is summed up at some more sites; nothing: there are no more."""
    drafted: Draft = []
    (done,) = connection.execute(
        "SELECT coalesce(max(site), 0) FROM gist WHERE first = ? AND last = ?", span
    ).fetchone()
    left = _CELLS_STEP
    for site, days in sorted(_cells(connection, span, done).items()):
        if left < 0 and drafted:
            break
        found: Parts = {}
        for day, langs in sorted(days.items()):
            _cell(connection, site, day, langs, found)
        drafted += _rows(span, site, found)
        left -= len(days)
    return drafted


def _of_sites(connection: sqlite3.Connection, span: Span) -> Draft:
    """The month is summed up over all sites in one more language; nothing: there is no more."""
    sql = "SELECT lang FROM gist WHERE first = ? AND last = ? AND site {} 0"
    rows = connection.execute(f"{sql.format('>')} EXCEPT {sql.format('=')} LIMIT 1", (*span, *span))
    for (lang,) in rows.fetchall():
        return _merged(connection, span, ALL_SITES, "first = ? AND last = ? AND site > 0 AND lang = ?", lang)
    return []


def _of_shorter(connection: sqlite3.Connection, span: Span) -> Draft:
    """The year is summed up from its months, or the era from its years, in part; nothing: all is there."""
    months = "first > 0 AND first >= ? AND last <= ? AND last - first BETWEEN 27 AND 30"
    if span[0] == ERA:
        drafted: Draft = []
        for site in _sites_without(connection, span):
            drafted += _merged(connection, span, site, f"{months} AND site = {site}")
        return drafted or _of_langs(
            connection, span, "first > 0 AND first >= ? AND last <= ? AND last - first > 300"
        )
    return _of_langs(connection, span, months)


def _of_langs(connection: sqlite3.Connection, span: Span, shorter: str) -> Draft:
    """The span is summed up over all sites in one more language; nothing: there is no more."""
    rows = connection.execute(
        f"SELECT lang FROM gist WHERE {shorter} AND site = 0"
        " EXCEPT SELECT lang FROM gist WHERE first = ? AND last = ? AND site = 0 LIMIT 1",
        (*span, *span),
    )
    for (lang,) in rows.fetchall():
        return _merged(connection, span, ALL_SITES, f"{shorter} AND site = 0 AND lang = ?", lang)
    return []


def _sites_without(connection: sqlite3.Connection, span: Span) -> list[int]:
    """Some sites of which there is no sum of the era yet, though of its months."""
    rows = connection.execute(
        "SELECT site FROM gist WHERE first > ? AND last <= ? AND last > first AND site > 0"
        " EXCEPT SELECT site FROM gist WHERE first = ? AND last = ? LIMIT ?",
        (ERA, span[1], *span, _SITES_STEP),
    )
    return [site for (site,) in rows]


def _merged(connection: sqlite3.Connection, span: Span, site: int, where: str, *lang: str) -> Draft:
    """The sum of other sums is that of the span at a site."""
    total: Parts = {}
    others = f"SELECT lang, words, {', '.join(COLUMNS)} FROM pack WHERE {where}"
    for spoken, *columns in connection.execute(others, (*span, *lang)):
        words, *numbers = map(loosen, columns)
        total.setdefault(spoken, []).append((words, numbers))
    return _rows(span, site, total)


def _cells(connection: sqlite3.Connection, span: Span, past: int = 0) -> dict[int, dict[int, list[str]]]:
    """The languages read, by site and day; of sites with a number ``past`` that one."""
    cells: dict[int, dict[int, list[str]]] = {}
    for site, day, lang in connection.execute(
        "SELECT site, day, lang FROM reading WHERE day BETWEEN ? AND ? AND site > ?", (*span, past)
    ):
        cells.setdefault(site, {}).setdefault(day, []).append(lang)
    return cells


def _cell(connection: sqlite3.Connection, site: int, day: int, langs: Sequence[str], found: Parts) -> None:
    """The tallies of a site's day are among what was found."""
    parts = connection.execute(
        "SELECT words, main, other, pages, all_pages, new, all_new FROM tally WHERE site = ? AND day = ?",
        (site, day),
    )
    for packed, main, other, *columns in parts:
        words = column(packed)
        size = len(words)
        numbers = [added(size, [main]), added(size, [main, other])]
        numbers += [added(size, [each]) for each in columns]
        if len(langs) == 1:
            found.setdefault(langs[0], []).append((words, numbers))
            continue
        spoken = langs_of(connection, words)
        for lang in langs:
            is_here = spoken == lang
            if is_here.any():
                part = words[is_here], [each[is_here] for each in numbers]
                found.setdefault(lang, []).append(part)


def _rows(span: Span, site: int, found: Parts) -> Draft:
    """What keeps the sum of a span at a site."""
    drafted: Draft = []
    for lang, parts in found.items():
        words, columns = added_up(parts)
        squeezed = [squeeze(each) for each in (words, *columns)]
        drafted.append((_PACK, (secrets.randbelow(_ROWS), *span, site, lang, *squeezed)))
        main, everything = columns[:2]
        met = int(main.sum()), int(everything.sum()), int(numpy.count_nonzero(main)), len(main)
        drafted += gists.put(Gist(*span, site, lang, *met))
    return drafted
