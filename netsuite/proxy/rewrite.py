"""Heads as they leave us: made from what was parsed, without what concerns one hop only (RFC 9110 §7.6).

``Via`` names us by a pseudonym that is ours to recognise and differs from origin to origin: a keyed digest
of the origin, the key made at start, so that no two sites can match a reader by it (RFC 9110 §7.6.3 allows
pseudonyms).
"""

from __future__ import annotations

import hashlib
import secrets

from netsuite.http1.fields import Fields, end_to_end, split_list
from netsuite.http1.head import RequestHead, ResponseHead, write_request, write_response
from netsuite.http1.target import Target

_CHUNKED = (b"Transfer-Encoding", b"chunked")
_CLOSE = (b"Connection", b"close")

#: Pseudonyms kept ready; each costs a hash.
NAMES_MAX = 4096


class Via:
    """Our name in ``Via``: given, none, or a pseudonym for each origin.

    ``key``: of the pseudonyms; processes that share a port share it, else a loop through two goes unseen.
    """

    def __init__(self, name: str | None = None, *, shown: bool = True, key: bytes | None = None) -> None:
        self._given = name.encode("ascii") if name else None
        self._shown = shown
        self.key = key or secrets.token_bytes(32)
        self._names: dict[bytes, bytes] = {}

    def name(self, target: Target) -> bytes:
        """Return the name under which an origin knows us."""
        if self._given is not None:
            return self._given
        origin = target.authority
        name = self._names.get(origin)
        if name is None:
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            name = b"p" + hashlib.blake2b(origin, key=self.key, digest_size=9).hexdigest().encode()
            self._names[origin] = name
        return name

    def loops(self, head: RequestHead, target: Target) -> bool:
        """Return whether a request has been here before."""
        passed = head.combined.get(b"via")
        if passed is None:
            return False
        name = self.name(target).lower()
        return any(name in member.split()[1:2] for member in split_list(passed))

    def field(self, target: Target, version: tuple[int, int]) -> Fields:
        """Return the field to add to a message that came in ``version``, or nothing."""
        if not self._shown:
            return []
        return [(b"Via", b"1.%d %b" % (version[1], self.name(target)))]


def _without(fields: Fields, *names: bytes) -> Fields:
    return [field for field in fields if field[0].lower() not in names]


def request(head: RequestHead, target: Target, via: Via, *, upgrade: bool) -> bytes:
    """Return the request's head for the origin; the Host is the target's (RFC 9112 §3.2.2)."""
    fields = [(b"Host", target.authority), *_without(end_to_end(head.fields), b"host")]
    if head.chunked:
        fields.append(_CHUNKED)
    if upgrade and head.upgrade is not None:
        fields += [(b"Connection", b"upgrade"), (b"Upgrade", head.upgrade)]
    fields += via.field(target, head.version)
    return write_request(head.method, target.path, fields)


def response(head: ResponseHead, target: Target, via: Via, *, chunked: bool, close: bool) -> bytes:
    """Return the answer's head for the client; ``chunked`` and ``close`` say how we frame and end it."""
    fields = end_to_end(head.fields)
    if head.status == 101 and head.upgrade is not None:
        fields += [(b"Connection", b"upgrade"), (b"Upgrade", head.upgrade)]
    elif chunked:
        fields = [*_without(fields, b"content-length"), _CHUNKED]
    if close:
        fields.append(_CLOSE)
    fields += via.field(target, head.version)
    return write_response(head.status, head.reason, fields)
