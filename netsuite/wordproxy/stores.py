"""The stores that a counter writes: open as they are needed, one for each user who is counted apart."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable

from netsuite.wordproxy.errors import place
from netsuite.wordproxy.place import profile_store
from netsuite.wordproxy.spool import Parts
from netsuite.wordproxy.store.contract import Batch, Note, Page, Revisit, Store, StoreFault
from netsuite.words.skipped import Reason

#: Stores open at once.
STORES_MAX = 16


class Stores:
    """Takes batches to their stores.  ``where``: that of those without a profile."""

    __slots__ = ("_complain", "_open", "_open_store", "_where")

    def __init__(
        self, where: str, open_store: Callable[[str], Store], complain: Callable[[str], None]
    ) -> None:
        self._where, self._open_store, self._complain = where, open_store, complain
        self._open: OrderedDict[str, Store] = OrderedDict()

    def deliver(self, parts: Parts) -> None:
        """Each part is in its store; those that were there already, too.  Raises: StoreFault."""
        try:
            for profile, batch in parts:
                self._add(self._store(profile), batch)
        except StoreFault:
            self.let_go()
            raise

    def _store(self, profile: str) -> Store:
        where = profile_store(self._where, profile) if profile else self._where
        if where not in self._open:
            while len(self._open) >= STORES_MAX:
                _, least_used = self._open.popitem(last=False)
                least_used.close()
            self._open[where] = self._open_store(where)
        self._open.move_to_end(where)
        return self._open[where]

    def _add(self, store: Store, batch: Batch) -> None:
        try:
            store.add(batch)
        except StoreFault:
            raise
        except Exception as error:  # not the store's state, but something in this batch
            self._complain(f"a batch could not be kept: {place(error)}")
            self._add_singly(store, batch)

    def _add_singly(self, store: Store, batch: Batch) -> None:
        """Each page that the store can take is kept; in the place of the others stands a note."""
        node = batch.node
        alone = [Batch(node, page.sequence, [page], []) for page in batch.pages]
        alone += [Batch(node, note.sequence, [], [note]) for note in batch.notes]
        alone += [Batch(node, one.sequence, [], [], [one]) for one in batch.revisits]
        for single in sorted(alone, key=lambda single: single.last):
            try:
                store.add(single)
            except StoreFault:
                raise
            except Exception as error:
                self._complain(f"a page could not be kept: {place(error)}")
                gone: list[Page | Revisit] = [*single.pages, *single.revisits]
                notes = [Note(p.sequence, p.day, p.host, Reason.UNREADABLE.value) for p in gone]
                store.add(Batch(node, single.last, [], notes))

    def renew(self) -> bool:
        """A step is done, in a store that is open, of what makes reports quick; False: there was none."""
        try:
            return any(store.renew() for store in self._open.values())
        except StoreFault:  # the next batch tells of it
            return False

    def let_go(self) -> None:
        """No store is open, until one is needed again: what mends one may be another file in its place."""
        stores, self._open = self._open, OrderedDict()
        for store in stores.values():
            with contextlib.suppress(StoreFault):  # it may have refused already
                store.close()
