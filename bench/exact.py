"""The words that pages really have: by the plain way of netsuite.words, without any memory of it.

It parses each page and cuts the whole of its text by ICU, nothing remembered and nothing in pieces; and a
sample of pages is counted once more by other libraries (tests/real/independent.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.corpus import Sample
from netsuite.words import charset, segment
from netsuite.words.text import WordParser
from tests.real import independent


def compared(word: str) -> str:
    """What a word is compared by."""
    return segment.key(word)


def exact(pages: Sequence[Sample]) -> Counter[str]:
    """The words of pages, main text and the rest."""
    words: Counter[str] = Counter()
    parser = WordParser()
    for page in pages:
        read = parser.by_tree(charset.decode(page.body, None))
        for text in (read.main, read.other):
            words.update(map(compared, segment.words(text)))
    return words


def independently(pages: Sequence[Sample]) -> Counter[str]:
    """The words of pages by libraries and code that netsuite.words doesn't use: a tenth of a second each."""
    words: Counter[str] = Counter()
    for each in independent.count_all(page.body for page in pages):
        words.update(each)
    return Counter({compared(word): times for word, times in words.items()})


def wrong(theirs: Counter[str], right: Counter[str]) -> float:
    """Occurrences that are missing or too many, as a share of all."""
    return sum(abs(theirs[word] - right[word]) for word in theirs | right) / (right.total() or 1)
