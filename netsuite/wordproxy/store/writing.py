"""What a batch writes: one visit, its words, one note; and what retention removes.

Each function works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import adding, queries
from netsuite.wordproxy.store.contract import COUNTED, Batch, Note, Page

#: Longest title and address that are kept, in characters.
TITLE_MAX, URL_MAX = 500, 2000


def add_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    """What the node had not sent before is added, and will not be again."""
    row = connection.execute("SELECT sequence FROM node WHERE id = ?", (batch.node,)).fetchone()
    seen = row[0] if row else -1
    pages = [page for page in batch.pages if page.sequence > seen]
    notes = [note for note in batch.notes if note.sequence > seen]
    added = adding.Adding(connection)
    for page in pages:
        _add_page(connection, added, page)
    added.write()
    for note in notes:
        _cover(connection, note)
    last = max([seen, batch.last, *(page.sequence for page in pages), *(note.sequence for note in notes)])
    connection.execute(
        "INSERT INTO node (id, sequence, seen) VALUES (?, ?, unixepoch())"
        " ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, seen = excluded.seen",
        (batch.node, last),
    )


def drop_pages(connection: sqlite3.Connection, before: int, *, at_most: int) -> int:
    """Some pages last met before that day are gone; return how many."""
    old = connection.execute("SELECT id FROM page WHERE last < ? LIMIT ?", (before, at_most)).fetchall()
    for table in ("met", "visit"):
        connection.executemany(f"DELETE FROM {table} WHERE page = ?", old)  # noqa: S608 - names of ours
    connection.executemany("DELETE FROM page WHERE id = ?", old)
    return len(old)


def without_query(url: str | None) -> str | None:
    """``url`` as it may be kept: no query, fragment, user or password, whatever was handed in."""
    if url is None:
        return None
    bare, question, _ = url.partition("#")[0].partition("?")
    scheme, slashes, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    bare = scheme + slashes + authority.rpartition("@")[2] + slash + path
    return bare[:URL_MAX] + ("?…" if question else "")


def _add_page(connection: sqlite3.Connection, added: adding.Adding, page: Page) -> None:
    run = connection.execute
    day = queries.day_number(page.day)
    run("INSERT INTO site (host) VALUES (?) ON CONFLICT DO NOTHING", (page.host,))
    (site,) = run("SELECT id FROM site WHERE host = ?", (page.host,)).fetchone()
    page_id, is_new = _visit(connection, page, site, day)
    added.visit(page_id, site, day, page.lang, page.forms, is_new=is_new)
    _cover(connection, Note(page.sequence, page.day, page.host, COUNTED))


def _visit(connection: sqlite3.Connection, page: Page, site: int, day: int) -> tuple[int, bool]:
    """The page has one visit more; return its number, and whether it is new."""
    run = connection.execute
    known = run("SELECT id FROM page WHERE digest = ? AND lang = ?", (page.digest, page.lang)).fetchone()
    (page_id,) = run(
        "INSERT INTO page (digest, lang, site, url, title, first, last, seen, visits)"
        " VALUES (:digest, :lang, :site, :url, :title, :day, :day, :seen, 1)"
        " ON CONFLICT (digest, lang) DO UPDATE SET visits = visits + 1,"
        " first = min(first, excluded.first), last = max(last, excluded.last),"
        " seen = max(seen, excluded.seen),"
        " url = coalesce(excluded.url, url), title = coalesce(excluded.title, title) RETURNING id",
        {
            "digest": page.digest,
            "lang": page.lang,
            "site": site,
            "url": without_query(page.url),
            "title": page.title and page.title[:TITLE_MAX],
            "day": day,
            "seen": int(page.when),
        },
    ).fetchone()
    (visits,) = run(
        "INSERT INTO visit (page, day, visits) VALUES (?, ?, 1)"
        " ON CONFLICT (page, day) DO UPDATE SET visits = visits + 1 RETURNING visits",
        (page_id, day),
    ).fetchone()
    run(
        "INSERT INTO reading (site, day, lang, visits, pages, new) VALUES (?, ?, ?, 1, ?, ?)"
        " ON CONFLICT (site, day, lang) DO UPDATE SET visits = visits + 1,"
        " pages = pages + excluded.pages, new = new + excluded.new",
        (site, day, page.lang, visits == 1, known is None),
    )
    return int(page_id), known is None


def _cover(connection: sqlite3.Connection, note: Note) -> None:
    connection.execute(
        "INSERT INTO coverage (day, host, outcome, amount) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, outcome, host) DO UPDATE SET amount = amount + excluded.amount",
        (queries.day_number(note.day), note.host, note.outcome, note.amount),
    )
