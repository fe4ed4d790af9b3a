"""Recordings made of a session, and sent again at their own pace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from netsuite.forward.tape import LINE_MAX, SENT, BadTape, Piece, head_line, piece_line, pieces


class Recorder:
    """Writes what is sent and received to a file of its own, for its owner only.  Raises: OSError."""

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._path = path
        fd = os.open(path, flags, 0o600)
        os.fchmod(fd, 0o600)
        self._file = open(fd, "wb", buffering=0)  # noqa: SIM115 - closed by ``close``
        self._began = 0.0

    def begin(self, peer: str) -> None:
        """A connection with ``peer`` is there."""
        self._began = time.monotonic()
        self._write(head_line(peer, time.time()))

    def add(self, way: str, data: bytes | None) -> None:
        """Bytes went this way; None: its end."""
        self._write(piece_line(Piece(time.monotonic() - self._began, way, data)))

    def _write(self, line: str) -> None:
        try:
            self._file.write(line.encode("ascii"))
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            raise BadTape(f"has a line over {LINE_MAX} bytes")
        yield line


def check(path: str) -> None:
    """The file is a recording.  Raises: BadTape, OSError."""
    with open(path, "rb") as file:
        count = -1
        for count, _ in enumerate(pieces(_lines(file))):  # noqa: B007 - how far it came
            continue
        if count < 0:
            raise BadTape("has nothing in it")


class Replay:
    """What was sent, once more; a source of a session (see ``session.Source``)."""

    kind = "tape"

    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor = reactor
        self._file = open(path, "rb")  # noqa: SIM115 - closed at its end
        self._pieces = (piece for piece in pieces(_lines(self._file)) if piece.way == SENT)
        self._next: Piece | None = next(self._pieces, None)
        self._timer: Any = None
        self._began: float | None = None
        self.received: Callable[[bytes], None]
        self.ended: Callable[[], None]
        self.failed: Callable[[OSError], None]
        self.is_empty, self.is_over = True, False

    def resumeProducing(self) -> None:
        """Go on, each piece at its time."""
        if self._began is None:
            self._began = self._reactor.seconds()
        if self._timer is None and not self.is_over:
            due = self._began + (0.0 if self._next is None else self._next.at)
            self._timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._due)

    def pauseProducing(self) -> None:
        """Send nothing for now."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    stopProducing = pauseProducing

    def _due(self) -> None:
        self._timer = None
        piece = self._next
        if piece is None or piece.data is None:
            self._file.close()
            self.is_over = True
            self.ended()
            return
        self._next = next(self._pieces, None)
        self.is_empty = False
        self.resumeProducing()
        self.received(piece.data)
