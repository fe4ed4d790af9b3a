"""Base forms of words (running, ran: run), with the extra ``lemma``; they replace nothing in the store.

They are looked up when a list by base forms is asked for the first time, and remembered by the open store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from netsuite.wordproxy.store.contract import StoreFault

#: Remembered words whose base is another form; past it they are looked up anew.
MEMORY_MAX = 500_000


@dataclass(slots=True)
class Bases:
    """Words whose base form isn't their key, by number; the word that stands for a base in a language."""

    forms: dict[int, tuple[str, str]] = field(default_factory=dict)
    heads: dict[tuple[str, str], int] = field(default_factory=dict)
    _last: int = 0  #: the last word that was looked at
    _generation: int = 0  #: of the numbers: another one after words were forgotten

    def renew(self, connection: sqlite3.Connection) -> None:
        """Words that are new have theirs.

        Raises:
            StoreFault: the extra is not installed.
        """
        find, ask = finder(), connection.execute
        (generation,) = ask("SELECT n FROM generation").fetchone()
        if generation != self._generation or len(self.forms) > MEMORY_MAX:
            self.forms.clear()
            self.heads.clear()
            self._last, self._generation = 0, generation
        for word, key, lang in ask("SELECT id, key, lang FROM word WHERE id > ? ORDER BY id", (self._last,)):
            self._last = word
            if (key, lang) in self.heads:
                self.heads[key, lang] = word
            base = find(key, lang)
            if base == key:
                continue
            place = self.forms[word] = base, lang
            if place not in self.heads:
                row = ask("SELECT id FROM word WHERE key = ? AND lang = ?", place).fetchone()
                self.heads[place] = row[0] if row else word


def finder() -> Callable[[str, str], str]:
    """What finds the base of a key in a language.

    Raises:
        StoreFault: the extra is not installed.
    """
    try:
        from simplemma import lemmatize  # here: it costs every process what only these lists need
    except ModuleNotFoundError:
        raise StoreFault("base forms need the extra: pip install 'netsuite[lemma]'") from None

    def find(key: str, lang: str) -> str:
        try:
            return lemmatize(key, lang=lang).casefold()
        except ValueError:  # a language of which it has no forms
            return key

    return find
