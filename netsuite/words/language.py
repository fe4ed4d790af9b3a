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
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from types import MappingProxyType

from turbohtml.detect import detect_language

from . import segment, stopwords
from .codes import SHORTER

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

#: Share of an Arabic-script text's letters that Urdu's, or another neighbour's, own ones must have.
OWN_MIN = 0.02

#: A Chinese, Japanese or Korean character says as much as this many Latin letters.
DENSITY = 3
_DENSE = frozenset(("kana", "han", "ko"))

#: Languages that have no relative on the web which their stop words would be found in.
ALONE = frozenset(("en",))

_CYRILLIC = re.compile("[\u0400-\u052f]")

#: Words, and how often each occurs; one may be told twice.
Tally = tuple[Sequence[str], Sequence[int]]

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


def of(
    document_lang: str | None,
    content_language: str | None,
    text: str,
    default: str = "und",
    *,
    tally: Callable[[], Tally] | None = None,
) -> str:
    """Return a page's language as a primary subtag in lower case.

    ``tally`` gives keys and how often each occurs in the text, if that is known already.
    """
    first = (content_language or "").partition(",")[0]
    return primary(document_lang) or primary(first) or guess(text, tally) or default


def primary(tag: str | None) -> str | None:
    """Return a tag's primary language subtag, None if it names no language."""
    found = (tag or "")[:64].strip().replace("_", "-").partition("-")[0].lower()
    if not (found.isascii() and found.isalpha() and len(found) in (2, 3)) or found in _NONE:
        return None
    return _MEANT.get(found, found)


def guess(text: str, tally: Callable[[], Tally] | None = None) -> str | None:
    """Return the language that a text is plainly in, None if it is not plain."""
    sample = text[:SAMPLE]
    found = by_script(sample)
    if found is None:
        keys, times = tally() if tally is not None else _tallied(sample)
        found = by_words(sample, keys, times)
    return found


def _tallied(sample: str) -> Tally:
    keys = list(map(segment.key, segment.words(sample)))
    return keys, [1] * len(keys)


def by_script(sample: str) -> str | None:
    """Return the language whose own script a text is written in."""
    ascii_part = sample.encode("ascii", "ignore")
    if DENSITY * (len(sample) - len(ascii_part)) <= len(ascii_part.translate(None, _NO_LETTERS)):
        return None  # Latin letters are half of them at least
    letters: Counter[str] = Counter()
    for letter, times in Counter(sample).items():
        if letter.isalpha():
            script = _script(ord(letter))
            letters[script] += times * DENSITY if script in _DENSE else times
    total = letters.total()
    if letters["kana"] + letters["han"] > total * SCRIPT_MIN:
        # A Japanese text is a third kana at least; a Chinese one may quote a shop sign.
        return "ja" if letters["kana"] > letters["han"] / 10 else "zh"
    script, times = max(letters.items(), key=lambda item: item[1], default=("", 0))
    if not script or times <= total * SCRIPT_MIN:
        return None
    return _of_script(script, sample)


def by_words(sample: str, keys: Sequence[str], times: Sequence[int]) -> str | None:
    """Return the language whose stop words a text is full of, or the relative that its letters tell.

    ``keys``, ``times``: words, and how often each occurs; a word may be told twice.
    """
    listed = _listed()
    hits: Counter[str] = Counter()
    total = sum(times)
    for word, number in compress(zip(keys, times, strict=True), map(listed.__contains__, keys)):
        hits[word] += number
    if total < WORDS_MIN:
        return None
    stopped = _by_stop_words(hits, total)
    if stopped in ALONE:
        return stopped
    if stopped is None:
        lang, script = _by_triples(sample) if _CYRILLIC.search(sample) else (None, "")
        return lang if script == "Cyrillic" and not _is_listed(lang) else None
    lang, _ = _by_triples(sample)
    if lang is None:
        return stopped
    # A relative without a list is believed; one with a list must be found by that as well.
    of_it = sum(times for word, times in hits.items() if lang in listed[word])
    return lang if not _is_listed(lang) or of_it >= total * SHARE_MIN else None


def _by_stop_words(hits: Mapping[str, int], total: int) -> str | None:
    """Return the language whose stop words these hits are, if no other's come near."""
    listed = _listed()
    found: Counter[str] = Counter()
    for word, times in hits.items():
        for lang in listed[word]:
            found[lang] += times
    for lang, best in found.most_common(1):
        distinct = sum(lang in listed[word] for word in hits)
        if distinct >= DISTINCT_MIN and best >= total * SHARE_MIN:
            return lang if _leads(lang, hits, found) else None
    return None


def _leads(lang: str, hits: Mapping[str, int], found: Mapping[str, int]) -> bool:
    """Does a language beat each other one by the words that only one of the two lists?"""
    listed = _listed()
    shared: Counter[str] = Counter()
    for word, times in hits.items():
        if lang in listed[word]:
            for other in listed[word]:
                shared[other] += times
    return all(
        found[lang] - shared[other] >= LEAD_MIN * (found[other] - shared[other])
        for other in found
        if other != lang
    )


@functools.cache
def _listed() -> Mapping[str, tuple[str, ...]]:
    """Return, for each stop word, the languages that list it."""
    found: dict[str, tuple[str, ...]] = {}
    for lang, stops in stopwords.built_in().items():
        for word in stops:
            found[word] = (*found.get(word, ()), lang)
    return found


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
