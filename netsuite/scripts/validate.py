"""validate: whether documents of HTML, SVG and CSS are valid, by a checker on this machine or a service's.

Nothing leaves the machine unless a service was asked for.  Exit 0 says that every document was read by a
checker and found valid, and nothing else does.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Protocol

from twisted.internet.threads import deferToThreadPool
from twisted.python import usage

from netsuite import durable
from netsuite.client.agent import Agent, Request
from netsuite.client.url import Url
from netsuite.manual.kind import FILE, REGEX, URL, Kind, one_of
from netsuite.outcome import EXITS, Outcome, version, worst
from netsuite.scripts.running import start
from netsuite.scripts.web import WebOptions
from netsuite.validate import baseline, formats, rules
from netsuite.validate.browser import show
from netsuite.validate.cache import Cache, digest, folder
from netsuite.validate.document import Document, charset_of, is_checkable
from netsuite.validate.junit import junit
from netsuite.validate.local import Absent, Local, find
from netsuite.validate.message import Answer, Failed, Found, Report, Strictness, report_on
from netsuite.validate.page import framed, page
from netsuite.validate.partial import Partial
from netsuite.validate.reading import may_block, of_bytes, read
from netsuite.validate.remote import W3C, Remote
from netsuite.validate.sarif import sarif
from netsuite.validate.sources import Nothing, Source, gather

FORMATS = ("text", "gnu", "json", "junit", "sarif")


class Checker(Protocol):
    """Who judges documents: they are taken one by one, and answered at once or by ``finish``."""

    label: str
    checker: str
    identity: str
    version: str

    async def take(self, number: int, document: Document) -> Answer | None:
        """Return the answer, None if it comes later."""

    async def finish(self) -> dict[int, Answer]:
        """Return the answers that were not given yet."""


class Options(WebOptions):
    """The command line of validate."""

    tool = "validate"
    max_size = "20M"
    synopsis = "Usage: validate [options] FILE|DIR|URL|-..."
    longdesc = (
        "Say whether documents are valid: HTML, SVG and CSS.  The Nu checker on this machine is asked, and "
        "nothing leaves it, unless --w3c or --service is given.  Exit status: 0 every document is valid, "
        "1 one is not, 3 could not tell (no checker, or no answer of it that can be read), 12 a file can't "
        "be read, 15 the service will not serve us; 4 to 11 and 14 as for all tools."
    )
    examples = """Examples:
  validate test.html                      with the checker on this machine
  validate --Werror site/ 'docs/*.css'
      folders and patterns; warnings count too
  validate --baseline known.json site/
      only what is not in known.json fails (--update writes it)
  validate --format sarif site/ > r.json
      for a code host; junit for a build server
  validate --w3c --browser test.html
      sends test.html to the W3C and opens its report
  curl -s localhost:8000 | validate -     standard input"""

    optParameters: ClassVar[list[list[Any]]] = [
        [
            "service",
            None,
            None,
            "URL of a checker to send documents to: a Nu checker, or one like the W3C's.",
        ],
        ["jar", None, None, "The checker's vnu.jar (NETSUITE_VNU_JAR, or node_modules here or above)."],
        [
            "ignore-file",
            None,
            None,
            "File of expressions for --ignore, one a line; one that fits nothing is told.",
        ],
        ["baseline", None, None, "File of known messages: only others count."],
        ["format", None, "text", "How messages are told: text, gnu, json, junit or sarif."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["w3c", None, f"Send documents to the W3C, {W3C}."],
        ["browser", None, "Open the report in the browser."],
        ["errors-only", None, "Leave warnings and remarks out."],
        ["Werror", None, "A warning makes a document invalid."],
        ["update", None, "Write the messages of this run to the baseline."],
        ["no-cache", None, "Ask the checker also of what it was asked before."],
        [
            "partial",
            None,
            "Use the small built-in check, which never says valid: exit 3 if it finds nothing.",
        ],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "service": URL,
        "jar": FILE,
        "ignore-file": FILE,
        "baseline": FILE,
        "format": one_of("FORMAT", "text", "gnu", "json", "junit", "sarif"),
        "ignore": REGEX,
    }
    operands = (FILE,)

    def __init__(self) -> None:
        super().__init__()
        self._preset("timeout", "60", "Seconds that the checker gets for a document.")
        self.ignored: list[rules.Rule] = []
        self.names: tuple[str, ...] = ()
        self.service: Url | None = None

    def opt_ignore(self, text: str) -> None:
        """Leave out messages whose text fits this regular expression. (repeat)"""
        try:
            self.ignored.append(rules.rule(text))
        except rules.BadRule as error:
            raise usage.UsageError(f"--ignore: {error}") from None

    def parseArgs(self, *names: str) -> None:
        """Take the documents' names."""
        self.names = names

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        if self["format"] not in FORMATS:
            raise usage.UsageError(f"--format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        self["json"] = int(bool(self["json"]) or self["format"] == "json")
        super().postOptions()
        if not self.names:
            raise usage.UsageError("give a file, a folder, a URL or - for standard input")
        self.target = {"files": [self.name_of(Source(name)) for name in self.names]}
        if self["update"] and not self["baseline"]:
            raise usage.UsageError("--update needs --baseline FILE")
        if sum(bool(self[name]) for name in ("jar", "service", "w3c", "partial")) > 1:
            raise usage.UsageError("--jar, --service, --w3c and --partial exclude each other")
        if self["w3c"] or self["service"]:
            self.service = self.url(self["service"] or W3C)
        self.strictness = Strictness(bool(self["errors-only"]), bool(self["Werror"]))
        if self["ignore-file"]:
            self.ignored += _rules(self["ignore-file"])

    def name_of(self, source: Source) -> str:
        """Return how a document is told: a URL without its user and password.  Raises: UsageError."""
        return self.url(source.name).text if source.is_url else source.name


def _rules(path: str) -> list[rules.Rule]:
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(rules.RULES_MAX * rules.RULE_MAX)
    try:
        return rules.from_file(path, text)
    except rules.BadRule as error:
        raise usage.UsageError(f"--ignore-file: {error}") from None


async def main(reactor: Any, options: Options) -> Outcome:
    """Say of each document whether it is valid."""
    known = _known(options)
    try:
        sources = gather(options.names)
        urls = {source.name: options.url(source.name) for source in sources if source.is_url}
        asked = [*urls.values(), *([] if options.service is None else [options.service])]
        agent = options.agent(reactor, asked) if asked else None
        if agent is not None:
            await options.ask_password(reactor, asked, agent)
        checker = chosen(reactor, options, agent, alone=len(sources) == 1)
    except (Nothing, Absent) as error:
        return Outcome.failed("unknown", str(error))
    cache = Cache(None if options["no-cache"] or options["partial"] else folder(os.environ))
    try:
        loads = [_load(reactor, source, urls.get(source.name), agent, options) for source in sources]
        answers = await ask(checker, cache, loads)
    finally:
        cache.close()
    ignored = rules.Ignored(tuple(options.ignored))
    names = [options.name_of(source) for source in sources]
    reports = [report(name, *answers[number], options, ignored, known) for number, name in enumerate(names)]
    for rule in ignored.unused():
        options.results.note(f"{rule.place}: this rule fits no message: {rule.pattern.pattern}")
    if options["update"]:
        write_baseline(options["baseline"], known, reports, options)
        reports = [_forgiven(each, options.strictness) for each in reports]
    tell(options, reports, checker)
    if options["browser"]:
        shown_page = report_page(checker, reports)
        await show(reactor, shown_page, folder(os.environ), options.results.note)
    return outcome(reports, checker, ignored)


def chosen(reactor: Any, options: Options, agent: Agent | None, *, alone: bool) -> Checker:
    """Return who is asked.  ``alone``: a service's own report can be shown.  Raises: Absent."""
    if options["partial"]:
        return Partial()
    if options.service is not None and agent is not None:
        return Remote(
            reactor,
            agent,
            options.service,
            options.results.note,
            checker="w3c" if options["w3c"] else "service",
            wall_clock=time.time,
            want_page=bool(options["browser"]) and alone,
        )
    return Local(reactor, find(options["jar"], os.environ, os.getcwd()), options.seconds("timeout"))


#: Gives a source's document, or why there is none.
Load = Callable[[], Awaitable[Document | Failed]]


def _load(reactor: Any, source: Source, url: Url | None, agent: Agent | None, options: Options) -> Load:
    most = options.web.max_bytes or 0

    async def from_disk() -> Document | Failed:
        if may_block(source):  # in a thread, so that Ctrl-C ends it
            found: Document | Failed = await deferToThreadPool(
                reactor, reactor.getThreadPool(), read, source, most
            )
            return found
        return read(source, most)

    async def fetched() -> Document | Failed:
        if url is None or agent is None:
            raise RuntimeError("a URL is asked for by an agent")
        return await fetch(agent, url, most)

    return from_disk if url is None else fetched


async def fetch(agent: Agent, url: Url, most: int) -> Document | Failed:
    """Return the document that a URL has, or why it can't be had."""
    try:
        answer = await agent.fetch(Request(url))
        outcome = Outcome.of_status(answer.status, retry_after=answer.value(b"retry-after") is not None)
        if not 200 <= answer.status < 300:
            answer.close()
            return Failed(outcome.cause or "unknown", f"it can't be had: {answer.reason}")
        body = await answer.read()
    except Exception as error:
        outcome = Outcome.of(error)
        if outcome.cause in (None, "internal"):
            raise
        return Failed(str(outcome.cause), f"it can't be had: {outcome.message}", outcome.detail)
    kind = (answer.value(b"content-type") or b"").decode("latin-1")
    if not is_checkable(kind):
        return Failed("unknown", f"it is {kind[:80]}, which is nothing to check")
    return of_bytes(url.text, body, most, kind, charset_of(kind))


async def ask(checker: Checker, cache: Cache, loads: Sequence[Load]) -> dict[int, tuple[Answer, bool]]:
    """Return the answer for each document, and whether it was had before."""
    answers: dict[int, tuple[Answer, bool]] = {}
    keys: dict[int, bytes] = {}
    for number, load in enumerate(loads):
        document = await load()
        if isinstance(document, Failed):
            answers[number] = document, False
            continue
        keys[number] = digest(document, checker.identity)
        before = cache.get(keys[number])
        answer = before or await checker.take(number, document)
        if answer is not None:
            answers[number] = answer, before is not None
            _keep(cache, keys[number], answer if before is None else None)
    for number, answer in (await checker.finish()).items():
        answers[number] = answer, False
        _keep(cache, keys[number], answer)
    return answers


def _keep(cache: Cache, key: bytes, answer: Answer | None) -> None:
    if isinstance(answer, Found):
        cache.put(key, answer)


def report(
    name: str,
    answer: Answer,
    cached: bool,
    options: Options,
    ignored: rules.Ignored,
    known: Mapping[str, Sequence[baseline.Key]],
) -> Report:
    """Return what is told of a document: without what is ignored, with what is known marked as old."""
    if isinstance(answer, Found):
        kept = ignored.keep(answer.messages)
        answer = Found(baseline.marked(kept, known.get(name, ())), answer.version, answer.whole)
    return report_on(name, answer, options.strictness, cached=cached)


def _known(options: Options) -> dict[str, list[baseline.Key]]:
    """Return the baseline; none yet is an empty one if it is to be written.  Raises: OSError."""
    path = options["baseline"]
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return baseline.read(file.read(baseline.FILE_MAX))
    except FileNotFoundError:
        if options["update"]:
            return {}
        raise
    except baseline.BadBaseline as error:
        raise OSError(f"{path}: {error}") from None


def write_baseline(
    path: str, known: dict[str, list[baseline.Key]], reports: Sequence[Report], options: Options
) -> None:
    """The baseline has this run's messages; of documents that had no verdict what it had before."""
    judged = {each.name: [baseline.key(m) for m in each.messages] for each in reports if not each.why}
    content = baseline.write({**known, **judged}).encode("utf-8", "surrogateescape")
    durable.write(path, content, replace=True)
    options.results.note(
        f"{path}: {sum(map(len, judged.values()))} messages of {len(judged)} documents are known"
    )


def _forgiven(report: Report, strictness: Strictness) -> Report:
    """Return the report with every message known, as the next run has it."""
    if report.why:
        return report
    keys = [baseline.key(message) for message in report.messages]
    return report_on(
        report.name, Found(baseline.marked(report.messages, keys)), strictness, cached=report.cached
    )


def tell(options: Options, reports: Sequence[Report], checker: Checker) -> None:
    """Tell the reports in the format that was asked for; JSON is told with the outcome."""
    results, form = options.results, options["format"]
    if form == "sarif":
        who = f"{checker.checker} {checker.version}".strip()
        results.document(sarif(reports, version=version(), checker=who, compared=bool(options["baseline"])))
    elif form == "junit":
        results.document(junit(reports, checker.label))
    else:
        lines = formats.gnu(reports) if form == "gnu" else formats.text(reports, checker.label)
        for line in lines:
            results.line(line)


def report_page(checker: Checker, reports: Sequence[Report]) -> bytes:
    """Return the page to show: the service's own, where it sent one, else ours."""
    if isinstance(checker, Remote) and checker.page and checker.want_page:
        return framed(checker.page, checker.base)
    return page(reports, checker.label).encode("utf-8", "replace")


def outcome(reports: Sequence[Report], checker: Checker, ignored: rules.Ignored) -> Outcome:
    """Return how it ended: the first document without a verdict decides, else an invalid one."""
    code = worst(EXITS[each.cause] for each in reports if each.cause is not None)
    cause = next(
        (each.cause for each in reports if each.cause is not None and EXITS[each.cause] == code), None
    )
    told: dict[str, object] = {
        "checker": checker.checker,
        "version": checker.version,
        "files": [formats.as_object(each) for each in reports],
    }
    if unused := ignored.unused():
        told["unused_rules"] = [{"place": rule.place, "rule": rule.pattern.pattern} for rule in unused]
    return Outcome(code, cause, None, None, told)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
