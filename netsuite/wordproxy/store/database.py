"""One connection to the store's file or memory: judged, set up, its errors told as `StoreFault`.

Readers of the file see whole transactions and wait for nobody (WAL).  Writers take turns and wait at most
`BUSY_SECONDS`.  Deleted bytes are overwritten (``secure_delete``) and the log that still holds them is cut to
nothing; where a reader keeps that from happening at once, each use of the store tries again.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from urllib.parse import quote

import msgspec

from netsuite.wordproxy.store import file, upgrade
from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.packing import Unreadable

#: How long a writer waits for another.  A batch takes tens of milliseconds.
BUSY_SECONDS = 10.0

#: How long a writer waits for readers when it cuts the log; it tries again after the next batch.
CUT_SECONDS = 0.2

#: Files up to this size are checked whole when they are opened; it takes about 0.2 s.
CHECK_BYTES = 64 * 1024 * 1024

#: The write-ahead log is cut back to this once it has been larger.
LOG_BYTES = 16 * 1024 * 1024

#: Free pages that are given back in one transaction.
VACUUM_STEP = 1000

#: Error codes that only a bug of ours can cause.
_OURS = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE)

#: What comes of content that is damaged, and of nothing else.
_DAMAGE = (TypeError, IndexError, KeyError, RecursionError, msgspec.DecodeError, zlib.error, Unreadable)


class Database:
    """A connection, opened, used and closed by one thread."""

    def __init__(self, where: str, *, read_only: bool, today: date) -> None:
        """The database ``where`` is open, made or upgraded if need be; ``today`` dates a backup copy."""
        self.where = where
        self.in_memory = where == ":memory:"
        self._file = (0, 0)
        self.has_deleted = False  # deleted bytes may still be in the log or in free pages
        if not self.in_memory:
            file.kind().prepare(where, make=not read_only)
            # what a process that was killed had deleted may still be in its log
            self.has_deleted = not read_only and os.path.lexists(f"{where}-wal")
            self._file = file.identity(where)
        with self.faults():
            self.connection = self._connect()
            try:
                self._set_up(read_only, today)
            except BaseException:
                self.connection.close()
                raise

    def close(self) -> None:
        """The connection is closed."""
        self.connection.close()

    @contextmanager
    def transaction(self, *, of_batch: bool = False) -> Iterator[sqlite3.Connection]:
        """What is written within is kept whole, or, after an exception, not at all.

        ``of_batch``: a value that can't be may be the batch's fault, and is told as it is.
        """
        with self.faults():
            self._still_there()
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException as error:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                if self._is_damage(error, of_batch=of_batch):
                    raise StoreFault(file.damaged(self.where, "it holds a value that can't be")) from error
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """What is read within is of one moment; what can't be understood is damage."""
        with self.faults():
            self._still_there()
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            except (ValueError, OverflowError, *_DAMAGE) as error:
                raise StoreFault(file.damaged(self.where, "it holds a value that can't be")) from error
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")
        if self.has_deleted:
            self.cut_log()

    def _is_damage(self, error: BaseException, *, of_batch: bool) -> bool:
        """Whether what went wrong in a transaction comes of the store's content."""
        if isinstance(error, _DAMAGE) or (_is_no_value(error) and not of_batch):
            return True
        if not isinstance(error, sqlite3.IntegrityError):
            return False
        (verdict,) = self.connection.execute("PRAGMA integrity_check(1)").fetchone()
        return not of_batch or verdict != "ok"

    def _still_there(self) -> None:
        """The file is the one that was opened, else StoreFault: what is written to a removed one is lost."""
        if not self.in_memory and file.identity(self.where) != self._file:
            raise StoreFault(f"{self.where} was replaced or removed; it is being opened afresh")

    def shrink(self) -> None:
        """Nothing deleted is in free pages any more, nor in the log if readers allow."""
        if self.has_deleted:
            with self.faults():
                self._give_back()
            self.cut_log()

    def _give_back(self) -> None:
        """The file has no free pages any more."""
        free = -1
        while (left := self.connection.execute("PRAGMA freelist_count").fetchone()[0]) not in (0, free):
            free = left
            # as a script: a statement without rows is not run on after its first step, which is one page
            self.connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_STEP})")

    def cut_log(self) -> None:
        """The log is short, and holds nothing deleted any more, unless a reader is still at it.

        Readers that follow on each other without a gap would keep a log for ever; who waits for them to go
        leads those that come to the file itself.
        """
        if not self.has_deleted and not self._log_is_long():
            return
        run = self.connection.execute
        with self.faults():
            run(f"PRAGMA busy_timeout = {CUT_SECONDS * 1000:.0f}")
            try:
                (busy, _, _) = run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                run(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        self.has_deleted = self.has_deleted and bool(busy)

    def _log_is_long(self) -> bool:
        try:
            return not self.in_memory and os.path.getsize(f"{self.where}-wal") > LOG_BYTES
        except FileNotFoundError:
            return False

    @contextmanager
    def faults(self) -> Iterator[None]:
        """SQLite's errors are StoreFaults; those that only a bug of ours can make stay what they are."""
        try:
            yield
        except UnicodeDecodeError as error:  # SQLite quotes the file in its complaint
            raise StoreFault(file.damaged(self.where, "its schema can't be read")) from error
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is None and isinstance(error, sqlite3.OperationalError):  # it quotes what is no UTF-8
                raise StoreFault(file.damaged(self.where, "text in it can't be read")) from error
            if code is None or code & 0xFF in _OURS:
                raise
            raise StoreFault(_fault(self.where, code & 0xFF, _one_line(str(error)))) from error

    def _connect(self) -> sqlite3.Connection:
        # rw, never rwc: a file that `file.prepare` didn't make is not ours to make
        name = ":memory:" if self.in_memory else f"file:{quote(os.path.abspath(self.where))}?mode=rw"
        return sqlite3.connect(
            name, uri=True, isolation_level=None, timeout=BUSY_SECONDS, cached_statements=128
        )

    def _set_up(self, read_only: bool, today: date) -> None:
        run = self.connection.execute
        run("PRAGMA temp_store = MEMORY")
        run("PRAGMA secure_delete = ON")
        run("PRAGMA cache_size = -16384")
        run("PRAGMA trusted_schema = OFF")
        if self.in_memory:
            file.kind().write_schema(self.connection)
            return
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        (schema,) = run("PRAGMA user_version").fetchone()
        file.kind().judge_schema(self.where, schema)
        if schema < file.SCHEMA:
            self._upgrade(read_only, today)
        if not file.has_tables(self.connection):
            raise StoreFault(file.damaged(self.where, "its tables are not ours"))
        if os.path.getsize(self.where) <= CHECK_BYTES:
            self._check()
        if not read_only:
            run("BEGIN IMMEDIATE")  # a file that can't be written is refused now, not at the first page
            run("ROLLBACK")
            upgrade.drop_old_copies(self.where, today)

    def _upgrade(self, read_only: bool, today: date) -> None:
        if read_only:
            raise StoreFault(f"{self.where} is of an older netsuite; start wordproxy once, which upgrades it")
        self._check()
        self.has_deleted = upgrade.upgrade(self.connection, self.where, today) or self.has_deleted
        self.shrink()

    def _check(self) -> None:
        (verdict,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreFault(file.damaged(self.where, _one_line(verdict)))


def _is_no_value(error: BaseException) -> bool:
    """Whether something is no value of its kind; text that can't be encoded came from who called."""
    return isinstance(error, (ValueError, OverflowError)) and not isinstance(error, UnicodeError)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:100]


def _fault(where: str, code: int, detail: str) -> str:
    if code == sqlite3.SQLITE_FULL:
        return f"{where} has no room to grow ({detail}); free some on its disk"
    if code == sqlite3.SQLITE_READONLY:
        return f"{where} can't be written ({detail}); let this user write the file and its folder"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return file.damaged(where, detail)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"{where} is held by another process since {BUSY_SECONDS:.0f} s ({detail}); end it or try again"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"{where} can't be opened ({detail}); is it there, and may this user write in its folder?"
    return f"{where} failed ({detail}); look at its disk"
