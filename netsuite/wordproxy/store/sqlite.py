"""The store in SQLite: a file, or ``:memory:`` that leaves nothing behind.

A batch is one ``BEGIN IMMEDIATE`` transaction that also moves its node's sequence on, flushed to the disk
(``synchronous=FULL``) before `SqliteStore.add` returns.  Readers of the file see whole batches and wait for
nobody (WAL).  Writers take turns and wait at most `BUSY_SECONDS`.  Deleted bytes are overwritten
(``secure_delete``) and the log that still holds them is cut to nothing; where a reader keeps that from
happening at once, the next batch tries again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

from netsuite.wordproxy.store import coverage, file, queries, writing
from netsuite.wordproxy.store.contract import (
    Batch,
    Coverage,
    CoverageQuery,
    PageList,
    PageQuery,
    PageRow,
    Sources,
    Status,
    StoreFault,
    Total,
    Word,
    WordList,
    WordQuery,
)

#: How long a writer waits for another.  A batch takes tens of milliseconds.
BUSY_SECONDS = 10.0

#: How long a writer waits for readers when it cuts the log; it tries again after the next batch.
CUT_SECONDS = 0.2

#: Files up to this size are checked whole when they are opened; it takes about 0.2 s.
CHECK_BYTES = 64 * 1024 * 1024

#: The write-ahead log is cut back to this once it has been larger.
LOG_BYTES = 16 * 1024 * 1024

#: Error codes that only a bug of ours can cause.
_OURS = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE)

#: Pages that retention removes in one transaction, so that no writer waits long.
_RETAIN_STEP = 100


class SqliteStore:
    """A `Store` on one connection; opened, used and closed by one thread."""

    def __init__(
        self, where: str, *, read_only: bool = False, stop_words: Mapping[str, Collection[str]] | None = None
    ) -> None:
        self.where = where
        self._in_memory = where == ":memory:"
        self._uncut = False  # deleted bytes may still be in the log
        if not self._in_memory:
            file.prepare(where, make=not read_only)
            # what a process that was killed had deleted may still be in its log
            self._uncut = not read_only and os.path.lexists(f"{where}-wal")
        with self._faults():
            self._connection = self._connect()
            try:
                self._set_up(stop_words or {}, read_only)
            except BaseException:
                self._connection.close()
                raise

    # writing

    def add(self, batch: Batch) -> None:
        """The batch is kept, durably and once; or nothing of it is."""
        with self._faults(), self._transaction() as connection:
            writing.add_batch(connection, batch)
        if self._uncut:
            self._cut_log()

    def retain(self, before_day: str) -> None:
        """Addresses, titles and digests of pages last met before that day are gone; numbers stay."""
        day = queries.day_number(before_day)
        with self._faults():
            while self._drop_some(day):
                self._uncut = True
            if self._uncut:
                self._connection.execute("PRAGMA incremental_vacuum").fetchall()
        if self._uncut:
            self._cut_log()

    def _drop_some(self, before: int) -> bool:
        with self._transaction() as connection:
            return writing.drop_pages(connection, before, at_most=_RETAIN_STEP) > 0

    def _cut_log(self) -> None:
        """The log holds nothing deleted any more, unless a reader is still at it."""
        run = self._connection.execute
        with self._faults():
            run(f"PRAGMA busy_timeout = {CUT_SECONDS * 1000:.0f}")
            try:
                (busy, _, _) = run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                run(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        self._uncut = bool(busy)

    # reading

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        if query.known is not None:
            raise StoreFault("levels of knowledge are not kept by this version; ask without them")
        listed, parameters = queries.words(query)
        counted, read_parameters = queries.read_pages(query)
        day = queries.day_text
        with self._snapshot() as connection:
            (read,) = connection.execute(counted, read_parameters).fetchone()
            rows = connection.execute(listed, parameters)
            _, _, occurrences, distinct, _, _ = rows.fetchone()
            words = [Word(word, lang, n, p, day(first), day(last)) for word, lang, n, p, first, last in rows]
        return WordList(Total(occurrences, distinct, read), words)

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        summed, parameters = queries.coverage(replace(query, by=()))
        parted, _ = queries.coverage(query)
        with self._snapshot() as connection:
            total = coverage.share(connection.execute(summed, parameters))
            parts = coverage.shares(connection.execute(parted, parameters)) if query.by else ()
            return Coverage(total, list(parts))

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        listed, counted, parameters = queries.pages(query)
        day = queries.day_text
        with self._snapshot() as connection:
            (total,) = connection.execute(counted, parameters).fetchone()
            rows = connection.execute(listed, parameters)
            pages = [
                PageRow(url, title, host, lang, day(a), day(z), n) for url, title, host, lang, a, z, n in rows
            ]
        return PageList(total, pages)

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""
        langs = "SELECT lang, sum(new) AS n FROM reading GROUP BY lang ORDER BY n DESC, lang LIMIT ?"
        sites = (
            "SELECT s.host, sum(r.new) AS n FROM reading r JOIN site s ON s.id = r.site"
            " GROUP BY s.id ORDER BY n DESC, s.host LIMIT ?"
        )
        with self._snapshot() as connection:
            fetch = connection.execute
            return Sources(fetch(langs, (limit,)).fetchall(), fetch(sites, (limit,)).fetchall())

    def status(self) -> Status:
        """How the store is; answers soon at any size."""
        with self._snapshot() as connection:
            numbers = connection.execute(
                "SELECT (SELECT coalesce(max(id), 0) FROM word), (SELECT count(*) FROM page),"
                " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
            ).fetchone()
        return Status(self.where, file.SCHEMA, *numbers)

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""
        self._connection.close()

    # the connection

    def _connect(self) -> sqlite3.Connection:
        # rw, never rwc: a file that `file.prepare` didn't make is not ours to make
        name = ":memory:" if self._in_memory else f"file:{quote(os.path.abspath(self.where))}?mode=rw"
        return sqlite3.connect(
            name, uri=True, isolation_level=None, timeout=BUSY_SECONDS, cached_statements=64
        )

    def _set_up(self, stop_words: Mapping[str, Collection[str]], read_only: bool) -> None:
        run = self._connection.execute
        run("PRAGMA temp_store = MEMORY")
        run("PRAGMA secure_delete = ON")
        run("PRAGMA cache_size = -16384")
        run("PRAGMA trusted_schema = OFF")
        if self._in_memory:
            file.write_schema(self._connection)
        else:
            run("PRAGMA synchronous = FULL")
            run(f"PRAGMA journal_size_limit = {LOG_BYTES}")
            self._judge()
            if not read_only:
                run("BEGIN IMMEDIATE")  # a file that can't be written is refused now, not at the first page
                run("ROLLBACK")
        run("CREATE TABLE temp.stop (lang TEXT, key TEXT, PRIMARY KEY (lang, key)) WITHOUT ROWID")
        self._connection.executemany(
            "INSERT INTO temp.stop VALUES (?, ?)",
            {(lang, key) for lang, keys in stop_words.items() for key in keys},
        )
        if read_only:
            run("PRAGMA query_only = ON")

    def _judge(self) -> None:
        """The file is sound as far as can be told soon, else StoreFault."""
        (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
        file.judge_schema(self.where, schema)
        if not file.has_tables(self._connection):
            raise StoreFault(file.damaged(self.where, "its tables are not ours"))
        if os.path.getsize(self.where) <= CHECK_BYTES:
            (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise StoreFault(file.damaged(self.where, _one_line(verdict)))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """What is written within is kept whole, or, after an exception, not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """What is read within is of one moment; what can't be understood is damage."""
        with self._faults():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            except (ValueError, TypeError, OverflowError) as error:
                raise StoreFault(file.damaged(self.where, "it holds a value that can't be")) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    @contextmanager
    def _faults(self) -> Iterator[None]:
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
