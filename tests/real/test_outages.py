"""A Redis in every kind of trouble under a real node: pages are delivered, and totals exact when it is back.

Down, slow, restarted, without memory, unable to save, read-only, failed over to its replica, cut off in the
middle of answers; and away for longer than what waits has room.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.real.cluster import Fleet, Node, kept_ports
from tests.real.exactness import Found, faults
from tests.real.numbered import Readers
from tests.real.parts import PartError, until
from tests.scale import NIGHTLY
from tests.wordproxy.store.server import Redis

#: Pages that are read in each trouble, and how often all troubles come.
PAGES, ROUNDS = (1500, 5) if NIGHTLY else (60, 1)

#: Seconds that the server gives no answer, and after which the node takes that for trouble.
SILENT, PATIENCE = (5, 2) if NIGHTLY else (2, 1)


class Way:
    """A socket by which a Redis is reached, that can lead to another one and break off in an answer."""

    def __init__(self, folder: Path, server: Redis) -> None:
        self.path, self.server = folder / "way.sock", server
        self.limit: int | None = None  # bytes of answers before a connection breaks
        self.cuts = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def where(self, prefix: str) -> str:
        """The address of a store by this way."""
        return f"unix://{self.path}?prefix={prefix}&timeout={PATIENCE}"

    def close(self) -> None:
        """It leads nowhere."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._relay, args=[client], daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        """Question and answer, in turns, as our client does."""
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(self.server.socket))
            done = threading.Event()
            threading.Thread(target=self._answers, args=[far, client, done], daemon=True).start()
            while asked := client.recv(1 << 20):
                far.sendall(asked)
            done.set()

    def _answers(self, far: socket.socket, client: socket.socket, done: threading.Event) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while told := far.recv(1 << 16):
                limit = self.limit
                if limit is not None and sent + len(told) > limit:
                    client.sendall(told[: max(0, limit - sent)])
                    self.cuts += 1
                    break
                sent += len(told)
                client.sendall(told)
        for end in (client, far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        done.set()


class OutageTests(Fleet):
    """One node, one Redis, and a way between them."""

    def setUp(self) -> None:
        super().setUp()
        self.redis = Redis(["--enable-protected-configs", "yes"])
        self.addCleanup(self.redis.close)
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-outages-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.way = Way(self.folder, self.redis)
        self.addCleanup(self.way.close)
        self.where = self.redis.where("class")

    def ask(self, *command: str, of: Redis | None = None) -> bytes:
        """The answer to a command."""
        answer = (of or self.redis).told(*command)
        if answer.startswith(b"-"):
            raise PartError(f"{command}: {answer!r}")
        return answer

    def stored(self, node: Node, pages: int) -> None:
        """So many pages are accounted for in the store: what waits in the spool has been sent."""

        def are() -> bool:
            with contextlib.suppress(OSError):
                told = node.running.report("/coverage.json")
                return int(told["counted"]) + sum(told["skipped"].values()) >= pages
            return False

        until(f"{pages} pages in the store", are, 60)

    def test_every_trouble(self) -> None:
        """One after the other, under load: each is in the log, and nothing is lost or there twice."""
        seed = random.randrange(2**32)
        dice = random.Random(seed)
        node = self.node("one", self.way.where("class"))
        readers = Readers(self.book, node.proxy, rate=120.0)
        readers.more(20)
        troubles = [
            (self.down, "can't be reached"),
            (self.slow, f"no answer within {PATIENCE} s"),
            (self.full, "no memory left"),
            (self.unsaved, "can't save"),
            (self.read_only, "replica or read-only"),
            (self.cut, ""),
        ] * ROUNDS
        dice.shuffle(troubles)
        for trouble, words in troubles:
            with trouble():
                readers.more(PAGES)
                until(f"a line: {words}", lambda text=words: text in node.running.log)
            sent = sum(self.book.sent.values())
            self.stored(node, sent)
        readers.stop()
        self.assertEqual(readers.broken, [], f"seed {seed}")
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(self.where)), [], f"seed {seed}")
        self.assertNotIn("Traceback", node.running.log)
        self.assertGreater(self.way.cuts, 0)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """It was killed, and is started again."""
        self.redis.kill9()
        yield
        self.redis.up()

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        """It answers nobody for some seconds at a time."""
        ended = threading.Event()
        sleeping = threading.Thread(target=self.sleep, args=[ended], daemon=True)
        sleeping.start()
        yield
        ended.set()
        sleeping.join()

    def sleep(self, ended: threading.Event) -> None:
        """The server sleeps, again and again."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.redis.socket))
            while not ended.is_set():
                link.sendall(f"DEBUG SLEEP {SILENT}\r\n".encode())
                link.recv(100)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """It has no memory left."""
        self.ask("CONFIG", "SET", "maxmemory", "1")
        yield
        self.ask("CONFIG", "SET", "maxmemory", "0")

    @contextlib.contextmanager
    def unsaved(self) -> Iterator[None]:
        """It could not save to its disk, and takes no writes."""
        place = self.folder / "gone"
        place.mkdir()
        self.ask("CONFIG", "SET", "save", "3600 1")
        self.ask("CONFIG", "SET", "dir", str(place))
        place.rmdir()
        self.ask("BGSAVE")
        until("a failed save", lambda: b"rdb_last_bgsave_status:err" in self.ask("INFO", "persistence"))
        yield
        self.ask("CONFIG", "SET", "dir", str(self.redis.folder))
        self.ask("CONFIG", "SET", "save", "")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """It is a replica of one that is not there."""
        self.ask("REPLICAOF", "127.0.0.1", "1")
        yield
        self.ask("REPLICAOF", "NO", "ONE")

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Connections break in the middle of answers, each at another byte."""
        dice, ended = random.Random(3), threading.Event()

        def turn() -> None:
            while not ended.wait(0.1):
                self.way.limit = dice.randrange(6000)

        turning = threading.Thread(target=turn, daemon=True)
        before = self.way.cuts
        turning.start()
        yield
        until("some answers were cut", lambda: self.way.cuts >= before + 3)
        ended.set()
        turning.join()
        self.way.limit = None

    def test_failed_over(self) -> None:
        """It hands over to its replica in mid-load (FAILOVER): what one had taken the other has, once."""
        first, second = kept_ports(2)
        self.ask("CONFIG", "SET", "port", str(first))
        other = Redis(["--port", str(second), "--replicaof", "127.0.0.1", str(first)])
        self.addCleanup(other.close)
        until("the replica follows", lambda: b"master_link_status:up" in self.ask("INFO", of=other))
        node = self.node("one", self.way.where("class"))
        readers = Readers(self.book, node.proxy, rate=120.0)
        readers.more(60)
        self.ask("FAILOVER", "TO", "127.0.0.1", str(second))
        readers.more(60)  # the one they reach is a replica now
        until("the other leads", lambda: b"role:master" in self.ask("INFO", of=other))
        self.way.server = other
        self.redis.kill9()
        readers.more(60)
        self.stored(node, sum(self.book.sent.values()))
        readers.stop()
        self.assertEqual(readers.broken, [])
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(other.where("class"))), [])

    def test_away_for_long(self) -> None:
        """Away for longer than there is room: what was dropped is in the coverage, all else counted."""
        node = self.node("one", self.way.where("class"), *self.small)
        readers = Readers(self.book, node.proxy, rate=250.0)
        readers.more(20)
        self.redis.kill9()
        until("pages are dropped", lambda: "busy" in node.running.log)
        readers.more(300)
        self.redis.up()
        readers.more(100)
        readers.stop()
        self.stored(node, sum(self.book.sent.values()))
        self.assertEqual(readers.broken, [])
        self.assertEqual(node.running.stop(), 0)
        found = Found.of(self.where)
        self.assertEqual(faults(readers.told, found, reasons=["busy"]), [])
        self.assertGreater(found.share.skipped["busy"], 50)
        self.assertGreater(found.share.counted, 20)

    #: Bounds that are reached soon.
    small = ("--waiting-pages", "50")

    def test_killed_while_it_is_away(self) -> None:
        """A node that is killed while Redis is away loses its last second; the rest was on its disk."""
        node = self.node("one", self.way.where("class"))
        readers = Readers(self.book, lambda: node.proxy, rate=120.0)
        readers.more(20)
        self.redis.kill9()
        readers.more(240)
        kill = node.kill9()
        self.redis.up()
        node.up()
        readers.more(40)
        readers.stop()
        due = [each for each in readers.delivered if not kill.excuses(each.node, each.when)]
        self.stored(node, len(due))
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(self.where), [kill]), [])
