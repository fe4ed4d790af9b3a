"""Words that were met count once, however often and in however many pieces they come."""

from __future__ import annotations

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.met import Met

PARTS = st.lists(st.dictionaries(st.integers(0, 99), st.integers(0, 2), max_size=40), max_size=5)


class MetTests(SynchronousTestCase):
    """Against a set."""

    @settings(deadline=None, max_examples=100)
    @given(PARTS, st.sets(st.integers(0, 99)), st.booleans())
    def test_as_a_set(self, parts: list[dict[int, int]], some: set[int], plain: bool) -> None:
        """It holds what a set would hold."""
        marks, expected = Met(99), set[int]()
        for part in parts:
            words = numpy.array(list(part), dtype=numpy.uint32)
            marks.add(words, None if plain else numpy.array(list(part.values()), dtype=numpy.uint8))
            expected |= {word for word, n in part.items() if plain or n}
        mask = numpy.zeros(100, dtype=bool)
        mask[list(some)] = True
        self.assertEqual(len(marks), len(expected))
        self.assertEqual(marks.of(mask), len(expected & some))
