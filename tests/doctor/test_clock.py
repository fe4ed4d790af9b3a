"""Clocks that can't be right: faked by libfaketime, by dates of files, and as values."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netsuite.doctor import clock
from netsuite.doctor.clock import Clock, Watched, judge, kept, newest
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING
from netsuite.timing.jumps import Jump
from tests.real.parts import clean_environment, require

LIBRARY = Path("/usr/lib", os.uname().machine + "-linux-gnu", "faketime/libfaketimeMT.so.1")

LOOK = """
from netsuite.doctor.clock import Watched, judge
for finding in judge(Watched().look([])):
    print(finding.line())
"""


class RealTests(SynchronousTestCase):
    """This machine's clock."""

    def test_here(self) -> None:
        """It is later than the program's files, and is what it is; nothing is a fault here."""
        found = Watched().look([])
        self.assertLess(abs(found.now - time.time()), 60)
        self.assertGreater(found.built, 1_700_000_000)
        self.assertNotIn(FAULT, {finding.severity for finding in judge(found)})
        self.assertIn(kept(), (True, False, None))

    def test_years_ago(self) -> None:
        """A clock of a machine whose battery is empty shows a year before the program was written."""
        require("faketime", LIBRARY.exists())
        env = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "@2001-01-01 00:00:00", "TZ": "UTC"}
        words = [sys.executable, "-c", LOOK]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=clean_environment(env))
        self.assertRegex(
            done.stdout, r"(?m)^fault    clock: it shows 2001-01-01 .* before this program's own files"
        )

    def test_written_later(self) -> None:
        """A store that was written tomorrow, or its log."""
        store = Path(self.mktemp())
        log = Path(f"{store}-wal")
        later = time.time() + 86400
        for path in (store, log):
            path.write_bytes(b"")
        os.utime(log, (later, later))
        [finding, *_] = judge(Watched().look([str(store)]))
        self.assertEqual((finding.severity, finding.where), (FAULT, str(log)))

    def test_zone(self) -> None:
        """A time zone that nobody knows can't be told by."""
        self.patch(os, "environ", {**os.environ, "TZ": "Middle/Earth"})
        self.assertEqual(judge(Watched().look([]))[0].severity, UNKNOWN)

    def test_newest(self) -> None:
        """The newest source file of a folder counts."""
        folder = Path(self.mktemp())
        (folder / "a").mkdir(parents=True)
        for name, moment in (("a/x.py", 100), ("y.py", 50), ("z.txt", 200)):
            (folder / name).write_text("")
            os.utime(folder / name, (moment, moment))
        self.assertEqual(newest(folder), 100)


class JudgeTests(SynchronousTestCase):
    """Facts that are hard to plant."""

    now: ClassVar[float] = 1_800_000_000.0

    def test_sound(self) -> None:
        """A clock that is kept, and one of which nobody can say."""
        for is_kept, word in ((True, "is synchronised"), (None, "can't be asked")):
            [finding] = judge(Clock(self.now, is_kept=is_kept))
            self.assertEqual((finding.severity, word in finding.what), (OK, True))

    def test_slack(self) -> None:
        """A file of another time zone, or a moment ahead, is no proof."""
        sound = Clock(self.now, built=self.now + 14 * 3600, written=(("/x", self.now + 5),), is_kept=True)
        self.assertEqual([one.severity for one in judge(sound)], [OK])

    def test_warned(self) -> None:
        """Set while it was watched, or kept by nobody."""
        [finding] = judge(Clock(self.now, jumps=(Jump("step", -3600.0, self.now),), is_kept=True))
        self.assertEqual((finding.severity, "-3600" in finding.what), (WARNING, True))
        [finding] = judge(Clock(self.now, is_kept=False))
        self.assertEqual((finding.severity, "chrony" in finding.mend), (WARNING, True))

    def test_kernel(self) -> None:
        """What the kernel answers: synchronised, with a leap second to come, not; none is no answer."""
        for answer, is_kept in ((0, True), (1, True), (5, False), (-1, None)):

            class Library:
                def __init__(self, *arguments: object, **named: object) -> None: ...

                def adjtimex(self, _told: object, answer: int = answer) -> int:
                    return answer

            self.patch(clock.ctypes, "CDLL", Library)
            self.assertIs(kept(), is_kept)
        self.patch(clock.ctypes, "CDLL", lambda *arguments, **named: object())
        self.assertIsNone(kept())
