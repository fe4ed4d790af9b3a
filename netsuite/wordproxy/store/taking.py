"""What forgetting takes from words: tallies or a page's part of them, and with them sums, forms and days.

Theory.  Three rules hold at all times, and taking keeps them: a word's sums are those of its tallies; its
forms but the key add up to no more than its occurrences; its first and last day are those of its tallies.  So
whatever is taken from a tally is taken from the word, and from the forms that are known to be of it: by page,
or by site and day once retention has removed the page.  Of pages that were met before schema 2 forms are not
known; then forms that are too many become fewer, the most frequent first.  A tally on no page any more is
gone, and so is a word without tallies.

A word that has lost its first or last day gets another: days are looked through from that end on until each
such word was found.

Works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator

import numpy

from netsuite.wordproxy.store import contexts, figures, renewing, vectors
from netsuite.wordproxy.store.adding import NAMED, NEW, NEW_IN_MAIN
from netsuite.wordproxy.store.packing import Column, unpack
from netsuite.words.segment import is_small

#: Places of a tally's numbers.
MAIN, OTHER, PAGES, ALL_PAGES, ALL_NEW = 0, 1, 2, 3, 5

#: Those that the first of a word's sums are made of: main, other, new, all_new, named.
_SUMS = (0, 1, 4, 5, 6)

_NOTHING = [0] * 7


class Taking:
    """What is taken, until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sums: dict[int, list[int]] = {}
        self._forms: dict[int, dict[str, int]] = {}
        self._days: set[int] = set()

    def page(self, page: int, site: int) -> None:
        """All that the page has added to tallies is taken; its own rows stay."""
        for day, met in vectors.met(self._connection, page).items():
            for (word, form), (_, n) in met.forms.items():
                self._form(word, form, n)
            rows = vectors.fold(self._connection, site, day)
            for word, (_, _, main, other, flags) in met.rows.items():
                if word in rows:
                    self._share(day, word, rows, main, other, flags)
            vectors.put(self._connection, site, day, rows)

    def tallies(
        self, site: int, day: int, words: Collection[int] | None = None
    ) -> tuple[dict[int, list[int]], dict[tuple[int, str], int]]:
        """The tallies of a site's day are gone, all or those of some words; what they were, and their forms.

        Forms are those of pages that aren't kept.
        """
        rows = vectors.fold(self._connection, site, day)
        taken = rows if words is None else {word: rows[word] for word in words if word in rows}
        if taken:
            left = {word: row for word, row in rows.items() if word not in taken}
            vectors.put(self._connection, site, day, left)
        for word, row in taken.items():
            self._take(word, day, row, _NOTHING)
        return taken, self._tally_forms(site, day, taken)

    def write(self, *, find_days: bool = True) -> None:
        """The words have what is left of them, or are gone.

        ``find_days``: else a word's first and last day stay as they were, for a later call.
        """
        lost: tuple[set[int], set[int]] = set(), set()
        gone: list[tuple[int]] = []
        words = numpy.array(sorted(self._sums), dtype=numpy.int64)
        held = figures.Figures(self._connection, words)
        for word, at in zip(words.tolist(), held.at(words).tolist(), strict=True):
            row = self._connection.execute("SELECT key FROM word WHERE id = ?", (word,)).fetchone()
            if row is None:
                continue
            if not self._left(word, row[0], held.sums[:, at]):
                held.sums[:, at] = held.days[:, at] = 0
                gone.append((word,))
                continue
            for end, days in zip(held.days[:, at].tolist(), lost, strict=True):
                if end in self._days:
                    days.add(word)
        held.write()
        _drop_words(self._connection, gone)
        if find_days:
            find_first_and_last(self._connection, *lost)
        renewing.changed(self._connection, self._days)

    def _tally_forms(self, site: int, day: int, words: Collection[int]) -> dict[tuple[int, str], int]:
        rows = self._connection.execute(
            "SELECT word, form, n FROM tally_form WHERE site = ? AND day = ?", (site, day)
        ).fetchall()
        found = {(word, form): n for word, form, n in rows if word in words}
        self._connection.executemany(
            "DELETE FROM tally_form WHERE site = ? AND day = ? AND word = ? AND form = ?",
            [(site, day, *which) for which in found],
        )
        for (word, form), n in found.items():
            self._form(word, form, n)
        return found

    def _share(
        self, day: int, word: int, rows: dict[int, list[int]], main: int, other: int, flags: int
    ) -> None:
        """A page's part of a tally is taken; never more than there is, for it may be an upgrade's guess."""
        row = rows[word]
        pages, all_pages = max(0, row[PAGES] - (main > 0)), row[ALL_PAGES] - 1
        left = [
            max(0, row[MAIN] - main) if pages else 0,
            max(0, row[OTHER] - other),
            pages,
            all_pages,
            max(0, row[4] - bool(flags & NEW_IN_MAIN)),
            max(0, row[5] - bool(flags & NEW)),
            max(0, row[6] - bool(flags & NAMED)),
        ]
        if all_pages > 0:
            rows[word] = left
        else:
            left = _NOTHING
            del rows[word]
        self._take(word, day, row, left)

    def _take(self, word: int, day: int, before: list[int], left: list[int]) -> None:
        sums = self._sums.setdefault(word, [0, 0, 0, 0, 0])
        for at, column in enumerate(_SUMS):
            sums[at] += before[column] - left[column]
        self._days.add(day)

    def _form(self, word: int, form: str, n: int) -> None:
        forms = self._forms.setdefault(word, {})
        forms[form] = forms.get(form, 0) + n

    def _left(self, word: int, key: str, had: Column) -> bool:
        """What the word had is what is left of it; False: nothing, it is gone."""
        sums = self._sums[word]
        left = int(had[0] + had[1]) - sums[0] - sums[1]
        if left <= 0:
            return False
        forms = self._forms_left(word, left)
        small = sum(n for form, n in forms.items() if is_small(form))
        if is_small(key):
            small += left - sum(forms.values())
        had[:-1] -= sums
        had[-1] = small
        return True

    def _forms_left(self, word: int, most: int) -> dict[str, int]:
        """The word's forms but its key, less those that were taken, ``most`` in all; written, too."""
        run = self._connection.execute
        before: dict[str, int] = dict(run("SELECT form, n FROM form WHERE word = ?", (word,)).fetchall())
        known = self._forms.get(word, {})
        left = {form: max(0, n - known.get(form, 0)) for form, n in before.items()}
        rest = sum(left.values()) - most
        for form in sorted(left, key=lambda form: (-left[form], form)):
            part = max(0, min(rest, left[form]))
            left[form] -= part
            rest -= part
        for form, n in left.items():
            if n == 0:
                run("DELETE FROM form WHERE word = ? AND form = ?", (word, form))
            elif n != before[form]:
                run("UPDATE form SET n = ? WHERE word = ? AND form = ?", (n, word, form))
        return left


def _drop_words(connection: sqlite3.Connection, words: list[tuple[int]]) -> None:
    """The words with these numbers are gone, with what is theirs alone; their tallies were gone before."""
    contexts.drop_words(connection, [word for (word,) in words])
    connection.executemany("DELETE FROM form WHERE word = ?", words)
    connection.executemany("DELETE FROM word WHERE id = ?", words)


def find_first_and_last(connection: sqlite3.Connection, first: set[int], last: set[int]) -> None:
    """Words have as first, or as last, day the first or last of their tallies."""
    held = figures.Figures(connection, numpy.array(sorted(first | last), dtype=numpy.int64))
    for days, words, order in zip(held.days, (first, last), ("ASC", "DESC"), strict=True):
        lost = set(words)
        for day, there in _words_by_day(connection, order) if lost else ():
            here = lost.intersection(there)
            days[held.at(numpy.array(sorted(here), dtype=numpy.int64))] = day
            lost -= here
            if not lost:
                break
    held.write()


def _words_by_day(connection: sqlite3.Connection, order: str) -> Iterator[tuple[int, Collection[int]]]:
    """The words of the tallies' parts, by day."""
    places = connection.execute(
        f"SELECT DISTINCT site, day FROM reading ORDER BY day {order}"  # noqa: S608 - ours
    ).fetchall()
    for site, day in places:
        for words in words_of(connection, site, day):
            yield day, words


def words_of(connection: sqlite3.Connection, site: int, day: int) -> Iterator[Collection[int]]:
    """Yield the words of each part of a site's day."""
    for (words,) in connection.execute(
        "SELECT words FROM tally WHERE site = ? AND day = ?", (site, day)
    ).fetchall():
        yield unpack(words)
