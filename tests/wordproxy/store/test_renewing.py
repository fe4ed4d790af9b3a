"""Steps that make reports quick: what they leave alone, and what becomes of one that comes too late."""

from __future__ import annotations

import time
from datetime import date

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import renewing
from netsuite.wordproxy.store.contract import BreakdownQuery
from netsuite.wordproxy.store.sqlite import SqliteStore
from netsuite.wordproxy.store.sums import ERA, Draft
from tests.wordproxy.store.samples import DAY, batch, folder, page


class StepsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = str(folder(self) / "words.db")
        self.day = DAY

    def open(self) -> SqliteStore:
        noon = time.mktime((*date.fromisoformat(self.day).timetuple()[:3], 12, 0, 0, 0, 0, -1))
        store = SqliteStore(self.path, clock=lambda: noon)
        self.addCleanup(store.close)
        return store

    def spans(self, store: SqliteStore) -> list[tuple[int, int]]:
        return store._connection.execute("SELECT first, last FROM summed ORDER BY last - first").fetchall()

    def test_today(self) -> None:
        """The day that is today is not summed up, nor its month and year; the next year all of them are."""
        store = self.open()
        store.add(batch(page(1, "tide")))
        while store.renew():
            pass
        self.assertEqual([span for span in self.spans(store) if span[0] != ERA], [])
        self.day = "2027-03-01"
        store = self.open()
        while store.renew():
            pass
        self.assertEqual([last - first for first, last in self.spans(store)][:3], [0, 30, 364])

    def test_another_writes_meanwhile(self) -> None:
        """A step that was found out before another writer's batch is not written, and done again."""
        self.day = "2027-03-01"
        store, other = self.open(), self.open()
        store.add(batch(page(1, "tide")))
        store._connection.execute("DELETE FROM summed")
        store._connection.execute("INSERT OR IGNORE INTO stale VALUES (?, ?)", (739621, 739621))
        real = renewing.draft

        def draft(*told: object, **more: object) -> Draft | None:
            found = real(*told, **more)  # type: ignore[arg-type]
            self.patch(renewing, "draft", real)
            with other._transaction() as connection:
                connection.execute("INSERT INTO site (host) VALUES ('other.example')")
            return found

        self.patch(renewing, "draft", draft)
        self.assertTrue(store.renew())
        self.assertEqual(self.spans(store), [])
        other.add(batch(page(2, "tide", "boat", path="b")))
        while store.renew():
            pass
        self.assertEqual(len(self.spans(store)), 4)
        (part,) = store.breakdown(BreakdownQuery("day")).parts
        self.assertEqual((part.occurrences, part.distinct, part.pages), (3, 2, 2))
