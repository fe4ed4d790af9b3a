"""Tools run as users run them: a process, its output and its exit status."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netsuite.scripts.running import failure, finish

ROOT = Path(__file__).resolve().parent.parent.parent

#: Seconds that no tool here needs.
PATIENCE = 60


def environment() -> dict[str, str]:
    """Return this process's environment without settings of ours, with the checkout on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NETSUITE_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def command(tool: str, *arguments: str) -> list[str]:
    """Return the command line of a tool, by its module's name."""
    return [sys.executable, "-m", f"netsuite.scripts.{tool}", *arguments]


def run(tool: str, *arguments: str, **options: Any) -> tuple[int, str, str]:
    """Return a tool's exit status, standard output and standard error."""
    return finished(command(tool, *arguments), **options)


def finished(words: list[str], **options: Any) -> tuple[int, str, str]:
    """Return a command's exit status, standard output and standard error."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **options}
    done = subprocess.run(words, text=True, timeout=PATIENCE, **options)
    return done.returncode, done.stdout or "", done.stderr or ""


def inside(tool: Any, *arguments: str, reactor: Any = None) -> tuple[int, str, str]:
    """Return the same of a tool's module that runs here, on a reactor that does nothing by itself."""
    options, output, errors = tool.Options(), io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            options.parseOptions(list(arguments))
            ended: list[Any] = []
            Deferred.fromCoroutine(tool.main(reactor or MemoryReactorClock(), options)).addBoth(ended.append)
            [outcome] = ended
            if isinstance(outcome, Failure):
                outcome.raiseException()
        except Exception as error:
            outcome = failure(error, debug=False)
        finish(options, outcome, as_json=bool(options.get("json")))
    return outcome.exit, output.getvalue(), errors.getvalue()


def records(output: str) -> list[dict[str, Any]]:
    """Return the JSON objects of ``output``, one a line."""
    return [json.loads(line) for line in output.splitlines()]
