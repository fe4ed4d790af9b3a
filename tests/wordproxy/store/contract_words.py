"""All of one word, and whether it is a name."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import Knowledge, Word, WordFacts
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, page


class WordsContract(StoreContract):
    """`Store.word`."""

    def is_name(self, key: str, lang: str = "en") -> bool:
        facts = self.store.word(key, lang)
        assert facts is not None
        return facts.word.is_name

    def test_a_word_never_met(self) -> None:
        """Of a word that was not met in that language there is nothing, whatever was said of it."""
        self.store.add(batch(page(1, "gift")))
        self.store.set_levels([Knowledge("gift", "de", "known")])
        self.assertIsNone(self.store.word("gift", "de"))
        self.assertIsNone(self.store.word("tide", "en"))

    def test_all_of_a_word(self) -> None:
        """A word's forms come with their occurrences, most frequent first; boilerplate is told apart."""
        self.store.add(
            batch(page(1, ("Tide", "tide", 1, 1), ("tide", "tide", 3, 0)), page(2, "TIDE", day=NEXT))
        )
        self.store.set_levels([Knowledge("tide", "en", "learning")])
        facts = self.store.word("tide", "en")
        word = Word("tide", "en", 5, 1, DAY, NEXT, known="learning")
        self.assertEqual(facts, WordFacts(word, [("tide", 3), ("Tide", 2), ("TIDE", 1)], 1))
        assert facts is not None
        self.assertEqual(facts.word.key, "tide")

    def test_a_word_of_boilerplate(self) -> None:
        """A word that was met in boilerplate only is known, with no occurrence in main text."""
        self.store.add(batch(page(1, ("Menu", "menu", 0, 3))))
        facts = self.store.word("menu", "en")
        self.assertEqual(facts, WordFacts(Word("Menu", "en", 0, 0, DAY, DAY), [("Menu", 3)], 3))

    def test_names(self) -> None:
        """A name stood capitalised in the midst of a sentence and was never met in small letters."""
        self.store.add(batch(page(1, "Anna", "The", "Tide", "tide", names=["anna", "tide", "nobody"])))
        self.assertEqual([self.is_name(key) for key in ("anna", "the", "tide")], [True, False, False])
        self.store.add(batch(page(2, "anna")))
        self.assertFalse(self.is_name("anna"))

    def test_the_first_letter_with_a_case(self) -> None:
        """Small letters are told by the first letter that has a case."""
        self.store.add(
            batch(page(1, "'Anna", "¿élan", "ǅ", "5Th", names=["'anna", "¿élan", "ǅ".casefold(), "5th"]))
        )
        found = [self.is_name(key) for key in ("'anna", "¿élan", "ǅ".casefold(), "5th")]
        self.assertEqual(found, [True, False, True, True])

    def test_no_names_in_german(self) -> None:
        """German capitalises nouns: nothing is said of names there."""
        self.store.add(batch(page(1, "Gift", lang="de", names=["gift"])))
        self.assertFalse(self.is_name("gift", "de"))
