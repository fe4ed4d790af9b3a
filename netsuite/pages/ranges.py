"""Which bytes of a file a request wants (RFC 9110 §14).

One range is served.  A request for several gets the whole file, as it may (§14.2): no client of files needs
them, and many small ones in one request have been used to wear servers out (CVE-2011-3192).
"""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*", re.ASCII | re.IGNORECASE)


class NoSuchRange(Exception):  # noqa: N818 - an answer: 416
    """The file has none of the bytes."""


def wanted(field: str, size: int) -> tuple[int, int] | None:
    """Return (first, past the last) of the bytes that a Range field wants of ``size``, None for all of them.

    Raises: NoSuchRange.
    """
    match = _ONE.fullmatch(field)
    if match is None:  # several, another unit, or nonsense: to be ignored
        return None
    first, last, suffix = match[1], match[2], match[3]
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < start:
            return None  # no valid range: to be ignored
    if start >= end:
        raise NoSuchRange
    return start, end
