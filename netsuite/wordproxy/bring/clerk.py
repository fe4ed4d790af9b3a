"""Records to a counter process and from there into the store, under their own numbers.

The theory is the feed's (``feed.py``, ``ledger.py``), made simple by what a file is: whoever reads it can
wait.  A record is held until the counter says that the store has it; at most `HELD_RECORDS` and `HELD_BYTES`
are.  A counter that dies is followed by another, which gets all that is held again, in order, under the same
numbers; of what it had kept already the store takes nothing.  The page in the hands of one that dies, or that
is silent over it for too long, becomes a note.  Where nothing more can be kept, the work ends with
`StoreFault`: a file can be brought again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.wordproxy.bring.records import Record
from netsuite.wordproxy.child import Child, Ending
from netsuite.wordproxy.handing import page_frames
from netsuite.wordproxy.pipe import (
    Begin,
    Committed,
    Counted,
    FromCounter,
    Mark,
    PipeFault,
    Ready,
    Refused,
    Returned,
    Skipped,
    Trouble,
    frame,
)
from netsuite.wordproxy.store.contract import RECOUNTED, Note, StoreFault
from netsuite.words.skipped import Reason

#: Records held, and bytes of their bodies; one is always taken.
HELD_RECORDS = 400
HELD_BYTES = 32 * 1024 * 1024

#: Pages that the counter may have in hand beside the one that it counts.
OPEN_PAGES = 8

#: Deaths in a row, with nothing kept between, and seconds of a store's refusing, after which it is given up.
DEATHS_MAX = 5
REFUSING_SECONDS = 30.0

#: Reasons that are told by the record's number: something is wrong with it, or it was too much for us.
FAULTS = frozenset(
    (
        Reason.UNREADABLE,
        Reason.CUT_SHORT,
        Reason.TOO_LARGE,
        Reason.TOO_SLOW,
        Reason.CRASHED,
        Reason.UNKNOWN_CODING,
    )
)

#: Records told by number, of a file.
FAULTS_MAX = 100

#: Ticks in the seconds that a page may take.
_TICKS = 8


@dataclass(slots=True)
class Tally:
    """What became of a file's records; ``faults``: (number, reason) of the first that should have counted."""

    records: int = 0
    counted: int = 0
    recounted: int = 0
    words: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    before: int = 0  #: kept at an earlier import


class _Held:
    """A record on its way: a page is ``open`` until the counter answers."""

    __slots__ = ("is_open", "is_sent", "is_told", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.is_sent = self.is_open = self.is_told = False


class Clerk:
    """Has one file's records counted.  ``on_trouble`` hears of troubles, a line each."""

    def __init__(
        self, reactor: Any, begin: Begin, *, on_trouble: Callable[[str], object] = lambda text: None
    ) -> None:
        self.tally = Tally()
        self._reactor, self._begin, self._on_trouble = reactor, begin, on_trouble
        self._held: deque[_Held] = deque()
        self._bytes = 0
        self._child: Child | None = None
        self._deaths = 0
        self._refused_since: float | None = None
        self._trouble = ""
        self._fault: StoreFault | None = None
        self._waits: Deferred[None] | None = None
        self._is_ending = False
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = reactor

    def start(self) -> None:
        """A counter is being started."""
        journal.detach(self._ticking.start(self._begin.page_seconds / _TICKS), where="bring.clerk")
        self._spawn()

    async def take(self, record: Record) -> None:
        """The record is on its way to the store.  Raises: StoreFault."""
        self.tally.records += 1
        while self._held and self._is_full(record):
            await self._change()
        if self._fault is not None:
            raise self._fault
        self._held.append(_Held(record))
        self._bytes += _size(record)
        self._pump()

    async def finish(self) -> None:
        """All that was taken is in the store, and the counter has ended.  Raises: StoreFault."""
        self._is_ending = True
        self._pump()
        while self._fault is None and (self._held or self._child is not None):
            await self._change()
        self.stop()
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """The counter is gone, and nothing is held; what it had not said to be kept may be or not."""
        if self._ticking.running:
            self._ticking.stop()
        self._is_ending = True
        child, self._child = self._child, None
        self._held.clear()
        if child is not None:
            child.kill(None, "no longer needed")

    def _is_full(self, record: Record) -> bool:
        if self._fault is not None:
            return False
        return len(self._held) >= HELD_RECORDS or self._bytes + _size(record) > HELD_BYTES

    async def _change(self) -> None:
        """Something has changed."""
        self._waits = Deferred()
        await self._waits

    def _changed(self) -> None:
        waits, self._waits = self._waits, None
        if waits is not None:
            waits.callback(None)

    def _pump(self) -> None:
        """The counter has what it may have."""
        child = self._child
        if child is None or not child.is_ready or child.is_over:
            return
        open_pages = sum(held.is_open for held in self._held)
        for held in self._held:
            if held.is_sent:
                continue
            if held.record.page is not None:
                if open_pages > OPEN_PAGES:
                    return
                open_pages += 1
                held.is_open = True
            held.is_sent = True
            child.send(_frames(held.record))
        if self._is_ending and not self._held:
            child.close()

    # what a child tells its owner

    def heard(self, child: Child, message: FromCounter) -> None:
        """What the counter says is done.  Raises: PipeFault."""
        match message:
            case Counted(sequence, words):
                self._answered(sequence, words, None)
            case Skipped(sequence, reason):
                self._answered(sequence, 0, reason)
            case Committed(last):
                self._committed(last)
            case Returned(batch):
                if not message.more:
                    self._committed(batch.last)
            case Refused():
                self._refused()
            case Trouble(text):
                self._trouble = journal.escaped(text)[:300]
                self._on_trouble(self._trouble)
            case Ready():
                pass

    def heard_out(self, child: Child) -> None:
        """What follows from what the counter said is done."""
        self._pump()
        self._changed()

    def _answered(self, sequence: int, words: int, reason: str | None) -> None:
        held = next((held for held in self._held if held.is_open), None)
        if held is None or held.record.number != sequence:
            raise PipeFault("an answer to a page that is not in its hands")
        held.is_open = False
        if held.is_told:
            return
        held.is_told = True
        page = held.record.page
        if reason is not None:
            self._note(held, Reason(reason))
        elif page is not None and page.source == RECOUNTED:
            self.tally.recounted += 1
        else:
            self.tally.counted += 1
            self.tally.words += words

    def _note(self, held: _Held, reason: Reason) -> None:
        """The record is a note from now on."""
        self._bytes -= _size(held.record)
        held.record = Record(held.record.number, held.record.day, held.record.host, None, reason)

    def _committed(self, last: int) -> None:
        self._deaths, self._refused_since = 0, None
        while self._held and self._held[0].record.number <= last and not self._held[0].is_open:
            held = self._held.popleft()
            self._bytes -= _size(held.record)
            if held.record.reason is not None:
                self._tell_skip(held.record)

    def _tell_skip(self, record: Record) -> None:
        if record.reason is None:
            return
        self.tally.skipped[record.reason.value] += 1
        if record.reason in FAULTS and len(self.tally.faults) < FAULTS_MAX:
            self.tally.faults.append((record.number, record.reason.value))

    def _refused(self) -> None:
        now = self._reactor.seconds()
        if self._refused_since is None:
            self._refused_since = now

    def said(self, text: str) -> None:
        """A line of the counter's standard error."""
        self._on_trouble(text)

    def drained(self) -> None:
        """The pipe has taken all that was sent."""
        self._pump()

    def lost(self, child: Child, ending: Ending) -> None:
        """The counter has ended, and all that it said was heard."""
        if child is not self._child:
            return
        self._child = None
        if ending.blame is not None and (held := next((h for h in self._held if h.is_open), None)):
            self._note(held, ending.blame)
        for held in self._held:
            held.is_sent = held.is_open = False
        if self._held or not self._is_ending:
            self._deaths += 1
            if self._deaths > DEATHS_MAX:
                self._fail(self._trouble or f"the counter ends again and again: {ending.text}")
            else:
                self._spawn()
        self._changed()

    def _fail(self, text: str) -> None:
        self._fault = StoreFault(text)

    def _spawn(self) -> None:
        child = self._child = Child(self, frame(self._begin))
        try:
            child.spawn(self._reactor)
        except OSError as error:
            self._child = None
            self._fail(f"no counter could be started: {error.strerror}")

    def _tick(self) -> None:
        """A counter that is silent over a page for too long is killed; a store that refuses is given up."""
        child, now = self._child, self._reactor.seconds()
        since = self._refused_since
        if since is not None and now - since > REFUSING_SECONDS:
            self._fail(self._trouble or "the store takes nothing")
            self._changed()
        if child is None:
            return
        is_at_a_page = child.is_ready and not child.is_storing and any(held.is_open for held in self._held)
        child.silent_ticks = child.silent_ticks + 1 if is_at_a_page else 0
        if child.silent_ticks > _TICKS:
            child.kill(Reason.TOO_SLOW, f"silent for {self._begin.page_seconds:g} s over a page")


def _size(record: Record) -> int:
    return 1024 + (record.page.size if record.page is not None else 0)


def _frames(record: Record) -> list[bytes]:
    page = record.page
    if page is None:
        reason = record.reason or Reason.UNREADABLE
        return [frame(Mark(Note(record.number, record.day, record.host, reason.value)))]
    return page_frames(record.number, page)
