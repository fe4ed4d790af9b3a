"""One request that takes longer than a glance: with a body, an order, a fault in it, or an answer in JSON."""

from __future__ import annotations

from typing import Any

from netsuite.http1.head import RequestHead
from netsuite.httpecho.orders import PLAIN, Order
from netsuite.httpecho.payload import Payload


class Errand:
    """A request and what is to be done for it.

    ``head``: None of a malformed one; ``notes``: what is wrong with it.  ``order``: what the answer is to be.
    Times are the reactor's seconds, ``when`` the epoch's.  ``status``: of our answer, which ``is_begun`` or
    not; ``delayed``: the call that gives it.  ``held``: bytes of its body that count among those under way.
    """

    __slots__ = (
        "began",
        "delayed",
        "head",
        "head_done",
        "held",
        "is_begun",
        "is_json",
        "notes",
        "order",
        "payload",
        "raw",
        "status",
        "when",
    )

    def __init__(
        self,
        raw: bytes,
        head: RequestHead | None,
        notes: tuple[str, ...],
        *,
        when: float,
        began: float,
        head_done: float,
    ) -> None:
        self.raw, self.head, self.notes = raw, head, notes
        self.when, self.began, self.head_done = when, began, head_done
        self.payload: Payload | None = None
        self.order: Order = PLAIN
        self.status = 0
        self.held = 0
        self.delayed: Any = None
        self.is_begun = self.is_json = False

    def stop(self) -> None:
        """No answer is given any more."""
        if self.delayed is not None:
            self.delayed.cancel()
            self.delayed = None

    @property
    def note(self) -> str:
        """What is wrong with it, in one line."""
        notes = [*self.notes]
        if self.payload is not None and self.payload.note:
            notes.append(self.payload.note)
        return "; ".join(notes)


def first_line(raw: bytes) -> bytes:
    """The first line of a head that is none of the empty ones before it."""
    return raw.lstrip(b"\r\n").partition(b"\n")[0].removesuffix(b"\r")
