"""The forms of a counted page, in columns: to most who take them they are a sequence of rows.

A page has hundreds of forms.  As tuples they take ten times the bytes, and to make and to undo these takes as
long as to count the words; and a store reckons with numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from .lexicon import Lexicon

#: A form as shown, its key, occurrences in main text, occurrences in other text.
Form = tuple[str, str, int, int]

#: The same of many forms, each by itself.
Columns = tuple[Sequence[str], Sequence[str], Sequence[int], Sequence[int]]

#: Bytes of a page's forms beside their columns; and of a form that nobody had met, here and in a store.
_SIZE = 400
_NEW_SIZE = 250


class Forms(Sequence[Form]):
    """Forms with at least one occurrence, each once.  Not to be changed, as it may be shared."""

    __slots__ = ("lexicon", "main", "numbers", "other", "size", "words")

    def __init__(
        self,
        lexicon: Lexicon,
        numbers: array[int],
        main: array[int],
        other: array[int],
        words: int,
        new: int = 0,
    ) -> None:
        """``numbers``: of the forms, in the lexicon.  ``main``, ``other``: occurrences, ``words`` in all.

        ``new``: so many came to the lexicon with them.  ``size`` is about how many bytes it takes.
        """
        self.lexicon = lexicon
        self.numbers, self.main, self.other, self.words = numbers, main, other, words
        self.size = _SIZE + 3 * numbers.itemsize * len(numbers) + _NEW_SIZE * new

    def columns(self) -> Columns:
        """The forms' columns; where each form is its own key, the first two are the same list."""
        lexicon, numbers = self.lexicon, self.numbers
        shown = lexicon.forms(numbers)
        keys = array("I", map(lexicon.keys.__getitem__, numbers))
        return shown, shown if keys == numbers else lexicon.forms(keys), self.main, self.other

    def __len__(self) -> int:
        return len(self.numbers)

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


def columns(forms: Sequence[Form]) -> Columns:
    """The columns of forms, without those that have no occurrence."""
    if isinstance(forms, Forms):
        return forms.columns()
    there = [form for form in forms if form[2] or form[3]]
    if not there:
        return (), (), (), ()
    shown, keys, main, other = zip(*there, strict=True)
    return shown, keys, main, other
