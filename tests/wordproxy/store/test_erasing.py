"""What was forgotten, or went by retention, is in no byte of any file; and a kill in its midst is mended."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import clearing, forgetting, mentions, moving, sqlite
from netsuite.wordproxy.store.contract import (
    Batch,
    ContextQuery,
    CoverageQuery,
    Forget,
    Note,
    PageQuery,
    WordQuery,
)
from netsuite.wordproxy.store.database import Database
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.scale import NIGHTLY
from tests.wordproxy.store.contract_forgetting import answers
from tests.wordproxy.store.samples import DAY, batch, digest, folder, page

NEXT = "2026-01-06"
LATER = "2026-02-01"

#: Of how many steps one is killed at.
EACH = 1 if NIGHTLY else 4

#: Stands for all that must be gone, wherever it may stand.
MARK = "zanzibarquux"

KINDS = {
    "word": Forget(word=MARK, lang="en"),
    "page": Forget(page=f"{digest(f'{MARK}/1', f'{MARK}.example').hex()}:en"),
    "host": Forget(host=f"{MARK}.example"),
    "day": Forget(day=DAY),
    "everything": Forget(everything=True),
}


def told() -> list[Batch]:
    """Many pages of other things, and some with the mark in form, key, title, address, host and sentences."""
    found = []
    number = itertools.count(1)
    for path in range(40):
        words = [f"word{path}x{n}" for n in range(40)]
        found.append(batch(page(next(number), *words, "tide", path=str(path), day=NEXT)))
    first = [
        page(
            next(number),
            (MARK.capitalize(), MARK, 1, 1),
            (MARK, MARK, 2, 0),
            f"{MARK}s",
            "tide",
            path=f"{MARK}/{n}",
            host=f"{MARK}.example",
            title=f"All of {MARK}",
            contexts=[("tide", f"The tide of {MARK} number {n}."), (MARK, f"A {MARK}.")],
            names=[MARK],
        )
        for n in (1, 1, 1)
    ]
    found += [batch(each) for each in first]
    found.append(batch(Note(next(number), DAY, f"{MARK}.example", "not text")))
    return found


class ErasingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = str(self.folder / "words.db")

    def store(self) -> SqliteStore:
        store = SqliteStore(self.path)
        self.addCleanup(store.close)
        return store

    def marks(self, mark: str = MARK) -> list[str]:
        """The files that have the mark in any case."""
        return [entry.name for entry in self.folder.iterdir() if mark.encode() in entry.read_bytes().lower()]

    def fill(self, store: SqliteStore) -> None:
        for each in told():
            store.add(each)
        self.assertTrue(self.marks())

    def test_forgotten(self) -> None:
        """Whatever is forgotten, no file has a byte of it; other things are there."""
        for kind, what in KINDS.items():
            self.path = str(self.folder / f"{kind}.db")
            store = SqliteStore(self.path)
            self.fill(store)
            self.assertEqual(store.forget(what), 41 if kind == "everything" else 1, kind)
            if kind == "word":  # another word has it as a part
                store.forget(Forget(word=f"{MARK}s", lang="en"))
            if kind in ("word", "page"):
                store.forget(Forget(host=f"{MARK}.example"))
            self.assertEqual(self.marks(), [], kind)
            tide = store.word("tide", "en")
            self.assertEqual(tide is None, kind == "everything")
            store.close()
            self.assertEqual(self.marks(), [], kind)
            for entry in self.folder.iterdir():
                entry.unlink()

    def test_retention(self) -> None:
        """Addresses, titles, digests and sentences of old pages are in no file; the words stay."""
        store = self.store()
        self.fill(store)
        store.retain(LATER)
        content = b"".join(entry.read_bytes() for entry in self.folder.iterdir())
        for gone in (f"{MARK}/1", f"All of {MARK}", f"The tide of {MARK}", f"A {MARK}."):
            self.assertNotIn(gone.encode(), content)
        self.assertNotIn(digest(f"{MARK}/1", f"{MARK}.example"), content)
        self.assertEqual(store.contexts(ContextQuery("tide", "en")), [])
        self.assertEqual(store.pages(PageQuery()).total, 0)
        self.assertIsNotNone(store.word(MARK, "en"))

    def test_while_a_reader_is_at_it(self) -> None:
        """Where a reader holds the log, the bytes are gone when it has ended and the store is used again."""
        for use in (
            lambda store: store.add(batch(page(1000, "boat"), node="other")),
            lambda store: store.word("tide", "en"),
        ):
            store, reader = self.store(), SqliteStore(self.path, read_only=True)
            self.fill(store)
            with reader._snapshot() as connection:
                connection.execute("SELECT * FROM word").fetchall()
                store.forget(KINDS["host"])
                self.assertTrue(self.marks())
            use(store)
            self.assertEqual(self.marks(), [])
            reader.close()
            store.close()
            os.unlink(self.path)

    def test_a_kill_before_the_log_was_cut(self) -> None:
        """What a process that was killed had forgotten is in no file after the next start."""
        store = self.store()
        self.fill(store)
        with mock.patch.object(Database, "shrink", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, store.forget, KINDS["host"])
        self.assertTrue(self.marks())
        # the connection is still open, as a killed one's log is still there
        again = self.store()
        again.add(batch(page(1000, "boat"), node="other"))
        self.assertEqual(self.marks(), [])


@contextmanager
def small_steps() -> Iterator[None]:
    """Each step does one thing."""
    with (
        mock.patch.object(forgetting, "PAGES_STEP", 1),
        mock.patch.object(forgetting, "DAYS_STEP", 1),
        mock.patch.object(moving, "PAGES_STEP", 1),
        mock.patch.object(moving, "DAYS_STEP", 1),
        mock.patch.object(mentions, "STEP", 1),
        mock.patch.object(clearing, "STEP", 3),
        mock.patch.object(sqlite, "_RETAIN_STEP", 1),
    ):
        yield


class StepsTests(SynchronousTestCase):
    """Killed before, or after, each transaction in turn, the same call does the rest."""

    def fresh(self) -> SqliteStore:
        store = SqliteStore(":memory:")
        self.addCleanup(store.close)
        number = itertools.count(1)
        for day, path, lang in itertools.product((DAY, NEXT), "ab", ("en", "de")):
            for host in ("news.example", "sea.example"):
                forms = ("Tide", "tide", 1, 1), ("boat", "boat", 2, 0), (f"w{path}", f"w{path}", 0, 1)
                told = [("boat", "The boat and the tide.")]
                store.add(
                    batch(
                        page(
                            next(number),
                            *forms,
                            path=path,
                            host=host,
                            day=day,
                            lang=lang,
                            names=["tide"],
                            contexts=told,
                        )
                    )
                )
        return store

    def killed_at(self, store: SqliteStore, call: Callable[[SqliteStore], object], n: int, when: str) -> bool:
        """The call ends at its n-th transaction, before or after that; whether it came so far."""
        real = Database.transaction
        count = itertools.count(1)

        @contextmanager
        def transaction(database: Database, **options: bool) -> Iterator[object]:
            this = next(count)
            if when == "before" and this == n:
                raise KeyboardInterrupt
            with real(database, **options) as connection:
                yield connection
            if when == "after" and this == n:
                raise KeyboardInterrupt

        with mock.patch.object(Database, "transaction", transaction):
            store._transaction = store._database.transaction
            try:
                call(store)
            except KeyboardInterrupt:
                return True
            finally:
                store._transaction = partial(real, store._database)
        return False

    def test_every_step(self) -> None:
        """After a kill at any step, and the same call again, the store is as after one whole call."""
        calls: dict[str, Callable[[SqliteStore], object]] = {
            "word": lambda store: store.forget(Forget(word="tide", lang="en")),
            "page": lambda store: store.forget(Forget(page=f"{digest('a', 'news.example').hex()}:en")),
            "host": lambda store: store.forget(Forget(host="news.example")),
            "day": lambda store: store.forget(Forget(day=DAY)),
            "everything": lambda store: store.forget(Forget(everything=True)),
            "retain": lambda store: store.retain(LATER),
            "move": lambda store: store.set_site_lang("news.example", "nl"),
        }
        with small_steps():
            for name, call in calls.items():
                expected = self.fresh()
                call(expected)
                right = answers(expected)
                for when in ("before", "after"):
                    kills = 0
                    for n in itertools.count(1, EACH):
                        store = self.fresh()
                        if not self.killed_at(store, call, n, when):
                            break
                        kills += 1
                        call(store)
                        self.assertEqual(answers(store), right, (name, n, when))
                        store.close()
                    self.assertGreaterEqual(kills, 1 if name == "page" or EACH > 1 else 3, name)

    def test_words_are_right_in_between(self) -> None:
        """Between steps nothing is counted twice or below nothing, and sums are those of the words."""
        calls: list[Callable[[SqliteStore], object]] = [
            lambda store: store.forget(Forget(word="tide", lang="en")),
            lambda store: store.forget(Forget(host="news.example")),
            lambda store: store.forget(Forget(day=DAY)),
            lambda store: store.set_site_lang("news.example", "nl"),
        ]
        with small_steps():
            for call in calls:
                whole = self.fresh().words(WordQuery(everything=True)).total
                for n in itertools.count(1):
                    store = self.fresh()
                    if not self.killed_at(store, call, n, "after"):
                        break
                    total = store.words(WordQuery(everything=True, limit=0))
                    self.assertTrue(0 <= total.total.occurrences <= whole.occurrences)
                    self.assertEqual(
                        total.total.occurrences, sum(word.occurrences for word in total.words), n
                    )
                    self.assertTrue(all(word.occurrences > 0 for word in total.words), n)
                    self.assertGreaterEqual(store.coverage(CoverageQuery()).total.counted, 0)
                    store.close()
