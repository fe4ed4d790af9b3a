"""A site's language corrected: what it has had in other languages becomes words of the right one.

In steps, as forgetting is; each is a function that moves some of it and says whether there was something to
move.  Pages whose addresses are kept are known word by word: one that was met in two languages becomes one
page, and all numbers are those of a site that has had that language always, forms included.  Of pages that
retention has removed there are tallies: occurrences, days and forms are exact, and a page that was met in two
languages stays two.  Levels of knowledge are the user's own, and stay with the words that they were said of.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from netsuite.wordproxy.store import contexts, forgetting, writing
from netsuite.wordproxy.store.adding import NAMED, NEW, NEW_IN_MAIN, Adding
from netsuite.wordproxy.store.taking import Taking

#: Pages, and tallies, that are moved in one step.
PAGES_STEP, ROWS_STEP = 20, 2000


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


def tallies(connection: sqlite3.Connection, host: str, lang: str) -> bool:
    """Some of what is known of the site by tallies alone is in the language."""
    rows = connection.execute(
        "SELECT t.site, t.day, w.key, t.word FROM site s CROSS JOIN tally t ON t.site = s.id"
        " CROSS JOIN word w ON w.id = t.word WHERE s.host = ? AND w.lang != ? LIMIT ?",
        (host, lang, ROWS_STEP),
    ).fetchall()
    taking, adding = Taking(connection), Adding(connection)
    for site, day, key, word in rows:
        taken = taking.tally(site, day, word)
        if taken is not None:
            tally, forms = taken
            target = adding.put(site, day, key, lang, tally, forms)
            connection.executemany(
                "INSERT INTO tally_form (site, day, word, form, n) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (site, day, word, form) DO UPDATE SET n = n + excluded.n",
                [(site, day, target, form, n) for form, n in forms.items()],
            )
    taking.write()
    adding.write()
    return bool(rows)


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

    visit: tuple[int, int, int, int]  # visits, recounted, ingested, imported
    seen: int
    url: str | None
    title: str | None
    met: dict[str, list[int]] = field(default_factory=dict)  # main, other, their sums, whether named
    forms: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # of the latest visit, of all


def _unite(connection: sqlite3.Connection, digest: bytes, lang: str) -> None:
    """The page is one page, in that language, whichever it was met in."""
    run = connection.execute
    rows = run(
        "SELECT id, site, lang, url, title FROM page WHERE digest = ? ORDER BY last, seen, id", (digest,)
    ).fetchall()
    days: dict[int, _Day] = {}
    shown: list[tuple[str, int, str]] = []
    site, url, title = 0, None, None
    for number, site, had, its_url, its_title in rows:
        url, title = its_url or url, its_title or title
        _gather(connection, number, days)
        shown += run(
            "SELECT w.key, t.day, t.text FROM sentence t JOIN context c ON c.sentence = t.id"
            " JOIN word w ON w.id = c.word WHERE t.page = ? ORDER BY t.id",
            (number,),
        ).fetchall()
        forgetting.take_page(connection, number, site, had)
    writing.drop_rows(connection, [(number,) for number, *_ in rows])
    _settle(connection, (digest, lang, site, url, title), days, shown)


def _gather(connection: sqlite3.Connection, number: int, days: dict[int, _Day]) -> None:
    """What the page has of each day is there, added to what was there; the latest visit is the later seen."""
    run = connection.execute
    for day, *visit, seen, url, title in run(
        "SELECT day, visits, recounted, ingested, imported, seen, url, title FROM visit WHERE page = ?",
        (number,),
    ).fetchall():
        there = days.setdefault(day, _Day((0, 0, 0, 0), -1, None, None))
        is_later = seen >= there.seen
        a, b, c, d = (old + new for old, new in zip(there.visit, visit, strict=True))
        there.visit, there.seen = (a, b, c, d), max(seen, there.seen)
        if is_later:
            there.url, there.title = url or there.url, title or there.title
            for row in (*there.met.values(), *there.forms.values()):
                row[0] = 0
            for row in there.met.values():
                row[1] = 0
        else:
            there.url, there.title = there.url or url, there.title or title
        for key, main, other, all_main, all_other, flags in run(
            "SELECT w.key, m.main, m.other, m.all_main, m.all_other, m.flags FROM met m"
            " JOIN word w ON w.id = m.word WHERE m.page = ? AND m.day = ?",
            (number, day),
        ):
            row = there.met.setdefault(key, [0, 0, 0, 0, 0])
            if is_later:
                row[0], row[1] = main, other
            row[2], row[3], row[4] = row[2] + all_main, row[3] + all_other, row[4] | flags & NAMED
        for key, form, n, all_n in run(
            "SELECT w.key, f.form, f.n, f.all_n FROM page_form f JOIN word w ON w.id = f.word"
            " WHERE f.page = ? AND f.day = ?",
            (number, day),
        ):
            ns = there.forms.setdefault((key, form), [0, 0])
            ns[0], ns[1] = n if is_later else ns[0], ns[1] + all_n


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
    for number in days:
        told = [(adding.number(key, lang) or 0, text) for key, when, text in shown if when == number]
        contexts.add(connection, page, number, told)


def _settle_words(
    adding: Adding, page: int, site: int, number: int, lang: str, day: _Day, ever: dict[str, bool]
) -> None:
    forms: dict[str, dict[str, list[int]]] = {}
    for (key, form), ns in day.forms.items():
        forms.setdefault(key, {})[form] = ns
    for key, (main, other, all_main, all_other, named) in day.met.items():
        in_main = all_main > 0
        new, all_new = in_main and not ever.get(key), key not in ever
        ever[key] = in_main or ever.get(key, False)
        tally = all_main, all_other, int(in_main), 1, int(new), int(all_new), int(named > 0)
        its = forms.get(key, {})
        word = adding.put(site, number, key, lang, tally, {form: n for form, (_, n) in its.items()})
        flags = named | all_new * NEW | new * NEW_IN_MAIN
        adding.keep(page, number, word, [main, other, all_main, all_other, flags], its)
