"""Two sockets joined inside the kernel: splice(2) moves bytes from one to the other without a copy to us.

Theory.  splice needs a pipe between two sockets.  A pipe is taken from a pool when bytes are there and given
back as soon as it is empty, which is at once unless the receiving side is slow: an idle tunnel holds no pipe,
and of this process's memory only two small objects, no buffer and no protocol.  While a pipe holds bytes the
side that they came from is not read, so a tunnel never holds more than a pipe's worth each way.  A side's
FIN passes on as a FIN (RFC 9293 §3.6) once what came before it has been sent; a reset passes on as a reset.

Two splices cost more than a copy of a few kilobytes, so a side's bytes are copied until a piece comes full,
and again once they come in small pieces; and where there is no pipe to be had.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.crowd import NEVER
from netsuite.wire import PIECE, RESET, Connection, IWire, forget

#: Bytes that one pipe can hold, where the kernel lets us choose, and so the most moved by one call.
PIPE_BYTES = 1 << 20

#: Bytes of a piece below which copying is cheaper.
BULK = 16 * 1024

#: Empty pipes kept for the next bytes; each is two descriptors.
PIPES_KEPT = 32

_AVAILABLE = hasattr(os, "splice")
_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)

Pipe = tuple[int, int]
_pipes: list[Pipe] = []


def _take_pipe() -> Pipe | None:
    if _pipes:
        return _pipes.pop()
    try:
        made = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no descriptors left: bytes are copied
        return None
    with suppress(OSError, AttributeError):  # an unprivileged user has only so much: the usual size will do
        fcntl.fcntl(made[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return made


def _give_pipe(pipe: Pipe) -> None:
    if len(_pipes) < PIPES_KEPT:
        _pipes.append(pipe)
    else:
        _close_pipe(pipe)


def _close_pipe(pipe: Pipe) -> None:
    os.close(pipe[0])
    os.close(pipe[1])


@implementer(IReadWriteDescriptor)
class Side:
    """One socket of a tunnel.  ``count``: bytes that came from its peer."""

    __slots__ = (
        "_held",
        "_is_bulk",
        "_is_read",
        "_is_written",
        "_over",
        "_pipe",
        "_unsent",
        "count",
        "other",
        "skt",
        "tunnel",
    )

    def __init__(self, tunnel: Tunnel, connection: Connection) -> None:
        self.tunnel = tunnel
        self.other: Side
        self.count = 0
        self._pipe: Pipe | None = None
        self._held = 0  # bytes in the pipe, from this side's peer
        self._is_read, self._is_written = True, False
        self._over = False  # the peer has sent its FIN
        self._is_bulk = False  # it sends large pieces
        self.skt = connection.socket
        #: To this side's peer, before anything of a pipe.
        self._unsent: bytes | memoryview = connection.release(self)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self.skt.fileno()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"

    # from this side's peer to the other's

    def doRead(self) -> None:
        """Move what has come."""
        tunnel = self.tunnel
        if tunnel.is_over:
            return
        tunnel.touch()
        pipe = _take_pipe() if self._is_bulk else None
        if pipe is None:
            self._copy()
            return
        try:
            size = os.splice(self.skt.fileno(), pipe[1], PIPE_BYTES, flags=_FLAGS)
        except BlockingIOError:
            _give_pipe(pipe)
            return
        except OSError as error:
            _give_pipe(pipe)
            if error.errno == errno.EINVAL:
                self._copy()
            else:
                tunnel.end(reset=True)
            return
        if not size:
            _give_pipe(pipe)
            self._ended()
            return
        self.count += size
        self._is_bulk = size >= BULK
        self._pipe, self._held = pipe, size
        self.other.doWrite()

    def _copy(self) -> None:
        """Read a piece and send it: nothing waits for the other side, or this one would not be read."""
        other = self.other
        try:
            data = self.skt.recv(PIECE)
            size = len(data)
            if not size:
                self._ended()
                return
            self.count += size
            self._is_bulk = size == PIECE
            try:
                sent = other.skt.send(data)
            except BlockingIOError:
                sent = 0
        except BlockingIOError:
            return
        except OSError:
            self.tunnel.end(reset=True)
            return
        if sent < size:
            other.send(data[sent:])

    def _ended(self) -> None:
        self._over = True
        other = self.other
        if other._over and not (other._held or other._unsent or self._unsent):
            self.tunnel.end(reset=False)
            return
        self._read(False)
        other.doWrite()

    # to this side's peer

    def send(self, data: bytes) -> None:
        """Send bytes that are in our memory, after those that wait."""
        self._unsent = bytes(self._unsent) + data
        self.doWrite()

    def doWrite(self) -> None:
        """Send what waits for this side's peer; read the other side on once nothing does."""
        other = self.other
        if self.tunnel.is_over:
            return
        try:
            while self._unsent:
                self._unsent = memoryview(self._unsent)[self.skt.send(self._unsent) :]
            while other._held:
                pipe = other._pipe
                assert pipe is not None  # noqa: S101 - what is held is held in it
                other._held -= os.splice(pipe[0], self.skt.fileno(), other._held, flags=_FLAGS)
        except BlockingIOError:
            other._read(False)
            self._write(True)
            return
        except OSError:
            self.tunnel.end(reset=True)
            return
        self._unsent = b""
        if other._pipe is not None:
            _give_pipe(other._pipe)
            other._pipe = None
        self._write(False)
        if not other._over:
            other._read(True)
        elif self._over:
            if not self._held:
                self.tunnel.end(reset=False)
        else:
            self._send_fin()

    def _send_fin(self) -> None:
        try:
            self.skt.shutdown(socket.SHUT_WR)
        except OSError:  # reset meanwhile
            self.tunnel.end(reset=True)

    # the reactor

    def _read(self, wanted: bool) -> None:
        if wanted is not self._is_read:
            self._is_read = wanted
            reactor = self.tunnel.reactor
            (reactor.addReader if wanted else reactor.removeReader)(self)

    def _write(self, wanted: bool) -> None:
        if wanted is not self._is_written:
            self._is_written = wanted
            reactor = self.tunnel.reactor
            (reactor.addWriter if wanted else reactor.removeWriter)(self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw the end of the socket."""
        self.tunnel.end(reset=not reason.check(ConnectionDone))

    def close(self, *, reset: bool) -> None:
        """Let go of everything."""
        forget(self.tunnel.reactor, self)
        if self._pipe is not None:
            if self._held:
                _close_pipe(self._pipe)  # bytes of this tunnel must not come out of another
            else:
                _give_pipe(self._pipe)
            self._pipe, self._held = None, 0
        if reset:
            self.skt.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.skt.close()


class Tunnel:
    """Two sockets joined; a member of a crowd, which ends it when it is silent for ``idle`` seconds.

    ``note``: what ``ended`` needs to know of it.
    """

    __slots__ = ("_ended", "_idle", "busy", "deadline", "ends", "left", "note", "reactor", "right")

    def __init__(
        self, reactor: Any, left: IWire, right: IWire, idle: float, ended: Callable[[Tunnel], None], note: Any
    ) -> None:
        self.reactor, self._idle, self.note = reactor, idle, note
        self._ended: Callable[[Tunnel], None] | None = ended
        self.busy, self.ends = True, NEVER
        assert isinstance(left, Connection)  # noqa: S101 - who calls has asked ``can_join``
        assert isinstance(right, Connection)  # noqa: S101
        self.left, self.right = Side(self, left), Side(self, right)
        self.left.other, self.right.other = self.right, self.left
        self.touch()

    def start(self, early_left: bytes = b"", early_right: bytes = b"") -> None:
        """Begin to move bytes; first those that a side's peer has sent early."""
        self.left.count, self.right.count = len(early_left), len(early_right)
        self.left.send(early_right)
        self.right.send(early_left)

    @property
    def is_over(self) -> bool:
        """Whether both sides are closed."""
        return self._ended is None

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""
        self.deadline = self.reactor.seconds() + self._idle

    def end(self, *, reset: bool) -> None:
        """Close both sides, by RST if one was reset; told once."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        self.left.close(reset=reset)
        self.right.close(reset=reset)
        ended(self)

    # what the crowd asks

    def overdue(self) -> None:
        """Silent for too long."""
        self.end(reset=True)

    def drain(self) -> None:
        """A tunnel goes on until its ends have said what they had to, or the time to drain is over."""

    def shut(self) -> None:
        """Close now."""
        self.end(reset=True)


def can_join(left: object, right: object) -> bool:
    """Return whether two connections are plain sockets of ours."""
    return _AVAILABLE and type(left) is Connection and type(right) is Connection
