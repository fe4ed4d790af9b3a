"""The numbers of words, remembered from batch to batch.

A word's number never changes while the word is there.  What ends it is a word's removal: a trigger counts
these in the table ``generation``, which is read when a batch begins, in its transaction; another process's
removals are seen so, too.  What a transaction gave out and did not keep is forgotten by `forget`.

It is also remembered which words have a day among theirs already: first and last days are written where they
change, and are not looked at where they can't.  Whoever narrows them is counted by the same triggers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from itertools import compress
from operator import not_

from netsuite.words.segment import is_small

#: Words that are remembered; with their keys about 20 MB.
WORDS_MAX = 150_000

#: Days of which it is remembered which words have them, a byte a word.
DAYS_MAX = 8


class Numbers:
    """Keys to numbers, by language.  ``large``: numbers of the words whose key has no small letter first."""

    def __init__(self, connection: sqlite3.Connection, *, whole: bool = False) -> None:
        """``whole``: all words are read at once, where there is room, and none is looked up after that."""
        self._connection = connection
        self._may_be_whole = whole
        self._is_whole = False
        self._generation = -1
        self._last = 0
        self._known: dict[str, dict[str, int]] = {}
        self._size = 0
        self._dated: dict[int, bytearray] = {}
        self.large: set[int] = set()
        self.new: dict[int, tuple[str, str]] = {}

    def begin(self) -> None:
        """What is remembered is true in the transaction that has just begun; no word is new in it yet."""
        run = self._connection.execute
        (generation,) = run("SELECT n FROM generation").fetchone()
        (last,) = run("SELECT coalesce(max(id), 0) FROM word").fetchone()
        if generation != self._generation or self._size > WORDS_MAX:
            self.forget()
            self._generation = generation
            self._is_whole = self._may_be_whole and last <= WORDS_MAX
            if self._is_whole:
                for word, key, lang in run("SELECT id, key, lang FROM word"):
                    self._learn(self._known.setdefault(lang, {}), key, word)
        elif last != self._last:  # another process has added some
            self._is_whole = False
        self._last = last
        self.new = {}

    def forget(self) -> None:
        """Nothing is remembered."""
        self._known.clear()
        self._dated.clear()
        self.large.clear()
        self.new = {}
        self._size, self._generation = 0, -1

    def of(self, keys: Sequence[str], lang: str) -> list[int]:
        """The numbers of words; one that was never met gets its number now, and is in `new`."""
        known = self._known.setdefault(lang, {})
        words = list(map(known.get, keys))
        if None not in words:
            return words  # type: ignore[return-value]  # as the line before says
        return [known.get(key) or self._look_up(known, key, lang) for key in keys]

    def find(self, key: str, lang: str) -> int | None:
        """The number of a word that this batch has met, else None."""
        return self._known.get(lang, {}).get(key)

    def undated(self, day: int, words: Collection[int]) -> list[int]:
        """Those of the words whose days may not reach to this one: from now on they do."""
        marks = self._dated.pop(day, None) or bytearray()
        marks.extend(bytes(self._last + 1 - len(marks)))
        if len(self._dated) >= DAYS_MAX:
            del self._dated[next(iter(self._dated))]
        self._dated[day] = marks
        found = list(compress(words, map(not_, map(marks.__getitem__, words))))
        for word in found:
            marks[word] = 1
        return found

    def _look_up(self, known: dict[str, int], key: str, lang: str) -> int:
        row = None
        if not self._is_whole:
            row = self._connection.execute(
                "SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)
            ).fetchone()
        if row is None:
            self._last += 1
            self.new[self._last] = key, lang
        word: int = row[0] if row else self._last
        self._learn(known, key, word)
        return word

    def _learn(self, known: dict[str, int], key: str, word: int) -> None:
        known[key] = word
        self._size += 1
        if not is_small(key):
            self.large.add(word)
