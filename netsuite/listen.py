"""From a port number or endpoint string to bound listeners, at once, or to a clear refusal (rules R1, R7).

Binding happens in ``privilegedStartService``, synchronously, so that a clash ends the start: one line on
the terminal that gave the command, also when twistd has gone to the background by then, exit status 1 and
no pidfile left. Twisted removes the pidfile only for an exception, and prints a traceback for it; ours is
kept silent by an excepthook.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from twisted.application import service
from twisted.internet import defer, endpoints, tcp
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from netsuite import activation, certificates, deposit, journal, renewal
from netsuite.certificates import BadCertificate
from netsuite.door import ACCEPTS_SHARED, Door, Doors, Inherited
from netsuite.renewal import Certificates
from netsuite.values import Where, split_endpoint

#: Which of our listeners has which port by default (told in a clash).
DEFAULT_PORTS = {
    5001: ("echo",),
    8000: ("wordproxy report", "pages", "formsite", "colors", "httpecho"),
    8001: ("wordproxy", "proxy"),
}


#: What binding a place may fail with.
_REFUSALS = (OSError, ValueError, CannotListenError, LookupError, TypeError)


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """The start was refused; why has been said in a line already."""


class Terminal:
    """Where a refusal is said: the start command's standard error, kept over going to the background."""

    def __init__(self) -> None:
        self._fd: int | None = os.dup(2)
        previous = sys.excepthook

        def silent(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            if not issubclass(kind, Refused):
                previous(kind, error, trace)

        sys.excepthook = silent

    def refuse(self, line: str) -> Refused:
        """Say why nothing is started; return the exception to raise."""
        if self._fd is not None:
            os.write(self._fd, f"netsuite: {line}\n".encode())
        return Refused(line)

    def release(self) -> None:
        """Let go of the terminal: the start has succeeded."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Listening(service.Service):
    """Listens at ``where`` while it runs.

    ``owner``: who listens, as a clash calls it; ``option``: with which option another place is chosen;
    ``on_lack``: closes what is idle when descriptors are lacking; ``inherited``: sockets that another process
    has bound, by their endpoint's description; ``is_open``: whether clients are accepted here, or by others;
    ``dress`` adds to what TLS listeners show, each time it is read.
    """

    def __init__(
        self,
        where: Where,
        factory: IProtocolFactory,
        *,
        owner: str,
        option: str,
        terminal: Terminal,
        reactor: Any,
        on_lack: Callable[[], object] = lambda: None,
        inherited: Mapping[str, Inherited] | None = None,
        is_open: bool = True,
        dress: renewal.Dress = lambda context: None,
    ) -> None:
        self._where, self._factory, self._dress = where, factory, dress
        self._owner, self._option, self._terminal, self._reactor = owner, option, terminal, reactor
        self._on_lack, self._is_open = on_lack, is_open
        self.inherited = dict(inherited or {})
        self.bound: dict[str, IListeningPort] = {}
        self._watch = renewal.Watch(lambda: self.shown, owner=owner, reactor=reactor, quiet=bool(inherited))

    @property
    def owner(self) -> str:
        """Who listens."""
        return self._owner

    @property
    def shown(self) -> list[Certificates]:
        """What those listeners show that speak TLS."""
        doors = (port for port in self.bound.values() if isinstance(port, Door))
        return [door.certificates for door in doors if door.certificates is not None]

    @property
    def ports(self) -> list[IListeningPort]:
        """The bound listeners."""
        return list(self.bound.values())

    @property
    def option(self) -> str:
        """With which option it is told where."""
        return self._option

    @property
    def is_up(self) -> bool:
        """Whether every place is bound that should be."""
        return all(text in self.bound for text in self._where.descriptions)

    def privilegedStartService(self) -> None:
        """Bind now.  Raises: Refused."""
        super().privilegedStartService()
        self.bind()

    def startService(self) -> None:
        """Bind if that was not done before privileges were dropped.  Raises: Refused."""
        super().startService()
        if not self.bound:
            self.bind()
        self._look_after()

    def _look_after(self) -> None:
        if self.running and self.shown:
            self._watch.start()
        else:
            self._watch.stop()

    def bind(self) -> None:
        """Bind every endpoint, or none.  Raises: Refused."""
        try:
            for description in self._where.descriptions:
                self.bound[description] = self._bind(description)
        except _REFUSALS as error:
            for port in self.bound.values():
                port.stopListening()
            self.bound.clear()
            raise self._terminal.refuse(self._complaint(error)) from None

    def _bind(self, description: str, inherited: Inherited | None = None) -> Any:
        inherited = inherited or self.inherited.get(description)
        plain, files = certificates.apart(description)
        shown = Certificates(files, renewal.spoken(self._factory), self._dress) if files else None
        factory = renewal.in_tls(self._factory, shown, self._reactor) if shown else self._factory
        doors = Doors(self._reactor, owner=self._owner, on_lack=self._on_lack, inherited=inherited)
        if inherited is not None:
            port = doors.adoptStreamPort(inherited.fd, inherited.family, factory)
        elif plain.startswith("systemd:"):
            given = activation.the_one(plain)
            port = doors.adoptStreamPort(given.fd, given.family, factory)
        elif (left := deposit.given_back(plain)) is not None:
            port = doors.adoptStreamPort(left.fd, left.family, factory)
        else:
            port = _bound(doors, plain, factory)
        if isinstance(port, Door):
            port.certificates = shown
        if isinstance(port, tcp.Port) and not self._is_open:
            port.stopReading()
        return port

    def to_leave(self) -> dict[str, int]:
        """Return the descriptors of bound sockets that may stay with a service manager, by name."""
        named = ((deposit.name_of(certificates.apart(text)[0]), port) for text, port in self.bound.items())
        return {name: port.fileno() for name, port in named if name is not None}  # type: ignore[attr-defined]

    def sockets(self) -> list[tuple[int, int]]:
        """Return the bound sockets, as (descriptor, address family), in the order of ``bound``."""
        return [(port.fileno(), port.addressFamily) for port in self.bound.values()]  # type: ignore[attr-defined]

    def share(self, is_ahead: Callable[[], bool], back_seconds: float) -> None:
        """Accept few clients a turn, and step back when ahead: others accept from the same sockets."""
        for port in self.bound.values():
            if isinstance(port, Door):
                port.accepts, port.is_ahead, port.back_seconds = ACCEPTS_SHARED, is_ahead, back_seconds

    # -- moving to another place while running -------------------------------------------------------------

    def prepare(self, where: Where) -> Callable[[], None]:
        """Return what moves to ``where``, and shows certificates as they are in their files now.

        Raises: ValueError or OSError for certificates that can't be used; nothing has changed then.  The move
        itself binds the new place first; if that can't be, the old one stays, and a log line says so.
        """
        shows = []
        for text in where.descriptions:
            kept = getattr(self.bound.get(text), "certificates", None)
            if kept is not None:
                shows.append(kept.prepare(owner=self._owner, quiet=bool(self.inherited)))
            elif (files := certificates.apart(text)[1]) is not None:
                certificates.read(files)

        def move() -> None:
            if where.descriptions != self._where.descriptions and not self._move(where):
                return
            for show in shows:
                show()
            self._look_after()

        return move

    def _move(self, where: Where) -> bool:
        new: dict[str, IListeningPort] = {}
        kept = [text for text in where.descriptions if text in self.bound]
        try:
            for text in where.descriptions:
                if text not in self.bound:
                    new[text] = self._bind_beside(text)
        except _REFUSALS as error:
            for port in new.values():
                port.stopListening()
            reason = getattr(error, "socketError", error)
            reason = getattr(reason, "strerror", None) or reason
            journal.listener_kept(owner=self._owner, place=place(where), reason=str(reason))
            return False
        for text in set(self.bound) - set(kept):
            journal.detach(defer.maybeDeferred(self.bound.pop(text).stopListening), where="listen.move")
        self.bound = {text: new.get(text) or self.bound[text] for text in where.descriptions}
        self._where = where
        journal.listener_moved(owner=self._owner, place=place(where))
        return True

    def _bind_beside(self, description: str) -> Any:
        """Bind one more place; where one of ours is in its way, that one is given up for it, or got back."""
        try:
            return self._bind(description, self._same_socket(description))
        except CannotListenError as error:
            number = _number(Where(description, (description,), False))
            in_way = [text for text, port in self.bound.items() if number and _listens_on(port, number)]
            if error.socketError.errno != errno.EADDRINUSE or not in_way:
                raise
        for text in in_way:
            port = self.bound.pop(text)
            if isinstance(port, Door):
                port.close_now()
        try:
            return self._bind(description)
        except _REFUSALS:
            for text in in_way:
                self.bound[text] = self._bind(text)
            raise

    def _same_socket(self, description: str) -> Inherited | None:
        """Return the socket that is bound at a description's place already: only its use changes."""
        spot = place(Where(description, (description,), False))
        for text, port in self.bound.items():
            if isinstance(port, Door) and place(Where(text, (text,), False)) == spot:
                return Inherited(port.fileno(), port.addressFamily)
        return None

    def _complaint(self, error: Exception) -> str:
        reason = getattr(error, "socketError", error)
        if isinstance(error, BadCertificate):
            return f"cannot start {self._owner}: {error}"
        start = f"cannot start {self._owner}: {place(self._where)}"
        if getattr(reason, "errno", None) != errno.EADDRINUSE:
            return (
                f"{start}: {getattr(reason, 'strerror', None) or reason}. Choose another with {self._option}."
            )
        others = [name for name in DEFAULT_PORTS.get(_number(self._where), ()) if name != self._owner]
        also = f" (also the default of {', '.join(others)})" if others else ""
        return f"{start} is in use{also}. Choose another with {self._option}."

    def __str__(self) -> str:
        places = (authority(*address) if address[1] else address[0] for address in self.addresses())
        return f"{self._owner} {' '.join(places)}"

    def addresses(self) -> list[tuple[str, int]]:
        """Return the (address, port) pairs really bound; a Unix socket has its path and 0."""
        found = []
        for port in self.bound.values():
            host: Any = port.getHost()  # IPv4Address, IPv6Address or UNIXAddress
            found.append(
                (os.fsdecode(host.name or b""), 0)
                if isinstance(host, UNIXAddress)
                else (host.host, host.port)
            )
        return found

    def stopService(self) -> defer.Deferred[Any]:
        """Stop listening; fires when the sockets are closed."""
        super().stopService()
        self._watch.stop()
        ports, self.bound = self.ports, {}
        return defer.gatherResults([defer.maybeDeferred(port.stopListening) for port in ports])


def listeners(tree: Any) -> Iterator[Listening]:
    """Return the listeners in a tree of services."""
    if isinstance(tree, Listening):
        yield tree
    elif service.IServiceCollection.providedBy(tree):
        for part in tree:
            yield from listeners(part)


def _bound(reactor: Any, description: str, factory: IProtocolFactory) -> Any:
    """Return what an endpoint listens with, at once.  Raises: what it fails with."""
    results: list[Any] = []
    endpoint = endpoints.serverFromString(reactor, description)
    endpoint.listen(factory).addBoth(results.append)
    if not results:
        raise ValueError("an endpoint of this kind cannot be bound at once")
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def _listens_on(port: IListeningPort, number: int) -> bool:
    host = port.getHost()
    return isinstance(port, Door) and getattr(host, "port", 0) == number


def place(where: Where) -> str:
    """Return ``address:port`` of a place as a person would write it."""
    kind, *rest = split_endpoint(where.descriptions[0])
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    if kind not in ("tcp", "ssl"):
        return where.text
    return authority(named.get("interface", "") or "0.0.0.0", _number(where))  # noqa: S104 shown, not bound


def authority(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets (RFC 3986 §3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _number(where: Where) -> int:
    _kind, *rest = split_endpoint(where.descriptions[0])
    number = next(
        (part.removeprefix("port=") for part in rest if part.removeprefix("port=").isdecimal()), "0"
    )
    return int(number)


def clashes(places: Iterable[tuple[str, Where]]) -> list[str]:
    """Return a complaint for each two of our listeners at one address; ``places``: (option, where)."""
    seen: dict[str, str] = {}
    complaints = []
    for option, where in places:
        for description in where.descriptions:
            spot = place(Where(description, (description,), where.public))
            if spot.endswith(":0"):
                continue
            if spot in seen:
                complaints.append(f"{option}: {spot} is the place of {seen[spot]} too; choose another")
            seen.setdefault(spot, option)
    return complaints
