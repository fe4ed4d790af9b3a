"""Small files that are there whole or not at all, also after a kill or a loss of power.

The way is the one that file systems promise to keep: a new file beside the place, flushed; its name put into
place in one step; the folder flushed (Source: fsync(2), rename(2)).
"""

from __future__ import annotations

import contextlib
import os
import secrets


def write(path: str, content: bytes, *, replace: bool) -> None:
    """The file at ``path`` has this content, and nobody else may read it (0600).

    ``replace``: it takes the place of one that is there; else that one stays, also if made meanwhile.
    Raises: OSError.
    """
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.rename(draft, path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
    sync_folder(folder or ".")


def sync_folder(folder: str) -> None:
    """What was named, renamed or removed in the folder is so on the disk.  Raises: OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
