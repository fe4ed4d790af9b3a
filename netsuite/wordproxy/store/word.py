"""All of one word: its forms, its numbers, whether it is a name."""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import figures, levels
from netsuite.wordproxy.store.contract import Word, WordFacts
from netsuite.wordproxy.store.queries import day_text

#: The language in which capitals tell no names.
CAPITALISED = "de"


def word(connection: sqlite3.Connection, key: str, lang: str) -> WordFacts | None:
    """All of one word, None if it was never met."""
    row = connection.execute("SELECT id FROM word WHERE key = ? AND lang = ?", (key, lang)).fetchone()
    if row is None:
        return None
    (number,) = row
    its = figures.one(connection, number)
    forms: list[tuple[str, int]] = connection.execute(
        "SELECT form, n FROM form WHERE word = ?", (number,)
    ).fetchall()
    rest = its.main + its.other - sum(n for _, n in forms)
    if rest > 0:  # all others are the key itself
        forms.append((key, rest))
    forms.sort(key=lambda form: (-form[1], form[0]))
    shown = Word(
        forms[0][0],
        lang,
        its.main,
        its.pages,
        day_text(its.first),
        day_text(its.last),
        key,
        levels.level(connection, key, lang),
        is_name(lang, its.named, its.small),
    )
    return WordFacts(shown, forms, its.other)


def is_name(lang: str, named: int, small: int) -> bool:
    """Whether a word is probably a name: it stood capitalised in the midst of a sentence, and never small."""
    return named > 0 and small == 0 and lang != CAPITALISED
