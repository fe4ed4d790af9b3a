"""What the visits of a batch add to the words: summed up here, then written in the order of the tables' keys.

Most words of a page are on the batch's other pages too, so that one row a word, form, or word of a site and
day is written for all of them.  Works inside the transaction of its caller, which no other writer shares:
numbers of new words are given out here, and what was looked up stays true.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from netsuite.wordproxy.store import queries

_NEW_WORDS = """
INSERT INTO word (id, key, lang, plain, main, other, pages, all_pages, named, first, last, small)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_SUMS = """
UPDATE word SET main = main + ?, other = other + ?, pages = pages + ?, all_pages = all_pages + ?,
    named = named + ?, first = min(first, ?), last = max(last, ?), small = small + ? WHERE id = ?
"""

_MET = """
INSERT INTO met (page, word, day, main, other, all_main, all_other, flags) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (page, word, day) DO UPDATE SET main = excluded.main, other = excluded.other,
    all_main = all_main + excluded.all_main, all_other = all_other + excluded.all_other,
    flags = flags | excluded.flags
"""

_PAGE_FORMS = """
INSERT INTO page_form (page, word, day, form, n, all_n) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (page, word, day, form) DO UPDATE SET n = excluded.n, all_n = all_n + excluded.all_n
"""

_FORMS = """
INSERT INTO form (word, form, n) VALUES (?, ?, ?)
ON CONFLICT (word, form) DO UPDATE SET n = n + excluded.n
"""

_TALLIES = """
INSERT INTO tally (site, day, word, main, other, pages, all_pages, new, all_new, named)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, day, word) DO UPDATE SET
    main = main + excluded.main, other = other + excluded.other,
    pages = pages + excluded.pages, all_pages = all_pages + excluded.all_pages,
    new = new + excluded.new, all_new = all_new + excluded.all_new, named = named + excluded.named
"""

#: Whether a word was ever met on a page, ever in its main text, and that day's sums and flags, or None.
_BEFORE = """
SELECT EXISTS (SELECT 1 FROM met WHERE page = :page AND word = :word),
    EXISTS (SELECT 1 FROM met WHERE page = :page AND word = :word AND all_main),
    (SELECT all_main > 0 FROM met WHERE page = :page AND word = :word AND day = :day),
    (SELECT flags FROM met WHERE page = :page AND word = :word AND day = :day)
"""

#: Flags of a row of "met": the page is new for the word on that day, new in its main text; it was named.
NEW, NEW_IN_MAIN, NAMED = 1, 2, 4

_FIRST = itemgetter(0)


@lru_cache(maxsize=65536)
def is_small(form: str) -> bool:
    """Whether the first letter of a form that has a case is a small one."""
    return next((c.islower() for c in form if c.lower() != c.upper()), False)


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
        # by page and day: word -> latest main and other, their sums over this batch, flags
        self._met: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._page_forms: dict[tuple[int, int], dict[tuple[int, str], list[int]]] = {}
        self._days: dict[int, list[int]] = {}  # of each page in this batch
        self._new_pages: set[int] = set()
        self._overtaken: list[tuple[int, int]] = []  # pages and days that had a visit before this batch

    def visit(
        self,
        page: int,
        site: int,
        day: int,
        lang: str,
        forms: list[tuple[str, str, int, int]],
        names: Sequence[str] = (),
        *,
        is_new: bool,
        is_first_of_day: bool,
    ) -> None:
        """A visit of a page is summed up; ``is_new``: the store had no such page before, on no day."""
        if is_new:
            self._new_pages.add(page)
        is_first = is_new and page not in self._days  # then nothing needs to be asked
        words, shown = self._words(forms, lang)
        named = {word for key in names if (word := self._ids.get((key, lang))) in words}
        rows = self._rows(page, day, is_first_of_day=is_first_of_day)
        self._show(page, day, shown)
        sums = self._sums
        tallies = self._tallies.setdefault((site, day), {})
        for word, (main, other) in words.items():
            if is_first:
                pages = new = 1 if main else 0
                all_pages = all_new = 1
                rows[word] = [main, other, main, other, 3 if main else 1]
            else:
                pages, all_pages, new, all_new = self._meet(page, word, day, main, other)
            tally = tallies.get(word)
            if tally is None:
                tallies[word] = [main, other, pages, all_pages, new, all_new, 0]
            else:
                tally[0] += main
                tally[1] += other
                tally[2] += pages
                tally[3] += all_pages
                tally[4] += new
                tally[5] += all_new
            row = sums.get(word)
            if row is None:
                sums[word] = [main, other, new, all_new, 0, day, day]
            else:
                row[0] += main
                row[1] += other
                row[2] += new
                row[3] += all_new
                if day < row[5]:
                    row[5] = day
                elif day > row[6]:
                    row[6] = day
        for word in named:
            self._name(page, word, day, tallies[word])
        if day not in (days := self._days.setdefault(page, [])):
            days.append(day)

    def put(
        self,
        site: int,
        day: int,
        key: str,
        lang: str,
        tally: tuple[int, int, int, int, int, int, int],
        forms: Mapping[str, int],
    ) -> int:
        """A tally summed up elsewhere is added; the word's number.  ``forms``: those that aren't keys.

        ``tally``: main, other, pages, all_pages, new, all_new, named.
        """
        word = self._ids.get((key, lang)) or self._number(key, lang)
        rows = self._tallies.setdefault((site, day), {})
        rows[word] = [a + b for a, b in zip(rows.get(word, (0,) * 7), tally, strict=True)]
        main, other, _, _, new, all_new, named = tally
        row = self._sums.setdefault(word, [0, 0, 0, 0, 0, day, day])
        for at, n in enumerate((main, other, new, all_new, named)):
            row[at] += n
        row[5], row[6] = min(row[5], day), max(row[6], day)
        rest = main + other - sum(forms.values())
        for form, n in (*forms.items(), *([(key, rest)] if rest > 0 else ())):
            self._forms[word, form] = self._forms.get((word, form), 0) + n
        return word

    def keep(self, page: int, day: int, word: int, met: list[int], forms: Mapping[str, list[int]]) -> None:
        """The page has these rows of a word's day, and had none."""
        self._met.setdefault((page, day), {})[word] = met
        if forms:
            shown = self._page_forms.setdefault((page, day), {})
            shown.update({(word, form): ns for form, ns in forms.items()})

    def number(self, key: str, lang: str) -> int | None:
        """The number of a word that a visit of this batch had, else None."""
        return self._ids.get((key, lang))

    def write(self) -> None:
        """All of it is in the tables."""
        run, new, plain = self._connection.executemany, self._new, queries.plain
        small: dict[int, int] = {}
        for (word, form), n in self._forms.items():
            if is_small(form):
                small[word] = small.get(word, 0) + n
        fresh = (
            (word, key, lang, plain(key), *self._sums[word], small.get(word, 0))
            for word, (key, lang) in new.items()
        )
        run(_NEW_WORDS, fresh)
        known = sorted(word for word in self._sums if word not in new)
        run(_SUMS, [(*self._sums[word], small.get(word, 0), word) for word in known])
        run(_FORMS, sorted((word, form, n) for (word, form), n in self._forms.items()))
        run("UPDATE met SET main = 0, other = 0 WHERE page = ? AND day = ?", self._overtaken)
        run("UPDATE page_form SET n = 0 WHERE page = ? AND day = ?", self._overtaken)
        for (page, day), met in sorted(self._met.items(), key=_FIRST):
            run(_MET, [(page, word, day, *row) for word, row in sorted(met.items(), key=_FIRST)])
        for (page, day), shown in sorted(self._page_forms.items(), key=_FIRST):
            run(_PAGE_FORMS, [(page, word, day, form, *ns) for (word, form), ns in sorted(shown.items())])
        for place, tallies in sorted(self._tallies.items(), key=_FIRST):
            run(_TALLIES, [(*place, word, *tally) for word, tally in sorted(tallies.items(), key=_FIRST)])

    def _words(
        self, forms: list[tuple[str, str, int, int]], lang: str
    ) -> tuple[dict[int, list[int]], dict[tuple[int, str], int]]:
        """The words of a visit, occurrences in main text and in the rest; and the forms that aren't keys.

        Its forms are summed up.
        """
        ids, summed = self._ids, self._forms
        words: dict[int, list[int]] = {}
        shown: dict[tuple[int, str], int] = {}
        for form, key, main, other in forms:
            if not main and not other:
                continue
            word = ids.get((key, lang)) or self._number(key, lang)
            summed[word, form] = summed.get((word, form), 0) + main + other
            if form != key:
                shown[word, form] = shown.get((word, form), 0) + main + other
            row = words.get(word)
            if row is None:
                words[word] = [main, other]
            else:
                row[0] += main
                row[1] += other
        return words, shown

    def _number(self, key: str, lang: str) -> int:
        """The number of a word, which it gets now if it is new."""
        row = self._cursor.execute("SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)).fetchone()
        if row is None:
            self._last += 1
            self._new[self._last] = key, lang
        word: int = row[0] if row else self._last
        self._ids[key, lang] = word
        return word

    def _rows(self, page: int, day: int, *, is_first_of_day: bool) -> dict[int, list[int]]:
        """The rows of a page's day, whose latest visit is now this one."""
        rows = self._met.get((page, day))
        if rows is None:
            rows = self._met[page, day] = {}
            if not is_first_of_day:
                self._overtaken.append((page, day))
        else:
            for row in rows.values():
                row[0] = row[1] = 0
            for ns in self._page_forms.get((page, day), {}).values():
                ns[0] = 0
        return rows

    def _show(self, page: int, day: int, shown: dict[tuple[int, str], int]) -> None:
        """The page had these forms, which aren't keys."""
        if shown:
            kept = self._page_forms.setdefault((page, day), {})
            for which, n in shown.items():
                kept[which] = [n, n + kept.get(which, (0, 0))[1]]

    def _meet(self, page: int, word: int, day: int, main: int, other: int) -> tuple[int, int, int, int]:
        """Whether the page is one more for the word: in main text and in all that day, and the same ever."""
        row = self._met[page, day].get(word)
        here = None if row is None else row[2] > 0
        before = None
        for past in self._days.get(page, ()):
            if found := self._met[page, past].get(word):
                before = bool(before) or found[2] > 0
        if page not in self._new_pages:
            was, was_main, kept, _ = self._before(page, word, day)
            if kept is not None:
                here = bool(here or kept)
            if was:
                before = bool(was_main or before)
        pages, all_pages = main > 0 and not here, here is None
        new, all_new = main > 0 and not before, before is None
        if row is None:
            row = self._met[page, day][word] = [0, 0, 0, 0, 0]
        row[0], row[1] = main, other
        row[2] += main
        row[3] += other
        row[4] |= all_new * NEW | new * NEW_IN_MAIN
        return pages, all_pages, new, all_new

    def _before(self, page: int, word: int, day: int) -> tuple[int, int, int | None, int | None]:
        row = {"page": page, "word": word, "day": day}
        found: tuple[int, int, int | None, int | None] = self._cursor.execute(_BEFORE, row).fetchone()
        return found

    def _name(self, page: int, word: int, day: int, tally: list[int]) -> None:
        """The word stands capitalised in the midst of one of the page's sentences: counted once a day."""
        row = self._met[page, day][word]
        if row[4] & NAMED:
            return
        row[4] |= NAMED
        if page not in self._new_pages and (self._before(page, word, day)[3] or 0) & NAMED:
            return
        tally[6] += 1
        self._sums[word][4] += 1
