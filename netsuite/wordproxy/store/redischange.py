"""A change of the store in Redis: worked out here, made by one script (``redis_apply.lua``).

What was read for it is guarded: where another writer changed that meanwhile, nothing is done and the change
is worked out anew.  Numbers are added, so that writers who meet in a word don't disturb each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.redisrows import Day, Facts, Row, Tally

#: Day, language, host.
Place = tuple[int, str, str]

#: Days that no word has: what is added to a word that is there already changes its first and last by nothing.
_NO_FIRST, _NO_LAST = 9_999_999, 0


class Change:
    """What is to be added, and what done as it stands, if what is guarded is still so."""

    def __init__(self) -> None:
        self.guards: list[tuple[str, str, Any]] = []
        self.node: tuple[str, int] | None = None
        self.tallies: defaultdict[Place, defaultdict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
        self.readings: defaultdict[Place, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.coverage: defaultdict[tuple[int, str, str], float] = defaultdict(float)  # day, outcome, host
        self.spans: defaultdict[str, dict[str, tuple[int, int]]] = defaultdict(
            dict
        )  # first and last, by language
        self.commands: list[list[Any]] = []

    def guard(self, name: str, field: str, value: bytes | None) -> None:
        """The change holds only while that field has that value, or is not there."""
        self.guards.append((name, field, False if value is None else redisrows.text(value)))

    def do(self, command: str, name: str, *arguments: Any) -> None:
        """That command is done, too; at most 2000 arguments are one step of the server's."""
        texts = [redisrows.text(one) if isinstance(one, bytes) else one for one in arguments]
        self.commands.append([command, name, *texts])

    def page(
        self,
        host: str,
        lang: str,
        before: Mapping[int, Day],
        after: Mapping[int, Day],
        *,
        covered: bool = True,
    ) -> None:
        """A page of those days before has these after; ``covered``: in the coverage, too."""
        for sign, days, others in ((-1, before, after), (1, after, before)):
            for number, day in days.items():
                if others.get(number) == day:
                    continue
                place = number, lang, host
                tallies = self.tallies[place]
                for met in day.words:
                    redisrows.count(tallies[met.key], met, sign)
                reading = self.readings[place]
                reading[0] += sign * day.visits
                reading[1] += sign
                reading[2] += sign * day.is_new
                if covered:
                    for outcome, times in day.outcomes.items():
                        self.coverage[number, outcome, host] += sign * times

    def move(self, place: Place, key: str, row: Row, to: Place | None = None) -> None:
        """The numbers of a tally are taken away, or are those of another place."""
        numbers, forms = row[: redisrows.NUMBERS], row[redisrows.NUMBERS :]
        for sign, where in ((-1, place), (1, to)):
            if where is not None:
                tally = self.tallies[where][key]
                for at, n in enumerate(numbers):
                    tally.numbers[at] += sign * n  # type: ignore[operator]
                for form, times in zip(forms[::2], forms[1::2], strict=True):
                    tally.forms[form] = tally.forms.get(form, 0) + sign * times  # type: ignore[index,arg-type,operator]

    def keep_page(self, page: str, host: str, before: Mapping[int, Day], after: Mapping[int, Day]) -> None:
        """The page's own keys are as ``after`` has it, which may be nothing."""
        name = f"page:{page}"
        if not after:
            self.do("HDEL", "pages", page)
            self.do("ZREM", "recent", page)
            self.do("DEL", name)
        else:
            told = redisrows.facts(host, after)
            self.do("HSET", "pages", page, redisrows.encode(told))
            self.do("ZADD", "recent", score(told), page)
        for number in before.keys() - after.keys():
            self.do("SREM", f"visit:{number:07}", page)
            if after:
                self.do("HDEL", name, f"{number:07}")
        for number, day in after.items():
            if before.get(number) != day:
                self.do("HSET", name, f"{number:07}", redisrows.encode(day))
                self.do("SADD", f"visit:{number:07}", page)
                self.do("ZADD", "days", number, f"{number:07}")

    def packed(self) -> bytes:
        """The change as the script takes it."""
        sites: Counter[str] = Counter()
        pages: Counter[str] = Counter()
        readings: defaultdict[int, list[Any]] = defaultdict(list)
        for (day, lang, host), reading in self.readings.items():
            sites[host] += reading[2]
            pages[lang] += reading[2]
            if any(reading):
                readings[day] += (f"{lang}\0{host}", reading)
        covered: defaultdict[int, list[Any]] = defaultdict(list)
        for (day, outcome, host), amount in self.coverage.items():
            if amount:
                covered[day] += (f"{outcome}\0{host}", amount)
                if amount > 0:
                    self.do("ZADD", "days", day, f"{day:07}")
        return redisrows.encode(
            [
                self.guards,
                self.node or False,
                list(self._words(pages)),
                list(self._places()),
                [(f"reading:{day:07}", rows) for day, rows in readings.items()],
                [(f"coverage:{day:07}", amounts) for day, amounts in covered.items()],
                [part for site in sites.items() for part in site],
                self.commands,
            ]
        )

    def _words(
        self, pages: Mapping[str, int]
    ) -> Iterator[tuple[str, int, list[str], list[Row], dict[str, Any]]]:
        """By language: what its words get, summed up over places."""
        words: defaultdict[str, dict[str, Tally]] = defaultdict(dict)
        for (day, lang, _), tallies in self.tallies.items():
            rows = words[lang]
            for key, tally in tallies.items():
                _add_to_word(rows, key, tally, day)
        for lang in words.keys() | pages.keys():
            rows = {
                key: row
                for key, row in words[lang].items()
                if _is_change(row, redisrows.FIRST, redisrows.LAST)
            }
            if rows or pages[lang]:
                yield lang, pages[lang], list(rows), [row.packed() for row in rows.values()], self.spans[lang]

    def _places(self) -> Iterator[tuple[str, list[str], list[Any]]]:
        for place, tallies in self.tallies.items():
            rows = {
                key: redisrows.text(redisrows.encode(row.packed()))
                for key, row in tallies.items()
                if _is_change(row)
            }
            if rows:
                yield tally_name(place), list(rows), list(rows.values())


def tally_name(place: Place) -> str:
    """The key of the tallies of a day, language and host."""
    day, lang, host = place
    return f"tally:{day:07}:{lang}\0{host}"


def score(told: Facts) -> int:
    """Where a page stands in ``recent``."""
    return (told.last << 32) + told.seen


def _add_to_word(rows: dict[str, Tally], key: str, tally: Tally, day: int) -> None:
    main, other, _, _, new, all_new, named, small = tally.numbers
    row = rows.get(key)
    if row is None:
        row = rows[key] = Tally()
        row.numbers = [main, other, new, all_new, _NO_FIRST, _NO_LAST, named, small]
        row.forms = dict(tally.forms)
    else:
        numbers = row.numbers
        numbers[0] += main
        numbers[1] += other
        numbers[2] += new
        numbers[3] += all_new
        numbers[6] += named
        numbers[7] += small
        for form, times in tally.forms.items():
            row.forms[form] = row.forms.get(form, 0) + times
    if main + other > 0:
        row.numbers[4] = min(row.numbers[4], day)
        row.numbers[5] = max(row.numbers[5], day)


def _is_change(tally: Tally, *besides: int) -> bool:
    """Something in it is not nought; its days say nothing alone."""
    numbers = tally.numbers
    if numbers[0] or numbers[1]:
        return True
    return any(n for at, n in enumerate(numbers) if at not in besides) or any(tally.forms.values())
