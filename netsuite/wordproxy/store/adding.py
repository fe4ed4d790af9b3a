"""What the visits of a batch add to the words: summed up by loops in C, then written in the keys' order.

Most words of a page are on the batch's other pages too, so that one row a word or form is written for all of
them, and one row of columns (`vectors`) for each page and for each site's day.  Works inside the transaction
of its caller, which no other writer shares: numbers of new words are given out here, and what was looked up
stays true.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress, count, repeat
from operator import add, eq, itemgetter, not_

from netsuite.wordproxy.store import queries, vectors
from netsuite.wordproxy.store.numbers import Numbers, is_small
from netsuite.wordproxy.store.vectors import Met

_NEW_WORDS = """
INSERT INTO word (id, key, lang, plain, main, other, pages, all_pages, named, first, last, small)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_SUMS = """
UPDATE word SET main = main + ?, other = other + ?, pages = pages + ?, all_pages = all_pages + ?,
    small = small + ? WHERE id = ?
"""

#: Apart from the sums, and only where something changes: each has an index, which is written with it.
_NAMED = "UPDATE word SET named = named + ? WHERE id = ?"
_DAYS = """
UPDATE word SET first = min(first, ?1), last = max(last, ?2) WHERE id = ?3 AND (first > ?1 OR last < ?2)
"""

_FORMS = """
INSERT INTO form (word, form, n) VALUES (?, ?, ?)
ON CONFLICT (word, form) DO UPDATE SET n = n + excluded.n
"""

#: Flags of what was met: the page is new for the word on that day, new in its main text; it was named.
NEW, NEW_IN_MAIN, NAMED = 1, 2, 4

#: Occurrences on one page up to which repeating a number is the shortest way to add it.
_REPEATED = 5000

_FIRST = itemgetter(0)

_Forms = list[tuple[str, str, int, int]]
_Shown = list[tuple[int, str, int]]


class _Sums:
    """The numbers of a site's day in this batch.

    ``first``: pages' first visits, as columns; they are counted when all are there, as one site's words stay
    near each other in memory.  ``again``: all other numbers, as a tally has them, by word.
    """

    __slots__ = ("again", "first")

    def __init__(self) -> None:
        self.first: list[tuple[Sequence[int], Sequence[int], Sequence[int]]] = []
        self.again: dict[int, list[int]] = {}

    def more(self, word: int, numbers: Iterable[int]) -> None:
        """Numbers of a word are added, as `vectors.TALLY` has them."""
        row = self.again.get(word)
        self.again[word] = list(numbers) if row is None else list(map(add, row, numbers))

    def columns(self) -> tuple[list[int], list[list[int]]]:
        """Words, ascending, and their numbers."""
        all_pages = Counter(chain.from_iterable(words for words, _, _ in self.first))
        pages = Counter(chain.from_iterable(compress(words, main) for words, main, _ in self.first))
        main, other = Counter[int](), Counter[int]()
        for words, in_main, in_other in self.first:
            _add(main, words, in_main)
            _add(other, words, in_other)
        found = sorted({**all_pages, **self.again} if self.again else all_pages)
        columns = [list(map(sums.get, found, repeat(0))) for sums in (main, other, pages, all_pages)]
        columns += [columns[2].copy(), columns[3].copy(), [0] * len(found)]
        if self.again:
            places = {word: place for place, word in enumerate(found)}
            for word, numbers in self.again.items():
                for column, n in zip(columns, numbers, strict=True):
                    column[places[word]] += n
        return found, columns


def _add(sums: Counter[int], words: Sequence[int], numbers: Sequence[int]) -> None:
    if max(numbers) <= _REPEATED:
        sums.update(chain.from_iterable(map(repeat, words, numbers)))
    else:
        for word, n in zip(words, numbers, strict=True):
            sums[word] += n


class _Totals:
    """What a batch adds to the words' own sums."""

    __slots__ = ("days", "sums")

    def __init__(self) -> None:
        #: main, other, pages, all_pages, named
        self.sums: tuple[dict[int, int], ...] = ({}, {}, {}, {}, {})
        self.days: dict[int, set[int]] = {}

    def add(self, day: int, words: list[int], columns: list[list[int]]) -> None:
        """A site's day is added."""
        main, other, _, _, new, all_new, named = columns
        for sums, column in zip(self.sums, (main, other, new, all_new, named), strict=True):
            if not sums:
                sums.update(zip(words, column, strict=True))
            else:
                for word, n in zip(words, column, strict=True):
                    sums[word] = sums.get(word, 0) + n
        self.days.setdefault(day, set()).update(words)

    def rows(self, words: Sequence[int]) -> Iterable[tuple[int, ...]]:
        """Of each of these words its sums, and the first and last of its days."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for day, there in sorted(self.days.items()):
            last.update(dict.fromkeys(there, day))
        for day, there in sorted(self.days.items(), reverse=True):
            first.update(dict.fromkeys(there, day))
        return zip(*(map(each.__getitem__, words) for each in (*self.sums, first, last)), strict=True)


class Adding:
    """The sums of one batch's visits, until `write`."""

    def __init__(self, connection: sqlite3.Connection, numbers: Numbers | None = None) -> None:
        """``numbers``: what is remembered of words' numbers."""
        self._connection = connection
        self._numbers = numbers or Numbers(connection)
        self._numbers.begin()
        self._sums: defaultdict[tuple[int, int], _Sums] = defaultdict(_Sums)
        self._forms: Counter[tuple[int, str]] = Counter()  # those that are no keys
        self._kept: dict[tuple[int, int], Met] = {}
        self._seen: set[int] = set()  # pages that were visited in this batch

    def visit(
        self,
        page: int,
        site: int,
        day: int,
        lang: str,
        forms: _Forms,
        names: Sequence[str] = (),
        *,
        is_new: bool,
    ) -> None:
        """A visit of a page is summed up; ``is_new``: the store had no such page before, on no day."""
        is_first = is_new and page not in self._seen
        self._seen.add(page)
        words, main, other, shown = self._columns(forms, lang)
        for word, form, n in shown:
            self._forms[word, form] += n
        named = self._named(names, lang, words)
        sums = self._sums[site, day]
        if not is_first:
            self._again(page, day, sums, zip(words, main, other, strict=True), shown, named)
        elif words:
            sums.first.append((words, main, other))
            flags = [NEW | NEW_IN_MAIN if n else NEW for n in main]
            for word in named:
                flags[words.index(word)] |= NAMED
                sums.more(word, (0, 0, 0, 0, 0, 0, 1))
            vectors.put_first(self._connection, page, day, words, main, other, flags, shown)

    def put(
        self,
        site: int,
        day: int,
        key: str,
        lang: str,
        tally: Sequence[int],
        forms: Mapping[str, int],
    ) -> int:
        """A tally that was summed up elsewhere is added; the word's number.

        ``tally``: main, other, pages, all_pages, new, all_new, named.  ``forms``: those that aren't keys.
        """
        (word,) = self._numbers.of([key], lang)
        self._sums[site, day].more(word, tally)
        for form, n in forms.items():
            self._forms[word, form] += n
        return word

    def keep(self, page: int, day: int, word: int, met: list[int], forms: Mapping[str, list[int]]) -> None:
        """The page has these numbers of a word's day, and had none."""
        kept = self._kept.setdefault((page, day), Met())
        kept.rows[word] = met
        kept.forms.update({(word, form): ns for form, ns in forms.items()})

    def number(self, key: str, lang: str) -> int | None:
        """The number of a word that a visit of this batch had, else None."""
        return self._numbers.find(key, lang)

    def write(self) -> None:
        """All of it is in the tables."""
        totals = _Totals()
        for (site, day), sums in sorted(self._sums.items(), key=_FIRST):
            words, columns = sums.columns()
            if words:
                vectors.append(self._connection, site, day, words, columns)
                totals.add(day, words, columns)
        self._write_words(totals)
        self._connection.executemany(_FORMS, sorted((*which, n) for which, n in self._forms.items()))
        for (page, day), kept in sorted(self._kept.items(), key=_FIRST):
            vectors.put_met(self._connection, page, day, kept)

    def _write_words(self, totals: _Totals) -> None:
        small, new = self._small(totals), self._numbers.new
        fresh = [word for word in new if word in small]
        keys = [new[word][0] for word in fresh]
        plains = queries.plain("\n".join(keys)).split("\n")
        self._connection.executemany(
            _NEW_WORDS,
            [
                (word, *new[word], plain, *row, small[word])
                for word, plain, row in zip(fresh, plains, totals.rows(fresh), strict=False)
            ],
        )
        known = sorted(small.keys() - new.keys()) if new else sorted(small)
        sums, names, days = [], [], []
        for word, (*row, named, first, last) in zip(known, totals.rows(known), strict=True):
            sums.append((*row, small[word], word))
            days.append((first, last, word))
            if named:
                names.append((named, word))
        for sql, rows in ((_SUMS, sums), (_NAMED, names), (_DAYS, days)):
            self._connection.executemany(sql, rows)

    def _small(self, totals: _Totals) -> dict[int, int]:
        """By word, its occurrences in small letters."""
        large = self._numbers.large
        main, other, *_ = totals.sums
        small = dict(zip(main, map(add, main.values(), other.values()), strict=True))
        for word in large.intersection(small):
            small[word] = 0
        for (word, form), n in self._forms.items():
            small[word] += n * (is_small(form) - (word not in large))
        return small

    def _columns(
        self, forms: _Forms, lang: str
    ) -> tuple[Sequence[int], Sequence[int], Sequence[int], _Shown]:
        """A visit's words, each once, occurrences in main text and the rest; and forms that are no keys."""
        if not forms:
            return (), (), (), []
        shown, keys, main, other = zip(*forms, strict=True)
        if 0 in map(add, main, other):
            return self._columns([form for form in forms if form[2] or form[3]], lang)
        words = self._numbers.of(keys, lang)
        are_keys = list(map(eq, shown, keys))
        found = list(compress(words, are_keys))
        mains, others = list(compress(main, are_keys)), list(compress(other, are_keys))
        places = dict(zip(found, count()))
        rest: Iterable[tuple[int, str, str, int, int]] = zip(words, shown, keys, main, other, strict=True)
        if len(places) == len(found):
            rest = compress(rest, map(not_, are_keys))
        else:  # a form was told twice
            found, mains, others, places = [], [], [], {}
        odd: dict[tuple[int, str], int] = {}
        for word, form, key, n, m in rest:
            place = places.setdefault(word, len(found))
            if place == len(found):
                found.append(word)
                mains.append(n)
                others.append(m)
            else:
                mains[place] += n
                others[place] += m
            if form != key:
                odd[word, form] = odd.get((word, form), 0) + n + m
        return found, mains, others, [(*which, n) for which, n in odd.items()]

    def _named(self, names: Sequence[str], lang: str, words: Sequence[int]) -> set[int]:
        if not names:
            return set()
        return {word for key in names if (word := self._numbers.find(key, lang)) is not None}.intersection(
            words
        )

    def _again(
        self,
        page: int,
        day: int,
        sums: _Sums,
        visited: Iterable[tuple[int, int, int]],
        shown: _Shown,
        named: set[int],
    ) -> None:
        """The visit is one more of a page that was met before: what was met then is looked up."""
        days = vectors.met(self._connection, page)
        kept = days.setdefault(day, Met())
        for row in kept.rows.values():
            row[0] = row[1] = 0
        for ns in kept.forms.values():
            ns[0] = 0
        for word, main, other in visited:
            past = [met.rows[word] for met in days.values() if word in met.rows]
            row = kept.rows.get(word) or [0, 0, 0, 0, 0]
            tally = main, other, main > 0 and not row[2], word not in kept.rows
            new = main > 0 and not any(before[2] for before in past)
            name = word in named and not row[4] & NAMED
            sums.more(word, map(int, (*tally, new, not past, name)))
            flags = row[4] | (not past) * NEW | new * NEW_IN_MAIN | name * NAMED
            kept.rows[word] = [main, other, row[2] + main, row[3] + other, flags]
        for word, form, n in shown:
            kept.forms[word, form] = [n, n + kept.forms.get((word, form), (0, 0))[1]]
        vectors.put_met(self._connection, page, day, kept)
