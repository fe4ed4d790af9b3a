"""What was answered is said again while nothing changed, and never after."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report.remembered import ANSWERS_MAX, ROWS_MAX, Remembered
from netsuite.wordproxy.store.contract import (
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    Forget,
    Knowledge,
    PageQuery,
    Store,
    WordQuery,
)
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.samples import batch, folder, page


class RememberedTests(SynchronousTestCase):
    """A store in a file, which others write to as well."""

    def setUp(self) -> None:
        self.where = str(folder(self) / "words.db")
        self.store, self.other = self.opened(), self.opened()
        self.other.add(batch(page(1, "tide", contexts=[("tide", "A tide.")])))
        self.remembered = Remembered(self.store)
        self.remembered.begin()

    def opened(self) -> Store:
        store: Store = open_store(self.where)
        self.addCleanup(store.close)
        return store

    def words(self) -> list[str]:
        self.remembered.begin()
        return [word.word for word in self.remembered.words(WordQuery(sort="word")).words]

    def test_same_answers(self) -> None:
        """Each question is answered as the store does, and the second time by the very same answer."""
        here, there = self.remembered, self.store
        questions = [
            (here.words, there.words, WordQuery()),
            (here.coverage, there.coverage, CoverageQuery(by=("day",))),
            (here.pages, there.pages, PageQuery()),
            (here.breakdown, there.breakdown, BreakdownQuery("day")),
            (here.contexts, there.contexts, ContextQuery("tide", "en")),
            (here.levels, there.levels, "en"),
        ]
        for one, other, query in questions:
            first = one(query)  # type: ignore[operator]
            self.assertEqual(first, other(query))  # type: ignore[operator]
            here.begin()
            self.assertIs(one(query), first)  # type: ignore[operator]
        self.assertEqual(here.word("tide", "en"), there.word("tide", "en"))
        self.assertIs(here.sources(limit=3), here.sources(limit=3))
        self.assertIsNot(here.words(WordQuery()), here.words(WordQuery(limit=1)))

    def test_written(self) -> None:
        """What another wrote, or this one, is in the next answer."""
        self.assertEqual(self.words(), ["tide"])
        self.other.add(batch(page(2, "bar", path="b")))
        self.assertEqual(self.words(), ["bar", "tide"])
        self.other.forget(Forget(word="bar", lang="en"))
        self.assertEqual(self.words(), ["tide"])
        self.remembered.set_levels([Knowledge("tide", "en", "known")])
        self.remembered.begin()
        self.assertEqual(self.remembered.words(WordQuery()).words[0].known, "known")

    def test_bounded(self) -> None:
        """So many answers are kept and no more, and none that is long."""
        first = self.remembered.words(WordQuery())
        for n in range(ANSWERS_MAX):
            self.remembered.words(WordQuery(limit=n + 1000))
        self.assertIsNot(self.remembered.words(WordQuery()), first)
        self.other.set_levels([Knowledge(f"word{n}", "en", "known") for n in range(ROWS_MAX + 1)])
        self.remembered.begin()
        self.assertIsNot(self.remembered.levels(), self.remembered.levels())

    def test_no_version(self) -> None:
        """Where a store can't tell whether it changed, nothing is kept."""
        self.patch(type(self.store), "version", lambda store: None)
        self.remembered.begin()
        self.assertIsNot(self.remembered.words(WordQuery()), self.remembered.words(WordQuery()))
