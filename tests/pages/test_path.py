"""A path has one reading, or names no page."""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.pages.path import BadPath, canonical


class CanonicalTests(SynchronousTestCase):
    """`canonical` on paths of all kinds."""

    def test_good(self) -> None:
        """What is decoded, once, and what stays."""
        for path, name in (
            (b"/", b"/"),
            (b"/test", b"/test"),
            (b"/%74est", b"/test"),
            (b"/%2574est", b"/%74est"),
            (b"/caf%C3%A9", "/café".encode()),
            (b"/%ff", b"/\xff"),
            (b"//test", b"//test"),
            (b"/test/", b"/test/"),
            (b"/...", b"/..."),
            (b"/.well-known/x", b"/.well-known/x"),
            (b"/a..b", b"/a..b"),
        ):
            self.assertEqual(canonical(path), name)

    def test_bad(self) -> None:
        """What others could read otherwise."""
        for path in (
            b"",
            b"test",
            b"*",
            b"/../test",
            b"/%2e%2e/test",
            b"/.%2E/test",
            b"/a/..",
            b"/.",
            b"/./test",
            b"/%2e",
            b"/test%00",
            b"/test\x00",
            b"/a%2ftest",
            b"/a%2Ftest",
            b"/a%5ctest",
            b"/%",
            b"/%4",
            b"/%zz",
            b"/100%",
        ):
            self.assertRaises(BadPath, canonical, path)

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=40))
    def test_written_out(self, rest: bytes) -> None:
        """A name that can be one is found however it was written, and has no dangerous segment."""
        name = b"/" + rest
        try:
            found = canonical(quote_from_bytes(name).encode())
        except BadPath:
            segments = name.split(b"/")
            self.assertTrue(b"\x00" in name or b"\\" in name or b"." in segments or b".." in segments, name)
        else:
            self.assertEqual(found, name)
            self.assertNotIn(b"..", found.split(b"/"))
