"""portscan: which TCP ports of a host are open, and whether that is what should be.

What is scanned is in ``netsuite.scan.ports``, how in ``scan.scan``, what a state is in ``scan.state``.  The
exit status never says more than is known: a host that is silent, or a port whose state is not known, is 3.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn

from twisted.internet import defer, task
from twisted.python import usage

from netsuite import durable
from netsuite.descriptors import raise_limit
from netsuite.manual.kind import FILE, HOST, NUMBER, PORTS, SECONDS, Kind
from netsuite.outcome import EXITS, Outcome, worst
from netsuite.reach.place import Place
from netsuite.scan import baseline as baselines
from netsuite.scan import told
from netsuite.scan.banner import Banners
from netsuite.scan.compare import Difference, Known, difference
from netsuite.scan.ports import TooMany, parse_hosts, parse_ports, ranges, top
from netsuite.scan.scan import Manner, Scan
from netsuite.scan.sockets import Sockets
from netsuite.scan.state import Result, Scanned
from netsuite.scripts.network import PlainOptions, parse_file, quoted
from netsuite.scripts.running import start
from netsuite.values import parse_rate

#: Hosts that are scanned without further ado, hosts at most, and probes at most.
HOSTS_USUAL, HOSTS_MAX, PROBES_MAX = 256, 65536, 64_000_000

#: Descriptors that are left for all but probes; seconds between two lines of progress.
RESERVED = 16
PROGRESS_SECONDS = 0.5

OUT_OF_SCOPE = "portscan makes TCP connections (-sT); SYN scans, UDP scans and the like are out of its scope"


class Options(PlainOptions):
    """The command line of portscan."""

    tool = "portscan"
    synopsis = "Usage: portscan [options] HOST|NETWORK..."
    longdesc = (
        "Say which TCP ports are open, by connecting with each.  Scan what is yours.  "
        f"{OUT_OF_SCOPE[0].upper()}{OUT_OF_SCOPE[1:]}.  "
        "Exit status: 0 every port has a state (and is as expected), 1 it differs, 2 usage, 3 the host is "
        "silent or the scan is incomplete, 4 name not found, 7 no way to the host, 12 a file, 130 Ctrl-C."
    )
    examples = """Examples:
  portscan localhost                                ports 1 to 200
  portscan -p 1-1024,8080,https --banner localhost
  portscan --expect 22,80 -p 1-65535 --rate 0 localhost
  portscan --baseline ports.txt --update localhost
      keep what is open now; later without --update
  portscan --top 50 192.168.1.0/28
  portscan -j localhost | jq '.result.hosts[].open'"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["ports", "p", "1-200", "Ports: numbers, ranges and names, with commas; - is all."],
        ["timeout", "t", "2", "Seconds after which a port is silent."],
        ["rate", None, "300", "Connections that are begun in a second; 0 for no limit."],
        ["parallel", None, None, "Connections under way at once (what the system allows)."],
        ["retries", None, "1", "Times that a silent port is tried again."],
        ["expect", None, None, "Ports that should be open, and no others; '' for none."],
        ["baseline", None, None, "File with what was found last time, to compare with."],
        ["exclude", None, None, "Ports not to scan."],
        ["top", None, None, "The ports that are open most often, so many, in place of -p."],
        ["max-hosts", None, "256", "Largest network that is scanned, in addresses."],
        ["oX", None, None, "File for the results in nmap's XML; - is standard output."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["filtered-is-closed", None, "A port that is filtered is as good as closed."],
        ["update", None, "Write what is found to --baseline."],
        ["banner", None, "Say what open ports say first, or whose certificate they have."],
        ["csv", None, "Print the results as CSV."],
        ["yes-own-network", None, "Scan more than 256 hosts: the network is mine."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "ports": PORTS,
        "timeout": SECONDS,
        "rate": NUMBER,
        "parallel": NUMBER,
        "retries": NUMBER,
        "expect": PORTS,
        "baseline": FILE,
        "exclude": PORTS,
        "top": NUMBER,
        "max-hosts": NUMBER,
        "oX": FILE,
    }
    operands = (HOST,)

    def __init__(self) -> None:
        super().__init__()
        self.hosts: list[str] = []
        self.ports: tuple[int, ...] = ()
        self.found: list[Scanned] = []
        self.is_told = False

    def opt_s(self, kind: str) -> None:
        """Only T, which is what it does: connect."""
        if kind != "T":
            raise usage.UsageError(OUT_OF_SCOPE)

    def parseArgs(self, *hosts: str) -> None:
        """Take the hosts."""
        if not hosts:
            raise usage.UsageError("Usage: portscan.py host")
        self.words = hosts

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        self.ports = self._ports()
        self.hosts = self._hosts()
        if len(self.hosts) * len(self.ports) > PROBES_MAX:
            raise usage.UsageError(f"{len(self.hosts)} hosts with {len(self.ports)} ports each are too many")
        if self["expect"] is not None and self["baseline"] is not None:
            raise usage.UsageError("--expect and --baseline exclude each other")
        if self["update"] and self["baseline"] is None:
            raise usage.UsageError("--update is of use with --baseline only")
        if sum((bool(self["json"]), bool(self["csv"]), self["oX"] == "-")) > 1:
            raise usage.UsageError("one of -j, --csv and --oX - can have standard output")
        self.expected = self._expected()
        self.baseline = self.value("baseline", parse_file)
        self.xml = self.value("oX", parse_file)
        self.manner = Manner(
            seconds=self.seconds("timeout", least=0.01),
            rate=0.0 if self["rate"] == "0" else self.value("rate", parse_rate) or 0.0,
            most=self.count("parallel", 1, 65536) if self["parallel"] is not None else most_at_once(),
            retries=self.count("retries", 0, 16),
        )
        self.target = {"host": " ".join(self.words), "ports": ranges(self.ports)}

    def _ports(self) -> tuple[int, ...]:
        ports = set(self.value("ports", parse_ports) or ())
        if self["top"] is not None:
            ports = set(top(self.count("top", 1, 65535)))
        ports -= set(self.value("exclude", parse_ports) or ())
        if not ports:
            raise usage.UsageError("--exclude leaves no port to scan")
        return tuple(sorted(ports))

    def _hosts(self) -> list[str]:
        most = self.count("max-hosts", 1, HOSTS_MAX)
        hosts: list[str] = []
        for word in self.words:
            try:
                hosts += parse_hosts(word, most)
            except (TooMany, ValueError) as error:
                raise usage.UsageError(f"{quoted(word)} {error}") from None
        hosts = list(dict.fromkeys(hosts))
        if len(hosts) > most:
            raise usage.UsageError(f"{len(hosts)} hosts are more than --max-hosts {most}")
        if len(hosts) > HOSTS_USUAL and not self["yes-own-network"]:
            raise usage.UsageError(f"{len(hosts)} hosts: say --yes-own-network if the network is yours")
        return hosts

    def _expected(self) -> frozenset[int] | None:
        if self["expect"] is None:
            return None
        expected = frozenset(self.value("expect", parse_ports) or ()) if self["expect"] else frozenset()
        outside = sorted(expected - set(self.ports))
        if outside:
            raise usage.UsageError(f"--expect has ports that are not scanned: {ranges(outside)}")
        return expected

    def stopped(self, interrupted: Outcome) -> Outcome:
        """What is known at the end by a signal is told."""
        return replace(interrupted, result=as_result([one.done() for one in self.found], None))


def most_at_once() -> int:
    """Return how many connections the system's limit on descriptors leaves room for."""
    limit = raise_limit()
    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError:
        used = RESERVED
    return max(1, limit - used - RESERVED)


async def main(reactor: Any, options: Options) -> Outcome:
    """Scan, tell what was found, and judge it."""
    began = time.time()
    before = read_baseline(options)
    failures = await _targets(reactor, options)
    if not options.found:
        return Outcome(
            worst(one.exit for one in failures), failures[0].cause, failures[0].message, failures[0].detail
        )
    try:
        await _scanned(reactor, options)
    except defer.CancelledError:
        tell(options, [one.done() for one in options.found], None)
        raise
    results = [one.done() for one in options.found]
    if options["baseline"] is not None and not options["update"] and before is not None:
        baselines.fitting(before, results, options["baseline"])
    differences = _differences(options, results, before)
    tell(options, results, differences)
    write_xml(options, results, began)
    outcome = judged(options, results, differences, failures)
    if options["update"]:
        outcome = update(options, results, outcome)
    options.results.add(replace(outcome, result=as_result(results, differences)), options.target)
    return Outcome(outcome.exit) if outcome.cause == "no" else outcome  # the differences are told


async def _targets(reactor: Any, options: Options) -> list[Outcome]:
    """The addresses of all hosts are in ``options.found``; return how looking up went where it failed."""
    reach = options.reach(reactor).within(10.0)
    failures = []
    for host in options.hosts:
        try:
            addresses = await reach.addresses(Place(host, 1, host))
        except Exception as error:
            outcome = Outcome.of(error)
            if outcome.cause == "internal":
                raise
            if len(options.hosts) > 1:
                options.results.warn(f"{host}: {outcome.message}")
            failures.append(outcome)
            continue
        for address in addresses:
            options.found.append(Scanned(host, address, options.ports, is_only=len(addresses) == 1))
    return failures


async def _scanned(reactor: Any, options: Options) -> None:
    """Every port has a state, and open ones have told what they are asked for."""
    scan = Scan(reactor, Sockets(reactor, options.way.source), options.manner, options.found)
    progress = Progress(options, scan)
    looking = task.LoopingCall(progress.show)
    looking.clock = reactor
    if progress.is_wanted:
        looking.start(PROGRESS_SECONDS, now=False)
    try:
        await scan.done
    finally:
        if looking.running:
            looking.stop()
        progress.clear()
    if options["banner"]:
        await Banners(reactor, options.way).ask(options.found)


class Progress:
    """How far a scan is, on a terminal, in one line that is gone in the end."""

    def __init__(self, options: Options, scan: Scan) -> None:
        self._options, self._scan, self._shown = options, scan, False
        try:
            self.is_wanted = sys.stderr.isatty() and not options["quiet"]
        except (AttributeError, ValueError):
            self.is_wanted = False

    def show(self) -> None:
        """Say how far it is."""
        known, total = self._scan.known, self._scan.total
        self._shown = True
        self._write(f"\r\x1b[Kportscan: {100 * known // max(1, total)} %, {known} of {total} ports")

    def clear(self) -> None:
        """The line is gone."""
        if self._shown:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            self._shown = False


def read_baseline(options: Options) -> baselines.Baseline | None:
    """Return what was found last time, None if that is not asked for, or is about to be written.

    Raises: OSError with the file's name.
    """
    path = options["baseline"]
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8", errors="strict") as file:
            return baselines.parse(file.read(baselines.FILE_BYTES))
    except FileNotFoundError:
        if options["update"]:
            return None
        raise FileError(f"{path}: there is no such file; --update makes it") from None
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        text = "is no text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise FileError(f"{path} {text}") from None


class FileError(OSError):
    """A file can't be read or written; the text names it."""


def _differences(
    options: Options, results: Sequence[Result], before: baselines.Baseline | None
) -> list[Difference] | None:
    """Return how each address differs from what should be, None if nothing was said of that."""
    closed = bool(options["filtered-is-closed"])
    if options.expected is not None:
        known = Known(options.expected)
        return [difference(result, known, filtered_is_closed=closed) for result in results]
    if before is None:
        return None
    nothing = Known(frozenset())
    return [
        difference(
            result, before.hosts.get((result.host, result.address), nothing), filtered_is_closed=closed
        )
        for result in results
    ]


def tell(options: Options, results: Sequence[Result], differences: Sequence[Difference] | None) -> None:
    """Say what is open, in the order of ports, and how it differs."""
    if options["csv"]:
        options.results.document(told.as_csv(results).rstrip())
        return
    if options["oX"] == "-":
        return
    lines = options.results.line
    for number, result in enumerate(results):
        for text in told.open_lines(result, alone=len(results) == 1, named=bool(options["banner"])):
            lines(text)
        if differences is not None:
            lines(told.summary(result, differences[number]))
        else:
            options.results.note(told.summary(result))


def write_xml(options: Options, results: Sequence[Result], began: float) -> None:
    """Write what was found as XML, where that is asked for.  Raises: FileError."""
    if options.xml is None:
        return
    arguments = " ".join(["portscan", "-p", ranges(options.ports), *options.words])
    text = told.as_xml(results, arguments=arguments, started=int(began), ended=int(time.time()))
    if options.xml == "-":
        options.results.document(text.rstrip())
        return
    try:
        durable.write(os.path.abspath(options.xml), text.encode("utf-8", "replace"), replace=True)
    except OSError as error:
        raise FileError(f"{options.xml}: {error.strerror}") from None


def judged(
    options: Options,
    results: Sequence[Result],
    differences: Sequence[Difference] | None,
    failures: Sequence[Outcome],
) -> Outcome:
    """Return what it all comes to; of several hosts the worst."""
    outcomes = [*failures]
    for number, result in enumerate(results):
        outcomes.append(_judged(result, None if differences is None else differences[number]))
    exit_code = worst(outcome.exit for outcome in outcomes)
    return next(outcome for outcome in outcomes if outcome.exit == exit_code)


def _judged(result: Result, differs: Difference | None) -> Outcome:
    """Return what one address comes to."""
    where = told.where_of(result)
    if differs is not None and differs.differs and result.has_answered:
        return Outcome(EXITS["no"], "no", f"{where} is not as expected: {differs}")
    if result.is_unreachable:
        return Outcome.failed(
            "unreachable", f"{where}: {told.error_text(next(iter(result.errors.values())))}"
        )
    if not result.is_complete:
        what = f"{len(result.errors)} ports could not be asked"
        reasons = sorted({told.error_text(code) for code in result.errors.values()})
        return Outcome.failed("unknown", f"{where}: {what} ({', '.join(reasons)})")
    if not result.has_answered:
        return Outcome.failed("unknown", f"{where}: every port is silent; there may be no such host")
    if differs is not None and differs.unclear:
        ports = ranges(differs.unclear)
        return Outcome.failed("unknown", f"{where}: filtered, so that nobody knows: {ports}")
    return Outcome()


def as_result(results: Sequence[Result], differences: Sequence[Difference] | None) -> dict[str, object]:
    """Return all results as JSON has them."""
    hosts = [
        told.record(result, None if differences is None else differences[number])
        for number, result in enumerate(results)
    ]
    return {"hosts": hosts, "complete": bool(results) and all(result.is_complete for result in results)}


def update(options: Options, results: Sequence[Result], outcome: Outcome) -> Outcome:
    """Write what was found as what is known from now on, if it is known.  Raises: FileError."""
    is_known = all(result.is_complete and result.has_answered for result in results)
    if not is_known or outcome.cause not in (None, "no", "unknown"):
        return outcome
    when = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = baselines.written(results, banner=bool(options["banner"]), when=when)
    try:
        durable.write(os.path.abspath(options["baseline"]), text.encode(), replace=True)
    except OSError as error:
        raise FileError(f"{options['baseline']}: {error.strerror}") from None
    options.results.note(f"{options['baseline']} is what is expected from now on")
    return Outcome()


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
