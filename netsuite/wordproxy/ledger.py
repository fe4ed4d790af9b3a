"""Every page and note between the relay and the store, in order, until it is known to be kept.

The theory.  What the relay has to tell passes four stages:

    gathered   notes only: equal ones (day, host, outcome) are one with a greater amount
    waiting    pages as they came, notes as they were gathered; no number yet
    sent       numbered at the first sending; a page is *open* until the counter answers
    kept       the store has it: forgotten here

The numbers are the store's guard against counting twice: it takes only what is past the last number that it
remembers.  So a number is given once, what is sent again after a counter's death keeps its number, and the
order never changes.  A page that can't be counted becomes a note under its own number.

A page's bytes are held, by reference, until it is *kept*: a counter that dies after counting and before
storing leaves nothing behind, so the next one needs them again.  They are freed at once where a note takes
the page's place.  Both bounds, of bytes and of pages, cover all stages; past them a page is refused, and
the caller notes it as busy.  If the store is full for hours, pages are refused for hours; notes, which have
no bytes and add up, are always taken.

A counter gets some pages in advance, so that it need not wait for us, and not more, so that little has to be
sent again and the pipe is never where memory hides.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from netsuite.wordproxy.pipe import PipeFault
from netsuite.wordproxy.store.contract import COUNTED, Note
from netsuite.words.skipped import Reason

#: Open pages, and bytes of them, that a counter may have; one page may always be open, however large.  They
#: are more than it counts while its answers are left unread (`feed.REST_SECONDS`).
OPEN_PAGES = 16
OPEN_BYTES = 1024 * 1024

#: Numbers given and not yet kept.  A counter gathers 1000 pages in a batch.
SENT_MAX = 4000

#: Sorts of notes gathered apart.  Past it new hosts are noted without their name.
NOTES_MAX = 4096

#: Counters that may die after they answered a page, and before it is kept, until it is given up.
LIVES = 5

#: What a page without a byte costs us: its values and lists.
_PAGE_BYTES = 1024


@dataclass(slots=True)
class CopiedPage:
    """An answer that passed whole and is to be counted; ``url`` None: nothing but counts may be kept.

    ``title``, ``lang``, ``source``: as in `pipe.Job`.  A value, not changed once it is taken; a frozen one
    takes four times as long to make, and each page makes one.
    """

    exchange_id: int
    pieces: list[bytes]
    size: int  #: bytes of all pieces
    digest: bytes
    host: str
    url: str | None
    day: str
    when: float
    media_type: str
    charset: str | None
    content_encoding: str
    content_language: str | None
    title: str | None = None
    lang: str | None = None
    source: str = COUNTED
    profile: str = ""


class Entry:
    """A number and what it stands for: a page, or a note in the place of one."""

    __slots__ = ("lives", "note", "page", "profile", "sequence", "told")

    def __init__(self, sequence: int, page: CopiedPage | None, note: Note | None, profile: str) -> None:
        self.sequence = sequence
        self.page = page
        self.note = note
        self.profile = profile
        self.lives = LIVES
        self.told = False  # its count was announced once


class Barrier:
    """A point in the order of pages; ``last``: the number before which all that was there is, once sent."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: int | None = None


#: What notes are gathered by: day, host, outcome, profile.
_Key = tuple[str, str, str, str]


class Ledger:
    """Pages and notes on their way; ``pages`` and ``bytes`` are what is held in all stages."""

    def __init__(self, *, max_pages: int, max_bytes: int) -> None:
        self.pages = 0
        self.bytes = 0
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._gathered: dict[_Key, float] = {}
        self._notes: deque[tuple[_Key, float]] = deque()
        self._waiting: deque[CopiedPage | Barrier] = deque()
        self._barriers = 0  # of those that wait
        self._sent: deque[Entry] = deque()
        self._again: deque[Entry] = deque()  # the tail of _sent that the present counter has not had
        self._open: deque[Entry] = deque()
        self._open_bytes = 0
        self._last = 0

    # what comes in

    @property
    def room(self) -> int:
        """Bytes that may still come; 0 where no further page may."""
        return max(0, self._max_bytes - self.bytes) if self.pages < self._max_pages else 0

    def take(self, page: CopiedPage) -> bool:
        """The page waits for its turn; or False, and nothing has changed."""
        if page.size + _PAGE_BYTES > self.room:
            return False
        self._waiting.append(page)
        self.pages += 1
        self.bytes += page.size + _PAGE_BYTES
        return True

    def note(self, day: str, host: str, outcome: str, amount: float, profile: str = "") -> None:
        """What was not counted is gathered; never refused."""
        key = (day, host, outcome, profile)
        if len(self._gathered) >= NOTES_MAX and key not in self._gathered:
            key = (day, "", outcome, profile)
        self._gathered[key] = self._gathered.get(key, 0) + amount

    def gather(self) -> None:
        """The notes gathered so far wait for their turn, unless earlier ones still do."""
        if not self._notes:
            self._notes.extend(self._gathered.items())
            self._gathered.clear()

    def give_up(self) -> list[CopiedPage]:
        """Pages that were not sent yet are noted as lost; they are returned."""
        gone = [page for page in self._waiting if isinstance(page, CopiedPage)]
        self._waiting.clear()
        self._barriers = 0
        for page in gone:
            self.pages -= 1
            self.bytes -= page.size + _PAGE_BYTES
            self.note(page.day, page.host, Reason.LOST.value, 1, page.profile)
        return gone

    def barrier(self) -> Barrier:
        """A point behind all that was taken so far; see `is_past`."""
        self._gather_all()
        barrier = Barrier()
        self._waiting.append(barrier)
        self._barriers += 1
        return barrier

    def _gather_all(self) -> None:
        """No note is gathered any more: all wait."""
        notes = dict(self._notes)
        for key, amount in self._gathered.items():
            day, _, outcome, profile = key
            if len(notes) >= 2 * NOTES_MAX and key not in notes:
                key = (day, "", outcome, profile)
            notes[key] = notes.get(key, 0) + amount
        self._notes = deque(notes.items())
        self._gathered.clear()

    def is_past(self, barrier: Barrier) -> bool:
        """All that was there before the barrier is kept."""
        if not self._notes:
            self._pass_barriers()
        last = barrier.last
        return last is not None and (not self._sent or self._sent[0].sequence > last)

    def _pass_barriers(self) -> None:
        while self._waiting and isinstance(barrier := self._waiting[0], Barrier):
            barrier.last = self._last
            self._waiting.popleft()
            self._barriers -= 1

    # what goes out

    def next(self) -> Entry | None:
        """The next entry for the counter, None if it has enough for now or there is none."""
        if self._again:
            entry = self._again[0]
            if entry.page is not None and not self._fits(entry.page):
                return None
            self._again.popleft()
        elif len(self._sent) >= SENT_MAX:
            return None
        elif self._notes:
            (day, host, outcome, profile), amount = self._notes.popleft()
            self._last += 1
            entry = Entry(self._last, None, Note(self._last, day, host, outcome, amount), profile)
            self._sent.append(entry)
        else:
            self._pass_barriers()
            page = self._waiting[0] if self._waiting else None
            if not isinstance(page, CopiedPage) or not self._fits(page):
                return None
            self._waiting.popleft()
            self._last += 1
            entry = Entry(self._last, page, None, page.profile)
            self._sent.append(entry)
        if entry.page is not None:
            self._open.append(entry)
            self._open_bytes += entry.page.size
        return entry

    def _fits(self, page: CopiedPage) -> bool:
        if not self._open:
            return True
        return len(self._open) < OPEN_PAGES and self._open_bytes + page.size <= OPEN_BYTES

    # what the counter answers; each raises PipeFault for an answer to nothing

    def counted(self, sequence: int) -> CopiedPage | None:
        """The page is counted and still held; None if that was announced before another counter's death."""
        entry = self._answered(sequence)
        if entry.told:
            return None
        entry.told = True
        return entry.page

    def skipped(self, sequence: int, reason: Reason) -> CopiedPage | None:
        """The page's bytes are gone, and a note stands under its number; the page it was."""
        return self._replace(self._answered(sequence), reason)

    def committed(self, last: int) -> None:
        """Everything up to ``last`` is kept, and no longer held here."""
        unsent = self._again[0].sequence if self._again else self._last + 1
        if not self._sent or not self._sent[0].sequence <= last < unsent:
            raise PipeFault("a batch of numbers that it was not sent")
        if self._open and self._open[0].sequence <= last:
            raise PipeFault("a batch with a page that it did not answer")
        while self._sent and self._sent[0].sequence <= last:
            self._free(self._sent.popleft())

    def lost(self, blame: Reason | None, *, wears: bool = True) -> list[tuple[CopiedPage, Reason]]:
        """The counter is gone: what is not kept is to be sent again; the pages that are given up instead.

        ``blame``: what becomes of the page in hand, which is the first open one; None: it is not to blame.
        ``wears``: a page may be the cause, and each one that the counter had answered loses a life.
        """
        untouched = self._open[0] if self._open else None
        unsent = self._again[0] if self._again else None
        given_up = []
        if blame is not None and self._open:
            given_up.append((self._open[0], blame))
        for entry in self._sent:
            if entry in (untouched, unsent):
                break
            entry.lives -= wears
            if entry.lives == 0:
                given_up.append((entry, Reason.CRASHED))
        self._open.clear()
        self._open_bytes = 0
        self._again = deque(self._sent)
        pages = [(self._replace(entry, reason), reason) for entry, reason in given_up]
        return [(page, reason) for page, reason in pages if page is not None]

    # where it stands

    @property
    def waiting(self) -> int:
        """Pages that have not been sent yet."""
        return len(self._waiting) - self._barriers

    @property
    def has_gathered(self) -> bool:
        """Some notes wait for `gather`."""
        return bool(self._gathered)

    @property
    def open(self) -> int:
        """Pages in the counter's hands, unanswered."""
        return len(self._open)

    @property
    def is_open(self) -> bool:
        """A page is in the counter's hands, unanswered."""
        return bool(self._open)

    @property
    def is_pending(self) -> bool:
        """Something was sent that the counter has not said to be kept."""
        return len(self._sent) > len(self._again)

    @property
    def is_told(self) -> bool:
        """All that we know was sent to the counter, and each page answered."""
        unsent = self._gathered or self._notes or self._waiting or self._again
        return not unsent and not self._open

    @property
    def is_empty(self) -> bool:
        """All that we knew is kept."""
        return self.is_told and not self._sent

    def _answered(self, sequence: int) -> Entry:
        if not self._open or self._open[0].sequence != sequence:
            raise PipeFault("an answer to a page that is not in its hands")
        entry = self._open.popleft()
        if entry.page is not None:
            self._open_bytes -= entry.page.size
        return entry

    def _replace(self, entry: Entry, reason: Reason) -> CopiedPage | None:
        page = entry.page
        if page is not None:
            self._free(entry)
            entry.page, entry.note = None, Note(entry.sequence, page.day, page.host, reason.value)
        return page

    def _free(self, entry: Entry) -> None:
        if entry.page is not None:
            self.pages -= 1
            self.bytes -= entry.page.size + _PAGE_BYTES
