"""Breakdowns from a store in Redis, against ones counted in the plainest way; lists by base forms."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import redisparts
from netsuite.wordproxy.store.contract import BREAKDOWNS, BreakdownQuery, Knowledge, Known, Page, Part
from netsuite.wordproxy.store.redis import RedisStore
from tests.wordproxy.store import test_bases
from tests.wordproxy.store.contract_forgetting import DAYS, HOSTS, LANGS, batches, pages
from tests.wordproxy.store.server import OneServer, Redis
from tests.wordproxy.store.test_bases import BasesTests

KNOWN = {("tide", "en"), ("anna", "de")}

queries = st.builds(
    BreakdownQuery,
    st.sampled_from(BREAKDOWNS),
    lang=st.none() | st.sampled_from(LANGS),
    site=st.none() | st.sampled_from(HOSTS),
    day=st.none() | st.none() | st.sampled_from(DAYS),
    from_=st.none() | st.sampled_from(DAYS),
    everything=st.booleans(),
    limit=st.just(0),
)


class PartsTests(OneServer, SynchronousTestCase):
    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(st.lists(pages, max_size=4), max_size=4),
        st.lists(queries, max_size=6),
        st.none() | st.sampled_from(["tide", "anna"]),
        st.booleans(),
    )
    def test_as_counted_plainly(
        self, told: list[list[Page]], asked: list[BreakdownQuery], word: str | None, many: bool
    ) -> None:
        """Whatever was read, the parts have its numbers, in their order; of all words or of one."""
        self.patch(redisparts, "_MANY", 0 if many else 20)
        store = RedisStore(self.server.where(f"words{next(self.numbers)}"))
        try:
            store.set_levels([Knowledge(key, lang, "known") for key, lang in sorted(KNOWN)])
            visits = []
            for batch in batches(told):
                store.add(batch)
                visits += batch.pages
            for query in asked:
                values = {name: getattr(query, name) for name in query.__slots__}
                if word is not None:
                    values |= {"word": word, "lang": query.lang or "en"}
                query = BreakdownQuery(**values)
                found = store.breakdown(query)
                expected = counted(visits, query)
                self.assertEqual((found.total, found.parts), (len(expected), expected), query)
                cut = store.breakdown(BreakdownQuery(**{**values, "limit": 1, "offset": 1}))
                self.assertEqual((cut.total, cut.parts), (len(expected), expected[1:2]), query)
        finally:
            store.close()

    def test_what_is_none(self) -> None:
        """By what is no breakdown, or a word without its language, is an error."""
        store = RedisStore(self.server.where(f"words{next(self.numbers)}"))
        self.addCleanup(store.close)
        for query in (BreakdownQuery("title"), BreakdownQuery("day", word="tide")):
            self.assertRaises(ValueError, store.breakdown, query)


def counted(visits: Sequence[Page], query: BreakdownQuery) -> list[Part]:
    """The parts of these visits."""
    fitting = [visit for visit in visits if fits(visit, query)]
    names = {name(visit, query) for visit in fitting}
    parts = [part(one, [v for v in fitting if name(v, query) == one], visits, query) for one in names]
    if query.word is not None:
        parts = [one for one in parts if one.occurrences]
    if query.by == "day":
        return sorted(parts, key=lambda one: one.name, reverse=True)
    return sorted(parts, key=lambda one: (-one.occurrences, one.name))


def fits(visit: Page, query: BreakdownQuery) -> bool:
    return (
        query.lang in (None, visit.lang)
        and query.site in (None, visit.host)
        and query.day in (None, visit.day)
        and (query.from_ is None or query.from_ <= visit.day)
    )


def name(visit: Page, query: BreakdownQuery) -> str:
    return {"day": visit.day, "site": visit.host, "lang": visit.lang}[query.by]


def part(name: str, here: Sequence[Page], visits: Sequence[Page], query: BreakdownQuery) -> Part:
    firsts: dict[tuple[str, str], str] = {}
    for visit in visits:
        for _, key, main, other in visit.forms:
            if main + other:
                word = key, visit.lang
                firsts[word] = min(firsts.get(word, visit.day), visit.day)
    mains: dict[tuple[str, str], int] = {}
    alls: dict[tuple[str, str], int] = {}
    read, new = set(), set()
    for visit in here:
        if query.word is None:
            read.add((visit.digest, visit.lang))
        for _, key, main, other in visit.forms:
            word = key, visit.lang
            n = main + other if query.everything else main
            if query.word not in (None, key) or not main + other:
                continue
            mains[word] = mains.get(word, 0) + main
            alls[word] = alls.get(word, 0) + main + other
            if n and query.word is not None:
                read.add((visit.digest, visit.lang))
            if n and firsts[word] == visit.day:
                new.add(word)
    mains = {word: n for word, n in mains.items() if n}
    told = [n for word, n in mains.items() if word in KNOWN]
    known = Known(sum(mains.values()), sum(told), len(mains), len(told))
    shown = alls if query.everything else mains
    return Part(name, sum(shown.values()), len(shown), len(read), len(new), known)


class RedisBasesTests(BasesTests):
    """Lists by base forms, as those of the store in SQLite."""

    def setUp(self) -> None:
        server = Redis()
        self.addCleanup(server.close)
        self.patch(test_bases, "open_store", lambda _: RedisStore(server.where()))
        super().setUp()


del BasesTests
