"""What was written to a log file last, so that nothing is lost when it is copied and then emptied.

logrotate's ``copytruncate`` reads a file to its end, makes the copy safe, and only then empties the original:
what is written in between is in neither (Source: logrotate(8), which warns of it).  We know where in the file
our last lines stood.  When a write lands before the end of the one before, the file was emptied; then the
copy is looked for beside it, a file that has our own bytes at its end, and what lies past that end is given
back to be written once more.  A file that somebody emptied by hand has no such copy, and stays empty.
"""

from __future__ import annotations

import os
import time
from collections import deque

#: Bytes that are kept of what was written last.
TAIL_BYTES = 256 * 1024

#: Seconds for which a file that has nothing of ours may be the copy.
NEW_SECONDS = 60.0


class Tail:
    """The last pieces written to one file, with their places.  ``end``: where the last one ended."""

    __slots__ = ("_pieces", "_size", "end")

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._size = 0
        self.end = 0

    def wrote(self, data: bytes, end: int) -> None:
        """Bytes were written, and end there."""
        self._pieces.append((end - len(data), data))
        self._size += len(data)
        self.end = end
        while self._size > TAIL_BYTES and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft()[1])

    def forget(self) -> None:
        """Begin anew, with another file or after this one was emptied."""
        self._pieces.clear()
        self._size = self.end = 0

    def lacking(self, path: str) -> bytes:
        """Return what the copy that was made of the file at ``path`` lacks; nothing if there is no copy."""
        ends = [end for end in map(self._end_of_copy, _beside(path)) if end is not None]
        return self._from(max(ends)) if ends else b""

    def _end_of_copy(self, path: str) -> int | None:
        """Where a file ends if what it has of our places is what we wrote there; None if it isn't.

        A copy that was made before our first line has nothing of ours; it must be new, then.
        """
        try:
            with open(path, "rb") as file:
                end = file.seek(0, os.SEEK_END)
                if not self._pieces or end > self.end:
                    return None
                if end <= self._pieces[0][0]:
                    is_new = time.time() - os.fstat(file.fileno()).st_ctime < NEW_SECONDS
                    return end if is_new else None
                for at, piece in self._pieces:
                    file.seek(at)
                    if at < end and file.read(len(piece)) != piece[: end - at]:
                        return None
        except OSError:
            return None
        return end

    def _from(self, place: int) -> bytes:
        return b"".join(piece[max(0, place - at) :] for at, piece in self._pieces if at + len(piece) > place)


def _beside(path: str) -> list[str]:
    """Return the files beside one whose names begin as its own does."""
    folder, name = os.path.split(path)
    begin = os.path.splitext(name)[0]
    try:
        with os.scandir(folder or ".") as entries:
            return [
                entry.path
                for entry in entries
                if entry.name != name
                and entry.name.startswith(begin)
                and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []
