"""Text into words: UAX #29's default word boundaries, with ICU's dictionaries for scripts without spaces.

Theory.  A word is a segment that holds at least one letter.  Text is cut in two steps:

1. At white space, into pieces.  White space is a boundary on both sides of itself under UAX #29, so
   segmenting piece by piece yields the words of the whole text, and a piece's words can be remembered
   (`count`).  The one exception is U+202F, a space that WB13a and WB13b join to letters and digits: it is
   no cut here.
2. Each piece by ICU, which sees whole runs of Chinese, Japanese, Thai, Lao, Khmer and Burmese, as its
   dictionaries need.  Many pieces go in one call with line feeds between them (WB3a, WB3b: always a
   boundary).

ICU takes Thai, Lao, Khmer and Burmese for letters like Latin ones and would join ``ใช้Linuxทุก``.  UAX #29
does not (their Word_Break is Other), so a mark that separates is put where such a run meets other letters
or digits.

Characters that show nothing vanish first (U+00AD, U+2060, U+FEFF).  To the rules of UAX #29 they are as
good as absent (WB4), but they cut the runs that go to ICU's dictionaries.  U+200C and U+200D matter to how
Persian and Indic words look, so they are only left out of what words are compared by.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, filterfalse

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
_MARKS = _JOINERS + "\uff9e\uff9f"  # the last two are letters by category, but marks to UAX #29
_KEY = [*((sign, "") for sign in "\u00ad\u2060\ufeff\u200c\u200d"), ("’", "'")]
_CUTS = {code: "\n" for code in range(0x3001) if chr(code).isspace() and code != 0x202F}


#: A letter or mark of Thai, Lao, Burmese or Khmer, not a digit.  One class: matched in linear time.
_COMPLEX = re.compile(
    "[\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f"
    "\u1780-\u17d3\u17d7\u17dc\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f]"
)
_SEAM = "\u200b"  # separates words under UAX #29, and is none


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
    for sign, instead in _KEY:
        if sign in form:
            form = form.replace(sign, instead)
    return composed(composed(form).casefold())


def is_small(form: str) -> bool:
    """Return whether the first letter of a form that has a case is a small one."""
    first = form[:1]
    if first.islower():
        return True
    if first.isupper() or form.lower() == form.upper():
        return False
    return next((c.islower() for c in form if c.lower() != c.upper()), False)


def joined_keys(joined: str) -> str:
    """Return the `key` of each form, within the bound of its length; line feeds between them as they came.

    All in one go: a line feed folds to itself and composes with nothing.  No form is past the bound.
    """
    found = key(joined)
    if len(found) <= LENGTH_MAX or joined.isascii():  # as long as the forms
        return found
    keys = found.split("\n")
    return found if max(map(len, keys)) <= LENGTH_MAX else "\n".join([one[:LENGTH_MAX] for one in keys])


def pieces(text: str) -> list[str]:
    """Return the text cut at white space, joiners kept, soft hyphens and the like gone."""
    if not text.isascii():
        text = seen(text)
        if "\u202f" in text:
            return [piece for piece in text.translate(_CUTS).split("\n") if piece]
    return text.split()


def seen(text: str) -> str:
    """Return the text without soft hyphens and the like."""
    return text.translate(_VANISH) if any(map(text.__contains__, "\u00ad\u2060\ufeff")) else text


def of_pieces(found: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words of each piece, piece by piece."""
    for batch in _batches(found):
        yield from _segmented(batch)


def of_all(found: Iterable[str]) -> Iterator[str]:
    """Yield the words of all pieces, not told apart nor in their order, in less time than `of_pieces`."""
    for batch in _batches(found):
        segments = list(_breaker("\n".join(batch)))
        if max(map(len, segments)) > LENGTH_MAX:
            yield from chain.from_iterable(_segmented(batch))
            continue
        yield from filter(str.isalpha, segments)
        for segment in filterfalse(str.isalpha, segments):
            if any(map(str.isalpha, segment)):
                yield _shown(segment)


def _batches(found: Iterable[str]) -> Iterator[list[str]]:
    """Yield the pieces as ICU is given them, so many at a time."""
    batch: list[str] = []
    size = 0
    for piece in found:
        batch.append(piece if piece.isascii() else _prepared(piece))
        size += len(piece)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _prepared(piece: str) -> str:
    piece = composed(piece)
    return _seamed(piece) if _COMPLEX.search(piece) else piece


def _seamed(piece: str) -> str:
    """Return the piece with seams where a dictionary script meets other letters or digits; marks go along."""
    out: list[str] = []
    before = None
    for sign in piece:
        kind = _kind(sign)
        if kind is None:
            before = None
        elif kind:
            if before is not None and before != kind:
                out.append(_SEAM)
            before = kind
        out.append(sign)
    return "".join(out)


def _kind(sign: str) -> str | None:
    """Return which letters a sign is of: "" for a mark, which is of those before it, None for no letter."""
    if sign in _MARKS or unicodedata.category(sign).startswith("M"):
        return ""
    if sign.isalnum() or sign == "_":
        return "complex" if _COMPLEX.match(sign) else "other"
    return None


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


def composed(text: str) -> str:
    """Return the text in NFC."""
    if text.isascii() or is_normalized("NFC", text):
        return text
    return normalize("NFC", text)
