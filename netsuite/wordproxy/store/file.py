"""The store as a file: made whole or not at all, private, and refused untouched where it isn't ours.

A file is judged by its first 100 bytes before SQLite may open it (Source: sqlite.org/fileformat2.html §1.3),
so that a foreign, newer or empty file keeps every byte.  A new store is built under another name beside its
place and linked there when it is complete: whoever looks finds no store or a whole one, also after a kill,
and of two processes that start at once one wins and both go on with its file.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from contextlib import suppress
from importlib import resources

from netsuite import durable
from netsuite.wordproxy.store.contract import StoreFault

#: "NSwd" in the header says that the file is a word store of ours.
APPLICATION_ID = 0x4E537764

#: The schema that this code reads and writes; older ones are upgraded when they are opened (`upgrade`).
SCHEMA = 2

#: What the names of logs end with whose store was removed.
ORPHAN = ".orphan"

#: What the names of tables begin with whose rows are being removed (`clearing`).
GONE = "gone_"

_MAGIC = b"SQLite format 3\x00"
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def prepare(path: str, *, make: bool = True) -> None:
    """The file at ``path`` is there, ours, of our schema, and private to this user.

    ``make``: one is made where there is none.

    Raises:
        StoreFault: it can't be made, or what is there is no store that this code may open.
    """
    try:
        if make and not os.path.lexists(path):
            _create(path)
        _make_private(path)
        judge(path)
    except OSError as error:
        raise StoreFault(f"{path}: {_mend(error, path)}") from None


def judge(path: str) -> None:
    """The file at ``path`` looks like a store of our schema; nothing was written.

    Raises:
        StoreFault: and why it doesn't.
        OSError: it can't be read.
    """
    with open(path, "rb") as file:
        head = file.read(100)
        size_bytes = file.seek(0, os.SEEK_END)
    if not head:
        raise StoreFault(f"{path} is empty, so it is no store; move it away and a new one is made")
    if len(head) < 100 or not head.startswith(_MAGIC):
        raise StoreFault(
            f"{path} is no word store, or its beginning is damaged; choose another file with --store"
        )
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise StoreFault(f"{path} is a database of another program; choose another file with --store")
    judge_schema(path, int.from_bytes(head[60:64], "big"))
    page_bytes = max(int.from_bytes(head[16:18], "big"), 512)
    if size_bytes % page_bytes and not _has_log(path):  # with a log, SQLite mends a write that a kill cut
        raise StoreFault(damaged(path, "it is cut short"))


def identity(path: str) -> tuple[int, int]:
    """What tells the file at ``path`` from any other; (0, 0) if there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return 0, 0
    return state.st_dev, state.st_ino


def judge_schema(path: str, schema: int) -> None:
    """``schema`` is one that this code reads, else StoreFault."""
    if schema > SCHEMA:
        raise StoreFault(f"{path} is of a newer netsuite (schema {schema}, this one reads {SCHEMA}); upgrade")
    if schema < 1:
        raise StoreFault(damaged(path, "it has no schema"))


def damaged(path: str, how: str) -> str:
    """The one line for a file that can't be trusted."""
    return f"{path} is damaged ({how}); put a backup in its place, or start anew with another --store"


def _has_log(path: str) -> bool:
    try:
        return os.path.getsize(f"{path}-wal") > 0
    except FileNotFoundError:
        return False


def _create(path: str) -> None:
    """A whole, empty store is at ``path``: ours, or that of a process that was quicker."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    _move_log_away(path)
    draft = os.path.join(folder, f".{os.path.basename(path)}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _build(draft)
        try:
            os.link(draft, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.rename(draft, path)  # a file system without links
            return
    except FileExistsError:
        return
    except sqlite3.Error as error:
        raise StoreFault(f"{path} can't be made: {error}") from None
    finally:
        if os.path.lexists(draft):
            os.unlink(draft)
        durable.sync_folder(folder)


def _move_log_away(path: str) -> None:
    """A log whose store was removed has another name, or SQLite would play it into the new store."""
    for name in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        with suppress(FileNotFoundError):
            os.rename(name, f"{name}{ORPHAN}")


def _build(draft: str) -> None:
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only before the first table
        connection.execute("PRAGMA synchronous = FULL")
        write_schema(connection)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def write_schema(connection: sqlite3.Connection) -> None:
    """The tables are there, in a database that had none."""
    text = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
    connection.executescript(
        f"BEGIN; {text} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; COMMIT;"
    )


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
        write_schema(model)
        return model.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid").fetchall()
    finally:
        model.close()


def _make_private(path: str) -> None:
    """Nobody else may read the store; SQLite gives its side files the mode of the main one."""
    for name in (path, f"{path}-wal", f"{path}-shm"):
        try:
            state = os.stat(name)
        except FileNotFoundError:
            continue
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            os.chmod(name, 0o600)


def _mend(error: OSError, path: str) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        folder = os.path.dirname(path)
        return f"no permission ({error.strerror}); let this user write in {folder}, or give another --store"
    if error.errno == errno.ENOENT:
        return "is not there yet"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room ({error.strerror}); free some, or give another --store"
    return f"can't be used as a store ({error.strerror}); give another --store"
