"""What reports ask beyond plain lists: levels, names and pages in word lists, and breakdowns."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import (
    UNKNOWN,
    BreakdownQuery,
    Knowledge,
    Known,
    PageQuery,
    Part,
    Total,
    WordQuery,
)
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, page

SEA = "sea.example"


class ReadingContract(StoreContract):
    """Filters of `Store.words`, `PageRow.known` and `Store.breakdown`."""

    def keys(self, query: WordQuery) -> list[str]:
        return [word.key for word in self.store.words(query).words]

    def parts(self, query: BreakdownQuery) -> list[Part]:
        return self.store.breakdown(query).parts

    # words

    def test_rows_tell_key_level_and_name(self) -> None:
        """A row has the word's key, its level, and whether it is a name."""
        self.store.add(batch(page(1, "Anna", "Tide", "tide", names=["anna"])))
        self.store.set_levels([Knowledge("tide", "en", "learning")])
        rows = {word.key: (word.known, word.is_name) for word in self.store.words(WordQuery()).words}
        self.assertEqual(rows, {"anna": ("new", True), "tide": ("learning", False)})

    def test_levels(self) -> None:
        """Each level can be asked for, or all that is not known, in lists and their totals."""
        self.store.add(batch(page(1, "tide", "tide", "boat", "harbour", "sail", "the")))
        levels = {"tide": "known", "boat": "ignored", "harbour": "learning", "the": "known"}
        self.store.set_levels([Knowledge(key, "en", level) for key, level in levels.items()])
        for known, keys, total in [
            ("known", ["tide"], Total(2, 1, 1)),
            ("ignored", ["boat"], Total(1, 1, 1)),
            ("learning", ["harbour"], Total(1, 1, 1)),
            ("new", ["sail"], Total(1, 1, 1)),
            (UNKNOWN, ["harbour", "sail"], Total(2, 2, 1)),
        ]:
            for days in ({}, {"from_": DAY}, {"site": "news.example"}):
                found = self.store.words(WordQuery(known=known, **days))
                self.assertEqual([word.key for word in found.words], keys, (known, days))
                self.assertEqual(found.total, total, (known, days))
        self.assertEqual(self.keys(WordQuery(known="known", everything=True)), ["tide", "the"])

    def test_levels_are_of_a_language(self) -> None:
        """A level that was said of a word in one language says nothing of another."""
        self.store.add(batch(page(1, "gift"), page(2, "gift", lang="de", path="b")))
        self.store.set_levels([Knowledge("gift", "de", "known")])
        found = self.store.words(WordQuery(known=UNKNOWN)).words
        self.assertEqual([(word.key, word.lang) for word in found], [("gift", "en")])

    def test_without_names(self) -> None:
        """Names are left out of list and totals if that is asked; with search and levels, too."""
        self.store.add(batch(page(1, "Anna", "anchor", "tide", names=["anna"])))
        self.assertEqual(self.keys(WordQuery(names=False)), ["anchor", "tide"])
        self.assertEqual(self.store.words(WordQuery(names=False)).total, Total(2, 2, 1))
        self.assertEqual(self.keys(WordQuery(names=False, q="an", known="new", day=DAY)), ["anchor"])

    def test_words_of_a_page(self) -> None:
        """The words of a page are those of its latest visit."""
        self.store.add(batch(page(1, "tide", "boat"), page(2, "tide", "tide", ("menu", "menu", 0, 1))))
        self.store.add(batch(page(3, "harbour", path="b")))
        (of_a,) = (
            row.id for row in self.store.pages(PageQuery()).pages if row.url == "http://news.example/a"
        )
        found = self.store.words(WordQuery(page=of_a))
        self.assertEqual([(w.key, w.occurrences, w.pages) for w in found.words], [("tide", 2, 1)])
        self.assertEqual(found.total, Total(2, 1, 1))
        self.assertEqual(self.keys(WordQuery(page=of_a, everything=True)), ["tide", "menu"])
        for other in ("", "zz:en", of_a[:-2] + "de"):
            self.assertEqual(self.store.words(WordQuery(page=other)).total, Total(), other)

    # pages

    def test_a_page_and_how_much_of_it_is_known(self) -> None:
        """A page is found by its id; known and ignored words of its latest visit count, stop words too."""
        self.store.add(batch(page(1, "boat"), page(2, "the", "tide", "tide", ("boat", "boat", 0, 1))))
        self.store.add(batch(page(3, "harbour", path="b")))
        self.store.set_levels([Knowledge("tide", "en", "known"), Knowledge("the", "en", "ignored")])
        row = self.store.pages(PageQuery()).pages[1]
        self.assertEqual(row.known, Known(3, 3, 2, 2))
        self.store.set_levels([Knowledge("the", "en", "learning")])
        found = self.store.pages(PageQuery(id=row.id))
        self.assertEqual((found.total, found.pages[0].known), (1, Known(3, 2, 2, 1)))
        self.assertEqual(self.store.pages(PageQuery(id="nothing")).total, 0)

    # breakdowns

    def history(self) -> None:
        self.store.add(
            batch(
                page(1, "the", "tide", "boat"),
                page(2, "tide", ("menu", "menu", 0, 2), host=SEA),
                page(3, "tide", "gift", day=NEXT),
                page(4, "gift", host=SEA, lang="de", day=NEXT),
            )
        )
        self.store.set_levels([Knowledge("tide", "en", "known"), Knowledge("gift", "de", "ignored")])

    def test_by_day(self) -> None:
        """Days come newest first, with distinct and new words, pages, and shares of both kinds."""
        self.history()
        expected = [
            Part(NEXT, 3, 3, 2, 2, Known(3, 2, 3, 2)),
            Part(DAY, 4, 3, 2, 3, Known(4, 2, 3, 1)),
        ]
        self.assertEqual(self.parts(BreakdownQuery("day")), expected)
        self.assertEqual(self.parts(BreakdownQuery("day", from_=NEXT)), expected[:1])
        found = self.store.breakdown(BreakdownQuery("day", limit=1, offset=1))
        self.assertEqual((found.total, found.parts), (2, expected[1:]))

    def test_by_site(self) -> None:
        """Sites come by occurrences; a word first met at two sites on one day is new at both."""
        self.history()
        self.assertEqual(
            self.parts(BreakdownQuery("site")),
            [
                Part("news.example", 5, 4, 1, 4, Known(5, 2, 4, 1)),
                Part(SEA, 2, 2, 2, 2, Known(2, 2, 2, 2)),
            ],
        )
        self.assertEqual(
            self.parts(BreakdownQuery("site", from_=DAY, to=NEXT, lang="de")),
            [Part(SEA, 1, 1, 1, 1, Known(1, 1, 1, 1))],
        )

    def test_by_language(self) -> None:
        """Languages come by occurrences; everything has boilerplate in it, known shares never have."""
        self.history()
        expected = [
            Part("en", 8, 5, 2, 5, Known(6, 3, 4, 1)),
            Part("de", 1, 1, 1, 1, Known(1, 1, 1, 1)),
        ]
        for days in ({}, {"from_": DAY}):
            query = BreakdownQuery("lang", everything=True, **days)
            self.assertEqual(self.parts(query), expected, days)
        self.assertEqual(
            self.parts(BreakdownQuery("lang", site=SEA, day=DAY)), [Part("en", 1, 1, 1, 1, Known(1, 1, 1, 1))]
        )

    def test_of_one_word(self) -> None:
        """A word's days, sites and language are those where it has an occurrence in the text asked about."""
        self.history()
        known = Known(1, 1, 1, 1)
        twice = Known(2, 2, 1, 1)
        for query, expected in [
            (
                BreakdownQuery("day", word="tide", lang="en"),
                [Part(NEXT, 1, 1, 1, 0, known), Part(DAY, 2, 1, 2, 1, twice)],
            ),
            (
                BreakdownQuery("site", word="tide", lang="en"),
                [Part("news.example", 2, 1, 1, 1, twice), Part(SEA, 1, 1, 1, 1, known)],
            ),
            (
                BreakdownQuery("lang", word="tide", lang="en", from_=DAY),
                [Part("en", 3, 1, 2, 1, Known(3, 3, 1, 1))],
            ),
            (BreakdownQuery("day", word="menu", lang="en"), []),
            (
                BreakdownQuery("site", word="menu", lang="en", everything=True),
                [Part(SEA, 2, 1, 1, 1, Known())],
            ),
            (BreakdownQuery("day", word="nothing", lang="en"), []),
        ]:
            self.assertEqual(self.parts(query), expected, query)

    def test_questions_that_can_not_be_asked(self) -> None:
        """A breakdown by what is none, of a word without its language, or of no day, is an error."""
        for query in (
            BreakdownQuery("month"),
            BreakdownQuery("day", word="tide"),
            BreakdownQuery("day", day="yesterday"),
        ):
            self.assertRaises(ValueError, self.store.breakdown, query)
