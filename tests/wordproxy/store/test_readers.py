"""Reports that are asked without pause while batches are written: no error, no endless log."""

from __future__ import annotations

import os
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import BreakdownQuery, CoverageQuery, PageQuery, WordQuery
from netsuite.wordproxy.store.database import LOG_BYTES
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.scale import NIGHTLY
from tests.wordproxy.store.samples import batch, folder, page

#: Readers, and how long it goes on: seconds, or None until so many batches are written.
READERS, SECONDS = (50, 600) if NIGHTLY else (4, None)

#: Pages of a batch; nightly one is written each second.
PAGES = 200 if SECONDS else 20

#: What the log may never pass.
BOUND = 64 * 1024 * 1024

WORDS = [f"word{n}" for n in range(500)]


class ReadersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = str(folder(self) / "words.db")
        self.faults: list[str] = []
        self.answers = 0
        self.done = threading.Event()

    def write(self, store: SqliteStore, number: int) -> None:
        pages = (
            page(
                number * PAGES + n,
                *WORDS[n % 100 :: 4],
                path=f"{number}-{n}",
                day=f"2026-01-{number % 28 + 1:02}",
            )
            for n in range(PAGES)
        )
        store.add(batch(*pages))

    def read(self) -> None:
        """Reports are read until it is done; what fails is noted."""
        try:
            store = open_store(self.path, read_only=True)
            assert isinstance(store, SqliteStore)
            while not self.done.is_set():
                store.words(WordQuery(from_="2026-01-02", to="2026-01-20"))
                store.breakdown(BreakdownQuery("day"))
                store.pages(PageQuery(limit=5))
                store.coverage(CoverageQuery(by=("day",)))
                self.answers += 1
            store.close()
        except Exception as fault:  # any: the test says which
            self.faults.append(repr(fault))

    def test_readers_beside_a_writer(self) -> None:
        """Each reader gets its answers while batches are written, and the log keeps within its bound."""
        store = open_store(self.path)
        assert isinstance(store, SqliteStore)
        self.addCleanup(store.close)
        self.write(store, 0)
        readers = [threading.Thread(target=self.read) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        longest, number = 0, 1
        end = time.monotonic() + (SECONDS or 0)
        while time.monotonic() < end if SECONDS else number < 25:
            began = time.monotonic()
            self.write(store, number)
            longest = max(longest, os.path.getsize(f"{self.path}-wal"))
            number += 1
            if SECONDS:
                self.done.wait(max(0.0, began + 1 - time.monotonic()))
        self.done.set()
        for reader in readers:
            reader.join()
        self.assertEqual(self.faults, [])
        self.assertGreaterEqual(self.answers, READERS)
        self.assertLess(longest, BOUND)
        self.assertEqual(store.words(WordQuery(limit=1)).total.pages, number * PAGES)

    def test_readers_without_a_gap(self) -> None:
        """A log that grew while a reader held on is cut as soon as it lets go, though another reads then."""
        store, first, second = (open_store(self.path) for _ in range(3))
        assert isinstance(store, SqliteStore)
        assert isinstance(first, SqliteStore)
        assert isinstance(second, SqliteStore)
        for each in (store, first, second):
            self.addCleanup(each.close)
        self.write(store, 0)
        with first._snapshot() as held:
            held.execute("SELECT count(*) FROM word").fetchone()
            number = 1
            while os.path.getsize(f"{self.path}-wal") <= LOG_BYTES:
                self.write(store, number)
                number += 1
        self.write(store, number)
        with second._snapshot() as held:
            held.execute("SELECT count(*) FROM word").fetchone()
            self.assertLessEqual(os.path.getsize(f"{self.path}-wal"), LOG_BYTES)
            self.write(store, number + 1)
