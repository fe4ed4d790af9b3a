"""Bytes moved inside the kernel: a session between a plain socket and a pipe or a file, without copies to us.

Theory.  ``Direct`` takes the socket of a session's connection and is its transport from then on; the session
still decides about ends and times.  From a pipe bytes go out by splice(2), from a file by sendfile(2); what
comes in goes to a pipe by splice, to a file by a buffer that is used again and again.  splice says only that
it would block, not on which side: whoever was waited for had something, so now the other side is waited for.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.forward.session import Session
from netsuite.forward.standard import PIPE_BYTES, Input, Output, enlarge
from netsuite.wire import RESET, Connection, forget

#: Bytes that one call moves at most.
AT_ONCE = 1 << 20

_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


def can_move(transport: object, source: Input, output: Output) -> bool:
    """Return whether a session between these can be handed to the kernel now."""
    return (
        hasattr(os, "splice")
        and type(transport) is Connection
        and source.kind in ("pipe", "file")
        and output.kind in ("pipe", "file", "other")
        and not source.is_over
        and not output.queued
    )


@implementer(IReadWriteDescriptor)
class Stream:
    """A standard stream, as the reactor sees it; what it tells is told on."""

    def __init__(self, fd: int, ready: Callable[[], None], gone: Callable[[], None]) -> None:
        self._fd, self.doRead, self.doWrite, self._gone = fd, ready, ready, gone

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

    def __init__(
        self, reactor: Any, session: Session, connection: Connection, source: Input, output: Output
    ) -> None:
        self._reactor, self._session = reactor, session
        self._source, self._output = source, output
        self.connected = True
        self._skt = connection.getHandle()
        self._moves_out = True
        self._buffer = bytearray(AT_ONCE) if output.kind != "pipe" else None
        source.pauseProducing()
        output.pause()
        self._stdin = Stream(source.fileno(), self._stdin_ready, self._stdin_gone)
        self._stdout = Stream(output.fileno(), self._stdout_ready, self._stdout_gone)
        enlarge(source.fileno(), PIPE_BYTES)
        enlarge(output.fileno(), PIPE_BYTES)
        self._unsent: bytes | memoryview = connection.release(self)
        reactor.addWriter(self)
        if output.kind == "pipe":
            reactor.addReader(self._stdout)  # which says when its reader leaves

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
        if not self.connected:
            return
        if self._buffer is not None:
            self._copy(self._buffer)
        else:
            self._in(self._wait_for_stdout)

    def _stdout_ready(self) -> None:
        if self.connected:
            self._in(self._wait_for_peer)

    def _stdout_gone(self) -> None:
        if self.connected:
            self._output.break_off()

    def _in(self, blocked: Callable[[], None]) -> None:
        try:
            size = os.splice(self._skt.fileno(), self._stdout.fileno(), AT_ONCE, flags=_FLAGS)
        except BlockingIOError:
            blocked()
            return
        except OSError as error:
            if error.errno == errno.EPIPE:
                self._output.break_off()
            else:
                self._lost(CONNECTION_LOST)
            return
        self._came(size)

    def _copy(self, buffer: bytearray) -> None:
        try:
            size = self._skt.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._lost(CONNECTION_LOST)
            return
        self._output.write(memoryview(buffer)[:size])
        self._came(size)

    def _came(self, size: int) -> None:
        if size:
            self._session.moved_in(size)
        else:
            self.pauseProducing()
            self._reactor.removeWriter(self._stdout)
            self._session.readConnectionLost()

    def _wait_for_stdout(self) -> None:
        self._reactor.removeReader(self)
        self._reactor.addWriter(self._stdout)

    def _wait_for_peer(self) -> None:
        self._reactor.removeWriter(self._stdout)
        self._reactor.addReader(self)

    # what the session asks

    def write(self, data: bytes) -> None:
        """Nothing is said by us: there is no dialogue, and no line end is held back."""
        if data:
            raise AssertionError("a session in the kernel says nothing itself")

    def unregisterProducer(self) -> None:
        """There is none."""

    def pauseProducing(self) -> None:
        """Read no more from the peer."""
        self._reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """Nothing was paused but by us."""

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
        self.connected = self._moves_out = False
        for stream in (self._stdin, self._stdout):
            self._reactor.removeReader(stream)
            self._reactor.removeWriter(stream)
        forget(self._reactor, self)
        self._skt.close()
        self._session.connectionLost(Failure(error))
