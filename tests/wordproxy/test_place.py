"""Where the store and the key lie."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import place


class StateFolderTests(SynchronousTestCase):
    """The first of systemd's, XDG's and the home folder is taken."""

    def test_order(self) -> None:
        """A stronger place hides the weaker ones."""
        environ = {"STATE_DIRECTORY": "/s:/t", "XDG_STATE_HOME": "/x", "HOME": "/h"}
        self.assertEqual(place.state_folder(environ), "/s")
        del environ["STATE_DIRECTORY"]
        self.assertEqual(place.state_folder(environ), "/x/netsuite")
        del environ["XDG_STATE_HOME"]
        self.assertEqual(place.state_folder(environ), "/h/.local/state/netsuite")
        self.assertEqual(place.state_folder({}, "/p"), "/p/.local/state/netsuite")


class KeyTests(SynchronousTestCase):
    """The key that digests of addresses are made with."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.store = str(self.folder / "words.db")

    def test_lasts(self) -> None:
        """It is made once, is ours alone to read, and stays."""
        key = place.url_key(self.store)
        self.assertEqual(len(key), place.KEY_BYTES)
        self.assertEqual(place.url_key(self.store), key)
        self.assertEqual(stat.S_IMODE(os.stat(self.store + ".key").st_mode), 0o600)
        self.assertEqual(os.listdir(self.folder), ["words.db.key"])

    def test_memory(self) -> None:
        """A store in memory leaves no key on disk, and has another at each start."""
        self.assertNotEqual(place.url_key(place.MEMORY), place.url_key(place.MEMORY))

    def test_no_key(self) -> None:
        """A file that is no key of ours is refused and not written over."""
        Path(self.store + ".key").write_bytes(b"short")
        self.assertRaises(ValueError, place.url_key, self.store)
        self.assertEqual(Path(self.store + ".key").read_bytes(), b"short")


class SecretTests(SynchronousTestCase):
    """The secret of the report's tokens."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        self.path = folder / "words.db.token"

    def test_lasts(self) -> None:
        """It is made once, is ours alone to read, is one line of text, and stays."""
        secret = place.report_secret(str(self.path))
        self.assertGreaterEqual(len(secret), 40)
        self.assertEqual(place.report_secret(str(self.path)), secret)
        self.assertEqual(self.path.read_text(), secret + "\n")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.path.parent), [self.path.name])

    def test_no_secret(self) -> None:
        """A file that holds none, or a short one, or another kind of file is refused and stays as it is."""
        for content in (b"", b"short\n", b"\xff" * 40, b"two words\nin two lines\n", b"x" * 2000):
            self.path.write_bytes(content)
            self.assertRaises(ValueError, place.report_secret, str(self.path))
            self.assertEqual(self.path.read_bytes(), content)
