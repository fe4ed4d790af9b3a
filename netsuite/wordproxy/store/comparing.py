"""Words under two questions, side by side; only those that are shown get a name."""

from __future__ import annotations

import sqlite3

import numpy

from netsuite.wordproxy.store import lists
from netsuite.wordproxy.store.contract import Choose, Pair, WordQuery
from netsuite.wordproxy.store.loosened import Loosened


def compare(
    connection: sqlite3.Connection, left: WordQuery, right: WordQuery, choose: Choose, loosened: Loosened
) -> list[Pair]:
    """The words that are chosen, in that order."""
    (a, size_a), (b, size_b) = (lists.numbers(connection, query, loosened) for query in (left, right))
    size = max(len(a), len(b))
    a, b = (numpy.pad(numbers, (0, size - len(numbers))) for numbers in (a, b))  # of a site that is none
    shown = choose(a, b, size_a, size_b)
    return [
        Pair(form, lang, int(a[word]), int(b[word]), key, level, named)
        for word, form, key, lang, level, named, _, _ in lists.told(connection, shown)
    ]
