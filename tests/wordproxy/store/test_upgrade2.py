"""A store of schema 2 becomes one of ours, in place: it had each word's figures in the word's own row."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import figures, file
from netsuite.wordproxy.store.contract import Forget, WordQuery
from netsuite.wordproxy.store.queries import plain
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import DAY, batch, folder, page
from tests.wordproxy.store.test_sums import answers

NOW = 1767607200.0
TODAY = date.fromtimestamp(NOW)
NEXT = "2026-01-06"
SCHEMA = Path(__file__).with_name("schema2.sql")

Rows = dict[str, list[tuple[object, ...]]]


def fill(store: SqliteStore) -> None:
    """The store has words in several rows of figures, some gone, on two days, with sums and sentences."""
    told = [("tide", "The secret Tide.")]
    for n in range(1, 31, 2):
        words = [f"wört{n}x{m}" for m in range(20)]
        store.add(
            batch(
                page(n, "Tide", "tide", *words, path=str(n % 7), day=NEXT, contexts=told, names=["tide"]),
                page(
                    n + 1,
                    "été",
                    *words[:9],
                    ("menu", "menu", 0, 300),
                    path=str(n),
                    host="sea.example",
                    lang="fr",
                ),
            )
        )
    store.forget(Forget(word="wört3x4", lang="en"))
    while store.renew():
        pass


def make_old(path: str) -> Rows:
    """A store of schema 2 with this content; the rows that it has in our schema."""
    with closing(SqliteStore(":memory:", clock=lambda: NOW)) as made:
        fill(made)
        run = made._connection.execute
        rows: Rows = {name: run(f"SELECT * FROM {name}").fetchall() for name in file.tables()}
        words = []
        for number, key, lang, _ in rows["word"]:
            assert isinstance(number, int)
            its = figures.one(made._connection, number)
            words.append((number, key, lang, plain(str(key)), *its))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        about = f"PRAGMA application_id = {file.APPLICATION_ID}; PRAGMA user_version = 2"
        connection.executescript(
            f"BEGIN; {SCHEMA.read_text('utf-8')} DELETE FROM generation; {about}; COMMIT;"
        )
        connection.execute("PRAGMA journal_mode = WAL")
        for table, values in {**rows, "word": words}.items():
            if values and table != "figure":
                marks = ", ".join("?" * len(values[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
    return rows


class UpgradeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = str(self.folder / "words.db")
        self.rows = make_old(self.path)
        self.copy = Path(f"{self.path}.schema2.{TODAY}")

    def open(self) -> SqliteStore:
        store = SqliteStore(self.path, clock=lambda: NOW)
        self.addCleanup(store.close)
        return store

    def test_all_is_there(self) -> None:
        """Each row of each table is as if our code had written it; no page of the file is free."""
        store = self.open()
        run = store._connection.execute
        for table, rows in self.rows.items():
            self.assertEqual(sorted(run(f"SELECT * FROM {table}").fetchall()), sorted(rows), table)
        self.assertGreater(len(self.rows["figure"]), 2)
        (widths,) = run("SELECT count(DISTINCT length(sums)) FROM figure").fetchone()
        self.assertEqual(widths, 2)
        self.assertEqual(run("PRAGMA user_version").fetchone(), (file.SCHEMA,))
        self.assertEqual(run("PRAGMA freelist_count").fetchone(), (0,))
        self.assertEqual(run("PRAGMA integrity_check").fetchone(), ("ok",))

    def test_answers(self) -> None:
        """It answers as a store that always had our schema, also after more was counted and forgotten."""
        with closing(SqliteStore(":memory:", clock=lambda: NOW)) as other:
            fill(other)
            stores = self.open(), other
            asked = WordQuery(names=False), WordQuery(q="ete"), WordQuery(q="w*t1*", sort="first")
            for then in (
                lambda store: None,
                lambda store: store.add(batch(page(99, "tide", "new", day="2025-12-31"))),
                lambda store: store.forget(Forget(day=NEXT)),
                lambda store: store.set_site_lang("sea.example", "en"),
            ):
                for store in stores:
                    then(store)
                self.assertEqual(*(answers(store, *asked) for store in stores))

    def test_the_copy(self) -> None:
        """The copy beside it is the old store; retention takes from it what it takes, forgetting all."""
        store = self.open()
        with closing(sqlite3.connect(self.copy)) as copy:
            self.assertEqual(copy.execute("PRAGMA user_version").fetchone(), (2,))
            self.assertEqual(copy.execute("SELECT max(main + other) FROM word").fetchone(), (4500,))
        self.assertIn(b"secret", self.copy.read_bytes())
        store.retain("2026-02-01")
        for mark in (b"secret", b"A title", b"sea.example/"):
            self.assertNotIn(mark, self.copy.read_bytes())
        store.forget(Forget(word="tide", lang="en"))
        self.assertFalse(self.copy.exists())

    def test_a_restored_copy(self) -> None:
        """A copy that is put in the store's place is upgraded again, retained or not."""
        store = self.open()
        before = store.words(WordQuery(day=DAY))
        store.retain("2026-01-06")
        store.close()
        os.replace(self.copy, self.path)
        self.assertEqual(self.open().words(WordQuery(day=DAY)).words, before.words)
