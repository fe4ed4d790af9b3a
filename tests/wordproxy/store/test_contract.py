"""The promises of `Store`, tried on each kind of store there is: memory, file, Redis."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import Store
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.contract_comparing import ComparingContract
from tests.wordproxy.store.contract_contexts import ContextsContract
from tests.wordproxy.store.contract_counting import CountingContract
from tests.wordproxy.store.contract_forgetting import ForgettingContract
from tests.wordproxy.store.contract_levels import LevelsContract
from tests.wordproxy.store.contract_reading import ReadingContract
from tests.wordproxy.store.contract_sites import SitesContract
from tests.wordproxy.store.contract_visits import VisitsContract
from tests.wordproxy.store.contract_words import WordsContract
from tests.wordproxy.store.samples import folder
from tests.wordproxy.store.server import OneServer


class WholeContract(
    CountingContract,
    VisitsContract,
    WordsContract,
    LevelsContract,
    ContextsContract,
    ForgettingContract,
    SitesContract,
    ReadingContract,
    ComparingContract,
):
    """All subjects."""


class FileStoreTests(WholeContract, SynchronousTestCase):
    """The store in a file."""

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        return open_store(str(folder(self) / "words.db"), stop_words=stop_words)


class MemoryStoreTests(WholeContract, SynchronousTestCase):
    """The store that leaves nothing behind."""

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        return open_store(":memory:", stop_words=stop_words)


class RedisStoreTests(OneServer, WholeContract, SynchronousTestCase):
    """The store in a Redis: each test has a prefix of its own on one server."""

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        where = self.server.where(f"words{next(self.numbers)}")
        return open_store(where, stop_words=stop_words)
