"""Everything forgotten at once: the tables are put aside, new ones take their place, and the old are emptied.

Putting aside is one short transaction; what is counted from then on goes into the new tables.  The old ones,
``gone_…``, are emptied in steps, so that no writer waits long while each byte of them is overwritten.  Killed
in between, the next call to forget everything, or the next retention, does the rest.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store import file, nodes

#: Rows that are removed in one step.
STEP = 2000

#: What is no reading: which batches have been counted (but those of imported files), and what the user says.
_STAYS = "node", "known", "generation"


def put_aside(connection: sqlite3.Connection, *, levels: bool) -> int:
    """All tables are new and empty but those that stay; how many pages had been read.

    ``levels``: levels of knowledge go, too.  Nothing may have been put aside before that isn't gone yet.
    """
    nodes.drop_files(connection)
    pages: int
    (pages,) = connection.execute("SELECT coalesce(sum(new), 0) FROM reading").fetchone()
    connection.execute("UPDATE generation SET n = n + 1")
    file.drop_attached(connection)
    for name, sql in file.tables().items():
        if name not in _STAYS or (levels and name == "known"):
            connection.execute(f"ALTER TABLE {name} RENAME TO {file.GONE}{name}")
            connection.execute(sql)
    for sql in file.attached():
        connection.execute(sql)
    return pages


def empty_some(connection: sqlite3.Connection) -> bool:
    """Some rows that were put aside are gone; whether there were any, or a table to hold them."""
    row = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB ? LIMIT 1", (f"{file.GONE}*",)
    ).fetchone()
    if row is None:
        return False
    (table,) = row
    keys = connection.execute(
        "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
    ).fetchall()
    key = ", ".join(name for (name,) in keys)
    found = connection.execute(
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT {STEP})"
    )
    if found.rowcount < STEP:
        connection.execute(f"DROP TABLE {table}")
    return True
