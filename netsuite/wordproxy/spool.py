"""Batches that a store on another machine could not take, in a file that outlives process and machine.

Theory.  One node has one file, and whoever has a file open holds a lock on it (flock): the node's own
counter, or after that node's death the counter that adopted the file.  So no two ever send from one file,
nor does anybody send what its own node might still be adding to.

Batches leave in the order in which they came, under the node and the numbers they have: one that the store
had applied already, with the answer lost, or that came back with a backup, is known there by its number and
ignored.  A store remembers a node for `NODE_DAYS`; what has waited longer could be counted twice, so that its
pages are told as lost instead, under the same numbers.

Only what a store would keep is here, deleted bytes are overwritten, and an empty file shrinks to nothing.
A batch is here for good once `put` returns (fsync).  The bound is on all files together and is the caller's;
what does not fit is not taken and stays where it was, so that nothing that was acknowledged is ever dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from netsuite import durable
from netsuite.wordproxy.store.contract import NODE_DAYS, Batch, Note, Page, Revisit
from netsuite.words.skipped import Reason

#: How a spool's file is named, and what a node's id may be.
SUFFIX = ".spool"

#: Seconds after which a batch can't be told from one that was applied: a day less than a store remembers it.
STALE_SECONDS = (NODE_DAYS - 1) * 86_400.0

#: Mark of our files, and of the form they have.
_APPLICATION, _FORM = 0x6E737370, 1

#: Parts of what is kept at once: whose it is, and the batch for that store.
Parts = list[tuple[str, Batch]]

_encode = msgspec.msgpack.Encoder(enc_hook=list).encode  # the hook: for a page's `Forms`
_PARTS = msgspec.msgpack.Decoder(Parts)


class SpoolFault(Exception):  # noqa: N818 - as StoreFault
    """A spool can't be used; one line: which, and why.  ``is_damaged``: nor will it ever be.

    ``is_held``: another process has it.
    """

    def __init__(self, text: str, *, is_damaged: bool = False, is_held: bool = False) -> None:
        super().__init__(text)
        self.is_damaged, self.is_held = is_damaged, is_held


@dataclass(frozen=True, slots=True)
class Row:
    """What waits longest.  ``parts`` is None where its bytes are damaged."""

    id: int
    spooled: float
    pages: int
    parts: Parts | None


def path_of(folder: str, store: str, node: str) -> str:
    """Where the node's spool for a store is, which is named by its address without the password."""
    return os.path.join(folder, f"{_tag(store)}-{node}{SUFFIX}")


def paths(folder: str, store: str | None = None) -> list[str]:
    """The spools in a folder, for that store or for any."""
    return sorted(glob.glob(f"{_tag(store) if store is not None else '*'}-*{SUFFIX}", root_dir=folder))


def size(folder: str) -> int:
    """Bytes of all spools in a folder."""
    total = 0
    for name in paths(folder):
        with contextlib.suppress(OSError):  # sent and gone meanwhile
            total += os.stat(os.path.join(folder, name)).st_size
    return total


def pack(parts: Parts) -> bytes:
    """The parts as a spool has them."""
    return _encode(parts)


def _tag(store: str) -> str:
    return hashlib.blake2b(store.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def lost(parts: Parts) -> Parts:
    """The same with a note in the place of each page: that it is lost."""
    return [(profile, _lost(batch)) for profile, batch in parts]


def _lost(batch: Batch) -> Batch:
    gone: list[Page | Revisit] = [*batch.pages, *batch.revisits]
    notes = [Note(entry.sequence, entry.day, entry.host, Reason.LOST.value) for entry in gone]
    return Batch(batch.node, batch.last, [], [*batch.notes, *notes])


def bare(parts: Parts) -> Parts:
    """The same without what retention removes: addresses, titles, sentences."""
    return [
        (profile, msgspec.structs.replace(batch, pages=[_bare(page) for page in batch.pages]))
        for profile, batch in parts
    ]


def _bare(page: Page) -> Page:
    return msgspec.structs.replace(page, url=None, title=None, contexts=[], names=[])


class Spool:
    """One file, open and locked."""

    def __init__(self, path: str, *, make: bool = False) -> None:
        """Open the file; ``make`` it, 0600 in a folder 0700, if it is not there.

        Raises: SpoolFault, also where another process has it; FileNotFoundError.
        """
        self.path = path
        self.count = self.pages = 0  # batches, and their pages
        self._lock = _locked(path, make=make)
        try:
            with self._faults():
                self._connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
                try:
                    self._set_up()
                except BaseException:
                    self._connection.close()
                    raise
        except BaseException:
            os.close(self._lock)
            raise

    def _set_up(self) -> None:
        run = self._connection.execute
        (mark,) = run("PRAGMA application_id").fetchone()
        (form,) = run("PRAGMA user_version").fetchone()
        (tables,) = run("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and (mark, form) != (_APPLICATION, _FORM):
            raise SpoolFault(f"{self.path} is no spool of this netsuite's; move it away")
        run("PRAGMA secure_delete = ON")
        run("PRAGMA trusted_schema = OFF")
        run("PRAGMA cache_size = -1024")
        run("PRAGMA journal_mode = TRUNCATE").fetchone()
        run("PRAGMA synchronous = FULL")
        if not tables:
            run("PRAGMA auto_vacuum = INCREMENTAL")
            run(f"PRAGMA application_id = {_APPLICATION}")
            run(f"PRAGMA user_version = {_FORM}")
            run(
                "CREATE TABLE batch (id INTEGER PRIMARY KEY AUTOINCREMENT, spooled REAL NOT NULL,"
                " pages INTEGER NOT NULL, is_bare INTEGER NOT NULL DEFAULT 0, parts BLOB NOT NULL) STRICT"
            )
            durable.sync_folder(os.path.dirname(self.path))
        self.count, self.pages = run("SELECT count(*), coalesce(sum(pages), 0) FROM batch").fetchone()

    def put(self, packed: bytes, pages: int, now: float) -> None:
        """The parts, as `pack` gives them, wait here for good; ``now``: the time.  Raises: SpoolFault."""
        with self._faults():
            self._connection.execute(
                "INSERT INTO batch (spooled, pages, parts) VALUES (?, ?, ?)", (now, pages, packed)
            )
            self.count += 1
            self.pages += pages

    def first(self) -> Row | None:
        """What waits longest, None if nothing does.  Raises: SpoolFault."""
        with self._faults():
            row = self._connection.execute(
                "SELECT id, spooled, pages, parts FROM batch ORDER BY id LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        try:
            return Row(row[0], row[1], row[2], _PARTS.decode(row[3]))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Row(row[0], row[1], row[2], None)

    def drop(self, row: Row) -> None:
        """The row is not here any more, nor are its bytes.  Raises: SpoolFault."""
        with self._faults():
            self._connection.execute("DELETE FROM batch WHERE id = ?", (row.id,))
            self.count -= 1
            self.pages -= row.pages
            if not self.count:  # not each time: it moves as many bytes as were deleted
                self._connection.executescript("PRAGMA incremental_vacuum")  # `execute` frees one page

    @property
    def room(self) -> int:
        """Bytes of the file that hold nothing and are written next.  Raises: SpoolFault."""
        with self._faults():
            (unused,) = self._connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        return int(unused * size)

    def strip(self, before: float) -> None:
        """What came before that moment has no address, title or sentence any more.  Raises: SpoolFault."""
        run = self._connection.execute
        with self._faults():
            old = run("SELECT id FROM batch WHERE spooled < ? AND NOT is_bare", (before,)).fetchall()
            for (number,) in old:
                (parts,) = run("SELECT parts FROM batch WHERE id = ?", (number,)).fetchone()
                with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):  # told when it is sent
                    parts = _encode(bare(_PARTS.decode(parts)))
                run("UPDATE batch SET parts = ?, is_bare = 1 WHERE id = ?", (parts, number))

    def close(self) -> None:
        """The file is free for others; one that holds nothing is gone."""
        if self.count:
            self._close()
        else:
            self.remove()

    def remove(self) -> None:
        """The file is gone with whatever it holds."""
        for path in (self.path, f"{self.path}-journal"):
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._close()

    def _close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # SQLite quotes the file in its complaint
            raise SpoolFault(f"the spool {self.path} can't be read", is_damaged=True) from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            is_damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            told = " ".join(str(error).split())[:100]
            raise SpoolFault(f"the spool {self.path} failed ({told})", is_damaged=is_damaged) from error


def _locked(path: str, *, make: bool) -> int:
    """A descriptor of the file, which nobody else has locked."""
    try:
        if make:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SpoolFault(f"the spool {path} can't be opened ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino != os.stat(path).st_ino:  # sent and removed while we came
            raise FileNotFoundError(path)
    except OSError as error:
        os.close(lock)
        if isinstance(error, FileNotFoundError):
            raise
        raise SpoolFault(f"the spool {path} is another process's", is_held=True) from error
    return lock


def put_aside(path: str) -> str:
    """The damaged file is no spool any more; return its new name.  Raises: OSError."""
    os.rename(path, f"{path}.damaged")
    return f"{path}.damaged"
