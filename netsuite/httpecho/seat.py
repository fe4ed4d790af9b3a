"""What the desk, our own paths and guests may ask of a connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from netsuite.httpecho.errand import Errand
from netsuite.wire import IWire


class Guest(Protocol):
    """Who has taken a connection over: a WebSocket, or who follows the ring."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def overdue(self) -> None:
        """The deadline has passed."""

    def drain(self) -> None:
        """The service stops: say so and end."""

    def lost(self) -> None:
        """The connection is gone."""

    def full(self, is_full: bool) -> None:
        """The connection takes nothing just now, or does again."""


class Seat(Protocol):
    """A connection.  ``errand``: what is under way; ``deadline``, ``ends``: as `crowd.Member` has them.

    ``places``: the client's address and ours; ``since``: when it was made, in the reactor's seconds;
    ``is_draining``: no answer keeps it any more.
    """

    client: str
    places: tuple[Any, Any]
    transport: IWire
    errand: Errand | None
    since: float
    deadline: float
    ends: float
    is_draining: bool

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be said here any more."""

    def touch(self) -> None:
        """Bytes have passed: the idle time starts anew."""

    def wait(self, data: bytes = b"") -> None:
        """``data`` and what comes now is kept for later."""

    def take_body(self, taker: Callable[[bytes], None]) -> None:
        """What comes is a body, and ``taker``'s."""

    def go_on(self) -> None:
        """If nothing is under way, what waits is read."""

    def listen_again(self) -> None:
        """The connection tells us again when it is full."""

    def guarded(self) -> AbstractContextManager[None]:
        """In the block a fault of ours ends this connection, and is told."""

    def settle(self, close: bool, *, lingers: bool = False) -> None:
        """An answer is sent: the next request may be read, or the connection ends."""

    def receive(self, guest: Guest, data: bytes = b"") -> None:
        """The connection is ``guest``'s from now on; ``data``: what came already."""

    def part(self) -> None:
        """The guest has said all that it had to say."""

    def shut(self) -> None:
        """End now."""
