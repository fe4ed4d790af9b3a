"""Group commit, faults and second tries, busy, the end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite import keeper
from netsuite.formsite.keeper import Busy, Keeper
from netsuite.formsite.store import MEMORY, FormStore
from netsuite.storefile import StoreFault
from tests.formsite.samples import NoThread, draft
from tests.site.wire import Now


class KeeperCase(SynchronousTestCase):
    """A test with a keeper whose threads are none."""

    def setUp(self) -> None:
        self.where = str(Path(self.mktemp()) / "forms.db")
        self.keeper = self.make()

    def make(self, where: str = "", **more: Any) -> Keeper:
        self.reactor, self.writing = Now(), NoThread()
        made = Keeper(
            where or self.where,
            self.reactor,
            writing=self.writing,
            reading=NoThread(),
            clock=lambda: 1.0,
            **more,
        )
        made.start()
        return made

    def count(self) -> int:
        return int(self.successResultOf(self.keeper.ask(lambda store: store.counts()["all"])))


class GroupTests(KeeperCase):
    """Drafts that wait together share a transaction."""

    def test_one_transaction(self) -> None:
        """However many wait, they are written by one call, in their order, and all hear of it after it."""
        batches: list[int] = []
        add = FormStore.add
        self.patch(
            FormStore, "add", lambda store, drafts, *a: batches.append(len(drafts)) or add(store, drafts, *a)
        )
        self.writing.hold()
        kept = [self.keeper.keep(draft(n)) for n in range(600)]
        for one in kept:
            self.assertNoResult(one)
        self.writing.go_on()
        self.assertEqual([self.successResultOf(one).id for one in kept], [*range(1, 601)])
        self.assertEqual(batches, [keeper.BATCH_MAX, 600 - keeper.BATCH_MAX])

    def test_too_large(self) -> None:
        """Where there is no room for all, those are kept that there is room for."""
        self.keeper = self.make(max_bytes=100_000)
        self.writing.hold()
        small, large, last = (
            self.keeper.keep(draft()),
            self.keeper.keep(draft(spam="x" * 200_000)),
            self.keeper.keep(draft()),
        )
        self.writing.go_on()
        self.assertEqual((self.successResultOf(small).how, self.successResultOf(last).how), ("new", "new"))
        self.assertTrue(self.failureResultOf(large, StoreFault).value.is_full)
        self.assertEqual(self.count(), 2)

    def test_bug(self) -> None:
        """A fault of ours leaves nobody waiting."""
        self.patch(FormStore, "add", lambda *a: 1 / 0)
        self.failureResultOf(self.keeper.keep(draft()), ZeroDivisionError)

    def test_told_afterwards(self) -> None:
        """Who looks after what is to be told hears of each transaction."""
        heard: list[int] = []
        self.keeper.on_kept = lambda: heard.append(self.count())
        self.successResultOf(self.keeper.keep(draft()))
        self.assertEqual(heard, [1])


class FaultTests(KeeperCase):
    """What is mended works without a restart."""

    def test_removed(self) -> None:
        """A store that was removed is made anew, and who wrote meanwhile is told the truth."""
        self.successResultOf(self.keeper.keep(draft()))
        shutil.rmtree(os.path.dirname(self.where))
        self.assertEqual(self.successResultOf(self.keeper.keep(draft())).how, "new")
        self.assertEqual(self.count(), 1)

    def test_foreign(self) -> None:
        """A file of somebody else in the store's place is left alone; with the store back it goes on."""
        self.successResultOf(self.keeper.keep(draft()))
        os.rename(self.where, f"{self.where}.away")
        Path(self.where).write_bytes(b"somebody's")
        self.failureResultOf(self.keeper.keep(draft()), StoreFault)
        self.failureResultOf(self.keeper.ask(lambda store: store.counts()), StoreFault)
        self.assertEqual(Path(self.where).read_bytes(), b"somebody's")
        os.replace(f"{self.where}.away", self.where)
        self.successResultOf(self.keeper.keep(draft()))
        self.assertEqual(self.count(), 2)

    def test_one_line_a_minute(self) -> None:
        """The log has one line a minute of a store that doesn't work."""
        lines: list[str] = []
        self.patch(keeper.journal, "store_trouble", lambda text: lines.append(text))
        Path(self.where).parent.mkdir(parents=True)
        Path(self.where).write_bytes(b"somebody's")
        for _ in range(3):
            self.failureResultOf(self.keeper.keep(draft()), StoreFault)
        self.assertEqual(len(lines), 1)
        self.reactor.advance(61)
        self.failureResultOf(self.keeper.keep(draft()), StoreFault)
        self.assertEqual(len(lines), 2)


class EndTests(KeeperCase):
    """Bounds, memory, and the end."""

    def test_busy(self) -> None:
        """Past the bound nobody waits; when the line is shorter it goes on."""
        self.patch(keeper, "WAITING_MAX", 2)
        self.writing.hold()
        kept = [self.keeper.keep(draft()), self.keeper.change(lambda store: 7)]
        self.assertRaises(Busy, self.keeper.keep, draft())
        self.writing.go_on()
        self.assertEqual([type(self.successResultOf(one)).__name__ for one in kept], ["Kept", "int"])
        self.successResultOf(self.keeper.keep(draft()))

    def test_memory(self) -> None:
        """A store in memory is one for reading and writing, and stays open after a fault."""
        self.keeper = self.make(MEMORY, max_bytes=100_000)
        self.successResultOf(self.keeper.keep(draft()))
        self.failureResultOf(self.keeper.keep(draft(spam="x" * 200_000)), StoreFault)
        self.assertEqual(self.count(), 1)

    def test_stop(self) -> None:
        """The end waits for what was taken on, and takes nothing more."""
        self.writing.hold()
        kept = self.keeper.keep(draft())
        stopped = Deferred.fromCoroutine(self.keeper.stop())
        self.assertRaises(Busy, self.keeper.keep, draft())
        self.assertNoResult(stopped)
        self.writing.go_on()
        self.successResultOf(kept)
        self.successResultOf(stopped)
        store = FormStore(self.where, read_only=True)
        self.addCleanup(store.close)
        self.assertEqual(store.counts()["all"], 1)
