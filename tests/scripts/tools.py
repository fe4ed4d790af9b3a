"""Tools run as users run them: a process, its output and its exit status."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from netsuite.scripts.running import failure, finish

reactor: Any = _reactor

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


class ToolCase(TestCase):
    """Runs tools in this process on its own reactor, and has peers for them in it too."""

    timeout = 60

    async def ran(
        self, tool: Any, *arguments: str, prepare: Callable[[Any], object] = lambda options: None
    ) -> tuple[int, str, str]:
        """Return a tool's exit status, standard output and error; ``prepare`` is given its options, read."""
        options, output, errors = tool.Options(), io.StringIO(), io.StringIO()
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = output, errors
        try:
            try:
                options.parseOptions(list(arguments))
                prepare(options)
                outcome = await Deferred.fromCoroutine(tool.main(reactor, options))
            except Exception as error:
                outcome = failure(error, debug=True)
            finish(options, outcome, as_json=bool(options.get("json")))
        finally:
            sys.stdout, sys.stderr = before
        return outcome.exit, output.getvalue(), errors.getvalue()

    def listening(self, protocol: Callable[[], Any], interface: str = "127.0.0.1", port: int = 0) -> int:
        """Return the port of a new listener whose connections speak ``protocol``."""
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        made: Any = reactor.listenTCP(port, factory, 512, interface)
        self.addCleanup(made.stopListening)
        return int(made.getHost().port)

    def refusing(self, interface: str = "127.0.0.1") -> int:
        """Return a port on which nobody listens: one that is bound, and only that."""
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.bind((interface, 0))
        self.addCleanup(bound.close)
        return int(bound.getsockname()[1])

    def silent(self, interface: str = "127.0.0.1", port: int = 0) -> int:
        """Return a port that does not answer: its queue of connections is full, and Linux drops more."""
        listener = socket.socket()
        listener.bind((interface, port))
        listener.listen(0)
        self.addCleanup(listener.close)
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self.addCleanup(filler.close)
        return int(listener.getsockname()[1])


class Quiet(Protocol):
    """A peer that says nothing."""


class Closing(Protocol):
    """A peer that closes at once, as a port forward without a program behind it does."""

    def connectionMade(self) -> None:
        """Close."""
        self.transport.loseConnection()


class Resetting(Protocol):
    """A peer that resets at once."""

    def connectionMade(self) -> None:
        """Reset."""
        self.transport.abortConnection()


def saying(first: bytes, answers: dict[bytes, bytes] = {}) -> Callable[[], Protocol]:  # noqa: B006
    """Return what makes peers that say something first, and answer each line that is in ``answers``."""

    class Saying(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(first)

        def dataReceived(self, data: bytes) -> None:
            for line in data.splitlines():
                self.transport.write(answers.get(line, b""))

    return Saying


def records(output: str) -> list[dict[str, Any]]:
    """Return the JSON objects of ``output``, one a line."""
    return [json.loads(line) for line in output.splitlines()]
