"""Answers in gzip, for who takes it (RFC 9110 §12.5.3), of what may be kept by a cache.

What is not to be stored is never compressed: such pages of ours may carry a token beside text that came with
the request, and the length of the two compressed together tells of the token (BREACH).
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache

#: Shorter bodies fit into one packet anyway.
LEAST_BYTES = 1024

#: A longer one would hold up all other clients for more than some milliseconds.
MOST_BYTES = 512 * 1024

#: Bodies whose compressed form is remembered.
REMEMBERED = 64

_KINDS = re.compile(
    r"text/(?!event-stream)|application/(?:json|javascript|xml)|image/svg\+xml|.*\+(?:xml|json)"
)


def takes_gzip(field: str) -> bool:
    """Whether an Accept-Encoding wants gzip at least as much as the plain bytes."""
    weights = {}
    for item in field[:1000].lower().split(",")[:20]:
        coding, _, parameter = item.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weights[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            return False
    wanted = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return 0.0 < wanted <= 1.0 and wanted >= weights.get("identity", 0.0)


def is_worth_it(kind: str, body: bytes) -> bool:
    """Whether bytes of this media type, and so many, are compressed."""
    return LEAST_BYTES <= len(body) <= MOST_BYTES and _KINDS.match(kind) is not None


@lru_cache(maxsize=REMEMBERED)
def squeezed(body: bytes) -> bytes:
    """The bytes in gzip; always the same for the same ones."""
    return gzip.compress(body, 6, mtime=0)
