"""One client's connection: read no faster than it is answered, the short way where nothing goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.crowd import FRESH_SECONDS, NEVER
from netsuite.echo.arrival import Arrival
from netsuite.echo.course import Course
from netsuite.echo.faults import Dice, Faults
from netsuite.echo.lines import QUIT, SAID, Lines, answers, until_quit
from netsuite.echo.proxyhead import BadProxyHead
from netsuite.echo.shared import Shared
from netsuite.echo.told import BadFault, of_line, shown
from netsuite.tlspeer import TlsPeer, tls_peer
from netsuite.wire import IWire

#: Most bytes of answers made at once, and bytes read at once where each line goes its own way.
ANSWER_MAX = 256 * 1024
SLOW_PIECE = 4096

#: Bytes on their way through the faults past which nothing more is read.
HELD_MAX = 64 * 1024

#: Seconds in which a balancer must have said whom it speaks for.
HEAD_SECONDS = 5.0

#: How a line begins that is for the connection's own faults.
FAULT_LINE = b"!fault"


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class Echo(Protocol):
    """One client's connection.  ``brought``: a balancer's, which has yet to say whose."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport
    busy = False

    def __init__(self, shared: Shared, client: str, port: int = 0, *, brought: bool = False) -> None:
        self._shared, self._client = shared, client
        self._who = Arrival(client, port, brought=brought)
        settings = self._settings = shared.settings
        self._number, self._transcript = shared.next_number(), shared.transcript
        self._lines = Lines(settings.max_line)
        self._said = SAID[:-2] + b" [" + settings.tag + b"]: " if settings.tag else SAID
        self._own: Faults | None = None
        self._course = Course(self, Dice(shared.seed, self._number), shared.reactor, raw=settings.raw)
        self._count = 0  # lines, or bytes of the stream, that came
        self._rest, self._at = b"", 0
        self._is_full = self._has_stalled = self._is_ending = self._is_paused = self._goes_on = False
        self._is_finishing = False
        self._is_fresh = True  # nothing was said yet
        self._is_draining = False  # the first words are the last
        self._may_tell_faults = settings.line_faults and not settings.raw
        self.deadline, self.ends = 0.0, NEVER

    # -- beginning -----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Count the connection and let a slow reader stop our reading."""
        self._shared.crowd.enter(self, self._client)
        self.expect(0.0)
        self.transport.registerProducer(self, True)
        if self._who.is_awaited:
            self.ends = self._shared.reactor.seconds() + HEAD_SECONDS
        else:
            self._begin(is_secured=hasattr(self.transport, "getPeerCertificate"))

    def _begin(self, *, is_secured: bool) -> None:
        journal.echo_connected(client=self._client or "a Unix socket")
        if not is_secured:
            self._introduce(None)

    def handshakeCompleted(self) -> None:
        """TLS is there, so that we know who speaks."""
        self._introduce(tls_peer(self.transport))

    def _introduce(self, tls: TlsPeer | None) -> None:
        if self._settings.peer_info:
            words = self._who.words(tls, is_verified=self._settings.client_ca is not None)
            journal.echo_peer(conn=self._number, client=self._client, text=words)
            if not self._settings.raw:
                self.transport.write(f"Peer {words}\r\n".encode())

    def _take_head(self, data: bytes) -> bytes:
        """Take a balancer's head; return what came after it."""
        try:
            rest = self._who.take(data)
        except BadProxyHead as bad:
            self._shared.refusals["head"] += 1
            journal.echo_bad_head(client=self._client, reason=str(bad))
            self.shut()
            return b""
        if rest is None:
            return b""
        self._client, self.ends = self._who.client, NEVER
        reason = self._shared.crowd.become(self, self._client)
        if reason is not None:
            self.transport.write(f"Refused: {reason}.\r\n".encode())
            self.end()
            return b""
        self._begin(is_secured=False)
        return rest

    # -- reading -------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Answer what came; a fault of ours ends this connection only."""
        try:
            self._received(data)
        except Exception:
            self.broken()

    def _received(self, data: bytes) -> None:
        self.expect(0.0)
        self._shared.bytes["from_client"] += len(data)
        if self._who.is_awaited:
            data = self._take_head(data)
        if not data or self._is_ending or self._is_finishing:
            return
        self._rest = self._rest[self._at :] + data if self._rest else data
        self._at = 0
        self._is_fresh = False
        self.go_on()
        if self._is_draining:
            self._finish()

    def go_on(self) -> None:
        """Answer what waits as far as there is room; read more once all is answered."""
        if self._goes_on or self._is_ending:
            return
        self._goes_on = True
        while self._at < len(self._rest) and not self._is_held_up():
            faults = self._own or self._shared.faults
            if faults.is_calm and self._course.is_clear and not self._may_tell_faults:
                self._shortly(self._piece(ANSWER_MAX // (len(self._said) + 32)))
            else:
                self._through(self._piece(SLOW_PIECE), faults)
        self._goes_on = False
        if self._at >= len(self._rest):
            self._rest = b""
        if self._is_ending:
            return
        if not self._is_finishing:
            self._read(not (self._rest or self._is_held_up()))
        elif not self._rest:
            self._course.finish()

    def _is_held_up(self) -> bool:
        return self._is_full or self._has_stalled or self._is_ending or self._course.held > HELD_MAX

    def _piece(self, size: int) -> bytes:
        at, self._at = self._at, self._at + size
        return self._rest[at : self._at] if at or len(self._rest) > size else self._rest

    def _read(self, wanted: bool) -> None:
        if wanted == self._is_paused:
            self._is_paused = not wanted
            (self.transport.resumeProducing if wanted else self.transport.pauseProducing)()

    def _shortly(self, piece: bytes) -> None:
        """Answer at once: nothing goes wrong."""
        if self._settings.raw:
            self._count += len(piece)
            self._shared.lines += 1
            self._course.sent(len(piece))
            self._note(piece)
            self.send(piece)
            return
        lines = self._lines.block(piece)
        if lines is None:
            self._through(piece, self._own or self._shared.faults)
            return
        if not lines:
            return
        lines, quits = until_quit(lines)
        count = lines.count(b"\n")
        self._count += count
        self._shared.lines += count
        answer = answers(lines, self.said())
        if quits:
            answer += b"Goodbye.\r\n"
        self._course.sent(len(answer))
        self._note(lines + QUIT + b"\n" if quits else lines)
        self.send(answer)
        if quits:
            self._is_ending = True
            self.end()

    def _through(self, piece: bytes, faults: Faults) -> None:
        """Have each line, or block, meet what befalls it."""
        if self._settings.raw:
            self._note(piece)
            self._course.stream(self._count, piece, faults)
            self._count += len(piece)
            self._shared.lines += 1
            return
        lines, is_too_long = self._lines.feed(piece)
        if lines and self._may_tell_faults:
            self._may_tell_faults = False
            if lines[0].startswith(FAULT_LINE):
                self._change(lines.pop(0).removeprefix(FAULT_LINE))
                faults = self._own or faults
        if self._transcript is not None:
            self._note(b"".join(line + b"\n" for line in lines))
        self._course.lines(self._count + 1, lines, faults)
        self._count += len(lines)
        self._shared.lines += len(lines)
        if is_too_long:
            self._shared.refusals["line"] += 1
            journal.line_too_long(client=self._client, bound=self._settings.max_line)
            self._is_ending = True
            self._course.last(b"Line too long.\r\n", faults)

    def _change(self, words: bytes) -> None:
        try:
            self._own = of_line(self._shared.faults, words)
        except BadFault as bad:
            told = f"Faults refused: {bad.field}: {bad}"
        else:
            told = f"Faults: {shown(self._own)}"
            journal.echo_faults(by=f"{self._client} for its connection {self._number}", text=shown(self._own))
        self.transport.write(journal.escaped(told).encode() + b"\r\n")

    # -- what units ask of their connection ----------------------------------------------------------------

    def said(self) -> bytes:
        """Return what stands before each answered line now."""
        if not self._settings.timestamps:
            return self._said
        now = datetime.fromtimestamp(self._shared.now(), UTC).isoformat(timespec="milliseconds")
        return now.replace("+00:00", "Z").encode() + b" " + self._said

    def send(self, data: bytes) -> None:
        """Send an answer, or a part of one."""
        if self._transcript is not None:
            self._transcript.received(self._number, data)
        self._shared.bytes["to_client"] += len(data)
        self.transport.write(data)

    def _note(self, data: bytes) -> None:
        if self._transcript is not None:
            self._transcript.sent(self._number, data)

    def expect(self, due: float) -> None:
        """The idle time begins now, or when something is due."""
        end = max(due, self._shared.reactor.seconds()) + self._settings.common.idle_seconds
        if end > self.deadline:
            self.deadline = end

    def tell(self, kind: str, text: str) -> None:
        """Say in the log what was done, and count it."""
        self._shared.counts[kind] += 1
        journal.echo_fault(conn=self._number, client=self._client, kind=kind, text=text)

    def stall(self) -> None:
        """Read nothing more, until the idle time is over."""
        self._has_stalled = True
        self._read(False)

    # -- ends ----------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The client reads slower than it writes."""
        self._is_full = True
        if not self._goes_on and not self._is_ending:
            self._read(False)

    def resumeProducing(self) -> None:
        """The client has read what was sent."""
        self._is_full = False
        try:
            self.go_on()
        except Exception:  # as in `dataReceived`
            self.broken()

    def stopProducing(self) -> None:
        """The connection is gone."""

    def readConnectionLost(self) -> None:
        """The client sends no more: what it sent is answered, then the connection closes."""
        self._finish()

    def writeConnectionLost(self) -> None:
        """Nothing more can be told."""

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008 - Twisted's own
        """Forget the connection."""
        self._is_ending = True
        self._course.clear()
        self._shared.crowd.leave(self)

    def overdue(self) -> None:
        """Silent for too long."""
        self.shut()

    def drain(self) -> None:
        """Close when what came is answered, or its first words, if these are on their way."""
        if self._is_fresh and not self._is_ending:
            self._is_draining = True
            self.deadline = self._shared.reactor.seconds() + FRESH_SECONDS
        else:
            self._finish()

    def _finish(self) -> None:
        """Close when what came is answered; nothing more is read."""
        if self._is_ending or self._is_finishing:
            return
        if self._has_stalled or self._who.is_awaited:
            self.shut()
            return
        self._is_finishing = True
        self._read(False)
        self.go_on()

    def end(self) -> None:
        """Close when what was said is sent."""
        self._is_ending = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def broken(self) -> None:
        """Close now, for a fault of ours, which is logged under a number."""
        journal.fault(where="echo", failure=Failure())
        self.shut()

    def shut(self) -> None:
        """Close now."""
        self._is_ending = True
        self._course.clear()
        self.transport.abortConnection()
