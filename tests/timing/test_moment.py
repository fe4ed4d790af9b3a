"""Times of day, on the days on which clocks change too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.timing.moment import Moment, parse_moment

#: Clocks go forwards from 02:00 to 03:00 on 2026-03-29, and back from 03:00 to 02:00 on 2026-10-25.
BERLIN = ZoneInfo("Europe/Berlin")

#: By half an hour: 2026-04-05 at 02:00 back to 01:30, 2026-10-04 from 02:00 to 02:30.
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def epoch(text: str) -> float:
    """The moment of an ISO time with its offset."""
    return datetime.fromisoformat(text).timestamp()


def moment(text: str, now: str, zone: ZoneInfo = BERLIN) -> Moment:
    """What is meant by a text at a time."""
    return parse_moment(text, epoch(now), zone)


class MomentTests(SynchronousTestCase):
    """Which moment is meant."""

    def refused(self, text: str, now: str, zone: ZoneInfo = BERLIN) -> str:
        """Why a text is refused."""
        return str(self.assertRaises(ValueError, moment, text, now, zone))

    def test_next_time(self) -> None:
        """A time of day is the next one: today's, or tomorrow's."""
        now = "2026-01-05T10:00:00+01:00"
        for text, want in (
            ("10:33:44", "2026-01-05T10:33:44+01:00"),
            ("10:33:44.5", "2026-01-05T10:33:44.500+01:00"),
            ("10:01", "2026-01-05T10:01:00+01:00"),
            ("9:59", "2026-01-06T09:59:00+01:00"),
            ("10:00", "2026-01-06T10:00:00+01:00"),
            ("2026-02-01T08:00", "2026-02-01T08:00:00+01:00"),
            ("2026-07-01 08:00:05", "2026-07-01T08:00:05+02:00"),
            ("2026-02-01T08:00Z", "2026-02-01T08:00:00+00:00"),
            ("2026-02-01T08:00-05:00", "2026-02-01T08:00:00-05:00"),
        ):
            self.assertEqual(moment(text, now), Moment(epoch(want)), text)

    def test_refused(self) -> None:
        """What is no time, or past, is refused with its reason."""
        now = "2026-01-05T10:00:00+01:00"
        for text in ("24:00", "10:60", "99:99"):
            self.assertIn("is no time of day", self.refused(text, now))
        for text in ("", "soon", "10", "10:33:44:55", "2026-13-01T00:00", "10:33\x00", "１０:３３x"):
            self.assertIn("is no time", self.refused(text, now))
        for text in ("2026-01-05T09:59", "2026-01-05T10:00", "2026-01-05T09:59+01:00"):
            self.assertEqual(self.refused(text, now), "is past")

    def test_missing(self) -> None:
        """02:30 on the day on which the clocks go forwards does not exist, and that is said."""
        for text, now in (
            ("02:30", "2026-03-29T01:00:00+01:00"),
            ("2:30", "2026-03-28T12:00:00+01:00"),
            ("2026-03-29T02:30", "2026-03-01T00:00:00+01:00"),
        ):
            self.assertEqual(
                self.refused(text, now),
                "does not exist on 2026-03-29: clocks go forwards by 60 minutes over it",
            )
        self.assertEqual(
            moment("02:30", "2026-03-29T04:00:00+02:00").epoch, epoch("2026-03-30T02:30:00+02:00")
        )
        self.assertEqual(
            moment("03:00", "2026-03-29T01:00:00+01:00").epoch, epoch("2026-03-29T03:00:00+02:00")
        )
        self.assertEqual(
            moment("01:59", "2026-03-29T01:00:00+01:00").epoch, epoch("2026-03-29T01:59:00+01:00")
        )

    def test_twice(self) -> None:
        """02:30 on the day on which they go back comes twice: which is meant, and how to have the other."""
        both = "comes twice on 2026-10-25, as 2026-10-25T02:30:00+02:00 and 2026-10-25T02:30:00+01:00; "
        first, second = epoch("2026-10-25T02:30:00+02:00"), epoch("2026-10-25T02:30:00+01:00")
        for text in ("02:30", "2026-10-25T02:30"):
            found = moment(text, "2026-10-25T01:00:00+02:00")
            self.assertEqual(found, Moment(first, both + "the first is meant"))
            found = moment(text, "2026-10-25T02:40:00+02:00")
            self.assertEqual(found, Moment(second, both + "the second is meant, the first is past"))
        self.assertEqual(
            moment("2026-10-25T02:30:00+01:00", "2026-10-25T01:00:00+02:00"), Moment(second, None)
        )
        self.assertEqual(
            moment("02:30", "2026-10-25T02:40:00+01:00"), Moment(epoch("2026-10-26T02:30:00+01:00"))
        )
        self.assertEqual(
            moment("03:00", "2026-10-25T01:00:00+02:00"), Moment(epoch("2026-10-25T03:00:00+01:00"))
        )

    def test_half_an_hour(self) -> None:
        """Where clocks change by half an hour."""
        text = self.refused("02:15", "2026-10-04T01:00:00+10:30", LORD_HOWE)
        self.assertIn("by 30 minutes", text)
        found = moment("01:45", "2026-04-05T01:00:00+11:00", LORD_HOWE)
        self.assertEqual(found.epoch, epoch("2026-04-05T01:45:00+11:00"))
        self.assertIn("comes twice", found.remark or "")

    def test_the_machine_s_own_zone(self) -> None:
        """Without a zone the machine's is meant."""
        now = datetime.now(UTC).timestamp()
        local = datetime.fromtimestamp(now + 1800).replace(microsecond=0)
        self.assertEqual(parse_moment(local.time().isoformat(), now).epoch, local.timestamp())

    @settings(deadline=None, max_examples=80)
    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
        st.times(),
        st.sampled_from([BERLIN, LORD_HOWE]),
    )
    def test_any_time(self, now: datetime, when: object, zone: ZoneInfo) -> None:
        """Whatever is understood is to come, within two days, and shows that time in that zone."""
        began = now.replace(tzinfo=UTC).timestamp()
        text = str(when)
        try:
            found = parse_moment(text, began, zone)
        except ValueError as error:
            self.assertIn("does not exist", str(error))
            return
        self.assertTrue(began < found.epoch <= began + timedelta(hours=49).total_seconds())
        self.assertEqual(datetime.fromtimestamp(found.epoch, zone).time(), when)
