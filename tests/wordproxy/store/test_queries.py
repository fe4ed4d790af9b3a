"""Queries as text: what is compared, what is asked for, and that nothing from outside is in the statement."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import queries
from netsuite.wordproxy.store.contract import SORTS, CoverageQuery, PageQuery, WordQuery
from netsuite.wordproxy.store.open import open_store


class QueriesTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """Search compares case folded text without accents, joiners and soft hyphens."""
        for text, expected in [
            ("Café", "cafe"),
            ("STRASSE", "strasse"),
            ("straße", "strasse"),
            ("co\u00adop", "coop"),
            ("rock’n’roll", "rock'n'roll"),
            ("がん", "がん"),
            ("한국", "한국"),
            ("Ёлка", "елка"),
        ]:
            self.assertEqual(queries.plain(text), expected)

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=20))
    def test_plain_twice(self, text: str) -> None:
        """What is plain stays as it is."""
        once = queries.plain(text)
        self.assertEqual(queries.plain(once), once)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.text(max_size=6)
            | st.sampled_from(
                ["é", "e\u0301", "\u0301", "ÉA", "ΐ", "x\u0327", "ё\u00ad", "\n", "", "각", "ᄀ", "ᅡ", "’"]
            ),
            max_size=6,
        )
    )
    def test_plains(self, words: list[str]) -> None:
        """Many words at once are compared as each by itself."""
        self.assertEqual(queries.plains(words), list(map(queries.plain, words)))

    def test_pattern(self) -> None:
        """Only ``*`` is a wild card; the marks that GLOB knows beside it are taken as they stand."""
        for q, expected in [
            ("a", "*a*"),
            ("a*", "a*"),
            ("***a**", "*a*"),
            ("a?[b]", "*a[?][[]b]*"),
            ("*", "*"),
        ]:
            self.assertEqual(queries.pattern(q), expected)

    def test_span(self) -> None:
        """Days, and ranges with one end or both, meet; no day at all is all days."""
        one, two = queries.day_number("2026-01-01"), queries.day_number("2026-01-02")
        self.assertIsNone(queries.span(WordQuery()))
        self.assertEqual(queries.span(WordQuery(day="2026-01-01")), (one, one))
        self.assertEqual(queries.span(CoverageQuery(from_="2026-01-01", to="2026-01-02")), (one, two))
        self.assertEqual(queries.span(PageQuery(day="2026-01-02", to="2026-01-01")), (two, one))
        self.assertRaises(ValueError, queries.span, WordQuery(day="01/02/2026"))

    def test_hostile_text_is_only_a_parameter(self) -> None:
        """No statement holds a character of what a query says, and every combination is sound SQL."""
        evil = "x'; DROP TABLE word; --"
        store = open_store(":memory:")
        self.addCleanup(store.close)
        flags = itertools.product(
            (None, evil), (None, evil), (None, "2026-01-01"), (None, "2026-02-01"), (None, evil)
        )
        for lang, site, day, to, q in flags:
            for sort in SORTS:
                query = WordQuery(lang, site, None, day, to, q, everything=bool(day), sort=sort)
                self.assertNotIn("DROP", queries.read_pages(query)[0])
                store.words(query)
            store.pages(PageQuery(lang, site, day, None, to))
        self.assertEqual(store.status().words, 0)

    def test_unknown_sort(self) -> None:
        """A sort that is none is an error before anything is asked."""
        store = open_store(":memory:")
        self.addCleanup(store.close)
        self.assertRaises(KeyError, store.words, WordQuery(sort="w.key; --"))
