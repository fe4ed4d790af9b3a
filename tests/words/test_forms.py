"""Forms in columns: a sequence of rows to all who ask for one."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import segment
from netsuite.words.forms import columns

from .columns import forms_of

NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, (1 << 32) - 1))
ROWS = st.lists(
    st.tuples(st.text("aAéÉßΐ'’\u200dтТ", min_size=1, max_size=9), NUMBERS, NUMBERS),
    max_size=9,
    unique_by=lambda row: row[0],
)


class FormsTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(ROWS)
    def test_rows(self, rows: list[tuple[str, int, int]]) -> None:
        """What goes in as columns comes out as rows, each with its key, and packs as a list does."""
        forms = forms_of(*map(list, zip(*rows, strict=True))) if rows else forms_of([], [], [])
        wanted = [(shown, segment.key(shown), main, other) for shown, main, other in rows]
        self.assertEqual(forms, wanted)
        self.assertEqual((len(forms), forms[:2], list(forms)), (len(wanted), wanted[:2], wanted))
        self.assertEqual(forms.words, sum(main + other for _, _, main, other in wanted))
        self.assertEqual(msgspec.msgpack.encode(forms, enc_hook=list), msgspec.msgpack.encode(wanted))
        self.assertEqual(
            [list(column) for column in forms.columns()],
            list(map(list, zip(*wanted, strict=True))) or [[]] * 4,
        )

    def test_own_keys(self) -> None:
        """Forms that are their own keys have one list for both."""
        shown, keys, _, _ = forms_of(["tide", "dock"], [1, 2], [0, 0]).columns()
        self.assertIs(shown, keys)
        shown, keys, _, _ = forms_of(["Tide", "dock"], [1, 2], [0, 0]).columns()
        self.assertEqual((shown, keys), (["Tide", "dock"], ["tide", "dock"]))

    def test_rows_without_occurrences(self) -> None:
        """Columns of rows leave out what has no occurrence."""
        rows = [("a", "a", 0, 0), ("B", "b", 0, 2), ("c", "c", 1, 0)]
        self.assertEqual(columns(rows), (("B", "c"), ("b", "c"), (0, 1), (2, 0)))
        self.assertEqual(columns(rows[:1]), ((), (), (), ()))

    def test_size(self) -> None:
        """The size grows with what is held."""
        small, large = (
            forms_of(["a"], [1], [0]),
            forms_of([f"word{n}" for n in range(99)], [1] * 99, [0] * 99),
        )
        self.assertGreaterEqual(large.size, small.size + 98 * 12)
