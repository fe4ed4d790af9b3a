"""Names to addresses, by the system's resolver."""

from __future__ import annotations

from typing import Any

from netsuite.guard import resolve


class ResolverFailed(Exception):  # noqa: N818 - what happened, to be told to people
    """The resolver gave no answer at all, so nothing is known of the name."""


class Names:
    """Looks names up."""

    def __init__(self, reactor: Any, server: str | None = None) -> None:
        self._reactor, self._server = reactor, server

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return a name's addresses.  Raises: DNSLookupError if there are none, ResolverFailed."""
        return await resolve(self._reactor, host, port)

    def clear(self) -> None:
        """Nothing is remembered."""
