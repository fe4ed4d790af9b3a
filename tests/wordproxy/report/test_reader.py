"""The report's way to the store: in line, bounded, and mended by itself."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.wordproxy.report.reader import WAITING_MAX, Busy, Reader
from netsuite.wordproxy.store.contract import Store, StoreFault, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.site.wire import Now
from tests.wordproxy.report.desk import Line
from tests.wordproxy.store.samples import batch, folder, page


class FalseStore:
    """Counts how often it was opened and closed; answers with its number, or raises."""

    opened = 0
    closed = 0
    fault: StoreFault | None = None

    def open(self) -> Any:
        self.opened += 1
        return self

    def version(self) -> None:
        return None

    def status(self) -> int:
        if self.fault is not None:
            raise self.fault
        return self.opened

    def close(self) -> None:
        self.closed += 1


class ReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.line, self.store = Line(), FalseStore()
        self.reader = Reader(self.store.open, Now(), pool=self.line)
        self.reader.start()

    def ask(self, reader: Reader | None = None) -> Deferred[Any]:
        return Deferred.fromCoroutine((reader or self.reader).ask(lambda store: store.status()))

    def test_opened_at_the_first_question(self) -> None:
        """The store is opened when it is first asked, once."""
        self.assertEqual(self.store.opened, 0)
        self.assertEqual([self.successResultOf(self.ask()) for _ in range(3)], [1, 1, 1])

    def test_opened_anew_after_a_fault(self) -> None:
        """A fault reaches who asked; the next question finds the store opened anew."""
        self.store.fault = StoreFault("gone")
        self.failureResultOf(self.ask(), StoreFault)
        self.store.fault = None
        self.assertEqual(self.successResultOf(self.ask()), 2)
        self.assertEqual(self.store.closed, 1)

    def test_kept_open(self) -> None:
        """A store in memory stays open over a fault."""
        reader = Reader(self.store.open, Now(), pool=self.line, keep=True)
        reader.start()
        self.store.fault = StoreFault("odd")
        self.failureResultOf(self.ask(reader), StoreFault)
        self.assertEqual(self.store.closed, 0)

    def test_other_errors_keep_it_open(self) -> None:
        """An error of the question's own is told to who asked and changes nothing."""
        asked = Deferred.fromCoroutine(self.reader.ask(lambda store: 1 // 0))
        self.failureResultOf(asked, ZeroDivisionError)
        self.assertEqual(self.successResultOf(self.ask()), 1)

    def test_line_is_bounded(self) -> None:
        """So many questions wait; one more is told that it is busy, until there is room again."""
        self.line.at_once = False
        waiting = [self.ask() for _ in range(WAITING_MAX)]
        self.failureResultOf(self.ask(), Busy)
        self.line.run()
        self.assertEqual([self.successResultOf(one) for one in waiting], [1] * WAITING_MAX)
        again = self.ask()
        self.line.run()
        self.successResultOf(again)

    def test_stop(self) -> None:
        """Stopping answers who waits, closes the store, ends the thread; later questions are refused."""
        self.line.at_once = False
        waiting = self.ask()
        stopped = Deferred.fromCoroutine(self.reader.stop())
        self.assertTrue(self.line.running)
        self.line.run()
        self.successResultOf(stopped)
        self.assertEqual(self.successResultOf(waiting), 1)
        self.assertEqual((self.store.closed, self.line.running), (1, False))
        self.failureResultOf(self.ask(), Busy)
        self.successResultOf(Deferred.fromCoroutine(self.reader.stop()))

    def test_adding(self) -> None:
        """A batch is added in the same line, and after a stop is refused as lost, not dropped in silence."""
        store = open_store(":memory:")
        reader = Reader(lambda: store, Now(), pool=self.line, keep=True)
        reader.start()
        self.successResultOf(Deferred.fromCoroutine(reader.add(batch(page(1, "tide")))))
        self.assertEqual(store.words(WordQuery()).total.occurrences, 1)
        self.successResultOf(Deferred.fromCoroutine(reader.stop()))
        self.failureResultOf(Deferred.fromCoroutine(reader.add(batch(page(2, "tide")))), Busy)


class ThreadTests(TestCase):
    async def test_one_thread(self) -> None:
        """The store is opened, asked and closed in one thread, which is not the reactor's."""
        from twisted.internet import reactor

        path, threads = str(folder(self) / "words.db"), set()

        def opened() -> Store:
            threads.add(threading.get_ident())
            return open_store(path)

        reader = Reader(opened, reactor)
        reader.start()
        await reader.add(batch(page(1, "tide")))
        questions = [
            Deferred.fromCoroutine(reader.ask(lambda store: store.words(WordQuery()))) for _ in range(9)
        ]
        found = await gatherResults(questions)
        await reader.stop()
        self.assertEqual([words.total.occurrences for words in found], [1] * 9)
        self.assertEqual(len(threads), 1)
        self.assertNotIn(threading.get_ident(), threads)
