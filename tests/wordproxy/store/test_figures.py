"""What tallies of words come to: columns of many words, read, changed and written back."""

from __future__ import annotations

import sqlite3

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import adding, figures, queries
from netsuite.wordproxy.store.figures import SUMS, WIDE
from netsuite.wordproxy.store.packing import Unreadable
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import folder

from .test_vectors import store

#: Of some words: what is added to each of their sums, and a day.
NUMBERS = st.sampled_from([0, 0, 1, 1, 255, 256, 70_000, 2**33])
BATCH = st.dictionaries(
    st.sampled_from([1, 2, WIDE - 1, WIDE, WIDE + 1, 5 * WIDE]),
    st.tuples(st.tuples(*[NUMBERS] * len(SUMS)), st.integers(1, 9)),
    min_size=1,
    max_size=6,
)


def add(connection: sqlite3.Connection, batch: dict[int, tuple[tuple[int, ...], int]]) -> None:
    """The words have so much more, on that day."""
    words = numpy.array(sorted(batch))
    rows = [batch[word] for word in sorted(batch)]
    sums = numpy.array([row for row, _ in rows]).T
    days = numpy.array([day for _, day in rows])
    figures.add(connection, words, list(sums), days, days)


class FiguresTests(SynchronousTestCase):
    """Their numbers are those of a dict that is added to."""

    @settings(deadline=None, max_examples=100)
    @given(st.lists(BATCH, min_size=1, max_size=4))
    def test_added(self, batches: list[dict[int, tuple[tuple[int, ...], int]]]) -> None:
        """Sums add up, days reach from the first to the last, and other words stay without anything."""
        connection = store(self)
        expected: dict[int, list[int]] = {}
        for batch in batches:
            add(connection, batch)
            for word, (sums, day) in batch.items():
                row = expected.setdefault(word, [0] * len(SUMS) + [day, day])
                row[:-2] = [had + more for had, more in zip(row, sums, strict=False)]
                row[-2:] = [min(row[-2], day), max(row[-1], day)]
        last = 6 * WIDE
        every = figures.every(connection, last, *SUMS)
        firsts = figures.firsts(connection, last)
        for word in range(last + 1):
            row = expected.get(word, [0] * len(SUMS) + [0, 0])
            self.assertEqual([*(int(column[word]) for column in every), firsts[word]], row[:-1])
        some = sorted(expected, reverse=True)
        found = zip(*(column.tolist() for column in figures.read(connection, some)), strict=True)
        self.assertEqual([list(row) for row in found], [expected[word] for word in some])
        self.assertEqual(list(figures.one(connection, some[0])), expected[some[0]])

    def test_gone(self) -> None:
        """Rows without a word are gone; what is left in others is as it was."""
        connection = store(self)
        add(connection, {1: ((300,) * 6, 5), 2: ((7,) * 6, 5), WIDE: ((1,) * 6, 5)})
        words = numpy.array([1, WIDE])
        held = figures.Figures(connection, words)
        held.sums[:, held.at(words)] = held.days[:, held.at(words)] = 0
        held.write()
        rows = connection.execute("SELECT block, length(sums) FROM figure").fetchall()
        self.assertEqual(rows, [(0, len(SUMS) * WIDE)])
        self.assertEqual(list(figures.one(connection, 2)), [7, 7, 7, 7, 7, 7, 5, 5])
        self.assertEqual(set(figures.one(connection, 1)), {0})

    def test_days_of_new_words(self) -> None:
        """What is kept of a day's new words goes where a first day moves from or to it, and only there."""
        connection = store(self)
        add(connection, {1: ((1,) * 6, 5), 2: ((1,) * 6, 7)})
        connection.executemany("INSERT INTO fresh VALUES (?, 0, 'en', 1, 1)", [(day,) for day in range(1, 9)])
        add(connection, {1: ((1,) * 6, 8), 2: ((1,) * 6, 3), 3: ((1,) * 6, 6)})
        left = [day for (day,) in connection.execute("SELECT day FROM fresh ORDER BY day")]
        self.assertEqual(left, [1, 2, 4, 5, 6, 8])

    def test_damaged(self) -> None:
        """A row of another length, or of words that can't be, is damage."""
        for damage in (
            "UPDATE figure SET sums = substr(sums, 2)",
            "UPDATE figure SET sums = x''",
            "UPDATE figure SET days = substr(days, 5)",
            "UPDATE figure SET block = 9",
            "UPDATE figure SET block = -1",
        ):
            connection = store(self)
            add(connection, {1: ((1,) * 6, 5)})
            connection.execute(damage)
            with self.assertRaises(Unreadable, msg=damage):
                figures.every(connection, 1, "main")
                figures.firsts(connection, 1)


class NewWordsTests(SynchronousTestCase):
    """Words as text for one statement."""

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
            | st.sampled_from(["Éa", "a\nb", "\n", "a\0b", "\0", '"', "\\", "\\u0000", "7", "\u0301", "'"]),
            unique=True,
            max_size=6,
        )
    )
    def test_any_text(self, keys: list[str]) -> None:
        """Each key is in its row as it is, and beside it what search compares, where that is another text."""
        connection = store(self)
        adding.put_words(connection, 7, "en", keys)
        rows = connection.execute(
            "SELECT id, key, coalesce(plain, key), lang FROM word ORDER BY id"
        ).fetchall()
        wanted = [(word, key, queries.plain(key), "en") for word, key in enumerate(keys, 7)]
        self.assertEqual(rows, wanted)
        (same,) = connection.execute("SELECT count(*) FROM word WHERE plain = key").fetchone()
        self.assertEqual(same, 0)


class ShrinkTests(SynchronousTestCase):
    """Free pages are given back."""

    def test_many_pages(self) -> None:
        """All of them, however many."""
        made = SqliteStore(str(folder(self) / "words.db"))
        self.addCleanup(made.close)
        run = made._connection.execute
        with made._transaction():
            run("INSERT INTO sentence VALUES (1, 1, 1, ?)", ("x" * 6_000_000,))
        with made._transaction():
            run("DELETE FROM sentence")
        self.assertGreater(run("PRAGMA freelist_count").fetchone()[0], 1200)
        made._database.has_deleted = True
        made._database.shrink()
        self.assertEqual(run("PRAGMA freelist_count").fetchone()[0], 0)
        self.assertLess(run("PRAGMA page_count").fetchone()[0], 200)
