"""One file, several processes: kills, readers beside a writer, writers in turns, deleted bytes."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import CoverageQuery, PageQuery, Store, StoreFault, WordQuery
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.scale import NIGHTLY
from tests.wordproxy.store.samples import batch, folder, page

#: Adds batches of two pages with three words each, for ever, and says the number of each that is kept.
WRITER = """
import sys
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.samples import batch, page
store = open_store(sys.argv[1])
for n in range(1, 1_000_000, 2):
    words = "tide", "boat", f"w{n}"
    store.add(batch(page(n, *words, path=str(n)), page(n + 1, *words, path=str(n))))
    print(n + 1, flush=True)
"""


#: How many pages are kept before each kill.
KEPT = (2, 38) if not NIGHTLY else tuple(range(2, 202, 2))


def small_disk(test: SynchronousTestCase) -> Path:
    """A file system of 2 MiB that is gone after the test; skipped where we may not make one."""
    place = folder(test)
    place.mkdir()
    made = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
    )
    if not made or made.returncode:
        raise SkipTest("NOT TESTED: no disk of its own for this test; only root may mount one")
    test.addCleanup(subprocess.run, ["umount", "--lazy", str(place)], check=True)
    return place


def free_bytes(disk: Path) -> int:
    return shutil.disk_usage(disk).free


class SharingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = str(self.folder / "words.db")

    def open(self, *, read_only: bool = False) -> Store:
        store = open_store(self.path, read_only=read_only)
        self.addCleanup(store.close)
        return store

    def write_until(self, kept: int) -> int:
        """A process writes until it says that it has kept that much, then dies; return what it said last."""
        command = [sys.executable, "-c", WRITER, self.path]
        root = str(Path(__file__).parents[3])
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
        ) as writer:
            assert writer.stdout is not None
            said = 0
            for line in writer.stdout:
                said = int(line)
                if said >= kept:
                    writer.send_signal(signal.SIGKILL)
                    break
            for line in writer.stdout:  # what it managed to say before it died
                said = int(line) if line.endswith(b"\n") else said
        return said

    def test_killed_while_writing(self) -> None:
        """After a kill -9 the store opens, holds all that was acknowledged, and only whole batches."""
        for kept in KEPT:
            said = self.write_until(kept)
            store = self.open()
            found = store.words(WordQuery(limit=0))
            counts = {word.word: word.occurrences for word in found.words}
            pages = store.coverage(CoverageQuery()).total.counted
            self.assertGreaterEqual(pages, said)
            self.assertEqual(pages % 2, 0)
            self.assertEqual((counts["tide"], counts["boat"]), (pages, pages))
            self.assertEqual([n for word, n in counts.items() if word.startswith("w")], [2] * (pages // 2))
            self.assertEqual(found.total.pages, pages // 2)
            store.close()

    def test_readers_beside_a_writer(self) -> None:
        """A reader sees each batch whole as soon as it is added, and holds up no writer."""
        writer, reader = self.open(), self.open(read_only=True)
        for n in range(1, 40, 2):
            writer.add(batch(page(n, "tide"), page(n + 1, "tide", path="b")))
            self.assertEqual(reader.words(WordQuery()).total.occurrences, n + 1)

    def test_a_long_reader(self) -> None:
        """A reader in the midst of its answer neither stops a writer nor sees what it writes."""
        writer, reader = self.open(), self.open(read_only=True)
        assert isinstance(reader, SqliteStore)
        writer.add(batch(page(1, "tide")))
        with reader._snapshot() as connection:
            before = connection.execute("SELECT sums FROM figure").fetchone()
            writer.add(batch(page(2, "tide")))
            writer.retain("2026-02-01")  # can't empty the log now, and doesn't wait for ever
            self.assertEqual(connection.execute("SELECT sums FROM figure").fetchone(), before)
        self.assertEqual(reader.words(WordQuery()).total.occurrences, 2)

    def test_writers_take_turns(self) -> None:
        """A writer that can't have its turn gets a StoreFault, and its batch fits in later."""
        first, second = self.open(), self.open()
        assert isinstance(first, SqliteStore)
        assert isinstance(second, SqliteStore)
        second._connection.execute("PRAGMA busy_timeout = 1")
        with first._transaction():
            fault = self.assertRaises(StoreFault, second.add, batch(page(1, "tide"), node="b"))
        self.assertIn("held by another process", str(fault))
        second.add(batch(page(1, "tide"), node="b"))
        first.add(batch(page(1, "tide"), node="a"))
        self.assertEqual(first.words(WordQuery()).total.occurrences, 2)

    def test_no_room(self) -> None:
        """A full disk is a StoreFault that says so; with room again the same batch is added once."""
        store = self.open()
        assert isinstance(store, SqliteStore)
        store.add(batch(page(1, "tide")))
        (size,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {size}")
        many = batch(page(2, *(f"word{n}" for n in range(2000))))
        self.assertIn("no room", str(self.assertRaises(StoreFault, store.add, many)))
        self.assertEqual(store.words(WordQuery()).total.occurrences, 1)
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.add(many)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 2001)

    def test_full_disk(self) -> None:
        """On a file system that is full, batches are StoreFaults; with room again the same are added once."""
        disk = small_disk(self)
        path = str(disk / "words.db")
        store = open_store(path)
        self.addCleanup(store.close)
        filler = disk / "filler"
        filler.write_bytes(bytes(free_bytes(disk) - 256 * 1024))
        sent = kept = 0
        while kept == sent:
            self.assertLess(sent, 400)
            sent += 1
            try:
                store.add(batch(page(sent, *(f"w{sent}x{n}" for n in range(200)))))
                kept += 1
            except StoreFault as fault:
                self.assertIn("no room", str(fault))
        self.assertEqual(store.words(WordQuery()).total.occurrences, 200 * kept)
        self.assertRaises(StoreFault, store.add, batch(page(sent, *(f"w{sent}x{n}" for n in range(200)))))
        filler.unlink()
        for _ in range(2):
            store.add(batch(page(sent, *(f"w{sent}x{n}" for n in range(200)))))
        store.close()
        again = open_store(path, read_only=True)
        self.addCleanup(again.close)
        self.assertEqual(again.words(WordQuery()).total.occurrences, 200 * sent)

    def test_disk_that_can_not_be_written(self) -> None:
        """On a read-only file system a store is refused in one line, and nothing of it has changed."""
        disk = small_disk(self)
        path = str(disk / "words.db")
        store = open_store(path)
        store.add(batch(page(1, "tide")))
        store.close()
        before = Path(path).read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        text = str(self.assertRaises(StoreFault, open_store, path))
        self.assertNotIn("\n", text)
        self.assertEqual(Path(path).read_bytes(), before)

    def bytes_on_disk(self) -> bytes:
        return b"".join(entry.read_bytes() for entry in self.folder.iterdir())

    def test_retention_leaves_no_bytes(self) -> None:
        """Addresses and titles that retention removed are in no byte of the file or its log."""
        store = self.open()
        for n in range(1, 300):
            store.add(batch(page(n, "tide", path=f"s3cret{n}", title=f"Hidden title {n}")))
        self.assertIn(b"s3cret", self.bytes_on_disk())
        store.retain("2026-02-01")
        self.assertEqual(store.pages(PageQuery()).total, 0)
        self.assertNotIn(b"s3cret", self.bytes_on_disk())
        self.assertNotIn(b"Hidden title", self.bytes_on_disk())

    def test_bytes_that_a_reader_held_go_later(self) -> None:
        """Where a reader keeps the log in use, the next batch after it clears the log."""
        writer, reader = self.open(), self.open(read_only=True)
        assert isinstance(reader, SqliteStore)
        writer.add(batch(page(1, "tide", path="s3cret")))
        with reader._snapshot() as connection:
            connection.execute("SELECT * FROM word").fetchall()
            writer.retain("2026-02-01")
            self.assertIn(b"s3cret", self.bytes_on_disk())
        writer.add(batch(page(2, "tide", path="b")))
        self.assertNotIn(b"s3cret", self.bytes_on_disk())

    def test_a_store_that_was_removed_or_replaced(self) -> None:
        """What would go into a file that is gone is refused, and goes into the one that is there then."""
        store = self.open()
        store.add(batch(page(1, "tide")))
        for name in os.listdir(self.folder):
            (self.folder / name).rename(self.folder / f"moved {name}")
        told = batch(page(2, "boat"))
        for call in (
            lambda: store.add(told),
            lambda: store.retain("2026-01-01"),
            lambda: store.words(WordQuery()),
        ):
            self.assertIn("was replaced or removed", str(self.assertRaises(StoreFault, call)))
        again = self.open()
        self.assertIn("was replaced", str(self.assertRaises(StoreFault, store.add, told)))
        again.add(told)
        self.assertEqual([word.word for word in again.words(WordQuery()).words], ["boat"])

    def test_a_log_without_its_store(self) -> None:
        """The log of a store that was removed is not played into the new one; it is kept for a week."""
        writer, holder = self.open(), self.open(read_only=True)
        writer.add(batch(page(1, "tide")))
        os.unlink(self.path)
        del holder
        again = self.open()
        self.assertEqual(again.words(WordQuery()).words, [])
        self.assertEqual(again.status().pages, 0)
        log = self.folder / "words.db-wal.orphan"
        self.assertIn(b"news.example", log.read_bytes())
        os.utime(log, (0, 0))
        self.open()
        self.assertFalse(log.exists())

    def test_flushed_and_logged(self) -> None:
        """Each commit reaches the disk before it is acknowledged: WAL with synchronous=FULL."""
        store = self.open()
        assert isinstance(store, SqliteStore)
        ask = store._connection.execute
        values = [
            ask(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "secure_delete")
        ]
        self.assertEqual(values, ["wal", 2, 1])

    def test_strict_tables(self) -> None:
        """Every table refuses what is of another type than its column."""
        store = self.open()
        assert isinstance(store, SqliteStore)
        rows = store._connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
        self.assertEqual({name for name, strict in rows if not strict}, {"sqlite_schema"})
        with self.assertRaises(sqlite3.IntegrityError):
            store._connection.execute("INSERT INTO known VALUES ('en', 'tide', 'known')")
