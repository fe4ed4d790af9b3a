"""A site's language corrected in a store in Redis: what it has had moves to the right one.

Pages whose addresses are kept move one by one; one that was met in two languages becomes one page, and all
numbers are those of a site that has had that language always.  Of pages that retention has removed the
tallies move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.contract import WordQuery
from netsuite.wordproxy.store.redischange import Change, lang_of
from netsuite.wordproxy.store.redisplaces import Places
from netsuite.wordproxy.store.redisrows import Day, Sentence
from netsuite.wordproxy.store.redistaking import Taking


class Moving:
    """Moves sites between languages by steps of ``taking``."""

    def __init__(self, client: Any, base: str, places: Places, taking: Taking) -> None:
        self._client, self._base, self._places = client, base, places
        self._taking, self._make = taking, taking.make

    def say(self, host: str, lang: str | None) -> None:
        """The site's pages that are to come are in that language, or in their own."""
        self._make(lambda: self._with_lang(host, lang))

    def site(self, host: str, lang: str | None) -> int:
        """All pages of the site and its numbers are in that language; None: those to come tell theirs."""
        self.say(host, lang)
        if lang is None:
            return 0
        pages = list(self._taking.pages_of(host))
        self._move([page for page in pages if lang_of(page) != lang], lang)
        for (day, old, _), _ in list(self._places.readings(WordQuery(site=host), None)):
            if old != lang:
                self._taking.take((day, old, host), lambda pages: self._move(pages, lang), (day, lang, host))
        return len(pages)

    def _move(self, pages: list[str], lang: str) -> None:
        for page in pages:
            self._make(lambda page=page: self._moved(page, lang))  # type: ignore[misc]

    def _with_lang(self, host: str, lang: str | None) -> Change | None:
        """The site's pages that are to come are in that language, or in their own."""
        version = self._client.hget(f"{self._base}about", "langs")
        now = self._client.hget(f"{self._base}langs", host)
        if (None if lang is None else lang.encode()) == now:
            return None
        change = Change()
        change.guard("about", "langs", version)
        change.do("HSET", "about", "langs", f"{int(version or 0) + 1}")
        change.do(*(("HDEL", "langs", host) if lang is None else ("HSET", "langs", host, lang)))
        return change

    def _moved(self, page: str, lang: str) -> Change | None:
        """A page is in another language, one with that of the same address that was there."""
        target = f"{page.partition(':')[0]}:{lang}"
        there = {told[0]: told for told in self._taking.read([page, target])}
        if page not in there:
            return None
        _, raw, facts, old, before, said = there[page]
        change = Change()
        change.guard("pages", page, raw)
        onto: dict[int, Day] = {}
        onto_said: list[str] = []
        if target in there:
            _, raw_target, _, _, onto, onto_said = there[target]
            change.guard("pages", target, raw_target)
        else:
            change.guard("pages", target, None)
        after = _joined(onto, before)
        change.page(facts.host, old, before, {})
        change.page(facts.host, lang, onto, after)
        change.keep_page(page, facts.host, before, {})
        change.keep_page(target, facts.host, onto, after)
        moved = self._taking.sentences(said)
        change.unsaid += moved
        for one in moved.values():
            for key in one.keys:
                told = Sentence(target, one.host, one.day, one.order, one.text, [])
                onto_said.append(change.say(key, told))
        change.do("HSET", f"page:{target}", "said", redisrows.encode(sorted({*onto_said})))
        self._taking.span(change)
        return change


def _joined(onto: Mapping[int, Day], days: Mapping[int, Day]) -> dict[int, Day]:
    """The days of two pages as those of one."""
    joined = {number: redisrows.day_of(redisrows.encode(day)) for number, day in onto.items()}
    for number, day in days.items():
        more = redisrows.day_of(redisrows.encode(day))
        both = joined.get(number)
        if both is None:
            joined[number] = more
            continue
        newest = more if more.seen >= both.seen else both
        both.latest = redisrows.latest({number: newest})
        words = {met.key: met for met in redisrows.day_of(redisrows.encode(both)).words}
        redisrows.merge(words, more.words)
        both.words = list(words.values())
        both.url, both.title = newest.url or both.url, newest.title or both.title
        both.visits += more.visits
        both.seen = newest.seen
        for outcome, times in more.outcomes.items():
            both.outcomes[outcome] = both.outcomes.get(outcome, 0) + times
    redisrows.settle(joined)
    return joined
