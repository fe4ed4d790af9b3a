"""An answer that goes on: server-sent events (HTML Living Standard, "Server-sent events").

What a client doesn't take is not kept for it: while its connection is full, events are left out.  They
only say that there is something new; the next one says it again.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netsuite.site.answer import Answer, Stream

KIND = "text/event-stream"


@implementer(IPushProducer)
class Listener:
    """A client that hears of events.  ``end``: it hears no more."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._is_full = False
        request.registerProducer(self, True)

    def tell(self, event: bytes) -> None:
        """The event is on its way, or left out where the client is behind."""
        if not self._is_full:
            self._request.write(event)

    def end(self) -> None:
        """The answer is over."""
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """The connection is full."""
        self._is_full = True

    def resumeProducing(self) -> None:
        """The connection takes more."""
        self._is_full = False

    def stopProducing(self) -> None:
        """The connection is gone, which `notifyFinish` tells, too."""
        self._is_full = True


def send_stream(request: Any, answer: Answer, stream: Stream) -> None:
    """The listener has entered; the head is written already, and so is the answer's body."""
    request.write(answer.body)
    listener = Listener(request)
    request.notifyFinish().addBoth(lambda _: stream.leave(listener))
    stream.enter(listener)


def event(name: str, data: str) -> bytes:
    """An event of one line."""
    return f"event: {name}\ndata: {data}\n\n".encode()
