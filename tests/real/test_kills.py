"""``kill -9`` at random moments under load: of twistd, of all its processes, of counters, workers and Redis.

A push tries a few of each; ``NETSUITE_TEST_SCALE=nightly`` a hundred.  The seed is printed; with it in
``NETSUITE_KILLS_SEED`` the same dice are thrown, though the machine's own timing differs.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import skipUnless

from tests.real.cluster import Fleet, Node
from tests.real.exactness import Found, Kill, faults, kill9, killing
from tests.real.numbered import Readers, read_all
from tests.real.parts import START_SECONDS, alive, children, require, until
from tests.scale import NIGHTLY
from tests.wordproxy.store.server import Redis

#: How often each is killed.
KILLS = 100 if NIGHTLY else 2

#: How often one of several workers or the first process is, in turns.
WORKER_KILLS = 100 if NIGHTLY else 2

#: Deaths that are placed exactly, for each store.
PLACED = 25 if NIGHTLY else 2

#: Pages between two kills, at most: under a flush interval's, or well past one; seconds by which the moment
#: differs from a page's end.
BETWEEN = (40, 450)
APART = 0.05


class Dice(Fleet):
    """A test with a store and a seed."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-kills-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.store = str(self.folder / "words.db")
        self.seed = int(os.environ.get("NETSUITE_KILLS_SEED", random.randrange(2**32)))
        sys.stdout.write(f"{self.id()}: seed {self.seed}\n")
        self.dice = random.Random(self.seed)
        self.kills: list[Kill] = []


class KilledTests(Dice):
    """One node under load, and dice that say when."""

    def load(self, node: Node) -> Readers:
        """Readers by that node, over all its lives."""
        readers = Readers(self.book, lambda: node.proxy, rate=250.0)
        readers.more(20)
        return readers

    def moment(self, readers: Readers) -> None:
        """Some moment later."""
        readers.more(self.dice.randint(1, self.dice.choice(BETWEEN)))
        time.sleep(self.dice.random() * APART)

    def assert_exact(self, readers: Readers, where: str, *reasons: str) -> Found:
        """Each page that was sent is accounted for, and the load was one."""
        found = Found.of(where)
        self.assertEqual(faults(readers.told, found, self.kills, reasons), [], f"seed {self.seed}")
        self.assertGreater(found.share.counted, 0)
        self.tell(readers, found)
        return found

    def tell(self, readers: Readers, found: Found) -> None:
        """Print what the kills took along: how many pages, the oldest how long before its kill."""
        lost = [each for each in readers.delivered if not found.times(each.number)[0]]
        ages = [
            min(kill.when - each.when for kill in self.kills if kill.excuses(each.node, each.when))
            for each in lost
            if any(kill.excuses(each.node, each.when) for kill in self.kills)
        ]
        skipped = dict(found.share.skipped)
        sys.stdout.write(
            f"{self.id()}: {len(self.kills)} kills of nodes, {sum(self.book.sent.values())} pages sent, "
            f"{found.share.counted} counted, {skipped} skipped, {len(lost)} delivered and lost, "
            f"the oldest {max(ages, default=0):.2f} s before its kill\n"
        )

    def test_twistd(self) -> None:
        """twistd, or it and its counter at once: the store opens again, exact but for the last second."""
        node = self.node("one", self.store)
        readers = self.load(node)
        for _ in range(KILLS):
            self.moment(readers)
            counters = children(node.running.pid)
            everybody = self.dice.random() < 0.5
            self.kills.append(node.kill9() if not everybody else self.kill_all(node))
            until("the counter has ended", lambda them=counters: not any(map(alive, them)))
            node.up()
        self.moment(readers)
        readers.stop()
        until("nothing waits", lambda: node.waiting == 0, 120)  # a stop has five seconds for what does
        self.assertEqual(node.running.stop(), 0)
        self.assert_exact(readers, self.store)

    def kill_all(self, node: Node) -> Kill:
        """Everything of a node is gone; none of them has a moment that the others have not."""
        for pid in [*children(node.running.pid), node.running.pid]:
            os.kill(pid, signal.SIGSTOP)
        for pid in children(node.running.pid):
            os.kill(pid, signal.SIGKILL)
        return kill9(node.running, node.name)

    def test_counter(self) -> None:
        """The counter: reading goes on, at most the page in its hands is not counted, and is listed."""
        node = self.node("one", self.store)
        readers = self.load(node)
        for _ in range(KILLS):
            self.moment(readers)
            [counter] = until("a counter", lambda: children(node.running.pid))
            os.kill(counter, signal.SIGKILL)
            until("another", lambda old=counter: self.fresh(node, old))
        self.moment(readers)
        readers.stop()
        until("nothing waits", lambda: node.waiting == 0, 120)  # a stop has five seconds for what does
        self.assertEqual(node.running.stop(), 0)
        found = self.assert_exact(readers, self.store, "crashed")
        self.assertEqual(readers.broken, [])
        self.assertLessEqual(sum(found.share.skipped.values()), KILLS)

    @staticmethod
    def fresh(node: Node, old: int) -> bool:
        """Whether another counter runs."""
        now = children(node.running.pid)
        return bool(now) and old not in now

    def test_redis(self) -> None:
        """Redis: reading goes on, and when it is back each page is there, once."""
        redis = Redis()
        self.addCleanup(redis.close)
        node = self.node("one", redis.where())
        readers = self.load(node)
        for _ in range(KILLS):
            self.moment(readers)
            redis.kill9()
            self.moment(readers)
            redis.up()
            if self.dice.random() < 0.2:  # else what waits would outgrow its room, and be told as busy
                until("it has caught up", lambda: node.waiting < 200)
        readers.stop()
        until("all is stored", lambda: node.counted == sum(self.book.sent.values()), 60)
        self.assertEqual(node.running.stop(), 0)
        self.assert_exact(readers, redis.where())
        self.assertEqual(readers.broken, [])

    @skipUnless(NIGHTLY, "make nightly: test_wordproxy_workers kills one of each")
    def test_workers(self) -> None:
        """With --workers, the first process or a worker: exact but for its last second."""
        node = self.node("one", self.store, "--workers", "2")
        self.ready(node)
        readers = self.load(node)
        for round_ in range(WORKER_KILLS):
            self.moment(readers)
            them = self.descendants(node.running.pid)
            if round_ % 2 == 0:
                self.kills.append(node.kill9())
                until("all have ended", lambda old=them: not any(map(alive, old)))
                node.up()
            else:
                victim = self.dice.choice(children(node.running.pid))
                counters = children(victim)
                kill = killing(node.name, [victim, *counters])
                os.kill(victim, signal.SIGKILL)
                until("its counter has ended", lambda old=counters: not any(map(alive, old)))
                self.kills.append(Until(kill, until=time.monotonic()))
            self.ready(node)
        self.moment(readers)
        readers.stop()
        until("nothing waits", lambda: node.waiting == 0, 120)  # a stop has five seconds for what does
        self.assertEqual(node.running.stop(), 0)
        self.assert_exact(readers, self.store, "cut short")

    @staticmethod
    def descendants(pid: int) -> list[int]:
        """The processes that a process started, and those that these started."""
        own = children(pid)
        return own + [each for child in own for each in children(child)]

    @staticmethod
    def ready(node: Node) -> None:
        """All counters are ready."""

        def all_ready() -> bool:
            with contextlib.suppress(OSError):
                return all(node.running.report("/healthz")["counters"][:2] or [None])
            return False

        until("both count", lambda: all_ready() and len(node.running.report("/healthz")["counters"]) == 2)


class Until(Kill):
    """A kill of one worker: its node lives on, and is excused no longer than until the worker is replaced."""

    __slots__ = ("until",)

    def __init__(self, kill: Kill, *, until: float) -> None:
        super().__init__(kill.node, kill.when, kill.seconds)
        object.__setattr__(self, "until", until)

    def excuses(self, node: str, when: float) -> bool:
        """Whether what this node delivered then may be lost."""
        return super().excuses(node, when) and when <= self.until


class PlacedTests(Dice):
    """A kill exactly between the store's commit and the acknowledgement, by strace."""

    def test_before_it_is_told(self) -> None:
        """A batch that is in the file and of which we never heard is sent again, and counted once."""
        self.place(self.store)

    def test_before_it_is_told_by_redis(self) -> None:
        """The same with a batch that is in the log of Redis."""
        redis = Redis()
        self.addCleanup(redis.close)
        self.place(redis.where())

    def place(self, where: str) -> None:
        """Read pages one by one, each the cause of a batch whose acknowledgement is the counter's death."""
        node = self.node("one", where)
        delivered = read_all(self.book, node.proxy, range(1), 1)  # modules are compiled, and written, by now
        for number in range(1, PLACED):
            [counter] = until("a counter", lambda: self.counter(node))
            with self.deadly(counter, b"committed") as trace:
                delivered += read_all(self.book, node.proxy, range(number, number + 1), 1)
                until("its death", lambda pid=counter: not alive(pid))
            self.assertRegex(trace.read_text(errors="replace"), "committed.*(?s:.*)killed by SIGKILL")
        until("a counter", lambda: self.counter(node))
        self.assertEqual(node.running.stop(), 0)
        found = Found.of(where)
        told = Readers(self.book, node.proxy, numbers=iter(())).told
        told.delivered = delivered
        self.assertEqual(faults(told, found), [])
        self.assertEqual(found.share.counted, PLACED)

    @staticmethod
    def counter(node: Node) -> list[int]:
        """The counter, once it is ready and has nothing to do."""
        health = node.running.report("/healthz")
        return [health["counter"]] if health["counter"] and not health["waiting_pages"] else []

    @contextlib.contextmanager
    def deadly(self, pid: int, word: bytes):  # type: ignore[no-untyped-def]
        """The process dies at the entry of its third write: after *counted* and *storing* of its page."""
        require("strace", shutil.which("strace"))
        trace = self.folder / f"trace-{pid}"
        command = ["strace", "-f", "-s", "200", "-e", "trace=write", "-e", "inject=write:signal=KILL:when=3"]
        with subprocess.Popen([*command, "-o", str(trace), "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            assert strace.stderr is not None
            line = strace.stderr.readline()
            if b"attached" not in line:
                require("strace", None)
            yield trace
            strace.wait(START_SECONDS)
