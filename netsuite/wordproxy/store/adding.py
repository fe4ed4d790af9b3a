"""What the visits of a batch add to the words: summed up by loops in C, then written in the keys' order.

Most words of a page are on the batch's other pages too, so that one row a word or form is written for all of
them, and one row of columns (`vectors`) for each page and for each site's day.  Works inside the transaction
of its caller, which no other writer shares: numbers of new words are given out here, and what was looked up
stays true.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from operator import add, itemgetter, ne

import msgspec
import numpy

from netsuite.wordproxy.store import figures, queries, vectors
from netsuite.wordproxy.store.numbers import Numbers
from netsuite.wordproxy.store.packing import Column, added_up, zeros
from netsuite.wordproxy.store.vectors import Met
from netsuite.words.forms import Forms, columns
from netsuite.words.lexicon import Lexicon
from netsuite.words.segment import is_small

_NEW_WORD = "INSERT INTO word (id, key, lang) VALUES (?, ?, ?)"

#: The same of several with numbers that follow on each other, as one text: a statement for each takes five
#: times as long.
_NEW_WORDS = "INSERT INTO word (id, key, lang) SELECT ?1 + key, value, ?2 FROM json_each(?3)"

_PLAIN = "UPDATE word SET plain = ? WHERE id = ?"

_FORMS = """
INSERT INTO form (word, form, n) VALUES (?, ?, ?)
ON CONFLICT (word, form) DO UPDATE SET n = n + excluded.n
"""

#: Flags of what was met: the page is new for the word on that day, new in its main text; it was named.
NEW, NEW_IN_MAIN, NAMED = 1, 2, 4

_FIRST = itemgetter(0)

_encode = msgspec.json.Encoder().encode

_Forms = Sequence[tuple[str, str, int, int]]

#: Words with a form that is no key, and how often that was there, in the day's latest visit and in all.
_Shown = list[tuple[int, str, int, int]]


class _Sums:
    """The numbers of a site's day in this batch.

    ``first``: pages' first visits, as columns; they are summed up when all are there, as one site's words are
    near each other in memory.  ``again``: all other numbers, as a tally has them, by word.  ``named``: on how
    many pages a word was named.
    """

    __slots__ = ("again", "first", "named")

    def __init__(self) -> None:
        self.named: Counter[int] = Counter()
        self.first: list[tuple[Column, Column, Column]] = []
        self.again: dict[int, list[int]] = {}

    def more(self, word: int, numbers: Iterable[int]) -> None:
        """Numbers of a word are added, as `vectors.TALLY` has them."""
        row = self.again.get(word)
        self.again[word] = list(numbers) if row is None else list(map(add, row, numbers))

    def tally(self) -> tuple[Column, list[Column]]:
        """Words, ascending, and their numbers, as `vectors.TALLY` has them."""
        parts: list[tuple[Column, list[Column]]] = []
        if self.first:
            first = [
                (words, (main, other, main > 0, numpy.ones(len(words), dtype=numpy.uint8)))
                for words, main, other in self.first
            ]
            words, (main, other, met, all_met) = added_up(first)
            parts.append((words, [main, other, met, all_met, met, all_met, numpy.zeros_like(met)]))
        if self.again:
            rows = numpy.array([self.again[word] for word in sorted(self.again)], dtype=numpy.int64)
            parts.append((numpy.array(sorted(self.again), dtype=numpy.int64), list(rows.T)))
        if not parts:
            return zeros(-1), []
        words, columns = added_up(parts) if len(parts) > 1 else parts[0]
        if self.named:
            columns[-1][numpy.searchsorted(words, list(self.named))] += list(self.named.values())
        return words, columns


def _first_and_last(words: Column, days: Mapping[int, Sequence[Column]]) -> tuple[Column, Column]:
    """The first, and the last, of the days that each word has."""
    if len(days) == 1:
        only = numpy.full_like(words, next(iter(days)))
        return only, only
    first, last = numpy.zeros_like(words), numpy.zeros_like(words)
    for day in sorted(days):
        for some in days[day]:
            last[numpy.searchsorted(words, some)] = day
    for day in sorted(days, reverse=True):
        for some in days[day]:
            first[numpy.searchsorted(words, some)] = day
    return first, last


def put_words(connection: sqlite3.Connection, first: int, lang: str, keys: Sequence[str]) -> None:
    """The words have numbers from ``first`` on."""
    if "\0" in "".join(keys):  # it would end its key
        connection.executemany(_NEW_WORD, ((word, key, lang) for word, key in enumerate(keys, first)))
    else:
        connection.execute(_NEW_WORDS, (first, lang, _encode(keys).decode()))
    connection.executemany(_PLAIN, _plains(first, keys))


def _plains(first: int, keys: Sequence[str]) -> list[tuple[str, int]]:
    """The keys that are compared as another text, as that text; with their words' numbers."""
    if "".join(keys).islower():
        marked = [(word, key) for word, key in enumerate(keys, first) if not key.isascii()]
    else:
        marked = list(enumerate(keys, first))
    if not marked:
        return []
    numbers, texts = zip(*marked, strict=True)
    plains = zip(queries.plains(texts), numbers, texts, strict=True)
    return [(plain, word) for plain, word, key in plains if plain != key]


class Adding:
    """The sums of one batch's visits, until `write`."""

    def __init__(self, connection: sqlite3.Connection, numbers: Numbers | None = None) -> None:
        """``numbers``: what is remembered of words' numbers."""
        self._connection = connection
        self._numbers = numbers or Numbers(connection)
        self._numbers.begin()
        self._sums: defaultdict[tuple[int, int], _Sums] = defaultdict(_Sums)
        self._forms: Counter[tuple[int, str]] = Counter()  # those that are no keys
        self._odd: defaultdict[Lexicon, list[tuple[Column, Column]]] = defaultdict(list)  # the same, numbered
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
        named = {word for key in names if (word := self._numbers.find(key, lang)) is not None}
        named.intersection_update(words.tolist() if named else ())
        sums = self._sums[site, day]
        if not is_first:
            rows = zip(words.tolist(), main.tolist(), other.tolist(), strict=True)
            self._again(page, day, sums, rows, shown, named)
        elif len(words):
            sums.first.append((words, main, other))
            flags = numpy.where(main > 0, NEW | NEW_IN_MAIN, NEW)
            for word in named:
                flags[numpy.searchsorted(words, word)] |= NAMED
                sums.named[word] += 1
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
        totals: list[tuple[Column, list[Column]]] = []
        days: defaultdict[int, list[Column]] = defaultdict(list)
        for (site, day), sums in sorted(self._sums.items(), key=_FIRST):
            words, columns = sums.tally()
            if len(words):
                vectors.append(self._connection, site, day, words, columns)
                days[day].append(words)
                main, other, _, _, new, all_new, named = columns
                totals.append((words, [main, other, new, all_new, named]))
        if totals:
            self._write_words(*added_up(totals), days)
        self._connection.executemany(_FORMS, sorted((*which, n) for which, n in self._forms.items()))
        for lexicon, (words, numbers, times) in self._odd_ones.items():
            rows = zip(words.tolist(), lexicon.forms(numbers.tobytes()), times.tolist(), strict=True)
            self._connection.executemany(_FORMS, rows)
        for (page, day), kept in sorted(self._kept.items(), key=_FIRST):
            vectors.put_met(self._connection, page, day, kept)

    def _write_words(
        self, words: Column, columns: list[Column], days: Mapping[int, Sequence[Column]]
    ) -> None:
        """``columns``: main, other, pages, all_pages, named."""
        for first, lang, keys in self._numbers.new:
            put_words(self._connection, first, lang, keys)
        small = self._small(words, columns[0] + columns[1])
        figures.add(self._connection, words, [*columns, small], *_first_and_last(words, days))

    def _small(self, words: Column, met: Column) -> Column:
        """By word, its occurrences in small letters."""
        is_small_key = self._numbers.are_small(words)
        small = met * is_small_key
        for of, times, is_small_form in self._odd_sizes():
            at = numpy.searchsorted(words, of)
            numpy.add.at(small, at, times * (is_small_form.astype(numpy.int64) - is_small_key[at]))
        return small

    def _odd_sizes(self) -> Iterator[tuple[Column, Column, Column]]:
        """Yield words, how often a form that is no key was met, and 1 where that begins small."""
        if self._forms:
            told = [(word, n, is_small(form)) for (word, form), n in self._forms.items()]
            words, times, small = numpy.array(told, dtype=numpy.int64).T
            yield words, times, small
        for lexicon, (words, numbers, times) in self._odd_ones.items():
            yield words, times, numpy.frombuffer(lexicon.small, dtype=numpy.uint8)[numbers]

    @cached_property
    def _odd_ones(self) -> dict[Lexicon, tuple[Column, Column, Column]]:
        """Words, the numbers of their forms that are no keys, and how often these were met."""
        found = {}
        for lexicon, parts in self._odd.items():
            both, (times,) = added_up([(which, [n]) for which, n in parts])
            found[lexicon] = both >> 32, (both & 0xFFFFFFFF).astype(numpy.uint32), times
        return found

    def _columns(self, forms: _Forms, lang: str) -> tuple[Column, Column, Column, _Shown]:
        """A visit's words, ascending, occurrences in main text and the rest; and forms that are no keys."""
        if isinstance(forms, Forms):
            words, main, other, shown = self._of_lexicon(forms, lang)
        else:
            words, main, other, shown = self._of_rows(forms, lang)
        order = words.argsort()
        words, main, other = words[order], main[order], other[order]
        is_other = numpy.ones(len(words), dtype=bool)
        numpy.not_equal(words[1:], words[:-1], out=is_other[1:])
        starts = numpy.flatnonzero(is_other)
        if len(starts) == len(words):
            return words, main, other, shown
        return words[starts], numpy.add.reduceat(main, starts), numpy.add.reduceat(other, starts), shown

    def _of_lexicon(self, forms: Forms, lang: str) -> tuple[Column, Column, Column, _Shown]:
        words, is_odd = self._numbers.of_forms(forms, lang)
        main, other = (numpy.frombuffer(each, dtype=numpy.uint32) for each in (forms.main, forms.other))
        at = numpy.flatnonzero(is_odd)
        numbers = numpy.frombuffer(forms.numbers, dtype=numpy.uint32)[at]
        of, times = words[at], main[at] + other[at]
        if len(at):
            self._odd[forms.lexicon].append((of.astype(numpy.int64) << 32 | numbers, times))
        met = times.tolist()
        shown = zip(of.tolist(), forms.lexicon.forms(numbers.tobytes()), met, met, strict=True)
        return words, main, other, list(shown)

    def _of_rows(self, forms: _Forms, lang: str) -> tuple[Column, Column, Column, _Shown]:
        shown, keys, main, other = columns(forms)
        words = self._numbers.of(keys, lang)
        odd: Counter[tuple[int, str]] = Counter()
        rows = zip(words, shown, main, other, strict=True)
        for word, form, n, m in compress(rows, map(ne, shown, keys)):
            odd[word, form] += n + m
        self._forms.update(odd)
        found, in_main, in_other = (numpy.array(each, dtype=numpy.int64) for each in (words, main, other))
        return found, in_main, in_other, [(*which, n, n) for which, n in odd.items()]

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
        for word, form, n, _ in shown:
            kept.forms[word, form] = [n, n + kept.forms.get((word, form), (0, 0))[1]]
        vectors.put_met(self._connection, page, day, kept)
