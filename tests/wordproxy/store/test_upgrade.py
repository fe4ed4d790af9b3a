"""A store of schema 1 becomes one of ours, in place, after a backup copy was made."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from datetime import date
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import file, rebuilding, upgrade
from netsuite.wordproxy.store.contract import (
    CoverageQuery,
    Forget,
    Note,
    PageQuery,
    StoreFault,
    Total,
    WordQuery,
)
from netsuite.wordproxy.store.queries import day_number
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import DAY, batch, digest, folder, page, revisit

NOW = 1767607200.0
TODAY = date.fromtimestamp(NOW)
NEXT = "2026-01-06"
SCHEMA = Path(__file__).with_name("schema1.sql")


def make_old(path: str) -> None:
    """A store as the version before made it: three pages, one of them on two days, and what was skipped.

    By day and word: tide 2+1 and 1 in main text, 2 in boilerplate; boat 4 on two pages of the first day; menu
    in boilerplate only; the form Tide twice.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    about = f"PRAGMA application_id = {file.APPLICATION_ID}; PRAGMA user_version = 1"
    connection.executescript(f"BEGIN; {SCHEMA.read_text('utf-8')} {about}; COMMIT;")
    connection.execute("PRAGMA journal_mode = WAL")
    one, two = day_number(DAY), day_number(NEXT)
    url = "http://news.example/"
    rows: dict[str, list[tuple[object, ...]]] = {
        "node": [("old", 4, int(NOW))],
        "site": [(1, "news.example")],
        "word": [
            (1, "tide", "en", "tide", 4, 2, 2, 2, one, two),
            (2, "boat", "en", "boat", 4, 0, 2, 2, one, one),
            (3, "menu", "en", "menu", 0, 3, 0, 1, one, one),
        ],
        "form": [(1, "Tide", 2), (1, "tide", 4), (2, "boat", 4), (3, "menu", 3)],
        "page": [
            (1, digest("a", "news.example"), "en", 1, url + "a", "Tides", one, two, int(NOW), 3),
            (2, digest("b", "news.example"), "en", 1, url + "b", None, one, one, int(NOW), 1),
        ],
        "visit": [(1, one, 2), (1, two, 1), (2, one, 1)],
        "met": [
            (1, 1, one, 1),
            (1, 1, two, 1),
            (1, 2, one, 1),
            (2, 1, one, 1),
            (2, 2, one, 1),
            (2, 3, one, 0),
        ],
        "tally": [
            (1, one, 1, 3, 2, 2, 2, 2, 2),
            (1, one, 2, 4, 0, 2, 2, 2, 2),
            (1, one, 3, 0, 3, 0, 1, 0, 1),
            (1, two, 1, 1, 0, 1, 1, 0, 0),
        ],
        "reading": [(1, one, "en", 3, 2, 2), (1, two, "en", 1, 1, 0)],
        "coverage": [(one, "news.example", "counted", 3.0), (two, "news.example", "counted", 1.0)],
    }
    for table, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
    connection.close()


class UpgradeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = str(self.folder / "words.db")
        make_old(self.path)
        self.copy = Path(f"{self.path}.schema1.{TODAY}")

    def open(self, now: float = NOW, *, read_only: bool = False) -> SqliteStore:
        store = SqliteStore(self.path, clock=lambda: now, read_only=read_only)
        self.addCleanup(store.close)
        return store

    def schema(self, path: object) -> int:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        finally:
            connection.close()
        self.assertEqual(verdict, "ok")
        return int(schema)

    def test_all_is_there(self) -> None:
        """What the old store knew the new one tells, and counts on from there."""
        store = self.open()
        self.assertEqual(store.words(WordQuery()).total, Total(8, 2, 2))
        self.assertEqual(store.words(WordQuery(everything=True)).total, Total(13, 3, 2))
        self.assertEqual(store.words(WordQuery(from_=DAY, to=NEXT)).words[0].pages, 2)
        facts = store.word("tide", "en")
        assert facts is not None
        self.assertEqual((facts.forms, facts.other_occurrences), ([("tide", 4), ("Tide", 2)], 2))
        self.assertEqual(store.coverage(CoverageQuery()).total.counted, 4)
        rows = [(row.url, row.title, row.visits) for row in store.pages(PageQuery()).pages]
        self.assertEqual(rows, [("http://news.example/a", "Tides", 3), ("http://news.example/b", None, 1)])
        store.add(batch(page(4, "tide"), page(5, "tide", day=NEXT), Note(6, DAY, "x", "unseen"), node="old"))
        self.assertEqual(store.words(WordQuery(q="tide")).total, Total(5, 1, 2))
        self.assertEqual(self.schema(self.path), file.SCHEMA)

    def test_counted_again(self) -> None:
        """A page that was met before the upgrade and has not changed since is counted again."""
        store = self.open()
        store.add(batch(revisit(9, path="b", day=NEXT)))
        self.assertEqual(store.coverage(CoverageQuery()).total.recounted, 1)
        self.assertEqual([w.word for w in store.words(WordQuery(day=NEXT)).words], ["boat", "tide"])

    def test_forgotten(self) -> None:
        """What was read before the upgrade can be forgotten: page after page until nothing is left."""
        store = self.open()
        store.forget(Forget(page=f"{digest('b', 'news.example').hex()}:en"))
        total = store.words(WordQuery(everything=True)).total
        self.assertEqual((total.distinct, total.pages), (2, 1))
        self.assertTrue(0 < total.occurrences < 13)
        store.forget(Forget(page=f"{digest('a', 'news.example').hex()}:en"))
        self.assertEqual(store.words(WordQuery(everything=True)).total, Total())
        self.assertEqual(store.status().words, 0)
        self.assertEqual(store.coverage(CoverageQuery()).total.counted, 0)

    def test_the_copy(self) -> None:
        """The copy beside it is the old store, whole and private."""
        self.open()
        self.assertEqual(self.schema(self.copy), 1)
        self.assertEqual(stat.S_IMODE(self.copy.stat().st_mode), 0o600)
        connection = sqlite3.connect(self.copy)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT sum(main + other) FROM word").fetchone(), (13,))

    def test_the_copy_has_what_was_still_in_the_log(self) -> None:
        """What a kill left in the old store's log is in the copy and in the new store."""
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        connection.execute("UPDATE coverage SET amount = 7")
        connection.commit()
        self.assertEqual(self.open().coverage(CoverageQuery()).total.counted, 14)
        other = sqlite3.connect(self.copy)
        self.addCleanup(other.close)
        self.assertEqual(other.execute("SELECT sum(amount) FROM coverage").fetchone(), (14,))

    def test_copies_go_after_a_week(self) -> None:
        """A copy is there for seven days, and gone at the next start or retention after it."""
        self.open()
        week = upgrade.KEEP_DAYS * 86400
        self.open(NOW + week)
        self.assertTrue(self.copy.exists())
        store = self.open(NOW + week + 86400)
        self.assertFalse(self.copy.exists())
        self.copy.write_bytes(b"")
        store.retain("2000-01-01")
        self.assertFalse(self.copy.exists())

    def test_retention_reaches_the_copy(self) -> None:
        """Addresses that retention removes are in no byte of the copy, which stays a whole old store."""
        self.open().retain("2026-02-01")
        self.assertNotIn(b"Tides", self.copy.read_bytes())
        self.assertNotIn(b"news.example/", self.copy.read_bytes())
        self.assertEqual(self.schema(self.copy), 1)

    def test_forgetting_removes_the_copy(self) -> None:
        """After something is forgotten no copy is there that may have it."""
        self.open().forget(Forget(word="boat", lang="en"))
        self.assertEqual([name for name in os.listdir(self.folder) if "schema" in name], [])

    def test_killed_before_the_change(self) -> None:
        """Whatever a kill leaves before the change is done, the next start upgrades the old store."""
        Path(f"{self.copy}.draft").write_bytes(b"SQLite for")
        with mock.patch.object(rebuilding, "rebuild", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, self.open)
        self.assertEqual(self.schema(self.path), 1)
        self.assertEqual(self.open().words(WordQuery()).total, Total(8, 2, 2))
        self.assertEqual([n for n in os.listdir(self.folder) if n.endswith(".draft")], [])

    def test_a_restored_copy(self) -> None:
        """A copy that is put in the store's place is an old store like any other."""
        self.open().close()
        os.replace(self.copy, self.path)
        self.assertEqual(self.open().words(WordQuery()).total, Total(8, 2, 2))

    def test_no_room(self) -> None:
        """Without room for the copy the store is refused in one line, and nothing has changed."""
        before = Path(self.path).read_bytes()
        for error in (
            OSError(28, "No space left on device"),
            sqlite3.OperationalError("database or disk is full"),
        ):
            with mock.patch.object(os, "fsync", side_effect=error):
                fault = self.assertRaises(StoreFault, self.open)
            self.assertNotIn("\n", str(fault))
            self.assertIn(self.path, str(fault))
        self.assertEqual(Path(self.path).read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), ["words.db"])

    def test_no_room_for_the_change(self) -> None:
        """Without room for the change itself, too; the copy is gone again."""
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL  # type: ignore[attr-defined]
        with mock.patch.object(rebuilding, "rebuild", side_effect=full):
            self.assertIn("no room", str(self.assertRaises(StoreFault, self.open)))
        self.assertEqual(self.schema(self.path), 1)
        self.assertFalse(self.copy.exists())

    def test_two_that_start_at_once(self) -> None:
        """Of some that start at once one upgrades the store, the others find it done; one copy is made."""
        faults: list[BaseException] = []

        def start() -> None:
            try:
                SqliteStore(self.path, clock=lambda: NOW).close()
            except BaseException as error:  # told below
                faults.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(self.open().words(WordQuery()).total, Total(8, 2, 2))
        self.assertEqual([n for n in os.listdir(self.folder) if "schema" in n], [self.copy.name])

    def test_other_tables(self) -> None:
        """A store that says schema 1 and has other tables is damaged; nothing has changed."""
        connection = sqlite3.connect(self.path)
        connection.execute("ALTER TABLE met DROP COLUMN main")
        connection.close()
        self.assertIn("is damaged", str(self.assertRaises(StoreFault, self.open)))
        self.assertEqual(self.schema(self.path), 1)

    def test_read_only(self) -> None:
        """Who may not write doesn't upgrade, and says what does."""
        self.assertIn("start wordproxy once", str(self.assertRaises(StoreFault, self.open, read_only=True)))
        self.assertEqual(self.schema(self.path), 1)

    def test_the_old_version_is_kept_out(self) -> None:
        """A process of the version before that still has the store open can't write into the new tables."""
        old = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(old.close)
        old.execute("SELECT count(*) FROM word").fetchone()
        self.open()
        with self.assertRaises(sqlite3.Error):
            old.execute("INSERT INTO met (page, word, day, main) VALUES (9, 9, 9, 1)")

    def test_many_pages(self) -> None:
        """More pages than are read at a time, and words on all of them."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        one = day_number(DAY)
        many = range(10, 10 + 3 * rebuilding._PAGES)
        connection.execute("BEGIN")
        for n in many:
            connection.execute(
                "INSERT INTO page VALUES (?, ?, 'en', 1, NULL, NULL, ?, ?, 0, 1)", (n, b"%16d" % n, one, one)
            )
            connection.execute("INSERT INTO visit VALUES (?, ?, 1)", (n, one))
            connection.execute("INSERT INTO met VALUES (?, 2, ?, 1)", (n, one))
        connection.execute(
            "UPDATE tally SET main = main + 7 * ?, pages = pages + ? WHERE word = 2", (len(many),) * 2
        )
        connection.execute("UPDATE tally SET all_pages = pages, new = pages, all_new = pages WHERE word = 2")
        connection.execute(
            "UPDATE word SET main = main + 7 * ?, pages = pages + ? WHERE id = 2", (len(many),) * 2
        )
        connection.execute("UPDATE word SET all_pages = pages WHERE id = 2")
        connection.execute("UPDATE form SET n = n + 7 * ? WHERE word = 2", (len(many),))
        connection.execute(
            "UPDATE reading SET pages = pages + ?, new = pages WHERE day = ?", (len(many), one)
        )
        connection.execute("COMMIT")
        connection.close()
        store = self.open()
        boat = store.word("boat", "en")
        assert boat is not None
        self.assertEqual((boat.word.occurrences, boat.word.pages), (4 + 7 * len(many), 2 + len(many)))
        for n in many:
            store.forget(Forget(page=(b"%16d" % n).hex() + ":en"))
        boat = store.word("boat", "en")
        assert boat is not None
        self.assertEqual(boat.word.pages, 2)
