"""Which names a site of ours answers to: what keeps a foreign page from reading it by DNS rebinding.

A page of ``evil.example`` whose name suddenly means 127.0.0.1 can make the browser talk to us, but the
browser says ``Host: evil.example`` then. So only names that were chosen are answered, and the literal
address that the connection came to, which no DNS answer can stand for (RFC 9110 §7.4: else 421).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from functools import lru_cache

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

#: Longest Host that names anything: 255 characters, a final dot, a port (RFC 1035 §2.3.4).
_LONGEST = 262

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")


def name_of(field: bytes) -> str | None:
    """The host that a Host field names, as `canonical` has it; None if it names none (RFC 9110 §7.2)."""
    return _name_of(field) if len(field) <= _LONGEST else None


@lru_cache(maxsize=256)
def _name_of(field: bytes) -> str | None:
    text = field.decode("latin-1").lower()
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in host or (port and not _is_port(port)):
            return None
    else:
        host, colon, port = text.partition(":")
        if (colon and not _is_port(colon + port)) or not _NAME.issuperset(host):
            return None
    return canonical(host) or None


def canonical(host: str) -> str:
    """``host`` as names are compared: lower case, no brackets, no final dot, addresses in their one form."""
    host = host.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return host


_canonical = lru_cache(maxsize=64)(canonical)  # of our own addresses


def refusal(
    version: bytes,
    fields: Sequence[bytes],
    names: Collection[str],
    local: str,
    authority: bytes | None = None,
) -> int | None:
    """The status to refuse a request with, None for one that may be answered.

    ``fields``: its Host fields; ``names``: ours, ``*`` is any; ``local``: the address that the connection
    came to, "" if it has none; ``authority``: of a target in absolute form, which then says the host (RFC
    9112 §3.2.2).
    """
    if len(fields) > 1 or (not fields and version != b"HTTP/1.0"):  # RFC 9112 §3.2
        return 400
    said = [*fields] if authority is None else [*fields, authority]
    if not said:
        return None
    spoken = [name_of(field) for field in said]
    if None in spoken:
        return 400
    name = spoken[-1]
    return None if name in LOOPBACK or name in names or "*" in names or name == _canonical(local) else 421


def _is_port(text: str) -> bool:
    digits = text.removeprefix(":")
    return text.startswith(":") and (
        not digits or (digits.isascii() and digits.isdecimal() and len(digits) < 6)
    )
