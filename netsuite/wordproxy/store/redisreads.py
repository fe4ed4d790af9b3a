"""Lists of words from a store in Redis: what is fetched, and how it adds up here.

The list that people open (a language or all, every day and site, most frequent first) reads only what it
shows, from sorted sets; sums are kept, less those of words that are left out.  A search reads these sets
whole, without the words' rows.  A list of days or a site adds up the tallies of those.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, repeat
from operator import add, attrgetter
from typing import Any

from netsuite.wordproxy.store import bases, queries, redisrows
from netsuite.wordproxy.store.contract import LEVELS, UNKNOWN, Total, Word, WordList, WordQuery
from netsuite.wordproxy.store.redischange import lang_of
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisplaces import Days, Places
from netsuite.wordproxy.store.word import CAPITALISED, is_name

#: key, language, occurrences, pages; then the first and last day where the order needs them, else 0.
_Row = tuple[str, str, int, int, int, int]

#: As in SQLite: much first, A first, newest first; ties are settled by the word.
_ORDERS: dict[str, Callable[[_Row], Any]] = {
    "occurrences": lambda r: (-r[2], r[0], r[1]),
    "pages": lambda r: (-r[3], -r[2], r[0], r[1]),
    "word": lambda r: (r[0], r[1]),
    "first": lambda r: (-r[4], -r[2], r[0], r[1]),
    "last": lambda r: (-r[5], -r[2], r[0], r[1]),
}


class WordLists:
    """Lists of words of the store that ``fetch`` reads; stop words are left out."""

    def __init__(
        self, client: Any, base: str, fetch: Fetch, places: Places, stop_words: Mapping[str, Collection[str]]
    ) -> None:
        self._client, self._base, self._fetch, self._places = client, base, fetch, places
        self._stop = {lang: frozenset(keys) for lang, keys in stop_words.items()}

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        days = queries.span(query)
        is_plain = days is None and query.site is None and query.page is None
        is_few = query.known in LEVELS[1:]
        if is_plain and query.sort == "occurrences" and not (query.q or is_few or query.lemma):
            return self._top(query)
        if query.page is not None:
            rows = list(self._of_page(query, query.page, days))
            read = int(bool(rows))
        else:
            rows = list(self._all(query) if is_plain else self._from_tallies(query, days))
            read = self._places.read_pages(query, days)
        shown_as = self._gather(rows) if query.lemma else {}
        total = Total(sum(row[2] for row in rows), len(rows), read)
        end = query.offset + query.limit if query.limit else len(rows)
        shown = heapq.nsmallest(end, rows, key=_ORDERS[query.sort])[
            query.offset :
        ]  # sorts where that is quicker
        words = self._shown(query, shown)
        return WordList(
            total, [replace(one, word=shown_as.get((one.key, one.lang), one.word)) for one in words]
        )

    def numbers(self, query: WordQuery) -> tuple[dict[tuple[str, str], int], int]:
        """Occurrences by key and language of the words that fit, and how many there are of all words."""
        days = queries.span(query)
        every = WordLists(self._client, self._base, self._fetch, self._places, {})
        asked = replace(query, sort="occurrences", names=True, known=None, q=None)
        is_plain = days is None and query.site is None
        rows = list(every._all(asked) if is_plain else every._from_tallies(asked, days))
        choices = {lang: self._choice(query, lang) for lang in {row[1] for row in rows}}
        fitting = {
            lang: {
                key
                for key in _searched(query.q, [row[0] for row in rows if row[1] == lang])
                if key not in without and (only is None or key in only)
            }
            for lang, (only, without) in choices.items()
        }
        found = {(row[0], row[1]): row[2] for row in rows if row[0] in fitting[row[1]]}
        return found, sum(row[2] for row in rows)

    def named(self, query: WordQuery, words: list[tuple[str, str]]) -> list[Word]:
        """These words, by key and language, as they are shown."""
        return self._shown(query, [(key, lang, 0, 0, 0, 0) for key, lang in words])

    @staticmethod
    def _gather(rows: list[_Row]) -> dict[tuple[str, str], str]:
        """Forms of one base are one row: its own word's, or the best form's; bases by such a word."""
        find, groups = bases.finder(), defaultdict[tuple[str, str], list[_Row]](list)
        for row in rows:
            groups[find(row[0], row[1]), row[1]].append(row)
        rows.clear()
        shown_as = {}
        for (base, lang), forms in groups.items():
            key, _, _, _, first, last = min(forms, key=lambda row: (row[0] != base, -row[2], row[0]))
            rows.append((key, lang, sum(row[2] for row in forms), max(row[3] for row in forms), first, last))
            if len(forms) > 1 or key != base:
                shown_as[key, lang] = base
        return shown_as

    def _top(self, query: WordQuery) -> WordList:
        """The most frequent words, read off the sorted sets."""
        occurrences = distinct = pages = 0
        ways = []
        for lang, sums in self._places.langs(query.lang).items():
            _, without = self._choice(query, lang)
            ns = [_number(row, query) for row in self._fetch.values(f"words:{lang}", without).values()]
            at = 2 if query.everything else 0
            occurrences += sums[at] - sum(ns)
            distinct += sums[at + 1] - sum(n > 0 for n in ns)
            pages += sums[4]
            step = query.offset + query.limit + len(without) if query.limit else 1 << 30
            ways.append(self._ranked(query, lang, without, step))
        rows = islice(heapq.merge(*ways, key=_ORDERS["occurrences"]), query.offset, None)
        shown = list(islice(rows, query.limit) if query.limit else rows)
        return WordList(Total(occurrences, distinct, pages), self._shown(query, shown))

    def _ranked(self, query: WordQuery, lang: str, without: Collection[str], step: int) -> Iterator[_Row]:
        for keys, ns in self._fetch.ranked(f"{'all' if query.everything else 'top'}:{lang}", step):
            for key, n in zip(keys, ns, strict=True):
                if key not in without:
                    yield key, lang, n, 0, 0, 0

    def _all(self, query: WordQuery) -> Iterator[_Row]:
        """Each word that fits, over all days and sites."""
        for lang in self._places.langs(query.lang):
            only, without = self._choice(query, lang)
            if only is None and (query.lemma or query.sort in ("pages", "first", "last")):
                yield from self._scanned(query, lang, without)
                continue
            counts: dict[str, int] = {}
            if only is None:
                for keys, ns in self._fetch.ranked(f"{'all' if query.everything else 'top'}:{lang}"):
                    counts.update(zip(keys, ns, strict=True))
            else:
                found = self._fetch.values(f"words:{lang}", only)
                counts = {key: n for key, row in found.items() if (n := _number(row, query)) > 0}
            fitting = [key for key in _searched(query.q, list(counts)) if key not in without]
            yield from self._dated(query, lang, [(key, counts[key], -1) for key in fitting])

    def _scanned(self, query: WordQuery, lang: str, without: Collection[str]) -> Iterator[_Row]:
        """Each word of a language that fits, with its pages and days."""
        seen = set[str]()  # a hash that grows may give a word twice
        for keys, rows in self._fetch.words(f"words:{lang}"):
            told = dict(zip(keys, rows, strict=True))
            for key in _searched(query.q, keys):
                row = told[key]
                n, pages = (
                    (row.main + row.other, row.all_pages) if query.everything else (row.main, row.pages)
                )
                if n > 0 and key not in without and key not in seen:
                    seen.add(key)
                    yield key, lang, n, pages, row.first, row.last

    def _from_tallies(self, query: WordQuery, days: Days) -> Iterator[_Row]:
        """Each word that fits with its occurrences and pages on some days or at one site."""
        occurrences: defaultdict[str, dict[str, int]] = defaultdict(dict)
        pages: defaultdict[str, dict[str, int]] = defaultdict(dict)
        both = query.everything
        pages_of = attrgetter(("all_" if both else "") + ("new" if days is None else "pages"))
        places = [place for place, _ in self._places.readings(query, days)]
        for (_, lang, _), keys, rows in self._places.tallies(places):
            add_up(occurrences[lang], keys, [row.main + row.other if both else row.main for row in rows])
            add_up(pages[lang], keys, map(pages_of, rows))
        for lang, key, times in self._places.words_met_again(query, days, everything=both):
            pages[lang][key] -= times
        for lang, ns in occurrences.items():
            only, without = self._choice(query, lang)
            keys = [
                key for key, n in ns.items() if n > 0 and key not in without and (only is None or key in only)
            ]
            found = [(key, ns[key], pages[lang][key]) for key in _searched(query.q, keys)]
            yield from self._dated(query, lang, found)

    def _of_page(self, query: WordQuery, page: str, days: Days) -> Iterator[_Row]:
        """Each word that fits of a page's latest visit, if that is asked about, with its occurrences."""
        lang, told = lang_of(page), self._places.facts([page]).get(page)
        if told is None or query.lang not in (None, lang) or query.site not in (None, told.host):
            return
        if days is not None and not days[0] <= told.last <= days[1]:
            return
        only, without = self._choice(query, lang)
        for visits in self._places.page_days([page]):
            ns = (
                {met.key: met.main + met.other * query.everything for met in redisrows.latest(visits)}
                if visits
                else {}
            )
            keys = [
                key for key, n in ns.items() if n > 0 and key not in without and (only is None or key in only)
            ]
            yield from self._dated(query, lang, [(key, ns[key], 1) for key in _searched(query.q, keys)])

    def _dated(self, query: WordQuery, lang: str, found: list[tuple[str, int, int]]) -> Iterator[_Row]:
        """Rows of words, occurrences and pages (-1: the word's own), with their days where the order asks."""
        is_own = bool(found) and found[0][2] < 0
        if query.sort in ("first", "last") or (is_own and (query.lemma or query.sort == "pages")):
            rows = self._fetch.values(f"words:{lang}", [key for key, _, _ in found])
            at = 3 if query.everything else 2
            for key, n, pages in found:
                row: Any = rows[key]
                yield key, lang, n, row[at] if pages < 0 else pages, row[4], row[5]
        else:
            for key, n, pages in found:
                yield key, lang, n, pages, 0, 0

    # which words

    def _choice(self, query: WordQuery, lang: str) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The only words of a language that are asked for, None if they may be any, and those that aren't."""
        without = frozenset() if query.everything else self._stop.get(lang, frozenset())
        if not query.names and lang != CAPITALISED:
            raw = self._client.smembers(f"{self._base}names:{lang}")
            without |= {key.decode() for key in raw}
        if query.known is None:
            return None, without
        levels = self._fetch.numbers(f"levels:{lang}")
        if query.known == UNKNOWN:
            return None, without | {key for key, level in levels.items() if level > 1}
        wanted = LEVELS.index(query.known)
        if wanted == 0:
            return None, without | levels.keys()
        return frozenset(key for key, level in levels.items() if level == wanted), without

    # what is shown

    def _shown(self, query: WordQuery, rows: list[_Row]) -> list[Word]:
        """The words of those rows."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for key, lang, *_ in rows:
            wanted[lang].append(key)
        values = {lang: self._fetch.values(f"words:{lang}", keys) for lang, keys in wanted.items()}
        levels = {lang: self._fetch.numbers(f"levels:{lang}", keys) for lang, keys in wanted.items()}
        pages_at = 3 if query.everything else 2
        return [
            word(key, lang, n, pages, values[lang][key], levels[lang].get(key, 0), pages_at)
            for key, lang, n, pages, _, _ in rows
        ]


def word(key: str, lang: str, n: int, pages: int, row: Any, level: int, pages_at: int = 2) -> Word:
    """A word as it is shown; of its own row are days, form, and its pages where ``pages`` is not above 0."""
    day = queries.day_text
    return Word(
        redisrows.forms(key, row)[0][0],
        lang,
        n,
        pages if pages > 0 else row[pages_at],
        day(row[4]),
        day(row[5]),
        key,
        LEVELS[level],
        is_name(lang, row[6], row[7]),
    )


def add_up(sums: dict[str, int], keys: list[str], numbers: Iterable[int]) -> None:
    """Each word has its number more; of ``keys`` each comes once."""
    sums.update(zip(keys, map(add, map(sums.get, keys, repeat(0)), numbers), strict=True))


def _number(row: Any, query: WordQuery) -> int:
    return int(row[0] + row[1] if query.everything else row[0])


def _searched(q: str | None, keys: list[str]) -> Iterable[str]:
    """Those keys that ``q`` fits, if one is asked for."""
    if not q or not keys:
        return keys
    fits = _pattern(q)
    joined = "\0".join(keys)  # all at once: a call for each costs more than the search
    plain = joined.casefold() if joined.isascii() else queries.plain(joined)
    return [key for key, text in zip(keys, plain.split("\0"), strict=True) if fits(text)]


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
