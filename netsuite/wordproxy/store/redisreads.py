"""Questions to a store in Redis: what is fetched, and how it adds up here.

The list that people open (a language or all, every day and site, most frequent first) reads only what it
shows, from sorted sets.  One for days or a site adds up the tallies of those; any other walks over all words
in steps, so that the server has time for others in between.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from netsuite.wordproxy.store import coverage, queries
from netsuite.wordproxy.store.contract import (
    Coverage,
    CoverageQuery,
    PageList,
    PageQuery,
    PageRow,
    Sources,
    Total,
    Word,
    WordList,
    WordQuery,
)

#: Keys asked for in one go, and fields of one step over a hash.
_AT_ONCE, _STEP = 500, 2000

#: The parts of a word's value: main, other, pages, all pages, first and last day; then form, times, ….
_FORMS = 6

#: key, language, occurrences, pages; then the first and last day where the order needs them, else 0.
_Row = tuple[str, str, int, int, int, int]

_Days = tuple[int, int] | None

_unpacked = msgspec.msgpack.decode

#: As in SQLite: much first, A first, newest first; ties are settled by the word.
_ORDERS: dict[str, Callable[[_Row], Any]] = {
    "occurrences": lambda r: (-r[2], r[0], r[1]),
    "pages": lambda r: (-r[3], -r[2], r[0], r[1]),
    "word": lambda r: (r[0], r[1]),
    "first": lambda r: (-r[4], -r[2], r[0], r[1]),
    "last": lambda r: (-r[5], -r[2], r[0], r[1]),
}


class Reads:
    """What can be asked of the store whose keys begin with ``base``."""

    def __init__(self, client: Any, base: str, stop_words: Mapping[str, Collection[str]]) -> None:
        self._client, self._base = client, base
        self._stop = {lang: frozenset(keys) for lang, keys in stop_words.items()}

    # words

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        order, days = _ORDERS[query.sort], queries.span(query)
        read = self._read_pages(query, days)
        is_plain = days is None and query.site is None
        if is_plain and query.sort == "occurrences" and not query.q:
            return self._top(query, read)
        rows = list(self._all(query) if is_plain else self._from_tallies(query, days))
        end = query.offset + query.limit if query.limit else len(rows)
        shown = heapq.nsmallest(end, rows, key=order)[query.offset :]  # sorts where that is quicker
        total = Total(sum(row[2] for row in rows), len(rows), read)
        return WordList(total, self._shown(shown))

    def _top(self, query: WordQuery, read: int) -> WordList:
        """The most frequent words, read off the sorted sets; sums are kept, less the stop words'."""
        langs, name = self._langs(query.lang), "all" if query.everything else "top"
        occurrences = distinct = 0
        ways = []
        for lang, sums in langs.items():
            stop = frozenset[str]() if query.everything else self._stop.get(lang, frozenset())
            stopped = [row[0] for row in self._values(f"words:{lang}", sorted(stop)).values() if row[0]]
            at = 2 if query.everything else 0
            occurrences += sums[at] - sum(stopped)
            distinct += sums[at + 1] - len(stopped)
            last = query.offset + query.limit + len(stop) - 1 if query.limit else -1
            found = self._client.zrange(f"{self._base}{name}:{lang}", 0, last, withscores=True)
            ways.append(_ranked(found, lang, stop))
        rows = islice(heapq.merge(*ways, key=_ORDERS["occurrences"]), query.offset, None)
        shown = list(islice(rows, query.limit) if query.limit else rows)
        pages_at = 3 if query.everything else 2
        return WordList(Total(occurrences, distinct, read), self._shown(shown, pages_at))

    def _all(self, query: WordQuery) -> Iterator[_Row]:
        """Each word that fits, over all days and sites."""
        fits = self._filter(query)
        for lang in self._langs(query.lang):
            seen: set[bytes] = set()  # a hash that grows meanwhile may give a field twice
            for raw, value in self._client.hscan_iter(f"{self._base}words:{lang}", count=_STEP):
                key = raw.decode()
                if raw in seen or not fits(key, lang):
                    continue
                seen.add(raw)
                main, other, pages, all_pages, first, last, *_ = _unpacked(value)
                n, p = (main + other, all_pages) if query.everything else (main, pages)
                if n > 0:
                    yield key, lang, n, p, first, last

    def _from_tallies(self, query: WordQuery, days: _Days) -> Iterator[_Row]:
        """Each word that fits with its occurrences and pages on some days or at one site."""
        occurrences: defaultdict[str, Counter[str]] = defaultdict(Counter)
        pages: defaultdict[str, Counter[str]] = defaultdict(Counter)
        at = (4 if days is None else 2) + query.everything
        places = [(day, lang, host) for day, lang, host, _ in self._readings(query, days)]
        names = [f"tally:{day}:{lang}\0{host}" for day, lang, host in places]
        for (_, lang, _), tallies in zip(places, self._hashes(names), strict=True):
            ns, ps = occurrences[lang], pages[lang]
            for raw, value in tallies.items():
                tally = _unpacked(value)
                key = raw.decode()
                ns[key] += tally[0] + tally[1] if query.everything else tally[0]
                ps[key] += tally[at]
        for lang, key, times in self._words_met_again(query, days):
            pages[lang][key] -= times
        fits, needs_days = self._filter(query), query.sort in ("first", "last")
        for lang, ns in occurrences.items():
            keys = [key for key, n in ns.items() if n > 0 and fits(key, lang)]
            values = self._values(f"words:{lang}", keys) if needs_days else {}
            for key in keys:
                first, last = values[key][4:6] if needs_days else (0, 0)
                yield key, lang, ns[key], pages[lang][key], first, last

    def _words_met_again(self, query: WordQuery, days: _Days) -> Iterator[tuple[str, str, int]]:
        """The words of pages visited on several days of a range, and how often each was met again in it."""
        if days is None or days[0] == days[1]:
            return
        again = sorted(self._met_again(query, days))
        for page, met in zip(again, self._hashes([f"met:{page}" for page in again]), strict=True):
            lang = page.partition(":")[2]
            for raw, text in met.items():
                times = _times(text.decode(), days, everything=query.everything)
                if times > 1:
                    yield lang, raw.decode(), times - 1

    def _met_again(self, query: WordQuery, days: tuple[int, int]) -> dict[str, int]:
        """The pages of a query that were visited on several days of a range, and on how many."""
        visits: Counter[bytes] = Counter()
        names = [f"visit:{day}" for day in self._days(days)]
        for members in self._each("smembers", names):
            visits.update(members)
        again = {page.decode(): n for page, n in visits.items() if n > 1}
        if query.lang is not None:
            again = {page: n for page, n in again.items() if page.partition(":")[2] == query.lang}
        if query.site is not None:
            rows = self._values("pages", list(again))
            again = {page: again[page] for page, row in rows.items() if row[0] == query.site}
        return again

    def _read_pages(self, query: WordQuery, days: _Days) -> int:
        """The number of distinct pages read in that language, at that site, on those days."""
        if days is None and query.site is None:
            return sum(int(sums[4]) for sums in self._langs(query.lang).values())
        at = 2 if days is None else 1
        total = sum(int(reading[at]) for _, _, _, reading in self._readings(query, days))
        if days is not None and days[0] < days[1]:
            total -= sum(n - 1 for n in self._met_again(query, days).values())
        return total

    def _shown(self, rows: list[_Row], pages_at: int | None = None) -> list[Word]:
        """The words of those rows; ``pages_at``: their pages stand there in each word's value."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for key, lang, *_ in rows:
            wanted[lang].append(key)
        values = {lang: self._values(f"words:{lang}", keys) for lang, keys in wanted.items()}
        words, day = [], queries.day_text
        for key, lang, n, p, _, _ in rows:
            value = values[lang][key]
            pages = p if pages_at is None else value[pages_at]
            words.append(Word(_form(value), lang, n, pages, day(value[4]), day(value[5])))
        return words

    def _filter(self, query: WordQuery) -> Callable[[str, str], bool]:
        """Whether a word, by key and language, is asked for."""
        fits = _pattern(query.q) if query.q else None
        stop: Mapping[str, Collection[str]] = {} if query.everything else self._stop
        return lambda key, lang: key not in stop.get(lang, ()) and (fits is None or fits(queries.plain(key)))

    # coverage, pages, sources, sizes

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        amounts: list[tuple[int, str, str, float]] = []
        days = self._days(queries.span(query))
        for day, fields in zip(days, self._hashes([f"coverage:{day}" for day in days]), strict=True):
            for field, amount in fields.items():
                outcome, _, host = field.decode().partition("\0")
                amounts.append((int(day), host, outcome, float(amount)))
        total = coverage.share(_summed(amounts, ()))
        return Coverage(total, list(coverage.shares(_summed(amounts, query.by))) if query.by else [])

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        days, recent = queries.span(query), f"{self._base}recent"
        end = query.offset + query.limit - 1 if query.limit else -1
        if days is None and query.lang is None and query.site is None:
            total = self._client.zcard(recent)
            ids = [raw.decode() for raw in self._client.zrevrange(recent, query.offset, end)]
        else:
            ids = [raw.decode() for raw in self._client.zrevrange(recent, 0, -1)]
            ids = self._fitting(ids, query, days)
            total, ids = len(ids), ids[query.offset : end + 1 if query.limit else None]
        rows, day = self._values("pages", ids), queries.day_text
        found = []
        for page in filter(rows.__contains__, ids):
            host, url, title, first, last, _, visits, *_ = rows[page]
            lang = page.partition(":")[2]
            found.append(PageRow(_text(url), _text(title), host, lang, day(first), day(last), visits))
        return PageList(total, found)

    def _fitting(self, ids: list[str], query: PageQuery, days: _Days) -> list[str]:
        if query.lang is not None:
            ids = [page for page in ids if page.partition(":")[2] == query.lang]
        if days is not None:
            met: set[bytes] = set()
            for members in self._each("smembers", [f"visit:{day}" for day in self._days(days)]):
                met |= members
            ids = [page for page in ids if page.encode() in met]
        if query.site is not None:
            rows = self._values("pages", ids)
            ids = [page for page in ids if page in rows and rows[page][0] == query.site]
        return ids

    def sources(self, limit: int) -> Sources:
        """The languages and sites with most pages, at most ``limit`` of each."""
        langs = {lang: int(sums[4]) for lang, sums in self._langs(None).items()}
        raw = self._client.hgetall(f"{self._base}sites")
        sites = {host.decode(): int(pages) for host, pages in raw.items()}
        return Sources(_most(langs, limit), _most(sites, limit))

    def sizes(self) -> tuple[int, int]:
        """How many words there are, and pages whose addresses are kept."""
        words = sum(self._each("hlen", [f"words:{lang}" for lang in self._langs(None)]))
        return words, int(self._client.zcard(f"{self._base}recent"))

    # keys

    def _langs(self, lang: str | None) -> dict[str, list[int]]:
        """The languages, or that one if it is there, with their sums."""
        if lang is not None:
            return self._values("sums", [lang])
        raw = self._client.hgetall(f"{self._base}sums")
        return {name.decode(): _unpacked(sums) for name, sums in raw.items()}

    def _days(self, days: _Days) -> list[str]:
        """The days of a range that have anything, as they stand in keys."""
        lo, hi = days or ("-inf", "+inf")
        return [raw.decode() for raw in self._client.zrangebyscore(f"{self._base}days", lo, hi)]

    def _readings(self, query: WordQuery, days: _Days) -> Iterator[tuple[str, str, str, list[int]]]:
        """Day, language, host and sums of what was read on those days, in that language, at that site."""
        names = self._days(days)
        for day, readings in zip(names, self._hashes([f"reading:{day}" for day in names]), strict=True):
            for field, value in readings.items():
                lang, _, host = field.decode().partition("\0")
                if query.lang in (None, lang) and query.site in (None, host):
                    yield day, lang, host, _unpacked(value)

    def _values(self, name: str, fields: list[str]) -> dict[str, list[Any]]:
        """The unpacked values of those fields of a hash that are there."""
        found: dict[str, list[Any]] = {}
        for start in range(0, len(fields), _STEP):
            some = fields[start : start + _STEP]
            raw = self._client.hmget(f"{self._base}{name}", some)
            found.update(
                (field, _unpacked(value)) for field, value in zip(some, raw, strict=True) if value is not None
            )
        return found

    def _hashes(self, names: list[str]) -> Iterator[dict[bytes, bytes]]:
        return self._each("hgetall", names)

    def _each(self, command: str, names: list[str]) -> Iterator[Any]:
        """What a command says of each of those keys, some of them a round trip."""
        for start in range(0, len(names), _AT_ONCE):
            pipeline = self._client.pipeline(transaction=False)
            for name in names[start : start + _AT_ONCE]:
                getattr(pipeline, command)(self._base + name)
            yield from pipeline.execute()


def _ranked(found: list[tuple[bytes, float]], lang: str, stop: Collection[str]) -> Iterator[_Row]:
    for raw, score in found:
        key = raw.decode()
        if key not in stop:
            yield key, lang, int(-score), 0, 0, 0


def _form(value: list[Any]) -> str:
    """The form that was met most often."""
    forms = zip(value[_FORMS::2], value[_FORMS + 1 :: 2], strict=True)
    return str(min(forms, key=lambda form: (-form[1], form[0]))[0])


def _times(met: str, days: tuple[int, int], *, everything: bool) -> int:
    """On how many days of a range a word was met on a page: seven digits of a day, then + or -."""
    marks = (met[at : at + 8] for at in range(0, len(met), 8))
    return sum(days[0] <= int(mark[:7]) <= days[1] and (everything or mark[7] == "+") for mark in marks)


def _pattern(q: str) -> Callable[[str], bool]:
    """Whether a plain word fits ``q``: the whole word where it has a ``*``, else any part of it."""
    text = queries.plain(q)
    if "*" not in text:
        return lambda word: text in word
    first, *middle, last = text.split("*")

    def fits(word: str) -> bool:
        at, end = len(first), len(word) - len(last)
        if at > end or not word.startswith(first) or not word.endswith(last):
            return False
        for part in middle:
            found = word.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return fits


def _summed(amounts: list[tuple[int, str, str, float]], by: Collection[str]) -> list[coverage.Row]:
    """Rows as coverage takes them: newest day first, then by host; what is not asked for is 0 or empty."""
    sums: defaultdict[tuple[int, str, str], float] = defaultdict(float)
    hosts: defaultdict[tuple[int, str, str], set[str]] = defaultdict(set)
    for day, host, outcome, amount in amounts:
        group = (day if "day" in by else 0, host if "host" in by else "", outcome)
        sums[group] += amount
        hosts[group] |= {host} - {""}
    rows = [(*group, amount, len(hosts[group])) for group, amount in sums.items()]
    return sorted(rows, key=lambda row: (-row[0], row[1], row[2]))


def _most(pages: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(limit, pages.items(), key=lambda item: (-item[1], item[0]))


def _text(value: Any) -> str | None:
    return None if value is False else value
