"""New words: how many words were met for the first time on a day, at which sites, in which language.

Kept by day as long as nothing of it changes: `renewing.changed`, and `figures` where first days change,
remove what may be wrong, `draft` counts it anew, and meanwhile it is counted when it is asked for.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from itertools import compress

import numpy

from netsuite.wordproxy.store import figures
from netsuite.wordproxy.store.packing import Column, column, unpack
from netsuite.wordproxy.store.sums import ALL_SITES, Draft, Span

#: By site, ALL_SITES among them, and language: new words in main text, and in all.
Fresh = dict[tuple[int, str], tuple[int, int]]

#: A day of which it is kept has a row for ALL_SITES, also if there was no new word.  The days are found one
#: by one, by their index: what was read on a thousand days has a hundred thousand rows.
_DAYS_WITHOUT = """
WITH RECURSIVE read (day) AS (
    SELECT (SELECT min(day) FROM reading WHERE day >= :lo)
    UNION ALL SELECT (SELECT min(day) FROM reading r WHERE r.day > read.day) FROM read WHERE day < :hi
)
SELECT day FROM read WHERE day <= :hi
AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.day = read.day AND f.site = 0)
"""


def counts(
    connection: sqlite3.Connection,
    by: str,
    days: Span | None,
    lang: str | None,
    site: int,
    *,
    everything: bool,
) -> Counter[int | str]:
    """New words by day, site or language; days are numbers here, and so are sites."""
    lo, hi = days or (1, 10_000_000)
    told = {"lo": lo, "hi": hi, "lang": lang, "site": site}
    terms = "" if lang is None else "AND lang = :lang"
    terms += " AND site > 0" if by == "site" and site == ALL_SITES else " AND site = :site"
    count = "all_n" if everything else "n"
    sql = f"SELECT {by}, sum({count}) FROM fresh WHERE day BETWEEN :lo AND :hi {terms} GROUP BY {by}"
    found: Counter[int | str] = Counter(dict(connection.execute(sql, told).fetchall()))
    for (day,) in connection.execute(_DAYS_WITHOUT, told).fetchall():
        for (place, spoken), (n, all_n) in read(connection, day).items():
            is_here = place != ALL_SITES if by == "site" and site == ALL_SITES else place == site
            if is_here and lang in (None, spoken):
                found[{"day": day, "site": place, "lang": spoken}[by]] += all_n if everything else n
    return found


def read(connection: sqlite3.Connection, day: int) -> Fresh:
    """The new words of a day."""
    tallies = connection.execute(
        "SELECT t.site, t.words, t.main FROM (SELECT DISTINCT site FROM reading WHERE day = :day) r"
        " CROSS JOIN tally t ON t.site = r.site AND t.day = :day",
        {"day": day},
    ).fetchall()
    langs = _langs_of_new(connection, day, [column(words) for _, words, _ in tallies])
    met: dict[int, set[int]] = {ALL_SITES: set()}
    met_main: dict[int, set[int]] = {ALL_SITES: set()}
    for site, words, main in tallies:
        some = unpack(words)
        new = langs.keys() & set(some)
        in_main = new & set(compress(some, unpack(main))) if main else set()
        for place in (site, ALL_SITES):
            met.setdefault(place, set()).update(new)
            met_main.setdefault(place, set()).update(in_main)
    found: Fresh = {}
    for place, words_met in met.items():
        alls = Counter(langs[word] for word in words_met)
        mains = Counter(langs[word] for word in met_main[place])
        found |= {(place, lang): (mains[lang], n) for lang, n in alls.items()}
    return found


def _langs_of_new(connection: sqlite3.Connection, day: int, words: list[Column]) -> dict[int, str]:
    """Those of the words whose first day this is, with their languages."""
    if not words:
        return {}
    met = numpy.unique(numpy.concatenate(words))
    new = met[figures.read(connection, met.tolist()).first == day]
    sql = "SELECT w.id, w.lang FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
    return dict(connection.execute(sql, (json.dumps(new.tolist()),)).fetchall())


def draft(connection: sqlite3.Connection, day: int) -> Draft:
    """What keeps the new words of a day."""
    found = read(connection, day)
    found.setdefault((ALL_SITES, ""), (0, 0))
    drafted: Draft = [("DELETE FROM fresh WHERE day = ?", (day,))]
    for (site, lang), (n, all_n) in sorted(found.items()):
        drafted.append(
            (
                "INSERT INTO fresh (day, site, lang, n, all_n) VALUES (?, ?, ?, ?, ?)",
                (day, site, lang, n, all_n),
            )
        )
    return drafted
