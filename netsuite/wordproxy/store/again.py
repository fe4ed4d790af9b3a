"""Pages that were visited on several days: how often their words were met again there.

A page is one page of a range, however many of its days it was visited on; sums of days count it once for
each.  So for each visit on a later day than the first it is kept for which words that was not the first time,
and on which day the page had the word before: a range takes away those of which that day is in the range too.
Kept by the spans of `sums`, and as derived as these.  Pages that retention has removed are not known any
more, and stay counted once for each day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

import numpy

from netsuite.wordproxy.store.loosened import loosen, squeeze
from netsuite.wordproxy.store.packing import unpack
from netsuite.wordproxy.store.sums import ALL_SITES, Draft, Span, Sums

#: A word that was met again, the day on which its page had it before, and had it in main text before; 0: it
#: had not, or has not now.
Entry = tuple[int, int, int]

_LATER = """
SELECT v.page, p.site, v.day FROM visit v CROSS JOIN page p ON p.id = v.page
WHERE v.day BETWEEN :lo AND :hi {here}
AND EXISTS (SELECT 1 FROM visit e WHERE e.page = v.page AND e.day < v.day AND e.day >= :since)
ORDER BY v.page, v.day
"""


_KEEP = """
INSERT OR REPLACE INTO again (first, last, site, words, before, main_before) VALUES (?, ?, ?, ?, ?, ?)
"""


def times(
    connection: sqlite3.Connection, some: Collection[int], sums: Sums, since: int, *, everything: bool
) -> dict[int, int]:
    """How often each of ``some`` words was met again on a page, in the range of ``sums`` from ``since``."""
    ordered = numpy.array(sorted(some), dtype=numpy.int64)
    times = numpy.zeros(len(ordered), dtype=numpy.int64)
    rest = list(sums.rest)
    for span in sums.spans:
        if not _is_kept(connection, span):
            rest.append(span)
            continue
        sql = "SELECT words, before, main_before FROM again WHERE first = ? AND last = ? AND site = ?"
        for columns in connection.execute(sql, (*span, sums.site)):
            words, before, main_before = map(loosen, columns)
            is_since = numpy.cumsum((before if everything else main_before) >= since)
            upto = numpy.concatenate(([0], is_since))  # how many of the first so many entries are
            times += upto[numpy.searchsorted(words, ordered, "right")]
            times -= upto[numpy.searchsorted(words, ordered, "left")]
    met = dict(zip(ordered.tolist(), times.tolist(), strict=True))
    for span in rest:
        for entries in read(connection, span, since=since, site=sums.site).values():
            for word, day, main_day in entries:
                if word in met and (day if everything else main_day) >= since:
                    met[word] += 1
    return met


def read(
    connection: sqlite3.Connection, span: Span, *, since: int = 0, site: int = ALL_SITES
) -> dict[int, list[Entry]]:
    """By site, the words met again on those days that their page had had earlier, but from ``since`` on."""
    here = "AND p.site = :site" if site != ALL_SITES else ""
    told = {"lo": span[0], "hi": span[1], "since": since, "site": site}
    pages: dict[tuple[int, int], set[int]] = {}
    for page, place, day in connection.execute(_LATER.format(here=here), told):
        pages.setdefault((place, page), set()).add(day)
    found: dict[int, list[Entry]] = {}
    for (place, page), days in pages.items():
        entries = found.setdefault(place, [])
        last: dict[int, int] = {}
        last_main: dict[int, int] = {}
        for day, words, mains in _days(connection, page, since, max(days)):
            if day in days:
                for word, main in zip(words, mains, strict=True):
                    if before := last.get(word):
                        entries.append((word, before, last_main.get(word, 0) if main else 0))
            last.update(dict.fromkeys(words, day))
            last_main.update((word, day) for word, main in zip(words, mains, strict=True) if main)
    return found


def draft(connection: sqlite3.Connection, span: Span, *, by_site: bool = False) -> Draft:
    """What keeps what was met again in the span; of all sites also if there is nothing: it was read."""
    found = read(connection, span)
    everywhere = [entry for entries in found.values() for entry in entries]
    drafted: Draft = []
    for site, entries in {**(found if by_site else {}), ALL_SITES: everywhere}.items():
        columns = list(zip(*sorted(entries), strict=True)) or [(), (), ()]
        drafted.append((_KEEP, (*span, site, *map(squeeze, columns))))
    return drafted


def _is_kept(connection: sqlite3.Connection, span: Span) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM again WHERE first = ? AND last = ? AND site = ?)"
    return bool(connection.execute(sql, (*span, ALL_SITES)).fetchone()[0])


def _days(
    connection: sqlite3.Connection, page: int, since: int, until: int
) -> Iterable[tuple[int, Collection[int], Collection[int]]]:
    """Each of a page's days with its words, and their occurrences in main text."""
    rows = connection.execute(
        "SELECT day, words, CASE all_main WHEN x'' THEN main ELSE all_main END FROM met"
        " WHERE page = ? AND day BETWEEN ? AND ? ORDER BY day",
        (page, since, until),
    )
    for day, words, mains in rows:
        yield day, unpack(words), unpack(mains)
