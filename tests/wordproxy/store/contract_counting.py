"""What is counted: words, batches, coverage, pages, and what retention leaves of them."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import (
    SORTS,
    CoverageQuery,
    Note,
    PageQuery,
    Share,
    Total,
    Word,
    WordQuery,
)
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, page


class CountingContract(StoreContract):
    """Sums, lists and their order."""

    # words

    def test_an_empty_store(self) -> None:
        """A store in which nothing was counted has no words, and zeros for totals."""
        found = self.store.words(WordQuery())
        self.assertEqual((found.total, found.words), (Total(0, 0, 0), []))
        self.assertEqual(self.store.coverage(CoverageQuery()).total, Share())

    def test_most_frequent_first(self) -> None:
        """Words come with occurrences and pages, most frequent first, ties by the word."""
        self.store.add(batch(page(1, "tide", "tide", "boat"), page(2, "harbour", "boat", "tide", path="b")))
        self.assertEqual(self.shown(), [("tide", 3, 2), ("boat", 2, 2), ("harbour", 1, 1)])
        self.assertEqual(self.store.words(WordQuery()).total, Total(6, 3, 2))

    def test_whole_word(self) -> None:
        """A word carries its language and the first and last day it was met, whatever days are asked for."""
        self.store.add(batch(page(1, "tide", day="2026-01-03"), page(2, "tide", day=NEXT)))
        self.assertEqual(
            self.store.words(WordQuery(day=NEXT)).words, [Word("tide", "en", 1, 1, "2026-01-03", NEXT)]
        )

    def test_reload(self) -> None:
        """A page that is loaded three times has three times the occurrences and is one page."""
        self.store.add(batch(*(page(n, "tide", "tide") for n in (1, 2, 3))))
        self.assertEqual(self.shown(), [("tide", 6, 1)])
        self.assertEqual(self.store.words(WordQuery()).total, Total(6, 1, 1))

    def test_the_form_met_most_often_is_shown(self) -> None:
        """Forms of one key are one word; the most frequent form stands for it, boilerplate included."""
        self.store.add(batch(page(1, ("The Hague", "the hague", 1, 0), ("the hague", "the hague", 1, 3))))
        self.assertEqual(self.shown(), [("the hague", 2, 1)])
        self.store.add(batch(page(2, ("The Hague", "the hague", 4, 0))))
        self.assertEqual(self.shown(), [("The Hague", 6, 1)])

    def test_languages_keep_apart(self) -> None:
        """The same letters in two languages are two words."""
        self.store.add(batch(page(1, "gift", "gift"), page(2, "gift", lang="de", path="b")))
        both = [(word.word, word.lang, word.occurrences) for word in self.store.words(WordQuery()).words]
        self.assertEqual(both, [("gift", "en", 2), ("gift", "de", 1)])
        self.assertEqual(self.shown(WordQuery(lang="de")), [("gift", 1, 1)])
        self.assertEqual(self.store.words(WordQuery(lang="de")).total, Total(1, 1, 1))

    def test_a_page_in_two_languages(self) -> None:
        """A page that comes in two languages is one page in each."""
        self.store.add(batch(page(1, "gift"), page(2, "gift", lang="de"), page(3, "gift", lang="de")))
        self.assertEqual(sorted(self.shown()), [("gift", 1, 1), ("gift", 2, 1)])
        self.assertEqual(self.store.words(WordQuery()).total.pages, 2)

    def test_boilerplate(self) -> None:
        """Words of menus are out of the main view, in pages too, and are all there with everything."""
        self.store.add(
            batch(page(1, "tide", ("menu", "menu", 0, 9)), page(2, "menu", ("tide", "tide", 0, 2), path="b"))
        )
        self.assertEqual(self.shown(), [("menu", 1, 1), ("tide", 1, 1)])
        self.assertEqual(self.shown(WordQuery(everything=True)), [("menu", 10, 2), ("tide", 3, 2)])
        self.assertEqual(self.store.words(WordQuery(everything=True)).total, Total(13, 2, 2))

    def test_a_word_that_moves_into_the_main_text(self) -> None:
        """A page on whose later visit a word is in the main text counts then, once."""
        self.store.add(batch(page(1, ("tide", "tide", 0, 1))))
        self.assertEqual(self.shown(), [])
        self.store.add(batch(page(2, "tide"), page(3, "tide")))
        self.assertEqual(self.shown(), [("tide", 2, 1)])
        self.assertEqual(self.shown(WordQuery(day=DAY)), [("tide", 2, 1)])
        self.assertEqual(self.shown(WordQuery(everything=True)), [("tide", 3, 1)])

    def test_stop_words(self) -> None:
        """Stop words are left out of the list and its sums in their language only; everything has them."""
        self.store.add(batch(page(1, "The", "the", "tide"), page(2, "the", "tide", lang="de", path="b")))
        self.assertEqual(self.shown(), [("the", 1, 1), ("tide", 1, 1)])
        self.assertEqual(self.store.words(WordQuery()).total, Total(2, 2, 2))
        self.assertEqual(self.store.words(WordQuery(everything=True)).total, Total(5, 4, 2))

    def test_days(self) -> None:
        """A day or range counts what was read then; a page read on two of its days is one page."""
        self.store.add(batch(page(1, "tide"), page(2, "tide", day=NEXT), page(3, "tide", path="b", day=NEXT)))
        for query, expected in [
            (WordQuery(day=DAY), ("tide", 1, 1)),
            (WordQuery(day=NEXT), ("tide", 2, 2)),
            (WordQuery(from_=DAY), ("tide", 3, 2)),
            (WordQuery(to=NEXT), ("tide", 3, 2)),
            (WordQuery(from_=DAY, to=NEXT, everything=True), ("tide", 3, 2)),
            (WordQuery(from_=NEXT), ("tide", 2, 2)),
            (WordQuery(), ("tide", 3, 2)),
        ]:
            self.assertEqual(self.shown(query), [expected], query)
            self.assertEqual(self.store.words(query).total, Total(expected[1], 1, expected[2]), query)
        for query in (WordQuery(day="2026-01-04"), WordQuery(from_=NEXT, to=DAY)):
            self.assertEqual(self.store.words(query).total, Total(0, 0, 0), query)

    def test_days_out_of_order(self) -> None:
        """An import of older days, or a clock set back, changes no sum."""
        self.store.add(batch(page(1, "tide", day=NEXT), page(2, "tide"), page(3, "tide", day=NEXT)))
        self.assertEqual(self.shown(WordQuery(from_=DAY, to=NEXT)), [("tide", 3, 1)])
        self.assertEqual(self.shown(WordQuery(day=NEXT)), [("tide", 2, 1)])
        self.assertEqual(self.store.words(WordQuery()).words[0].first, DAY)

    def test_sites_and_two_filters(self) -> None:
        """A site's words are its own; filters combine, and parts add up to the whole."""
        self.store.add(
            batch(
                page(1, "tide", "boat"),
                page(2, "tide", host="sea.example"),
                page(3, "tide", host="sea.example", day=NEXT),
            )
        )
        self.assertEqual(self.shown(WordQuery(site="sea.example")), [("tide", 2, 1)])
        self.assertEqual(self.shown(WordQuery(site="sea.example", day=NEXT)), [("tide", 1, 1)])
        self.assertEqual(self.shown(WordQuery(site="sea.example", from_=DAY, to=NEXT)), [("tide", 2, 1)])
        self.assertEqual(self.shown(WordQuery(site="none.example")), [])
        totals = [self.store.words(WordQuery(site=site)).total for site in ("news.example", "sea.example")]
        self.assertEqual(sum(total.pages for total in totals), self.store.words(WordQuery()).total.pages)

    def test_search(self) -> None:
        """``q`` is part of a word or a pattern; case, accents and typographic apostrophes don't matter."""
        self.store.add(batch(page(1, "Café", "cafeteria", "decaf", "don't", "[x", "Ünter", "страна́")))
        for q, expected in [
            ("caf", {"Café", "cafeteria", "decaf"}),
            ("caf*", {"Café", "cafeteria"}),
            ("*CAF", {"decaf"}),
            ("cafe", {"Café", "cafeteria"}),
            ("c*a", {"cafeteria"}),
            ("don’t", {"don't"}),
            ("[x", {"[x"}),
            ("?", set()),
            ("UNT", {"Ünter"}),
            ("страна", {"страна́"}),
            ("**", {"Café", "cafeteria", "decaf", "don't", "[x", "Ünter", "страна́"}),
        ]:
            self.assertEqual({row[0] for row in self.shown(WordQuery(q=q))}, expected, q)

    def test_pages_of_a_list(self) -> None:
        """Limit and offset cut the list, never the totals; limit 0 is everything."""
        self.store.add(batch(page(1, *(f"w{n:03}" for n in range(150)))))
        self.assertEqual(len(self.shown()), 100)
        self.assertEqual([row[0] for row in self.shown(WordQuery(limit=2, offset=149))], ["w149"])
        self.assertEqual(len(self.shown(WordQuery(limit=0))), 150)
        self.assertEqual(self.store.words(WordQuery(limit=1, offset=500)).total, Total(150, 150, 1))

    def test_sorts(self) -> None:
        """Each sort has the one direction that people want."""
        self.store.add(
            batch(
                page(1, "old", "old", "old", day="2026-01-01"),
                page(2, "old", "wide", day="2026-01-02", path="b"),
                page(3, "wide", day="2026-01-03", path="c"),
                page(4, "wide", "new", day="2026-01-03", path="d"),
            )
        )
        found = {sort: [row[0] for row in self.shown(WordQuery(sort=sort))] for sort in SORTS}
        self.assertEqual(
            found,
            {
                "occurrences": ["old", "wide", "new"],
                "pages": ["wide", "old", "new"],
                "word": ["new", "old", "wide"],
                "first": ["new", "wide", "old"],
                "last": ["wide", "new", "old"],
            },
        )

    # batches

    def test_a_batch_twice(self) -> None:
        """A batch that is sent again, whole or overlapping, changes nothing but by what is new in it."""
        first = batch(page(1, "tide"), Note(2, DAY, "x.example", "unseen"), page(3, "boat"))
        self.store.add(first)
        self.store.add(first)
        self.assertEqual(self.store.words(WordQuery()).total, Total(2, 2, 1))
        self.store.add(batch(page(3, "boat"), Note(2, DAY, "x.example", "unseen"), page(4, "boat")))
        self.assertEqual(self.shown(), [("boat", 2, 1), ("tide", 1, 1)])
        share = self.store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.unseen), (3, 1))

    def test_last_counts_without_pages(self) -> None:
        """``last`` moves the node on, also past what the batch does not hold."""
        self.store.add(batch(last=5))
        self.store.add(batch(page(5, "tide"), page(6, "boat")))
        self.assertEqual(self.shown(), [("boat", 1, 1)])

    def test_last(self) -> None:
        """A store tells how far it has what a node sent, however often it was sent."""
        self.assertEqual(self.store.last("one"), 0)
        self.store.add(batch(page(1, "tide"), page(3, "boat"), node="one"))
        self.store.add(batch(page(2, "sea"), node="one"))
        self.store.add(batch(last=7, node="two"))
        self.assertEqual([self.store.last(node) for node in ("one", "two", "three")], [3, 7, 0])

    def test_nodes_are_apart(self) -> None:
        """Two nodes have their own sequences."""
        self.store.add(batch(page(1, "tide"), node="one"))
        self.store.add(batch(page(1, "tide"), node="two"))
        self.assertEqual(self.shown(), [("tide", 2, 1)])

    def test_a_bad_page_undoes_its_batch(self) -> None:
        """A batch of which one page can't be added is not added at all, and can be sent again."""
        bad = batch(page(1, "tide"), page(2, "boat", day="yesterday"))
        self.assertRaises(ValueError, self.store.add, bad)
        self.assertEqual(self.store.words(WordQuery()).total, Total(0, 0, 0))
        self.store.add(batch(page(1, "tide"), page(2, "boat")))
        self.assertEqual(self.store.words(WordQuery()).total.occurrences, 2)

    # coverage

    def test_coverage(self) -> None:
        """Counted pages, unseen tunnels, reasons and paused seconds are summed for the days asked for."""
        self.store.add(
            batch(
                page(1, "tide"),
                Note(2, DAY, "shop.example", "unseen"),
                Note(3, DAY, "mail.example", "unseen", 3),
                Note(4, DAY, "news.example", "not text", 2),
                Note(5, DAY, "news.example", "too large"),
                Note(6, DAY, "", "paused", 12.5),
                Note(7, NEXT, "shop.example", "unseen"),
            )
        )
        skipped = {"not text": 2, "too large": 1}
        self.assertEqual(self.store.coverage(CoverageQuery(day=DAY)).total, Share(1, 4, skipped, 12.5, 2))
        self.assertEqual(self.store.coverage(CoverageQuery()).total, Share(1, 5, skipped, 12.5, 2))

    def test_coverage_by_day_and_host(self) -> None:
        """Coverage comes in parts by day (newest first), by host, or both, beside the whole."""
        self.store.add(
            batch(page(1, "tide"), page(2, "tide", day=NEXT), Note(3, NEXT, "shop.example", "unseen"))
        )
        for by, expected in [
            (("day",), [(NEXT, "", 1, 1), (DAY, "", 1, 0)]),
            (("host",), [("", "news.example", 2, 0), ("", "shop.example", 0, 1)]),
            (
                ("day", "host"),
                [(NEXT, "news.example", 1, 0), (NEXT, "shop.example", 0, 1), (DAY, "news.example", 1, 0)],
            ),
        ]:
            found = self.store.coverage(CoverageQuery(by=by))
            parts = [(day, host, share.counted, share.unseen) for day, host, share in found.parts]
            self.assertEqual(parts, expected, by)
            self.assertEqual((found.total.counted, found.total.unseen), (2, 1), by)

    # pages

    def test_pages(self) -> None:
        """Pages are listed newest visit first, with their visits."""
        self.store.add(
            batch(page(1, "tide"), page(2, "tide", path="b", lang="de"), page(3, "tide", day=NEXT))
        )
        found = self.store.pages(PageQuery())
        self.assertEqual(found.total, 2)
        self.assertEqual(
            [
                (row.url, row.title, row.host, row.lang, row.first, row.last, row.visits)
                for row in found.pages
            ],
            [
                ("http://news.example/a", "A title", "news.example", "en", DAY, NEXT, 2),
                ("http://news.example/b", "A title", "news.example", "de", DAY, DAY, 1),
            ],
        )
        self.assertEqual(self.store.pages(PageQuery(lang="de")).total, 1)
        self.assertEqual(self.store.pages(PageQuery(day=NEXT)).total, 1)
        self.assertEqual(self.store.pages(PageQuery(site="other.example")).total, 0)
        self.assertEqual(len(self.store.pages(PageQuery(limit=1, offset=1)).pages), 1)

    def test_sources(self) -> None:
        """Languages and sites are those with most pages first."""
        self.store.add(
            batch(page(1, "a"), page(2, "a", path="b"), page(3, "b", host="sea.example", lang="de"))
        )
        self.assertEqual(self.store.sources().langs, [("en", 2), ("de", 1)])
        self.assertEqual(self.store.sources(limit=1).sites, [("news.example", 2)])

    def test_retention_keeps_numbers(self) -> None:
        """After retention old addresses are gone, sums are as before, and the page met again is new."""
        self.store.add(batch(page(1, "tide"), page(2, "tide", path="b", day=NEXT)))
        before = self.store.words(WordQuery())
        by_day = self.store.words(WordQuery(day=DAY))
        self.store.retain(NEXT)
        self.assertEqual(self.store.words(WordQuery()), before)
        self.assertEqual(self.store.words(WordQuery(day=DAY)), by_day)
        self.assertEqual([row.url for row in self.store.pages(PageQuery()).pages], ["http://news.example/b"])
        self.store.add(batch(page(3, "tide", day=NEXT)))
        self.assertEqual(self.shown(), [("tide", 3, 3)])

    # the rest

    def test_what_must_not_be_stored(self) -> None:
        """A query, fragment or password that slips in is cut off; long titles are cut."""
        raw = page(1, "tide", path="a?token=s3cret#top", title="t" * 9999)
        self.store.add(batch(raw))
        (row,) = self.store.pages(PageQuery()).pages
        self.assertEqual(row.url, "http://news.example/a?…")
        self.assertEqual(len(row.title or ""), 500)

    def test_status(self) -> None:
        """The status says how many words and pages there are."""
        self.store.add(batch(page(1, "tide", "boat")))
        status = self.store.status()
        self.assertEqual((status.words, status.pages), (2, 1))
