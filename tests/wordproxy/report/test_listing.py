"""A list as JSON and CSV: all columns, the coverage, and nothing that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report.listing import Column, Listing, as_csv, as_json, attachment, cell, known_share
from netsuite.wordproxy.store.contract import Coverage, CoverageQuery, Share


@dataclass
class Row:
    word: str
    number: int = 1
    share: float | None = None


COLUMNS = [
    Column("word", lambda row: row.word, "word"),
    Column("number", lambda row: row.number, "count", shown=False),
    Column("share", lambda row: row.share, "share"),
]


def listing(*rows: Row) -> Listing:
    """A list of these rows."""
    coverage = Coverage(Share(41, 212, {"not modified": 71, "no-store": 12}, 720, 37))
    return Listing(
        "things", COLUMNS, rows, coverage, CoverageQuery(day="2026-01-05"), {"lang": "en"}, {"n": 2}
    )


def read(text: str) -> list[list[str]]:
    """The records of a CSV, its comment left out."""
    return list(csv.reader(io.StringIO(text.partition("\r\n")[2], newline="")))


class FormsTests(SynchronousTestCase):
    def test_json(self) -> None:
        """JSON has coverage, filter, total and each row with every column."""
        told = json.loads(as_json(listing(Row("tide", 3, 0.5))).body)
        self.assertEqual(list(told), ["coverage", "filter", "total", "things"])
        self.assertEqual(told["coverage"]["skipped"], {"not modified": 71, "no-store": 12})
        self.assertEqual(told["things"], [{"word": "tide", "number": 3, "share": 0.5}])

    def test_csv(self) -> None:
        """CSV has the coverage as a comment, the keys, and each row; it is a file to save."""
        answer = as_csv(listing(Row("tide", 3, 0.5), Row('a "b", c\nd', 1)))
        text = answer.body.decode()
        self.assertEqual(
            text.split("\r\n")[0],
            "# coverage 2026-01-05: 41 pages counted · 212 tunnels unseen (37 hosts) · 83 skipped"
            " (71 not modified; 12 no-store) · paused 00:12",
        )
        self.assertEqual(
            read(text), [["word", "number", "share"], ["tide", "3", "0.5000"], ['a "b", c\nd', "1", ""]]
        )
        self.assertEqual(answer.kind, "text/csv; charset=utf-8; header=present")
        self.assertIn(("Content-Disposition", 'attachment; filename="things.csv"'), answer.headers)

    def test_formulas(self) -> None:
        """No cell begins as a formula does."""
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"):
            self.assertEqual(cell(text), "'" + text)
        for text in ("tide", "don't", "a=b", "", "1-2"):
            self.assertEqual(cell(text), text)
        self.assertEqual((cell(-3), cell(None), cell(True)), ("'-3", "", "1"))

    def test_file_names(self) -> None:
        """A file's name splits no header and leaves no folder."""
        for name in ('a"\r\nX: 1', "../../etc/passwd", "字.csv", "x" * 500):
            value = attachment(name)[1]
            self.assertTrue(value.isascii() and value.isprintable())
            self.assertNotIn("/", value)
            self.assertEqual(value.count('"'), 2)
            self.assertLess(len(value), 120)

    def test_known_share(self) -> None:
        """Of nothing no share is known."""
        self.assertEqual((known_share(1, 4), known_share(0, 0)), (0.25, None))

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.text(max_size=20), max_size=8))
    def test_any_words(self, words: list[str]) -> None:
        """Whatever words hold, a CSV parser reads them back, and no cell computes."""
        text = as_csv(listing(*map(Row, words))).body.decode()
        rows = read(text)[1:]
        self.assertEqual(len(rows), len(words))
        for (found, *_), word in zip(rows, words, strict=True):
            clean = word.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
            self.assertIn(found, (clean, "'" + clean))
            self.assertFalse(found.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")))
