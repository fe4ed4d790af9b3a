"""A store of an older schema becomes one of ours, in place, after a backup copy was made beside it.

The copy, ``FILE.schema1.DATE``, is whole and on the disk before the first table changes; the change is one
transaction under the writers' lock, so that a kill at any point leaves the old store or the new one, and of
two processes that start at once the second finds the work done.  Copies older than `KEEP_DAYS` go; *forget*
removes all of them, retention removes from them what it removes from the store.

Schema 1 had less than ours has: how often a word was met on each page it knew only as a sum over the pages of
a site's day.  Each of these pages gets an equal share of that sum, its first day counts as the one on which
it was new, and its words were met in the form of their keys.  So sums stay exact; what is forgotten of a page
that was visited before the upgrade is this share, and nothing is left when the last such page is forgotten.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from datetime import date, timedelta
from urllib.parse import quote

from netsuite.wordproxy.store import file, queries
from netsuite.wordproxy.store.adding import is_small
from netsuite.wordproxy.store.contract import StoreFault

#: Days that a backup copy is kept.
KEEP_DAYS = 7

#: The schema that can be upgraded.
_OLD = 1

#: What SQLite says of tables that aren't as the schema has them.
_UNLIKE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)

#: How tables are filled that have more columns than before without a default; "before_" are the old ones.
_FILL = {
    "visit": (
        "INSERT INTO visit (page, day, visits, recounted, ingested, imported, new, seen, url, title)"
        " SELECT v.page, v.day, v.visits, 0, 0, 0, v.day = p.first,"
        f" iif(v.day = p.last, p.seen, (v.day - {date(1970, 1, 1).toordinal()}) * 86400), p.url, p.title"
        " FROM before_visit v JOIN page p ON p.id = v.page"
    ),
    "met": (
        "INSERT INTO met (page, word, day, main, other, all_main, all_other, flags)"
        " SELECT page, word, day, (in_main + visits - 1) / visits, (in_other + visits - 1) / visits,"
        " in_main, in_other, is_first | is_first_in_main << 1 FROM (SELECT m.page, m.word, m.day, v.visits,"
        " iif(m.main, max(1, t.main / max(1, t.pages)), 0) AS in_main,"
        " CASE WHEN t.all_pages <= t.pages THEN t.other / max(1, t.all_pages) WHEN m.main THEN 0"
        " ELSE max(1, t.other / (t.all_pages - t.pages)) END AS in_other,"
        " m.day = (SELECT min(day) FROM before_met o WHERE o.page = m.page AND o.word = m.word) AS is_first,"
        " m.main AND m.day = (SELECT min(day) FROM before_met o"
        " WHERE o.page = m.page AND o.word = m.word AND o.main) AS is_first_in_main"
        " FROM before_met m JOIN page p ON p.id = m.page"
        " JOIN before_visit v ON v.page = m.page AND v.day = m.day"
        " JOIN before_tally t ON t.site = p.site AND t.day = m.day AND t.word = m.word)"
    ),
    "tally": "INSERT INTO tally SELECT site, day, word, main, other, pages, all_pages, new, all_new, 0"
    " FROM before_tally",
}

#: What is done when all tables are filled.
_AFTER = (
    "UPDATE word SET small = (SELECT coalesce(sum(n), 0) FROM form WHERE word = word.id AND is_small(form))",
)


def upgrade(connection: sqlite3.Connection, path: str, today: date) -> bool:
    """The store is of our schema; whether it was this call that upgraded it.

    Raises:
        StoreFault: it can't be; nothing has changed.
    """
    run = connection.execute
    run("BEGIN IMMEDIATE")
    try:
        (schema,) = run("PRAGMA user_version").fetchone()
        if schema != _OLD:  # another process was quicker
            return False
        copy = _copy(path, today)
        try:
            _rebuild(connection)
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
    start = len(os.path.abspath(path)) + len(f".schema{_OLD}.")
    for copy in copies(path):
        if copy[start:] < oldest or not _is_date(copy[start:]):
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
    for table in ("met", "visit"):
        run(f"DELETE FROM {table} WHERE page IN (SELECT id FROM page WHERE last < ?)", (before,))
    run("DELETE FROM page WHERE last < ?", (before,))
    run("COMMIT")
    run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _copy(path: str, today: date) -> str:
    """A copy of the store as it is now is on the disk; its name.  The caller keeps writers away."""
    copy = f"{path}.schema{_OLD}.{today.isoformat()}"
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
        file.sync_folder(os.path.dirname(os.path.abspath(path)))
    except (OSError, sqlite3.Error) as error:
        for name in (draft, f"{draft}-journal", f"{draft}-wal", f"{draft}-shm"):
            with suppress(OSError):
                os.unlink(name)
        raise StoreFault(_no_copy(path, error)) from error
    return copy


def _rebuild(connection: sqlite3.Connection) -> None:
    """The tables are those of our schema, filled from the old ones."""
    run = connection.execute
    connection.create_function("is_small", 1, is_small, deterministic=True)
    old = dict(run("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT NULL").fetchall())
    new = file.tables()
    moved = [name for name in old if new.get(name) != old[name]]
    for (index,) in run("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL").fetchall():
        run(f"DROP INDEX {index}")
    for name in moved:
        run(f"ALTER TABLE {name} RENAME TO before_{name}")
    for name, sql in new.items():
        if name in moved or name not in old:
            run(sql)
    for name in (name for name in new if name in moved):
        run(_FILL.get(name) or _copied(connection, name))
    for statement in _AFTER:
        run(statement)
    for name in moved:
        run(f"DROP TABLE before_{name}")
    for sql in file.indices():
        run(sql)


def _copied(connection: sqlite3.Connection, table: str) -> str:
    """The statement that fills a table from the old one, new columns with their defaults."""
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (f"before_{table}",))
    columns = ", ".join(f'"{name}"' for (name,) in rows)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM before_{table}"


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
