"""Which texts have a word in them: the sentences, titles and addresses that go with a forgotten one."""

from __future__ import annotations

import sqlite3
from urllib.parse import unquote

from netsuite.wordproxy.store import contexts
from netsuite.wordproxy.store.queries import plain
from netsuite.words import segment

#: Pages, and sentences, that are looked at in one step.
STEP = 2000

#: Marks that join words in addresses and titles, and in no language.
_JOINTS = {ord(mark): " " for mark in "_+-./:=&?"}


def has_word(text: str, key: str, wanted: str) -> bool:
    """Whether a text has the word, as the counter cuts texts; ``wanted``: the key as `plain` has it."""
    if wanted not in plain(text):
        return False
    texts = text, text.translate(_JOINTS)
    return any(
        segment.key(form)[: segment.LENGTH_MAX] == key for part in texts for form in segment.words(part)
    )


def sentences(connection: sqlite3.Connection, key: str, lang: str, after: int) -> int | None:
    """Of some sentences past that number those with the word are gone; the last number, None: no more."""
    rows = connection.execute(
        "SELECT t.id, t.text FROM sentence t JOIN page p ON p.id = t.page WHERE p.lang = ? AND t.id > ?"
        " ORDER BY t.id LIMIT ?",
        (lang, after, STEP),
    ).fetchall()
    wanted = plain(key)
    found = [(number,) for number, text in rows if has_word(text, key, wanted)]
    contexts.drop_sentences(connection, found)
    return rows[-1][0] if rows else None


def addresses(connection: sqlite3.Connection, key: str, lang: str, after: int) -> int | None:
    """The same for the titles and addresses of pages."""
    rows = connection.execute(
        "SELECT id FROM page WHERE lang = ? AND id > ? ORDER BY id LIMIT ?", (lang, after, STEP)
    ).fetchall()
    wanted = plain(key)
    for (page,) in rows:
        for table, column in (("page", "id"), ("visit", "page")):
            _clear(connection, table, column, page, key, wanted)
    return rows[-1][0] if rows else None


def _clear(connection: sqlite3.Connection, table: str, column: str, page: int, key: str, wanted: str) -> None:
    texts = connection.execute(
        f"SELECT DISTINCT url, title FROM {table} WHERE {column} = ?",  # noqa: S608 - names of ours
        (page,),
    ).fetchall()
    for url, title in texts:
        for name, text, shown in (("url", url, unquote(url or "")), ("title", title, title or "")):
            if has_word(shown, key, wanted):
                connection.execute(
                    f"UPDATE {table} SET {name} = NULL WHERE {column} = ? AND {name} = ?",  # noqa: S608
                    (page, text),
                )
