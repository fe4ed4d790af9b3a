"""The feed against a counter of straw: whatever that does, nothing is told twice, nothing waits for it."""

from __future__ import annotations

import fcntl
import os
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import child as child_module
from netsuite.wordproxy import feed as feed_module
from netsuite.wordproxy import flushes, troubles
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.feed import Feed
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.ledger import OPEN_PAGES, CopiedPage
from netsuite.wordproxy.outlet import PIPE_BYTES
from netsuite.wordproxy.pipe import (
    FROM_COUNTER,
    TO_COUNTER,
    Begin,
    Committed,
    Counted,
    FrameReader,
    FromCounter,
    Job,
    Leaving,
    Mark,
    Ready,
    Returned,
    Skipped,
    Spooled,
    Storing,
    ToCounter,
    Trouble,
    decoded,
    frame,
)
from netsuite.wordproxy.store.contract import RECOUNTED, Batch, Note, Page
from netsuite.words.skipped import Reason

NOON = 1_767_610_800.0
SETTINGS = FeedSettings(store="words.db", page_seconds=8.0, drain_seconds=5.0, waiting_pages=50)


def page(number: int, size: int = 10) -> CopiedPage:
    """A page of ``size`` bytes in two pieces."""
    half = size // 2
    return CopiedPage(
        number,
        [b"x" * half, b"y" * (size - half)],
        size,
        b"d" * 16,
        "news.example",
        "http://news.example/",
        "2026-01-05",
        NOON,
        "text/html",
        None,
        "",
        None,
    )


class StrawProcess:
    """A process that reads what it is given and says what the test says."""

    def __init__(self, proto: Any, pid: int, source: int) -> None:
        self.proto = proto
        self.pid = pid
        self.frames = 0
        self.signals: list[str] = []
        self.is_stopped = False  # SIGSTOP: reads nothing
        self.has_ended = False
        self.is_heard = True
        self.writers: list[Any] = []  # what waits for room in its pipe
        self._heard: list[ToCounter] = []
        self._reader = FrameReader(10**8)
        self._source = os.dup(source)
        os.set_blocking(self._source, False)
        self._found_end = False

    # IProcessTransport, as far as it is used

    def pauseProducing(self) -> None:
        self.is_heard = False

    def resumeProducing(self) -> None:
        self.is_heard = True

    def signalProcess(self, name: str) -> None:
        if self.has_ended:
            raise ProcessExitedAlready
        self.signals.append(name)

    # what the test does with it

    @property
    def heard(self) -> list[ToCounter]:
        """What came, as far as it reads."""
        while self._source >= 0 and not self.is_stopped:
            try:
                data = os.read(self._source, 1 << 20)
            except BlockingIOError:
                if not self.writers:
                    break
                for writer in self.writers[:]:
                    writer.doWrite()
                continue
            if not data:
                self._found_end = True
                self.let_go()
            self._heard += [decoded(TO_COUNTER, block) for block in self._reader.feed(data)]
        return self._heard

    @property
    def is_closed(self) -> bool:
        """It read to the end that the feed made."""
        return bool(self.heard) and self._found_end

    @property
    def buffered(self) -> int:
        """Bytes that were written and not read."""
        return int.from_bytes(fcntl.ioctl(self._source, termios.FIONREAD, bytes(4)), sys.byteorder)

    def read_some(self, size: int) -> None:
        """Make room for so many bytes, and take none in."""
        os.read(self._source, size)
        for writer in self.writers[:]:
            writer.doWrite()

    def resume(self) -> None:
        """Read again."""
        self.is_stopped = False
        assert self.heard

    def say(self, *messages: FromCounter) -> None:
        """Answer."""
        self.proto.childDataReceived(1, b"".join(map(frame, messages)))

    def let_go(self) -> None:
        """Nothing is read any more."""
        if self._source >= 0:
            os.close(self._source)
            self._source = -1

    def end(self, *, signal: int | None = None, code: int = 0) -> None:
        """Be gone, and waited for."""
        assert self.heard or self.is_stopped
        self.has_ended = True
        self.let_go()
        ended: Exception = ProcessDone(0)
        if signal or code:
            ended = ProcessTerminated(code or None, signal, 0)
        self.proto.processEnded(Failure(ended))

    @property
    def jobs(self) -> list[int]:
        """Numbers of the pages that came."""
        return [message.sequence for message in self.heard if isinstance(message, Job)]

    @property
    def notes(self) -> list[Note]:
        """The notes that came."""
        return [message.note for message in self.heard if isinstance(message, Mark)]

    def count_all(self) -> None:
        """Count what came, and have it kept."""
        jobs = self.jobs
        done: set[int] = getattr(self, "done", set())
        while new := [number for number in jobs if number not in done]:
            self.say(*[Counted(number, 1) for number in new])
            done.update(new)
            jobs = self.jobs
        self.done = done
        numbers = [*jobs, *[note.sequence for note in self.notes]]
        if numbers and max(numbers) > getattr(self, "kept", 0):
            self.kept = max(numbers)
            self.say(Storing(), Committed(self.kept))


class StrawReactor(Clock):
    """A clock that also spawns."""

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[StrawProcess] = []
        self.refuses = False

    def spawnProcess(
        self, proto: Any, executable: str, args: list[str], env: dict[str, str], childFDs: dict[int, Any]
    ) -> StrawProcess:
        if self.refuses:
            raise OSError(11, "Resource temporarily unavailable")
        process = StrawProcess(proto, 1000 + len(self.spawned), childFDs[0])
        self.command, self.environment = args, env
        self.spawned.append(process)
        proto.makeConnection(process)
        return process

    def addWriter(self, writer: Any) -> None:
        self.now.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        for process in self.spawned:
            if writer in process.writers:
                process.writers.remove(writer)

    @property
    def now(self) -> StrawProcess:
        """The process that runs."""
        return self.spawned[-1]

    def let_go(self) -> None:
        """No pipe is open."""
        for process in self.spawned:
            process.let_go()
            for writer in process.writers[:]:
                writer.connectionLost(Failure(ProcessDone(0)))


class Diary:
    """What was reported."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.events.append((name, *values))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The reports of one sort."""
        return [values for kind, *values in self.events if kind == name]  # type: ignore[misc]


class FeedCase(SynchronousTestCase):
    """A running feed and its ready counter."""

    settings = SETTINGS

    def setUp(self) -> None:
        self.reactor = StrawReactor()
        self.addCleanup(self.reactor.let_go)
        self.diary = Diary()
        self.batches: list[Batch] = []
        self.kept: Callable[[Batch], object] = self.batches.append
        self.feed = Feed(
            self.reactor, self.settings, self.diary, lambda batch, _: self.kept(batch), clock=lambda: NOON
        )
        self.feed.start()
        self.reactor.now.say(Ready())

    def stopped(self) -> bool:
        """Stop, let the counter of straw do all it has to, and say whether that was all."""
        done: Deferred[None] = self.feed.stop()
        self.reactor.now.count_all()
        if self.reactor.now.is_closed and not self.reactor.now.has_ended:
            self.reactor.now.end()
        return bool(done.called)


class HandingOverTests(FeedCase):
    """What a counter is told."""

    def test_beginning(self) -> None:
        """The first thing a counter hears is where the store is; its command line says nothing."""
        begin = self.reactor.now.heard[0]
        assert isinstance(begin, Begin)
        self.assertEqual((begin.node, begin.store), (self.feed.node, "words.db"))
        self.assertNotIn("words.db", " ".join(self.reactor.command))

    def test_nothing_before_it_is_ready(self) -> None:
        """A page waits for a counter that starts."""
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        self.feed.page(page(70))
        self.assertEqual(self.reactor.now.jobs, [])
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1])

    def test_a_page(self) -> None:
        """A page is handed over at once, whole, and forgotten when it is kept."""
        self.assertTrue(self.feed.page(page(70)))
        job = self.reactor.now.heard[-1]
        assert isinstance(job, Job)
        self.assertEqual((job.sequence, job.body, job.media_type), (1, b"xxxxxyyyyy", "text/html"))
        self.assertEqual(self.feed.held[0], 1)
        self.reactor.now.say(Counted(1, 812))
        self.assertEqual(self.diary.of("counted"), [[70, 812]])
        self.assertEqual(self.feed.held[0], 1)
        self.reactor.now.say(Storing(), Committed(1))
        self.assertEqual(self.feed.held, (0, 0))

    def test_a_skipped_page(self) -> None:
        """The counter's reason is reported, and its bytes are let go of."""
        self.feed.page(page(70))
        self.reactor.now.say(Skipped(1, "too large"))
        self.assertEqual(self.diary.of("skipped"), [[70, "too large"]])
        self.assertEqual(self.feed.held, (0, 0))

    def test_window(self) -> None:
        """Only a few pages are in the pipe; each answer makes room for the next."""
        for number in range(OPEN_PAGES + 2):
            self.feed.page(page(number))
        self.assertEqual(len(self.reactor.now.jobs), OPEN_PAGES)
        self.reactor.now.say(Counted(1, 1))
        self.assertEqual(len(self.reactor.now.jobs), OPEN_PAGES + 1)

    def test_a_backlog(self) -> None:
        """While many pages wait there is no time for sentences; once they are through, there is again."""
        self.patch(feed_module, "HURRY_PAGES", 3)
        for number in range(OPEN_PAGES + 6):
            self.feed.page(page(number))
        self.reactor.now.count_all()
        hurried = [message.is_hurried for message in self.reactor.now.heard if isinstance(message, Job)]
        self.assertEqual(hurried, [False] * OPEN_PAGES + [True] * 2 + [False] * 4)

    def test_a_counter_that_does_not_read(self) -> None:
        """What a stopped counter leaves in the buffer is bounded, and comes when it reads again."""
        self.reactor.now.is_stopped = True
        pieces = [b"x" * 50_000] * 40
        big = page(70)
        big = CopiedPage(70, pieces, 2_000_000, *[getattr(big, name) for name in big.__slots__[3:]])
        self.feed.page(big)
        self.feed.page(page(71))
        self.assertLessEqual(self.reactor.now.buffered, PIPE_BYTES)
        while self.reactor.now.jobs == []:
            self.reactor.now.resume()
        self.reactor.now.say(Counted(1, 1))
        self.assertEqual(self.reactor.now.jobs, [1, 2])

    def test_notes_are_gathered(self) -> None:
        """Equal notes of a moment are one, of the day it is."""
        for _ in range(5):
            self.feed.note("cdn.example", "not text")
        self.feed.note("", "paused", 12.5)
        self.assertEqual(self.reactor.now.notes, [])
        self.reactor.advance(1)
        day = local_day(NOON)
        self.assertEqual(
            self.reactor.now.notes,
            [Note(1, day, "cdn.example", "not text", 5), Note(2, day, "", "paused", 12.5)],
        )

    def test_notes_before_the_start(self) -> None:
        """What is noted before there is a counter is told to the first."""
        feed = Feed(self.reactor, SETTINGS, self.diary)
        feed.note("a.example", "unseen")
        feed.start()
        self.reactor.now.say(Ready())
        self.reactor.advance(1)
        self.assertEqual([note.outcome for note in self.reactor.now.notes], ["unseen"])

    def test_status(self) -> None:
        """The status says which process counts, what waits and what is wrong."""
        self.feed.page(page(70))
        self.reactor.now.say(Trouble("no room"))
        self.assertEqual(
            self.feed.status(),
            {
                "counter": 1000,
                "waiting_pages": 1,
                "waiting_bytes": 1034,
                "restarts": 0,
                "spooled": 0,
                "trouble": "no room",
            },
        )
        self.reactor.now.say(Counted(1, 1), Committed(1))
        self.assertEqual(self.feed.status()["trouble"], None)


class BoundTests(FeedCase):
    """Past the bounds."""

    settings = FeedSettings(store="words.db", waiting_pages=3, waiting_bytes=10_000)

    def test_busy_by_pages(self) -> None:
        """A page too many is noted as busy, and reading is not its concern."""
        for number in range(3):
            self.assertTrue(self.feed.page(page(number)))
        self.assertFalse(self.feed.page(page(3)))
        self.assertEqual(self.diary.of("skipped"), [[3, "busy"]])
        self.reactor.advance(1)
        self.assertEqual([note.outcome for note in self.reactor.now.notes], ["busy"])
        self.assertEqual(self.feed.held[0], 3)

    def test_busy_by_bytes(self) -> None:
        """Bytes too many likewise; what is kept makes room."""
        self.feed.page(page(0, 8_000))
        self.assertFalse(self.feed.page(page(1, 8_000)))
        self.assertLess(self.feed.room, 2_000)
        self.reactor.now.say(Counted(1, 1), Committed(1))
        self.assertTrue(self.feed.page(page(2, 8_000)))

    def test_too_large(self) -> None:
        """A page over the bound of one never gets into the pipe."""
        feed = Feed(self.reactor, FeedSettings(store="words.db", max_text=100), self.diary)
        feed.start()
        self.assertTrue(feed.page(page(0, 100)))
        self.assertFalse(feed.page(page(1, 101)))
        self.assertEqual(self.diary.of("skipped"), [[1, "too large"]])

    def test_before_and_after(self) -> None:
        """A feed that doesn't run takes no page."""
        feed = Feed(self.reactor, SETTINGS, self.diary)
        self.assertFalse(feed.page(page(0)))
        self.assertTrue(self.stopped())
        self.assertFalse(self.feed.page(page(1)))


class DeathTests(FeedCase):
    """A counter that ends unasked."""

    def test_the_page_in_hand(self) -> None:
        """The page in hand is crashed under its number; the others are sent to the next under theirs."""
        for number in (70, 71, 72):
            self.feed.page(page(number))
        self.reactor.now.say(Counted(1, 5))
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("counter_lost"), [[1000, "killed by signal 9"]])
        self.assertEqual(self.diary.of("skipped"), [[71, "crashed"]])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1, 3])
        self.assertEqual([(n.sequence, n.outcome) for n in self.reactor.now.notes], [(2, "crashed")])
        self.reactor.now.say(Counted(1, 5), Counted(3, 5), Storing(), Committed(3))
        self.assertEqual(self.diary.of("counted"), [[70, 5], [72, 5]])
        self.assertEqual(self.feed.held, (0, 0))

    def test_death_between_any_two_words(self) -> None:
        """Whichever word of the counter is its last, the next one gets all that was not kept, in order."""
        words: list[FromCounter] = [Counted(1, 1), Skipped(2, "unreadable"), Storing(), Committed(2)]
        words += [Counted(3, 1), Storing(), Committed(3)]
        stream = b"".join(map(frame, words))
        for cut in range(len(stream) + 1):
            self.setUp()
            for number in (70, 71, 72):
                self.feed.page(page(number))
            self.reactor.now.proto.childDataReceived(1, stream[:cut])
            self.reactor.now.end(signal=9)
            self.reactor.advance(0)
            self.reactor.now.say(Ready())
            process = self.reactor.now
            again = sorted(process.jobs + [note.sequence for note in process.notes])
            self.assertEqual(again, list(range(4 - len(again), 4)), cut)
            process.count_all()
            self.assertEqual(self.feed.held, (0, 0), cut)
            told = [values[0] for values in self.diary.of("counted") + self.diary.of("skipped")]
            self.assertEqual(sorted(set(told)), [70, 71, 72], cut)

    def test_death_at_the_store(self) -> None:
        """A counter that dies while it stores has no page in hand."""
        for number in (70, 71):
            self.feed.page(page(number))
        self.reactor.now.say(Counted(1, 1), Storing())
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1, 2])

    def test_leaving(self) -> None:
        """A counter that says it leaves is followed at once, blames no page and is not lost."""
        self.feed.page(page(70))
        self.feed.page(page(71))
        self.reactor.now.say(Skipped(1, "too large"), Storing(), Committed(1), Leaving())
        self.reactor.now.end()
        self.assertEqual(self.diary.of("counter_lost"), [])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [2])

    def test_restarts_back_off(self) -> None:
        """The first restart is at once, others wait ever longer, to 5 s; to keep something ends it."""
        for number, wait in enumerate((0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0), 1):
            self.reactor.now.end(code=1)
            self.reactor.advance(wait * 0.99)
            self.assertEqual(len(self.reactor.spawned), number + (wait == 0))
            self.reactor.advance(wait * 0.02)
            self.assertEqual(len(self.reactor.spawned), number + 1)
        self.feed.page(page(70))
        self.reactor.now.say(Ready())
        self.reactor.now.say(Counted(1, 1), Committed(1))
        self.reactor.now.end(code=1)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.spawned), 11)
        self.assertEqual(self.feed.status()["restarts"], 10)

    def test_no_process_to_be_had(self) -> None:
        """A system that has no process left for us is asked again later."""
        self.reactor.refuses = True
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        self.assertIn("no counter could be started", self.diary.of("trouble")[0][0])
        self.feed.page(page(70))
        self.reactor.refuses = False
        self.reactor.advance(5)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1])

    def test_a_counter_that_can_not_be_heard(self) -> None:
        """One that closes its end of the pipe unasked is killed, if it still lives."""
        self.feed.page(page(70))
        self.reactor.now.proto.childConnectionLost(1)
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [[70, "crashed"]])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.reactor.now.say(Storing(), Committed(1))
        self.feed.stop()
        self.reactor.now.proto.childConnectionLost(1)
        self.assertEqual(self.reactor.now.signals, [])

    def test_answers_are_read_together(self) -> None:
        """While a counter has more to answer, its answers wait a moment, and are then read together."""
        for number in (70, 71):
            self.feed.page(page(number))
        self.reactor.now.say(Counted(1, 1))
        self.assertFalse(self.reactor.now.is_heard)
        self.reactor.advance(feed_module.REST_SECONDS[0])
        self.assertTrue(self.reactor.now.is_heard)
        self.reactor.now.say(Counted(2, 1))
        self.assertTrue(self.reactor.now.is_heard)

    def test_how_long_answers_wait(self) -> None:
        """The longer, the less of its work a counter had done when they were read; within bounds."""

        def waited(answers: int) -> int:
            """Milliseconds until it is heard again, once so many answers came."""
            numbers = range(len(told) + 1, len(told) + answers + 1)
            told.extend(numbers)
            self.reactor.now.say(*[Counted(number, 1) for number in numbers])
            for passed in range(100):
                if self.reactor.now.is_heard:
                    return passed
                self.reactor.advance(0.001)
            raise AssertionError("never heard again")

        told: list[int] = []
        for number in range(3 * OPEN_PAGES):
            self.feed.page(page(number))
        slow = [waited(1) for _ in range(10)]
        self.assertEqual(slow, sorted(slow))
        self.assertEqual(slow[-1], round(feed_module.REST_SECONDS[1] * 1000))
        fast = waited(OPEN_PAGES)
        self.assertLess(fast, slow[-1])
        self.assertLess(waited(OPEN_PAGES), fast)

    def test_a_death_while_answers_wait(self) -> None:
        """A counter that dies meanwhile leaves nothing behind, and the next one is heard."""
        for number in (70, 71):
            self.feed.page(page(number))
        self.reactor.now.say(Counted(1, 1))
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [[71, "crashed"]])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1])
        self.reactor.advance(feed_module.REST_SECONDS[0])
        self.assertTrue(self.reactor.now.is_heard)

    def test_standard_error(self) -> None:
        """What a counter says on standard error is in the journal: by line, escaped, cut, not without end."""
        errors = self.reactor.now.proto.errReceived
        errors(b"fault: Value")
        errors(b"Error\x1b[2J\n" + b"y" * 1000 + b"\nrest")
        self.reactor.now.end(signal=6)
        said = [values[0] for values in self.diary.of("trouble")]
        self.assertEqual(said[0], "process 1000: fault: ValueError\\u001b[2J")
        self.assertEqual(said[1], "process 1000: " + "y" * child_module.ERROR_BYTES)
        self.assertEqual(said[2], "process 1000: rest")
        self.reactor.advance(0)
        self.reactor.now.proto.errReceived(b"line\n" * 500)
        self.assertEqual(len(self.diary.of("trouble")), 3 + child_module.ERROR_LINES)


class RubbishTests(FeedCase):
    """A counter that lies is killed, and not believed any more."""

    def check_killed(self, data: bytes) -> None:
        """The data gets the counter killed, and the next one goes on."""
        self.feed.page(page(70))
        self.feed.page(page(71))
        self.reactor.now.proto.childDataReceived(
            1, data + b"".join(map(frame, (Counted(1, 1), Committed(1))))
        )
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.reactor.now.say(Counted(2, 1))
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [[70, "crashed"]])
        self.assertIn("broke the rules", self.diary.of("counter_lost")[0][1])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [2])

    def test_rubbish(self) -> None:
        """Neither lengths nor values need be so."""
        for data in (
            b"\xff\xff\xff\xff",
            b"<html>",
            b"\0\0\0\0",
            b"\0\0\0\1x",
            frame(Mark(Note(1, "", "", ""))),
        ):
            self.setUp()
            self.check_killed(data)

    def test_lies(self) -> None:
        """Well-formed answers to what was never asked."""
        lies: list[FromCounter] = [
            Counted(2, 1),
            Skipped(9, "too large"),
            Skipped(1, "boredom"),
            Committed(1),
            Committed(99),
            Returned(Batch("another", 1, [], [])),
            Returned(Batch(self.feed.node, 1, [], [])),
        ]
        for lie in lies:
            self.setUp()
            self.check_killed(frame(lie))

    def test_an_answer_too_early(self) -> None:
        """A counter that is not ready has nothing to answer."""
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        self.reactor.now.say(Storing())
        self.assertEqual(self.reactor.now.signals, ["KILL"])


class SilenceTests(FeedCase):
    """A counter that says nothing."""

    def pass_seconds(self, seconds: float) -> None:
        """The time passes in small steps."""
        self.reactor.pump([0.5] * int(seconds * 2))

    def test_too_slow(self) -> None:
        """A page that takes too long is noted so; its counter is killed and the others go on."""
        self.feed.page(page(70))
        self.feed.page(page(71))
        self.pass_seconds(8)
        self.assertEqual(self.reactor.now.signals, [])
        self.pass_seconds(2)
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [[70, "too slow"]])
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [2])

    def test_each_page_has_its_own_time(self) -> None:
        """Many pages may take long together."""
        for number in range(5):
            self.feed.page(page(number))
        for number in range(5):
            self.pass_seconds(6)
            self.reactor.now.say(Counted(number + 1, 1))
        self.assertEqual(self.reactor.now.signals, [])

    def test_idle(self) -> None:
        """A counter that owes nothing may be silent for ever."""
        self.pass_seconds(500)
        self.assertEqual(self.reactor.now.signals, [])

    def test_at_the_store(self) -> None:
        """At the store it may be silent for longer, and no page is to blame."""
        self.feed.page(page(70))
        self.feed.page(page(71))
        self.reactor.now.say(Counted(1, 1), Storing())
        self.pass_seconds(29)
        self.reactor.now.say(Trouble("no room"), Storing())
        self.pass_seconds(29)
        self.assertEqual(self.reactor.now.signals, [])
        self.pass_seconds(3)
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.reactor.now.end(signal=9)
        self.assertEqual(self.diary.of("skipped"), [])

    def test_after_the_last_answer(self) -> None:
        """One that answered all and keeps nothing is stopped or stuck."""
        self.feed.page(page(70))
        self.reactor.now.say(Counted(1, 1))
        self.pass_seconds(32)
        self.assertEqual(self.reactor.now.signals, ["KILL"])

    def test_never_ready(self) -> None:
        """One that doesn't get ready is replaced."""
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        self.pass_seconds(32)
        self.assertEqual(self.reactor.now.signals, ["KILL"])

    def test_a_clock_set_forward(self) -> None:
        """A day's jump is one tick."""
        self.feed.page(page(70))
        self.reactor.advance(86_400)
        self.assertEqual(self.reactor.now.signals, [])

    def test_slow_to_read_is_not_silent(self) -> None:
        """A large page may take its time to get through the pipe."""
        self.reactor.now.is_stopped = True
        self.feed.page(page(70, 3_000_000))
        for _ in range(5):
            self.pass_seconds(6)
            self.reactor.now.read_some(100_000)
        self.assertEqual(self.reactor.now.signals, [])


class MemoryStoreTests(FeedCase):
    """Batches that come back."""

    settings = FeedSettings(store=":memory:")

    def returned(self, last: int) -> Returned:
        """A batch up to that number."""
        return Returned(Batch(self.feed.node, last, [], []))

    def test_returned(self) -> None:
        """A batch goes to its owner, and is kept with that."""
        self.feed.page(page(70))
        self.reactor.now.say(Counted(1, 1), self.returned(1))
        self.assertEqual(self.batches, [Batch(self.feed.node, 1, [], [])])
        self.assertEqual(self.feed.held, (0, 0))

    def test_an_owner_that_is_behind(self) -> None:
        """While the owner has too many batches in hand the counter gets nothing more."""
        waiting: list[Deferred[None]] = []

        def later(_batch: Batch) -> Deferred[None]:
            waiting.append(Deferred())
            return waiting[-1]

        self.kept = later
        for number in range(1, feed_module.RETURNED_MAX + 1):
            self.feed.page(page(number))
            self.reactor.now.say(Counted(number, 1), self.returned(number))
        self.feed.page(page(99))
        self.assertEqual(len(self.reactor.now.jobs), feed_module.RETURNED_MAX)
        waiting[0].callback(None)
        self.assertEqual(len(self.reactor.now.jobs), feed_module.RETURNED_MAX + 1)

    def test_an_owner_that_fails(self) -> None:
        """A batch that its owner can't keep is lost, and the coverage says so."""

        def fails(_batch: Batch) -> None:
            raise ValueError("with a word of the page")

        self.kept = fails
        self.feed.page(page(70))
        counted = Page(1, b"d" * 16, "news.example", None, None, "en", "2026-01-05", 1.0, [])
        self.reactor.now.say(Counted(1, 1), Returned(Batch(self.feed.node, 1, [counted], [])))
        self.assertEqual(self.diary.of("trouble"), [["a batch is lost: ValueError"]])
        self.reactor.advance(1)
        self.assertEqual(
            [(note.host, note.outcome) for note in self.reactor.now.notes],
            [("news.example", Reason.LOST.value)],
        )

    def test_stop_waits_for_the_owner(self) -> None:
        """A stop is not done before the owner has kept the last batch."""
        last: Deferred[None] = Deferred()
        self.kept = lambda batch: last
        self.feed.page(page(70))
        done = self.feed.stop()
        self.reactor.now.say(Counted(1, 1))
        self.assertTrue(self.reactor.now.is_closed)
        self.reactor.now.say(self.returned(1))
        self.reactor.now.end()
        self.assertNoResult(done)
        last.callback(None)
        self.successResultOf(done)


class StopTests(FeedCase):
    """The end."""

    def test_idle(self) -> None:
        """An idle counter's pipe is closed, and its end is the stop's; no call is left in the reactor."""
        done = self.feed.stop()
        self.assertTrue(self.reactor.now.is_closed)
        self.assertNoResult(done)
        self.reactor.now.end()
        self.successResultOf(done)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.diary.of("counter_lost"), [])

    def test_what_waits_is_seen_through(self) -> None:
        """Pages and notes taken before the stop are counted and kept before it is done."""
        for number in range(OPEN_PAGES * 3):
            self.feed.page(page(number))
        self.feed.note("a.example", "unseen")
        done = self.feed.stop()
        self.assertFalse(self.reactor.now.is_closed)
        self.reactor.now.count_all()
        self.assertTrue(self.reactor.now.is_closed)
        self.assertEqual(len(self.reactor.now.jobs), OPEN_PAGES * 3)
        self.assertEqual([note.outcome for note in self.reactor.now.notes], ["unseen"])
        self.reactor.now.end()
        self.successResultOf(done)

    def test_a_stop_while_it_starts(self) -> None:
        """A counter that never got ready, and has nothing to do, is closed at once."""
        feed = Feed(self.reactor, SETTINGS, self.diary)
        feed.start()
        done = feed.stop()
        self.assertTrue(self.reactor.now.is_closed)
        self.reactor.now.end()
        self.successResultOf(done)

    def test_a_stop_while_none_runs(self) -> None:
        """Between two counters, with nothing to do, the stop is done at once."""
        self.reactor.now.end(signal=9)
        self.successResultOf(self.feed.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_the_same_trouble(self) -> None:
        """What each of many counters complains of in a row is said once a minute."""
        for seconds, lines in ((1, 1), (20, 1), (40, 2)):
            self.reactor.now.say(Trouble("no room"))
            self.reactor.now.end(code=12)
            self.reactor.advance(seconds)
            self.reactor.now.say(Ready(), Trouble("no room"))
            self.assertEqual(len(self.diary.of("trouble")), lines, seconds)
        self.reactor.now.say(Trouble("read-only"))
        self.assertEqual(len(self.diary.of("trouble")), 3)

    def test_trouble_that_comes_back(self) -> None:
        """A trouble that ended and came back is in the status at once, in the journal once a minute."""
        for _ in range(3):
            self.reactor.now.say(Trouble("no room"))
            self.assertEqual(self.feed.status()["trouble"], "no room")
            self.feed.page(page(70))
            last = self.reactor.now.jobs[-1]
            self.reactor.now.say(Counted(last, 1), Committed(last))
            self.assertIsNone(self.feed.status()["trouble"])
        self.assertEqual(self.diary.of("trouble"), [["no room"]])
        for number in range(troubles.TROUBLES_MAX * 2):
            self.reactor.now.say(Trouble(f"trouble {number}"))
        self.assertEqual(len(self.diary.of("trouble")), 1 + troubles.TROUBLES_MAX * 2)
        self.assertLessEqual(len(self.feed._troubles._again), troubles.TROUBLES_MAX)

    def test_death_during_the_stop(self) -> None:
        """A counter that dies over the last pages is followed by one that keeps the rest."""
        for number in (70, 71):
            self.feed.page(page(number))
        done = self.feed.stop()
        self.reactor.now.end(signal=11)
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.reactor.now.count_all()
        self.assertTrue(self.reactor.now.is_closed)
        self.reactor.now.end()
        self.successResultOf(done)
        self.assertEqual(self.diary.of("skipped"), [[70, "crashed"]])

    def test_not_kept_at_the_end(self) -> None:
        """A store that refuses is tried again until the time is up; then what is lost is said."""
        self.feed.page(page(70))
        done = self.feed.stop()
        self.reactor.now.say(Counted(1, 1))
        self.reactor.now.say(Storing(), Trouble("no room"))
        self.reactor.now.end(code=12)
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.assertEqual(self.reactor.now.jobs, [1])
        self.reactor.advance(SETTINGS.drain_seconds)
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.assertNoResult(done)
        self.reactor.now.end(signal=9)
        self.successResultOf(done)
        self.assertIn("could not be kept before the stop: 1", self.diary.of("trouble")[-1][0])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_at_the_store_when_time_is_up(self) -> None:
        """A counter that writes a batch when the time is up has a moment more, and not more than that."""
        self.feed.page(page(70))
        done = self.feed.stop()
        self.reactor.now.say(Counted(1, 1), Storing())
        self.reactor.advance(SETTINGS.drain_seconds)
        self.assertEqual(self.reactor.now.signals, [])
        self.reactor.advance(SETTINGS.drain_seconds * feed_module.GRACE_PART)
        self.assertEqual(self.reactor.now.signals, ["KILL"])
        self.reactor.advance(feed_module.ABANDON_SECONDS)
        self.successResultOf(done)
        self.assertLessEqual(self.reactor.seconds(), feed_module.longest_stop(SETTINGS))
        self.reactor.now.end(signal=9)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_counter_that_can_not_die(self) -> None:
        """Even a process that the kernel holds doesn't hold the stop for ever."""
        self.feed.page(page(70))
        done = self.feed.stop()
        self.reactor.advance(5)
        self.assertNoResult(done)
        self.reactor.advance(5)
        self.successResultOf(done)
        self.reactor.now.end(signal=9)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_twice_and_never_started(self) -> None:
        """A second stop is done with the first; one of what never ran at once."""
        first, second = self.feed.stop(), self.feed.stop()
        self.reactor.now.end()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.feed.stop())
        never = Feed(self.reactor, SETTINGS, self.diary)
        never.note("a.example", "unseen")
        self.successResultOf(never.stop())


class CutTests(FeedCase):
    """A counter that is killed at each byte of what it says."""

    SAID = (
        *(Storing(), Spooled(1), Counted(1, 5), Skipped(2, "password page"), Trouble("x"), Counted(3, 7)),
        *(Storing(), Committed(3), Counted(4, 9), Storing(), Spooled(0), Committed(4), Leaving()),
    )

    def test_at_each_byte(self) -> None:
        """Each page is told once and kept or noted once, under its number, wherever the last frame ends."""
        stream = b"".join(map(frame, self.SAID))
        for cut in range(len(stream) + 1):
            self.setUp()
            for number in (71, 72, 73, 74, 75):
                self.feed.page(page(number))
            first = self.reactor.now
            first.proto.childDataReceived(1, stream[:cut])
            self.assertEqual(first.signals, [])
            kept = max((m.last for m in self.whole(stream[:cut]) if isinstance(m, Committed)), default=0)
            first.end(signal=9)
            self.reactor.advance(1)
            self.reactor.now.say(Ready())
            again = [*self.reactor.now.jobs, *[note.sequence for note in self.reactor.now.notes]]
            self.assertEqual(sorted(again), list(range(kept + 1, 6)), cut)
            self.reactor.now.count_all()
            self.assertEqual((self.feed.held, self.feed.status()["trouble"]), ((0, 0), None), cut)
            told = [told[0] for kind in ("counted", "skipped") for told in self.diary.of(kind)]
            self.assertEqual(sorted(told), [71, 72, 73, 74, 75], cut)
            self.assertLessEqual([why for _, why in self.diary.of("skipped")].count("crashed"), 1)

    @staticmethod
    def whole(stream: bytes) -> list[FromCounter]:
        """What was said to its end."""
        return [decoded(FROM_COUNTER, block) for block in FrameReader(10**6).feed(stream)]


class NodeTests(SynchronousTestCase):
    """Who a feed is."""

    def test_no_two_are_one(self) -> None:
        """No two feeds have the same id, also of processes that began as one."""
        mine = {Feed(StrawReactor(), SETTINGS, Diary()).node for _ in range(500)}
        self.assertEqual(len(mine), 500)
        source, sink = os.pipe()
        child = os.fork()
        if not child:
            os.write(sink, Feed(StrawReactor(), SETTINGS, Diary()).node.encode())
            os._exit(0)
        os.waitpid(child, 0)
        theirs = os.read(source, 100).decode()
        os.close(source)
        os.close(sink)
        self.assertEqual(len(theirs), 16)
        self.assertNotIn(theirs, mine | {Feed(StrawReactor(), SETTINGS, Diary()).node})


class ShedTests(FeedCase):
    """More pages than there is time for at the end."""

    def test_noted_as_lost(self) -> None:
        """Pages that were not handed over in time are lost in the coverage, exactly; others count."""
        for number in range(OPEN_PAGES * 3):
            self.feed.page(page(number))
        done = self.feed.stop()
        self.reactor.advance(SETTINGS.drain_seconds * feed_module.SHED_PART)
        self.assertEqual([why for _, why in self.diary.of("skipped")], ["lost"] * OPEN_PAGES * 2)
        self.reactor.now.count_all()
        self.assertEqual(len(self.reactor.now.jobs), OPEN_PAGES)
        [note] = self.reactor.now.notes
        self.assertEqual((note.outcome, note.amount, note.host), ("lost", OPEN_PAGES * 2, "news.example"))
        self.assertTrue(self.reactor.now.is_closed)
        self.reactor.now.end()
        self.successResultOf(done)
        self.assertEqual((self.feed.held, self.diary.of("trouble")), ((0, 0), []))


class FlushTests(FeedCase):
    """When all is in the store."""

    def test_nothing_to_do(self) -> None:
        """With nothing on its way all is there at once, also while it stops."""
        self.assertTrue(self.successResultOf(self.feed.flush()))
        self.feed.stop()
        self.assertTrue(self.successResultOf(self.feed.flush()))

    def test_what_was_taken(self) -> None:
        """What was taken before is waited for, what comes later is not."""
        self.feed.page(page(70))
        self.feed.note("a.example", "unseen")
        done = self.feed.flush()
        self.feed.page(page(71))
        self.assertEqual([note.outcome for note in self.reactor.now.notes], ["unseen"])
        self.reactor.now.say(Counted(1, 1), Committed(1))
        self.assertNoResult(done)
        self.reactor.now.say(Storing(), Committed(2))
        self.assertTrue(self.successResultOf(done))
        self.assertEqual(self.feed.held[0], 1)

    def test_a_spool(self) -> None:
        """What waits in a spool is not in the store; when it is, that is told."""
        self.reactor.now.say(Spooled(2))
        self.assertEqual(self.feed.status()["spooled"], 2)
        done = self.feed.flush()
        self.reactor.now.say(Storing(), Spooled(1))
        self.assertNoResult(done)
        self.reactor.now.say(Storing(), Spooled(0))
        self.assertTrue(self.successResultOf(done))

    def test_a_spool_at_the_start(self) -> None:
        """Until a counter has said what it found, nobody knows."""
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        feed = Feed(self.reactor, SETTINGS, self.diary)
        feed.start()
        done = feed.flush()
        self.assertNoResult(done)
        self.reactor.now.say(Ready(3))
        self.assertNoResult(done)
        self.reactor.now.say(Storing(), Spooled(0))
        self.assertTrue(self.successResultOf(done))

    def test_not_now(self) -> None:
        """A store that does not take it in time, or a stop, is an answer too; askers are bounded."""
        self.feed.page(page(70))
        waiting = [self.feed.flush() for _ in range(flushes.FLUSHES_MAX)]
        self.assertFalse(self.successResultOf(self.feed.flush()))
        self.reactor.advance(feed_module.FLUSH_SECONDS)
        self.assertEqual([self.successResultOf(done) for done in waiting], [False] * len(waiting))
        last = self.feed.flush()
        self.feed.stop()
        self.reactor.now.count_all()
        self.reactor.now.end()
        self.assertIsNotNone(self.successResultOf(last))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_each_has_its_time(self) -> None:
        """Who asks soon after another was told has as much time as that one had, and not what it left."""
        self.feed.page(page(70))
        first = self.feed.flush()
        self.reactor.now.say(Counted(1, 1), Storing(), Committed(1))
        self.assertTrue(self.successResultOf(first))
        self.reactor.advance(feed_module.FLUSH_SECONDS - 0.1)
        self.feed.page(page(71))
        second = self.feed.flush()
        self.reactor.advance(0.2)
        self.assertNoResult(second)
        self.reactor.now.say(Counted(2, 1), Storing(), Committed(2))
        self.assertTrue(self.successResultOf(second))

    def test_trouble_stays_while_batches_wait(self) -> None:
        """A spool that takes batches is no cure: the trouble is told until they are in the store."""
        self.reactor.now.say(Trouble("down"), Spooled(1))
        self.feed.page(page(70))
        self.reactor.now.say(Counted(1, 1), Storing(), Committed(1))
        self.assertEqual(self.feed.status()["trouble"], "down")
        self.reactor.now.say(Storing(), Spooled(0))
        self.assertIsNone(self.feed.status()["trouble"])


class ProfileTests(FeedCase):
    """Users."""

    def test_whose(self) -> None:
        """Pages, what becomes of them, and notes go to the counter with the user that they are of."""
        self.feed.page(replace(page(70), profile="alice"))
        self.feed.page(replace(page(71), profile="bob"))
        self.feed.note("a.example", "unseen", 1, "bob")
        self.reactor.now.say(Skipped(1, "password page"))
        self.reactor.now.end(signal=9)
        self.reactor.advance(0)
        self.reactor.now.say(Ready())
        self.reactor.advance(1)
        marks = [(m.note.outcome, m.profile) for m in self.reactor.now.heard if isinstance(m, Mark)]
        self.assertEqual(marks, [("password page", "alice"), ("crashed", "bob"), ("unseen", "bob")])

    def test_batches_of_one_time(self) -> None:
        """Several users' batches of the same pages are kept one by one, and let go of with the last."""
        self.kept_by: list[str] = []
        self.feed._on_batch = lambda batch, profile: self.kept_by.append(profile)
        self.feed.page(replace(page(70), profile="alice"))
        self.feed.page(page(71))
        batch = Batch(self.feed.node, 2, [], [])
        self.reactor.now.say(Counted(1, 1), Counted(2, 1), Returned(batch, "", True))
        self.assertEqual(self.feed.held[0], 2)
        self.reactor.now.say(Returned(batch, "alice", False))
        self.assertEqual((self.feed.held[0], self.kept_by), (0, ["", "alice"]))

    def test_a_revisit(self) -> None:
        """A page that is counted again is handed over as such, and is no line in the journal."""
        self.feed.page(replace(page(70, 0), pieces=[], source=RECOUNTED))
        job = self.reactor.now.heard[-1]
        assert isinstance(job, Job)
        self.assertEqual((job.source, job.body), (RECOUNTED, b""))
        self.reactor.now.say(Counted(1, 0), Committed(1))
        self.assertEqual((self.diary.of("counted"), self.feed.held), ([], (0, 0)))


class InvocationTests(SynchronousTestCase):
    """How a counter is started."""

    def test_secrets_stay_here(self) -> None:
        """Neither command nor environment has what is in ours by chance."""
        self.patch(os, "environ", {"NETSUITE_PROXY_UPSTREAM": "http://u:secret@p", "PATH": "/bin"})
        command, environment = child_module.invocation()
        self.assertNotIn("secret", repr((command, environment)))
        self.assertEqual(environment["PATH"], "/bin")

    def test_the_same_package(self) -> None:
        """The child finds the package that we run, also where only PYTHONPATH leads to it."""
        self.patch(os, "environ", {"PYTHONPATH": f"relative{os.pathsep}"})
        command, environment = child_module.invocation()
        self.assertEqual(command[-2:], ["-m", "netsuite.wordproxy.counter"])
        self.assertIn("-P", command)
        for folder in environment["PYTHONPATH"].split(os.pathsep):
            self.assertTrue(os.path.isabs(folder))
