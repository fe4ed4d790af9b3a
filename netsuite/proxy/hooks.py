"""What code of one's own can see of the relay's traffic; wordproxy counts pages by it.

A hook is called on the way of every byte, so it must neither block nor raise.
"""

from __future__ import annotations

from typing import Protocol

from netsuite.http1.head import RequestHead, ResponseHead


class Tap(Protocol):
    """One answer's body as it passes."""

    def data(self, payload: bytes) -> None:
        """More of the body, un-chunked; the very bytes that the client gets, by reference."""

    def end(self, complete: bool) -> None:
        """The body is over, whole or not; called exactly once."""


class Hooks(Protocol):
    """What is told of each exchange and each tunnel."""

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Tap | None:
        """Return who wants the body of this final answer, None for nobody."""

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """A tunnel was opened; what passes through it stays unseen."""


class NoHooks:
    """Sees nothing."""

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Tap | None:
        """Return None."""

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """Do nothing."""
