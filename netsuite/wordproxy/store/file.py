"""The store as a file: one sort of `storefile`, and what its tables are.

How such a file is made whole, kept private and judged before it is opened, is there.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import resources

from netsuite.storefile import ORPHAN as ORPHAN
from netsuite.storefile import Kind
from netsuite.storefile import damaged as damaged
from netsuite.storefile import identity as identity

#: "NSwd" in the header says that the file is a word store of ours.
APPLICATION_ID = 0x4E537764

#: The schema that this code reads and writes; older ones are upgraded when they are opened (`upgrade`).
SCHEMA = 3

#: What the names of tables begin with whose rows are being removed (`clearing`).
GONE = "gone_"


@cache
def kind() -> Kind:
    """Word stores: how their files are made and judged."""
    text = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
    return Kind("word store", APPLICATION_ID, SCHEMA, text)


def has_tables(connection: sqlite3.Connection) -> bool:
    """The database has the tables and indices of our schema; others only if they are on their way out."""
    query = "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT GLOB ? ORDER BY type, name"
    return sorted(_model()) == connection.execute(query, (f"{GONE}*",)).fetchall()


def tables() -> dict[str, str]:
    """The statements that make the tables of our schema, by name and in its order."""
    return {name: sql for kind, name, sql in _model() if kind == "table" and sql}


def attached() -> list[str]:
    """The statements that make its indices and triggers."""
    return [sql for kind, _, sql in _model() if kind in ("index", "trigger") and sql]


def drop_attached(connection: sqlite3.Connection) -> None:
    """The database has no indices and triggers any more."""
    rows = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql NOT NULL"
    ).fetchall()
    for kind, name in rows:
        connection.execute(f"DROP {kind} {name}")


def _model() -> list[tuple[str, str, str | None]]:
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        kind().write_schema(model)
        return model.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid").fetchall()
    finally:
        model.close()
