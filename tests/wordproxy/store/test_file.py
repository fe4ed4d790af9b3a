"""The store's file: private, made whole, and refused untouched where it is none of ours."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import file
from netsuite.wordproxy.store.contract import StoreFault, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.samples import batch, folder, page

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """For a moment this process has no more rights than anybody."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = str(self.folder / "words.db")

    def make(self) -> None:
        """A store with one page, closed."""
        store = open_store(self.path)
        store.add(batch(page(1, "tide", "boat")))
        store.close()

    def refused(self, path: str | None = None, *, read_only: bool = False) -> str:
        """The line with which opening is refused; it leaves nothing open."""
        with self.assertRaises(StoreFault) as caught:
            open_store(path or self.path, read_only=read_only).close()
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        self.assertIn(path or self.path, text)
        return text

    def refused_untouched(self, content: bytes) -> str:
        """Like `refused`, for a file of these bytes, which keeps them and gets no company."""
        self.folder.mkdir(exist_ok=True)
        Path(self.path).write_bytes(content)
        text = self.refused()
        self.assertEqual(Path(self.path).read_bytes(), content)
        self.assertEqual(os.listdir(self.folder), ["words.db"])
        return text

    def test_modes(self) -> None:
        """A new folder is 0700; the store and its side files are 0600, whatever the umask."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        store = open_store(self.path)
        self.addCleanup(store.close)
        store.add(batch(page(1, "tide")))
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in self.folder.iterdir()}
        self.assertEqual(modes, {"words.db": 0o600, "words.db-wal": 0o600, "words.db-shm": 0o600})
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)

    def test_a_readable_file_is_made_private(self) -> None:
        """A store that others could read can't be read by them once it was opened."""
        self.make()
        os.chmod(self.path, 0o644)
        open_store(self.path).close()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_a_folder_that_was_there_keeps_its_mode(self) -> None:
        """Someone else's choice of a folder is left alone."""
        self.folder.mkdir(0o755)
        self.make()
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o755)

    def test_kept_over_a_restart(self) -> None:
        """What was added is there when the store is opened again, and so is the node's sequence."""
        self.make()
        self.make()
        store = open_store(self.path, read_only=True)
        self.addCleanup(store.close)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 2)

    def test_strange_names(self) -> None:
        """A path with marks that a URI knows is a path."""
        self.path = str(self.folder / "a?b#c%20 é.db")
        self.make()
        self.assertEqual(os.listdir(self.folder), ["a?b#c%20 é.db"])

    def test_empty_file(self) -> None:
        """A file of no bytes is refused, for nobody can say what it was."""
        self.assertIn("is empty", self.refused_untouched(b""))

    def test_foreign_files(self) -> None:
        """Text, and another program's database, are refused untouched."""
        self.assertIn("no word store", self.refused_untouched(b"Dear diary, " * 100))
        self.assertIn("no word store", self.refused_untouched(b"SQLite format 3\x00"))
        other = str(folder(self))
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE bookmarks (url)")
        connection.close()
        self.assertIn("another program", self.refused_untouched(Path(other).read_bytes()))

    def test_newer_schema(self) -> None:
        """A store of a newer version is refused untouched, and the line says to upgrade."""
        self.make()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.assertIn("newer netsuite (schema 99", self.refused_untouched(Path(self.path).read_bytes()))

    def test_newer_schema_still_in_the_log(self) -> None:
        """The same where a kill left the newer version's last words in its log."""
        self.make()
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        connection.execute("PRAGMA user_version = 99")
        self.assertIn("newer netsuite", self.refused())

    def test_truncated(self) -> None:
        """A file cut at any page, or within one, is refused as damaged."""
        self.make()
        content = Path(self.path).read_bytes()
        for size in [*range(4096, len(content), 4096), len(content) - 1, 101]:
            Path(self.path).write_bytes(content[:size])
            self.assertIn("is damaged", self.refused(), size)

    def test_damage_is_a_fault(self) -> None:
        """A store with damaged bytes is refused or gives StoreFaults; no other error ever comes."""
        self.make()
        content = Path(self.path).read_bytes()
        dice = random.Random(1)
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(dice.randint(1, 40)):
                damaged[dice.randrange(len(content))] = dice.randrange(256)
            Path(self.path).write_bytes(damaged)
            for name in (f"{self.path}-wal", f"{self.path}-shm"):
                Path(name).unlink(missing_ok=True)
            try:
                store = open_store(self.path)
            except StoreFault:
                continue
            try:
                store.words(WordQuery(everything=True))
                store.words(WordQuery(day="2026-01-05"))
                store.add(batch(page(2, "tide")))
            except StoreFault:
                continue
            finally:
                store.close()

    def test_faults_quote_no_words(self) -> None:
        """Text that is none, and a day that is none, are damage; the line has nothing of the content."""
        for damage in (
            "UPDATE word SET key = CAST(x'73336372657420ff' AS TEXT) WHERE key = 'tide'",
            "UPDATE figure SET days = CAST(printf('%.*c', 1024, 'z') AS BLOB)",
        ):
            self.path = str(self.folder / f"{len(damage)}.db")
            self.make()
            connection = sqlite3.connect(self.path)
            connection.execute(damage)
            connection.commit()
            connection.close()
            store = open_store(self.path)
            fault = str(self.assertRaises(StoreFault, store.words, WordQuery()))
            store.close()
            self.assertIn("is damaged", fault)
            self.assertNotIn("s3cret", fault)
            self.assertNotIn("\n", fault)

    def test_read_only_makes_nothing(self) -> None:
        """A store that isn't there is not made by who only wants to read."""
        self.assertIn("is not there yet", self.refused(read_only=True))
        self.assertFalse(self.folder.exists())

    def test_read_only_writes_nothing(self) -> None:
        """Through a store opened for reading nothing can be added."""
        self.make()
        store = open_store(self.path, read_only=True)
        self.addCleanup(store.close)
        with self.assertRaises(StoreFault):
            store.add(batch(page(2, "tide")))

    def test_other_kinds(self) -> None:
        """A kind of store that isn't known, or no name, is refused in one line."""
        for where in ("redis://localhost/0", "http://x/", ""):
            with self.assertRaises(StoreFault):
                open_store(where)

    def test_a_folder_in_its_place(self) -> None:
        """A folder is no store."""
        os.makedirs(self.path)
        self.refused()

    @skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_no_permission(self) -> None:
        """A folder or file that this user may not write is refused, and the line says what to do."""
        self.folder.mkdir()
        os.chmod(self.folder, 0o755)
        with as_nobody():
            self.assertIn("let this user write", self.refused())
        self.make()
        with as_nobody():
            self.refused()
        os.chown(self.path, NOBODY, NOBODY)
        os.chmod(self.path, 0o400)
        with as_nobody():
            self.refused()

    def test_a_draft_is_no_store(self) -> None:
        """Files that a killed start left half made are neither opened nor in the way."""
        self.folder.mkdir()
        (self.folder / ".words.db.0011").write_bytes(b"SQLite")
        self.make()

    def test_two_that_start_at_once(self) -> None:
        """Of two processes that make the store at once, the second finds the first one's and keeps it."""
        self.make()
        with self.assertRaises(FileExistsError):
            os.link(self.path, self.path)
        file.kind()._create(self.path)
        store = open_store(self.path)
        self.addCleanup(store.close)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 2)
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith(".")], [])
