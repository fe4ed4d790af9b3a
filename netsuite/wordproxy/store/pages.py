"""Pages whose addresses are still kept: lists of them, and the words of the latest visit of one."""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import queries, vectors
from netsuite.wordproxy.store.contract import LEVELS, Known, PageList, PageQuery, PageRow

#: From this level on a word counts as known.
_KNOWN = LEVELS.index("known")

#: By a word's number, its occurrences in main text and in boilerplate.
Counts = dict[int, tuple[int, int]]


def pages(connection: sqlite3.Connection, query: PageQuery) -> PageList:
    """The pages that fit, newest visit first."""
    listed, counted, parameters = queries.pages(query)
    (total,) = connection.execute(counted, parameters).fetchone()
    day = queries.day_text
    found = []
    for page, digest, url, title, host, lang, first, last, visits in connection.execute(
        listed, parameters
    ).fetchall():
        known = how_known(connection, latest(connection, page, last))
        found.append(
            PageRow(url, title, host, lang, day(first), day(last), visits, f"{digest.hex()}:{lang}", known)
        )
    return PageList(total, found)


def find(connection: sqlite3.Connection, name: str) -> tuple[int, int, int] | None:
    """Number, site and last day of a page by its ``id``; None if there is no such page."""
    digest, _, lang = name.partition(":")
    sql = "SELECT id, site, last FROM page WHERE digest = ? AND lang = ?"
    found: tuple[int, int, int] | None = connection.execute(sql, (queries.digest(digest), lang)).fetchone()
    return found


def latest(connection: sqlite3.Connection, page: int, last: int) -> Counts:
    """The words of the latest visit of a page."""
    met = vectors.met_on(connection, page, last)
    if met is None:
        return {}
    return {word: (row[0], row[1]) for word, row in met.rows.items() if row[0] or row[1]}


def how_known(connection: sqlite3.Connection, counts: Counts) -> Known:
    """How much of the main text is known."""
    occurrences = known_occurrences = distinct = known_distinct = 0
    sql = (
        "SELECT EXISTS (SELECT 1 FROM word w CROSS JOIN known k USING (key, lang)"
        " WHERE w.id = ? AND k.level >= ?)"
    )
    for word, (main, _) in counts.items():
        if main:
            (is_known,) = connection.execute(sql, (word, _KNOWN)).fetchone()
            occurrences += main
            distinct += 1
            known_occurrences += main * is_known
            known_distinct += is_known
    return Known(occurrences, known_occurrences, distinct, known_distinct)
