"""A file that was imported is known for good."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import FILE_NODE, NODE_DAYS
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import DAY, batch, page


class FileNodeTests(SynchronousTestCase):
    """Nodes that are silent for long."""

    def test_pruned(self) -> None:
        """A relay that was silent for so many days is forgotten, a file is not."""
        now = 1_000_000_000.0
        store = SqliteStore(":memory:", clock=lambda: now)
        self.addCleanup(store.close)
        store.add(batch(page(3, "tide"), node=f"{FILE_NODE}a"))
        store.add(batch(page(4, "tide"), node="relay"))
        now += NODE_DAYS * 86400 + 1
        store.retain(DAY)
        self.assertEqual([store.last(node) for node in (f"{FILE_NODE}a", "relay")], [3, 0])
