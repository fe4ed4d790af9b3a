"""From the tables of an older schema to ours, in one transaction of the caller.

Schema 2 had a word's figures in the word's own row.

Schema 1 had less than ours has: how often a word was met on each page it knew only as a sum over the pages of
a site's day.  Each of these pages gets an equal share of that sum, its first day counts as the one on which
it was new, and its words were met in the form of their keys.  So sums stay exact; what is forgotten of a page
that was visited before the upgrade is this share, and nothing is left when the last such page is forgotten.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables

from __future__ import annotations

import sqlite3
from datetime import date
from itertools import groupby
from operator import itemgetter

import numpy

from netsuite.wordproxy.store import figures, file, renewing, vectors
from netsuite.words.segment import is_small

#: What the names of the old tables begin with meanwhile.
_OLD = "before_"

#: Pages whose words are read at a time, and words whose figures are.
_PAGES, _WORDS = 200, 10_000

_VISIT = f"""
INSERT INTO visit (page, day, visits, recounted, ingested, imported, new, seen, url, title)
SELECT v.page, v.day, v.visits, 0, 0, 0, v.day = p.first,
    iif(v.day = p.last, p.seen, (v.day - {date(1970, 1, 1).toordinal()}) * 86400), p.url, p.title
FROM before_visit v JOIN page p ON p.id = v.page
"""

#: A page's share of each word by day: page, day, word, latest main and other, their sums, flags.
_MET = """
SELECT page, day, word, (in_main + visits - 1) / visits, (in_other + visits - 1) / visits, in_main, in_other,
    is_first | is_first_in_main << 1
FROM (SELECT m.page, m.word, m.day, v.visits,
        iif(m.main, max(1, t.main / max(1, t.pages)), 0) AS in_main,
        CASE WHEN t.all_pages <= t.pages THEN t.other / max(1, t.all_pages) WHEN m.main THEN 0
            ELSE max(1, t.other / (t.all_pages - t.pages)) END AS in_other,
        m.day = (SELECT min(day) FROM before_met o WHERE o.page = m.page AND o.word = m.word) AS is_first,
        m.main AND m.day = (SELECT min(day) FROM before_met o
            WHERE o.page = m.page AND o.word = m.word AND o.main) AS is_first_in_main
    FROM before_met m JOIN page p ON p.id = m.page
    JOIN before_visit v ON v.page = m.page AND v.day = m.day
    JOIN before_tally t ON t.site = p.site AND t.day = m.day AND t.word = m.word
    WHERE m.page > ? AND m.page <= ?)
"""

_TALLY = """
SELECT site, day, word, main, other, pages, all_pages, new, all_new, 0 FROM before_tally
ORDER BY site, day, word
"""

_WORD = """
INSERT INTO word (id, key, lang, plain) SELECT id, key, lang, nullif(plain, key) FROM before_word ORDER BY id
"""

#: Words in order, with their figures; what schema 1 had no column for.
_FIGURES = (
    "SELECT id, main, other, pages, all_pages, {named}, {small}, first, last FROM before_word ORDER BY id"
)
_SMALL = "(SELECT coalesce(sum(n), 0) FROM form WHERE word = before_word.id AND is_small(form))"

#: What is done when the tables of schema 1 are filled.
_AFTER = (
    "DELETE FROM form WHERE form = (SELECT key FROM word WHERE id = form.word)",
    "INSERT INTO generation (n) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM generation)",
)


def rebuild(connection: sqlite3.Connection, schema: int) -> None:
    """The tables are those of our schema, filled from those of that older one."""
    run = connection.execute
    connection.create_function("is_small", 1, is_small, deterministic=True)
    old = dict(run("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT NULL").fetchall())
    new = file.tables()
    moved = [name for name in old if new.get(name) != old[name]]
    file.drop_attached(connection)
    for name in moved:
        run(f"ALTER TABLE {name} RENAME TO {_OLD}{name}")
    for name, sql in new.items():
        if name in moved or name not in old:
            run(sql)
    for name in (name for name in new if name in moved):
        _fill(connection, name)
    named, small = ("0", _SMALL) if schema == 1 else ("named", "small")
    _fill_figures(connection, _FIGURES.format(named=named, small=small))
    for statement in _AFTER if schema == 1 else ():
        run(statement)
    for name in moved:
        run(f"DROP TABLE {_OLD}{name}")
    for sql in file.attached():
        run(sql)
    if schema == 1:
        renewing.changed(connection, [day for (day,) in run("SELECT DISTINCT day FROM reading").fetchall()])


def _fill(connection: sqlite3.Connection, table: str) -> None:
    """The table has what the old one had; columns that are new have their defaults."""
    if table == "visit":
        connection.execute(_VISIT)
    elif table == "word":
        connection.execute(_WORD)
    elif table == "met":
        _fill_met(connection)
    elif table == "tally":
        _fill_tally(connection)
    else:
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (f"{_OLD}{table}",))
        columns = ", ".join(f'"{name}"' for (name,) in rows)
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_OLD}{table}")


def _fill_met(connection: sqlite3.Connection) -> None:
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM page").fetchone()
    for start in range(0, last, _PAGES):
        rows = connection.execute(_MET, (start, start + _PAGES)).fetchall()
        rows.sort(key=itemgetter(0, 1))
        for (page, day), words in groupby(rows, itemgetter(0, 1)):
            met = vectors.Met({word: numbers for _, _, word, *numbers in words})
            vectors.put_met(connection, page, day, met)


def _fill_figures(connection: sqlite3.Connection, asked: str) -> None:
    rows = connection.execute(asked)
    while some := rows.fetchmany(_WORDS):
        words, *sums, first, last = numpy.array(some, dtype=numpy.int64).T
        figures.add(connection, words, sums, first, last)


def _fill_tally(connection: sqlite3.Connection) -> None:
    for (site, day), rows in groupby(connection.execute(_TALLY), itemgetter(0, 1)):
        vectors.put(connection, site, day, {word: numbers for _, _, word, *numbers in rows})
