"""Columns of whole numbers as bytes: the size of an item, then the items, each as long as the largest needs.

An array of a thousand numbers is read and written at once where a thousand rows would be, so sums that are
asked for together are kept together.  Bytes are little-endian on every machine.  Who looks at single numbers
takes them as an ``array``, who adds up a million as a column of numpy's.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy
import numpy.typing

#: Whole numbers, each as long as the largest needs; it may be a view of bytes that must not change.
Column = numpy.typing.NDArray[Any]

#: By a word's number, something of it.
Numbers = numpy.typing.NDArray[numpy.int64]

#: Numbers of words that are so near each other, times how many they are, are added up without sorting.
_DENSE = 8

#: Up to this a sum of floats is exact.
_EXACT = 1 << 53

#: By bytes an item: the array's type.
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_KINDS = {size: numpy.dtype(f"<u{size}") for size in _CODES}
_HEADS = {size: b"%c" % size for size in _CODES}
_SWAPS = sys.byteorder == "big"


class Unreadable(ValueError):  # noqa: N818 - a state of the store, as `StoreFault` is
    """What is kept in columns is none: the store is damaged."""


def pack(values: Sequence[int] | Column) -> bytes:
    """``values``, none of them negative, as bytes."""
    if isinstance(values, numpy.ndarray):
        size = _size(int(numpy.maximum.reduce(values)) if len(values) else 0)
        return _HEADS[size] + values.astype(_KINDS[size]).tobytes()
    if isinstance(values, array) and values.itemsize == 1:
        return b"\1" + values.tobytes()
    size = _size(max(values, default=0))
    if isinstance(values, array) and size == 1 and not _SWAPS:
        return b"\1" + values.tobytes()[:: values.itemsize]  # the lowest byte of each
    column = array(_CODES[size], values)
    if _SWAPS and size > 1:
        column.byteswap()
    return b"%c" % size + column.tobytes()


def _size(largest: int) -> int:
    if largest <= 0xFF:
        return 1
    if largest <= 0xFFFF:
        return 2
    return 4 if largest <= 0xFFFFFFFF else 8


def unpack(data: bytes) -> array[int]:
    """The values of `pack`.

    Raises:
        Unreadable: the bytes aren't such a column's.
    """
    code = _CODES.get(data[0]) if data else None
    if code is None:
        raise Unreadable("no column of numbers")
    column = array(code)
    try:
        column.frombytes(memoryview(data)[1:])
    except ValueError as error:
        raise Unreadable("half a number") from error
    if _SWAPS and data[0] > 1:
        column.byteswap()
    return column


def column(data: bytes) -> Column:
    """The values of `pack`, to be reckoned with.

    Raises:
        Unreadable: the bytes aren't such a column's.
    """
    if not data or data[0] not in _CODES or (len(data) - 1) % data[0]:
        raise Unreadable("no column of numbers")
    # of eight bytes with a sign, as sums have it: no number is larger
    return numpy.frombuffer(data, dtype="<i8" if data[0] == 8 else f"<u{data[0]}", offset=1)


def zeros(last: int) -> Numbers:
    """Nothing of any word, up to the one with that number."""
    return numpy.zeros(last + 1, dtype=numpy.int64)


def columns(rows: Iterable[Sequence[int]], width: int) -> Sequence[Numbers]:
    """The columns of such rows."""
    flat = numpy.fromiter(chain.from_iterable(rows), dtype=numpy.int64)
    return [flat[place::width] for place in range(width)]


def _counted_up(words: Column, lowest: int, parts: Sequence[Sequence[Column]]) -> tuple[Column, list[Column]]:
    """The same by a sum for each number from the lowest word's on, without sorting them."""
    at = numpy.subtract(words, lowest, dtype=numpy.int64)
    present = numpy.flatnonzero(numpy.bincount(at))
    sums = []
    for columns in zip(*parts, strict=True):
        column = numpy.concatenate(columns)
        if int(column.max(initial=0)) * len(column) < _EXACT:
            sums.append(numpy.bincount(at, weights=column)[present].astype(numpy.int64))
        else:
            every = zeros(int(present[-1]))
            numpy.add.at(every, at, column.astype(numpy.int64))
            sums.append(every[present])
    return present + lowest, sums


def added_up(parts: Sequence[tuple[Column, Sequence[Column]]]) -> tuple[Column, list[Column]]:
    """Each word once, ascending, with the sums of its numbers; there is at least one part."""
    words = numpy.concatenate([some for some, _ in parts])
    lowest = int(words.min()) if len(words) else 0
    if int(words.max(initial=0)) - lowest < _DENSE * len(words):
        return _counted_up(words, lowest, [numbers for _, numbers in parts])
    order = numpy.argsort(words, kind="stable")
    words = words[order]
    starts = numpy.flatnonzero(numpy.append(True, words[1:] != words[:-1])[: len(words)])
    columns = zip(*(numbers for _, numbers in parts), strict=True)
    ordered = (numpy.concatenate(each)[order] for each in columns)
    return words[starts], [numpy.add.reduceat(each, starts, dtype=numpy.int64) for each in ordered]
