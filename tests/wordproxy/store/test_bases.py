"""Lists by base forms, and what is said where these are not to be had."""

from __future__ import annotations

import sys
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import StoreFault, Total, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.samples import DAY, batch, page

NEXT = "2026-01-06"


class BasesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = open_store(":memory:")
        self.addCleanup(self.store.close)
        self.store.add(batch(page(1, "running", "ran", "boat"), page(2, "ran", path="b", day=NEXT)))

    def shown(self, **query: str) -> list[tuple[str, int, int]]:
        found = self.store.words(WordQuery(lemma=True, **query))
        return [(word.word, word.occurrences, word.pages) for word in found.words]

    def test_forms_are_one_word(self) -> None:
        """Forms of one base add up under it, with the pages of the best form; nothing else changes."""
        self.assertEqual(self.shown(), [("run", 3, 2), ("boat", 1, 1)])
        self.assertEqual(self.store.words(WordQuery(lemma=True)).total, Total(4, 2, 2))
        self.assertEqual(self.shown(day=DAY), [("run", 2, 1), ("boat", 1, 1)])
        self.assertEqual(self.shown(from_=DAY, sort="pages"), [("run", 3, 2), ("boat", 1, 1)])
        self.assertEqual(self.store.words(WordQuery()).total.distinct, 3)

    def test_a_base_that_is_met_later(self) -> None:
        """A base form that is met itself is one with its other forms."""
        self.assertEqual(self.shown()[0], ("run", 3, 2))
        self.store.add(batch(page(3, "run", "runs", path="c")))
        self.assertEqual(self.shown()[0], ("run", 5, 2))

    def test_languages_without_forms(self) -> None:
        """In a language of which no forms are known, each word is its own base."""
        self.store.add(batch(page(3, "running", path="c", lang="xx")))
        self.assertIn(("running", 1, 1), self.shown())

    def test_without_the_extra(self) -> None:
        """Where the extra is missing, a list by base forms is refused in one line that names it."""
        with patch.dict(sys.modules, {"simplemma": None}):
            fault = self.assertRaises(StoreFault, self.store.words, WordQuery(lemma=True))
        self.assertIn("netsuite[lemma]", str(fault))
