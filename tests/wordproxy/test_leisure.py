"""What the counter process does when nothing waits: the store's sums, a step at a time."""

from __future__ import annotations

from collections import deque

from netsuite.wordproxy import counter as process
from netsuite.wordproxy.counting import LEISURE_SECONDS
from netsuite.wordproxy.pipe import Mark, frame
from netsuite.wordproxy.store.contract import Note, StoreFault
from tests.wordproxy.test_counter import CounterCase, StrawStore


class SlowStore(StrawStore):
    """Has some steps to do."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 2
        self.asked = 0

    def renew(self) -> bool:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        self.steps -= 1
        return self.steps >= 0


class LeisureTests(CounterCase):
    def setUp(self) -> None:
        super().setUp()
        self.slow = SlowStore()
        self.counter = self.made(self.slow.open)
        self.waits: list[float | None] = []
        self.told: deque[bytes] = deque()

    def read(self, *, wait: float | None, only_end: bool = False) -> list[bytes] | None:
        """A pipe on which what is told comes at once, or nothing, until it would be waited for ever."""
        self.waits.append(wait)
        if self.told:
            return [self.told.popleft()]
        if wait is None:
            return None
        self.now += wait
        return []

    def work(self, *sequences: int) -> None:
        """Notes with these numbers came, and what followed."""
        self.told += [frame(Mark(Note(n, "2026-01-05", "a.example", "unseen")))[4:] for n in sequences]
        process._work(self, self.counter, deque())  # type: ignore[arg-type]  # it is a pipe, too

    def test_steps(self) -> None:
        """After a second of quiet the store does one step after the other, until there is none to do."""
        self.work(1)
        self.assertEqual(self.slow.asked, 3)
        self.assertEqual(self.waits[-4:], [LEISURE_SECONDS, 0.0, 0.0, None])

    def test_nothing_was_stored(self) -> None:
        """Before anything was stored there is nothing to do."""
        self.work()
        self.assertEqual((self.slow.asked, self.waits), (0, [None]))

    def test_what_comes_goes_first(self) -> None:
        """What comes within that second, or between two steps, is stored before another step is done."""
        self.counter.take(Mark(Note(1, "2026-01-05", "a.example", "unseen")))
        self.counter.commit()
        self.told.append(frame(Mark(Note(2, "2026-01-05", "a.example", "unseen")))[4:])
        asked: list[int] = []
        add = self.slow.add

        def noted(batch: object) -> None:
            asked.append(self.slow.asked)
            add(batch)  # type: ignore[arg-type]

        self.slow.add = noted  # type: ignore[method-assign, assignment]
        self.work()
        self.assertEqual(asked, [0])
        self.assertEqual(self.slow.asked, 3)

    def test_a_store_that_refuses(self) -> None:
        """A store that can't do it now is left alone until something was stored again."""
        self.counter.take(Mark(Note(1, "2026-01-05", "a.example", "unseen")))
        self.counter.commit()
        self.slow.fault = StoreFault("full")
        self.work()
        self.assertEqual((self.slow.asked, self.waits), (1, [LEISURE_SECONDS, None]))
        self.assertEqual(self.troubles, [])
