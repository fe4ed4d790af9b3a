"""Sentences cut at their keyword, sorted, and aligned as text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report import kwic
from netsuite.wordproxy.store.contract import Context


def context(sentence: str, host: str = "news.example", day: str = "2026-01-05") -> Context:
    """A sentence of some page."""
    return Context(sentence, host, day, None, None, None)


class LineTests(SynchronousTestCase):
    def test_cut(self) -> None:
        """A sentence is cut at the word, not at letters that look like it, whatever its capitals."""
        for sentence, key, cut in [
            (
                "boats waited for the tide to lift them",
                "tide",
                ("boats waited for the ", "tide", " to lift them"),
            ),
            ("Tides and a TIDE.", "tide", ("Tides and a ", "TIDE", ".")),
            ("don’t go", "don't", ("", "don’t", " go")),
            ("我们在读书", "读书", ("我们在", "读书", "")),
            ("no such word", "tide", ("no such word", "", "")),
            ("Straße", "strasse", ("", "Straße", "")),
        ]:
            found = kwic.line(context(sentence), key)
            self.assertEqual((found.before, found.word, found.after), cut)

    def test_sorted(self) -> None:
        """Left sorts by the nearest word before, right by the nearest after; else the order stays."""
        contexts = [context(text) for text in ("b z w a", "a y w c", "c x w b")]
        for sort, order in [("", "zyx"), ("left", "xyz"), ("right", "zxy")]:
            found = kwic.lines(contexts, "w", sort)
            self.assertEqual("".join(line.before.strip()[-1] for line in found), order)

    def test_text(self) -> None:
        """Text is aligned at the word, with host and day before it."""
        one = context("A crowd of boats and people waited for the tide to lift them over the bar.")
        other = context("The tide", "a.example")
        self.assertEqual(
            kwic.text(kwic.lines([one], "tide")),
            "news.example 2026-01-05   …of boats and people waited for the  tide"
            "  to lift them over the bar.\n",
        )
        lines = kwic.text(kwic.lines([one, other], "tide")).splitlines()
        self.assertEqual(lines[0].index("  tide"), lines[1].index("  tide"))

    def test_wide_text(self) -> None:
        """Chinese letters count as two columns, marks as none."""
        self.assertEqual((kwic.columns("读书"), kwic.columns("é"), kwic.columns("e\u0301")), (4, 1, 1))

    def test_no_control_characters(self) -> None:
        """Nothing that a terminal obeys comes out."""
        text = kwic.text(kwic.lines([context("a\x1b[31m tide\r\u202e b")], "tide"))
        self.assertTrue(text.replace("\n", "").isprintable())

    def test_direction(self) -> None:
        """Arabic and Hebrew go from right to left."""
        self.assertEqual(
            [kwic.direction(lang) for lang in ("ar", "he-IL", "en", "zh")], ["rtl", "rtl", "ltr", "ltr"]
        )

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=80), st.text(max_size=8))
    def test_any_sentence(self, sentence: str, key: str) -> None:
        """Whatever a sentence holds, its parts are all of it, and its text is one line."""
        found = kwic.line(context(sentence), key)
        self.assertEqual(found.before + found.word + found.after, sentence)
        self.assertEqual(kwic.text([found]).count("\n"), 1)
