"""``/events``: pages that are open hear when something was counted.

A store is asked once a second, however many listen, and not at all while nobody does: what other nodes
count into a shared store is heard of like our own.  Users who are counted apart hear of their own store.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from netsuite import journal
from netsuite.site.answer import Answer, Asked, Refusal, Stream
from netsuite.site.streaming import KIND, Listener, event
from netsuite.site.tongue import said
from netsuite.wordproxy.report import query
from netsuite.wordproxy.report.listing import share
from netsuite.wordproxy.report.reader import Busy
from netsuite.wordproxy.report.readers import Readers
from netsuite.wordproxy.store.contract import CoverageQuery, Share, StoreFault

#: Most pages that may listen at once, and seconds between two looks and two signs of life.
LISTENERS_MAX, LOOK_SECONDS, LIFE_SECONDS = 64, 1.0, 15.0

#: What says that the connection still stands.
ALIVE = b": \n\n"


class Live:
    """The rooms in which users listen, each to what was counted of theirs."""

    def __init__(self, readers: Readers, reactor: Any, today: Callable[[], date] = date.today) -> None:
        self._readers, self._reactor, self._today = readers, reactor, today
        self._rooms: dict[str | None, _Room] = {}

    async def events(self, asked: Asked) -> Answer:
        """``/events``: ``counted``, with today's coverage, whenever that has changed.  Raises: Refusal."""
        query.nothing(asked.args)
        if sum(len(room.listeners) for room in self._rooms.values()) >= LISTENERS_MAX:
            raise Refusal(503, said("refusal.busy"), ("Retry-After", "30"))
        user = asked.user
        return Answer(ALIVE, KIND, stream=Stream(partial(self._enter, user), partial(self._leave, user)))

    def _enter(self, user: str | None, listener: Listener) -> None:
        if user not in self._rooms:
            self._rooms[user] = _Room(partial(self._readers.ask, user), self._reactor, self._today)
        self._rooms[user].enter(listener)

    def _leave(self, user: str | None, listener: Listener) -> None:
        room = self._rooms.get(user)
        if room is not None:
            room.leave(listener)
            if not room.listeners:
                del self._rooms[user]

    def stop(self) -> None:
        """Nobody listens any more."""
        for room in list(self._rooms.values()):
            for listener in list(room.listeners):
                listener.end()


class _Room:
    """Who listens to one store, and what was last told.  ``question``: asks its reader."""

    def __init__(self, question: Any, reactor: Any, today: Callable[[], date]) -> None:
        self._question, self._reactor, self._today = question, reactor, today
        self.listeners: set[Listener] = set()
        self._told: Share | None = None
        self._call: Any = None
        self._alive = 0.0

    def enter(self, listener: Listener) -> None:
        self.listeners.add(listener)
        if self._call is None:
            self._told = None
            self._later()

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        if not self.listeners and self._call is not None:
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
            now: Share | None = (await self._question(lambda store: store.coverage(today))).total
        except (Busy, StoreFault):
            now = self._told
        if self._told is not None and now != self._told and now is not None:
            self._tell(event("counted", msgspec.json.encode(share(now)).decode()))
        elif self._reactor.seconds() - self._alive >= LIFE_SECONDS:
            self._tell(ALIVE)
        self._told = now
        if self.listeners and self._call is None:
            self._later()

    def _tell(self, text: bytes) -> None:
        self._alive = self._reactor.seconds()
        for listener in list(self.listeners):
            listener.tell(text)
