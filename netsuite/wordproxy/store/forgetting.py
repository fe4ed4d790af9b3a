"""Forgetting, in steps: each is a function that does some of it and says whether there was something to do.

A step works inside the transaction of its caller, who goes on until there is nothing left; a kill between two
steps leaves what the same steps complete.  What is left has the numbers of a store that never had it, but:

* Of pages whose addresses retention has removed nothing is known but tallies.  Forgetting a day subtracts the
  pages that were new on it; of these, as many as are seen to have been there on another day stay counted.
* Sentences that newer ones had replaced don't come back, nor does one that was first met on a forgotten day.
* A visit that repeated one before it (`Revisit`) is a visit of its own, and stays when that one is forgotten.
* What was visited before schema 2 is known by shares (`upgrade`).

A word goes from titles, addresses and sentences of pages in its language (`mentions`).
"""

from __future__ import annotations

import sqlite3

import numpy

from netsuite.wordproxy.store import contexts, dropping, figures, renewing, vectors
from netsuite.wordproxy.store.adding import NEW, NEW_IN_MAIN
from netsuite.wordproxy.store.contract import COUNTED, IMPORTED, INGESTED, RECOUNTED
from netsuite.wordproxy.store.taking import ALL_NEW, ALL_PAGES, PAGES, Taking, find_first_and_last, words_of

#: Pages, and sites' days, that are handled in one step.
PAGES_STEP, DAYS_STEP = 50, 20

#: Place of "new" in a tally.
_NEW = 4

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

#: By site and day and word: how much more pages are new there, in main text and in all.
_Passed = dict[tuple[int, int], dict[int, list[int]]]


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
    dropping.drop_rows(connection, [(number,)])
    _drop_unread_sites(connection, [(site,)])
    return 1


def take_page(connection: sqlite3.Connection, number: int, site: int, lang: str) -> None:
    """The page's words and visits are subtracted from all sums but the coverage; its own rows stay."""
    visits = connection.execute(_VISITS, (number,)).fetchall()
    taking = Taking(connection)
    taking.page(number, site)
    taking.write()
    renewing.changed(connection, [day for day, *_ in visits])
    for day, n, _, _, _, new in visits:
        connection.execute(_READING_LEFT, (n, 1, new, site, day, lang))
    connection.execute("DELETE FROM reading WHERE site = ? AND lang = ? AND pages <= 0", (site, lang))


def _uncover(connection: sqlite3.Connection, day: int, host: str, outcome: str, amount: int) -> None:
    place = day, host, outcome
    connection.execute(
        "UPDATE coverage SET amount = amount - ? WHERE day = ? AND host = ? AND outcome = ?", (amount, *place)
    )
    connection.execute(
        "DELETE FROM coverage WHERE day = ? AND host = ? AND outcome = ? AND amount <= 0", place
    )


def _drop_unread_sites(connection: sqlite3.Connection, sites: list[tuple[int]]) -> None:
    """Of these sites those at which no page was read are gone, unless their language was corrected."""
    connection.executemany(
        "DELETE FROM site WHERE id = ? AND lang IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM reading WHERE reading.site = site.id)",
        sites,
    )


# a host


def host_pages(connection: sqlite3.Connection, host: str) -> bool:
    """Some pages of the host are gone; their numbers stay for now."""
    pages = connection.execute(
        "SELECT p.id FROM site s JOIN page p ON p.site = s.id WHERE s.host = ? LIMIT ?", (host, PAGES_STEP)
    ).fetchall()
    dropping.drop_pages(connection, pages)
    return bool(pages)


def host_tallies(connection: sqlite3.Connection, host: str) -> bool:
    """Some tallies of the host are gone."""
    places = connection.execute(
        "SELECT DISTINCT t.site, t.day FROM site s JOIN tally t ON t.site = s.id WHERE s.host = ? LIMIT ?",
        (host, DAYS_STEP),
    ).fetchall()
    taking = Taking(connection)
    for place in places:
        taking.tallies(*place)
    taking.write()
    return bool(places)


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
        "SELECT p.id, p.site, p.lang, v.new, p.first != p.last FROM visit v JOIN page p ON p.id = v.page"
        " WHERE v.day = ? LIMIT ?",
        (day, PAGES_STEP),
    ).fetchall()
    passed: _Passed = {}
    for number, site, lang, new, has_others in rows:
        if has_others:
            renewing.changed(connection, dropping.days_of(connection, number))
            _drop_visit(connection, number, site, lang, day, passed, is_new=bool(new))
        else:
            dropping.drop_pages(connection, [(number,)])
    for (site, there), words in passed.items():
        tallies = vectors.fold(connection, site, there)
        for word, (new, all_new) in words.items():
            tallies[word][_NEW] += new
            tallies[word][ALL_NEW] += all_new
        vectors.put(connection, site, there, tallies)
    return bool(rows)


def _drop_visit(
    connection: sqlite3.Connection,
    number: int,
    site: int,
    lang: str,
    day: int,
    passed: _Passed,
    *,
    is_new: bool,
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
    met = vectors.met(connection, number)
    if day in met:
        _pass_on(connection, number, site, day, met, passed)
        dropping.keep_forms(connection, number, day, met[day])
    for table in ("met", "visit"):
        run(f"DELETE FROM {table} WHERE page = ? AND day = ?", (number, day))  # noqa: S608 - names of ours
    contexts.drop(connection, [(number,)], day)
    run(_PAGE_LEFT, (number,))


def _pass_on(
    connection: sqlite3.Connection,
    page: int,
    site: int,
    day: int,
    met: dict[int, vectors.Met],
    passed: _Passed,
) -> None:
    """What made the page new for words on that day makes it so on another day, where there is one."""
    changed: set[int] = set()
    others = sorted(set(met) - {day})
    for word, row in met[day].rows.items():
        for at, flag, place in ((0, NEW_IN_MAIN, 2), (1, NEW, None)):
            if not row[4] & flag:
                continue
            for there in others:
                other = met[there].rows.get(word)
                if other is not None and (place is None or other[place] > 0):
                    other[4] |= flag
                    changed.add(there)
                    passed.setdefault((site, there), {}).setdefault(word, [0, 0])[at] += 1
                    passed.setdefault((site, day), {}).setdefault(word, [0, 0])[at] -= 1
                    break
    for there in changed:
        vectors.put_met(connection, page, there, met[there])


def day_tallies(connection: sqlite3.Connection, day: int) -> bool:
    """Some tallies of the day are gone."""
    places = connection.execute(
        "SELECT DISTINCT r.site FROM reading r WHERE r.day = :day"
        " AND EXISTS (SELECT 1 FROM tally t WHERE t.site = r.site AND t.day = :day) LIMIT :limit",
        {"day": day, "limit": DAYS_STEP},
    ).fetchall()
    taking = Taking(connection)
    taken = {site: taking.tallies(site, day)[0] for (site,) in places}
    taking.write()
    for site, rows in taken.items():
        _count_at_least(connection, site, {word for word, row in rows.items() if row[_NEW] or row[ALL_NEW]})
    return bool(places)


def _count_at_least(connection: sqlite3.Connection, site: int, words: set[int]) -> None:
    """These words were met on at least as many pages of the site as on any one day."""
    if not words:
        return
    found: dict[int, list[tuple[int, list[int]]]] = {}
    for (day,) in connection.execute("SELECT DISTINCT day FROM tally WHERE site = ?", (site,)).fetchall():
        rows = vectors.fold(connection, site, day)
        for word in words.intersection(rows):
            found.setdefault(word, []).append((day, rows[word]))
    more: dict[int, dict[int, list[int]]] = {}
    for word, days in found.items():
        for at, (pages, new) in enumerate(((PAGES, _NEW), (ALL_PAGES, ALL_NEW))):
            missing = max(row[pages] for _, row in days) - sum(row[new] for _, row in days)
            if missing > 0:
                best, _ = max(days, key=lambda found: found[1][pages])
                more.setdefault(best, {}).setdefault(word, [0, 0])[at] += missing
    for day, its in more.items():
        rows = vectors.fold(connection, site, day)
        for word, (new, all_new) in its.items():
            rows[word][_NEW] += new
            rows[word][ALL_NEW] += all_new
        some = numpy.array(list(its))
        held = figures.Figures(connection, some)
        held.sums[PAGES : ALL_PAGES + 1, held.at(some)] += numpy.array(list(its.values())).T
        held.write()
        vectors.put(connection, site, day, rows)
    renewing.changed(connection, more)


def day_rest(connection: sqlite3.Connection, day: int) -> int:
    """The rest of the day is gone; how many pages were read on it."""
    run = connection.execute
    rows = run("SELECT site, lang, pages FROM reading WHERE day = ?", (day,)).fetchall()
    run("DELETE FROM reading WHERE day = ?", (day,))
    run("DELETE FROM coverage WHERE day = ?", (day,))
    renewing.changed(connection, [day])
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
    _drop_unread_sites(connection, [(site,) for site, _, _ in rows])
    return sum(pages for _, _, pages in rows)


# a word


def word_number(connection: sqlite3.Connection, key: str, lang: str) -> int | None:
    """The number of a word, None if it was never met."""
    row = connection.execute("SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)).fetchone()
    return None if row is None else row[0]


def word_pages(connection: sqlite3.Connection, word: int, lang: str, after: int) -> int | None:
    """Some pages past that number don't have the word any more; the last one's number, None: no more."""
    rows = connection.execute(
        "SELECT id FROM page WHERE lang = ? AND id > ? ORDER BY id LIMIT ?", (lang, after, 10 * PAGES_STEP)
    ).fetchall()
    for (number,) in rows:
        days = vectors.met(connection, number)
        if any(word in met.rows for met in days.values()):
            renewing.changed(connection, days)
        for day, met in days.items():
            if word in met.rows:
                del met.rows[word]
                met.forms = {which: n for which, n in met.forms.items() if which[0] != word}
                vectors.put_met(connection, number, day, met)
    return rows[-1][0] if rows else None


def word_tallies(connection: sqlite3.Connection, word: int, after: tuple[int, int]) -> tuple[int, int] | None:
    """Some sites' days past that one don't have the word any more; the last one, None: no more."""
    places = connection.execute(
        "SELECT DISTINCT site, day FROM tally WHERE (site, day) > (?, ?) ORDER BY site, day LIMIT ?",
        (*after, 10 * DAYS_STEP),
    ).fetchall()
    taking = Taking(connection)
    for site, day in places:
        if any(word in words for words in words_of(connection, site, day)):
            taking.tallies(site, day, (word,))
    taking.write(find_days=False)
    return places[-1] if places else None


def word_rest(connection: sqlite3.Connection, key: str, lang: str) -> None:
    """The word's level is gone; if it was met again meanwhile, its days are those of its tallies."""
    connection.execute("DELETE FROM known WHERE lang = ? AND key = ?", (lang, key))
    number = word_number(connection, key, lang)
    if number is not None:
        find_first_and_last(connection, {number}, {number})
