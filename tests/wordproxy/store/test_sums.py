"""Sums of days, months, years and eras: no answer depends on whether they are there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import gists, renewing, sums
from netsuite.wordproxy.store.contract import (
    BREAKDOWNS,
    LEVELS,
    SORTS,
    UNKNOWN,
    BreakdownQuery,
    Forget,
    Knowledge,
    Page,
    WordQuery,
)
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import batch, page
from tests.wordproxy.store.test_model import Model, _numbered

DAYS = ["2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01", "2025-07-09", "2025-07-10", "2026-03-01"]
SITES = ["news.example", "sea.example"]
STOP = {"en": {"the"}}

forms = st.tuples(
    st.sampled_from(["The", "the", "tide", "Tide", "boat"]), st.integers(0, 2), st.integers(0, 2)
).map(lambda f: (f[0], f[0].casefold(), f[1], f[2]))
visits = st.builds(
    lambda forms, path, host, lang, day: page(0, *forms, path=path, host=host, lang=lang, day=day),
    st.lists(forms, max_size=4),
    st.sampled_from("ab"),
    st.sampled_from(SITES),
    st.sampled_from(["en", "de"]),
    st.sampled_from(DAYS),
)
maybe_day = st.none() | st.sampled_from([*DAYS, "2023-12-01", "2024-12-31", "2025-01-01"])
places = {
    "lang": st.none() | st.just("en"),
    "site": st.none() | st.sampled_from(SITES),
    "day": st.none() | st.none() | maybe_day,
    "from_": maybe_day,
    "to": maybe_day,
    "everything": st.booleans(),
    "limit": st.sampled_from([0, 1, 2]),
    "offset": st.sampled_from([0, 0, 1]),
}
word_queries = st.builds(
    WordQuery,
    **places,
    q=st.sampled_from([None, None, "t*"]),
    known=st.sampled_from([None, None, UNKNOWN, *LEVELS]),
    sort=st.sampled_from(SORTS),
)
plain_queries = st.builds(WordQuery, **{**places, "limit": st.just(0), "offset": st.just(0)})
parts = st.builds(BreakdownQuery, st.sampled_from(BREAKDOWNS), **places)
word_parts = st.builds(
    BreakdownQuery, st.sampled_from(BREAKDOWNS), **{**places, "lang": st.just("en")}, word=st.just("tide")
)
#: Questions whose answers hold every number that there is.
RANGES: list[dict[str, str]] = [{}, {"from_": "2024-01-01"}, {"to": "2025-07-09"}, {"site": SITES[0]}]
WHOLE = [WordQuery(everything=everything, limit=0, **days) for everything in (False, True) for days in RANGES]
WHOLE_PARTS = [
    BreakdownQuery(by, everything=everything, limit=0, **days)
    for by in BREAKDOWNS
    for everything in (False, True)
    for days in RANGES
]

said = st.builds(
    lambda keys, lang, level: [Knowledge(key, lang, level) for key in keys],
    st.lists(st.sampled_from(["tide", "boat", "the", "never met"]), min_size=1, max_size=3, unique=True),
    st.sampled_from(["en", "en", "de"]),
    st.sampled_from(LEVELS),
)

#: Pages to add, or what else may happen to a store.
events = st.one_of(
    st.lists(visits, max_size=4),
    st.lists(visits, max_size=4),
    st.just("renew"),
    said,
    st.builds(Forget, day=st.sampled_from(DAYS)),
    st.builds(Forget, host=st.sampled_from(SITES)),
    st.just(Forget(word="tide", lang="en")),
    st.builds(Forget, everything=st.just(True), levels=st.booleans()),
    st.tuples(st.sampled_from(SITES), st.sampled_from([None, "en", "de"])),
    st.sampled_from(DAYS),
)


def renew(store: SqliteStore, at_most: int = 1000) -> None:
    """So many sums are made."""
    for _ in range(at_most):
        if not store.renew():
            return


def without_sums(store: SqliteStore) -> None:
    """No sum is there."""
    for table in ("pack", "gist", "again", "fresh", "summed", "stale"):
        store._connection.execute(f"DELETE FROM {table}")


def answers(store: SqliteStore, *asked: WordQuery | BreakdownQuery) -> list[object]:
    """What the store says to these questions and to those of everything."""
    return [
        (query, store.words(query) if isinstance(query, WordQuery) else store.breakdown(query))
        for query in (*asked, *WHOLE, *WHOLE_PARTS)
    ]


class SumsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(gists, "CHANGES_MAX", 4)
        self.patch(gists, "CHANGES_FEW", 1)
        self.patch(gists, "STEP_WORDS", 1000)
        self.patch(renewing, "_CELLS_STEP", 1)
        self.patch(renewing, "_SITES_STEP", 1)

    def open(self) -> SqliteStore:
        store = open_store(":memory:", stop_words=STOP)
        assert isinstance(store, SqliteStore)
        store.set_levels([Knowledge("boat", "en", "known"), Knowledge("the", "en", "learning")])
        return store

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(visits, max_size=6),
        st.lists(events, max_size=6),
        st.lists(st.sampled_from([0, 1, 3, 9, 27, 81]), min_size=6, max_size=6),
        st.lists(word_queries, max_size=4),
        st.lists(parts | word_parts, max_size=4),
    )
    def test_answers_without_sums(
        self,
        before: list[Page],
        told: list[object],
        renewed: list[int],
        asked: list[WordQuery],
        broken: list[BreakdownQuery],
    ) -> None:
        """With sums some of which are old, and with none at all, a store gives the same answers."""
        store = self.open()
        try:
            numbers = itertools.count(1)
            self.let(store, before, numbers)
            renew(store)
            for event, some in zip(told, renewed, strict=False):
                self.let(store, event, numbers)
                renew(store, some)
            with_sums = answers(store, *asked, *broken)
            without_sums(store)
            for one, other in zip(with_sums, answers(store, *asked, *broken), strict=True):
                self.assertEqual(one, other)
        finally:
            store.close()

    def test_sums_that_are_not_made_anew(self) -> None:
        """Were a sum kept though its day has changed, that would be seen."""
        store = self.open()
        self.addCleanup(store.close)
        store.add(batch(page(1, "tide")))
        renew(store)
        self.patch(renewing, "changed", lambda connection, days: None)
        store.add(batch(page(2, "tide", "boat", path="b")))
        with_sums = answers(store)
        without_sums(store)
        differences = sum(one != other for one, other in zip(with_sums, answers(store), strict=True))
        self.assertGreater(differences, 10)

    def test_levels_that_are_not_told(self) -> None:
        """Were a change of levels not told to what is kept of sums, that would be seen."""
        store = self.open()
        self.addCleanup(store.close)
        store.add(batch(page(1, "tide", "boat")))
        renew(store)
        self.patch(gists, "note", lambda connection, changes: None)
        store.set_levels([Knowledge("tide", "en", "known")])
        with_sums = answers(store, BreakdownQuery("day"))[0]
        without_sums(store)
        self.assertNotEqual(answers(store, BreakdownQuery("day"))[0], with_sums)

    def let(self, store: SqliteStore, event: object, numbers: itertools.count[int]) -> None:
        if isinstance(event, Forget):
            store.forget(event)
        elif isinstance(event, list) and event and isinstance(event[0], Knowledge):
            store.set_levels(event)
        elif isinstance(event, list):
            store.add(batch(*(_numbered(visit, next(numbers)) for visit in event)))
        elif isinstance(event, tuple):
            store.set_site_lang(*event)
        elif event == "renew":
            renew(store)
        else:
            store.retain(str(event))

    @settings(deadline=None, max_examples=80)
    @given(
        st.lists(st.lists(visits, max_size=4), max_size=5),
        st.lists(plain_queries, min_size=1, max_size=6),
    )
    def test_answers_with_all_sums(self, told: list[Sequence[Page]], asked: list[WordQuery]) -> None:
        """With all sums there, a store counts as one does who adds up every visit."""
        store, model = self.open(), Model()
        try:
            for visited in told:
                model.visits += [
                    _numbered(visit, len(model.visits) + n) for n, visit in enumerate(visited, 1)
                ]
                store.add(batch(*model.visits[len(model.visits) - len(visited) :]))
                renew(store)
            for query in asked:
                total, expected = model.words(query)
                found = store.words(query)
                self.assertEqual(found.total, total, query)
                rows = {(w.key, w.lang): (w.occurrences, w.pages) for w in found.words}
                self.assertEqual(rows, expected, query)
        finally:
            store.close()

    def test_a_range_of_years_reads_sums(self) -> None:
        """Years, months and days that were added up are read as they are, tallies only of the other days."""
        store = self.open()
        self.addCleanup(store.close)
        store.add(batch(*(page(n, "tide", day=day) for n, day in enumerate(DAYS, 1))))
        renew(store)
        store.add(batch(page(20, "tide", day="2025-07-09")))
        store._spare = 0.0
        day = lambda text: sums.date.fromisoformat(text).toordinal()  # noqa: E731
        kept = sums.Kept(store._connection)
        spans, rest = sums.pieces(kept, (day("2024-01-01"), day("2025-07-10")))
        self.assertIn(sums.year_of(day("2024-06-01")), spans)
        self.assertNotIn(sums.month_of(day("2025-07-09")), spans)
        self.assertTrue(any(lo <= day("2025-07-09") <= hi for lo, hi in rest))
        renewing.renew_all(store._connection)
        spans, rest = sums.pieces(sums.Kept(store._connection), None)
        self.assertEqual((spans[0], rest), ((sums.ERA, day("2025-12-31")), []))
