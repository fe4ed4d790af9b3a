"""Forgetting: what is left has the numbers of a store that never had it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite.wordproxy.store.contract import (
    BREAKDOWNS,
    Batch,
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    Forget,
    Knowledge,
    Note,
    Page,
    PageQuery,
    Revisit,
    Store,
    Total,
    WordQuery,
)
from tests.scale import NIGHTLY
from tests.wordproxy.store.contract import NEXT, STOP, StoreContract
from tests.wordproxy.store.samples import DAY, batch, digest, page, revisit

DAYS = ["2026-01-05", "2026-01-06", "2026-02-07"]
HOSTS = ["news.example", "sea.example"]
LANGS = ["en", "de"]
LATER = "2026-03-01"

forms = st.tuples(
    st.sampled_from(["The", "tide", "Tide", "boat", "Anna"]), st.integers(0, 2), st.integers(0, 2)
).map(lambda f: (f[0], f[0].casefold(), f[1], f[2]))
pages = st.builds(
    lambda forms, names, path, host, lang, day: page(
        0, *forms, names=names, path=path, host=host, lang=lang, day=day, title=path
    ),
    st.lists(forms, max_size=4),
    st.lists(st.sampled_from(["anna", "tide"]), max_size=2),
    st.sampled_from(["a", "b"]),
    st.sampled_from(HOSTS),
    st.sampled_from(LANGS),
    st.sampled_from(DAYS),
)
notes = st.builds(
    lambda day, host: Note(0, day, host, "not text"), st.sampled_from(DAYS), st.sampled_from(HOSTS)
)
revisits = st.builds(
    lambda path, host, day: revisit(0, path=path, host=host, day=day),
    st.sampled_from(["a", "b"]),
    st.sampled_from(HOSTS),
    st.sampled_from(DAYS),
)
#: How histories are tried.  Each kind of store is a class of its own with the same tests.
HISTORIES: dict[str, Any] = {
    "deadline": None,
    "max_examples": 200 if NIGHTLY else 8,
    "suppress_health_check": [HealthCheck.differing_executors],
}

Item = Page | Note | Revisit
histories = st.lists(st.lists(pages | pages | pages | notes, max_size=4), max_size=4)
with_revisits = st.lists(st.lists(pages | pages | notes | revisits, max_size=4), max_size=4)


def batches(told: Sequence[Sequence[Item]]) -> list[Batch]:
    """What was told, numbered on; moments are in that order."""
    number = itertools.count(1)
    found = []
    for items in told:
        numbered: list[Item] = []
        for item in items:
            values = {name: getattr(item, name) for name in item.__struct_fields__}
            values["sequence"] = next(number)
            if "when" in values:
                values["when"] = 1767607200.0 + values["sequence"]
            numbered.append(type(item)(**values))
        found.append(batch(*numbered, last=1000))
    return [Batch(f"node{n}", 1000, b.pages, b.notes, b.revisits) for n, b in enumerate(found)]


def answers(store: Store) -> dict[str, Any]:
    """All that a store says, in numbers."""
    queries = [
        WordQuery(limit=0),
        WordQuery(limit=0, everything=True),
        WordQuery(limit=0, lang="en", day=DAYS[0]),
        WordQuery(limit=0, site=HOSTS[1], everything=True),
        WordQuery(limit=0, from_=DAYS[0], to=DAYS[1]),
        WordQuery(limit=0, site=HOSTS[0], from_=DAYS[1], everything=True),
    ]
    found: dict[str, Any] = {str(query): store.words(query) for query in queries}
    every = store.words(WordQuery(everything=True, limit=0)).words
    found["facts"] = [store.word(word.key or word.word.casefold(), word.lang) for word in every]
    found["coverage"] = store.coverage(CoverageQuery(by=("day", "host")))
    found["pages"] = store.pages(PageQuery(limit=0))
    found["pages of a day"] = store.pages(PageQuery(day=DAYS[1], limit=0))
    found["sources"] = store.sources()
    found["status"] = (store.status().words, store.status().pages)
    for by in BREAKDOWNS if hasattr(store, "breakdown") else ():
        found[by] = store.breakdown(BreakdownQuery(by, limit=0))
    return found


class ForgettingContract(StoreContract):
    """`Store.forget`, against stores that never had what is forgotten."""

    def forgets(
        self,
        told: Sequence[Sequence[Item]],
        what: Forget,
        without: Callable[[Item], Item | None],
        *,
        kept_days: str | None = None,
    ) -> None:
        """After forgetting, and again after more of the same was told, the store is as one without it."""
        one, two = self.open(STOP), self.open(STOP)
        try:
            for store in (one, two):
                for told_now in batches(told if store is one else _only(told, without)):
                    store.add(told_now)
                if kept_days is not None:
                    store.retain(kept_days)
            one.forget(what)
            self.assertEqual(answers(one), answers(two))
            for store in (one, two):
                for b in batches(told):
                    store.add(Batch(f"again {b.node}", b.last, b.pages, b.notes, b.revisits))
            self.assertEqual(answers(one), answers(two))
        finally:
            one.close()
            two.close()

    @settings(**HISTORIES)
    @given(histories, st.sampled_from(["a", "b"]), st.sampled_from(HOSTS), st.sampled_from(LANGS))
    def test_a_page(self, told: list[list[Item]], path: str, host: str, lang: str) -> None:
        """A forgotten page was never met; in another language it is another page."""
        known_by = digest(path, host)

        def without(item: Item) -> Item | None:
            return None if isinstance(item, Page) and (item.digest, item.lang) == (known_by, lang) else item

        self.forgets(told, Forget(page=f"{known_by.hex()}:{lang}"), without)

    @settings(**HISTORIES)
    @given(with_revisits, st.sampled_from(HOSTS), st.sampled_from([None, DAYS[1], LATER]))
    def test_a_host(self, told: list[list[Item]], host: str, kept_days: str | None) -> None:
        """A forgotten host was never met, and isn't in the coverage; also where its addresses went before."""
        self.forgets(
            told,
            Forget(host=host),
            lambda item: None if item.host == host else item,
            kept_days=kept_days,
        )

    @settings(**HISTORIES)
    @given(histories, st.sampled_from(DAYS))
    def test_a_day(self, told: list[list[Item]], day: str) -> None:
        """On a forgotten day nothing was met, and nothing skipped."""
        self.forgets(told, Forget(day=day), lambda item: None if item.day == day else item)

    @settings(**HISTORIES)
    @given(
        with_revisits,
        st.sampled_from(["tide", "anna", "the"]),
        st.sampled_from(LANGS),
        st.sampled_from([None, DAYS[1], LATER]),
    )
    def test_a_word(self, told: list[list[Item]], key: str, lang: str, kept_days: str | None) -> None:
        """A forgotten word was on no page; the pages were read all the same."""

        def without(item: Item) -> Item | None:
            if not isinstance(item, Page) or item.lang != lang:
                return item
            values = {name: getattr(item, name) for name in Page.__struct_fields__}
            return Page(**{**values, "forms": [form for form in item.forms if form[1] != key]})

        self.forgets(told, Forget(word=key, lang=lang), without, kept_days=kept_days)

    @settings(**HISTORIES)
    @given(with_revisits, st.sampled_from([None, DAYS[1]]))
    def test_everything(self, told: list[list[Item]], kept_days: str | None) -> None:
        """When everything is forgotten nothing was met."""
        self.forgets(told, Forget(everything=True), lambda item: None, kept_days=kept_days)

    @settings(**HISTORIES)
    @given(histories, st.sampled_from(DAYS))
    def test_a_day_whose_addresses_went_before(self, told: list[list[Item]], day: str) -> None:
        """Of pages that retention removed occurrences and days are right, and no page is counted too much."""
        one, two = self.open(STOP), self.open(STOP)
        try:
            for store in (one, two):
                for told_now in batches(told if store is one else _only(told, lambda i: _not_on(i, day))):
                    store.add(told_now)
                store.retain(LATER)
            one.forget(Forget(day=day))
            for query in (WordQuery(limit=0), WordQuery(limit=0, everything=True), WordQuery(site=HOSTS[0])):
                left, right = one.words(query), two.words(query)
                self.assertEqual(_occurrences(left.words), _occurrences(right.words))
                for word, expected in zip(
                    sorted(left.words, key=str), sorted(right.words, key=str), strict=True
                ):
                    self.assertTrue(0 < word.pages <= expected.pages, (word, expected))
            self.assertEqual(one.coverage(CoverageQuery()), two.coverage(CoverageQuery()))
        finally:
            one.close()
            two.close()

    # by hand

    def test_a_day_that_brought_a_word_to_main_text(self) -> None:
        """What a forgotten day had counted in main text first is still counted, if another day had it."""
        store = self.open(STOP)
        self.addCleanup(store.close)
        store.add(batch(page(1, ("tide", "tide", 0, 1))))
        store.add(batch(page(2, "tide", day=NEXT)))
        store.add(batch(page(3, "tide")))
        store.retain(LATER)
        store.forget(Forget(day=NEXT))
        self.assertEqual([(word.word, word.pages) for word in store.words(WordQuery()).words], [("tide", 1)])

    def test_how_many(self) -> None:
        """Forgetting says how many pages or words that were, and 0 the second time."""
        for what, expected in [
            (Forget(word="tide", lang="en"), 1),
            (Forget(page=f"{digest('a', 'news.example').hex()}:en"), 1),
            (Forget(page="nonsense"), 0),
            (Forget(host="news.example"), 2),
            (Forget(day=NEXT), 2),
            (Forget(everything=True), 3),
        ]:
            store = self.open(STOP)
            self.addCleanup(store.close)
            store.add(
                batch(
                    page(1, "tide"),
                    page(2, "tide", path="b", day=NEXT),
                    page(3, "boat", host="sea.example", day=NEXT),
                )
            )
            self.assertEqual((store.forget(what), store.forget(what)), (expected, 0), what)

    def test_one_thing_at_a_time(self) -> None:
        """What says nothing, or two things, or a word without its language, is an error."""
        for what in (Forget(), Forget(host="a", day=DAY), Forget(word="a"), Forget(lang="en", day=DAY)):
            self.assertRaises(ValueError, self.store.forget, what)

    def test_not_counted_again_by_a_resend(self) -> None:
        """A batch that was counted before everything was forgotten is not counted when it comes again."""
        told = batch(page(1, "tide"))
        self.store.add(told)
        self.store.forget(Forget(everything=True))
        self.store.add(told)
        self.assertEqual(self.store.words(WordQuery()).total, Total())

    def test_levels_stay(self) -> None:
        """Everything but the levels is forgotten, unless these are to go too; a word goes with its level."""
        told = [Knowledge("boat", "en", "known"), Knowledge("tide", "en", "known")]
        self.store.set_levels(told)
        self.store.add(batch(page(1, "tide", "boat")))
        self.store.forget(Forget(host="news.example"))
        self.store.forget(Forget(everything=True))
        self.assertEqual(self.store.levels(), told)
        self.store.forget(Forget(word="tide", lang="en"))
        self.assertEqual(self.store.levels(), told[:1])
        self.store.forget(Forget(everything=True, levels=True))
        self.assertEqual(self.store.levels(), [])

    def test_sentences_go(self) -> None:
        """Sentences go with their page, host or day."""
        for what in (
            Forget(page=f"{digest('a', 'news.example').hex()}:en"),
            Forget(host="news.example"),
            Forget(day=DAY),
            Forget(everything=True),
        ):
            store = self.open(STOP)
            self.addCleanup(store.close)
            there = page(1, "tide", contexts=[("tide", "The tide is out.")])
            store.add(batch(there, page(2, "tide", host="sea.example", day=NEXT)))
            store.forget(what)
            self.assertEqual(store.contexts(ContextQuery("tide", "en")), [], what)

    def test_a_word_goes_with_what_has_it(self) -> None:
        """A word goes with each sentence, title and address of its language that has it, in any form."""
        told = [("boat", "The Tides and the tide lift a boat."), ("boat", "A boat.")]
        self.store.add(
            batch(
                page(1, "boat", "tide", path="low_TIDE-tables", title="Boats", contexts=told),
                page(2, "boat", path="%74ide/b", title="Tide!"),
                page(3, "boat", path="tides", title="Tides"),
                page(4, "boat", path="tide", title="Tide", lang="de"),
            )
        )
        self.store.forget(Forget(word="tide", lang="en"))
        rows = {(row.lang, row.url, row.title) for row in self.store.pages(PageQuery()).pages}
        self.assertEqual(
            rows,
            {
                ("en", None, "Boats"),
                ("en", None, None),
                ("en", "http://news.example/tides", "Tides"),
                ("de", "http://news.example/tide", "Tide"),
            },
        )
        found = [context.sentence for context in self.store.contexts(ContextQuery("boat", "en"))]
        self.assertEqual(found, ["A boat."])

    def test_a_corrected_site(self) -> None:
        """A site's corrected language goes with its name, and with everything."""
        for what in (Forget(host="news.example"), Forget(everything=True)):
            self.store.set_site_lang("news.example", "nl")
            self.store.forget(what)
            self.assertEqual(self.store.site_langs(), {}, what)


def _only(told: Sequence[Sequence[Item]], without: Callable[[Item], Item | None]) -> list[list[Item]]:
    return [[left for item in items if (left := without(item)) is not None] for items in told]


def _not_on(item: Item, day: str) -> Item | None:
    return None if item.day == day else item


def _occurrences(words: Sequence[Any]) -> dict[tuple[str, str], tuple[int, str, str]]:
    return {(word.word, word.lang): (word.occurrences, word.first, word.last) for word in words}
