"""A store in Redis of schema 1 becomes one of ours, in place and in steps; a kill in between loses nothing.

From the first step to the last nobody else can read it or write to it; nodes keep what they count meanwhile.
There is no copy beside it: who wants one takes it from the server before.  Each step can be done twice: a
place (a day, language and host) is rewritten by one script together with what its pages gave there, and words
come last, for they alone know the forms.

Schema 1 knew how often a word was met on a page only as a sum over the place's pages.  Each of these gets an
equal share, its first day counts as the one on which it was new; forms are dealt out as far as they go, and
so are visits beyond one a day.  So sums stay exact, and nothing is left when the last of these is forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.contract import COUNTED
from netsuite.wordproxy.store.redischange import Change, Place, tally_name
from netsuite.wordproxy.store.redisrows import ALL_NEW, NEW, NUMBERS, Day, Met
from netsuite.words.segment import is_small

#: Rows that are rewritten by one step.
_STEP = 1000

#: The first day of which moments are counted, as a day's number.
_EPOCH = 719_163

_row = msgspec.msgpack.Decoder(list[Any]).decode

#: Forms that aren't dealt out yet, by word.
Left = dict[str, dict[str, int]]

#: A page's words of schema 1: on which days, and whether in main text.
MetBefore = dict[str, dict[int, bool]]

T = TypeVar("T")


class Upgrade:
    """Rewrites the keys that begin with ``base``; ``make`` makes a change while that lasts."""

    def __init__(self, client: Any, base: str, make: Callable[[Callable[[], Change]], None]) -> None:
        self._client, self._base, self._make = client, base, make

    def run(self) -> None:
        """All is as our schema has it."""
        langs = [raw.decode() for raw in self._client.hkeys(f"{self._base}sums")]
        left = {lang: self._forms(lang) for lang in langs}
        waiting = []
        for place in self._places():
            rows = self._rows(tally_name(place))
            done = {key: row for key, row in rows.items() if len(row) >= NUMBERS}
            for key, row in done.items():
                _deal(left[place[1]], key, 0, dict(zip(row[NUMBERS::2], row[NUMBERS + 1 :: 2], strict=True)))
            if len(done) < len(rows):
                waiting.append(place)
        for place in waiting:
            self._make(lambda place=place: self._place(place, left[place[1]]))  # type: ignore[misc]
        for some in _by(_STEP, self._client.hscan_iter(f"{self._base}pages", count=_STEP)):
            self._make(lambda some=some: self._pages(some))  # type: ignore[misc]
        for lang in langs:
            for some in _by(_STEP, self._client.hscan_iter(f"{self._base}words:{lang}", count=_STEP)):
                self._make(lambda some=some, lang=lang: self._words(some, lang))  # type: ignore[misc]

    def _forms(self, lang: str) -> Left:
        """The forms of each word that aren't its key."""
        left: Left = {}
        for raw, value in self._client.hscan_iter(f"{self._base}words:{lang}", count=_STEP):
            key, shown = raw.decode(), _shown(_row(value))
            left[key] = {form: times for form, times in shown.items() if form != key}
        return left

    def _places(self) -> Iterator[Place]:
        for raw in self._client.zrange(f"{self._base}days", 0, -1):
            for field in self._client.hkeys(f"{self._base}reading:{raw.decode()}"):
                lang, _, host = field.decode().partition("\0")
                yield int(raw), lang, host

    def _rows(self, name: str) -> dict[str, list[Any]]:
        rows = self._client.hscan_iter(f"{self._base}{name}", count=_STEP)
        return {key.decode(): _row(value) for key, value in rows}

    # a place

    def _place(self, place: Place, left: Left) -> Change:
        """What the place's pages gave there, and its tallies as our schema has them."""
        change, name = Change(), tally_name(place)
        rows = {key: row for key, row in self._rows(name).items() if len(row) < NUMBERS}
        pages = self._pages_at(place) if rows else {}
        words: defaultdict[str, list[Met]] = defaultdict(list)
        new: list[Any] = []
        for key, (main, other, *numbers) in rows.items():
            forms = _deal(left, key, main + other)
            there = [(page, met[key]) for page, (_, met) in pages.items() if place[0] in met.get(key, {})]
            shares = list(_shares(main, other, numbers, [days[place[0]] for _, days in there]))
            rest = dict(forms)
            for (page, days), (in_main, in_other) in zip(there, shares, strict=True):
                marks = ALL_NEW if place[0] == min(days) else 0
                if days[place[0]] and place[0] == min(day for day, is_main in days.items() if is_main):
                    marks |= NEW
                words[page].append(Met(key, in_main, in_other, marks, _take(rest, in_main + in_other)))
            small = _small(key, main + other, forms)
            told = [part for form in forms.items() for part in form]
            new += (key, redisrows.encode([main, other, *numbers, 0, small, *told]))
        visits, distinct = self._visits(place) if pages else (0, 0)
        more = visits - distinct
        for page, (row, _) in pages.items():
            left_over = self._left_over(page, row, place[0])
            n = 1 + (left_over if place[0] == row[4] else min(more, left_over))
            more -= min(more, n - 1)
            day = _day(row, place[0], words[page], n)
            change.do("HSET", f"page:{page}", f"{place[0]:07}", redisrows.encode(day))
        if new:
            change.do("HSET", name, *new)
        return change

    def _pages_at(self, place: Place) -> dict[str, tuple[list[Any], MetBefore]]:
        """The pages that were visited there: row, and words by day."""
        day, lang, host = place
        ids = sorted(raw.decode() for raw in self._client.smembers(f"{self._base}visit:{day:07}"))
        found: dict[str, tuple[list[Any], MetBefore]] = {}
        for page in ids:
            if page.partition(":")[2] == lang:
                raw = self._client.hget(f"{self._base}pages", page)
                if raw is not None and _row(raw)[0] == host:
                    met = self._client.hgetall(f"{self._base}met:{page}")
                    found[page] = _row(raw), {key.decode(): _days(text.decode()) for key, text in met.items()}
        return found

    def _visits(self, place: Place) -> tuple[int, int]:
        """The visits and the pages of a place."""
        day, lang, host = place
        raw = self._client.hget(f"{self._base}reading:{day:07}", f"{lang}\0{host}")
        visits, pages, _ = redisrows.numbers_of(raw)
        return visits, pages

    def _left_over(self, page: str, row: list[Any], day: int) -> int:
        """The visits of a page beyond one a day that no day before has."""
        fields = self._client.hgetall(f"{self._base}page:{page}")
        before = [redisrows.day_of(raw).visits for name, raw in fields.items() if int(name) < day]
        return max(0, int(row[6]) - len(row[7:]) - sum(visits - 1 for visits in before))

    # pages and words

    def _pages(self, some: list[tuple[bytes, bytes]]) -> Change:
        change = Change()
        for raw, value in some:
            page, row = raw.decode(), _row(value)
            fields = self._client.hgetall(f"{self._base}page:{page}")
            days = {int(name): redisrows.day_of(day) for name, day in fields.items() if name != b"said"}
            if days and not isinstance(row[7], list):
                change.do("HSET", "pages", page, redisrows.encode(redisrows.facts(row[0], days)))
            change.do("DEL", f"met:{page}")
        return change

    def _words(self, some: list[tuple[bytes, bytes]], lang: str) -> Change:
        change = Change()
        new: list[Any] = []
        for raw, value in some:
            key, row = raw.decode(), _row(value)
            if len(row) > 6 and isinstance(row[6], str):
                forms = {form: times for form, times in _shown(row).items() if form != key}
                small = _small(key, row[0] + row[1], forms)
                told = [part for form in forms.items() for part in form]
                new += (key, redisrows.encode([*row[:6], 0, small, *told]))
        if new:
            change.do("HSET", f"words:{lang}", *new)
        return change


def _shown(row: list[Any]) -> dict[str, int]:
    """The forms in a word's row of either schema."""
    start = 6 if len(row) > 6 and isinstance(row[6], str) else NUMBERS
    return dict(zip(row[start::2], row[start + 1 :: 2], strict=True))


def _days(text: str) -> dict[int, bool]:
    """Days of seven digits, each with ``+`` (in main text) or ``-``."""
    return {int(text[at : at + 7]): text[at + 7] == "+" for at in range(0, len(text), 8)}


def _shares(main: int, other: int, numbers: list[int], in_main: list[bool]) -> Iterator[tuple[int, int]]:
    """What each page had of a word, in main text and in boilerplate.

    Of boilerplate the pages have it that have it nowhere else, or all.  What can't be divided has the first
    of them; where retention has removed some of the pages, nobody.
    """
    pages, all_pages = numbers[:2]
    only = all_pages - pages
    mains = _divided(main, pages, in_main.count(True))
    others = _divided(other, only or pages, in_main.count(False) if only else len(in_main))
    for is_main in in_main:
        yield next(mains) if is_main else 0, next(others) if not (only and is_main) else 0


def _divided(n: int, pages: int, there: int) -> Iterator[int]:
    """The shares of those of some pages that are still there."""
    share, rest = divmod(n, max(1, pages))
    for at in range(there):
        yield share + (rest if at == 0 and there == pages else 0)


def _take(left: dict[str, int], n: int) -> dict[str, int]:
    """Up to ``n`` of the forms, which are left no more."""
    taken: dict[str, int] = {}
    for form, times in list(left.items()):
        part = min(times, n)
        if part:
            taken[form] = part
            left[form] -= part
            n -= part
    return taken


def _deal(left: Left, key: str, n: int, given: dict[str, int] | None = None) -> dict[str, int]:
    """Up to ``n`` of a word's forms, or those ``given``, which are left no more."""
    forms = left.setdefault(key, {})
    if given is None:
        return _take(forms, n)
    for form, times in given.items():
        forms[form] = max(0, forms.get(form, 0) - times)
    return given


def _small(key: str, n: int, forms: dict[str, int]) -> int:
    rest = n - sum(forms.values())
    return sum(times for form, times in forms.items() if is_small(form)) + (rest if is_small(key) else 0)


def _day(row: list[Any], number: int, words: list[Met], n: int) -> Day:
    """A page's day with ``n`` visits, of its row of schema 1."""
    _, url, title, first, last, seen, *_ = row
    moment = seen if number == last else (number - _EPOCH) * 86_400
    latest = [Met(met.key, -(-met.main // n), -(-met.other // n)) for met in words] if n > 1 else None
    return Day(n, number == first, moment, url or None, title or None, {COUNTED: n}, words, latest)


def _by(size: int, items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
