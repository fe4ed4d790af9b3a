"""Two connections joined: what one side sends the other gets; backpressure and half-close are kept.

Each side's queue pauses the other side's reading, so a tunnel holds at most a queue's worth of bytes
however unlike the two ends' speeds are.  A side that has sent its FIN may still receive (RFC 9293 §3.6);
the tunnel ends when both have, or when either connection is lost.  Over TLS there is no half-close that a
peer could see, so there a FIN ends both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ISSLTransport

from netsuite.wire import IWire


class End:
    """One end of a tunnel; the protocol of its connection hands on what the connection tells it."""

    __slots__ = ("_touch", "closed", "count", "other", "transport")

    def __init__(self, transport: IWire, touch: Callable[[], None]) -> None:
        self.transport, self._touch = transport, touch
        self.other: End
        self.count = 0
        self.closed = False

    def received(self, data: bytes) -> None:
        """Bytes came on this end; they leave by the other."""
        self._touch()
        self.count += len(data)
        self.other.transport.write(data)

    def read_closed(self) -> None:
        """This end's peer sends no more (FIN)."""
        self.closed = True
        other = self.other.transport
        if self.other.closed or ISSLTransport.providedBy(other) or ISSLTransport.providedBy(self.transport):
            _close(self.transport)
            _close(other)
        else:
            other.loseWriteConnection()

    def lost(self, aborted: bool) -> None:
        """This end's connection is gone; the other follows, at once if this one was reset."""
        self.closed = True
        self.other.closed = True
        if aborted:
            self.other.transport.abortConnection()
        else:
            _close(self.other.transport)


def _close(transport: Any) -> None:
    transport.unregisterProducer()
    transport.resumeProducing()  # a paused connection would never see its own end
    transport.loseConnection()


def join(left: IWire, right: IWire, touch: Callable[[], None]) -> tuple[End, End]:
    """Return the two ends of a new tunnel; ``touch`` is called whenever bytes pass."""
    a, b = End(left, touch), End(right, touch)
    a.other, b.other = b, a
    left.registerProducer(right, True)
    right.registerProducer(left, True)
    return a, b
