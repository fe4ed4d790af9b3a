"""The certificate authority that clients are asked to trust, and what it may sign: the listed hosts only.

The theory.  Whoever gets the key of a trusted authority can pretend to be any site.  So this one says in its
own certificate which names it may sign (RFC 5280 §4.2.1.10), and clients hold it to that: the listed hosts,
none of the never-list, and no address but a listed one.  A permitted ``news.example`` would permit all below
it, so ``.news.example`` is excluded unless it is listed too.  The names stand in what the client has
installed; another list therefore means another authority, with a new key, that has to be installed anew.

With ``--ca-scope any`` only the never-list is excluded: for whoever changes the list often and would rather
guard the key.

Key and certificate are one file, so that a kill leaves both or neither.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netsuite import durable
from netsuite.wordproxy.intercept.hosts import EVERYTHING, Hosts, address_of

#: Days that an authority lasts, and days before its end when another is made.
AUTHORITY_DAYS, RENEW_DAYS = 825, 30

#: Days that a leaf lasts, and days before its end when another is made.
LEAF_DAYS, LEAF_RENEW_DAYS = 7, 2

#: A client's clock may be late.
_EARLY = datetime.timedelta(hours=1)

_ALL_ADDRESSES = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

SCOPES = ("listed", "any")

FILE, FILE_MAX = "ca.pem", 1 << 16


class AuthorityFault(ValueError):  # noqa: N818 - as StoreFault
    """The authority can't be used; the text is one line: what, where, how to mend it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an authority may sign: names as constraints have them, in order, and addresses."""

    permitted: tuple[str, ...]
    excluded: tuple[str, ...]

    @classmethod
    def of(cls, hosts: Hosts, scope: str = SCOPES[0]) -> Scope:
        """The scope for ``hosts``; ``scope``: one of `SCOPES`."""
        listed = hosts.listed
        if scope == "any" or EVERYTHING in listed:
            return cls((), tuple(sorted(hosts.never)))
        permitted, excluded = set[str](), set[str]()
        for item in listed:
            if item.startswith("*."):
                permitted.add(item[1:])
            else:
                permitted.add(item)
                if address_of(item) is None and f"*.{item}" not in listed:
                    excluded.add(f".{item}")
        below = [item[1:] for item in listed if item.startswith("*.")]
        excluded |= {name for name in hosts.never if any(name.endswith(item) for item in below)}
        # what is listed below an excluded name could never be signed
        kept = (name for name in excluded if not any(item.endswith(name) for item in permitted))
        return cls(tuple(sorted(permitted)), tuple(sorted(kept)))

    def constraints(self) -> x509.NameConstraints | None:
        """The extension, None where nothing is to be said."""
        addresses = [network for item in self.permitted if (network := _network(item)) is not None]
        names = [item for item in self.permitted if _network(item) is None]
        permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        permitted += [x509.IPAddress(network) for network in addresses]
        excluded: list[x509.GeneralName] = [x509.DNSName(name) for name in self.excluded]
        if names and not addresses:  # permitted names say nothing of addresses
            excluded += [x509.IPAddress(network) for network in _ALL_ADDRESSES]
        if addresses and not names:  # ... nor addresses of names: no name is below none
            permitted.append(x509.DNSName("invalid"))
        return x509.NameConstraints(permitted or None, excluded or None) if permitted or excluded else None


def _network(item: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    return None if address_of(item) is None else ipaddress.ip_network(item)


class Authority:
    """A certificate and its key.

    ``name``: its common name; ``fingerprint``: SHA-256 of the certificate, in hexadecimal pairs.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate, self.key = certificate, key
        (common_name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.name = str(common_name.value)
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def pem(self) -> bytes:
        """The certificate, as it is installed."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def fits(self, scope: Scope, now: datetime.datetime) -> bool:
        """Whether it may sign just that, and does so for a while yet."""
        said: x509.NameConstraints | None = None
        with contextlib.suppress(x509.ExtensionNotFound):
            said = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        lasts = self.certificate.not_valid_after_utc - now > datetime.timedelta(days=RENEW_DAYS)
        return lasts and said == scope.constraints()

    def leaf(
        self, host: str, public_key: ec.EllipticCurvePublicKey, now: datetime.datetime
    ) -> x509.Certificate:
        """A server's certificate for ``host``, a name or an address."""
        address = address_of(host)
        name: x509.GeneralName = (
            x509.DNSName(host) if address is None else x509.IPAddress(ipaddress.ip_address(address))
        )
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        ends = min(now + datetime.timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLY)
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)  # the subject is empty
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_data=True), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self.key, hashes.SHA256())
        )


def make(scope: Scope, now: datetime.datetime) -> Authority:
    """A new authority, with a key and a serial number of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    # clients tell authorities apart by their names: those of two installations, or lists, must not be one
    mark = secrets.token_hex(4)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "netsuite"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"netsuite wordproxy {now:%Y-%m-%d} {mark}"),
        ]
    )
    own_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_data=False), critical=True)
        .add_extension(own_key, critical=False)
    )
    constraints = scope.constraints()
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def _key_usage(*, signs_data: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs_data,
        crl_sign=not signs_data,
        encipher_only=False,
        decipher_only=False,
    )


def load(folder: str) -> Authority | None:
    """The authority in a folder, None if there is none.  Raises: AuthorityFault."""
    path = os.path.join(folder, FILE)
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(FILE_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthorityFault(f"{path} can't be read: {error.strerror}") from None
    if mode & 0o077:
        raise AuthorityFault(f"{path} can be read by others: chmod 600 it, or move it away if they have")
    try:
        certificate = x509.load_pem_x509_certificate(text)
        key = serialization.load_pem_private_key(text, None)
    except (ValueError, TypeError):
        raise AuthorityFault(f"{path} is damaged; move it away, and a new authority is made") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityFault(f"{path}: its key is not its certificate's; move it away")
    return Authority(certificate, key)


def keep(authority: Authority, folder: str) -> None:
    """The authority is in the folder (0700), in a file (0600), whole or not.  Raises: AuthorityFault."""
    secret = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        durable.write(os.path.join(folder, FILE), secret + authority.pem, replace=True)
    except OSError as error:
        raise AuthorityFault(f"{folder}: the authority can't be kept: {error.strerror}") from None


def opened(folder: str, scope: Scope, now: datetime.datetime) -> tuple[Authority, bool]:
    """The authority for ``scope``, and whether it was made just now, since there was none that fits.

    Raises: AuthorityFault.
    """
    found = load(folder)
    if found is not None and found.fits(scope, now):
        return found, False
    made = make(scope, now)
    keep(made, folder)
    return made, True


def shown(scope: Scope) -> Sequence[str]:
    """What the authority may sign, for people."""
    return _for_people(scope.permitted) if scope.permitted else ("any host but those of the never-list",)


def _for_people(permitted: Iterable[str]) -> Sequence[str]:
    return [f"*{name}" if name.startswith(".") else name for name in permitted]
