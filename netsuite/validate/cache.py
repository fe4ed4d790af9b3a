"""Answers that were had before: by the document's bytes, its kind, and the checker that would be asked again.

One SQLite file in the user's cache folder.  It is no store: where it can't be read it is begun anew, and
where there can be none the checker is asked each time.  Only answers are kept, never failures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Mapping

from .document import Document
from .message import Found, Grade, Message

#: Name of the file; a new form gets a new name.
FILE = "validate-1.db"

#: Answers kept; of more, those that were used longest ago go.
ANSWERS_MAX = 50_000

#: Seconds that another process may hold the file.
BUSY_SECONDS = 2.0

_SCHEMA = """create table if not exists answer
 (digest blob primary key, used integer not null, told text not null) strict, without rowid"""


def folder(environ: Mapping[str, str]) -> str | None:
    """Return where our caches lie, None where there is no home (Source: XDG Base Directory Specification)."""
    above = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(above):
        home = os.path.expanduser("~")
        above = os.path.join(home, ".cache") if os.path.isabs(home) else ""
    return os.path.join(above, "netsuite") if above else None


def digest(document: Document, checker: str) -> bytes:
    """Return what an answer is kept by.  ``checker``: its identity, version and all."""
    whole = hashlib.sha256()
    for part in (checker.encode(), document.kind.value.encode(), (document.label or "").lower().encode()):
        whole.update(b"%d:" % len(part) + part)
    whole.update(document.body)
    return whole.digest()


class Cache:
    """The file, open; or nothing, if there can be none."""

    def __init__(self, where: str | None) -> None:
        self._file: sqlite3.Connection | None = None
        if where is not None:
            path = os.path.join(where, FILE)
            with contextlib.suppress(OSError):
                os.makedirs(where, 0o700, exist_ok=True)
                self._file = _open(path) or (_begun_anew(path) and _open(path)) or None

    def get(self, key: bytes) -> Found | None:
        """Return the answer that was kept."""
        row = self._do("select told from answer where digest = ?", key)
        if row is None:
            return None
        self._do("update answer set used = ? where digest = ?", int(time.time()), key)
        try:
            return _found(json.loads(row[0]))
        except (ValueError, TypeError, KeyError):
            return None

    def put(self, key: bytes, found: Found) -> None:
        """The answer is kept."""
        self._do("insert or replace into answer values (?, ?, ?)", key, int(time.time()), _told(found))

    def close(self) -> None:
        """What was put is on the disk; the oldest beyond the bound are gone."""
        if self._file is not None:
            self._do(
                "delete from answer where digest in"
                " (select digest from answer order by used desc limit -1 offset ?)",
                ANSWERS_MAX,
            )
            with contextlib.suppress(sqlite3.Error):
                self._file.commit()
            self._file.close()
            self._file = None

    def save(self) -> None:
        """What was put so far is on the disk."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.commit()

    def _do(self, statement: str, *values: object) -> tuple[str] | None:
        if self._file is None:
            return None
        try:
            row: tuple[str] | None = self._file.execute(statement, values).fetchone()
        except sqlite3.Error:  # damaged, or the disk is full: no cache from here on
            self._file.close()
            self._file = None
            return None
        return row


def _open(path: str) -> sqlite3.Connection | None:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        file = sqlite3.connect(path, timeout=BUSY_SECONDS)
        file.execute("pragma journal_mode = wal")
        file.execute(_SCHEMA)
        file.execute("select count(*) from (select * from answer limit 1)").fetchone()
    except sqlite3.Error:
        return None
    return file


def _begun_anew(path: str) -> bool:
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + ending)
    return True


def _told(found: Found) -> str:
    messages = [
        [m.grade, m.text, m.line, m.column, m.last_line, m.last_column, m.extract] for m in found.messages
    ]
    return json.dumps({"version": found.version, "messages": messages})


def _found(told: Mapping[str, list[list[str | int]]]) -> Found:
    messages = tuple(
        Message(
            Grade(str(grade)), str(text), int(line), int(column), int(last), int(last_column), str(extract)
        )
        for grade, text, line, column, last, last_column, extract in told["messages"]
    )
    return Found(messages, str(told["version"]))
