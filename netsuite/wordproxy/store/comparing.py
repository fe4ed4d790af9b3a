"""Words under two questions, side by side; only those that are shown get a name."""

# ruff: noqa: S608 - statements are put together from this file's own parts

from __future__ import annotations

import json
import sqlite3

import numpy

from netsuite.wordproxy.store import lists
from netsuite.wordproxy.store.contract import LEVELS, Choose, Pair, WordQuery
from netsuite.wordproxy.store.loosened import Loosened
from netsuite.wordproxy.store.word import is_name

_NAMED = (
    f"SELECT w.id, {lists.SHOWN}, w.key, w.lang, w.named, w.small,"
    " (SELECT level FROM known k WHERE k.key = w.key AND k.lang = w.lang)"
    " FROM json_each(?) j CROSS JOIN word w ON w.id = j.value"
)


def compare(
    connection: sqlite3.Connection, left: WordQuery, right: WordQuery, choose: Choose, loosened: Loosened
) -> list[Pair]:
    """The words that are chosen, in that order."""
    (a, size_a), (b, size_b) = (lists.numbers(connection, query, loosened) for query in (left, right))
    size = max(len(a), len(b))
    a, b = (numpy.pad(numbers, (0, size - len(numbers))) for numbers in (a, b))  # of a site that is none
    shown = json.dumps(list(choose(a, b, size_a, size_b)))
    return [
        Pair(form, lang, int(a[word]), int(b[word]), key, LEVELS[level or 0], is_name(lang, named, small))
        for word, form, key, lang, named, small, level in connection.execute(_NAMED, (shown,))
    ]
