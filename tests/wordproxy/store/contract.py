"""The promises of `Store`, as tests that every kind of store must pass: what all their modules share.

Each subject is a class in a module of its own, ``contract_counting`` and so on.  A kind of store joins them
by a class in ``test_contract`` whose ``open`` gives an empty store.
"""

from __future__ import annotations

from collections.abc import Mapping

from netsuite.wordproxy.store.contract import Store, WordQuery

NEXT = "2026-01-06"
STOP = {"en": frozenset({"the", "a"}), "de": frozenset({"tide"})}


class StoreContract:
    """One subject's tests; `open` is the subclass's."""

    store: Store

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        self.store = self.open(STOP)
        self.addCleanup(self.store.close)

    def shown(self, query: WordQuery = WordQuery()) -> list[tuple[str, int, int]]:  # noqa: B008 - frozen
        return [(word.word, word.occurrences, word.pages) for word in self.store.words(query).words]
