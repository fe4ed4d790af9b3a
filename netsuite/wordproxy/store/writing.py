"""What a batch writes: one visit, its words and sentences, one note; and what retention removes.

Each function works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

from netsuite.wordproxy.store import adding, contexts, queries, renewing, vectors
from netsuite.wordproxy.store.contract import (
    IMPORTED,
    INGESTED,
    RECOUNTED,
    Batch,
    Note,
    Page,
    Revisit,
)
from netsuite.wordproxy.store.numbers import Numbers
from netsuite.words.forms import Forms

#: Longest title and address that are kept, in characters.
TITLE_MAX, URL_MAX = 500, 2000

#: What coverage says of a page that had not changed and isn't known here.
NOT_MODIFIED = "not modified"

_PAGE = """
INSERT INTO page (digest, lang, site, url, title, first, last, seen, visits)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, 1)
ON CONFLICT (digest, lang) DO UPDATE SET visits = visits + 1,
    url = CASE WHEN excluded.last >= last THEN coalesce(excluded.url, url)
        ELSE coalesce(url, excluded.url) END,
    title = CASE WHEN excluded.last >= last THEN coalesce(excluded.title, title)
        ELSE coalesce(title, excluded.title) END,
    first = min(first, excluded.first), last = max(last, excluded.last), seen = max(seen, excluded.seen)
RETURNING id, site, visits, last
"""

_VISIT = """
INSERT INTO visit (page, day, visits, recounted, ingested, imported, new, seen, url, title)
VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (page, day) DO UPDATE SET visits = visits + 1, recounted = recounted + excluded.recounted,
    ingested = ingested + excluded.ingested, imported = imported + excluded.imported,
    seen = max(seen, excluded.seen), url = coalesce(excluded.url, url),
    title = coalesce(excluded.title, title)
RETURNING visits
"""

_READING = """
INSERT INTO reading (site, day, lang, visits, pages, new) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (site, day, lang) DO UPDATE SET visits = visits + excluded.visits,
    pages = pages + excluded.pages, new = new + excluded.new
"""


def add_batch(
    connection: sqlite3.Connection, batch: Batch, now: float, numbers: Numbers | None = None
) -> None:
    """What the node had not sent before is added, and will not be again."""
    row = connection.execute("SELECT sequence FROM node WHERE id = ?", (batch.node,)).fetchone()
    seen = row[0] if row else -1
    told: list[Page | Revisit] = [*batch.pages, *batch.revisits]
    visits = [visit for visit in told if visit.sequence > seen]
    notes = [note for note in batch.notes if note.sequence > seen]
    if batch.revisits:
        visits.sort(key=lambda visit: visit.sequence)
    added = _Visits(connection, numbers or Numbers(connection))
    added.add(visits)
    renewing.changed(connection, added.days)
    for note in notes:
        _cover(connection, note)
    last = max([seen, batch.last, *(visit.sequence for visit in visits), *(note.sequence for note in notes)])
    connection.execute(
        "INSERT INTO node (id, sequence, seen) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, seen = excluded.seen",
        (batch.node, last, int(now)),
    )


def last(connection: sqlite3.Connection, node: str) -> int:
    """The highest sequence that is kept of a node, 0 if none is."""
    row = connection.execute("SELECT sequence FROM node WHERE id = ?", (node,)).fetchone()
    return max(0, row[0]) if row is not None else 0


def without_query(url: str | None) -> str | None:
    """``url`` as it may be kept: no query, fragment, user or password, whatever was handed in."""
    if url is None:
        return None
    bare, question, _ = url.partition("#")[0].partition("?")
    scheme, slashes, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    bare = scheme + slashes + authority.rpartition("@")[2] + slash + path
    return bare[:URL_MAX] + ("?…" if question else "")


class _Visits:
    """Visits on their way into the tables: summed up, then written together."""

    def __init__(self, connection: sqlite3.Connection, numbers: Numbers) -> None:
        self._connection, self._numbers = connection, numbers
        self._added = adding.Adding(connection, numbers)
        self._contexts: list[tuple[int, int, list[tuple[int, str]]]] = []  # page, day, words' sentences
        self._pending: set[bytes] = set()
        self._read: dict[
            tuple[int, int, str], list[int]
        ] = {}  # by site, day and language: visits, pages, new
        self._covered: Counter[tuple[str, str, str]] = Counter()  # by day, host and outcome
        self._sites: dict[str, tuple[int, str | None]] = {}  # with the language that it was corrected to
        self.days: set[int] = set()  #: those whose sums are others now

    def add(self, visits: list[Page | Revisit]) -> None:
        """They are in the tables, in this order."""
        pages = [visit for visit in visits if isinstance(visit, Page)]
        if len(pages) == len(visits):  # a revisit may have the tables written before they all are
            self._numbers.meet(
                (page.forms, self._site(page.host)[1] or page.lang)
                for page in pages
                if isinstance(page.forms, Forms)
            )
        for visit in visits:
            if isinstance(visit, Page):
                self._page(visit)
            else:
                self._revisit(visit)
        self._write()

    def _write(self) -> None:
        self._added.write()
        for page, day, shown in self._contexts:
            contexts.add(self._connection, page, day, shown)
        self._connection.executemany(_READING, [(*where, *sums) for where, sums in self._read.items()])
        for where, pages in self._covered.items():
            _cover(self._connection, Note(0, *where, pages))
        for done in (self._contexts, self._pending, self._read, self._covered):
            done.clear()

    def _revisit(self, visit: Revisit) -> None:
        if visit.digest in self._pending:  # what is counted again must be in the tables
            self._write()
            self._added = adding.Adding(self._connection, self._numbers)
        page = latest_visit(self._connection, visit)
        if page is None:
            _cover(self._connection, Note(visit.sequence, visit.day, visit.host, NOT_MODIFIED))
        else:
            self._page(page)

    def _page(self, page: Page) -> None:
        day = queries.day_number(page.day)
        site, corrected = self._site(page.host)
        lang = corrected or page.lang
        number, site, is_new, is_first, last = _visit(self._connection, page, site, day, lang)
        self.days.add(day)
        if day < last:
            later = self._connection.execute(
                "SELECT day FROM visit WHERE page = ? AND day > ?", (number, day)
            )
            self.days.update(day for (day,) in later)
        self._added.visit(number, site, day, lang, page.forms, page.names, is_new=is_new)
        if page.contexts and page.url is not None:
            words = self._added.number
            shown = [(word, text) for key, text in page.contexts if (word := words(key, lang)) is not None]
            self._contexts.append((number, day, shown))
        self._pending.add(page.digest)
        read = self._read.setdefault((site, day, lang), [0, 0, 0])
        for at, more in enumerate((1, is_first, is_new)):
            read[at] += more
        self._covered[page.day, page.host, page.source] += 1

    def _site(self, host: str) -> tuple[int, str | None]:
        """The site's number, and its language if it was corrected."""
        found = self._sites.get(host)
        if found is None:
            run = self._connection.execute
            run("INSERT INTO site (host) VALUES (?) ON CONFLICT DO NOTHING", (host,))
            found = self._sites[host] = run("SELECT id, lang FROM site WHERE host = ?", (host,)).fetchone()
        return found


def latest_visit(connection: sqlite3.Connection, visit: Revisit) -> Page | None:
    """The latest visit of the page with that digest, in whichever language, as one to be counted now."""
    row = connection.execute(
        "SELECT p.id, p.lang, s.host, p.url, p.title, p.last FROM page p JOIN site s ON s.id = p.site"
        " WHERE p.digest = ? ORDER BY p.last DESC, p.seen DESC, p.id DESC LIMIT 1",
        (visit.digest,),
    ).fetchone()
    if row is None:
        return None
    page, lang, host, url, title, day = row
    forms, names = _vector(connection, page, day)
    head = visit.sequence, visit.digest, host, url, title, lang, visit.day, visit.when
    return Page(*head, forms, [], names, RECOUNTED)


def _vector(
    connection: sqlite3.Connection, page: int, day: int
) -> tuple[list[tuple[str, str, int, int]], list[str]]:
    """The words of a page's latest visit on a day, in their forms; and which of them were named."""
    met = vectors.met_on(connection, page, day)
    forms: list[tuple[str, str, int, int]] = []
    names: list[str] = []
    if met is None:
        return forms, names
    shown: dict[int, list[tuple[str, int]]] = {}
    for (word, form), (n, _) in met.forms.items():
        if n:
            shown.setdefault(word, []).append((form, n))
    for word, (main, other, _, _, flags) in met.rows.items():
        if not main and not other:
            continue
        (key,) = connection.execute("SELECT key FROM word WHERE id = ?", (word,)).fetchone()
        for form, n in shown.get(word, ()):
            # of a form only the sum is kept: which part of it was main text makes no difference to any number
            in_main = min(n, main)
            in_other = min(n - in_main, other)
            forms.append((form, key, in_main, in_other))
            main, other = main - in_main, other - in_other
        if main or other:
            forms.append((key, key, main, other))
        if flags & adding.NAMED:
            names.append(key)
    return forms, names


def _visit(
    connection: sqlite3.Connection, page: Page, site: int, day: int, lang: str
) -> tuple[int, int, bool, bool, int]:
    """The page has one visit more; its number, its site, is it new, is it new on that day, its last day."""
    run = connection.execute
    url, title, seen = without_query(page.url), page.title and page.title[:TITLE_MAX], int(page.when)
    number, site, of_page, last = run(_PAGE, (page.digest, lang, site, url, title, day, seen)).fetchone()
    brought = (page.source == source for source in (RECOUNTED, INGESTED, IMPORTED))
    (of_day,) = run(_VISIT, (number, day, *brought, of_page == 1, seen, url, title)).fetchone()
    return number, site, of_page == 1, of_day == 1, last


def _cover(connection: sqlite3.Connection, note: Note) -> None:
    connection.execute(
        "INSERT INTO coverage (day, host, outcome, amount) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, outcome, host) DO UPDATE SET amount = amount + excluded.amount",
        (queries.day_number(note.day), note.host, note.outcome, note.amount),
    )
