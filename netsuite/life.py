"""A service's life: signals, reload, drain, and readiness messages to systemd.

TERM and INT end with status 0 after a drain, a second one ends at once; HUP reloads; USR1 reopens logs;
USR2 pauses and resumes what can be paused.  The same in foreground and background (twistd itself would die
of HUP, re-raise TERM and know USR1 only for a log file).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from twisted.application import service
from twisted.internet.task import LoopingCall

from netsuite import deposit, held, journal, launch, privilege, twistdlog
from netsuite.health import Reloads
from netsuite.listen import Terminal, listeners
from netsuite.notify import notify, watchdog_seconds

#: Seconds after a second signal at which the process is gone, whatever its threads do.
LAST_SECONDS = 0.5

#: Seconds beyond its drain that a service may take to stop before its manager kills it.
STOP_SECONDS = 30.0


def steady(reactor: Any) -> None:
    """The reactor's seconds no longer follow the machine's clock, which may be set back or forth.

    Twisted takes the time of day for its timers: an hour back, and none of them fires for an hour.  Nothing
    changes where calls are waiting already, as they were timed by that clock.
    """
    if not reactor.getDelayedCalls():
        reactor.seconds = time.monotonic


def exit_soon() -> None:
    """The process is gone in ``LAST_SECONDS``, even if a thread of ours would hold up its end."""
    late = threading.Timer(LAST_SECONDS, os._exit, (0,))
    late.daemon = True
    late.start()


class Life(service.Service):
    """Takes the process's signals.  It stands first in a service tree: started before all, stopped after all.

    ``on_prepare``, ``on_reopen`` and ``on_pause`` are called in the reactor's thread.  ``on_prepare`` returns
    what puts the settings in force as they are now; where they can't be it raises ValueError or OSError, and
    nothing has changed.  ``on_reload`` does both in one.  ``drain_seconds``: the longest that a stop waits.
    """

    def __init__(
        self,
        reactor: Any,
        terminal: Terminal,
        *,
        on_reload: Callable[[], None] | None = None,
        on_prepare: Callable[[], Callable[[], None]] | None = None,
        on_reopen: Callable[[], None] | None = None,
        on_pause: Callable[[], None] | None = None,
        reloads: Reloads | None = None,
        drain_seconds: Callable[[], float] = float,
        exit_soon: Callable[[], None] = exit_soon,
    ) -> None:
        self.drain_seconds = drain_seconds
        self._exit_soon = exit_soon
        self._reactor, self._terminal = reactor, terminal
        self._on_reload, self._on_reopen, self._on_pause = on_reload, on_reopen, on_pause
        self._on_prepare = on_prepare
        self.reloads = reloads or Reloads()
        self._previous: dict[int, Any] = {}
        self._stopping = False
        self._others: tuple[Life, ...] = ()
        self._watching: LoopingCall | None = None

    def stand_in(self, others: Sequence[Life]) -> None:
        """This one takes the signals for others in the same process, which are no services any more."""
        self._others = tuple(others)
        for other in others:
            other.disownServiceParent()

    def reload(self) -> None:
        """The settings are read again.  Raises: ValueError, OSError; then nothing has changed."""
        if not self._reloads():
            return
        try:
            self.prepare()()
        except (OSError, ValueError) as error:
            self.reloads.refused(str(error))
            raise
        self.reloads.worked()

    def prepare(self) -> Callable[[], None]:
        """Return what puts the settings in force as they are now.  Raises: ValueError, OSError."""
        if self._on_prepare is not None:
            return self._on_prepare()
        return self._on_reload or (lambda: None)

    def _reloads(self) -> bool:
        return self._on_prepare is not None or self._on_reload is not None

    def reopen(self) -> None:
        """What is written to is opened again."""
        if self._on_reopen is not None:
            self._on_reopen()

    def pause(self) -> bool:
        """What can be paused is, or goes on; whether there is something."""
        if self._on_pause is not None:
            self._on_pause()
        return self._on_pause is not None

    def privilegedStartService(self) -> None:
        """The pidfile is written by now."""
        super().privilegedStartService()
        launch.show_pidfile()

    def startService(self) -> None:
        """Take the signals; the reactor's own handlers come first, so TERM and INT wait until it runs."""
        super().startService()
        self._take(signal.SIGHUP, self._hup)
        self._take(signal.SIGUSR1, self._usr1)
        self._take(signal.SIGUSR2, self._usr2)
        self._reactor.callWhenRunning(self._ready)

    def stopService(self) -> None:
        """Give the signals back once all has stopped: until then a second one ends everything at once."""
        super().stopService()
        self._reactor.addSystemEventTrigger("after", "shutdown", self._give_back)

    def _give_back(self) -> None:
        if self._watching is not None and self._watching.running:
            self._watching.stop()
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
        held.release()

    def _ready(self) -> None:
        self._take(signal.SIGTERM, self._stop)
        self._take(signal.SIGINT, self._stop)
        self._catch_up()
        if privilege.stays_root():
            journal.serves_as_root()
        for life in (self, *self._others):
            life._terminal.release()
        self._leave_sockets()
        notify("READY=1", f"MAINPID={os.getpid()}", self._status())
        if (seconds := watchdog_seconds()) is not None:
            self._watching = LoopingCall(notify, "WATCHDOG=1")
            self._watching.clock = self._reactor
            journal.detach(self._watching.start(seconds), where="life.watchdog")

    def _catch_up(self) -> None:
        """Signals that came while we started are heeded now."""
        if getattr(self._reactor, "_exitSignal", None) is not None:
            self._reactor._exitSignal = None  # its own handler has heard it, and would end us by it
        actions = {
            signal.SIGHUP: self._hup,
            signal.SIGUSR1: self._usr1,
            signal.SIGUSR2: self._usr2,
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
        }
        for number in held.take(*actions):
            self._reactor.callFromThread(actions[signal.Signals(number)], number)

    def _leave_sockets(self) -> None:
        found = [listening.to_leave() for listening in listeners(self.parent)]
        deposit.leave({name: fd for each in found for name, fd in each.items()})

    def _status(self) -> str:
        """Where the process listens, as a service manager shows it."""
        found = [listening for listening in listeners(self.parent) if listening.bound]
        return f"STATUS=listening: {', '.join(map(str, found))}" if found else "STATUS=running"

    def _take(self, number: int, action: Callable[[int], None]) -> None:
        def caught(number: int, frame: FrameType | None) -> None:
            self._reactor.callFromThread(action, number)

        self._previous[number] = signal.signal(number, caught)

    def _stop(self, number: int) -> None:
        name = signal.Signals(number).name
        if self._stopping:
            journal.signal_taken(name=name, what="ending at once")
            self._reactor.crash()  # twistd then removes its pidfile
            self._exit_soon()
            return
        self._stopping = True
        journal.signal_taken(name=name, what="finishing what is in hand")
        drain = max(life.drain_seconds() for life in (self, *self._others))
        notify(
            "STOPPING=1",
            "STATUS=finishing what is in hand",
            f"EXTEND_TIMEOUT_USEC={int((drain + STOP_SECONDS) * 1_000_000)}",
        )
        self._reactor.stop()

    def _hup(self, number: int) -> None:
        journal.signal_taken(name="SIGHUP", what="reloading")
        if not self._reloads():
            return
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=reloading")
        status = ""
        try:
            self.reload()
        except (OSError, ValueError) as error:
            journal.reload_failed(text=str(error))
            status = f"STATUS=reload refused: {journal.escaped(str(error))}"
        self._leave_sockets()
        notify("READY=1", status or self._status())

    def _usr1(self, number: int) -> None:
        rotate = self._previous.get(signal.SIGUSR1)
        if callable(rotate) and rotate != held.note:  # twistd's own, where its log is a file, and not ours
            rotate(number, None)
        for reopen in (twistdlog.reopen, *(life.reopen for life in (self, *self._others))):
            try:
                reopen()
            except OSError as error:
                journal.log_moved(where=error.filename or "a log", text=str(error.strerror))
        journal.signal_taken(name="SIGUSR1", what="logs reopened")

    def _usr2(self, number: int) -> None:
        paused = [life.pause() for life in (self, *self._others)]
        if not any(paused):
            journal.signal_taken(name="SIGUSR2", what="nothing here can be paused")
