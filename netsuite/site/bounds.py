"""How much a site takes of a client, and how long it waits for one (rule R2); the options that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netsuite.http1.limits import Limits
from netsuite.manual.kind import BYTES, NUMBER, SECONDS
from netsuite.options import Options

#: Longest target: RFC 9110 §4.1 asks for 8000 bytes at least; a longer one is 414.
TARGET_BYTES = 16 * 1024

#: Past these a head is 431.  Small ones come to our sites, but localhost's other ports add their cookies.
HEAD_BYTES = 32 * 1024
FIELDS_MAX = 100

#: Longest time from a head's first byte to its last, and from there to the last of the body: then 408.
HEAD_SECONDS = 15.0
BODY_SECONDS = 300.0

#: Longest body, unless the site says otherwise of a path: 413.
BODY_BYTES = 64 * 1024

#: Longest time that a view may take to begin its answer: then 503.
ANSWER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of each request to a site.  ``idle_seconds``: of silence, within and between them."""

    idle_seconds: float = 60.0
    head_bytes: int = HEAD_BYTES
    fields: int = FIELDS_MAX
    body_bytes: int = BODY_BYTES
    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS
    answer_seconds: float = ANSWER_SECONDS

    @property
    def limits(self) -> Limits:
        """The same for the reader of heads and chunks."""
        return Limits(
            head_bytes=self.head_bytes, fields=self.fields, target_bytes=min(TARGET_BYTES, self.head_bytes)
        )


#: For a site's own ``optParameters``: ``[*BOUNDS_OPTIONS, ["port", ...]]``, and for its ``kinds``.
BOUNDS_OPTIONS: list[list[Any]] = [
    ["max-head", None, "32KiB", "Longest head of a request in bytes: else 431, its first line alone 414."],
    ["max-fields", None, "100", "Most fields in a head: else 431."],
    ["max-body", None, "64KiB", "Longest body of a request in bytes: else 413."],
    ["head-time", None, "15", "Seconds in which a head has to come: else 408."],
    ["body-time", None, "300", "Seconds in which a body has to come: else 408."],
]
BOUNDS_KINDS = {
    "max-head": BYTES,
    "max-fields": NUMBER,
    "max-body": BYTES,
    "head-time": SECONDS,
    "body-time": SECONDS,
}


def read_bounds(options: Options) -> Bounds:
    """The bounds that a command line with `BOUNDS_OPTIONS` sets."""
    return Bounds(
        idle_seconds=options.seconds("idle"),
        head_bytes=options.size("max-head"),
        fields=options.number("max-fields", 1, 10_000),
        body_bytes=options.size("max-body"),
        head_seconds=options.seconds("head-time"),
        body_seconds=options.seconds("body-time"),
    )
