"""What the report says in sentences."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report import wording
from netsuite.wordproxy.store.contract import CoverageQuery, Share


class CoverageLineTests(SynchronousTestCase):
    def test_the_line(self) -> None:
        """Coverage is one line: the days, what was counted, unseen, skipped by reason, and the pause."""
        skipped = {"not modified": 71, "no-store": 12, "not text": 9, "too large": 3, "unreadable": 1}
        self.assertEqual(
            wording.coverage_line(Share(41, 212, skipped, 720, 37), CoverageQuery(day="2026-01-05")),
            "coverage 2026-01-05: 41 pages counted · 212 tunnels unseen (37 hosts) · 96 skipped"
            " (71 not modified, 12 no-store, 9 not text, 3 too large, 1 unreadable) · paused 00:12",
        )

    def test_one_of_each(self) -> None:
        """One is singular; what is none is said too, but for a pause."""
        self.assertEqual(
            wording.coverage_line(Share(1, 1, {}, 0, 1), CoverageQuery()),
            "coverage all days: 1 page counted · 1 tunnel unseen (1 host) · 0 skipped",
        )
        self.assertIn("0 tunnels unseen ·", wording.coverage_line(Share(), CoverageQuery()))

    def test_days(self) -> None:
        """The days asked for are named."""
        for query, text in [
            (CoverageQuery(from_="2026-01-01", to="2026-01-02"), "2026-01-01 to 2026-01-02"),
            (CoverageQuery(from_="2026-01-01"), "since 2026-01-01"),
            (CoverageQuery(to="2026-01-02"), "until 2026-01-02"),
        ]:
            self.assertEqual(str(wording.days(query)), text)

    def test_duration(self) -> None:
        """A pause is in hours and minutes, a short one in seconds."""
        for seconds, text in [(59, "59 s"), (60, "00:01"), (3600 * 30 + 61, "30:01")]:
            self.assertEqual(wording.duration(seconds), text)


class WhyEmptyTests(SynchronousTestCase):
    def test_reasons(self) -> None:
        """An empty report says why, by what did come through."""
        for share, is_filtered, sentence, place in [
            (Share(), False, "Nothing counted yet: no page has come through the proxy.", "/setup"),
            (
                Share(unseen=14),
                False,
                "Nothing counted yet: 14 HTTPS tunnels were passed unseen.",
                "/setup#interception",
            ),
            (
                Share(unseen=1, skipped={"status": 2}),
                False,
                "1 HTTPS tunnel was passed unseen.",
                "/setup#interception",
            ),
            (
                Share(skipped={"not text": 3, "status": 1}),
                False,
                "4 answers were skipped, most often as “not text”",
                "/coverage",
            ),
            (Share(counted=3), True, "No word fits.", "/words"),
            (Share(counted=3), False, "No words on the pages counted so far.", "/words?all=1"),
            (Share(), True, "Nothing was counted on these days.", "/words"),
        ]:
            found = wording.why_empty(share, is_filtered)
            self.assertIn(sentence, str(found[0]))
            self.assertEqual(found[1], place)
