"""Sentences: which words they show, at most `CONTEXTS_MAX` of each word, the newest.

A sentence belongs to a page and to the day on which it was first met there, and goes with either.  One that
shows no word any more is gone.  Each function works inside the transaction of its caller.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from netsuite.wordproxy.store.contract import CONTEXTS_MAX, Context, ContextQuery
from netsuite.wordproxy.store.queries import day_text

#: Longest sentence that is kept, in characters; those that we cut have 300 at most.
SENTENCE_MAX = 500

_FOUND = """
SELECT t.text, s.host, t.day, p.url, p.title, lower(hex(p.digest)) || ':' || p.lang
FROM word w CROSS JOIN context c ON c.word = w.id CROSS JOIN sentence t ON t.id = c.sentence
    CROSS JOIN page p ON p.id = t.page CROSS JOIN site s ON s.id = p.site
WHERE w.key = :key AND w.lang = :lang AND (:site IS NULL OR s.host = :site)
ORDER BY t.day DESC, t.id DESC LIMIT :limit
"""

#: Of some words those that have more sentences than are kept.
_FULL = """
SELECT c.word FROM json_each(?) j CROSS JOIN context c ON c.word = j.value
GROUP BY c.word HAVING count(*) > ?
"""

_OLDEST = """
SELECT c.word, c.sentence FROM context c JOIN sentence t ON t.id = c.sentence WHERE c.word = ?
ORDER BY t.day DESC, t.id DESC LIMIT -1 OFFSET ?
"""


def find(connection: sqlite3.Connection, query: ContextQuery) -> list[Context]:
    """Sentences with the word, newest first."""
    told = {"key": query.key, "lang": query.lang, "site": query.site, "limit": query.limit or -1}
    return [
        Context(text, host, day_text(day), url, url and title, url and page)
        for text, host, day, url, title, page in connection.execute(_FOUND, told)
    ]


def add(connection: sqlite3.Connection, page: int, day: int, shown: list[tuple[int, str]]) -> None:
    """The page has these sentences, each with the number of a word that it shows."""
    run = connection.execute
    known: dict[str, int] = dict(
        run("SELECT text, id FROM sentence WHERE page = ?", (page,)).fetchall() if shown else ()
    )
    links = []
    for word, text in shown:
        text = text[:SENTENCE_MAX]
        if text not in known:
            row = page, day, text
            (known[text],) = run(
                "INSERT INTO sentence (page, day, text) VALUES (?, ?, ?) RETURNING id", row
            ).fetchone()
        links.append((word, known[text]))
    connection.executemany("INSERT INTO context (word, sentence) VALUES (?, ?) ON CONFLICT DO NOTHING", links)
    words = json.dumps(sorted({word for word, _ in links}))
    full = run(_FULL, (words, CONTEXTS_MAX)).fetchall()
    _unlink(connection, [row for (word,) in full for row in run(_OLDEST, (word, CONTEXTS_MAX))])


def drop(connection: sqlite3.Connection, pages: list[tuple[int]], day: int | None = None) -> None:
    """The sentences of the pages with these numbers are gone; only those of a day, where one is given."""
    for (page,) in pages:
        found = connection.execute(
            "SELECT id FROM sentence WHERE page = ? AND (? IS NULL OR day = ?)", (page, day, day)
        ).fetchall()
        drop_sentences(connection, found)


def drop_sentences(connection: sqlite3.Connection, sentences: list[tuple[int]]) -> None:
    """The sentences with these numbers are gone."""
    connection.executemany("DELETE FROM context WHERE sentence = ?", sentences)
    connection.executemany("DELETE FROM sentence WHERE id = ?", sentences)


def drop_words(connection: sqlite3.Connection, words: Iterable[int]) -> None:
    """No sentence shows the words with these numbers any more."""
    for word in words:
        links = connection.execute("SELECT word, sentence FROM context WHERE word = ?", (word,)).fetchall()
        _unlink(connection, links)


def _unlink(connection: sqlite3.Connection, links: list[tuple[int, int]]) -> None:
    """A sentence doesn't show a word any more, and goes if that was the last one."""
    connection.executemany("DELETE FROM context WHERE word = ? AND sentence = ?", links)
    connection.executemany(
        "DELETE FROM sentence WHERE id = :id"
        " AND NOT EXISTS (SELECT 1 FROM context WHERE context.sentence = :id)",
        [{"id": sentence} for _, sentence in links],
    )
