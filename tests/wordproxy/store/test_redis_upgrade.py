"""A store in Redis that an older netsuite wrote, ``schema1.redis.json``: it is upgraded in place."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import redis
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import redistasks
from netsuite.wordproxy.store.contract import (
    Batch,
    CoverageQuery,
    Forget,
    Note,
    PageQuery,
    Store,
    StoreFault,
    Total,
    WordQuery,
)
from netsuite.wordproxy.store.redis import RedisStore
from netsuite.wordproxy.store.redisupgrade import Upgrade
from tests.wordproxy.store.contract_forgetting import answers
from tests.wordproxy.store.samples import DAY, batch, page
from tests.wordproxy.store.server import OneServer

NEXT, OLD = "2026-01-06", "2025-12-01"

#: What the store of the fixture was told, before pages of before 2026 went by retention.
TOLD: list[Batch] = [
    batch(
        page(1, "The", "the", "tide", ("menu", "menu", 0, 3)),
        page(2, "The", "The", "tide", ("menu", "menu", 1, 2), path="b"),
        page(3, "tide", "boat", day=NEXT),
        Note(4, DAY, "shop.example", "unseen"),
        Note(5, DAY, "", "paused", 2.5),
    ),
    batch(
        page(6, "Gift", "gift", lang="de", host="sea.example"),
        page(7, "tide", ("tide", "tide", 0, 1)),
        page(8, "Old", "tide", day=OLD, path="old"),
        page(9, "Old", "Gift", day=OLD, path="old", lang="de"),
    ),
]


class Killed(Exception):  # noqa: N818 - what happens to the process
    """The process ends here."""


class UpgradeTests(OneServer, SynchronousTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        path = Path(__file__).with_name("schema1.redis.json")
        cls.kept: dict[str, list[Any]] = json.loads(path.read_text("utf-8"))

    def setUp(self) -> None:
        self.prefix = f"words{next(self.numbers)}"
        self.client: Any = redis.Redis(unix_socket_path=str(self.server.socket))
        self.addCleanup(self.client.close)
        for name, (kind, *items) in self.kept.items():
            key = f"{{{self.prefix}}}:".encode() + bytes.fromhex(name)
            values = [bytes.fromhex(item) for item in items]
            self.client.execute_command({"hash": "HSET", "zset": "ZADD", "set": "SADD"}[kind], key, *values)

    def open(self, *, read_only: bool = False) -> RedisStore:
        store = RedisStore(self.server.where(self.prefix), read_only=read_only)
        self.addCleanup(store.close)
        return store

    def expected(self) -> Store:
        """A store of our schema that was told the same."""
        store = RedisStore(self.server.where(f"{self.prefix}-new"))
        self.addCleanup(store.close)
        for told in TOLD:
            store.add(told)
        store.retain("2026-01-01")
        return store

    def test_upgraded(self) -> None:
        """Every answer is that of a new store; what comes again is known, what comes later is added."""
        store, expected = self.open(), self.expected()
        self.assertEqual(store.status().schema, 2)
        self.assertEqual(answers(store), answers(expected))
        later = batch(page(10, "tide", "The", names=["the"]), page(11, "net", path="b", day=NEXT))
        for told in (*TOLD, later):
            store.add(told)
            expected.add(told)
        self.assertEqual(answers(store), answers(expected))
        self.assertEqual(list(self.client.keys(f"{{{self.prefix}}}:met:*")), [])

    def test_nothing_left(self) -> None:
        """When the last page is forgotten nothing is left but what retention had left."""
        store = self.open()
        for row in store.pages(PageQuery()).pages:
            self.assertEqual(store.forget(Forget(page=row.id)), 1)
        words = store.words(WordQuery(everything=True))
        self.assertEqual(words.total, Total(4, 4, 2))
        for word in words.words:
            facts = store.word(word.key, word.lang)
            assert facts is not None
            self.assertEqual(sum(n for _, n in facts.forms), 1)
        store.forget(Forget(day=OLD))
        self.assertEqual(store.words(WordQuery(everything=True)).total, Total())
        share = store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.unseen, share.paused_seconds), (0, 1, 2.5))

    def test_killed_at_each_step(self) -> None:
        """Killed before any of its steps, the upgrade is finished by the next who opens the store."""
        self.patch(redistasks, "STILL_SECONDS", 0.0)
        whole = Upgrade.run
        for steps in itertools.count():
            self.setUp()

            def run(upgrade: Upgrade, steps: int = steps) -> None:
                make, left = upgrade._make, itertools.count(steps, -1)

                def counted(work_out: Any) -> None:
                    if next(left) == 0:
                        raise Killed
                    make(work_out)

                upgrade._make = counted
                whole(upgrade)

            self.patch(Upgrade, "run", run)
            is_done = True
            try:
                self.open()
            except Killed:
                is_done = False
                text = str(self.assertRaises(StoreFault, self.open, read_only=True))
                self.assertIn("being changed as a whole", text)
            self.patch(Upgrade, "run", whole)
            self.assertEqual(answers(self.open()), answers(self.expected()), steps)
            if is_done:
                break
        self.assertGreater(steps, 5)

    def test_reader(self) -> None:
        """Who may only read refuses an old store, untouched."""
        before = self.server.keys(self.prefix)
        self.assertIn("older netsuite", str(self.assertRaises(StoreFault, self.open, read_only=True)))
        self.assertEqual(self.server.keys(self.prefix), before)

    def test_another_upgrades(self) -> None:
        """Who finds an upgrade at work waits until it is done."""
        store = self.open()
        about = f"{{{self.prefix}}}:about"
        self.client.hset(about, mapping={"schema": "upgrading", "upgrader": "another"})
        self.patch(redistasks.time, "sleep", lambda _: self.client.hset(about, "schema", "2"))
        self.assertEqual(self.open().words(WordQuery()), store.words(WordQuery()))
