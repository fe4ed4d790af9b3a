"""A poll loop that calls our connections directly: Twisted's epoll reactor, but for one step.

Twisted wraps each event in a logging context and a check that the descriptor is open; together they cost
more than reading from the socket.  Our own connections log without that context and know when they are
closed, so a plain "there is something to read" goes straight to their ``doRead``.  Everything else, also
every other kind of descriptor, goes Twisted's way.  Time is the monotonic clock's: Twisted's is the wall
clock, and a time limit must not pass because somebody set it.

Chosen by ``twistd --reactor netsuite``, and by our services where no reactor was chosen and the machine has
epoll.
"""

from __future__ import annotations

import errno
import sys
import time
from select import EPOLLIN, EPOLLOUT
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log

from netsuite.dial import Attempt
from netsuite.splice import Side
from netsuite.wire import Connection

#: What is called directly.
_OURS: frozenset[Any] = frozenset((Attempt, Connection, Side))


class DirectReactor(EPollReactor):
    """The epoll reactor with a short way to the ``doRead`` of our connections and tunnels."""

    seconds = staticmethod(time.monotonic)

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, at most ``timeout`` seconds (None: for ever), and hand each to its descriptor."""
        selectables: Any = self._selectables
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, max(1, len(selectables)))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for fd, event in events:
            selectable = selectables.get(fd)
            if event in (EPOLLIN, EPOLLOUT) and selectable.__class__ in _OURS:
                why: BaseException | None
                try:
                    why = selectable.doRead() if event == EPOLLIN else selectable.doWrite()
                except BaseException as error:
                    why = error
                    log.err()
                if why is not None:
                    self._disconnectSelectable(selectable, why, event == EPOLLIN)
            elif selectable is not None:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)

    doIteration = doPoll

    def hand_over(self, fd: int, heir: Any) -> None:
        """What there is to read at ``fd`` is ``heir``'s from now on; the kernel is told only what changes."""
        if fd in self._writes:
            self._writes.remove(fd)
            self._poller.modify(fd, EPOLLIN)
        elif fd not in self._reads:
            self._poller.register(fd, EPOLLIN)
        self._reads.add(fd)
        self._selectables[fd] = heir

    def forget(self, fd: int) -> None:
        """``fd`` is closed next; the kernel then forgets it by itself."""
        self._reads.discard(fd)
        self._writes.discard(fd)
        self._selectables.pop(fd, None)


def prefer() -> None:
    """Make this the process's reactor unless one was chosen already."""
    if "twisted.internet.reactor" not in sys.modules:
        install()


def install() -> None:
    """Make this the process's reactor.  Raises: ReactorAlreadyInstalledError."""
    installReactor(DirectReactor())
