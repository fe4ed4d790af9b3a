"""The writing end of a pipe to a process of ours: what the pipe takes is written at once, all by one call.

What it doesn't take waits here by reference and is written as the reader makes room.  Twisted's own pipe
would join the pieces, write them on the reactor's next turn, and ask the kernel for that turn each time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes that the pipe may hold: what a counter has in advance, so that it wakes us seldom.  It is the most
#: that the kernel gives who isn't root; where users have too many such pipes it stays at 64 KiB.
PIPE_BYTES = 1024 * 1024

#: Pieces written by one call; the kernel's own bound is 1024.
_VECTOR = 256


@implementer(IWriteDescriptor)
class Outlet:
    """Writes to ``fd``, which is its own from now on.  ``moved`` is called when the reader has made room."""

    def __init__(self, reactor: Any, fd: int, moved: Callable[[], None]) -> None:
        self._reactor, self._fd, self._moved = reactor, fd, moved
        self._queue: deque[bytes | memoryview] = deque()
        self._is_waiting = self._is_closing = False
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def is_empty(self) -> bool:
        """All that was written is in the pipe."""
        return not self._queue

    def write(self, pieces: Iterable[bytes]) -> None:
        """The pieces are in the pipe, or wait for room in it; nothing happens once it is closed."""
        if self._fd < 0 or self._is_closing:
            return
        self._queue.extend(filter(None, pieces))
        if not self._is_waiting:
            self._offer()

    def close(self) -> None:
        """The reader finds the end, once it has read all that was written."""
        self._is_closing = True
        if not self._queue:
            self.drop()

    def drop(self) -> None:
        """Nothing waits, and the pipe is closed."""
        self._queue.clear()
        self._wait(False)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _offer(self) -> None:
        queue = self._queue
        try:
            while queue:
                self._written(os.writev(self._fd, list(islice(queue, _VECTOR))))
        except BlockingIOError:
            self._wait(True)
        except OSError:  # the reader is gone, as whoever started it will hear
            queue.clear()
            self._wait(False)
        else:
            self._wait(False)

    def _written(self, size: int) -> None:
        queue = self._queue
        while size:
            first = queue.popleft()
            if len(first) > size:
                queue.appendleft(memoryview(first)[size:])
                return
            size -= len(first)

    def _wait(self, is_waiting: bool) -> None:
        """The reactor calls `doWrite` when there is room, or doesn't."""
        if is_waiting != self._is_waiting:
            self._is_waiting = is_waiting
            (self._reactor.addWriter if is_waiting else self._reactor.removeWriter)(self)

    # what the reactor asks

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def doWrite(self) -> None:
        """Write more of what waits."""
        self._offer()
        if self._is_closing and not self._queue:
            self.drop()
        self._moved()

    def connectionLost(self, reason: Failure) -> None:
        """The reader is gone; so is what waits for it."""
        self.drop()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"
