"""A real counter that is stopped, finds no store, or has too much to do: what comes of it, exactly."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from unittest import TestCase

from tests.real.hatchery import wordproxy
from tests.real.parts import FETCH_SECONDS, Twistd, children, until
from tests.real.test_counter_faults import CounterCase, page
from tests.real.test_wordproxy_workers import Words, own_word
from tests.scale import NIGHTLY

#: Seconds for which each counter that comes up is stopped, and of the same load before it.
STOPPED = 60.0 if NIGHTLY else 4.0

#: An answer that takes longer is slow; and the share of them that a machine with other work may make so.
SLOW_SECONDS, SLOW_SHARE = 1.0, 0.01

READERS = 4
MIB = 2**20
FILLER = b"<script>" + b"x" * 30_000 + b"</script>"


class Long(Words):
    """Pages of 30 KB."""

    @staticmethod
    def _answer(client: socket.socket, size: int) -> None:
        body = f"<!DOCTYPE html><title>t</title><p>tide {own_word(size)}</p>".encode() + FILLER
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/html\r\n\r\n"
        client.sendall(head % len(body) + body)


class Endless(threading.Thread):
    """Reads one page after the other until told to stop, and notes how long each took."""

    def __init__(self, node: Twistd, origin: Long, numbers: list[int]) -> None:
        super().__init__(daemon=True)
        self._node, self._origin, self._numbers = node, origin, numbers
        self.seconds: list[float] = []
        self.is_over = False

    def run(self) -> None:
        """Read."""
        connection = http.client.HTTPConnection("127.0.0.1", self._node.ports["proxy"], timeout=FETCH_SECONDS)
        with contextlib.closing(connection):
            while not self.is_over:
                began = time.monotonic()
                connection.request("GET", self._origin.url(self._numbers.pop()))
                answer = connection.getresponse()
                assert len(answer.read()) > len(FILLER)
                assert answer.status == 200
                self.seconds.append(time.monotonic() - began)
                time.sleep(0.004)  # somebody who reads, and no benchmark


class StoppedTests(TestCase):
    """SIGSTOP, under load."""

    def setUp(self) -> None:
        self.origin = Long()
        self.addCleanup(self.origin.close)
        self.node = wordproxy("--waiting-bytes", "16MiB", "-s", "words.db")
        self.addCleanup(self.node.close)
        self.numbers = list(range(999_999, 0, -1))
        self.stopped: set[int] = set()

    def load(self, seconds: float, *, stopping: bool) -> list[float]:
        """How long each answer took, sorted, while each counter is stopped, or none is."""
        readers = [Endless(self.node, self.origin, self.numbers) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for pid in children(self.node.pid) if stopping else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    self.stopped.add(pid)
            time.sleep(0.05)
        for reader in readers:
            reader.is_over = True
        for reader in readers:
            reader.join(FETCH_SECONDS)
            self.assertFalse(reader.is_alive())
        return sorted(second for reader in readers for second in reader.seconds)

    def memory(self) -> int:
        """Bytes of the relay."""
        status = Path(f"/proc/{self.node.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def test_readers_do_not_notice(self) -> None:
        """While no counter moves answers come as before, memory keeps its bound, and coverage adds up."""
        before = self.load(STOPPED, stopping=False)
        memory = self.memory()
        during = self.load(STOPPED, stopping=True)
        grown = self.memory() - memory
        for name, times in (("counting", before), ("stopped", during)):
            print(  # noqa: T201 - a figure for the note
                f"{name}: {len(times)} answers, p50 {times[len(times) // 2] * 1e3:.1f} ms,"
                f" p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms, memory grown by {grown / MIB:.1f} MiB"
            )
        slow = sum(second > SLOW_SECONDS for second in during)
        self.assertLessEqual(slow, len(during) * SLOW_SHARE)
        self.assertLess(grown, 48 * MIB)
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        read = len(before) + len(during)

        def adds_up() -> bool:
            told = self.node.report("/coverage.json")
            return bool(told["counted"] + sum(told["skipped"].values()) == read)

        until("all pages in the coverage", adds_up, 60)
        told = self.node.report("/coverage.json")
        self.assertLessEqual(set(told["skipped"]), {"busy", "too slow", "crashed"})
        words = self.node.report("/words.json?all=1&q=tide")["words"]
        self.assertEqual([word["occurrences"] for word in words], [told["counted"]])


class NoStoreTests(CounterCase):
    """A store that can't be opened."""

    async def test_resumes_by_itself(self) -> None:
        """Pages wait within their bound, those past it are busy; once it can be opened all are kept."""
        wall = Path(self.mktemp()).absolute()
        wall.write_bytes(b"no folder")
        self.begin(store=str(wall / "words.db"), waiting_pages=20)
        for number in range(30):
            self.feed.page(page(number))
        await self.until("trouble", lambda: self.diary.troubles)
        await self.known(30)
        self.assertEqual(self.feed.held[0], 20)
        self.assertEqual(len(self.diary.troubles), 1)
        wall.unlink()
        wall.mkdir()
        await self.until("all kept", lambda: self.feed.held == (0, 0))
        await self.feed.stop()
        self.path = str(wall / "words.db")
        total = self.coverage().total
        self.assertEqual((total.counted, total.skipped), (20, {"busy": 10}))
        self.assertEqual(self.diary.losses, [])


class TooMuchTests(CounterCase):
    """More pages than there is time for."""

    async def test_a_stop_is_exact(self) -> None:
        """What a stop leaves no time for is in the coverage as lost: with what was counted it is all."""
        body = b"<p>tide</p>" * 40_000  # with a number: a page that is known costs no time
        self.begin(drain_seconds=5.0, waiting_bytes=2**30)  # a page in hand takes long on a busy machine
        await self.started()
        for number in range(1000):
            self.feed.page(page(number, b"<p>%d</p>" % number + body))
        await self.feed.stop()
        total = self.coverage().total
        lost = total.skipped.get("lost", 0)
        self.assertEqual(total.counted + lost, 1000, (total, self.diary.troubles))
        self.assertGreater(lost, 0)
        self.assertEqual(sum(reason == "lost" for reason in self.diary.reasons.values()), lost)
        self.assertEqual(self.coverage().total.counted, len(self.diary.counts))
