"""What takes many steps in a Redis: killed at any of them, finished by the next; and no byte is left."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import redisadding
from netsuite.wordproxy.store.contract import (
    FILE_NODE,
    ContextQuery,
    Forget,
    Knowledge,
    Note,
    PageQuery,
    StoreFault,
    WordQuery,
)
from netsuite.wordproxy.store.redis import RedisStore
from netsuite.wordproxy.store.redisserver import Server
from tests.real.parts import until
from tests.wordproxy.store.contract_forgetting import answers
from tests.wordproxy.store.samples import DAY, batch, digest, page, revisit
from tests.wordproxy.store.server import OneServer, Redis

NEXT = "2026-01-06"
PAGE = f"{digest('a', 'news.example').hex()}:en"

TOLD = [
    batch(
        page(1, "The", "tide", "zyxword", contexts=[("tide", "The tide of zyxword.")], title="Zyxword page"),
        page(2, "the", "tide", path="zyxpath", day=NEXT, contexts=[("tide", "A zyxsentence, a tide.")]),
        page(3, "tide", "boat", host="zyxhost.example", day=NEXT, contexts=[("boat", "Boat and tide.")]),
        Note(4, DAY, "zyxhost.example", "unseen"),
        revisit(5, day=NEXT),
        page(6, "tide", "gift", lang="de"),
        page(7, "tide", day="2025-12-01", path="old"),
    )
]


class Killed(Exception):  # noqa: N818 - what happens to the process
    """The process ends here."""


class TasksTests(OneServer, SynchronousTestCase):
    def open(self, prefix: str | None = None) -> RedisStore:
        store = RedisStore(self.server.where(prefix or f"words{next(self.numbers)}"))
        self.addCleanup(store.close)
        return store

    def filled(self, prefix: str | None = None) -> RedisStore:
        """A store with pages, some of which retention has removed."""
        store = self.open(prefix)
        for told in TOLD:
            store.add(told)
        store.set_levels([Knowledge("tide", "en", "known")])
        store.retain("2026-01-01")
        return store

    def killed_at(self, n: int, do: Callable[[], Any]) -> bool:
        """The process is killed before the n-th script that writes; whether there were so many."""
        run, left = Server.run, itertools.count(n, -1)

        def counted(server: Server, name: str, *arguments: Any) -> Any:
            if name != "redis_rows.lua" and next(left) == 0:
                raise Killed
            return run(server, name, *arguments)

        self.patch(Server, "run", counted)
        try:
            do()
        except Killed:
            return True
        finally:
            self.patch(Server, "run", run)
        return False

    def finished(self, do: Callable[[RedisStore], Any]) -> None:
        """Killed at any step, what was begun is done by the next process's retention."""
        expected = self.filled()
        do(expected)
        for n in itertools.count():
            prefix = f"words{next(self.numbers)}"
            store = self.filled(prefix)
            was_killed = self.killed_at(n, lambda store=store: do(store))  # type: ignore[misc]
            other = self.open(prefix)
            other.retain("2026-01-01")
            if n or not was_killed:
                self.assertEqual(answers(other), answers(expected), n)
                self.assertEqual(other.levels(), expected.levels())
                self.assertEqual(self.server.told("EXISTS", f"{{{prefix}}}:tasks"), b":0\r\n")
            if not was_killed:
                break
        self.assertGreater(n, 1)

    def test_a_host(self) -> None:
        """A host is gone, wherever the process that forgets it is killed."""
        self.finished(lambda store: store.forget(Forget(host="news.example")))

    def test_a_day(self) -> None:
        """A day is gone, wherever the process that forgets it is killed."""
        self.finished(lambda store: store.forget(Forget(day=NEXT)))

    def test_a_word(self) -> None:
        """A word is gone, wherever the process that forgets it is killed."""
        self.finished(lambda store: store.forget(Forget(word="tide", lang="en")))

    def test_everything(self) -> None:
        """Everything is gone, wherever the process that forgets it is killed."""
        self.finished(lambda store: store.forget(Forget(everything=True, levels=True)))

    def test_a_site(self) -> None:
        """A site is in its corrected language, wherever the process that moves it is killed."""
        self.finished(lambda store: store.set_site_lang("news.example", "de"))

    def test_no_byte(self) -> None:
        """What was forgotten is in no byte of what the server keeps."""
        for what, words in [
            (Forget(word="zyxword", lang="en"), [b"zyxword", b"Zyxword"]),
            (Forget(page=f"{digest('zyxpath', 'news.example').hex()}:en"), [b"zyxpath", b"zyxsentence"]),
            (Forget(host="zyxhost.example"), [b"zyxhost", b"Boat and"]),
            (Forget(day=NEXT), [b"zyxpath", b"zyxsentence", b"zyxhost.example/a"]),
            (Forget(everything=True), [b"zyx", b"news.example"]),
        ]:
            for key in self.server.told("KEYS", "*").split(b"\r\n")[2::2]:
                self.server.told("DEL", key.decode())
            store = self.filled()
            for word in words:
                self.assertIn(word, self.kept(), what)
            store.forget(what)
            until(f"no byte of {words}", lambda words=words: not any(word in self.kept() for word in words))  # type: ignore[misc]

    def kept(self) -> bytes:
        """All bytes that the server keeps, once it is done with rewriting them."""
        until("a log", lambda: b"aof_rewrite_in_progress:0" in self.server.told("INFO", "persistence"))
        files = (path for path in self.server.folder.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files)

    def test_while_others_add(self) -> None:
        """What is forgotten while other nodes count is gone with all that came before."""
        prefix = f"words{next(self.numbers)}"
        store, stop = self.filled(prefix), threading.Event()
        faults: list[StoreFault] = []
        nodes = [self.open(prefix) for _ in range(2)]

        def count(number: int) -> None:
            for n in range(1, 200):
                told = page(n, "tide", f"w{n}", path=f"{number}-{n}", host=f"site{n % 3}.example", day=NEXT)
                try:
                    nodes[number].add(batch(told, node=f"node{number}"))
                except StoreFault as fault:  # pragma: no cover - what the test is to find
                    faults.append(fault)
            stop.set()

        threads = [threading.Thread(target=count, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            store.forget(Forget(host="site1.example"))
            store.forget(Forget(word="w5", lang="en"))
        for thread in threads:
            thread.join()
        store.forget(Forget(host="site1.example"))
        store.forget(Forget(word="w5", lang="en"))
        self.assertEqual(faults, [])
        expected = self.filled()
        for number in range(2):
            for n in range(1, 200):
                words = ["tide", f"w{n}"] if n != 5 else ["tide"]
                if n % 3 != 1:
                    told = page(n, *words, path=f"{number}-{n}", host=f"site{n % 3}.example", day=NEXT)
                    expected.add(batch(told, node=f"node{number}"))
        self.assertEqual(store.words(WordQuery(limit=0)), expected.words(WordQuery(limit=0)))
        self.assertEqual(store.pages(PageQuery(limit=0)).total, expected.pages(PageQuery(limit=0)).total)

    def test_silent_nodes(self) -> None:
        """A node that was silent for 30 days is forgotten, one that stands for an imported file is not."""
        ahead = RedisStore(self.server.where("silent"), clock=lambda: 4e9)
        self.addCleanup(ahead.close)
        for node in ("node", f"{FILE_NODE}a"):
            ahead.add(batch(page(1, "tide"), node=node))
        self.open("silent").retain(DAY)
        self.assertEqual((ahead.last("node"), ahead.last(f"{FILE_NODE}a")), (1, 1))
        ahead.retain(DAY)
        self.assertEqual((ahead.last("node"), ahead.last(f"{FILE_NODE}a")), (0, 1))

    def test_while_it_is_emptied(self) -> None:
        """A store that is being emptied takes nothing and says so; a batch that waits is counted then."""
        prefix = f"words{next(self.numbers)}"
        store = self.filled(prefix)
        self.assertTrue(self.killed_at(1, lambda: store.forget(Forget(everything=True))))
        told = batch(page(1, "net"), node="another")
        for ask in (lambda: store.add(told), lambda: store.words(WordQuery())):
            self.assertNotIn("\n", str(self.assertRaises(StoreFault, ask)))
        self.open(prefix)
        store.add(told)
        self.assertEqual([word.word for word in store.words(WordQuery()).words], ["net"])


class PartsOfABatchTests(SynchronousTestCase):
    """A batch is made in parts: the way to the server breaks before or after any of them."""

    def setUp(self) -> None:
        self.server = Redis()
        self.addCleanup(self.server.close)
        self.patch(redisadding, "PART_WORDS", 3)

    def test_broken_anywhere(self) -> None:
        """The same batch, sent again, is there once and whole."""
        expected = self.open("expected")
        expected.add(TOLD[0])
        run = Server.run
        for n, is_done in itertools.product(range(8), (False, True)):
            store = self.open(f"words{n}{is_done}")
            left = itertools.count(n, -1)

            def broken(
                server: Server, name: str, *arguments: Any, left: Any = left, is_done: bool = is_done
            ) -> Any:
                is_here = name == "redis_apply.lua" and next(left) == 0
                if is_done or not is_here:
                    found = run(server, name, *arguments)
                if is_here:
                    raise Killed
                return found

            self.patch(Server, "run", broken)
            try:
                store.add(TOLD[0])
            except Killed:
                self.assertLess(n, 6)
            else:
                self.assertGreater(n, 2)
            self.patch(Server, "run", run)
            self.open(f"words{n}{is_done}").add(TOLD[0])
            self.assertEqual(answers(store), answers(expected), (n, is_done))
            query = ContextQuery("tide", "en")
            self.assertEqual(store.contexts(query), expected.contexts(query))

    def open(self, prefix: str) -> RedisStore:
        store = RedisStore(self.server.where(prefix))
        self.addCleanup(store.close)
        return store
