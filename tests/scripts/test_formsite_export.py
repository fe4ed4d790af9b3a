"""formsite-export: what it writes, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite.entry import Draft
from netsuite.formsite.store import FormStore
from netsuite.scripts import formsite_export
from tests.formsite.samples import draft
from tests.scripts.tools import inside, records, run

HEAD = "id,when,spam,name,color,flavor"


class ExportTests(SynchronousTestCase):
    """On a store with three answers, one of them spam."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.store = str(self.folder / "answers.db")
        store = FormStore(self.store)
        store.add(
            [draft(1), draft(2, spam="honeypot"), Draft((("name", "=cmd"), ("note", "größe\n,")))],
            1767609224000,
        )
        store.close()

    def ran(self, *options: str) -> tuple[int, str, str]:
        """Exit status, file and complaints, with the result in a file."""
        out = self.folder / "out"
        code, told, errors = inside(formsite_export, "-s", self.store, "-o", str(out), *options)
        self.assertEqual(told if "-j" not in options else "", "")
        return code, out.read_bytes().decode() if out.exists() else "", errors

    def test_example(self) -> None:
        """As the guide shows it, on standard output, from a process."""
        code, told, errors = run("formsite_export", "-s", self.store)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(
            told,
            f"{HEAD},note\n1,2026-01-05T10:33:44Z,,Example 1,blue,vanilla; coffee,\n"
            '3,2026-01-05T10:33:44Z,,\'=cmd,,,"größe\n,"\n',
        )

    def test_options(self) -> None:
        """Spam if asked for, columns apart, a mark, only what is new."""
        rows = list(csv.reader(self.ran("--spam", "--split", "--since", "1")[1].splitlines(keepends=True)))
        self.assertEqual(rows[0], ["id", "when", "spam", "name", "color", "flavor", "flavor_2", "note"])
        self.assertEqual([row[0] for row in rows[1:]], ["2", "3"])
        self.assertTrue(self.ran("--bom")[1].startswith("\ufeffid,"))
        self.assertEqual((self.folder / "out").stat().st_mode & 0o777, 0o600)

    def test_json(self) -> None:
        """JSON has every value as it came; with -j the end is told, too."""
        entries = json.loads(self.ran("--format", "json", "--spam")[1])
        self.assertEqual([entry["id"] for entry in entries], [1, 2, 3])
        self.assertEqual(entries[2]["fields"], {"name": ["=cmd"], "note": ["größe\n,"]})
        code, told, _ = inside(formsite_export, "-s", self.store, "-o", str(self.folder / "out"), "-j")
        self.assertEqual((code, records(told)[0]["result"]), (0, {"answers": 2}))

    def test_nothing(self) -> None:
        """No answers: 1, and the head alone, or an empty list."""
        code, content, errors = self.ran("--since", "3")
        self.assertEqual((code, content.strip()), (1, "id,when,spam"))
        self.assertIn("there are no answers", errors)
        self.assertEqual(self.ran("--since", "3", "--format", "json")[:2], (1, "[]\n"))

    def test_files(self) -> None:
        """A store that isn't there, or isn't ours, and a place that can't be written: 12, one line."""
        foreign = self.folder / "foreign.db"
        sqlite3.connect(foreign).execute("CREATE TABLE a (b)").connection.close()
        for options in (
            ("-s", str(self.folder / "none.db")),
            ("-s", str(foreign)),
            ("-s", self.store, "-o", str(self.folder / "no" / "out")),
        ):
            code, told, errors = inside(formsite_export, *options)
            self.assertEqual((code, told, errors.count("\n")), (12, "", 1), errors)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(".")], [])

    def test_usage(self) -> None:
        """What is no option, or can't go together: 2."""
        for options in (("--format", "xml"), ("--since", "x"), ("-j",), ("--nothing",)):
            self.assertEqual(inside(formsite_export, "-s", self.store, *options)[0], 2, options)

    def test_beside_the_service(self) -> None:
        """Nothing of the store is changed, and a writer isn't kept from writing."""
        store = FormStore(self.store)
        self.addCleanup(store.close)
        store.add([draft(9)], 0)
        before = (os.stat(self.store).st_size, os.stat(f"{self.store}-wal").st_size)
        self.assertEqual(len(self.ran()[1].splitlines()), 5)
        self.assertEqual((os.stat(self.store).st_size, os.stat(f"{self.store}-wal").st_size), before)
        store.add([draft(10)], 0)
