"""Words under two questions, side by side, from a store in Redis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from netsuite.wordproxy.store.contract import Choose, Pair, WordQuery
from netsuite.wordproxy.store.redisreads import WordLists

#: Occurrences by key and language.
Numbers = Mapping[tuple[str, str], int]


def compare(lists: WordLists, left: WordQuery, right: WordQuery, choose: Choose) -> list[Pair]:
    """The words that are chosen, in that order."""
    (a, size_a), (b, size_b) = lists.numbers(left), lists.numbers(right)
    names = sorted(a.keys() | b.keys())
    of_a, of_b = (numpy.array([of.get(name, 0) for name in names], dtype=numpy.int64) for of in (a, b))
    chosen = [names[place] for place in choose(of_a, of_b, size_a, size_b)]
    return [
        Pair(word.word, word.lang, a.get(name, 0), b.get(name, 0), word.key, word.known, word.is_name)
        for name, word in zip(chosen, lists.named(left, chosen), strict=True)
    ]
