"""Which words of a page are given a sentence: those that were given few today.

A store keeps the newest few sentences of a word.  To look for one costs about as much as to count the page,
so that a word is given `ENOUGH` a day and no more: in a reader's steady state few words of a page want any.

What was given is remembered in two generations.  When the younger one is full it becomes the older, whose
words are forgotten unless they were met meanwhile: a word that is met often stays, whatever else comes.
"""

from __future__ import annotations

from collections.abc import Iterable

from netsuite.words import sentences
from netsuite.words.sentences import Shown

#: Sentences that a word is given on a day.
ENOUGH = 2

#: Words of one generation; of both some 25 MB.  A longer word counts for more.
WORDS_MAX = 100_000
_WORD_CHARS = 32

#: As in `words.count.PageWords`.
Forms = Iterable[tuple[str, str, int, int]]

#: What a page gets that wants nothing.
NOTHING = Shown([], [])


class Sampler:
    """Gives words their sentences, and remembers how often it did, today."""

    __slots__ = ("_day", "_old", "_size", "_young")

    def __init__(self) -> None:
        self._begin("")

    def _begin(self, day: str) -> None:
        self._day = day
        self._young: dict[str, dict[str, int]] = {}  # language -> key -> sentences given
        self._old: dict[str, dict[str, int]] = {}
        self._size = 0

    def sample(self, forms: Forms, lang: str, text: str, day: str) -> Shown:
        """Return sentences for the words of the main text that were given few on ``day``, and names in them.

        ``text``: as `WordCounter.read` gives it; "" is a page that is remembered, and gets nothing.
        """
        if not text:
            return NOTHING
        if day != self._day:
            self._begin(day)
        wanted, looked_for = self._wanted(forms, lang)
        if not wanted:
            return NOTHING
        return sentences.shown(text, lang, wanted, forms=looked_for)

    def _wanted(self, forms: Forms, lang: str) -> tuple[set[str], dict[str, str]]:
        """Return the keys that want a sentence, and their forms; they count as given one."""
        if lang not in self._young:
            self._young[lang] = {}
            self._size += 1  # a language is a stranger's word, too
        young = self._young[lang]
        old = self._old.get(lang, {})
        wanted: set[str] = set()
        looked_for = {}
        for form, key, main, _ in forms:
            if not main:
                continue
            given = young.get(key)
            if given is None:
                given = young[key] = old.get(key, 0)
                self._size += 1 + len(key) // _WORD_CHARS
            if key in wanted:
                looked_for[form] = key
            elif given < ENOUGH and len(wanted) < sentences.MOST:
                young[key] = given + 1
                wanted.add(key)
                looked_for[form] = key
        if self._size >= WORDS_MAX:
            self._young, self._old, self._size = {}, self._young, 0
        return wanted, looked_for
