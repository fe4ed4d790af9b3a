"""Word lists: how often each word was met, which of them fit, in which order, and the sums of all that do.

A question is answered in steps.  *Numbers*: by a word's number, its occurrences where and when the question
asks; 0 says that it does not fit.  They come from the words' own sums, from `sums` of days and sites, or from
a page.  *Filters* put further numbers to 0.  *Order*: the words of the part that is shown, found without
sorting the others.  *Rows*: all that is told of these few.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import heapq
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date

from netsuite.wordproxy.store import again, levels, pages, queries, sums
from netsuite.wordproxy.store.bases import Bases
from netsuite.wordproxy.store.contract import LEVELS, UNKNOWN, Total, Word, WordList, WordQuery
from netsuite.wordproxy.store.word import CAPITALISED, is_name

#: The form of a word ``w`` that was met most often; of its key's own occurrences are those of no other form.
SHOWN = """(SELECT form FROM (
    SELECT form, n FROM form f WHERE f.word = w.id UNION ALL
    SELECT w.key, w.main + w.other - (SELECT coalesce(sum(n), 0) FROM form f WHERE f.word = w.id)
) WHERE n > 0 ORDER BY n DESC, form LIMIT 1)"""

#: So many words are looked up one by one; more are found in one pass over all.
_FEW = 5000

#: Above so many thousand words with numbers to read, the words' own sums are read instead.
_DEAR = 3000

#: One word of so many is looked at for how large the largest numbers are.
_SAMPLED = 61

#: By a word's number: how often it was met.
Numbers = list[int]


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


def words(connection: sqlite3.Connection, query: WordQuery, bases: Bases) -> WordList:
    """The words that fit, sorted, with their totals."""
    return _List(connection, query, bases if query.lemma else None).answer()


def numbers(connection: sqlite3.Connection, query: WordQuery) -> tuple[Numbers, int]:
    """By a word's number its occurrences, 0 where it doesn't fit; and how many there are of all words."""
    return _List(connection, query).numbers()


class _List:
    """One question on its way."""

    def __init__(self, connection: sqlite3.Connection, query: WordQuery, bases: Bases | None = None) -> None:
        self._connection, self._query = connection, query
        self._bases = bases
        self._heads: dict[int, int] = {}  # by the number of a base form, the word that stands for it
        self._forms: dict[int, list[int]] = {}  # by that word, those that fit, where there are several
        self._days = queries.span(query)
        # the sums that each word has answer this
        self._is_plain = self._days is None and query.site is None and query.page is None
        self._has_own = False  # and did, with filters
        site = None if query.site is None else _site(connection, query.site)
        self._nowhere = query.site is not None and site is None
        self._site = site or sums.ALL_SITES
        self._sums = sums.Sums(connection, self._days, query.lang, self._site)

    def answer(self) -> WordList:
        """The list."""
        if self._nowhere:
            return WordList(Total(), [])
        query = self._query
        numbers = self._numbers()
        self._filter(numbers)
        self._gather(numbers)
        occurrences = sum(numbers)
        total = Total(occurrences, len(numbers) - numbers.count(0), self._read_pages(occurrences))
        need = total.distinct if not query.limit else min(query.offset + query.limit, total.distinct)
        if query.offset >= need:
            return WordList(total, [])
        shown = _ORDERS[query.sort](self, numbers, need)
        return WordList(total, self._rows(shown, numbers))

    # numbers

    def numbers(self) -> tuple[Numbers, int]:
        """Occurrences by word, and all there are, also of words that are left out."""
        if self._nowhere:
            return [], 0
        numbers = self._numbers()
        occurrences = sum(numbers)
        self._filter(numbers)
        return numbers, occurrences

    def _numbers(self) -> Numbers:
        if self._query.page is not None:
            return self._of_page(self._query.page)
        column = "everything" if self._query.everything else "main"
        if self._is_plain and (self._query.q or self._query.known in LEVELS[1:] or self._sums.cost() > _DEAR):
            self._has_own = True
            return self._own("w.main + w.other" if self._query.everything else "w.main")
        return self._sums.of_words(column)

    def _of_page(self, name: str) -> Numbers:
        """How often words are in the latest visit of a page, if it is of the site and days asked for."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        numbers = [0] * (last + 1)
        page = pages.find(self._connection, name)
        lo, hi = self._days or (1, date.max.toordinal())
        if page is None or self._site not in (sums.ALL_SITES, page[1]) or not lo <= page[2] <= hi:
            return numbers
        is_asked = self._query.lang in (None, name.partition(":")[2])
        for word, (main, other) in pages.latest(self._connection, page[0], page[2]).items():
            numbers[word] = (main + other if self._query.everything else main) * is_asked
        return numbers

    def _own(self, number: str) -> Numbers:
        """The sums that words have; 0 where ``q`` and a level rule a word out."""
        query, ask = self._query, self._connection.execute
        (last,) = ask("SELECT coalesce(max(id), 0) FROM word").fetchone()
        numbers = [0] * (last + 1)
        source, terms = "word w", []
        if query.known in LEVELS[1:]:
            source, terms = "known k CROSS JOIN word w USING (key, lang)", ["k.level = :level"]
        if query.lang is not None:
            terms.append("w.lang = :lang")
        if query.q:
            terms.append("w.plain GLOB :pattern")
        told = {
            "lang": query.lang,
            "pattern": queries.pattern(query.q or ""),
            "level": LEVELS.index(query.known) if query.known in LEVELS else 0,
        }
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        for word, n in ask(f"SELECT w.id, {number} FROM {source} {where}", told):
            numbers[word] = n
        return numbers

    # filters

    def _filter(self, numbers: Numbers) -> None:
        query = self._query
        if query.q and not self._has_own:
            sql = "SELECT id FROM word WHERE plain GLOB ?"
            _keep(numbers, (word for (word,) in self._connection.execute(sql, (queries.pattern(query.q),))))
        if query.known == UNKNOWN:
            _drop(numbers, self._levelled("known", "ignored"))
        elif query.known == LEVELS[0]:
            _drop(numbers, self._levelled(*LEVELS[1:]))
        elif query.known is not None and not self._has_own:
            _keep(numbers, self._levelled(query.known))
        if not query.everything:
            sql = "SELECT w.id FROM temp.stop t CROSS JOIN word w USING (key, lang)"
            _drop(numbers, (word for (word,) in self._connection.execute(sql)))
        if not query.names:
            sql = "SELECT id FROM word WHERE named > 0 AND small = 0 AND lang <> ?"
            _drop(numbers, (word for (word,) in self._connection.execute(sql, (CAPITALISED,))))

    def _gather(self, numbers: Numbers) -> None:
        """Forms of one base are one word."""
        for word, base in self._bases.groups(self._connection) if self._bases else ():
            if word < len(numbers) and (n := numbers[word]):
                head = self._heads.setdefault(base, word)
                if word < head:  # the first of them stands for the base, in whichever order they come
                    self._forms[word] = [*self._forms.pop(head, [head]), word]
                    self._heads[base] = word
                    numbers[word], numbers[head] = n + numbers[head], 0
                elif word > head:
                    self._forms.setdefault(head, [head]).append(word)
                    numbers[word] = 0
                    numbers[head] += n

    def _levelled(self, *levels: str) -> Iterable[int]:
        return levelled(self._connection, *levels)

    # orders: each gives the numbers of the words shown

    def _by_occurrences(self, numbers: Numbers, need: int) -> list[int]:
        return self._largest(numbers, need)

    def _largest(self, numbers: Numbers, need: int, then: Numbers | None = None) -> list[int]:
        """The words shown, where the largest of ``numbers`` come first, then by ``then`` and the word."""
        offset = self._query.offset
        least = _least(numbers, need)
        fitting = [word for word, n in enumerate(numbers) if n >= least]
        above = [word for word in fitting if numbers[word] > least]
        if (
            then is None and len(fitting) - len(above) > _FEW
        ):  # so many are equal: by the alphabet, as they come
            tied = self._walk(numbers, need - len(above), least)
            before = self._sorted(above, numbers, then) if len(above) > offset else above
            return [*before, *tied][offset:]
        return self._sorted(fitting, numbers, then)[offset:need]

    def _sorted(self, some: list[int], numbers: Numbers, then: Numbers | None) -> list[int]:
        names = self._names(some)
        if then is None:
            return sorted(some, key=lambda word: (-numbers[word], names[word]))
        return sorted(some, key=lambda word: (-numbers[word], -then[word], names[word]))

    def _names(self, some: Collection[int]) -> dict[int, tuple[str, str]]:
        """Key and language of some words."""
        ask = self._connection.execute
        if len(some) > _FEW * 20:
            rows = ask("SELECT id, key, lang FROM word")
        else:
            sql = "SELECT w.id, w.key, w.lang FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
            rows = ask(sql, (json.dumps(list(some)),))
        return {word: (key, lang) for word, key, lang in rows}

    def _walk(self, numbers: Numbers, need: int, number: int | None = None) -> list[int]:
        """The first words by the alphabet, of those with that number."""
        found: list[int] = []
        for (word,) in self._connection.execute("SELECT id FROM word ORDER BY key, lang"):
            n = numbers[word]
            if n and number in (None, n):
                found.append(word)
                if len(found) == need:
                    break
        return found

    def _by_word(self, numbers: Numbers, need: int) -> list[int]:
        return self._walk(numbers, need)[self._query.offset :]

    def _by_first(self, numbers: Numbers, need: int) -> list[int]:
        until = date.max.toordinal() if self._days is None else self._days[1]
        rows = self._connection.execute(
            "SELECT first, id FROM word WHERE first <= ? ORDER BY first DESC", (until,)
        )
        return self._by_day(((day, [word]) for day, word in rows), numbers, need)

    def _by_last(self, numbers: Numbers, need: int) -> list[int]:
        return self._by_day(sums.backwards(self._connection), numbers, need)

    def _by_day(self, days: Iterable[tuple[int, Iterable[int]]], numbers: Numbers, need: int) -> list[int]:
        """The words shown where those of the first of ``days`` come first, then those met most."""
        found: dict[int, int] = {}
        full: int | None = None
        for day, some in days:
            if full is not None and day != full:
                break
            for word in some:
                if numbers[word] and word not in found:
                    found[word] = day
            if len(found) >= need:
                full = day
        last = sorted(found.values(), reverse=True)[need - 1]
        kept = [word for word, day in found.items() if day >= last]
        names = self._names(kept)
        kept.sort(key=lambda word: (-found[word], -numbers[word], names[word]))
        return kept[self._query.offset : need]

    def _by_pages(self, numbers: Numbers, need: int) -> list[int]:
        # a word is on no more pages than it has occurrences: the first are among the most frequent
        some = 2 * need + 100
        while some < _FEW:
            least = _least(numbers, some) if some < len(numbers) else 0
            few = self._pages([word for word, n in enumerate(numbers) if n and n >= least])
            if not least or (len(few) >= need and sorted(few.values(), reverse=True)[need - 1] > least):
                names = self._names(few)
                shown = sorted(few, key=lambda word: (-few[word], -numbers[word], names[word]))
                return shown[self._query.offset : need]
            some *= 2
        if self._forms:
            found = self._pages([word for word, n in enumerate(numbers) if n])
            pages = [found.get(word, 0) for word in range(len(numbers))]
            return self._largest(pages, need, then=numbers)
        pages = (
            self._own(f"w.{self._pages_column()}")
            if self._is_plain
            else self._sums.of_words(self._pages_column())
        )
        pages = [p if n else 0 for p, n in zip(pages, numbers, strict=True)]
        for word, n in self._met_again([word for word, n in enumerate(numbers) if n]).items():
            pages[word] -= n
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
            sql = (
                f"SELECT w.id, {self._pages_column()} FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
            )
            return dict(self._connection.execute(sql, (json.dumps(list(some)),)))
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
        sql = (
            f"SELECT w.id, {SHOWN},"
            " w.key, w.lang, w.first, w.last, w.named, w.small,"
            " (SELECT level FROM known k WHERE k.key = w.key AND k.lang = w.lang)"
            " FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
        )
        pages, bases = self._pages(shown), self._bases_of(shown)
        day = queries.day_text
        found = []
        for word, form, key, lang, first, last, named, small, level in self._connection.execute(
            sql, (json.dumps(shown),)
        ):
            told = key, LEVELS[level or 0], is_name(lang, named, small)
            if word in bases:
                form = key = bases[word]
                told = key, levels.level(self._connection, key, lang), told[2]
                first, last = self._first_and_last(word)
            found.append(Word(form, lang, numbers[word], pages[word], day(first), day(last), *told))
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
        sql = "SELECT min(w.first), max(w.last) FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
        told = (json.dumps(self._forms.get(word, [word])),)
        days: tuple[int, int] = self._connection.execute(sql, told).fetchone()
        return days

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


def levelled(connection: sqlite3.Connection, *levels: str) -> Iterable[int]:
    """The numbers of the words met that have one of these levels."""
    marks = ", ".join(str(LEVELS.index(level)) for level in levels)
    sql = f"SELECT w.id FROM known k CROSS JOIN word w USING (key, lang) WHERE k.level IN ({marks})"
    return (word for (word,) in connection.execute(sql))


def _site(connection: sqlite3.Connection, host: str) -> int | None:
    row = connection.execute("SELECT id FROM site WHERE host = ?", (host,)).fetchone()
    return row[0] if row else None


def _drop(numbers: Numbers, some: Iterable[int]) -> None:
    for word in some:
        if word < len(numbers):
            numbers[word] = 0


def _keep(numbers: Numbers, some: Iterable[int]) -> None:
    kept = [0] * len(numbers)
    for word in some:
        kept[word] = numbers[word]
    numbers[:] = kept


def _least(numbers: Numbers, need: int) -> int:
    """The smallest of the ``need`` largest."""
    if need > len(numbers) // 8:
        return sorted(numbers, reverse=True)[need - 1]
    sample = sorted(numbers[::_SAMPLED], reverse=True)
    # about four times as many as are needed are larger, and those needed among them; else all are looked at
    some = sample[min(len(sample) - 1, 8 + 4 * need // _SAMPLED)]
    large = [n for n in numbers if n > some]
    return heapq.nlargest(need, large if len(large) >= need else numbers)[-1]
