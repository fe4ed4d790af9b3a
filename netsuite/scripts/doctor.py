"""netsuite doctor: what would keep a suite from starting or trouble it later, and what to do about it."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
from typing import Any, ClassVar, NoReturn

from twisted.internet.threads import deferToThread
from twisted.python import usage
from twisted.python.reflect import namedAny

from netsuite import pidfile
from netsuite.doctor import clock, plugins
from netsuite.doctor.examination import Asked, examine, machine, unreadable
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding, told
from netsuite.doctor.plan import Plan, plan_of
from netsuite.manual.kind import FILE, NAME, TOML, Kind, some_of
from netsuite.outcome import Outcome
from netsuite.scripts.check import SUITE
from netsuite.scripts.running import ToolOptions, start
from netsuite.tablefile import read_tables

#: What twistd has to offer.
SERVICES = ("echo", "wordproxy", "httpecho", "pages", "formsite", "colors", "proxy", "netsuite")


class Options(ToolOptions):
    """The command line of netsuite doctor."""

    tool = "doctor"
    synopsis = "Usage: netsuite doctor [options]"
    longdesc = (
        "Say what would keep the suite from starting or trouble it later: who has its ports, plugins, "
        "modes and owners of files, certificates, stores, room on disks, descriptors, the clock, packages.  "
        "Nothing is mended.  Root sees whose each process is.  Exit status: 0 sound, maybe with warnings, "
        "1 a fault, 2 usage, 3 something could not be told, 12 file."
    )
    examples = """Examples:
  netsuite doctor -c /etc/netsuite/netsuite.toml
  netsuite doctor -c netsuite.toml -q
      only what is not well, as for cron
  netsuite doctor -c netsuite.toml -p netsuite.pid --log netsuite.log
  netsuite doctor --with wordproxy,echo          these two, with their defaults
  netsuite doctor -j --Werror -c netsuite.toml
      for a monitor: warnings are faults too
A line is: severity, check, where, what is the matter; what to do about it."""

    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "The suite's TOML file (without it: all services' defaults)."],
        ["with", None, None, "Services that are meant, comma between, as for twistd netsuite."],
        ["without", None, None, "Services that are not."],
        ["pidfile", "p", None, "twistd's pidfile."],
        ["log", None, None, "twistd's log file."],
        [
            "user",
            None,
            None,
            "Whose access to files is judged (who runs the suite or owns its folder).",
        ],
    ]
    optFlags: ClassVar[list[list[Any]]] = [["Werror", None, "A warning is a fault."]]
    kinds: ClassVar[dict[str, Kind]] = {
        "config": TOML,
        "with": some_of("NAMES", *SERVICES[:-1]),
        "without": some_of("NAMES", *SERVICES[:-1]),
        "pidfile": FILE,
        "log": FILE,
        "user": NAME,
    }

    def postOptions(self) -> None:
        """Take the file."""
        super().postOptions()
        self.config = os.path.abspath(self["config"]) if self["config"] else ""
        self.target = {"file": self.config or None}


async def main(reactor: Any, options: Options) -> Outcome:
    """Say what all checks found."""
    findings: list[Finding] = await deferToThread(found, options)
    for finding in findings:
        if finding.severity != OK or not options["quiet"]:
            options.results.line(finding.line())
    return told(findings, is_strict=bool(options["Werror"]))


def found(options: Options) -> list[Finding]:
    """Return what all checks found.  Raises: OSError for a file that can't be read, usage.UsageError."""
    watched = clock.Watched()
    caches = plugins.caches()  # before reading settings looks for services, and writes them
    faults: list[str] = []
    plan = _plan(options, faults)
    findings = [*unreadable(faults), *machine(caches, SERVICES, plan.needs if plan else {})]
    if plan is None:
        return findings
    try:
        return [*findings, *examine(plan, _asked(options, faults), watched)]
    except KeyError:
        raise usage.UsageError(f"--user: there is no user {str(options['user'])[:80]!r}") from None


def _plan(options: Options, faults: list[str]) -> Plan | None:
    """Return what the settings rely on, None where they can't be read at all; their faults are noted."""
    if options.config:
        with open(options.config, "rb"):  # a file that can't be read is no faulty one
            pass
        try:
            read_tables(options.config)
        except ValueError as error:
            faults.append(str(error))
            return None
    suite = namedAny(SUITE)()
    words = ["--config", options.config] if options.config else []
    for name in ("with", "without"):
        words += [f"--{name}", options[name]] if options[name] else []
    try:
        suite.parse(words)
    except usage.UsageError as error:
        faults += str(error).splitlines()
    return plan_of(suite, options.config) if suite.settings is not None else None


def _asked(options: Options, faults: list[str]) -> Asked:
    pid, trouble = None, None
    if options["pidfile"]:
        pid, trouble = _pidfile(str(options["pidfile"]))
    log = os.path.abspath(options["log"]) if options["log"] else ""
    return Asked(options["user"], pid, trouble, log, tuple(faults))


def _pidfile(path: str) -> tuple[int | None, Finding | None]:
    """Return the process that a pidfile names, if it is a twistd's; else what is to be said of the file."""
    try:
        state = pidfile.look(path)
    except FileNotFoundError:
        return None, None  # it is there while twistd runs
    except OSError as error:
        return None, Finding(UNKNOWN, "suite", f"can't be read: {error.strerror}", path)
    if state.state == "running":
        return state.pid, None
    severity = WARNING if state.state == "stale" else FAULT  # which twistd removes; others end its start
    who = f", process {state.pid}" if state.pid is not None else ""
    return None, Finding(severity, "suite", f"{state.state}{who}", path, state.advice)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
