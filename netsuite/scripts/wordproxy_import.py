"""wordproxy-import: the words of recorded browsing (HAR, WARC) and of texts, and lists of known words.

Pages are judged, described and counted by the code that counts live ones, in a process of its own with the
same limits, and written in the same batches.  A file's records have their numbers in the store (`bring.files`
has the theory), so an import that was interrupted, or is made again, adds nothing twice.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as with_changed
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit

from msgspec.structs import replace
from twisted.internet.task import deferLater
from twisted.python import usage

from netsuite.journal import escaped
from netsuite.manual.kind import BYTES, FILE, HOST_GLOB, LANGUAGE, Kind
from netsuite.outcome import EXITS, Outcome, worst
from netsuite.scripts.running import ToolOptions, start
from netsuite.values import parse_size
from netsuite.wordproxy import place
from netsuite.wordproxy.bring import files, known
from netsuite.wordproxy.bring.clerk import Clerk, Tally
from netsuite.wordproxy.copying import Rules, host_pattern
from netsuite.wordproxy.pipe import Begin
from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.open import open_store, shared_url_key
from netsuite.wordproxy.store.redisurl import is_redis
from netsuite.words import language
from netsuite.words.skipped import Reason

#: How the counter works, as the service's defaults have it: bytes, seconds.
COUNTER_MEMORY = 1024 * 1024 * 1024
PAGE_SECONDS, MAX_RATIO, NICE = 10.0, 200, 5

#: Seconds between two looks of the progress bar, and its width.
BAR_SECONDS, BAR_WIDTH = 0.2, 30

#: Records after which the reactor has its turn.
TURN = 20

#: Records told by number, to people; JSON has more.
FAULTS_SHOWN = 10

#: Reasons that are bounds of ours.
_LIMITS = frozenset((Reason.TOO_LARGE.value, Reason.TOO_SLOW.value, Reason.CRASHED.value))


class Options(ToolOptions):
    """The command line of wordproxy-import."""

    tool = "wordproxy-import"
    synopsis = "Usage: wordproxy-import [options] FILE..."
    longdesc = (
        "Count the words of recorded browsing (.har, .warc, also .gz) and of texts (.txt) into wordproxy's "
        "store, each record once however often it is imported.  "
        "Exit status: 0 counted, 1 nothing to count, 2 usage, 12 file or store, 14 a bound was hit."
    )
    examples = """Examples:
  wordproxy-import browse.har
      into the store in the state folder
  wordproxy-import --dry-run -j crawl.warc.gz
      what would be counted, as JSON
  wordproxy-import -s words.db --only-host '*.example.org' *.warc.gz
  wordproxy-import --known en known.txt anki.tsv      words that you know"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["store", "s", None, "File of the store, or redis://… (words.db in the state folder)."],
        ["known", None, None, "The files are lists of words of this language that you know."],
        ["max-text", None, "8MiB", "Largest page that is counted, in bytes of its text."],
        ["lang-default", None, "und", "Language of pages that don't tell theirs."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["dry-run", "n", "Write nothing; say what would be counted."],
        ["count-no-store", None, "Count pages that ask not to be stored."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "store": FILE,
        "known": LANGUAGE,
        "max-text": BYTES,
        "lang-default": LANGUAGE,
        "ignore-host": HOST_GLOB,
        "only-host": HOST_GLOB,
    }
    operands = (FILE,)

    def __init__(self) -> None:
        super().__init__()
        self.paths: tuple[str, ...] = ()
        self.ignore_hosts: list[str] = []
        self.only_hosts: list[str] = []
        self.max_text = 0
        self.lang = ""

    def opt_ignore_host(self, pattern: str) -> None:
        """Host whose pages are not counted, * allowed. (repeat)"""
        self.ignore_hosts.append(_pattern("ignore-host", pattern))

    def opt_only_host(self, pattern: str) -> None:
        """Count pages of such hosts only, * allowed. (repeat)"""
        self.only_hosts.append(_pattern("only-host", pattern))

    def parseArgs(self, *paths: str) -> None:
        """Take the files."""
        self.paths = paths

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if not self.paths:
            raise usage.UsageError("name a file")
        try:
            self.max_text = parse_size(str(self["max-text"]))
        except ValueError:
            self.max_text = 0
        if not 1024 <= self.max_text <= 1 << 30:
            raise usage.UsageError("--max-text: 1024 to 1073741824 bytes")
        lang = self["known"] if self["known"] is not None else self["lang-default"]
        self.lang = language.of(str(lang), None, "", default="")
        if not self.lang and (self["known"] is not None or lang != "und"):
            raise usage.UsageError(f"{str(lang)[:40]!r} is no language tag; write en or zh")
        if self["known"] is None and (odd := [path for path in self.paths if files.kind_of(path) is None]):
            raise usage.UsageError(f"{odd[0]!r} is none of {', '.join(files.KINDS)}")
        self["store"] = _store(self["store"])


def _pattern(option: str, text: str) -> str:
    try:
        return host_pattern(text)
    except (ValueError, UnicodeError) as error:
        raise usage.UsageError(f"--{option}: {error}") from None


def _store(text: str | None) -> str:
    """Where the store is.  Raises: UsageError."""
    if text == place.MEMORY:
        raise usage.UsageError("a store in memory would be gone at the end; --dry-run writes nothing")
    if text is not None and is_redis(text):
        if urlsplit(text).password is not None:
            raise usage.UsageError("--store: others can read a password here; use ?password-file=")
        return text
    if text is not None:
        return os.path.abspath(os.path.expanduser(text))
    try:
        return os.path.join(place.state_folder(os.environ), "words.db")
    except ValueError as error:
        raise usage.UsageError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Work:
    """What all files of a run share.  ``last``: what the store has of a node already."""

    rules: Rules
    begin: Begin
    last: Callable[[str], int]


async def main(reactor: Any, options: Options) -> Outcome:
    """Import each file, and tell of each."""
    if options["known"] is not None:
        return bring_known(options)
    work = prepare(options)
    exits = []
    for path in options.paths:
        options.results.begin()
        outcome = await bring(reactor, options, work, path)
        tell(options, path, outcome)
        exits.append(outcome.exit)
    bad = [code for code in exits if code not in (0, EXITS["no"])]
    return Outcome(worst(bad) if bad else min(exits))


def prepare(options: Options) -> Work:
    """The store is there and can be written, unless this is a dry run.  Raises: StoreFault, OSError."""
    where, is_dry = options["store"], bool(options["dry-run"])
    is_new = is_dry and (is_redis(where) or not os.path.exists(f"{where}.key"))
    if not is_dry:
        open_store(where).close()
    if is_new:
        url_key = secrets.token_bytes(place.KEY_BYTES)
    elif is_redis(where):
        url_key = shared_url_key(where, secrets.token_bytes(place.KEY_BYTES))
    else:
        url_key = place.url_key(where)

    def last(node: str) -> int:
        if is_new:
            return 0
        store = open_store(where, read_only=is_dry)
        try:
            return store.last(node)
        finally:
            store.close()

    rules = Rules(
        url_key=url_key,
        max_text=options.max_text,
        count_no_store=bool(options["count-no-store"]),
        ignore_hosts=tuple(options.ignore_hosts),
        only_hosts=tuple(options.only_hosts),
    )
    begin = Begin(
        node="",
        store=place.MEMORY if is_dry else where,
        max_text=options.max_text,
        max_ratio=MAX_RATIO,
        default_lang=options.lang or "und",
        memory=COUNTER_MEMORY,
        nice=NICE,
        page_seconds=PAGE_SECONDS,
    )
    return Work(rules, begin, last)


async def bring(reactor: Any, options: Options, work: Work, path: str) -> Outcome:
    """Import one file; return what came of it."""
    try:
        file = files.opened(path, work.rules.url_key)
    except OSError as error:
        return Outcome.failed("local", error.strerror or "can't be read")
    clerk = None
    with file.file:
        try:
            before = work.last(file.node)
            clerk = Clerk(reactor, replace(work.begin, node=file.node), on_trouble=options.results.note)
            clerk.tally.before = before
            clerk.start()
            fault = await feed(reactor, file, work.rules, clerk, Bar(options, path, file.size))
            await clerk.finish()
        except StoreFault as error:
            return Outcome.failed("local", str(error), result=_told(file, clerk, options))
        finally:
            if clerk is not None:
                clerk.stop()
    return judged(fault, file, clerk, options)


async def feed(reactor: Any, file: files.Bringing, rules: Rules, clerk: Clerk, bar: Bar) -> Outcome | None:
    """The file's records were handed over; the outcome that ended it early, if one did.

    Raises: StoreFault.
    """
    fault = None
    try:
        for record in file.records(rules):
            if record.number > clerk.tally.before:
                await clerk.take(record)
            else:
                clerk.tally.records += 1
            if record.number % TURN == 0:
                bar.show(file.read())
                await deferLater(reactor, 0)
    except files.FileFault as error:
        fault = Outcome.failed("local", str(error))
    except files.Bomb:
        fault = Outcome.failed("limit", "it grows too much when decompressed")
    except OSError as error:
        fault = Outcome.failed("local", error.strerror or "can't be read")
    bar.end()
    return fault


def judged(fault: Outcome | None, file: files.Bringing, clerk: Clerk, options: Options) -> Outcome:
    """The outcome of a file that was read to its end, or to its fault."""
    tally, result = clerk.tally, _told(file, clerk, options)
    if fault is not None:
        return with_changed(fault, result=result)
    if tally.counted or tally.recounted or tally.before:
        return Outcome.done(**result)
    if any(reason in _LIMITS for reason in tally.skipped):
        return Outcome.failed("limit", "nothing was counted, and a bound was hit", result=result)
    return Outcome.failed("no", "nothing to count", result=result)


def _told(file: files.Bringing, clerk: Clerk | None, options: Options) -> dict[str, object]:
    tally = clerk.tally if clerk is not None else Tally()
    return {
        "kind": file.kind,
        "records": tally.records,
        "counted": tally.counted,
        "recounted": tally.recounted,
        "words": tally.words,
        "skipped": dict(tally.skipped.most_common()),
        "before": tally.before,
        "faults": [{"record": number, "reason": reason} for number, reason in tally.faults],
        "dry_run": bool(options["dry-run"]),
    }


def tell(options: Options, path: str, outcome: Outcome) -> None:
    """Tell what came of a file, as JSON or as a line."""
    results, found = options.results, outcome.result
    results.add(outcome, {"file": path})
    if found is None:
        results.note(f"{path}: {outcome.message}")
        return
    results.line(f"{path}: {sentence(found)}")
    for fault in [] if results.as_json else _faults(found)[:FAULTS_SHOWN]:
        results.note(f"{path}: record {fault['record']} is skipped: {fault['reason']}")
    if not outcome.ok and outcome.cause != "no":
        results.note(f"{path}: {outcome.message}")


def _faults(found: Any) -> list[dict[str, object]]:
    return list(found["faults"])


def sentence(found: Any) -> str:
    """The numbers of a file, for people."""
    would = "would be " if found["dry_run"] else ""
    pages = "1 page" if found["counted"] == 1 else f"{found['counted']:,} pages"
    parts = [f"{pages} {would}counted ({found['words']:,} words)"]
    if found["recounted"]:
        parts.append(f"{found['recounted']:,} met again")
    if skipped := found["skipped"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())
        parts.append(f"{sum(skipped.values()):,} {would}skipped ({reasons})")
    if found["before"]:
        parts.append(f"records up to {found['before']:,} were there already")
    return ", ".join(parts)


def bring_known(options: Options) -> Outcome:
    """Each list of known words is in the store, or nothing of it."""
    exits = []
    for path in options.paths:
        options.results.begin()
        outcome = _bring_list(options, path)
        options.results.add(outcome, {"file": path})
        if outcome.result is None:
            options.results.note(f"{path}: {outcome.message}")
        else:
            found = outcome.result
            would = "would be " if options["dry-run"] else ""
            left = f", {found['left_out']:,} lines that are no single word" if found["left_out"] else ""
            options.results.line(f"{path}: {found['words']:,} words {would}known ({options.lang}){left}")
        exits.append(outcome.exit)
    bad = [code for code in exits if code not in (0, EXITS["no"])]
    return Outcome(worst(bad) if bad else min(exits))


def _bring_list(options: Options, path: str) -> Outcome:
    try:
        found = known.read(path, options.lang)
        if found.words and not options["dry-run"]:
            store = open_store(options["store"])
            try:
                store.set_levels(found.words)
            finally:
                store.close()
    except known.ListFault as fault:
        return Outcome.failed("local", str(fault))
    except OSError as error:
        return Outcome.failed("local", error.strerror or "can't be read")
    except StoreFault as error:
        return Outcome.failed("local", str(error))
    result = {"words": len(found.words), "left_out": found.left_out, "dry_run": bool(options["dry-run"])}
    if not found.words:
        return Outcome.failed("no", "there is no word in it", result=result)
    return Outcome.done(**result)


class Bar:
    """How far a file is, on standard error, where that is a terminal and quiet is not asked for."""

    def __init__(self, options: Options, path: str, size: int) -> None:
        self._is_on = sys.stderr.isatty() and not options["quiet"] and not options["json"]
        self._name, self._size = escaped(os.path.basename(path))[:40], max(1, size)
        self._next = 0.0

    def show(self, read: int) -> None:
        """So many bytes are read."""
        now = time.monotonic()
        if not self._is_on or now < self._next:
            return
        self._next = now + BAR_SECONDS
        part = min(1.0, read / self._size)
        full = round(part * BAR_WIDTH)
        sys.stderr.write(f"\r{self._name} [{'#' * full}{'.' * (BAR_WIDTH - full)}] {part:4.0%}")
        sys.stderr.flush()

    def end(self) -> None:
        """The line is free again."""
        if self._is_on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
