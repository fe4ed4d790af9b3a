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


class Gate:
    """A producer that may be paused for two reasons: a full queue, and a client that must wait."""

    __slots__ = ("_full", "_late", "_reactor", "_source")

    def __init__(self, source: IWire, reactor: Any) -> None:
        self._source, self._reactor = source, reactor
        self._full = False
        self._late: Any = None

    def pauseProducing(self) -> None:
        """The queue is full."""
        self._full = True
        self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """The queue is empty."""
        self._full = False
        if self._late is None:
            self._source.resumeProducing()

    def stopProducing(self) -> None:
        """Whoever consumed is gone."""
        self.open()
        self._source.loseConnection()

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long."""
        if seconds <= 0:
            return
        self.open()
        self._source.pauseProducing()
        self._late = self._reactor.callLater(seconds, self._waited)

    def open(self) -> None:
        """End the wait; who asks says what is read next."""
        late, self._late = self._late, None
        if late is not None and late.active():
            late.cancel()

    def _waited(self) -> None:
        self._late = None
        if not self._full:
            self._source.resumeProducing()


#: Takes a number of bytes that have passed, returns the seconds to wait for them.
Spend = Callable[[int], float]


class End:
    """One end of a tunnel; the protocol of its connection hands on what the connection tells it."""

    __slots__ = ("_touch", "closed", "count", "gate", "other", "spend", "transport")

    def __init__(self, transport: IWire, touch: Callable[[], None]) -> None:
        self.transport, self._touch = transport, touch
        self.other: End
        self.gate: Gate | None = None
        self.spend: Spend | None = None
        self.count = 0
        self.closed = False

    def received(self, data: bytes) -> None:
        """Bytes came on this end; they leave by the other."""
        self._touch()
        self.count += len(data)
        self.other.transport.write(data)
        if self.gate is not None and self.spend is not None:
            self.gate.hold(self.spend(len(data)))

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
        for gate in (self.gate, self.other.gate):
            if gate is not None:
                gate.open()
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


def join(
    left: IWire,
    right: IWire,
    touch: Callable[[], None],
    *,
    spend: Spend | None = None,
    reactor: Any = None,
) -> tuple[End, End]:
    """Return the two ends of a new tunnel; ``touch`` is called whenever bytes pass.

    ``spend``: says how long an end must wait after bytes have passed; it needs the ``reactor``.
    """
    a, b = End(left, touch), End(right, touch)
    a.other, b.other = b, a
    sources: tuple[Any, Any] = (left, right)
    if spend is not None:
        a.spend = b.spend = spend
        sources = a.gate, b.gate = Gate(left, reactor), Gate(right, reactor)
    left.registerProducer(sources[1], True)
    right.registerProducer(sources[0], True)
    return a, b
