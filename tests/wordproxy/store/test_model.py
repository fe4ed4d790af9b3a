"""Each store against a model that counts in the plainest way: it keeps every visit and adds up when asked."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import lists
from netsuite.wordproxy.store.contract import SORTS, Page, Store, Total, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.samples import batch, page
from tests.wordproxy.store.server import OneServer

DAYS = [f"2026-01-0{n}" for n in range(1, 5)]
SITES = ["news.example", "sea.example"]
LANGS = ["en", "de"]
STOP = {"en": {"the"}}

forms = st.tuples(
    st.sampled_from(["The", "the", "tide", "Tide", "boat"]), st.integers(0, 3), st.integers(0, 3)
).map(lambda f: (f[0], f[0].casefold(), f[1], f[2]))
visits = st.builds(
    lambda forms, path, host, lang, day: page(0, *forms, path=path, host=host, lang=lang, day=day),
    st.lists(forms, max_size=4),
    st.sampled_from(["a", "b"]),
    st.sampled_from(SITES),
    st.sampled_from(LANGS),
    st.sampled_from(DAYS),
)
maybe_day = st.none() | st.sampled_from(DAYS)
word_queries = st.builds(
    WordQuery,
    lang=st.none() | st.sampled_from(LANGS),
    site=st.none() | st.sampled_from(SITES),
    day=st.none() | st.none() | st.sampled_from(DAYS),
    from_=maybe_day,
    to=maybe_day,
    everything=st.booleans(),
    q=st.sampled_from([None, None, "t*", "oa"]),
    limit=st.just(0),
)


@dataclass
class Model:
    """Every visit, and sums made of them."""

    visits: list[Page] = field(default_factory=list)

    def words(self, query: WordQuery) -> tuple[Total, dict[tuple[str, str], tuple[int, int]]]:
        """The totals, and occurrences and pages by key and language."""
        occurrences: Counter[tuple[str, str]] = Counter()
        pages: dict[tuple[str, str], set[tuple[bytes, str]]] = {}
        read = set()
        for visit in filter(lambda visit: self.fits(visit, query), self.visits):
            read.add((visit.digest, visit.lang))
            for _, key, main, other in visit.forms:
                n = main + other if query.everything else main
                if n and self.is_asked(key, visit.lang, query):
                    occurrences[key, visit.lang] += n
                    pages.setdefault((key, visit.lang), set()).add((visit.digest, visit.lang))
        total = Total(sum(occurrences.values()), len(occurrences), len(read))
        return total, {word: (n, len(pages[word])) for word, n in occurrences.items()}

    @staticmethod
    def fits(visit: Page, query: WordQuery) -> bool:
        return (
            query.lang in (None, visit.lang)
            and query.site in (None, visit.host)
            and query.day in (None, visit.day)
            and (query.from_ is None or query.from_ <= visit.day)
            and (query.to is None or visit.day <= query.to)
        )

    @staticmethod
    def is_asked(key: str, lang: str, query: WordQuery) -> bool:
        if not query.everything and key in STOP.get(lang, ()):
            return False
        return {None: True, "t*": key.startswith("t"), "oa": "oa" in key}[query.q]


histories = (
    st.lists(st.lists(visits, max_size=4), max_size=6),
    st.lists(st.integers(0, 8), min_size=6, max_size=6),
    st.lists(word_queries, min_size=1, max_size=8),
)


class MemoryModelTests(SynchronousTestCase):
    """The store in memory, whose statements are those of the file's."""

    @settings(deadline=None, max_examples=120)
    @given(*histories)
    def test_counts_as_the_model(
        self, batches: list[list[Page]], again: list[int], queries: list[WordQuery]
    ) -> None:
        """Whatever is read, sent again and asked for, the store answers as the model does."""
        _try(self, open_store(":memory:", stop_words=STOP), batches, again, queries)

    @settings(deadline=None, max_examples=15)
    @given(histories[0], histories[2], st.integers(0, 3), st.integers(0, 3))
    def test_many_as_few(
        self, batches: list[list[Page]], queries: list[WordQuery], limit: int, offset: int
    ) -> None:
        """Looking at all words at once, as with many, gives the rows that looking few of them up gives."""
        store = open_store(":memory:", stop_words=STOP)
        number = itertools.count(1)
        try:
            for visited in batches:
                store.add(batch(*(_numbered(visit, next(number)) for visit in visited)))
            for query, sort in itertools.product(queries, SORTS):
                asked = replace(query, sort=sort, limit=limit, offset=offset)
                wanted = store.words(asked)
                with mock.patch.object(lists, "_FEW", 0):
                    self.assertEqual(store.words(asked), wanted, asked)
        finally:
            store.close()


class RedisModelTests(OneServer, SynchronousTestCase):
    """The store in a Redis, and how its lists stand beside those of the one in memory."""

    def open(self) -> Store:
        return open_store(self.server.where(f"model{next(self.numbers)}"), stop_words=STOP)

    @settings(deadline=None, max_examples=60)
    @given(*histories)
    def test_counts_as_the_model(
        self, batches: list[list[Page]], again: list[int], queries: list[WordQuery]
    ) -> None:
        """Whatever is read, sent again and asked for, the store answers as the model does."""
        _try(self, self.open(), batches, again, queries)

    @settings(deadline=None, max_examples=40)
    @given(histories[0], histories[2], st.integers(0, 3), st.integers(0, 3))
    def test_lists_as_in_memory(
        self, batches: list[list[Page]], queries: list[WordQuery], limit: int, offset: int
    ) -> None:
        """Both stores give the same rows in the same order, whole or cut, in every sort."""
        twins = [open_store(":memory:", stop_words=STOP), self.open()]
        number = itertools.count(1)
        try:
            for visited in batches:
                visited = [_numbered(visit, next(number)) for visit in visited]
                for store in twins:
                    store.add(batch(*visited))
            for query, sort in itertools.product(queries, SORTS):
                asked = replace(query, sort=sort, limit=limit, offset=offset)
                one, two = (store.words(asked) for store in twins)
                self.assertEqual(one, two, asked)
            one, two = (store.sources() for store in twins)
            self.assertEqual(one, two)
        finally:
            for store in twins:
                store.close()


def _try(
    test: SynchronousTestCase,
    store: Store,
    batches: list[list[Page]],
    again: list[int],
    queries: list[WordQuery],
) -> None:
    model = Model()
    try:
        for number, visited in enumerate(batches):
            for visit in visited:
                model.visits.append(_numbered(visit, len(model.visits) + 1))
            start = max(0, len(model.visits) - len(visited) - again[number])
            store.add(batch(*model.visits[start:]))
        for query in queries:
            total, expected = model.words(query)
            found = store.words(query)
            test.assertEqual(found.total, total, query)
            rows = {(w.word.casefold(), w.lang): (w.occurrences, w.pages) for w in found.words}
            test.assertEqual(rows, expected, query)
    finally:
        store.close()


def _numbered(visit: Page, sequence: int) -> Page:
    return Page(sequence, *(getattr(visit, name) for name in Page.__struct_fields__[1:]))
