"""A proxy on the way of a tool's connections: HTTP's CONNECT, or SOCKS5 (``proxy.handshake`` speaks them)."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.outcome import Failed
from netsuite.proxy.chain import Hop, HopFailed, parse_upstream
from netsuite.proxy.handshake import handshake
from netsuite.reach.line import Line
from netsuite.reach.place import Place

#: What an HTTP proxy's statuses say of the place behind it.
_BY_STATUS = {502: "unreachable", 503: "unreachable", 504: "timeout"}


class ByHop:
    """The way by one proxy."""

    def __init__(self, hop: Hop) -> None:
        self._hop = hop
        self.place = Place(hop.host, hop.port, hop.host)

    def ask(self, line: Line, place: Place) -> defer.Deferred[Line]:
        """Fires with the line to ``place`` that the proxy makes of ``line``; may be cancelled.

        Fails with: ConnectError kinds where the proxy says why, Failed.
        """
        asking = _Asking(self._hop, place)
        line.carry(asking)
        return asking.done


def parse_proxy(text: str) -> ByHop:
    """Return the way by the proxy of a URL.  Raises: ValueError, without a password in it."""
    _glob, hop = parse_upstream(text if "://" in text else f"http://{text}")
    if hop is None:
        raise ValueError("is http://, socks5:// or socks5h://[user[:password]@]host:port")
    return ByHop(hop)


class _Asking(Protocol):
    """The handshake; afterwards itself a line."""

    transport: Any

    def __init__(self, hop: Hop, place: Place) -> None:
        self._hop = hop
        self._handshake = handshake(hop, place.host, place.port)
        self._is_over = False
        self._rest = b""
        self.done: defer.Deferred[Line] = defer.Deferred(self._cancelled)

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self._handshake.opening)

    def dataReceived(self, data: bytes) -> None:
        """Go on with the handshake."""
        if self._is_over:
            self._rest += data
            return
        try:
            said = self._handshake.feed(data)
        except Exception as error:
            self._end(_told(error))
            return
        if said:
            self.transport.write(said)
        if self._handshake.rest is not None:
            self._rest = self._handshake.rest
            self._end(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy ended it."""
        self._end(ConnectionLost(f"the proxy {self._hop.place} closed the connection"))

    def carry(self, protocol: IProtocol) -> None:
        """``protocol`` speaks from now on, and hears what came before."""
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        if self._rest:
            protocol.dataReceived(self._rest)

    def _end(self, error: BaseException | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        if error is None:
            self.done.callback(self)
        else:
            self.transport.abortConnection()
            self.done.errback(error)

    def _cancelled(self, done: object) -> None:
        self._is_over = True
        self.transport.abortConnection()


def _told(error: Exception) -> Exception:
    """Return a proxy's failure as one that knows its cause."""
    if not isinstance(error, HopFailed):
        return error
    status = re.search(r"answered (\d+)$", error.text)
    if status is not None:
        return Failed(_BY_STATUS.get(int(status[1]), "declined"), error.text)
    return Failed("auth" if "credentials" in error.text else "declined", error.text)
