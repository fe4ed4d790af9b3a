"""A connection in TLS, which may be ended like a plain one."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.protocols.tls import BufferingTLSTransport
from twisted.python.failure import Failure


class Secured(BufferingTLSTransport):
    """A connection in TLS that may be aborted after its end too, and half closed, as plain ones may.

    A peer's close_notify says that it sends no more, and nothing of what it reads (RFC 8446 §6.1).  A
    protocol that knows half-closed connections is told so, and ends the connection itself once all is
    answered; from any other what it has written is still sent.  Twisted would end both at once, and what
    waits for the next turn would be lost.
    """

    _is_read_out = False

    def abortConnection(self) -> None:
        """Close now, if that has not happened."""
        if self.connected:
            super().abortConnection()

    def _flushReceiveBIO(self) -> None:
        if self._is_read_out:
            self._flushSendBIO()
            return
        super()._flushReceiveBIO()
        if self._is_read_out:
            self._lostTLSConnection = False  # it has ended the loop, and nothing else
            self.wrappedProtocol.readConnectionLost()

    def _shutdownTLS(self) -> None:
        if self._becomes_half_closed():
            self._is_read_out = True
            return
        self._aggregator.flush()
        super()._shutdownTLS()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        if self._is_read_out and reason is None and not self.disconnecting:
            self._lostTLSConnection = True
            return
        super()._tlsShutdownFinished(reason)

    def _becomes_half_closed(self) -> bool:
        """The peer alone has closed, and the protocol wants to know."""
        return (
            not (self._is_read_out or self.disconnecting)
            and bool(self._tlsConnection.get_shutdown() & SSL.RECEIVED_SHUTDOWN)
            and IHalfCloseableProtocol(self.wrappedProtocol, None) is not None
        )
