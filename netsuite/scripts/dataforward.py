"""dataforward: standard input and output joined with a connection.

Data goes over standard input and output alone, everything else is said on standard error.  What happens
between the two sides is ``forward.session``'s; here the connection is made or accepted, and its end told.
"""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import errno
import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

from twisted.internet import defer
from twisted.internet.address import UNIXAddress
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import ServerFactory

from netsuite.forward.hexview import HexView
from netsuite.forward.kernel import Direct, can_move
from netsuite.forward.newline import AsIs
from netsuite.forward.replay import Recorder, Replay, check
from netsuite.forward.safe import Safe
from netsuite.forward.session import End, Session, Tap
from netsuite.forward.standard import Input, Output
from netsuite.forward.tape import SENT, BadTape
from netsuite.outcome import Failed, Outcome
from netsuite.probe.starttls import start_tls
from netsuite.reach.line import Line, Plain, abandon
from netsuite.reach.place import Place
from netsuite.reach.trust import Tls, shown_by
from netsuite.scripts.dataforward_options import Options
from netsuite.scripts.network import quoted
from netsuite.scripts.running import NoOutput, start
from netsuite.values import Where
from netsuite.wire import write_directly

CONNECTED = "Connected to server. Press Ctrl-C to close connection."

#: Connections that wait for their turn with -k.
WAITING_MAX = 64


class Work:
    """The sessions of one run: one, or with ``-k`` one after the other."""

    def __init__(self, reactor: Any, options: Options) -> None:
        self._reactor, self._options = reactor, options
        self._recorder = Recorder(options["record"]) if options["record"] else None
        if options["replay"]:
            _checked(options["replay"])
            self._source: Any = Replay(reactor, options["replay"])
        else:
            self._source = Input(reactor, options.streams()[0])
        self._file = -1
        if options["output"]:
            self._file = os.open(
                options["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666
            )
        output = self._file if self._file >= 0 else options.streams()[1]
        if output < 0:
            raise NoOutput(errno.EBADF, "is closed")
        self._output = Output(reactor, output)
        self.received = self.sent = 0

    async def over(self, line: Line) -> Outcome:
        """Return how the session on a connection that is there has ended."""
        options = self._options
        peer = _told(line.transport.getPeer())
        self._begin(line, peer)
        session = Session(
            self._reactor,
            self._source,
            self._output,
            options.manners,
            options.dialogue,
            ends=options.line_ends(),
            shown=Safe() if options["safe"] and self._output.kind == "terminal" else AsIs(),
            taps=self._taps(),
        )
        options.session = session
        if options["verbose"]:
            options.results.note(f"connected with {peer}{_security(line)}")
        line.carry(session)
        is_plain = options["binary"] and not (
            options["hex"] or self._recorder or options.steps or options["replay"]
        )
        if is_plain and can_move(session.transport, self._source):
            session.transport = Direct(self._reactor, session, session.transport, self._source)
        try:
            end = await session.ended()
        except defer.CancelledError:
            session.close()
            options.result = self._result(session, peer, End("us"))
            await session.ended()
            raise
        finally:
            self._output.pause()
        return self._outcome(session, peer, end)

    def _begin(self, line: Line, peer: str) -> None:
        try:
            if self._recorder is not None:
                self._recorder.begin(peer)
        except OSError:
            abandon(line)
            raise

    def _taps(self) -> list[Tap]:
        taps: list[Tap] = []
        if self._recorder is not None:
            taps.append(self._recorder.add)
        if self._options["hex"]:
            taps.append(_view())
        return taps

    def _result(self, session: Session, peer: str, end: End) -> dict[str, object]:
        return {
            "peer": peer,
            "sent": session.sent,
            "received": session.received,
            "closed_by": end.by,
            "half_closed": session.half_closed,
        }

    def _outcome(self, session: Session, peer: str, end: End) -> Outcome:
        if end.by == "output" and isinstance(end.error, OSError) and self._file < 0:
            raise NoOutput(end.error.errno, end.error.strerror)
        options = self._options
        options.result = result = self._result(session, peer, end)
        if end.by == "output" and isinstance(end.error, OSError):
            return replace(
                Outcome.failed("local", f"{options['output']}: {end.error.strerror}"), result=result
            )
        if end.error is not None:
            return replace(Outcome.of(end.error), result=result)
        waits = options.dialogue.waits
        if waits is not None:
            return Outcome.failed("no", f"--expect {quoted(waits.text)} was not seen", result=result)
        if end.by == "idle":
            return Outcome.failed("timeout", f"silence for {options.manners.idle:g} s", result=result)
        return Outcome.done(**result)

    def close(self) -> None:
        """Let go of the files."""
        self._output.close()
        if self._file >= 0:
            os.close(self._file)
        if self._recorder is not None:
            self._recorder.close()


def _checked(path: str) -> None:
    try:
        check(path)
    except BadTape as error:
        raise Failed("local", f"{path} {error}") from None


def _view() -> Tap:
    views = {True: HexView(">"), False: HexView("<")}

    def view(way: str, data: bytes | None) -> None:
        with suppress(OSError, ValueError, AttributeError):  # nobody looks
            sys.stderr.write(views[way == SENT].lines(data or b""))
            sys.stderr.flush()

    return view


def _told(address: Any) -> str:
    """Return a peer's address for people and JSON."""
    if isinstance(address, UNIXAddress):
        return f"unix:{os.fsdecode(address.name or b'')}"
    host = getattr(address, "host", "")
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


def _security(line: Line) -> str:
    """Return what is to be said of TLS, nothing without."""
    shown = shown_by(line) if isinstance(line, Tls) else None
    if shown is None:
        return ""
    return (
        f", {shown.version}, ALPN {shown.protocol or 'none'}, {shown.subject} for {shown.days:.0f} more days"
    )


class Accepting(ServerFactory):
    """Connections that wait for their turn, in the order in which they came."""

    noisy = False

    def __init__(self, most: int) -> None:
        self._left = most
        self._lines: deque[Line] = deque()
        self._waiting: defer.Deferred[Line] | None = None

    def buildProtocol(self, addr: object) -> Plain | None:
        """Take one more, or close it where there are enough."""
        if not self._left or len(self._lines) >= WAITING_MAX:
            return None
        self._left -= 1
        made: defer.Deferred[Line] = defer.Deferred()
        made.addCallback(self._came)
        return Plain(made)

    def _came(self, line: Line) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._lines.append(line)
        else:
            waiting.callback(line)

    def line(self) -> defer.Deferred[Line]:
        """Fires with the next connection; may be cancelled."""
        if self._lines:
            return defer.succeed(self._lines.popleft())
        self._waiting = defer.Deferred(self._forget)
        return self._waiting

    def _forget(self, waiting: object) -> None:
        self._waiting = None


async def accept(reactor: Any, options: Options, where: Where, work: Work) -> Outcome:
    """Listen, and join with who connects."""
    accepting = Accepting(sys.maxsize if options["keep"] else 1)
    ports = []
    try:
        for description in where.descriptions:
            port = await serverFromString(reactor, description).listen(accepting)
            write_directly(port)
            ports.append(port)
            options.say(f"Listening on {_told(port.getHost())}.")
        while True:
            line = await accepting.line()
            if not options["keep"]:
                await _closed(ports)
            peer = line.transport.getPeer()
            options.say(f"Connection from {_told(peer)}. Press Ctrl-C to close connection.")
            outcome = await work.over(line)
            if not options["keep"]:
                return outcome
            options.results.add(outcome, {"peer": _told(peer)})
            if not outcome.ok:
                options.results.note(outcome.message or "")
    finally:
        await _closed(ports)


async def _closed(ports: list[Any]) -> None:
    while ports:
        await defer.maybeDeferred(ports.pop().stopListening)


async def connect(reactor: Any, options: Options, target: Place, work: Work) -> Outcome:
    """Connect, and join."""
    reach = options.reach(reactor)
    if options["starttls"] is None or reach.secure is None:
        line = await reach.line(target)
    else:
        line = await reach.in_time(defer.Deferred.fromCoroutine(_started(reach, target, options["starttls"])))
    options.say(CONNECTED)
    return await work.over(line)


async def _started(reach: Any, target: Place, protocol: str) -> Line:
    line = await start_tls(await reach.line(target, plain=True), protocol)
    shaken: Line = await reach.secure.shake(line, target.host or "localhost")
    return shaken


async def main(reactor: Any, options: Options) -> Outcome:
    """Forward until it ends."""
    work = Work(reactor, options)
    try:
        if options.where is not None:
            return await accept(reactor, options, options.where, work)
        assert options.place is not None  # noqa: S101 - the options have one of both
        return await connect(reactor, options, options.place, work)
    finally:
        work.close()


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
