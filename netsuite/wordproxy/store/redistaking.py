"""Taking out of a store in Redis: the steps of what forgets, and of what moves to another language.

Pages are taken out by what each gave (``redischange.py``).  Numbers of pages whose addresses retention had
removed are left in the tallies, and are taken from there.  Each step is whole by itself and holds the server
for well under 0.1 s.  A word that loses its first or last day is looked for in other days: that is dear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.contract import WordQuery
from netsuite.wordproxy.store.redischange import Change, Place, lang_of, tally_name
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisplaces import Places
from netsuite.wordproxy.store.redisrows import Added, Day, Facts, Row, Sentence

#: Tallies that are taken away by one change.
_TALLIES = 1000

#: How often a place is looked at again because pages came to it meanwhile; what came then stays.
_ROUNDS = 50

#: How often it is tried to take a day off the list of days.
_TRIES = 5

#: Pages whose rows are looked at by one step.
LOOKED_AT = 1000

T = TypeVar("T")

Make = Callable[[Callable[[], Change | None]], None]


class Taking:
    """Steps in the store that ``fetch`` reads; ``make`` makes a change, worked out anew if need be."""

    def __init__(self, client: Any, base: str, fetch: Fetch, places: Places, make: Make) -> None:
        self._client, self._base, self._fetch, self._places, self.make = client, base, fetch, places, make

    def drop_pages(self, pages: list[str]) -> None:
        """What is kept of these pages, and of nothing else, is gone; their numbers stay."""

        def work_out() -> Change:
            change = Change()
            for page, raw, _, _, days, said in self.read(pages):
                change.guard("pages", page, raw)
                change.keep_page(page, "", days, {})
                change.unsaid += said
            return change

        self.make(work_out)

    def read(self, pages: list[str]) -> Iterator[tuple[str, bytes, Facts, str, dict[int, Day], list[str]]]:
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

    def without(
        self, page: str, changed: Callable[[dict[int, Day]], dict[int, Day]], day: int | None = None
    ) -> Change | None:
        """A page has what ``changed`` leaves of it; sentences of ``day`` go, all of a page that is gone."""
        for _, raw, facts, lang, before, said in self.read([page]):
            change = Change()
            after = changed(
                {number: redisrows.day_of(redisrows.encode(day)) for number, day in before.items()}
            )
            redisrows.settle(after)
            change.guard("pages", page, raw)
            change.page(facts.host, lang, before, after)
            change.keep_page(page, facts.host, before, after)
            if day is not None or not after:
                those = self.sentences(said)
                change.unsaid += [name for name, one in those.items() if not after or one.day == day]
            self.span(change)
            return change
        return None

    def sentences(self, names: list[str]) -> dict[str, Sentence]:
        """Those of these sentences that are there."""
        raws = self._client.hmget(f"{self._base}sentences", names) if names else []
        told = zip(names, raws, strict=True)
        return {name: redisrows.sentence_of(raw) for name, raw in told if raw is not None}

    def take(
        self,
        place: Place,
        clear: Callable[[list[str]], None],
        to: Place | None = None,
        *,
        pages_stay: bool = False,
    ) -> None:
        """The numbers of a place are gone, or another's; ``clear`` takes out pages that are still there.

        ``pages_stay``: pages that are seen to have been there on other days stay counted.
        """
        for read in self._rounds(place, clear, self._pages_at):
            for keys in self._fetch.keys(tally_name(place)):
                for some in by(_TALLIES, keys):
                    self.make(
                        lambda some=some, read=read: self._taken(place, some, read, to, pages_stay=pages_stay)  # type: ignore[misc]
                    )
            self.make(lambda read=read: self._unread(place, read, to, pages_stay=pages_stay))  # type: ignore[misc]

    def take_word(self, place: Place, key: str, clear: Callable[[list[str]], None]) -> None:
        """A word is gone from the numbers of a place; ``clear`` takes it out of pages that have it."""
        needle = redisrows.encode(key)

        def holding(place: Place) -> list[str]:
            names = [f"page:{page}" for page in self._pages_at(place)]
            return [name.removeprefix("page:") for name in self._fetch.holding(names, needle)]

        if self._client.hexists(f"{self._base}{tally_name(place)}", key):
            for read in self._rounds(place, clear, holding):
                self.make(lambda read=read: self._taken(place, [key], read))  # type: ignore[misc]
                if not self._client.hexists(f"{self._base}{tally_name(place)}", key):
                    return

    def _rounds(
        self, place: Place, clear: Callable[[list[str]], None], there: Callable[[Place], list[str]]
    ) -> Iterator[bytes]:
        """What was read at a place as long as there is something, each time when no page has it.

        It changes with each visit: numbers that are taken only while it stands are of no page.
        """
        day, lang, host = place
        for _ in range(_ROUNDS):
            read = self._client.hget(f"{self._base}reading:{day:07}", f"{lang}\0{host}")
            if read is None:
                return
            if pages := there(place):
                clear(pages)
            else:
                yield bytes(read)

    def _pages_at(self, place: Place) -> list[str]:
        day, lang, host = place
        ids = [raw.decode() for raw in self._client.smembers(f"{self._base}visit:{day:07}")]
        told = self._places.facts([page for page in ids if lang_of(page) == lang])
        return [page for page, facts in told.items() if facts.host == host]

    def _reading(self, place: Place, read: bytes) -> Change | None:
        """A change that holds only while nothing else was read at the place; None if something was."""
        day, lang, host = place
        name, field = f"reading:{day:07}", f"{lang}\0{host}"
        if self._client.hget(f"{self._base}{name}", field) != read:
            return None
        change = Change()
        change.guard(name, field, read)
        return change

    def _taken(
        self, place: Place, keys: list[str], read: bytes, to: Place | None = None, *, pages_stay: bool = False
    ) -> Change | None:
        change, name = self._reading(place, read), tally_name(place)
        if change is None:
            return None
        rows: dict[str, Row] = {}
        for key, raw in zip(keys, self._client.hmget(f"{self._base}{name}", keys), strict=True):
            if raw is not None:
                change.guard(name, key, raw)
                rows[key] = redisrows.row_of(raw)
                change.move(place, key, rows[key], to)
        if pages_stay:
            self._stay(change, place, rows)
        self.span(change)
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

    def _unread(self, place: Place, read: bytes, to: Place | None, *, pages_stay: bool) -> Change | None:
        """What was read at a place, as numbers of visits and pages, is gone, or another's."""
        _, lang, host = place
        change = self._reading(place, read)
        if change is None:
            return None
        for at, n in enumerate(redisrows.numbers_of(read)):
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

    def uncover(self, day: int, is_meant: Callable[[str], bool]) -> None:
        """The coverage of a day has these hosts no more; a day without anything is gone."""
        name = f"coverage:{day:07}"
        fields = [field.decode() for field in self._client.hkeys(f"{self._base}{name}")]
        gone = [field for field in fields if is_meant(field.partition("\0")[2])]
        for some in by(_TALLIES, gone):
            self.make(lambda some=some: _gone(name, some))  # type: ignore[misc]
        tries = iter(range(_TRIES))
        self.make(lambda: self._dayless(day) if next(tries, None) is not None else None)

    def _dayless(self, day: int) -> Change | None:
        """A day without anything is gone; where others add without a pause it may as well stay."""
        change = Change()
        change.guard("about", "stamp", self._client.hget(f"{self._base}about", "stamp"))
        if self._client.exists(f"{self._base}reading:{day:07}", f"{self._base}coverage:{day:07}"):
            return None
        change.do("ZREM", "days", f"{day:07}")
        return change

    def pages_of(self, host: str) -> Iterator[str]:
        return (page for page, facts in self.facts() if facts.host == host)

    def facts(self) -> Iterator[tuple[str, Facts]]:
        for raw, value in self._client.hscan_iter(f"{self._base}pages", count=LOOKED_AT):
            yield raw.decode(), redisrows.facts_of(value)

    # first and last days

    def span(self, change: Change) -> None:
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


def _gone(name: str, fields: list[str]) -> Change:
    change = Change()
    change.do("HDEL", name, *fields)
    return change


def by(size: int, items: Iterable[T]) -> Iterator[list[T]]:
    """``items``, so many at a time."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
