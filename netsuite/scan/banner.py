"""What open ports say of themselves: the first bytes, or a certificate's subject where nothing is said."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.journal import escaped
from netsuite.outcome import Outcome
from netsuite.reach.line import Line
from netsuite.reach.place import Place
from netsuite.reach.trust import Tls, Trust, shown_by
from netsuite.reach.way import Reach, Way
from netsuite.scan.state import Scanned

#: Seconds for a banner, bytes of it that are kept, and ports that are asked at a time.
BANNER_SECONDS, BANNER_MAX, AT_ONCE = 2.0, 256, 16


class _Listening(Protocol):
    """Keeps the first bytes; ``done`` fires with them when there is no more to wait for."""

    transport: Any

    def __init__(self) -> None:
        self._said = b""
        self.done: defer.Deferred[bytes] = defer.Deferred(self._cancelled)

    def dataReceived(self, data: bytes) -> None:
        """A line is enough."""
        self._said = (self._said + data)[:BANNER_MAX]
        if b"\n" in self._said or len(self._said) == BANNER_MAX:
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has said all."""
        self._end()

    def _end(self) -> None:
        if not self.done.called:
            self.transport.abortConnection()
            self.done.callback(self._said)

    def _cancelled(self, done: object) -> None:
        self._end()


class Banners:
    """Asks open ports what they say."""

    def __init__(self, reactor: Any, way: Way) -> None:
        self._plain = Reach(reactor, Way(BANNER_SECONDS, way.family, way.source))
        nobody = Trust(insecure=True)  # nothing is sent: the certificate is only shown
        self._secure = Reach(reactor, Way(BANNER_SECONDS, way.family, way.source, nobody))
        self._turns = defer.DeferredSemaphore(AT_ONCE)

    async def ask(self, targets: list[Scanned]) -> None:
        """Each target's ``banners`` has what its open ports say."""
        asked = [
            self._turns.run(self._one, target, port) for target in targets for port in target.done().open
        ]
        await defer.gatherResults(asked, consumeErrors=True)

    def _one(self, target: Scanned, port: int) -> defer.Deferred[None]:
        return defer.Deferred.fromCoroutine(self._said(target, port))

    async def _said(self, target: Scanned, port: int) -> None:
        place = Place(target.address, port)
        said = await self._first_bytes(place, target.address)
        if said:
            target.banners[port] = escaped(said.decode("utf-8", "backslashreplace").strip())
            return
        subject = await self._subject(place, target.address)
        target.banners[port] = f"TLS {escaped(subject)}" if subject else ""

    async def _first_bytes(self, place: Place, address: str) -> bytes:
        try:
            line: Line = await self._plain.attempt(place, address)
        except Exception as error:
            return _nothing(error)
        listening = _Listening()
        line.carry(listening)
        waiting = listening.done.addTimeout(BANNER_SECONDS, self._plain.reactor)
        return await waiting

    async def _subject(self, place: Place, address: str) -> str:
        try:
            line = await self._secure.attempt(place, address)
        except Exception as error:
            _nothing(error)
            return ""
        shown = shown_by(line) if isinstance(line, Tls) else None
        line.transport.abortConnection()
        return shown.subject or "without a subject" if shown is not None else ""


def _nothing(error: Exception) -> bytes:
    """Return nothing for a connection that failed.  Raises: what is a bug of ours."""
    if Outcome.of(error).cause == "internal":
        raise error
    return b""
