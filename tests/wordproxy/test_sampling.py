"""Which words are given a sentence, and how little is remembered of it."""

from __future__ import annotations

import tracemalloc
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import sampling
from netsuite.wordproxy.sampling import ENOUGH, NOTHING, Forms, Sampler
from netsuite.words import sentences
from netsuite.words.count import Source, WordCounter
from tests.scale import NIGHTLY

DAY = "2026-01-05"
PLAIN = Source("text/plain", "utf-8", "", "en")


def read(text: str) -> tuple[Forms, str, str]:
    """The words of a page of that text, its language, the text."""
    found, main = WordCounter().read(PLAIN, [text.encode()])
    return found.forms, found.lang, main


def words_of(text: str) -> Forms:
    """The words of a text in small letters."""
    return [(word, word, text.split().count(word), 0) for word in dict.fromkeys(text.split())]


class SamplerTests(SynchronousTestCase):
    """One day's sentences."""

    def shown(self, sampler: Sampler, text: str, day: str = DAY) -> list[str]:
        """The words that such a page gives a sentence."""
        return [key for key, _ in sampler.sample(*read(text), day).contexts]

    def test_enough(self) -> None:
        """A word is given so many sentences, whatever else is on the pages, and then no more."""
        sampler = Sampler()
        for number in range(ENOUGH):
            self.assertEqual(self.shown(sampler, f"tide rises {number}x"), ["tide", "rises", f"{number}x"])
        self.assertEqual(self.shown(sampler, "the tide rises"), ["the"])
        self.assertEqual(self.shown(sampler, "tide rises"), [])

    def test_another_day(self) -> None:
        """The next day, or whatever day the clock says, begins anew."""
        sampler = Sampler()
        for day in (DAY, "2026-01-06", DAY):
            for _ in range(ENOUGH):
                self.assertEqual(self.shown(sampler, "tide", day), ["tide"])
            self.assertEqual(self.shown(sampler, "tide", day), [])

    def test_languages(self) -> None:
        """A word of another language is another word."""
        sampler = Sampler()
        for lang in ("en", "de"):
            shown = [sampler.sample(words_of("tide"), lang, "tide", DAY).contexts for _ in range(3)]
            self.assertEqual([len(pairs) for pairs in shown], [1, 1, 0])

    def test_forms_of_one_word(self) -> None:
        """The forms of a word on a page are one word, and each can be what is looked for."""
        sampler = Sampler()
        shown = dict(sampler.sample(*read("tide\n\nthe boats wait for the Tide"), DAY).contexts)
        self.assertEqual(shown["tide"], "the boats wait for the Tide")

    def test_boilerplate(self) -> None:
        """A word of menus alone wants no sentence, and counts as given none."""
        sampler = Sampler()
        forms = [("Home", "home", 0, 3), ("tide", "tide", 1, 0)]
        shown = sampler.sample(forms, "en", "Home tide", DAY)
        self.assertEqual([key for key, _ in shown.contexts], ["tide"])
        self.assertEqual(self.shown(sampler, "home"), ["home"])

    def test_a_remembered_page(self) -> None:
        """A page without its text gets nothing, and none of its words counts as given one."""
        sampler = Sampler()
        for _ in range(5):
            self.assertEqual(sampler.sample(words_of("tide"), "en", "", DAY), NOTHING)
        self.assertEqual(self.shown(sampler, "tide"), ["tide"])

    def test_most(self) -> None:
        """A page past the most gives the rest of its words a sentence when they come again."""
        self.patch(sentences, "MOST", 3)
        sampler = Sampler()
        words = "one two three four five six seven"
        times = [self.shown(sampler, words) for _ in range(7)]
        self.assertEqual([len(keys) for keys in times], [3, 3, 3, 3, 1, 1, 0])
        self.assertEqual(sorted(chain.from_iterable(times)), sorted(words.split() * 2))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=12))
    def test_as_a_plain_count(self, pages: list[list[str]]) -> None:
        """Within the bound, each word has a sentence from just the first pages that have it."""
        sampler, times = Sampler(), dict.fromkeys("abcdefgh", 0)
        for words in pages:
            expected = {word for word in words if times[word] < ENOUGH}
            for word in expected:
                times[word] += 1
            text = " ".join(words)
            shown = sampler.sample(words_of(text), "en", text, DAY)
            self.assertEqual({key for key, _ in shown.contexts}, expected)


class BoundTests(SynchronousTestCase):
    """What is remembered."""

    def test_generations(self) -> None:
        """What is met again and again is remembered however many others come; those are forgotten."""
        self.patch(sampling, "WORDS_MAX", 100)
        self.patch(sentences, "shown", lambda text, lang, wanted, forms: wanted)
        sampler = Sampler()
        for number in range(400):
            wanted = sampler.sample(words_of(f"tide x{number}"), "en", "-", DAY)
            self.assertEqual("tide" in wanted, number < ENOUGH, number)
        self.assertIn("x0", sampler.sample(words_of("x0"), "en", "-", DAY))
        self.assertLess(sum(map(len, [*sampler._young.values(), *sampler._old.values()])), 210)

    def test_strange_languages(self) -> None:
        """Languages are bounded, too, and long words count for more."""
        self.patch(sampling, "WORDS_MAX", 100)
        sampler = Sampler()
        for number in range(1000):
            sampler.sample([], f"x{number}", "-", DAY)
            sampler.sample(words_of(f"{number}".rjust(255, "x")), "en", "-", DAY)
        self.assertLess(len(sampler._young) + len(sampler._old), 210)
        self.assertLess(sum(map(len, [*sampler._young.values(), *sampler._old.values()])), 30)

    def test_memory(self) -> None:
        """Any number of different words cost less than 30 MB: generations of them are dropped."""
        self.patch(sentences, "shown", lambda text, lang, wanted, forms: None)
        sampler = Sampler()
        tracemalloc.start()
        try:
            for number in range(1000 if NIGHTLY else 250):
                words = [f"word-{number}-{at}" for at in range(1000)]
                sampler.sample([(word, word, 1, 0) for word in words], "en", "-", DAY)
                if number % 50 == 49:
                    self.assertLess(tracemalloc.get_traced_memory()[0], 30 * 2**20)
        finally:
            tracemalloc.stop()
