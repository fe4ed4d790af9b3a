"""``/events``: pages that are open hear when something was counted.

The store is asked once a second, however many listen, and not at all while nobody does: what other nodes
count into a shared store is heard of like our own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from netsuite import journal
from netsuite.site.answer import Answer, Asked, Refusal, Stream
from netsuite.site.streaming import KIND, Listener, event
from netsuite.site.tongue import said
from netsuite.wordproxy.report import query
from netsuite.wordproxy.report.listing import share
from netsuite.wordproxy.report.reader import Busy, Reader
from netsuite.wordproxy.store.contract import CoverageQuery, Share, StoreFault

#: Most pages that may listen at once, and seconds between two looks and two signs of life.
LISTENERS_MAX, LOOK_SECONDS, LIFE_SECONDS = 64, 1.0, 15.0

#: What says that the connection still stands.
ALIVE = b": \n\n"


class Live:
    """Who listens, and what was last told."""

    def __init__(self, reader: Reader, reactor: Any, today: Callable[[], date] = date.today) -> None:
        self._reader, self._reactor, self._today = reader, reactor, today
        self._listeners: set[Listener] = set()
        self._told: Share | None = None
        self._call: Any = None
        self._alive = 0.0

    async def events(self, asked: Asked) -> Answer:
        """``/events``: ``counted``, with today's coverage, whenever that has changed.  Raises: Refusal."""
        query.nothing(asked.args)
        if len(self._listeners) >= LISTENERS_MAX:
            raise Refusal(503, said("refusal.busy"), ("Retry-After", "30"))
        return Answer(ALIVE, KIND, stream=Stream(self._enter, self._leave))

    def _enter(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self._call is None:
            self._told = None
            self._later()

    def _leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._call is not None:
            self._call.cancel()
            self._call = None

    def _later(self) -> None:
        self._call = self._reactor.callLater(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._call = None
        journal.detach(Deferred.fromCoroutine(self._ask()), where="report.live")

    async def _ask(self) -> None:
        today = CoverageQuery(day=self._today().isoformat())
        try:
            now: Share | None = (await self._reader.ask(lambda store: store.coverage(today))).total
        except (Busy, StoreFault):
            now = self._told
        if self._told is not None and now != self._told and now is not None:
            self._tell(event("counted", msgspec.json.encode(share(now)).decode()))
        elif self._reactor.seconds() - self._alive >= LIFE_SECONDS:
            self._tell(ALIVE)
        self._told = now
        if self._listeners and self._call is None:
            self._later()

    def _tell(self, text: bytes) -> None:
        self._alive = self._reactor.seconds()
        for listener in list(self._listeners):
            listener.tell(text)

    def stop(self) -> None:
        """Nobody listens any more."""
        for listener in list(self._listeners):
            listener.end()
