"""Pages, sentences, single words and coverage from a store in Redis."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from netsuite.wordproxy.store import coverage, queries, redisrows
from netsuite.wordproxy.store.contract import (
    LEVELS,
    Context,
    ContextQuery,
    Coverage,
    CoverageQuery,
    Knowledge,
    Known,
    PageList,
    PageQuery,
    PageRow,
    Sources,
    WordFacts,
)
from netsuite.wordproxy.store.redischange import lang_of
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisplaces import Days, Places
from netsuite.wordproxy.store.redisreads import word

#: From this level on a word counts as known.
KNOWN = LEVELS.index("known")

K = TypeVar("K")


class Pages:
    """What can be asked about pages and single words."""

    def __init__(self, client: Any, base: str, fetch: Fetch, places: Places) -> None:
        self._client, self._base, self._fetch, self._places = client, base, fetch, places

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        amounts: list[tuple[int, str, str, float]] = []
        days = self._places.days(queries.span(query))
        names = [f"coverage:{day:07}" for day in days]
        for day, fields in zip(days, self._fetch.plain("hgetall", names), strict=True):
            for field, amount in fields.items():
                outcome, _, host = field.decode().partition("\0")
                amounts.append((day, host, outcome, float(amount)))
        total = coverage.share(_summed(amounts, ()))
        return Coverage(total, list(coverage.shares(_summed(amounts, query.by))) if query.by else [])

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        days, recent = queries.span(query), f"{self._base}recent"
        end = query.offset + query.limit - 1 if query.limit else -1
        if query.id is not None:
            ids = self._fitting([query.id] if self._places.facts([query.id]) else [], query, days)
        elif days is None and query.lang is None and query.site is None:
            total = int(self._client.zcard(recent))
            shown = [raw.decode() for raw in self._client.zrevrange(recent, query.offset, end)]
            return PageList(total, self._rows(shown))
        else:
            ids = [raw.decode() for raw in self._client.zrevrange(recent, 0, -1)]
            ids = self._fitting(ids, query, days)
        return PageList(len(ids), self._rows(ids[query.offset : end + 1 if query.limit else None]))

    def _fitting(self, ids: list[str], query: PageQuery, days: Days) -> list[str]:
        if query.lang is not None:
            ids = [page for page in ids if lang_of(page) == query.lang]
        if days is not None:
            met: set[bytes] = set()
            names = [f"visit:{day:07}" for day in self._places.days(days)]
            for members in self._fetch.plain("smembers", names):
                met |= members
            ids = [page for page in ids if page.encode() in met]
        if query.site is not None:
            told = self._places.facts(ids)
            ids = [page for page in ids if page in told and told[page].host == query.site]
        return ids

    def _rows(self, ids: list[str]) -> list[PageRow]:
        told, day = self._places.facts(ids), queries.day_text
        ids = [page for page in ids if page in told]
        levels = {lang: self._fetch.numbers(f"levels:{lang}") for lang in {lang_of(page) for page in ids}}
        rows = []
        for page, days in zip(ids, self._places.page_days(ids), strict=True):
            facts, lang = told[page], lang_of(page)
            words = ((met.key, met.main) for met in redisrows.latest(days)) if days else ()
            row = (
                facts.url,
                facts.title,
                facts.host,
                lang,
                day(facts.first),
                day(facts.last),
                facts.visits,
                page,
            )
            rows.append(PageRow(*row, known(words, levels[lang])))
        return rows

    def contexts(self, query: ContextQuery) -> list[Context]:
        """Sentences with the word, newest first."""
        raw = self._client.hget(f"{self._base}contexts:{query.lang}", query.key)
        names = redisrows.row_of(raw)[::3] if raw is not None else []
        raws = self._client.hmget(f"{self._base}sentences", names) if names else []
        said = [redisrows.sentence_of(raw) for raw in raws if raw is not None]
        said = [one for one in said if query.site in (None, one.host)]
        said.sort(key=lambda one: (-one.day, -one.order))
        said = said[: query.limit or None]
        told = self._places.facts([one.page for one in said])
        found = []
        for one in said:
            facts = told.get(one.page)
            url = facts.url if facts else None
            title = facts.title if facts and url else None
            found.append(
                Context(one.text, one.host, queries.day_text(one.day), url, title, one.page if url else None)
            )
        return found

    def word(self, key: str, lang: str) -> WordFacts | None:
        """All of one word, None if it was never met."""
        row: Any = self._fetch.values(f"words:{lang}", [key]).get(key)
        if row is None:
            return None
        level = self._fetch.numbers(f"levels:{lang}", [key]).get(key, 0)
        shown = word(key, lang, row[0], row[2], row, level)
        return WordFacts(shown, redisrows.forms(key, row), row[1])

    def levels(self, lang: str | None) -> list[Knowledge]:
        """All words of which a level was said, by language and key."""
        langs = sorted(raw.decode() for raw in self._client.smembers(f"{self._base}levels"))
        return [
            Knowledge(key, name, LEVELS[level])
            for name in langs
            if lang in (None, name)
            for key, level in sorted(self._fetch.numbers(f"levels:{name}").items())
        ]

    def last(self, node: str) -> int:
        """The highest sequence that is kept of a node, 0 if none is."""
        raw = self._client.hget(f"{self._base}node", node)
        return max(0, int(redisrows.numbers_of(raw)[0])) if raw is not None else 0

    def site_langs(self) -> dict[str, str]:
        """The sites whose language was corrected."""
        found = self._client.hgetall(f"{self._base}langs")
        return {host.decode(): lang.decode() for host, lang in sorted(found.items())}

    def sources(self, limit: int) -> Sources:
        """The languages and sites with most pages, at most ``limit`` of each."""
        langs = {lang: sums[4] for lang, sums in self._places.langs().items()}
        raw = self._client.hgetall(f"{self._base}sites")
        return Sources(_most(langs, limit), _most({host.decode(): int(n) for host, n in raw.items()}, limit))

    def sizes(self) -> tuple[int, int]:
        """How many words there are, and pages whose addresses are kept."""
        words = sum(sums[3] for sums in self._places.langs().values())
        return words, int(self._client.zcard(f"{self._base}recent"))


def known(words: Iterable[tuple[K, int]], levels: Mapping[K, int]) -> Known:
    """How much of words with their occurrences in main text is known."""
    occurrences = known_occurrences = distinct = known_distinct = 0
    for key, n in words:
        if n > 0:
            occurrences += n
            distinct += 1
            if levels.get(key, 0) >= KNOWN:
                known_occurrences += n
                known_distinct += 1
    return Known(occurrences, known_occurrences, distinct, known_distinct)


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
