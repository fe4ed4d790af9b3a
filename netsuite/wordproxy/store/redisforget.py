"""What is forgotten in a store in Redis, and what retention removes.

Each way goes in steps (``redistaking.py``), in an order in which the same call finds what is left to do
(``redistasks.py``).  Dear are a word, whose bytes are looked for in each page of its language, and a day or a
host with many words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from netsuite.wordproxy.store import mentions, queries, redisrows
from netsuite.wordproxy.store.contract import FILE_NODE, WordQuery
from netsuite.wordproxy.store.redischange import Change, lang_of
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redismoving import Moving
from netsuite.wordproxy.store.redisplaces import Places
from netsuite.wordproxy.store.redisrows import Day, Facts
from netsuite.wordproxy.store.redistaking import LOOKED_AT, Taking, by

#: Pages whose keys are dropped by one change.
_PAGES = 20


class Forgetting:
    """Forgets in the store that ``fetch`` reads."""

    def __init__(
        self,
        client: Any,
        base: str,
        fetch: Fetch,
        places: Places,
        taking: Taking,
        moving: Moving,
        unlevel: Callable[[str, str], object],
    ) -> None:
        """``unlevel`` takes the level from a word in a language."""
        self._client, self._base, self._fetch, self._places = client, base, fetch, places
        self._taking, self._moving, self._make, self._unlevel = taking, moving, taking.make, unlevel

    def page(self, page: str) -> int:
        """A page is gone with all that it gave."""
        told = self._places.facts([page])
        if told:
            self._make(lambda: self._taking.without(page, lambda days: {}))
        return len(told)

    def host(self, host: str) -> int:
        """All of a host is gone, its name too; how many pages were read there."""
        places = list(self._places.readings(WordQuery(site=host), None))
        for pages in by(_PAGES, self._taking.pages_of(host)):
            self._taking.drop_pages(pages)
        for place, _ in places:
            self._taking.take(place, self._taking.drop_pages)
        for day in self._places.days(None):
            self._taking.uncover(day, lambda name: name == host)
        self._moving.say(host, None)
        return sum(reading[2] for _, reading in places)

    def day(self, day: int) -> int:
        """All of a day is gone; how many pages were read on it."""
        places = list(self._places.readings(WordQuery(), (day, day)))

        def clear(pages: list[str]) -> None:
            for page in pages:
                self._make(lambda page=page: self._taking.without(page, lambda days: _but(days, day), day))  # type: ignore[misc]

        clear([raw.decode() for raw in self._client.smembers(f"{self._base}visit:{day:07}")])
        for place, _ in places:
            self._taking.take(place, clear, pages_stay=True)
        self._taking.uncover(day, lambda _: True)
        return sum(reading[1] for _, reading in places)

    def word(self, key: str, lang: str) -> int:
        """A word is gone from all pages and numbers, with its level, and each text that has it."""
        known = self._fetch.values(f"words:{lang}", [key])
        wanted, needle = queries.plain(key), redisrows.encode(key)

        def clear(pages: list[str]) -> None:
            for page in pages:
                self._make(
                    lambda page=page: self._taking.without(page, lambda days: _wordless(days, key, wanted))  # type: ignore[misc]
                )

        for names in self._sentences_with(key, lang, wanted):
            self._make(lambda names=names: _unsaid(names))  # type: ignore[misc]
        for some in by(LOOKED_AT, self._taking.facts()):
            told = {page: facts for page, facts in some if lang_of(page) == lang}
            held = self._fetch.holding([f"page:{page}" for page in told], needle)
            having = {page for page, facts in told.items() if _has(facts, key, wanted)}
            clear(list(having | {name.removeprefix("page:") for name in held}))
        for place, _ in list(self._places.readings(WordQuery(lang=lang), None)):
            self._taking.take_word(place, key, clear)
        self._unlevel(key, lang)
        return len(known)

    def _sentences_with(self, key: str, lang: str, wanted: str) -> Iterator[list[str]]:
        """The names of sentences in a language that have a word, some at a time."""
        found = (
            raw.decode()
            for raw, value in self._client.hscan_iter(f"{self._base}sentences", count=LOOKED_AT)
            if lang_of((sentence := redisrows.sentence_of(value)).page) == lang
            and mentions.has_word(sentence.text, key, wanted)
        )
        return by(_PAGES, found)

    # retention

    def drop_old(self, before: int, *, at_most: int = _PAGES) -> int:
        """Some pages last met before a day are gone, their numbers stay; how many."""
        score = f"({before << 32}"
        found = self._client.zrangebyscore(f"{self._base}recent", "-inf", score, start=0, num=at_most)
        pages = [raw.decode() for raw in found]
        if pages:
            self._taking.drop_pages(pages)
        return len(pages)

    def drop_nodes(self, before: float) -> None:
        """Nodes that were silent since then are gone."""
        nodes = [
            (node.decode(), raw)
            for node, raw in self._client.hscan_iter(f"{self._base}node", count=LOOKED_AT)
            if redisrows.numbers_of(raw)[1] < before and not node.startswith(FILE_NODE.encode())
        ]
        for node, raw in nodes:
            self._make(lambda node=node, raw=raw: self._nodeless(node, raw))  # type: ignore[misc]

    def drop_files(self) -> None:
        """Imported files can be imported again."""
        pattern = f"{FILE_NODE}*"
        for nodes in by(LOOKED_AT, self._client.hscan_iter(f"{self._base}node", pattern, LOOKED_AT)):
            self._client.hdel(f"{self._base}node", *(node for node, _ in nodes))

    def read_pages(self) -> int:
        """How many pages were read."""
        return sum(sums[4] for sums in self._places.langs().values())

    def _nodeless(self, node: str, raw: bytes) -> Change | None:
        if self._client.hget(f"{self._base}node", node) != raw:
            return None
        change = Change()
        change.guard("node", node, raw)
        change.do("HDEL", "node", node)
        return change


def _unsaid(names: list[str]) -> Change:
    change = Change()
    change.unsaid += names
    return change


def _but(days: dict[int, Day], day: int) -> dict[int, Day]:
    return {number: told for number, told in days.items() if number != day}


def _wordless(days: dict[int, Day], key: str, wanted: str) -> dict[int, Day]:
    """The days without a word, nor a title or address that has it."""
    for day in days.values():
        day.words = [met for met in day.words if met.key != key]
        day.latest = None if day.latest is None else [met for met in day.latest if met.key != key]
        if mentions.has_word(day.title or "", key, wanted):
            day.title = None
        if mentions.has_word(unquote(day.url or ""), key, wanted):
            day.url = None
    return days


def _has(facts: Facts, key: str, wanted: str) -> bool:
    """A title or address of the page has the word."""
    texts = facts.title or "", unquote(facts.url or ""), *map(unquote, facts.texts)
    return any(mentions.has_word(text, key, wanted) for text in texts)
