"""The folder of files that came with answers."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite import durable
from netsuite.formsite.uploads import STRAY_SECONDS, Folder
from netsuite.site.posted import Upload
from netsuite.storefile import StoreFault


class FolderTests(SynchronousTestCase):
    """Files under names of ours."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.folder = Folder(str(self.path))
        self.folder.prepare(set())

    def test_kept(self) -> None:
        """Each has a name of its own, nobody else may read it, and it is what was sent."""
        one, two = self.folder.keep([Upload("a", "same.txt", "x", b"1"), Upload("a", "same.txt", "x", b"2")])
        self.assertNotEqual(one.stored, two.stored)
        self.assertEqual([self.folder.read(one.stored), self.folder.read(two.stored)], [b"1", b"2"])
        self.assertEqual({os.stat(self.path / one.stored).st_mode & 0o777}, {0o600})
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o700)

    def test_all_or_none(self) -> None:
        """Where one can't be kept none is, and a full disk is told as such."""
        write, calls = durable.write, iter((True, False))

        def failing(path: str, content: bytes, *, replace: bool) -> None:
            if not next(calls):
                raise OSError(28, "No space left on device")
            write(path, content, replace=replace)

        self.patch(durable, "write", failing)
        with self.assertRaises(StoreFault) as caught:
            self.folder.keep([Upload("a", "1", "", b"1"), Upload("a", "2", "", b"2")])
        self.assertTrue(caught.exception.is_full)
        self.assertEqual(os.listdir(self.path), [])

    def test_strays(self) -> None:
        """At the start, files without an answer go, if they are old; others' files and ours stay."""
        known, stray, fresh = (
            file.stored for file in self.folder.keep([Upload("a", str(n), "", b"x") for n in range(3)])
        )
        (self.path / "mine.txt").write_text("x")
        old = os.stat(self.path).st_mtime - STRAY_SECONDS - 60
        for name in (known, stray, "mine.txt"):
            os.utime(self.path / name, (old, old))
        Folder(str(self.path)).prepare({known})
        self.assertEqual(set(os.listdir(self.path)), {known, fresh, "mine.txt"})

    def test_other_names(self) -> None:
        """Nothing but files of ours is read or removed."""
        (self.path.parent / "secret").write_text("x")
        for name in ("../secret", "", ".", "x", "0" * 32 + ".upload\n", "0" * 32 + ".upload/../../secret"):
            self.assertIsNone(self.folder.read(name), name)
            self.folder.remove([name])
        self.assertTrue((self.path.parent / "secret").exists())
