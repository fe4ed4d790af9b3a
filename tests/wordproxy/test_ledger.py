"""The ledger: one number for each thing, in order, whatever dies; bounds that hold in every stage."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import ledger as ledger_module
from netsuite.wordproxy.ledger import LIVES, NOTES_MAX, OPEN_BYTES, OPEN_PAGES, SENT_MAX, CopiedPage, Ledger
from netsuite.wordproxy.pipe import PipeFault
from netsuite.wordproxy.store.contract import Note
from netsuite.words.skipped import Reason

DAY = "2026-01-05"


def page(number: int, size: int = 10) -> CopiedPage:
    """A page of ``size`` bytes."""
    body = [b"x" * size]
    address = "http://news.example/"
    return CopiedPage(
        number, body, size, b"d" * 16, "news.example", address, DAY, 0.0, "text/html", None, "", None
    )


def room(pages: int = 1000, size: int = 2**26) -> Ledger:
    """A ledger with those bounds."""
    return Ledger(max_pages=pages, max_bytes=size)


def sent(ledger: Ledger) -> list[tuple[int, object]]:
    """All that the ledger hands out now: numbers, and the page's exchange or the note's outcome."""
    found: list[tuple[int, object]] = []
    while (entry := ledger.next()) is not None:
        if entry.page is not None:
            found.append((entry.sequence, entry.page.exchange_id))
        elif entry.note is not None:
            assert entry.note.sequence == entry.sequence
            found.append((entry.sequence, entry.note.outcome))
    return found


class OrderTests(SynchronousTestCase):
    """Numbers."""

    def test_numbers_are_given_when_sent(self) -> None:
        """Pages and notes are numbered from 1 in the order of sending."""
        ledger = room()
        ledger.take(page(70))
        ledger.note(DAY, "a.example", "not text", 1)
        ledger.take(page(71))
        ledger.gather()
        self.assertEqual(sent(ledger), [(1, "not text"), (2, 70), (3, 71)])

    def test_equal_notes_add_up(self) -> None:
        """Notes of one day, host and outcome are one."""
        ledger = room()
        for _ in range(5):
            ledger.note(DAY, "a.example", "not text", 1)
        ledger.note(DAY, "a.example", "unseen", 1)
        ledger.gather()
        first = ledger.next()
        assert first is not None
        self.assertEqual(first.note, Note(1, DAY, "a.example", "not text", 5))
        self.assertEqual(sent(ledger), [(2, "unseen")])

    def test_after_a_death_all_is_sent_again(self) -> None:
        """What is not kept keeps its number; the page in hand is a note under its own."""
        ledger = room()
        for number in range(4):
            ledger.take(page(70 + number))
        self.assertEqual(sent(ledger), [(1, 70), (2, 71), (3, 72), (4, 73)])
        ledger.counted(1)
        [(given_up, reason)] = ledger.lost(Reason.CRASHED)
        self.assertEqual((given_up.exchange_id, reason), (71, Reason.CRASHED))
        ledger.take(page(74))
        self.assertEqual(sent(ledger), [(1, 70), (2, "crashed"), (3, 72), (4, 73), (5, 74)])

    def test_a_death_at_the_store_blames_nobody(self) -> None:
        """Without blame every page is sent again."""
        ledger = room()
        ledger.take(page(70))
        sent(ledger)
        self.assertEqual(ledger.lost(None), [])
        self.assertEqual(sent(ledger), [(1, 70)])

    def test_what_is_kept_is_not_sent_again(self) -> None:
        """A death after Committed sends only the rest."""
        ledger = room()
        for number in (70, 71, 72):
            ledger.take(page(number))
        sent(ledger)
        ledger.counted(1)
        ledger.counted(2)
        ledger.committed(1)
        self.assertEqual([p.exchange_id for p, _ in ledger.lost(Reason.CRASHED)], [72])
        self.assertEqual(sent(ledger), [(2, 71), (3, "crashed")])

    def test_a_count_is_announced_once(self) -> None:
        """A page that is counted again after a death was announced before."""
        ledger = room()
        ledger.take(page(70))
        sent(ledger)
        self.assertIsNotNone(ledger.counted(1))
        ledger.lost(Reason.CRASHED)
        sent(ledger)
        self.assertIsNone(ledger.counted(1))

    def test_a_skipped_page_is_a_note(self) -> None:
        """A skipped page's bytes go at once, its note stays until it is kept."""
        ledger = room()
        ledger.take(page(70))
        sent(ledger)
        ledger.skipped(1, Reason.TOO_LARGE)
        self.assertEqual((ledger.pages, ledger.bytes), (0, 0))
        ledger.lost(Reason.CRASHED)
        self.assertEqual(sent(ledger), [(1, "too large")])
        ledger.committed(1)
        self.assertTrue(ledger.is_empty)

    def test_lives(self) -> None:
        """A page that so many counters died of after they had answered it is given up."""
        ledger = room()
        ledger.take(page(70))
        for _ in range(LIVES - 1):
            self.assertEqual(sent(ledger), [(1, 70)])
            ledger.counted(1)
            self.assertEqual(ledger.lost(None), [])
        sent(ledger)
        ledger.counted(1)
        self.assertEqual([reason for _, reason in ledger.lost(None)], [Reason.CRASHED])

    def test_an_end_that_wears_nothing(self) -> None:
        """Ends that are no page's doing can be as many as they will."""
        ledger = room()
        ledger.take(page(70))
        for _ in range(3 * LIVES):
            self.assertEqual(sent(ledger), [(1, 70)])
            ledger.counted(1)
            self.assertEqual(ledger.lost(None, wears=False), [])

    def test_a_page_behind_the_killers(self) -> None:
        """A page that waits in the pipe behind pages that kill is not worn out by them."""
        ledger = room()
        for number in range(2 * LIVES + 1):
            ledger.take(page(number))
        for number in range(2 * LIVES):
            sent(ledger)
            self.assertEqual([p.exchange_id for p, _ in ledger.lost(Reason.CRASHED)], [number])
        self.assertEqual(sent(ledger)[-1], (2 * LIVES + 1, 2 * LIVES))

    def test_a_counter_that_had_nothing_costs_no_life(self) -> None:
        """Counters that die before they get a page don't wear it out."""
        ledger = room()
        ledger.take(page(70))
        for _ in range(3 * LIVES):
            self.assertEqual(ledger.lost(None), [])
        self.assertEqual(sent(ledger), [(1, 70)])


class BarrierTests(SynchronousTestCase):
    """Points in the order."""

    def test_behind_all_that_was_there(self) -> None:
        """It is past when pages and notes from before it are kept, whatever came since."""
        ledger = room()
        ledger.take(page(70))
        ledger.note(DAY, "a.example", "unseen", 1)
        barrier = ledger.barrier()
        ledger.take(page(71))
        self.assertEqual((ledger.waiting, ledger.is_told), (2, False))
        self.assertEqual(sent(ledger), [(1, "unseen"), (2, 70), (3, 71)])
        ledger.counted(2)
        ledger.committed(1)
        self.assertFalse(ledger.is_past(barrier))
        ledger.committed(2)
        self.assertTrue(ledger.is_past(barrier))
        ledger.counted(3)
        ledger.committed(3)
        self.assertTrue(ledger.is_past(barrier))

    def test_of_nothing(self) -> None:
        """With nothing there it is past at once; one at the end is never in the way."""
        ledger = room()
        first = ledger.barrier()
        self.assertTrue(ledger.is_past(first))
        self.assertEqual((ledger.waiting, ledger.is_empty), (0, True))
        ledger.take(page(70))
        second = ledger.barrier()
        self.assertFalse(ledger.is_past(second))
        self.assertEqual(sent(ledger), [(1, 70)])
        ledger.skipped(1, Reason.UNREADABLE)
        self.assertFalse(ledger.is_past(second))
        ledger.committed(1)
        self.assertTrue(ledger.is_past(second) and ledger.is_empty)

    def test_after_a_death(self) -> None:
        """What is sent again is still from before it."""
        ledger = room()
        ledger.take(page(70))
        barrier = ledger.barrier()
        sent(ledger)
        ledger.counted(1)
        ledger.lost(None)
        self.assertFalse(ledger.is_past(barrier))
        sent(ledger)
        ledger.counted(1)
        ledger.committed(1)
        self.assertTrue(ledger.is_past(barrier))

    def test_notes_are_bounded(self) -> None:
        """However many points are asked for while nothing moves, notes are bounded, and none gets lost."""
        ledger = room()
        for number in range(NOTES_MAX * 3):
            ledger.note(DAY, f"h{number}", "unseen", 1)
            if number % 1000 == 0:
                ledger.barrier()
        ledger.barrier()
        self.assertLessEqual(len(ledger._notes), NOTES_MAX * 2 + 1)
        self.assertEqual(sum(amount for _, amount in ledger._notes), NOTES_MAX * 3)


class GiveUpTests(SynchronousTestCase):
    """A stop that can't wait."""

    def test_lost_by_name(self) -> None:
        """Pages that were not sent are notes, of their day, host and profile; what was sent stays."""
        ledger = room()
        for number in range(OPEN_PAGES + 3):
            ledger.take(replace(page(number), profile="alice" if number % 2 else ""))
        sent(ledger)
        barrier = ledger.barrier()
        gone = [page.exchange_id for page in ledger.give_up()]
        self.assertEqual(gone, [OPEN_PAGES, OPEN_PAGES + 1, OPEN_PAGES + 2])
        self.assertEqual((ledger.pages, ledger.waiting), (OPEN_PAGES, 0))
        ledger.gather()
        notes = {}
        while (entry := ledger.next()) is not None:
            assert entry.note is not None
            notes[entry.profile] = (entry.note.outcome, entry.note.host, entry.note.amount)
        self.assertEqual(notes, {"": ("lost", "news.example", 2), "alice": ("lost", "news.example", 1)})
        self.assertFalse(ledger.is_past(barrier))


class LiarTests(SynchronousTestCase):
    """Answers to nothing."""

    def test_answers_out_of_turn(self) -> None:
        """An answer for a page that is not the next one, or was answered, is a PipeFault."""
        ledger = room()
        self.assertRaises(PipeFault, ledger.counted, 1)
        ledger.take(page(70))
        ledger.take(page(71))
        sent(ledger)
        self.assertRaises(PipeFault, ledger.counted, 2)
        ledger.counted(1)
        self.assertRaises(PipeFault, ledger.skipped, 1, Reason.TOO_LARGE)

    def test_batches_of_nothing(self) -> None:
        """A batch of what is unsent, unanswered or kept already is a PipeFault."""
        ledger = room()
        self.assertRaises(PipeFault, ledger.committed, 0)
        ledger.take(page(70))
        self.assertRaises(PipeFault, ledger.committed, 1)
        sent(ledger)
        self.assertRaises(PipeFault, ledger.committed, 1)
        ledger.counted(1)
        self.assertRaises(PipeFault, ledger.committed, 2)
        ledger.committed(1)
        self.assertRaises(PipeFault, ledger.committed, 1)

    def test_a_new_counter_can_not_answer_for_the_old(self) -> None:
        """What was not sent to this counter can't be kept by it."""
        ledger = room()
        ledger.take(page(70))
        sent(ledger)
        ledger.counted(1)
        ledger.lost(None)
        self.assertRaises(PipeFault, ledger.committed, 1)
        self.assertRaises(PipeFault, ledger.counted, 1)


class BoundTests(SynchronousTestCase):
    """Bounds hold in every stage."""

    def test_pages(self) -> None:
        """A page too many is refused until one is kept, not only counted."""
        ledger = room(pages=2)
        self.assertTrue(ledger.take(page(70)))
        self.assertTrue(ledger.take(page(71)))
        sent(ledger)
        ledger.counted(1)
        self.assertEqual(ledger.room, 0)
        self.assertFalse(ledger.take(page(72)))
        ledger.committed(1)
        self.assertTrue(ledger.take(page(72)))

    def test_bytes(self) -> None:
        """Bytes too many are refused, and nothing has changed."""
        ledger = room(size=10_000)
        self.assertFalse(ledger.take(page(70, 10_000)))
        self.assertEqual((ledger.pages, ledger.bytes), (0, 0))
        self.assertTrue(ledger.take(page(70, 8_000)))
        self.assertFalse(ledger.take(page(71, 2_000)))

    def test_window_of_pages(self) -> None:
        """A counter has a few pages at a time, and another for each answer."""
        ledger = room()
        for number in range(OPEN_PAGES + 5):
            ledger.take(page(number))
        self.assertEqual(len(sent(ledger)), OPEN_PAGES)
        ledger.counted(1)
        self.assertEqual(len(sent(ledger)), 1)

    def test_window_of_bytes(self) -> None:
        """One page may always be in the window, two large ones not."""
        ledger = room()
        ledger.take(page(70, OPEN_BYTES * 2))
        ledger.take(page(71))
        self.assertEqual(sent(ledger), [(1, 70)])
        ledger.counted(1)
        self.assertEqual(sent(ledger), [(2, 71)])

    def test_window_when_sent_again(self) -> None:
        """After a death the window holds for what is sent again, too; nothing overtakes it."""
        ledger = room()
        ledger.take(page(70, OPEN_BYTES))
        ledger.take(page(71, OPEN_BYTES))
        sent(ledger)
        ledger.counted(1)
        sent(ledger)
        ledger.lost(None)
        ledger.note(DAY, "", "unseen", 1)
        ledger.gather()
        self.assertEqual(sent(ledger), [(1, 70)])
        ledger.counted(1)
        self.assertEqual(sent(ledger), [(2, 71), (3, "unseen")])

    def test_numbers_ahead(self) -> None:
        """A store that keeps nothing stops the numbering, not the taking of notes."""
        ledger = room()
        for number in range(SENT_MAX + 50):
            ledger.note(DAY, f"h{number}.example", "not text", 1)
        ledger.gather()
        self.assertEqual(len(sent(ledger)), SENT_MAX)
        ledger.committed(SENT_MAX)
        self.assertEqual(len(sent(ledger)), 50)

    def test_hosts_past_the_bound_have_no_name(self) -> None:
        """However many hosts there are, notes are bounded and their sum is right."""
        ledger = room()
        for number in range(NOTES_MAX + 500):
            ledger.note(DAY, f"h{number}.example", "not text", 1)
        self.patch(ledger_module, "SENT_MAX", 10 * NOTES_MAX)
        ledger.gather()
        notes = []
        while (entry := ledger.next()) is not None:
            assert entry.note is not None
            notes.append(entry.note)
        self.assertEqual(len(notes), NOTES_MAX + 1)
        self.assertEqual(sum(note.amount for note in notes), NOTES_MAX + 500)
        self.assertEqual(notes[-1].host, "")


class Relay(RuleBasedStateMachine):
    """A ledger, a counter that dies at any moment, a store that takes only what is past its last number."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = room(pages=30)
        self.taken = self.dropped = self.noted = 0
        self.had: list[tuple[int, object]] = []  # by the present counter
        self.answered = 0
        self.last = 0
        self.store: dict[int, object] = {}

    @rule(size=st.sampled_from([1, 100, OPEN_BYTES]))
    def page(self, size: int) -> None:
        """A page comes."""
        if self.ledger.take(page(self.taken, size)):
            self.taken += 1

    @rule()
    def note(self) -> None:
        """Something is noted."""
        self.ledger.note(DAY, "a.example", "not text", 1)
        self.noted += 1
        self.ledger.gather()

    @rule()
    def send(self) -> None:
        """The counter gets one thing."""
        entry = self.ledger.next()
        if entry is not None:
            thing = entry.page.exchange_id if entry.page is not None else entry.note
            self.had.append((entry.sequence, thing))

    @rule(fine=st.booleans())
    def answer(self, fine: bool) -> None:
        """The counter deals with one thing."""
        if self.answered < len(self.had):
            sequence, thing = self.had[self.answered]
            if isinstance(thing, int):
                if fine:
                    self.ledger.counted(sequence)
                else:
                    self.ledger.skipped(sequence, Reason.UNREADABLE)
                    self.had[self.answered] = (sequence, Note(sequence, DAY, "", "unreadable"))
            self.answered += 1

    @rule(heard=st.booleans())
    def commit(self, heard: bool) -> None:
        """The store keeps what was dealt with; if the relay doesn't hear of it, the counter has died."""
        if not self.answered:
            return
        for sequence, thing in self.had[: self.answered]:
            if sequence > self.last:
                assert sequence not in self.store
                self.store[sequence] = thing
        self.last = max(self.last, self.had[self.answered - 1][0])
        if heard:
            self.ledger.committed(self.had[self.answered - 1][0])
            del self.had[: self.answered]
            self.answered = 0
        else:
            self.die(False)

    @rule(blame=st.booleans())
    def die(self, blame: bool) -> None:
        """The counter dies."""
        self.ledger.lost(Reason.CRASHED if blame else None)
        self.had.clear()
        self.answered = 0

    @invariant()
    def nothing_twice(self) -> None:
        """Each page is in the store at most once, and what is held is what is not kept."""
        pages = [thing for thing in self.store.values() if isinstance(thing, int)]
        assert len(pages) == len(set(pages))
        assert 0 <= self.ledger.pages <= 30

    def teardown(self) -> None:
        """A last counter that lives sees everything through: each page once, counted or noted."""
        self.die(False)
        for _ in range(10_000):
            if self.ledger.is_empty:
                break
            self.ledger.gather()
            while (entry := self.ledger.next()) is not None:
                thing = entry.page.exchange_id if entry.page is not None else entry.note
                self.had.append((entry.sequence, thing))
            while self.answered < len(self.had):
                self.answer(True)
            self.commit(True)
        assert self.ledger.is_empty
        assert (self.ledger.pages, self.ledger.bytes) == (0, 0)
        pages = sum(isinstance(thing, int) for thing in self.store.values())
        notes = [thing for thing in self.store.values() if isinstance(thing, Note)]
        given_up = sum(note.outcome != "not text" for note in notes)
        assert pages + given_up == self.taken
        assert sum(note.amount for note in notes if note.outcome == "not text") == self.noted


RelayTests = Relay.TestCase
RelayTests.settings = settings(deadline=None, max_examples=100, stateful_step_count=40)


class EmptyTests(SynchronousTestCase):
    """When all is told and kept."""

    @settings(deadline=None, max_examples=50)
    @given(st.integers(0, 20), st.integers(0, 20))
    def test_empty(self, pages: int, notes: int) -> None:
        """A ledger is empty exactly when everything that came is kept."""
        ledger = room()
        for number in range(pages):
            ledger.take(page(number))
        for number in range(notes):
            ledger.note(DAY, f"{number}.example", "unseen", 1)
        ledger.gather()
        self.assertEqual(ledger.is_empty, pages + notes == 0)
        last = 0
        while (entry := ledger.next()) is not None:
            last = entry.sequence
            if entry.page is not None:
                ledger.counted(last)
        self.assertTrue(ledger.is_told)
        if last:
            self.assertFalse(ledger.is_empty)
            ledger.committed(last)
        self.assertTrue(ledger.is_empty)
