"""Columns of whole numbers as bytes: the size of an item, then the items, each as long as the largest needs.

An array of a thousand numbers is read and written at once where a thousand rows would be, so sums that are
asked for together are kept together.  Bytes are little-endian on every machine.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

#: By bytes an item: the array's type.
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_LIMITS = ((0xFF, 1), (0xFFFF, 2), (0xFFFFFFFF, 4))
_SWAPS = sys.byteorder == "big"


class Unreadable(ValueError):  # noqa: N818 - a state of the store, as `StoreFault` is
    """What is kept in columns is none: the store is damaged."""


def pack(values: Sequence[int]) -> bytes:
    """``values``, none of them negative, as bytes."""
    if isinstance(values, array) and values.itemsize == 1:
        return b"\1" + values.tobytes()
    largest = max(values, default=0)
    size = next((size for limit, size in _LIMITS if largest <= limit), 8)
    if isinstance(values, array) and size == 1 and not _SWAPS:
        return b"\1" + values.tobytes()[:: values.itemsize]  # the lowest byte of each
    column = array(_CODES[size], values)
    if _SWAPS and size > 1:
        column.byteswap()
    return b"%c" % size + column.tobytes()


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
