"""What was read by day, site or language: numbers of each part, and how much of it is known.

A part's words stand in the sums and tallies of its days (`sums`).  What one sum comes to is kept (`gists`);
of several the words are looked at, for what is in more than one of them is counted as distinct once.  New
words come from `fresh`, pages from the readings, less those that were visited again.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from netsuite.wordproxy.store import again, figures, fresh, queries
from netsuite.wordproxy.store.contract import BREAKDOWNS, Breakdown, BreakdownQuery, Known, Part
from netsuite.wordproxy.store.gists import Gist, Gists
from netsuite.wordproxy.store.loosened import Loosened
from netsuite.wordproxy.store.met import Met
from netsuite.wordproxy.store.sums import ALL_SITES, Kept, Span, Sums


def judge(query: BreakdownQuery) -> None:
    """The question can be asked, else ValueError."""
    if query.by not in BREAKDOWNS:
        raise ValueError(f"breakdowns are by one of {', '.join(BREAKDOWNS)}")
    if query.word is not None and query.lang is None:
        raise ValueError("a word's parts need its language")
    queries.span(query)


def breakdown(connection: sqlite3.Connection, query: BreakdownQuery, loosened: Loosened) -> Breakdown:
    """The parts asked for, and how many there are."""
    return _Breakdown(connection, query, loosened).answer()


class _Breakdown:
    """One question on its way."""

    def __init__(self, connection: sqlite3.Connection, query: BreakdownQuery, loosened: Loosened) -> None:
        self._ask = connection.execute
        self._connection, self._query = connection, query
        self._gists = Gists(connection, loosened)
        self._days, self._kept = queries.span(query), Kept(connection, loosened)
        self._site = (
            ALL_SITES
            if query.site is None
            else self._number("SELECT id FROM site WHERE host = ?", query.site)
        )
        (self._last,) = self._ask("SELECT coalesce(max(id), 0) FROM word").fetchone()
        self._word = 0
        if query.word is not None:
            self._word = self._number(
                "SELECT id FROM word WHERE key = ? AND lang = ?", query.word, query.lang
            )

    def answer(self) -> Breakdown:
        """The breakdown."""
        query = self._query
        if -1 in (self._site, self._word):
            return Breakdown(0, [])
        if self._word:
            return self._of_word()
        pages = self._pages()
        names = self._names() if query.by != "lang" else self._by_occurrences(pages)
        chosen = names[query.offset : query.offset + query.limit if query.limit else None]
        new = fresh.counts(
            self._connection, query.by, self._days, query.lang, self._site, everything=query.everything
        )
        parts = []
        for name, number in chosen:
            occurrences, distinct, known = self._measured(self._part(name, number))
            parts.append(Part(name, occurrences, distinct, pages.get(name, 0), new.get(number, 0), known))
        if query.by != "day":
            parts.sort(key=lambda part: (-part.occurrences, part.name))
        return Breakdown(len(names), parts)

    # which parts

    def _names(self, days: Span | None = None) -> list[tuple[str, int | str]]:
        """The parts in their order: what they are called, and by what they are found."""
        where, told = self._where("r", days)
        if self._query.by == "day":
            rows = self._ask(f"SELECT DISTINCT r.day FROM reading r {where} ORDER BY r.day DESC", told)
            return [(queries.day_text(day), day) for (day,) in rows]
        if self._query.by == "lang":
            rows = self._ask(f"SELECT DISTINCT r.lang FROM reading r {where} ORDER BY r.lang", told)
            return self._by_occurrences([lang for (lang,) in rows])
        rows = self._ask(
            f"SELECT DISTINCT s.host, s.id FROM reading r CROSS JOIN site s ON s.id = r.site {where}", told
        )
        hosts = rows.fetchall()
        if len(hosts) > 1 and not self._word:
            sums = self._sums(self._days, self._query.lang, self._site, at_site=True)
            met = sums.by_site(everything=self._query.everything)
            hosts.sort(key=lambda item: (-met[item[1]], item[0]))
        return hosts

    def _by_occurrences(self, langs: Iterable[str]) -> list[tuple[str, int | str]]:
        return [(lang, lang) for lang in sorted(langs, key=lambda lang: (-self._of_lang(lang), lang))]

    def _of_lang(self, lang: str) -> int:
        return self._sums(self._days, lang, self._site).by_site(everything=self._query.everything)[self._site]

    def _sums(self, days: Span | None, lang: str | None, site: int, *, at_site: bool = False) -> Sums:
        return Sums(self._connection, days, lang, site, kept=self._kept, at_site=at_site)

    def _where(self, table: str, days: Span | None = None) -> tuple[str, queries.Parameters]:
        terms = []
        if self._query.lang is not None:
            terms.append(f"{table}.lang = :lang")
        if self._site != ALL_SITES:
            terms.append(f"{table}.site = :site")
        days = days or self._days
        if days is not None:
            terms.append(f"{table}.day BETWEEN :lo AND :hi")
        lo, hi = days or (0, 0)
        told = {"lang": self._query.lang, "site": self._site, "lo": lo, "hi": hi}
        return (f"WHERE {' AND '.join(terms)}" if terms else ""), told

    # of each part

    def _part(self, name: str, number: int | str) -> Sums:
        days, lang, site = self._days, self._query.lang, self._site
        if self._query.by == "day":
            days = (int(number), int(number))
        elif self._query.by == "lang":
            lang = name
        else:
            site = int(number)
        return self._sums(days, lang, site)

    def _measured(self, sums: Sums) -> tuple[int, int, Known]:
        """Occurrences, distinct words, and what is known of the main text."""
        everything = self._query.everything
        spans = {span: self._gists.of(span, sums.site, sums.lang) for span in sums.spans}
        gists = [gist for found in spans.values() for gist in found]
        in_main = sum(gist.in_main for gist in gists)
        in_all = sum(gist.in_all for gist in gists)
        known_main = sum(gist.known_main for gist in gists)
        if len(sums.spans) == 1 and not sums.rest:
            n_main, n_all = sum(gist.n_main for gist in gists), sum(gist.n_all for gist in gists)
            told = Known(in_main, known_main, n_main, sum(gist.known_n for gist in gists))
            return (in_all, n_all, told) if everything else (in_main, n_main, told)
        met, met_main = Met(self._last), Met(self._last)
        for span, found in spans.items():
            _meet(sums, span, found, met_main)
            if everything:
                for column in sums.words_of(span):
                    met.add(column)
        mask = self._gists.mask
        for words, mains, alls in sums.of_rest(everything=everything):
            in_main += int(mains.sum())
            known_main += int(mains[mask[words]].sum())
            met_main.add(words, mains)
            if everything:
                in_all += int(alls.sum())
                met.add(words)
        told = Known(in_main, known_main, len(met_main), met_main.of(mask))
        return (in_all, len(met), told) if everything else (in_main, len(met_main), told)

    def _pages(self) -> dict[str, int]:
        """By part, its distinct pages."""
        by = {"day": "r.day", "site": "r.site", "lang": "r.lang"}[self._query.by]
        where, told = self._where("r")
        count = "new" if self._days is None and self._query.by != "day" else "pages"
        rows = self._ask(f"SELECT {by}, sum(r.{count}) FROM reading r {where} GROUP BY {by}", told)
        found = dict(rows.fetchall())
        if self._days is not None and self._days[0] < self._days[1] and self._query.by != "day":
            where, told = self._where("p")
            where = where.replace("p.day BETWEEN :lo AND :hi", "1")
            # which pages were, is found out by their visits alone: there are many, and few were
            again = (
                "SELECT v.page AS page, count(*) - 1 AS n FROM visit v WHERE v.day BETWEEN :lo AND :hi"
                " GROUP BY v.page HAVING count(*) > 1"
            )
            by = by.replace("r.", "p.")
            pages = f"({again}) a CROSS JOIN page p ON p.id = a.page {where}"
            for part, n in self._ask(f"SELECT {by}, sum(a.n) FROM {pages} GROUP BY {by}", told):
                found[part] -= n
        return {self._name(part): n for part, n in found.items()}

    def _name(self, part: int | str) -> str:
        if self._query.by == "day":
            return queries.day_text(int(part))
        if self._query.by == "site":
            return str(self._ask("SELECT host FROM site WHERE id = ?", (part,)).fetchone()[0])
        return str(part)

    # one word

    def _of_word(self) -> Breakdown:
        """The parts where the word was met."""
        word, query = self._word, self._query
        first, last = figures.one(self._connection, word)[-2:]
        is_known = bool(self._gists.mask[word])
        lo, hi = self._days or (first, last)
        days = max(lo, first), min(hi, last)
        met = []
        for name, number in self._names(days):
            of_part = self._part_days(number, days)
            sums = self._sums(of_part, query.lang, int(number) if query.by == "site" else self._site)
            if n := sums.of_one("everything" if query.everything else "main", word):
                met.append((name, number, of_part, sums, n))
        if query.by != "day":
            met.sort(key=lambda part: (-part[4], part[0]))
        parts = []
        for name, number, of_part, sums, n in met[
            query.offset : query.offset + query.limit if query.limit else None
        ]:
            main = sums.of_one("main", word) if query.everything else n
            told = Known(main, main * is_known, int(main > 0), int(main > 0 and is_known))
            pages, new = self._pages_of(sums, of_part, word), self._is_new(number, first, sums.site)
            parts.append(Part(name, n, 1, pages, new, told))
        return Breakdown(len(met), parts)

    def _part_days(self, number: int | str, days: Span) -> Span | None:
        if self._query.by == "day":
            return int(number), int(number)
        return days if self._days is not None else None

    def _pages_of(self, sums: Sums, days: Span | None, word: int) -> int:
        column = "new" if days is None else "pages"
        everything = self._query.everything
        n = sums.of_one(f"all_{column}" if everything else column, word)
        if days is not None and days[0] < days[1]:
            n -= again.times(self._connection, (word,), sums, days[0], everything=everything)[word]
        return n

    def _is_new(self, number: int | str, first: int, site: int) -> int:
        """Whether the part has the word on its first day."""
        if self._query.by == "day" and number != first:
            return 0
        if self._days is not None and not self._days[0] <= first <= self._days[1]:
            return 0
        sums = self._sums((first, first), self._query.lang, site)
        return int(sums.of_one("everything" if self._query.everything else "main", self._word) > 0)

    def _number(self, sql: str, *told: str | None) -> int:
        row = self._ask(sql, told).fetchone()
        return row[0] if row else -1


def _meet(sums: Sums, span: Span, gists: Sequence[Gist], met: Met) -> None:
    """The words that the sum of a span has in main text are among those met."""
    if all(gist.n_main == gist.n_all for gist in gists):
        for column in sums.words_of(span):
            met.add(column)
        return
    for words, mains in sums.of_span("main", span):
        met.add(words, mains)
