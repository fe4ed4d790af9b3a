"""Lists by base forms, and what is said where these are not to be had."""

from __future__ import annotations

import sys
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import bases
from netsuite.wordproxy.store.contract import Forget, Knowledge, StoreFault, Total, WordQuery
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


class KeptBasesTests(BasesTests):
    """The same where bases were looked up before, as there was time."""

    def setUp(self) -> None:
        super().setUp()
        self.renew()
        add = self.store.add

        def renewed(batch: object) -> None:
            add(batch)  # type: ignore[arg-type]
            self.renew()

        self.store.add = renewed  # type: ignore[method-assign]

    def renew(self) -> None:
        while self.store.renew():
            pass

    def test_rows_are_of_the_base(self) -> None:
        """A row has the base's key, its level, and the first and last day of any of its forms."""
        self.store.set_levels([Knowledge("run", "en", "learning"), Knowledge("running", "en", "known")])
        row = self.store.words(WordQuery(lemma=True)).words[0]
        self.assertEqual((row.word, row.key, row.known), ("run", "run", "learning"))
        self.assertEqual((row.first, row.last), (DAY, NEXT))

    def test_by_pages(self) -> None:
        """By pages, a base has those of its best form, however many words are asked for."""
        found = self.store.words(WordQuery(lemma=True, sort="pages", limit=0)).words
        self.assertEqual([(word.key, word.pages) for word in found], [("run", 2), ("boat", 1)])

    def test_nothing_is_looked_up_again(self) -> None:
        """What was looked up needs no extra."""
        with patch.dict(sys.modules, {"simplemma": None}):
            self.assertEqual(self.shown()[0], ("run", 3, 2))

    def test_without_the_extra(self) -> None:
        """Only what is newer does; and where it is missing, all else goes on."""
        with patch.dict(sys.modules, {"simplemma": None}):
            self.store.add(batch(page(3, "runs", path="c")))
            self.assertRaises(StoreFault, self.store.words, WordQuery(lemma=True))
            self.assertEqual(self.store.words(WordQuery()).total.distinct, 4)

    def test_a_form_is_forgotten(self) -> None:
        """A word that is forgotten is no form any more; a base goes with its last form."""
        self.store.forget(Forget(word="running", lang="en"))
        self.assertEqual(self.shown(), [("run", 2, 2), ("boat", 1, 1)])
        self.store.forget(Forget(word="ran", lang="en"))
        self.assertEqual(self.shown(), [("boat", 1, 1)])
        for table in ("base", "lemma"):
            rows = self.store._connection.execute(f"SELECT * FROM {table}").fetchall()  # type: ignore[attr-defined]
            self.assertEqual(rows, [], table)

    def test_a_number_that_is_given_again(self) -> None:
        """A word that has the number of one that was forgotten has its own base."""
        self.store.add(batch(page(3, "walking", path="c")))
        self.store.forget(Forget(word="walking", lang="en"))
        self.store.add(batch(page(4, "sails", path="d")))
        self.assertIn(("sail", 1, 1), self.shown())

    def test_in_steps(self) -> None:
        """Half of the words looked up, or all, or none, a list is the same."""
        words = ["ran", "runs", "running", "run", "boats", "boat", "gone", "went", "go", "walks", "walked"]
        self.store.add(batch(page(3, *words, path="c")))
        expected = self.shown()
        self.patch(bases, "STEP", 2)
        for table in ("base", "lemma", "based"):
            self.store._connection.execute(f"DELETE FROM {table}")  # type: ignore[attr-defined]
        self.store._bases = bases.Bases()  # type: ignore[attr-defined]
        self.assertEqual(self.shown(), expected)
        while self.store.renew():
            self.assertEqual(self.shown(), expected)
