"""What forgetting takes from words: tallies or a page's part of them, and with them sums, forms and days.

Theory.  Three sums hold at all times, and taking keeps them: a word's sums are those of its tallies; its
forms add up to its occurrences; its first and last day are those of its tallies.  So whatever is taken from a
tally is taken from the word, from the forms that are known to be of it, and what is left of it from the form
that is the key (forms that are not keys are known by page, or by site and day once retention has removed the
page).  Pages that were met before schema 2 have no such forms: what their words' key form can't give is taken
from the most frequent one.  A tally on no page any more is gone, and so is a word without tallies.

Works inside the transaction of its caller.
"""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import contexts
from netsuite.wordproxy.store.adding import NAMED, NEW, NEW_IN_MAIN, is_small

_TALLY = """
SELECT main, other, pages, all_pages, new, all_new, named FROM tally WHERE site = ? AND day = ? AND word = ?
"""

_TALLY_LEFT = """
UPDATE tally SET main = ?, other = ?, pages = ?, all_pages = ?, new = ?, all_new = ?, named = ?
WHERE site = ? AND day = ? AND word = ?
"""

_TALLY_FORMS = "SELECT form, n FROM tally_form WHERE site = ? AND day = ? AND word = ?"

_WORD_LEFT = """
UPDATE word SET main = main - ?, other = other - ?, pages = pages - ?, all_pages = all_pages - ?,
    named = named - ?, small = ? WHERE id = ?
"""

_DAYS_LEFT = """
UPDATE word SET first = (SELECT min(day) FROM tally WHERE word = word.id),
    last = (SELECT max(day) FROM tally WHERE word = word.id) WHERE id = ?
"""

_WORD = "SELECT key, main + other, first, last FROM word WHERE id = ?"

#: main, other, pages, all_pages, new, all_new, named
Tally = tuple[int, int, int, int, int, int, int]


class Taking:
    """What is taken, until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sums: dict[int, list[int]] = {}
        self._forms: dict[int, dict[str, int]] = {}
        self._days: set[int] = set()

    def page(self, page: int, site: int) -> None:
        """All that the page has added to tallies is taken; its own rows stay."""
        run = self._connection.execute
        for word, form, n in run("SELECT word, form, all_n FROM page_form WHERE page = ?", (page,)):
            self._form(word, form, n)
        rows = run("SELECT word, day, all_main, all_other, flags FROM met WHERE page = ?", (page,)).fetchall()
        for word, day, main, other, flags in rows:
            self._share(site, day, word, main, other, flags)

    def tally(self, site: int, day: int, word: int) -> tuple[Tally, dict[str, int]] | None:
        """The tally is gone; what it was, with its forms as far as they aren't the key or a page's."""
        run, place = self._connection.execute, (site, day, word)
        row: Tally | None = run(_TALLY, place).fetchone()
        if row is None:
            return None
        forms: dict[str, int] = dict(run(_TALLY_FORMS, place).fetchall())
        for form, n in forms.items():
            self._form(word, form, n)
        for table in ("tally_form", "tally"):
            run(f"DELETE FROM {table} WHERE site = ? AND day = ? AND word = ?", place)  # noqa: S608 - ours
        self._take(word, day, row, (0, 0, 0, 0, 0, 0, 0))
        return row, forms

    def write(self) -> None:
        """The words have what is left of them, or are gone."""
        for word in sorted(self._sums):
            row = self._connection.execute(_WORD, (word,)).fetchone()
            if row is not None:
                self._left(word, *row)

    def _share(self, site: int, day: int, word: int, main: int, other: int, flags: int) -> None:
        place = site, day, word
        row: Tally | None = self._connection.execute(_TALLY, place).fetchone()
        if row is None:
            return
        pages, all_pages = max(0, row[2] - (main > 0)), row[3] - 1
        left = (
            max(0, row[0] - main) if pages else 0,
            max(0, row[1] - other),
            pages,
            all_pages,
            max(0, row[4] - bool(flags & NEW_IN_MAIN)),
            max(0, row[5] - bool(flags & NEW)),
            max(0, row[6] - bool(flags & NAMED)),
        )
        if all_pages > 0:
            self._connection.execute(_TALLY_LEFT, (*left, *place))
            self._take(word, day, row, left)
        else:
            self.tally(*place)

    def _take(self, word: int, day: int, before: Tally, left: Tally) -> None:
        sums = self._sums.setdefault(word, [0, 0, 0, 0, 0])
        for at, column in enumerate((0, 1, 4, 5, 6)):
            sums[at] += before[column] - left[column]
        self._days.add(day)

    def _form(self, word: int, form: str, n: int) -> None:
        forms = self._forms.setdefault(word, {})
        forms[form] = forms.get(form, 0) + n

    def _left(self, word: int, key: str, had: int, first: int, last: int) -> None:
        run, sums = self._connection.execute, self._sums[word]
        if had <= sums[0] + sums[1]:
            drop_words(self._connection, [(word,)])
            return
        forms = self._forms_left(word, key, sums[0] + sums[1])
        small = sum(n for form, n in forms.items() if is_small(form))
        run(_WORD_LEFT, (*sums, small, word))
        if first in self._days or last in self._days:
            run(_DAYS_LEFT, (word,))

    def _forms_left(self, word: int, key: str, taken: int) -> dict[str, int]:
        """The word's forms, less those that were taken; written, too."""
        run = self._connection.execute
        before: dict[str, int] = dict(run("SELECT form, n FROM form WHERE word = ?", (word,)).fetchall())
        known = self._forms.get(word, {})
        left = {form: max(0, n - known.get(form, 0)) for form, n in before.items()}
        rest = sum(left.values()) - (sum(before.values()) - taken)
        for form in sorted(left, key=lambda form: (form != key, -left[form], form)):
            part = max(0, min(rest, left[form]))
            left[form] -= part
            rest -= part
        for form, n in left.items():
            if n == 0:
                run("DELETE FROM form WHERE word = ? AND form = ?", (word, form))
            elif n != before[form]:
                run("UPDATE form SET n = ? WHERE word = ? AND form = ?", (n, word, form))
        return left


def drop_words(connection: sqlite3.Connection, words: list[tuple[int]]) -> None:
    """The words with these numbers are gone, with what is theirs alone; their tallies were gone before."""
    contexts.drop_words(connection, [word for (word,) in words])
    connection.executemany("DELETE FROM form WHERE word = ?", words)
    connection.executemany("DELETE FROM word WHERE id = ?", words)
