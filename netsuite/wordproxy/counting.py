"""What the counter process does with pages: counts each, gathers a batch, has the store keep it.

While the store refuses (full, held, read-only) and there is no spool, one batch is kept and tried again, less
and less often; once that batch has its full size no more is to be taken.  A page that our code or the store
can't take is noted as unreadable and the rest goes on; of what went wrong only the kind of error and the line
of code are told, never an exception's text, which may quote the page.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from netsuite.wordproxy.errors import place
from netsuite.wordproxy.keeping import RETRY_SECONDS, Keeping, Spooling
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
    Spooled,
    Storing,
    ToCounter,
    Trouble,
)
from netsuite.wordproxy.sampling import NOTHING, Sampler
from netsuite.wordproxy.spool import Parts
from netsuite.wordproxy.store.contract import RECOUNTED, Batch, Note, Page, Revisit, Store, StoreFault
from netsuite.wordproxy.store.open import open_store
from netsuite.words.count import PageWords, Source
from netsuite.words.sentences import Shown
from netsuite.words.skipped import Reason, Skip

MEMORY = ":memory:"

#: Words gathered, in bytes, past which a batch is stored at once.
BATCH_BYTES = 32 * 1024 * 1024

#: Seconds without anything to do after which the time is used.
LEISURE_SECONDS = 1.0

#: Processor seconds that a page may take beyond the relay's own limit: for the day the relay is gone, too.
WATCH_SECONDS = 5.0


#: What a form takes while it is stored, beside what it takes here.
FORM_BYTES = 32


class Counts(Protocol):
    """What turns a body into words: `WordCounter`."""

    def read(self, source: Source, pieces: Sequence[bytes]) -> tuple[PageWords, str]: ...


class _Gathered:
    """What goes into one profile's next batch."""

    __slots__ = ("notes", "pages", "revisits")

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.notes: list[Note] = []
        self.revisits: list[Revisit] = []


def _spooling(begin: Begin) -> Spooling | None:
    if not begin.spool:
        return None
    return Spooling(begin.spool, begin.spool_name, begin.node, begin.spool_bytes, begin.keep_seconds)


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
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._begin = begin
        self._counts = counts
        self._sampler = Sampler()
        self._send = send
        self._clock = clock
        self._keeping = Keeping(
            begin.store, _spooling(begin), self._complain, open_store=open_store, clock=clock, wall=wall
        )
        self._spooled = self._keeping.spooled
        self._gathered: dict[str, _Gathered] = {}  # by profile
        self._size = 0
        self._weight = 0
        self._last = 0
        self._due: float | None = None  # when the batch is to be stored, or tried again
        self._refused = 0  # times in a row
        self.leisure: float | None = None  #: seconds of quiet after which `renew` has something to do
        self.is_spent = False  # memory ran out: another process should go on

    # a page, a note

    def take(self, message: ToCounter) -> None:
        """The page is counted or skipped, the note gathered, and the relay told."""
        if isinstance(message, Job):
            if message.source == RECOUNTED:
                self._revisit(message)
            else:
                self._page(message)
            self._last = message.sequence
        elif isinstance(message, Begin):
            raise PipeFault("a second beginning")
        else:
            self._of(message.profile).notes.append(message.note)
            self._last = message.note.sequence
        if self._due is None:
            self._due = self._clock() + self._begin.batch_seconds
        if self._refused and self.is_full:
            self._send(Storing())  # whatever else was sent stays in the pipe until the store takes this

    def _of(self, profile: str) -> _Gathered:
        """What is gathered for the profile, to which one thing is added now."""
        self._size += 1
        return self._gathered.setdefault(profile, _Gathered())

    def _revisit(self, job: Job) -> None:
        again = Revisit(job.sequence, job.digest, job.host, job.day, job.when)
        self._of(job.profile).revisits.append(again)
        self._send(Counted(job.sequence, 0))

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
        self._of(job.profile).pages.append(page)
        forms = found.forms
        self._weight += forms.size + FORM_BYTES * len(forms)
        self._weight += sum(len(key) + len(sentence) for key, sentence in shown.contexts)
        self._send(Counted(job.sequence, forms.words))

    def _skip(self, job: Job, reason: Reason) -> None:
        self._of(job.profile).notes.append(Note(job.sequence, job.day, job.host, reason.value))
        self._send(Skipped(job.sequence, reason.value))

    # the batch

    @property
    def is_full(self) -> bool:
        """The batch has its size: nothing more is to be taken before it is stored."""
        return self._size >= self._begin.batch_pages or self._weight >= BATCH_BYTES

    def wait(self) -> float | None:
        """Seconds until `tick` has something to do; None if nothing is gathered and there is no spool."""
        waits = [wait for wait in (self._batch_wait(), self._keeping.wait()) if wait is not None]
        return min(waits, default=None)

    def _batch_wait(self) -> float | None:
        if self._due is None:
            return None
        if self.is_full and not self._refused:
            return 0.0
        return max(0.0, self._due - self._clock())

    def tick(self) -> None:
        """What is due is stored."""
        if self._batch_wait() == 0.0:
            self.commit()
        if self._keeping.wait() == 0.0:
            self._send(Storing())
            self._keeping.catch_up()
            self._tell_spooled()
            if self._refused and self.is_full:
                self._send(Storing())

    def commit(self) -> bool:
        """What was gathered is kept, and the relay knows it; or False: it is still gathered."""
        if self._due is None:
            return True
        parts = [
            (profile, Batch(self._begin.node, self._last, of.pages, of.notes, of.revisits))
            for profile, of in sorted(self._gathered.items())
        ]
        if self._begin.store == MEMORY:
            for left, (profile, batch) in zip(reversed(range(len(parts))), parts, strict=True):
                self._send(Returned(batch, profile, left > 0))
        elif not self._store(parts):
            return False
        self._gathered, self._size, self._weight, self._due, self._refused = {}, 0, 0, None, 0
        self.leisure = LEISURE_SECONDS
        return True

    def renew(self) -> None:
        """A step is done of what makes reports quick; it takes some tenths of a second."""
        self.leisure = 0.0 if self._keeping.renew() else None

    def _store(self, parts: Parts) -> bool:
        self._send(Storing())
        try:
            self._keeping.keep(parts)
        except StoreFault as fault:
            self._refuse(fault)
            return False
        if self._spooled != self._keeping.spooled:
            self._tell_spooled()
        self._send(Committed(self._last))
        return True

    @property
    def spooled(self) -> int:
        """Batches that wait in spools."""
        return self._spooled

    def _tell_spooled(self) -> None:
        self._spooled = self._keeping.spooled
        self._send(Spooled(self._spooled))

    def _refuse(self, fault: StoreFault) -> None:
        shortest, longest = RETRY_SECONDS
        self._due = self._clock() + min(longest, shortest * 2 ** min(self._refused, 10))
        self._refused += 1
        self._complain(str(fault))
        if not self.is_full:
            self._send(Refused())

    def close(self) -> None:
        """Nothing is open."""
        self._keeping.close()

    def _complain(self, text: str) -> None:
        self._send(Trouble(text))
