"""Words' numbers, remembered over batches: never one that is not the store's."""

from __future__ import annotations

import sqlite3

import numpy
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import numbers
from netsuite.wordproxy.store.numbers import Numbers
from netsuite.words.segment import is_small

from .test_vectors import store

_WORD = "INSERT INTO word (id, key, lang, plain, first, last) VALUES (?, ?, ?, ?, 1, 1)"


def keep(connection: sqlite3.Connection, which: Numbers) -> None:
    """The words that are new are in the table."""
    connection.executemany(_WORD, [(word, key, lang, key) for word, (key, lang) in which.new.items()])


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
        self.assertEqual(which.new, {1: ("a", "en"), 2: ("b", "en"), 3: ("a", "de")})
        keep(connection, which)
        which.begin()
        self.assertEqual((which.of(["b", "a"], "en"), which.new), ([2, 1], {}))
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
        connection.execute(_WORD, (2, "c", "en", "c"))
        which.begin()
        self.assertEqual(which.of(["c", "a", "b"], "en"), [2, 1, 3])

    def test_another_writer(self) -> None:
        """Words that another process added are found, though all that was there had been read before."""
        connection = store(self)
        which = self.begun(connection)
        which.of(["a"], "en")
        keep(connection, which)
        connection.execute(_WORD, (2, "b", "en", "b"))
        which.begin()
        self.assertEqual(which.of(["b", "c", "a"], "en"), [2, 3, 1])

    def test_days(self) -> None:
        """That a word has a day is said once, and again when somebody took a day from a word."""
        connection = store(self)
        which = self.begun(connection)
        words = which.of(["a", "b", "c"], "en")
        keep(connection, which)
        self.assertEqual(which.undated(1, words[:2]), [1, 2])
        self.assertEqual((which.undated(1, words), which.undated(2, words)), ([3], [1, 2, 3]))
        connection.execute("UPDATE word SET last = 2")
        which.begin()
        self.assertEqual(which.undated(2, words), [])
        for narrowed in ("last = 1", "first = 2"):
            connection.execute(f"UPDATE word SET {narrowed} WHERE id = 3")
            which.begin()
            self.assertEqual(which.undated(2, words), [1, 2, 3], narrowed)

    def test_days_are_bounded(self) -> None:
        """Of many days only the latest asked for are remembered."""
        which = self.begun(store(self))
        words = which.of(["a"], "en")
        for day in range(1, numbers.DAYS_MAX + 2):
            self.assertEqual((which.undated(day, words), which.undated(day, words)), ([1], []))
        self.assertEqual((which.undated(2, words), which.undated(1, words)), ([], [1]))

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
