"""A transcript of what clients and echo said to each other (``--record``), read by ``dataforward --replay``.

JSON Lines, as a client's own recording would have them: ``{"tape":1,"peer":…,"started":…}``, then
``{"at":0.25,"way":"sent","data":"aGVsbG8NCg==","conn":3}`` for lines that a client sent and ``"received"``
for what it was answered; ``at`` in seconds since the first of them, ``data`` in base64.  The file is for
its owner only.  Its bound, and a disk that is full, end the transcript, not the service.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime

from netsuite import journal

#: How a transcript begins; a file that begins otherwise is somebody's, and not written to.
MARK = b'{"tape":1,'

#: Longest piece of a line, before it is in base64: readers have a bound.
PIECE_MAX = 1 << 20


class Transcript:
    """Appends to the file at ``path``, until it has ``most`` bytes.

    ``clock``: monotonic seconds; ``now``: those since 1970.
    """

    def __init__(self, path: str, most: int, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self._path, self._most, self._clock, self._now = path, most, clock, now
        self._fd: int | None = None
        self._size = 0
        self._began: float | None = None

    def open(self) -> None:
        """The file is there, ours, and written to from now on.  Raises: OSError, ValueError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        try:
            os.fchmod(fd, 0o600)
            start = os.pread(fd, len(MARK), 0)
            if start not in (b"", MARK):
                raise ValueError(f"{self._path} is no transcript; it is left as it is")
            if not start:
                moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
                head = {"tape": 1, "peer": "echo", "started": moment.replace("+00:00", "Z")}
                os.write(fd, _line(head))
        except BaseException:
            os.close(fd)
            raise
        self.close()
        self._fd, self._size = fd, os.fstat(fd).st_size

    def sent(self, conn: int, data: bytes) -> None:
        """A client sent this."""
        self._note("sent", conn, data)

    def received(self, conn: int, data: bytes) -> None:
        """A client was sent this."""
        self._note("received", conn, data)

    def _note(self, way: str, conn: int, data: bytes) -> None:
        if self._fd is None or not data:
            return
        now = self._clock()
        if self._began is None:
            self._began = now
        at = round(now - self._began, 6)
        lines = [
            _line({"at": at, "way": way, "data": base64.b64encode(piece).decode("ascii"), "conn": conn})
            for piece in (data[start : start + PIECE_MAX] for start in range(0, len(data), PIECE_MAX))
        ]
        told = b"".join(lines)
        self._size += len(told)
        if self._size > self._most:
            journal.log_lost(where=self._path, text=f"it would have more than {self._most} bytes")
            self.close()
            return
        try:
            while told:
                told = told[os.write(self._fd, told) :]
        except OSError as error:
            journal.log_lost(where=self._path, text=str(error))
            self.close()

    def close(self) -> None:
        """Nothing more is written."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _line(told: dict[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"
