"""Text into words: UAX #29's default word boundaries, with ICU's dictionaries for scripts without spaces.

Theory.  A word is a segment that holds at least one letter.  Text is cut in two steps:

1. At white space, into pieces.  White space is a boundary on both sides of itself under UAX #29, so
   segmenting piece by piece yields the words of the whole text, and a piece's words can be remembered
   (`count`).  The one exception is U+202F, a space that WB13a and WB13b join to letters and digits: it is
   no cut here.
2. Each piece by ICU, which sees whole runs of Chinese, Japanese, Thai, Lao, Khmer and Burmese, as its
   dictionaries need.  Many pieces go in one call with line feeds between them (WB3a, WB3b: always a
   boundary).

Characters that show nothing vanish first (U+00AD, U+2060, U+FEFF).  To the rules of UAX #29 they are as
good as absent (WB4), but they cut the runs that go to ICU's dictionaries.  U+200C and U+200D matter to how
Persian and Indic words look, so they are only left out of what words are compared by.
"""

from collections.abc import Iterable, Iterator

from icu4py.breakers import WordBreaker
from icu4py.locale import Locale

# Not unicodedata's: that one sorts marks by insertion, and a page of one letter with a million marks in
# alternating order holds it for hours.  Tests hold the two equal.
from turbohtml.detect import is_normalized, normalize

#: Code points kept of a word's form and key.  Longer "words" are encoded data; each is counted, but two that
#: differ past here only are told apart no more.
LENGTH_MAX = 255

#: Code points handed to ICU at a time, unless one piece alone has more.
BATCH = 32 * 1024

_ROOT = Locale("en")  # its rules are the root's; boundaries never depend on the page's language
_VANISH = {ord(sign): None for sign in "\u00ad\u2060\ufeff"}
_JOINERS = "\u200c\u200d"
_KEY = _VANISH | {ord(sign): None for sign in _JOINERS} | {ord("’"): "'"}
_CUTS = {code: "\n" for code in range(0x3001) if chr(code).isspace() and code != 0x202F}


def words(text: str) -> Iterator[str]:
    """Yield each word of a text as it is shown: in NFC, without soft hyphens and the like."""
    for found in of_pieces(pieces(text)):
        yield from found


def key(form: str) -> str:
    """Return what a word is compared by: NFC, full case folding, ``’`` as ``'``, no joiners.

    Composed once more after folding, which takes some letters apart (U+0390 and its capital must meet).
    """
    if form.isascii():
        return form.lower()
    return _composed(_composed(form.translate(_KEY)).casefold())


def pieces(text: str) -> list[str]:
    """Return the text cut at white space, joiners kept, soft hyphens and the like gone."""
    if not text.isascii():
        if any(map(text.__contains__, "\u00ad\u2060\ufeff")):
            text = text.translate(_VANISH)
        if "\u202f" in text:
            return [piece for piece in text.translate(_CUTS).split("\n") if piece]
    return text.split()


def of_pieces(found: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words of each piece, piece by piece."""
    batch: list[str] = []
    size = 0
    for piece in found:
        batch.append(_composed(piece))
        size += len(piece)
        if size >= BATCH:
            yield from _segmented(batch)
            batch, size = [], 0
    if batch:
        yield from _segmented(batch)


def _segmented(batch: list[str]) -> Iterator[list[str]]:
    """Yield the words of each piece; pieces hold no line feed and aren't empty."""
    here: list[str] = []
    for segment in _breaker("\n".join(batch)):
        if segment.isalpha():
            here.append(segment[:LENGTH_MAX])
        elif segment == "\n":
            yield here
            here = []
        elif any(map(str.isalpha, segment)):
            here.append(_shown(segment))
    yield here


def _breaker(text: str) -> WordBreaker:
    try:
        return WordBreaker(text, _ROOT)
    except UnicodeEncodeError:  # a lone surrogate: no character, so it separates as U+FFFD does
        return WordBreaker(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), _ROOT)


def _shown(segment: str) -> str:
    """Return a word within its bound, with its first letter inside that.

    A joiner can lead a word only in nonsense, but there it may do so a thousand times.
    """
    return segment.lstrip(_JOINERS)[:LENGTH_MAX]


def _composed(text: str) -> str:
    if text.isascii() or is_normalized("NFC", text):
        return text
    return normalize("NFC", text)
