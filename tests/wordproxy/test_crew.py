"""What the first process and a worker of wordproxy say to each other about counting."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.sums import Sums
from netsuite.proxy.talk import MESSAGE_MAX, Message
from netsuite.wordproxy import worker
from netsuite.wordproxy.copying import Rules
from netsuite.wordproxy.crew import Crew, pieces, share_of
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.store.contract import Batch, Page
from netsuite.wordproxy.worker import Counting, NotKept

MIB = 1 << 20
RULES = Rules(url_key=b"k" * 32)


def batch(words: int = 1) -> Batch:
    """Return a batch of one page with so many words, of 20 letters each."""
    forms = [(f"{number:020}", f"{number:020}", 1, 0) for number in range(words)]
    page = Page(1, b"d" * 16, "news.example", None, None, "en", "2026-01-05", 1.0, forms)
    return Batch("node", 1, [page], [])


class StrawWorkers:
    """Workers that keep what they are told; ``is_there``: whether one is at work."""

    def __init__(self) -> None:
        self.sums = Sums()
        self.told: list[Message] = []
        self.is_there = True

    def tell(self, message: Message) -> None:
        self.told.append(message)

    def tell_one(self, message: Message) -> bool:
        if self.is_there:
            self.told.append(message)
        return self.is_there


class StrawWorker:
    """A worker's process as the first one sees it; ``said``: what was said to it."""

    def __init__(self) -> None:
        self.said: list[Message] = []
        self.talk = self

    def say(self, message: Message) -> None:
        self.said.append(message)


class CrewTests(SynchronousTestCase):
    """The first process."""

    def setUp(self) -> None:
        self.kept: list[Batch] = []
        self.answer: Any = None
        self.crew = Crew(FeedSettings("words.db"), 2, self.keep)
        self.workers: Any = StrawWorkers()
        self.crew.workers = self.workers
        self.crew.start(RULES)

    def keep(self, kept: Batch, _profile: str) -> Any:
        """Keep it, and answer as told."""
        self.kept.append(kept)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def bring(self, one: StrawWorker, messages: Any) -> None:
        """The worker says these, each as it is after its way through a message."""
        made: Any = one
        for message in messages:
            line = json.dumps(message)
            self.assertLess(len(line), MESSAGE_MAX)
            self.crew.heard(made, json.loads(line))

    def test_batch(self) -> None:
        """A batch far larger than a message arrives whole; its worker is told when it is kept."""
        one, large = StrawWorker(), batch(200_000)
        self.answer = stored = Deferred[None]()
        messages = list(pieces(7, large))
        self.assertGreater(len(messages), 4)
        self.bring(one, messages)
        self.assertEqual((self.kept, one.said), ([large], []))
        stored.callback(None)
        self.assertEqual(one.said, [{"do": "kept", "batch": 7, "fault": ""}])

    def test_two_at_once(self) -> None:
        """Pieces of two workers don't mix, and those of one that is gone are no one's."""
        first, second = StrawWorker(), StrawWorker()
        ours, theirs = list(pieces(1, batch(90_000))), list(pieces(1, batch(80_000)))
        self.bring(StrawWorker(), ours[:1])
        for one, other in zip(ours, [*theirs, None], strict=False):
            self.bring(first, [one])
            self.bring(second, [other] if other is not None else [])
        self.assertEqual(sorted(len(kept.pages[0].forms) for kept in self.kept), [80_000, 90_000])

    def test_not_kept(self) -> None:
        """A store that fails is told to the worker by the kind of its fault."""
        one, self.answer = StrawWorker(), OSError("secret")
        self.bring(one, pieces(1, batch()))
        self.assertEqual(one.said, [{"do": "kept", "batch": 1, "fault": "OSError"}])

    def test_other_messages(self) -> None:
        """What is no batch is no matter."""
        self.bring(StrawWorker(), [{"new": 1}])
        self.assertEqual(self.kept, [])

    def test_paused_seconds(self) -> None:
        """A pause is noted by one worker; while none is there its seconds wait."""
        now = [100.0]
        self.crew.pause._clock = lambda: now[0]  # type: ignore[method-assign, assignment]
        self.crew.pause.begin()
        self.workers.is_there = False
        now[0] += 60
        self.crew.pause.settle()
        self.workers.is_there = True
        now[0] += 5
        self.crew.pause.end()
        self.assertEqual(self.workers.told, [{"do": "paused", "seconds": 65.0}])

    def test_status(self) -> None:
        """What waits is added up; it is paused when all are."""
        none: dict[str, Any] = dict.fromkeys(("waiting_pages", "waiting_bytes", "restarts", "spooled"), 0)
        none |= {"trouble": None, "paused": False}
        tell = self.workers.sums.hear
        tell(0, {"counting": {**none, "counter": 11, "waiting_pages": 2, "paused": True}}, [])
        tell(
            1, {"counting": {**none, "counter": 12, "waiting_pages": 3, "spooled": 4, "trouble": "full"}}, []
        )
        self.crew.pause.begin()
        wanted = {"counters": [11, 12], "waiting_pages": 5, "waiting_bytes": 0, "restarts": 0, "spooled": 4}
        self.assertEqual(self.crew.status(), {**wanted, "trouble": "full", "paused": False})
        tell(1, {"counting": {**none, "counter": 12, "paused": True}}, [])
        self.assertTrue(self.crew.status()["paused"])

    def test_share(self) -> None:
        """Bounds are divided; each has room for two of the largest pages, unless all together have less."""
        part = share_of(
            FeedSettings("words.db", waiting_bytes=64 * MIB, waiting_pages=10, max_text=8 * MIB), 3
        )
        self.assertEqual((part.waiting_bytes, part.waiting_pages), (-(-64 * MIB // 3), 4))
        part = share_of(FeedSettings("words.db", waiting_bytes=64 * MIB, max_text=8 * MIB), 64)
        self.assertEqual(part.waiting_bytes, 16 * MIB)
        part = share_of(FeedSettings("words.db", waiting_bytes=9 * MIB, max_text=8 * MIB), 64)
        self.assertEqual(part.waiting_bytes, 9 * MIB)


class StrawAlone:
    """Counts nothing, and keeps what it is told."""

    def __init__(self, reactor: Any, settings: FeedSettings, on_batch: Any, on_paused: Any) -> None:
        self.on_batch = on_batch
        self.hooks = object()
        self.seen: list[Any] = []
        self.pause = self
        self.flushed: Deferred[bool] = Deferred()

    def flush(self) -> Deferred[bool]:
        return self.flushed

    def start(self, rules: Rules) -> None:
        self.seen.append("start")

    def follow(self, rules: Rules) -> None:
        self.seen.append(rules.ignore_hosts)

    def begin(self) -> None:
        self.seen.append("paused")

    def end(self) -> None:
        self.seen.append("goes on")

    def note_paused(self, seconds: float) -> None:
        self.seen.append(seconds)


class FlushTests(SynchronousTestCase):
    """Whether all is in the store."""

    def setUp(self) -> None:
        self.crew = Crew(FeedSettings("words.db"), 2, lambda batch, profile: None)
        self.workers: Any = StrawWorkers()
        self.crew.workers = self.workers
        self.one: Any = StrawWorker()

    def test_all_have(self) -> None:
        """It is when each worker says so; askers are told apart."""
        first, second = self.crew.flush(), self.crew.flush()
        self.assertEqual([message["flush"] for message in self.workers.told], [1, 2])
        for number in (1, 2, 2):
            self.crew.heard(self.one, {"flushed": number, "is_done": True})
        self.assertNoResult(first)
        self.assertTrue(self.successResultOf(second))
        self.crew.heard(self.one, {"flushed": 1, "is_done": True})
        self.assertTrue(self.successResultOf(first))

    def test_one_has_not(self) -> None:
        """One that can't is answer enough; late answers are of no matter."""
        done = self.crew.flush()
        self.crew.heard(self.one, {"flushed": 1, "is_done": False})
        self.assertFalse(self.successResultOf(done))
        self.crew.heard(self.one, {"flushed": 1, "is_done": True})

    def test_given_up(self) -> None:
        """Who asked may give up, and nothing is remembered of it."""
        done = self.crew.flush()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.crew.heard(self.one, {"flushed": 1, "is_done": True})
        self.assertEqual(self.crew._flushes, {})


class CountingTests(SynchronousTestCase):
    """The worker."""

    def setUp(self) -> None:
        self.patch(worker, "Alone", StrawAlone)
        self.said: list[Message] = []
        self.counting = Counting(Clock(), self.said.append)

    def told(self, store: str = "words.db", *, paused: bool = False, hosts: tuple[str, ...] = ()) -> Message:
        """Return what the first process says of counting."""
        crew = Crew(FeedSettings(store), 2, lambda kept: None)
        crew.workers = StrawWorkers()  # type: ignore[assignment]
        crew.start(Rules(url_key=b"k" * 32, ignore_hosts=hosts))
        if paused:
            crew.pause.begin()
        return {"do": "count", **crew.greeting()}

    def begun(self, **told: Any) -> StrawAlone:
        """Return the counting of a worker that has begun."""
        self.assertIsNotNone(self.counting.begin(self.told(**told)))
        alone: Any = self.counting._alone
        assert isinstance(alone, StrawAlone)
        return alone

    def test_told(self) -> None:
        """Rules, a pause and its end, and seconds to be noted are heard in their order."""
        alone = self.begun(paused=True)
        self.assertEqual(alone.seen, ["start", (), "paused"])
        self.assertIsNone(alone.on_batch)
        self.counting.heard(self.told(hosts=("a.example",)))
        self.counting.heard({"do": "paused", "seconds": 65.0})
        self.counting.heard({"do": "news"})
        self.assertEqual(alone.seen[3:], [("a.example",), "goes on", 65.0])

    def test_batches(self) -> None:
        """A batch for a memory store goes to the first process, and is kept, or not, as that says."""
        alone = self.begun(store=":memory:")
        first, second = alone.on_batch(batch(), ""), alone.on_batch(batch(), "alice")
        self.assertEqual([message["batch"] for message in self.said], [1, 2])
        self.assertEqual([message["profile"] for message in self.said], ["", "alice"])
        self.assertNoResult(first)
        self.counting.heard({"do": "kept", "batch": 2, "fault": "StoreFault"})
        self.counting.heard({"do": "kept", "batch": 1, "fault": ""})
        self.counting.heard({"do": "kept", "batch": 1, "fault": ""})
        self.assertIsNone(self.successResultOf(first))
        self.failureResultOf(second, NotKept)

    def test_flush(self) -> None:
        """The first process is told when all is in the store, or that it can't be."""
        alone = self.begun()
        alone.flushed = Deferred()
        self.counting.heard({"do": "flush", "flush": 7})
        self.assertEqual(self.said, [])
        alone.flushed.callback(True)
        self.assertEqual(self.said, [{"flushed": 7, "is_done": True}])

    def test_not_begun(self) -> None:
        """Before its start it has nothing to tell, to change or to end."""
        self.counting.heard(self.told())
        self.counting.heard({"do": "paused", "seconds": 1.0})
        self.assertEqual(self.counting.status(), {})
        self.successResultOf(Deferred.fromCoroutine(self.counting.end()))
