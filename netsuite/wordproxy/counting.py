"""What the counter process does with pages: counts each, gathers a batch, has the store keep it.

While the store refuses (full, held, read-only), one batch is kept and tried again, less and less often;
once that batch has its full size no more is to be taken.  A page that our code or the store can't take is
noted as unreadable and the rest goes on; of what went wrong only the kind of error and the line of code are
told, never an exception's text, which may quote the page.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

from netsuite.wordproxy.pipe import (
    Begin,
    Committed,
    Counted,
    FromCounter,
    Job,
    PipeFault,
    Refused,
    Returned,
    Skipped,
    Storing,
    ToCounter,
    Trouble,
)
from netsuite.wordproxy.sampling import NOTHING, Sampler
from netsuite.wordproxy.store.contract import Batch, Note, Page, Store, StoreFault
from netsuite.wordproxy.store.open import open_store
from netsuite.words.count import PageWords, Source
from netsuite.words.sentences import Shown
from netsuite.words.skipped import Reason, Skip

MEMORY = ":memory:"

#: Words gathered, in bytes of their text, past which a batch is stored at once.
BATCH_BYTES = 16 * 1024 * 1024

#: Seconds between attempts at a store that refuses: from, to.
RETRY_SECONDS = (0.2, 5.0)

#: Seconds before the same complaint is repeated, and how many different ones are remembered.
COMPLAIN_SECONDS = 60.0
COMPLAINTS_MAX = 64

#: Processor seconds that a page may take beyond the relay's own limit: for the day the relay is gone, too.
WATCH_SECONDS = 5.0


class Counts(Protocol):
    """What turns a body into words: `WordCounter`."""

    def read(self, source: Source, pieces: Sequence[bytes]) -> tuple[PageWords, str]: ...


class Counter:
    """Counts what it is told to, gathers a batch, and has the store keep it; knows no pipe."""

    def __init__(
        self,
        begin: Begin,
        counts: Counts,
        send: Callable[[FromCounter], None],
        *,
        open_store: Callable[[str], Store] = open_store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = begin
        self._counts = counts
        self._sampler = Sampler()
        self._send = send
        self._open_store = open_store
        self._clock = clock
        self._store: Store | None = None
        self._pages: list[Page] = []
        self._notes: list[Note] = []
        self._weight = 0
        self._last = 0
        self._due: float | None = None  # when the batch is to be stored, or tried again
        self._refused = 0  # times in a row
        self._said: dict[str, float] = {}
        self.is_spent = False  # memory ran out: another process should go on

    # a page, a note

    def take(self, message: ToCounter) -> None:
        """The page is counted or skipped, the note gathered, and the relay told."""
        if isinstance(message, Job):
            self._page(message)
            self._last = message.sequence
        elif isinstance(message, Begin):
            raise PipeFault("a second beginning")
        else:
            self._notes.append(message.note)
            self._last = message.note.sequence
        if self._due is None:
            self._due = self._clock() + self._begin.batch_seconds
        if self._refused and self.is_full:
            self._send(Storing())  # whatever else was sent stays in the pipe until the store takes this

    def _page(self, job: Job) -> None:
        source = Source(job.media_type, job.charset, job.content_encoding, job.content_language)
        signal.setitimer(signal.ITIMER_PROF, self._begin.page_seconds + WATCH_SECONDS)
        try:
            found, text = self._counts.read(source, [job.body])
            shown = self._shown(job, found, text)
        except Skip as skip:
            self._skip(job, skip.reason)
        except MemoryError:
            self.is_spent = True
            self._skip(job, Reason.TOO_LARGE)
        except Exception as error:  # a page that our code can't take must not end the next one's counting
            self._skip(job, Reason.UNREADABLE)
            self._complain(f"a page could not be read: {place(error)}")
        else:
            self._keep(job, found, shown)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _shown(self, job: Job, found: PageWords, text: str) -> Shown:
        """Sentences for words of the page; without them, whatever goes wrong there, it still counts."""
        if job.url is None or job.is_hurried:  # of an answer to POST nothing but counts
            return NOTHING
        try:
            return self._sampler.sample(found.forms, job.lang or found.lang, text, job.day)
        except MemoryError:
            self.is_spent = True
        except Exception as error:
            self._complain(f"a page gave no sentences: {place(error)}")
        return NOTHING

    def _keep(self, job: Job, found: PageWords, shown: Shown) -> None:
        title = found.title if job.title is None else job.title
        page = Page(
            job.sequence,
            job.digest,
            job.host,
            job.url,
            title if job.url is not None else None,
            job.lang or found.lang,
            job.day,
            job.when,
            found.forms,
            shown.contexts,
            shown.names,
            job.source,
        )
        self._pages.append(page)
        words = 0
        for form, key, main, other in found.forms:
            words += main + other
            self._weight += len(form) + len(key) + 32
        self._weight += sum(len(key) + len(sentence) for key, sentence in shown.contexts)
        self._send(Counted(job.sequence, words))

    def _skip(self, job: Job, reason: Reason) -> None:
        self._notes.append(Note(job.sequence, job.day, job.host, reason.value))
        self._send(Skipped(job.sequence, reason.value))

    # the batch

    @property
    def is_full(self) -> bool:
        """The batch has its size: nothing more is to be taken before it is stored."""
        gathered = len(self._pages) + len(self._notes)
        return gathered >= self._begin.batch_pages or self._weight >= BATCH_BYTES

    def wait(self) -> float | None:
        """Seconds until `tick` has something to do; None if nothing is gathered."""
        if self._due is None:
            return None
        if self.is_full and not self._refused:
            return 0.0
        return max(0.0, self._due - self._clock())

    def tick(self) -> None:
        """What is due is stored."""
        if self.wait() == 0.0:
            self.commit()

    def commit(self) -> bool:
        """What was gathered is in the store, and the relay knows it; or False: it is still gathered."""
        if self._due is None:
            return True
        batch = Batch(self._begin.node, self._last, self._pages, self._notes)
        if self._begin.store == MEMORY:
            self._send(Returned(batch))
        else:
            self._send(Storing())
            try:
                self._add(batch)
            except StoreFault as fault:
                self._refuse(fault)
                return False
            self._send(Committed(self._last))
        self._pages, self._notes, self._weight, self._due, self._refused = [], [], 0, None, 0
        return True

    def _add(self, batch: Batch) -> None:
        if self._store is None:
            self._store = self._open_store(self._begin.store)
        try:
            self._store.add(batch)
        except StoreFault:
            raise
        except Exception as error:  # not the store's state, but something in this batch
            self._complain(f"a batch could not be kept: {place(error)}")
            self._add_singly(self._store, batch)

    def _add_singly(self, store: Store, batch: Batch) -> None:
        """Each page that the store can take is kept; in the place of the others stands a note."""
        alone = [Batch(batch.node, page.sequence, [page], []) for page in batch.pages]
        alone += [Batch(batch.node, note.sequence, [], [note]) for note in batch.notes]
        for single in sorted(alone, key=lambda single: single.last):
            try:
                store.add(single)
            except StoreFault:
                raise
            except Exception as error:
                self._complain(f"a page could not be kept: {place(error)}")
                notes = [Note(p.sequence, p.day, p.host, Reason.UNREADABLE.value) for p in single.pages]
                store.add(Batch(batch.node, single.last, [], notes))

    def _refuse(self, fault: StoreFault) -> None:
        """The store is let go of, to be opened afresh: what mends it may be another file in its place."""
        self.close()
        shortest, longest = RETRY_SECONDS
        self._due = self._clock() + min(longest, shortest * 2 ** min(self._refused, 10))
        self._refused += 1
        self._complain(str(fault))
        if not self.is_full:
            self._send(Refused())

    def close(self) -> None:
        """The store is not open."""
        store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(StoreFault):  # it has refused already
                store.close()

    def _complain(self, text: str) -> None:
        now = self._clock()
        if now - self._said.get(text, -COMPLAIN_SECONDS) >= COMPLAIN_SECONDS:
            if len(self._said) >= COMPLAINTS_MAX:
                self._said.clear()
            self._said[text] = now
            self._send(Trouble(text))


def place(error: BaseException) -> str:
    """The kind of an error and where it was raised; not its text, which may quote a page."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return (
        f"{type(error).__name__} at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
    )
