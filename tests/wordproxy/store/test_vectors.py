"""Columns of numbers in a row: parts of tallies, and what was met on a page's day."""

from __future__ import annotations

import sqlite3

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import file, vectors
from netsuite.wordproxy.store.vectors import Met

NUMBER = st.integers(0, 2**33)
ROWS = st.dictionaries(st.integers(1, 2**33), st.lists(NUMBER, min_size=7, max_size=7), max_size=6)


def store(case: SynchronousTestCase) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    case.addCleanup(connection.close)
    file.kind().write_schema(connection)
    return connection


def add(connection: sqlite3.Connection, rows: dict[int, list[int]], site: int = 1, day: int = 7) -> None:
    words = sorted(rows)
    columns = numpy.array([rows[word] for word in words], dtype=numpy.int64).T
    vectors.append(connection, site, day, numpy.array(words), columns)


class TallyTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=60)
    @given(st.lists(ROWS.filter(bool), max_size=40))
    def test_parts_add_up(self, told: list[dict[int, list[int]]]) -> None:
        """Whatever the parts are, and however often they are folded, a word has the sum of its numbers."""
        connection = store(self)
        wanted: dict[int, list[int]] = {}
        for rows in told:
            add(connection, rows)
            for word, row in rows.items():
                wanted[word] = [a + b for a, b in zip(wanted.get(word, [0] * 7), row, strict=True)]
        self.assertEqual(vectors.fold(connection, 1, 7), wanted)
        (parts,) = connection.execute("SELECT count(*) FROM tally").fetchone()
        self.assertLessEqual(parts, vectors.PARTS_MAX)
        for _, _, part in vectors.tallies(connection, 7, 7):
            self.assertEqual(list(part.words), sorted(part.words))

    def test_a_large_part_stays(self) -> None:
        """A part that has most of the words is not written again with each fold."""
        connection = store(self)
        add(connection, {word: [1] * 7 for word in range(1, 1001)})
        before = connection.execute("SELECT words FROM tally").fetchone()
        for word in range(40):
            add(connection, {2000 + word: [1] * 7})
        sizes = connection.execute("SELECT words FROM tally ORDER BY length(words) DESC").fetchall()
        self.assertEqual(sizes[0], before)
        self.assertLess(len(sizes), vectors.PARTS_MAX + 1)
        self.assertEqual(len(vectors.fold(connection, 1, 7)), 1040)

    def test_others_stay(self) -> None:
        """What is put for a site's day leaves other sites and days alone; without words nothing is left."""
        connection = store(self)
        for site, day in ((1, 7), (1, 8), (2, 7)):
            add(connection, {3: [site, day, 0, 0, 0, 0, 0]}, site, day)
        vectors.put(connection, 1, 7, {4: [5, 0, 0, 0, 0, 0, 1]})
        self.assertEqual(vectors.fold(connection, 1, 7), {4: [5, 0, 0, 0, 0, 0, 1]})
        vectors.put(connection, 1, 8, {})
        left = [(site, day) for site, day, _ in vectors.tallies(connection, 0, 9)]
        self.assertEqual(sorted(left), [(1, 7), (2, 7)])
        self.assertEqual([site for site, _, _ in vectors.tallies(connection, 7, 7, 2)], [2])


class MetTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=60)
    @given(
        st.dictionaries(
            st.integers(1, 2**33), st.lists(NUMBER, min_size=5, max_size=5), min_size=1, max_size=6
        ),
        st.dictionaries(
            st.tuples(st.integers(1, 9), st.text(max_size=3)),
            st.lists(NUMBER, min_size=2, max_size=2),
            max_size=3,
        ),
    )
    def test_as_it_was(self, rows: dict[int, list[int]], forms: dict[tuple[int, str], list[int]]) -> None:
        """What is put comes back, in the same order."""
        connection = store(self)
        forms = {which: ns for which, ns in forms.items() if which[1].isprintable()}
        vectors.put_met(connection, 1, 7, Met(rows, forms))
        self.assertEqual(vectors.met(connection, 1), {7: Met(rows, forms)})
        self.assertEqual(list(vectors.met(connection, 1)[7].rows), list(rows))
        self.assertIsNone(vectors.met_on(connection, 1, 8))

    def test_first_visit(self) -> None:
        """A first visit's columns are those of a day with one visit."""
        connection = store(self)
        vectors.put_first(connection, 1, 7, [5, 3], [300, 0], [0, 2], [3, 1], [(5, "Fünf", 299, 299)])
        wanted = Met({5: [300, 0, 300, 0, 3], 3: [0, 2, 0, 2, 1]}, {(5, "Fünf"): [299, 299]})
        self.assertEqual(vectors.met_on(connection, 1, 7), wanted)

    def test_none(self) -> None:
        """A day without words has no row."""
        connection = store(self)
        vectors.put_met(connection, 1, 7, Met({5: [1, 1, 1, 1, 1]}))
        vectors.put_met(connection, 1, 7, Met())
        self.assertEqual(connection.execute("SELECT count(*) FROM met").fetchone(), (0,))
