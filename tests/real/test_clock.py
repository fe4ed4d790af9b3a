"""A clock that is set under a running service: forwards, back, over midnight, into summer time and out of it.

libfaketime moves the clock of twistd alone, at once and from outside; what is monotonic goes on as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
import urllib.parse
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import skipUnless
from zoneinfo import ZoneInfo

from netsuite.wordproxy.store.contract import PageQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.cluster import Fleet
from tests.real.exactness import Found, faults
from tests.real.load import answer, asked, connect
from tests.real.numbered import Readers, read_all
from tests.real.parts import Twistd, require, until
from tests.scale import NIGHTLY

LIBRARY = Path("/usr/lib", os.uname().machine + "-linux-gnu", "faketime/libfaketimeMT.so.1")

HOUR = 3600

#: Where clocks change on the last Sundays of March and October, at 01:00 UTC.
ZONE = "Europe/Berlin"


class ClockTests(Fleet):
    """A service whose clock we set."""

    def setUp(self) -> None:
        require("faketime", LIBRARY.exists())
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-clock-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.store, self.offset = self.folder / "words.db", self.folder / "offset"
        self.next = 0
        self.set(datetime.now(UTC))

    def set(self, moment: datetime) -> None:
        """The service's clock shows this moment."""
        fresh = self.folder / "offset.new"
        fresh.write_text(f"{round(moment.timestamp() - time.time()):+d}\n")
        fresh.replace(self.offset)

    def started(self, *options: str, zone: str = "UTC") -> Twistd:
        """A wordproxy with that clock, in that zone."""
        env = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": zone,
        }
        made = Twistd(
            *("wordproxy", "-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", "--via", "one"),
            *("-s", str(self.store), *options),
            env=env,
        )
        self.addCleanup(made.close)
        return made.up(r"proxy http://\S+, report http://\S+, store ")

    def read(self, service: Twistd, pages: int = 10) -> range:
        """So many more pages are read, and their numbers."""
        numbers = range(self.next, self.next + pages)
        self.next += pages
        self.read_again(service, numbers)
        return numbers

    def read_again(self, service: Twistd, numbers: range) -> None:
        """These pages are read and counted: the batches' timer keeps its time."""
        before = service.report("/coverage.json")["counted"]
        read_all(self.book, service.ports["proxy"], numbers)
        until(
            "they are counted", lambda: service.report("/coverage.json")["counted"] == before + len(numbers)
        )

    @staticmethod
    def by_day(service: Twistd) -> dict[str, int]:
        """How many pages were counted on each day."""
        return {part["day"]: part["counted"] for part in service.report("/coverage.json?by=day")["by"]}

    def assert_sane(self, service: Twistd) -> None:
        """The service ends well, and no line of its log has a negative or an absurd duration."""
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)
        durations = [float(text) for text in re.findall(r" (-?\d+\.\d+)s$", service.log, re.M)]
        self.assertGreaterEqual(len(durations), self.next)
        self.assertTrue(all(0 <= seconds < 60 for seconds in durations), durations)

    def test_forwards_and_back(self) -> None:
        """A day forwards, then 25 hours back: days are those of the clock, connections and timers keep."""
        start = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)
        self.set(start)
        service = self.started()
        with connect(service.ports["proxy"]) as idle:
            self.read(service, 10)
            self.set(start + timedelta(days=1))
            self.read(service, 11)
            self.set(start - timedelta(hours=1))
            self.read(service, 12)
            self.assertEqual(self.by_day(service), {"2026-11-10": 22, "2026-11-11": 11})
            words = service.report("/words.json?" + urllib.parse.urlencode({"day": "2026-11-11", "all": 1}))
            self.assertEqual(max(word["occurrences"] for word in words["words"]), 11)
            idle.sendall(asked(self.book.url(self.next)))
            self.assertEqual(answer(idle).status, 200)
        self.assert_sane(service)

    def test_under_load(self) -> None:
        """A clock that jumps at random under load: totals are exact, the counter is not taken for silent."""
        service = self.started()
        readers = Readers(self.book, service.ports["proxy"], rate=150.0)
        now = datetime.now(UTC)
        for hours in (24, -1, 24 * 40, -24 * 3, 0, 9):
            self.set(now + timedelta(hours=hours))
            readers.more(600 if NIGHTLY else 40)
        readers.stop()
        self.next = 0
        self.assert_sane(service)
        self.assertEqual(readers.broken, [])
        self.assertEqual(faults(readers.told, Found.of(str(self.store))), [])
        self.assertNotIn("counter lost", service.log)

    def test_midnight(self) -> None:
        """What is read a second before midnight is of that day, and a second after of the next."""
        before = datetime(2026, 2, 28, 23, 59, 0, tzinfo=UTC)
        self.set(before)
        service = self.started()
        self.read(service, 5)
        self.set(before + timedelta(minutes=2))
        self.read(service, 7)
        self.assertEqual(self.by_day(service), {"2026-02-28": 5, "2026-03-01": 7})
        self.assert_sane(service)

    @skipUnless(NIGHTLY, "make nightly: a day's end is tried by test_midnight, too")
    def test_summer_time(self) -> None:
        """Days are local ones, also those of 23 and 25 hours."""
        want = {}
        local = [(3, 28, 23, 4), (3, 29, 1, 5), (3, 29, 3, 6), (3, 30, 0, 7)]
        local += [(10, 24, 23, 4), (10, 25, 0, 5), (10, 25, 2, 6), (10, 25, 23, 7)]
        self.set(datetime(2026, 3, 28, tzinfo=ZoneInfo(ZONE)))
        service = self.started(zone=ZONE)
        for month, day, hour, pages in local:
            for fold in (0, 1) if hour == 2 else (0,):
                self.set(datetime(2026, month, day, hour, 30, tzinfo=ZoneInfo(ZONE), fold=fold))
                self.read(service, pages)
                name = date(2026, month, day).isoformat()
                want[name] = want.get(name, 0) + pages
        self.assertEqual(self.by_day(service), want)
        self.assert_sane(service)

    def test_timers(self) -> None:
        """A clock that is set back holds up no timer: half a head is ended in its time."""
        service = self.started("--header-timeout", "1")
        with connect(service.ports["proxy"]) as slow:
            slow.sendall(b"GET http://127.0.0.1/")
            self.set(datetime.now(UTC) - timedelta(days=1))
            while slow.recv(1000):
                pass
        self.assertEqual(service.stop(), 0)

    def test_pause(self) -> None:
        """A pause in which the clock is set back is no negative time."""
        service = self.started()
        self.read(service)
        service.signal(signal.SIGUSR2)
        service.wait_log("counting is paused|paused")
        self.set(datetime.now(UTC) - timedelta(hours=1))
        service.signal(signal.SIGUSR2)
        service.wait_log("counting goes on")
        self.read(service)
        self.assertTrue(0 <= service.report("/coverage.json")["paused_s"] < HOUR)
        self.assert_sane(service)

    def test_retention(self) -> None:
        """After a jump, addresses older than --keep go, and no others; numbers stay."""
        first = datetime(2026, 1, 10, 12, tzinfo=UTC)
        self.set(first)
        service = self.started("--keep", "30")
        old = self.read(service, 6)
        self.set(first + timedelta(days=20))
        young = self.read(service, 7)
        self.set(first + timedelta(days=29))
        both = self.read(service, 3)
        self.read_again(service, old[:1])  # met again: it is as young as that
        self.set(first + timedelta(days=31))
        if NIGHTLY:  # the minute's own look at the clock
            until("they are gone", lambda: not set(self.kept()) & self.urls(old[1:]), 90)
        else:
            self.assertEqual(service.stop(), 0)
            service = self.started("--keep", "30")
            until("they are gone", lambda: not set(self.kept()) & self.urls(old[1:]))
        self.assertEqual(set(self.kept()), self.urls(young) | self.urls(both) | self.urls(old[:1]))
        self.assertEqual(service.report("/coverage.json")["counted"], 17)
        self.assertEqual(service.stop(), 0)
        found = Found.of(str(self.store))
        self.assertEqual([found.times(n)[0] for n in (*old, *young, *both)], [2] + [1] * 15)

    def kept(self) -> list[str | None]:
        """The addresses in the store."""
        store = open_store(str(self.store), read_only=True)
        try:
            return [row.url for row in store.pages(PageQuery(limit=0)).pages]
        finally:
            store.close()

    def urls(self, numbers: range) -> set[str]:
        """The addresses of pages."""
        return {self.book.url(number) for number in numbers}
