"""Tables are loaded whole or not at all, and pages know what they are."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.pages import table
from netsuite.pages.entry import BadTable, Entry
from netsuite.pages.table import DEFAULT, NOT_FOUND, OpenFile, Table, load


def descriptors() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


class LoadTests(SynchronousTestCase):
    """`load` of entries."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, name: str, content: bytes) -> Entry:
        """An entry of a file with this content."""
        (self.folder / name).write_bytes(content)
        return Entry(b"/" + name.encode(), "here", file=str(self.folder / name))

    def test_tutorial(self) -> None:
        """The default table is the tutorial's, to the byte."""
        pages = load(DEFAULT, now=0).pages
        self.assertEqual(
            {path: (page.body, page.kind) for path, page in pages.items()},
            {
                b"/": (b"<h1>Home</h1>Home Page", "text/html"),
                b"/test": (b"<h1>Test</h1>Test Page", "text/html"),
            },
        )
        self.assertEqual(NOT_FOUND, b"<h1>Not Found</h1>Sorry, no such page.")

    def test_kinds(self) -> None:
        """A file's kind is its name's; text says its coding where it is known and matters."""
        for name, content, kind in (
            ("a.html", b"x", "text/html"),
            ("a.txt", "å".encode(), "text/plain; charset=utf-8"),
            ("b.txt", b"\xe5", "text/plain"),
            ("a.css", b"", "text/css"),
            ("a.json", b"{}", "application/json"),
            ("a.tar.gz", b"", "application/gzip"),
            ("a.svg", b"", "image/svg+xml"),
            ("a", b"", "application/octet-stream"),
        ):
            entry = self.file(name, content)
            self.assertEqual(load([entry], now=0).pages[entry.path].kind, kind, name)
        self.assertEqual(
            load([Entry(b"/", "", body="å")], now=0).pages[b"/"].kind, "text/html; charset=utf-8"
        )

    def test_long_file(self) -> None:
        """A long file is held open, not in memory; one put in its place is not seen before the next load."""
        self.patch(table, "MEMORY_EACH", 10)
        entry = self.file("big", b"x" * 11)
        before = descriptors()
        loaded = load([entry], now=0)
        self.assertEqual(descriptors(), before + 1)
        body = loaded.pages[b"/big"].body
        assert isinstance(body, OpenFile)
        other = self.folder / "other"
        other.write_bytes(b"y" * 12)
        os.replace(other, self.folder / "big")
        self.assertEqual(os.pread(body.fd, 20, 0), b"x" * 11)
        again = load([entry], now=0, before=loaded)
        self.assertEqual(again.pages[b"/big"].now().size, 12)
        del loaded, again, body
        self.assertEqual(descriptors(), before)

    def test_refused(self) -> None:
        """What can't be served is told with its place, and leaves nothing open."""
        self.assertRaisesRegex(BadTable, "--not-found", load, DEFAULT, not_found="/nowhere", now=0)
        self.patch(table, "MEMORY_EACH", 10)
        self.patch(table, "MEMORY_ALL", 25)
        self.patch(table, "OPEN_MAX", 1)
        small = [self.file(f"s{n}", b"x" * 9) for n in range(3)]
        big = [self.file(f"b{n}", b"x" * 11) for n in range(2)]
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        before = descriptors()
        for entries, words in (
            ([Entry(b"/", "there", file=str(self.folder / "none"))], "there: .*No such file"),
            ([Entry(b"/", "there", file=str(self.folder))], "there: .*no regular file"),
            ([Entry(b"/", "there", file=str(pipe))], "there: .*no regular file"),
            (small, "here: more than 0 MiB of pages"),
            (big, "here: more than 1 files"),
        ):
            self.assertRaisesRegex(BadTable, words, load, entries, now=0)
        self.assertEqual(descriptors(), before)

    def test_too_many(self) -> None:
        """A table has a bound."""
        self.patch(table, "PAGES_MAX", 2)
        entries = [Entry(b"/%d" % n, "here", body="") for n in range(3)]
        self.assertRaisesRegex(BadTable, "more than 2 pages", load, entries, now=0)

    def test_unchanged(self) -> None:
        """A text that is the same after a reload keeps its date, another gets a new one."""
        first = load([Entry(b"/a", "", body="a"), Entry(b"/b", "", body="b")], now=100)
        second = load([Entry(b"/a", "", body="a"), Entry(b"/b", "", body="c")], now=200, before=first)
        self.assertEqual([second.pages[p].facts.modified for p in (b"/a", b"/b")], [100, 200])

    def test_gzip(self) -> None:
        """Text worth it is kept in gzip too; what would grow, or is no text, isn't."""
        entries = [
            Entry(b"/text", "", body="x" * 5000),
            Entry(b"/short", "", body="x" * 50),
            self.file("a.png", bytes(5000)),
            self.file("a.txt", os.urandom(5000)),
        ]
        pages = load(entries, now=0).pages
        self.assertEqual([page.small is not None for page in pages.values()], [True, False, False, True])
        self.assertEqual(
            [page.small.get() is not None for page in pages.values() if page.small is not None], [True, False]
        )
        self.assertIsNone(load(entries, in_gzip=False, now=0).pages[b"/text"].small)

    def test_own_missing(self) -> None:
        """An own 404 page shows the path, escaped, where it says {path}; only in HTML."""
        (self.folder / "lost.html").write_text("<p>{path}? {path}!")
        missing = load(DEFAULT, not_found=str(self.folder / "lost.html"), now=0).missing
        told = missing.told("/<script>alert('å')</script>\x1b".encode())
        escaped = "/&lt;script&gt;alert(&#x27;å&#x27;)&lt;/script&gt;�"
        self.assertEqual(told, f"<p>{escaped}? {escaped}!".encode())
        self.assertLess(len(missing.told(b"/" + b"<" * 9000)), 2000)
        (self.folder / "lost.txt").write_text("{path}")
        missing = load(DEFAULT, not_found=str(self.folder / "lost.txt"), now=0).missing
        self.assertEqual(missing.told(b"/<script>"), b"{path}")

    def test_watched(self) -> None:
        """All files that a table was made of are watched."""
        entry = self.file("a", b"")
        loaded = load([entry], not_found=None, now=0, also=("/etc/pages.toml",))
        self.assertEqual(loaded.watched, ("/etc/pages.toml", str(self.folder / "a")))
        self.assertEqual(Table({}).watched, ())
