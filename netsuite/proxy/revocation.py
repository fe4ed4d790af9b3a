"""An authority's word that a certificate is revoked, stapled to a TLS handshake (RFC 6960, RFC 6066 §8)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID


def is_revoked(statement: bytes, chain: Sequence[x509.Certificate]) -> bool:
    """Whether a statement says so, is signed by whoever may, and is about the chain's first certificate.

    ``chain``: a certificate and its issuer's.  What can't be read or trusted says nothing.
    """
    if len(chain) < 2:
        return False
    certificate, issuer = chain
    try:
        told = ocsp.load_der_ocsp_response(statement)
        return (
            told.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
            and told.certificate_status is ocsp.OCSPCertStatus.REVOKED
            and told.serial_number == certificate.serial_number
            and _is_signed(told, issuer)
        )
    except (ValueError, UnsupportedAlgorithm):
        return False


def _is_signed(told: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Whether the issuer has signed, or one whom it let sign such statements (RFC 6960 §4.2.2.2)."""
    signers = [issuer]
    for signer in told.certificates[:4]:
        try:
            signer.verify_directly_issued_by(issuer)
            usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage:
            signers.append(signer)
    return any(_verifies(told, signer) for signer in signers)


def _verifies(told: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, hashed = signer.public_key(), told.signature_hash_algorithm
    if hashed is None:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(told.signature, told.tbs_response_bytes, ec.ECDSA(hashed))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(told.signature, told.tbs_response_bytes, padding.PKCS1v15(), hashed)
        else:
            return False
    except InvalidSignature:
        return False
    return True
