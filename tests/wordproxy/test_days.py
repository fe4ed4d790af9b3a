"""Days as the machine has them: at midnight, in summer time, and with a clock that jumps."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.pause import Pause


def moment(text: str) -> float:
    """Seconds since the epoch of a moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class DayTests(SynchronousTestCase):
    """The local day of a moment."""

    def zone(self, name: str) -> None:
        """The machine is in that time zone until the test is over."""
        before = os.environ.get("TZ")

        def back() -> None:
            if before is None:
                os.environ.pop("TZ", None)
            else:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(back)
        os.environ["TZ"] = name
        time.tzset()

    def test_midnight(self) -> None:
        """The day changes at the midnight of the place, not of UTC, and not a moment before."""
        for zone, last, day, after in (
            ("UTC0", "2026-01-05T23:59:59.999", "2026-01-05", "2026-01-06"),
            ("XST-9", "2026-01-05T14:59:59.999", "2026-01-05", "2026-01-06"),
            ("XST8", "2026-01-06T07:59:59.999", "2026-01-05", "2026-01-06"),
            ("XST-5:45", "2025-12-31T18:14:59.999", "2025-12-31", "2026-01-01"),
        ):
            self.zone(zone)
            self.assertEqual(local_day(moment(last)), day, zone)
            self.assertEqual(local_day(moment(last) + 0.001), after, zone)

    def test_summer_time(self) -> None:
        """Days of 23 and of 25 hours are days like others: each hour is of its own day."""
        self.zone("CET-1CEST,M3.5.0,M10.5.0/3")
        for first, hours in (("2026-03-28T23:00", 23), ("2026-10-24T22:00", 25), ("2026-06-30T22:00", 24)):
            begin = moment(first)
            day = local_day(begin)
            self.assertNotEqual(local_day(begin - 1), day)
            for hour in range(hours):
                self.assertEqual(local_day(begin + hour * 3600), day, hour)
            self.assertNotEqual(local_day(begin + hours * 3600), day)

    def test_summer_time_at_midnight(self) -> None:
        """Where summer time begins at midnight that day has no first hour, and no moment is of two days."""
        self.zone("XST3XDT,M10.3.0/0,M2.3.0/0")
        begin = moment("2026-10-18T03:00")
        self.assertEqual([local_day(begin - 1), local_day(begin)], ["2026-10-17", "2026-10-18"])
        self.assertEqual(local_day(begin + 23 * 3600 - 1), "2026-10-18")
        self.assertEqual(local_day(begin + 23 * 3600), "2026-10-19")

    def test_another_zone(self) -> None:
        """The same moment is of another day once the machine is elsewhere, and whichever was asked before."""
        moments = [moment(f"2026-01-05T{hour:02}:00") for hour in (3, 23, 3)]
        for zone, days in (
            ("UTC0", ["2026-01-05", "2026-01-05", "2026-01-05"]),
            ("XST-9", ["2026-01-05", "2026-01-06", "2026-01-05"]),
            ("XST8", ["2026-01-04", "2026-01-05", "2026-01-04"]),
        ):
            self.zone(zone)
            self.assertEqual([local_day(when) for when in moments], days, zone)
            self.zone("UTC0")
            self.assertEqual(local_day(moments[0]), "2026-01-05")

    def test_pauses(self) -> None:
        """Whatever the clock does, no pause has negative seconds, and none is noted twice."""
        now, noted = [1000.0], []
        pause = Pause(lambda: now[0], noted.append)
        pause.begin()
        for jump in (10.0, -3600.0, 5.0, 86_400.0, -86_400.0, 7.0):
            now[0] += jump
            pause.settle()
        pause.end()
        self.assertEqual(noted, [10.0, 5.0, 86_400.0, 7.0])
