"""What is named on the command line, what was answered before, and the small check."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate.cache import Cache, digest
from netsuite.validate.document import Document, Kind
from netsuite.validate.message import Failed, Found, Grade, Message
from netsuite.validate.partial import check
from netsuite.validate.reading import read
from netsuite.validate.sources import Nothing, Source, gather


class SourceTests(SynchronousTestCase):
    """Files, folders, patterns."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        for name in (
            "b.html",
            "a.HTM",
            "x/y/c.css",
            "x/d.txt",
            ".git/e.html",
            "node_modules/f.html",
            "x/[1].svg",
        ):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text("x")

    def names(self, *arguments: str) -> list[str]:
        """What the arguments name, without our folder."""
        return [source.name.removeprefix(f"{self.folder}/") for source in gather(arguments)]

    def test_folder(self) -> None:
        """A folder is searched by endings, in order, but for hidden folders and other people's packages."""
        self.assertEqual(self.names(str(self.folder)), ["a.HTM", "b.html", "x/[1].svg", "x/y/c.css"])

    def test_patterns(self) -> None:
        """A pattern is matched, unless a file has that very name; each document comes once."""
        self.assertEqual(self.names(f"{self.folder}/**/*.css", f"{self.folder}/x/y/c.css"), ["x/y/c.css"])
        self.assertEqual(self.names(f"{self.folder}/x/[1].svg"), ["x/[1].svg"])

    def test_as_given(self) -> None:
        """Standard input, URLs and files that are not there are kept as they are."""
        self.assertEqual(
            self.names("-", "http://a.example/x", "gone.html"), ["-", "http://a.example/x", "gone.html"]
        )
        self.assertTrue(Source("HTTPS://a.example").is_url)

    def test_nothing(self) -> None:
        """A folder or pattern without documents is no success."""
        for argument in (f"{self.folder}/*.xhtml", f"{self.folder}/.git/"):
            if argument.endswith("/"):
                os.unlink(f"{argument}e.html")
            with self.assertRaises(Nothing):
                gather([argument])

    def test_reading(self) -> None:
        """A file that is too large, not there or a folder is told as what it is."""
        for name, most, cause in (("b.html", 0, "limit"), ("gone", 9, "local"), ("x", 9, "local")):
            found = read(Source(str(self.folder / name)), most)
            self.assertEqual(found.cause if isinstance(found, Failed) else None, cause, name)
        self.assertEqual(
            read(Source(str(self.folder / "b.html")), 1),
            Document(str(self.folder / "b.html"), Kind.HTML, b"x"),
        )

    def test_pipe(self) -> None:
        """A named pipe that nobody writes to is not waited for."""
        path = str(self.folder / "pipe.html")
        os.mkfifo(path)
        found = read(Source(path), 9)
        self.assertTrue(isinstance(found, Document) and found.body == b"")


class CacheTests(SynchronousTestCase):
    """Answers that were had before."""

    def setUp(self) -> None:
        self.folder = self.mktemp()
        self.found = Found((Message(Grade.ERROR, "x", 1, 2, 3, 4, "…"),), "26")

    def test_kept(self) -> None:
        """An answer is kept over processes, by bytes, kind, charset and checker; nobody else may read it."""
        document = Document("a", Kind.HTML, b"x")
        key = digest(document, "nu 1")
        cache = Cache(self.folder)
        cache.put(key, self.found)
        cache.close()
        again = Cache(self.folder)
        self.addCleanup(again.close)
        self.assertEqual(again.get(key), self.found)
        others = (
            ("nu 2", document),
            ("nu 1", Document("a", Kind.CSS, b"x")),
            ("nu 1", Document("a", Kind.HTML, b"y")),
            ("nu 1", Document("a", Kind.HTML, b"x", "utf-16")),
        )
        self.assertEqual([again.get(digest(each, checker)) for checker, each in others], [None] * 4)
        [file] = Path(self.folder).glob("*.db")
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)

    def test_damaged(self) -> None:
        """A file that can't be read is begun anew; a folder that can't be had is no cache, and no fault."""
        os.mkdir(self.folder)
        path = Path(self.folder, "validate-1.db")
        path.write_bytes(b"no database " * 999)
        cache = Cache(self.folder)
        cache.put(b"k", self.found)
        self.assertEqual(cache.get(b"k"), self.found)
        cache.close()
        for where in (None, "/proc/nowhere"):
            nothing = Cache(where)
            nothing.put(b"k", self.found)
            self.assertIsNone(nothing.get(b"k"))
            nothing.close()


class PartialTests(SynchronousTestCase):
    """The small built-in check."""

    def told(self, body: str, kind: Kind = Kind.HTML) -> list[str]:
        """What it finds: places and texts."""
        found = check(Document("a", kind, body.encode()))
        assert isinstance(found, Found)
        self.assertFalse(found.whole)
        return [f"{m.line}:{m.column} {m.text}" for m in found.messages]

    def test_finds(self) -> None:
        """Tags that don't match, an id twice, a picture without alt, a field without label."""
        self.assertEqual(
            self.told("<!doctype html><title>x</title><p id=a><b>\n<i></b></i>\n<img src=x id=a>\n <input>"),
            [
                '2:4 Element "i" is open at end tag "b"',
                '2:8 End tag "i" without a start tag',
                '3:1 Duplicate ID "a".',
                '3:1 An "img" element has no "alt".',
                '4:2 A field "input" has no label.',
            ],
        )

    def test_leaves_alone(self) -> None:
        """What HTML allows is no finding."""
        self.assertEqual(
            self.told(
                "<!doctype html><title>x</title><ul><li>a<li>b</ul><table><tr><td>x</table><br>"
                "<img src=x alt=''>"
                "<label>n <input></label><label for=q>q</label><input id=q><input type=hidden>"
                "<svg><path/></svg>"
                "<script>if (a<b) '</p>'</script><input aria-label=x>"
            ),
            [],
        )

    def test_xml(self) -> None:
        """SVG must be well-formed; CSS is not its business."""
        self.assertIn("not well-formed", self.told("<svg>\n<g></svg>", Kind.SVG)[0])
        self.assertEqual(self.told('<svg xmlns="http://www.w3.org/2000/svg"/>', Kind.SVG), [])
        self.assertIsInstance(check(Document("a", Kind.CSS, b"p{}")), Failed)
