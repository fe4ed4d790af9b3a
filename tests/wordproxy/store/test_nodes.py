"""Which nodes are remembered, and for how long."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import NODE_DAYS, Forget, WordQuery
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import batch, page

DAY_SECONDS = 86400.0


class NodesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1767607200.0
        self.store = SqliteStore(":memory:", clock=lambda: self.now)
        self.addCleanup(self.store.close)

    def told(self, node: str) -> int:
        """How often a word is counted after that batch came once more."""
        self.store.add(batch(page(1, node), node=node))
        (word,) = self.store.words(WordQuery(q=node)).words
        return word.occurrences

    def test_silent_nodes_go(self) -> None:
        """A node that was silent for so many days is gone; one that was heard of since is not."""
        self.told("silent")
        self.told("heard")
        self.now += (NODE_DAYS - 1) * DAY_SECONDS
        self.store.add(batch(node="heard", last=1))
        self.now += DAY_SECONDS + 1
        self.store.retain("2026-01-01")
        self.assertEqual((self.told("heard"), self.told("silent")), (1, 2))

    def test_the_last_of_a_node(self) -> None:
        """The highest sequence of each node is told, 0 of one that never was."""
        self.store.add(batch(page(7, "tide"), node="one"))
        self.assertEqual((self.store.last("one"), self.store.last("two")), (7, 0))

    def test_imported_files_stay(self) -> None:
        """Imported files are remembered for ever, and until everything is forgotten."""
        self.told("file:a.har")
        self.now += 10 * NODE_DAYS * DAY_SECONDS
        self.store.retain("2026-01-01")
        self.assertEqual(self.told("file:a.har"), 1)
        self.told("node")
        self.store.forget(Forget(everything=True))
        self.assertEqual((self.store.last("file:a.har"), self.store.last("node")), (0, 1))
