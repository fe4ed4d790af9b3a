"""``--workers``: relay processes that share the listening sockets, and who looks after them.

Theory.  The first process binds and never accepts; workers are given the bound sockets, so that all accept
from one queue and a worker that is stuck holds back nobody else's clients.  Each worker says every second
that it lives, and what it has counted.  One that was silent for ``SILENT_SECONDS`` is killed, by its process
id; one that is gone is replaced, at once if it had lived for a while and ever later if it keeps dying.  A
worker ends when its connection to the first process does, so that none outlives it.

What passes between them, in the form that ``talk`` has.  To a worker: ``start`` and ``reload`` with the
places and sockets to listen on, ``reopen``, ``drain``, ``try`` (a log-in that another has seen).  From one:
``beat``, ``try``, ``log``.  A service that is built on the proxy has messages of its own.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.metrics import Gauges
from netsuite.notify import for_child
from netsuite.proxy import balance
from netsuite.proxy.sums import Sums
from netsuite.proxy.talk import Message, Talk

#: Seconds between two beats of a worker, without one until it is killed, and to start in.
BEAT_SECONDS = 1.0
SILENT_SECONDS = 5.0
STARTING_SECONDS = 30.0

#: Seconds after which a lost worker is replaced if it was short-lived: first, and at most.
AGAIN_SECONDS, AGAIN_MOST = 0.5, 30.0

#: Seconds of life after which a loss says nothing about the next worker.
SETTLED_SECONDS = 10.0

#: Seconds past the drain that a worker has to end in.
ENDING_SECONDS = 3.0

_CHANNEL = 3  # the descriptor of a worker's socket to us


@dataclass(frozen=True, slots=True)
class Given:
    """What workers listen on: endpoint descriptions with their sockets; and all addresses that are ours."""

    descriptions: Sequence[str]
    sockets: Sequence[tuple[int, int]]  # descriptor here, address family
    own: Sequence[tuple[str, int]]

    def message(self) -> Message:
        """Return it as a message has it; the descriptors travel beside it."""
        families = [family for _, family in self.sockets]
        return {"descriptions": list(self.descriptions), "families": families, "own": list(self.own)}

    @property
    def descriptors(self) -> list[int]:
        """The sockets' descriptors."""
        return [descriptor for descriptor, _ in self.sockets]


class Worker(ProcessProtocol):
    """One worker process, from its start to its end."""

    transport: Any

    def __init__(self, owner: Workers, number: int, now: float) -> None:
        self._owner, self.number = owner, number
        self.started_at = self.heard_at = now
        self.is_ready = False
        self.pid = 0
        self.talk = Talk(self._heard)

    def _heard(self, message: Message, sockets: list[int]) -> None:
        self._owner.heard(self, message)

    def kill(self) -> None:
        """End it now."""
        if self.transport is not None and self.transport.pid is not None:
            os.kill(self.transport.pid, signal.SIGKILL)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self._owner.ended(self, reason)


class Workers(service.Service):
    """Runs ``count`` workers.  ``command``: of a number's worker; ``given``: what it is to listen on now.

    ``drain_seconds``: within which a worker ends when it is told to; ``on_message`` gets a worker's messages
    that are none of ours.
    """

    def __init__(
        self,
        reactor: Any,
        count: int,
        *,
        command: Callable[[int], list[str]],
        given: Callable[[], Given],
        greeting: Callable[[], Message],
        on_try: Callable[[str, bool], object],
        drain_seconds: Callable[[], float],
        on_message: Callable[[Worker, Message], object] = lambda worker, message: None,
    ) -> None:
        self._reactor, self._count, self._command = reactor, count, command
        self._given, self._greeting, self._on_try = given, greeting, on_try
        self._drain_seconds, self._on_message = drain_seconds, on_message
        self.sums = Sums()
        self._shared = -1  # memory in which workers tell each other how much they have to do
        self._workers: dict[int, Worker] = {}
        self._losses = [0] * count
        self._waiting: dict[int, Any] = {}  # the next start of a number
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._looked_at = 0.0
        self._all_gone: defer.Deferred[None] | None = None

    def startService(self) -> None:
        """Start all, as soon as the reactor runs."""
        super().startService()
        self._reactor.callWhenRunning(self._start_all)

    def _start_all(self) -> None:
        self._shared = balance.make(self._count)
        for number in range(self._count):
            self._start(number)
        self._looked_at = self._reactor.seconds()
        journal.detach(self._looking.start(BEAT_SECONDS, now=False), where="workers.look")

    def _start(self, number: int) -> None:
        self._waiting.pop(number, None)
        if not self.running:
            return
        worker = Worker(self, number, self._reactor.seconds())
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _One(worker.talk))
            try:
                self._reactor.spawnProcess(
                    worker,
                    sys.executable,
                    self._command(number),
                    env=_environment(),
                    childFDs={0: 0, 1: 1, 2: 2, _CHANNEL: theirs.fileno()},
                )
            except OSError as error:  # no descriptors, no memory, no processes left: all of it passes
                worker.talk.transport.loseConnection()
                self._again(number, 0, error.strerror or "not started")
                return
        worker.pid = worker.transport.pid or 0
        self._workers[number] = worker
        journal.worker_started(number=number, pid=worker.pid)
        self._tell_start(worker)

    def _tell_start(self, worker: Worker) -> None:
        given = self._given()
        told = {"do": "start", "count": self._count, **given.message(), **self._greeting()}
        worker.talk.say(told, [self._shared, *given.descriptors])

    def heard(self, worker: Worker, message: Message) -> None:
        """A worker has said something; that alone says that it lives."""
        worker.heard_at = self._reactor.seconds()
        if "beat" in message and self._workers.get(worker.number) is worker:
            worker.is_ready = True
            self.sums.hear(worker.number, message["beat"], message["counts"])
        elif "try" in message:
            client, ok = message["try"]
            self._on_try(client, ok)
            for other in self._workers.values():
                if other is not worker:
                    other.talk.say({"do": "try", "client": client, "ok": ok})
        elif "log" in message:
            for level, text, own in message["log"]:
                journal.worker_said(level=level, text=text, own=own)
            if message["lost"]:
                journal.worker_lines_lost(number=worker.number, count=message["lost"])
        else:
            self._on_message(worker, message)

    def _look(self) -> None:
        now = self._reactor.seconds()
        late, self._looked_at = now - self._looked_at - BEAT_SECONDS, now
        for worker in list(self._workers.values()):
            if late > BEAT_SECONDS:  # it was we who stood still
                worker.heard_at += late
            silent = now - worker.heard_at
            if silent > (SILENT_SECONDS if worker.is_ready else STARTING_SECONDS):
                journal.worker_silent(number=worker.number, pid=worker.pid, seconds=silent)
                worker.heard_at = now
                worker.kill()

    def ended(self, worker: Worker, reason: Failure) -> None:
        """A worker is gone: replace it, unless all are to go."""
        self._workers.pop(worker.number, None)
        self.sums.gone(worker.number)
        if self.running:
            lived = self._reactor.seconds() - worker.started_at
            if lived >= SETTLED_SECONDS:
                self._losses[worker.number] = 0
            why = "ended" if reason.check(ProcessDone) else reason.getErrorMessage()
            self._again(worker.number, worker.pid, why)
        elif not self._workers and self._all_gone is not None:
            gone, self._all_gone = self._all_gone, None
            gone.callback(None)

    def _again(self, number: int, pid: int, reason: str) -> None:
        losses = self._losses[number]
        self._losses[number] += 1
        delay = min(AGAIN_MOST, AGAIN_SECONDS * 2 ** (losses - 1)) if losses else 0.0
        journal.worker_lost(number=number, pid=pid, reason=reason, seconds=delay)
        self._waiting[number] = self._reactor.callLater(delay, self._start, number)

    # -- what is passed on ---------------------------------------------------------------------------------

    def reload(self) -> None:
        """Have every worker read its settings again, and listen where we do now."""
        given = self._given()
        told = {"do": "reload", **given.message(), **self._greeting()}
        for worker in self._workers.values():
            worker.talk.say(told, given.descriptors)

    def reopen(self) -> None:
        """Have every worker open its logs again."""
        self.tell({"do": "reopen"})

    def tell(self, message: Message) -> None:
        """Say this to every worker."""
        for worker in self._workers.values():
            worker.talk.say(message)

    def tell_one(self, message: Message) -> bool:
        """Say this to one that is at work; False: none is."""
        for worker in self._workers.values():
            if worker.is_ready:
                worker.talk.say(message)
                return True
        return False

    def status(self) -> dict[str, Any]:
        """Return the sum of what workers say of themselves, and each worker's state."""
        now = self._reactor.seconds()
        each = [
            {
                "pid": worker.pid,
                "ready": worker.is_ready,
                "silent_s": round(now - worker.heard_at, 1),
                "connections": self.sums.status.get(number, {}).get("connections", 0),
            }
            for number, worker in sorted(self._workers.items())
        ]
        return {**self.sums.added_status(), "workers": each}

    def reasons(self) -> Iterable[str]:
        """Return why nobody is served, if that is so."""
        if not any(worker.is_ready for worker in self._workers.values()):
            yield "no worker is ready"

    def gauges(self) -> Gauges:
        """Return how many there are, for /metrics."""
        return Gauges(
            workers=("Worker processes that there should be.", lambda: float(self._count)),
            workers_ready=(
                "Worker processes that are at work.",
                lambda: float(sum(worker.is_ready for worker in self._workers.values())),
            ),
        )

    def stopService(self) -> defer.Deferred[None]:
        """Fires when every worker has ended: by itself once its clients are served, or killed in the end."""
        super().stopService()
        if self._looking.running:
            self._looking.stop()
        for call in self._waiting.values():
            call.cancel()
        self._waiting.clear()
        if self._shared >= 0:
            os.close(self._shared)
            self._shared = -1
        if not self._workers:
            return defer.succeed(None)
        gone = self._all_gone = defer.Deferred()
        self.tell({"do": "drain"})
        late = self._reactor.callLater(self._drain_seconds() + ENDING_SECONDS, self._kill_all)
        return gone.addCallback(lambda _: late.cancel() if late.active() else None)

    def _kill_all(self) -> None:
        for worker in list(self._workers.values()):
            worker.kill()


class _One(Factory):
    """Gives the protocol there is."""

    noisy = False

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def buildProtocol(self, addr: IAddress | None) -> Talk:
        return self._talk


def _environment() -> dict[str, str]:
    """Return our environment, in which a child finds this very package."""
    package = str(Path(__file__).resolve().parents[2])
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    searched = [os.path.abspath(folder) for folder in given]
    return {**for_child(os.environ), "PYTHONPATH": os.pathsep.join([*searched, *({package} - set(searched))])}
