"""Keyness: which words tell two texts apart, by log-likelihood.

Theory.  A word is met ``a`` times among the ``size_a`` words of one text and ``b`` times among the
``size_b`` of another.  Were it equally frequent in both, its occurrences would be shared out by size; how
unlikely what was met is then, is G² = 2 (a ln(a / expected_a) + b ln(b / expected_b)), where 0 ln 0 is 0.
Above 3.84 it comes by chance to fewer than one word in 20, above 15.13 to one in 10,000.  It needs no
normal distribution, so that rare words are judged rightly (Dunning 1993, Accurate Methods for the Statistics
of Surprise and Coincidence, Computational Linguistics 19.1); with two terms instead of four, as Rayson and
Garside have it (2000, Comparing Corpora using Frequency Profiling, section 3), it differs where a word is a
large part of a text.  G² is never below 0; the sign that we give it says where the word is more frequent:
+ in the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy
from numpy.typing import NDArray

#: Most words that are compared: the most frequent ones are.
WORDS_MAX = 50_000

#: What is met less often in both together says nothing.
LEAST = 5


@dataclass(frozen=True, slots=True)
class Ranking:
    """Places of words, most key first, of ``count`` that were met ``least`` times.

    ``cut``: ``least`` is more than was asked for.
    """

    places: list[int]
    count: int
    least: int
    cut: bool


def keyness(a: int, b: int, size_a: int, size_b: int) -> float:
    """G² with its sign; 0 where a text is empty."""
    if not (size_a and size_b and a + b):
        return 0.0
    share = (a + b) / (size_a + size_b)
    expected_a, expected_b = size_a * share, size_b * share
    found = 2 * ((a * log(a / expected_a) if a else 0.0) + (b * log(b / expected_b) if b else 0.0))
    found = max(found, 0.0)  # less is a rounding error
    return found if a * size_b >= b * size_a else -found


def per_million(n: int, size: int) -> float:
    """How often that is in a million words; 0 of none."""
    return n * 1e6 / size if size else 0.0


def rank(
    a: NDArray[numpy.int64],
    b: NDArray[numpy.int64],
    size_a: int,
    size_b: int,
    *,
    least: int = LEAST,
    most: int = WORDS_MAX,
    need: int = WORDS_MAX,
) -> Ranking:
    """The words with so many occurrences, at most ``most`` of them; the ``need`` places that are most key.

    ``a`` and ``b`` are the words' occurrences, in one order, which also settles ties.
    """
    sums = a + b
    places = numpy.flatnonzero(sums >= max(least, 1))
    cut = len(places) > most
    if cut:
        least = _floor(sums[places], most)
        places = places[sums[places] >= least]
    order = numpy.lexsort((places, -_scores(a[places], b[places], size_a, size_b)))
    return Ranking(places[order[:need]].tolist(), len(places), least, cut)


def _scores(
    a: NDArray[numpy.int64], b: NDArray[numpy.int64], size_a: int, size_b: int
) -> NDArray[numpy.float64]:
    """How key each word is; many have the same numbers, and are judged once."""
    order = numpy.lexsort((b, a))
    x, y = a[order], b[order]
    is_first = numpy.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1]))[: len(x)]
    pairs = zip(x[is_first].tolist(), y[is_first].tolist(), strict=True)
    judged = numpy.array([abs(keyness(*pair, size_a, size_b)) for pair in pairs], dtype=numpy.float64)
    scores = numpy.empty(len(x))
    scores[order] = judged[numpy.cumsum(is_first) - 1]
    return scores


def _floor(sums: NDArray[numpy.int64], most: int) -> int:
    """The least number of occurrences that at most ``most`` words have."""
    past = int(numpy.partition(sums, len(sums) - most - 1)[len(sums) - most - 1])
    return past + 1  # one word more than ``most`` has that or more
