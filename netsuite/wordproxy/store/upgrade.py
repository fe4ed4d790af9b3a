"""A store of an older schema becomes one of ours, in place, after a backup copy was made beside it.

The copy, ``FILE.schema2.DATE`` where that was the schema, is whole and on the disk before the first table
changes; the change is one transaction under the writers' lock, so that a kill at any point leaves the old
store or the new one, and of two processes that start at once the second finds the work done.  Copies older
than `KEEP_DAYS` go; *forget* removes all of them, retention removes from them what it removes from the store.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from contextlib import closing, suppress
from datetime import date, timedelta
from urllib.parse import quote

from netsuite import durable
from netsuite.wordproxy.store import file, queries, rebuilding
from netsuite.wordproxy.store.contract import StoreFault

#: Days that a backup copy is kept.
KEEP_DAYS = 7

#: What the name of a copy has after the store's: its schema and day.
_COPY = re.compile(r"\.schema\d+\.(.*)")

#: What SQLite says of tables that aren't as the schema has them.
_UNLIKE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)


def upgrade(connection: sqlite3.Connection, path: str, today: date) -> bool:
    """The store is of our schema; whether it was this call that upgraded it.

    Raises:
        StoreFault: it can't be; nothing has changed.
    """
    run = connection.execute
    run("BEGIN IMMEDIATE")
    try:
        (schema,) = run("PRAGMA user_version").fetchone()
        if schema == file.SCHEMA:  # another process was quicker
            return False
        copy = _copy(path, schema, today)
        try:
            rebuilding.rebuild(connection, schema)
            run(f"PRAGMA user_version = {file.SCHEMA}")
            run("COMMIT")
        except BaseException as error:
            with suppress(OSError):
                os.unlink(copy)
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNLIKE:
                raise StoreFault(file.damaged(path, "its tables are not those of its schema")) from error
            raise
    finally:
        if connection.in_transaction:
            run("ROLLBACK")
    return True


def copies(path: str) -> list[str]:
    """The backup copies beside the store, whole or not, and what belongs to them."""
    return _beside(path, ".schema", "")


def _orphans(path: str) -> list[str]:
    """Logs whose stores were removed."""
    return _beside(path, "-", file.ORPHAN)


def _beside(path: str, start: str, end: str) -> list[str]:
    folder, name = os.path.split(os.path.abspath(path))
    found = (n for n in sorted(os.listdir(folder)) if n.startswith(name + start) and n.endswith(end))
    return [os.path.join(folder, n) for n in found]


def drop_old_copies(path: str, today: date) -> None:
    """Copies that are older than `KEEP_DAYS`, or were never finished, are gone."""
    oldest = (today - timedelta(KEEP_DAYS)).isoformat()
    for copy in copies(path):
        named = _COPY.fullmatch(copy, len(os.path.abspath(path)))
        if named is None or named[1] < oldest or not _is_date(named[1]):
            _unlink(copy)
    for log in _orphans(path):
        if date.fromtimestamp(os.path.getmtime(log)).isoformat() < oldest:
            _unlink(log)


def drop_copies(path: str) -> None:
    """No backup copy is there any more, nor a log whose store was removed."""
    for copy in (*copies(path), *_orphans(path)):
        _unlink(copy)


def retain_copies(path: str, before: int) -> None:
    """Pages last met before that day are gone from the copies, too; a copy that can't be changed is gone."""
    for copy in copies(path):
        try:
            with closing(sqlite3.connect(_uri(copy, "rw"), uri=True, isolation_level=None)) as connection:
                _retain(connection, before)
        except sqlite3.Error:
            _unlink(copy)


def _retain(connection: sqlite3.Connection, before: int) -> None:
    run = connection.execute
    run("PRAGMA secure_delete = ON")
    run("PRAGMA synchronous = FULL")
    run("BEGIN IMMEDIATE")
    old = "page IN (SELECT id FROM page WHERE last < ?)"
    (schema,) = run("PRAGMA user_version").fetchone()
    if schema > 1:
        run(f"DELETE FROM context WHERE sentence IN (SELECT id FROM sentence WHERE {old})", (before,))  # noqa: S608
        run(f"DELETE FROM sentence WHERE {old}", (before,))  # noqa: S608
    for table in ("met", "visit"):
        run(f"DELETE FROM {table} WHERE {old}", (before,))  # noqa: S608 - names of ours
    run("DELETE FROM page WHERE last < ?", (before,))
    run("COMMIT")
    run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _copy(path: str, schema: int, today: date) -> str:
    """A copy of the store as it is now is on the disk; its name.  The caller keeps writers away."""
    copy = f"{path}.schema{schema}.{today.isoformat()}"
    draft = f"{copy}.draft"
    try:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with (
                closing(sqlite3.connect(_uri(path, "rw"), uri=True)) as source,
                closing(sqlite3.connect(draft)) as target,
            ):
                source.backup(target)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(draft, copy)
        durable.sync_folder(os.path.dirname(os.path.abspath(path)))
    except (OSError, sqlite3.Error) as error:
        for name in (draft, f"{draft}-journal", f"{draft}-wal", f"{draft}-shm"):
            with suppress(OSError):
                os.unlink(name)
        raise StoreFault(_no_copy(path, error)) from error
    return copy


def _no_copy(path: str, error: Exception) -> str:
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if full or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        megabytes = os.path.getsize(path) // 1_000_000 + 1
        return f"no room for a copy of {path} ({megabytes} MB) before its upgrade; free some on its disk"
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path} can't be copied before its upgrade ({reason}); look at its folder"


def _uri(path: str, mode: str) -> str:
    return f"file:{quote(os.path.abspath(path))}?mode={mode}"


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _is_date(text: str) -> bool:
    try:
        queries.day_number(text)
    except ValueError:
        return False
    return True
