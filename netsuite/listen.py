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
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from twisted.application import service
from twisted.internet import defer, endpoints
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from netsuite.values import Where, split_endpoint
from netsuite.wire import write_directly

#: Which of our listeners has which port by default (told in a clash).
DEFAULT_PORTS = {
    5001: ("echo",),
    8000: ("wordproxy report", "pages", "formsite", "colors", "httpecho"),
    8001: ("wordproxy", "proxy"),
}


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

    ``owner``: who listens, as a clash calls it; ``option``: with which option another place is chosen.
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
    ) -> None:
        self._where, self._factory = where, factory
        self._owner, self._option, self._terminal, self._reactor = owner, option, terminal, reactor
        self.ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Bind now.  Raises: Refused."""
        super().privilegedStartService()
        self.bind()

    def startService(self) -> None:
        """Bind if that was not done before privileges were dropped.  Raises: Refused."""
        super().startService()
        if not self.ports:
            self.bind()

    def bind(self) -> None:
        """Bind every endpoint, or none.  Raises: Refused."""
        try:
            for description in self._where.descriptions:
                self.ports.append(_bound(self._reactor, description, self._factory))
        except (OSError, ValueError, CannotListenError, LookupError, TypeError) as error:
            for port in self.ports:
                port.stopListening()
            self.ports.clear()
            raise self._terminal.refuse(self._complaint(error)) from None

    def _complaint(self, error: Exception) -> str:
        reason = getattr(error, "socketError", error)
        start = f"cannot start {self._owner}: {place(self._where)}"
        if getattr(reason, "errno", None) != errno.EADDRINUSE:
            return (
                f"{start}: {getattr(reason, 'strerror', None) or reason}. Choose another with {self._option}."
            )
        others = [name for name in DEFAULT_PORTS.get(_number(self._where), ()) if name != self._owner]
        also = f" (also the default of {', '.join(others)})" if others else ""
        return f"{start} is in use{also}. Choose another with {self._option}."

    def addresses(self) -> list[tuple[str, int]]:
        """Return the (address, port) pairs really bound; a Unix socket has its path and 0."""
        found = []
        for port in self.ports:
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
        ports, self.ports = self.ports, []
        return defer.gatherResults([defer.maybeDeferred(port.stopListening) for port in ports])


def _bound(reactor: Any, description: str, factory: IProtocolFactory) -> IListeningPort:
    results: list[Any] = []
    endpoint = endpoints.serverFromString(reactor, description)
    endpoint.listen(factory).addBoth(results.append)
    if not results:
        raise ValueError("an endpoint of this kind cannot be bound at once")
    if not IListeningPort.providedBy(results[0]):
        results[0].raiseException()
    write_directly(results[0])
    port: IListeningPort = results[0]
    return port


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
