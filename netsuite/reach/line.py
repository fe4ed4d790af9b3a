"""A connection that is there, and on which nobody speaks yet.

What is dialled is a line; TLS, a proxy on the way and what the user wants to say are put on it one after the
other by ``carry``.  What comes before somebody speaks is held, and no more is read until then.
"""

from __future__ import annotations

import typing
from typing import Any

from twisted.internet import defer
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


class Line(typing.Protocol):
    """A connection on which nobody speaks yet.  ``transport`` may be asked for addresses, or aborted."""

    transport: Any

    def carry(self, protocol: IProtocol) -> None:
        """``protocol`` speaks from now on, and hears what came before."""


class Waiting(Protocol):
    """Holds what comes until somebody speaks."""

    transport: Any

    def __init__(self) -> None:
        self._held = b""
        self._lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Hold it, and read no more."""
        self._held += data
        self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end came before somebody spoke."""
        self._lost = reason

    def hand_over(self, protocol: IProtocol) -> None:
        """``protocol``, which has the connection now, hears what came before."""
        held, self._held = self._held, b""
        if held:
            self.transport.resumeProducing()
            protocol.dataReceived(held)
        if self._lost is not None:
            protocol.connectionLost(self._lost)


class Plain(Waiting):
    """A line without TLS; ``done`` fires with it as soon as it is connected."""

    def __init__(self, done: defer.Deferred[Any]) -> None:
        super().__init__()
        self._done: defer.Deferred[Any] | None = done

    def connectionMade(self) -> None:
        """Here it is."""
        done, self._done = self._done, None
        if done is not None:
            done.callback(self)

    def carry(self, protocol: IProtocol) -> None:
        """``protocol`` speaks from now on, and hears what came before."""
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        self.hand_over(protocol)


def abandon(line: Line) -> None:
    """A line that nobody needs is closed."""
    line.transport.abortConnection()
