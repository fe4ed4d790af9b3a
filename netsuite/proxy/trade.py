"""What a worker does beside relaying, as a service that is built on the proxy has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from netsuite.proxy.hooks import Hooks
from netsuite.proxy.relay import Relay
from netsuite.proxy.talk import Message

#: Says something to the first process.
Say = Callable[[Message], None]


class Trade(Protocol):
    """One worker's; made with the reactor and with how to say something to the first process."""

    def begin(self, message: Message) -> Hooks | None:
        """Be at work, as the first process says; return what sees the traffic, None: the settings' hooks."""

    def join(self, relay: Relay) -> None:
        """The relay is there, and about to start."""

    def change(self, message: Message) -> None:
        """Other settings are in force."""

    def heard(self, message: Message) -> None:
        """The first process says something that is none of the relay's."""

    def status(self) -> Mapping[str, object]:
        """Return what a beat tells besides; numbers are added up over all workers."""

    def collectors(self) -> Iterable[Any]:
        """Return what counts for /metrics beside the relay."""

    async def end(self) -> None:
        """No client is left: finish."""


class Relaying:
    """A plain proxy's: nothing more."""

    def __init__(self, reactor: object, say: Say) -> None:
        pass

    def begin(self, message: Message) -> Hooks | None:
        """Leave the hooks to the settings."""
        return None

    def join(self, relay: Relay) -> None:
        """Do nothing."""

    def change(self, message: Message) -> None:
        """Do nothing."""

    def heard(self, message: Message) -> None:
        """Do nothing."""

    def status(self) -> Mapping[str, object]:
        """Return nothing."""
        return {}

    def collectors(self) -> Iterable[Any]:
        """Return nothing."""
        return ()

    async def end(self) -> None:
        """Do nothing."""
