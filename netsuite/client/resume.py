"""Whether what is there of a file may be continued: only what is provably the same (RFC 9110 §13, §14).

Theory.  A part may be continued if it is of the same URL, and the server has said of it what tells versions
apart for certain: a strong entity tag, or a date of change that is so much older than the answer that a
second change in the same second is out of the question (§8.8.2.2).  It is asked for with If-Range, so that
a server which has something else sends all of it.  What comes back is believed no further than it is exact:
a 206 must begin where we asked, reach the end, and tell the same length and the same tag; a 416 says that
nothing is missing only if it tells the length that we have.  Everything else starts over, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TypeAlias

from netsuite.http1.fields import Fields

#: Seconds between a change and an answer from which on its date tells versions apart.
APART_SECONDS = 60

_STRONG = re.compile(r'"[!#-~\x80-\xff]*"')
_RANGE = re.compile(rb"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_UNSATISFIED = re.compile(rb"bytes \*/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of a file from others: a strong tag or a date, None where there is none.

    ``length``: of the whole, None if that is not known.
    """

    tag: str | None = None
    date: str | None = None
    length: int | None = None

    @property
    def certain(self) -> bool:
        """Whether a part of it can be continued."""
        return self.tag is not None or self.date is not None


@dataclass(frozen=True, slots=True)
class Append:
    """The rest comes; the whole has so many bytes."""

    total: int


@dataclass(frozen=True, slots=True)
class Anew:
    """All of it comes.  ``why``: what people are told, None if nothing had been there."""

    why: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is missing."""


@dataclass(frozen=True, slots=True)
class Again:
    """The answer is of no use; all of it must be asked for.  ``why``: what people are told."""

    why: str


Verdict: TypeAlias = Append | Anew | Finished | Again


def version_of(table: dict[bytes, bytes], length: int | None) -> Version:
    """Return what an answer's fields say of its version.  ``length``: of the whole."""
    tag = table.get(b"etag", b"").decode("latin-1")
    date, now = moment(table.get(b"last-modified")), moment(table.get(b"date"))
    strong = date is not None and now is not None and (now - date).total_seconds() >= APART_SECONDS
    return Version(
        tag if _STRONG.fullmatch(tag) else None,
        table[b"last-modified"].decode("latin-1") if strong else None,
        length,
    )


def remembered(tag: object, date: object, length: object) -> Version:
    """Return the version that was noted; what is none of its kind is as if it had not been noted."""
    return Version(
        tag if isinstance(tag, str) and _STRONG.fullmatch(tag) else None,
        date if isinstance(date, str) and moment(date.encode("utf-8", "replace")) is not None else None,
        length if isinstance(length, int) and length >= 0 else None,
    )


def asking(version: Version, have: int) -> Fields:
    """Return the fields that ask for what is missing of a version of which ``have`` bytes are there."""
    validator = version.tag or version.date
    assert validator is not None  # noqa: S101 - it is certain
    return [(b"Range", b"bytes=%d-" % have), (b"If-Range", validator.encode("latin-1"))]


def judge(status: int, table: dict[bytes, bytes], version: Version, have: int) -> Verdict:
    """Return what an answer to ``asking`` is good for.  ``status``: 200, 206 or 416."""
    if status == 200:
        return Anew("the server sends all of it: it has changed, or can't be continued")
    if status == 416:
        found = _UNSATISFIED.fullmatch(table.get(b"content-range", b""))
        if found and int(found[1]) == have == version.length and _same(table, version):
            return Finished()
        return Again("the server has no further bytes, but not the length that is expected")
    found = _RANGE.fullmatch(table.get(b"content-range", b""))
    if found is None:
        return Again("the server does not say which part it sends")
    first, last, total = int(found[1]), int(found[2]), found[3]
    if first != have:
        return Again(f"the server sends from byte {first} on, not from {have}")
    if total == b"*" or last != int(total) - 1 or (version.length or int(total)) != int(total):
        return Again("the server sends a part of something else")
    if not _same(table, version):
        return Again("the server sends a part of another version")
    if table.get(b"content-length", b"%d" % (last - first + 1)) != b"%d" % (last - first + 1):
        return Again("the server contradicts itself about the length")
    if table.get(b"content-encoding", b"identity").lower() != b"identity":
        return Again("the server compresses what it continues")
    return Append(int(total))


def _same(table: dict[bytes, bytes], version: Version) -> bool:
    """Return whether an answer contradicts the version in nothing that it says."""
    tag, date = table.get(b"etag"), table.get(b"last-modified")
    if version.tag is not None and tag is not None:
        return tag.decode("latin-1") == version.tag
    return version.date is None or date is None or date.decode("latin-1") == version.date


def moment(value: bytes | None) -> datetime | None:
    """Return the moment of an HTTP date, None where there is none that can be read (RFC 9110 §5.6.7)."""
    if value is None:
        return None
    text = value.decode("latin-1")
    if len(text) > 64 or not text.isascii() or not text.isprintable():
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if not 1970 <= found.year <= 9998:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def http_date(seconds: float) -> bytes:
    """Return a moment as HTTP writes it."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True).encode("ascii")
