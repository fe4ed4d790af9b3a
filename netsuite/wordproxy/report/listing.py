"""One list in all its forms: a view says its columns and rows once, and is a page, JSON and CSV.

In JSON and CSV every column is there, under its key, never translated.  CSV is RFC 4180 in UTF-8; its first
line is a comment with the coverage, its second has the keys.  A cell that a spreadsheet could take for a
formula begins with ``'`` (OWASP, CSV Injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from netsuite.site.answer import JSON, NO_STORE, Answer
from netsuite.wordproxy.report import wording
from netsuite.wordproxy.store.contract import Coverage, CoverageQuery, Known, Share

CSV = "text/csv; charset=utf-8; header=present"

#: What makes a spreadsheet compute a cell; the last two are cut off by some before they look.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Row = Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column.  ``key``: its name in JSON and CSV, and its heading is the catalogue's ``column.KEY``.

    ``kind``: how a page shows it: word, text, count, share, day, level, site, lang, page or frequency.
    ``link``: where a cell leads.  ``sort``: the list can be sorted by it.  ``shown``: in pages, too.
    ``extra``: left out of a page on a small screen.
    """

    key: str
    get: Callable[[Row], Any]
    kind: str = "text"
    link: Callable[[Row], str | None] | None = None
    sort: bool = False
    shown: bool = True
    extra: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it stands at the right."""
        return self.kind in ("count", "share", "frequency")

    @property
    def classes(self) -> str:
        """Its cells' classes in the style sheet."""
        kind = self.kind if self.kind in ("day", "title") else ""
        return " ".join(filter(None, ("n" * self.is_number, "extra" * self.extra, kind)))


@dataclass(frozen=True, slots=True)
class Listing:
    """What a view found.  ``name``: of its file and, unless ``key`` is another, of the list in JSON."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    coverage: Coverage
    days: CoverageQuery
    filter: dict[str, Any] = field(default_factory=dict)
    total: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  #: what JSON has besides
    key: str = ""

    @property
    def shown(self) -> list[Column]:
        """The columns of a page."""
        return [column for column in self.columns if column.shown]


def as_json(of: Listing) -> Answer:
    """The list for programs (DESIGN §7): keys are only ever added."""
    rows = [{column.key: column.get(row) for column in of.columns} for row in of.rows]
    told = {
        "coverage": share(of.coverage.total),
        "filter": of.filter,
        **({"total": of.total} if of.total else {}),
        **of.more,
        of.key or of.name: rows,
    }
    return Answer(msgspec.json.encode(told) + b"\n", JSON, 200, (NO_STORE,))


def as_csv(of: Listing) -> Answer:
    """The list for spreadsheets, as a file to save."""
    out = io.StringIO()
    out.write(f"# {wording.coverage_line(of.coverage.total, of.days).replace(',', ';')}\r\n")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.key for column in of.columns])
    writer.writerows([[cell(column.get(row)) for column in of.columns] for row in of.rows])
    return Answer(
        out.getvalue().encode("utf-8", "replace"), CSV, 200, (NO_STORE, attachment(f"{of.name}.csv"))
    )


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet computes and no reader stumbles over."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.4f}"
    text = str(value).replace("\x00", "\ufffd")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def attachment(name: str) -> tuple[str, str]:
    """A Content-Disposition that saves the answer under a name of plain letters (RFC 6266 §4.3)."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)[:80]
    return "Content-Disposition", f'attachment; filename="{safe}"'


def share(of: Share) -> dict[str, Any]:
    """Coverage as it stands in every answer."""
    told: dict[str, Any] = {
        "counted": of.counted,
        "unseen": of.unseen,
        "skipped": dict(of.skipped),
        "paused_s": round(of.paused_seconds),
    }
    extra = {"recounted": of.recounted, "ingested": of.ingested, "imported": of.imported}
    return told | {name: n for name, n in extra.items() if n}


def known_share(part: int, whole: int) -> float | None:
    """How much of a whole is known, from 0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None


def known_columns(get: Callable[[Row], Known]) -> list[Column]:
    """The two shares of what is known, by their names."""
    return [
        Column(
            "known_occurrences",
            lambda row: known_share(get(row).known_occurrences, get(row).occurrences),
            "share",
        ),
        Column(
            "known_distinct",
            lambda row: known_share(get(row).known_distinct, get(row).distinct),
            "share",
            extra=True,
        ),
    ]
