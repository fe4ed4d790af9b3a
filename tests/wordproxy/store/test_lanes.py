"""Lanes: four numbers in one, added at once, and taken apart again."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import lanes

NUMBERS = st.one_of(st.integers(0, 3), st.integers(250, 260), st.integers(0, 1 << 40))
PAGES = st.lists(st.dictionaries(st.integers(1, 5), st.tuples(NUMBERS, NUMBERS), min_size=1), max_size=8)


class LanesTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(PAGES)
    def test_sums(self, pages: list[dict[int, tuple[int, int]]]) -> None:
        """Sums of lanes are those of each number, however large these are."""
        sums: lanes.Lanes = defaultdict(int)
        wanted: dict[int, list[int]] = {}
        for page in pages:
            main, other = zip(*page.values(), strict=True)
            lanes.add(sums, zip(page, lanes.of(main, other), strict=True))
            for word, (n, m) in page.items():
                row = wanted.setdefault(word, [0, 0, 0, 0])
                for at, number in enumerate((n, m, n > 0, 1)):
                    row[at] += number
        found = zip(*map(list, lanes.columns(sums.values())), strict=True)
        self.assertEqual(dict(zip(sums, map(list, found), strict=True)), wanted)
        self.assertEqual(dict(sums), {word: lanes.one(*row) for word, row in wanted.items()})
