"""Forms as numbers: what pages say, in columns of numbers that a store can reckon with.

A form that was met has a number, and is looked at once: which key it has, whether it begins with a small
letter.  A page is then three columns, and who wants its words as text asks for them.

The numbers are given out by a table, which also counts.  There are two of the same behaviour.  The compiled
one (``_plain.c``) finds the words of plain pieces by itself, and asks `memo` for those of others.  `Table` is
what is used where nobody compiled that; it asks for the words of all pieces.
"""

from __future__ import annotations

import re
import secrets
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Protocol, TypeAlias

from . import segment
from .forms import Forms
from .memo import EDGES, PLAIN

if TYPE_CHECKING:
    from typing_extensions import Buffer

try:
    from . import _plain
except ImportError:
    _plain = None  # type: ignore[assignment]

#: Forms past which a lexicon is given up for a new one.  Each takes some 100 bytes, and as many in a store.
FORMS_MAX = 250_000

#: Code points of a page that are cut into pieces at a time.
STRETCH = 256 * 1024

#: What a code point is to the compiled module; the order is the one in ``_plain.c``.
HARD, SPACE, LETTER, DIGIT, JOINER, APART, MID, MID_LETTER, MID_DIGIT = range(9)

#: Code points that have a kind; all others are hard.
KINDS_MAX = 0x3001

#: By kind its signs, beside letters and white space: UAX #29's MidNumLet and Single_Quote, MidLetter, MidNum,
#: Numeric, ExtendNumLet; APART are of no rule at all.
_SIGNS = {
    MID: ".'‘’",
    MID_LETTER: ":·‧",
    MID_DIGIT: ",;،",
    DIGIT: "0123456789",
    JOINER: "_",
    APART: EDGES + '!"#$%&()*+-/<=>?@[\\]^`{|}~¡¢£¥§¬°±¶¿×÷€',
}

#: UAX #29 has rules for these letters and quotation marks (WB7a to WB7c).
_HEBREW = range(0x0590, 0x0600)

WordsOf = Callable[[str], Counter[str]]

#: A column of 32 bits: forms' numbers, or occurrences.
_Columns = tuple["_Column", "_Column", "_Column", int]
_Column: TypeAlias = "bytes | array[int]"


def kinds() -> bytes:
    """By code point, its kind."""
    plain = re.compile(f"[{PLAIN}]")
    found = bytearray(KINDS_MAX)
    for kind in (APART, MID, MID_LETTER, MID_DIGIT, DIGIT, JOINER):  # an edge may also stand in the midst
        for sign in _SIGNS[kind]:
            if ord(sign) < KINDS_MAX:
                found[ord(sign)] = kind
    for code in range(KINDS_MAX):
        sign = chr(code)
        if sign.isspace() and code != 0x202F:  # see `segment`
            found[code] = SPACE
        elif sign.isalpha() and plain.match(sign) and code not in _HEBREW:
            found[code] = LETTER
    return bytes(found)


class Counting(Protocol):
    """A table of forms: gives out numbers, in their order, and counts.

    ``count``: numbers of a page's forms, occurrences in main text and in the rest, and the sum of these.
    ``words_of`` is asked for the words of pieces, one a line.
    """

    def __len__(self) -> int: ...
    def count(self, main: str, other: str, words_of: WordsOf, /) -> _Columns: ...
    def number(self, form: str, /) -> int: ...
    def forms(self, numbers: Buffer, /) -> list[str]: ...
    def since(self, start: int, /) -> list[str]: ...


class Table:
    """The table in Python: the words of all pieces are asked for."""

    __slots__ = ("_forms", "_numbers")

    def __init__(self) -> None:
        self._forms: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._forms)

    def count(self, main: str, other: str, words_of: WordsOf, /) -> _Columns:
        """The words of two texts; see `Counting`."""
        mains, others = _tally(main, words_of), _tally(other, words_of)
        rest = [*map(others.pop, mains, repeat(0)), *others.values()]
        shown = [*mains, *others]
        numbers = array("I", [0]) * len(shown)
        for place, number in enumerate(map(self._numbers.get, shown)):
            numbers[place] = self.number(shown[place]) if number is None else number
        in_main = array("I", [*mains.values(), *repeat(0, len(others))])
        return numbers, in_main, array("I", rest), sum(in_main) + sum(rest)

    def number(self, form: str, /) -> int:
        """The number of a form, given now if it has none."""
        number = self._numbers.setdefault(form, len(self._forms))
        if number == len(self._forms):
            self._forms.append(form)
        return number

    def forms(self, numbers: Buffer, /) -> list[str]:
        """The forms with these numbers, a column of 32 bits."""
        return [self._forms[number] for number in memoryview(numbers).cast("B").cast("I")]

    def since(self, start: int, /) -> list[str]:
        """The forms from that number on."""
        return self._forms[start:]


def _tally(text: str, words_of: WordsOf) -> Counter[str]:
    first, *others = map(words_of, _stretches(text))
    for other in others:
        first.update(other)
    return first


def _stretches(text: str) -> Iterator[str]:
    """Yield a text in stretches that end where white space is."""
    start = 0
    while len(text) - start > STRETCH:
        ends = [end for sign in " \n\v" if (end := text.find(sign, start + STRETCH)) >= 0]
        if not ends:
            break
        yield text[start : min(ends)]
        start = min(ends)
    yield text[start:] if start else text


def table() -> Counting:
    """A new table: the compiled one, where it is there."""
    if _plain is None:
        return Table()
    return _plain.Lexicon(_KINDS, segment.LENGTH_MAX, secrets.token_bytes(16))


_KINDS = kinds() if _plain is not None else b""


class Lexicon:
    """Forms that were met, each with a number.

    ``keys``: by number, the number of a form's key.  ``small``: 1 where it begins with a small letter.
    """

    __slots__ = ("_table", "keys", "small")

    def __init__(self, of: Counting | None = None) -> None:
        """``of``: another table than the best that there is."""
        self._table = table() if of is None else of
        self.keys = array("I")
        self.small = bytearray()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def is_full(self) -> bool:
        """It is time for another one."""
        return len(self.keys) > FORMS_MAX

    def count(self, main: str, other: str, words_of: WordsOf) -> Forms:
        """The words of main text and other text; ``words_of`` gives those of pieces that aren't plain."""
        before = len(self.keys)
        numbers, in_main, in_other, words = self._table.count(main, other, words_of)
        self._learn()
        columns = array("I", numbers), array("I", in_main), array("I", in_other)
        return Forms(self, *columns, words, len(self.keys) - before)

    def number(self, form: str) -> int:
        """The number of a form, given now if it has none."""
        number = self._table.number(form)
        self._learn()
        return number

    def forms(self, numbers: Buffer) -> list[str]:
        """The forms with these numbers, a column of 32 bits."""
        return self._table.forms(numbers)

    def _learn(self) -> None:
        """Each form of the table has its key, which is a form, too."""
        while len(self._table) > (start := len(self.keys)):
            del self.small[start:]  # of an attempt that had no memory
            shown = self._table.since(start)
            joined = "\n".join(shown)  # no form has a line feed
            keys = segment.joined_keys(joined)
            if keys == joined:
                numbers = array("I", range(start, start + len(shown)))
            else:
                number = self._table.number
                pairs = enumerate(zip(shown, keys.split("\n"), strict=True), start)
                numbers = array("I", [at if form == key else number(key) for at, (form, key) in pairs])
            self.small += bytes(map(segment.is_small, shown))
            self.keys += numbers
