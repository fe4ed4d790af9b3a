"""A damaged store is refused in one line, or answers; nothing else comes of it, and it is never overwritten.

RELIABILITY §3 row 10.  Each damage is made from a seed: a seed that fails is named, and is a case of its own.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import (
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    Forget,
    Knowledge,
    Note,
    PageQuery,
    Store,
    StoreFault,
    WordQuery,
)
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.scale import NIGHTLY
from tests.wordproxy.store.samples import DAY, batch, digest, folder, page, revisit

#: How many damages are tried.
SEEDS = 1000 if NIGHTLY else 60

PAGE_BYTES = 4096

NEXT = "2026-01-06"

Call = Callable[[Store], object]

READS: tuple[Call, ...] = (
    lambda store: store.words(WordQuery(everything=True, limit=0)),
    lambda store: store.words(WordQuery(from_=DAY, to=NEXT, lang="en", names=False, known="unknown")),
    lambda store: store.words(WordQuery(page=f"{digest('1', 'news.example').hex()}:en")),
    lambda store: store.word("tide", "en"),
    lambda store: store.contexts(ContextQuery("tide", "en")),
    lambda store: store.pages(PageQuery(limit=0)),
    lambda store: store.coverage(CoverageQuery(by=("day", "host"))),
    lambda store: store.breakdown(BreakdownQuery("site")),
    lambda store: store.levels(),
    lambda store: store.site_langs(),
    lambda store: store.sources(),
    lambda store: store.status(),
)

WRITES: tuple[Call, ...] = (
    lambda store: store.add(batch(page(100, "tide", "boat", path="1"), revisit(101, path="2"), last=101)),
    lambda store: store.set_levels([Knowledge("tide", "en", "known")]),
    lambda store: store.set_site_lang("news.example", "nl"),
    lambda store: store.forget(Forget(page=f"{digest('3', 'sea.example').hex()}:en")),
    lambda store: store.forget(Forget(word="boat", lang="en")),
    lambda store: store.forget(Forget(day=NEXT)),
    lambda store: store.retain("2026-01-06"),
    lambda store: store.forget(Forget(everything=True)),
)


def damaged(content: bytes, seed: int) -> bytes:
    """The content of a store, damaged in a way that the seed chooses."""
    dice = random.Random(seed)
    raw = bytearray(content)
    start = dice.randrange(len(raw) // PAGE_BYTES) * PAGE_BYTES
    end = start + PAGE_BYTES
    way = dice.randrange(6)
    if way == 0:  # a page flipped
        raw[start:end] = bytes(byte ^ 0xFF for byte in raw[start:end])
    elif way == 1:  # a bit of it
        raw[dice.randrange(start, end)] ^= 1 << dice.randrange(8)
    elif way == 2:  # some bytes of it
        for _ in range(dice.randint(2, 60)):
            raw[dice.randrange(start, end)] = dice.randrange(256)
    elif way == 3:  # zeros
        raw[start:end] = bytes(PAGE_BYTES)
    elif way == 4:  # cut
        del raw[dice.randrange(len(raw)) :]
    else:  # another page in its place
        other = dice.randrange(len(raw) // PAGE_BYTES) * PAGE_BYTES
        raw[start:end] = raw[other : other + PAGE_BYTES]
    return bytes(raw)


class DamageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.folder.mkdir()
        self.path = self.folder / "words.db"

    def content(self) -> bytes:
        """A store with something in every table."""
        store = SqliteStore(str(self.path))
        for n in range(1, 60, 2):
            words = [f"word{n % 7}x{m}" for m in range(60)]
            told = [("tide", f"The tide number {n}."), (words[0], f"A {words[0]} and another.")]
            host = ("news.example", "sea.example")[n % 4 // 2]
            store.add(
                batch(
                    page(
                        n, "Tide", "boat", *words, path=str(n % 11), host=host, contexts=told, names=["tide"]
                    ),
                    page(n + 1, "tide", *words, path=str(n % 13), host=host, day=NEXT),
                    Note(n + 1, DAY, host, "not text"),
                )
            )
        store.set_levels([Knowledge("boat", "en", "learning")])
        store.set_site_lang("sea.example", "en")
        for _ in range(20):
            if not store.renew():
                break
        store.close()
        return self.path.read_bytes()

    def test_damages(self) -> None:
        """Whatever is damaged: one line, or answers; who refuses to open it has changed nothing."""
        content = self.content()
        self.assertGreater(len(content), 20 * PAGE_BYTES)
        refused = 0
        for seed in range(SEEDS):
            for entry in self.folder.iterdir():
                entry.unlink()
            bad = damaged(content, seed)
            self.path.write_bytes(bad)
            try:
                store = SqliteStore(str(self.path))
            except StoreFault as fault:
                refused += 1
                self.assertNotIn("\n", str(fault), seed)
                self.assertEqual(self.path.read_bytes(), bad, seed)
                self.assertEqual([entry.name for entry in self.folder.iterdir()], ["words.db"], seed)
                continue
            try:
                self.use(store, seed)
            finally:
                store.close()
        self.assertGreater(refused, SEEDS // 4)

    def use(self, store: SqliteStore, seed: int) -> None:
        for call in (*READS, *WRITES, *READS):
            try:
                call(store)
            except StoreFault as fault:
                self.assertNotIn("\n", str(fault), seed)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r}") from error

    def test_a_restored_backup(self) -> None:
        """A store put back from a backup takes what nodes send again, and counts nothing twice."""
        told = [batch(page(n, "tide", path=str(n)), last=n) for n in range(1, 7)]
        store = SqliteStore(str(self.path))
        for each in told[:3]:
            store.add(each)
        store.close()
        backup = self.folder / "backup.db"
        shutil.copy(self.path, backup)
        store = SqliteStore(str(self.path))
        for each in told[3:5]:
            store.add(each)
        store.close()
        os.replace(backup, self.path)
        store = SqliteStore(str(self.path))
        self.addCleanup(store.close)
        for each in told[2:]:  # a node that still has some sends them again, with numbers from before
            store.add(each)
        self.assertEqual(store.coverage(CoverageQuery()).total.counted, 6)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 6)

    def test_an_old_spool_beside_a_newer_store(self) -> None:
        """Batches of an old spool, in any order and cut in another way, are not counted twice."""
        store = SqliteStore(str(self.path))
        self.addCleanup(store.close)
        pages = [page(n, "tide", path=str(n)) for n in range(1, 9)]
        store.add(batch(*pages[:6]))
        for spooled in (batch(*pages[:3]), batch(*pages[3:6]), batch(*pages[2:5]), batch(pages[0])):
            store.add(spooled)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 6)
        store.add(batch(*pages[4:]))
        self.assertEqual(store.words(WordQuery()).total.occurrences, 8)
