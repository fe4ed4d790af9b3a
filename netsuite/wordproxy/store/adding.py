"""What the visits of a batch add to the words: summed up here, then written in the order of the tables' keys.

Most words of a page are on the batch's other pages too, so that one row a word, form, or word of a site and
day is written for all of them.  Works inside the transaction of its caller, which no other writer shares:
numbers of new words are given out here, and what was looked up stays true.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter

from netsuite.wordproxy.store import queries

_NEW_WORDS = """
INSERT INTO word (id, key, lang, plain, main, other, pages, all_pages, first, last)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_SUMS = """
UPDATE word SET main = main + ?, other = other + ?, pages = pages + ?, all_pages = all_pages + ?,
    first = min(first, ?), last = max(last, ?) WHERE id = ?
"""

_MET = """
INSERT INTO met (page, word, day, main) VALUES (?, ?, ?, ?)
ON CONFLICT (page, word, day) DO UPDATE SET main = max(main, excluded.main)
"""

_FORMS = """
INSERT INTO form (word, form, n) VALUES (?, ?, ?)
ON CONFLICT (word, form) DO UPDATE SET n = n + excluded.n
"""

_TALLIES = """
INSERT INTO tally (site, day, word, main, other, pages, all_pages, new, all_new)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, day, word) DO UPDATE SET
    main = main + excluded.main, other = other + excluded.other,
    pages = pages + excluded.pages, all_pages = all_pages + excluded.all_pages,
    new = new + excluded.new, all_new = all_new + excluded.all_new
"""

#: Whether a word was ever met on a page, ever in its main text, and in which of both on that day, or None.
_BEFORE = """
SELECT EXISTS (SELECT 1 FROM met WHERE page = :page AND word = :word),
    EXISTS (SELECT 1 FROM met WHERE page = :page AND word = :word AND main),
    (SELECT main FROM met WHERE page = :page AND word = :word AND day = :day)
"""

_FIRST = itemgetter(0)


class Adding:
    """The sums of one batch's visits, until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        (self._last,) = connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        self._ids: dict[tuple[str, str], int] = {}  # of (key, language)
        self._new: dict[int, tuple[str, str]] = {}
        self._sums: dict[int, list[int]] = {}
        self._forms: dict[tuple[int, str], int] = {}
        self._tallies: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._met: dict[tuple[int, int], dict[int, bool]] = {}  # by page and day: word -> in main text
        self._ever: dict[int, dict[int, bool]] = {}  # by page: word -> ever in main text
        self._new_pages: set[int] = set()

    def visit(
        self,
        page: int,
        site: int,
        day: int,
        lang: str,
        forms: list[tuple[str, str, int, int]],
        *,
        is_new: bool,
    ) -> None:
        """A visit of a page is summed up; ``is_new``: the store had no such page before."""
        if is_new:
            self._new_pages.add(page)
        sums = self._sums
        tallies = self._tallies.setdefault((site, day), {})
        words = self._words(forms, lang)
        is_first = is_new and page not in self._ever  # then nothing needs to be asked
        if is_first:
            self._met[page, day] = {word: main > 0 for word, (main, _) in words.items()}
            self._ever[page] = self._met[page, day].copy()
        for word, (main, other) in words.items():
            if is_first:
                pages = new = main > 0
                all_pages = all_new = True
            else:
                pages, all_pages, new, all_new = self._meet(page, word, day, in_main=main > 0)
            tally = tallies.get(word)
            if tally is None:
                tallies[word] = [main, other, pages, all_pages, new, all_new]
            else:
                tally[0] += main
                tally[1] += other
                tally[2] += pages
                tally[3] += all_pages
                tally[4] += new
                tally[5] += all_new
            row = sums.get(word)
            if row is None:
                sums[word] = [main, other, new, all_new, day, day]
            else:
                row[0] += main
                row[1] += other
                row[2] += new
                row[3] += all_new
                row[4] = min(row[4], day)
                row[5] = max(row[5], day)

    def write(self) -> None:
        """All of it is in the tables."""
        run, new, plain = self._connection.executemany, self._new, queries.plain
        fresh = ((word, key, lang, plain(key), *self._sums[word]) for word, (key, lang) in new.items())
        run(_NEW_WORDS, fresh)
        known = sorted(word for word in self._sums if word not in new)
        run(_SUMS, [(*self._sums[word], word) for word in known])
        run(_FORMS, sorted((word, form, n) for (word, form), n in self._forms.items()))
        for (page, day), met in sorted(self._met.items(), key=_FIRST):
            run(_MET, [(page, word, day, main) for word, main in sorted(met.items(), key=_FIRST)])
        for place, tallies in sorted(self._tallies.items(), key=_FIRST):
            run(_TALLIES, [(*place, word, *tally) for word, tally in sorted(tallies.items(), key=_FIRST)])

    def _words(self, forms: list[tuple[str, str, int, int]], lang: str) -> dict[int, list[int]]:
        """The words of a visit, occurrences in main text and in the rest; its forms are summed up."""
        ids, summed = self._ids, self._forms
        words: dict[int, list[int]] = {}
        for form, key, main, other in forms:
            if not main and not other:
                continue
            word = ids.get((key, lang)) or self._number(key, lang)
            summed[word, form] = summed.get((word, form), 0) + main + other
            row = words.get(word)
            if row is None:
                words[word] = [main, other]
            else:
                row[0] += main
                row[1] += other
        return words

    def _number(self, key: str, lang: str) -> int:
        """The number of a word, which it gets now if it is new."""
        row = self._cursor.execute("SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)).fetchone()
        if row is None:
            self._last += 1
            self._new[self._last] = key, lang
        word: int = row[0] if row else self._last
        self._ids[key, lang] = word
        return word

    def _meet(self, page: int, word: int, day: int, *, in_main: bool) -> tuple[bool, bool, bool, bool]:
        """Whether the page is one more for the word: in main text and in all that day, and the same ever."""
        met = self._met.setdefault((page, day), {})
        ever = self._ever.setdefault(page, {})
        here, before = met.get(word), ever.get(word)
        if here is None and page not in self._new_pages:
            row = {"page": page, "word": word, "day": day}
            was, was_main, kept = self._cursor.execute(_BEFORE, row).fetchone()
            here = None if kept is None else bool(kept)
            if was:
                before = bool(was_main or before)
        met[word] = bool(here or in_main)
        ever[word] = bool(before or in_main)
        return in_main and not here, here is None, in_main and not before, before is None
