"""formsite-export: the answers that a form site kept, as CSV or JSON; the service may run meanwhile.

The store is only read, and in slices, so that a large one costs neither memory nor a long transaction.  A
file is written under another name first, and put into its place when it is whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, NoReturn

from twisted.python import usage

from netsuite import durable
from netsuite.formsite import export
from netsuite.formsite.entry import Entry
from netsuite.formsite.export import Columns, Table
from netsuite.formsite.store import FormStore
from netsuite.manual.kind import FILE, NUMBER, Kind, one_of
from netsuite.outcome import Outcome
from netsuite.scripts.running import NoOutput, ToolOptions, start
from netsuite.statefolder import state_folder

#: Entries that are read at a time.
SLICE = 500


class Options(ToolOptions):
    """The command line of formsite-export."""

    tool = "formsite-export"
    synopsis = "Usage: formsite-export [options]"
    longdesc = (
        "Write the answers that formsite kept, spam left out unless asked for.  "
        "Exit status: 0 done, 1 no answers, 2 usage, 12 the store or a file can't be used."
    )
    examples = """Examples:
  formsite-export -s answers.db
      a table on standard output
  formsite-export -s answers.db --bom -o answers.csv      for a spreadsheet
  formsite-export -s answers.db --format json --since 41
      what came after number 41"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["store", "s", None, "File that formsite keeps answers in (forms.db in the state folder)."],
        ["output", "o", None, "File to write (standard output)."],
        ["format", None, "csv", "What is written: csv or json."],
        ["since", None, "0", "Only answers with a higher number."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["spam", None, "Spam, too."],
        ["split", None, "A column for each value of a field, where there are several."],
        ["bom", None, "Begin with a mark by which spreadsheets know UTF-8."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "store": FILE,
        "output": FILE,
        "format": one_of("FORMAT", "csv", "json"),
        "since": NUMBER,
    }

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if self["format"] not in ("csv", "json"):
            raise usage.UsageError("--format is csv or json")
        if not self["since"].isdecimal() or len(self["since"]) > 15:
            raise usage.UsageError(f"--since: {self['since'][:40]!r} is no number of an answer")
        if self["json"] and not self["output"]:
            raise usage.UsageError("--json is for how it ended: the answers need --output FILE then")
        try:
            path = self["store"] or os.path.join(state_folder(os.environ), "forms.db")
        except ValueError as error:
            raise usage.UsageError(str(error)) from None
        self["store"] = os.path.abspath(path)
        self.target = {"store": self["store"]}


async def main(reactor: Any, options: Options) -> Outcome:
    """Write the answers."""
    store = FormStore(options["store"], read_only=True)
    try:
        with _output(options["output"]) as out:
            count = write(store, out, options)
    finally:
        store.close()
    if not count:
        return Outcome.failed("no", "there are no answers", result={"answers": 0})
    return Outcome.done(answers=count)


def write(store: FormStore, out: BinaryIO, options: Options) -> int:
    """All entries that were asked for are written; how many."""
    box, since, upto = "all" if options["spam"] else "inbox", int(options["since"]), store.newest()
    if options["format"] == "json":
        return _write_json(store, out, box, since, upto)
    columns, count = Columns(), 0
    for entries in slices(store, box, since, upto):
        columns.look(entries)
    table = Table(columns, split=bool(options["split"]))
    out.write((export.BOM if options["bom"] else b"") + table.head())
    for entries in slices(store, box, since, upto):
        out.write(table.rows(entries))
        count += len(entries)
    return count


def _write_json(store: FormStore, out: BinaryIO, box: str, since: int, upto: int) -> int:
    count = 0
    for entries in slices(store, box, since, upto):
        begin = b",\n" if count else b"[\n"
        out.write(begin + b",\n".join(export.as_json(entry) for entry in entries))
        count += len(entries)
    out.write(b"\n]\n" if count else b"[]\n")
    return count


def slices(store: FormStore, box: str, since: int, upto: int) -> Iterator[list[Entry]]:
    """Yield the entries of a box between two numbers."""
    while entries := store.after(since, SLICE, box, upto):
        yield entries
        since = entries[-1].id


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[BinaryIO]:
    """Where to write.  Raises: OSError; then no file is left in place."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            raise NoOutput(error.errno, error.strerror) from None
        return
    folder, name = os.path.split(os.path.abspath(path))
    draft = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)
        durable.sync_folder(folder)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
