"""The forms of a counted page, in columns: to most who take them they are a sequence of rows.

A page has hundreds of forms.  As tuples they take ten times the bytes, and to make and to undo these takes as
long as to count the words.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from . import segment

#: A form as shown, its key, occurrences in main text, occurrences in other text.
Form = tuple[str, str, int, int]

#: The same of many forms, each by itself.
Columns = tuple[Sequence[str], Sequence[str], Sequence[int], Sequence[int]]

#: Bytes of a page's forms beside their columns.
_SIZE = 400


class Forms(Sequence[Form]):
    """Forms with at least one occurrence, each once.  Not to be changed, as it may be shared."""

    __slots__ = ("_keys", "_shown", "main", "other", "size")

    def __init__(self, shown: Sequence[str], main: Sequence[int], other: Sequence[int]) -> None:
        """``main``, ``other``: occurrences.  ``size`` is about how many bytes it takes."""
        self._shown = "\n".join(shown)  # no form has a line feed
        keys = segment.joined_keys(self._shown)
        self._keys = self._shown if keys == self._shown else keys
        self.main, self.other = _column(main), _column(other)
        signs = self._shown.__sizeof__() + (self._keys is not self._shown) * keys.__sizeof__()
        self.size = _SIZE + signs + len(self.main) * (self.main.itemsize + self.other.itemsize)

    def columns(self) -> Columns:
        """The forms' columns; where each form is its own key, the first two are the same list."""
        if not self.main:
            return [], [], self.main, self.other
        shown = self._shown.split("\n")
        keys = shown if self._keys is self._shown else self._keys.split("\n")
        return shown, keys, self.main, self.other

    def __len__(self) -> int:
        return len(self.main)

    def __iter__(self) -> Iterator[Form]:
        return zip(*self.columns(), strict=True)

    @overload
    def __getitem__(self, at: int) -> Form: ...
    @overload
    def __getitem__(self, at: slice) -> list[Form]: ...
    def __getitem__(self, at: int | slice) -> Form | list[Form]:
        return list(self)[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as lists have none


def _column(numbers: Sequence[int]) -> array[int]:
    try:
        return array("B", numbers)
    except OverflowError:
        return array("Q", numbers)


def columns(forms: Sequence[Form]) -> Columns:
    """The columns of forms, without those that have no occurrence."""
    if isinstance(forms, Forms):
        return forms.columns()
    there = [form for form in forms if form[2] or form[3]]
    if not there:
        return (), (), (), ()
    shown, keys, main, other = zip(*there, strict=True)
    return shown, keys, main, other
