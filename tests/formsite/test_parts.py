"""Forms from TOML, stamps, spam, tables: the parts that need no site."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite import export, spam
from netsuite.formsite import form as forms
from netsuite.formsite.entry import Entry
from netsuite.formsite.export import Columns, Table, cell
from netsuite.formsite.form import Field, Form, check
from netsuite.formsite.spam import Rates, Rules
from netsuite.formsite.stamp import GOOD_SECONDS, Stamps

FORM = """
title = "Sign up"
submit = "Go"
lang = "de"
[[field]]
name = "email"
label = "Mail"
kind = "email"
required = true
[[field]]
name = "size"
kind = "select"
options = ["S", ["M", "Medium"]]
[[field]]
name = "age"
kind = "number"
min = 18
max = 99.5
[[field]]
name = "from"
kind = "date"
min = "2026-01-01"
"""


class FileTests(SynchronousTestCase):
    """A form's TOML file."""

    def read(self, text: str) -> Form:
        path = Path(self.mktemp())
        path.write_text(text)
        return forms.read(str(path))

    def test_read(self) -> None:
        """All of it is understood."""
        form = self.read(FORM)
        self.assertEqual((form.title, form.submit, form.lang), ("Sign up", "Go", "de"))
        self.assertEqual(form.fields[1].choices, [("S", "S"), ("M", "Medium")])
        self.assertEqual(form.address, form.fields[0])

    def test_faults(self) -> None:
        """What a form can't be is told in one line, with its place."""
        for text, told in (
            ("title = ", "Invalid value"),
            ('title = "a"\nfield = []', "1 to 200 fields"),
            ("[[field]]\nname = 'a'", "missing required field `title`"),
            (FORM + 'kin = "x"', "unknown field `kin` - at `$.field[3]`"),
            (
                FORM + '[[field]]\nname = "b"\nkind = "colour"',
                "Invalid enum value 'colour' - at `$.field[4].kind`",
            ),
            (FORM + '[[field]]\nname = "b"\nkind = "radio"', "field 'b': radio, select"),
            (FORM + '[[field]]\nname = "b"\noptions = ["x"]', "field 'b': radio, select"),
            (FORM + '[[field]]\nname = "email"', "field 'email' is there twice"),
            (FORM + '[[field]]\nname = "_next"', "doesn't begin with _"),
            (FORM + '[[field]]\nname = "n"\nkind = "number"\nmin = "x"', "'x' is no limit for a number"),
            ('title = "a"\nlang = "<b>"\n[[field]]\nname = "a"', "is no language tag"),
            ("x" * (forms.FILE_MAX + 1), "longer than"),
        ):
            with self.assertRaises(ValueError) as caught:
                self.read(text)
            self.assertIn(told, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))


class CheckTests(SynchronousTestCase):
    """What may be answered."""

    def faults(self, field: Field, *values: str) -> list[str]:
        found = check(Form("t", (field,)), tuple((field.name, value) for value in values))
        return [fault.key for fault in found.values()]

    def test_kinds(self) -> None:
        """Each kind takes what browsers would, and nothing else."""
        for kind, good, bad in (
            ("email", ("a@b", "a.b+c@x-y.example"), ("a", "a@", "@b", "a b@c", "a@b@c", "a@b..c", "a@b\nc")),
            (
                "url",
                ("https://x.example/?q", "mailto:a@b"),
                ("x.example", "https://", "https://a b", "http://[x"),
            ),
            ("number", ("1", "-1.5", "1e3"), ("x", "nan", "inf", "1_0", "1,5", "9" * 50)),
            ("date", ("2026-01-31",), ("2026-02-30", "31.1.2026", "20260131")),
            ("time", ("18:30", "18:30:59"), ("24:00", "6", "18:30Z")),
        ):
            field = Field("f", kind=kind)  # type: ignore[arg-type]
            for value in good:
                self.assertEqual(self.faults(field, value), [], value)
            for value in bad:
                self.assertEqual(self.faults(field, value), [f"fault.{kind}"], value)
            self.assertEqual(self.faults(field, ""), [])

    def test_limits(self) -> None:
        """Lengths, least and most, options, one answer or several."""
        number = Field("f", kind="number", min=18, max=99.5)
        date = Field("f", kind="date", min="2026-01-01", max="2026-12-31")
        several = Field("f", kind="checkbox", options=("a", "b"))
        for field, values, faults in (
            (number, ("17.9",), ["fault.least"]),
            (number, ("99.6",), ["fault.most"]),
            (number, ("99.5",), []),
            (date, ("2025-12-31",), ["fault.least"]),
            (date, ("2027-01-01",), ["fault.most"]),
            (Field("f", max_length=3), ("abcd",), ["fault.long"]),
            (Field("f", min_length=3), ("ab",), ["fault.short"]),
            (Field("f"), ("a", "b"), ["fault.one"]),
            (Field("f", required=True), (" ",), ["fault.required"]),
            (Field("f", required=True), (), ["fault.required"]),
            (several, ("a", "b", "a"), []),
            (several, ("a", "c"), ["fault.option"]),
            (Field("f", kind="consent"), ("no",), ["fault.option"]),
            (Field("f", kind="consent", required=True), ("yes",), []),
        ):
            self.assertEqual(self.faults(field, *values), faults, (field, values))

    @settings(deadline=None, max_examples=60)
    @given(st.sampled_from(["email", "url", "number", "date", "time", "text"]), st.text(max_size=60))
    def test_any_text(self, kind: str, text: str) -> None:
        """Any text is taken or told to be wrong."""
        field = Field("f", kind=kind, min="1" if kind == "number" else "")  # type: ignore[arg-type]
        self.assertLessEqual(len(self.faults(field, text)), 1)


class StampTests(SynchronousTestCase):
    """Stamps are ours, of one form each, and good for a day."""

    def test_known_again(self) -> None:
        """A stamp comes back with its key and age; two have unlike keys."""
        now = [1000.0]
        stamps = Stamps(b"secret", lambda: now[0])
        one, two = stamps.issue(), stamps.issue()
        now[0] += 12.5
        first, second = stamps.read(one), stamps.read(two)
        assert first is not None
        assert second is not None
        self.assertEqual(first.age, 12.5)
        self.assertNotEqual(first.key, second.key)
        now[0] += GOOD_SECONDS
        self.assertIsNone(stamps.read(one))

    def test_forged(self) -> None:
        """Whatever character is another, it is none of ours; nor is that of another secret."""
        stamps = Stamps(b"secret", lambda: 1000.0)
        stamp = stamps.issue()
        for place in range(len(stamp)):
            other = "0" if stamp[place] != "0" else "1"
            self.assertIsNone(stamps.read(stamp[:place] + other + stamp[place + 1 :]), place)
        self.assertIsNone(Stamps(b"other", lambda: 1000.0).read(stamp))
        for text in ("", ".", "..", stamp + "\n", "x" * 1000, stamp.upper()):
            self.assertIsNone(stamps.read(text))


class SpamTests(SynchronousTestCase):
    """What is flagged, and what isn't."""

    def test_reasons(self) -> None:
        """One reason each, the strongest first; each rule can be off."""
        rules = Rules("trap", 2.0, 1, 3)
        text = (("a", "http://x www.y"),)
        for trap, age, fields, count, reason in (
            ("x", 0.1, text, 9, spam.HONEYPOT),
            (" ", 1.9, text, 9, spam.TOO_FAST),
            ("", None, text, 9, spam.LINKS),
            ("", 2.0, (), 4, spam.RATE),
            ("", None, (("a", "http://x"),), 3, ""),
        ):
            found = spam.judge(rules, trap=trap, fields=fields, age=age, in_minute=count)
            self.assertEqual(found, reason)
        off = Rules("", 0, 0, 0)
        self.assertEqual(spam.judge(off, trap="", fields=text * 99, age=0.0, in_minute=999), "")

    def test_rates(self) -> None:
        """Each client has its own count, for a minute; a flood of clients takes no more memory."""
        now = [0.0]
        rates = Rates(lambda: now[0])
        self.assertEqual([rates.count("a"), rates.count("b"), rates.count("a")], [1, 1, 2])
        for number in range(spam.CLIENTS_MAX + 100):
            rates.count(f"c{number}")
        self.assertLessEqual(len(rates._counted), spam.CLIENTS_MAX + 1)
        now[0] = 60.0
        self.assertEqual(rates.count("a"), 1)


class TableTests(SynchronousTestCase):
    """CSV that spreadsheets read and don't compute."""

    def table(self, *entries: Entry, split: bool = False) -> list[list[str]]:
        columns = Columns()
        columns.look(entries)
        table = Table(columns, split=split)
        text = (table.head() + table.rows(entries)).decode()
        return list(csv.reader(io.StringIO(text, newline="")))

    def entry(self, *fields: tuple[str, str], number: int = 1) -> Entry:
        return Entry(number, 1767609224000, "", False, "", fields)

    def test_columns(self) -> None:
        """A column a field in the order of their coming; several values joined, or each in its own."""
        one = self.entry(("b", "1"), ("a", "2"), ("b", "3"))
        two = self.entry(("c", "x\ny"), ("a", ""), ("id", "mine"), number=2)
        self.assertEqual(
            self.table(one, two),
            [
                ["id", "when", "spam", "b", "a", "c", "id (2)"],
                ["1", "2026-01-05T10:33:44Z", "", "1; 3", "2", "", ""],
                ["2", "2026-01-05T10:33:44Z", "", "", "", "x\ny", "mine"],
            ],
        )
        self.assertEqual(self.table(one, split=True)[0], ["id", "when", "spam", "b", "b_2", "a"])
        self.assertEqual(self.table(one, split=True)[1][3:], ["1", "3", "2"])

    def test_too_many_columns(self) -> None:
        """Past a bound nothing is left out: what has no column of its own stands in a last one, by name."""
        self.patch(export, "COLUMNS_MAX", 2)
        one, two = (
            self.entry(("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")),
            self.entry(("more", "5"), ("a", "6")),
        )
        self.assertEqual(
            [row[3:] for row in self.table(one, two)],
            [["a", "b", "more"], ["1", "2", "c=3; 4"], ["6", "", "more=5"]],
        )

    def test_formulas(self) -> None:
        """No cell and no heading begins like a formula; plain numbers stay numbers."""
        for text, shown in (
            ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
            ("+49 30 1", "'+49 30 1"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("-5", "-5"),
            ("+1,5", "+1,5"),
            ("a=1", "a=1"),
            ("", ""),
        ):
            self.assertEqual(cell(text), shown)
        self.assertEqual(self.table(self.entry(("=x", "=y")))[1][3], "'=y")
        self.assertEqual(self.table(self.entry(("=x", "=y")))[0][3], "'=x")

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=12)), max_size=5), max_size=4))
    def test_any(self, answers: list[list[tuple[str, str]]]) -> None:
        """Whatever was answered, every row has every column, and each value is in it."""
        entries = [self.entry(*fields, number=n) for n, fields in enumerate(answers, 1)]
        rows = self.table(*entries, split=True)
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.assertEqual(len(rows), len(entries) + 1)
        for row, entry in zip(rows[1:], entries, strict=True):
            for _, value in entry.fields:
                self.assertIn(cell(value).replace("\0", "\ufffd"), row[3:])
