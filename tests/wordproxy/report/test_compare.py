"""``/compare`` over two sites and two days: hand-computed, as page, JSON and CSV."""

from __future__ import annotations

from math import log

from tests.site.wire import ask
from tests.wordproxy.report.test_views import Reader, records
from tests.wordproxy.store.samples import batch, page

SITES = "a_site=one.example&b_site=two.example"
FIRST, SECOND = "2026-02-02", "2026-02-10"


class CompareTests(Reader):
    """A text of 10 words at one site in one week, of 20 at another in the next."""

    def setUp(self) -> None:
        super().setUp()
        one = [("reef", "reef", 4, 0), ("hull", "hull", 3, 0), ("the", "the", 3, 9)]
        two = [("reef", "reef", 2, 0), ("crane", "crane", 6, 0), ("the", "the", 12, 0)]
        self.store.add(
            batch(
                page(5, *one, path="x", host="one.example", day=FIRST),
                page(6, *two, path="y", host="two.example", day=SECOND),
            )
        )

    def test_sites(self) -> None:
        """Both sides with their rates, most key first; stop words aren't listed and count as words read."""
        told = self.json(f"/compare.json?{SITES}&least=1")
        self.assertEqual(told["total"], {"words": 3, "a": 10, "b": 20})
        rows = [(row["word"], row["a"], row["b"], row["keyness"]) for row in told["words"]]
        # expected 1 of 3 in the first; 2 of 6 in the second (4 of 6); 2 and 4 of 6
        self.assertEqual(
            rows,
            [
                ("hull", 3, 0, round(6 * log(3), 1)),
                ("crane", 0, 6, round(-12 * log(1.5), 1)),
                ("reef", 4, 2, round(4 * log(2), 1)),
            ],
        )
        self.assertEqual((told["words"][2]["a_rate"], told["words"][2]["b_rate"]), (400_000, 100_000))
        self.assertEqual(told["filter"], {"a_site": "one.example", "b_site": "two.example", "least": 1})
        self.assertEqual((told["least"], told["cut"]), (1, False))
        shown = [row["word"] for row in records(ask(self.site, f"/compare.csv?{SITES}&least=1"))]
        self.assertEqual(shown, ["hull", "crane", "reef"])

    def test_weeks(self) -> None:
        """Ranges of days are sides as sites are; what is below the floor is not listed."""
        weeks = "a_from=2026-02-01&a_to=2026-02-07&b_from=2026-02-08&b_to=2026-02-14"
        told = self.json(f"/compare.json?{weeks}")
        self.assertEqual([row["word"] for row in told["words"]], ["crane", "reef"])
        self.assertEqual(told["least"], 5)

    def test_rest(self) -> None:
        """A side alone is compared with all that is not in it."""
        told = self.json("/compare.json?a_site=one.example&least=1&lang=en")
        rows = {row["word"]: (row["a"], row["b"]) for row in told["words"]}
        self.assertEqual((rows["reef"], rows["hull"], rows["tide"]), ((4, 2), (3, 0), (0, 3)))
        rest = self.json("/words.json?lang=en&limit=1")["total"]
        self.assertEqual(told["total"]["a"], 10)
        self.assertGreater(told["total"]["b"], 20)
        self.assertEqual(rest["pages"], 4)

    def test_page(self) -> None:
        """The page has a form that says both sides, tells what is compared and links to its words."""
        text = self.text(f"/compare?{SITES}&least=1")
        self.assertIn('name="a_site" value="one.example"', text)
        self.assertIn('href="/word/hull?lang=en"', text)
        self.assertIn("/compare.csv?a_site=one.example", text)
        self.assertLess(text.index(">hull<"), text.index(">crane<"))
        chinese = self.text("/compare?a_site=one.example&ui=zh")
        self.assertIn("其余全部", chinese)

    def test_empty(self) -> None:
        """Without sides there is the form; a side without words says so; links lead here."""
        self.assertIn('name="b_from"', self.text("/compare"))
        self.assertNotIn("<table", self.text("/compare"))
        self.assertIn("No word was met so often", self.text("/compare?a_site=none.example&b_site=no.example"))
        self.assertEqual(self.json("/compare.json")["words"], [])
        self.assertIn('href="/compare"', self.text("/sites"))
        self.assertIn('href="/compare"', self.text("/days"))
        self.assertIn('href="/compare?a_site=one.example"', self.text("/site/one.example"))

    def test_bad(self) -> None:
        """What can't be asked is told by its name."""
        for bad, name in (
            ("a_site=a/b", "a_site"),
            ("b_day=2026-13-01", "b_day"),
            ("a_day=2026-02-02&a_from=2026-02-01", "day"),
            ("a_from=2026-02-02&a_to=2026-02-01", "from"),
            ("least=-1", "least"),
            ("site=one.example", "site"),
            ("limit=5000", "limit"),
        ):
            reply = ask(self.site, f"/compare?{bad}")
            self.assertEqual(reply.status, 400, bad)
            self.assertIn(f"{name}:", reply.text, bad)

    def test_parts(self) -> None:
        """Rows come in parts, which are the whole list."""
        parts = [self.json(f"/compare.json?{SITES}&least=1&limit=1&offset={n}")["words"] for n in range(4)]
        self.assertEqual(
            [[row["word"] for row in part] for part in parts], [["hull"], ["crane"], ["reef"], []]
        )
        self.assertIn('rel="next"', self.text(f"/compare?{SITES}&least=1&limit=1"))
