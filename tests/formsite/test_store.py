"""The store: whole transactions, doubles, boxes, deletion that leaves nothing, and files that aren't ours."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite.entry import Draft, File
from netsuite.formsite.store import FormStore
from netsuite.storefile import StoreFault
from tests.formsite.samples import draft
from tests.scale import NIGHTLY

NOW = 1_767_609_224_000


class StoreCase(SynchronousTestCase):
    """A test with a store in a file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "forms.db"
        self.store = self.open()

    def open(self, **more: int) -> FormStore:
        store = FormStore(str(self.path), **more)  # type: ignore[arg-type]
        self.addCleanup(store.close)
        return store

    def add(self, *drafts: Draft, ways: tuple[str, ...] = (), now: int = NOW) -> list[int]:
        return [kept.id for kept in self.store.add(drafts, now, ways)]

    def bytes_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.path.parent.iterdir())


class KeepingTests(StoreCase):
    """What is added is there, as it came."""

    def test_as_it_came(self) -> None:
        """Fields in their order, each value, files, flags and the moment."""
        file = File("doc", "a.txt", "text/plain", 4, "0" * 32 + ".upload")
        self.add(draft(), Draft((("a", "ü\n\"'\\"), ("a", "")), (file,), "links", "https://x.example"))
        first, second = self.store.after(0, 10, "all")
        self.assertEqual(first.fields, draft().fields)
        self.assertEqual((first.when, first.spam, first.marked), ("2026-01-05T10:33:44Z", "", False))
        self.assertEqual(
            (second.fields, second.files, second.spam, second.origin),
            ((("a", "ü\n\"'\\"), ("a", "")), (file,), "links", "https://x.example"),
        )

    def test_private_and_flushed(self) -> None:
        """Nobody else may read the file; it is in WAL with every commit flushed."""
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        run = self.store._connection.execute
        self.assertEqual(run("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(run("PRAGMA synchronous").fetchone(), (2,))

    def test_all_or_none(self) -> None:
        """A batch that can't be kept whole is not kept at all, and the store goes on."""
        small = self.open(max_bytes=100_000)
        with self.assertRaises(StoreFault) as caught:
            small.add([draft(), Draft((("a", "x" * 200_000),))], NOW)
        self.assertTrue(caught.exception.is_full)
        self.assertEqual(self.store.after(0, 10, "all"), [])
        self.assertEqual([kept.how for kept in small.add([draft()], NOW)], ["new"])

    def test_keys(self) -> None:
        """The same key is one entry; with another content nothing is kept and the first is named."""
        one = draft(key=b"k" * 16)
        other = draft(2, key=b"k" * 16)
        told = self.store.add([one, one, other, draft(key=b"l" * 16)], NOW)
        self.assertEqual(
            [(kept.how, kept.id) for kept in told], [("new", 1), ("again", 1), ("other", 1), ("new", 2)]
        )
        self.assertEqual([kept.how for kept in self.store.add([one], NOW + 1)], ["again"])
        self.store.forget_keys(NOW + 8 * 86_400_000)
        self.assertEqual([kept.how for kept in self.store.add([one], NOW)], ["new"])

    def test_since(self) -> None:
        """Who pages by number while others add and delete meets each once and misses none that stays."""
        self.add(*(draft(n) for n in range(7)))
        seen: list[int] = []
        while entries := self.store.after(seen[-1] if seen else 0, 3):
            seen += [entry.id for entry in entries]
            if len(seen) < 10:
                self.add(draft(), draft(spam="links"))
                self.store.delete([seen[-1]])
        self.assertEqual(seen, sorted(set(seen)))
        self.assertTrue({entry.id for entry in self.store.after(0, 99)} <= set(seen))

    def test_numbers_only_rise(self) -> None:
        """A number that was deleted is never given again."""
        (first,) = self.add(draft())
        self.store.delete([first])
        self.assertEqual(self.add(draft()), [first + 1])


class BoxTests(StoreCase):
    """Spam, marks, search and counts."""

    def test_boxes(self) -> None:
        """Each is where its flags say, and comes back from spam by one change."""
        one, two, three = self.add(draft(1), draft(2, spam="honeypot"), draft(3))
        self.store.mark([three], True)
        boxes = {box: [e.id for e in self.store.page(box, "", None, 9)] for box in self.store.counts()}
        self.assertEqual(boxes, {"inbox": [three, one], "spam": [two], "marked": [three], "all": [3, 2, 1]})
        self.assertEqual(self.store.counts(), {"inbox": 2, "spam": 1, "marked": 1, "all": 3})
        self.assertEqual((self.store.clear([two], NOW), self.store.flag([one, two], "by hand")), (1, 2))
        self.assertEqual(self.store.counts()["spam"], 2)

    def test_pages(self) -> None:
        """Older ones follow by number."""
        self.add(*(draft(n) for n in range(5)))
        self.assertEqual([e.id for e in self.store.page("inbox", "", None, 2)], [5, 4])
        self.assertEqual([e.id for e in self.store.page("inbox", "", 4, 9)], [3, 2, 1])

    def test_search(self) -> None:
        """Values and names are found in any case and script; JSON's own signs are not text."""
        self.add(
            Draft((("name", 'Größe "x" \\ 木'),)),
            Draft((("Straße", "a,b"), ("c", "d"))),
            Draft((("e", "f"),)),
        )
        for text, found in (
            ("GRÖSSE", [1]),
            ("größe", [1]),
            ("GRÖßE", [1]),
            ('"X"', [1]),
            ("\\", [1]),
            ("木", [1]),
            ("STRASSE", [2]),
            ("a,b", [2]),
            ('","', []),
            ("[", []),
            ("%", []),
        ):
            ids = [e.id for e in self.store.page("all", text, None, 9)]
            self.assertEqual(ids, found, text)


class GoneTests(StoreCase):
    """What is deleted leaves no bytes."""

    def test_deleted(self) -> None:
        """By number, by one person's value, and by age: not in the file, its log, or free pages."""
        self.add(*(Draft((("email", f"SECRETMARK{n}@example.org"), ("text", "z" * 3000))) for n in range(40)))
        self.add(Draft((("email", "kept@example.org"),)), now=NOW + 5000)
        self.assertIn(b"SECRETMARK", self.bytes_on_disk())
        self.assertEqual(self.store.count_where("email", "SECRETMARK7@example.org"), 1)
        self.assertEqual(self.store.delete_where("text", "SECRETMARK7@example.org"), (0, []))
        self.assertEqual(self.store.delete_where("email", "SECRETMARK7@example.org"), (1, []))
        self.assertNotIn(b"SECRETMARK7@", self.bytes_on_disk())
        self.assertEqual(self.store.delete([1, 2, 99])[0], 2)
        self.assertEqual(self.store.delete_before(NOW + 1)[0], 37)
        self.assertNotIn(b"SECRETMARK", self.bytes_on_disk())
        self.assertEqual([e.fields[0][1] for e in self.store.after(0, 99)], ["kept@example.org"])
        self.assertEqual(self.store._connection.execute("PRAGMA freelist_count").fetchone(), (0,))

    def test_after_a_reader(self) -> None:
        """Where a reader keeps the log from being cut, the next look does it."""
        self.add(Draft((("email", "SECRETMARK@example.org"),)))
        reader = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entry").fetchall()
        self.store._connection.execute("PRAGMA busy_timeout = 10")
        self.store.delete([1])
        self.assertIn(b"SECRETMARK", self.bytes_on_disk())
        reader.execute("COMMIT")
        self.store.cut_log()
        self.assertNotIn(b"SECRETMARK", self.bytes_on_disk())

    def test_letters_go_too(self) -> None:
        """What was to be told of a deleted answer isn't any more."""
        self.add(draft(), ways=("mail",))
        self.store.delete([1])
        self.assertEqual(self.store.outbox().waiting, 0)


class OutboxTests(StoreCase):
    """What is to be told, in the transaction that keeps it."""

    def test_queued(self) -> None:
        """Each answer by each way, spam not; spam that is none after all then is."""
        self.add(draft(), draft(2, spam="links"), ways=("mail", "webhook"))
        letters, due = self.store.letters("mail", NOW, 9)
        self.assertEqual([(letter.entry.id, letter.tries) for letter in letters if letter.entry], [(1, 0)])
        self.assertIsNone(due)
        self.store.clear([2], NOW, ("mail", "webhook"))
        self.store.clear([2], NOW, ("mail", "webhook"))
        self.assertEqual(self.store.outbox().waiting, 4)

    def test_failed(self) -> None:
        """A failed one is due later; one that was given up waits for somebody who tries again."""
        self.add(draft(), draft(2), ways=("mail",))
        one, two = self.store.letters("mail", NOW, 9)[0]
        self.store.untold(one.id, NOW + 10, "mail: refused")
        self.store.untold(two.id, None, "mail: refused")
        self.assertEqual(self.store.letters("mail", NOW + 5, 9), ([], NOW + 10))
        self.assertEqual(
            [(one.id, 1)], [(it.id, it.tries) for it in self.store.letters("mail", NOW + 10, 9)[0]]
        )
        outbox = self.store.outbox()
        self.assertEqual((outbox.waiting, outbox.given_up, outbox.error), (1, 1, "mail: refused"))
        self.store.tell_again(NOW)
        self.assertEqual(len(self.store.letters("mail", NOW, 9)[0]), 2)
        self.store.told(one.id)
        self.assertEqual(len(self.store.letters("mail", NOW, 9)[0]), 1)


class FileTests(StoreCase):
    """Files that aren't what they should be are refused in one line, and keep every byte."""

    def refused(self, content: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        with self.assertRaises(StoreFault) as caught:
            FormStore(str(path)).close()
        self.assertEqual(path.read_bytes(), content)
        self.assertEqual(sorted(p.name for p in path.parent.glob(f"{path.name}*")), [path.name])
        told = str(caught.exception)
        self.assertNotIn("\n", told)
        return told.replace(str(path), "FILE")

    def test_not_ours(self) -> None:
        """Empty, foreign, newer, cut short, without a schema, no database at all."""
        self.store.close()
        whole = self.path.read_bytes()
        foreign = sqlite3.connect(":memory:")
        foreign.execute("CREATE TABLE a (b)")
        for content, told in (
            (b"", "FILE is empty"),
            (b"some text\n" * 20, "FILE is no store of forms"),
            (foreign.serialize(), "a database of another program"),
            (whole[:60] + b"\0\0\0\x09" + whole[64:], "of a newer netsuite (schema 9, this one reads 1)"),
            (whole[:60] + b"\0\0\0\0" + whole[64:], "is damaged (it has no schema)"),
            (whole[:-100], "is damaged (it is cut short)"),
        ):
            self.assertIn(told, self.refused(content))

    def test_damaged(self) -> None:
        """Whatever page is spoiled: refused with one line, or what can be read of it is an answer."""
        self.add(*(draft(n) for n in range(300)))
        self.store.close()
        whole = self.path.read_bytes()
        rng, refused = Random(8), 0
        for number in range(int(NIGHTLY) * 970 + 30):
            place = rng.randrange(100, len(whole) - 64)
            spoiled = bytearray(whole)
            spoiled[place : place + 64] = rng.randbytes(64)
            path = self.path.with_name(f"spoiled{number}.db")
            path.write_bytes(spoiled)
            try:
                store = FormStore(str(path))
                try:
                    for entry in store.after(0, 1000, "all"):
                        self.assertIsInstance(entry.fields, tuple)
                    store.add([draft()], NOW)
                finally:
                    store.close()
            except StoreFault as fault:
                self.assertNotIn("\n", str(fault))
                refused += 1
            for rest in path.parent.glob(f"{path.name}*"):
                rest.unlink()
        self.assertGreater(refused, 3)

    def test_replaced(self) -> None:
        """A file that was removed or replaced under us is never written to."""
        self.path.unlink()
        with self.assertRaisesRegex(StoreFault, "replaced or removed"):
            self.add(draft())
        new = self.open()
        self.assertEqual(new.counts()["all"], 0)

    def test_a_log_without_its_store(self) -> None:
        """The log of a store that was removed is not played into the new one."""
        self.add(draft())
        log = Path(f"{self.path}-wal").read_bytes()
        self.store.close()
        for path in self.path.parent.iterdir():
            path.unlink()
        Path(f"{self.path}-wal").write_bytes(log)
        self.assertEqual(self.open().counts()["all"], 0)
        self.assertEqual(Path(f"{self.path}-wal.orphan").read_bytes(), log)
