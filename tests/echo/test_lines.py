"""Lines and their answers, a block at a time, are what they are one by one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.echo.lines import SAID, Lines, answers, has_longer, until_quit

#: Bytes of which lines of every kind are made.
_TEXT = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"quit", b"x", b"yy", b" "]), max_size=40).map(
    b"".join
)


def one_by_one(sent: bytes, most: int) -> tuple[bytes, str]:
    """What is answered to ``sent``, as the rules say it, and how it ends."""
    answer = b""
    *lines, rest = sent.split(b"\n")
    for line in lines:
        line = line.removesuffix(b"\r")
        if len(line) > most:
            return answer, "long"
        if line == b"quit":
            return answer, "quit"
        answer += SAID + line + b"\r\n"
    return answer, "long" if len(rest.removesuffix(b"\r")) > most else ""


def in_blocks(pieces: list[bytes], most: int) -> tuple[bytes, str]:
    """The same by blocks, as a connection does it."""
    reader, answer = Lines(most), b""
    for piece in pieces:
        block = reader.block(piece)
        if block is None:
            whole, too_long = reader.feed(piece)
            block = b"".join(line + b"\n" for line in whole)
        else:
            too_long = False
        lines, quits = until_quit(block)
        answer += answers(lines, SAID)
        if quits or too_long:
            return answer, "quit" if quits else "long"
    return answer, ""


class BlockTests(SynchronousTestCase):
    """`Lines.block` against the rules."""

    @settings(deadline=None, max_examples=100)
    @given(_TEXT, st.integers(0, 9), st.data())
    def test_any_cut(self, sent: bytes, most: int, data: st.DataObject) -> None:
        """However many bytes come at once, the answers are those of the rules."""
        cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4)))
        places = [0, *cuts, len(sent)]
        pieces = [sent[a:b] for a, b in pairwise(places)]
        self.assertEqual(in_blocks(pieces, most), one_by_one(sent, most), pieces)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(0, 12))
    def test_longest(self, sizes: list[int], most: int) -> None:
        """One line that is too long is found among any others."""
        lines = b"".join(b"x" * size + b"\n" for size in sizes)
        self.assertEqual(has_longer(lines, most), max(sizes) > most)

    def test_nothing_taken(self) -> None:
        """A block that is refused is not taken: the same bytes are then read line by line."""
        reader = Lines(3)
        self.assertEqual(reader.block(b"ab"), b"")
        self.assertIsNone(reader.block(b"cd\nef\n"))
        self.assertEqual(reader.feed(b"\nef\n12345"), ([b"ab", b"ef"], True))

    def test_cr_at_the_end(self) -> None:
        """A CR that may end a line is not counted, until the next byte shows that it doesn't."""
        reader = Lines(3)
        self.assertEqual(reader.block(b"abc\r"), b"")
        self.assertEqual(reader.block(b"\n"), b"abc\n")
        self.assertEqual(reader.block(b"abc\r"), b"")
        self.assertIsNone(reader.block(b"d"))
        self.assertEqual(reader.feed(b"d"), ([], True))
