"""Words' numbers, remembered over batches: never one that is not the store's."""

from __future__ import annotations

import sqlite3

import numpy
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import numbers
from netsuite.wordproxy.store.numbers import Numbers
from netsuite.words.segment import is_small

from .test_vectors import store

_WORD = "INSERT INTO word (id, key, lang) VALUES (?, ?, ?)"


def keep(connection: sqlite3.Connection, which: Numbers) -> None:
    """The words that are new are in the table."""
    for first, lang, keys in which.new:
        connection.executemany(_WORD, [(word, key, lang) for word, key in enumerate(keys, first)])


class NumbersTests(SynchronousTestCase):
    def begun(self, connection: sqlite3.Connection, *, whole: bool = True) -> Numbers:
        which = Numbers(connection, whole=whole)
        which.begin()
        return which

    def test_new_and_known(self) -> None:
        """A word gets its number once; the same key in another language is another word."""
        connection = store(self)
        which = self.begun(connection)
        self.assertEqual(which.of(["a", "b", "a"], "en"), [1, 2, 1])
        self.assertEqual(which.of(["a"], "de"), [3])
        self.assertEqual(which.new, [(1, "en", ["a", "b"]), (3, "de", ["a"])])
        keep(connection, which)
        which.begin()
        self.assertEqual((which.of(["b", "a"], "en"), which.new), ([2, 1], []))
        self.assertEqual((which.find("b", "en"), which.find("b", "de")), (2, None))
        for whole in (False, True):
            self.assertEqual(self.begun(connection, whole=whole).of(["b", "c"], "en"), [2, 4])

    def test_not_kept(self) -> None:
        """Numbers of a transaction that was not kept are given out again."""
        connection = store(self)
        which = self.begun(connection)
        which.of(["lost"], "en")
        which.forget()
        which.begin()
        self.assertEqual(which.of(["found"], "en"), [1])

    def test_removed(self) -> None:
        """When a word was removed, by whomever, nothing is remembered; its number may be another word's."""
        connection = store(self)
        which = self.begun(connection)
        which.of(["a", "b"], "en")
        keep(connection, which)
        connection.execute("DELETE FROM word WHERE key = 'b'")
        connection.execute(_WORD, (2, "c", "en"))
        which.begin()
        self.assertEqual(which.of(["c", "a", "b"], "en"), [2, 1, 3])

    def test_another_writer(self) -> None:
        """Words that another process added are found, though all that was there had been read before."""
        connection = store(self)
        which = self.begun(connection)
        which.of(["a"], "en")
        keep(connection, which)
        connection.execute(_WORD, (2, "b", "en"))
        which.begin()
        self.assertEqual(which.of(["b", "c", "a"], "en"), [2, 3, 1])

    def test_bound(self) -> None:
        """Past its bound it forgets, and goes on right."""
        self.patch(numbers, "WORDS_MAX", 3)
        connection = store(self)
        which = self.begun(connection)
        for turn in range(4):
            keys = [f"w{turn}{at}" for at in range(3)]
            found = which.of(keys, "en")
            keep(connection, which)
            which.begin()
            self.assertEqual(which.of(keys, "en"), found)
            self.assertLessEqual(which._size, 6)

    def test_small(self) -> None:
        """It knows which keys begin with a small letter."""
        which = self.begun(store(self))
        words = which.of(["a", "漢", "\u0301ä", "1"], "zh")
        self.assertEqual(which.are_small(numpy.array(words)).tolist(), [1, 0, 1, 0])
        self.assertEqual(
            [is_small(form) for form in ("a", "A", "’a", "1A", "ß", "漢", "")],
            [True, False, True, False, True, False, False],
        )
