"""Charts: well-formed, told in words, whatever the numbers."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report import charts

counts = st.integers(0, 10**12)
names = st.text(max_size=12)


def drawn(chart: str) -> ElementTree.Element:
    """The chart as an XML parser reads it."""
    return ElementTree.fromstring(chart)


def told(chart: str) -> str:
    """What it says to who doesn't see it."""
    return drawn(chart).findtext("desc") or ""


class ChartTests(SynchronousTestCase):
    def test_bars(self) -> None:
        """A bar for each point, as high as its number; title and numbers in words."""
        chart = charts.bars("Words per day", [("2026-01-05", 50), ("2026-01-06", 100)], name="a")
        root = drawn(chart)
        self.assertEqual((root.get("role"), root.get("aria-labelledby")), ("img", "a-title"))
        self.assertEqual(root.findtext("title"), "Words per day")
        self.assertEqual(told(chart), "2026-01-05: 50; 2026-01-06: 100")
        one, other = (float(bar.get("height") or 0) for bar in root.iter("rect"))
        self.assertEqual(other, 2 * one)

    def test_no_style_in_it(self) -> None:
        """Colours are the style sheet's: the site's policy forbids any other."""
        for chart in (
            charts.bars("t", [("a", 1)], name="a"),
            charts.line("t", [("a", 0.5), ("b", None), ("c", 1)], name="b"),
            charts.ranks("t", [100, 10, 1], name="c", of_rank="rank"),
            charts.share("t", 0.3, name="d"),
        ):
            for element in drawn(chart).iter():
                self.assertFalse({"style", "fill", "stroke"} & set(element.attrib))

    def test_nothing(self) -> None:
        """Nothing is drawn of nothing."""
        self.assertEqual(charts.bars("t", [], name="a"), "")
        self.assertEqual(charts.line("t", [("a", None)], name="a"), "")
        self.assertEqual(charts.ranks("t", [], name="a", of_rank="rank"), "")

    def test_one_point(self) -> None:
        """One point is drawn and told."""
        self.assertEqual(told(charts.bars("t", [("a", 0)], name="a")), "a: 0")
        self.assertEqual(told(charts.line("t", [("a", 0.25)], name="a")), "a: 25%")
        self.assertEqual(told(charts.ranks("t", [7], name="a", of_rank="rank")), "1: 7")

    def test_gaps(self) -> None:
        """A day without reading is a gap in the line of shares."""
        root = drawn(charts.line("t", [("a", 0.1), ("b", 0.2), ("c", None), ("d", 0.4)], name="a"))
        self.assertEqual(len(list(root.iter("circle"))), 3)
        self.assertEqual(len(list(root.iter("polyline"))), 1)

    def test_ranks(self) -> None:
        """By Zipf's law the line is straight; the numbers told are those of their ranks."""
        numbers = [round(100_000 / rank) for rank in range(1, 1001)]
        chart = charts.ranks("t", numbers, name="a", of_rank="rank")
        for pair in told(chart).split("; "):
            rank, number = pair.split(": ")
            self.assertEqual(int(number), numbers[int(rank) - 1])
        places = [
            tuple(map(float, p.split(",")))
            for p in next(drawn(chart).iter("polyline")).attrib["points"].split()
        ]
        slopes = [(places[n][1] - places[0][1]) / (places[n][0] - places[0][0]) for n in (20, 40, -1)]
        self.assertLess(max(slopes) - min(slopes), 0.05)

    def test_percent(self) -> None:
        """Something is never shown as nothing, nor less than all as all."""
        for value, text in [
            (0, "0%"),
            (0.0001, "<0.1%"),
            (0.5, "50%"),
            (0.6418, "64.2%"),
            (0.9999, ">99.9%"),
            (1, "100%"),
        ]:
            self.assertEqual(charts.percent(value), text)

    def test_nice(self) -> None:
        """Scales end at round numbers."""
        for value, most in [(0, 1), (1, 1), (2, 2), (3, 3), (7, 8), (1001, 1500), (10**9, 10**9)]:
            self.assertEqual(charts.nice(value), most)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(names, counts), max_size=40), st.text(max_size=20))
    def test_any_bars(self, points: list[tuple[str, int]], title: str) -> None:
        """Whatever the numbers and names, it is well-formed, within its frame, and told in full."""
        chart = charts.bars(title, points, name="a")
        if points:
            self.assertEqual(told(chart).count(": "), sum(1 + label.count(": ") for label, _ in points))
            for bar in drawn(chart).iter("rect"):
                self.assertGreaterEqual(float(bar.attrib["y"]), charts.TOP - 0.1)

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(st.tuples(names, st.none() | st.floats(0, 1)), max_size=20), st.lists(counts, max_size=200)
    )
    def test_any_others(self, shares: list[tuple[str, float | None]], numbers: list[int]) -> None:
        """The same for lines and ranks."""
        for chart in (
            charts.line("t", shares, name="a"),
            charts.ranks("t", sorted(numbers, reverse=True), name="a", of_rank="rank"),
        ):
            if chart:
                for dot in drawn(chart).iter("circle"):
                    self.assertTrue(0 <= float(dot.attrib["cx"]) <= charts.WIDTH)
                    self.assertTrue(0 <= float(dot.attrib["cy"]) <= charts.HEIGHT)
