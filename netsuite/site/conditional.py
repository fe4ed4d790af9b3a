"""Whether a client has an answer already, or asked for another one: conditional requests (RFC 9110 §13).

An entity tag of ours names the bytes that it stands for.  An answer in gzip is made of the same bytes and
decided by the same tag: it is sent as a weak one, for a client that compares byte for byte has other bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from hashlib import blake2b

#: How much of a list of tags is looked at.
_LIST_MAX = 8 * 1024

_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')


def tag_of(body: bytes) -> str:
    """The strong entity tag of these bytes, in its quotes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def judged(
    method: str, headers: Mapping[str, str], tag: str | None, modified: float | None = None
) -> int | None:
    """The status to answer with instead of 200: 304, or 412; None for the answer itself.

    ``headers``: by lower-case name.  ``tag``, ``modified`` (seconds since 1970): of the answer, if known.
    The order of steps is that of RFC 9110 §13.2.2; If-Range is for who serves ranges.
    """
    if (wanted := headers.get("if-match")) is not None:  # 1.
        if not matches(wanted, tag, strong=True):
            return 412
    elif (  # 2.
        modified is not None
        and (until := _seconds(headers.get("if-unmodified-since"))) is not None
        and int(modified) > until
    ):
        return 412
    if (known := headers.get("if-none-match")) is not None:  # 3.
        if matches(known, tag):
            return 304 if method in ("GET", "HEAD") else 412
    elif (  # 4.
        method in ("GET", "HEAD")
        and modified is not None
        and (since := _seconds(headers.get("if-modified-since"))) is not None
        and int(modified) <= since
    ):
        return 304
    return None


def matches(field: str, tag: str | None, *, strong: bool = False) -> bool:
    """Whether a list of entity tags, or ``*``, has ``tag`` (RFC 9110 §8.8.3.2).

    ``strong``: weak ones are no match.  What is no list of tags matches nothing.
    """
    if field.strip() == "*":
        return True
    if tag is None or (strong and tag.startswith("W/")):
        return False
    opaque = tag.removeprefix("W/")
    found = _TAG.findall(field[:_LIST_MAX])
    return any(known == opaque if strong else known.removeprefix("W/") == opaque for known in found)


def _seconds(date: str | None) -> float | None:
    """The seconds since 1970 of an HTTP-date; None if there is none, or it is none (RFC 9110 §5.6.7)."""
    if date is None or len(date) > 64:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
