"""Sums of tallies over days, months and years: what a range of days or a site is added up from.

Theory.  A tally has the numbers of a site's day; a question about years would add tens of thousands of them
up.  So sums are kept, each as columns of numbers by language: of every day, month and year over all sites,
of all finished years together (an *era*), and of every month at each site.  A range of years is then some
twenty reads.  All of it is derived: who writes tallies of a day calls `renewing.changed`, and the sums with
that day in them are gone; they are made anew when there is time, and until then questions read the tallies
of those days.  So no answer depends on whether a sum is there, only how soon it comes.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

import numpy

from netsuite.wordproxy.store.loosened import Loosened, loosen
from netsuite.wordproxy.store.packing import Column, Numbers, column, zeros

#: The first and the last day of a sum, both included.
Span = tuple[int, int]

#: What is to be written: statements with what they are told.
Draft = list[tuple[str, tuple[Any, ...]]]

#: The numbers of a word in a sum; "everything" is main text and boilerplate.
COLUMNS = ("main", "everything", "pages", "all_pages", "new", "all_new")

#: The site of sums over all sites.
ALL_SITES = 0

#: The first day of an era; no day has this number.
ERA = 0

#: Up to so many thousand words, a range isn't looked at twice for what is cheapest to read.
_SMALL = 500

#: The columns of a tally that these numbers are made of, and those that must be looked at for each.
_TALLY = "t.words, t.main, t.other, t.pages, t.all_pages, t.new, t.all_new"
_NEEDED = {"everything": ("t.main", "t.other")}

_CELLS = "(SELECT DISTINCT site, day FROM reading WHERE day BETWEEN :lo AND :hi {of_cells}) r"


def month_of(day: int) -> Span:
    """The days of the month with that day."""
    start = date.fromordinal(day).replace(day=1)
    following = date(start.year + start.month // 12, start.month % 12 + 1, 1)
    return start.toordinal(), following.toordinal() - 1


def year_of(day: int) -> Span:
    """The days of the year with that day."""
    year = date.fromordinal(day).year
    return date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()


class Kept:
    """Which sums there are, and the first and last day of which there is anything; of one moment."""

    def __init__(self, connection: sqlite3.Connection, loosened: Loosened | None = None) -> None:
        self.loosened = loosened or Loosened()
        sql = (
            "SELECT coalesce((SELECT min(day) FROM reading), 0), coalesce((SELECT max(day) FROM reading), 0)"
        )
        self.first, self.last = connection.execute(sql).fetchone()
        self.spans = set(connection.execute("SELECT first, last FROM summed"))
        self.eras = sorted(span for span in self.spans if span[0] == ERA)
        #: What ranges are made of, of those that were asked about already.
        self.found: dict[tuple[Span | None, bool], tuple[list[Span], list[Span]]] = {}


class Sums:
    """Sums over a range of days, None for all, in one language and at one site, or in and at all.

    ``spans`` and ``rest`` are the sums and the days that make up the range.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        days: Span | None,
        lang: str | None = None,
        site: int = ALL_SITES,
        *,
        kept: Kept,
        at_site: bool = False,
    ) -> None:
        """``at_site``: of what is summed up by site, also where ``site`` is all."""
        self._connection = connection
        self.lang, self.site = lang, site
        self._one_site = "" if at_site else "AND site = :site"
        at_site = at_site or site != ALL_SITES
        self._loosened = kept.loosened
        self.spans, self.rest = pieces(kept, days, at_site=at_site)
        self._parts = [(1, self.spans, self.rest)]
        self._rows: dict[Span, list[int]] = {}
        if days is not None and _cost((self.spans, self.rest)) > _SMALL:
            spared = [(kept.first, days[0] - 1), (days[1] + 1, kept.last)]
            others = [pieces(kept, None, at_site=at_site)]
            others += [pieces(kept, span, at_site=at_site) for span in spared if span[0] <= span[1]]
            if sum(map(_cost, others)) < _cost((self.spans, self.rest)):  # all, less what is not in the range
                self._parts = [(-1 if n else 1, *part) for n, part in enumerate(others)]

    def cost(self) -> int:
        """How much is to be read, about, in words with their numbers."""
        return sum(_cost(part[1:]) for part in self._parts)

    def of_words(self, which: str) -> Numbers:
        """By a word's number, its sum of one of `COLUMNS`."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        sums = zeros(last)
        for sign, spans, rest in self._parts:
            if spans:
                rows = [row for span in spans for row in self._rows_of(span)]
                kept = self._loosened.sums(self._connection, rows, which)
                sums[: len(kept)] += sign * kept
            for span in rest:
                for _, words, values in self._tallies(which, span):
                    sums[words] += sign * values.astype(numpy.int64)
        return sums

    def of_some(self, which: str, some: Collection[int]) -> dict[int, int]:
        """The same of these words only."""
        ordered = numpy.array(sorted(some), dtype=numpy.int64)
        sums = numpy.zeros(len(ordered), dtype=numpy.int64)
        for sign, words, values in self._columns(which):
            if len(words):
                places = numpy.minimum(numpy.searchsorted(words, ordered), len(words) - 1)
                sums += numpy.where(words[places] == ordered, sign * values[places].astype(numpy.int64), 0)
        return dict(zip(ordered.tolist(), sums.tolist(), strict=True))

    def of_one(self, which: str, word: int) -> int:
        """The same of one word."""
        total = 0
        for sign, spans, rest in self._parts:
            for row in (row for span in spans for row in self._rows_of(span)):
                words = self._loosened.read(self._connection, row, "words")
                place = int(words.searchsorted(word))
                if place < len(words) and words[place] == word:
                    total += sign * int(self._loosened.read(self._connection, row, which)[place])
            for span in rest:
                for _, words, values in self._tallies(which, span):
                    total += sign * int(values[words == word].sum())
        return total

    def of_rest(self, *, everything: bool) -> Iterator[tuple[Column, Column, Column]]:
        """Of the days of which tallies must be read: words with their occurrences in main text, and in all.

        A word may come twice; without ``everything`` the last are those in main text, too.
        """
        for span in self.rest:
            mains = self._tallies("main", span)
            if not everything:
                yield from ((words, values, values) for _, words, values in mains)
                continue
            alls = self._tallies("everything", span)
            for (_, words, values), (_, _, others) in zip(mains, alls, strict=True):
                yield words, values, others

    def by_site(self, *, everything: bool) -> Counter[int]:
        """Occurrences by site, of what is summed up by site; over all sites where that wasn't asked for."""
        found: Counter[int] = Counter()
        total, which = ("in_all", "everything") if everything else ("in_main", "main")
        of_lang = "" if self.lang is None else "AND lang = :lang"
        of_span = f"FROM gist WHERE first = :first AND last = :last {self._one_site} {of_lang}"
        sql = f"SELECT site, sum({total}) {of_span} GROUP BY site"
        for first, last in self.spans:
            told = {"first": first, "last": last, "lang": self.lang, "site": self.site}
            found.update(dict(self._connection.execute(sql, told)))
        for span in self.rest:
            for site, _, values in self._tallies(which, span):
                met = int(values.sum())
                found[site] += met
                found[ALL_SITES] += met
        return found

    def _columns(self, which: str) -> Iterator[tuple[int, Column, Column]]:
        """Words, ascending, with numbers to be added or, where the first is -1, to be taken away."""
        for sign, spans, rest in self._parts:
            for span in spans:
                for words, values in self.of_span(which, span):
                    yield sign, words, values
            for span in rest:
                for _, words, values in self._tallies(which, span):
                    yield sign, words, values

    def words_of(self, span: Span) -> Iterator[Column]:
        """The words in the sum of a span, by language."""
        return (self._loosened.read(self._connection, row, "words") for row in self._rows_of(span))

    def of_span(self, which: str, span: Span) -> Iterator[tuple[Column, Column]]:
        """The same with one of `COLUMNS`."""
        for row in self._rows_of(span):
            words, values = (self._loosened.read(self._connection, row, each) for each in ("words", which))
            yield words, values

    def _rows_of(self, span: Span) -> list[int]:
        if span not in self._rows:
            of_lang = "" if self.lang is None else "AND lang = ?"
            told = (*span, self.site) if self.lang is None else (*span, self.site, self.lang)
            sql = f"SELECT rowid FROM pack WHERE first = ? AND last = ? AND site = ? {of_lang} ORDER BY lang"
            self._rows[span] = [row for (row,) in self._connection.execute(sql, told)]
        return self._rows[span]

    def _tallies(self, which: str, span: Span) -> Iterator[tuple[int, Column, Column]]:
        of_cells = "" if self.site == ALL_SITES else "AND site = :site"
        if self.lang is not None:
            of_cells += " AND lang = :lang"
        needed = _NEEDED.get(which, (f"t.{which}",))
        others = (
            "EXISTS (SELECT 1 FROM reading o WHERE o.site = r.site AND o.day = r.day AND o.lang <> :lang)"
        )
        sql = (
            f"SELECT t.site, {others if self.lang is not None else 0}, t.words, {', '.join(needed)}"
            f" FROM {_CELLS.format(of_cells=of_cells)}"
            " CROSS JOIN tally t ON t.site = r.site AND t.day = r.day ORDER BY t.site, t.day, t.part"
        )
        told = {"lo": span[0], "hi": span[1], "site": self.site, "lang": self.lang}
        for site, is_mixed, packed, *columns in self._connection.execute(sql, told):
            words = column(packed)
            values = added(len(words), columns)
            if is_mixed:
                is_here = langs_of(self._connection, words) == self.lang
                words, values = words[is_here], values[is_here]
            yield site, words, values


def _cost(part: tuple[list[Span], list[Span]]) -> int:
    """How many words with their numbers there are to read, about."""
    spans, rest = part
    days = sum(last - first + 1 for first, last in rest)
    return days * 10 + sum(
        900 if first == ERA else {0: 7, 1: 110}.get((last - first) // 20, 460) for first, last in spans
    )


def added(size: int, columns: Collection[bytes]) -> Column:
    """The sum of some columns of a tally; one that is left out is all zeros."""
    present = [column(each) for each in columns if each]
    if not present:
        return numpy.zeros(size, dtype=numpy.uint8)
    total = present[0]
    for each in present[1:]:
        total = total.astype(numpy.int64) + each
    return total


def langs_of(connection: sqlite3.Connection, words: Column) -> numpy.ndarray[Any, numpy.dtype[numpy.object_]]:
    """The language of each of some words."""
    ask = connection.execute
    langs = [ask("SELECT lang FROM word WHERE id = ?", (word,)).fetchone()[0] for word in words.tolist()]
    return numpy.array(langs, dtype=object)


def backwards(connection: sqlite3.Connection) -> Iterator[tuple[int, Column]]:
    """Each day, the latest first, with the words met on it; a day may come in several parts."""
    there = {first for first, last in connection.execute("SELECT first, last FROM summed") if first == last}
    for (day,) in connection.execute("SELECT DISTINCT day FROM reading ORDER BY day DESC").fetchall():
        if day in there:
            sql = "SELECT words FROM pack WHERE first = :lo AND last = :lo AND site = 0"
            take = loosen
        else:
            sql = (
                f"SELECT t.words FROM {_CELLS.format(of_cells='')}"
                " CROSS JOIN tally t ON t.site = r.site AND t.day = r.day"
            )
            take = column
        for (words,) in connection.execute(sql, {"lo": day, "hi": day}):
            yield day, take(words)


def pieces(kept: Kept, days: Span | None, *, at_site: bool = False) -> tuple[list[Span], list[Span]]:
    """The sums that a range is made of, and the days of which tallies must be read.

    ``at_site``: of what is summed up by site, which is months and eras.
    """
    if (days, at_site) not in kept.found:  # a thousand sites ask for the same
        kept.found[days, at_site] = _pieces(kept, days, at_site=at_site)
    return kept.found[days, at_site]


def _pieces(kept: Kept, days: Span | None, *, at_site: bool) -> tuple[list[Span], list[Span]]:
    start, end = kept.first, kept.last
    lo, hi = days or (start, end)
    if not start or lo > hi or lo > end or hi < start:
        return [], []
    is_early, is_late = lo <= start, hi >= end  # before the first day is nothing, nor after the last
    limit = year_of(end)[1] if is_late else hi
    day = year_of(start)[0] if is_early else lo
    summed: list[Span] = []
    rest: list[Span] = []
    eras = [span for span in kept.eras if span[1] <= limit] if is_early else []
    if eras:
        summed.append(eras[-1])
        day = max(day, eras[-1][1] + 1)
    while day <= min(hi, end):
        spans = (month_of(day),) if at_site else (year_of(day), month_of(day), (day, day))
        span = next(
            (span for span in spans if span[0] == day and span[1] <= limit and span in kept.spans), None
        )
        if span is not None:
            summed.append(span)
            day = span[1] + 1
            continue
        if rest and rest[-1][1] == day - 1:
            rest[-1] = rest[-1][0], day
        else:
            rest.append((day, day))
        day += 1
    return summed, rest
