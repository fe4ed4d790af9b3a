"""Four numbers of a word in one, so that one addition adds them all: a batch has hundreds of thousands.

Two lanes of 32 bits count pages, two of 64 bits occurrences: more than any batch has.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import add as plus

#: By a word's number: occurrences in main text, in other; pages that have it in their main text, and all.
Lanes = defaultdict[int, int]

_SIZE = 24
_PAGES, _MAIN, _OTHER = 32, 64, 128

#: Of a page, by its occurrences of a word: the lanes.  Few words come more often.
_OF_MAIN = [1, *((n << _MAIN) + (1 << _PAGES) + 1 for n in range(1, 256))]
_OF_OTHER = [n << _OTHER for n in range(256)]


def one(main: int, other: int, pages: int, all_pages: int) -> int:
    """The lanes of these numbers."""
    return (other << _OTHER) + (main << _MAIN) + (pages << _PAGES) + all_pages


def of(main: Sequence[int], other: Sequence[int]) -> Iterator[int]:
    """The lanes of a page's words."""
    if not main:
        return iter(())
    if all(_is_narrow(column) or max(column) < len(_OF_MAIN) for column in (main, other)):
        return map(plus, map(_OF_MAIN.__getitem__, main), map(_OF_OTHER.__getitem__, other))
    return (one(n, m, int(n > 0), 1) for n, m in zip(main, other, strict=True))


def _is_narrow(column: Sequence[int]) -> bool:
    return isinstance(column, array) and column.itemsize == 1


def add(sums: Lanes, more: Iterable[tuple[int, int]]) -> None:
    """More is added to the sums."""
    for word, n in more:
        sums[word] += n


def columns(found: Iterable[int]) -> tuple[array[int], array[int], array[int], array[int]]:
    """The numbers of some lanes: main, other, pages, all pages."""
    data = b"".join([n.to_bytes(_SIZE, "little") for n in found])
    counts, sums = array("I", data), array("Q", data)
    if sys.byteorder == "big":
        counts.byteswap()
        sums.byteswap()
    return sums[1::3], sums[2::3], counts[1::6], counts[::6]
