"""The numbers of words, remembered from batch to batch.

A word's number never changes while the word is there.  What ends it is a word's removal: a trigger counts
these in the table ``generation``, which is read when a batch begins, in its transaction; another process's
removals are seen so, too.  What a transaction gave out and did not keep is forgotten by `forget`.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count

import numpy

from netsuite.wordproxy.store.packing import Column
from netsuite.words.forms import Forms
from netsuite.words.lexicon import Lexicon
from netsuite.words.segment import is_small

#: Words that are remembered; with their keys about 33 MB.
WORDS_MAX = 250_000

#: Languages of which it is also remembered by the lexicon's numbers: 4 bytes for each form of it.
LANGS_MAX = 24


def _keys(forms: Forms) -> Column:
    """By form, its key's number."""
    # the lexicon's column may grow as soon as nobody looks at it
    found: Column = numpy.frombuffer(forms.lexicon.keys, dtype=numpy.uint32)[
        numpy.frombuffer(forms.numbers, dtype=numpy.uint32)
    ]
    return found


class Numbers:
    """Keys to numbers, by language."""

    def __init__(self, connection: sqlite3.Connection, *, whole: bool = False) -> None:
        """``whole``: all words are read at once, where there is room, and none is looked up after that."""
        self._connection = connection
        self._may_be_whole = whole
        self._is_whole = False
        self._generation = -1
        self._last = 0
        self._known: dict[str, dict[str, int]] = {}
        self._size = 0
        self._lexicon: Lexicon | None = None
        self._by_key: OrderedDict[str, Column] = OrderedDict()  # by language, by its numbers of keys
        self._small = bytearray()  # by number: 1 if the key begins with a small letter
        #: The words that are new, in their order: the first one's number, their language, their keys.
        self.new: list[tuple[int, str, list[str]]] = []

    def begin(self) -> None:
        """What is remembered is true in the transaction that has just begun; no word is new in it yet."""
        run = self._connection.execute
        (generation,) = run("SELECT n FROM generation").fetchone()
        (last,) = run("SELECT coalesce(max(id), 0) FROM word").fetchone()
        if generation != self._generation or self._size > WORDS_MAX:
            self.forget()
            self._generation = generation
            self._is_whole = self._may_be_whole and last <= WORDS_MAX
            if self._is_whole:
                for word, key, lang in run("SELECT id, key, lang FROM word"):
                    self._learn(self._known.setdefault(lang, {}), {key: word})
        elif last != self._last:  # another process has added some
            self._is_whole = False
        self._last = last
        self.new = []

    def forget(self) -> None:
        """Nothing is remembered."""
        self._known.clear()
        self._by_key.clear()
        self._small.clear()
        self.new = []
        self._size, self._generation = 0, -1

    def of(self, keys: Sequence[str], lang: str) -> list[int]:
        """The numbers of words; one that was never met gets its number now, and is in `new`."""
        known = self._known.setdefault(lang, {})
        words = list(map(known.get, keys))
        if None in words:
            strange = [key for key, word in zip(keys, words, strict=True) if word is None]
            self._give(self._look_up(known, dict.fromkeys(strange), lang), lang)
            words = list(map(known.get, keys))
        return words  # type: ignore[return-value]  # none is None

    def _give(self, unmet: list[str], lang: str) -> None:
        """The words, each once, have numbers that follow on each other."""
        if unmet:
            first = self._last + 1
            self._last += len(unmet)
            self.new.append((first, lang, unmet))
            self._known[lang].update(zip(unmet, count(first), strict=False))
            self._size += len(unmet)
            self._small.extend(bytes(max(0, first - len(self._small))))
            self._small[first:] = bytes(map(is_small, unmet))

    def meet(self, pages: Iterable[tuple[Forms, str]]) -> None:
        """The words of pages, in their languages, have numbers: all at once, which takes less time.

        Nothing else than these pages may be added by the transaction before all of them are.
        """
        met: defaultdict[tuple[Lexicon, str], list[Column]] = defaultdict(list)
        for forms, lang in pages:
            met[forms.lexicon, lang].append(_keys(forms))
        for (lexicon, lang), columns in met.items():
            self._meet(lexicon, numpy.concatenate(columns), lang)

    def _meet(self, lexicon: Lexicon, keys: Column, lang: str) -> None:
        """The words with these keys have numbers."""
        known = self._by(lexicon, lang)
        strange = numpy.unique(keys[known[keys] == 0])
        if len(strange):
            known[strange] = self.of(lexicon.forms(strange.tobytes()), lang)

    def of_forms(self, forms: Forms, lang: str) -> tuple[Column, Column]:
        """By form, the number of its word, and 1 where it is no key; see `of`."""
        known = self._by(forms.lexicon, lang)
        keys = _keys(forms)
        words = known[keys]
        if not words.all():
            self._meet(forms.lexicon, keys, lang)
            words = known[keys]
        return words, keys != numpy.frombuffer(forms.numbers, dtype=numpy.uint32)

    def _by(self, lexicon: Lexicon, lang: str) -> Column:
        """Numbers of words by those of the lexicon, 0 where nothing is known; it may be written to."""
        if lexicon is not self._lexicon:
            self._lexicon = lexicon
            self._by_key.clear()
        known = self._by_key.get(lang)
        if known is None or len(known) < len(lexicon):
            grown = numpy.zeros(len(lexicon) * 5 // 4, dtype=numpy.uint32)  # words are fewer than that
            if known is not None:
                grown[: len(known)] = known
            known = self._by_key[lang] = grown
        self._by_key.move_to_end(lang)
        if len(self._by_key) > LANGS_MAX:
            self._by_key.popitem(last=False)
        return known

    def find(self, key: str, lang: str) -> int | None:
        """The number of a word that this batch has met, else None."""
        return self._known.get(lang, {}).get(key)

    def are_small(self, words: Column) -> Column:
        """By word that this batch has met, 1 if its key begins with a small letter."""
        found: Column = numpy.frombuffer(self._small, dtype=numpy.uint8)[words].astype(numpy.int64)
        return found

    def _look_up(self, known: dict[str, int], keys: Iterable[str], lang: str) -> list[str]:
        """Those of the words that the table has are known; the others are returned."""
        if self._is_whole:
            return list(keys)
        ask = self._connection.execute
        rows = (ask("SELECT key, id FROM word WHERE key = ? AND lang = ?", (key, lang)) for key in keys)
        found: dict[str, int] = dict(chain.from_iterable(rows))
        self._learn(known, found)
        return [key for key in keys if key not in found]

    def _learn(self, known: dict[str, int], words: Mapping[str, int]) -> None:
        known.update(words)
        self._size += len(words)
        if words:
            small = self._small
            small.extend(bytes(max(0, max(words.values()) + 1 - len(small))))
            for key, word in words.items():
                small[word] = is_small(key)
