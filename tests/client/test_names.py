"""Names that files get: from URLs, and from servers that mean no good."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.filename import NAME_MAX, cleaned, from_server, from_url
from netsuite.client.url import parse_url


class NameTests(SynchronousTestCase):
    """Names."""

    def test_from_url(self) -> None:
        """The last part of the path; index.html where there is none."""
        for path, name in (
            ("/a/b.tar.gz?x=/y", "b.tar.gz"),
            ("/", "index.html"),
            ("/a/", "index.html"),
            ("/a/..", "index.html"),
            ("/gr%C3%B6%C3%9Fe.txt", "größe.txt"),
            ("/a%2Fb%2f..%2fetc", "etc"),
            ("/%00%0a", "__"),
        ):
            self.assertEqual(from_url(parse_url(f"http://h{path}")), name, path)

    def test_hostile(self) -> None:
        """No path, no dot-file, no option, no device, no stream, no control character."""
        for written, name in (
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system.ini", "system.ini"),
            (".bashrc", "bashrc"),
            ("...", None),
            ("-rf", "rf"),
            ("con", "_con"),
            ("NUL.txt", "_NUL.txt"),
            ("com1 ", "_com1"),
            ("file.txt:stream", "file.txt_stream"),
            ("a\x1b[31m\n.txt", "a_[31m_.txt"),
            ("invoice\u202egnp.exe", "invoice_gnp.exe"),
            ("a" * 300 + ".tar", "a" * 236 + ".tar"),
            (" . a . ", "a"),
            ("", None),
            ("ok name (1).txt", "ok name (1).txt"),
        ):
            self.assertEqual(cleaned(written), name, written)

    def test_from_server(self) -> None:
        """Content-Disposition as RFC 6266 has it, in its forms and its mistakes."""
        for value, name in (
            (b'attachment; filename="a b.txt"', "a b.txt"),
            (b"attachment; filename=plain.txt; x=y", "plain.txt"),
            (b"attachment; filename=\"x.txt\"; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
            (b'inline; filename="\xc3\xbc.txt"', "ü.txt"),
            (b'inline; filename="\xfc.txt"', "ü.txt"),
            (b"attachment; filename*=UTF-8''..%2F..%2F.ssh%2Fid", "id"),
            (b'attachment; filename*=UTF-16\'\'x; filename="a\\"b"', "a_b"),
            (b"attachment", None),
            (b'attachment; filename=""', None),
        ):
            self.assertEqual(from_server(value), name, value)
        self.assertIsNone(from_server(None))

    @given(st.text(max_size=300))
    @settings(deadline=None, max_examples=100)
    def test_any(self, written: str) -> None:
        """Whatever is written, what comes of it is one name, and cleaning it again changes nothing."""
        name = cleaned(written)
        if name is not None:
            self.assertNotRegex(name, r"[/\\\x00-\x1f]|^[.-]")
            self.assertLessEqual(len(name.encode()), NAME_MAX)
            self.assertEqual(cleaned(name), name)
