"""What our protocols may ask of a connection, and TCP transports that write at once.

Twisted's own transport queues every write and sends it on the reactor's next turn: two more system calls
and a trip through the poll loop for each answer.  Ours offers the bytes to the socket in ``write`` and
queues only what the kernel would not take.  Order is kept because nothing is offered while anything is
queued; an error found while writing is left to the reactor, which finds it again on its own turn, so that
``connectionLost`` is never called from inside ``write``.

A producer paused by the queue is resumed by the reactor when the queue is empty, exactly as in Twisted; a
connection whose write never blocks never pauses anybody.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.interfaces import IListeningPort
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory

#: Bytes asked of the kernel at once, and queued bytes past which a producer is paused.
PIECE = 64 * 1024


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


def _sent_at_once(transport: Any, data: bytes) -> int:
    """Return how many of ``data``'s bytes the kernel took now; 0 if it is not to be asked."""
    if (
        not transport.connected
        or transport.disconnecting
        or transport._writeDisconnecting
        or transport._writeDisconnected
        or transport._tempDataLen
        or transport.dataBuffer
        or (transport.producer is not None and not transport.streamingProducer)
    ):
        return 0
    try:
        return int(transport.socket.send(data))
    except OSError:  # full: queue it; broken: the reactor's own write finds out and says why
        return 0


class DirectServer(tcp.Server):
    """An accepted connection that writes at once."""

    def write(self, data: bytes) -> None:
        """Send what the kernel takes now and queue the rest."""
        if self.TLS:
            super().write(data)
            return
        sent = _sent_at_once(self, data)
        if sent != len(data):
            super().write(data[sent:] if sent else data)


class DirectClient(tcp.Client):
    """A dialled connection that writes at once."""

    def write(self, data: bytes) -> None:
        """Send what the kernel takes now and queue the rest."""
        if self.TLS:
            super().write(data)
            return
        sent = _sent_at_once(self, data)
        if sent != len(data):
            super().write(data[sent:] if sent else data)


class DirectConnector(tcp.Connector):
    """A connection attempt that ends in a ``DirectClient``."""

    def _makeTransport(self) -> tcp.Client:
        return DirectClient(self.host, self.port, self.bindAddress, self, self.reactor)


def dial(reactor: Any, address: str, port: int, factory: ClientFactory, timeout: float) -> Any:
    """Start connecting to an address (never a name: the guard has judged it) and return the connector.

    A reactor that keeps no file descriptors of its own, such as a test's, is asked by ``connectTCP``.
    """
    if not isinstance(reactor, PosixReactorBase):
        return reactor.connectTCP(address, port, factory, timeout)
    connector = DirectConnector(address, port, factory, timeout, None, reactor)
    connector.connect()
    return connector


def write_directly(port: IListeningPort) -> None:
    """Let the connections that ``port`` accepts from now on write at once."""
    if isinstance(port, tcp.Port):
        port.transport = DirectServer
