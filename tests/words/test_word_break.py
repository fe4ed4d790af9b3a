"""Unicode's WordBreakTest: every line, against the boundaries that ICU gives us and against our words."""

from turbohtml.detect import normalize
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import segment

from .unicode_data import samples

#: Lines of version 15.0 that differ: there U+2701 is Extended_Pictographic, so that WB3c joins it to U+200D;
#: to the Unicode that ICU 78 follows it is not.
CHANGED = {"÷ 2701 × 200D × 2701 ÷", "÷ 0061 × 200D × 2701 ÷"}

#: What vanishes before ICU sees the text; what a mark binds to the front of a word (WB4) and no word keeps.
VANISH = dict.fromkeys(map(ord, "\u00ad\u2060\ufeff"))
LEADING = " \t\u3000\u200c\u200d"


class WordBreakTests(SynchronousTestCase):
    def check(self, differing: list[str], version: str, lines: int) -> None:
        """What differs was named; in the version that it was named for, nothing else was."""
        print(f"WordBreakTest {version}: {lines} lines, {len(differing)} differ")  # noqa: T201
        self.assertGreater(lines, 1500)
        self.assertEqual(set(differing) - CHANGED, set())
        if version.startswith("15.0"):
            self.assertEqual(lines, 1823)

    def test_boundaries(self) -> None:
        """Each line's boundaries are those of the iterator that words are taken from."""
        version, lines = samples("WordBreakTest")
        differing = [line for line, parts in lines if list(segment._breaker("".join(parts))) != parts]
        self.check(differing, version, len(lines))

    def test_words(self) -> None:
        """Each line's words are its segments with a letter, less what vanishes, in NFC."""
        version, lines = samples("WordBreakTest")
        differing = []
        for line, parts in lines:
            shown = [part.translate(VANISH).lstrip(LEADING) for part in parts]
            wanted = [normalize("NFC", part) for part in shown if any(map(str.isalpha, part))]
            if list(segment.words("".join(parts))) != wanted:
                differing.append(line)
        self.check(differing, version, len(lines))

    def test_changed_lines(self) -> None:
        """The lines that differ hold with a sign that is a pictograph in each version."""
        self.assertEqual(list(segment._breaker("\u231a\u200d\u231a")), ["\u231a\u200d\u231a"])
        self.assertEqual(list(segment._breaker("a\u200d\u231a")), ["a\u200d\u231a"])
