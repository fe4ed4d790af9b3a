"""Relay processes and imported files by the last sequence that each has had counted.

A node whose id begins with `FILE_NODE` is an imported file: its sequences are its records' numbers, and they
are remembered for as long as its words are, so that a file that is imported again counts nothing twice.
"""

from __future__ import annotations

import sqlite3

from netsuite.wordproxy.store.contract import FILE_NODE, NODE_DAYS


def drop_silent(connection: sqlite3.Connection, now: float) -> None:
    """Nodes that were silent for `NODE_DAYS` are gone, but for imported files."""
    connection.execute(
        "DELETE FROM node WHERE seen < ? AND id NOT GLOB ?", (int(now) - NODE_DAYS * 86400, f"{FILE_NODE}*")
    )


def drop_files(connection: sqlite3.Connection) -> None:
    """No file was ever imported."""
    connection.execute("DELETE FROM node WHERE id GLOB ?", (f"{FILE_NODE}*",))
