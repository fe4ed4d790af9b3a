"""The counter's own work, in this process: what it counts, when it stores, what it does with trouble."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import counting
from netsuite.wordproxy.counter import _Pipe, _work
from netsuite.wordproxy.counting import Counter
from netsuite.wordproxy.errors import place
from netsuite.wordproxy.pipe import (
    Begin,
    Committed,
    Counted,
    FromCounter,
    Job,
    Mark,
    PipeFault,
    Refused,
    Returned,
    Skipped,
    Spooled,
    Storing,
    Trouble,
    frame,
    job_frame,
)
from netsuite.wordproxy.place import profile_store
from netsuite.wordproxy.sampling import Sampler
from netsuite.wordproxy.store.contract import (
    COUNTED,
    INGESTED,
    RECOUNTED,
    Batch,
    CoverageQuery,
    Note,
    Revisit,
    Store,
    StoreFault,
    WordQuery,
)
from netsuite.wordproxy.store.open import open_store
from netsuite.words.count import PageWords, Source
from netsuite.words.skipped import Reason, Skip
from tests.words.columns import forms_of

DAY = "2026-01-05"
BEGIN = Begin("node", "words.db", 1000, 200, "und", 0, 0, 1.0, batch_pages=5, batch_seconds=0.5)


def job(sequence: int, body: bytes = b"tide harbour tide", url: str | None = "http://news.example/") -> Job:
    """A page with those words."""
    digest = sequence.to_bytes(16, "big")
    return Job(sequence, digest, "news.example", url, DAY, 1.5, "text/plain", None, "", None, body=body)


class StrawCounts:
    """Splits at spaces; some words are trouble."""

    def read(self, source: Source, pieces: Sequence[bytes]) -> tuple[PageWords, str]:
        text = b"".join(pieces).decode()
        troubles: dict[str, Exception] = {
            "skip": Skip(Reason.PASSWORD_PAGE),
            "memory": MemoryError(),
            "bug": ValueError(f"can't read {text}"),
        }
        if text in troubles:
            raise troubles[text]
        words = text.split()
        found = sorted(set(words))
        forms = forms_of(found, list(map(words.count, found)), [1] * len(found))
        return PageWords("en", "Title", forms), text


class StrawStore:
    """Keeps batches, or refuses them."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.fault: Exception | None = None
        self.poison: bytes | None = None  # a page with this digest is more than it can take
        self.opened = 0
        self.places: list[str] = []

    def open(self, where: str) -> Store:
        self.opened += 1
        self.places.append(where)
        return self  # type: ignore[return-value]

    def add(self, batch: Batch) -> None:
        if self.fault is not None:
            raise self.fault
        if any(page.digest == self.poison for page in batch.pages):
            raise ValueError("with a word of the page")
        self.batches.append(batch)

    def close(self) -> None:
        return None


class CounterCase(SynchronousTestCase):
    """A counter, its store and its clock, all of straw."""

    begin = BEGIN

    def setUp(self) -> None:
        self.said: list[FromCounter] = []
        self.store = StrawStore()
        self.now = 100.0
        self.counter = self.made(self.store.open)

    def made(self, opening: Callable[[str], Store]) -> Counter:
        """A counter whose store is opened so."""
        return Counter(
            self.begin, StrawCounts(), self.said.append, open_store=opening, clock=lambda: self.now
        )

    @property
    def troubles(self) -> list[str]:
        """What it complained about."""
        return [message.text for message in self.said if isinstance(message, Trouble)]


class PageTests(CounterCase):
    """One page."""

    def test_counted(self) -> None:
        """A page's words are told at once and kept with all that is known of it."""
        self.counter.take(job(1))
        self.assertEqual(self.said, [Counted(1, 5)])
        self.assertTrue(self.counter.commit())
        self.assertEqual(self.said[1:], [Storing(), Committed(1)])
        [batch] = self.store.batches
        [page] = batch.pages
        self.assertEqual((batch.node, batch.last, batch.notes), ("node", 1, []))
        self.assertEqual((page.sequence, page.title, page.lang, page.day), (1, "Title", "en", DAY))
        self.assertEqual(page.url, "http://news.example/")
        self.assertEqual(page.forms, [("harbour", "harbour", 1, 1), ("tide", "tide", 2, 1)])

    def test_counts_only(self) -> None:
        """A page without an address has no title either, no sentence and no name."""
        self.counter.take(job(1, b"tide at Harbour", url=None))
        self.counter.commit()
        [page] = self.store.batches[0].pages
        self.assertEqual((page.url, page.title, page.contexts, page.names), (None, None, [], []))

    def test_sentences(self) -> None:
        """Words come with a sentence, and with those that are names in it, while they have few of the day."""
        for sequence in range(1, 5):
            self.counter.take(job(sequence, b"tide at Harbour"))
        self.counter.commit()
        first, second, third, fourth = self.store.batches[0].pages
        shown = [(key, "tide at Harbour") for key in ("tide", "at", "harbour")]
        self.assertEqual((first.contexts, first.names), (shown, ["harbour"]))
        self.assertEqual((second.contexts, second.names), (shown, ["harbour"]))
        self.assertEqual((third.contexts, third.names), ([], []))
        self.assertEqual(fourth.forms, first.forms)

    def test_no_time_for_sentences(self) -> None:
        """A page behind which others wait is counted only; its words get a sentence when they come again."""
        self.counter.take(replace(job(1), is_hurried=True))
        self.counter.take(job(2))
        self.counter.commit()
        first, second = self.store.batches[0].pages
        self.assertEqual((first.contexts, first.forms), ([], second.forms))
        self.assertEqual(len(second.contexts), 2)

    def test_no_sentence_costs_no_count(self) -> None:
        """A page whose sentences can't be cut is counted without them; the trouble quotes nothing."""

        errors = [MemoryError(), ValueError("tide")]

        def fail(*_: object) -> None:
            raise errors.pop()

        self.patch(Sampler, "sample", fail)
        for sequence in (1, 2):
            self.counter.take(job(sequence))
            self.assertEqual(self.said[-1], Counted(sequence, 5))
        [text] = self.troubles
        self.assertRegex(text, r"^a page gave no sentences: ValueError at test_counter\.py:\d+$")
        self.assertTrue(self.counter.is_spent)

    def test_told(self) -> None:
        """What is told of a page that was brought here is kept in the place of what it says itself."""
        self.counter.take(replace(job(1), title="Tides", lang="cy", source=INGESTED))
        self.counter.take(replace(job(2, url=None), title="Tides"))
        self.counter.commit()
        brought, bare = self.store.batches[0].pages
        self.assertEqual((brought.title, brought.lang, brought.source), ("Tides", "cy", INGESTED))
        self.assertEqual((bare.title, bare.lang, bare.source), (None, "en", COUNTED))

    def test_skipped(self) -> None:
        """A page that can't be counted is a note under its number."""
        self.counter.take(job(1, b"skip"))
        self.counter.take(job(2))
        self.counter.commit()
        self.assertEqual(self.said[:2], [Skipped(1, "password page"), Counted(2, 5)])
        self.assertEqual(self.store.batches[0].notes, [Note(1, DAY, "news.example", "password page")])
        self.assertEqual(self.store.batches[0].last, 2)

    def test_a_bug(self) -> None:
        """A page that our code fails on is unreadable; the trouble is told without a word of it."""
        for sequence in range(1, 4):
            self.counter.take(job(sequence, b"bug"))
        self.assertEqual(next(m for m in self.said if isinstance(m, Skipped)), Skipped(1, "unreadable"))
        [text] = set(self.troubles)
        self.assertIn("ValueError at test_counter.py:", text)
        self.assertNotIn("can't read", text)

    def test_out_of_memory(self) -> None:
        """A page that needs more memory than there is is too large, and the process should end."""
        self.counter.take(job(1, b"memory"))
        self.assertEqual(self.said, [Skipped(1, "too large")])
        self.assertTrue(self.counter.is_spent)

    def test_the_watch_is_put_off(self) -> None:
        """After a page, whatever became of it, no timer is left that would end the process."""
        for body in (b"tide", b"skip", b"bug", b"memory"):
            self.counter.take(job(1, body))
            self.assertEqual(signal.getitimer(signal.ITIMER_PROF), (0.0, 0.0))

    def test_a_second_beginning(self) -> None:
        """Whoever begins twice breaks the rules."""
        self.assertRaises(PipeFault, self.counter.take, BEGIN)


class BatchTests(CounterCase):
    """When pages are stored."""

    def test_due(self) -> None:
        """A batch waits for others so long, counted from its first page."""
        self.assertEqual(self.counter.wait(), None)
        self.counter.take(job(1))
        self.now += 0.3
        self.counter.take(job(2))
        self.assertAlmostEqual(self.counter.wait() or 0, 0.2)
        self.counter.tick()
        self.assertEqual(self.store.batches, [])
        self.now += 0.21
        self.counter.tick()
        self.assertEqual([batch.last for batch in self.store.batches], [2])
        self.assertEqual(self.counter.wait(), None)

    def test_full(self) -> None:
        """A batch of the full size is stored at once; notes count, too."""
        for sequence in (1, 2):
            self.counter.take(job(sequence))
        for sequence in (3, 4, 5):
            self.assertFalse(self.counter.is_full)
            self.counter.take(Mark(Note(sequence, DAY, "a.example", "unseen")))
        self.assertTrue(self.counter.is_full)
        self.counter.tick()
        self.assertEqual([batch.last for batch in self.store.batches], [5])
        self.assertEqual(len(self.store.batches[0].notes), 3)

    def test_full_of_words(self) -> None:
        """Very wordy pages fill a batch before it has its number of pages."""
        self.patch(counting, "BATCH_BYTES", 1500)
        self.counter.take(job(1, b" ".join(b"word%d" % number for number in range(40))))
        self.assertTrue(self.counter.is_full)

    def test_nothing_to_commit(self) -> None:
        """Nothing gathered is nothing stored or said."""
        self.assertTrue(self.counter.commit())
        self.assertEqual((self.said, self.store.opened), ([], 0))

    def test_the_store_is_opened_once(self) -> None:
        """The store stays open between batches."""
        for sequence in (1, 2, 3):
            self.counter.take(job(sequence))
            self.counter.commit()
        self.assertEqual(self.store.opened, 1)


class TroubleTests(CounterCase):
    """A store that refuses."""

    def refused(self, times: int) -> list[float]:
        """How long the counter waits after each refusal."""
        waits = []
        for _ in range(times):
            self.counter.tick()
            waits.append(self.counter.wait() or 0.0)
            self.now += waits[-1]
        return waits

    def test_refused(self) -> None:
        """What is refused is kept and tried again, ever less often; the store is opened afresh each time."""
        self.store.fault = StoreFault("words.db has no room to grow")
        self.counter.take(job(1))
        self.assertFalse(self.counter.commit())
        self.assertEqual(self.said[1:], [Storing(), Trouble("words.db has no room to grow"), Refused()])
        self.now += 0.2
        waits = self.refused(7)
        for wait, expected in zip(waits, [0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0], strict=True):
            self.assertAlmostEqual(wait, expected)
        self.store.fault = None
        self.counter.tick()
        self.assertEqual([batch.last for batch in self.store.batches], [1])
        self.assertEqual(self.said[-1], Committed(1))
        self.assertEqual(self.store.opened, 9)

    def test_trouble_is_told_each_time(self) -> None:
        """Each refusal is told with its reason: who hears it knows when it was told before."""
        self.store.fault = StoreFault("no room")
        self.counter.take(job(1))
        self.refused(3)
        self.assertEqual(self.troubles, ["no room"] * len(self.troubles))
        self.assertGreater(len(self.troubles), 1)

    def test_a_full_batch_waits(self) -> None:
        """While the store refuses a full batch the counter asks for time, not for the store in a circle."""
        self.store.fault = StoreFault("no room")
        for sequence in range(1, 6):
            self.counter.take(job(sequence))
        self.counter.tick()
        self.assertTrue(self.counter.is_full)
        self.assertAlmostEqual(self.counter.wait() or 0, 0.2)
        self.counter.tick()
        self.assertEqual(self.said.count(Storing()), 1)
        self.assertNotIn(Refused(), self.said)

    def test_a_batch_that_becomes_full(self) -> None:
        """A counter that is free says so, and says when a refused batch has become full."""
        self.store.fault = StoreFault("no room")
        self.counter.take(job(1))
        self.counter.commit()
        for sequence in range(2, 6):
            self.assertNotEqual(self.said[-1], Storing())
            self.counter.take(job(sequence))
        self.assertEqual(self.said[-1], Storing())

    def test_a_store_that_can_not_be_opened(self) -> None:
        """A store that can't be opened is a store that refuses."""
        doors: list[Exception | None] = [StoreFault("not there"), None]

        def opening(where: str) -> Store:
            fault = doors.pop(0)
            if fault is not None:
                raise fault
            return self.store.open(where)

        counter = self.made(opening)
        counter.take(job(1))
        self.assertFalse(counter.commit())
        self.assertTrue(counter.commit())
        self.assertEqual([batch.last for batch in self.store.batches], [1])

    def test_a_page_the_store_can_not_take(self) -> None:
        """One page that the store fails on becomes a note; its neighbours are kept, in order."""
        self.store.poison = (2).to_bytes(16, "big")
        self.counter.take(job(1))
        self.counter.take(job(2))
        self.counter.take(Mark(Note(3, DAY, "a.example", "unseen")))
        self.counter.take(job(4))
        self.assertTrue(self.counter.commit())
        self.assertEqual([batch.last for batch in self.store.batches], [1, 2, 3, 4])
        self.assertEqual(self.store.batches[1].notes, [Note(2, DAY, "news.example", "unreadable")])
        self.assertEqual(self.said[-1], Committed(4))
        self.assertNotIn("with a word", "".join(self.troubles))


class MemoryTests(CounterCase):
    """A store in the relay's process."""

    begin = Begin("node", ":memory:", 1000, 200, "und", 0, 0, 1.0)

    def test_returned(self) -> None:
        """The batch goes back over the pipe, and nothing is opened here."""
        self.counter.take(job(1))
        self.counter.take(job(2, b"skip"))
        self.assertTrue(self.counter.commit())
        returned = self.said[-1]
        assert isinstance(returned, Returned)
        self.assertEqual((returned.batch.last, len(returned.batch.pages)), (2, 1))
        self.assertEqual(self.store.opened, 0)
        self.assertTrue(self.counter.commit())


class ProfileTests(CounterCase):
    """Users, and pages met again."""

    def test_apart(self) -> None:
        """A batch is split by user, under the same numbers; the relay is told once."""
        self.counter.take(replace(job(1), profile="bob"))
        self.counter.take(Mark(Note(2, DAY, "a.example", "unseen"), "alice"))
        self.counter.take(replace(job(3, b"skip"), profile="bob"))
        self.counter.take(job(4))
        self.assertTrue(self.counter.commit())
        batches = [
            (batch.last, [p.sequence for p in batch.pages], [note.sequence for note in batch.notes])
            for batch in self.store.batches
        ]
        self.assertEqual(batches, [(4, [4], []), (4, [], [2]), (4, [1], [3])])
        self.assertEqual(
            self.store.places, ["words.db", *[profile_store("words.db", u) for u in ("alice", "bob")]]
        )
        self.assertEqual(self.said.count(Committed(4)), 1)

    def test_revisits(self) -> None:
        """A page that had not changed is a revisit under its number, counted as one thing of the batch."""
        again = replace(job(1), source=RECOUNTED, body=b"")
        for sequence in range(1, 6):
            self.counter.take(replace(again, sequence=sequence))
        self.assertTrue(self.counter.is_full)
        self.counter.commit()
        [batch] = self.store.batches
        self.assertEqual((batch.pages, len(batch.revisits)), ([], 5))
        self.assertEqual(batch.revisits[0], Revisit(1, job(1).digest, "news.example", DAY, 1.5))
        self.assertEqual(self.said[0], Counted(1, 0))


class SpoolTests(CounterCase):
    """A store on another machine."""

    def setUp(self) -> None:
        self.begin = replace(
            BEGIN, spool=self.mktemp(), spool_name="redis://x", spool_bytes=10**6, keep_seconds=9e9
        )
        super().setUp()
        self.addCleanup(self.counter.close)

    def test_an_outage(self) -> None:
        """While the store refuses batches are acknowledged from the spool; then it gets them, in order."""
        self.store.fault = StoreFault("away")
        self.counter.take(job(1))
        self.assertTrue(self.counter.commit())
        trouble = Trouble("away; batches wait in the spool")
        self.assertEqual(self.said[1:], [Storing(), trouble, Spooled(1), Committed(1)])
        self.counter.take(job(2))
        self.counter.commit()
        self.store.fault = None
        self.now += 1
        self.counter.tick()
        self.assertEqual([batch.last for batch in self.store.batches], [1, 2])
        self.assertEqual(self.said[-2:], [Storing(), Spooled(0)])
        self.counter.take(job(3))
        self.counter.commit()
        self.assertEqual(self.said[-2:], [Storing(), Committed(3)])

    def test_found_at_the_start(self) -> None:
        """What a counter finds it tells before anything else."""
        self.store.fault = StoreFault("away")
        self.counter.take(job(1))
        self.counter.commit()
        self.counter.close()
        again = self.made(self.store.open)
        self.addCleanup(again.close)
        self.assertEqual(again.spooled, 1)

    def test_a_full_batch_without_room(self) -> None:
        """A full batch that neither store nor spool takes blames the store, not a page."""
        self.counter.close()
        self.begin = replace(self.begin, spool_bytes=1)
        self.counter = self.made(self.store.open)
        self.addCleanup(self.counter.close)
        self.store.fault = StoreFault("away")
        for sequence in range(1, 6):
            self.counter.take(job(sequence))
        self.counter.tick()
        self.assertEqual(self.said[-1].__class__, Trouble)
        self.now += 61
        self.counter.tick()
        self.assertEqual(self.said[-1], Storing())
        self.assertEqual(self.counter.spooled, 0)


class RealStoreTests(CounterCase):
    """With the real store."""

    def test_sent_twice(self) -> None:
        """Pages that are sent again under their numbers are in the store once."""
        path = self.mktemp() + ".db"
        for _ in range(2):
            counter = self.made(lambda _where: open_store(path))
            for sequence in (1, 2):
                counter.take(job(sequence))
            counter.take(Mark(Note(3, DAY, "a.example", "unseen", 4)))
            self.assertTrue(counter.commit())
            counter.close()
        store = open_store(path)
        self.addCleanup(store.close)
        words = store.words(WordQuery(everything=True))
        self.assertEqual([(w.word, w.occurrences) for w in words.words], [("tide", 6), ("harbour", 4)])
        total = store.coverage(CoverageQuery()).total
        self.assertEqual((total.counted, total.unseen), (2, 4))


class PipeTests(CounterCase):
    """What comes through a real pipe."""

    def work(self, stream: bytes) -> list[int]:
        """The pages that are kept after that stream and its end."""
        self.setUp()
        source, sink = os.pipe()
        os.write(sink, stream)
        os.close(sink)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            _work(_Pipe(source, nowhere), self.counter, deque())
        finally:
            os.close(source)
            os.close(nowhere)
        self.assertTrue(self.counter.commit())
        return [page.sequence for batch in self.store.batches for page in batch.pages]

    def test_the_end_at_any_byte(self) -> None:
        """Wherever the relay's death cuts the stream, what came whole is kept, and nothing in part."""
        frames = [b"".join(job_frame(job(n, b""), [b"tide harbour"], 12)) for n in range(1, 8)]
        stream = b"".join(frames)
        for cut in range(len(stream) + 1):
            whole = cut // len(frames[0])
            self.assertEqual(self.work(stream[:cut]), list(range(1, whole + 1)), cut)

    def test_a_full_batch_stops_the_reading(self) -> None:
        """While a full batch is refused nothing more is taken, and the relay's end is still seen."""
        self.store.fault = StoreFault("no room")
        source, sink = os.pipe()
        self.addCleanup(os.close, source)
        os.write(sink, b"".join(frame(job(n)) for n in range(1, 20)))
        os.close(sink)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        self.addCleanup(os.close, nowhere)
        _work(_Pipe(source, nowhere), self.counter, deque())
        self.assertEqual(sum(isinstance(message, Counted) for message in self.said), 5)

    def test_rubbish(self) -> None:
        """A relay that lies is not listened to."""
        self.assertRaises(PipeFault, self.work, b"\xff" * 20)
        self.assertRaises(PipeFault, self.work, b"\0\0\0\x04tide")

    def test_a_relay_that_is_gone(self) -> None:
        """Answers to a relay that is gone vanish, and the work goes on."""
        source, sink = os.pipe()
        os.close(source)
        pipe = _Pipe(0, sink)
        self.addCleanup(lambda: os.close(pipe._sink))
        for _ in range(3):
            pipe.send(Counted(1, 1))


class PlaceTests(SynchronousTestCase):
    """Where an error was, without its text."""

    def test_place(self) -> None:
        """The kind, the file and the line; never the text."""
        try:
            int("tide")
        except ValueError as error:
            self.assertRegex(place(error), r"^ValueError at test_counter\.py:\d+$")
        self.assertEqual(place(ValueError("tide")), "ValueError")
