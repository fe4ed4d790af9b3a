"""The stores of users who are counted apart, as the first process reads them; those in memory are here."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from netsuite.wordproxy.place import MEMORY, profile_folder, profile_store
from netsuite.wordproxy.report.reader import Reader
from netsuite.wordproxy.store.contract import Store, StoreFault
from netsuite.wordproxy.store.open import profiles_in
from netsuite.wordproxy.store.redisurl import is_redis

#: Users whose stores are open at once, where they can be opened again.
OPEN_MAX = 32


class Profiles:
    """A reader for each user, made when it is asked for."""

    def __init__(self, where: str, open_store: Callable[[str], Store], reactor: Any) -> None:
        """``where``: the store of those who are no user.  ``open_store`` may be called in any thread."""
        self._where, self._open_store, self._reactor = where, open_store, reactor
        self._readers: OrderedDict[str, Reader] = OrderedDict()

    async def reader(self, user: str) -> Reader:
        """The reader of the user's store, started."""
        found = self._readers.get(user)
        if found is None:
            found = self._readers[user] = self._made(user)
            found.start()
        self._readers.move_to_end(user)
        if self._where != MEMORY and len(self._readers) > OPEN_MAX:
            _, idle = self._readers.popitem(last=False)
            await idle.stop()
        return found

    def _made(self, user: str) -> Reader:
        where = profile_store(self._where, user)
        return Reader(lambda: self._open_store(where), self._reactor, keep=self._where == MEMORY)

    def stores(self) -> list[str]:
        """Where users' stores are, of those that can be found by looking; may block.  Raises: StoreFault."""
        if self._where == MEMORY:
            return []
        if is_redis(self._where):
            return profiles_in(self._where)
        folder = profile_folder(self._where)
        try:
            return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".db"))
        except FileNotFoundError:
            return []

    def retain_found(self, before_day: str) -> None:
        """Each store that `stores` finds has been told to retain; may block.  Raises: the last StoreFault."""
        trouble = None
        for where in self.stores():
            try:
                store = self._open_store(where)
                try:
                    store.retain(before_day)
                finally:
                    store.close()
            except StoreFault as fault:
                trouble = fault
        if trouble is not None:
            raise trouble

    async def retain_memory(self, before_day: str) -> None:
        """Users' stores in memory have been told to retain."""
        if self._where == MEMORY:
            for reader in list(self._readers.values()):
                await reader.ask(lambda store: store.retain(before_day))

    async def stop(self) -> None:
        """All readers have ended."""
        while self._readers:
            _, reader = self._readers.popitem()
            await reader.stop()
