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
import zlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from operator import add
from typing import Any

from netsuite.wordproxy.store.packing import pack, unpack

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


def squeeze(values: Sequence[int]) -> bytes:
    """A column as it stands in a sum."""
    return zlib.compress(pack(values), 1)


def loosen(data: bytes) -> array[int]:
    """The values of `squeeze`.

    Raises:
        ValueError: the bytes aren't such a column's.
    """
    try:
        return unpack(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError("no column of a sum") from error


class Kept:
    """Which sums there are, and the first and last day of which there is anything; of one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
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
        kept: Kept | None = None,
        at_site: bool = False,
    ) -> None:
        """``at_site``: of what is summed up by site, also where ``site`` is all."""
        self._connection = connection
        self.lang, self.site = lang, site
        at_site = at_site or site != ALL_SITES
        kept = kept or Kept(connection)
        self.spans, self.rest = pieces(kept, days, at_site=at_site)
        self._parts = [(1, self.spans, self.rest)]
        self._words: dict[Span, list[array[int]]] = {}
        if days is not None and _cost((self.spans, self.rest)) > _SMALL:
            spared = [(kept.first, days[0] - 1), (days[1] + 1, kept.last)]
            others = [pieces(kept, None, at_site=at_site)]
            others += [pieces(kept, span, at_site=at_site) for span in spared if span[0] <= span[1]]
            if sum(map(_cost, others)) < _cost((self.spans, self.rest)):  # all, less what is not in the range
                self._parts = [(-1 if n else 1, *part) for n, part in enumerate(others)]

    def cost(self) -> int:
        """How much is to be read, about, in words with their numbers."""
        return sum(_cost(part[1:]) for part in self._parts)

    def of_words(self, column: str) -> list[int]:
        """By a word's number, its sum of one of `COLUMNS`."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        sums = [0] * (last + 1)
        _, spans, _ = self._parts[0]
        alone = len(self.words_of(spans[0])) if spans else 0  # of one span each word comes once
        for number, (sign, words, values) in enumerate(self._columns(column)):
            if number < alone:
                for word, n in zip(words, values, strict=True):
                    sums[word] = n
            elif sign < 0:
                for word, n in zip(words, values, strict=True):
                    sums[word] -= n
            else:
                for word, n in zip(words, values, strict=True):
                    sums[word] += n
        return sums

    def of_some(self, column: str, some: Collection[int]) -> dict[int, int]:
        """The same of these words only."""
        sums = dict.fromkeys(some, 0)
        ordered = sorted(sums)
        for sign, words, values in self._columns(column):
            end, place = len(words), 0
            for word in ordered:
                place = bisect_left(words, word, place)
                if place == end:
                    break
                if words[place] == word:
                    sums[word] += sign * values[place]
        return sums

    def of_rest(self, *, everything: bool) -> Iterator[tuple[Sequence[int], Sequence[int], Sequence[int]]]:
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
        total, column = ("in_all", "everything") if everything else ("in_main", "main")
        of_lang = "" if self.lang is None else "AND lang = :lang"
        of_span = f"FROM gist WHERE first = :first AND last = :last {of_lang}"
        sql = f"SELECT site, sum({total}) {of_span} GROUP BY site"
        for first, last in self.spans:
            found.update(
                dict(self._connection.execute(sql, {"first": first, "last": last, "lang": self.lang}))
            )
        for span in self.rest:
            for site, _, values in self._tallies(column, span):
                found[site] += sum(values)
                found[ALL_SITES] += sum(values)
        return found

    def _columns(self, column: str) -> Iterator[tuple[int, array[int], Sequence[int]]]:
        """Words, ascending, with numbers to be added or, where the first is -1, to be taken away."""
        for sign, spans, rest in self._parts:
            for span in spans:
                for words, values in self.of_span(column, span):
                    yield sign, words, values
            for span in rest:
                for _, words, values in self._tallies(column, span):
                    yield sign, words, values

    def words_of(self, span: Span) -> list[array[int]]:
        """The words in the sum of a span, by language."""
        if span not in self._words:
            rows = self._connection.execute(f"SELECT words {self._from_pack()}", self._told(span))
            self._words[span] = [loosen(words) for (words,) in rows]
        return self._words[span]

    def of_span(self, column: str, span: Span) -> Iterator[tuple[array[int], Sequence[int]]]:
        """The same with one of `COLUMNS`."""
        words = self.words_of(span)
        rows = self._connection.execute(f"SELECT {column} {self._from_pack()}", self._told(span))
        for some, (values,) in zip(words, rows, strict=True):
            yield some, loosen(values)

    def _from_pack(self) -> str:
        of_lang = "" if self.lang is None else "AND lang = ?"
        return f"FROM pack WHERE first = ? AND last = ? AND site = ? {of_lang} ORDER BY lang"

    def _told(self, span: Span) -> tuple[int | str, ...]:
        return (*span, self.site) if self.lang is None else (*span, self.site, self.lang)

    def _tallies(self, column: str, span: Span) -> Iterator[tuple[int, array[int], Sequence[int]]]:
        of_cells = "" if self.site == ALL_SITES else "AND site = :site"
        if self.lang is not None:
            of_cells += " AND lang = :lang"
        needed = _NEEDED.get(column, (f"t.{column}",))
        others = (
            "EXISTS (SELECT 1 FROM reading o WHERE o.site = r.site AND o.day = r.day AND o.lang <> :lang)"
        )
        sql = (
            f"SELECT t.site, {others if self.lang is not None else 0}, t.words, {', '.join(needed)}"
            f" FROM {_CELLS.format(of_cells=of_cells)}"
            " CROSS JOIN tally t ON t.site = r.site AND t.day = r.day ORDER BY t.site, t.day, t.part"
        )
        told = {"lo": span[0], "hi": span[1], "site": self.site, "lang": self.lang}
        for site, is_mixed, words, *columns in self._connection.execute(sql, told):
            numbers = unpack(words)
            values = added(len(numbers), columns)
            if is_mixed:
                numbers, values = self._of_lang(numbers, values)
            yield site, numbers, values

    def _of_lang(self, words: array[int], values: Sequence[int]) -> tuple[array[int], Sequence[int]]:
        langs = langs_of(self._connection, words)
        here = [place for place, word in enumerate(words) if langs[word] == self.lang]
        return array("Q", [words[place] for place in here]), [values[place] for place in here]


def _cost(part: tuple[list[Span], list[Span]]) -> int:
    """How many words with their numbers there are to read, about."""
    spans, rest = part
    days = sum(last - first + 1 for first, last in rest)
    return days * 10 + sum(
        900 if first == ERA else {0: 7, 1: 110}.get((last - first) // 20, 460) for first, last in spans
    )


def added(size: int, columns: Collection[bytes]) -> Sequence[int]:
    """The sum of some columns of a tally; one that is left out is all zeros."""
    present = [unpack(column) for column in columns if column]
    if not present:
        return array("B", bytes(size))
    if len(present) == 1:
        return present[0]
    return list(map(add, *present))


def langs_of(connection: sqlite3.Connection, words: Collection[int]) -> dict[int, str]:
    """The languages of some words."""
    ask = connection.execute
    return {word: ask("SELECT lang FROM word WHERE id = ?", (word,)).fetchone()[0] for word in words}


def backwards(connection: sqlite3.Connection) -> Iterator[tuple[int, Sequence[int]]]:
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
            take = unpack
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
