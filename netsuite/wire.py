"""What our protocols may ask of a connection, and TCP connections that write at once.

Theory.  Twisted's own transport queues every write and sends it on the reactor's next turn: two more system
calls and a trip through the poll loop for each answer.  ``Connection`` offers the bytes to the socket in
``write`` and queues only what the kernel would not take.  Order is kept because nothing is offered while
anything is queued; an error found while writing is left to the reactor, which finds it again on its own
turn, so that ``connectionLost`` is never called from inside ``write``.

A producer paused by the queue is resumed when the queue is empty; a connection whose write never blocks
never pauses anybody.  Reading takes larger pieces while a peer fills them.  A connection may be ``released``:
its socket then belongs to whoever asked, as a tunnel that needs no protocol does.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IListeningPort,
    IProtocol,
    IPushProducer,
    IReadWriteDescriptor,
    ITCPTransport,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

#: Queued bytes past which a producer is paused.
QUEUE_MAX = 64 * 1024

#: Bytes asked of the kernel at once: usually, and while a peer has more.
PIECE = 64 * 1024
LARGE_PIECE = 256 * 1024

#: Pieces of the queue that are sent by one call; the kernel's own bound is 1024.
_VECTOR = 64

#: SO_LINGER with no time: close sends RST.
RESET = struct.pack("ii", 1, 0)


class IWire(Protocol):
    """What a protocol of ours may do with its connection."""

    disconnecting: Any

    def write(self, data: bytes) -> None:
        """Send bytes, in order; what can't be sent now is queued."""

    def loseConnection(self) -> None:
        """Close once everything queued is sent."""

    def abortConnection(self) -> None:
        """Close now (RST), forgetting what is queued."""

    def loseWriteConnection(self) -> None:
        """Send FIN once everything queued is sent; go on reading."""

    def pauseProducing(self) -> None:
        """Stop reading."""

    def resumeProducing(self) -> None:
        """Read again."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let the queue pause and resume ``producer``."""

    def unregisterProducer(self) -> None:
        """Nobody is paused by the queue any more."""

    def getPeer(self) -> Any:
        """Return the other side's address."""

    def getHost(self) -> Any:
        """Return this side's address."""


@implementer(ITCPTransport, IConsumer, IPushProducer, IReadWriteDescriptor, IHalfCloseableDescriptor)
class Connection:
    """A TCP connection.  Its protocol is told everything in the reactor's turn, never inside a call to us.

    Made by a port (which passes the peer's address, itself and a number; none is kept) or by a
    dialling attempt.
    """

    __slots__ = (
        "__weakref__",
        "_fin",
        "_may_send",
        "_paused",
        "_piece",
        "_pull",
        "_queue",
        "_queued",
        "_reading",
        "_recv",
        "_send",
        "connected",
        "disconnecting",
        "fileno",
        "producer",
        "protocol",
        "reactor",
        "socket",
    )

    def __init__(
        self,
        skt: socket.socket,
        protocol: IProtocol,
        client: object = None,
        server: object = None,
        sessionno: int = 0,
        reactor: Any = None,
        *,
        instead_of: Any = None,
    ) -> None:
        if server is not None:  # accepted just now; who dials has prepared the socket
            skt.setblocking(False)
            skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.protocol, self.reactor = skt, protocol, reactor
        self.fileno: Callable[[], int] = skt.fileno
        self._recv, self._send = skt.recv, skt.send
        self.connected, self.disconnecting = True, False
        self._may_send = True  # write may offer bytes to the socket
        self._fin = 0  # 1: to be sent after the queue; 2: sent
        self._queue: deque[Any] | None = None
        self._queued = 0
        self._piece = PIECE
        self.producer: Any = None
        self._pull = self._paused = False
        self._reading = True
        if instead_of is None:
            reactor.addReader(self)
        else:
            hand_over(reactor, instead_of, self)

    # reading

    def doRead(self) -> Any:
        """Hand the protocol what has come; return why the connection has ended, None if it has not."""
        try:
            data = self._recv(self._piece)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        size = len(data)
        if size >= PIECE:
            self._piece = LARGE_PIECE
        elif not size:
            return CONNECTION_DONE
        elif self._piece is LARGE_PIECE:
            self._piece = PIECE
        self.protocol.dataReceived(data)
        return None

    def pauseProducing(self) -> None:
        """Stop reading."""
        if self._reading:
            self._reading = False
            self.reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """Read again."""
        if not self._reading and self.connected and not self.disconnecting:
            self._reading = True
            self.reactor.addReader(self)

    stopReading, startReading = pauseProducing, resumeProducing  # their names in a reactor's descriptors

    def stopProducing(self) -> None:
        """Close: who consumes us is gone."""
        self.loseConnection()

    # writing

    def write(self, data: bytes) -> None:
        """Send what the kernel takes now and queue the rest; nothing once the connection is closed."""
        if not self._may_send:
            if self.connected and not self.disconnecting and self._fin < 2:
                self._enqueue(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # full: queue it; broken: doWrite finds out and the reactor is told why
            sent = 0
        if sent < len(data):
            self._enqueue(memoryview(data)[sent:] if sent else data)

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._queued if self._queue is not None else 0

    def writeSequence(self, iovec: Any) -> None:
        """Send several pieces."""
        self.write(b"".join(iovec))

    def _enqueue(self, data: Any) -> None:
        if not data:
            return
        if self._queue is None:
            self._queue = deque()
            self._may_send = False
            self.reactor.addWriter(self)
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > QUEUE_MAX and self.producer is not None and not self._pull:
            self._paused = True
            self.producer.pauseProducing()

    def doWrite(self) -> Any:
        """Send more of the queue; once it is empty, do what waited for that.  Returns: as ``doRead``."""
        queue = self._queue
        if queue:
            try:
                sent = self.socket.sendmsg(list(islice(queue, _VECTOR)))
            except BlockingIOError:
                return None
            except OSError as error:
                return None if error.errno == errno.ENOBUFS else CONNECTION_LOST
            self._queued -= sent
            while sent:
                size = len(queue[0])
                if size > sent:
                    queue[0] = memoryview(queue[0])[sent:]
                    break
                sent -= size
                queue.popleft()
            if queue:
                return None
        self._queue = None
        self.reactor.removeWriter(self)
        return self._emptied()

    def _emptied(self) -> Exception | None:
        self._may_send = not (self._fin or self.disconnecting or self._pull)
        if self.producer is not None and (self._pull or self._paused):
            self._paused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            return CONNECTION_DONE
        elif self._fin == 1:
            self._send_fin()
        return None

    def _send_fin(self) -> None:
        self._fin = 2
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # reset meanwhile: reading finds out
            return
        told = IHalfCloseableProtocol(self.protocol, None)
        if told is not None:
            told.writeConnectionLost()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let the queue pause ``producer``, or, if it doesn't stream, ask it for each further piece."""
        if self.producer is not None:
            raise RuntimeError("a producer is registered already")
        if not self.connected:
            producer.stopProducing()
            return
        self.producer, self._pull = producer, not streaming
        if self._pull:
            self._may_send = False
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Nobody is paused by the queue any more."""
        self.producer = None
        self._pull = self._paused = False
        if self._queue is None:
            self._may_send = self.connected and not (self._fin or self.disconnecting)
            if self.connected and self.disconnecting:
                self.reactor.addWriter(self)

    # ends

    def loseConnection(self) -> None:
        """Close on a later turn, once everything queued is sent; read nothing more."""
        if not self.connected or self.disconnecting:
            return
        self.disconnecting, self._may_send = True, False
        self._reading = False
        self.reactor.removeReader(self)
        self.reactor.addWriter(self)

    def loseWriteConnection(self) -> None:
        """Send FIN on a later turn, once everything queued is sent; go on reading."""
        if self.connected and not self._fin:
            self._fin, self._may_send = 1, False
            self.reactor.addWriter(self)

    def abortConnection(self) -> None:
        """Close on the next turn, by RST, forgetting what is queued."""
        if not self.connected:
            return
        self.disconnecting, self._may_send = True, False
        self._queue, self._reading = None, False
        self.reactor.removeReader(self)
        self.reactor.removeWriter(self)
        self.reactor.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def readConnectionLost(self, reason: Failure) -> None:
        """The peer's FIN came: a protocol that can half-close is told, for any other it is the end."""
        told = IHalfCloseableProtocol(self.protocol, None)
        self._reading = False
        if told is None:
            self.connectionLost(reason)
            return
        try:
            told.readConnectionLost()
        except BaseException:
            log.err()
            self.connectionLost(Failure())

    def writeConnectionLost(self, reason: Failure) -> None:
        """The reactor could not write."""
        self.connectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """The end, told once."""
        if not self.connected:
            return
        self.connected = self._may_send = self._reading = False
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self._queue = None
        forget(self.reactor, self)
        if reason.check(ConnectionAborted):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        protocol = self.protocol
        del self.protocol, self._recv, self._send  # the reactor's stack may hold us for a while
        protocol.connectionLost(reason)

    def release(self, heir: Any) -> bytes:
        """Give the socket to ``heir``, which reads from now on; return what was still to be sent.

        The protocol hears nothing more.
        """
        unsent = b"".join(self._queue or ())
        self.connected = self._may_send = self._reading = False
        self.producer = self._queue = None
        hand_over(self.reactor, self, heir)
        del self.protocol, self._recv, self._send, self.socket
        return unsent

    # what is asked of us

    def getPeer(self) -> IPv4Address | IPv6Address:
        """Return the other side's address."""
        return _address(self.socket.getpeername())

    def getHost(self) -> IPv4Address | IPv6Address:
        """Return this side's address."""
        return _address(self.socket.getsockname())

    def getHandle(self) -> socket.socket:
        """Return the socket."""
        return self.socket

    def getTcpNoDelay(self) -> bool:
        """Return whether small pieces leave at once."""
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Let small pieces leave at once, or not."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Return whether the kernel asks a silent peer if it lives."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Let the kernel ask a silent peer if it lives, or not."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"


def _address(name: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    host, port = name[0], name[1]
    if ":" not in host:
        return IPv4Address("TCP", host, port)
    if name[3] and "%" not in host:
        host = f"{host}%{socket.if_indextoname(name[3])}"
    return IPv6Address("TCP", host, *name[1:])


def hand_over(reactor: Any, one: Any, heir: Any) -> None:
    """``heir`` reads from now on what ``one`` did; both have the same descriptor."""
    if hasattr(reactor, "hand_over"):  # ours, where that may cost nothing
        reactor.hand_over(one.fileno(), heir)
    else:
        reactor.removeReader(one)
        reactor.removeWriter(one)
        reactor.addReader(heir)


def forget(reactor: Any, one: Any) -> None:
    """``one`` is closed next and hears nothing more."""
    if hasattr(reactor, "forget"):
        reactor.forget(one.fileno())
    else:
        reactor.removeReader(one)
        reactor.removeWriter(one)


def write_directly(port: IListeningPort) -> None:
    """Let the connections that ``port`` accepts from now on be ours."""
    if isinstance(port, tcp.Port) and port.addressFamily in (socket.AF_INET, socket.AF_INET6):
        port.transport = Connection  # type: ignore[assignment]
