"""Which bytes a Range field wants."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.pages.ranges import NoSuchRange, wanted


class WantedTests(SynchronousTestCase):
    """`wanted` of a file of ten bytes."""

    def test_one(self) -> None:
        """RFC 9110 §14.1.2's forms."""
        for field, part in (
            ("bytes=0-0", (0, 1)),
            ("bytes=0-9", (0, 10)),
            ("bytes=0-99", (0, 10)),
            ("bytes=5-", (5, 10)),
            ("bytes=-3", (7, 10)),
            ("bytes=-99", (0, 10)),
            ("Bytes= 2-3 ", (2, 4)),
        ):
            self.assertEqual(wanted(field, 10), part, field)

    def test_none(self) -> None:
        """None of the bytes there are."""
        for field, size in (
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=-0", 10),
            ("bytes=0-0", 0),
            ("bytes=-1", 0),
        ):
            self.assertRaises(NoSuchRange, wanted, field, size)

    def test_ignored(self) -> None:
        """Several, other units, and nonsense get the whole file."""
        for field in (
            "bytes=0-1,3-4",
            "bytes=" + ",".join(f"{n}-" for n in range(5000)),
            "lines=0-1",
            "bytes=5-2",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-2-3",
            "bytes=²-3",
            "bytes=" + "9" * 30 + "-",
            "",
        ):
            self.assertIsNone(wanted(field, 10), field[:50])

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=30), st.integers(0, 100))
    def test_anything(self, field: str, size: int) -> None:
        """Whatever is asked, what is sent lies in the file and is at least a byte."""
        for text in (field, "bytes=" + field):
            try:
                part = wanted(text, size)
            except NoSuchRange:
                continue
            if part is not None:
                self.assertTrue(0 <= part[0] < part[1] <= size)
