"""Two wordproxies behind HAProxy and one Redis: ``deploy/haproxy.cfg`` as it is, with faults in mid-load."""

from __future__ import annotations

import contextlib
import http.client
import json
import random

from tests.real.cluster import Fleet, HAProxy, Node, kept_ports
from tests.real.exactness import Found, faults
from tests.real.numbered import Readers
from tests.real.parts import until
from tests.scale import NIGHTLY
from tests.wordproxy.store.server import Redis

#: Pages between two troubles, and how often each trouble comes.
PAGES, ROUNDS = (600, 20) if NIGHTLY else (100, 1)


class ClusterTests(Fleet):
    """What an operator sets up with the example file."""

    def setUp(self) -> None:
        super().setUp()
        self.redis = Redis()
        self.addCleanup(self.redis.close)
        self.where = self.redis.where("class")
        self.nodes = [self.node(name, self.where) for name in ("one", "two")]
        self.haproxy = HAProxy(self.nodes).up()
        self.addCleanup(self.haproxy.close)

    def asked(self, path: str) -> tuple[int, bytes]:
        """Status and body of the report, by way of HAProxy."""
        link = http.client.HTTPConnection("127.0.0.1", self.haproxy.report, timeout=30)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def test_a_node_dies_and_redis_restarts(self) -> None:
        """In mid-load a node is killed and comes back, then Redis: totals are exact."""
        seed = random.randrange(2**32)
        dice = random.Random(seed)
        readers = Readers(self.book, self.haproxy.proxy, rate=200.0, tunnels=True)
        readers.more(PAGES)
        kills = []
        for _ in range(ROUNDS):
            victim = dice.choice(self.nodes)
            kills.append(victim.kill9())
            readers.more(PAGES)  # by the one that lives
            victim.up()
            until("both are at work", lambda: self.both_deliver(readers))
            readers.more(PAGES)
            self.redis.kill9()
            readers.more(PAGES)  # nobody can store
            self.redis.up()
            readers.more(PAGES)
        readers.stop()
        self.settled(readers, self.where, kills)
        for node in self.nodes:
            self.assertEqual(node.running.stop(), 0)
        found = Found.of(self.where)
        self.assertEqual(faults(readers.told, found, kills), [], f"seed {seed}")
        self.assertGreater(found.share.counted, len(readers.delivered) // 2)
        self.assertLess(len(readers.broken), len(readers.delivered) // 4, readers.broken[:5])

    def both_deliver(self, readers: Readers) -> bool:
        """Whether the last pages came from both nodes as they are now."""
        return {each.node for each in readers.delivered[-60:]} >= {node.name for node in self.nodes}

    def test_report(self) -> None:
        """The report is there behind HAProxy, the same of either node, also when one dies."""
        readers = Readers(self.book, self.haproxy.proxy, rate=400.0)
        readers.more(100)
        readers.stop()
        sent = sum(self.book.sent.values())

        def told() -> int:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, page = self.asked("/coverage.json")
                return json.loads(page)["counted"] if status == 200 else 0
            return 0

        until("all is counted", lambda: told() == sent)
        for node in self.nodes:
            self.assertEqual(node.running.report("/coverage.json")["counted"], sent)
            node.running.kill9()
            until("the other one answers", lambda: told() == sent)
            node.up()

    def test_health(self) -> None:
        """A node that is told to stop gets no more clients, and finishes what it has."""
        readers = Readers(self.book, self.haproxy.proxy, rate=100.0)
        readers.more(40)
        self.assertEqual(self.nodes[0].running.stop(), 0)
        readers.more(60)
        readers.stop()
        self.assertEqual({each.node for each in readers.delivered[-20:]}, {self.nodes[1].name})
        self.assertEqual(self.nodes[1].running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(self.where)), [])


class FailoverTests(Fleet):
    """``deploy/haproxy-redis.cfg``: a Redis and its replica behind one address."""

    def setUp(self) -> None:
        super().setUp()
        ports = kept_ports(2)
        self.servers = []
        for number, port in enumerate(ports):
            follows = ["--replicaof", "127.0.0.1", str(ports[0])] if number else []
            server = Redis(["--port", str(port), *follows])
            self.addCleanup(server.close)
            self.servers.append(server)
        until("the replica follows", lambda: self.says(1, b"master_link_status:up"))
        self.ports, self.nodes = ports, []
        self.haproxy = HAProxy(self.nodes, ports)
        self.addCleanup(self.haproxy.close)
        for name in ("one", "two"):
            node = Node(name, f"redis://127.0.0.1:{self.haproxy.redis}/0?prefix=class&timeout=3")
            self.addCleanup(node.forget)
            self.nodes.append(node)
        self.haproxy.up()
        until("a primary", lambda: "Server redis/second is DOWN" in self.haproxy.log)
        for node in self.nodes:
            node.up()
        until("both nodes get clients", lambda: all(map(self.haproxy.sends_to, self.nodes)))

    def says(self, number: int, words: bytes) -> bool:
        """Whether a server says so of its replication."""
        return words in self.servers[number].told("INFO", "replication")

    def test_failed_over(self) -> None:
        """The replica takes over in mid-load, and the old primary dies: nodes follow, totals are exact."""
        readers = Readers(self.book, self.haproxy.proxy, rate=120.0)
        readers.more(PAGES)
        self.servers[0].told("FAILOVER", "TO", "127.0.0.1", str(self.ports[1]))
        readers.more(PAGES)
        until("the other leads", lambda: self.says(1, b"role:master"))
        self.servers[0].kill9()
        readers.more(PAGES)
        readers.stop()
        self.assertEqual(readers.broken, [])
        where = self.servers[1].where("class")
        self.settled(readers, where)
        for node in self.nodes:
            self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(where)), [])
