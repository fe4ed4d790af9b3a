"""Tunnels that are looked into, instead of being joined with their target at once.

A lookout is asked at each CONNECT.  For a target that it wants the client is told that the tunnel is there,
and what it sends goes to the lookout, which decides by that: to let it go untouched
(`ClientSide.go_untouched`), or to take requests out of it (``netsuite.proxy.inside``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target
from netsuite.proxy.route import Tunnel

if TYPE_CHECKING:
    from netsuite.proxy.client import ClientSide


class Opening(NamedTuple):
    """A CONNECT that was let through.  ``started``: when, by the reactor's clock; ``user``: who asked."""

    number: int
    started: float
    head: RequestHead
    decision: Tunnel
    user: str | None


class Watch(Protocol):
    """What gets a client's bytes, and hears of their end, while it is decided what becomes of the tunnel."""

    def received(self, data: bytes) -> None:
        """The client has sent more."""

    def read_closed(self) -> None:
        """The client sends no more (FIN)."""

    def lost(self, aborted: bool) -> None:
        """The client is gone."""


class Lookout(Protocol):
    """Decides which tunnels are looked into."""

    def wants(self, target: Target) -> bool:
        """Whether a tunnel to this target is to be looked into."""

    def look(self, client: ClientSide, opening: Opening) -> Watch:
        """Look into this one."""
