"""Batches on their way to stores that refuse, come back, or lose their answers: in order, once, none lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import keeping, spool
from netsuite.wordproxy import stores as stores_module
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.keeping import Keeping, Spooling
from netsuite.wordproxy.place import profile_store
from netsuite.wordproxy.spool import Parts
from netsuite.wordproxy.store.contract import Batch, CoverageQuery, Note, Page, Store, StoreFault
from netsuite.wordproxy.store.open import open_store

DAY, NOON = "2026-01-05", 1_767_610_800.0
WHERE = "redis://store.example/0"


def page(sequence: int) -> Page:
    """A page."""
    return Page(
        sequence, sequence.to_bytes(16, "big"), "a.example", None, None, "en", DAY, NOON, [("w", "w", 1, 0)]
    )


def of_main(*sequences: int, node: str = "n") -> Parts:
    """These pages of nobody in particular."""
    return [("", Batch(node, sequences[-1], [page(number) for number in sequences], []))]


class StrawStore:
    """Remembers nodes as stores do; refuses, or applies and says that it has not."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, int]] = []  # node, sequence of a page
        self.notes: list[Note] = []
        self.seen: dict[str, int] = {}
        self.is_down = self.is_mute = False
        self.asked = 0
        self.opened = 0
        self.closed = 0
        self.poison = -1

    def open(self, where: str) -> Store:
        self.where = where
        self.opened += 1
        return self  # type: ignore[return-value]

    def add(self, batch: Batch) -> None:
        self.asked += 1
        if self.is_down:
            raise StoreFault("down")
        seen = self.seen.get(batch.node, -1)
        if any(page.sequence == self.poison for page in batch.pages):
            raise ValueError("poison")
        self.applied += [(batch.node, page.sequence) for page in batch.pages if page.sequence > seen]
        self.notes += [note for note in batch.notes if note.sequence > seen]
        self.seen[batch.node] = max(seen, batch.last)
        if self.is_mute:
            raise StoreFault("no answer")

    def close(self) -> None:
        self.closed += 1


class KeepingCase(SynchronousTestCase):
    """A keeping with a spool, and a store of straw."""

    def setUp(self) -> None:
        self.folder = str(Path(self.mktemp()).absolute())
        self.store = StrawStore()
        self.now = 100.0
        self.wall = NOON
        self.troubles: list[str] = []
        self.open: list[Keeping] = []

    def tearDown(self) -> None:
        for one in self.open:
            one.close()

    def made(self, node: str = "n", *, max_bytes: int = 10**6, **more: Any) -> Keeping:
        """A keeping of that node."""
        spooling = Spooling(self.folder, WHERE, node, max_bytes, 86_400.0)
        one = Keeping(
            WHERE, spooling, self.troubles.append,
            **{"open_store": self.store.open, "clock": lambda: self.now, "wall": lambda: self.wall, **more},
        )  # fmt: skip
        self.open.append(one)
        return one

    def later(self, one: Keeping, seconds: float = 6.0) -> None:
        """So long later spools have been looked at."""
        self.now += seconds
        one.catch_up()

    @property
    def sequences(self) -> list[int]:
        """The pages that the store has, in order."""
        return [sequence for _, sequence in self.store.applied]


class SpoolingTests(KeepingCase):
    """A store that refuses for a while."""

    def test_at_once(self) -> None:
        """A store that takes batches gets them at once, and no spool is made."""
        one = self.made()
        one.keep(of_main(1, 2))
        one.keep(of_main(3))
        self.assertEqual((self.sequences, one.spooled, self.store.opened), ([1, 2, 3], 0, 1))
        self.assertFalse(os.path.exists(self.folder))

    def test_an_outage(self) -> None:
        """What is refused waits, the store is not asked for each batch, and gets all of it in order."""
        one = self.made()
        self.store.is_down = True
        for number in range(1, 20):
            one.keep(of_main(number))
        self.assertEqual((one.spooled, self.store.asked), (19, 1))
        self.later(one)
        self.assertEqual((one.spooled, self.store.asked), (19, 2))
        self.store.is_down = False
        one.keep(of_main(20))
        self.assertEqual(self.sequences, [])
        self.later(one)
        one.keep(of_main(21))
        self.assertEqual((self.sequences, one.spooled), (list(range(1, 22)), 0))
        self.assertEqual(set(self.troubles), {"down; batches wait in the spool"})

    def test_asked_less_and_less(self) -> None:
        """A store that stays away is asked ever less often, at least every few seconds."""
        one = self.made()
        self.store.is_down = True
        one.keep(of_main(1))
        waits = []
        for _ in range(8):
            waits.append(round(one.wait() or 0.0, 3))
            self.later(one, waits[-1])
        self.assertEqual(waits, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])

    def test_a_store_that_hangs(self) -> None:
        """Where each question takes its timeout, half of the time is left for pages."""
        one = self.made()

        def hang(batch: Batch) -> None:
            self.now += 10.0
            raise StoreFault("no answer within 10 s")

        self.store.add = hang  # type: ignore[method-assign]
        one.keep(of_main(1))
        self.assertEqual(one.wait(), 10.0)
        self.later(one, 10.0)
        self.assertEqual((one.wait(), one.spooled), (10.0, 1))

    def test_a_lost_answer(self) -> None:
        """A batch that was applied without our knowing is sent again, and is there once."""
        one = self.made()
        self.store.is_mute = True
        one.keep(of_main(1, 2))
        one.keep(of_main(3))
        self.later(one)
        self.store.is_mute = False
        self.later(one)
        self.assertEqual((self.sequences, one.spooled), ([1, 2, 3], 0))

    def test_full(self) -> None:
        """A spool that is full takes no more: the batch stays with its owner, and comes in its turn."""
        one = self.made(max_bytes=40_000)
        self.store.is_down = True
        kept = 0
        while kept < 1000:
            try:
                one.keep(of_main(kept + 1))
            except StoreFault:
                break
            kept += 1
        self.assertTrue(0 < kept < 1000)
        self.assertLess(spool.size(self.folder), 40_000)
        self.now += 6
        self.assertRaises(StoreFault, one.keep, of_main(kept + 1))
        self.assertIn("is full; raise --spool", "".join(self.troubles))
        self.store.is_down = False
        self.now += 6
        one.keep(of_main(kept + 1))
        self.assertEqual(self.sequences, list(range(1, kept + 2)))

    def test_no_room(self) -> None:
        """With a bound of next to nothing, or no spool, a store that refuses is the caller's trouble."""
        self.store.is_down = True
        for one in (
            self.made(max_bytes=1),
            Keeping(WHERE, None, self.troubles.append, open_store=self.store.open),
        ):
            self.assertRaises(StoreFault, one.keep, of_main(1))
            self.assertEqual(one.spooled, 0)
        self.assertIsNone(one.wait())
        self.assertEqual(os.listdir(self.folder) if os.path.exists(self.folder) else [], [])

    def test_a_moment_at_a_time(self) -> None:
        """A long spool is sent in slices, with as much time between them for pages."""
        one = self.made()
        self.store.is_down = True
        for number in range(1, 10):
            one.keep(of_main(number))
        self.store.is_down = False
        whole = self.store.add

        def slow(batch: Batch) -> None:
            self.now += 0.2
            whole(batch)

        self.store.add = slow  # type: ignore[method-assign]
        self.later(one)
        self.assertEqual(self.sequences, [1, 2, 3])
        self.assertAlmostEqual(one.wait() or 0.0, keeping.SEND_SECONDS)
        for _ in range(4):
            self.later(one, 0.5)
        self.assertEqual(self.sequences, list(range(1, 10)))

    def test_what_no_store_can_take(self) -> None:
        """A page that the store fails on does not hold up the spool: it is noted, its neighbours are kept."""
        one = self.made()
        self.store.is_down, self.store.poison = True, 2
        one.keep(of_main(1, 2, 3))
        self.store.is_down = False
        self.later(one)
        self.assertEqual((self.sequences, one.spooled), ([1, 3], 0))
        self.assertEqual(self.store.notes, [Note(2, DAY, "a.example", "unreadable")])


class ProfileTests(KeepingCase):
    """Stores of users."""

    def test_each_in_its_own(self) -> None:
        """Each part goes to the store of its profile; few are open at once."""
        stores: dict[str, StrawStore] = {}
        one = self.made(open_store=lambda where: stores.setdefault(where, StrawStore()).open(where))
        for number in range(40):
            one.keep(
                [
                    ("", Batch("n", number, [page(number)], [])),
                    (f"u{number % 20}", Batch("n", number, [page(number)], [])),
                ]
            )
        self.assertEqual(len(stores), 21)
        self.assertEqual([n for _, n in stores[WHERE].applied], list(range(40)))
        self.assertEqual([n for _, n in stores[profile_store(WHERE, "u3")].applied], [3, 23])
        self.assertLessEqual(sum(s.opened - s.closed for s in stores.values()), stores_module.STORES_MAX)
        one.close()
        self.assertEqual(sum(s.opened - s.closed for s in stores.values()), 0)

    def test_one_of_two_refuses(self) -> None:
        """A part that was kept is not kept again with the one that was not."""
        stores: dict[str, StrawStore] = {"": StrawStore(), "alice": StrawStore()}
        one = self.made(open_store=lambda where: stores["alice" if "alice" in where else ""].open(where))
        stores["alice"].is_down = True
        one.keep([("", Batch("n", 2, [page(1)], [])), ("alice", Batch("n", 2, [page(2)], []))])
        stores["alice"].is_down = False
        self.later(one)
        self.assertEqual([store.applied for store in stores.values()], [[("n", 1)], [("n", 2)]])


class DeathTests(KeepingCase):
    """Spools that outlive their node, their process, or themselves."""

    def left(self, node: str = "old", *sequences: int) -> None:
        """A node died with pages in its spool."""
        self.store.is_down = True
        one = self.made(node)
        for number in sequences or (1, 2):
            one.keep(of_main(number, node=node))
        one.close()
        self.store.is_down = False

    def test_the_next_node(self) -> None:
        """The next node sends what the dead one left under that one's name, before its own; the file goes."""
        self.left("old", 1, 2)
        self.left("older", 7)
        one = self.made("new")
        self.assertEqual(one.spooled, 3)
        self.later(one)
        one.keep(of_main(1, node="new"))
        self.assertEqual(sorted(self.store.applied[:3]), [("old", 1), ("old", 2), ("older", 7)])
        self.assertEqual(self.store.applied[3:], [("new", 1)])
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_same_node(self) -> None:
        """Another counter of the same node goes on with its spool, though pages come again."""
        self.store.is_down = True
        one = self.made()
        one.keep(of_main(1, 2))
        one.close()
        one = self.made()
        one.keep(of_main(2, 3))
        self.store.is_down = False
        self.later(one)
        self.assertEqual((self.sequences, one.spooled), ([1, 2, 3], 0))

    def test_not_the_living(self) -> None:
        """A living node's spool is left to it; once it is dead it is found within a minute."""
        self.store.is_down = True
        living = self.made("living")
        living.keep(of_main(1, node="living"))
        one = self.made("other")
        self.assertEqual((one.spooled, self.troubles[1:]), (0, []))
        living.close()
        self.later(one, keeping.LOOK_SECONDS)
        self.assertEqual(one.spooled, 1)
        self.store.is_down = False
        self.later(one)
        self.assertEqual(self.store.applied, [("living", 1)])

    def test_the_dying(self) -> None:
        """The spool of a node whose counter is about to end is sent soon; of the living ever less often."""
        self.store.is_down = True
        dying, living = self.made("dying"), self.made("living")
        dying.keep(of_main(1, node="dying"))
        living.keep(of_main(1, node="living"))
        self.store.is_down = False
        one = self.made("other")
        dying.close()
        self.later(one, keeping.LOOK_SOON_SECONDS)
        self.assertEqual(self.store.applied, [("dying", 1)])
        self.later(one, 0.0)  # there may be more of its kind
        waits = []
        for _ in range(6):
            wait = one.wait()
            assert wait is not None
            waits.append(wait)
            self.later(one, wait)
        self.assertEqual(waits, [4, 8, 16, 32, 60, 60])

    def test_another_store(self) -> None:
        """What was left for another store is not for this one."""
        self.left()
        spooling = Spooling(self.folder, "redis://other", "new", 10**6, 1.0)
        one = Keeping("redis://other", spooling, self.troubles.append, open_store=self.store.open)
        self.open.append(one)
        self.assertEqual(one.spooled, 0)

    def test_many_dead(self) -> None:
        """However many nodes died, few of their spools are open at once, and all are sent."""
        self.patch(keeping, "LEFT_MAX", 3)
        for number in range(10):
            self.left(f"n{number}", number)
        one = self.made("new")
        self.assertEqual(len(one._left), 3)
        for _ in range(5):
            self.later(one)
        self.assertEqual(sorted(self.sequences), list(range(10)))

    def test_too_late(self) -> None:
        """What waited so long that the store may have forgotten its node is noted as lost, by its numbers."""
        self.left("old", 1, 2)
        self.wall += spool.STALE_SECONDS + 1
        one = self.made("new")
        self.later(one)
        self.assertEqual((self.sequences, one.spooled), ([], 0))
        self.assertEqual(self.store.notes, [Note(n, DAY, "a.example", "lost") for n in (1, 2)])
        self.assertEqual(self.store.seen, {"old": 2})

    def test_what_may_not_be_kept(self) -> None:
        """Addresses and sentences leave a spool when the store would have dropped them; counts stay."""
        told = replace(page(1), url="http://a.example/", title="t", contexts=[("w", "The w.")], names=["w"])
        self.store.is_down = True
        one = self.made()
        one.keep([("", Batch("n", 1, [told], []))])
        for days, url in ((0.5, told.url), (1.5, None)):
            self.wall = NOON + days * 86_400
            self.later(one, keeping.LOOK_SECONDS)
            row = one._own.first() if one._own is not None else None
            assert row is not None
            assert row.parts is not None
            [kept] = row.parts[0][1].pages
            self.assertEqual((kept.url, kept.forms), (url, told.forms))
        self.assertEqual((kept.title, kept.contexts, kept.names), (None, [], []))

    def test_a_clock_that_is_set(self) -> None:
        """A clock that jumps by years makes nothing of ours too old, nor does one that goes back."""
        for jump in (50 * 365 * 86_400.0, -50 * 365 * 86_400.0):
            self.store.is_down = True
            one = self.made(f"n{jump}")
            one.keep(of_main(1, node=f"n{jump}"))
            self.wall += jump
            self.store.is_down = False
            self.later(one)
            self.assertEqual((self.sequences[-1], self.store.notes, one.spooled), (1, [], 0))

    def test_damaged(self) -> None:
        """What a damaged spool held is noted as lost with the next batch, once, and counting goes on."""
        self.store.is_down = True
        one = self.made()
        one.keep(of_main(1, 2))
        own = one._own
        assert own is not None
        self.patch(own, "first", lambda: (_ for _ in ()).throw(spool.SpoolFault("damaged", is_damaged=True)))
        self.store.is_down = False
        self.later(one)
        self.assertEqual(one.spooled, 0)
        self.now += 6
        one.keep(of_main(3))
        one.keep(of_main(4))
        self.assertEqual(self.sequences, [3, 4])
        self.assertEqual(self.store.notes, [Note(3, local_day(NOON), "", "lost", 2)])
        self.assertIn("damaged", self.troubles)

    def test_a_damaged_batch(self) -> None:
        """A batch whose bytes are damaged is noted as lost; the others are sent."""
        self.left("n", 1, 2, 3)
        path = os.path.join(self.folder, os.listdir(self.folder)[0])
        connection = sqlite3.connect(path)
        connection.execute("UPDATE batch SET parts = x'00' WHERE id = 2")
        connection.commit()
        connection.close()
        one = self.made()
        self.later(one)
        one.keep(of_main(4))
        self.assertEqual(self.sequences, [1, 3, 4])
        self.assertEqual([(note.outcome, note.amount) for note in self.store.notes], [("lost", 1)])

    def test_a_file_that_is_none(self) -> None:
        """Rubbish where a spool should be is told once and put aside, and counting goes on."""
        os.mkdir(self.folder)
        Path(spool.path_of(self.folder, WHERE, "n")).write_bytes(b"rubbish" * 999)
        one = self.made()
        one.keep(of_main(1))
        self.assertEqual((self.sequences, one.spooled), ([1], 0))
        self.assertIn("file is not a database", "".join(self.troubles))
        self.assertEqual([name.partition("-")[2] for name in os.listdir(self.folder)], ["n.spool.damaged"])

    def test_a_full_disk(self) -> None:
        """A spool that can't be written is as good as none; the store gets the batch when it can."""
        one = self.made()
        self.store.is_down = True
        one.keep(of_main(1))
        own = one._own
        assert own is not None
        own._connection.execute("PRAGMA max_page_count = 1")
        for _ in range(3):
            self.assertRaises(StoreFault, one.keep, of_main(2, *range(100, 900)))
            self.now += 6
        self.store.is_down = False
        self.now += 6
        one.keep(of_main(2))
        self.later(one)
        self.assertEqual((self.sequences, one.spooled), ([1, 2], 0))


class RestoredTests(KeepingCase):
    """A spool from a backup, beside a store that is newer than it."""

    def test_nothing_twice(self) -> None:
        """What a restored spool brings again is in the store once, whichever node finds it."""
        path = str(Path(self.mktemp()).absolute()) + ".db"
        refusing = [True]

        def opening(where: str) -> Store:
            if refusing[0]:
                raise StoreFault("away")
            return open_store(path)

        one = self.made("n", open_store=opening)
        for number in range(1, 6):
            one.keep(of_main(number))
        one.close()
        backup = f"{self.folder}.backup"
        shutil.copytree(self.folder, backup)
        refusing[0] = False
        one = self.made("n", open_store=opening)
        self.later(one)
        one.keep(of_main(6))
        one.close()
        for node in ("n", "another"):
            shutil.copytree(backup, self.folder, dirs_exist_ok=True)
            one = self.made(node, open_store=opening)
            self.assertEqual(one.spooled, 5)
            self.later(one)
            self.assertEqual(one.spooled, 0)
            one.close()
        store = open_store(path)
        self.addCleanup(store.close)
        self.assertEqual(store.coverage(CoverageQuery()).total.counted, 6)


class ScheduleTests(KeepingCase):
    """Whatever happens, in whatever order."""

    @settings(deadline=None, max_examples=120)
    @given(
        st.lists(
            st.sampled_from(("keep", "keep", "later", "down", "mute", "up", "die", "same", "full")),
            max_size=25,
        )
    )
    def test_exact(self, schedule: list[str]) -> None:
        """What was said to be kept is in the store in the end: in order for each node, and never twice."""
        self.setUp()
        nodes = iter(f"n{number}" for number in range(99))
        node = next(nodes)
        one = self.made(node)
        sequence, acknowledged = 0, []
        for step in schedule:
            if step == "keep":
                try:
                    one.keep(of_main(sequence + 1, sequence + 2, node=node))
                except StoreFault:
                    continue
                acknowledged += [(node, sequence + 1), (node, sequence + 2)]
                sequence += 2
            elif step == "later":
                self.later(one)
            elif step in ("down", "mute", "up"):
                self.store.is_down, self.store.is_mute = step == "down", step == "mute"
            else:
                one.close()
                if step == "die":
                    node, sequence = next(nodes), 0
                one = self.made(node, max_bytes=30_000 if step == "full" else 10**6)
        self.store.is_down = self.store.is_mute = False
        for _ in range(3):
            self.later(one, keeping.LOOK_SECONDS)
        one.close()
        self.assertEqual(len(set(self.store.applied)), len(self.store.applied))
        self.assertLessEqual(set(acknowledged), set(self.store.applied))
        for name in {node for node, _ in acknowledged}:
            mine = [number for node, number in self.store.applied if node == name]
            self.assertEqual(mine, sorted(mine))
        self.assertEqual(os.listdir(self.folder) if os.path.exists(self.folder) else [], [])
