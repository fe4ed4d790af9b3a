"""What sums come to: distinct words, and how much of the main text is known, beside each sum of words.

Theory.  What a sum comes to is counted when it is made, but for what is known of it, which changes with the
user's levels.  So each gist says after how many changes of levels it was counted ("said"), and each change
since is written down with the word that it was of: who asks takes the difference for these few words.  When
many levels change at once, as with a list that is imported, nothing is written down: known words of all sums
count as not counted, are counted where they are asked for, and for good when there is time.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import compress
from typing import NamedTuple

from netsuite.wordproxy.store.contract import LEVELS
from netsuite.wordproxy.store.sums import Draft, Span, loosen

#: Changes of levels that are written down one by one.
CHANGES_MAX = 100

#: So few changes are made good each time it is asked, and not for good.
CHANGES_FEW = 10

#: Words of sums that are counted in one step, about.
STEP_WORDS = 200_000

#: From this level on a word counts as known.
KNOWN = LEVELS.index("known")

_COLUMNS = "first, last, site, lang, in_main, in_all, n_main, n_all, known_main, known_n, said"

#: What is not counted.
_UNSAID = -1


class Gist(NamedTuple):
    """What one sum comes to; the names are the table's."""

    first: int
    last: int
    site: int
    lang: str
    in_main: int
    in_all: int
    n_main: int
    n_all: int
    known_main: int = 0
    known_n: int = 0
    said: int = _UNSAID


class Gists:
    """What sums come to, with the levels of one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (self.said,) = connection.execute("SELECT coalesce(max(n), 0) FROM said").fetchone()
        self._since: dict[int, dict[int, int]] = {}

    @cached_property
    def known(self) -> set[int]:
        """The words that are known, or ignored."""
        sql = "SELECT w.id FROM known k CROSS JOIN word w USING (key, lang) WHERE k.level >= ?"
        return {word for (word,) in self._connection.execute(sql, (KNOWN,))}

    @cached_property
    def mask(self) -> list[int]:
        """By a word's number, 1 if it is known, else 0."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        mask = [0] * (last + 1)
        for word in self.known:
            mask[word] = 1
        return mask

    def of(self, span: Span, site: int, lang: str | None) -> list[Gist]:
        """What the sum of a span comes to at a site, by language."""
        of_lang = "" if lang is None else "AND lang = ?"
        told = (*span, site) if lang is None else (*span, site, lang)
        sql = f"SELECT {_COLUMNS} FROM gist WHERE first = ? AND last = ? AND site = ? {of_lang} ORDER BY lang"
        found = map(Gist._make, self._connection.execute(sql, told).fetchall())
        return [gist if gist.said == self.said else self.counted(gist) for gist in found]

    def counted(self, gist: Gist) -> Gist:
        """The gist as it is now."""
        if gist.said == _UNSAID:
            words, mains = self._read(gist, "words"), self._read(gist, "main")
            met = [n for n in compress(mains, map(self.mask.__getitem__, words)) if n]
            known_main, known_n = sum(met), len(met)
        else:
            known_main, known_n = self._with_changes(gist)
        return gist._replace(known_main=known_main, known_n=known_n, said=self.said)

    def _with_changes(self, gist: Gist) -> tuple[int, int]:
        known_main, known_n = gist.known_main, gist.known_n
        words = self._read(gist, "words")
        mains: Sequence[int] = ()
        for word, was in self._changes(gist.said).items():
            place = bisect_left(words, word)
            if place == len(words) or words[place] != word:
                continue
            mains = mains or self._read(gist, "main")
            sign = (word in self.known) - was
            known_main += sign * mains[place]
            known_n += sign * (mains[place] > 0)
        return known_main, known_n

    def _changes(self, said: int) -> dict[int, int]:
        """The words of which something was said since then, and whether they were known then."""
        if said not in self._since:
            rows = self._connection.execute("SELECT word, was FROM said WHERE n > ? ORDER BY n DESC", (said,))
            self._since[said] = dict(rows.fetchall())  # the earliest change tells
        return self._since[said]

    def _read(self, gist: Gist, column: str) -> Sequence[int]:
        sql = f"SELECT {column} FROM pack WHERE first = ? AND last = ? AND site = ? AND lang = ?"
        return loosen(self._connection.execute(sql, gist[:4]).fetchone()[0])


def put(gist: Gist) -> Draft:
    """What keeps a gist."""
    return [
        (f"INSERT OR REPLACE INTO gist ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tuple(gist))
    ]


def draft(connection: sqlite3.Connection) -> Draft | None:
    """What counts some gists that are not counted, or too many changes behind; None if there are none."""
    ask = connection.execute
    (changes,) = ask("SELECT count(*) FROM said").fetchone()
    gists = Gists(connection)
    term = "said <> ?" if changes > CHANGES_FEW else f"said = {_UNSAID} AND ? IS NOT NULL"
    drafted: Draft = []
    left = STEP_WORDS
    for row in ask(f"SELECT {_COLUMNS} FROM gist WHERE {term}", (gists.said,)).fetchall():
        gist = gists.counted(Gist._make(row))
        drafted += put(gist)
        left -= gist.n_all + 500
        if left < 0:
            return drafted
    if not drafted and changes > CHANGES_FEW:  # all are counted: what came before tells nothing any more
        return [("DELETE FROM said WHERE n < ?", (gists.said,))]
    return drafted or None


def note(connection: sqlite3.Connection, changes: Collection[tuple[int, bool]]) -> None:
    """These words came to be known, or were and are not any more; in the transaction that changes it."""
    (before,) = connection.execute("SELECT count(*) FROM said").fetchone()
    if before + len(changes) > CHANGES_MAX:
        connection.execute("DELETE FROM said")
        connection.execute("UPDATE gist SET said = ?", (_UNSAID,))
        return
    connection.executemany("INSERT INTO said (word, was) VALUES (?, ?)", changes)
