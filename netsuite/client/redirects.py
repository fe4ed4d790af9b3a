"""Where a redirect leads, and by which method one goes there (RFC 9110 §15.4).

303 is followed by GET; 301 and 302 too where the request was a POST, as all browsers do; 307 and 308 keep
method and content.  What is refused: more than so many, a place that was asked in the same way before, a
place that is no http or https URL, and one without TLS after one with it, unless that is allowed.  User
information in a Location is nobody's password: it is ignored, and said so (curl/curl#11410).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netsuite.client.url import Url, joined, shown
from netsuite.outcome import Failed

#: Redirects followed, unless another number is asked for.
REDIRECTS_MAX = 10

STATUSES = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for next.  ``bare``: without the content; ``note``: what people are told of it."""

    url: Url
    method: bytes
    bare: bool
    note: str | None = None


def step(
    status: int,
    location: bytes,
    url: Url,
    method: bytes,
    seen: Sequence[tuple[bytes, str]],
    *,
    most: int = REDIRECTS_MAX,
    downgrade: bool = False,
) -> Step:
    """Return the step that an answer asks for.  ``seen``: methods and URLs asked so far, this one the last.

    Raises: Failed.
    """
    if len(seen) > most:
        raise Failed("limit", f"more than {most} redirects", detail="redirects")
    try:
        other = joined(url, location)
    except ValueError as error:
        where = shown(location.decode("utf-8", "backslashreplace"))
        raise Failed("http", f"redirected to {where!r}, which {error}", detail="location") from None
    if url.secure and not other.secure and not downgrade:
        told = f"redirected from https to {other.place}; --allow-downgrade follows"
        raise Failed("limit", told, detail="downgrade")
    note = None
    if other.login is not None:
        note = f"user and password in a redirect to {other.place} are ignored"
        other = Url(other.target)
    to_get = (status == 303 and method != b"HEAD") or (status in (301, 302) and method == b"POST")
    following = Step(other, b"GET" if to_get else method, to_get, note)
    if (following.method, other.text) in seen:
        raise Failed("limit", f"redirected in a loop: {other.place} was asked the same before", detail="loop")
    return following
