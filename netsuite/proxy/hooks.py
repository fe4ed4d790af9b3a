"""What code of one's own can see of the relay's traffic, and refuse; wordproxy counts pages by it.

A hook is called on the way of every byte, so it must not block.  One that raises ends the exchange that it
was called for, as any fault of ours does, and no other.  What hooks are given is ours: they change nothing.
"""

from __future__ import annotations

import importlib
import re
from typing import Protocol

from netsuite.http1.head import RequestHead, ResponseHead
from netsuite.proxy.route import Refuse

_PLACE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")

#: What hooks must have.
METHODS = ("on_request", "on_response", "on_tunnel")


class Tap(Protocol):
    """One answer's body as it passes."""

    def data(self, payload: bytes) -> None:
        """More of the body, un-chunked; the very bytes that the client gets, by reference."""

    def end(self, complete: bool) -> None:
        """The body is over, whole or not; called exactly once."""


class Hooks(Protocol):
    """What is told of each exchange and each tunnel; calls of one exchange have one number."""

    def on_request(self, exchange_id: int, request: RequestHead) -> Refuse | None:
        """Return None for a request, also a CONNECT, to go its way, or how it is refused.

        Its way is decided and nothing is dialled yet; what the rules refuse, and what we answer, isn't asked.
        """

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Tap | None:
        """Return who wants the body of this final answer, None for nobody."""

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """A tunnel was opened; what passes through it stays unseen."""


class NoHooks:
    """Sees nothing."""

    def on_request(self, exchange_id: int, request: RequestHead) -> Refuse | None:
        """Return None."""

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Tap | None:
        """Return None."""

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """Do nothing."""


def parse_hooks(text: str) -> str:
    """Return ``package.module:Name``, of which nothing is imported yet.  Raises: ValueError."""
    if _PLACE.fullmatch(text) is None:
        raise ValueError("is a module and a name in it, as mine.hooks:Hooks")
    return text


def load(text: str | None) -> Hooks:
    """Return the hooks that ``package.module:Name()`` makes; of None those that see nothing.

    Raises: ValueError, in one line.
    """
    if text is None:
        return NoHooks()
    module, _colon, name = text.partition(":")
    try:
        made: Hooks = getattr(importlib.import_module(module), name)()
    except Exception as error:  # it is anybody's code
        told = " ".join(str(error).split())
        raise ValueError(f"hooks {text} can't be loaded: {type(error).__name__}: {told}") from error
    lacking = [method for method in METHODS if not callable(getattr(made, method, None))]
    if lacking:
        raise ValueError(f"hooks {text} have no {', no '.join(lacking)}")
    return made
