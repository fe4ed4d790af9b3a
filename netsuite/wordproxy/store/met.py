"""Which words were met, each once: a set of them, or when they get many a mark by each word's number.

A set of half a million words takes twice as long to fill and thirty times the memory; and it is filled from
a column in one call, for the whole of which no other thread runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import compress, repeat

#: Words that are added in one call: in half a millisecond.
_STEP = 1 << 14

#: One in so many words there are is many.
_MANY = 20


class Met:
    """The words of several sums.  ``last``: the highest number of a word."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._few = set[int]()
        self._marks: bytearray | None = None

    def add(self, words: Sequence[int], numbers: Sequence[int] | None = None) -> None:
        """These words were met; of those with ``numbers`` the ones that have more than 0."""
        for start in range(0, len(words), _STEP):
            some: Iterable[int] = words[start : start + _STEP]
            if numbers is not None:
                some = compress(some, numbers[start : start + _STEP])
            if self._marks is not None:
                _mark(self._marks, some)
                continue
            self._few.update(some)
            if len(self._few) > self._last // _MANY:
                self._marks = bytearray(self._last + 1)
                _mark(self._marks, self._few)

    def __len__(self) -> int:
        return len(self._few) if self._marks is None else self._marks.count(1)

    def of(self, some: set[int]) -> int:
        """How many of some words were met."""
        if self._marks is None:
            return len(self._few & some)
        return sum(map(self._marks.__getitem__, some))


def _mark(marks: bytearray, words: Iterable[int]) -> None:
    deque(map(marks.__setitem__, words, repeat(1)), maxlen=0)
