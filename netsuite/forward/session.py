"""One connection and our side, joined until the peer ends: what goes out, what comes in, and how it ends.

Theory.  *Our side* is a source (standard input or a recording) and an output.  The end of the source, once
the dialogue has nothing left to say, is passed on as a half-close (FIN; in TLS 1.3 close_notify, RFC 8446
§6.1), and the answer is waited for.  The peer's end ends the session: at once if the source is a terminal or
over; otherwise what the source has is sent first, since the peer may have closed its side only, and a source
that is silent for ``QUIET_SECONDS`` then has nothing more.  Before TLS 1.3 a close_notify ends both
directions (RFC 5246 §7.2.1), so that none is sent before the peer's.

Either side is read only as fast as the other takes it: a slow output pauses the connection, a slow connection
pauses the source, and at most a bounded queue is in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Protocol as Speaker
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.forward.expect import Dialogue
from netsuite.forward.newline import LineEnds
from netsuite.forward.standard import Output

#: Seconds of silence after which a source has nothing more for a peer that has ended.
QUIET_SECONDS = 1.0

#: Seconds that a connection of ours gets to say goodbye.
GOODBYE_SECONDS = 2.0


class Source(Protocol):
    """What is sent; as ``standard.Input``."""

    received: Callable[[bytes], None]
    ended: Callable[[], None]
    failed: Callable[[OSError], None]
    is_empty: bool
    is_over: bool
    kind: str

    def resumeProducing(self) -> None:
        """Read."""

    def pauseProducing(self) -> None:
        """Read no more for now."""

    def stopProducing(self) -> None:
        """Read no more."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a session behaves.

    ``half_close``: the end of the source is told to the peer, or if ``shy`` only of one that had something;
    ``linger``: seconds that the answer is waited for after it, None: as long as it takes; ``idle``: seconds
    of silence both ways that end it, None: never.
    """

    half_close: bool = True
    shy: bool = False
    linger: float | None = None
    idle: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended.  ``by``: ``peer``, ``us``, ``idle``, ``output``; ``error``: if not clean."""

    by: str
    error: BaseException | None = None


#: Is told each piece, and the end, of a direction (tape.SENT, tape.RECEIVED).
Tap = Callable[[str, bytes | None], None]


@implementer(IHalfCloseableProtocol)
class Session(Speaker):
    """The protocol of the connection.

    ``ends``: what becomes of line ends that go out; ``shown``: what of the peer's bytes is written.
    """

    transport: Any

    def __init__(
        self,
        reactor: Any,
        source: Source,
        output: Output,
        manners: Manners,
        dialogue: Dialogue,
        *,
        ends: LineEnds,
        shown: LineEnds,
        taps: list[Tap],
    ) -> None:
        self._reactor, self._source, self._output = reactor, source, output
        self._manners, self._dialogue = manners, dialogue
        self._ends, self._shown, self._taps = ends, shown, taps
        self.sent = self.received = 0
        self.half_closed = False
        self._peer_over = self._is_lost = self._is_impatient = False
        self._end: End | None = None
        self._idle: Any = None
        self._linger: Any = None
        self._quiet: Any = None
        self._goodbye: Any = None
        self._waiting: list[Deferred[End]] = []

    # the connection

    def connectionMade(self) -> None:
        """Begin to forward."""
        source, output = self._source, self._output
        source.received, source.ended, source.failed = self._typed, self._typed_all, self._unreadable
        output.full, output.drained, output.broken = self._full, self._drained, self._broken
        output.start()
        if self._manners.idle is not None:
            self._idle = self._reactor.callLater(self._manners.idle, self._silent)
        self._say(self._dialogue.feed(b""))
        self.transport.registerProducer(source, True)
        if source.is_over:
            self._typed_all()
        else:
            source.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        """The peer says something."""
        self._touch()
        self.received += len(data)
        self._tap("received", data)
        self._output.write(self._shown.feed(data))
        if self._dialogue.waits is not None:
            self._say(self._dialogue.feed(data))
            if self._source.is_over:
                self._typed_all()

    def readConnectionLost(self) -> None:
        """The peer says no more; it may still listen."""
        if self._peer_over:
            return
        self._tap("received", None)
        self._peer_over = True
        if self._source.is_over or self._source.kind == "terminal" or self._manners.linger == 0:
            self._close(End("peer"))
        else:
            self._later()

    def writeConnectionLost(self) -> None:
        """Our FIN has been sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end of the connection, whoever ended it."""
        if self._end is None:
            clean = reason.check(type(connectionDone.value)) is not None
            self._end = End("peer", None if clean else reason.value)
            if not self._peer_over:
                self._tap("received", None)
        self._source.stopProducing()
        for timer in (self._idle, self._linger, self._quiet, self._goodbye):
            _cancel(timer)
        self._output.write(self._shown.end())
        self._is_lost = True
        if self._is_impatient or not self._output.queued:
            self._finish()

    # our side

    def _typed(self, data: bytes) -> None:
        self._send(self._ends.feed(data))
        if self._peer_over:
            self._later()

    def _typed_all(self) -> None:
        """The source is over; once the dialogue is too, the peer is told."""
        if self._dialogue.waits is not None or self.half_closed or self._end is not None:
            return
        self._send(self._ends.end())
        if self._peer_over:
            self._close(End("peer"))
            return
        self._tap("sent", None)
        is_shy = self._manners.shy and self._source.is_empty
        if self._manners.half_close and not is_shy and self._half_close():
            self.half_closed = True
        if self._manners.linger is not None and self._linger is None:
            self._linger = self._reactor.callLater(self._manners.linger, self._close, End("us"))

    def _unreadable(self, error: OSError) -> None:
        self._abort(End("us", error))

    def _half_close(self) -> bool:
        """Tell the peer that nothing more comes, if that leaves the other direction open."""
        self.transport.unregisterProducer()
        if not ISSLTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
            return True
        connection: Any = self.transport.getHandle()  # type: ignore[attr-defined]
        if connection.get_protocol_version_name() != "TLSv1.3":
            return False
        self.transport.loseConnection()
        return True

    def _say(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._send(piece)

    def _send(self, data: bytes) -> None:
        if data:
            self._touch()
            self.sent += len(data)
            self._tap("sent", data)
            self.transport.write(data)

    def _tap(self, way: str, data: bytes | None) -> None:
        try:
            for tap in self._taps:
                tap(way, data)
        except OSError as error:
            self._taps.clear()
            self._abort(End("us", error))

    # a transport that sends what the source has by itself says how much

    def moved_out(self, size: int) -> None:
        """So many more bytes were sent."""
        self._touch()
        self.sent += size
        if self._peer_over:
            self._later()

    def moved_in(self, data: bytes) -> None:
        """More came; nobody else looks at it."""
        self._touch()
        self.received += len(data)
        self._output.write(data)

    # the output

    def _full(self) -> None:
        self.transport.pauseProducing()

    def _drained(self) -> None:
        if self._is_lost:
            self._finish()
        elif self._end is None and not self._peer_over:
            self.transport.resumeProducing()

    def _broken(self, error: OSError) -> None:
        self._abort(End("output", error))

    # ends

    def _touch(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.reset(self._manners.idle)

    def _silent(self) -> None:
        self._close(End("idle"))

    def _later(self) -> None:
        """The peer has ended; the source gets some time to have more."""
        if self._quiet is not None and self._quiet.active():
            self._quiet.reset(QUIET_SECONDS)
        else:
            self._quiet = self._reactor.callLater(QUIET_SECONDS, self._close, End("peer"))

    def close(self) -> None:
        """Close the connection, whatever still waits for the output."""
        self._is_impatient = True
        self._close(End("us"))
        if self._is_lost:
            self._finish()

    def _close(self, end: End) -> None:
        """Close once everything is sent; where that is not the peer's own wish it gets some time only."""
        if self._end is not None:
            return
        self._end = end
        transport = self.transport
        transport.unregisterProducer()
        transport.resumeProducing()  # a paused connection would never see its own end
        transport.loseConnection()
        if end.by != "peer":
            self._goodbye = self._reactor.callLater(GOODBYE_SECONDS, transport.abortConnection)

    def _abort(self, end: End) -> None:
        if self._end is None:
            self._end = end
            self.transport.abortConnection()

    def _finish(self) -> None:
        waiting, self._waiting = self._waiting, []
        assert self._end is not None  # noqa: S101 - it is lost
        for waiter in waiting:
            waiter.callback(self._end)

    def ended(self) -> Deferred[End]:
        """Fires once the connection is closed and what came is written; may be cancelled."""
        waiter: Deferred[End] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        if self._is_lost and (self._is_impatient or not self._output.queued):
            self._finish()
        return waiter


def _cancel(timer: Any) -> None:
    if timer is not None and timer.active():
        timer.cancel()
