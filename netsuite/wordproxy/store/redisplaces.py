"""Which places a question is about: days, languages and hosts in a Redis, and pages met again there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.redischange import Place, lang_of, tally_name
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisrows import Day, TallyHead

Days = tuple[int, int] | None


class Asked(Protocol):
    """What any question has."""

    @property
    def lang(self) -> str | None: ...
    @property
    def site(self) -> str | None: ...


class Places:
    """What was read where, of the store whose keys begin with ``base``."""

    def __init__(self, client: Any, base: str, fetch: Fetch) -> None:
        self._client, self._base, self._fetch = client, base, fetch

    def langs(self, lang: str | None = None) -> dict[str, list[int]]:
        """The languages, or that one if it is there, with their sums.

        Of main text: occurrences and words; of everything: the same; pages.
        """
        if lang is not None:
            sums = self._client.hget(f"{self._base}sums", lang)
            return {} if sums is None else {lang: redisrows.numbers_of(sums)}
        raw = self._client.hgetall(f"{self._base}sums")
        return {name.decode(): redisrows.numbers_of(sums) for name, sums in raw.items()}

    def days(self, days: Days) -> list[int]:
        """The days of a range that have anything."""
        lo, hi = days or ("-inf", "+inf")
        return [int(raw) for raw in self._client.zrangebyscore(f"{self._base}days", lo, hi)]

    def readings(self, asked: Asked, days: Days) -> Iterator[tuple[Place, list[int]]]:
        """Places on those days, in that language, at that site; visits, pages, new pages."""
        numbers = self.days(days)
        names = [f"reading:{day:07}" for day in numbers]
        for day, readings in zip(numbers, self._fetch.plain("hgetall", names), strict=True):
            for field, value in readings.items():
                lang, _, host = field.decode().partition("\0")
                if asked.lang in (None, lang) and asked.site in (None, host):
                    yield (day, lang, host), redisrows.numbers_of(value)

    def tallies(self, places: list[Place]) -> Iterator[tuple[Place, list[str], list[TallyHead]]]:
        """Each place with its words and their tallies."""
        found = self._fetch.tallies([tally_name(place) for place in places])
        for place, (keys, rows) in zip(places, found, strict=True):
            yield place, keys, rows

    def read_pages(self, asked: Asked, days: Days) -> int:
        """The number of distinct pages read in that language, at that site, on those days."""
        if days is None and asked.site is None:
            return sum(sums[4] for sums in self.langs(asked.lang).values())
        total = sum(reading[2 if days is None else 1] for _, reading in self.readings(asked, days))
        return total - sum(n - 1 for n in self.met_again(asked, days).values())

    def met_again(self, asked: Asked, days: Days) -> dict[str, int]:
        """The pages that were visited on several days of a range, and on how many."""
        if days is None or days[0] == days[1]:
            return {}
        visits: Counter[bytes] = Counter()
        names = [f"visit:{day:07}" for day in self.days(days)]
        for members in self._fetch.plain("smembers", names):
            visits.update(members)
        again = {page.decode(): n for page, n in visits.items() if n > 1}
        if asked.lang is not None:
            again = {page: n for page, n in again.items() if lang_of(page) == asked.lang}
        if asked.site is not None:
            told = self.facts(list(again))
            again = {page: again[page] for page, facts in told.items() if facts.host == asked.site}
        return again

    def words_met_again(
        self, asked: Asked, days: Days, *, everything: bool
    ) -> Iterator[tuple[str, str, int]]:
        """Language and word of pages visited on several days, and how often it was met again there."""
        again = sorted(self.met_again(asked, days))
        for page, on_days in zip(again, self.page_days(again), strict=True):
            times: Counter[str] = Counter()
            for number, day in on_days.items():
                if days is not None and days[0] <= number <= days[1]:
                    times.update(met.key for met in day.words if everything or met.main)
            for key, n in times.items():
                if n > 1:
                    yield lang_of(page), key, n - 1

    def facts(self, pages: list[str]) -> dict[str, redisrows.Facts]:
        """Those pages that are kept."""
        raws = self._client.hmget(f"{self._base}pages", pages) if pages else []
        told = zip(pages, raws, strict=True)
        return {page: redisrows.facts_of(raw) for page, raw in told if raw is not None}

    def page_days(self, pages: list[str]) -> Iterator[dict[int, Day]]:
        """The days of each of those pages."""
        for fields in self._fetch.plain("hgetall", [f"page:{page}" for page in pages]):
            yield {int(name): redisrows.day_of(value) for name, value in fields.items() if name != b"said"}
