"""Small files that are whole or not there."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite import durable


class WriteTests(SynchronousTestCase):
    """What `durable.write` leaves in a folder."""

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "secret")

    def content(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def test_new(self) -> None:
        """A new file has its content, is private, and is all that is in the folder."""
        for replace in (True, False):
            durable.write(self.path, b"one", replace=replace)
            self.assertEqual((self.content(), os.listdir(self.folder)), (b"one", ["secret"]))
            self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
            os.unlink(self.path)

    def test_there_already(self) -> None:
        """One that is there is replaced where that is said, and stays else."""
        durable.write(self.path, b"one", replace=True)
        durable.write(self.path, b"two", replace=False)
        self.assertEqual(self.content(), b"one")
        durable.write(self.path, b"three", replace=True)
        self.assertEqual((self.content(), os.listdir(self.folder)), (b"three", ["secret"]))

    def test_failure(self) -> None:
        """What fails before the name is in place leaves what was there, and no draft."""
        durable.write(self.path, b"one", replace=True)

        def fail(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        for step in ("fsync", "rename"):
            with self.subTest(step):
                patch = self.patch(os, step, fail)
                self.assertRaises(OSError, durable.write, self.path, b"two", replace=True)
                patch.restore()
                self.assertEqual((self.content(), os.listdir(self.folder)), (b"one", ["secret"]))
