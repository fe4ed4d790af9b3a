"""Columns of numbers: there and back, in either form, and those that are remembered."""

from __future__ import annotations

import sqlite3
from array import array

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import lists
from netsuite.wordproxy.store.loosened import Loosened, loosen, squeeze
from netsuite.wordproxy.store.packing import Unreadable, added_up, column, pack, unpack

NUMBERS = st.lists(st.one_of(st.integers(0, 300), st.integers(0, 70_000), st.integers(0, 2**62)), max_size=50)


class PackingTests(SynchronousTestCase):
    """Numbers as bytes."""

    @settings(deadline=None, max_examples=200)
    @given(NUMBERS)
    def test_there_and_back(self, numbers: list[int]) -> None:
        """The bytes are the same whatever the numbers came in, and so are the numbers."""
        packed = pack(numbers)
        self.assertEqual(pack(array("Q", numbers)), packed)
        self.assertEqual(pack(numpy.array(numbers, dtype=numpy.int64)), packed)
        self.assertEqual(list(unpack(packed)), numbers)
        self.assertEqual(column(packed).tolist(), numbers)
        self.assertEqual(loosen(squeeze(numbers)).tolist(), numbers)

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=12))
    def test_any_bytes(self, data: bytes) -> None:
        """What is no column is Unreadable in either form, and nothing else is."""
        try:
            numbers = list(unpack(data))
        except Unreadable:
            self.assertRaises(Unreadable, column, data)
        else:
            self.assertEqual(column(data).astype(numpy.uint64).tolist(), numbers)

    def test_added_up(self) -> None:
        """Columns of all widths can be added to sums and taken away again."""
        sums = numpy.zeros(3, dtype=numpy.int64)
        for numbers in ([1, 2, 3], [1, 2, 300], [1, 2, 2**31], [1, 2, 2**40]):
            sums += column(pack(numbers))
            sums -= column(pack([0, 1, 0]))
        self.assertEqual(sums.tolist(), [4, 4, 3 + 300 + 2**31 + 2**40])


class LoosenedTests(SynchronousTestCase):
    """What was read lately."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE pack (words BLOB, main BLOB)")
        self.asked: list[str] = []
        self.connection.set_trace_callback(self.asked.append)

    def put(self, row: int, *numbers: int) -> None:
        """A row has these words."""
        told = row, squeeze(numbers), squeeze([7])
        self.connection.execute("INSERT INTO pack (rowid, words, main) VALUES (?, ?, ?)", told)

    def test_once(self) -> None:
        """A column is read once, each column of a row for itself."""
        self.put(5, 1, 2, 3)
        loosened = Loosened()
        for _ in range(3):
            self.assertEqual(loosened.read(self.connection, 5, "words").tolist(), [1, 2, 3])
            self.assertEqual(loosened.read(self.connection, 5, "main").tolist(), [7])
        self.assertEqual(sum(sql.startswith("SELECT") for sql in self.asked), 2)

    def test_bound(self) -> None:
        """What was not asked for the longest goes first when there is too much."""
        for row in (1, 2, 3):
            self.put(row, *range(100))
        loosened = Loosened(200)
        for row in (1, 2, 1, 3):
            loosened.read(self.connection, row, "words")
        before = len(self.asked)
        for row in (1, 3):
            loosened.read(self.connection, row, "words")
        self.assertEqual(len(self.asked), before)
        loosened.read(self.connection, 2, "words")
        self.assertEqual(len(self.asked), before + 1)


class LeastTests(SynchronousTestCase):
    """The smallest of the largest."""

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 50_000)), min_size=1, max_size=60), st.data())
    def test_as_sorted(self, numbers: list[int], data: st.DataObject) -> None:
        """It is what sorting finds."""
        need = data.draw(st.integers(1, len(numbers)))
        least = lists._least(numpy.array(numbers, dtype=numpy.int64), need)
        self.assertEqual(least, sorted(numbers, reverse=True)[need - 1])


class AddedUpTests(SynchronousTestCase):
    """Parts with columns of their own."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.dictionaries(
                st.integers(0, 40) | st.just(10**6),  # near each other, or not
                st.tuples(st.integers(0, 300), st.integers(0, 2**40) | st.just(2**54 + 1)),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_as_rows(self, parts: list[dict[int, tuple[int, int]]]) -> None:
        """Each word comes once, ascending, with what a dict would add up to, whatever the columns' widths."""
        wanted: dict[int, list[int]] = {}
        for part in parts:
            for word, numbers in part.items():
                wanted[word] = [n + m for n, m in zip(numbers, wanted.get(word, (0, 0)), strict=True)]
        packed = [
            (column(pack(list(part))), [column(pack([row[at] for row in part.values()])) for at in (0, 1)])
            for part in parts
        ]
        words, columns = added_up(packed)
        self.assertEqual(words.tolist(), sorted(wanted))
        rows = list(zip(*(each.tolist() for each in columns), strict=True))
        self.assertEqual(rows, [tuple(wanted[word]) for word in sorted(wanted)])
