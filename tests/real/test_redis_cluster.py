"""A Redis cluster: a prefix is on one of its primaries, which counts; another one is refused in a line."""

from __future__ import annotations

import re

from tests.real.cluster import Fleet, Node, kept_ports
from tests.real.numbered import read_all
from tests.real.parts import PartError, until
from tests.scale import NIGHTLY
from tests.wordproxy.store.server import Redis

PRIMARIES, SLOTS = 3, 16384

#: Prefixes that between them are on all primaries (CRC16 of the tag, Redis' cluster specification).
PREFIXES = {"class1": 1, "class3": 2, "class4": 0}


class ClusterTests(Fleet):
    """Three primaries, each with a third of the slots."""

    def setUp(self) -> None:
        super().setUp()
        self.primaries = [self.primary(number) for number in range(PRIMARIES)]
        for number, each in enumerate(self.primaries):
            first, last = (SLOTS * at // PRIMARIES for at in (number, number + 1))
            each.told("CLUSTER", "ADDSLOTSRANGE", str(first), str(last - 1))
            [port, bus] = self.ports(each)
            self.primaries[0].told("CLUSTER", "MEET", "127.0.0.1", port, bus)
        until(
            "the cluster is whole",
            lambda: all(b"cluster_state:ok" in each.told("CLUSTER", "INFO") for each in self.primaries),
        )

    def primary(self, number: int) -> Redis:
        """A server that may join a cluster."""
        port, bus = kept_ports(2)
        made = Redis(["--cluster-enabled", "yes", "--port", str(port), "--cluster-port", str(bus)])
        self.addCleanup(made.close)
        return made

    @staticmethod
    def ports(server: Redis) -> list[str]:
        """The port for clients, and the one for other servers."""
        found = re.search(rb":(\d+)@(\d+)", server.told("CLUSTER", "NODES"))
        assert found is not None
        return [part.decode() for part in found.groups()]

    def test_prefixes(self) -> None:
        """Each prefix is counted by the primary that holds it, and by no other."""
        for prefix, number in list(PREFIXES.items())[: None if NIGHTLY else 2]:
            node = self.node("one", self.primaries[number].where(prefix))
            read_all(self.book, node.proxy, range(10))
            until("they are counted", lambda at=node: at.counted == 10)
            self.assertEqual(node.running.stop(), 0)
        other = Node("two", self.primaries[0].where("class1"))
        self.addCleanup(other.forget)
        with self.assertRaisesRegex(PartError, "does not hold this prefix; name the node that does"):
            other.up()
