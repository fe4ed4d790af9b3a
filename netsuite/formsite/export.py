"""Entries as CSV for spreadsheets and as JSON for programs: every value, in its order, never cut.

CSV is RFC 4180 in UTF-8: the columns are ``id,when,spam`` and one for each field, in the order in which the
fields first came; several values are joined by ``; ``, or have columns of their own (``color``, ``color_2``).
A cell that a spreadsheet could take for a formula begins with ``'`` (OWASP, CSV Injection); a plain number,
negative ones too, is left as it is.  JSON has it all as it came.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from netsuite.formsite.entry import Entry, grouped

#: What joins the values of a field in one cell.
JOINED = "; "

#: The byte order mark by which some spreadsheets know UTF-8.
BOM = b"\xef\xbb\xbf"

#: Most columns of fields; what comes with further names stands in one last column, each by its name.
COLUMNS_MAX = 2000

#: Columns of every entry.
OWN = ("id", "when", "spam")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


@dataclass(slots=True)
class Columns:
    """The fields of all entries that were looked at, and how many values each had at most."""

    most: dict[str, int] = field(default_factory=dict)
    has_more: bool = False

    def look(self, entries: Iterable[Entry]) -> None:
        """These are among them."""
        for entry in entries:
            for name, values in _cells(entry):
                if name in self.most or len(self.most) < COLUMNS_MAX:
                    self.most[name] = max(self.most.get(name, 0), len(values))
                else:
                    self.has_more = True


class Table:
    """Writes rows under columns.  ``split``: each value of a field has a column of its own."""

    def __init__(self, columns: Columns, *, split: bool = False) -> None:
        self._most = {name: most if split else 1 for name, most in columns.most.items()}
        self._split, self._has_more = split, columns.has_more

    def head(self) -> bytes:
        """The row of names: names that are there already get a number."""
        names: list[str] = list(OWN)
        for name, most in self._most.items():
            for number in range(1, most + 1):
                names.append(_free(name if number == 1 else f"{name}_{number}", names))
        if self._has_more:
            names.append(_free("more", names))
        return _row(cell(name) for name in names)

    def rows(self, entries: Iterable[Entry]) -> bytes:
        """The rows of some entries."""
        return b"".join(_row(self._cells_of(entry)) for entry in entries)

    def _cells_of(self, entry: Entry) -> Iterator[str]:
        yield from (str(entry.id), entry.when, entry.spam)
        values = dict(_cells(entry))
        for name, most in self._most.items():
            own = values.get(name, [])
            if not self._split:
                own = [JOINED.join(own)]
            yield from (cell(value) for value in own)
            yield from [""] * (most - len(own))
        if self._has_more:
            more = [f"{name}={JOINED.join(own)}" for name, own in values.items() if name not in self._most]
            yield cell("\n".join(more))


def cell(text: str) -> str:
    """A text as a cell that no spreadsheet computes."""
    text = text.replace("\0", "\ufffd")
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def plain(entry: Entry) -> dict[str, object]:
    """The entry as it is told in JSON: keys are only ever added."""
    told: dict[str, object] = {
        "id": entry.id,
        "when": entry.when,
        "spam": entry.spam or None,
        "marked": entry.marked,
        "origin": entry.origin or None,
        "fields": dict(grouped(entry.fields)),
    }
    if entry.files:
        told["files"] = [
            {
                "field": file.field,
                "name": file.name,
                "type": file.kind,
                "bytes": file.size,
                "stored": file.stored,
            }
            for file in entry.files
        ]
    return told


def as_json(entry: Entry) -> bytes:
    """The same as JSON, in one line."""
    return msgspec.json.encode(plain(entry))


def _cells(entry: Entry) -> list[tuple[str, list[str]]]:
    """An entry's fields with their values; files are there by the names that their senders gave them."""
    return grouped((*entry.fields, *((file.field, file.name) for file in entry.files)))


def _free(name: str, names: list[str]) -> str:
    number, free = 2, name
    while free in names:
        free, number = f"{name} ({number})", number + 1
    return free


def _row(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(list(cells))
    return out.getvalue().encode("utf-8", "replace")
