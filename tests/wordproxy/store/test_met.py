"""Words that were met count once, however often and in however many pieces they come."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import met
from netsuite.wordproxy.store.met import Met

PARTS = st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2)), max_size=40), max_size=5)


class MetTests(SynchronousTestCase):
    """Against a set."""

    @settings(deadline=None, max_examples=100)
    @given(PARTS, st.sets(st.integers(0, 99)), st.booleans(), st.integers(1, 7), st.integers(1, 200))
    def test_as_a_set(
        self, parts: list[list[tuple[int, int]]], some: set[int], plain: bool, step: int, many: int
    ) -> None:
        """It holds what a set would hold, whatever the step, and however many are many."""
        self.patch(met, "_STEP", step)
        self.patch(met, "_MANY", many)
        marks, expected = Met(99), set[int]()
        for part in parts:
            words, numbers = [word for word, _ in part], [n for _, n in part]
            marks.add(words, None if plain else numbers)
            expected |= {word for word, n in part if plain or n}
        self.assertEqual(len(marks), len(expected))
        self.assertEqual(marks.of(some), len(expected & some))
