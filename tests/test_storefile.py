"""A SQLite file of ours, made and judged."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite import storefile
from netsuite.storefile import Kind, StoreFault

KIND = Kind("store of things", 0x4E537830, 2, "CREATE TABLE thing (name TEXT) STRICT;")


class MakingTests(SynchronousTestCase):
    """A whole file or none."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.path = self.folder / "things.db"

    def test_made(self) -> None:
        """It is there with its tables, in WAL, private, and nothing else is left beside it."""
        KIND.prepare(str(self.path))
        self.assertEqual([p.name for p in self.folder.iterdir()], ["things.db"])
        self.assertEqual(
            (self.path.stat().st_mode & 0o777, self.folder.stat().st_mode & 0o777), (0o600, 0o700)
        )
        opened = storefile.open_file(str(self.path), read_only=True)
        self.addCleanup(opened.close)
        self.assertEqual(opened.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(opened.execute("SELECT * FROM thing").fetchall(), [])
        self.assertRaises(sqlite3.Error, opened.execute, "DELETE FROM thing")

    def test_not_made(self) -> None:
        """Where none is to be made it says that there is none."""
        with self.assertRaisesRegex(StoreFault, "is not there"):
            KIND.prepare(str(self.path), make=False)

    def test_broken_off(self) -> None:
        """If making it fails nothing is left, and the next try makes it; no room is told as such."""
        self.patch(
            storefile.os, "link", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with self.assertRaises(StoreFault) as caught:
            KIND.prepare(str(self.path))
        self.assertTrue(caught.exception.is_full)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_links(self) -> None:
        """On a file system without links it is renamed into its place."""
        self.patch(
            storefile.os, "link", lambda *a: (_ for _ in ()).throw(OSError(1, "Operation not permitted"))
        )
        KIND.prepare(str(self.path))
        self.assertEqual([p.name for p in self.folder.iterdir()], ["things.db"])

    def test_another_was_quicker(self) -> None:
        """Of two that make it at once one wins, and both have its file."""
        link = os.link

        def late(draft: str, path: str) -> None:
            if not os.path.exists(path):
                link(draft, path)
                os.truncate(path, os.path.getsize(path))
            raise FileExistsError(17, "File exists")

        self.patch(storefile.os, "link", late)
        KIND.prepare(str(self.path))
        KIND.prepare(str(self.path))

    def test_opened_to_others(self) -> None:
        """A file that others could read is private after it was prepared."""
        KIND.prepare(str(self.path))
        self.path.chmod(0o644)
        KIND.prepare(str(self.path))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_a_folder_in_its_place(self) -> None:
        """What is no file at all is told in one line."""
        self.path.mkdir(parents=True)
        with self.assertRaisesRegex(StoreFault, "can't be used as a store"):
            KIND.prepare(str(self.path))


class FaultTests(SynchronousTestCase):
    """What SQLite says, for people."""

    def fault(self, code: int) -> StoreFault:
        error = sqlite3.OperationalError("told")
        error.sqlite_errorcode = code  # type: ignore[misc]
        return storefile.fault_of("FILE", error)

    def test_told(self) -> None:
        """No room, damage, and all else."""
        self.assertTrue(self.fault(sqlite3.SQLITE_FULL).is_full)
        self.assertIn("is damaged (told)", str(self.fault(sqlite3.SQLITE_CORRUPT)))
        self.assertIn("is damaged", str(self.fault(267)))
        self.assertEqual(str(self.fault(sqlite3.SQLITE_READONLY)), "FILE failed: told")
        self.assertEqual(str(storefile.fault_of("FILE", sqlite3.Error("a\nb"))), "FILE failed: a b")

    def test_nothing_is_quoted(self) -> None:
        """Text that can't be read is damage, and nothing of it is told."""
        opened = sqlite3.connect(":memory:")
        self.addCleanup(opened.close)
        with self.assertRaises(sqlite3.Error) as caught:
            opened.execute("SELECT CAST(x'50ff0a4c414e544544' AS TEXT)").fetchall()
        told = str(storefile.fault_of("FILE", caught.exception))
        self.assertIn("is damaged (text in it can't be read)", told)
