"""webdownload: files from URLs, each whole under its name or not at all.

The work on one file is ``client.download``'s.  Here are the command line, the names that files get, lists of
URLs, and what is told of it.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredList, FirstError
from twisted.python import usage

from netsuite.client.digests import SUMS_MAX, WEAK, Sum, find_sum, parse_sha256
from netsuite.client.download import Download
from netsuite.client.filename import from_url
from netsuite.client.job import Job
from netsuite.client.progress import Progress
from netsuite.client.url import Url, parse_url
from netsuite.manual.kind import FILE, NUMBER, RATE, TEXT, URL, Kind, one_of
from netsuite.outcome import Failed, Outcome, worst
from netsuite.reactor import prefer
from netsuite.scripts.running import complain, start
from netsuite.scripts.web import WebOptions

#: Longest list of URLs, and how many of its files are fetched at a time at most.
LIST_MAX = 16 * 1024 * 1024
PARALLEL_MAX = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of a list, or the command line: URLs of one file, and where it goes, None for its own name."""

    urls: tuple[Url, ...]
    path: str | None = None


class Options(WebOptions):
    """The command line of webdownload."""

    tool = "webdownload"
    max_size, total = None, "86400"
    synopsis = "Usage: webdownload [options] URL [FILE]\n       webdownload [options] -i LIST"
    longdesc = (
        "Fetch files.  A file is there whole or not at all: it grows as FILE.part, which a later run"
        " continues if it is provably still the same.  Exit status: 0 the whole file is there (or is not"
        " newer), 10 the server said 400 or more (11, 15 as in webcat), 2 usage, 4 name, 5 refused, 6 time"
        " limit, 7 no route, 8 TLS, 9 cut short, 12 a file here (it exists, no room), 13 checksum, 14 bound."
    )
    examples = """Examples:
  webdownload http://localhost:8002/ out.html
  webdownload --sums SHA256SUMS https://example.org/image.iso
  webdownload --sha256 9f86d08... --mirror https://b.example/x.tar \\
      https://a.example/x.tar
  webdownload --if-newer http://localhost:8002/data.csv
  webdownload -i urls.txt -P 4 --limit-rate 1M"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["sha256", None, None, "SHA-256 that the file must have, in hexadecimal."],
        ["sums", None, None, "File with checksums, as sha256sum writes it (GNU or BSD)."],
        ["retries", "r", "3", "Tries after one that got no further."],
        ["limit-rate", None, None, "Bytes a second at most, all files together."],
        ["progress", None, "auto", "How progress is told: auto, json (lines on standard error) or none."],
        [
            "input",
            "i",
            None,
            "List of URLs, a line each, perhaps with a FILE after it; - is standard input.",
        ],
        ["parallel", "P", "2", "Files of a list that are fetched at a time."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["force", "f", "Replace a file that is there."],
        ["if-newer", None, "Fetch only what is newer than the file that is there."],
        ["no-resume", None, "Begin anew, whatever is there of the file."],
        ["server-name", None, "Take the name that the server says (Content-Disposition), cleaned."],
        ["xattr", None, "Note origin and type in the file's extended attributes."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "sha256": TEXT,
        "sums": FILE,
        "retries": NUMBER,
        "limit-rate": RATE,
        "progress": one_of("HOW", "auto", "json", "none"),
        "input": FILE,
        "parallel": NUMBER,
        "mirror": URL,
    }
    operands = (URL, FILE)

    def __init__(self) -> None:
        super().__init__()
        self.mirrors: list[str] = []
        self.wanted: list[Wanted] = []
        self.words: tuple[str, ...] = ()
        self.sum: Sum | None = None
        self.rate: float | None = None
        self.at_a_time = 1
        self.kept: list[str] = []

    def opt_mirror(self, url: str) -> None:
        """Further URL of the same file, asked if one before it fails. (repeat)"""
        self.mirrors.append(url)

    def parseArgs(self, *words: str) -> None:
        """Take URL and FILE."""
        self.words = words

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if bool(self.words) == bool(self["input"]) or len(self.words) > 2:
            raise usage.UsageError("give a URL and perhaps a FILE, or -i LIST")
        if self["input"] and (self.mirrors or self["sha256"]):
            raise usage.UsageError("--mirror and --sha256 are for one file, not for a list")
        if self["force"] and self["if-newer"]:
            raise usage.UsageError("-f and --if-newer exclude each other")
        if self["sha256"] and self["sums"]:
            raise usage.UsageError("--sha256 and --sums exclude each other")
        if self["progress"] not in ("auto", "json", "none"):
            raise usage.UsageError("--progress is auto, json or none")
        self.sum = self.value("sha256", parse_sha256)
        if self["limit-rate"] is not None:
            self.rate = float(self.size("limit-rate", 1, 1 << 40))
        self.retries = self.count("retries", 0, 1000)
        self.at_a_time = self.count("parallel", 1, PARALLEL_MAX)
        if self.words:
            if self.words[1:] == ("-",):
                raise usage.UsageError("a file is needed; webcat writes to standard output")
            urls = tuple(self.url(text) for text in (self.words[0], *self.mirrors))
            self.target = {"url": urls[0].text}
            self.wanted = [Wanted(urls, self.words[1] if len(self.words) == 2 else None)]

    def take_reactor(self) -> Any:
        """Return the reactor with a short way to our connections."""
        prefer()
        return super().take_reactor()

    def stopped(self, interrupted: Outcome) -> Outcome:
        """Return how it ended by a signal: what is kept is told."""
        if not self.kept:
            return interrupted
        return replace(interrupted, message=f"interrupted; {', '.join(self.kept)} can be continued")

    def read_list(self) -> list[Wanted]:
        """Return what a list asks for.  Raises: OSError, UsageError."""
        name = self["input"]
        if name == "-":
            data = sys.stdin.buffer.read(LIST_MAX + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(LIST_MAX + 1)
        if len(data) > LIST_MAX:
            raise usage.UsageError(f"{name}: more than {LIST_MAX} bytes")
        wanted = []
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
            words = line.split(None, 1)
            if not words or words[0].startswith("#"):
                continue
            try:
                url = parse_url(words[0])
            except ValueError as error:
                raise usage.UsageError(f"{name}, line {number}: this {error}") from None
            wanted.append(Wanted((url,), words[1].strip() if len(words) == 2 else None))
        return wanted

    def sums(self, path: str, url: Url) -> tuple[Sum, ...]:
        """Return what a file must add up to.  Raises: Failed, OSError."""
        if self.sum is not None:
            return (self.sum,)
        if not self["sums"]:
            return ()
        name = self["sums"]
        with open(name, "rb") as file:
            text = file.read(SUMS_MAX).decode("utf-8", "surrogateescape")
        wanted = os.path.basename(path)
        found = find_sum(text, wanted, name) or find_sum(text, from_url(url), name)
        if found is None:
            raise Failed("local", f"{name}: has no checksum of {wanted}")
        if found.algorithm in WEAK:
            self.results.note(f"{found.algorithm} shows damage, but stops no forger")
        return (found,)

    def place(self, wanted: Wanted) -> str:
        """Return where a file goes: free of links, in a folder that is there."""
        path = wanted.path
        if path is None:
            path = from_url(wanted.urls[0])
        elif path.endswith("/") or os.path.isdir(path):
            path = os.path.join(path, from_url(wanted.urls[0]))
        return os.path.realpath(path) if os.path.islink(path) else path


async def main(reactor: Any, options: Options) -> Outcome:
    """Fetch what is asked for."""
    if options["input"]:
        options.wanted = options.read_list()
    urls = [url for wanted in options.wanted for url in wanted.urls[:1]]
    agent = options.agent(reactor, urls, asks=not options["input"])
    await options.ask_password(reactor, urls, agent)
    if not options["input"]:
        outcome = await fetched(reactor, options, agent, options.wanted[0])
        if outcome.ok and not options.results.as_json and not options["quiet"]:
            options.results.line(told(outcome))
        return outcome
    return await all_fetched(reactor, options, agent)


def told(outcome: Outcome) -> str:
    """Return the last line of a download that is done."""
    result = outcome.result or {}
    return "Not modified." if result.get("modified") is False else "Download Complete."


async def fetched(reactor: Any, options: Options, agent: Any, wanted: Wanted) -> Outcome:
    """Return how it ended with one file.  Raises: Failed, OSError."""
    path = options.place(wanted)
    alone = not options["input"]
    job = Job(
        urls=wanted.urls,
        path=path,
        fields=options.fields,
        replaces=bool(options["force"]),
        if_newer=bool(options["if-newer"]),
        resumes=not options["no-resume"],
        sums=options.sums(path, wanted.urls[0]),
        retries=options.retries,
        most=options.web.max_bytes,
        rate=None if options.rate is None else options.rate / (1 if alone else options.at_a_time),
        adds_up=options.results.as_json,
        server_name=bool(options["server-name"]),
        attributes=bool(options["xattr"]),
    )
    progress = progress_of(reactor, options, path, alone=alone)
    name = "" if alone else f"{os.path.basename(path)}: "
    work = Download(reactor, agent, job, progress, lambda text: options.results.note(f"{name}{text}"))
    try:
        return await work.run()
    finally:
        if os.path.exists(f"{path}.part.json"):
            options.kept.append(f"{path}.part")


def progress_of(reactor: Any, options: Options, path: str, *, alone: bool) -> Progress:
    """Return what tells the progress of one file, and where."""
    how = options["progress"]
    stream = sys.stderr if options.results.as_json or how == "json" else sys.stdout
    if how == "auto":
        how = "lines"
        if options["quiet"] or not alone:
            how = "none"
        elif stream is not None and stream.isatty():
            how = "terminal"

    is_open = stream is not None

    def write(text: str) -> None:
        """Write, until nobody listens: the file is fetched all the same, and the last line finds it out."""
        nonlocal is_open
        try:
            if is_open:
                stream.write(text)
                stream.flush()
        except (OSError, ValueError):
            is_open = False

    return Progress(write, how, reactor, verbose=bool(options["verbose"]), file=path)


async def all_fetched(reactor: Any, options: Options, agent: Any) -> Outcome:
    """Return how it ended with a list: some files at a time, each told as it ends, the worst at last."""
    waiting = deque(options.wanted)
    exits: list[int] = []

    async def work() -> None:
        while waiting:
            wanted = waiting.popleft()
            try:
                outcome = await fetched(reactor, options, agent, wanted)
            except Exception as error:
                outcome = Outcome.of(error)
                if outcome.cause == "internal":
                    raise
            exits.append(outcome.exit)
            options.results.add(outcome, {"url": wanted.urls[0].text})
            if outcome.ok and not options["quiet"]:
                options.results.line(f"{wanted.urls[0].shown}: {told(outcome)}")
            elif not outcome.ok:
                complain("Error", f"{wanted.urls[0].shown}: {outcome.message}")

    workers = [Deferred.fromCoroutine(work()) for _ in range(options.at_a_time)]
    joined = DeferredList(workers, fireOnOneErrback=True, consumeErrors=True)
    try:
        await joined
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        for worker in workers:
            worker.cancel()
    return Outcome(worst(exits), None)


def run() -> None:
    """Be the command webdownload."""
    start(Options, main)


if __name__ == "__main__":
    run()
