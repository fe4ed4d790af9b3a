"""Redis away, nodes dying: what is read meanwhile waits on disk, and is counted once, whoever sends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.real.clients import Reader
from tests.real.hatchery import wordproxy
from tests.real.parts import Twistd, children, until
from tests.real.test_wordproxy_workers import Words, own_word
from tests.scale import NIGHTLY
from tests.wordproxy.store.server import Redis

ROUNDS = 2 if NIGHTLY else 1


class SpoolTests(TestCase):
    """Nodes with one state folder, and a Redis that comes and goes."""

    def setUp(self) -> None:
        self.redis = Redis()
        self.addCleanup(self.redis.close)
        self.origin = Words()
        self.addCleanup(self.origin.close)
        scratch = tempfile.TemporaryDirectory(prefix="netsuite-spool-", ignore_cleanup_errors=True)
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.spools = self.folder / "state" / "netsuite" / "spool"

    def node(self, *options: str) -> Twistd:
        """A wordproxy on that Redis, with that state folder."""
        node = wordproxy("-s", f"unix://{self.redis.socket}", *options, folder=self.folder)
        self.addCleanup(node.close)
        return node

    def read(self, node: Twistd, numbers: range) -> None:
        """Read pages through a node; all of them arrive."""
        reader = Reader([self.origin.url(number) for number in numbers], node.ports["proxy"])
        reader.start()
        reader.wait()

    def waiting(self) -> int:
        """Pages in all spools."""
        total = 0
        for path in self.spools.glob("*.spool"):
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
            with contextlib.closing(connection), contextlib.suppress(sqlite3.OperationalError):  # being made
                total += connection.execute("SELECT coalesce(sum(pages), 0) FROM batch").fetchone()[0]
        return int(total)

    @staticmethod
    def counted(node: Twistd) -> dict[str, int]:
        """How often each word was met, as a node's report has it."""
        return {w["word"]: w["occurrences"] for w in node.report("/words.json?all=1&limit=0")["words"]}

    def check(self, node: Twistd, number: int) -> None:
        """So many pages are in the store, each once, and nothing else is in its coverage."""
        until(f"{number} pages", lambda: self.counted(node).get("tide") == number)
        expected = {own_word(page): 1 for page in range(number)} | {"tide": number}
        self.assertEqual(self.counted(node), expected)
        told = node.report("/coverage.json")
        self.assertEqual((told["counted"], told["skipped"]), (number, {}))

    def test_back_again(self) -> None:
        """What was read while Redis was away is there when it is back; the spool is private, and goes."""
        node = self.node()
        self.read(node, range(5))
        until("what was read before", lambda: self.counted(node).get("tide") == 5)
        self.redis.kill9()
        self.read(node, range(5, 30))
        until("a spool", lambda: self.waiting() == 25)
        [path] = self.spools.glob("*.spool")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.spools.stat().st_mode), 0o700)
        self.redis.up()
        self.check(node, 30)
        self.until_waiting(0)  # the counter hears of it after who reads the store
        self.assertNotIn(own_word(7).encode(), path.read_bytes())
        self.assertEqual(node.stop(), 0)
        self.assertEqual(list(self.spools.iterdir()), [])

    def test_stopped_meanwhile(self) -> None:
        """A node that is stopped while Redis is away loses nothing: the next one sends what it had."""
        node = self.node()
        self.redis.kill9()
        self.read(node, range(1))
        self.until_waiting(1)  # by now its counter, which yields to all others, is up
        self.read(node, range(1, 20))
        self.assertEqual(node.stop(), 0)
        self.assertNotIn("could not be kept", node.log)
        self.assertEqual(self.waiting(), 20)
        self.redis.up()
        self.check(self.node(), 20)

    def test_killed_meanwhile(self) -> None:
        """What was in the spool survives the death of its counter, then of all."""
        node, read = self.node(), 0
        for _ in range(ROUNDS):
            self.redis.kill9()
            for times in range(1, 4):
                self.read(node, range(read, read + 10))
                read += 10
                self.until_waiting(times * 10)
                self.kill_counter(node)
            node.kill9()
            self.redis.up()
            node = self.node()
            self.check(node, read)
            self.until_waiting(0)

    def until_waiting(self, pages: int) -> None:
        """So many pages are in spools, or none; from a counter that was killed some come again."""
        until(f"{pages} pages in spools", lambda: self.waiting() >= pages if pages else not self.waiting())

    def kill_counter(self, node: Twistd) -> None:
        """The node has another counter."""
        [counter] = children(node.pid)
        os.kill(counter, signal.SIGKILL)
        until("another counter", lambda: children(node.pid) not in ([], [counter]))

    def test_restored(self) -> None:
        """A spool from a backup, beside a store that is newer, brings nothing twice."""
        node = self.node()
        self.redis.kill9()
        self.read(node, range(20))
        until("a spool", lambda: self.waiting() == 20)
        node.kill9()
        backup = self.folder / "backup"
        shutil.copytree(self.spools, backup)
        self.redis.up()
        node = self.node()
        self.check(node, 20)
        self.assertEqual(node.stop(), 0)
        shutil.copytree(backup, self.spools, dirs_exist_ok=True)
        self.assertEqual(self.waiting(), 20)
        node = self.node()
        until("an empty spool", lambda: self.waiting() == 0)
        self.check(node, 20)

    def test_hanging(self) -> None:
        """A Redis that hangs over a batch, and takes it after all when it wakes, has each page once."""
        node = wordproxy("-s", f"unix://{self.redis.socket}?timeout=1", folder=self.folder)
        self.addCleanup(node.close)
        self.read(node, range(5))
        until("what was read before", lambda: self.counted(node).get("tide") == 5)
        self.redis.signal(signal.SIGSTOP)
        try:
            for start in range(5, 35, 10):
                self.read(node, range(start, start + 10))
                self.until_waiting(start + 5)
        finally:
            self.redis.signal(signal.SIGCONT)
        self.check(node, 35)
        self.until_waiting(0)

    def test_workers(self) -> None:
        """Each worker has a spool of its own; one process sends both after all of them died."""
        node = self.node("--workers", "2")
        self.redis.kill9()
        read = 0

        def both() -> bool:
            nonlocal read
            self.read(node, range(read, read + 4))  # over a connection of its own, to either worker
            read += 4
            return len(list(self.spools.glob("*.spool"))) == 2

        until("a page to each worker", both)
        until("all in spools", lambda: self.waiting() == read)
        node.kill9()
        self.redis.up()
        self.check(self.node(), read)

    def test_none(self) -> None:
        """Without a spool pages wait in memory, and nothing of them is on the disk."""
        node = self.node("--spool", "0")
        self.redis.kill9()
        self.read(node, range(10))
        until("a trouble", lambda: "can't be reached" in node.log)
        self.assertFalse(self.spools.exists())
        self.redis.up()
        self.check(node, 10)
