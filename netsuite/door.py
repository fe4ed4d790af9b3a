"""Listening sockets that live through a lack of descriptors or memory, and whose certificates can change.

Theory.  A listening socket is ready for as long as a client waits in its queue, so an ``accept`` that fails
for want of a descriptor would be tried again at once, for ever.  Twisted answers by accepting and closing
every waiting client with a descriptor kept for that, and where that is gone it spins.  A ``Door`` stops
looking at its socket for ``REST_SECONDS`` instead, has whoever listens close what is idle, and looks again:
clients wait in the kernel's queue meanwhile, as they do for any busy server.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.renewal import Certificates
from netsuite.wire import write_directly

#: Seconds after which a socket is looked at again whose accept failed for want of means.
REST_SECONDS = 0.25

#: Seconds between two lines about that.
TOLD_SECONDS = 60.0

#: Clients accepted in one turn of the reactor, and by each of several processes that share a socket: there a
#: burst taken whole by the first that wakes would leave the others without work.
ACCEPTS = 64
ACCEPTS_SHARED = 1

#: Clients that wait for us to accept them: as many as Linux lets wait (net.core.somaxconn).  Whom it turns
#: away tries again after 1, 3, 7 seconds.  Twisted's own number, 50, is one burst of a browser or two.
BACKLOG = 4096
_TWISTED_BACKLOG = 50

#: What accept says where means are lacking: descriptors (ours, the system's), buffers, memory.
_LACKING = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

#: What accept says of one client only, as Linux hands on an error of the new connection: accept(2).
_OF_ONE = frozenset(
    (
        errno.ECONNABORTED,
        errno.EINTR,
        errno.EPERM,  # a packet filter refused it
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
    )
)


class Door(tcp.Port):
    """A listening TCP socket.  ``owner``: who listens; ``on_lack`` is told to close what is idle.

    ``is_ahead``: whether another process that shares the socket should have the next client.
    """

    owner = ""
    accepts = ACCEPTS
    certificates: Certificates | None = None
    on_lack: Callable[[], object] = staticmethod(lambda: None)
    is_ahead: Callable[[], bool] | None = None
    back_seconds = 0.0
    _has_waited = False
    _shouldShutdown = False  # another process, or another door, may hold the same socket
    _told_at = -TOLD_SECONDS
    _resting: Any = None
    reactor: Any

    def doRead(self) -> None:
        """Accept who waits, up to so many a turn."""
        if self.is_ahead is not None and not self._has_waited and self.is_ahead():
            self._pause(self.back_seconds)
            return
        self._has_waited = False
        for _ in range(self.accepts):
            try:
                client, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OF_ONE:
                    continue
                self._rest(error)
                return
            try:
                self._let_in(client, address)
            except Exception:  # one connection's fault must not close the door
                journal.fault(where="door", failure=Failure())
                client.close()

    def _let_in(self, client: socket.socket, address: Any) -> None:
        if len(address) == 4 and address[3]:  # a link-local address says on which interface
            host = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
            address = (host, *address[1:])
        protocol = self.factory.buildProtocol(self._buildAddr(address))  # type: ignore[union-attr]
        if protocol is None:
            client.close()
            return
        number = self.sessionno
        self.sessionno = number + 1
        protocol.makeConnection(self.transport(client, protocol, address, self, number, self.reactor))

    def _rest(self, error: OSError) -> None:
        now = self.reactor.seconds()
        if not self._told_at <= now < self._told_at + TOLD_SECONDS:
            self._told_at = now
            tell = journal.accepting_paused if error.errno in _LACKING else journal.accept_failed
            tell(owner=self.owner, reason=os.strerror(error.errno or 0))
        self._pause(REST_SECONDS)
        self.on_lack()

    def _pause(self, seconds: float) -> None:
        self.stopReading()
        self._resting = self.reactor.callLater(seconds, self._look_again)

    def _look_again(self) -> None:
        self._resting, self._has_waited = None, True
        if self.connected and not self.disconnecting:
            self.startReading()

    def close_now(self) -> None:
        """The socket is closed when this returns."""
        self.stopReading()
        self.connectionLost(Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Any) -> None:
        """The socket is closed."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        super().connectionLost(reason)


class UnixDoor(Door, unix.Port):  # both are Twisted's listening socket, each in one respect
    """A listening Unix socket.  ``is_lent``: another process has made it and will remove it."""

    is_lent = False

    def connectionLost(self, reason: Any) -> None:
        """The socket is closed, and gone from the file system if it is ours."""
        if self.is_lent:
            self._bindPath = b"\0"  # none in the file system
        super().connectionLost(reason)


@dataclass(frozen=True, slots=True)
class Inherited:
    """A listening socket that another process has bound: its descriptor here, and its address family."""

    fd: int
    family: int


class Doors:
    """What an endpoint takes for a reactor: its listeners are doors.

    ``inherited``: the socket to listen on, instead of binding one.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        owner: str,
        on_lack: Callable[[], object],
        inherited: Inherited | None = None,
    ) -> None:
        self._reactor, self._owner, self._on_lack, self._inherited = reactor, owner, on_lack, inherited

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = BACKLOG, interface: str = ""
    ) -> IListeningPort:
        """Return a door."""
        if self._inherited is not None:
            return self.adoptStreamPort(self._inherited.fd, self._inherited.family, factory)
        backlog = BACKLOG if backlog == _TWISTED_BACKLOG else backlog
        return self._opened(Door(port, factory, backlog, interface, self._reactor))

    def listenUNIX(
        self,
        address: Any,
        factory: IProtocolFactory,
        backlog: int = BACKLOG,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort:
        """Return a door."""
        if self._inherited is not None:
            return self.adoptStreamPort(self._inherited.fd, self._inherited.family, factory)
        backlog = BACKLOG if backlog == _TWISTED_BACKLOG else backlog
        return self._opened(UnixDoor(address, factory, backlog, mode, self._reactor, wantPID))

    def adoptStreamPort(self, fd: int, family: int, factory: IProtocolFactory) -> IListeningPort:
        """Return a door whose socket is a copy of ``fd``."""
        if self._inherited is not None:
            fd, family = self._inherited.fd, self._inherited.family
        if family == socket.AF_UNIX:
            door = UnixDoor._fromListeningDescriptor(self._reactor, fd, factory)
            door.is_lent = True
            return self._opened(door)
        return self._opened(Door._fromListeningDescriptor(self._reactor, fd, family, factory))

    def _opened(self, door: Door) -> Door:
        door.owner, door.on_lack = self._owner, self._on_lack
        write_directly(door)
        door.startListening()
        return door
