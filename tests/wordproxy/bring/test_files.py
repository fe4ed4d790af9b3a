"""Files: what they are, what they are known by, and plain texts."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.bring import files, text
from netsuite.wordproxy.store.contract import FILE_NODE, IMPORTED
from tests.wordproxy.bring import recordings
from tests.wordproxy.bring.recordings import RULES, WHEN, entry, seen

KEY = RULES.url_key


class FileCase(SynchronousTestCase):
    """A folder for files."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)

    def write(self, name: str, data: bytes) -> str:
        """A file is there; its path."""
        path = self.folder / name
        path.write_bytes(data)
        os.utime(path, (WHEN, WHEN))
        return str(path)

    def node(self, name: str, data: bytes, key: bytes = KEY) -> str:
        """What a file is known by."""
        file = files.opened(self.write(name, data), key)
        file.file.close()
        return file.node

    def told(self, name: str, data: bytes) -> list[str]:
        """What becomes of a file's records."""
        file = files.opened(self.write(name, data), KEY)
        with file.file:
            return [seen(record) for record in file.records(RULES)]


class NodeTests(FileCase):
    """What a file is known by."""

    def test_content_alone(self) -> None:
        """The same bytes are the same file under any name; another byte or another key makes another."""
        data = bytes(3_000_000)
        node = self.node("a.txt", data)
        self.assertTrue(node.startswith(FILE_NODE))
        self.assertEqual(self.node("b.har", data), node)
        for at in (0, 1_500_000, 2_999_999):
            self.assertNotEqual(self.node("a.txt", data[:at] + b"x" + data[at + 1 :]), node)
        self.assertNotEqual(self.node("a.txt", data + b"\\0"), node)
        self.assertNotEqual(self.node("a.txt", data, b"other" * 5), node)

    def test_kinds(self) -> None:
        """The end of a name says what a file is."""
        for name, kind in (
            ("x.har", "HAR"),
            ("X.HAR.GZ", "HAR"),
            ("a.warc", "WARC"),
            ("a.b.warc.gz", "WARC"),
            ("book.txt", "text"),
            ("a.gz", None),
            ("har", None),
            ("a.html", None),
        ):
            self.assertEqual(files.kind_of(f"/some.har/{name}"), kind, name)


class CompressedTests(FileCase):
    """A HAR that is compressed."""

    def test_same(self) -> None:
        """It has the records that it would have uncompressed."""
        data = recordings.har(entry(), entry(status=404))
        self.assertEqual(self.told("a.har", data), ["page", "status"])
        self.assertEqual(self.told("a.har.gz", gzip.compress(data)), ["page", "status"])

    def test_damaged(self) -> None:
        """What is cut short or damaged is a fault of the file."""
        data = gzip.compress(recordings.har(entry()))
        for broken in (data[:-20], data[:60] + b"xxxx" + data[64:], b"plain"):
            self.assertRaises(files.FileFault, self.told, "a.har.gz", broken)

    def test_bomb(self) -> None:
        """One that grows past all measure is given up, at the bound and not at its end."""
        self.patch(files, "_FREE", 1_000_000)
        self.assertRaises(files.Bomb, self.told, "a.har.gz", gzip.compress(bytes(10_000_000)))


class TextTests(FileCase):
    """A plain text."""

    def test_described(self) -> None:
        """It is one page: its name is the title, its date the day, and no path is kept."""
        file = files.opened(self.write("Moby Dick.txt", b"Call me Ishmael."), KEY)
        with file.file:
            [record] = file.records(RULES)
        page = record.page
        assert page is not None
        self.assertEqual(
            (page.title, page.url, page.host), ("Moby Dick.txt", "file:Moby%20Dick.txt", text.HOST)
        )
        self.assertEqual((page.when, page.media_type, page.source), (WHEN, "text/plain", IMPORTED))
        self.assertNotIn(str(self.folder), repr(page))

    def test_bound(self) -> None:
        """One over the bound of a page is too large."""
        self.assertEqual(self.told("a.txt", b"x" * (RULES.max_text + 1)), ["too large"])
        self.assertEqual(self.told("a.txt", b"x" * RULES.max_text), ["page"])

    def test_only_hosts(self) -> None:
        """A text comes from no host, so it is none of those that alone are to be counted."""
        record = text.record(recordings.file(b"x"), "a.txt", replace(RULES, only_hosts=("a.example",)), WHEN)
        self.assertEqual(seen(record), "ignored host")

    @settings(deadline=None, max_examples=100)
    @given(data=st.binary(max_size=300), name=st.binary(min_size=1, max_size=30))
    def test_any(self, data: bytes, name: bytes) -> None:
        """Any bytes under any name are a page."""
        record = text.record(recordings.file(data), os.fsdecode(name), RULES, WHEN)
        assert record.page is not None
        self.assertEqual(record.page.pieces, [data])
        str(record.page.title).encode()
