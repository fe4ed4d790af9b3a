"""Twisted's reactors by name: one of them installed, or all of them tried."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from twisted.application.reactors import NoSuchReactor, getReactorTypes, installReactor
from twisted.internet.defer import gatherResults
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python import usage

from netsuite.outcome import Outcome
from netsuite.scripts.running import Results

#: In the place of a name: try them all.
LIST = "list"

#: Trying one: this, with its name.
_TRIAL = (
    "import sys\n"
    "from twisted.application.reactors import installReactor\n"
    "try:\n"
    "    made = installReactor(sys.argv[1])\n"
    "except Exception as error:\n"
    "    sys.exit(str(error) or type(error).__name__)\n"
    "made.callLater(0, made.stop)\n"
    "made.run()\n"
)

#: Characters of a reason that are shown.
_REASON_MAX = 120


class NoReactor(OSError):  # noqa: N818 - what is the matter, told to people
    """The machine lacks what this reactor needs."""


def names() -> dict[str, str]:
    """Return what there is, with descriptions."""
    return {kind.shortName: kind.description for kind in getReactorTypes()}


def install(name: str) -> None:
    """Make it the process's reactor.  Raises: UsageError, NoReactor."""
    try:
        installReactor(name)
    except NoSuchReactor:
        known = ", ".join(sorted(names()))
        raise usage.UsageError(f"--reactor: no {name[:80]!r}; there are {known}") from None
    except Exception as error:  # whatever a toolkit's import or a missing system call raises
        raise NoReactor(f"--reactor {name}: not on this machine: {error}") from None


def steady(reactor: Any) -> Any:
    """Return the reactor, whose timers count by the monotonic clock from now on; none waits yet."""
    reactor.seconds = time.monotonic
    return reactor


async def tell(results: Results) -> Outcome:
    """Say of each reactor whether it runs here."""
    found = sorted(names().items())
    answers: Any = await gatherResults(
        [
            getProcessOutputAndValue(sys.executable, ["-c", _TRIAL, name], dict(os.environ))
            for name, _ in found
        ]
    )
    told = []
    for (name, description), (_output, errors, code) in zip(found, answers, strict=True):
        lines = errors.decode("utf-8", "backslashreplace").splitlines() or [f"exit status {code}"]
        told.append({"name": name, "works": code == 0, "why": None if code == 0 else lines[-1][:_REASON_MAX]})
        results.line(f"{name:10} {description if code == 0 else f'not here: {lines[-1][:_REASON_MAX]}'}")
    return Outcome.done(reactors=told)
