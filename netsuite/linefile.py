"""A log file of ours: whole lines, appended, those of one turn of the reactor by one call.

Several processes may share one.  A full disk ends nobody's work: what can't be written is lost, and the
first loss is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from netsuite import journal

#: Mode of a log file: the group may read it, others not.
MODE = 0o640

#: Calls a function on the reactor's next turn.
Soon = Callable[[Callable[[], None]], object]


class LineFile:
    """A file that lines go to.  ``soon``: see `Soon`; without it each line is written at once."""

    def __init__(self, path: str, soon: Soon | None = None) -> None:
        self._path, self._soon = path, soon
        self._fd: int | None = None
        self._waiting: list[str] = []
        self._failed = self._is_cut = False

    def open(self) -> None:
        """Open the file, or open it again after it was moved away.  Raises: OSError."""
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        self.close()
        self._fd = fd

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._flush()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def line(self, text: str) -> None:
        """Have a line written; ``text`` ends with its newline."""
        self._waiting.append(text)
        if self._soon is None:
            self._flush()
        elif len(self._waiting) == 1:
            self._soon(self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting or self._fd is None:
            return
        lines = "".join(waiting).encode("utf-8", "backslashreplace")
        if self._is_cut:
            lines = b"\n" + lines
        try:
            while lines and (written := os.write(self._fd, lines)):
                self._is_cut = lines[:written][-1:] != b"\n"
                lines = lines[written:]
        except OSError as error:  # a full disk must not end the service; the first loss is told
            if not self._failed:
                journal.log_lost(where=self._path, text=str(error))
            self._failed = True
        else:
            self._failed = False
