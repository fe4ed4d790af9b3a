"""Promises of words under two questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netsuite.wordproxy.store.contract import Pair, WordQuery
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, page


def by_sum(a: Sequence[int], b: Sequence[int], size_a: int, size_b: int) -> list[int]:
    """All words that are anywhere, those met most first."""
    return sorted((n for n in range(len(a)) if a[n] + b[n]), key=lambda n: -a[n] - b[n])


class ComparingContract(StoreContract):
    """Sites, days and all."""

    def two_texts(self) -> None:
        """Two pages are read, at two sites, on two days."""
        self.store.add(
            batch(
                page(1, ("tide", "tide", 3, 0), ("the", "the", 2, 0), "sea", host="one.example"),
                page(2, "tide", ("sea", "sea", 4, 0), ("the", "the", 3, 0), host="two.example", day=NEXT),
            )
        )

    def pairs(self, choose: Callable[..., Sequence[int]], left: WordQuery, right: WordQuery) -> list[tuple]:
        found: list[Pair] = self.store.compare(left, right, choose)
        return [(pair.word, pair.lang, pair.left, pair.right) for pair in found]

    def test_sides(self) -> None:
        """Each word has its occurrences under either question, or 0; stop words are left out."""
        self.two_texts()
        one, two = WordQuery(site="one.example"), WordQuery(site="two.example")
        expected = [("sea", "en", 1, 4), ("tide", "en", 3, 1)]
        self.assertEqual(self.pairs(by_sum, one, two), expected)
        days = self.pairs(by_sum, WordQuery(day=DAY), WordQuery(from_=NEXT, to=NEXT))
        self.assertEqual(days, expected)
        self.assertEqual(self.pairs(by_sum, one, WordQuery()), [("tide", "en", 3, 4), ("sea", "en", 1, 5)])
        none = self.pairs(by_sum, WordQuery(site="none.example"), one)
        self.assertEqual(none, [("tide", "en", 0, 3), ("sea", "en", 0, 1)])

    def test_sizes(self) -> None:
        """Sizes are of all words, stop words included; what is chosen is named in its order."""
        self.two_texts()
        told = []

        def choose(a: Sequence[int], b: Sequence[int], size_a: int, size_b: int) -> list[int]:
            told.append((size_a, size_b))
            return by_sum(a, b, size_a, size_b)[:0:-1]

        one, two = WordQuery(site="one.example"), WordQuery(site="two.example")
        self.assertEqual(self.pairs(choose, one, two), [("tide", "en", 3, 1)])
        self.assertEqual(self.pairs(choose, one, WordQuery(lang="de")), [("sea", "en", 1, 0)])
        self.assertEqual(self.pairs(lambda *_: [], one, two), [])
        self.assertEqual(told, [(6, 8), (6, 0)])
        every = self.pairs(by_sum, WordQuery(site="one.example", everything=True), WordQuery(everything=True))
        self.assertIn(("the", "en", 2, 5), every)
