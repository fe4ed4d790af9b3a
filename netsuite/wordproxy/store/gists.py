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
from collections.abc import Collection
from functools import cached_property
from typing import NamedTuple

import numpy

from netsuite.wordproxy.store.contract import LEVELS
from netsuite.wordproxy.store.loosened import Loosened
from netsuite.wordproxy.store.packing import Column
from netsuite.wordproxy.store.sums import Draft, Span

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

    def __init__(self, connection: sqlite3.Connection, loosened: Loosened) -> None:
        self._connection, self._loosened = connection, loosened
        (self.said,) = connection.execute("SELECT coalesce(max(n), 0) FROM said").fetchone()
        self._since: dict[int, dict[int, int]] = {}

    @cached_property
    def mask(self) -> Column:
        """By a word's number, whether it is known, or ignored."""
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM word").fetchone()
        mask = numpy.zeros(last + 1, dtype=bool)
        words, levels = self._loosened.levels(self._connection)
        mask[words[levels >= KNOWN]] = True
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
            met = mains[self.mask[words]]
            known_main, known_n = int(met.sum()), int(numpy.count_nonzero(met))
        else:
            known_main, known_n = self._with_changes(gist)
        return gist._replace(known_main=known_main, known_n=known_n, said=self.said)

    def _with_changes(self, gist: Gist) -> tuple[int, int]:
        changes = {word: was for word, was in self._changes(gist.said).items() if word < len(self.mask)}
        changed = numpy.array(list(changes), dtype=numpy.int64)
        signs = self.mask[changed].astype(numpy.int64) - list(changes.values())
        words = self._read(gist, "words")
        places = numpy.minimum(numpy.searchsorted(words, changed), len(words) - 1)
        is_here = words[places] == changed
        if not is_here.any():
            return gist.known_main, gist.known_n
        mains, signs = self._read(gist, "main")[places[is_here]], signs[is_here]
        return gist.known_main + int(signs @ mains), gist.known_n + int(signs @ (mains > 0))

    def _changes(self, said: int) -> dict[int, int]:
        """The words of which something was said since then, and whether they were known then."""
        if said not in self._since:
            rows = self._connection.execute("SELECT word, was FROM said WHERE n > ? ORDER BY n DESC", (said,))
            self._since[said] = dict(rows.fetchall())  # the earliest change tells
        return self._since[said]

    def _read(self, gist: Gist, column: str) -> Column:
        sql = "SELECT rowid FROM pack WHERE first = ? AND last = ? AND site = ? AND lang = ?"
        (row,) = self._connection.execute(sql, gist[:4]).fetchone()
        return self._loosened.read(self._connection, row, column)


def put(gist: Gist) -> Draft:
    """What keeps a gist."""
    return [
        (f"INSERT OR REPLACE INTO gist ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tuple(gist))
    ]


def draft(connection: sqlite3.Connection) -> Draft | None:
    """What counts some gists that are not counted, or too many changes behind; None if there are none."""
    ask = connection.execute
    (changes,) = ask("SELECT count(*) FROM said").fetchone()
    gists = Gists(connection, Loosened(0))  # each column is read once
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
