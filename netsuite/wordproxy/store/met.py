"""Which words were met in several sums, each once: a mark by each word's number."""

from __future__ import annotations

import numpy

from netsuite.wordproxy.store.packing import Column


class Met:
    """The words of several sums.  ``last``: the highest number of a word."""

    def __init__(self, last: int) -> None:
        self._marks = numpy.zeros(last + 1, dtype=bool)

    def add(self, words: Column, numbers: Column | None = None) -> None:
        """These words were met; of those with ``numbers`` the ones that have more than 0."""
        self._marks[words if numbers is None else words[numbers > 0]] = True

    def __len__(self) -> int:
        return int(numpy.count_nonzero(self._marks))

    def of(self, mask: Column) -> int:
        """How many of the words that have a mark there were met."""
        return int(numpy.count_nonzero(self._marks & mask))
