"""One counter process as the relay sees it: its frames both ways, its last words, how it ended.

What is sent waits by reference until the pipe takes it (`outlet`), so a counter that is stopped costs what
its window holds, and the pipe's own bytes.  What it says is read at once; but while it is busy its owner may
let it ``rest`` for a moment: else each answer would wake us, and on one core interrupt the counter.
"""

from __future__ import annotations

import os
import site
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from netsuite.journal import escaped
from netsuite.wordproxy.outlet import Outlet
from netsuite.wordproxy.pipe import (
    ANSWER_MAX,
    FROM_COUNTER,
    FrameReader,
    FromCounter,
    Leaving,
    PipeFault,
    Ready,
    Storing,
    Trouble,
    decoded,
)
from netsuite.words.skipped import Reason

#: What a counter's standard error may say in its life: lines, and bytes of one.
ERROR_LINES = 50
ERROR_BYTES = 300

#: What of our environment a counter gets.  The rest may hold passwords, and has no say in counting.
ENVIRONMENT = frozenset(
    (
        "HOME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
    )
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a counter came to its end, and what that means for the pages it had."""

    text: str
    blame: Reason | None = None  #: what the page in its hands becomes; None: it is not to blame
    was_asked: bool = False
    wears: bool = False  #: some page may be the cause, in its hands or not


class Owner(Protocol):
    """Who has the counter: the `Feed`.  ``heard_out``: that was the last of those that came together."""

    def heard(self, child: Child, message: FromCounter) -> None: ...

    def heard_out(self, child: Child) -> None: ...

    def said(self, text: str) -> None: ...

    def drained(self) -> None: ...

    def lost(self, child: Child, ending: Ending) -> None: ...


class Child(ProcessProtocol):
    """One counter process.  ``pid`` is 0 before it has one; ``silent_ticks`` are its owner's to count."""

    transport: Any

    def __init__(self, owner: Owner, begin: bytes) -> None:
        self.pid = 0
        self.is_ready = False
        self.is_storing = False  # no page is in its hands
        self.is_over = False  # nothing is sent to it any more
        self.was_asked = False  # its end is what we, or it, wanted
        self.silent_ticks = 0
        self._owner = owner
        self._begin = begin
        self._outlet: Outlet | None = None
        self._resting: IDelayedCall | None = None
        self._reactor: Any = None
        self._reader = FrameReader(ANSWER_MAX)
        self._verdict: Ending | None = None
        self._errors = b""
        self._error_lines = 0

    def spawn(self, reactor: Any) -> None:
        """The process runs and has been told how to count.  Raises: OSError."""
        self._reactor = reactor
        source, sink = os.pipe()
        outlet = self._outlet = Outlet(reactor, sink, self._moved)
        command, environment = invocation()
        try:
            reactor.spawnProcess(
                self, command[0], command, env=environment, childFDs={0: source, 1: "r", 2: "r"}
            )
        except OSError:
            outlet.drop()
            raise
        finally:
            os.close(source)
        outlet.write([self._begin])

    def connectionMade(self) -> None:
        self.pid = self.transport.pid or 0

    # to the counter

    @property
    def is_written(self) -> bool:
        """All that was sent is in the pipe."""
        return self._outlet is None or self._outlet.is_empty

    def send(self, pieces: list[bytes]) -> None:
        """The pieces are written as the pipe takes them."""
        if self._outlet is not None:
            self._outlet.write(pieces)

    def _moved(self) -> None:
        self.silent_ticks = 0  # it reads
        if self.is_written:
            self._owner.drained()

    def close(self) -> None:
        """The counter is told that nothing more comes; it will store what it has and end."""
        if not self.is_over:
            self.was_asked = self.is_over = True
            if self._outlet is not None:
                self._outlet.close()

    def kill(self, blame: Reason | None, text: str) -> None:
        """The counter gets SIGKILL and is believed no more; ``blame``: what its page becomes."""
        if self._verdict is None:
            self._verdict = Ending(text, blame, self.was_asked, wears=blame is not None)
            self._kill()

    def _kill(self) -> None:
        self.is_over = True
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return  # `processEnded` is on its way

    # from the counter

    def rest(self, seconds: float) -> None:
        """What it says next is read after so long, together with what else it says until then."""
        if self._resting is None and not self.is_over:
            self.transport.pauseProducing()
            self._resting = self._reactor.callLater(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self.transport.resumeProducing()

    def outReceived(self, data: bytes) -> None:
        self.silent_ticks = 0
        try:
            blocks = self._reader.feed(data)
            for block in blocks:
                if self._verdict is not None:
                    return
                self._hear(decoded(FROM_COUNTER, block))
        except PipeFault as fault:
            self.kill(Reason.CRASHED, f"broke the rules of the pipe: {fault}")
        else:
            if blocks:
                self._owner.heard_out(self)

    def _hear(self, message: FromCounter) -> None:
        match message:
            case Trouble():
                pass
            case Ready():
                self.is_ready = True
            case _ if not self.is_ready:
                raise PipeFault("an answer before it was ready")
            case Leaving():
                self.was_asked = self.is_over = True
            case _:
                self.is_storing = isinstance(message, Storing)
        self._owner.heard(self, message)

    def outConnectionLost(self) -> None:
        """A counter that can't be heard is of no use: most are dead by now, the others will be."""
        if not self.is_over:
            self._kill()

    def errReceived(self, data: bytes) -> None:
        *lines, rest = (self._errors + data).split(b"\n")
        self._errors = rest[:ERROR_BYTES]
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        if line.strip() and self._error_lines < ERROR_LINES:
            self._error_lines += 1
            self._owner.said(f"process {self.pid}: {escaped(line[:ERROR_BYTES])}")

    def processEnded(self, reason: Failure) -> None:
        self._say(self._errors)
        self.is_over = True
        if self._outlet is not None:
            self._outlet.drop()
        if self._resting is not None:
            self._resting.cancel()
        self._owner.lost(self, self._verdict or self._own_end(how(reason)))

    def _own_end(self, text: str) -> Ending:
        """It ended without our doing."""
        if self.was_asked or not self.is_ready:
            return Ending(text, None, self.was_asked)
        return Ending(text, None if self.is_storing else Reason.CRASHED, wears=True)


def how(reason: Failure) -> str:
    """How a process ended, in a few words."""
    error = reason.value
    if not isinstance(error, ProcessTerminated):
        return "ended"
    return f"killed by signal {error.signal}" if error.signal else f"ended with exit code {error.exitCode}"


def invocation() -> tuple[list[str], dict[str, str]]:
    """The command and environment of a counter: this very package, and nothing of the folder we are in.

    ``-P`` keeps that folder off the child's path.  ``-I`` would also forbid PYTHONPATH and user installs, by
    which the package may be found; its folder is added where the interpreter would not look by itself.
    """
    package = str(Path(__file__).resolve().parents[2])
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    searched = [os.path.abspath(folder) for folder in given if folder]
    if package not in (*searched, *site.getsitepackages(), site.getusersitepackages()):
        searched.append(package)
    environment = {name: value for name, value in os.environ.items() if name in ENVIRONMENT}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # else numpy starts one a core, with 40 MB of the bound each
    if searched:
        environment["PYTHONPATH"] = os.pathsep.join(searched)
    return [sys.executable, "-P", "-W", "ignore", "-m", "netsuite.wordproxy.counter"], environment
