"""What takes something out of a store in Redis: forgetting, retention, and a site's language corrected.

Pages are taken out, or moved, by what each gave (``redischange.py``).  Numbers of pages whose addresses
retention had removed are left in the tallies, and are taken from there.  Everything is done in steps that
hold the server for well under 0.1 s, each whole by itself, in an order in which the same call finds what is
left to do (``redistasks.py``).

Dear are a word (its bytes are looked for in each page of its language), a day or a host with many words (one
that had its first or last day there is looked for in other days), and a site moved to another language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import unquote

from netsuite.wordproxy.store import mentions, queries, redisrows
from netsuite.wordproxy.store.contract import FILE_NODE, WordQuery
from netsuite.wordproxy.store.redischange import Change, Place, lang_of, tally_name
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisplaces import Places
from netsuite.wordproxy.store.redisrows import Added, Day, Facts, Row, Sentence

#: Pages whose keys are dropped, tallies that are taken away, by one change.
_PAGES, _TALLIES = 20, 1000

#: How often it is tried to take a day off the list of days.
_TRIES = 5

#: Pages whose rows are looked at by one step.
_LOOKED_AT = 1000

T = TypeVar("T")

Make = Callable[[Callable[[], Change | None]], None]


class Forgetting:
    """Taking out of the store that ``fetch`` reads; ``make`` makes a change, worked out anew if need be."""

    def __init__(
        self,
        client: Any,
        base: str,
        fetch: Fetch,
        places: Places,
        make: Make,
        unlevel: Callable[[str, str], object],
    ) -> None:
        """``unlevel`` takes the level from a word in a language."""
        self._client, self._base, self._fetch, self._places, self._make = client, base, fetch, places, make
        self._unlevel = unlevel

    # the ways

    def page(self, page: str) -> int:
        """A page is gone with all that it gave."""
        told = self._places.facts([page])
        if told:
            self._make(lambda: self._without(page, lambda days: {}))
        return len(told)

    def host(self, host: str) -> int:
        """All of a host is gone, its name too; how many pages were read there."""
        places = list(self._places.readings(WordQuery(site=host), None))
        for pages in _by(_PAGES, self._pages_of(host)):
            self.drop_pages(pages)
        for place, _ in places:
            self._take(place)
        for day in self._places.days(None):
            self._uncover(day, lambda name: name == host)
        self._make(lambda: self._with_lang(host, None))
        return sum(reading[2] for _, reading in places)

    def day(self, day: int) -> int:
        """All of a day is gone; how many pages were read on it."""
        places = list(self._places.readings(WordQuery(), (day, day)))
        for raw in self._client.smembers(f"{self._base}visit:{day:07}"):
            page = raw.decode()
            self._make(lambda page=page: self._without(page, lambda days: _but(days, day), day))  # type: ignore[misc]
        for place, _ in places:
            self._take(place, pages_stay=True)
        self._uncover(day, lambda _: True)
        return sum(reading[1] for _, reading in places)

    def word(self, key: str, lang: str) -> int:
        """A word is gone from all pages and numbers, with its level, and each text that has it."""
        known = self._fetch.values(f"words:{lang}", [key])
        wanted, needle = queries.plain(key), redisrows.encode(key)
        for names in self._sentences_with(key, lang, wanted):
            self._make(lambda names=names: _unsaid(names))  # type: ignore[misc]
        for some in _by(_LOOKED_AT, self._facts()):
            told = {page: facts for page, facts in some if lang_of(page) == lang}
            held = self._fetch.holding([f"page:{page}" for page in told], needle)
            having = {page for page, facts in told.items() if _has(facts, key, wanted)}
            for page in having | {name.removeprefix("page:") for name in held}:
                self._make(
                    lambda page=page: self._without(page, lambda days: _wordless(days, key, wanted))  # type: ignore[misc]
                )
        for place, _ in list(self._places.readings(WordQuery(lang=lang), None)):
            self._make(lambda place=place: self._taken(place, [key]))  # type: ignore[misc]
        self._unlevel(key, lang)
        return len(known)

    def _sentences_with(self, key: str, lang: str, wanted: str) -> Iterator[list[str]]:
        """The names of sentences in a language that have a word, some at a time."""
        found = (
            raw.decode()
            for raw, value in self._client.hscan_iter(f"{self._base}sentences", count=_LOOKED_AT)
            if lang_of((sentence := redisrows.sentence_of(value)).page) == lang
            and mentions.has_word(sentence.text, key, wanted)
        )
        return _by(_PAGES, found)

    def site(self, host: str, lang: str | None) -> int:
        """All pages of the site and its numbers are in that language; None: those to come tell theirs."""
        self._make(lambda: self._with_lang(host, lang))
        pages = [] if lang is None else list(self._pages_of(host))
        for page in pages:
            if lang is not None and lang_of(page) != lang:
                self._make(lambda page=page, lang=lang: self._moved(page, lang))  # type: ignore[misc]
        for (day, old, _), _ in list(self._places.readings(WordQuery(site=host), None)):
            if lang is not None and old != lang:
                self._take((day, old, host), (day, lang, host))
        return len(pages)

    # retention

    def drop_old(self, before: int, *, at_most: int = _PAGES) -> int:
        """Some pages last met before a day are gone, their numbers stay; how many."""
        score = f"({before << 32}"
        found = self._client.zrangebyscore(f"{self._base}recent", "-inf", score, start=0, num=at_most)
        pages = [raw.decode() for raw in found]
        if pages:
            self.drop_pages(pages)
        return len(pages)

    def drop_nodes(self, before: float) -> None:
        """Nodes that were silent since then are gone."""
        nodes = [
            (node.decode(), raw)
            for node, raw in self._client.hscan_iter(f"{self._base}node", count=_LOOKED_AT)
            if redisrows.numbers_of(raw)[1] < before and not node.startswith(FILE_NODE.encode())
        ]
        for node, raw in nodes:
            self._make(lambda node=node, raw=raw: self._nodeless(node, raw))  # type: ignore[misc]

    def drop_files(self) -> None:
        """Imported files can be imported again."""
        pattern = f"{FILE_NODE}*"
        for nodes in _by(_LOOKED_AT, self._client.hscan_iter(f"{self._base}node", pattern, _LOOKED_AT)):
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

    # steps

    def drop_pages(self, pages: list[str]) -> None:
        """What is kept of these pages, and of nothing else, is gone; their numbers stay."""

        def work_out() -> Change:
            change = Change()
            for page, raw, _, _, days, said in self._read(pages):
                change.guard("pages", page, raw)
                change.keep_page(page, "", days, {})
                change.unsaid += said
            return change

        self._make(work_out)

    def _read(self, pages: list[str]) -> Iterator[tuple[str, bytes, Facts, str, dict[int, Day], list[str]]]:
        """Those pages that are there: id, row, facts, language, days, and names of sentences."""
        ask = self._client.pipeline(transaction=False)
        for page in pages:
            ask.hget(f"{self._base}pages", page)
            ask.hgetall(f"{self._base}page:{page}")
        answers = iter(ask.execute())
        for page, raw, fields in zip(pages, answers, answers, strict=False):
            if raw is not None:
                said = redisrows.texts_of(fields.pop(b"said")) if b"said" in fields else []
                days = {int(name): redisrows.day_of(value) for name, value in fields.items()}
                yield page, raw, redisrows.facts_of(raw), lang_of(page), days, said

    def _without(
        self, page: str, changed: Callable[[dict[int, Day]], dict[int, Day]], day: int | None = None
    ) -> Change | None:
        """A page has what ``changed`` leaves of it; sentences of ``day`` go, all of a page that is gone."""
        for _, raw, facts, lang, before, said in self._read([page]):
            change = Change()
            after = changed(
                {number: redisrows.day_of(redisrows.encode(day)) for number, day in before.items()}
            )
            redisrows.settle(after)
            change.guard("pages", page, raw)
            change.page(facts.host, lang, before, after)
            change.keep_page(page, facts.host, before, after)
            if day is not None or not after:
                those = self._sentences(said)
                change.unsaid += [name for name, one in those.items() if not after or one.day == day]
            self._span(change)
            return change
        return None

    def _sentences(self, names: list[str]) -> dict[str, Sentence]:
        """Those of these sentences that are there."""
        raws = self._client.hmget(f"{self._base}sentences", names) if names else []
        told = zip(names, raws, strict=True)
        return {name: redisrows.sentence_of(raw) for name, raw in told if raw is not None}

    def _take(self, place: Place, to: Place | None = None, *, pages_stay: bool = False) -> None:
        """The numbers of a place are gone, or another's.

        ``pages_stay``: pages that are seen to have been there on other days stay counted.
        """
        for keys in self._fetch.keys(tally_name(place)):
            for some in _by(_TALLIES, keys):
                self._make(lambda some=some: self._taken(place, some, to, pages_stay=pages_stay))  # type: ignore[misc]
        self._make(lambda: self._unread(place, to, pages_stay=pages_stay))

    def _taken(
        self, place: Place, keys: list[str], to: Place | None = None, *, pages_stay: bool = False
    ) -> Change | None:
        change, name = Change(), tally_name(place)
        rows: dict[str, Row] = {}
        for key, raw in zip(keys, self._client.hmget(f"{self._base}{name}", keys), strict=True):
            if raw is not None:
                change.guard(name, key, raw)
                rows[key] = redisrows.row_of(raw)
                change.move(place, key, rows[key], to)
        if pages_stay:
            self._stay(change, place, rows)
        self._span(change)
        return change if rows else None

    def _stay(self, change: Change, place: Place, rows: Mapping[str, Any]) -> None:
        """A word that loses new pages was met on at least as many pages of the site as on any other day."""
        losing = [
            key for key, row in rows.items() if row[redisrows.NEW_PAGES] or row[redisrows.ALL_NEW_PAGES]
        ]
        if not losing:
            return
        _, lang, host = place
        others = [
            one for one, _ in self._places.readings(WordQuery(lang=lang, site=host), None) if one != place
        ]
        found: dict[Place, Mapping[str, Any]] = {
            one: self._fetch.values(tally_name(one), losing) for one in others
        }
        for key in losing:
            for pages, new in (
                (redisrows.PAGES, redisrows.NEW_PAGES),
                (redisrows.ALL_PAGES, redisrows.ALL_NEW_PAGES),
            ):
                there = [
                    (rows[key][pages], rows[key][new], one) for one, rows in found.items() if key in rows
                ]
                lack = max(there)[0] - sum(n for _, n, _ in there) if there else 0
                if lack > 0:
                    numbers = [lack if at == new else 0 for at in range(redisrows.NUMBERS)]
                    change.add(max(there)[2], key, numbers, {})

    def _unread(self, place: Place, to: Place | None, *, pages_stay: bool) -> Change | None:
        """What was read at a place, as numbers of visits and pages, is gone, or another's."""
        day, lang, host = place
        name, field = f"reading:{day:07}", f"{lang}\0{host}"
        raw = self._client.hget(f"{self._base}{name}", field)
        if raw is None:
            return None
        change = Change()
        change.guard(name, field, raw)
        for at, n in enumerate(redisrows.numbers_of(raw)):
            change.readings[place][at] -= n
            if to is not None:
                change.readings[to][at] += n
        if pages_stay:
            there = [
                (reading[1], reading[2], one)
                for one, reading in self._places.readings(WordQuery(lang=lang, site=host), None)
                if one != place
            ]
            lack = max(there)[0] - sum(n for _, n, _ in there) if there else 0
            if lack > 0:
                change.readings[max(there)[2]][2] += lack
        return change

    def _uncover(self, day: int, is_meant: Callable[[str], bool]) -> None:
        """The coverage of a day has these hosts no more; a day without anything is gone."""
        name = f"coverage:{day:07}"
        fields = [field.decode() for field in self._client.hkeys(f"{self._base}{name}")]
        gone = [field for field in fields if is_meant(field.partition("\0")[2])]
        for some in _by(_TALLIES, gone):
            self._make(lambda some=some: _gone(name, some))  # type: ignore[misc]
        tries = iter(range(_TRIES))
        self._make(lambda: self._dayless(day) if next(tries, None) is not None else None)

    def _dayless(self, day: int) -> Change | None:
        """A day without anything is gone; where others add without a pause it may as well stay."""
        change = Change()
        change.guard("about", "stamp", self._client.hget(f"{self._base}about", "stamp"))
        if self._client.exists(f"{self._base}reading:{day:07}", f"{self._base}coverage:{day:07}"):
            return None
        change.do("ZREM", "days", f"{day:07}")
        return change

    def _pages_of(self, host: str) -> Iterator[str]:
        return (page for page, facts in self._facts() if facts.host == host)

    def _facts(self) -> Iterator[tuple[str, Facts]]:
        for raw, value in self._client.hscan_iter(f"{self._base}pages", count=_LOOKED_AT):
            yield raw.decode(), redisrows.facts_of(value)

    # first and last days

    def _span(self, change: Change) -> None:
        """Words that lose their first or last day, and not all, get the days that they still have."""
        lost: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        left: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (day, lang, _), tallies in change.tallies.items():
            for key, (numbers, _) in tallies.items():
                n = numbers[0] + numbers[1]
                left[lang][key] += n
                if n < 0:
                    lost[lang][key].add(day)
        for lang, days_of in lost.items():
            rows: Mapping[str, Any] = self._fetch.values(f"words:{lang}", days_of)
            rows = {key: row for key, row in rows.items() if row[0] + row[1] + left[lang][key] > 0}
            first = {key: row[4] for key, row in rows.items()}
            last = {key: row[5] for key, row in rows.items()}
            self._walk(change, lang, first, {key for key in rows if first[key] in days_of[key]}, 1)
            self._walk(change, lang, last, {key for key in rows if last[key] in days_of[key]}, -1)
            spans = {key: (first[key], last[key], row[4], row[5]) for key, row in rows.items()}
            change.spans[lang].update(spans)

    def _walk(self, change: Change, lang: str, found: dict[str, int], open_: set[str], step: int) -> None:
        """The first day (``step`` 1) or last (-1) on which each open word still is."""
        if not open_:
            return
        edge = min(found[key] for key in open_) if step > 0 else max(found[key] for key in open_)
        days = self._places.days((edge, 9_999_999) if step > 0 else (0, edge))
        for day in days[::step]:
            for place, _ in list(self._places.readings(WordQuery(lang=lang), (day, day))):
                rows: Mapping[str, Any] = self._fetch.values(tally_name(place), list(open_))
                deltas: Mapping[str, Added] = change.tallies.get(place, {})
                for key, row in rows.items():
                    delta = deltas[key][0] if key in deltas else (0, 0)
                    if row[0] + row[1] + delta[0] + delta[1] > 0:
                        found[key] = day
                        open_.discard(key)
            if not open_:
                return

    # a site's language

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
        there = {told[0]: told for told in self._read([page, target])}
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
        moved = self._sentences(said)
        change.unsaid += moved
        for one in moved.values():
            for key in one.keys:
                told = Sentence(target, one.host, one.day, one.order, one.text, [])
                onto_said.append(change.say(key, told))
        change.do("HSET", f"page:{target}", "said", redisrows.encode(sorted({*onto_said})))
        self._span(change)
        return change


def _unsaid(names: list[str]) -> Change:
    change = Change()
    change.unsaid += names
    return change


def _gone(name: str, fields: list[str]) -> Change:
    change = Change()
    change.do("HDEL", name, *fields)
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


def _by(size: int, items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
