"""An answer that goes on: server-sent events (HTML Living Standard, "Server-sent events"), or a long file.

What a client doesn't take is not kept for it: while its connection is full, events are left out.  They
only say that there is something new; the next one says it again.  Of a file nothing may be left out: who
writes one waits (``drained``) until the connection takes more.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netsuite.site.answer import Answer, Stream

KIND = "text/event-stream"


@implementer(IPushProducer)
class Listener:
    """A client that hears of events.  ``end``: it hears no more."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._is_full = self._is_gone = False
        self._waiting: Deferred[bool] | None = None
        request.registerProducer(self, True)

    def tell(self, event: bytes) -> None:
        """The event is on its way, or left out where the client is behind."""
        if not self._is_full:
            self._request.write(event)

    def write(self, data: bytes) -> None:
        """The bytes are on their way; see ``drained``."""
        if not self._is_gone:
            self._request.write(data)

    async def drained(self) -> bool:
        """Whether the client is still there, once its connection takes more."""
        if self._is_full and not self._is_gone:
            self._waiting = Deferred()
            await self._waiting
        return not self._is_gone

    def end(self) -> None:
        """The answer is over, if the client didn't leave before that."""
        if not self._is_gone:
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        """The connection is full."""
        self._is_full = True

    def resumeProducing(self) -> None:
        """The connection takes more."""
        self._is_full = False
        self._go_on()

    def stopProducing(self) -> None:
        """The connection is gone, which ``notifyFinish`` tells, too."""
        self._is_full = self._is_gone = True
        self._go_on()

    def cut(self) -> None:
        """The connection ends here, so that nobody takes what was sent for the whole."""
        self._is_gone = True
        self._request.channel.shut()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(not self._is_gone)


def send_stream(request: Any, answer: Answer, stream: Stream) -> None:
    """The listener has entered; the head is written already, and so is the answer's body."""
    request.write(answer.body)
    listener = Listener(request)
    request.notifyFinish().addBoth(lambda _: _left(listener, stream))
    stream.enter(listener)


def _left(listener: Listener, stream: Stream) -> None:
    listener.stopProducing()
    stream.leave(listener)


def event(name: str, data: str) -> bytes:
    """An event of one line."""
    return f"event: {name}\ndata: {data}\n\n".encode()
