"""Heads as they leave us: made from what was parsed, without what concerns one hop only (RFC 9110 §7.6).

``Via`` names us by a pseudonym that is ours to recognise and differs from origin to origin: a keyed digest
of the origin, the key made at start, so that no two sites can match a reader by it (RFC 9110 §7.6.3 allows
pseudonyms).

Fields pass as the block of lines that was read and found strict (``grammar.field_block``): each line there
is as we would write it, so lines are taken out and added, and none is taken apart.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from email.utils import formatdate
from typing import TYPE_CHECKING

from netsuite.http1.fields import end_to_end_lines, split_list
from netsuite.http1.head import RequestHead, ResponseHead
from netsuite.http1.target import Target

if TYPE_CHECKING:
    from netsuite.proxy.chain import Hop

_CHUNKED = b"\r\nTransfer-Encoding: chunked"
_MAX_FORWARDS = re.compile(rb"\r\n(?i:max-forwards):[^\r]*+")

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
        self._lines: dict[tuple[bytes, int], bytes] = {}

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

    def line(self, target: Target, version: tuple[int, int]) -> bytes:
        """Return the line to add to a message that came in ``version``, after its CRLF, or nothing."""
        if not self._shown:
            return b""
        key = (target.authority, version[1])
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= NAMES_MAX:
                self._lines.clear()
            line = self._lines[key] = b"\r\nVia: 1.%d %b" % (version[1], self.name(target))
        return line


def request(
    head: RequestHead,
    target: Target,
    via: Via,
    *,
    upgrade: bool = False,
    hop: Hop | None = None,
    max_forwards: int | None = None,
    client: str | None = None,
) -> bytes:
    """Return the request's head for the origin; the Host is the target's (RFC 9112 §3.2.2).

    ``hop``: the proxy that it goes to instead, which is asked in absolute form; ``max_forwards``: what is
    left of Max-Forwards; ``client``: an address to tell in X-Forwarded-For, if there is one.
    """
    lines = end_to_end_lines(head.lines, head.connection, host=False)
    if max_forwards is not None:
        lines = _MAX_FORWARDS.sub(b"\r\nMax-Forwards: %d" % max_forwards, lines)
    if head.chunked:
        lines += _CHUNKED
    if upgrade and head.upgrade is not None:
        lines += b"\r\nConnection: upgrade\r\nUpgrade: " + head.upgrade
    if client:
        lines += b"\r\nX-Forwarded-For: " + client.encode("ascii", "replace")
    path = target.path
    if hop is not None:
        path = b"" if path == b"*" else path  # RFC 9112 §3.2.4
        path = b"%b://%b%b" % (target.scheme, target.authority, path)
        if hop.authorization is not None:
            lines += b"\r\nProxy-Authorization: " + hop.authorization
    start = b"%b %b HTTP/1.1\r\nHost: %b" % (head.method, path, target.authority)
    return b"%b%b%b\r\n\r\n" % (start, lines, via.line(target, head.version))


def response(head: ResponseHead, target: Target, via: Via, *, chunked: bool, close: bool) -> bytes:
    """Return the answer's head for the client; ``chunked`` and ``close`` say how we frame and end it."""
    lines = end_to_end_lines(head.lines, head.connection)
    if head.status == 101 and head.upgrade is not None:
        lines += b"\r\nConnection: upgrade\r\nUpgrade: " + head.upgrade
    elif chunked:
        lines += _CHUNKED
    if close:
        lines += b"\r\nConnection: close"
    if b"date" not in head.combined and head.status >= 200:  # RFC 9110 §6.6.1: who passes it on adds one
        lines += b"\r\nDate: " + formatdate(usegmt=True).encode()
    return b"HTTP/1.1 %d %b%b%b\r\n\r\n" % (
        head.status,
        head.reason,
        lines,
        via.line(target, head.version),
    )


def interim(head: ResponseHead) -> bytes:
    """Return a 1xx answer's head for the client."""
    lines = end_to_end_lines(head.lines, head.connection)
    return b"HTTP/1.1 %d %b%b\r\n\r\n" % (head.status, head.reason, lines)
