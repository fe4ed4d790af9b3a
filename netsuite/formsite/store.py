"""The store of answers: a SQLite file, written in whole transactions that are on the disk when they are done.

WAL with ``synchronous=FULL``: a transaction that was committed is there after a kill and after a loss of
power (sqlite.org/pragma.html#pragma_synchronous).  Numbers of entries only rise (AUTOINCREMENT), and since
writers take turns they rise in the order of commits: who reads what is past a number misses nothing and meets
nothing twice.  What is deleted is overwritten (``secure_delete``) and cut from the log.

A store is opened, used and closed by one thread; every error of SQLite comes out as `StoreFault`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources

import msgspec

from netsuite import storefile
from netsuite.formsite.entry import Draft, Entry, Fields, File, Kept
from netsuite.storefile import Kind, StoreFault

MEMORY = ":memory:"

#: "NSfm" in the header says that the file is a store of forms of ours.
KIND = Kind(
    "store of forms",
    0x4E53666D,
    1,
    resources.files(__package__).joinpath("schema.sql").read_text("utf-8"),
)

#: Files up to this size are checked whole when they are opened.
CHECK_BYTES = 64 * 1024 * 1024

#: The write-ahead log is cut back to this once it has been larger.
LOG_BYTES = 16 * 1024 * 1024

#: How long keys of what was sent are remembered.
SENT_MS = 7 * 86_400_000

#: Boxes of the inbox, and which entries are in each.
BOXES = {"inbox": "spam = ''", "spam": "spam <> ''", "marked": "marked = 1", "all": "1"}

_COLUMNS = "id, at, spam, marked, origin, fields, files"
_decode_fields = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_decode_files = msgspec.json.Decoder(tuple[File, ...]).decode


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that is to be told.  ``way``: webhook or mail; ``entry`` None: it was deleted meanwhile."""

    id: int
    way: str
    born: int
    tries: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Outbox:
    """How it stands with what is to be told."""

    waiting: int
    given_up: int
    error: str


class FormStore:
    """One connection to the store."""

    def __init__(self, where: str, *, read_only: bool = False, max_bytes: int = 1 << 32) -> None:
        """The store at ``where`` is open; made if need be, unless ``read_only``.  Raises: StoreFault."""
        self.where = where
        self._is_file = where != MEMORY
        self._file = (0, 0)
        self._deleted = False
        if self._is_file:
            KIND.prepare(where, make=not read_only)
            self._deleted = not read_only and os.path.lexists(f"{where}-wal")
            self._file = storefile.identity(where)
        with self._faults():
            opened = storefile.open_file(where, read_only=read_only) if self._is_file else None
            self._connection = opened or sqlite3.connect(MEMORY, isolation_level=None)
            try:
                self._set_up(read_only, max_bytes)
            except BaseException:
                self._connection.close()
                raise

    def _set_up(self, read_only: bool, max_bytes: int) -> None:
        run = self._connection.execute
        run("PRAGMA temp_store = MEMORY")
        run("PRAGMA trusted_schema = OFF")
        run("PRAGMA secure_delete = ON")
        if not self._is_file:
            KIND.write_schema(self._connection)
        elif read_only:
            run("SELECT count(*) FROM secret").fetchone()
        else:
            run("PRAGMA synchronous = FULL")
            run(f"PRAGMA journal_size_limit = {LOG_BYTES}")
            if os.path.getsize(self.where) <= CHECK_BYTES:
                (verdict,) = run("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    raise StoreFault(storefile.damaged(self.where, " ".join(verdict.split())[:100]))
            run("BEGIN IMMEDIATE")  # a file that can't be written is refused now, not at the first answer
            run("ROLLBACK")
        (page_bytes,) = run("PRAGMA page_size").fetchone()
        run(f"PRAGMA max_page_count = {max(max_bytes // page_bytes, 16)}")
        self._connection.create_function("holds", 2, _holds, deterministic=True)

    def close(self) -> None:
        """The connection is closed."""
        self._connection.close()

    # -- writing -------------------------------------------------------------------------------------------

    def add(self, drafts: Sequence[Draft], now: int, ways: Sequence[str] = ()) -> list[Kept]:
        """Every draft is kept, on the disk, or none; ``ways``: by which to tell of those that are no spam.

        Raises: StoreFault.
        """
        with self._transaction() as connection:
            return [self._add(connection, draft, now, ways) for draft in drafts]

    def _add(self, connection: sqlite3.Connection, draft: Draft, now: int, ways: Sequence[str]) -> Kept:
        if draft.key:
            row = connection.execute(
                "SELECT entry, at, digest FROM sent WHERE key = ?", (draft.key,)
            ).fetchone()
            if row is not None:
                return Kept("again" if row[2] == draft.digest() else "other", row[0], row[1])
        fields, files = msgspec.json.encode(draft.fields).decode(), msgspec.json.encode(draft.files).decode()
        number = connection.execute(
            "INSERT INTO entry (at, spam, origin, fields, files) VALUES (?, ?, ?, ?, ?)",
            (now, draft.spam, draft.origin, fields, files),
        ).lastrowid
        assert number is not None  # noqa: S101 - an insert of one row has a number
        if draft.key:
            connection.execute(
                "INSERT INTO sent VALUES (?, ?, ?, ?)", (draft.key, now, draft.digest(), number)
            )
        if not draft.spam:
            _enqueue(connection, [number], now, ways)
        return Kept("new", number, now)

    def mark(self, ids: Iterable[int], is_marked: bool) -> int:
        """These are marked, or not; how many there are."""
        return self._each("UPDATE entry SET marked = ? WHERE id = ?", ((int(is_marked), id_) for id_ in ids))

    def flag(self, ids: Iterable[int], reason: str) -> int:
        """These are spam, by hand; how many weren't before."""
        return self._each("UPDATE entry SET spam = ? WHERE id = ? AND spam = ''", ((reason, i) for i in ids))

    def clear(self, ids: Sequence[int], now: int, ways: Sequence[str] = ()) -> int:
        """These are no spam, and are told of by ``ways``; how many were spam before."""
        with self._transaction() as connection:
            was = [i for i in ids if connection.execute(*_one("spam <> ''", i)).fetchone() is not None]
            connection.executemany("UPDATE entry SET spam = '' WHERE id = ?", ((i,) for i in was))
            _enqueue(connection, was, now, ways)
        return len(was)

    def delete(self, ids: Iterable[int]) -> tuple[int, list[str]]:
        """These are gone with all that says anything of them; how many, and their files' stored names."""
        with self._transaction() as connection:
            gone = _delete(connection, list(ids))
        self._shrink()
        return gone

    def delete_where(self, name: str, value: str) -> tuple[int, list[str]]:
        """Entries with this value in a field of this name are gone, as by `delete`."""
        with self._transaction() as connection:
            gone = _delete(connection, self._with_value(connection, name, value))
        self._shrink()
        return gone

    def delete_before(self, at: int) -> tuple[int, list[str]]:
        """What came before this moment is gone, as by `delete`, and so are keys nobody sends any more."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM sent WHERE at < ?", (max(at, 0),))
            ids = [id_ for (id_,) in connection.execute("SELECT id FROM entry WHERE at < ?", (at,))]
            gone = _delete(connection, ids)
        if ids:
            self._shrink()
        return gone

    def forget_keys(self, now: int) -> None:
        """Keys of what was sent long ago are gone."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM sent WHERE at < ?", (now - SENT_MS,))

    def secret(self, name: str) -> bytes:
        """The secret of this name, made at first use: 32 bytes."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, secrets.token_bytes(32)))
            (value,) = connection.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
            return bytes(value)

    # -- what is to be told ------------------------------------------------------------------------------

    def letters(self, way: str, now: int, limit: int) -> tuple[list[Letter], int | None]:
        """What is due now by one way, and when the next that isn't is."""
        with self._faults():
            run = self._connection.execute
            rows = run(
                "SELECT id, entry, born, tries FROM outbox WHERE due <= ? AND way = ?"
                " ORDER BY due, id LIMIT ?",
                (now, way, limit),
            ).fetchall()
            found = [
                Letter(id_, way, born, tries, self._entry(self._connection, entry))
                for id_, entry, born, tries in rows
            ]
            (due,) = run("SELECT min(due) FROM outbox WHERE due > ? AND way = ?", (now, way)).fetchone()
            return found, due

    def told(self, letter: int) -> None:
        """It has been told."""
        self._each("DELETE FROM outbox WHERE id = ?", [(letter,)])

    def untold(self, letter: int, due: int | None, error: str) -> None:
        """It could not be told; it is tried again at ``due``, or was given up."""
        self._each(
            "UPDATE outbox SET due = ?, error = ?, tries = tries + 1 WHERE id = ?",
            [(due, error[:200], letter)],
        )

    def tell_again(self, now: int) -> int:
        """What was given up, or waits, is due now; how many."""
        return self._each("UPDATE outbox SET due = ?, born = ?, tries = 0", [(now, now)])

    def outbox(self) -> Outbox:
        """How it stands with what is to be told."""
        with self._faults():
            waiting, given_up, error = self._connection.execute(
                "SELECT count(due), count(*) - count(due), max(error) FROM outbox"
            ).fetchone()
        return Outbox(waiting, given_up, error or "")

    # -- reading -----------------------------------------------------------------------------------------

    def page(self, box: str, q: str, before: int | None, limit: int) -> list[Entry]:
        """Entries of a box, the newest first, which are older than number ``before``.

        ``q``: some value or name has it, in letters of whatever case.
        """
        where = [BOXES[box], *(["id < :before"] if before else []), *(["holds(fields, :q)"] if q else [])]
        return self._rows(
            f"WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT :limit",
            {"before": before, "q": _needle(q), "limit": limit},
        )

    def after(self, number: int, limit: int, box: str = "inbox", upto: int | None = None) -> list[Entry]:
        """Entries of a box past ``number``, the oldest first; none past ``upto``."""
        last = "" if upto is None else " AND id <= :upto"
        return self._rows(
            f"WHERE {BOXES[box]} AND id > :number{last} ORDER BY id LIMIT :limit",
            {"number": number, "upto": upto, "limit": limit},
        )

    def entry(self, number: int) -> Entry | None:
        """The entry of this number."""
        with self._faults():
            return self._entry(self._connection, number)

    def newest(self) -> int:
        """The highest number given so far."""
        with self._faults():
            (number,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()
        return int(number)

    def counts(self) -> dict[str, int]:
        """How many entries are in each box."""
        with self._faults():
            return {
                box: self._connection.execute(f"SELECT count(*) FROM entry WHERE {where}").fetchone()[0]  # noqa: S608
                for box, where in BOXES.items()
            }

    def count_where(self, name: str, value: str) -> int:
        """How many entries have this value in a field of this name."""
        with self._faults():
            return len(self._with_value(self._connection, name, value))

    def file_of(self, stored: str) -> File | None:
        """What is known of a stored file."""
        found = self._rows("WHERE instr(files, :stored) > 0 LIMIT 1", {"stored": f'"{stored}"'})
        return next((file for entry in found for file in entry.files if file.stored == stored), None)

    def stored_files(self) -> set[str]:
        """The stored names of all files."""
        with self._faults():
            rows = self._connection.execute("SELECT files FROM entry WHERE files <> '[]'")
            return {file.stored for (files,) in rows for file in _decode_files(files)}

    def _with_value(self, connection: sqlite3.Connection, name: str, value: str) -> list[int]:
        rows = connection.execute("SELECT id, fields FROM entry WHERE holds(fields, ?)", (_needle(value),))
        return [id_ for id_, fields in rows if (name, value) in _decode_fields(fields)]

    def _entry(self, connection: sqlite3.Connection, number: int) -> Entry | None:
        row = connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()  # noqa: S608
        return None if row is None else _made(row)

    def _rows(self, rest: str, values: dict[str, object]) -> list[Entry]:
        with self._faults():
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM entry {rest}", values).fetchall()  # noqa: S608
            return [_made(row) for row in rows]

    # -- how -----------------------------------------------------------------------------------------------

    def _each(self, statement: str, rows: Iterable[Sequence[object]]) -> int:
        with self._transaction() as connection:
            return max(connection.executemany(statement, rows).rowcount, 0)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """What is written within is kept whole, or, after an exception, not at all."""
        with self._faults():
            self.still_there()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            self.still_there()  # or what was written went to a file that nobody has any more

    def still_there(self) -> None:
        """The file is the one that was opened.  Raises: StoreFault: what is written to it would be lost."""
        if self._is_file and storefile.identity(self.where) != self._file:
            raise StoreFault(f"{self.where} was replaced or removed; it is being opened afresh")

    def _shrink(self) -> None:
        """Nothing deleted is in free pages any more, nor in the log if readers allow."""
        with self._faults():
            self._connection.executescript("PRAGMA incremental_vacuum")  # `execute` frees one page
            self._deleted = True
        self.cut_log()

    def cut_log(self) -> None:
        """The log holds nothing deleted any more, unless a reader is at it: then the next call tries."""
        if self._deleted and self._is_file:
            with self._faults():
                (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._deleted = bool(busy)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise storefile.fault_of(self.where, error) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise StoreFault(storefile.damaged(self.where, "an entry can't be read")) from error


def _one(where: str, number: int) -> tuple[str, tuple[int]]:
    return f"SELECT 1 FROM entry WHERE id = ? AND {where}", (number,)  # noqa: S608


def _enqueue(connection: sqlite3.Connection, ids: Sequence[int], now: int, ways: Sequence[str]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO outbox (entry, way, born, due) VALUES (?, ?, ?, ?)",
        [(id_, way, now, now) for id_ in ids for way in ways],
    )


def _delete(connection: sqlite3.Connection, ids: Sequence[int]) -> tuple[int, list[str]]:
    files: list[str] = []
    count = 0
    for id_ in ids:
        for (text,) in connection.execute("SELECT files FROM entry WHERE id = ?", (id_,)).fetchall():
            count += 1
            files.extend(file.stored for file in _decode_files(text))
        for statement in ("entry WHERE id = ?", "sent WHERE entry = ?", "outbox WHERE entry = ?"):
            connection.execute(f"DELETE FROM {statement}", (id_,))  # noqa: S608
    return count, files


def _made(row: Sequence[object]) -> Entry:
    id_, at, spam, marked, origin, fields, files = row
    decoded: Fields = _decode_fields(str(fields))
    kept_files = _decode_files(str(files))
    return Entry(int(str(id_)), int(str(at)), str(spam), bool(marked), str(origin), decoded, kept_files)


def _needle(text: str) -> str:
    """What is looked for in the JSON of an entry: as it stands there, its quotes escaped."""
    return msgspec.json.encode(text).decode()[1:-1].casefold()


def _holds(fields: str, needle: str) -> bool:
    """Whether some name or value has what is looked for; ``needle`` may look like JSON's own signs."""
    if needle not in fields.casefold():
        return False
    return any(
        needle in msgspec.json.encode(text).decode()[1:-1].casefold()
        for pair in _decode_fields(fields)
        for text in pair
    )
