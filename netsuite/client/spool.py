"""A body held back until all of it is there: in memory up to a bound, then in a file without a name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

#: Bytes that are held in memory.
MEMORY_MAX = 8 * 1024 * 1024

_PIECE = 256 * 1024


class Spool:
    """Takes a body and gives it back once.  ``memory_max``: 0 for a file from the first byte on.

    The file has no name from the start (O_TMPFILE), or none as soon as it is open: nothing is left of it,
    however we end.  Raises: OSError.
    """

    def __init__(self, memory_max: int = MEMORY_MAX) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=memory_max)  # noqa: SIM115 - closed by ``give``
        if not memory_max:
            self._file.rollover()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self._file.write(data)
        self.size += len(data)

    def give(self, sink: Callable[[bytes], object]) -> None:
        """Give all of it to ``sink``, and be gone."""
        with self._file as file:
            file.seek(0)
            while piece := file.read(_PIECE):
                sink(piece)

    def close(self) -> None:
        """Be gone."""
        self._file.close()


class Whole:
    """A file that is written whole or not at all, beside its place until then.  Raises: OSError.

    What is no regular file (a device, a pipe) is written as it comes.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._draft: str | None = None
        if os.path.exists(path) and not os.path.isfile(path):
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by ``keep`` and ``drop``
            return
        folder, name = os.path.split(os.path.realpath(path))
        fd, self._draft = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder or ".")
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(fd, 0o666 & ~mask)
        self._file = open(fd, "wb", buffering=0)  # noqa: SIM115 - as above

    def write(self, data: bytes) -> None:
        """Write a piece."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def keep(self) -> None:
        """All of it is there: it has its name now."""
        if self._draft is not None:
            os.fsync(self._file.fileno())
        self._file.close()
        if self._draft is not None:
            os.rename(self._draft, os.path.realpath(self.path))
            self._draft = None

    def drop(self) -> None:
        """It was not to be; what stood there stays."""
        self._file.close()
        draft, self._draft = self._draft, None
        if draft is not None:
            os.unlink(draft)
