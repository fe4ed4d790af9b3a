"""A SQLite file of ours: made whole or not at all, private, and refused untouched where it isn't ours.

A file is judged by its first 100 bytes before SQLite may open it (Source: sqlite.org/fileformat2.html §1.3),
so that a foreign, newer or empty file keeps every byte.  A new one is built under another name beside its
place and linked there when it is complete: whoever looks finds none or a whole one, also after a kill, and of
two processes that start at once one wins and both go on with its file.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from netsuite import durable
from netsuite.storefault import StoreFault as StoreFault

#: What the names of logs end with whose store was removed.
ORPHAN = ".orphan"

_MAGIC = b"SQLite format 3\x00"
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of store.  ``name``: what people call it; ``script``: the statements that make its tables."""

    name: str
    application_id: int
    schema: int
    script: str

    def prepare(self, path: str, *, make: bool = True) -> None:
        """The file at ``path`` is there, of this kind and schema, and private to this user.

        ``make``: one is made where there is none.  Raises: StoreFault; what is there has every byte it had.
        """
        try:
            if make and not os.path.lexists(path):
                self._create(path)
            _make_private(path)
            self.judge(path)
        except OSError as error:
            raise _told(path, error) from None

    def judge(self, path: str) -> None:
        """The file begins as a store of ours does.  Raises: StoreFault; OSError if it can't be read."""
        with open(path, "rb") as file:
            head = file.read(100)
            size_bytes = file.seek(0, os.SEEK_END)
        if not head:
            raise StoreFault(f"{path} is empty, so it is no store; move it away and a new one is made")
        if len(head) < 100 or not head.startswith(_MAGIC):
            raise StoreFault(
                f"{path} is no {self.name}, or its beginning is damaged; choose another file with --store"
            )
        if int.from_bytes(head[68:72], "big") != self.application_id:
            raise StoreFault(f"{path} is a database of another program; choose another file with --store")
        self.judge_schema(path, int.from_bytes(head[60:64], "big"))
        page_bytes = max(int.from_bytes(head[16:18], "big"), 512)
        if size_bytes % page_bytes and not _has_log(path):  # with a log, SQLite mends a write that was cut
            raise StoreFault(damaged(path, "it is cut short"))

    def judge_schema(self, path: str, schema: int) -> None:
        """``schema`` is one that this code reads, else StoreFault."""
        if schema > self.schema:
            raise StoreFault(
                f"{path} is of a newer netsuite (schema {schema}, this one reads {self.schema}); upgrade"
            )
        if schema < 1:
            raise StoreFault(damaged(path, "it has no schema"))

    def write_schema(self, connection: sqlite3.Connection) -> None:
        """The tables are there, in a database that had none."""
        connection.executescript(
            f"BEGIN; {self.script} PRAGMA application_id = {self.application_id};"
            f" PRAGMA user_version = {self.schema}; COMMIT;"
        )

    def _create(self, path: str) -> None:
        """A whole, empty store is at ``path``: ours, or that of a process that was quicker."""
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _move_log_away(path)
        draft = os.path.join(folder, f".{os.path.basename(path)}.{secrets.token_hex(8)}")
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            self._build(draft)
            try:
                os.link(draft, path)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                os.rename(draft, path)  # a file system without links
        except FileExistsError:
            return
        except sqlite3.Error as error:
            raise StoreFault(
                f"{path} can't be made: {error}", is_full=_code(error) == sqlite3.SQLITE_FULL
            ) from None
        finally:
            if os.path.lexists(draft):
                os.unlink(draft)
            durable.sync_folder(folder)

    def _build(self, draft: str) -> None:
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only before the first table
            connection.execute("PRAGMA synchronous = FULL")
            self.write_schema(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def open_file(path: str, *, read_only: bool) -> sqlite3.Connection:
    """A connection to the file at ``path``, which must be there.  Raises: sqlite3.Error."""
    mode = "ro" if read_only else "rw"
    return sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None, timeout=10.0)


def identity(path: str) -> tuple[int, int]:
    """What tells the file at ``path`` from any other; (0, 0) if there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return 0, 0
    return state.st_dev, state.st_ino


def damaged(path: str, how: str) -> str:
    """The one line for a file that can't be trusted."""
    return f"{path} is damaged ({how}); put a backup in its place, or start anew with another --store"


def fault_of(path: str, error: sqlite3.Error) -> StoreFault:
    """What an error of SQLite means for who runs the store."""
    code, text = _code(error), " ".join(str(error).split())[:100]
    if code == -1 and isinstance(error, sqlite3.OperationalError):  # its text quotes what is no UTF-8
        return StoreFault(damaged(path, "text in it can't be read"))
    if code == sqlite3.SQLITE_FULL:
        return StoreFault(f"{path} has no room left ({text})", is_full=True)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreFault(damaged(path, text))
    return StoreFault(f"{path} failed: {text}")


def _code(error: sqlite3.Error) -> int:
    """The primary result code; -1 where there is none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1


def _has_log(path: str) -> bool:
    try:
        return os.path.getsize(f"{path}-wal") > 0
    except FileNotFoundError:
        return False


def _move_log_away(path: str) -> None:
    """A log whose store was removed has another name, or SQLite would play it into the new store."""
    for name in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        with suppress(FileNotFoundError):
            os.rename(name, f"{name}{ORPHAN}")


def _make_private(path: str) -> None:
    """Nobody else may read the store; SQLite gives its side files the mode of the main one."""
    for name in (path, f"{path}-wal", f"{path}-shm"):
        try:
            state = os.stat(name)
        except FileNotFoundError:
            continue
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            os.chmod(name, 0o600)


def _told(path: str, error: OSError) -> StoreFault:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        folder = os.path.dirname(path)
        remedy = f"let this user write in {folder}, or give another --store"
        return StoreFault(f"{path}: no permission ({error.strerror}); {remedy}")
    if error.errno == errno.ENOENT:
        return StoreFault(f"{path}: is not there yet")
    if error.errno in NO_ROOM:
        return StoreFault(
            f"{path}: no room ({error.strerror}); free some, or give another --store", is_full=True
        )
    return StoreFault(f"{path}: can't be used as a store ({error.strerror}); give another --store")
