"""Entity tags: compared weakly, and without what a server's compression hangs on them.

Sources: RFC 9110 §8.8.3; Apache's ``"abc-gzip"`` (its bug 45023), Jetty's ``"abc--gzip"``, ``"abc;br"``.
"""

from __future__ import annotations

import re

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_SUFFIX = re.compile(r"(?:--?|;)(?:gzip|br|deflate|zstd|df)\Z")


def opaque(tag: str) -> str:
    """Return what two tags of one state of a page share: neither ``W/`` nor a compression's suffix."""
    match = _TAG.fullmatch(tag.strip())
    return _SUFFIX.sub("", match[2]) if match else tag.strip()


def is_weak(tag: str) -> bool:
    """Return whether a tag is marked as weak."""
    return tag.startswith("W/")


def is_tag(tag: str) -> bool:
    """Return whether it is an entity tag at all; some servers leave the quotes out."""
    return _TAG.fullmatch(tag.strip()) is not None


def alike(one: str | None, other: str | None) -> bool:
    """Return whether two tags name one state: by weak comparison, whatever compression adds."""
    return one is not None and other is not None and opaque(one) == opaque(other)
