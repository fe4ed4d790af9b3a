"""A change of the store in Redis: worked out here, made by one script (``redis_apply.lua``).

What was read for it is guarded: where another writer changed that meanwhile, nothing is done and the change
is worked out anew.  Numbers are added, so that writers who meet in a word don't disturb each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.redisrows import Added, Day, Facts, Row, Sentence

#: Day, language, host.
Place = tuple[int, str, str]

#: Days that no word has: what is added to a word that is there already changes its first and last by nothing.
_NO_FIRST, _NO_LAST = 9_999_999, 0

#: The numbers of a word that say something alone.
_BUT_DAYS = tuple(at for at in range(redisrows.NUMBERS) if at not in (redisrows.FIRST, redisrows.LAST))


class Change:
    """What is to be added, and what done as it stands, if what is guarded is still so."""

    def __init__(self) -> None:
        self.guards: list[tuple[str, str, Any]] = []
        self.node: tuple[str, int] | None = None
        self.tallies: defaultdict[Place, dict[str, Added]] = defaultdict(dict)
        self.readings: defaultdict[Place, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.coverage: defaultdict[tuple[int, str, str], float] = defaultdict(float)  # day, outcome, host
        # by language and word: first and last day as they are to be, and as they are
        self.spans: defaultdict[str, dict[str, tuple[int, int, int, int]]] = defaultdict(dict)
        self.commands: list[list[Any]] = []
        self.unsaid: list[str] = []
        self._takes = False  # then sums may be nought
        self.said: dict[
            str, tuple[Sentence, list[str]]
        ] = {}  # by the sentence's name, with words that show it

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
                self._takes = self._takes or sign < 0
                place = number, lang, host
                redisrows.count(self.tallies[place], day.words, sign)
                reading = self.readings[place]
                reading[0] += sign * day.visits
                reading[1] += sign
                reading[2] += sign * day.is_new
                if covered:
                    for outcome, times in day.outcomes.items():
                        self.coverage[number, outcome, host] += sign * times

    def move(self, place: Place, key: str, row: Row, to: Place | None = None) -> None:
        """The numbers of a tally are taken away, or are those of another place."""
        told: list[Any] = row
        self._takes = True
        numbers, shown = told[: redisrows.NUMBERS], told[redisrows.NUMBERS :]
        forms = dict(zip(shown[::2], shown[1::2], strict=True))
        self.add(place, key, [-n for n in numbers], forms, -1)
        if to is not None:
            self.add(to, key, numbers, forms)

    def add(
        self, place: Place, key: str, numbers: list[int], forms: Mapping[str, int], sign: int = 1
    ) -> None:
        """A word's tally has these numbers more, and so many times the sign of these forms."""
        added = self.tallies[place].setdefault(key, ([0] * redisrows.NUMBERS, {}))
        redisrows.add(added, numbers, forms, sign)

    def say(self, key: str, sentence: Sentence) -> str:
        """The word is shown in the sentence; one that its page had before stays as it was.  Its name."""
        name = blake2b(f"{sentence.page}\0{sentence.text}".encode(), digest_size=9).hexdigest()
        _, keys = self.said.setdefault(name, (sentence, []))
        if key not in keys:
            keys.append(key)
        return name

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
                self.unsaid,
                [
                    (name, sentence, lang_of(sentence.page), keys)
                    for name, (sentence, keys) in self.said.items()
                ],
            ]
        )

    def _words(
        self, pages: Mapping[str, int]
    ) -> Iterator[tuple[str, int, list[str], list[Row], dict[str, Any]]]:
        """By language: what its words get, summed up over places."""
        words: defaultdict[str, dict[str, Added]] = defaultdict(dict)
        for (day, lang, _), tallies in self.tallies.items():
            _add_to_words(words[lang], tallies, day)
        for lang in words.keys() | pages.keys():
            rows = words[lang]
            if self._takes:
                rows = {key: added for key, added in rows.items() if _is_change(added, _BUT_DAYS)}
            if rows or pages[lang]:
                told = [redisrows.packed(added) for added in rows.values()]
                yield lang, pages[lang], list(rows), told, self.spans[lang]

    def _places(self) -> Iterator[tuple[str, list[str], list[Any]]]:
        encode, text, packed = redisrows.encode, redisrows.text, redisrows.packed
        for place, tallies in self.tallies.items():
            kept = tallies.items()
            if self._takes:
                kept = {key: added for key, added in kept if _is_change(added)}.items()
            rows = {key: text(encode(packed(added))) for key, added in kept}
            if rows:
                yield tally_name(place), list(rows), list(rows.values())


def lang_of(page: str) -> str:
    """The language in a page's id."""
    return page.partition(":")[2]


def tally_name(place: Place) -> str:
    """The key of the tallies of a day, language and host."""
    day, lang, host = place
    return f"tally:{day:07}:{lang}\0{host}"


def score(told: Facts) -> int:
    """Where a page stands in ``recent``."""
    return (told.last << 32) + told.seen


def _add_to_words(words: dict[str, Added], tallies: Mapping[str, Added], day: int) -> None:
    """The words have what their tallies of a day have."""
    for key, (numbers, forms) in tallies.items():
        main, other, _, _, new, all_new, names, small = numbers
        is_there = main + other > 0
        first, last = (day, day) if is_there else (_NO_FIRST, _NO_LAST)
        added = words.get(key)
        if added is None:
            words[key] = [main, other, new, all_new, first, last, names, small], forms.copy()
            continue
        sums, shown = added
        sums[:] = (
            sums[0] + main,
            sums[1] + other,
            sums[2] + new,
            sums[3] + all_new,
            min(sums[4], first),
            max(sums[5], last),
            sums[6] + names,
            sums[7] + small,
        )
        for form, times in forms.items():
            shown[form] = shown.get(form, 0) + times


def _is_change(added: Added, looked_at: Sequence[int] = range(redisrows.NUMBERS)) -> bool:
    """Something in it is not nought."""
    numbers, forms = added
    if numbers[0] or numbers[1]:
        return True
    return any(numbers[at] for at in looked_at) or any(forms.values())
