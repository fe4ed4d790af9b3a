"""Files that come with a form: kept under random names in a folder of their own, flushed before their entry.

Nothing of a sender's name is used for a file's place.  A file whose entry was never kept (a kill between the
two) is removed at the next start.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsuite import durable, storefile
from netsuite.formsite.entry import File
from netsuite.site.answer import Refusal, Upload
from netsuite.site.tongue import said
from netsuite.storefile import StoreFault

_STORED = re.compile(r"[0-9a-f]{32}\.upload")

#: Seconds that a file may lie there without an entry: its entry may just be on the way.
STRAY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``most``: files of one post; ``size``: bytes of each; ``ends``: of their names, () for any."""

    most: int = 5
    size: int = 4 * 1024 * 1024
    ends: tuple[str, ...] = ()

    def judge(self, upload: Upload) -> None:
        """Nothing, if the file may be kept.  Raises: Refusal 422."""
        name = upload.name[:80]
        if len(upload.content) > self.size:
            raise Refusal(422, said("form.big_file", name=name, n=self.size))
        if self.ends and not upload.name.lower().endswith(tuple(f".{end}" for end in self.ends)):
            raise Refusal(422, said("form.file_kind", name=name, kinds=", ".join(self.ends)))


class Folder:
    """Where the files lie."""

    def __init__(self, path: str) -> None:
        self._path = path

    def prepare(self, known: set[str]) -> None:
        """The folder is there, private, and has no strays.  ``known``: stored names of entries.

        Raises: OSError.
        """
        os.makedirs(self._path, mode=0o700, exist_ok=True)
        for name in os.listdir(self._path):
            if _STORED.fullmatch(name) and name not in known:
                place = os.path.join(self._path, name)
                if time.time() - os.stat(place).st_mtime > STRAY_SECONDS:
                    os.unlink(place)

    def keep(self, uploads: Sequence[Upload]) -> tuple[File, ...]:
        """All of them are on the disk, or none.  Raises: StoreFault."""
        kept: list[File] = []
        try:
            for upload in uploads:
                stored = f"{secrets.token_hex(16)}.upload"
                kept.append(File(upload.field, upload.name, upload.kind, len(upload.content), stored))
                durable.write(os.path.join(self._path, stored), upload.content, replace=True)
        except OSError as error:
            self.remove(file.stored for file in kept)
            raise StoreFault(
                f"{self._path}: a file can't be kept ({error.strerror})",
                is_full=error.errno in storefile.NO_ROOM,
            ) from None
        return tuple(kept)

    def read(self, stored: str) -> bytes | None:
        """A file's content, None if it isn't there."""
        if not _STORED.fullmatch(stored):
            return None
        try:
            with open(os.path.join(self._path, stored), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def remove(self, names: Iterable[str]) -> None:
        """These are gone."""
        for name in names:
            if _STORED.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._path, name))
