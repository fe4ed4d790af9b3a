"""Which language a page is in: what it says, else what its letters and commonest words tell.

In this order, the first that answers: the document's ``lang``, the first tag of Content-Language, a script
that one language has to itself, the stop lists, the default.  A tag is a stranger's text: only its primary
subtag is looked at (RFC 5646 §2.2.1), and only if it is two or three Latin letters: of longer ones none is
registered.

Stop lists prove that a text is prose, but relatives share them: Bulgarian is full of Russian ones.  So the
frequent triples of letters are heard too.  They know many languages and always have an answer, of a parts
list as well, so for Latin letters they only choose where a stop list has spoken.
"""

import functools
import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType
from typing import TYPE_CHECKING

from turbohtml.detect import detect_language

from . import segment, stopwords
from .codes import SHORTER

if TYPE_CHECKING:
    from .forms import Forms
    from .lexicon import Lexicon

try:
    from . import _plain
except ImportError:
    _plain = None  # type: ignore[assignment]

#: Code points of the text that the guess by script looks at, and that words are taken from if none are given.
SAMPLE = 8192

#: Words below which the stop lists say nothing, and how many of a list must occur, as one may be another's
#: name.
WORDS_MIN = 20
DISTINCT_MIN = 4

#: Share of a text's words that must be in a language's stop list, and by how much it must beat each other
#: one, words that both list aside.
SHARE_MIN = 0.2
LEAD_MIN = 1.3

#: Share of the letters that a script must have.
SCRIPT_MIN = 0.5

#: How sure the triples of letters must be, of 1.
TRIPLES_MIN = 0.7

#: Code points whose triples are enough where they say the same as a stop list that beats each other one by so
#: much: on all pages of the Debian handbook, in all its languages, more of them never said otherwise then.
GLANCE = 1024
LEAD_SURE = 3

#: Share of an Arabic-script text's letters that Urdu's, or another neighbour's, own ones must have.
OWN_MIN = 0.02

#: A Chinese, Japanese or Korean character says as much as this many Latin letters.
DENSITY = 3
_DENSE = frozenset(("kana", "han", "ko"))

#: Languages that have no relative on the web which their stop words would be found in.
ALONE = frozenset(("en",))

_CYRILLIC = re.compile("[\u0400-\u052f]")


@dataclass(frozen=True, slots=True)
class Heard:
    """What of a text's words the stop lists know.

    ``total``: its words.  ``hits``: by languages that list a word, how often such words occur, and how many
    different ones there are.
    """

    total: int
    hits: Sequence[tuple[tuple[str, ...], int, int]]


#: Primary subtags that name no language (RFC 5646 §4.1), as good as none.
_NONE = frozenset(("und", "mul", "mis", "zxx"))

#: Tags that were withdrawn, or are written by mistake for a language.
_MEANT: Mapping[str, str] = MappingProxyType(
    {**SHORTER, "iw": "he", "in": "id", "ji": "yi", "jp": "ja", "cn": "zh", "cmn": "zh", "pes": "fa"}
)

_NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalpha())

#: First and last code point of a script's letters, and the language it stands for.  "kana" and "han" are
#: judged together; of "arabic", "hebrew", "indic" and "cyrillic" more is asked.
_SCRIPTS = (
    (0x0370, 0x03FF, "el"),
    (0x1F00, 0x1FFF, "el"),
    (0x0530, 0x058F, "hy"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0900, 0x09FF, "indic"),  # Devanagari, and Bengali, which is Assamese too
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x0F00, 0x0FFF, "bo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1200, 0x139F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xAC00, 0xD7A3, "ko"),
)

#: The names of these, first that of all others.
_NAMES = ("", *dict.fromkeys(name for _, _, name in _SCRIPTS))


def of(
    document_lang: str | None,
    content_language: str | None,
    text: str,
    default: str = "und",
    *,
    words: Callable[[], Heard] | None = None,
) -> str:
    """Return a page's language as a primary subtag in lower case.

    ``words`` gives what is heard of the text's words, if they are counted already.
    """
    first = (content_language or "").partition(",")[0]
    return primary(document_lang) or primary(first) or guess(text, words) or default


def primary(tag: str | None) -> str | None:
    """Return a tag's primary language subtag, None if it names no language."""
    found = (tag or "")[:64].strip().replace("_", "-").partition("-")[0].lower()
    if not (found.isascii() and found.isalpha() and len(found) in (2, 3)) or found in _NONE:
        return None
    return _MEANT.get(found, found)


def guess(text: str, words: Callable[[], Heard] | None = None) -> str | None:
    """Return the language that a text is plainly in, None if it is not plain."""
    sample = text[:SAMPLE]
    found = by_script(sample)
    if found is None:
        found = by_words(sample, words() if words is not None else _heard_in(sample))
    return found


def heard(keys: Sequence[str], times: Sequence[int]) -> Heard:
    """Return what is heard of words; ``keys`` may have one twice, ``times`` is how often each occurs."""
    numbers = _numbers()
    there = [(key, numbers[key], each) for key, each in zip(keys, times, strict=True) if key in numbers]
    return _named(_summed(there), sum(times))


def _heard_in(sample: str) -> Heard:
    keys = list(map(segment.key, segment.words(sample)))
    return heard(keys, [1] * len(keys))


class Stops:
    """Which forms of a lexicon are stop words: each is looked up once."""

    __slots__ = ("_kinds", "_lexicon", "_own")

    def __init__(self, lexicon: "Lexicon") -> None:
        self._lexicon = lexicon
        self._own = bytearray()  # by number, what a form is as it stands
        self._kinds = bytearray()  # and what its key is

    def heard(self, forms: "Forms") -> Heard:
        """Return what is heard of a page's words: of those of its main text, if it has one."""
        self._learn()
        times = forms.main if any(forms.main) else forms.other
        keys, kinds = self._lexicon.keys, self._kinds
        if _plain is not None:
            sums = _plain.heard(forms.numbers, times, keys, kinds)
            return _named(sums, sum(times))
        of = list(map(kinds.__getitem__, forms.numbers))
        there = compress(zip(forms.numbers, of, times, strict=True), of)
        return _named(_summed((keys[number], kind, each) for number, kind, each in there), sum(times))

    def _learn(self) -> None:
        keys, start = self._lexicon.keys, len(self._kinds)
        if start < len(keys):
            numbers = _numbers()
            shown = self._lexicon.forms(array("I", range(len(self._own), len(keys))))
            self._own += bytes([numbers.get(form, 0) for form in shown])
            self._kinds += bytes([self._own[key] for key in keys[start:]])


def _summed(words: Iterable[tuple[str | int, int, int]]) -> list[tuple[int, int, int]]:
    """Add up words: by kind, how often they occur, and how many keys they have."""
    times: Counter[int] = Counter()
    different: dict[int, set[str | int]] = {}
    for key, kind, each in words:
        times[kind] += each
        different.setdefault(kind, set()).add(key)
    return [(kind, times[kind], len(different[kind])) for kind in sorted(different)]


def _named(sums: Iterable[tuple[int, int, int]], total: int) -> Heard:
    langs = _classes()
    return Heard(total, [(langs[kind], times, different) for kind, times, different in sums])


def by_script(sample: str) -> str | None:
    """Return the language whose own script a text is written in."""
    if sample.isascii() or (_plain is None and _is_latin(sample)):
        return None
    letters = _letters(sample)
    total = letters.total()
    if letters["kana"] + letters["han"] > total * SCRIPT_MIN:
        # A Japanese text is a third kana at least; a Chinese one may quote a shop sign.
        return "ja" if letters["kana"] > letters["han"] / 10 else "zh"
    script, times = max(letters.items(), key=lambda item: item[1], default=("", 0))
    if not script or times <= total * SCRIPT_MIN:
        return None
    return _of_script(script, sample)


def _is_latin(sample: str) -> bool:
    """Are Latin letters half of them at least, as a quick look tells?"""
    ascii_part = sample.encode("ascii", "ignore")
    return DENSITY * (len(sample) - len(ascii_part)) <= len(ascii_part.translate(None, _NO_LETTERS))


def _letters(sample: str) -> Counter[str]:
    """Return by script how many letters a text has, dense ones for as many as they say."""
    letters: Counter[str] = Counter()
    if _plain is not None:
        for script, times in zip(_NAMES, _plain.letters(sample, _scripts()), strict=False):
            letters[script] = times * DENSITY if script in _DENSE else times
        return letters
    for letter, times in Counter(sample).items():
        if letter.isalpha():
            script = _script(ord(letter))
            letters[script] += times * DENSITY if script in _DENSE else times
    return letters


def by_words(sample: str, words: Heard) -> str | None:
    """Return the language whose stop words a text is full of, or the relative that its letters tell."""
    if words.total < WORDS_MIN:
        return None
    stopped, leads = _by_stop_words(words)
    if stopped in ALONE:
        return stopped
    if stopped is None:
        lang, script = _by_triples(sample) if _CYRILLIC.search(sample) else (None, "")
        return lang if script == "Cyrillic" and not _is_listed(lang) else None
    if leads >= LEAD_SURE and len(sample) > GLANCE and _by_triples(sample[:GLANCE])[0] == stopped:
        return stopped
    lang, _ = _by_triples(sample)
    if lang is None:
        return stopped
    # A relative without a list is believed; one with a list must be found by that as well.
    of_it = sum(times for langs, times, _ in words.hits if lang in langs)
    return lang if not _is_listed(lang) or of_it >= words.total * SHARE_MIN else None


def _by_stop_words(words: Heard) -> tuple[str | None, float]:
    """Return the language whose stop words a text has, if no other's come near, and by how much it leads."""
    found: Counter[str] = Counter()
    for langs, times, _ in words.hits:
        for lang in langs:
            found[lang] += times
    # Of equals none leads but where all their words are the same: then any order is as good.
    lang, best = min(found.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    if best < words.total * SHARE_MIN:
        return None, 0
    distinct = sum(number for langs, _, number in words.hits if lang in langs)
    leads = _lead(lang, words, found) if distinct >= DISTINCT_MIN else 0
    return (lang, leads) if leads >= LEAD_MIN else (None, 0)


def _lead(lang: str, words: Heard, found: Mapping[str, int]) -> float:
    """By how much does a language beat each other one by the words that only one of the two lists?"""
    shared: Counter[str] = Counter()
    for langs, times, _ in words.hits:
        if lang in langs:
            for other in langs:
                shared[other] += times
    leads = math.inf
    for other, times in found.items():
        if other != lang and times > shared[other]:
            leads = min(leads, (found[lang] - shared[other]) / (times - shared[other]))
    return leads


@functools.cache
def _listed() -> Mapping[str, tuple[str, ...]]:
    """Return, for each stop word, the languages that list it."""
    found: dict[str, tuple[str, ...]] = {}
    for lang, stops in stopwords.built_in().items():
        for word in stops:
            found[word] = (*found.get(word, ()), lang)
    return found


@functools.cache
def _classes() -> tuple[tuple[str, ...], ...]:
    """Return which languages list a stop word, each combination once, at its number: 0, none do."""
    return ((), *dict.fromkeys(_listed().values()))


@functools.cache
def _numbers() -> Mapping[str, int]:
    """Return for each stop word the number of the languages that list it."""
    numbers = {langs: number for number, langs in enumerate(_classes())}
    return {word: numbers[langs] for word, langs in _listed().items()}


@functools.cache
def _scripts() -> bytes:
    """Return by code point of the first plane: 0 for no letter, else its script's place plus one."""
    found = bytearray(chr(code).isalpha() for code in range(0x10000))
    for first, last, name in _SCRIPTS:
        number = _NAMES.index(name) + 1
        for code in range(first, last + 1):
            found[code] *= number
    return bytes(found)


@functools.lru_cache(maxsize=4096)
def _script(code: int) -> str:
    """Return the script's language or name, "" for Latin and others that many share."""
    return next((lang for first, last, lang in _SCRIPTS if first <= code <= last), "")


def _of_script(script: str, sample: str) -> str | None:
    """Return the language of a text in a script, None if it is not one's own and nothing else tells."""
    if script == "arabic":
        return _of_arabic_script(sample)
    if script == "hebrew":
        return "yi" if _by_triples(sample)[0] == "yi" else "he"
    if script == "indic":
        return _by_triples(sample)[0]
    return None if script == "cyrillic" else script or None


def _of_arabic_script(sample: str) -> str:
    """Return the language by the letters that it doesn't share with Arabic, if they are frequent enough.

    A few are in any text that names a foreigner, and old Persian pages have Arabic's k and y.
    """
    letters = Counter(sample)

    def share(own: str) -> float:
        return sum(letters[letter] for letter in own) / letters_in_all

    letters_in_all = sum(times for letter, times in letters.items() if letter.isalpha()) or 1
    for lang, own in (("ckb", "ڕڵۆێ"), ("ug", "ۇۈۋ"), ("ps", "ټډړږښځڅې"), ("ur", "ٹڈڑےں")):
        if share(own) >= OWN_MIN:
            return lang
    return "fa" if share("کی") + 4 * share("پچژگ") > share("كيةأإ") else "ar"


def _by_triples(sample: str) -> tuple[str | None, str]:
    """Return the language that the triples of letters are surely of, else None, and their script's name."""
    found = detect_language(sample)
    if found.language is None or found.confidence < TRIPLES_MIN:
        return None, found.script or ""
    lang = "no" if found.language == "nob" else _MEANT.get(found.language, found.language)
    return lang, found.script or ""


def _is_listed(lang: str | None) -> bool:
    """Is there a stop list of the language?"""
    return lang in _languages()


@functools.cache
def _languages() -> frozenset[str]:
    return frozenset(stopwords.built_in())
