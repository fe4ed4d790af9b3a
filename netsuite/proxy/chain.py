"""The proxies that requests go through instead of straight to the origin: which, for which host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hop:
    """A proxy on the way.  ``scheme``: ``http``, ``socks5`` or ``socks5h`` (which resolves names itself)."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class Chain:
    """The ways that were given, in order; none: straight to the origin."""

    def __init__(self, ways: Sequence[tuple[str, Hop | None]] = ()) -> None:
        self._ways = tuple(ways)
        self.has_hops = any(hop is not None for _, hop in self._ways)
