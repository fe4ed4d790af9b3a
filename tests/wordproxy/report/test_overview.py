"""The first page: today, this week, in all; the words met most and those to learn; day by day."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report.overview import every_day
from netsuite.wordproxy.store.contract import Part
from tests.site.wire import ask
from tests.wordproxy.report.test_views import DAY, Reader


class OverviewTests(Reader):
    def test_cards(self) -> None:
        """Today, the last seven days and all days, by hand; known are harbour 3 and the 1, of 9."""
        cards = {card["title"]: card for card in json.loads(ask(self.site, "/overview.json").text)["cards"]}
        self.assertEqual((cards["today"]["occurrences"], cards["today"]["pages"]), (4, 2))
        self.assertEqual((cards["ever"]["occurrences"], cards["ever"]["pages"]), (9, 3))
        self.assertEqual((cards["ever"]["known"], cards["today"]["known"]), (0.4444, 0.0))
        self.assertEqual(cards["week"]["href"], f"/words?from={date.today() - timedelta(days=6)}")

    def test_words(self) -> None:
        """The words met most are there without JavaScript, with a way to all of them, and those to learn."""
        text = ask(self.site, "/").text
        most, _, learn = text.partition("Met most often</h2>")[2].partition("Next to learn</h2>")
        words = [re.findall(r"<bdi lang=.*?>(.*?)</bdi>", part) for part in (most, learn)]
        self.assertEqual(words, [["Harbour", "tide", "bar", "Hafen"], ["tide", "bar", "Hafen"]])
        self.assertIn('href="/words?offset=4"', most)

    def test_every_day(self) -> None:
        """Days without reading have their place."""
        days = every_day([Part("2026-01-05", 5, 1, 1, 1), Part("2026-01-02", 2, 1, 1, 1)], date(2026, 1, 6))
        self.assertEqual(
            [(day.name[-2:], day.occurrences) for day in days],
            [("02", 2), ("03", 0), ("04", 0), ("05", 5), ("06", 0)],
        )


class EveryDayTests(SynchronousTestCase):
    def test_a_long_time(self) -> None:
        """Over a long time only days with reading have a place."""
        days = every_day([Part("2026-01-05", 5, 1, 1, 1), Part("2020-01-02", 2, 1, 1, 1)])
        self.assertEqual([day.name for day in days], ["2020-01-02", "2026-01-05"])

    def test_nothing(self) -> None:
        """Of no reading there are no days; after a clock went back the first is shown."""
        self.assertEqual(every_day([], date(2026, 1, 6)), [])
        self.assertEqual(len(every_day([Part(DAY, 1, 1, 1, 1)], date(2025, 1, 1))), 1)
