"""A site's language corrected: what it has had in other languages becomes words of the right one.

In steps, as forgetting is; each is a function that moves some of it and says whether there was something to
move.  Pages whose addresses are kept are known word by word: one that was met in two languages becomes one
page, and all numbers are those of a site that has had that language always, forms included.  Of pages that
retention has removed there are tallies: occurrences, days and forms are exact, and a page that was met in two
languages stays two.  Levels of knowledge are the user's own, and stay with the words that they were said of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from netsuite.wordproxy.store import contexts, dropping, forgetting, renewing, vectors
from netsuite.wordproxy.store.adding import NAMED, NEW, NEW_IN_MAIN, Adding
from netsuite.wordproxy.store.taking import Taking

#: Pages, and site's days, that are moved in one step.
PAGES_STEP, DAYS_STEP = 20, 20


def say(connection: sqlite3.Connection, host: str, lang: str | None) -> None:
    """Pages of the site that are added from now on are in that language; None: tell theirs."""
    connection.execute(
        "INSERT INTO site (host, lang) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET lang = excluded.lang",
        (host, lang),
    )


def pages(connection: sqlite3.Connection, host: str, lang: str) -> bool:
    """Some pages of the site that were in another language are in this one."""
    rows = connection.execute(
        "SELECT DISTINCT p.digest FROM page p JOIN site s ON s.id = p.site"
        " WHERE s.host = ? AND p.lang != ? LIMIT ?",
        (host, lang, PAGES_STEP),
    ).fetchall()
    for (digest,) in rows:
        _unite(connection, digest, lang)
    return bool(rows)


def tallies(connection: sqlite3.Connection, host: str, lang: str, after: int) -> int | None:
    """Of some of the site's days past that one all is in the language; the last such day, None: no more.

    Its pages were before: what is left to be moved is known by tallies alone.
    """
    days = connection.execute(
        "SELECT DISTINCT t.site, t.day FROM site s JOIN tally t ON t.site = s.id"
        " WHERE s.host = ? AND t.day > ? ORDER BY t.day LIMIT ?",
        (host, after, DAYS_STEP),
    ).fetchall()
    taking, adding = Taking(connection), Adding(connection)
    for site, day in days:
        keys = _keys_in_others(connection, vectors.fold(connection, site, day), lang)
        if not keys:
            continue
        taken, forms = taking.tallies(site, day, keys)
        for word, row in taken.items():
            its = {form: n for (of, form), n in forms.items() if of == word}
            target = adding.put(site, day, keys[word], lang, row, its)
            dropping.put_forms(connection, site, day, {(target, form): n for form, n in its.items()})
    taking.write()
    adding.write()
    renewing.changed(connection, [day for _, day in days])
    return days[-1][1] if days else None


def _keys_in_others(connection: sqlite3.Connection, words: dict[int, list[int]], lang: str) -> dict[int, str]:
    """The words that are in other languages, with their keys."""
    keys: dict[int, str] = {}
    for word in words:
        row = connection.execute("SELECT key FROM word WHERE id = ? AND lang != ?", (word, lang)).fetchone()
        if row is not None:
            keys[word] = row[0]
    return keys


def reading(connection: sqlite3.Connection, host: str, lang: str) -> None:
    """The site's pages and visits are counted in the language."""
    place = {"host": host, "lang": lang}
    connection.execute(
        "INSERT INTO reading (site, day, lang, visits, pages, new)"
        " SELECT r.site, r.day, :lang, sum(r.visits), sum(r.pages), sum(r.new) FROM reading r"
        " WHERE r.site = (SELECT id FROM site WHERE host = :host) AND r.lang != :lang GROUP BY r.site, r.day"
        " ON CONFLICT (site, day, lang) DO UPDATE SET visits = visits + excluded.visits,"
        " pages = pages + excluded.pages, new = new + excluded.new",
        place,
    )
    connection.execute(
        "DELETE FROM reading WHERE site = (SELECT id FROM site WHERE host = :host) AND lang != :lang", place
    )


@dataclass(slots=True)
class _Day:
    """A page's visits of a day in all its languages; words by key, forms by key and form."""

    visit: Sequence[int] = (0, 0, 0, 0)  # visits, recounted, ingested, imported
    seen: int = -1
    url: str | None = None
    title: str | None = None
    met: dict[str, list[int]] = field(default_factory=dict)  # main, other, their sums, whether named
    forms: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # of the latest visit, of all

    def add(
        self,
        visit: Sequence[int],
        seen: int,
        url: str | None,
        title: str | None,
        met: vectors.Met,
        keys: _Keys,
    ) -> None:
        """Visits in another language are there, too; the later seen are the latest."""
        is_later = seen >= self.seen
        self.visit, self.seen = [a + b for a, b in zip(self.visit, visit, strict=True)], max(seen, self.seen)
        if is_later:
            self.url, self.title = url or self.url, title or self.title
            for row in self.met.values():
                row[0] = row[1] = 0
            for ns in self.forms.values():
                ns[0] = 0
        else:
            self.url, self.title = self.url or url, self.title or title
        for word, (main, other, all_main, all_other, flags) in met.rows.items():
            row = self.met.setdefault(keys.of(word), [0, 0, 0, 0, 0])
            if is_later:
                row[0], row[1] = main, other
            row[2], row[3], row[4] = row[2] + all_main, row[3] + all_other, row[4] | flags & NAMED
        for (word, form), (n, all_n) in met.forms.items():
            ns = self.forms.setdefault((keys.of(word), form), [0, 0])
            ns[0], ns[1] = n if is_later else ns[0], ns[1] + all_n


class _Keys:
    """Words' keys by their numbers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._keys: dict[int, str] = {}

    def of(self, word: int) -> str:
        """The key of a word."""
        key = self._keys.get(word)
        if key is None:
            row = self._connection.execute("SELECT key FROM word WHERE id = ?", (word,)).fetchone()
            key = self._keys[word] = row[0]
        return key


def _unite(connection: sqlite3.Connection, digest: bytes, lang: str) -> None:
    """The page is one page, in that language, whichever it was met in."""
    run, keys = connection.execute, _Keys(connection)
    rows = run(
        "SELECT id, site, lang, url, title FROM page WHERE digest = ? ORDER BY last, seen, id", (digest,)
    ).fetchall()
    days: dict[int, _Day] = {}
    shown: list[tuple[str, int, str]] = []
    site, url, title = 0, None, None
    for number, site, had, its_url, its_title in rows:
        url, title = its_url or url, its_title or title
        met = vectors.met(connection, number)
        for day, *visit, seen, day_url, day_title in run(
            "SELECT day, visits, recounted, ingested, imported, seen, url, title FROM visit WHERE page = ?",
            (number,),
        ).fetchall():
            there = days.setdefault(day, _Day())
            there.add(visit, seen, day_url, day_title, met.get(day, vectors.Met()), keys)
        shown += run(
            "SELECT w.key, t.day, t.text FROM sentence t JOIN context c ON c.sentence = t.id"
            " JOIN word w ON w.id = c.word WHERE t.page = ? ORDER BY t.id",
            (number,),
        ).fetchall()
        forgetting.take_page(connection, number, site, had)
    dropping.drop_rows(connection, [(number,) for number, *_ in rows])
    _settle(connection, (digest, lang, site, url, title), days, shown)


def _settle(
    connection: sqlite3.Connection,
    about: tuple[bytes, str, int, str | None, str | None],
    days: dict[int, _Day],
    shown: list[tuple[str, int, str]],
) -> None:
    """A page with these days and sentences is in the tables, and in all sums but the coverage."""
    run, (digest, lang, site, url, title) = connection.execute, about
    seen, visits = max(day.seen for day in days.values()), sum(day.visit[0] for day in days.values())
    (page,) = run(
        "INSERT INTO page (digest, lang, site, url, title, first, last, seen, visits)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (digest, lang, site, url, title, min(days), max(days), seen, visits),
    ).fetchone()
    adding = Adding(connection)
    ever: dict[str, bool] = {}  # words met on days before: whether in main text
    for number, day in sorted(days.items()):
        is_first = number == min(days)
        run(
            "INSERT INTO visit (page, day, visits, recounted, ingested, imported, new, seen, url, title)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (page, number, *day.visit, is_first, day.seen, day.url, day.title),
        )
        run(
            "INSERT INTO reading (site, day, lang, visits, pages, new) VALUES (?, ?, ?, ?, 1, ?)"
            " ON CONFLICT (site, day, lang) DO UPDATE SET visits = visits + excluded.visits,"
            " pages = pages + 1, new = new + excluded.new",
            (site, number, lang, day.visit[0], is_first),
        )
        _settle_words(adding, page, site, number, lang, day, ever)
    adding.write()
    renewing.changed(connection, days)
    for number in days:
        told = [
            (word, text)
            for key, when, text in shown
            if when == number and (word := adding.number(key, lang)) is not None
        ]
        contexts.add(connection, page, number, told)


def _settle_words(
    adding: Adding, page: int, site: int, number: int, lang: str, day: _Day, ever: dict[str, bool]
) -> None:
    """A day's words are kept of the page, and added to the sums."""
    forms: dict[str, dict[str, list[int]]] = {}
    for (key, form), ns in day.forms.items():
        forms.setdefault(key, {})[form] = ns
    for key, (main, other, all_main, all_other, named) in day.met.items():
        in_main = all_main > 0
        new, all_new = in_main and not ever.get(key), key not in ever
        ever[key] = in_main or ever.get(key, False)
        its = forms.get(key, {})
        tally = all_main, all_other, int(in_main), 1, int(new), int(all_new), int(named > 0)
        word = adding.put(site, number, key, lang, tally, {form: n for form, (_, n) in its.items()})
        flags = named | all_new * NEW | new * NEW_IN_MAIN
        adding.keep(page, number, word, [main, other, all_main, all_other, flags], its)
