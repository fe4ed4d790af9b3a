"""The store's file goes away under a running service: what is read since is in the one that is there now."""

from __future__ import annotations

import contextlib
import sqlite3

from tests.real.cluster import Node
from tests.real.exactness import Found
from tests.real.numbered import read_all
from tests.real.parts import until
from tests.real.test_disk import Disk


class ReplacedTests(Disk):
    """The store's file goes away under a running service."""

    def test_deleted(self) -> None:
        """A store that is deleted under load is made anew, and has what was read since."""
        node, before = self.begun()
        for path in self.folder.glob("words.db*"):
            if path.suffix != ".key":
                path.unlink()
        self.assert_goes_on(node, before)

    def test_replaced(self) -> None:
        """A store that another takes the place of is followed: it has what was read since, and is shown."""
        node, before = self.begun()
        beside = self.folder / "beside.db"
        with contextlib.closing(sqlite3.connect(self.store, timeout=30)) as old:
            old.execute("VACUUM INTO ?", [str(beside)])
        for name in ("words.db-wal", "words.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        beside.replace(self.store)
        self.assert_goes_on(node, before, kept=len(before))

    def begun(self) -> tuple[Node, range]:
        """A node that has counted some pages, and these."""
        node = self.node("one", str(self.store))
        before = range(40)
        read_all(self.book, node.proxy, before)
        until("they are counted", lambda: node.counted == len(before))
        return node, before

    def assert_goes_on(self, node: Node, before: range, kept: int = 0) -> None:
        """What is read from now on is in the file that is there now, and in the report, once each."""
        since = range(len(before), len(before) + 60)
        read_all(self.book, node.proxy, since)
        want = kept + len(since)
        until("the report has them", lambda: node.counted == want)
        self.assertEqual(node.running.stop(), 0)
        found = Found.of(str(self.store))
        self.assertEqual(found.share.counted, want)
        for number in since:
            self.assertEqual(found.times(number), [1, 1, 1], number)
