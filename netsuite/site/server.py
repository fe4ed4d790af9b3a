"""Our web server: twisted.web's site, each connection of which is a `Channel`, counted by the crowd."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from prometheus_client.core import Metric
from twisted.internet.interfaces import IAddress, ITransport
from twisted.internet.protocol import Protocol
from twisted.web import server
from twisted.web.resource import IResource

from netsuite import journal
from netsuite.crowd import Crowd
from netsuite.metrics import Gauges, Requests
from netsuite.site.bounds import Bounds
from netsuite.site.channel import Channel
from netsuite.site.frame import Frame
from netsuite.site.hosts import canonical
from netsuite.site.safety import SECURITY, lines

#: An answer ended: client, the request's first line, status, bytes of its body, Referer, User-Agent.
Log = Callable[[str, bytes, int, int, bytes, bytes], None]


class Site(server.Site):
    """A factory of `Channel`.  ``crowd``, where given, bounds how many there are and ends them.

    ``bodies``: the longest bodies of POST to some paths; ``held_bytes``: of bodies that are here now;
    ``requests``: those that were answered, or refused before they were any view's, since the start.
    """

    protocol = Channel  # type: ignore[assignment]  # not the generic one, which may offer HTTP/2
    noisy = False

    def __init__(
        self,
        root: IResource,
        frame: Frame,
        *,
        names: Collection[str],
        bounds: Bounds,
        bodies: Mapping[str, int],
        crowd: Crowd | None,
        security: Mapping[bytes, bytes],
        log: Log | None,
        reactor: Any,
    ) -> None:
        super().__init__(root, reactor=reactor, parsePOSTFormSubmission=False)
        self.timeOut = None  # the channel keeps the time itself
        self.bounds = bounds
        self.answer_to(names, bounds.idle_seconds)
        self.frame, self.crowd = frame, crowd
        self.security, self.security_lines = security, lines(security)
        self._log = log
        self.held_bytes, self.requests = 0, Requests()
        self.on_stop: Callable[[], None] = lambda: None
        self._bodies = {path.encode(): most for path, most in bodies.items()}

    def longest(self, method: bytes, path: bytes) -> int:
        """How long the body of a request may be."""
        most = self.bounds.body_bytes
        return self._bodies.get(path, most) if method == b"POST" else most

    def refused(self, client: str, line: bytes, status: int, sent: int, reason: str) -> None:
        """Note what never became a request: nonsense, or a bound that was hit."""
        self.requests.refused(str(status))
        self.requests.ended(status, 0.0)
        if self._log is not None:
            self._log(client, line or b"-", status, sent, b"", b"")
        journal.site_refused(client=client, status=status, reason=reason, service=self.frame.service)

    def answer_to(self, names: Collection[str], idle_seconds: float) -> None:
        """These are the names we answer to from now on, and the seconds a connection may be silent."""
        self.names = frozenset(canonical(name) for name in names)
        self.bounds = replace(self.bounds, idle_seconds=idle_seconds)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return the protocol for a new client, or one that turns it away."""
        client = getattr(addr, "host", "")
        if self.crowd is not None and self.crowd.admit(client) is not None:
            return Turned()
        channel = super().buildProtocol(addr)
        channel.client, channel.peer = client, addr
        return channel

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only, also where HTTP/2 would be at hand."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Nothing: twisted.web would begin to keep an access log with addresses and queries."""

    def stopFactory(self) -> None:
        """Answers that go on are at their end."""
        self.on_stop()

    def log(self, request: Any) -> None:
        """An answer is over: it is counted, and a site that was given a log writes it down."""
        self.requests.ended(request.code, self.reactor.seconds() - request.channel.began)
        self.requests.bytes["to_client"] += request.sentLength
        if self._log is not None:
            fields = request.head.combined
            referer, agent = fields.get(b"referer", b""), fields.get(b"user-agent", b"")
            self._log(request.channel.client, request.line, request.code, request.sentLength, referer, agent)


class Turned(Protocol):
    """A client that may not come in now."""

    transport: ITransport

    def connectionMade(self) -> None:
        """Say so and close."""
        self.transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        self.transport.loseConnection()


class Numbers:
    """What /metrics tells of a site beside its connections.  ``listener``: where it is reached."""

    def __init__(self, site: Site, listener: str = "port") -> None:
        self._site = site
        site.requests.listener = listener

    def collect(self) -> Iterator[Metric]:
        """Return the numbers of this moment."""
        yield from self._site.requests.collect()
        held = ("Bytes of request bodies held now.", lambda: float(self._site.held_bytes))
        yield from Gauges(body_bytes_held=held).collect()


def make_site(
    root: IResource,
    frame: Frame,
    *,
    hosts: Collection[str] = (),
    idle_seconds: float | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - a value
    bodies: Mapping[str, int] | None = None,
    crowd: Crowd | None = None,
    security: Mapping[bytes, bytes] = SECURITY,
    log: Log | None = None,
    reactor: Any = None,
) -> Site:
    """A factory to listen with; nothing is open yet.

    ``hosts``: names it answers to beside loopback's and the address that a connection came to; ``*``: to all.
    ``bounds``: of each request; ``idle_seconds`` instead of theirs.  ``bodies``: paths to which longer bodies
    may be posted.  ``security``: fields of every answer.  ``log``: told of each answer at its end.
    """
    return Site(
        root,
        frame,
        names=hosts,
        bounds=bounds if idle_seconds is None else replace(bounds, idle_seconds=idle_seconds),
        bodies=bodies or {},
        crowd=crowd,
        security=security,
        log=log,
        reactor=reactor,
    )
