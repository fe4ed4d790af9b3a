"""Bytes sent inside the kernel: a session between a plain socket and a pipe or a file, without copies to us.

Theory.  ``Direct`` takes a connection's socket and is its transport from then on; the session still decides
about ends and times.  From a pipe bytes go out by splice(2), from a file by sendfile(2).  splice says only
that it would block, not on which side: whoever was waited for had something, so now the other side
is waited for.  What comes in is copied: measured, that costs no more than splice into a pipe, whose slots
each hold what one packet brought.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.forward.session import Session
from netsuite.forward.standard import PIECE, PIPE_BYTES, Input, enlarge
from netsuite.wire import RESET, Connection, forget

#: Bytes that one call moves at most.
AT_ONCE = 1 << 20

_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


def can_move(transport: object, source: Input) -> bool:
    """Return whether what a source sends can be left to the kernel from now on."""
    return (
        hasattr(os, "splice")
        and type(transport) is Connection
        and source.kind in ("pipe", "file")
        and not source.is_over
    )


@implementer(IReadDescriptor)
class Stream:
    """Standard input, as the reactor sees it; what it tells is told on."""

    def __init__(self, fd: int, ready: Callable[[], None], gone: Callable[[], None]) -> None:
        self._fd, self.doRead, self._gone = fd, ready, gone

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def connectionLost(self, reason: Failure) -> None:
        """Its other end is gone."""
        self._gone()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"


@implementer(IReadWriteDescriptor)
class Direct:
    """The transport of a session whose bytes the kernel moves."""

    def __init__(self, reactor: Any, session: Session, connection: Connection, source: Input) -> None:
        self._reactor, self._session = reactor, session
        self._source = source
        self.connected = True
        self._skt = connection.getHandle()
        self._moves_out = self._is_read = True
        self._is_over = False
        source.pauseProducing()
        self._stdin = Stream(source.fileno(), self._stdin_ready, self._stdin_gone)
        enlarge(source.fileno(), PIPE_BYTES)
        self._unsent: bytes | memoryview = connection.release(self)
        reactor.addWriter(self)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._skt.fileno()

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"

    # from the source to the peer

    def doWrite(self) -> None:
        """The socket takes something."""
        if not self.connected:
            return
        try:
            while self._unsent:
                self._unsent = memoryview(self._unsent)[self._skt.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._lost(CONNECTION_LOST)
            return
        if self._moves_out:
            self._out(self._wait_for_stdin)
        else:
            self._reactor.removeWriter(self)

    def _stdin_ready(self) -> None:
        if self._moves_out:
            self._out(self._wait_for_socket)

    def _stdin_gone(self) -> None:
        """The writer has left; what it has written is still there."""
        if self._moves_out:
            self._wait_for_socket()

    def _out(self, blocked: Callable[[], None]) -> None:
        try:
            if self._source.kind == "file":
                size = os.sendfile(self._skt.fileno(), self._source.fileno(), None, AT_ONCE)
            else:
                size = os.splice(self._source.fileno(), self._skt.fileno(), AT_ONCE, flags=_FLAGS)
        except BlockingIOError:
            blocked()
            return
        except OSError:
            self._lost(CONNECTION_LOST)
            return
        if size:
            self._source.is_empty = False
            self._session.moved_out(size)
            return
        self._moves_out = False
        self._reactor.removeReader(self._stdin)
        self._reactor.removeWriter(self)
        self._source.is_over = True
        self._source.ended()

    def _wait_for_stdin(self) -> None:
        if self._source.kind != "file":
            self._reactor.removeWriter(self)
            self._reactor.addReader(self._stdin)

    def _wait_for_socket(self) -> None:
        self._reactor.removeReader(self._stdin)
        self._reactor.addWriter(self)

    # from the peer to the output

    def doRead(self) -> None:
        """The peer has sent something."""
        if not self._is_read:
            return
        try:
            data = self._skt.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._lost(CONNECTION_LOST)
            return
        if data:
            self._session.moved_in(data)
        else:
            self.pauseProducing()
            self._is_over = True
            self._session.readConnectionLost()

    # what the session asks

    def write(self, data: bytes) -> None:
        """Nothing is said by us: there is no dialogue, and no line end is held back."""
        if data:
            raise AssertionError("a session in the kernel says nothing itself")

    def unregisterProducer(self) -> None:
        """There is none."""

    def pauseProducing(self) -> None:
        """Read no more from the peer."""
        if self._is_read:
            self._is_read = False
            self._reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """Read again."""
        if not (self._is_read or self._is_over) and self.connected:
            self._is_read = True
            self._reactor.addReader(self)

    def loseWriteConnection(self) -> None:
        """Send FIN: everything has been sent."""
        try:
            self._skt.shutdown(socket.SHUT_WR)
        except OSError:  # reset meanwhile: reading finds out
            return

    def loseConnection(self) -> None:
        """Close."""
        self._reactor.callLater(0, self._lost, CONNECTION_DONE)

    def abortConnection(self) -> None:
        """Close by RST."""
        if self.connected:
            self._skt.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._reactor.callLater(0, self._lost, CONNECTION_DONE)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw the end of the socket."""
        self._lost(reason.value or CONNECTION_LOST)

    def _lost(self, error: BaseException) -> None:
        if not self.connected:
            return
        self.connected = self._moves_out = self._is_read = False
        self._reactor.removeReader(self._stdin)
        forget(self._reactor, self)
        self._skt.close()
        self._session.connectionLost(Failure(error))
