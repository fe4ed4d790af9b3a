"""The key and certificates of a TLS listener: where its endpoint says that they are, and what they make.

TLS is 1.2 or 1.3, with the ciphers that keep old traffic closed when a key is stolen (RFC 9325 §4.2).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from netsuite.values import join_endpoint, split_endpoint

#: Days before its end from which a certificate is warned of.
WARN_DAYS = 21

#: Largest file of a key or of certificates.
FILE_MAX = 1 << 20

#: Of TLS 1.2; those of 1.3 are all sound.
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

#: Kinds of endpoints behind which TLS may be spoken, what a place without it is called, and its arguments.
_KINDS = {
    "ssl": "tcp",
    "systemd": "systemd",
}
_SSL_ARGUMENTS = ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain")
_OURS = ("privateKey", "certKey", "extraCertChain")


class BadCertificate(ValueError):  # noqa: N818 - an answer, not a mistake
    """A listener's key or certificate can't be used; the text names the file."""


class Unreadable(BadCertificate):
    """We may not read it."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a listener's key and certificates are.  ``chain``: of those who signed, if not there too."""

    key: str
    certificate: str
    chain: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Each file once."""
        named = (self.key, self.certificate, self.chain)
        return tuple(dict.fromkeys(path for path in named if path is not None))


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its certificate, with those of who signed it."""

    key: Any
    certificate: x509.Certificate
    signers: tuple[x509.Certificate, ...]

    @property
    def begins(self) -> float:
        """When the certificate begins to hold, in seconds since 1970."""
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def ends(self) -> float:
        """When it ends."""
        return self.certificate.not_valid_after_utc.timestamp()


def apart(description: str) -> tuple[str, Files | None]:
    """Return an endpoint without its TLS, and that one's files, None if it is plain.  Raises: ValueError."""
    kind, *rest = split_endpoint(description)
    if kind not in _KINDS:
        return description, None
    positions = iter(_SSL_ARGUMENTS if kind == "ssl" else ())
    named: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(positions, ""), part
        named[name] = value
    ours = {name: named.pop(name) for name in _OURS if name in named}
    if kind != "ssl" and not ours:
        return description, None
    if "privateKey" not in ours:
        raise ValueError("needs the file of its key: privateKey=KEY.pem:certKey=CERTIFICATE.pem")
    for name in ("sslmethod", "dhParameters"):
        if name in named:
            raise ValueError(f"{name}= is not needed: TLS 1.2 and 1.3 are spoken, with ECDHE; leave it out")
    files = Files(ours["privateKey"], ours.get("certKey", ours["privateKey"]), ours.get("extraCertChain"))
    plain = join_endpoint([_KINDS[kind], *(f"{name}={value}" for name, value in named.items())])
    return plain, files


def read(files: Files) -> Pair:
    """Return what is in these files.  Raises: BadCertificate, which names the file and what is the matter."""
    leaf, *signers = _certificates(files.certificate)
    if files.chain is not None:
        signers += _certificates(files.chain)
    key = _key(files.key)
    if leaf.public_key() != key.public_key():
        raise BadCertificate(f"{files.key}: not the key of the certificate in {files.certificate}")
    pair = Pair(key, leaf, tuple(signers))
    try:
        context_of(pair)
    except (SSL.Error, crypto.Error) as error:
        told = error.args[0][0][-1] if error.args and error.args[0] else "unusable"
        raise BadCertificate(f"{files.certificate}: {told}") from None
    return pair


def context_of(pair: Pair, speaks: Sequence[bytes] = ()) -> SSL.Context:
    """Return a context that shows this certificate; ``speaks``: for ALPN, none where empty."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(CIPHERS)
    context.set_session_id(os.urandom(16))
    context.use_certificate(pair.certificate)
    context.use_privatekey(pair.key)
    for signer in pair.signers:
        context.add_extra_chain_cert(signer)
    if speaks:
        context.set_alpn_select_callback(_chooser(speaks))
    return context


def _chooser(speaks: Sequence[bytes]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    def choose(connection: SSL.Connection, offered: list[bytes]) -> bytes:
        for name in speaks:
            if name in offered:
                return name
        raise SSL.Error([("SSL routines", "", "no application protocol")])  # the alert of RFC 7301 §3.2

    return choose


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_MAX + 1)
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise BadCertificate(f"{path}: {error.strerror}") from None
    if len(content) > FILE_MAX:
        raise BadCertificate(f"{path}: larger than {FILE_MAX} bytes")
    return content


def _certificates(path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(path))
    except BadCertificate:
        raise
    except ValueError:
        raise BadCertificate(f"{path}: no certificate in PEM in it") from None


def _key(path: str) -> Any:
    try:
        return load_pem_private_key(_content(path), None)
    except BadCertificate:
        raise
    except TypeError:
        raise BadCertificate(f"{path}: the key has a passphrase, and nobody is there to give it") from None
    except ValueError:
        raise BadCertificate(f"{path}: no private key in PEM in it") from None


def day(seconds: float) -> str:
    """Return a moment as data have it: UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rooted(description: str, absolute: Callable[[str], str]) -> str:
    """Return an endpoint with the files in it as ``absolute`` has them."""
    plain, files = apart(description)
    if files is None:
        return description
    found = replace(
        files,
        key=absolute(files.key),
        certificate=absolute(files.certificate),
        chain=absolute(files.chain) if files.chain is not None else None,
    )
    kind, *rest = split_endpoint(plain)
    tail = [f"privateKey={found.key}", f"certKey={found.certificate}"]
    if found.chain is not None:
        tail.append(f"extraCertChain={found.chain}")
    return join_endpoint(["ssl" if kind == "tcp" else kind, *rest, *tail])
