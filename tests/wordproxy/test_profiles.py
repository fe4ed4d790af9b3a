"""Users' stores: where each is, and how the first process reads them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.wordproxy import profiles
from netsuite.wordproxy.place import MEMORY, profile_store
from netsuite.wordproxy.profiles import Profiles
from netsuite.wordproxy.store.contract import Batch, CoverageQuery, Note, Store, StoreFault
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.redisurl import is_redis, parse_place
from tests.wordproxy.store.server import Redis

reactor: Any = _reactor

DAY = "2026-01-05"


class PlaceTests(SynchronousTestCase):
    """Where the store of a user is."""

    def test_files(self) -> None:
        """Beside the store, in a folder of its name, the user's in hexadecimal."""
        self.assertEqual(profile_store("/a/words.db", "alice"), "/a/words.d/616c696365.db")
        self.assertEqual(profile_store("/a/words", "../é"), "/a/words.d/2e2e2fc3a9.db")
        self.assertEqual(profile_store(MEMORY, "alice"), MEMORY)

    def test_redis(self) -> None:
        """In a Redis the prefix has the user behind a colon; all else of the address stays."""
        for where, prefix in (
            ("redis://h:1/2", "netsuite:alice"),
            ("rediss://u:p@h/?prefix=mine&ca-file=/a/b", "mine:alice"),
            ("unix:///run/redis.sock?db=3", "netsuite:alice"),
        ):
            place, own = parse_place(profile_store(where, "alice")), parse_place(where)
            self.assertEqual((place.prefix, place.arguments), (prefix, own.arguments))
            self.assertTrue(is_redis(profile_store(where, "alice")))

    def test_any_name(self) -> None:
        """Whatever users call themselves, each has a store of their own, under a name that can be one."""
        names = [
            "alice",
            "Alice",
            "é",
            "a:b",
            "a}b",
            "x-1",
            "",
            "a" * 48,
            "a" * 49,
            "é" * 127,
            "a" * 255,
            "b" * 255,
        ]
        for where in ("/a/words.db", "redis://h"):
            stores = {profile_store(where, name) for name in names}
            self.assertEqual(len(stores), len(names))
            for store in stores:
                if where.startswith("/"):
                    self.assertLess(len(os.path.basename(store)), 255)
                    self.assertEqual(os.path.dirname(store), "/a/words.d")
                else:
                    self.assertRegex(parse_place(store).prefix, r"^netsuite:[A-Za-z0-9._-]{1,64}$")


class ReaderTests(TestCase):
    """Stores in files and in memory."""

    timeout = 30

    def made(self, where: str) -> Profiles:
        """Users' stores beside that one."""
        self.opened: list[str] = []

        def opening(store: str) -> Store:
            self.opened.append(store)
            return open_store(store)

        return Profiles(where, opening, reactor)

    async def unseen(self, found: Profiles, user: str) -> int:
        """What is in the user's coverage."""
        reader = await found.reader(user)
        return (await reader.ask(lambda store: store.coverage(CoverageQuery()))).total.unseen

    async def test_in_memory(self) -> None:
        """Each user has a memory of their own, which stays however many there are."""
        self.patch(profiles, "OPEN_MAX", 1)
        found = self.made(MEMORY)
        for number, user in enumerate(("alice", "bob", "carol"), 1):
            await (await found.reader(user)).add(Batch("n", 1, [], [Note(1, DAY, "a", "unseen", number)]))
        self.assertEqual([await self.unseen(found, user) for user in ("carol", "alice", "bob")], [3, 1, 2])
        await found.retain_memory("2027-01-01")
        self.assertEqual((found.stores(), self.opened), ([], [MEMORY] * 3))
        await found.stop()

    async def test_in_files(self) -> None:
        """Files are opened as they are asked for, few at once, private, and all of them are found."""
        self.patch(profiles, "OPEN_MAX", 2)
        where = str(Path(self.mktemp()).absolute() / "words.db")
        found = self.made(where)
        self.assertEqual(found.stores(), [])
        users = ("alice", "bob", "carol")
        for user in users:
            self.assertEqual(await self.unseen(found, user), 0)
        self.assertEqual(len(found._readers), 2)
        stores = [profile_store(where, user) for user in users]
        self.assertEqual(found.stores(), sorted(stores))
        for path in stores:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(stores[0])).st_mode), 0o700)
        self.opened.clear()
        found.retain_found("2027-01-01")
        self.assertEqual(sorted(self.opened), sorted(stores))
        await found.stop()

    async def test_in_a_redis(self) -> None:
        """In a Redis users' stores are found by their prefixes, and those of no other store."""
        redis = Redis()
        self.addCleanup(redis.close)
        where = f"unix://{redis.socket}?prefix=class"
        for store in (where, f"unix://{redis.socket}?prefix=other"):
            open_store(store).close()
            for user in ("alice", "bøb"):
                open_store(profile_store(store, user)).close()
        found = self.made(where)
        self.assertEqual(found.stores(), sorted(profile_store(where, user) for user in ("alice", "bøb")))
        found.retain_found("2027-01-01")
        self.assertEqual(len(self.opened), 2)
        self.assertEqual(await self.unseen(found, "alice"), 0)
        await found.stop()

    async def test_one_that_fails(self) -> None:
        """A store that can't be opened keeps no other from forgetting what is too old; it is told."""
        where = str(Path(self.mktemp()).absolute() / "words.db")
        found = self.made(where)
        for user in ("alice", "carol"):
            await self.unseen(found, user)
        Path(profile_store(where, "bob")).write_bytes(b"rubbish" * 100)
        self.opened.clear()
        self.assertRaises(StoreFault, found.retain_found, "2027-01-01")
        self.assertEqual(len(self.opened), 3)
        await found.stop()
