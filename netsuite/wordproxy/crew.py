"""Counting in several workers, as the first process of them sees it.

Each worker has a counter of its own, which is a node of its own and writes to the store itself; what is
here is what they have in common.  Rules and pause are decided here and told to all.  The seconds of a pause
are noted once, by some worker.  A store in memory is here too: batches for it come in pieces (a message has a
bound that a batch may exceed), and their worker is told when one is kept.
"""

from __future__ import annotations

import base64
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from netsuite.proxy.hooks import NoHooks
from netsuite.proxy.talk import Message
from netsuite.proxy.workers import Worker, Workers
from netsuite.wordproxy.copying import Rules
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.intercept.settings import InterceptSettings
from netsuite.wordproxy.pause import Pause
from netsuite.wordproxy.store.contract import Batch

#: Characters of a batch in one message.
PIECE = 1 << 20

#: Pages of the greatest size for which each worker has room, where all workers together may have it.
ROOM_PAGES = 2

_BATCH = msgspec.msgpack.Decoder(Batch)


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker is told of counting."""

    feed: FeedSettings
    rules: Rules
    is_paused: bool
    intercept: InterceptSettings


def share_of(settings: FeedSettings, count: int) -> FeedSettings:
    """Return what one of so many workers may have waiting: its part, and room for the largest page."""
    part = max(-(-settings.waiting_bytes // count), ROOM_PAGES * settings.max_text)
    waiting_pages = -(-settings.waiting_pages // count)
    return replace(settings, waiting_bytes=min(settings.waiting_bytes, part), waiting_pages=waiting_pages)


def pieces(number: int, batch: Batch, profile: str = "") -> Iterator[Message]:
    """Yield the messages that bring a batch, under a number of its worker's."""
    text = base64.b64encode(msgspec.msgpack.encode(batch, enc_hook=list)).decode("ascii")
    for at in range(0, len(text), PIECE):
        is_last = at + PIECE >= len(text)
        yield {"batch": number, "profile": profile, "piece": text[at : at + PIECE], "is_last": is_last}


class Crew:
    """What several workers count by.  ``keep`` keeps a batch in the memory store of this process."""

    workers: Workers

    def __init__(self, settings: FeedSettings, count: int, keep: Callable[[Batch, str], object]) -> None:
        self.hooks = NoHooks()  # nothing is relayed here
        self.intercept = InterceptSettings()
        self.pause = Pause(time.time, self._note_paused)
        self._feed = share_of(settings, count)
        self._keep = keep
        self._rules: Rules | None = None
        self._count = count
        self._flushed = 0  # how often it was asked for
        self._flushes: dict[int, tuple[Deferred[bool], list[bool]]] = {}
        self._paused_seconds = 0.0  # that nobody was there to note
        self._pieces: WeakKeyDictionary[Worker, list[str]] = WeakKeyDictionary()

    def start(self, rules: Rules) -> None:
        """Workers that are started count by these rules."""
        self._rules = rules

    def follow(self, rules: Rules) -> None:
        """These rules, and the pause as it is, are in force in all workers."""
        self._rules = rules
        self.workers.tell({"do": "count", **self.greeting()})

    def greeting(self) -> Message:
        """Return what each worker is told at its start."""
        if self._rules is None:
            return {}
        told = Told(self._feed, self._rules, self.pause.is_on, self.intercept)
        return {"counting": pickle.dumps(told).hex()}

    def _note_paused(self, seconds: float) -> None:
        self._paused_seconds += seconds
        if self.workers.tell_one({"do": "paused", "seconds": self._paused_seconds}):
            self._paused_seconds = 0.0

    def flush(self) -> Deferred[bool]:
        """Fires with True once all that workers took so far is in the store; False if it can't be now.

        One that dies meanwhile is not waited for by us: whoever asks has a limit, and cancels.
        """
        self._flushed = number = self._flushed + 1

        def cancel(_done: Deferred[bool]) -> None:
            self._flushes.pop(number, None)

        done: Deferred[bool] = Deferred(cancel)
        self._flushes[number] = (done, [])
        self.workers.tell({"do": "flush", "flush": number})
        return done

    def _flushed_one(self, number: int, is_done: bool) -> None:
        if number not in self._flushes:
            return
        done, answers = self._flushes[number]
        answers.append(is_done)
        if not is_done or len(answers) == self._count:
            del self._flushes[number]
            done.callback(is_done)

    def heard(self, worker: Worker, message: Message) -> None:
        """A worker brings a piece of a batch, or what else it has to say of counting."""
        if "flushed" in message:
            self._flushed_one(message["flushed"], message["is_done"])
        if "pinned" in message:
            self.workers.tell({"do": "pinned", "host": message["pinned"]})
        if "batch" not in message:
            return
        gathered = self._pieces.setdefault(worker, [])
        gathered.append(message["piece"])
        if not message["is_last"]:
            return
        text = "".join(gathered)
        gathered.clear()

        def kept(result: object) -> None:
            reason = type(result.value).__name__ if isinstance(result, Failure) else ""
            worker.talk.say({"do": "kept", "batch": message["batch"], "fault": reason})

        batch = _BATCH.decode(base64.b64decode(text))
        maybeDeferred(self._keep, batch, message["profile"]).addBoth(kept)

    def collectors(self) -> tuple[()]:
        """Return nothing: what workers count is among their own numbers."""
        return ()

    def status(self) -> dict[str, object]:
        """How counting stands in all workers: their counters' processes, and sums."""
        each = [status["counting"] for _, status in sorted(self.workers.sums.status.items())]
        summed = {
            name: sum(told[name] for told in each)
            for name in ("waiting_pages", "waiting_bytes", "restarts", "spooled")
        }
        troubles = (told["trouble"] for told in each if told["trouble"] is not None)
        pinned = {host for told in each for host in told.get("pinned", ())}
        return {
            **({"pinned": sorted(pinned)} if self.intercept.is_on else {}),
            "counters": [told["counter"] for told in each],
            **summed,
            "trouble": next(troubles, None),
            "paused": self.pause.is_on and all(told["paused"] for told in each),
        }

    async def stop(self) -> None:
        """Nothing is left to do: workers have ended, each with its counter."""
