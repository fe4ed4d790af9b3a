"""A worker of wordproxy: relays as those of a proxy do, and has what it relays counted by its own counter.

Run as ``python -m netsuite.wordproxy.worker REACTOR NUMBER LOG``; see ``netsuite.proxy.worker``.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from netsuite.proxy import worker
from netsuite.proxy.hooks import Hooks
from netsuite.proxy.relay import Relay
from netsuite.proxy.talk import Message
from netsuite.proxy.trade import Say
from netsuite.wordproxy.alone import Alone
from netsuite.wordproxy.crew import Told, pieces
from netsuite.wordproxy.intercept.authority import load
from netsuite.wordproxy.intercept.interception import Interception
from netsuite.wordproxy.intercept.settings import InterceptSettings, lookout
from netsuite.wordproxy.place import MEMORY
from netsuite.wordproxy.store.contract import Batch


class NotKept(Exception):  # noqa: N818 - as StoreFault
    """The first process could not keep a batch."""


class Counting:
    """The trade of such a worker."""

    def __init__(self, reactor: Any, say: Say) -> None:
        self._reactor, self._say = reactor, say
        self._alone: Alone | None = None
        self._number = 0
        self._unkept: dict[int, Deferred[None]] = {}
        self._relay: Relay | None = None
        self._intercept = InterceptSettings()  # as it is in force

    def begin(self, message: Message) -> Hooks | None:
        """Count, as the first process says."""
        told = _told(message)
        on_batch = self._hand_over if told.feed.store == MEMORY else None
        alone = self._alone = Alone(self._reactor, told.feed, on_batch, on_paused=lambda seconds: None)
        alone.start(told.rules)
        self._follow(told)
        return alone.hooks

    def join(self, relay: Relay) -> None:
        """Open the tunnels that are to be opened."""
        self._relay = relay
        self._look_out()

    def _look_out(self) -> None:
        if self._relay is not None:
            authority = load(self._intercept.folder) if self._intercept.is_on else None  # the first process's
            self._relay.lookout = lookout(
                self._intercept, authority, self._reactor, on_pinned=lambda host: self._say({"pinned": host})
            )

    def change(self, message: Message) -> None:
        """Count by other rules."""
        self._follow(_told(message))

    def _follow(self, told: Told) -> None:
        if self._alone is None:
            return
        self._alone.follow(told.rules)
        if told.intercept != self._intercept:
            self._intercept = told.intercept
            self._look_out()
        if told.is_paused:
            self._alone.pause.begin()
        else:
            self._alone.pause.end()

    def heard(self, message: Message) -> None:
        """Other rules, a pause or its end, seconds of one to note; a batch was kept."""
        match message["do"]:
            case "count":
                self.change(message)
            case "flush" if self._alone is not None:
                self._alone.flush().addCallback(self._flushed, message["flush"])
            case "paused" if self._alone is not None:
                self._alone.note_paused(message["seconds"])
            case "pinned" if self._relay is not None and isinstance(self._relay.lookout, Interception):
                self._relay.lookout.note_pinned(message["host"])
            case "unpin" if self._relay is not None and isinstance(self._relay.lookout, Interception):
                self._relay.lookout.unpin(message["host"])
            case "kept" if (kept := self._unkept.pop(message["batch"], None)) is not None:
                if message["fault"]:
                    kept.errback(NotKept(message["fault"]))
                else:
                    kept.callback(None)

    def _flushed(self, is_done: bool, number: int) -> None:
        self._say({"flushed": number, "is_done": is_done})

    def _hand_over(self, batch: Batch, profile: str) -> Deferred[None]:
        """Fires when the first process has kept the batch."""
        self._number += 1
        kept = self._unkept[self._number] = Deferred()
        for piece in pieces(self._number, batch, profile):
            self._say(piece)
        return kept

    def status(self) -> Mapping[str, object]:
        """Return how counting stands here."""
        lookout = self._relay.lookout if self._relay is not None else None
        pinned = lookout.status() if isinstance(lookout, Interception) else {}
        return {"counting": {**self._alone.status(), **pinned}} if self._alone is not None else {}

    def collectors(self) -> tuple[Any, ...]:
        """Return what counts here."""
        return (self._alone.scraped,) if self._alone is not None else ()

    async def end(self) -> None:
        """All is counted, and the counter has ended."""
        if self._alone is not None:
            await self._alone.stop()


def _told(message: Message) -> Told:
    told: Told = pickle.loads(bytes.fromhex(message["counting"]))  # noqa: S301 from who made us
    return told


if __name__ == "__main__":
    worker.main(sys.argv[1:], Counting)
