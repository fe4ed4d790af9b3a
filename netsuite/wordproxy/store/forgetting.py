"""Forgetting, in steps: each is a function that does some of it and says whether there was something to do.

A step works inside the transaction of its caller, who goes on until there is nothing left; a kill between two
steps leaves what the same steps complete.  What is left has the numbers of a store that never had it, but:

* Of pages whose addresses retention has removed nothing is known but tallies.  Forgetting a day subtracts the
  pages that were new on it; of these, as many as are seen to have been there on another day stay counted.
* Sentences that newer ones had replaced don't come back, nor does one that was first met on a forgotten day.
* A visit that repeated one before it (`Revisit`) is a visit of its own, and stays when that one is forgotten.
* What was visited before schema 2 is known by shares (`upgrade`).

A word goes from titles, addresses and sentences of pages in its language: what has it, is gone whole.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import contexts, writing
from netsuite.wordproxy.store.adding import NEW, NEW_IN_MAIN
from netsuite.wordproxy.store.contract import COUNTED, IMPORTED, INGESTED, RECOUNTED
from netsuite.wordproxy.store.taking import Taking, drop_words

#: Pages, and rows of other tables, that are handled in one step.
PAGES_STEP, ROWS_STEP = 50, 2000

_VISITS = "SELECT day, visits, recounted, ingested, imported, new FROM visit WHERE page = ?"

_READING_LEFT = """
UPDATE reading SET visits = visits - ?, pages = pages - ?, new = max(0, new - ?)
WHERE site = ? AND day = ? AND lang = ?
"""

_PAGE_LEFT = """
UPDATE page SET first = (SELECT min(day) FROM visit WHERE page = page.id),
    last = (SELECT max(day) FROM visit WHERE page = page.id),
    seen = (SELECT max(seen) FROM visit WHERE page = page.id),
    visits = (SELECT sum(visits) FROM visit WHERE page = page.id),
    url = (SELECT url FROM visit WHERE page = page.id AND url NOT NULL ORDER BY day DESC LIMIT 1),
    title = (SELECT title FROM visit WHERE page = page.id AND title NOT NULL ORDER BY day DESC LIMIT 1)
WHERE id = ?
"""


# a page


def page(connection: sqlite3.Connection, digest: bytes, lang: str) -> int:
    """The page is gone with its numbers; how many that were: 1 or 0."""
    row = connection.execute(
        "SELECT p.id, p.site, s.host FROM page p JOIN site s ON s.id = p.site"
        " WHERE p.digest = ? AND p.lang = ?",
        (digest, lang),
    ).fetchone()
    if row is None:
        return 0
    number, site, host = row
    take_page(connection, number, site, lang)
    for day, visits, *brought, _ in connection.execute(_VISITS, (number,)).fetchall():
        amounts = (visits - sum(brought), *brought)
        for outcome, amount in zip((COUNTED, RECOUNTED, INGESTED, IMPORTED), amounts, strict=True):
            if amount:
                _uncover(connection, day, host, outcome, amount)
    writing.drop_rows(connection, [(number,)])
    return 1


def take_page(connection: sqlite3.Connection, number: int, site: int, lang: str) -> None:
    """The page's words and visits are subtracted from all sums but the coverage; its own rows stay."""
    taking = Taking(connection)
    taking.page(number, site)
    taking.write()
    for day, visits, _, _, _, new in connection.execute(_VISITS, (number,)).fetchall():
        connection.execute(_READING_LEFT, (visits, 1, new, site, day, lang))
    connection.execute("DELETE FROM reading WHERE site = ? AND lang = ? AND pages <= 0", (site, lang))


def _uncover(connection: sqlite3.Connection, day: int, host: str, outcome: str, amount: int) -> None:
    place = day, host, outcome
    where = "WHERE day = ? AND host = ? AND outcome = ?"
    connection.execute(f"UPDATE coverage SET amount = amount - ? {where}", (amount, *place))
    connection.execute(f"DELETE FROM coverage {where} AND amount <= 0", place)


# a host


def host_pages(connection: sqlite3.Connection, host: str) -> bool:
    """Some pages of the host are gone; their numbers stay for now."""
    pages = connection.execute(
        "SELECT p.id FROM site s JOIN page p ON p.site = s.id WHERE s.host = ? LIMIT ?", (host, PAGES_STEP)
    ).fetchall()
    writing.drop_pages(connection, pages)
    return bool(pages)


def host_tallies(connection: sqlite3.Connection, host: str) -> bool:
    """Some tallies of the host are gone."""
    rows = connection.execute(
        "SELECT t.site, t.day, t.word FROM site s JOIN tally t ON t.site = s.id WHERE s.host = ? LIMIT ?",
        (host, ROWS_STEP),
    ).fetchall()
    taking = Taking(connection)
    for row in rows:
        taking.tally(*row)
    taking.write()
    return bool(rows)


def host_name(connection: sqlite3.Connection, host: str) -> int:
    """The rest of it is gone, its name too; how many pages were read there."""
    pages: int
    (pages,) = connection.execute(
        "SELECT coalesce(sum(new), 0) FROM reading WHERE site = (SELECT id FROM site WHERE host = ?)", (host,)
    ).fetchone()
    connection.execute("DELETE FROM reading WHERE site = (SELECT id FROM site WHERE host = ?)", (host,))
    connection.execute("DELETE FROM site WHERE host = ?", (host,))
    connection.execute("DELETE FROM coverage WHERE host = ?", (host,))
    return pages


# a day


def day_visits(connection: sqlite3.Connection, day: int) -> bool:
    """Some pages have no visit on that day any more, or are gone with it; the day's numbers stay for now."""
    rows = connection.execute(
        "SELECT p.id, p.site, p.lang, v.new, p.first != p.last"
        " FROM visit v JOIN page p ON p.id = v.page WHERE v.day = ? LIMIT ?",
        (day, PAGES_STEP),
    ).fetchall()
    for number, site, lang, new, has_others in rows:
        if has_others:
            _drop_visit(connection, number, site, lang, day, is_new=bool(new))
        else:
            writing.drop_pages(connection, [(number,)])
    return bool(rows)


def _drop_visit(
    connection: sqlite3.Connection, number: int, site: int, lang: str, day: int, *, is_new: bool
) -> None:
    run = connection.execute
    if is_new:
        (other,) = run("SELECT min(day) FROM visit WHERE page = ? AND day != ?", (number, day)).fetchone()
        run("UPDATE visit SET new = 1 WHERE page = ? AND day = ?", (number, other))
        for amount, there in ((1, other), (-1, day)):
            run(
                "UPDATE reading SET new = new + ? WHERE site = ? AND day = ? AND lang = ?",
                (amount, site, there, lang),
            )
    for flag, column, condition in ((NEW, "all_new", ""), (NEW_IN_MAIN, "new", " AND o.all_main")):
        _pass_on(connection, number, site, day, flag, column, condition)
    writing.keep_forms(connection, [(number,)], day)
    for table in ("met", "page_form", "visit"):
        run(f"DELETE FROM {table} WHERE page = ? AND day = ?", (number, day))
    contexts.drop(connection, [(number,)], day)
    run(_PAGE_LEFT, (number,))


def _pass_on(
    connection: sqlite3.Connection, page: int, site: int, day: int, flag: int, column: str, condition: str
) -> None:
    """What made the page new for words on that day makes it so on another day, where there is one."""
    rows = connection.execute(
        f"SELECT m.word, (SELECT min(o.day) FROM met o WHERE o.page = m.page AND o.word = m.word"
        f" AND o.day != m.day{condition}) AS other_day FROM met m"
        " WHERE m.page = ? AND m.day = ? AND m.flags & ? AND other_day NOT NULL",
        (page, day, flag),
    ).fetchall()
    for word, other in rows:
        connection.execute(
            "UPDATE met SET flags = flags | ? WHERE page = ? AND word = ? AND day = ?",
            (flag, page, word, other),
        )
        for amount, there in ((1, other), (-1, day)):
            connection.execute(
                f"UPDATE tally SET {column} = {column} + ? WHERE site = ? AND day = ? AND word = ?",
                (amount, site, there, word),
            )


def day_tallies(connection: sqlite3.Connection, day: int) -> bool:
    """Some tallies of the day are gone."""
    rows = connection.execute(
        "SELECT site, word FROM (SELECT DISTINCT site FROM reading WHERE day = :day)"
        " CROSS JOIN tally USING (site) WHERE day = :day LIMIT :limit",
        {"day": day, "limit": ROWS_STEP},
    ).fetchall()
    taking = Taking(connection)
    for site, word in rows:
        taking.tally(site, day, word)
    taking.write()
    for site, word in rows:
        for column in ("pages", "all_pages"):
            _count_at_least(connection, site, word, column)
    return bool(rows)


def _count_at_least(connection: sqlite3.Connection, site: int, word: int, pages: str) -> None:
    """A word was met on at least as many pages of the site as on any one day."""
    new = "new" if pages == "pages" else "all_new"
    most, counted = connection.execute(
        f"SELECT max({pages}), sum({new}) FROM tally WHERE word = ? AND site = ?", (word, site)
    ).fetchone()
    if most is None or most <= counted:
        return
    connection.execute(
        f"UPDATE tally SET {new} = {new} + ? WHERE word = ? AND site = ? AND day ="
        f" (SELECT day FROM tally WHERE word = ? AND site = ? ORDER BY {pages} DESC LIMIT 1)",
        (most - counted, word, site, word, site),
    )
    connection.execute(f"UPDATE word SET {pages} = {pages} + ? WHERE id = ?", (most - counted, word))


def day_rest(connection: sqlite3.Connection, day: int) -> int:
    """The rest of the day is gone; how many pages were read on it."""
    run = connection.execute
    rows = run("SELECT site, lang, pages FROM reading WHERE day = ?", (day,)).fetchall()
    run("DELETE FROM reading WHERE day = ?", (day,))
    run("DELETE FROM coverage WHERE day = ?", (day,))
    for site, lang, _ in rows:
        most, counted = run(
            "SELECT max(pages), sum(new) FROM reading WHERE site = ? AND lang = ?", (site, lang)
        ).fetchone()
        if most is not None and most > counted:
            run(
                "UPDATE reading SET new = new + ? WHERE site = ? AND lang = ? AND day ="
                " (SELECT day FROM reading WHERE site = ? AND lang = ? ORDER BY pages DESC LIMIT 1)",
                (most - counted, site, lang, site, lang),
            )
    return sum(pages for _, _, pages in rows)


# a word


def word(connection: sqlite3.Connection, key: str, lang: str) -> int:
    """The word is gone with its numbers and its level; how many that were: 1 or 0."""
    run = connection.execute
    run("DELETE FROM known WHERE lang = ? AND key = ?", (lang, key))
    row = run("SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)).fetchone()
    if row is None:
        return 0
    (number,) = row
    pages = run("SELECT id FROM page WHERE lang = ?", (lang,)).fetchall()
    for table in ("met", "page_form"):
        connection.executemany(
            f"DELETE FROM {table} WHERE page = ? AND word = ?", ((page, number) for (page,) in pages)
        )
    places = run("SELECT site, day, word FROM tally WHERE word = ?", (number,)).fetchall()
    for table in ("tally_form", "tally"):
        connection.executemany(f"DELETE FROM {table} WHERE site = ? AND day = ? AND word = ?", places)
    drop_words(connection, [(number,)])
    return 1
