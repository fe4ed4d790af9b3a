"""Who follows the ring: a connection that hears of requests as they come (server-sent events)."""

from __future__ import annotations

from netsuite.httpecho.seat import Seat
from netsuite.site.answer import Stream

#: What is sent when nothing has come for the idle time: it shows whether the client is still there.
_STILL_HERE = b": still here\n\n"


class Follower:
    """A guest that is told of events.  What the client doesn't take is left out (`site.streaming`)."""

    def __init__(self, seat: Seat, stream: Stream) -> None:
        self._seat, self._stream = seat, stream
        self._is_full = self._is_over = False
        stream.enter(self)

    def tell(self, event: bytes) -> None:
        """The event is on its way, or left out where the client is behind."""
        if not (self._is_full or self._is_over):
            self._seat.transport.write(event)
            self._seat.touch()

    def end(self) -> None:
        """The answer is over."""
        if not self._is_over:
            self._is_over = True
            self._seat.transport.loseConnection()

    def received(self, data: bytes) -> None:
        """Nothing more is asked on this connection; what comes is dropped."""

    def overdue(self) -> None:
        """Nothing was sent for a while: the client is looked for, and gone if it took nothing since."""
        if self._is_full or self._is_over:
            self._seat.shut()
        else:
            self.tell(_STILL_HERE)

    def drain(self) -> None:
        """The service stops."""
        self.end()

    def full(self, is_full: bool) -> None:
        """The connection takes nothing just now, or does again."""
        self._is_full = is_full

    def lost(self) -> None:
        """The connection is gone."""
        self._is_over = True
        self._stream.leave(self)
