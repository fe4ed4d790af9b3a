"""A long file on its way to a client, no faster than the client takes it."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite import journal
from netsuite.pages.answering import Piece

#: Bytes read at once, and pieces that are sent before others have their turn.
PIECE_BYTES = 64 * 1024
TURN_PIECES = 4


@implementer(IPushProducer)
class Sending:
    """Sends ``piece`` as the rest of an answer whose head is written, and ends the request."""

    def __init__(self, request: Any, piece: Piece, reactor: Any) -> None:
        self._request, self._file, self._reactor = request, piece.file, reactor
        self._at, self._end = piece.start, piece.end
        self._is_full = self._is_over = False
        self._next: Any = None

    def start(self) -> None:
        """Begin."""
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._go_on()

    def _go_on(self) -> None:
        try:
            self._send()
        except Exception:  # nobody is above a timer to take it
            journal.fault(where="pages.sending", failure=Failure())
            self.stopProducing()
            self._request.channel.shut()

    def _send(self) -> None:
        self._next = None
        for _ in range(TURN_PIECES):
            if self._is_full or self._is_over:
                return
            if self._at >= self._end:
                self._is_over = True
                self._request.unregisterProducer()
                self._request.finish()
                return
            try:
                data = os.pread(self._file.fd, min(PIECE_BYTES, self._end - self._at), self._at)
            except OSError as error:
                self._cut(str(error))
                return
            if not data:
                self._cut("it was made shorter")
                return
            self._at += len(data)
            self._request.write(data)
        if not (self._is_full or self._is_over):
            self._next = self._reactor.callLater(0, self._go_on)

    def _cut(self, reason: str) -> None:
        """The rest can't be had: the client must not take what it has for the whole."""
        journal.page_cut(path=self._file.path, reason=reason)
        self.stopProducing()
        self._request.unregisterProducer()
        self._request.channel.shut()

    def pauseProducing(self) -> None:
        """The client is slower than the disk."""
        self._is_full = True

    def resumeProducing(self) -> None:
        """The client takes more."""
        self._is_full = False
        if self._next is None and not self._is_over:
            self._next = self._reactor.callLater(0, self._go_on)

    def stopProducing(self) -> None:
        """The client is gone."""
        self._is_over = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
