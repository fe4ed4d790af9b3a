"""The report's way to the store: one thread that opens, asks and closes it, so that the loop never waits.

Questions wait in line, at most `WAITING_MAX` of them; who comes later is told that it is busy. After a
fault the store is closed and opened anew at the next question, so that what was mended works without a
restart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from netsuite.wordproxy.report.remembered import Remembered
from netsuite.wordproxy.store.contract import Batch, Store, StoreFault

#: Most questions that wait for their answer.
WAITING_MAX = 64

#: Seconds after which a thread that computes lets the loop have its turn.  With Python's own 5 ms a request
#: would wait so long several times: at each of its calls that let go of the interpreter's lock.
TURN_SECONDS = 0.0005

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - a state of ours, told as 503
    """Too many questions wait already, or nobody is there to answer: not started yet, or stopped."""


class Reader:
    """Owns the thread and, in it, the store."""

    def __init__(
        self, open_store: Callable[[], Store], reactor: Any, *, pool: Any = None, keep: bool = False
    ) -> None:
        """``open_store`` is called in the thread, at the first question.

        ``keep``: it stays open after a fault; what a memory store forgets is gone.
        """
        self._open_store, self._reactor, self._keep = open_store, reactor, keep
        self._pool = pool or ThreadPool(1, 1, "report store")
        self._store: Remembered | None = None  # of the thread alone
        self._waiting = 0
        self._runs = False

    def start(self) -> None:
        """The thread runs, and gives way soon."""
        sys.setswitchinterval(TURN_SECONDS)
        self._pool.start()
        self._runs = True

    async def stop(self) -> None:
        """The questions in line were answered, the store is closed and the thread has ended."""
        if self._runs:
            self._runs = False
            await deferToThreadPool(self._reactor, self._pool, self._close)
            self._pool.stop()

    async def ask(self, question: Callable[[Store], T]) -> T:
        """What ``question`` says of the store; it runs in the thread.

        Raises:
            Busy: too many questions wait.
            StoreFault: as the store raises.
        """
        if self._waiting >= WAITING_MAX:
            raise Busy
        return await self._in_line(question)

    async def add(self, batch: Batch) -> None:
        """The batch is in the store: for stores in memory, which nobody else can write.  Waits its turn."""
        await self._in_line(lambda store: store.add(batch))

    async def _in_line(self, question: Callable[[Store], T]) -> T:
        if not self._runs:
            raise Busy
        self._waiting += 1
        try:
            answer: T = await deferToThreadPool(self._reactor, self._pool, self._answer, question)
        finally:
            self._waiting -= 1
        return answer

    def _answer(self, question: Callable[[Store], T]) -> T:
        """In the thread: the store's answer."""
        if self._store is None:
            self._store = Remembered(self._open_store())
        try:
            self._store.begin()
            return question(self._store)
        except StoreFault:
            if not self._keep:
                self._close()
            raise

    def _close(self) -> None:
        if self._store is not None:
            store, self._store = self._store, None
            store.close()
