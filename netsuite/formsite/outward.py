"""Exports from a running service: written as the client takes them, in memory never more than a few hundred.

Rows are read in slices by their numbers, up to the highest there was at the beginning, so that no long
transaction holds the store's log, and nothing comes twice.  An export that breaks is cut off, not ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.formsite import export
from netsuite.formsite.entry import Entry
from netsuite.formsite.export import Columns, Table
from netsuite.formsite.keeper import Busy, Keeper
from netsuite.site.answer import Stream
from netsuite.site.streaming import Listener
from netsuite.storefile import StoreFault

#: Entries that are read at a time.
SLICE = 200


class Outward:
    """Makes streams of a store's entries."""

    def __init__(self, keeper: Keeper, reactor: Any) -> None:
        self._keeper, self._reactor = keeper, reactor

    def table(self, box: str, *, split: bool) -> Stream:
        """The entries of a box as CSV."""
        return self._stream(self._table(box, split))

    def objects(self, box: str, since: int) -> Stream:
        """The entries of a box past a number, as one JSON object like those of the paged API."""
        return self._stream(self._objects(box, since))

    def _stream(self, pieces: AsyncIterator[bytes]) -> Stream:
        def enter(listener: Listener) -> None:
            journal.detach(Deferred.fromCoroutine(_write(listener, pieces)), where="formsite.export")

        return Stream(enter, lambda listener: None)

    async def _table(self, box: str, split: bool) -> AsyncIterator[bytes]:
        newest = await self._keeper.ask(lambda store: store.newest())
        columns = Columns()
        async for entries in self._slices(box, 0, newest):
            columns.look(entries)
        table = Table(columns, split=split)
        yield table.head()
        async for entries in self._slices(box, 0, newest):
            yield table.rows(entries)

    async def _objects(self, box: str, since: int) -> AsyncIterator[bytes]:
        newest = await self._keeper.ask(lambda store: store.newest())
        begin = b'{"entries":[\n'
        async for entries in self._slices(box, since, newest):
            yield begin + b",\n".join(export.as_json(entry) for entry in entries)
            begin = b",\n"
        yield (begin if begin.startswith(b"{") else b"") + b'],"next_since":null}\n'

    async def _slices(self, box: str, since: int, upto: int) -> AsyncIterator[list[Entry]]:
        while entries := await self._keeper.ask(
            lambda store, since=since: store.after(since, SLICE, box, upto)  # type: ignore[misc]
        ):
            yield entries
            since = entries[-1].id


async def _write(listener: Listener, pieces: AsyncIterator[bytes]) -> None:
    """All pieces are written, or the connection is cut."""
    try:
        async for piece in pieces:
            if not await listener.drained():
                return
            listener.write(piece)
    except (StoreFault, Busy):  # told in the log already
        listener.cut()
    except Exception:
        journal.fault(where="formsite.export", failure=Failure())
        listener.cut()
    else:
        listener.end()
