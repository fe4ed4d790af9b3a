"""Between the first process and a worker: messages, a JSON object a line, and listening sockets beside them.

Theory.  Both ends trust each other: one started the other, over a socket pair that nobody else has.  Sockets
(SCM_RIGHTS, unix(7)) travel with bytes of the stream, each with one, and so arrive at the latest with the
line that says how many it brings.  ``is_full`` tells that the other side has not taken what was said: then
only what must be said should be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IFileDescriptorReceiver, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

#: Longest message, in bytes: a beat with all counters, or a bundle of log lines.
MESSAGE_MAX = 4 << 20

#: Most sockets that one message may bring.
SOCKETS_MAX = 32

Message = dict[str, Any]


@implementer(IFileDescriptorReceiver, IPushProducer)
class Talk(LineOnlyReceiver):
    """One end.  ``heard`` gets a message and the sockets that came with it, which it is then to close."""

    transport: Any
    delimiter = b"\n"
    MAX_LENGTH = MESSAGE_MAX

    def __init__(
        self, heard: Callable[[Message, list[int]], None], lost: Callable[[], None] = lambda: None
    ) -> None:
        self._heard, self._lost = heard, lost
        self._sockets: list[int] = []
        self.is_full = False

    def connectionMade(self) -> None:
        """Learn from the transport when it is full."""
        self.transport.registerProducer(self, True)

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """A socket, for the line that is about to come."""
        if len(self._sockets) < SOCKETS_MAX:
            self._sockets.append(descriptor)
        else:
            os.close(descriptor)

    def lineReceived(self, line: bytes) -> None:
        """A message."""
        message: Message = json.loads(line)
        count = int(message.get("sockets", 0))
        sockets, self._sockets = self._sockets[:count], self._sockets[count:]
        self._heard(message, sockets)

    def say(self, message: Message, sockets: Sequence[int] = ()) -> None:
        """Send a message, with copies of these sockets."""
        for descriptor in sockets:
            self.transport.sendFileDescriptor(descriptor)
        told = {**message, "sockets": len(sockets)} if sockets else message
        self.sendLine(json.dumps(told, separators=(",", ":")).encode())

    def pauseProducing(self) -> None:
        """What was said is not taken yet: say only what must be said."""
        self.is_full = True

    def resumeProducing(self) -> None:
        """All was taken."""
        self.is_full = False

    def stopProducing(self) -> None:
        """The connection ends."""
        self.is_full = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other process is gone, or has had enough."""
        while self._sockets:
            os.close(self._sockets.pop())
        self._lost()
