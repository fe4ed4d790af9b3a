"""Standard input and output on the reactor, left as they were found.

Theory.  The descriptors 0 and 1 are shared with whoever started us: the flag O_NONBLOCK belongs to all of
them, and a shell or ``cat`` that inherits it breaks.  So it is never set.  Input is read when there is
something, which does not block.  Output that is a pipe or a terminal is opened once more, by its name in
/proc or /dev/fd: that makes a description of our own, which may be non-blocking.  A socket is asked not to
wait, call by call.  A regular file never makes anyone wait for long.  Where nothing of this works output is
written in pieces that a pipe takes whole once it takes anything (PIPE_BUF, pipe(7)).

The modes of a terminal are never touched, so that there is nothing to restore.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import stat
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IPushProducer, IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes that are read at once (more don't fit the processor's cache), that are offered at once, and that a
#: pipe of ours holds where the kernel lets us choose.
READ = 64 * 1024
PIECE = 256 * 1024
PIPE_BYTES = 1 << 20

#: Bytes that wait for standard output before the peer is not read any more.
QUEUE_MAX = 512 * 1024


def kind_of(fd: int) -> str:
    """Return what a descriptor is: ``pipe``, ``terminal``, ``socket``, ``file``, ``other``; ``closed``."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return "closed"
    if stat.S_ISFIFO(mode):
        return "pipe"
    if stat.S_ISSOCK(mode):
        return "socket"
    if stat.S_ISREG(mode):
        return "file"
    return "terminal" if os.isatty(fd) else "other"


def can_wait(reactor: Any, one: Any) -> bool:
    """Return whether the reactor was able to take a reader on; files and /dev/null are always ready."""
    try:
        poll = select.epoll()
    except (AttributeError, TypeError, OSError):  # another system, or no descriptor left
        return kind_of(one.fileno()) not in ("file", "other")
    try:
        poll.register(one.fileno(), select.EPOLLIN)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        return False
    finally:
        poll.close()
    return True


@implementer(IPushProducer, IReadDescriptor)
class Input:
    """Bytes from a descriptor: ``received`` is called with each piece, then ``ended`` once, or ``failed``.

    ``is_empty``: nothing has come so far; ``is_over``: its end has come.
    """

    def __init__(self, reactor: Any, fd: int) -> None:
        self._reactor, self._fd = reactor, fd
        self.received: Callable[[bytes], None]
        self.ended: Callable[[], None]
        self.failed: Callable[[OSError], None]
        self.is_empty, self.is_over = True, False
        self._reading = False
        self.kind = kind_of(fd)
        self._waits = self.kind != "closed" and can_wait(reactor, self)
        self._turn: Any = None

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is of no use any more."""
        return self._fd

    def resumeProducing(self) -> None:
        """Read, from the reactor's next turn on."""
        if self._reading or self.is_over:
            return
        self._reading = True
        if self._waits:
            self._reactor.addReader(self)
        else:
            self._turn = self._reactor.callLater(0, self._next)

    def pauseProducing(self) -> None:
        """Read no more for now."""
        if not self._reading:
            return
        self._reading = False
        if self._waits:
            self._reactor.removeReader(self)
        elif self._turn is not None and self._turn.active():
            self._turn.cancel()

    stopProducing = pauseProducing

    def _next(self) -> None:
        self.doRead()
        if self._reading:
            self._turn = self._reactor.callLater(0, self._next)

    def doRead(self) -> None:
        """Read a piece."""
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.EIO):  # closed; a terminal that hung up
                self.pauseProducing()
                self.is_over = True
                self.failed(OSError(error.errno, error.strerror, "standard input"))
                return
            data = b""
        if data:
            self.is_empty = False
            self.received(data)
        else:
            self._end()

    def _end(self) -> None:
        if self.is_over:
            return
        self.pauseProducing()
        self.is_over = True
        self.ended()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw the end of the other side."""
        self._end()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"


@implementer(IReadDescriptor, IWriteDescriptor)
class Output:
    """Bytes to a descriptor; those that it does not take at once wait.

    ``full`` and ``drained`` are called as the queue passes ``QUEUE_MAX`` and is empty again, ``broken`` once
    with the error after which nothing can be written.
    """

    def __init__(self, reactor: Any, fd: int) -> None:
        self._reactor = reactor
        self.kind = kind_of(fd)
        self.full: Callable[[], None] = _nothing
        self.drained: Callable[[], None] = _nothing
        self.broken: Callable[[OSError], None] = _nothing
        self._fd, self._own = fd, -1
        self._piece = PIECE
        self._is_full = self._is_broken = False
        self._queue: deque[memoryview] = deque()
        self.queued = 0
        self._socket: socket.socket | None = None
        if self.kind == "socket":
            self._socket = socket.socket(fileno=os.dup(fd))
        elif self.kind in ("pipe", "terminal"):
            self._reopen()
            enlarge(self._fd, PIECE)
        self._watches = self.kind == "pipe"

    def _reopen(self) -> None:
        for folder in ("/proc/self/fd", "/dev/fd"):
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._own = self._fd = os.open(f"{folder}/{self._fd}", flags)
            except OSError:
                continue
            return
        self._piece = select.PIPE_BUF

    def start(self) -> None:
        """From now on the end of a pipe's reader is noticed at once."""
        if self._watches:
            self._reactor.addReader(self)

    def pause(self) -> None:
        """Look no more whether the reader is there."""
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def write(self, data: bytes | memoryview) -> None:
        """Write it now or later."""
        if self._is_broken or not data:
            return
        self._queue.append(memoryview(data))
        self.queued += len(data)
        if len(self._queue) == 1:
            self._send()
        else:
            self._bound()

    def _send(self) -> None:
        """Write what can be written."""
        queue = self._queue
        try:
            while queue:
                sent = self._offer(queue[0])
                self.queued -= sent
                if sent == len(queue[0]):
                    queue.popleft()
                else:
                    queue[0] = queue[0][sent:]
        except BlockingIOError:
            pass
        except OSError as error:
            self._break(error)
            return
        if queue:
            self._reactor.addWriter(self)
            self._bound()
            return
        self._reactor.removeWriter(self)
        self._is_full = False
        self.drained()

    def _bound(self) -> None:
        if self.queued > QUEUE_MAX and not self._is_full:
            self._is_full = True
            self.full()

    def _offer(self, data: memoryview) -> int:
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        if self._piece < PIECE and not _has_room(self._fd):
            raise BlockingIOError
        return os.write(self._fd, data[: self._piece])

    def doWrite(self) -> None:
        """There is room."""
        self._send()

    def break_off(self) -> None:
        """Whoever read it has left."""
        self._break(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))

    def doRead(self) -> None:
        """Nothing is ever read here; a pipe whose reader has left says so by its end."""

    def connectionLost(self, reason: Failure) -> None:
        """The reader has left."""
        self.break_off()

    def _break(self, error: OSError) -> None:
        if self._is_broken:
            return
        self._is_broken = True
        self._queue.clear()
        self.queued = 0
        self._forget()
        self.broken(error)

    def _forget(self) -> None:
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)

    def close(self) -> None:
        """Let go of it; what still waits is lost."""
        self._is_broken = True
        self._forget()
        self.full = self.drained = self.broken = _nothing
        if self._own >= 0:
            os.close(self._own)
            self._own = -1
        if self._socket is not None:
            self._socket.close()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"


def enlarge(fd: int, size: int) -> None:
    """A pipe holds so many bytes, where the kernel lets us choose."""
    with suppress(OSError, AttributeError):  # no pipe, or an unprivileged user's share is used up
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)


def _has_room(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _nothing(*_arguments: object) -> None:
    """Nobody wants to know."""
