"""wordproxy with its store in a real Redis: two nodes, one of them killed, one set of words."""

from __future__ import annotations

from unittest import TestCase

from tests.real.clients import Reader
from tests.real.hatchery import wordproxy
from tests.real.parts import Twistd, until
from tests.real.test_wordproxy_workers import Words
from tests.wordproxy.store.server import Redis


class NodesTests(TestCase):
    """Nodes that share a Redis."""

    def setUp(self) -> None:
        """A Redis that wants a password, an origin."""
        self.redis = Redis(["--requirepass", "planted-secret"], password="planted-secret")
        self.addCleanup(self.redis.close)
        self.origin = Words()
        self.addCleanup(self.origin.close)
        secret = self.redis.folder / "password"
        secret.write_text("planted-secret\n")
        self.where = f"unix://{self.redis.socket}?prefix=class&password-file={secret}"

    def node(self) -> Twistd:
        """A wordproxy on this store."""
        node = wordproxy("-s", self.where)
        self.addCleanup(node.close)
        return node

    def read(self, node: Twistd, numbers: range) -> None:
        """Read pages through a node."""
        reader = Reader([self.origin.url(number) for number in numbers], node.ports["proxy"])
        reader.start()
        reader.wait()

    @staticmethod
    def tides(node: Twistd) -> int:
        """How often a node's report has met the word that every page has."""
        words = node.report("/words.json?all=1&limit=0")["words"]
        return sum(word["occurrences"] for word in words if word["word"] == "tide")

    def test_nodes(self) -> None:
        """Two nodes count into one store, a page that both saw is one page read twice; a node may die."""
        one, two = self.node(), self.node()
        self.read(one, range(20))
        self.read(two, range(10, 30))
        until("all words of both", lambda: self.tides(one) == self.tides(two) == 40)
        met = {word["word"]: word for word in two.report("/words.json?all=1&limit=0")["words"]}
        self.assertEqual(met["tide"]["pages"], 30)
        one.kill9()
        self.read(two, range(30, 40))
        until("the words of the one that lives", lambda: self.tides(two) == 50)
        self.assertEqual(self.node().report("/coverage.json")["counted"], 50)

    def test_outage(self) -> None:
        """Pages are read while the Redis is away, and counted, once, when it is back."""
        node = self.node()
        self.read(node, range(5))
        until("what was read before", lambda: self.tides(node) == 5)
        self.redis.kill9()
        self.read(node, range(5, 10))
        self.redis.up()
        until("what was read meanwhile", lambda: self.tides(node) == 10)
        self.assertEqual(node.stop(), 0)

    def test_secret(self) -> None:
        """The password is in no line, no command line and no report."""
        node = self.node()
        self.read(node, range(3))
        until("the words", lambda: self.tides(node) == 3)
        told = node.log + node.report_text("/") + node.report_text("/setup") + " ".join(node.arguments)
        self.assertNotIn("planted-secret", told)
        self.assertIn("store unix://", node.log)
