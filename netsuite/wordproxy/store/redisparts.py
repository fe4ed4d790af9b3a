"""What was read by day, site or language, from a store in Redis.

A part's words are those of its tallies; what is in several of them is one distinct word.  Of days only those
that are shown are added up; of sites and languages, which come by occurrences, all are: the dearest of all
questions here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import compress
from typing import Any

from netsuite.wordproxy.store import queries, redisrows
from netsuite.wordproxy.store.contract import (
    BREAKDOWNS,
    Breakdown,
    BreakdownQuery,
    CoverageQuery,
    Known,
    Part,
)
from netsuite.wordproxy.store.redischange import Place, lang_of, tally_name
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redispages import KNOWN, known
from netsuite.wordproxy.store.redisplaces import Days, Places
from netsuite.wordproxy.store.redisreads import add_up

#: Where a part's name stands in a place.
_AT = {"day": 0, "lang": 1, "site": 2}

#: With more places than this the first days of all words are read, else those of words that are met.
_MANY = 20


class Parts:
    """Breakdowns of the store that ``fetch`` reads."""

    def __init__(self, client: Any, base: str, fetch: Fetch, places: Places) -> None:
        self._client, self._base, self._fetch, self._places = client, base, fetch, places

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        """The parts asked for, and how many there are.

        Raises:
            ValueError: by what is none, or a word without its language.
        """
        if query.by not in BREAKDOWNS:
            raise ValueError(f"breakdowns are by one of {', '.join(BREAKDOWNS)}")
        if query.word is not None and query.lang is None:
            raise ValueError("a word's parts need its language")
        return _Breakdown(self._client, self._base, self._fetch, self._places, query).answer()


class _Breakdown:
    """One question on its way."""

    def __init__(self, client: Any, base: str, fetch: Fetch, places: Places, query: BreakdownQuery) -> None:
        self._client, self._base, self._fetch, self._places = client, base, fetch, places
        self._query, self._at = query, _AT[query.by]
        self._days = queries.span(CoverageQuery(query.day, query.from_, query.to))
        self._first: dict[str, defaultdict[int, set[str]]] = {}  # by language and day
        self._levels: dict[str, Mapping[str, int]] = {}
        self._readings: defaultdict[int | str, dict[Place, list[int]]] = defaultdict(dict)
        for place, reading in places.readings(query, self._days):
            self._readings[place[self._at]][place] = reading

    def answer(self) -> Breakdown:
        """The breakdown."""
        query, names = self._query, list(self._readings)
        end = query.offset + query.limit if query.limit else None
        if query.word is not None:
            parts = self._of_word(query.word)
        elif query.by == "day":
            names.sort(reverse=True)
            pages = self._pages()
            shown = [self._part(name, pages) for name in names[query.offset : end]]
            return Breakdown(len(names), shown)
        else:
            pages = self._pages()
            parts = [self._part(name, pages) for name in names]
        if query.by == "day":
            parts.sort(key=lambda part: part.name, reverse=True)
        else:
            parts.sort(key=lambda part: (-part.occurrences, part.name))
        return Breakdown(len(parts), parts[query.offset : end])

    def _part(self, name: int | str, pages: Mapping[int | str, int]) -> Part:
        mains: defaultdict[str, dict[str, int]] = defaultdict(dict)
        alls: defaultdict[str, dict[str, int]] = defaultdict(dict)
        new: set[tuple[str, str]] = set()
        everything = self._query.everything
        for (day, lang, _), keys, rows in self._places.tallies(list(self._readings[name])):
            in_main = [row.main for row in rows]
            add_up(mains[lang], keys, in_main)
            if everything:
                add_up(alls[lang], keys, [row.main + row.other for row in rows])
            fresh = self._fresh(lang, day, keys)
            new.update((lang, key) for key in fresh & set(keys if everything else compress(keys, in_main)))
        shown = alls if everything else mains
        occurrences = sum(sum(words.values()) for words in shown.values())
        distinct = sum(len(words) - list(words.values()).count(0) for words in shown.values())
        return Part(_name(name), occurrences, distinct, pages.get(name, 0), len(new), self._known(mains))

    def _known(self, mains: Mapping[str, dict[str, int]]) -> Known:
        """How much of these occurrences in main text, by language and word, is known."""
        told = Known()
        for lang, words in mains.items():
            levels = self._levels_of(lang)
            ns = [words[key] for key in words.keys() & levels.keys() if levels[key] >= KNOWN and words[key]]
            distinct = len(words) - list(words.values()).count(0)
            told = Known(
                told.occurrences + sum(words.values()),
                told.known_occurrences + sum(ns),
                told.distinct + distinct,
                told.known_distinct + len(ns),
            )
        return told

    def _pages(self) -> dict[int | str, int]:
        """By part, its distinct pages."""
        at = 2 if self._days is None and self._query.by != "day" else 1
        found = {
            name: sum(reading[at] for reading in places.values()) for name, places in self._readings.items()
        }
        if self._query.by != "day":
            for page, again in self._places.met_again(self._query, self._days).items():
                found[self._part_of(page)] -= again - 1
        return found

    def _part_of(self, page: str) -> str:
        return lang_of(page) if self._query.by == "lang" else self._places.facts([page])[page].host

    def _fresh(self, lang: str, day: int, keys: list[str]) -> set[str]:
        """The words that were met on that day first, of those, and maybe others."""
        if sum(map(len, self._readings.values())) <= _MANY:
            found: Mapping[str, Any] = self._fetch.values(f"words:{lang}", keys)
            return {key for key, row in found.items() if row[redisrows.FIRST] == day}
        if lang not in self._first:
            days = self._first[lang] = defaultdict(set)
            for some, rows in self._fetch.words(f"words:{lang}"):
                for key, row in zip(some, rows, strict=True):
                    days[row.first].add(key)
        return self._first[lang][day]

    def _levels_of(self, lang: str) -> Mapping[str, int]:
        if lang not in self._levels:
            self._levels[lang] = self._fetch.numbers(f"levels:{lang}")
        return self._levels[lang]

    # one word

    def _of_word(self, word: str) -> list[Part]:
        """The parts in which the word is, in the text that is asked about."""
        lang = self._query.lang or ""
        places = [place for there in self._readings.values() for place in there]
        sums: defaultdict[int | str, Counter[int]] = defaultdict(Counter)
        new: set[int | str] = set()
        row_of_word: Any = self._fetch.values(f"words:{lang}", [word]).get(word)
        first = row_of_word[redisrows.FIRST] if row_of_word else None
        for place, row in zip(places, self._tallies_of(word, places), strict=True):
            if row:
                sums[place[self._at]].update(dict(enumerate(row[: redisrows.NUMBERS])))
                if place[0] == first and (row[0] or self._query.everything):
                    new.add(place[self._at])
        at = (redisrows.NEW_PAGES if self._days is None and self._query.by != "day" else redisrows.PAGES) + (
            self._query.everything
        )
        again = self._again(word)
        level = self._levels_of(lang)
        parts = []
        for name, row in sums.items():
            n = row[0] + row[1] if self._query.everything else row[0]
            if n > 0:
                is_known = known([(word, row[0])], level)
                parts.append(Part(_name(name), n, 1, row[at] - again[name], int(name in new), is_known))
        return parts

    def _tallies_of(self, word: str, places: list[Place]) -> list[Any]:
        ask = self._client.pipeline(transaction=False)
        for place in places:
            ask.hget(f"{self._base}{tally_name(place)}", word)
        raws = ask.execute() if places else []
        return [redisrows.row_of(raw) if raw is not None else None for raw in raws]

    def _again(self, word: str) -> Counter[int | str]:
        """By part, how often the word was met again on a page of the range."""
        found: Counter[int | str] = Counter()
        days: Days = self._days
        if self._query.by == "day" or days is None:
            return found
        pages = list(self._places.met_again(self._query, days))
        for page, on_days in zip(pages, self._places.page_days(pages), strict=True):
            times = sum(
                1
                for number, day in on_days.items()
                if days[0] <= number <= days[1]
                and any(met.key == word and (met.main or self._query.everything) for met in day.words)
            )
            if times > 1:
                found[self._part_of(page)] += times - 1
        return found


def _name(name: int | str) -> str:
    return queries.day_text(name) if isinstance(name, int) else name
