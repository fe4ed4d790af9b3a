"""Levels of knowledge: the user's own, all or none, with an undo."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import Knowledge
from tests.wordproxy.store.contract import StoreContract
from tests.wordproxy.store.samples import batch, page

ANNA, TIDE, GIFT = (
    Knowledge("anna", "en", "ignored"),
    Knowledge("tide", "en", "known"),
    Knowledge("gift", "de", "learning"),
)


class LevelsContract(StoreContract):
    """`Store.levels` and `set_levels`."""

    def test_levels(self) -> None:
        """Levels are kept by language and key, for words met or not; all come in order, or one language's."""
        self.store.add(batch(page(1, "tide")))
        self.assertEqual(self.store.levels(), [])
        self.store.set_levels([TIDE, GIFT, ANNA])
        self.assertEqual(self.store.levels(), [GIFT, ANNA, TIDE])
        self.assertEqual(self.store.levels("en"), [ANNA, TIDE])
        self.assertEqual(self.store.levels("fr"), [])

    def test_undo(self) -> None:
        """What the words had before comes back, each once, and setting it is an undo; new is no level."""
        self.store.set_levels([TIDE])
        before = self.store.set_levels([Knowledge("tide", "en", "ignored"), GIFT])
        self.assertEqual(before, [TIDE, Knowledge("gift", "de", "new")])
        self.assertEqual(self.store.levels(), [GIFT, Knowledge("tide", "en", "ignored")])
        self.store.set_levels(before)
        self.assertEqual(self.store.levels(), [TIDE])

    def test_a_word_twice(self) -> None:
        """Of a word that is said twice the last counts, and the undo knows what it had before."""
        before = self.store.set_levels([TIDE, Knowledge("tide", "en", "learning")])
        self.assertEqual(before, [Knowledge("tide", "en", "new")])
        self.assertEqual(self.store.levels(), [Knowledge("tide", "en", "learning")])

    def test_all_or_none(self) -> None:
        """A level that is none is an error, and no word has got its level."""
        self.assertRaises(ValueError, self.store.set_levels, [TIDE, Knowledge("gift", "de", "perfect")])
        self.assertEqual(self.store.levels(), [])

    def test_retention(self) -> None:
        """Levels outlive retention."""
        self.store.add(batch(page(1, "tide")))
        self.store.set_levels([TIDE])
        self.store.retain("2027-01-01")
        self.assertEqual(self.store.levels(), [TIDE])
        facts = self.store.word("tide", "en")
        assert facts is not None
        self.assertEqual(facts.word.known, "known")

    def test_many(self) -> None:
        """An import of many words at once is one change."""
        many = [Knowledge(f"w{n:05}", "en", "known") for n in range(5000)]
        self.store.set_levels(many)
        self.assertEqual(self.store.levels("en"), many)
