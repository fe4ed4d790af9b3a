"""Whose connection it is: by its address, by what a balancer says of it, and by TLS."""

from __future__ import annotations

from netsuite import journal
from netsuite.echo import proxyhead
from netsuite.listen import authority
from netsuite.tlspeer import TlsPeer


class Arrival:
    """Who is at the other end.  ``brought``: a balancer is, which has yet to say whom it brings."""

    __slots__ = ("_head", "by_way_of", "client", "port")

    def __init__(self, client: str, port: int, *, brought: bool) -> None:
        self.client, self.port, self.by_way_of = client, port, ""
        self._head: bytes | None = b"" if brought else None

    @property
    def is_awaited(self) -> bool:
        """Whether the balancer has not said it yet."""
        return self._head is not None

    def take(self, data: bytes) -> bytes | None:
        """Return what came after the balancer's head, None if that is not whole.  Raises: BadProxyHead."""
        held = (self._head or b"") + data
        head = proxyhead.read(held)
        if head is None:
            self._head = held
            return None
        self._head = None
        if head.client is not None:
            self.by_way_of = authority(self.client, self.port)
            self.client, self.port = head.client
        return held[head.size :]

    def words(self, tls: TlsPeer | None, *, is_verified: bool) -> str:
        """Return what a client is told of itself, in one line without control characters."""
        address = authority(self.client, self.port) if self.client else "a Unix socket"
        if self.by_way_of:
            address += f" by way of {self.by_way_of}"
        if tls is None:
            return journal.escaped(f"{address}, no TLS")
        doubt = "" if is_verified else " (not verified)"
        shown = "no certificate" if tls.subject is None else f"certificate {tls.subject}{doubt}"
        return journal.escaped(f"{address}, {tls.version}, {shown}")
