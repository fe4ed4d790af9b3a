"""Word lists: how often each word was met, which of them fit, in which order, and the sums of all that do.

A question is answered in steps.  *Numbers*: by a word's number, its occurrences where and when the question
asks; 0 says that it does not fit.  They come from the words' own sums, from `sums` of days and sites, or from
a page.  *Filters* put further numbers to 0.  *Order*: the words of the part that is shown, found without
sorting the others.  *Rows*: all that is told of these few.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy

from netsuite.wordproxy.store import again, figures, levels, pages, queries, sums
from netsuite.wordproxy.store.bases import Bases
from netsuite.wordproxy.store.contract import LEVELS, UNKNOWN, Total, Word, WordList, WordQuery
from netsuite.wordproxy.store.loosened import Loosened
from netsuite.wordproxy.store.packing import Column, Numbers, columns, zeros
from netsuite.wordproxy.store.word import CAPITALISED, is_name

#: Words with the form that was met most often, their key, language and level; of a key's own occurrences are
#: those of no other form.  Told are words, each followed by all its occurrences.
_TOLD = """
SELECT w.id, (SELECT form FROM (
    SELECT form, n FROM form f WHERE f.word = w.id UNION ALL
    SELECT w.key, m.n - (SELECT coalesce(sum(n), 0) FROM form f WHERE f.word = w.id)
) WHERE n > 0 ORDER BY n DESC, form LIMIT 1), w.key, w.lang,
    (SELECT level FROM known k WHERE k.key = w.key AND k.lang = w.lang)
FROM (SELECT json_extract(value, '$[0]') AS word, json_extract(value, '$[1]') AS n FROM json_each(?)) m
CROSS JOIN word w ON w.id = m.word
"""

#: So many words are looked up one by one; more are found in one pass over all.
_FEW = 5000

#: Words that are read at once where a few may be enough.
_CHUNK = 5000

#: Numbers up to this one are counted, how often there is each.
_COUNTED = 1 << 14

#: Above so many thousand words with numbers to read, the words' own sums are read instead.
_DEAR = 3000


def judge(query: WordQuery) -> None:
    """The question can be asked.

    Raises:
        KeyError: it has a sort that is none.
        ValueError: a day or level that is none.
    """
    _ORDERS[query.sort]
    queries.span(query)
    if query.known not in (None, UNKNOWN, *LEVELS):
        raise ValueError(f"{query.known!r} is no level")


def words(connection: sqlite3.Connection, query: WordQuery, bases: Bases, loosened: Loosened) -> WordList:
    """The words that fit, sorted, with their totals."""
    return _List(connection, query, loosened, bases if query.lemma else None).answer()


def numbers(connection: sqlite3.Connection, query: WordQuery, loosened: Loosened) -> tuple[Numbers, int]:
    """By a word's number its occurrences, 0 where it doesn't fit; and how many there are of all words."""
    return _List(connection, query, loosened).numbers()


def told(connection: sqlite3.Connection, words: Sequence[int]) -> Iterator[Told]:
    """What is told of words, in their order."""
    its = figures.read(connection, words)
    totals = zip(words, (its.main + its.other).tolist(), strict=True)
    rows = connection.execute(_TOLD, (json.dumps([(int(word), total) for word, total in totals]),)).fetchall()
    ends = zip(*(each.tolist() for each in its[4:]), strict=True)
    for (word, form, key, lang, level), (named, small, first, last) in zip(rows, ends, strict=True):
        yield Told(word, form, key, lang, LEVELS[level or 0], is_name(lang, named, small), first, last)


class Told(NamedTuple):
    """What is told of a word in a list, beside its numbers there; ``form`` is the one met most often."""

    word: int
    form: str
    key: str
    lang: str
    level: str
    is_name: bool
    first: int
    last: int


class _List:
    """One question on its way."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        query: WordQuery,
        loosened: Loosened,
        bases: Bases | None = None,
    ) -> None:
        self._connection, self._query = connection, query
        self._loosened, self._bases = loosened, bases
        self._heads: dict[int, int] = {}  # by the number of a base form, the word that stands for it
        self._forms: dict[int, list[int]] = {}  # by that word, those that fit, where there are several
        self._days = queries.span(query)
        # the sums that each word has answer this
        self._is_plain = self._days is None and query.site is None and query.page is None
        site = None if query.site is None else _site(connection, query.site)
        self._nowhere = query.site is not None and site is None
        self._site = site or sums.ALL_SITES
        kept = sums.Kept(connection, loosened)
        self._sums = sums.Sums(connection, self._days, query.lang, self._site, kept=kept)

    def answer(self) -> WordList:
        """The list."""
        if self._nowhere:
            return WordList(Total(), [])
        query = self._query
        numbers = self._numbers()
        self._filter(numbers)
        self._gather(numbers)
        occurrences = int(numbers.sum())
        total = Total(occurrences, int(numpy.count_nonzero(numbers)), self._read_pages(occurrences))
        need = total.distinct if not query.limit else min(query.offset + query.limit, total.distinct)
        if query.offset >= need:
            return WordList(total, [])
        shown = _ORDERS[query.sort](self, numbers, need)
        return WordList(total, self._rows(shown, numbers))

    # numbers

    def numbers(self) -> tuple[Numbers, int]:
        """Occurrences by word, and all there are, also of words that are left out."""
        if self._nowhere:
            return zeros(0), 0
        numbers = self._numbers()
        occurrences = int(numbers.sum())
        self._filter(numbers)
        return numbers, occurrences

    def _numbers(self) -> Numbers:
        if self._query.page is not None:
            return self._of_page(self._query.page)
        if self._is_plain and self._sums.cost() > _DEAR:
            numbers = self._own("main")
            if self._query.everything:
                numbers += self._own("other")
            if self._query.lang is not None:
                _keep(numbers, self._numbered("lang = ?", self._query.lang))
            return numbers
        return self._sums.of_words("everything" if self._query.everything else "main")

    def _of_page(self, name: str) -> Numbers:
        """How often words are in the latest visit of a page, if it is of the site and days asked for."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        numbers = zeros(last)
        page = pages.find(self._connection, name)
        lo, hi = self._days or (1, date.max.toordinal())
        if page is None or self._site not in (sums.ALL_SITES, page[1]) or not lo <= page[2] <= hi:
            return numbers
        if self._query.lang in (None, name.partition(":")[2]):
            for word, (main, other) in pages.latest(self._connection, page[0], page[2]).items():
                numbers[word] = main + other if self._query.everything else main
        return numbers

    def _own(self, which: str) -> Numbers:
        """One of the sums that all words have."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        return figures.every(self._connection, last, which)[0]

    def _numbered(self, where: str, *told: str) -> Numbers:
        """The words of which something is true."""
        # as one text: half a million rows of their own take as long again
        sql = f"SELECT group_concat(id) FROM word w WHERE {where}"
        (found,) = self._connection.execute(sql, told).fetchone()
        return numpy.fromstring(found or "", dtype=numpy.int64, sep=",")

    # filters

    def _filter(self, numbers: Numbers) -> None:
        query, ask = self._query, self._connection.execute
        if query.q:
            fits, text = queries.fits(query.q)
            _keep(numbers, self._numbered(fits, text))
        if query.known == UNKNOWN:
            _drop(numbers, self._levelled("known", "ignored"))
        elif query.known == LEVELS[0]:
            _drop(numbers, self._levelled(*LEVELS[1:]))
        elif query.known is not None:
            _keep(numbers, self._levelled(query.known))
        if not query.everything:
            _drop(numbers, _first(ask("SELECT w.id FROM temp.stop t CROSS JOIN word w USING (key, lang)")))
        if not query.names:
            _drop(numbers, self._names_of(numbers))

    def _names_of(self, numbers: Numbers) -> Numbers:
        """Those of the words that are probable names."""
        named, small = figures.every(self._connection, len(numbers) - 1, "named", "small")
        names = numpy.flatnonzero((named > 0) & (small == 0) & (numbers > 0))
        if self._query.lang is not None:
            return names[: 0 if self._query.lang == CAPITALISED else None]
        some = "id IN (SELECT value FROM json_each(?))"
        return self._numbered(f"{some} AND lang <> ?", json.dumps(names.tolist()), CAPITALISED)

    def _gather(self, numbers: Numbers) -> None:
        """Forms of one base are one word; the first of them stands for the base."""
        if self._bases is None:
            return
        words, bases = columns(self._bases.groups(self._connection), 2)
        is_met = words < len(numbers)
        is_met[is_met] = numbers[words[is_met]] > 0
        words, bases = words[is_met], bases[is_met]
        if not len(words):
            return
        order = numpy.lexsort((words, bases))
        words, bases = words[order], bases[order]
        starts = numpy.flatnonzero(numpy.concatenate(([True], bases[1:] != bases[:-1])))
        heads, ends = words[starts], numpy.append(starts[1:], len(words))
        sums = numpy.add.reduceat(numbers[words], starts)
        numbers[words] = 0
        numbers[heads] = sums
        self._heads = dict(zip(bases[starts].tolist(), heads.tolist(), strict=True))
        several = ends - starts > 1
        self._forms = {
            head: words[start:end].tolist()
            for head, start, end in zip(
                heads[several].tolist(), starts[several].tolist(), ends[several].tolist(), strict=True
            )
        }

    def _levelled(self, *names: str) -> Numbers:
        """The words met that have one of these levels."""
        words, levels = self._loosened.levels(self._connection)
        return words[numpy.isin(levels, [LEVELS.index(name) for name in names])]

    # orders: each gives the numbers of the words shown

    def _by_occurrences(self, numbers: Numbers, need: int) -> list[int]:
        return self._largest(numbers, need)

    def _largest(self, numbers: Numbers, need: int, then: Numbers | None = None) -> list[int]:
        """The words shown, where the largest of ``numbers`` come first, then by ``then`` and the word."""
        offset = self._query.offset
        least = _least(numbers, need)
        fitting = numpy.flatnonzero(numbers >= least)
        above = fitting[numbers[fitting] > least]
        if (
            then is None and len(fitting) - len(above) > _FEW
        ):  # so many are equal: by the alphabet, as they come
            tied = self._walk(numbers == least, need - len(above))
            before = self._sorted(above, numbers, then) if len(above) > offset else above.tolist()
            return [*before, *tied][offset:]
        return self._sorted(fitting, numbers, then)[offset:need]

    def _sorted(self, some: Numbers, numbers: Numbers, then: Numbers | None) -> list[int]:
        words = some.tolist()
        names = self._names(words)
        first = dict(zip(words, numbers[some].tolist(), strict=True))
        if then is None:
            return sorted(words, key=lambda word: (-first[word], names[word]))
        second = dict(zip(words, then[some].tolist(), strict=True))
        return sorted(words, key=lambda word: (-first[word], -second[word], names[word]))

    def _names(self, some: Collection[int]) -> dict[int, tuple[str, str]]:
        """Key and language of some words."""
        ask = self._connection.execute
        if len(some) > _FEW * 20:
            rows = ask("SELECT id, key, lang FROM word")
        else:
            sql = "SELECT w.id, w.key, w.lang FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
            rows = ask(sql, (json.dumps(list(some)),))
        return {word: (key, lang) for word, key, lang in rows}

    def _walk(self, mask: Column, need: int) -> list[int]:
        """The first words by the alphabet, of those with a mark."""
        found: list[int] = []
        rows = self._connection.execute("SELECT id FROM word ORDER BY key, lang")
        while len(found) < need and (some := rows.fetchmany(_CHUNK)):
            ids = _first(some)
            found += ids[mask[ids]].tolist()
        return found[:need]

    def _by_word(self, numbers: Numbers, need: int) -> list[int]:
        return self._walk(numbers > 0, need)[self._query.offset :]

    def _by_first(self, numbers: Numbers, need: int) -> list[int]:
        first = figures.firsts(self._connection, len(numbers) - 1)
        first[numbers <= 0] = 0
        kept = numpy.flatnonzero(first >= _least(first, need))
        return self._sorted(kept, first, then=numbers)[self._query.offset : need]

    def _by_last(self, numbers: Numbers, need: int) -> list[int]:
        days = sums.backwards(self._connection)
        rows = ((numpy.full(len(words), day), words) for day, words in days)
        return self._by_day(rows, numbers, need)

    def _by_day(self, rows: Iterable[tuple[Column, Column]], numbers: Numbers, need: int) -> list[int]:
        """The words shown where those of the latest day come first, then those met most.

        ``rows``: days, the latest first, and the words of each; of a word its first one counts.
        """
        found, fitting, full = zeros(len(numbers) - 1), 0, 0
        for days, words in rows:
            if fitting >= need and len(days) and days[0] < full:
                break
            is_new = (numbers[words] > 0) & (found[words] == 0)
            found[words[is_new]] = days[is_new]
            fitting += int(numpy.count_nonzero(is_new))
            full = days[-1] if len(days) else full
        kept = numpy.flatnonzero(found >= _least(found, need))
        return self._sorted(kept, found, then=numbers)[self._query.offset : need]

    def _by_pages(self, numbers: Numbers, need: int) -> list[int]:
        # a word is on no more pages than it has occurrences: the first are among the most frequent
        some = 2 * need + 100
        while some < _FEW:
            least = _least(numbers, some) if some < len(numbers) else 0
            few = self._pages(numpy.flatnonzero(numbers >= max(least, 1)).tolist())
            if not least or (len(few) >= need and sorted(few.values(), reverse=True)[need - 1] > least):
                names = self._names(few)
                of_few = {word: int(numbers[word]) for word in few}
                shown = sorted(few, key=lambda word: (-few[word], -of_few[word], names[word]))
                return shown[self._query.offset : need]
            some *= 2
        fitting = numpy.flatnonzero(numbers)
        pages = zeros(len(numbers) - 1)
        if self._forms:
            found = self._pages(fitting.tolist())
            pages[list(found)] = list(found.values())
            return self._largest(pages, need, then=numbers)
        column = self._pages_column()
        every = self._own(column) if self._is_plain else self._sums.of_words(column)
        pages[fitting] = every[fitting]
        if again := self._met_again(fitting.tolist()):
            pages[list(again)] -= list(again.values())
        return self._largest(pages, need, then=numbers)

    def _pages_column(self) -> str:
        if self._is_plain:
            return "all_pages" if self._query.everything else "pages"
        column = "new" if self._days is None else "pages"
        return f"all_{column}" if self._query.everything else column

    def _pages(self, some: Collection[int]) -> dict[int, int]:
        """On how many distinct pages these words were met; of a base form, its best form."""
        if self._forms:
            every = {form for word in some for form in self._forms.get(word, (word,))}
            of_forms = self._pages_of(every)
            return {word: max(of_forms[form] for form in self._forms.get(word, (word,))) for word in some}
        return self._pages_of(some)

    def _pages_of(self, some: Collection[int]) -> dict[int, int]:
        if self._query.page is not None:
            return dict.fromkeys(some, 1)
        if self._is_plain:
            its = figures.read(self._connection, some)
            n = its.all_pages if self._query.everything else its.pages
            return dict(zip(some, n.tolist(), strict=True))
        found = self._sums.of_some(self._pages_column(), some)
        for word, n in self._met_again(some).items():
            found[word] -= n
        return found

    def _met_again(self, some: Collection[int]) -> dict[int, int]:
        if self._days is None or self._days[0] >= self._days[1]:
            return {}
        everything = self._query.everything
        return again.times(self._connection, some, self._sums, self._days[0], everything=everything)

    # rows

    def _rows(self, shown: Sequence[int], numbers: Numbers) -> list[Word]:
        pages, bases = self._pages(shown), self._bases_of(shown)
        met = dict(zip(shown, numbers[shown].tolist(), strict=True))
        day = queries.day_text
        found = []
        for word, form, key, lang, level, named, first, last in told(self._connection, shown):
            if word in bases:
                form = key = bases[word]
                level = levels.level(self._connection, key, lang)
                first, last = self._first_and_last(word)
            found.append(Word(form, lang, met[word], pages[word], day(first), day(last), key, level, named))
        return found

    def _bases_of(self, shown: Sequence[int]) -> dict[int, str]:
        """The base forms that words stand for."""
        if self._bases is None:
            return {}
        some = set(shown)
        numbers = {word: base for base, word in self._heads.items() if word in some}
        return {word: self._bases.base(self._connection, base) for word, base in numbers.items()}

    def _first_and_last(self, word: int) -> tuple[int, int]:
        """The days on which any form of its base was met first and last."""
        its = figures.read(self._connection, self._forms.get(word, [word]))
        return int(its.first.min()), int(its.last.max())

    def _read_pages(self, occurrences: int) -> int:
        if self._query.page is not None:
            return int(occurrences > 0)
        sql, parameters = queries.read_pages(self._query)
        (read,) = self._connection.execute(sql, parameters).fetchone()
        return int(read) - self._visited_again()

    def _visited_again(self) -> int:
        """How often a page was visited on one more day of the range."""
        ask, query = self._connection.execute, self._query
        if self._days is None or self._days[0] >= self._days[1]:
            return 0
        sql = "SELECT page FROM visit INDEXED BY visit_by_day WHERE day BETWEEN ? AND ?"
        visited = [page for (page,) in ask(sql, self._days)]
        if query.lang is None and query.site is None:
            return len(visited) - len(set(visited))
        again = {page: n - 1 for page, n in Counter(visited).items() if n > 1}
        sql = "SELECT p.id, p.lang, p.site FROM json_each(?) j CROSS JOIN page p ON p.id = j.value"
        return sum(
            again[page]
            for page, lang, site in ask(sql, (json.dumps(list(again)),))
            if query.lang in (None, lang) and self._site in (sums.ALL_SITES, site)
        )


_ORDERS = {
    "occurrences": _List._by_occurrences,
    "pages": _List._by_pages,
    "word": _List._by_word,
    "first": _List._by_first,
    "last": _List._by_last,
}


def _site(connection: sqlite3.Connection, host: str) -> int | None:
    row = connection.execute("SELECT id FROM site WHERE host = ?", (host,)).fetchone()
    return row[0] if row else None


def _first(rows: Iterable[Sequence[int]]) -> Numbers:
    """The only column of such rows."""
    return columns(rows, 1)[0]


def _drop(numbers: Numbers, some: Numbers) -> None:
    numbers[some[some < len(numbers)]] = 0


def _keep(numbers: Numbers, some: Numbers) -> None:
    kept = numbers[some]
    numbers[:] = 0
    numbers[some] = kept


def _least(numbers: Numbers, need: int) -> int:
    """The smallest of the ``need`` largest."""
    # by how many there are of each number: sorting in part takes very long where most are equal
    above = numpy.cumsum(numpy.bincount(numpy.minimum(numbers, _COUNTED))[::-1])
    least = len(above) - 1 - int(numpy.searchsorted(above, need))
    if least < _COUNTED:
        return least
    large = numbers[numbers >= _COUNTED]
    return int(numpy.partition(large, len(large) - need)[len(large) - need])
