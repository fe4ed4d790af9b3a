"""The promises of `Store`, tried on each kind of store there is: memory, file, Redis."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import Store
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.contract import StoreContract
from tests.wordproxy.store.samples import folder
from tests.wordproxy.store.server import Redis


class FileStoreTests(StoreContract, SynchronousTestCase):
    """The store in a file."""

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        return open_store(str(folder(self) / "words.db"), stop_words=stop_words)


class MemoryStoreTests(StoreContract, SynchronousTestCase):
    """The store that leaves nothing behind."""

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        return open_store(":memory:", stop_words=stop_words)


class RedisStoreTests(StoreContract, SynchronousTestCase):
    """The store in a Redis: each test has a prefix of its own on one server."""

    server: Redis
    numbers = itertools.count()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Redis()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.close()

    def open(self, stop_words: Mapping[str, frozenset[str]]) -> Store:
        return open_store(self.server.where(f"words{next(self.numbers)}"), stop_words=stop_words)
