"""One attempt to connect with one address: a socket, a time limit, and who is told.

An address is never a name here: the guard has judged it, and what is judged is what is dialled.  A
connection that is made is a ``wire.Connection``.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocolFactory, IReadWriteDescriptor
from twisted.internet.posixbase import PosixReactorBase
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.wire import Connection, forget

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)


@implementer(IReadWriteDescriptor)
class Attempt:
    """A connection that is being made.

    ``factory`` is asked for a protocol once it is there, else told why not (``clientConnectionFailed``, with
    a ConnectError): never inside the call that made us.
    """

    __slots__ = ("_factory", "_host", "_late", "_port", "_reactor", "_socket", "fileno")

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        factory: Any,
        seconds: float,
        source: str | None = None,
    ) -> None:
        self._reactor, self._host, self._port, self._factory = reactor, host, port, factory
        self._late: Any = None
        self._socket: socket.socket | None = None
        try:
            code = self._start(source)
        except OSError as wrong:  # no descriptor left, no such family
            code = wrong.errno or errno.EIO
        except ConnectError as wrong:
            self._late = reactor.callLater(0, self._fail, wrong)
            return
        if code in _UNDER_WAY:
            self._late = reactor.callLater(seconds, self._fail, error.TimeoutError())
            reactor.addWriter(self)
        else:
            self._late = reactor.callLater(0, self._fail, _told(code))

    def _start(self, source: str | None) -> int:
        where: Any = (self._host, self._port)
        family = socket.AF_INET
        if ":" in self._host:
            family = socket.AF_INET6
            if "%" in self._host:
                where = socket.getaddrinfo(self._host, self._port, family, flags=socket.AI_NUMERICHOST)[0][4]
        made = self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.fileno = made.fileno
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            _bind(made, source)
        return made.connect_ex(where)

    def doWrite(self) -> None:
        """The kernel knows how it went."""
        if self._socket is None:
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(_told(code))
            return
        late, self._late = self._late, None
        late.cancel()
        made, self._socket = self._socket, None
        kind = IPv6Address if ":" in self._host else IPv4Address
        protocol = self._factory.buildProtocol(kind("TCP", self._host, self._port))
        if protocol is None:
            forget(self._reactor, self)
            made.close()
            return
        protocol.makeConnection(Connection(made, protocol, reactor=self._reactor, instead_of=self))

    def doRead(self) -> None:
        """Nothing is read before there is a connection."""

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw an error on the socket."""
        self.doWrite()

    def stopConnecting(self) -> None:
        """Give up; the factory is told so."""
        if self._socket is not None:
            self._fail(error.UserError())

    disconnect = stopConnecting

    def _fail(self, why: ConnectError) -> None:
        made, self._socket = self._socket, None
        if made is not None:
            forget(self._reactor, self)
            made.close()
        if self._late.active():
            self._late.cancel()
        self._factory.clientConnectionFailed(self, Failure(why))

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"


def _bind(made: socket.socket, source: str) -> None:
    try:
        made.bind((source, 0))
    except OSError as wrong:
        raise error.ConnectBindError(wrong.errno, wrong.strerror) from None


def _told(code: int) -> ConnectError:
    told: ConnectError = error.getConnectError((code, os.strerror(code)))
    return told


def dial(
    reactor: Any,
    address: str,
    port: int,
    factory: IProtocolFactory,
    seconds: float,
    *,
    source: str | None = None,
) -> Any:
    """Start connecting to an address and return the attempt, which can be stopped (``stopConnecting``).

    ``source``: our own address, None for what the system chooses.  A reactor that keeps no file descriptors
    of its own, such as a test's, is asked by ``connectTCP``.
    """
    if not isinstance(reactor, PosixReactorBase):
        bound = None if source is None else (source, 0)
        return reactor.connectTCP(address, port, factory, seconds, bindAddress=bound)
    return Attempt(reactor, address, port, factory, seconds, source)
