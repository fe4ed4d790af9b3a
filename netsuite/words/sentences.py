"""Words in their sentences: for each wanted word of a text, one sentence that shows it.

Theory.  A sentence is a segment between UAX #29's sentence boundaries, as ICU finds them in the text's
language: Greek asks with ``;``, and some languages have a list of abbreviations that end none.  The lists are
short: English knows ``Mr.`` and not ``Dr.``, which therefore ends a sentence before a capital.  A sentence
never goes past a block's end.  Thai, Lao, Khmer and Burmese mark no sentence's end; there a block is one.

Of the sentences that hold a word the first of `FULL` words or more is taken, else the longest: a heading or
a button says little.  One that is too long is cut around the word, between words, and ``…`` says so.

A capital in the midst of a sentence tells of a name; at its beginning, or where another one may begin (after
an opening quote, a colon, a dash), it tells nothing, nor in a line that is all capitals.

Only blocks that may hold a wanted word are cut up.  The cost is linear in the text.
"""

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from icu4py.breakers import SentenceBreaker
from icu4py.locale import Locale

from . import segment
from .text import BLOCK

#: Code points of a sentence.
LENGTH_MAX = 300

#: Words that make a sentence say enough.
FULL = 4

#: Sentences given for a page, one a word.
MOST = 1000

#: Code points of a page that are looked at.
TEXT_MAX = 512 * 1024

#: Forms that each block is searched for; with more, all blocks are cut into words.
FORMS_MAX = 64

_CUT = "…"

#: A word's form, and where it begins and ends.
_Placed = tuple[str, int, int]

#: Of a word: how much its sentence says, that as it is shown, whole, and its words.
_Found = tuple[int, str, str, list[_Placed]]

#: Between two words, what may begin a sentence within the sentence.
_OPENERS = frozenset('"“”„‟«»‹›「」『』‘‚‛([{（【《:：–—―…•·|>*#')

_LANG = re.compile("[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Shown:
    """Words by their keys, each once, with a sentence that shows it; and the names in these sentences.

    Words that share a sentence are given the same string.  ``names`` are keys, each once.
    """

    contexts: list[tuple[str, str]]
    names: list[str]


def contexts(
    text: str, lang: str, wanted: Container[str], most: int = MOST, *, forms: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the words that `shown` finds, with their sentences."""
    yield from shown(text, lang, wanted, most, forms=forms).contexts


def shown(
    text: str, lang: str, wanted: Container[str], most: int = MOST, *, forms: Mapping[str, str] | None = None
) -> Shown:
    """Return at most ``most`` words of a main text, each in a sentence, and the names in those.

    ``wanted`` holds the keys to look for.  White space in a sentence is collapsed and it is in NFC, without
    soft hyphens, as the words are.

    ``forms``: the forms of the wanted words in this text with their keys, as after counting: saves time.
    """
    found: dict[str, _Found] = {}
    find = _finder(wanted, forms)
    # All at once: to make ready one of ICU's iterators costs as much as a page of a few sentences.
    blocks = "\n".join(_blocks(text, wanted, forms))
    for sentence, words in _sentences(blocks, lang):
        _add(sentence, words, find, found, most)
    taken = {id(words): (sentence, words) for _, _, sentence, words in found.values()}
    names = {name: None for sentence, words in taken.values() for name in _names(sentence, words, lang)}
    return Shown([(key, cut) for key, (_, cut, _, _) in found.items()], list(names))


def _blocks(text: str, wanted: Container[str], forms: Collection[str] | None = None) -> Iterator[str]:
    """Yield each block that may hold a wanted word, its white space collapsed."""
    blocks = segment.composed(segment.seen(_whole(_bounded(text)))).split(BLOCK)
    if forms is None:
        hold = _holding({piece for block in blocks for piece in segment.pieces(block)}, wanted)
        blocks = [block for block in blocks if not hold.isdisjoint(segment.pieces(block))]
    elif len(forms) <= FORMS_MAX:
        blocks = [block for block in blocks if any(map(block.__contains__, forms))]
    for block in blocks:
        if collapsed := " ".join(segment.pieces(block)):
            yield collapsed


def _holding(pieces: Collection[str], wanted: Container[str]) -> set[str]:
    """Return the pieces that have a wanted word in them."""
    words = zip(pieces, segment.of_pieces(pieces), strict=True)
    return {piece for piece, forms in words if any(_key(form) in wanted for form in forms)}


def _bounded(text: str) -> str:
    """Return the text up to the bound, no word cut in two where white space allows."""
    if len(text) <= TEXT_MAX:
        return text
    end = max(text.rfind(sign, 0, TEXT_MAX) for sign in (" ", "\n", BLOCK))
    return text[: end if end > 0 else TEXT_MAX]


def _whole(text: str) -> str:
    """Return a text without lone surrogates, which no file and no ICU takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _sentences(blocks: str, lang: str) -> Iterator[tuple[str, list[_Placed]]]:
    """Yield each sentence of blocks, one a line, with its words and where they stand in it.

    A boundary inside a word is none: ``พ.ศ`` is a word, but a full stop before a Thai letter ends a sentence.
    """
    words = _placed(blocks)
    begin = end = first = after = 0
    for part in SentenceBreaker(blocks, _locale(lang)):
        end += len(part)
        while after < len(words) and words[after][1] < end:
            after += 1
        if after and words[after - 1][2] > end:
            continue
        here = [(form, start - begin, stop - begin) for form, start, stop in words[first:after]]
        yield blocks[begin:end].rstrip(" \n"), here
        begin, first = end, after


def _placed(text: str) -> list[_Placed]:
    """Return each word of a text, with where it begins and ends there."""
    placed = []
    end = 0
    for form in segment.words(text):
        begin = text.index(form, end)
        end = begin + len(form)
        placed.append((form, begin, end))
    return placed


def _finder(wanted: Container[str], forms: Mapping[str, str] | None) -> Callable[[str], str | None]:
    """Return what knows the key of a wanted form, and None of any other."""
    if forms is not None:
        return forms.get

    def find(form: str) -> str | None:
        key = _key(form)
        return key if key in wanted else None

    return find


def _add(
    sentence: str,
    words: list[_Placed],
    find: Callable[[str], str | None],
    found: dict[str, _Found],
    most: int,
) -> None:
    """Note the sentence for those of its wanted words that have none as good."""
    worth = min(len(words), FULL)
    for at, (form, _, _) in enumerate(words):
        key = find(form)
        if key is None or (found[key][0] >= worth if key in found else len(found) >= most):
            continue
        cut = sentence if len(sentence) <= LENGTH_MAX else _around(sentence, words, at)
        if cut:
            found[key] = worth, cut, sentence, words


def _names(sentence: str, words: list[_Placed], lang: str) -> Iterator[str]:
    """Yield the keys of words that stand capitalised in the midst of a sentence."""
    if sentence.isupper():
        return
    for (_, _, before), (form, begin, _) in pairwise(words):
        if not _is_capital(form) or not _OPENERS.isdisjoint(sentence[before:begin]):
            continue
        key = _key(form)
        if lang != "en" or (key != "i" and not key.startswith("i'")):  # the pronoun
            yield key


def _is_capital(form: str) -> bool:
    """Is a word's first letter that has a case a capital?"""
    if form[0].islower():
        return False
    cased = next((sign for sign in form if sign.isupper() or sign.istitle() or sign.islower()), "a")
    return not cased.islower()


def _around(sentence: str, words: list[_Placed], at: int) -> str:
    """Return what stands around a word, cut between words; "" where the bound has no room for the word."""
    _, begin, end = words[at]
    room = LENGTH_MAX - 2 * len(_CUT)
    if end - begin > room:
        return ""
    low = max(0, min(begin - (room - end + begin) // 2, len(sentence) - room))
    high = min(len(sentence), low + room)
    if low:
        low = words[bisect_left(words, low, key=_begin)][1]
    if high < len(sentence):
        high = words[bisect_right(words, high, key=_end) - 1][2]
    return (_CUT if low else "") + sentence[low:high] + (_CUT if high < len(sentence) else "")


def _begin(word: _Placed) -> int:
    return word[1]


def _end(word: _Placed) -> int:
    return word[2]


def _key(form: str) -> str:
    return segment.key(form)[: segment.LENGTH_MAX]


@functools.lru_cache(maxsize=256)
def _locale(lang: str) -> Locale:
    return Locale(f"{lang if _LANG.fullmatch(lang) else 'und'}-u-ss-standard")
