"""Shell commands that run beside the tool: their output is its own, their failures are counted."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

SHELL = "/bin/sh"


class Commands:
    """The commands that were started; at most ``most`` run at a time.

    ``failures``: how many ended otherwise than with exit status 0; ``refused``: were not started.
    """

    def __init__(self, reactor: Any, most: int, outputs: dict[int, int]) -> None:
        self._reactor, self._most, self._outputs = reactor, most, outputs
        self._running: set[_Command] = set()
        self._idle: list[Deferred[None]] = []
        self.started = self.failures = self.refused = 0

    def run(self, text: str) -> None:
        """The command has been started, or refused."""
        if len(self._running) >= self._most:
            self.refused += 1
            return
        self.started += 1
        command = _Command(self)
        self._running.add(command)
        try:
            self._reactor.spawnProcess(
                command, SHELL, [SHELL, "-c", text], env=dict(os.environ), childFDs=self._outputs
            )
        except OSError:  # no process or descriptor left
            self.ended(command, failed=True)

    def ended(self, command: _Command, failed: bool) -> None:
        """One of them is over."""
        self._running.discard(command)
        self.failures += failed
        if not self._running:
            idle, self._idle = self._idle, []
            for waiter in idle:
                waiter.callback(None)

    def idle(self) -> Deferred[None]:
        """Fires once none runs; may be cancelled."""
        waiter: Deferred[None] = Deferred(self._idle.remove)
        self._idle.append(waiter)
        if not self._running:
            self._idle.remove(waiter)
            waiter.callback(None)
        return waiter

    def stop(self) -> None:
        """Those that run have been asked to end."""
        for command in self._running:
            with suppress(ProcessExitedAlready):
                command.transport.signalProcess(signal.SIGTERM)


class _Command(ProcessProtocol):
    transport: Any

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def processEnded(self, reason: Failure) -> None:
        """Its end."""
        self._commands.ended(self, failed=not reason.check(ProcessDone))
