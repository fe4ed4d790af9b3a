"""Where visits come from, and pages that had not changed."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import (
    IMPORTED,
    INGESTED,
    CoverageQuery,
    PageQuery,
    Total,
    WordQuery,
)
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, page, revisit


class VisitsContract(StoreContract):
    """Sources in the coverage, and visits that repeat the one before."""

    def test_sources_in_coverage(self) -> None:
        """Coverage tells pages that were read from those that were brought, and all are words read."""
        self.store.add(
            batch(page(1, "tide"), page(2, "tide", source=INGESTED), page(3, "tide", source=IMPORTED))
        )
        share = self.store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.ingested, share.imported, share.recounted), (1, 1, 1, 0))
        self.assertEqual(share.skipped, {})
        self.assertEqual(self.store.words(WordQuery()).total, Total(3, 1, 1))

    def test_not_modified_counts_again(self) -> None:
        """A page that had not changed is counted as its latest visit was: words, boilerplate, forms, days."""
        self.store.add(
            batch(
                page(1, "boat"),
                page(2, ("Tide", "tide", 2, 1), ("tide", "tide", 1, 0), ("menu", "menu", 0, 3)),
            )
        )
        self.store.add(batch(revisit(3, day=NEXT)))
        self.assertEqual(self.shown(), [("Tide", 6, 1), ("boat", 1, 1)])
        self.assertEqual(self.shown(WordQuery(day=NEXT)), [("Tide", 3, 1)])
        self.assertEqual(self.store.words(WordQuery(everything=True)).total, Total(15, 3, 1))
        facts = self.store.word("tide", "en")
        assert facts is not None
        self.assertEqual((facts.forms, facts.other_occurrences), ([("Tide", 6), ("tide", 2)], 2))
        share = self.store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.recounted, share.skipped), (2, 1, {}))
        (row,) = self.store.pages(PageQuery()).pages
        self.assertEqual((row.visits, row.last, row.url), (3, NEXT, "http://news.example/a"))

    def test_not_modified_within_a_batch(self) -> None:
        """What comes before it in the same batch is what is counted again; another revisit does it again."""
        self.store.add(
            batch(page(1, "tide"), page(2, "boat", "boat"), revisit(3), revisit(4), page(5, "net"))
        )
        self.assertEqual(self.shown(), [("boat", 6, 1), ("net", 1, 1), ("tide", 1, 1)])
        self.store.add(batch(revisit(6)))
        self.assertEqual(self.shown(WordQuery(q="net")), [("net", 2, 1)])

    def test_not_modified_in_the_latest_language(self) -> None:
        """A page that was met in two languages is counted again in that of its latest visit."""
        self.store.add(batch(page(1, "gift"), page(2, "gift", lang="de"), revisit(3)))
        self.assertEqual(self.shown(WordQuery(lang="de")), [("gift", 2, 1)])
        self.assertEqual(self.shown(WordQuery(lang="en")), [("gift", 1, 1)])

    def test_not_modified_of_a_newest_day(self) -> None:
        """The latest visit is that of the newest day, in whichever order days are told."""
        self.store.add(batch(page(1, "tide", day=NEXT)))
        self.store.add(batch(page(2, "boat", day=DAY)))
        self.store.add(batch(revisit(3, day=NEXT)))
        self.assertEqual(self.shown(), [("tide", 2, 1), ("boat", 1, 1)])

    def test_not_modified_of_an_unknown_page(self) -> None:
        """A page that isn't known, or no more, is one that was skipped: not modified."""
        self.store.add(batch(page(1, "tide"), revisit(2, path="b")))
        self.store.retain(NEXT)
        self.store.add(batch(revisit(3)))
        self.assertEqual(self.shown(), [("tide", 1, 1)])
        share = self.store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.recounted, share.skipped), (1, 0, {"not modified": 2}))

    def test_a_revisit_twice(self) -> None:
        """A revisit that is sent again changes nothing."""
        again = batch(page(1, "tide"), revisit(2))
        self.store.add(again)
        self.store.add(again)
        self.store.add(batch(revisit(2), last=2))
        self.assertEqual(self.shown(), [("tide", 2, 1)])
        self.assertEqual(self.store.coverage(CoverageQuery()).total.recounted, 1)

    def test_the_title_of_the_newest_day(self) -> None:
        """A page has the title and address of the newest day that told them."""
        self.store.add(batch(page(1, "tide", day=NEXT, title="New"), page(2, "tide", title="Old")))
        self.store.add(batch(page(3, "tide", day=NEXT, title=None)))
        self.assertEqual(self.store.pages(PageQuery()).pages[0].title, "New")
