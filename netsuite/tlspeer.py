"""What a TLS connection says of the other side: version, cipher, the name it asked for, its certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto

#: Longest subject that is shown, in characters: a certificate of a client's own making may hold any.
SUBJECT_MAX = 512


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """A connection's TLS.  ``subject``: of the client's certificate as RFC 4514 has it, None without one."""

    version: str
    cipher: str
    server_name: str | None
    subject: str | None


def tls_peer(transport: Any) -> TlsPeer | None:
    """Return what a connection's TLS says, None where it has none; whole only after the handshake."""
    handle = transport.getHandle() if hasattr(transport, "getPeerCertificate") else None
    if not isinstance(handle, SSL.Connection):
        return None
    name = handle.get_servername()
    certificate = handle.get_peer_certificate(as_cryptography=True)
    return TlsPeer(
        handle.get_protocol_version_name(),
        handle.get_cipher_name() or "",
        name.decode("latin-1") if name is not None else None,
        _subject(certificate) if certificate is not None else None,
    )


def _subject(certificate: x509.Certificate) -> str:
    try:
        told = certificate.subject.rfc4514_string()
    except ValueError:  # of a form that can't be read
        told = "unreadable"
    return told[:SUBJECT_MAX] + "…" if len(told) > SUBJECT_MAX else told


def ask_for_certificates(context: SSL.Context, authorities: str | None = None) -> None:
    """Clients are asked for a certificate in handshakes from now on, and may have none.

    ``authorities``: file of those who may have signed it; without it any is taken, and proves nothing.
    Raises: ValueError for a file that has no certificate, OSError.
    """
    if authorities is not None:
        with open(authorities, "rb"):  # an OSError of its own, not OpenSSL's list of errors
            pass
        try:
            context.load_verify_locations(authorities)
            context.load_client_ca(authorities.encode())
        except (SSL.Error, crypto.Error) as error:
            raise ValueError(f"{authorities}: no certificate in it") from error

    def judge(connection: SSL.Connection, certificate: Any, error: int, depth: int, ok: int) -> bool:
        return bool(ok) or authorities is None

    verdict: Callable[..., bool] = judge
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE, verdict)
