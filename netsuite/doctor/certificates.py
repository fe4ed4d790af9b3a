"""Whether the certificates of TLS listeners are valid now and for a while yet, and go with their keys."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.plan import Shown

#: Days before its end from which a certificate is warned about.
WARN_DAYS = 21

#: Longest file that is read.
FILE_MAX = 1 << 20

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Dates:
    """One certificate of a file.  ``name``: whose it is."""

    name: str
    begins: datetime.datetime
    ends: datetime.datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a listener shows.  ``error``: why it can't; ``where``: of which file that is said."""

    shown: Shown
    dates: tuple[Dates, ...] = ()
    error: str = ""
    where: str = ""
    mend: str = ""


def look(shown: Shown) -> Certificate:
    """Return what a listener would show."""
    path = shown.certificate
    try:
        found = _certificates(path)
        chain = _certificates(shown.chain) if shown.chain else []
        path = shown.key
        key = _key(path)
    except OSError as error:
        told = f"can't be read: {error.strerror}"
        return Certificate(
            shown, error=told, where=path, mend=f"let the service read it, or change {shown.option}"
        )
    except ValueError as error:
        return Certificate(
            shown, error=str(error), where=path, mend=f"put the right one there, or change {shown.option}"
        )
    dates = tuple(map(_dates, [*found, *chain]))
    if found[0].public_key() != key.public_key():
        told = f"is not the key of {shown.certificate}"
        return Certificate(
            shown, dates, told, shown.key, "put the key there that the certificate was made for"
        )
    return Certificate(shown, dates)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(FILE_MAX)


def _certificates(path: str) -> list[x509.Certificate]:
    """Return a file's certificates, one at least.  Raises: ValueError, OSError."""
    try:
        found = [x509.load_pem_x509_certificate(block) for block in _PEM.findall(_read(path))]
    except ValueError:
        raise ValueError("has a certificate that can't be read") from None
    if not found:
        raise ValueError("has no certificate in it (PEM)")
    return found


def _key(path: str) -> Any:
    try:
        return serialization.load_pem_private_key(_read(path), None)
    except TypeError:
        raise ValueError("has a key with a passphrase, which nobody is there to type") from None
    except ValueError:
        raise ValueError("has no private key in it (PEM)") from None


def _dates(certificate: x509.Certificate) -> Dates:
    try:
        name = certificate.subject.rfc4514_string()[:80] or "without a name"
    except ValueError:
        name = "without a name that can be read"
    return Dates(name, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def judge(found: Sequence[Certificate], now: datetime.datetime) -> list[Finding]:
    """Return what is to be said of them at ``now``."""
    findings = []
    for one in found:
        if one.error:
            findings.append(Finding(FAULT, "certificates", one.error, one.where, one.mend))
        told = [finding for dates in one.dates if (finding := _date(dates, one.shown, now)) is not None]
        findings += told
        if not told and not one.error:
            ends = min(dates.ends for dates in one.dates)
            what = f"is valid until {ends:%Y-%m-%d}, and its key is its own"
            findings.append(Finding(OK, "certificates", what, one.shown.certificate))
    return list(dict.fromkeys(findings))


def _date(dates: Dates, shown: Shown, now: datetime.datetime) -> Finding | None:
    where, who = shown.certificate, f"of {dates.name}"
    left = dates.ends - now
    if now < dates.begins:
        told = f"{who} is not valid before {dates.begins:%Y-%m-%d %H:%M}Z"
        return Finding(FAULT, "certificates", told, where, "wait, or look at this machine's clock")
    if left < datetime.timedelta(0):
        told = f"{who} has expired on {dates.ends:%Y-%m-%d %H:%M}Z"
        return Finding(FAULT, "certificates", told, where, "renew it, then HUP")
    if left < datetime.timedelta(days=WARN_DAYS):
        days = f"{left.days} day{'' if left.days == 1 else 's'}" if left.days else "less than a day"
        told = f"{who} ends in {days}, on {dates.ends:%Y-%m-%d}"
        return Finding(WARNING, "certificates", told, where, "renew it, then HUP")
    return None
