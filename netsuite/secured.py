"""A connection in TLS, which may be ended like a plain one."""

from __future__ import annotations

from twisted.protocols.tls import BufferingTLSTransport


class Secured(BufferingTLSTransport):
    """A connection in TLS that may be aborted after its end too, as plain ones may."""

    def abortConnection(self) -> None:
        """Close now, if that has not happened."""
        if self.connected:
            super().abortConnection()
