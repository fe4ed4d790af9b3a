"""Connections to origins are made here: resolve, judge, dial what was judged.

A new connection goes to an address that the guard has judged, in this attempt, and to no other: names are
not resolved again between judgement and dialling.  Addresses are tried one after the other until one answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet import defer
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from netsuite.guard import Guard
from netsuite.names import Names
from netsuite.proxy.chain import Chain, Hop
from netsuite.wire import dial

if TYPE_CHECKING:
    from netsuite.http1.target import Target

#: Says why an address may not be dialled, None if it may.
Permit = Callable[[str], str | None]


class HopFailed(ConnectError):  # noqa: N818 - what happened, to be told to people
    """A proxy on the way did not do its part; the text is for the error page and has no secrets."""


class Dialling(Protocol):
    """A protocol that says when it is connected: ``greet`` is called by ``connectionMade``.

    ``address`` is the one dialled; ``hop`` is set where an http hop is to be asked in absolute form.
    """

    greet: Callable[[], None]
    address: str = ""
    hop: Hop | None = None


class _Dialled(ClientFactory):
    """One attempt; ``done`` fires once the protocol is connected."""

    noisy = False

    def __init__(self, protocol: Dialling, done: defer.Deferred[None]) -> None:
        self._protocol, self._done = protocol, done
        protocol.greet = partial(done.callback, None)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._done.errback(reason)


class Dialler:
    """Connects protocols with targets."""

    def __init__(
        self, reactor: Any, guard: Guard, names: Names, chain: Chain, connect_seconds: float
    ) -> None:
        self._reactor, self._guard, self._names, self._chain = reactor, guard, names, chain
        self.connect_seconds = connect_seconds

    async def connect(
        self, target: Target, protocol: Dialling, *, tunnel: bool, permit: Permit | None = None
    ) -> None:
        """Connect ``protocol`` with the target and tell it the address dialled.

        Raises: Forbidden, DNSLookupError, ResolverFailed, ConnectError (of the last address tried).
        """
        addresses = await self._guard.addresses(self._reactor, target.host.decode("ascii"), target.port)
        failure = ConnectError(string="no address")
        for address in addresses:
            done: defer.Deferred[None] = defer.Deferred()
            dial(self._reactor, address, target.port, _Dialled(protocol, done), self.connect_seconds)
            try:
                await done
            except ConnectError as error:
                failure = error
            else:
                protocol.address = address
                return
        raise failure
