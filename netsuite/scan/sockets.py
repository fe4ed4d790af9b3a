"""Probes as they are: non-blocking connections, whose ends an epoll tells.

Theory.  ``connect`` is asked twice.  Where the other side answers at once, as on this machine, the second
call says how it ended: refused, and Linux lets the socket be used for the next port; or open.  Only what is
under way after that waits in an epoll of ours, which the reactor watches as one descriptor.

A connection may find itself: when our own local port happens to be the port that is asked for, TCP opens a
connection of the socket with itself (RFC 9293 §3.5, simultaneous open).  Nobody listens there; it is told as
``ITSELF``, to be asked again.
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

PENDING = errno.EINPROGRESS

#: Told in the place of an error number where a connection was one with itself.
ITSELF = -1

#: Ends that are looked at in one turn of the reactor.
ENDS_AT_ONCE = 512

_WAIT = frozenset((errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN))

Ended = Callable[[int, int], object]


class Probes(Protocol):
    """What a scan asks of the network.  ``ended`` is called with key and error number of what was pending."""

    ended: Ended

    def begin(self, key: int, address: str, port: int) -> int:
        """Begin a probe; return how it ended: 0 open, an error number, ITSELF, or PENDING if it has not."""

    def refused(self, address: str, ports: list[int], states: bytearray, closed: int) -> tuple[int, int]:
        """Probe ports as long as each is refused at once; return how many were, and how the next ended."""

    def drop(self, key: int) -> None:
        """Give up one that is pending."""

    def close(self) -> None:
        """Give up all."""


@implementer(IReadDescriptor)
class Sockets:
    """Probes by sockets.  ``source``: our own address, None for what the system chooses."""

    def __init__(self, reactor: Any, source: str | None = None) -> None:
        self._reactor, self._source = reactor, source
        self._epoll = select.epoll()
        self.fileno = self._epoll.fileno
        self._pending: dict[int, tuple[int, socket.socket]] = {}
        self._keys: dict[int, int] = {}
        self._spare: socket.socket | None = None  # refused a moment ago, to be used again
        self._spare_family = 0
        self.ended: Ended = _nobody
        reactor.addReader(self)

    def begin(self, key: int, address: str, port: int) -> int:
        """Begin a probe."""
        try:
            made, where = self._socket(address, port)
        except OSError as error:
            return error.errno or errno.EIO
        code = made.connect_ex(where)
        if code in _WAIT:
            code = made.connect_ex(where)
        if code in _WAIT:
            return self._watch(key, made)
        if code == errno.ECONNREFUSED:
            self._keep(made)
            return code
        return _closed(made, code)

    def refused(self, address: str, ports: list[int], states: bytearray, closed: int) -> tuple[int, int]:
        """Probe ports as long as each is refused at once: the short way, for this machine's own ports."""
        try:
            made, where = self._socket(address, 0)
        except OSError as error:
            return 0, error.errno or errno.EIO
        connect, host, rest = made.connect_ex, where[0], where[2:]
        code = errno.ECONNREFUSED
        done = 0
        for port in ports:
            place = (host, port, *rest)
            code = connect(place)
            if code == errno.EINPROGRESS:
                code = connect(place)
            if code != errno.ECONNREFUSED:
                break
            states[port] = closed
            done += 1
        else:
            self._keep(made)
            return done, code
        if code in _WAIT:  # not this machine: somebody else has to be waited for
            made.close()
            return done, PENDING
        return done, _closed(made, code)

    def _socket(self, address: str, port: int) -> tuple[socket.socket, Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        where: Any = (address, port)
        if family == socket.AF_INET6:
            scope = 0
            if "%" in address:
                scope = socket.getaddrinfo(address, port, family, flags=socket.AI_NUMERICHOST)[0][4][3]  # type: ignore[misc]
            where = (address.partition("%")[0], port, 0, scope)
        spare, self._spare = self._spare, None
        if spare is not None:
            if self._spare_family == family:
                return spare, where
            spare.close()
        made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if self._source is not None:
            try:
                made.bind((self._source, 0))
            except OSError:
                made.close()
                raise
        return made, where

    def _keep(self, made: socket.socket) -> None:
        """A socket that was refused is used again, unless it has a local port of its own."""
        if self._source is not None or self._spare is not None:
            made.close()
            return
        self._spare, self._spare_family = made, made.family

    def _watch(self, key: int, made: socket.socket) -> int:
        number = made.fileno()
        try:
            self._epoll.register(number, select.EPOLLOUT | select.EPOLLONESHOT)
        except OSError as error:
            made.close()
            return error.errno or errno.EIO
        self._pending[number] = key, made
        self._keys[key] = number
        return PENDING

    def doRead(self) -> None:
        """Some have ended."""
        for number, _ in self._epoll.poll(0, ENDS_AT_ONCE):
            found = self._pending.pop(number, None)
            if found is None:
                continue
            key, made = found
            del self._keys[key]
            code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.ended(key, _closed(made, code))

    def drop(self, key: int) -> None:
        """Give up one that is pending."""
        number = self._keys.pop(key, None)
        if number is not None:
            self._pending.pop(number)[1].close()

    def close(self) -> None:
        """Give up all."""
        self._reactor.removeReader(self)
        for _, made in self._pending.values():
            made.close()
        self._pending.clear()
        self._keys.clear()
        if self._spare is not None:
            self._spare.close()
            self._spare = None
        self._epoll.close()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "portscan"


def _closed(made: socket.socket, code: int) -> int:
    """Return how a connection ended, which is closed: open, ITSELF, or its error number."""
    try:
        if code == 0 and made.getsockname()[:2] == made.getpeername()[:2]:
            return ITSELF
        return code
    except OSError as error:  # it was open, and is gone already
        return errno.ECONNRESET if error.errno == errno.ENOTCONN else (error.errno or errno.EIO)
    finally:
        made.close()


def _nobody(key: int, code: int) -> None:
    """Nobody asked."""
