"""The words of a text, counted: most of them by what they are, others by what they were before.

Theory.  A text is cut at white space, its pieces are counted, and only different ones are looked at:

1. Signs that never join anything (`EDGES`) are taken off the ends of what is not all letters: ``word,``
   and ``(word)`` are ``word``.  The apostrophe is none of them, as Hebrew joins it (WB7a).
2. What is left, if it is letters of `PLAIN` blocks only, is one word: they are ALetter or Hebrew_Letter
   (WB5), they are in NFC whatever stands beside them, and no dictionary knows them.
3. Others (``don’t``, ``x2``, scripts without spaces) have the words that they had before, if that is
   remembered, else those that ICU finds.

What is remembered has two generations.  When the younger one is full it becomes the older, and what that held
is forgotten unless it was met meanwhile.  Long pieces (scripts without spaces, encoded data) hardly ever come
twice and are not kept.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import compress, repeat
from operator import not_

from . import segment

#: Pieces that are remembered in all, and code points of the longest that is: about 25 MB.
PIECES_MAX = 120_000
PIECE_MAX = 48

#: Signs that are no part of a word where they stand at a piece's end.
EDGES = '.,;:!?()[]{}<>*/\\"“”„«»‹›‚‘’–—…·|=+&%$#~©®™。、「」『』（）！？，：；،؛؟'

#: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Georgian, Ethiopic letters; blocks that have no letters.
PLAIN = (
    "\0-\u02af\u0386-\u0481\u048a-\u0556\u0561-\u0587\u05d0-\u05ea\u060c\u061b\u061f\u0621-\u063a\u0641-\u064a"
    "\u066e-\u066f\u0671-\u06d3\u06d5\u06ee-\u06ef\u06fa-\u06fc\u06ff\u0750-\u077f\u10a0-\u10c5\u10d0-\u10fa"
    "\u10fc-\u10ff\u1200-\u135a\u1e00-\u1eff"
    "\u2000-\u206f\u20a0-\u20bf\u2122\u2190-\u23ff\u2500-\u27bf\ufffd"
)

_HARD = re.compile(f"[^{PLAIN}]")

#: Marks that are letters by category: one makes a word of the edge that it stands on.
_LETTERED_MARKS = "\uff9e\uff9f"

_Words = tuple[str, ...]


class Memo:
    """Counts the words of texts, and remembers those of pieces that are no plain ones."""

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[str, _Words] = {}
        self._old: dict[str, _Words] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def tally(self, text: str) -> Counter[str]:
        """Return how often each word occurs in a text."""
        tally = Counter(segment.pieces(text))
        odd = list(compress(tally, map(not_, map(str.isalpha, tally))))
        counts = [tally.pop(piece) for piece in odd]
        edges = "" if any(map(text.__contains__, _LETTERED_MARKS)) else EDGES
        bare = list(map(str.strip, odd, repeat(edges)))
        for piece, times in zip(bare, counts, strict=True):
            tally[piece] += times
        del tally[""]
        rough = _rough(tally, bare, is_plain=text.isascii() or not _HARD.search(text))
        long = [piece for piece in rough if len(piece) > PIECE_MAX and tally[piece] == 1]
        if long:
            rough = [piece for piece in rough if len(piece) <= PIECE_MAX or tally[piece] > 1]
            for piece in long:
                del tally[piece]
            tally.update(segment.of_all(long))
        if rough:
            self._learn(rough)
            counts = [tally.pop(piece) for piece in rough]
            for piece, times in zip(rough, counts, strict=True):
                for word in self._young[piece]:
                    tally[word] += times
            self._forget(rough)
        return tally

    def _learn(self, pieces: list[str]) -> None:
        """The words of each piece are among the younger ones."""
        young, old = self._young, self._old
        strange = [piece for piece in pieces if piece not in young]
        if old:
            young.update((piece, old[piece]) for piece in strange if piece in old)
            strange = [piece for piece in strange if piece not in old]
        young.update(zip(strange, map(tuple, segment.of_pieces(strange)), strict=True))

    def _forget(self, pieces: list[str]) -> None:
        """Those of the pieces that are too long are forgotten; and others, if there is no room for more."""
        young = self._young
        for piece in pieces:
            if len(piece) > PIECE_MAX:
                del young[piece]
        if len(young) > PIECES_MAX // 3:
            self._old = young if len(young) <= 2 * (PIECES_MAX // 3) else {}
            self._young = {}


def _rough(pieces: Iterable[str], odd: Iterable[str], *, is_plain: bool) -> list[str]:
    """Return the pieces that may not be one word each.

    ``odd``: those that may not be all letters.  ``is_plain``: all are made of `PLAIN` blocks.
    """
    if is_plain:
        rough = [piece for piece in dict.fromkeys(odd) if piece and not piece.isalpha()]
    else:
        rough = [piece for piece in pieces if not piece.isalpha() or _HARD.search(piece)]
    if max(map(len, pieces), default=0) > segment.LENGTH_MAX:
        rough += {piece for piece in pieces if len(piece) > segment.LENGTH_MAX}.difference(rough)
    return rough
