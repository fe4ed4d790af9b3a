"""The short way from pieces to words, held to ICU's: each sign of its tables, and texts made of its edges."""

import itertools
import re
import unicodedata
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import memo, segment
from netsuite.words.memo import EDGES, PLAIN, Memo

#: What stands beside an edge or a letter where something could go wrong.
NEIGHBOURS = (
    "aß\u05d0\u0431\u0645\u4e00\u3042\uac00\u0e01\u0301\u200d\u200c\uff9e_'’1.:\u202f\U0001f600\u2764\ufe0f"
)

PIECES = st.text(st.sampled_from(EDGES + NEIGHBOURS + " \n\vxYzÄΐ\u00ad"), max_size=30)


def _letters() -> list[str]:
    plain = re.compile(f"[{PLAIN}]")
    return [sign for sign in map(chr, range(0x110000)) if sign.isalpha() and plain.match(sign)]


class TableTests(SynchronousTestCase):
    def test_letters(self) -> None:
        """Each plain letter joins letters before and after it, and no composition changes it."""
        letters = _letters()
        self.assertGreater(len(letters), 1000)
        for letter in letters:
            for beside in ("a", "\u05d0", "\u0431", "\u0645"):
                word = beside + letter + beside
                self.assertEqual(list(segment.words(word)), [word], hex(ord(letter)))
        for one, two in itertools.product(letters, letters[::7]):
            self.assertTrue(unicodedata.is_normalized("NFC", one + two), (one, two))

    def test_edges(self) -> None:
        """No edge is a letter, or becomes part of a word at either end of a piece."""
        for edge in EDGES:
            self.assertFalse(edge.isalpha() or edge.isspace(), hex(ord(edge)))
            for word in ("a", "\u05d0", "\u0431", "\u0645", "\u4e00", "\uac00", "a\u0301", "a\u202f", "x1"):
                bare = list(segment.words(word))
                self.assertEqual(list(segment.words(edge + word)), bare, hex(ord(edge)))
                self.assertEqual(list(segment.words(word + edge)), bare, hex(ord(edge)))


class TallyTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(st.lists(PIECES, max_size=8))
    def test_as_icu(self, texts: list[str]) -> None:
        """Whatever stands where, the short way has the words of ICU, and again when it remembers."""
        warm = Memo()
        for text in texts * 2:
            wanted = Counter(segment.words(text))
            self.assertEqual(+warm.tally(text), wanted)
            self.assertEqual(+Memo().tally(text), wanted)

    def test_only_words(self) -> None:
        """Of edges alone nothing is counted, nor is a word with no occurrence."""
        for text in ("", " ", "...", "( ) - 3.14 _", "a ... don’t", "漢。 。"):
            self.assertNotIn(0, Memo().tally(text).values())
            self.assertEqual(Memo().tally(text), Counter(segment.words(text)))

    def test_long_words(self) -> None:
        """Plain words past the bound are cut as others are, and not remembered."""
        counts = Memo()
        text = "x" * 300 + " " + "é" * 255 + " " + "ж" * 256
        self.assertEqual(counts.tally(text), Counter(segment.words(text)))
        self.assertEqual(len(counts), 0)

    def test_generations(self) -> None:
        """What is met again and again is remembered, whatever else comes; the rest goes."""
        self.patch(memo, "PIECES_MAX", 30)
        counts = Memo()
        for at in range(200):
            counts.tally(f"always1 once{at}")
            self.assertLessEqual(len(counts), 30)
            self.assertIn("always1", {**counts._old, **counts._young})


class KeyTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            PIECES.map(lambda text: text.replace("\n", "")[: segment.LENGTH_MAX]), min_size=1, max_size=8
        )
    )
    def test_all_at_once(self, forms: list[str]) -> None:
        """Keys of many forms are those of each."""
        self.assertEqual(
            segment.joined_keys("\n".join(forms)).split("\n"),
            [segment.key(form)[: segment.LENGTH_MAX] for form in forms],
        )

    def test_bound(self) -> None:
        """Keys that folding makes longer than their bound are cut."""
        forms = ["a", "\u0390" * 200, "ß" * 255]
        self.assertEqual(
            segment.joined_keys("\n".join(forms)).split("\n"),
            [segment.key(form)[: segment.LENGTH_MAX] for form in forms],
        )
