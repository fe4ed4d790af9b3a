"""The report is read by many while pages are counted: no error, and SQLite's log stays small."""

from __future__ import annotations

import http.client
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.real.cluster import Fleet
from tests.real.exactness import Found, faults
from tests.real.numbered import Readers
from tests.real.parts import FETCH_SECONDS, until
from tests.scale import NIGHTLY

MIB = 1 << 20

#: Clients of the report, pages a second, seconds, words that each page has beside its own.
CLIENTS, RATE, SECONDS, WORDS = (12, 60.0, 6.0, 50)
if NIGHTLY:
    CLIENTS, RATE, SECONDS, WORDS = (50, 200.0, 600.0, 200)

#: A log that grew past this is one that nobody could cut.
LOG_MAX = 64 * MIB

VIEWS = ("/", "/words.json?all=1", "/words.json?q=thrice*&sort=word", "/coverage.json?by=host", "/coverage")


class Asker(threading.Thread):
    """Asks for one view after the other until ``ended``; busy (503) is an answer too."""

    def __init__(self, port: int, ended: threading.Event, seed: int) -> None:
        super().__init__(daemon=True)
        self._port, self._ended, self._dice = port, ended, Random(seed)
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0

    def run(self) -> None:
        """Ask."""
        while not self._ended.is_set():
            view = self._dice.choice(VIEWS)
            link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=FETCH_SECONDS)
            began = time.monotonic()
            try:
                link.request("GET", view)
                answer = link.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{view}: {error!r}")
            finally:
                link.close()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self._ended.wait(0.02)


class ReportLoadTests(Fleet):
    """The real service, with its report and its counter on one file."""

    def test_read_while_written(self) -> None:
        """Every answer is one, every page is counted once, and the log's file stays under its bound."""
        folder = Path(tempfile.mkdtemp(prefix="netsuite-report-"))
        self.addCleanup(shutil.rmtree, folder)
        store, dice = folder / "words.db", Random(5)
        self.book.more = "<p>" + " ".join(f"w{dice.randrange(10**6)}" for _ in range(WORDS))
        node = self.node("one", str(store))
        ended = threading.Event()
        askers = [Asker(node.report, ended, seed) for seed in range(CLIENTS)]
        readers = Readers(self.book, node.proxy, rate=RATE)
        for asker in askers:
            asker.start()
        largest, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            log = Path(f"{store}-wal")
            largest = max(largest, log.stat().st_size if log.exists() else 0)
            readers.more(20)
        readers.stop()
        ended.set()
        for asker in askers:
            asker.join(FETCH_SECONDS)
        statuses = sum((asker.statuses for asker in askers), Counter[int]())
        self.assertEqual([wrong for asker in askers for wrong in asker.wrong], [])
        self.assertLessEqual(set(statuses), {200, 503}, statuses)
        self.assertGreater(statuses[200], CLIENTS)
        self.assertLess(largest, LOG_MAX)
        self.assertEqual(readers.broken, [])
        until("nothing waits", lambda: node.running.report("/healthz")["waiting_pages"] == 0, 300)
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(str(store))), [])
        self.assertNotIn("Traceback", node.running.log)
        sys.stdout.write(
            f"{len(readers.delivered)} pages, {dict(statuses)} answers of the report, the slowest "
            f"{max(asker.slowest for asker in askers):.2f} s, log {largest / MIB:.1f} MiB at most\n"
        )
