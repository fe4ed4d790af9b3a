"""A real counter process under every fault: each page is counted once or noted, and nothing hangs."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from netsuite.http1.head import RequestHead, ResponseHead, parse_request, parse_response
from netsuite.http1.limits import Limits
from netsuite.wordproxy.child import Child, invocation
from netsuite.wordproxy.copying import Copying, Rules
from netsuite.wordproxy.feed import Feed
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.pipe import Committed, FromCounter
from netsuite.wordproxy.store.contract import Batch, Coverage, CoverageQuery, WordQuery
from netsuite.wordproxy.store.open import open_store
from netsuite.words.skipped import Reason
from tests.real.parts import alive

reactor: Any = _reactor

#: How long anything may take on a busy machine.
PATIENCE = 25.0

DAY = "2026-01-05"
PAGES = 300

#: A relay that starts a counter, says which, and does nothing more.
RELAY = """
import sys
from twisted.internet import reactor
from netsuite.wordproxy.feed import Feed
from netsuite.wordproxy.handing import FeedSettings
class Events:
    def counter_started(self, pid):
        sys.stdout.write(f"{pid}\\n")
        sys.stdout.flush()
    def __getattr__(self, name):
        return lambda *values: None
feed = Feed(reactor, FeedSettings(store=sys.argv[1]), Events())
feed.start()
reactor.run()
"""


def own_word(number: int) -> str:
    """A word that only this page has."""
    return "own" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def page(number: int, body: bytes | None = None, coding: str = "", kind: str = "text/html") -> CopiedPage:
    """A page with its own word and a common one, or with that body."""
    if body is None:
        body = f"<!DOCTYPE html><title>t</title><body><p>tide {own_word(number)}</p>".encode()
    return CopiedPage(
        exchange_id=number,
        pieces=[body[at : at + 65536] for at in range(0, len(body), 65536)],
        size=len(body),
        digest=number.to_bytes(16, "big"),
        host="news.example",
        url=f"http://news.example/{number}",
        day=DAY,
        when=1_767_610_800.0,
        media_type=kind,
        charset=None,
        content_encoding=coding,
        content_language="en",
    )


class Diary:
    """What the feed reported."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.reasons: dict[int, str] = {}
        self.pids: list[int] = []
        self.losses: list[str] = []
        self.troubles: list[str] = []
        self.on_count: Callable[[], None] = lambda: None
        self.on_start: Callable[[], None] = lambda: None

    def counted(self, exchange_id: int, words: int) -> None:
        assert exchange_id not in self.counts, "announced twice"
        self.counts[exchange_id] = words
        self.on_count()

    def skipped(self, exchange_id: int, reason: str) -> None:
        self.reasons[exchange_id] = reason

    def counter_started(self, pid: int) -> None:
        self.pids.append(pid)
        self.on_start()

    def counter_lost(self, pid: int, reason: str) -> None:
        self.losses.append(reason)

    def trouble(self, text: str) -> None:
        self.troubles.append(text)

    @property
    def told(self) -> int:
        """Pages of which it is known what became of them."""
        return len(self.counts.keys() | self.reasons.keys())


class ForgetfulFeed(Feed):
    """Hears the first Committed of each of so many counters as the counter's death."""

    deaths = 2

    def heard(self, child: Child, message: FromCounter) -> None:
        if isinstance(message, Committed) and self.deaths:
            self.deaths -= 1
            os.kill(child.pid, signal.SIGKILL)
            child.kill(None, "for the test")
        else:
            super().heard(child, message)


class CounterCase(TestCase):
    """A feed with its real counter and a store in a file."""

    timeout = 60

    def begin(self, *, feed: type[Feed] = Feed, **settings: Any) -> None:
        """A counter is being started."""
        self.path = str(Path(self.mktemp()).absolute()) + ".db"
        self.diary = Diary()
        self.feed = feed(
            reactor,
            FeedSettings(**{"store": self.path, "batch_seconds": 0.1, "drain_seconds": PATIENCE, **settings}),
            self.diary,
            getattr(self, "keep", None),
        )
        self.feed.start()
        self.addCleanup(self.feed.stop)

    async def until(self, what: str, probe: Callable[[], object]) -> None:
        """The probe was true in time."""
        end = reactor.seconds() + PATIENCE
        while not probe():
            self.assertLess(reactor.seconds(), end, f"{what}: {vars(self.diary)}")
            await deferLater(reactor, 0.01)

    async def started(self, number: int = 1) -> int:
        """So many counters have come up; the last one's process."""
        await self.until(f"counter {number}", lambda: len(self.diary.pids) >= number)
        return self.diary.pids[-1]

    async def known(self, pages: int) -> None:
        """It is known of so many pages what became of them."""
        await self.until(f"{pages} pages", lambda: self.diary.told >= pages)

    def coverage(self) -> Coverage:
        """What the store says of all days."""
        store = open_store(self.path, read_only=True)
        try:
            return store.coverage(CoverageQuery())
        finally:
            store.close()

    def occurrences(self) -> dict[str, int]:
        """How often the store has each word."""
        store = open_store(self.path, read_only=True)
        try:
            listed = store.words(WordQuery(everything=True, limit=0)).words
            return {word.word: word.occurrences for word in listed}
        finally:
            store.close()

    def check_totals(self, pages: int) -> None:
        """Each page is in the store once, or noted as crashed, and the diary says the same."""
        total = self.coverage().total
        words = self.occurrences()
        crashed = total.skipped.get("crashed", 0)
        self.assertEqual(total.counted + crashed, pages)
        self.assertEqual(set(total.skipped) - {"crashed"}, set())
        self.assertEqual(words.pop("tide"), total.counted)
        self.assertEqual(set(words.values()), {1})
        self.assertEqual(len(words), total.counted)
        missing = {number for number in range(pages) if own_word(number) not in words}
        self.assertEqual(missing, {n for n, reason in self.diary.reasons.items() if reason == "crashed"})


class KillTests(CounterCase):
    """``kill -9`` of the counter."""

    async def test_at_random_moments(self) -> None:
        """Killed again and again under a stream of pages, no page is lost, in part, or there twice."""
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        self.begin()
        kills, counts_left, timers = [8], [0], []

        def kill(pid: int) -> None:
            if pid == self.diary.pids[-1] and len(self.diary.losses) < len(self.diary.pids):
                os.kill(pid, signal.SIGKILL)

        def started() -> None:
            counts_left[0] = 0
            if kills[0]:
                kills[0] -= 1
                if chance.random() < 0.5:
                    timers.append(reactor.callLater(chance.random() / 4, kill, self.diary.pids[-1]))
                else:
                    counts_left[0] = chance.randrange(1, 60)

        def counted() -> None:
            counts_left[0] -= 1
            if counts_left[0] == 0:
                kill(self.diary.pids[-1])

        self.diary.on_start, self.diary.on_count = started, counted
        for number in range(PAGES):
            self.feed.page(page(number))
            if number % 3 == 0:
                await deferLater(reactor, 0.01)
        await self.known(PAGES)
        kills[0] = 0
        for timer in timers:
            if timer.active():
                timer.cancel()
        await self.feed.stop()
        self.assertEqual(self.feed.held, (0, 0), f"seed {seed}")
        self.assertGreater(len(self.diary.losses), 0, f"seed {seed}")
        self.check_totals(PAGES)

    async def test_between_commit_and_acknowledgement(self) -> None:
        """Killed after the store has the batch and before we know it, nothing is counted twice."""
        self.begin(feed=ForgetfulFeed)
        for number in range(40):
            self.feed.page(page(number))
        await self.known(40)
        await self.started(3)
        await self.feed.stop()
        self.check_totals(40)
        self.assertEqual(self.coverage().total.counted, 40)

    async def test_before_it_is_ready(self) -> None:
        """A counter that is killed while it starts takes no page with it."""
        self.begin()
        child = self.feed._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        self.feed.page(page(0))
        await self.known(1)
        await self.feed.stop()
        self.check_totals(1)
        self.assertEqual(self.coverage().total.counted, 1)

    async def test_killed_while_idle(self) -> None:
        """A new counter is there within the second, though nobody asked for it."""
        self.begin()
        pid = await self.started()
        os.kill(pid, signal.SIGKILL)
        await self.started(2)
        self.assertEqual(self.diary.losses, ["killed by signal 9"])
        self.feed.page(page(0))
        await self.known(1)
        self.assertEqual(self.diary.reasons, {})


class SilenceTests(CounterCase):
    """A counter that is stopped, or told to end by others."""

    async def test_stopped(self) -> None:
        """A stopped counter costs the page in hand; the next one counts the others."""
        self.begin(page_seconds=1.0)
        pid = await self.started()
        os.kill(pid, signal.SIGSTOP)
        for number in range(3):
            self.feed.page(page(number))
        await self.known(3)
        self.assertEqual(self.diary.reasons, {0: "too slow"})
        self.assertIn("silent", self.diary.losses[0])
        await self.feed.stop()
        total = self.coverage().total
        self.assertEqual((total.counted, total.skipped), (2, {"too slow": 1}))

    async def test_signals_of_the_group(self) -> None:
        """What a terminal or a service manager sends to us all doesn't end the counter before the relay."""
        self.begin()
        pid = await self.started()
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"):
            os.kill(pid, getattr(signal, name))
        self.feed.page(page(0))
        await self.known(1)
        self.assertEqual((self.diary.pids, self.diary.losses), ([pid], []))

    async def test_its_bounds(self) -> None:
        """The process yields to others, and can hold neither much memory nor many descriptors nor a core."""
        self.begin(nice=7, counter_memory=2**30)
        pid = await self.started()
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, pid), 7)
        self.assertEqual(resource.prlimit(pid, resource.RLIMIT_AS), (2**30, 2**30))
        self.assertEqual(resource.prlimit(pid, resource.RLIMIT_CORE)[0], 0)
        self.assertEqual(len(os.listdir(f"/proc/{pid}/task")), 1)
        inherited = {
            os.readlink(f"/proc/{pid}/fd/{number}").split(":")[0] for number in os.listdir(f"/proc/{pid}/fd")
        }
        self.assertLessEqual(inherited, {"pipe", "/dev/null"})
        self.assertEqual(Path(f"/proc/{pid}/cmdline").read_bytes().count(b".db"), 0)


class RelayDeathTests(CounterCase):
    """``kill -9`` of the relay."""

    async def test_no_orphan(self) -> None:
        """A counter ends with its relay, however that ended."""
        self.diary = Diary()
        environment = {**os.environ, **invocation()[1]}
        relay = subprocess.Popen(
            [sys.executable, "-c", RELAY, self.mktemp() + ".db"], stdout=subprocess.PIPE, env=environment
        )
        self.addCleanup(relay.wait)
        self.addCleanup(relay.kill)
        assert relay.stdout is not None
        self.addCleanup(relay.stdout.close)
        pid = int(relay.stdout.readline())
        self.assertTrue(alive(pid))
        relay.kill()
        await self.until("the counter's end", lambda: not alive(pid))


class HostilePageTests(CounterCase):
    """Pages that are made to hurt."""

    async def test_rubbish(self) -> None:
        """Random bytes as HTML are counted or skipped; the counter lives, the next page is counted."""
        chance = random.Random(20260105)
        self.begin()
        for number in range(60):
            coding = ("", "gzip", "br", "zstd", "deflate")[number % 5]
            self.feed.page(page(number, chance.randbytes(chance.randrange(1, 40_000)), coding))
        self.feed.page(page(60))
        await self.known(61)
        await self.feed.stop()
        self.assertEqual(self.diary.losses, [])
        self.assertEqual(self.diary.counts[60], 2)
        total = self.coverage().total
        self.assertEqual(total.counted + sum(total.skipped.values()), 61)
        self.assertEqual(total.counted, len(self.diary.counts))

    async def test_bomb(self) -> None:
        """500 MB in 500 KB of gzip is too large, and the counter's memory stays small."""
        packer = zlib.compressobj(9, wbits=31)
        million = bytes(2**20)
        bomb = b"".join(packer.compress(million) for _ in range(500)) + packer.flush()
        self.begin()
        self.feed.page(page(0, bomb, "gzip"))
        self.feed.page(page(1))
        await self.known(2)
        self.assertEqual((self.diary.reasons, self.diary.losses), ({0: "too large"}, []))
        self.assertEqual(self.diary.counts, {1: 2})
        self.assertLess(peak(self.diary.pids[-1]), 300 * 2**20)

    async def test_a_page_of_20_megabytes(self) -> None:
        """A page past the bound is given up while it passes: nothing of it is held or sent."""
        self.begin()
        copying = Copying(self.feed, Rules(url_key=b"k" * 16), lambda: 0.0)
        copy = copying.on_response(7, asked(b"GET http://news.example/"), answered())
        assert copy is not None
        for _ in range(320):
            copy.data(bytes(65536))
            self.assertLessEqual(copying.open_bytes, 8 * 2**20)
        copy.end(True)
        self.assertEqual((self.feed.held, copying.open_bytes), ((0, 0), 0))
        await self.feed.stop()
        self.assertEqual(self.diary.reasons, {7: "too large"})
        self.assertEqual(self.coverage().total.skipped, {"too large": 1})

    async def test_the_largest_page(self) -> None:
        """A page just under the bound is counted, with the memory that a counter has."""
        body = b"<p>tide harbour</p>" * (8 * 2**20 // 19)
        self.begin(page_seconds=PATIENCE)
        self.feed.page(page(0, body))
        await self.known(1)
        self.assertEqual(self.diary.counts, {0: 2 * (8 * 2**20 // 19)})
        self.assertEqual(self.diary.losses, [])

    async def test_too_little_memory(self) -> None:
        """A page that needs more memory than there is costs itself at most; the next one is counted."""
        body = b"".join(b"<p>word%d</p>" % number for number in range(450_000))
        self.begin(counter_memory=256 * 2**20, page_seconds=PATIENCE)
        self.feed.page(page(0, body))
        self.feed.page(page(1))
        await self.known(2)
        self.assertIn(self.diary.reasons.get(0), (Reason.TOO_LARGE.value, Reason.CRASHED.value))
        self.assertEqual(self.diary.counts, {1: 2})


def peak(pid: int) -> int:
    """The most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


class PrivacyTests(CounterCase):
    """What must not be kept (FEATURES §3.3), looked for in the bytes of the store."""

    async def test_planted_secrets(self) -> None:
        """Neither query, form answer, private page nor ignored host leaves a byte; the public page does."""
        self.begin()
        await self.browse()
        folder = Path(self.path).parent
        self.judge(b"".join(path.read_bytes() for path in folder.glob(Path(self.path).name + "*")))
        total = self.coverage().total
        self.assertEqual((total.counted, total.unseen, sum(total.skipped.values())), (2, 1, 5))

    async def test_planted_in_a_spool(self) -> None:
        """Nor do they in a spool, where what was read waits for a store on another machine."""
        folder = Path(self.mktemp()).absolute()
        away = "unix:///nowhere/redis.sock"
        self.begin(store=away, spool=str(folder), spool_name=away, spool_bytes=2**20)
        await self.browse()
        self.assertEqual(self.feed.held, (0, 0))
        self.judge(b"".join(path.read_bytes() for path in folder.iterdir()))

    async def browse(self) -> None:
        """Pages of all kinds were read, and the feed has ended."""
        rules = Rules(url_key=b"k" * 16, ignore_hosts=("planteda.example",))
        copying = Copying(self.feed, rules, lambda: 1_767_610_800.0)
        no_store, basic = b"Cache-Control: no-store", b"Authorization: Basic cGxhbnRlZA=="
        pages = (
            (asked(b"GET http://news.example/public?q=plantedb"), answered(), b"publicword"),
            (asked(b"POST http://news.example/plantedc"), answered(), b"formword"),
            (asked(b"GET http://news.example/plantedd"), answered(no_store), b"plantede"),
            (asked(b"GET http://news.example/plantedf", basic), answered(), b"plantedg"),
            (asked(b"GET http://planteda.example/"), answered(), b"plantedh"),
            (asked(b"GET http://news.example/plantedi"), answered(), b"plantedj <input type=password>"),
            (asked(b"GET http://news.example/plantedk"), answered(b"Content-Disposition: attachment"), b"x"),
        )
        for number, (request, response, word) in enumerate(pages):
            copy = copying.on_response(number, request, response)
            if copy is not None:
                title = b"plantedl" if request.method == b"POST" else b"Title"
                copy.data(b"<!DOCTYPE html><title>%b</title><p>%b" % (title, word))
                copy.end(True)
        copying.on_tunnel(9, "planteda.example", 443)
        await self.feed.stop()

    def judge(self, kept: bytes) -> None:
        """What was kept has what may be kept, and nothing else."""
        kept = kept.lower()
        self.assertIn(b"publicword", kept)
        self.assertIn(b"formword", kept)
        self.assertIn(b"/public?\xe2\x80\xa6", kept)
        self.assertEqual([letter for letter in "abcdefghijkl" if b"planted" + letter.encode() in kept], [])
        self.assertNotIn(b"planted", kept)


def asked(line: bytes, *fields: bytes) -> RequestHead:
    """A request of that method and URL."""
    host = line.split(b"/")[2]
    return parse_request(b"\r\n".join([line + b" HTTP/1.1", b"Host: " + host, *fields]), Limits())


def answered(*fields: bytes) -> ResponseHead:
    """A page with those fields."""
    return parse_response(b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Type: text/html", *fields]), Limits())


class StoreTroubleTests(CounterCase):
    """A store that refuses for a while."""

    async def test_full(self) -> None:
        """While the store can't grow pages wait, with one line of trouble; then counting goes on."""
        self.begin()
        pid = await self.started()
        self.feed.page(page(0))
        await self.until("a page kept", lambda: self.feed.held == (0, 0))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for number in range(1, 300):
            self.feed.page(page(number))
        await self.until("trouble", lambda: self.diary.troubles)
        await self.known(200)
        self.assertGreaterEqual(self.feed.held[0], 299)
        self.assertEqual(self.feed.status()["trouble"], self.diary.troubles[-1])
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await self.until("all kept", lambda: self.feed.held == (0, 0))
        self.assertEqual((self.diary.pids, self.diary.losses), ([pid], []))
        self.assertEqual(len(self.diary.troubles), 1)
        await self.feed.stop()
        self.check_totals(300)
        self.assertEqual(self.coverage().total.counted, 300)

    async def test_a_stop_meanwhile(self) -> None:
        """A stop waits no longer than it may, and says what is lost."""
        wall = Path(self.mktemp()).absolute()
        wall.write_bytes(b"no folder")
        self.begin(drain_seconds=1.5, store=str(wall / "words.db"))
        self.feed.page(page(0))
        await self.known(1)
        await self.until("trouble", lambda: self.diary.troubles)
        await self.feed.stop()
        self.assertEqual(len(self.diary.troubles), 2, self.diary.troubles)
        self.assertEqual(self.diary.troubles[1], "pages that could not be kept before the stop: 1")
        self.assertEqual(self.diary.reasons, {})


class MemoryStoreTests(CounterCase):
    """``:memory:``: batches come back, and nothing touches the disk."""

    async def test_returned(self) -> None:
        """All pages come back in batches, each once, killed counters or not."""
        self.batches: list[Batch] = []
        self.keep = lambda batch, _profile: self.batches.append(batch)
        self.begin(store=":memory:")
        self.diary.on_count = lambda: (
            os.kill(self.diary.pids[-1], signal.SIGKILL) if len(self.diary.counts) == 5 else None
        )
        for number in range(50):
            self.feed.page(page(number))
        await self.known(50)
        await self.feed.stop()
        store = open_store(":memory:")
        self.addCleanup(store.close)
        for batch in self.batches:
            store.add(batch)
        total = store.coverage(CoverageQuery()).total
        self.assertEqual(total.counted + total.skipped.get("crashed", 0), 50)
        self.assertLessEqual(total.skipped.get("crashed", 0), 1)
