"""Keyness of words in two texts: figures worked out by hand, and what holds for all."""

from __future__ import annotations

from math import log

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report.keyness import keyness, per_million, rank

SIZES = st.integers(1, 10**9)
SHARES = st.floats(0, 1)


class KeynessTests(SynchronousTestCase):
    """The measure."""

    def test_by_hand(self) -> None:
        """Two small texts: of 10 and 20 words, of which one is met 4 times and 2 times."""
        # expected: 10 * 6/30 = 2 and 20 * 6/30 = 4; 2 (4 ln 2 + 2 ln 0.5) = 4 ln 2
        self.assertAlmostEqual(keyness(4, 2, 10, 20), 4 * log(2))
        self.assertAlmostEqual(keyness(4, 2, 10, 20), 2.772589, 6)
        # in the first alone: expected 1 and 2; 2 * 3 ln 3
        self.assertAlmostEqual(keyness(3, 0, 10, 20), 6.591674, 6)
        # in the second alone: expected 2 and 4; 2 * 6 ln 1.5
        self.assertAlmostEqual(keyness(0, 6, 10, 20), -4.865581, 6)

    def test_large(self) -> None:
        """Texts of a million and two million words: 180 and 120 times are expected 100 and 200 times."""
        # 2 (180 ln 1.8 + 120 ln 0.6) = 360 * 0.5877867 - 240 * 0.5108256 = 211.603197 - 122.598150
        self.assertAlmostEqual(keyness(180, 120, 10**6, 2 * 10**6), 89.005047, 5)

    def test_nothing(self) -> None:
        """A word that is nowhere, or a text without words, says nothing."""
        for told in ((0, 0, 10, 10), (3, 0, 10, 0), (0, 3, 0, 10), (0, 0, 0, 0)):
            self.assertEqual(keyness(*told), 0, told)
        self.assertEqual((per_million(3, 0), per_million(3, 2_000_000)), (0, 1.5))

    @settings(deadline=None, max_examples=200)
    @given(SIZES, SIZES, SHARES, SHARES)
    def test_symmetry(self, size_a: int, size_b: int, share_a: float, share_b: float) -> None:
        """The other way round it is the same with the other sign."""
        a, b = int(size_a * share_a), int(size_b * share_b)
        there, back = keyness(a, b, size_a, size_b), keyness(b, a, size_b, size_a)
        self.assertAlmostEqual(abs(there), abs(back), delta=1e-9 * (1 + abs(there)) + 1e-6 * (a + b) / 1e6)
        if a * size_b != b * size_a:
            self.assertLessEqual(there * back, 0)

    @settings(deadline=None, max_examples=200)
    @given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 1000))
    def test_equal_rates(self, a: int, size: int, times: int, more: int) -> None:
        """At equal rates it is 0, and further apart it is more."""
        size += a
        self.assertAlmostEqual(keyness(a, a * times, size, size * times), 0, 6)
        one, two = (keyness(a + n, a * times, size + more, size * times) for n in (more - 1, more))
        self.assertLessEqual(one, two + 1e-6)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=60),
        st.integers(1, 10),
        st.integers(1, 30),
    )
    def test_rank(self, words: list[tuple[int, int]], least: int, most: int) -> None:
        """The most key comes first, nothing is below the floor, what is left out is rarer than what is in."""
        a, b = [x for x, _ in words], [y for _, y in words]
        sizes = sum(a) + 100, sum(b) + 100
        columns = numpy.array(a, dtype=numpy.int64), numpy.array(b, dtype=numpy.int64)
        found = rank(*columns, *sizes, least=least, most=most)
        scores = [abs(keyness(a[place], b[place], *sizes)) for place in found.places]
        self.assertEqual(scores, sorted(scores, reverse=True))
        fitting = {place for place, (x, y) in enumerate(words) if x + y >= least}
        self.assertLessEqual(set(found.places), fitting)
        self.assertEqual(len(found.places), len(set(found.places)))
        self.assertLessEqual(len(found.places), most)
        self.assertEqual(found.count, len(found.places))
        first = rank(*columns, *sizes, least=least, most=most, need=3)
        self.assertEqual((first.places, first.count), (found.places[:3], found.count))
        self.assertEqual(found.cut, len(fitting) > most)
        out = fitting - set(found.places)
        self.assertEqual(bool(out), found.cut)
        self.assertTrue(all(sum(words[place]) < found.least for place in out))
        self.assertTrue(all(sum(words[place]) >= found.least for place in found.places))
