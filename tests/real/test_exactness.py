"""The rule that tests with kills share: it finds each kind of fault, and names the page."""

from __future__ import annotations

from collections import Counter
from unittest import TestCase

from netsuite.wordproxy.store.contract import Share
from tests.real.exactness import COMMON, OWN, Delivery, Found, Kill, Told, code, faults

PAGES = 20


class RuleTests(TestCase):
    """Twenty pages of node one, delivered at seconds 0 to 19."""

    def setUp(self) -> None:
        self.told = Told(dict.fromkeys(range(PAGES), 1), [Delivery(n, "one", n) for n in range(PAGES)])

    @staticmethod
    def found(*numbers: int, unseen: int = 0, **skipped: int) -> Found:
        """A store that has these pages."""
        words: Counter[str] = Counter()
        for number in numbers:
            words[COMMON] += 1
            for name, times in OWN.items():
                words[f"{name}{code(number)}"] += times
        return Found(words, Share(len(numbers), unseen, skipped))

    def test_exact(self) -> None:
        """All is there once: nothing to say."""
        self.assertEqual(faults(self.told, self.found(*range(PAGES))), [])

    def test_twice(self) -> None:
        """A page that is there twice is named, though its words are in proportion."""
        self.assertIn("more often than sent: 1 pages (7)", faults(self.told, self.found(*range(PAGES), 7)))

    def test_in_part(self) -> None:
        """A page that lacks some of its words is named."""
        found = self.found(*range(PAGES))
        found.words[f"thrice{code(4)}"] -= 1
        self.assertEqual(faults(self.told, found), ["in part: 1 pages (4)"])

    def test_lost(self) -> None:
        """A missing page is named, unless a kill took it along: from that node, in its last moments."""
        found = self.found(*range(PAGES - 1))
        self.assertIn("delivered and lost: 1 pages (19)", faults(self.told, found))
        for kill, is_excused in ((Kill("one", 20, 1.5), True), (Kill("one", 21, 1.5), False)):
            self.assertEqual(not faults(self.told, found, [kill]), is_excused)
        self.assertTrue(faults(self.told, found, [Kill("two", 20, 1.5)]))

    def test_skipped(self) -> None:
        """A page that the coverage lists as skipped is not lost; the reason has to be a possible one."""
        found = self.found(*range(PAGES - 1), crashed=1)
        self.assertEqual(faults(self.told, found, reasons=["crashed"]), [])
        self.assertEqual(faults(self.told, found), ["skipped, crashed: 1 pages"])
        self.assertTrue(faults(self.told, self.found(*range(PAGES - 2), crashed=1), reasons=["crashed"]))

    def test_sums(self) -> None:
        """The coverage says what the words say; words of pages that nobody sent are found."""
        found = self.found(*range(PAGES))
        short = Found(found.words, Share(PAGES - 1))
        self.assertEqual(len(faults(self.told, short)), 2)
        self.assertTrue(faults(self.told, Found(found.words - Counter({COMMON: 1}), found.share)))
        found.words[f"once{code(999)}"] += 1
        self.assertEqual(faults(self.told, found), [f"words of pages not sent: ['once{code(999)}']"])

    def test_coverage(self) -> None:
        """What was counted, skipped and unseen is what the origin saw."""
        self.assertTrue(faults(self.told, self.found(*range(PAGES), crashed=1), reasons=["crashed"]))
        self.told.sent = {**self.told.sent, PAGES: 1}  # sent, and broken off before the client had it
        self.assertTrue(faults(self.told, self.found(*range(PAGES))))
        self.assertEqual(faults(self.told, self.found(*range(PAGES)), [Kill("one", 50)]), [])
        self.told.tunnels = (3.0,)
        self.assertTrue(faults(self.told, self.found(*range(PAGES + 1))))
        self.assertEqual(faults(self.told, self.found(*range(PAGES + 1), unseen=1)), [])
