"""Requests inside a tunnel: TLS with the client is ended here, and begun anew with the origin.

The theory.  The client believes to speak with the origin, so requests come with a path only and are all for
the one place that the tunnel was asked for; one that names another is refused as misdirected (RFC 9110
§15.5.20).  From there on all is as for any request: rules, pool, limits, hooks, log.  Who logged in at the
tunnel's beginning is the user of all that comes through it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from OpenSSL import SSL
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HTTP11, RequestHead
from netsuite.http1.target import Target, check_host
from netsuite.proxy.client import ClientSide
from netsuite.proxy.lookout import Opening
from netsuite.proxy.route import Refuse
from netsuite.secured import Secured

if TYPE_CHECKING:
    from netsuite.proxy.relay import Relay


class Listener(Protocol):
    """Who wants to know how clients take our certificate."""

    def accepted(self, host: str) -> None:
        """A client has sent a request, so it trusts us."""

    def refused(self, host: str, reason: str) -> None:
        """A client has ended the handshake; ``reason``: its alert as OpenSSL words it, "" if it just left."""

    def silent(self, host: str) -> None:
        """A client has done the handshake and left without a request."""


@implementer(IHandshakeListener)
class InsideClient(ClientSide):
    """A client in a tunnel.  ``context`` is what it is shown."""

    scheme = b"https"

    def __init__(
        self, relay: Relay, host: str, opening: Opening, context: SSL.Context, listener: Listener
    ) -> None:
        super().__init__(relay, host)
        target = opening.decision.target
        self.context = context
        self._place = Target(self.scheme, target.host, target.port, b"/")
        self._user, self._listener = opening.user, listener
        self._credentials = opening.head.combined.get(b"proxy-authorization")
        self._is_shaken = self._has_asked = False

    def handshakeCompleted(self) -> None:
        """The client takes our certificate, as far as TLS can tell."""
        self._is_shaken = True

    def _log_in(self, head: RequestHead) -> None:
        if not self._has_asked:
            self._has_asked = True
            self._listener.accepted(self._name)
        # hooks tell users apart by it, and believe the one who logged in; it is in no line that is sent on
        head.combined.pop(b"proxy-authorization", None)
        if self._credentials is not None:
            head.combined[b"proxy-authorization"] = self._credentials
        told = self._misplaced(head)
        if told is None:
            self._route(head, self._user)
        else:
            self._refuse(told, head)

    def _misplaced(self, head: RequestHead) -> Refuse | None:
        """Give the request its target; or return why it has none here."""
        if head.method == b"CONNECT":
            return Refuse(400, "target", "no tunnels inside a tunnel")
        target = head.target
        if target is None:
            target = head.target = self._place.at(head.raw_target)
        try:
            check_host(head.host, target, b"1" if head.version is HTTP11 else b"0")
        except BadMessage as error:
            return Refuse(421, "target", error.reason)
        if (target.scheme, target.origin) != (self.scheme, self._place.origin):
            return Refuse(421, "target", "this tunnel leads elsewhere")
        return None

    @property
    def _name(self) -> str:
        return self._place.host.decode("ascii")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end; one before the first request tells something."""
        super().connectionLost(reason)
        if self._is_shaken:
            if not self._has_asked:
                self._listener.silent(self._name)
        elif isinstance(reason.value, SSL.Error) and reason.value.args and reason.value.args[0]:
            self._listener.refused(self._name, reason.value.args[0][-1][-1])
        else:
            self._listener.refused(self._name, "")


@implementer(IOpenSSLServerConnectionCreator)
class _Shown:
    """Each client is shown its own certificate."""

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Return a new connection's TLS state."""
        return SSL.Connection(protocol.wrappedProtocol.context, None)


@lru_cache(maxsize=1)
def _factory(reactor: Any) -> TLSMemoryBIOFactory:
    factory = TLSMemoryBIOFactory(_Shown(), False, Factory(), reactor)
    factory.noisy = False
    return factory


def go_inside(
    client: ClientSide, opening: Opening, context: SSL.Context, listener: Listener, early: bytes
) -> None:
    """Take requests out of a client's tunnel; ``early``: what it has sent until now."""
    relay, transport = client.relay, client.transport
    inside = InsideClient(relay, client.host, opening, context, listener)
    tls = Secured(_factory(relay.reactor), inside)
    client.end = None
    relay.crowd.leave(client)
    # the connection belongs to the new protocol; the old one hears nothing any more
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport.wrappedProtocol = tls
    else:
        transport.protocol = tls  # type: ignore[attr-defined]  # of a real connection
    tls.makeConnection(transport)
    transport.resumeProducing()
    tls.dataReceived(early)
