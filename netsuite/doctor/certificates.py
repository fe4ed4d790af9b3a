"""Whether the certificates of TLS listeners are valid now and for a while yet, and go with their keys."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509

from netsuite import certificates
from netsuite.certificates import WARN_DAYS, BadCertificate, Files
from netsuite.doctor.finding import FAULT, OK, WARNING, Finding


@dataclass(frozen=True, slots=True)
class Dates:
    """One certificate of a file.  ``name``: whose it is."""

    name: str
    begins: datetime.datetime
    ends: datetime.datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What a listener shows.  ``error``: why it can't, with the file."""

    option: str
    path: str
    dates: tuple[Dates, ...] = ()
    error: str = ""


def look(option: str, files: Files) -> Shown:
    """Return what a listener would show."""
    try:
        pair = certificates.read(files)
    except BadCertificate as error:
        return Shown(option, files.certificate, error=str(error))
    found = (pair.certificate, *pair.signers)
    dates = (Dates(_name(one), one.not_valid_before_utc, one.not_valid_after_utc) for one in found)
    return Shown(option, files.certificate, tuple(dates))


def _name(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()[:80] or "without a name"
    except ValueError:
        return "without a name that can be read"


def judge(found: Sequence[Shown], now: datetime.datetime, known: Iterable[str] = ()) -> list[Finding]:
    """Return what is to be said of them at ``now``; ``known``: faults that have been told."""
    known, findings = list(known), []
    for one in found:
        if one.error:
            path, _, what = one.error.partition(": ")
            if not any(one.error in fault for fault in known):
                mend = f"put the right one there, or change {one.option}"
                findings.append(Finding(FAULT, "certificates", what, path, mend))
            continue
        told = [finding for dates in one.dates if (finding := _date(dates, one.path, now)) is not None]
        findings += told
        if not told:
            ends = min(dates.ends for dates in one.dates)
            what = f"is valid until {ends:%Y-%m-%d}, and its key is its own"
            findings.append(Finding(OK, "certificates", what, one.path))
    return list(dict.fromkeys(findings))


def _date(dates: Dates, where: str, now: datetime.datetime) -> Finding | None:
    who, left = f"of {dates.name}", dates.ends - now
    if now < dates.begins:
        told = f"{who} is not valid before {dates.begins:%Y-%m-%d %H:%M}Z"
        return Finding(FAULT, "certificates", told, where, "wait, or look at this machine's clock")
    if left < datetime.timedelta(0):
        told = f"{who} has expired on {dates.ends:%Y-%m-%d %H:%M}Z"
        return Finding(FAULT, "certificates", told, where, "put a new one there; it is read anew by itself")
    if left < datetime.timedelta(days=WARN_DAYS):
        days = f"{left.days} day{'' if left.days == 1 else 's'}" if left.days else "less than a day"
        told = f"{who} ends in {days}, on {dates.ends:%Y-%m-%d}"
        return Finding(WARNING, "certificates", told, where, "renew it; it is read anew by itself")
    return None
