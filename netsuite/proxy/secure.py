"""TLS to origins, for requests that came to us inside a tunnel (``netsuite.proxy.inside``).

The theory.  The client sees our certificate and not the origin's, so that it can't judge the latter: we do,
always, by the system's list of authorities, the name, the dates and a stapled statement of revocation where
there is one, and a connection that doesn't stand this carries nothing.  What is wrong is told by name.  A
session that was judged once is resumed by later connections to the same place, for an hour at most.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet import defer
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.proxy.dialling import is_literal
from netsuite.proxy.revocation import is_revoked
from netsuite.proxy.upstream import UpstreamSide
from netsuite.secured import Secured

if TYPE_CHECKING:
    from netsuite.http1.limits import Limits
    from netsuite.http1.target import Target
    from netsuite.proxy.pool import Origin, Pool

#: Sessions kept for origins, and the seconds for which each may be resumed.
SESSIONS_MAX = 1024
SESSION_SECONDS = 3600.0

_PROTOCOLS = [b"http/1.1"]

#: What OpenSSL's verdicts mean (X509_verify_cert_error_string(3)).
_VERDICTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself alone",
    19: "comes from an authority that signs itself and is not trusted here",
    20: "comes from an authority that is not trusted here",
    21: "comes from an authority that is not trusted here",
    23: "was revoked",
    47: "is for a name that its authority may not sign",
    48: "is for a name that its authority may not sign",
    66: "has too weak a key",
    67: "comes from an authority with too weak a key",
    68: "is signed in a way that is too weak",
}


class TlsFailed(ConnectError):  # noqa: N818 - as HopFailed
    """No TLS connection with the origin; the text says why, and names no secret."""

    def __init__(self, text: str) -> None:
        super().__init__(string=text)
        self.text = text

    def __str__(self) -> str:
        return self.text


class BadCertificate(TlsFailed):
    """The origin's certificate can't be trusted."""


@implementer(IHandshakeListener)
class SecureUpstream(UpstreamSide):
    """An origin's connection in TLS; ``shaken`` fires when it is known to be the origin's."""

    def __init__(self, pool: Pool, origin: Origin, limits: Limits, target: Target, secure: Secure) -> None:
        super().__init__(pool, origin, limits)
        self.place = target.host.decode("ascii"), target.port
        self.verdict = 0  # OpenSSL's, of the certificate
        self.revoked = False
        self._secure = secure
        self._is_session_kept = False
        self.shaken: defer.Deferred[None] | None = defer.Deferred(self._cancelled)

    def handshakeCompleted(self) -> None:
        """The handshake is done: is it the right host?"""
        shaken, self.shaken = self.shaken, None
        if shaken is None:
            return
        connection = self.transport.getHandle()  # type: ignore[attr-defined]  # of TLS
        host = self.place[0]
        try:
            (verify_ip_address if is_literal(host) else verify_hostname)(connection, host)
        except (VerificationError, ValueError):  # ValueError: names in it that are none
            self.transport.abortConnection()
            shaken.errback(BadCertificate(f"the certificate of {host} is for another name"))
            return
        shaken.callback(None)

    def _finish(self, exchange: Any, payload: bytes, spare: bytes) -> None:
        if not self._is_session_kept:  # TLS 1.3 has one to give only after the handshake
            self._is_session_kept = True
            self._secure.keep(self.place, self.transport.getHandle())  # type: ignore[attr-defined]
        super()._finish(exchange, payload, spare)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, or no beginning."""
        shaken, self.shaken = self.shaken, None
        super().connectionLost(reason)
        if shaken is not None:
            shaken.errback(self._why(reason))

    def _why(self, reason: Failure) -> TlsFailed:
        host = self.place[0]
        if self.revoked:
            return BadCertificate(f"the certificate of {host} was revoked")
        if self.verdict:
            told = _VERDICTS.get(self.verdict, f"can't be trusted (OpenSSL's verdict {self.verdict})")
            return BadCertificate(f"the certificate of {host} {told}")
        if isinstance(reason.value, SSL.Error) and reason.value.args and reason.value.args[0]:
            return TlsFailed(f"no TLS with {host}: {reason.value.args[0][-1][-1]}")
        return TlsFailed(f"{host} closed the connection in the middle of the TLS handshake")

    def _cancelled(self, shaken: object) -> None:
        self.shaken = None
        self.transport.abortConnection()


@implementer(IOpenSSLClientConnectionCreator)
class Secure:
    """What all TLS connections to origins have in common."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._sessions: OrderedDict[tuple[str, int], tuple[SSL.Session, float]] = OrderedDict()
        self._context = context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_default_verify_paths()
        context.set_verify(SSL.VERIFY_PEER, _note_verdict)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        context.set_alpn_protos(_PROTOCOLS)
        context.set_ocsp_client_callback(_not_revoked)
        self._factory = TLSMemoryBIOFactory(self, True, Factory(), reactor)
        self._factory.noisy = False

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Return a new connection's TLS state."""
        upstream: SecureUpstream = protocol.wrappedProtocol
        connection = SSL.Connection(self._context, None)
        host, _ = upstream.place
        if not is_literal(host):
            connection.set_tlsext_host_name(host.encode("ascii"))
        connection.request_ocsp()
        session = self._session(upstream.place)
        if session is not None:
            connection.set_session(session)
        return connection

    def over(self, transport: Any, upstream: SecureUpstream, seconds: float) -> defer.Deferred[None]:
        """Fires when ``upstream`` speaks TLS over a connected transport and the origin is known to be right.

        May be cancelled.  Fails with: TlsFailed.
        """
        shaken = upstream.shaken
        if shaken is None:
            raise RuntimeError("one connection, twice")
        tls = Secured(self._factory, upstream)
        upstream.greet = _nothing
        transport.protocol = tls
        tls.makeConnection(transport)
        host = upstream.place[0]

        def late(result: object, _: float) -> Any:
            raise TlsFailed(f"{host} did not finish the TLS handshake in time")

        return shaken.addTimeout(seconds, self._reactor, late)

    def keep(self, place: tuple[str, int], connection: SSL.Connection) -> None:
        """A connection's session may be resumed by the next to the same place."""
        session = connection.get_session()
        if session is None:
            return
        self._sessions.pop(place, None)
        if len(self._sessions) >= SESSIONS_MAX:
            self._sessions.popitem(last=False)
        self._sessions[place] = session, self._reactor.seconds() + SESSION_SECONDS

    def _session(self, place: tuple[str, int]) -> SSL.Session | None:
        session, until = self._sessions.get(place, (None, 0.0))
        return session if until > self._reactor.seconds() else None


def _nothing() -> None:
    """Nobody waits for the connection itself."""


def _note_verdict(connection: SSL.Connection, certificate: Any, verdict: int, depth: int, ok: int) -> bool:
    """Keep the first thing that is wrong, which is told."""
    upstream: SecureUpstream = connection.get_app_data().wrappedProtocol
    if not ok and not upstream.verdict:
        upstream.verdict = verdict
    return bool(ok)


def _not_revoked(connection: SSL.Connection, statement: bytes, data: object) -> bool:
    """Whether a stapled statement, where there is one, leaves the certificate valid (RFC 6066 §8)."""
    upstream: SecureUpstream = connection.get_app_data().wrappedProtocol
    if statement and not upstream.verdict:
        chain = connection.get_verified_chain() or []
        upstream.revoked = is_revoked(statement, [item.to_cryptography() for item in chain[:2]])
    return not upstream.revoked
