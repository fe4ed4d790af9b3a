"""updatecheck: whether a page changed, and whether its server answers conditional requests truthfully.

Two requests, the second by what the first one's answer gave to ask by; with a state file the first one was
an earlier run's.  A change needs a whole answer that is the page: errors, refusals and other pages in its
place are told as what they are.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NoReturn

from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore, gatherResults
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python import usage
from twisted.python.failure import Failure

from netsuite.client.url import Url
from netsuite.manual.kind import COMMAND, FILE, NAME, NUMBER, REGEX, SECONDS, URL, Kind
from netsuite.outcome import EXITS, NOT_FOUND, Outcome, worst
from netsuite.reach.place import Place
from netsuite.reach.way import Reach, Way
from netsuite.scripts.running import complain, start
from netsuite.scripts.web import WebOptions
from netsuite.updatecheck import state
from netsuite.updatecheck.asking import Asker
from netsuite.updatecheck.explain import explain, rounds
from netsuite.updatecheck.judge import Change
from netsuite.updatecheck.lens import Lens
from netsuite.updatecheck.rounds import Manner, Page, Told, decisive
from netsuite.updatecheck.tally import SENTENCES
from netsuite.updatecheck.visit import Came, Lost
from netsuite.updatecheck.waiting import wait

#: URLs of one call, rounds, expressions, and hosts that are asked at once.
URLS_MAX, ROUNDS_MAX, IGNORE_MAX, HOSTS_MAX = 1000, 1000, 64, 8

SHELL = "/bin/sh"


class Options(WebOptions):
    """The command line of updatecheck."""

    tool = "updatecheck"
    max_size = "20M"
    synopsis = "Usage: updatecheck [options] URL..."
    longdesc = (
        "Say whether a page changed, and whether its server's ETag and Last-Modified can be trusted.  Exit "
        "status: 0 unchanged, 1 changed, 3 first visit or an answer that says nothing, 10 the server said "
        "400 or more (11: log in, 15: it will not serve us), 4 to 9 and 14 as for all tools, 126 and 127 the "
        "command of --exec."
    )
    examples = """Examples:
  updatecheck http://localhost:8000/
      two requests, one after the other
  updatecheck -s seen.json --explain http://localhost:8000/
      what changed since the last call, and why
  updatecheck --rounds 10 --verify http://localhost:8000/  is its 304 true?
  updatecheck -s seen.json --select main --text --diff http://localhost:8000/
  updatecheck -s seen.json --feed http://localhost:8000/feed.xml
  updatecheck --watch 5m --exec 'notify-send "$UPDATECHECK_URL"' \\
      http://localhost:8000/"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["state", "s", None, "File that remembers each URL between calls."],
        ["rounds", None, "1", "Visits that are compared; a host's addresses are asked in turn."],
        ["select", None, None, "Compare the element with this id only."],
        ["watch", None, None, "Visit again and again, every so many seconds (5m, 1h)."],
        ["exec", None, None, "Shell command for each change; it finds the URL in $UPDATECHECK_URL."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["first-ok", None, "A first visit is no failure."],
        ["verify", None, "Look behind a 304 now and then (1 in 20), without conditions."],
        ["text", None, "Compare the text that a reader sees."],
        ["feed", None, "Compare the ids of a feed's items: only a new one is a change."],
        ["diff", None, "Show what changed, 200 lines at most."],
        ["explain", None, "Tell what was sent, what came, and which rule decided."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "state": FILE,
        "rounds": NUMBER,
        "select": NAME,
        "watch": SECONDS,
        "exec": COMMAND,
        "ignore": REGEX,
    }
    operands = (URL,)

    def __init__(self) -> None:
        super().__init__()
        self.ignored: list[re.Pattern[str]] = []
        self.urls: list[Url] = []
        self.names: tuple[str, ...] = ()

    def opt_ignore(self, text: str) -> None:
        """Leave out what fits this regular expression before comparing. (repeat)"""
        try:
            self.ignored.append(re.compile(text))
        except (re.error, OverflowError) as error:
            raise usage.UsageError(f"--ignore: {text[:80]!r} is no regular expression: {error}") from None
        if len(self.ignored) > IGNORE_MAX:
            raise usage.UsageError(f"--ignore: more than {IGNORE_MAX}")

    def parseArgs(self, *names: str) -> None:
        """Take the URLs."""
        self.names = names

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if not 0 < len(self.names) <= URLS_MAX:
            raise usage.UsageError(f"give a URL, or several (at most {URLS_MAX})")
        found = {url.text: url for url in map(self.url, self.names)}
        self.urls = list(found.values())
        self.target = {"url": self.urls[0].text} if len(self.urls) == 1 else {"urls": list(found)}
        self.rounds = self.count("rounds", 1, ROUNDS_MAX)
        self.every = None if self["watch"] is None else self.seconds("watch")
        if self["feed"] and (self["select"] or self["text"] or self.ignored):
            raise usage.UsageError("--feed compares ids; --select, --text and --ignore have no part in it")
        self.lens = Lens(tuple(self.ignored), self["select"], bool(self["text"]), bool(self["feed"]))
        is_kept = bool(self["diff"])
        self.manner = Manner(self.lens.name, bool(self["verify"]), is_kept, is_kept)


async def main(reactor: Any, options: Options) -> Outcome:
    """Say of each page whether it changed."""
    agent = options.agent(reactor, options.urls)
    await options.ask_password(reactor, options.urls, agent)
    asker = Asker(agent, options.lens, options.fields, time.time, options.manner.text)
    known = state.read(options["state"]) if options["state"] else {}
    pages = [Page(asker, url, options.manner, time.time, known.get(url.text)) for url in options.urls]
    watching = Watching(reactor, options, random.random)
    if options.every is not None:
        try:
            await gatherResults(
                [Deferred.fromCoroutine(watching.watch(page)) for page in pages], consumeErrors=True
            )
        finally:
            watching.end()
    locks, hosts = hosts_of(pages), DeferredSemaphore(HOSTS_MAX)
    visits = [hosts.run(locks[page.url.host].run, _started, watching, page) for page in pages]
    exits = []
    try:
        for page, visit in zip(pages, visits, strict=True):
            told = await visit
            exits.append(watching.remember(page, told))
            watching.tell(told)
            exits += [outcome_of(told, options).exit, await watching.act(told)]
    finally:
        exits.append(watching.end())
        for visit in visits:
            visit.addErrback(lambda _: None)
            visit.cancel()
    return Outcome(worst(exits))


def hosts_of(pages: Sequence[Page]) -> dict[str, DeferredLock]:
    """Return a lock for each host: it is asked for one page at a time."""
    return {page.url.host: DeferredLock() for page in pages}


def _started(watching: Watching, page: Page) -> Deferred[Told]:
    return Deferred.fromCoroutine(watching.rounds(page))


class Watching:
    """Visits pages and tells what came of it."""

    def __init__(self, reactor: Any, options: Options, spread: Any) -> None:
        self._reactor, self._options, self._spread = reactor, options, spread
        self._locks: dict[str, DeferredLock] = {}
        self._timer: Any = None
        self.memory = state.Memory(options["state"], reactor.seconds)

    async def rounds(self, page: Page) -> Told:
        """Return what all the rounds of one page say; it is remembered."""
        options = self._options
        addresses = await self._addresses(page.url) if options.rounds > 1 else [None]
        told: list[Told] = []
        if page.entry is None:
            begun = await page.begin(addresses[0])
            if page.entry is None or (options["state"] and options.rounds == 1):
                return begun
        for number in range(1, options.rounds + 1):
            told.append(await page.visit(addresses[number % len(addresses)]))
            if isinstance(told[-1].came, Lost):
                break
        return decisive(told)

    async def _addresses(self, url: Url) -> list[str | None]:
        """Return the host's addresses, to be asked in turn; by a proxy there is only its own."""
        web = self._options.web
        if web.proxies.for_url(url) is not None:
            return [None]
        reach = Reach(self._reactor, Way(web.connect_seconds, web.family, web.source, resolver=web.resolver))
        try:
            return list(
                await reach.in_time(Deferred.fromCoroutine(reach.addresses(Place(url.host, url.port))))
            )
        except Exception as error:
            if Outcome.of(error).cause == "internal":
                raise
            return [None]  # the request tells it

    def remember(self, page: Page, told: Told) -> int:
        """What is known of the page is remembered; return ``forgetful``'s code."""
        entry, acts = page.entry, bool(self._options["exec"]) and told.verdict.change is Change.YES
        if entry is None:
            return 0
        code = self.forgetful(lambda: self.memory.add(page.url.text, entry, now=acts))
        if self.memory.is_waiting and not (self._timer is not None and self._timer.active()):
            self._timer = self._reactor.callLater(state.WRITE_SECONDS, self.forgetful, self.memory.flush)
        return code

    def end(self) -> int:
        """All is written and nothing waits any more; return ``forgetful``'s code."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self.forgetful(self.memory.flush)

    def forgetful(self, write: Callable[[], None]) -> int:
        """Return 0, or the exit code of why nothing could be remembered, which is told."""
        try:
            write()
        except OSError as error:
            outcome = Outcome.of(error)
            told = f"nothing could be remembered: {outcome.message}"
            self._options.results.warn(f"{self._options['state']}: {told}")
            return outcome.exit
        return 0

    async def watch(self, page: Page) -> None:
        """The page is visited, told and acted upon, again and again."""
        lock = self._locks.setdefault(page.url.host, DeferredLock())
        every = self._options.every or 0.0
        while True:
            self._options.results.begin()
            told = await lock.run(lambda: Deferred.fromCoroutine(page.visit()))
            self.remember(page, told)
            self.tell(told)
            await self.act(told)
            await deferLater(self._reactor, wait(every, told.came, self._spread))

    def tell(self, told: Told) -> None:
        """The visit is told: to people, or as JSON."""
        options, results = self._options, self._options.results
        results.add(outcome_of(told, options), {"url": told.url.text})
        prefix = f"{told.url.text}: " if len(options.urls) > 1 else ""
        if results.as_json:
            return
        for line in lines(told, options):
            if line.startswith("Error "):
                complain("Error", prefix + line.removeprefix("Error "))
            else:
                results.line(prefix + line)

    async def act(self, told: Told) -> int:
        """Return the exit code of what is done on a change: 0 if nothing is, or it was done."""
        command = self._options["exec"]
        if not command or told.verdict.change is not Change.YES:
            return 0
        running = Command()
        environ = {**os.environ, "UPDATECHECK_URL": told.url.text}
        outputs = {0: os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 1: 2, 2: 2}
        try:
            words = [SHELL, "-c", command]
            self._reactor.spawnProcess(running, SHELL, words, env=environ, childFDs=outputs)
        finally:
            os.close(outputs[0])
        code = await running.done
        if code:
            self._options.results.warn(f"the command of --exec ended with {code}")
        return code if code in (EXITS["exec"], NOT_FOUND) else 0


class Command(ProcessProtocol):
    """A shell's run; ``done`` fires with its exit code."""

    def __init__(self) -> None:
        self.done: Deferred[int] = Deferred(lambda _: self._kill())

    def _kill(self) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("TERM")

    def processEnded(self, reason: Failure) -> None:
        """Its end."""
        done = reason.check(ProcessDone) is not None
        code = 0 if done else int(getattr(reason.value, "exitCode", None) or 1)
        if not self.done.called:
            self.done.callback(code)


def lines(told: Told, options: Options) -> Iterator[str]:
    """Yield what people read of a visit."""
    if options["explain"]:
        yield from explain(told.url.text, told.sent, told.came, told.verdict, told.tally)
    yield told.verdict.line
    if told.verdict.more:
        yield told.verdict.more
    if told.tally.rounds and (options.rounds > 1 or options["verify"]) and not options["explain"]:
        yield f"Validators, {rounds(told.tally)}: {SENTENCES[told.tally.verdict]}"
    yield from told.diff


def outcome_of(told: Told, options: Options) -> Outcome:
    """Return a visit as the tool's outcome."""
    verdict, came = told.verdict, told.came
    second: dict[str, object] | None = None
    if isinstance(came, Came):
        second = {"status": came.status}
        if came.status == 200:
            second |= {"etag": came.etag, "last_modified": came.last_modified, "sha256": came.sha256}
        if came.address:
            second["address"] = came.address
        if came.age is not None:
            second["age"] = came.age
    before = told.before
    first = (
        None
        if before is None
        else {
            "status": before.status,
            "etag": before.etag,
            "last_modified": before.last_modified,
            "sha256": before.sha256,
        }
    )
    result: dict[str, object] = {
        "url": told.url.text,
        "first": second if first is None else first,
        "second": None if first is None else second,
        "changed": verdict.change.value,
        "by": verdict.by,
        "validators": told.tally.told(),
    }
    if told.diff:
        result["diff"] = list(told.diff)
    cause = None if told.is_first and options["first-ok"] else verdict.cause
    message = (
        verdict.line.removeprefix("Error ")
        if isinstance(came, Lost)
        else f"{verdict.line} {verdict.more}".strip()
    )
    return Outcome(EXITS[cause] if cause else 0, cause, message, verdict.detail, result)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
