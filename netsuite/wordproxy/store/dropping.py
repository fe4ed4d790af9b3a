"""Pages that go while their numbers stay: what retention does, and forgetting does first.

Each function works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import contexts, renewing, vectors

_FORM = """
INSERT INTO tally_form (site, day, word, form, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (site, day, word, form) DO UPDATE SET n = n + excluded.n
"""


def old_pages(connection: sqlite3.Connection, before: int, *, at_most: int) -> list[tuple[int]]:
    """The numbers of some pages last met before that day."""
    return connection.execute("SELECT id FROM page WHERE last < ? LIMIT ?", (before, at_most)).fetchall()


def drop_pages(connection: sqlite3.Connection, pages: list[tuple[int]]) -> None:
    """The pages with these numbers are gone; their numbers, and how often which form was met, stay."""
    for (page,) in pages:
        for day, met in vectors.met(connection, page).items():
            keep_forms(connection, page, day, met)
        renewing.retained(connection, days_of(connection, page))
    drop_rows(connection, pages)


def days_of(connection: sqlite3.Connection, page: int) -> list[int]:
    """The days on which the page was visited."""
    return [day for (day,) in connection.execute("SELECT day FROM visit WHERE page = ?", (page,))]


def keep_forms(connection: sqlite3.Connection, page: int, day: int, met: vectors.Met) -> None:
    """How often which form was met on a page's day is kept by site and day, too."""
    if met.forms:
        (site,) = connection.execute("SELECT site FROM page WHERE id = ?", (page,)).fetchone()
        put_forms(connection, site, day, {which: n for which, (_, n) in met.forms.items()})


def put_forms(connection: sqlite3.Connection, site: int, day: int, forms: dict[tuple[int, str], int]) -> None:
    """So often more which form of which word was met at a site on a day, on pages that aren't kept."""
    connection.executemany(_FORM, ((site, day, word, form, n) for (word, form), n in forms.items()))


def drop_rows(connection: sqlite3.Connection, pages: list[tuple[int]]) -> None:
    """What is kept of the pages with these numbers, and of nothing else, is gone."""
    contexts.drop(connection, pages)
    for table in ("met", "visit"):
        connection.executemany(f"DELETE FROM {table} WHERE page = ?", pages)  # noqa: S608 - names of ours
    connection.executemany("DELETE FROM page WHERE id = ?", pages)
