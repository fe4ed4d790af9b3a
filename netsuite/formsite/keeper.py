"""Between the reactor and the store: one thread writes, one reads, and the loop never waits for a disk.

Group commit: drafts that come while a transaction is being written wait together and are the next one, so
that one flush of the disk is for all of them.  Whoever gave a draft hears of it only after that flush.

After a fault the store is closed and opened anew for a second try, so that what was mended works without a
restart; where there is no room left, each draft is tried alone, so that a large one doesn't take small ones
with it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from netsuite import journal
from netsuite.formsite.entry import Draft, Kept
from netsuite.formsite.store import MEMORY, FormStore
from netsuite.health import unwritable
from netsuite.storefile import StoreFault

#: Most drafts, changes and questions that wait for their turn.
WAITING_MAX = 4096

#: Most drafts of one transaction.
BATCH_MAX = 512

#: Seconds after which a thread that computes lets the loop have its turn.  While somebody searches, Python's
#: own 5 ms would make a request wait so long at each of its calls that let go of the interpreter's lock.
TURN_SECONDS = 0.0005

#: Seconds between two lines of the log about a store that can't do its work.
TROUBLE_SECONDS = 60.0

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - a state of ours, told as 503
    """Too much waits already, or nobody is there: not started yet, or stopped."""


class Keeper:
    """Owns the threads and, in them, the store."""

    def __init__(
        self,
        where: str,
        reactor: Any,
        *,
        max_bytes: int = 1 << 32,
        ways: Sequence[str] = (),
        writing: Any = None,
        reading: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``ways``: by which it is told of what is kept; ``writing``, ``reading``: pools of one thread."""
        self._where, self._reactor, self._max_bytes, self._clock = where, reactor, max_bytes, clock
        self.ways = tuple(ways)
        self.on_kept: Callable[[], None] = lambda: None  # called in the loop after each transaction
        self.on_again: Callable[[], None] = lambda: None  # called when what waits is to be told at once
        self._writing = writing or ThreadPool(1, 1, "form writer")
        self._reading = reading or ThreadPool(1, 1, "form reader")
        self._lock = threading.Lock()
        self._line: deque[tuple[Draft, Deferred[Kept]]] = deque()
        self._is_draining = self._runs = False
        self._pending: set[Deferred[Any]] = set()
        self._store: FormStore | None = None  # of the writing thread alone
        self._view: FormStore | None = None  # of the reading thread alone
        self._trouble_told = -TROUBLE_SECONDS
        self._trouble = ""  # why nothing was kept the last time

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    @property
    def waiting(self) -> int:
        """How many drafts, changes and questions wait or are being done."""
        return len(self._pending)

    def reasons(self) -> Iterator[str]:
        """Return why nothing can be kept, if that is so."""
        if self._trouble:
            yield f"store: {self._trouble}"
        elif self._where != MEMORY:
            yield from unwritable(self._where)

    def start(self) -> None:
        """The threads run, and give way soon."""
        sys.setswitchinterval(TURN_SECONDS)
        self._writing.start()
        self._reading.start()
        self._runs = True

    async def stop(self) -> None:
        """All that waited is done, the store is closed and the threads have ended."""
        if not self._runs:
            return
        self._runs = False
        while self._pending:
            await gatherResults([_ended(one) for one in self._pending])
        await deferToThreadPool(self._reactor, self._reading, self._close_view)
        await deferToThreadPool(self._reactor, self._writing, self._close_store)
        self._reading.stop()
        self._writing.stop()

    def keep(self, draft: Draft) -> Deferred[Kept]:
        """Fires once the draft is on the disk.  Fails with StoreFault or Busy: then it isn't."""
        kept: Deferred[Kept] = self._waiting()
        with self._lock:
            self._line.append((draft, kept))
            must_start, self._is_draining = not self._is_draining, True
        if must_start:
            self._writing.callInThread(self._drain)
        return kept

    def change(self, work: Callable[[FormStore], T]) -> Deferred[T]:
        """Fires with what ``work`` says after it has written.  Fails with StoreFault or Busy."""
        return self._in_thread(self._writing, self._change, work).addCallback(self._well)

    def _well(self, result: T) -> T:
        self._trouble = ""
        return result

    def ask(self, question: Callable[[FormStore], T]) -> Deferred[T]:
        """Fires with what ``question`` says of the store, which it only reads.  Fails alike."""
        if self._where == MEMORY:
            return self.change(question)
        return self._in_thread(self._reading, self._answer, question)

    def _in_thread(self, pool: Any, run: Callable[[Callable[[FormStore], T]], T], work: Any) -> Deferred[T]:
        done: Deferred[T] = self._waiting()
        deferToThreadPool(self._reactor, pool, run, work).addCallbacks(done.callback, done.errback)
        return done

    def _waiting(self) -> Deferred[Any]:
        """A Deferred that is counted until it fires.  Raises: Busy."""
        if not self._runs or len(self._pending) >= WAITING_MAX:
            raise Busy
        waiting: Deferred[Any] = Deferred()
        self._pending.add(waiting)
        waiting.addBoth(self._arrived, waiting)
        return waiting

    def _arrived(self, result: Any, waiting: Deferred[Any]) -> Any:
        self._pending.discard(waiting)
        if isinstance(result, Failure) and isinstance(result.value, StoreFault):
            self._trouble = str(result.value)
            now = self._reactor.seconds()
            if now - self._trouble_told >= TROUBLE_SECONDS:
                self._trouble_told = now
                journal.store_trouble(text=str(result.value))
        return result

    # -- in the writing thread -----------------------------------------------------------------------------

    def _drain(self) -> None:
        """One transaction for those who wait; then others get their turn in the thread, and so on."""
        with self._lock:
            batch = [self._line.popleft() for _ in range(min(len(self._line), BATCH_MAX))]
        outcomes = self._kept([draft for draft, _ in batch])
        self._reactor.callFromThread(self._tell, [kept for _, kept in batch], outcomes)
        with self._lock:
            self._is_draining = bool(self._line)
            goes_on = self._is_draining
        if goes_on:
            self._writing.callInThread(self._drain)

    def _kept(self, drafts: list[Draft]) -> list[Kept | Exception]:
        try:
            return list(self._change(lambda store: store.add(drafts, self.now(), self.ways)))
        except StoreFault as fault:
            if not fault.is_full or len(drafts) == 1:
                return [fault] * len(drafts)
            return [outcome for draft in drafts for outcome in self._kept([draft])]
        except Exception as error:  # a bug must not leave anybody waiting
            return [error] * len(drafts)

    def _tell(self, waiting: list[Deferred[Kept]], outcomes: list[Kept | Exception]) -> None:
        for kept, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Exception):
                kept.errback(Failure(outcome))
            else:
                self._trouble = ""
                kept.callback(outcome)
        self.on_kept()

    def _change(self, work: Callable[[FormStore], T]) -> T:
        try:
            return work(self._opened())
        except StoreFault as fault:
            if self._where == MEMORY or fault.is_full:
                raise
            self._close_store()
        return work(self._opened())

    def _opened(self) -> FormStore:
        if self._store is None:
            self._store = FormStore(self._where, max_bytes=self._max_bytes)
        return self._store

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    # -- in the reading thread -----------------------------------------------------------------------------

    def _answer(self, question: Callable[[FormStore], T]) -> T:
        for attempt in (1, 2):
            try:
                if self._view is None:
                    self._view = FormStore(self._where, read_only=True)
                self._view.still_there()
                return question(self._view)
            except StoreFault:
                self._close_view()
                if attempt == 2:
                    raise
        raise AssertionError  # the second attempt has returned or raised

    def _close_view(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            view.close()


def _ended(waiting: Deferred[Any]) -> Deferred[None]:
    """Fires when ``waiting`` does, whichever way; what it fired with stays there."""
    ended: Deferred[None] = Deferred()

    def arrived(result: Any) -> Any:
        ended.callback(None)
        return result

    waiting.addBoth(arrived)
    return ended
