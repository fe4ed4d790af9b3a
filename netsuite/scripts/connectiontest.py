"""connectiontest: whether places are reached, and if not why; a command is run once they are.

The theory is in ``netsuite.probe.attempt``.  The exit status is the cause (R5); with several targets the
first failure's.  With ``--wait`` targets are tried again until they are reached, which is limited as a whole.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NoReturn

from twisted.internet import defer, task
from twisted.python import usage

from netsuite.manual.kind import HOST, NUMBER, PATH, PORT, REGEX, SECONDS, STATUSES, TEXT, URL, Kind, one_of
from netsuite.outcome import EXITS, NOT_FOUND, Outcome
from netsuite.probe.attempt import Attempt, Prober, Tried, Wanted, inverted, judged
from netsuite.probe.serving import parse_path, parse_pattern, parse_statuses
from netsuite.probe.starttls import DIALOGUES
from netsuite.reach.place import Place
from netsuite.reach.trust import Trust
from netsuite.reach.way import Through
from netsuite.scripts.network import NetworkOptions, place, place_of
from netsuite.scripts.running import Results, start
from netsuite.scripts.through import parse_proxy

#: Targets of one run, and tries with ``-c``.
TARGETS_MAX = 4096
COUNT_MAX = 1_000_000

#: Seconds before the end of ``--wait`` at which the last try begins, and seconds for what waits for its turn.
LAST_SECONDS = 0.1
SLACK_SECONDS = 0.05

USAGE = "Usage: connectiontest.py host port"


class Options(NetworkOptions):
    """The command line of connectiontest."""

    tool = "connectiontest"
    synopsis = (
        "Usage: connectiontest [options] HOST PORT [-- COMMAND...]\n"
        "       connectiontest [options] HOST:PORT|[ADDR]:PORT|unix:PATH... [-- COMMAND...]"
    )
    longdesc = (
        "Say whether a TCP connection can be made, and if not why.  Every address of a name is tried.  "
        "Exit status: 0 reached, 1 not as asked (--banner, --http; --invert: reached), 2 usage, "
        "3 --invert and silence, 4 name not found, 5 refused, 6 no answer in time, 7 unreachable, "
        "8 TLS, 9 closed early, 12 local, 126 or 127 the command can't be run, 130 Ctrl-C."
    )
    examples = """Examples:
  connectiontest localhost 5001                     one connection
  connectiontest -w 60 db.internal 5432 -- ./serve
      wait for it, then become ./serve
  connectiontest --tls example.org 443
      and whose certificate, for how long
  connectiontest --http 2xx localhost:8080
      connected is not serving: ask for /
  connectiontest --banner '^SSH-2' host 22
  connectiontest --send PING --banner '^.PONG' localhost 6379
  connectiontest --starttls smtp mail.example.org 25
  connectiontest --invert localhost 23              0 if it is refused
  connectiontest -c 20 -i 0.5 localhost 80          times and losses
  connectiontest --any db1:5432 db2:5432 unix:/run/postgresql/.s.PGSQL.5432"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["wait", "w", None, "Try again until it is reached, for at most so many seconds."],
        ["interval", "i", "1", "Seconds between two tries."],
        ["count", "c", None, "Try so many times, and say least, mean and most time and the losses."],
        ["banner", None, None, "It must say something that matches this regular expression."],
        ["send", None, None, "Line that is sent before --banner is waited for."],
        ["http", None, None, "GET must be answered with this status: 200, 2xx, 200-399,401."],
        ["path", None, "/", "Path that --http asks for."],
        ["starttls", None, None, f"Begin TLS as a protocol does: {', '.join(DIALOGUES)}."],
        [
            "proxy",
            None,
            None,
            "Connect by way of http://, socks5:// or socks5h://[user[:password]@]host:port.",
        ],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["all", None, "Every address of a name has to be reached, not one."],
        ["any", None, "One of several targets is enough."],
        ["invert", None, "0 if it is refused, 1 if it is reached; silence is 3."],
        ["dns-fail-fast", None, "Do not try again if a name is not found."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "wait": SECONDS,
        "interval": SECONDS,
        "count": NUMBER,
        "banner": REGEX,
        "send": TEXT,
        "http": STATUSES,
        "path": PATH,
        "starttls": one_of("PROTOCOL", *DIALOGUES),
        "proxy": URL,
    }
    operands = (HOST, PORT)

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Place] = []
        self.command: list[str] = []
        self.wanted = Wanted()
        self.execute: Callable[[str, list[str]], object] = os.execv

    def parseOptions(self, options: Any = None) -> None:
        """Read the command line; what follows ``--`` is the command."""
        words = list(options or ())
        if "--" in words:
            at = words.index("--")
            words, self.command = words[:at], words[at + 1 :]
            if not self.command:
                raise usage.UsageError("-- is followed by no command")
        super().parseOptions(words)

    def parseArgs(self, *words: str) -> None:
        """Take the targets."""
        apart = len(words) == 2 and ":" not in words[1]
        if not words or (len(words) == 1 and ":" not in words[0]) or (len(words) > 2 and _is_apart(words)):
            raise usage.UsageError(USAGE)
        self.places = [place_of(*words)] if apart else [place(word) for word in words]
        if len(self.places) > TARGETS_MAX:
            raise usage.UsageError(f"{len(self.places)} targets are more than {TARGETS_MAX}")
        if len(self.places) == 1:
            self.target = self.places[0].told

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if self["banner"] is not None and self["http"] is not None:
            raise usage.UsageError("--banner and --http exclude each other")
        if self["send"] is not None and self["banner"] is None:
            raise usage.UsageError("--send is of use with --banner only")
        if self["path"] != "/" and self["http"] is None:
            raise usage.UsageError("--path is of use with --http only")
        if self["starttls"] is not None and self["starttls"] not in DIALOGUES:
            raise usage.UsageError(f"--starttls is one of {', '.join(DIALOGUES)}")
        if self["count"] is not None and (self["wait"] is not None or self["invert"]):
            raise usage.UsageError("-c goes with neither -w nor --invert")
        self.wanted = Wanted(
            banner=self.value("banner", parse_pattern),
            asked=b"" if self["send"] is None else self["send"].encode("utf-8", "surrogateescape") + b"\r\n",
            statuses=self.value("http", parse_statuses),
            path=self.value("path", parse_path) or b"/",
            starttls=self["starttls"],
        )
        self.pause = self.seconds("interval", least=0.0)
        self.wait = self.seconds("wait", least=0.0) if self["wait"] is not None else None
        self.tries = self.count("count", 1, COUNT_MAX) if self["count"] is not None else None

    def trust(self) -> Trust | None:
        """TLS, also where it begins by ``--starttls``."""
        self["tls"] = self["tls"] or self["starttls"] is not None
        return super().trust()

    def through(self) -> Through | None:
        """The proxy on the way."""
        try:
            return parse_proxy(self["proxy"]) if self["proxy"] is not None else None
        except ValueError as error:  # the text may hold a password
            raise usage.UsageError(f"--proxy {error}") from None


def _is_apart(words: Sequence[str]) -> bool:
    return not any(":" in word for word in words)


async def main(reactor: Any, options: Options) -> Outcome:
    """Try all targets, tell of each, and become the command if all is well."""
    prober = Prober(options.reach(reactor), options.wanted, every=bool(options["all"]))
    work = Work(reactor, options, prober)
    running = [defer.Deferred.fromCoroutine(work.target(one)) for one in options.places]
    try:
        outcomes = [await one for one in running]
    finally:
        for one in running:
            one.cancel()
    good = [outcome for outcome in outcomes if outcome.ok]
    enough = bool(good) if options["any"] else len(good) == len(outcomes)
    if not enough:
        return Outcome(next(outcome.exit for outcome in outcomes if not outcome.ok))
    if not options.command:
        return Outcome()
    outcome = become(options)
    options.results.add(outcome, {"command": options.command})
    return outcome


class Work:
    """The tries of targets, and what is told of them."""

    def __init__(self, reactor: Any, options: Options, prober: Prober) -> None:
        self._reactor, self._options, self._prober = reactor, options, prober
        self._began = reactor.seconds()
        self._teller = Teller(options)

    async def target(self, target: Place) -> Outcome:
        """Try one target as often as is asked for, and tell."""
        if self._options.tries is not None:
            return await self._repeated(target, self._options.tries)
        tried, tries = await self._until(target)
        outcome = self._outcome(tried)
        if not outcome.ok and tries > 1:
            spent = self._reactor.seconds() - self._began
            outcome = replace(outcome, message=f"{outcome.message} ({tries} tries in {spent:.1f} s)")
        self._teller.told(target, outcome, tried, tries)
        return outcome

    def _outcome(self, tried: Tried) -> Outcome:
        return inverted(tried) if self._options["invert"] else tried.outcome

    async def _until(self, target: Place) -> tuple[Tried, int]:
        """Return the last try, and how many there were: until one is good or the time is over."""
        last: Tried | None = None
        tries = 0
        while True:
            left = self._left()
            tried = await self._once(target, left)
            tries += 1
            if tried.outcome.cause != "timeout" or last is None:  # one that the end cut short says less
                last = tried
            if self._outcome(tried).ok or self._options.wait is None or self._is_hopeless(tried):
                return tried, tries
            left = self._left()
            if left <= LAST_SECONDS:
                return last, tries
            self._teller.again(target, tried)
            await task.deferLater(self._reactor, min(self._options.pause, left - LAST_SECONDS))
            self._prober.forget()

    def _left(self) -> float:
        """Return the seconds that are left of ``--wait``, without it those of one try."""
        if self._options.wait is None:
            return float(self._options.way.seconds)
        left: float = self._began + self._options.wait - self._reactor.seconds()
        return max(0.001, left)

    async def _once(self, target: Place, seconds: float) -> Tried:
        trying = defer.Deferred.fromCoroutine(self._prober.tried(target, seconds))
        if self._options.wait is None:
            return await trying

        def late(result: object, _: float) -> Tried:
            return Tried(Outcome.failed("timeout", f"no answer in {seconds:.1f} s"))

        return await trying.addTimeout(seconds + SLACK_SECONDS, self._reactor, late)

    def _is_hopeless(self, tried: Tried) -> bool:
        return bool(self._options["dns-fail-fast"]) and tried.outcome.cause == "dns"

    async def _repeated(self, target: Place, count: int) -> Outcome:
        """Try so many times, and tell each and their sum."""
        times: list[float] = []
        failed: list[Outcome] = []
        for number in range(1, count + 1):
            if number > 1:
                await task.deferLater(self._reactor, self._options.pause)
            tried = await self._once(target, self._options.way.seconds)
            if tried.outcome.ok:
                times.append(tried.ms or 0.0)
            else:
                failed.append(tried.outcome)
            self._teller.told(target, tried.outcome, tried, number)
        outcome = Outcome() if times else judged(failed, every=True)
        self._teller.summed(target, outcome, times, count)
        return outcome


class Teller:
    """Says how tries ended: a line for people, an object as JSON."""

    def __init__(self, options: Options) -> None:
        self._results: Results = options.results
        self._alone = len(options.places) == 1
        self._verbose, self._invert = bool(options["verbose"]), bool(options["invert"])
        self._counts = options["count"] is not None

    def told(self, target: Place, outcome: Outcome, tried: Tried, tries: int) -> None:
        """Tell how a target's last try ended."""
        attempts = [attempt.told() for attempt in tried.attempts]
        result: dict[str, object] = {"attempts": attempts, "tries": tries}
        if self._counts:
            result = {"attempts": attempts, "try": tries}
        self._results.add(replace(outcome, result=result), target.told)
        what = self._what(target)
        if self._invert and outcome.cause == "no":
            self._results.line(f"Not refused: {outcome.message}")
        elif not outcome.ok:
            self._results.line(f"Error connecting to {what}: {outcome.message}")
        elif self._invert:
            self._results.line(f"Nothing is listening on {what}.")
        else:
            self._results.line(f"Connecting to {what}.{self._extra(tried)}")
        if self._verbose or len({attempt.outcome.cause for attempt in tried.attempts}) > 1:
            self._each(tried)

    def again(self, target: Place, tried: Tried) -> None:
        """Tell that a target is tried again."""
        if self._verbose:
            self._results.note(f"{target}: {tried.outcome.message}; trying again")
            self._each(tried)

    def summed(self, target: Place, outcome: Outcome, times: Sequence[float], count: int) -> None:
        """Tell the sum of all tries of a target."""
        loss = 100.0 * (count - len(times)) / count
        spread = (min(times), sum(times) / len(times), max(times)) if times else None
        result: dict[str, object] = {"tries": count, "reached": len(times), "loss_percent": round(loss, 1)}
        text = f"{target}: {count} tries, {len(times)} reached, {loss:.1f} % lost"
        if spread is not None:
            result["ms"] = dict(zip(("min", "avg", "max"), (round(ms, 1) for ms in spread), strict=True))
            text += f", min/avg/max {spread[0]:.1f}/{spread[1]:.1f}/{spread[2]:.1f} ms"
        self._results.add(replace(outcome, result=result), target.told)
        self._results.line(text)

    def _what(self, target: Place) -> str:
        alone = self._alone and target.path is None
        return f"port {target.port}" if alone else str(target)

    def _extra(self, tried: Tried) -> str:
        """Return what else is known of a target that was reached."""
        extra = [f" {tried.ms:.1f} ms"] if self._counts and tried.ms is not None else []
        seen = next((attempt.seen for attempt in tried.attempts if attempt.outcome.ok), {})
        tls: Any = seen.get("tls")
        if tls is not None:
            alpn = f", {tls['alpn']}" if tls["alpn"] else ""
            days = f"{tls['days_left']:.0f} days left"
            extra.append(f" {tls['version']}{alpn}, certificate of {tls['subject']}, {days}.")
        if "banner" in seen:
            extra.append(f" {seen['banner']}")
        if "status" in seen:
            extra.append(f" Status {seen['status']}.")
        return "".join(extra)

    def _each(self, tried: Tried) -> None:
        self._results.note("; ".join(map(_attempt_text, tried.attempts)))


def _attempt_text(attempt: Attempt) -> str:
    where = attempt.address or "it"
    detail = f" ({attempt.outcome.detail})" if attempt.outcome.detail else ""
    if attempt.outcome.cause == "unknown":
        return f"{where} not waited for"
    return f"{where} {attempt.outcome.cause or 'connected'}{detail} after {attempt.ms:.1f} ms"


def become(options: Options) -> Outcome:
    """Become the command, whose exit status and signals are its own then; return why that could not be."""
    name, *_ = options.command
    path = shutil.which(name) or (name if "/" in name else None)
    if path is None:
        return Outcome(NOT_FOUND, "exec", f"{name}: command not found")
    ignored = (signal.SIGPIPE, signal.SIGXFSZ)  # by Python, and inherited
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in ignored]
    try:
        options.execute(path, options.command)
    except FileNotFoundError as error:
        return Outcome(NOT_FOUND, "exec", f"{name}: {error.strerror}")
    except (OSError, ValueError) as error:
        return Outcome(EXITS["exec"], "exec", f"{name}: {getattr(error, 'strerror', error)}")
    finally:  # we are still here, and have to say so on an output that may be closed
        for number, handler in before:
            signal.signal(number, handler)
    return Outcome()


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
