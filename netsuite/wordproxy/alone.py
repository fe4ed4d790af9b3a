"""Counting in this process: the copies that are taken, and the feed that has them counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from netsuite.wordproxy.copying import Copying, Rules
from netsuite.wordproxy.events import Events
from netsuite.wordproxy.feed import Feed
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.pause import Pause
from netsuite.wordproxy.place import KEY_BYTES
from netsuite.wordproxy.scraped import Scraped
from netsuite.wordproxy.store.contract import PAUSED, Batch


class Alone:
    """``feed``, ``events``: for pages that come otherwise.

    ``on_batch`` keeps batches of a memory store; ``on_paused`` hears of seconds, else the feed does."""

    workers: None = None

    def __init__(
        self,
        reactor: Any,
        settings: FeedSettings,
        on_batch: Callable[[Batch, str], object] | None,
        on_paused: Callable[[float], object] | None = None,
    ) -> None:
        self.events = Events()
        feed = self.feed = Feed(reactor, settings, self.events, on_batch)
        self.pause = Pause(time.time, on_paused or self.note_paused)
        self.scraped = Scraped(self.events, self.status)
        self.hooks = Copying(feed, Rules(url_key=b"\0" * KEY_BYTES), time.time, self.pause)

    def collectors(self) -> tuple[Scraped, ...]:
        """Return what counts for /metrics."""
        return (self.scraped,)

    def start(self, rules: Rules) -> None:
        """Pages are taken, by these rules."""
        self.follow(rules)
        self.feed.start()

    def follow(self, rules: Rules) -> None:
        """These rules are in force, for pages that begin from now on."""
        self.hooks.rules = rules

    def note_paused(self, seconds: float) -> None:
        """So many seconds of a pause are in the coverage."""
        self.feed.note("", PAUSED, seconds)

    def flush(self) -> Deferred[bool]:
        """Fires with True once all that was taken so far is in the store; False if it can't be now."""
        return self.feed.flush()

    def status(self) -> dict[str, object]:
        """How counting stands."""
        return {**self.feed.status(), "paused": self.pause.is_on}

    async def stop(self) -> None:
        """All that was taken is kept, as far as the feed's time allows."""
        self.pause.settle()
        await self.feed.stop()
