"""TLS as a client that trusts nobody without proof: certificate, name and dates are verified, and told apart.

``Trust`` is what the options say (authorities, own certificate, server name).  ``Secure.shake`` makes of a
line one on which TLS is spoken and whose peer has proved itself.  One that does not prove itself carries
nothing: the handshake ends with an alert, and TlsFailed has the table's word in ``detail`` (``expired``,
``name``, ``untrusted``, ``protocol``).

Source: RFC 9325, RFC 9525 (names); OpenSSL's verdicts: X509_verify_cert_error_string(3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator, IProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.reach.line import Line, Waiting
from netsuite.reach.place import is_address
from netsuite.secured import Secured

#: OpenSSL's verdicts: what they say of a certificate, and which detail of the table that is.
_VERDICTS = {
    9: ("is not valid yet", "expired"),
    10: ("has expired", "expired"),
    18: ("is signed by itself alone", "untrusted"),
    19: ("comes from an authority that signs itself and is not trusted here", "untrusted"),
    20: ("comes from an authority that is not trusted here", "untrusted"),
    21: ("comes from an authority that is not trusted here", "untrusted"),
    23: ("was revoked", "untrusted"),
    26: ("is not meant for servers", "untrusted"),
    47: ("is for a name that its authority may not sign", "untrusted"),
    48: ("is for a name that its authority may not sign", "untrusted"),
    66: ("has too weak a key", "untrusted"),
    67: ("comes from an authority with too weak a key", "untrusted"),
    68: ("is signed in a way that is too weak", "untrusted"),
}

_DAY = 86400.0


class TlsFailed(ConnectError):  # noqa: N818 - what happened, to be told to people
    """No TLS with the peer.  ``detail``: a word of the table, None if none fits."""

    def __init__(self, text: str, detail: str | None = None) -> None:
        super().__init__(string=text)
        self.text, self.detail = text, detail

    def __str__(self) -> str:
        return self.text


class BadTrust(OSError):  # noqa: N818 - as TlsFailed
    """A file with certificates or a key can't be used; the text names it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How TLS peers are judged.

    ``cafile``: PEM with the authorities, None for the system's; ``cert``: PEM with our certificate and key;
    ``insecure``: nobody is judged; ``servername``: asked for and verified instead of the host;
    ``protocols``: offered by ALPN.
    """

    cafile: str | None = None
    cert: str | None = None
    insecure: bool = False
    servername: str | None = None
    protocols: tuple[str, ...] = ()

    def context(self) -> SSL.Context:
        """Return an OpenSSL context for clients; one serves many connections.  Raises: BadTrust."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        if self.protocols:
            context.set_alpn_protos([name.encode("ascii") for name in self.protocols])
        if self.cafile is None:
            context.set_default_verify_paths()
        else:
            _load(self.cafile, "has no certificates in PEM", context.load_verify_locations)
        if self.cert is not None:
            _load(self.cert, "has no certificate in PEM", context.use_certificate_chain_file)
            _load(self.cert, "has no key in PEM that fits its certificate", context.use_privatekey_file)
        context.set_verify(SSL.VERIFY_NONE if self.insecure else SSL.VERIFY_PEER, _note_verdict)
        return context


def _load(path: str, what: str, load: Callable[[bytes], object]) -> None:
    """Raise BadTrust for a file that OpenSSL does not take, with the system's reason where that is it."""
    name = path.encode("utf-8", "surrogateescape")
    try:
        with open(name, "rb"):
            load(name)
    except OSError as error:
        raise BadTrust(f"{path}: {error.strerror}") from None
    except (SSL.Error, ValueError):
        raise BadTrust(f"{path} {what}") from None


@implementer(IOpenSSLClientConnectionCreator)
class Secure:
    """Makes connections speak TLS, all by one context.  Raises: BadTrust."""

    def __init__(self, reactor: Any, trust: Trust) -> None:
        self.trust = trust
        self._context = trust.context()
        self._factory = TLSMemoryBIOFactory(self, True, Factory(), reactor)
        self._factory.noisy = False

    def shake(self, line: Line, host: str) -> defer.Deferred[Tls]:
        """Fires with a line that speaks TLS over ``line`` once ``host`` has proved itself; may be cancelled.

        Fails with: TlsFailed, ConnectionClosed kinds.
        """
        gate = _Gate(self.trust.servername or host, self.trust.insecure)
        gate.tls = Tls(self._factory, gate)
        line.carry(gate.tls)
        return gate.done

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Return a new connection's TLS state."""
        name = protocol.wrappedProtocol.name
        connection = SSL.Connection(self._context, None)
        if not is_address(name):
            connection.set_tlsext_host_name(name.encode("ascii"))
        return connection


class Tls(Secured):
    """A line in TLS."""

    def carry(self, protocol: IProtocol) -> None:
        """``protocol`` speaks from now on, and hears what came before."""
        waiting: Any = self.wrappedProtocol
        self.wrappedProtocol = protocol
        protocol.makeConnection(self)
        waiting.hand_over(protocol)


@implementer(IHandshakeListener)
class _Gate(Waiting):
    """Sits on a TLS transport until the peer has proved itself and somebody speaks."""

    def __init__(self, name: str, insecure: bool) -> None:
        super().__init__()
        self.name, self.insecure = name, insecure
        self.tls: Tls
        self.done: defer.Deferred[Tls] = defer.Deferred(self._cancelled)
        self.wrong: TlsFailed | None = None
        self._is_shaking = True

    def handshakeCompleted(self) -> None:
        """The peer is who it should be: its certificate was judged on the way."""
        if self._is_shaking:
            self._is_shaking = False
            self.done.callback(self.tls)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, or no beginning."""
        super().connectionLost(reason)
        if self._is_shaking:
            self._is_shaking = False
            self.done.errback(self._why(reason))

    def _why(self, reason: Failure) -> BaseException:
        if self.wrong is not None:
            return self.wrong
        if isinstance(reason.value, SSL.Error):
            told = reason.value.args[0][-1][-1] if reason.value.args and reason.value.args[0] else "it failed"
            return TlsFailed(f"no TLS with {self.name}: {told}", "protocol")
        return ConnectionLost("in the middle of the TLS handshake")

    def _cancelled(self, done: object) -> None:
        self._is_shaking = False
        self.tls.abortConnection()


def _note_verdict(connection: SSL.Connection, certificate: Any, verdict: int, depth: int, ok: int) -> bool:
    """Return whether a certificate of the chain is good; the first thing that is wrong is kept."""
    gate: _Gate = connection.get_app_data().wrappedProtocol
    if gate.insecure:
        return True
    if not ok:
        told, detail = _VERDICTS.get(
            verdict, (f"can't be trusted (OpenSSL's verdict {verdict})", "untrusted")
        )
        gate.wrong = gate.wrong or TlsFailed(f"the certificate of {gate.name} {told}", detail)
        return False
    if depth == 0 and not _is_for(certificate, gate.name):
        gate.wrong = gate.wrong or TlsFailed(f"the certificate of {gate.name} is for another name", "name")
        return False
    return True


def _is_for(certificate: Any, name: str) -> bool:
    """Return whether a certificate is for a host (RFC 9525)."""
    own = IPAddress_ID(name) if is_address(name) else DNS_ID(name)
    try:
        verify_service_identity(extract_patterns(certificate), obligatory_ids=[own], optional_ids=[])
    except (VerificationError, CertificateError, ValueError):  # ValueError: names in it that are none
        return False
    return True


@dataclass(frozen=True, slots=True)
class Shown:
    """What a peer showed in its handshake.  ``days``: until the certificate ends, negative after that."""

    version: str
    protocol: str | None
    subject: str
    issuer: str
    names: tuple[str, ...]
    days: float

    def told(self) -> dict[str, object]:
        """Return it as part of a tool's result."""
        return {
            "version": self.version,
            "alpn": self.protocol,
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "days_left": round(self.days, 1),
        }


def shown_by(tls: Tls, now: datetime | None = None) -> Shown | None:
    """Return what the peer of a connection showed, None if it showed no certificate."""
    connection: SSL.Connection = tls.getHandle()
    certificate = connection.get_peer_certificate(as_cryptography=True)
    if certificate is None:
        return None
    left = certificate.not_valid_after_utc - (now or datetime.now(UTC))
    return Shown(
        connection.get_protocol_version_name(),
        connection.get_alpn_proto_negotiated().decode("ascii", "replace") or None,
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        tuple(_names(certificate)),
        left.total_seconds() / _DAY,
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = found.get_values_for_type(x509.DNSName)
    return [*names, *map(str, found.get_values_for_type(x509.IPAddress))][:64]
