"""How frequent a word is in general, from the package wordfreq where it is installed (extra ``freq``).

Its small lists are enough: they hold the words that come up once in a million, about 30 thousand of a
language, and are read in a few milliseconds when a language is first asked for.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec


@cache
def is_there() -> bool:
    """Whether general frequencies can be had."""
    return find_spec("wordfreq") is not None


@cache
def _langs() -> frozenset[str]:
    from wordfreq import available_languages

    return frozenset(available_languages("small")) - {"ja", "ko", "zh"}  # these need segmenters of their own


def zipf(word: str, lang: str) -> float | None:
    """The word's frequency on the Zipf scale, from 0 to 8 (8: the word "the"); None where it isn't known."""
    if not is_there():
        return None
    primary = lang.partition("-")[0]
    if primary not in _langs():
        return None
    from wordfreq import zipf_frequency

    return round(float(zipf_frequency(word, primary, wordlist="small")), 2)
