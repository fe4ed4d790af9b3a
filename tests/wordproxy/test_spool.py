"""A spool's file: what waits in it, in which order, for how long, and what is left of it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy import spool
from netsuite.wordproxy.spool import Parts, Spool, SpoolFault
from netsuite.wordproxy.store.contract import Batch, Note, Page, Revisit

DAY, NOON = "2026-01-05", 1_767_610_800.0
SECRET = "nightingale" * 20

#: A process that puts a batch into a spool and is killed.
KILLED = """
import os, signal, sys
from netsuite.wordproxy.spool import Spool, pack
from netsuite.wordproxy.store.contract import Batch
one = Spool(sys.argv[1], make=True)
for last in range(1, 4):
    one.put(pack([("", Batch("n", last, [], []))]), 0, 1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def page(sequence: int, word: str = "tide") -> Page:
    """A page with a word, a title and a sentence."""
    digest = sequence.to_bytes(16, "big")
    return Page(
        sequence, digest, "news.example", "http://news.example/", word, "en", DAY, NOON,
        [(word, word, 1, 0)], [(word, f"The {word} rises.")], [word],
    )  # fmt: skip


def parts(last: int, word: str = "tide") -> Parts:
    """One page for nobody's store, one for alice's."""
    return [
        ("", Batch("n", last, [page(last - 1, word)], [Note(last - 1, DAY, "a.example", "unseen", 3)])),
        (
            "alice",
            Batch("n", last, [page(last, word)], [], [Revisit(last, b"d" * 16, "b.example", DAY, NOON)]),
        ),
    ]


class SpoolCase(SynchronousTestCase):
    """A folder for spools."""

    def setUp(self) -> None:
        self.folder = str(Path(self.mktemp()).absolute())
        self.path = spool.path_of(self.folder, "redis://store", "n")

    def opened(self) -> Spool:
        """The spool, made if it is not there; closed after the test if it still is open."""
        return Spool(self.path, make=True)

    def put(self, one: Spool, what: Parts, now: float = NOON) -> None:
        """What is to wait does."""
        one.put(spool.pack(what), sum(len(batch.pages) for _, batch in what), now)


class SpoolTests(SpoolCase):
    """One spool."""

    def test_first_in_first_out(self) -> None:
        """What was put first comes first, as it was, until it is dropped; also after a close."""
        one = self.opened()
        for last in (10, 20, 30):
            self.put(one, parts(last), NOON + last)
        self.assertEqual((one.count, one.pages), (3, 6))
        one.close()
        one = self.opened()
        seen = []
        while (row := one.first()) is not None:
            self.assertEqual(row, one.first())
            seen.append((row.spooled, row.pages, row.parts))
            one.drop(row)
        self.assertEqual(seen, [(NOON + last, 2, parts(last)) for last in (10, 20, 30)])
        self.assertEqual((one.count, one.pages), (0, 0))
        one.close()

    def test_given_back(self) -> None:
        """Once nothing waits the file has given back what it took."""
        one = self.opened()
        for last in range(10, 60, 10):
            self.put(one, parts(last, SECRET * 100))
        size = os.stat(self.path).st_size
        while (row := one.first()) is not None:
            one.drop(row)
        self.assertEqual(one.room, 0)
        self.assertLess(os.stat(self.path).st_size, size / 2)
        one.close()

    def test_private(self) -> None:
        """Only this user may read it, or see that there is one."""
        one = self.opened()
        self.put(one, parts(2))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)
        self.assertNotIn("redis", self.path)
        one.close()

    def test_locked(self) -> None:
        """Whom a spool belongs to is nobody else's affair, in this process or in another."""
        one = self.opened()
        self.put(one, parts(2))
        fault = self.assertRaises(SpoolFault, Spool, self.path)
        self.assertTrue(fault.is_held)
        code = "import sys; from netsuite.wordproxy.spool import Spool; Spool(sys.argv[1])"
        tried = subprocess.run(
            [sys.executable, "-c", code, self.path], capture_output=True, text=True, check=False
        )
        self.assertIn("is another process's", tried.stderr)
        one.close()
        again = Spool(self.path)
        self.assertEqual(again.count, 1)
        again.close()

    def test_nothing_is_left(self) -> None:
        """What was dropped leaves no byte behind, and a spool that holds nothing no file."""
        one = self.opened()
        for last in (2, 4):
            self.put(one, parts(last, SECRET))
        before = os.path.getsize(self.path)
        while (row := one.first()) is not None:
            one.drop(row)
        left = b"".join(path.read_bytes() for path in Path(self.folder).iterdir())
        self.assertNotIn(SECRET[:11].encode(), left)
        self.assertLess(os.path.getsize(self.path), before)
        one.close()
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_file(self) -> None:
        """A spool that is not there is not made by who only looks, nor where none can be."""
        self.assertRaises(FileNotFoundError, Spool, self.path)
        Path(self.folder).write_bytes(b"a wall")
        self.assertRaises(SpoolFault, self.opened)

    def test_killed(self) -> None:
        """What was put is there after its process was killed in the next instant."""
        killed = subprocess.run([sys.executable, "-c", KILLED, self.path], check=False, capture_output=True)
        self.assertEqual(killed.returncode, -9, killed.stderr)
        one = Spool(self.path)
        self.assertEqual(one.count, 3)
        one.close()

    def test_strip(self) -> None:
        """What is older than addresses are kept has none any more, nor a title or sentence; counts stay."""
        one = self.opened()
        self.put(one, parts(2, SECRET), NOON)
        self.put(one, parts(4), NOON + 100)
        one.strip(NOON + 50)
        first = one.first()
        assert first is not None
        assert first.parts is not None
        for _, batch in first.parts:
            for found in batch.pages:
                self.assertEqual((found.url, found.title, found.contexts, found.names), (None, None, [], []))
                self.assertEqual(found.forms, [(SECRET, SECRET, 1, 0)])
        one.drop(first)
        second = one.first()
        assert second is not None
        self.assertEqual(second.parts, parts(4))
        one.close()

    def test_lost(self) -> None:
        """What can't be sent any more is told as lost, page by page, under its numbers; notes stay."""
        main, alice = spool.lost(parts(2))
        self.assertEqual(
            main,
            (
                "",
                Batch(
                    "n", 2, [], [Note(1, DAY, "a.example", "unseen", 3), Note(1, DAY, "news.example", "lost")]
                ),
            ),
        )
        self.assertEqual(
            alice[1].notes, [Note(2, DAY, "news.example", "lost"), Note(2, DAY, "b.example", "lost")]
        )


class DamageTests(SpoolCase):
    """A file that is not what it was."""

    def test_not_ours(self) -> None:
        """Another program's database is left as it is."""
        os.mkdir(self.folder)
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
        other.close()
        before = Path(self.path).read_bytes()
        fault = self.assertRaises(SpoolFault, self.opened)
        self.assertFalse(fault.is_damaged)
        self.assertEqual(Path(self.path).read_bytes(), before)

    def test_no_database(self) -> None:
        """A file that is no database is damaged for good, and says so."""
        os.mkdir(self.folder)
        Path(self.path).write_bytes(b"rubbish" * 1000)
        self.assertTrue(self.assertRaises(SpoolFault, self.opened).is_damaged)

    def test_a_damaged_row(self) -> None:
        """A batch whose bytes are damaged is told as such, with the pages that it had; others are whole."""
        one = self.opened()
        self.put(one, parts(2))
        self.put(one, parts(4))
        one._connection.execute("UPDATE batch SET parts = x'c1' WHERE id = 1")
        row = one.first()
        assert row is not None
        self.assertEqual((row.parts, row.pages), (None, 2))
        one.strip(NOON + 1)
        one.drop(row)
        self.assertIsNotNone(one.first())
        one.remove()

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 10**6), st.binary(min_size=1, max_size=300))
    def test_any_damage(self, at: int, rubbish: bytes) -> None:
        """Whatever bytes are in the file, nothing but a SpoolFault comes of it."""
        self.setUp()
        one = self.opened()
        for last in (2, 4):
            self.put(one, parts(last))
        one.close()
        whole = bytearray(Path(self.path).read_bytes())
        at %= len(whole)
        whole[at : at + len(rubbish)] = rubbish
        Path(self.path).write_bytes(whole)
        try:
            one = Spool(self.path)
        except SpoolFault:
            return
        try:
            while (row := one.first()) is not None:
                one.drop(row)
            one.strip(NOON)
        except SpoolFault:
            one.count = 1
        one.close()


class FolderTests(SpoolCase):
    """Several spools in one folder."""

    def test_whose(self) -> None:
        """Spools are found by the store that they are for; their size is that of all."""
        for store, node in (("redis://a", "n1"), ("redis://a", "n2"), ("redis://b", "n3")):
            one = Spool(spool.path_of(self.folder, store, node), make=True)
            self.put(one, parts(2))
            one.close()
        self.assertEqual(
            [name[-8:] for name in spool.paths(self.folder, "redis://a")], ["n1.spool", "n2.spool"]
        )
        self.assertEqual(len(spool.paths(self.folder)), 3)
        sizes = [os.path.getsize(os.path.join(self.folder, name)) for name in os.listdir(self.folder)]
        self.assertEqual(spool.size(self.folder), sum(sizes))
        self.assertEqual((spool.size("/nowhere"), spool.paths("/nowhere")), (0, []))
