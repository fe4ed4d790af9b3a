"""A store that is asked the same twice while nothing in it changed answers at once.

A view asks for much that others asked for a moment ago (the coverage, the sites, the first words), and in a
store of years each answer takes a while.  So answers are kept as long as `Store.version` stays what it
was: whoever writes, here or in another process, makes it another.  Nothing is ever shown that is not so any
more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sized
from typing import Any, TypeVar

from netsuite.wordproxy.store.contract import (
    Breakdown,
    BreakdownQuery,
    Context,
    ContextQuery,
    Coverage,
    CoverageQuery,
    Knowledge,
    PageList,
    PageQuery,
    Sources,
    Store,
    WordFacts,
    WordList,
    WordQuery,
)

#: Most answers that are kept, and most rows of one: exports of everything are not.
ANSWERS_MAX, ROWS_MAX = 200, 5000

T = TypeVar("T")


class Remembered:
    """A `Store` before another.  Kept answers are shared: nobody may change them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: object = None
        self._kept: OrderedDict[object, Any] = OrderedDict()

    def begin(self) -> None:
        """A question is asked: what was kept counts if nothing has changed."""
        version = self._store.version()
        if version is None or version != self._version:
            self._kept.clear()
        self._version = version

    def __getattr__(self, name: str) -> Any:  # writing, and what is asked of no view
        return getattr(self._store, name)

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        return self._once(query, lambda: self._store.words(query), lambda found: found.words)

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        return self._once(query, lambda: self._store.coverage(query), lambda found: found.parts)

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        return self._once(query, lambda: self._store.pages(query), lambda found: found.pages)

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        """What was read, by day, site or language, with how much of it is known."""
        return self._once(query, lambda: self._store.breakdown(query), lambda found: found.parts)

    def contexts(self, query: ContextQuery) -> list[Context]:
        """Sentences with the word, newest first."""
        return self._once(query, lambda: self._store.contexts(query), lambda found: found)

    def word(self, key: str, lang: str) -> WordFacts | None:
        """All of one word, None if it was never met."""
        return self._once(("word", key, lang), lambda: self._store.word(key, lang), lambda found: ())

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""
        return self._once(
            ("sources", limit), lambda: self._store.sources(limit=limit), lambda found: found.sites
        )

    def levels(self, lang: str | None = None) -> list[Knowledge]:
        """All words of which a level was said, by language and key; met or not."""
        return self._once(("levels", lang), lambda: self._store.levels(lang), lambda found: found)

    def _once(self, question: object, ask: Callable[[], T], rows: Callable[[T], Sized]) -> T:
        if question in self._kept:
            self._kept.move_to_end(question)
            found: T = self._kept[question]
            return found
        found = ask()
        if self._version is not None and len(rows(found)) <= ROWS_MAX:
            self._kept[question] = found
            if len(self._kept) > ANSWERS_MAX:
                self._kept.popitem(last=False)
        return found
