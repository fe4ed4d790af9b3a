"""A log file of ours: whole lines, appended, those of one turn of the reactor by one call.

Several processes may share one.  It may be rotated in any way, and no line is lost:

- moved, with or without another in its place: seen within a quarter of a second, or told (``open``);
- copied and emptied: what the copy lacks is written again (``tail``);
- by ourselves, by size and age (``aside``).

A file that can't be opened again, as when its folder is not this user's, leaves us with the one that is open.
A full disk ends nobody's work: what can't be written is lost, and the first loss is told.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable

from netsuite import journal, privilege
from netsuite.aside import NEVER, Rotation, prune, put_aside, span
from netsuite.tail import Tail

#: Mode of a log file: the group may read it, others not.
MODE = 0o640

#: Seconds between two looks whether the file was moved.
LOOK_SECONDS = 0.25

#: Looks that find no file, or none that can be opened, before that is more than a rotation under way.
PATIENCE = 2

#: Seconds until a file that could not be put aside is tried again.
RETRY_SECONDS = 60.0

#: Calls a function on the reactor's next turn.
Soon = Callable[[Callable[[], None]], object]


class LineFile:
    """A file that lines go to.  ``soon``: see `Soon`; without it each line is written at once.

    ``rotation``: when we put it aside by ourselves.
    """

    def __init__(self, path: str, soon: Soon | None = None, rotation: Rotation = NEVER) -> None:
        self._path, self._soon, self._rotation = path, soon, rotation
        self._fd: int | None = None
        self._waiting: list[str] = []
        self._missed = 0
        self._is_cut = self._is_regular = False
        self._identity = (0, 0)
        self._tail = Tail()
        self._span = 0
        self._look_at = self._retry_at = 0.0
        self._absent = 0

    def open(self) -> None:
        """Open the file, or open it again after it was moved.  Raises: OSError; then all is as it was."""
        fd = _opened(self._path)
        self.close()
        state = os.fstat(fd)
        self._fd, self._is_regular, self._absent = fd, stat.S_ISREG(state.st_mode), 0
        if (state.st_dev, state.st_ino) != self._identity:
            self._identity, self._is_cut = (state.st_dev, state.st_ino), False
            self._tail.forget()
        if self._rotation.age:
            self._span = span(state.st_mtime if state.st_size else time.time(), self._rotation.age)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._write(self._taken())
        if self._fd is not None:
            if self._is_regular:
                self._mend(os.fstat(self._fd).st_size)
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
        lines = self._taken()
        now = time.monotonic()
        if lines and self._is_regular and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(now)
        self._write(lines)

    def _taken(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        return "".join(waiting).encode("utf-8", "backslashreplace")

    def _write(self, lines: bytes) -> None:
        if self._is_cut and lines:
            lines = b"\n" + lines
        try:
            while lines and self._fd is not None and (written := os.write(self._fd, lines)):
                self._is_cut = lines[:written][-1:] != b"\n"
                piece, lines = (lines[:written], lines[written:]) if written < len(lines) else (lines, b"")
                if self._is_regular:
                    self._note(piece, os.lseek(self._fd, 0, os.SEEK_CUR))  # with O_APPEND, where it ended
        except OSError as error:  # a full disk must not end the service; the first loss is told
            lost = lines.count(b"\n")
            journal.tally.lost_lines += lost
            missed, self._missed = self._missed, self._missed + lost
            if not missed:
                journal.log_lost(where=self._path, text=str(error))
        else:
            if self._missed and self._fd is not None:
                missed, self._missed = self._missed, 0
                journal.log_back(where=self._path, count=missed)

    def _note(self, written: bytes, end: int) -> None:
        """Keep in mind what was written; see whether the file was emptied before, or is full now."""
        lacking = self._lacking(end - len(written))
        self._tail.wrote(written, end)
        if lacking:
            self._write(lacking)
        if 0 < self._rotation.size <= end:
            self._put_aside(time.monotonic())

    def _mend(self, size: int) -> None:
        """What a copy lacks of a file that was emptied is written again."""
        if lacking := self._lacking(size):
            self._is_cut = False  # the copy has the beginning of the line
            self._write(lacking)

    def _lacking(self, size: int) -> bytes:
        """Return what was written and is in no copy, if its ``size`` tells that the file was emptied."""
        if size >= self._tail.end:
            return b""
        lacking = self._tail.lacking(self._path)
        self._tail.forget()
        return lacking

    # -- whether it is still the file of that name -----------------------------------------------------------

    def _look(self, now: float) -> None:
        try:
            state = os.stat(self._path)
        except OSError:
            self._absent += 1
            if self._absent >= PATIENCE:  # else logrotate may be about to make one
                self._again()
            return
        if (state.st_dev, state.st_ino) != self._identity:
            self._absent += 1
            self._again()
            return
        self._mend(state.st_size)
        if self._rotation.age and state.st_size and span(time.time(), self._rotation.age) != self._span:
            self._put_aside(now)

    def _again(self) -> None:
        """Open what has our name now; if that can't be, go on with what is open and say so once."""
        try:
            self.open()
        except OSError as error:
            if self._absent == PATIENCE:
                journal.log_moved(where=self._path, text=str(error))

    def _put_aside(self, now: float) -> None:
        """Another file has our name; if that can't be, this one grows on."""
        if now < self._retry_at or self._fd is None or os.path.islink(self._path):
            return
        self._retry_at = now + RETRY_SECONDS
        try:
            was_us = put_aside(self._path, self._fd, time.time())
            self.open()
            if was_us:
                prune(self._path, self._rotation.keep)
        except OSError as error:
            journal.log_grows(where=self._path, text=str(error))
        else:
            self._retry_at = 0.0


def _opened(path: str) -> int:
    """Return a descriptor that appends.  Raises: OSError, also for a pipe that nobody reads.

    A file that is made has ``MODE``, whatever the umask, and belongs to whom we become.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, MODE)
        os.fchmod(fd, MODE)
    except FileExistsError:
        try:
            fd = os.open(path, flags | os.O_NOFOLLOW)  # O_CREAT might be refused: proc(5), protected_regular
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return os.open(path, flags | os.O_CREAT, MODE)  # a link's file is given to nobody
    try:
        privilege.give(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd
