"""Levels of knowledge, and the sites whose language was corrected: what the user says, not what was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from netsuite.wordproxy.store import gists
from netsuite.wordproxy.store.contract import LEVELS, Knowledge

_SAY = """
INSERT INTO known (lang, key, level) VALUES (?, ?, ?)
ON CONFLICT (lang, key) DO UPDATE SET level = excluded.level
"""


def levels(connection: sqlite3.Connection, lang: str | None) -> list[Knowledge]:
    """All words of which a level was said, by language and key."""
    rows = connection.execute(
        "SELECT key, lang, level FROM known WHERE :lang IS NULL OR lang = :lang ORDER BY lang, key",
        {"lang": lang},
    )
    return [Knowledge(key, lang, LEVELS[level]) for key, lang, level in rows]


def numbers(words: Sequence[Knowledge]) -> dict[tuple[str, str], int]:
    """The place in `LEVELS` of each word's level; of a word that comes twice the last counts.

    Raises:
        ValueError: a level that is none.
    """
    return {(word.lang, word.key): LEVELS.index(word.level) for word in words}


def set_levels(connection: sqlite3.Connection, said: dict[tuple[str, str], int]) -> list[Knowledge]:
    """The words have these levels; the levels that they had before, each word once."""
    before = []
    changes = []
    for (lang, key), level in said.items():
        place = lang, key
        row = connection.execute("SELECT level FROM known WHERE lang = ? AND key = ?", place).fetchone()
        had = row[0] if row else 0
        before.append(Knowledge(key, lang, LEVELS[had]))
        if level:
            connection.execute(_SAY, (*place, level))
        elif row:
            connection.execute("DELETE FROM known WHERE lang = ? AND key = ?", place)
        if (had >= gists.KNOWN) != (level >= gists.KNOWN):
            word = connection.execute("SELECT id FROM word WHERE lang = ? AND key = ?", place).fetchone()
            changes += [(word[0], had >= gists.KNOWN)] if word else []
    gists.note(connection, changes)
    return before


def level(connection: sqlite3.Connection, key: str, lang: str) -> str:
    """The level of one word."""
    row = connection.execute("SELECT level FROM known WHERE lang = ? AND key = ?", (lang, key)).fetchone()
    return LEVELS[row[0] if row else 0]


def site_langs(connection: sqlite3.Connection) -> dict[str, str]:
    """The sites whose language was corrected."""
    return dict(
        connection.execute("SELECT host, lang FROM site WHERE lang IS NOT NULL ORDER BY host").fetchall()
    )
