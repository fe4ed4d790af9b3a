"""Forms made of columns, for whoever has no page to count."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from netsuite.words.forms import Forms
from netsuite.words.lexicon import Lexicon


def forms_of(shown: Sequence[str], main: Sequence[int], other: Sequence[int]) -> Forms:
    """The forms, with a lexicon of their own."""
    lexicon = Lexicon()
    numbers = array("I", map(lexicon.number, shown))
    return Forms(lexicon, numbers, array("I", main), array("I", other), sum(main) + sum(other))
