"""Base forms of words (running, ran: run), with the extra ``lemma``; they replace nothing in the store.

Each word is looked up once, when there is time, and words of one base are numbered alike.  Words that are
newer are looked up when a list by base forms is asked for, and remembered by the open store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.sums import Draft

#: Words that are looked up in one step.
STEP = 3000

#: Answers that are remembered while words are looked up.
_REMEMBERED = 1024

#: A word of a base, by its key and language, is no word of another one any more.
_PUT = (
    "INSERT INTO lemma (lang, form) VALUES (?2, ?3) ON CONFLICT DO NOTHING",
    "DELETE FROM base WHERE word = ?1",
    "INSERT INTO base (word, lemma) SELECT ?1, id FROM lemma WHERE lang = ?2 AND form = ?3",
)

#: The base itself is one of its words, if it was met.
_PUT_ITSELF = """
INSERT INTO base (word, lemma)
SELECT w.id, l.id FROM lemma l JOIN word w ON w.key = l.form AND w.lang = l.lang
WHERE l.lang = ? AND l.form = ? ON CONFLICT DO NOTHING
"""

#: Words later than that which are bases of others.
_NEW_BASES = """
SELECT w.id, l.id FROM word w CROSS JOIN lemma l ON l.lang = w.lang AND l.form = w.key WHERE w.id > ?
"""

_LOOKED_UP = "SELECT coalesce(max(word), 0) FROM based"


class Bases:
    """Which words have a base in common; remembers what isn't kept yet."""

    def __init__(self) -> None:
        self._newer: dict[int, tuple[str, str]] = {}  # language and base, where that isn't the key
        self._seen = 0  # the last word that was looked up
        self._generation = 0  # of words: another one after some were forgotten
        self._named: dict[int, str] = {}  # the bases that aren't kept yet, by their number

    def groups(self, connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
        """Each word whose base it shares or isn't itself, with the base's number.

        Raises:
            StoreFault: the extra is not installed, and not all words were looked up.
        """
        ask = connection.execute
        ((last,), (generation,)) = ask(_LOOKED_UP).fetchone(), ask("SELECT n FROM generation").fetchone()
        if generation != self._generation:
            self._newer, self._seen, self._generation = {}, 0, generation
        self._newer = {word: place for word, place in self._newer.items() if word > last}
        self._seen = max(self._seen, last)
        rows = ask("SELECT id, key, lang FROM word WHERE id > ? ORDER BY id", (self._seen,))
        self._newer.update(_found(rows))
        (self._seen,) = ask("SELECT coalesce(max(id), 0) FROM word").fetchone()
        newer = self._numbered(connection, last)
        kept = ask("SELECT word, lemma FROM base")
        return chain((row for row in kept if row[0] not in newer) if newer else kept, newer.items())

    def base(self, connection: sqlite3.Connection, number: int) -> str:
        """What the base with that number is called."""
        if number in self._named:
            return self._named[number]
        form: str = connection.execute("SELECT form FROM lemma WHERE id = ?", (number,)).fetchone()[0]
        return form

    def _numbered(self, connection: sqlite3.Connection, last: int) -> dict[int, int]:
        """The words after that one, with their bases' numbers; below 0 are those that aren't kept yet."""
        ask = connection.execute
        numbers: dict[tuple[str, str], int] = {}
        self._named = {}
        found = dict(ask(_NEW_BASES, (last,)).fetchall())
        for word, place in self._newer.items():
            if place not in numbers:
                row = ask("SELECT id FROM lemma WHERE lang = ? AND form = ?", place).fetchone()
                number = numbers[place] = row[0] if row else -1 - len(numbers)
                if not row:
                    self._named[number] = place[1]
                    sql = (
                        "SELECT id FROM word WHERE lang = ? AND key = ? AND id NOT IN (SELECT word FROM base)"
                    )
                    found.update((own, number) for (own,) in ask(sql, place) if own not in self._newer)
            found[word] = numbers[place]
        return found


def draft(connection: sqlite3.Connection) -> Draft | None:
    """What keeps the bases of some more words; None: all have theirs, or the extra is not installed."""
    (last,) = connection.execute(_LOOKED_UP).fetchone()
    rows = connection.execute(
        "SELECT id, key, lang FROM word WHERE id > ? ORDER BY id LIMIT ?", (last, STEP)
    ).fetchall()
    if not rows:
        return None
    try:
        found = dict(_found(rows))
    except StoreFault:
        return None
    drafted: Draft = []
    for word, key, lang in rows:
        if word in found:
            place = found[word]
            drafted += [(_PUT[0], (word, *place)), (_PUT[1], (word,)), (_PUT[2], (word, *place))]
            drafted.append((_PUT_ITSELF, place))
        else:
            drafted.append((_PUT_ITSELF, (lang, key)))
    drafted += [("DELETE FROM based", ()), ("INSERT INTO based (word) VALUES (?)", (rows[-1][0],))]
    return drafted


def _found(rows: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Words with their language and base, where that isn't the key."""
    find: Callable[[str, str], str] | None = None
    for word, key, lang in rows:
        find = find or finder()
        base = find(key, lang)
        if base != key:
            yield word, (lang, base)


def finder() -> Callable[[str, str], str]:
    """What finds the base of a key in a language.

    Raises:
        StoreFault: the extra is not installed.
    """
    try:
        # here: it costs every process what only these lists need
        from simplemma import Lemmatizer
        from simplemma.strategies import DefaultStrategy
    except ModuleNotFoundError:
        raise StoreFault("base forms need the extra: pip install 'netsuite[lemma]'") from None
    # its other dictionaries take 100 MB a language, and this one 20
    lemmatize = Lemmatizer(_REMEMBERED, lemmatization_strategy=DefaultStrategy(low_memory=True)).lemmatize

    def find(key: str, lang: str) -> str:
        try:
            return lemmatize(key, lang=lang).casefold()
        except ValueError:  # a language of which it has no forms
            return key

    return find
